/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reading a tar file over libarchive, from a file or from a stream that can be asked for once more.  The archive is
 * hostile: only tar formats and three compressions are switched on, and none of them starts a program.
 */

#include "tar-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_SIZE   ((gsize)128 * 1024)
#define TRAILER_MAX ((guint64)4 * 1024 * 1024)

gboolean
sc_tar_reader_init_file (ScTarReader *reader, const char *path, GError **error)
{
  struct stat st;

  reader->name = g_strdup (path);
  reader->buffer = g_malloc (READ_SIZE);
  reader->fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (reader->fd < 0 || fstat (reader->fd, &st) < 0)
    return sc_fail_errno (error, errno, "archive %s", path);
  if (!S_ISREG (st.st_mode))
    return sc_fail (error, SC_ERROR_INVALID, "archive %s: not a regular file", path);
  reader->size = (guint64)st.st_size;
  return TRUE;
}

void
sc_tar_reader_init_stream (ScTarReader *reader, const char *name, ScTarOpenFunc open, gpointer data)
{
  reader->name = g_strdup (name);
  reader->buffer = g_malloc (READ_SIZE);
  reader->fd = -1;
  reader->open = open;
  reader->open_data = data;
}

/* The stream goes first: whoever made it gives one at a time. */
static void
close_archive (ScTarReader *reader)
{
  g_clear_pointer (&reader->archive, archive_read_free);
  if (reader->stream != NULL)
    (void)g_input_stream_close (reader->stream, NULL, NULL);
  g_clear_object (&reader->stream);
}

void
sc_tar_reader_clear (ScTarReader *reader)
{
  close_archive (reader);
  sc_close_fd_p (&reader->fd);
  g_clear_error (&reader->failure);
  g_free (reader->buffer);
  g_free (reader->name);
}

/* Sets @error to what the stream said, to what libarchive says, or to the cancel that made it stop, and ends the
 * reader; always FALSE. */
static gboolean
fail_archive (ScTarReader *reader, GError **error)
{
  const char *text = archive_error_string (reader->archive);

  if (reader->failure != NULL)
    g_propagate_error (error, g_steal_pointer (&reader->failure));
  else if (!g_cancellable_set_error_if_cancelled (reader->cancellable, error))
    {
      if (archive_errno (reader->archive) == EIO)
        sc_fail_errno (error, EIO, "archive %s", reader->name);
      else
        sc_fail (error, SC_ERROR_INVALID, "archive %s: %s", reader->name, text != NULL ? text : "not a tar file");
    }
  close_archive (reader);
  return FALSE;
}

static la_ssize_t
read_block (struct archive *archive, void *data, const void **out)
{
  ScTarReader *reader = data;
  gssize n;

  if (g_cancellable_is_cancelled (reader->cancellable))
    {
      archive_set_error (archive, ECANCELED, "cancelled");
      return ARCHIVE_FATAL;
    }
  *out = reader->buffer;
  if (reader->stream != NULL)
    {
      g_clear_error (&reader->failure);
      n = g_input_stream_read (reader->stream, reader->buffer, READ_SIZE, reader->cancellable, &reader->failure);
      if (n < 0)
        archive_set_error (archive, ECANCELED, "the stream failed");
      return n < 0 ? ARCHIVE_FATAL : n;
    }
  do
    n = read (reader->fd, reader->buffer, READ_SIZE);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    {
      archive_set_error (archive, errno, "%s", g_strerror (errno));
      return ARCHIVE_FATAL;
    }
  return n;
}

/* Never goes beyond the end, where a file that was cut off would look like one that ends there. */
static la_int64_t
skip_block (struct archive *archive, void *data, la_int64_t request)
{
  ScTarReader *reader = data;
  off_t here;

  if (reader->fd < 0)
    return 0;
  here = lseek (reader->fd, 0, SEEK_CUR);
  if (here < 0 || (guint64)here >= reader->size || request <= 0)
    return 0;
  request = MIN (request, (la_int64_t)reader->size - here);
  return lseek (reader->fd, request, SEEK_CUR) < 0 ? 0 : request;
}

gboolean
sc_tar_reader_rewind (ScTarReader *reader, GError **error)
{
  struct archive *archive;

  close_archive (reader);
  g_clear_error (&reader->failure);
  if (reader->open != NULL)
    {
      reader->stream = reader->open (reader->open_data, reader->cancellable, error);
      if (reader->stream == NULL)
        return FALSE;
    }
  else if (lseek (reader->fd, 0, SEEK_SET) < 0)
    return sc_fail_errno (error, errno, "archive %s", reader->name);
  archive = archive_read_new ();
  if (archive == NULL)
    g_error ("out of memory");
  reader->archive = archive;
  reader->at = 0;
  /* What is not built into libarchive would start a program: ARCHIVE_WARN. */
  if (archive_read_support_format_tar (archive) != ARCHIVE_OK
      || archive_read_support_filter_gzip (archive) != ARCHIVE_OK
      || archive_read_support_filter_zstd (archive) != ARCHIVE_OK
      || archive_read_support_filter_xz (archive) != ARCHIVE_OK
      || archive_read_open2 (archive, reader, NULL, read_block, skip_block, NULL) != ARCHIVE_OK)
    return fail_archive (reader, error);
  return TRUE;
}

gboolean
sc_tar_reader_is_costly (const ScTarReader *reader)
{
  return reader->open != NULL
         || (reader->archive != NULL && archive_filter_code (reader->archive, 0) != ARCHIVE_FILTER_NONE);
}

gboolean
sc_tar_reader_next (ScTarReader *reader, struct archive_entry **out_entry, GError **error)
{
  int r = archive_read_next_header (reader->archive, out_entry);

  if (r == ARCHIVE_EOF)
    *out_entry = NULL;
  else if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
    return fail_archive (reader, error);
  else
    reader->at++;
  return TRUE;
}

gssize
sc_tar_reader_read (ScTarReader *reader, void *buffer, gsize count, GError **error)
{
  la_ssize_t n = archive_read_data (reader->archive, buffer, count);

  if (n < 0)
    fail_archive (reader, error);
  return n < 0 ? -1 : n;
}

gboolean
sc_tar_reader_finish (ScTarReader *reader, GError **error)
{
  guint64 total = 0;
  gssize n;

  if (reader->stream == NULL)
    return TRUE;
  do
    {
      n = g_input_stream_read (reader->stream, reader->buffer, READ_SIZE, reader->cancellable, error);
      if (n < 0)
        return FALSE;
      total += (guint64)n;
    }
  while (n > 0 && total < TRAILER_MAX);
  close_archive (reader);
  return TRUE;
}
