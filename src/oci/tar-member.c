/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Single members of a tar file over libarchive, as streams.  Nothing is ever unpacked to disk and no member is held in
 * memory unless it is asked for whole.  The archive is hostile: only tar formats and three compressions are switched
 * on, the number of members and the length of their paths are bounded, links lead nowhere but to other members, and
 * sparse members, whose size costs their author nothing, are refused.
 */

#include "tar-member.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_SIZE ((gsize)128 * 1024)
#define MAX_PATH  512
#define MAX_LINKS 40

struct _ScTar
{
  char *path;
  int fd;
  guint64 size; /* of the file */
  guint8 *buffer;
  GCancellable *cancellable; /* of the call that is under way */

  struct archive *reader; /* (nullable): NULL after an error too */
  guint at;               /* index of the member that the reader comes to next */
  guint serial;           /* of the stream that the reader serves */

  GHashTable *members; /* path -> ScTarMember, owned */
};

static void
member_free (ScTarMember *member)
{
  g_free (member->path);
  g_free (member->target);
  g_free (member);
}

/* (transfer full) (nullable): @path with its "." and ".." resolved, NULL if it is empty, leaves the archive or
 * is too long. @base: (nullable): the member whose directory it is relative to. */
static char *
normalise (const char *base, const char *path)
{
  g_autoptr (GPtrArray) parts = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *dir = base != NULL && *path != '/' ? g_path_get_dirname (base) : NULL;
  g_autofree char *whole = dir != NULL ? g_strconcat (dir, "/", path, NULL) : g_strdup (path);
  g_auto (GStrv) components = NULL;

  if (strlen (whole) > MAX_PATH)
    return NULL;
  components = g_strsplit (whole, "/", -1);
  for (gsize i = 0; components[i] != NULL; i++)
    {
      const char *c = components[i];

      if (*c == '\0' || strcmp (c, ".") == 0)
        continue;
      if (strcmp (c, "..") != 0)
        g_ptr_array_add (parts, g_strdup (c));
      else if (parts->len > 0)
        g_ptr_array_remove_index (parts, parts->len - 1);
      else
        return NULL;
    }
  if (parts->len == 0)
    return NULL;
  g_ptr_array_add (parts, NULL);
  return g_strjoinv ("/", (char **)parts->pdata);
}

static void
close_reader (ScTar *tar)
{
  if (tar->reader != NULL)
    archive_read_free (tar->reader);
  tar->reader = NULL;
}

/* Sets @error to what libarchive says, or to the cancel that made it stop, and ends the reader; always FALSE. */
static gboolean
fail_archive (ScTar *tar, GError **error)
{
  const char *text = archive_error_string (tar->reader);

  if (!g_cancellable_set_error_if_cancelled (tar->cancellable, error))
    {
      if (archive_errno (tar->reader) == EIO)
        sc_fail_errno (error, EIO, "archive %s", tar->path);
      else
        sc_fail (error, SC_ERROR_INVALID, "archive %s: %s", tar->path, text != NULL ? text : "not a tar file");
    }
  close_reader (tar);
  return FALSE;
}

static la_ssize_t
read_block (struct archive *reader, void *data, const void **out)
{
  ScTar *tar = data;
  ssize_t n;

  if (g_cancellable_is_cancelled (tar->cancellable))
    {
      archive_set_error (reader, ECANCELED, "cancelled");
      return ARCHIVE_FATAL;
    }
  do
    n = read (tar->fd, tar->buffer, READ_SIZE);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    {
      archive_set_error (reader, errno, "%s", g_strerror (errno));
      return ARCHIVE_FATAL;
    }
  *out = tar->buffer;
  return n;
}

/* Never goes beyond the end, where a file that was cut off would look like one that ends there. */
static la_int64_t
skip_block (struct archive *reader, void *data, la_int64_t request)
{
  ScTar *tar = data;
  off_t here = lseek (tar->fd, 0, SEEK_CUR);

  if (here < 0 || (guint64)here >= tar->size || request <= 0)
    return 0;
  request = MIN (request, (la_int64_t)tar->size - here);
  return lseek (tar->fd, request, SEEK_CUR) < 0 ? 0 : request;
}

/* Puts a new reader at the beginning of the archive. */
static gboolean
rewind_reader (ScTar *tar, GError **error)
{
  struct archive *reader;

  close_reader (tar);
  if (lseek (tar->fd, 0, SEEK_SET) < 0)
    return sc_fail_errno (error, errno, "archive %s", tar->path);
  reader = archive_read_new ();
  if (reader == NULL)
    g_error ("out of memory");
  tar->reader = reader;
  tar->at = 0;
  /* What is not built into libarchive would start a program: ARCHIVE_WARN. */
  if (archive_read_support_format_tar (reader) != ARCHIVE_OK || archive_read_support_filter_gzip (reader) != ARCHIVE_OK
      || archive_read_support_filter_zstd (reader) != ARCHIVE_OK
      || archive_read_support_filter_xz (reader) != ARCHIVE_OK
      || archive_read_open2 (reader, tar, NULL, read_block, skip_block, NULL) != ARCHIVE_OK)
    return fail_archive (tar, error);
  return TRUE;
}

/* Goes to the next member; *out_entry is NULL at the end. */
static gboolean
next_entry (ScTar *tar, struct archive_entry **out_entry, GError **error)
{
  int r = archive_read_next_header (tar->reader, out_entry);

  if (r == ARCHIVE_EOF)
    *out_entry = NULL;
  else if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
    return fail_archive (tar, error);
  else
    tar->at++;
  return TRUE;
}

static const char *
entry_path (struct archive_entry *entry)
{
  const char *path = archive_entry_pathname (entry);

  return path != NULL ? path : archive_entry_pathname_utf8 (entry);
}

/* (transfer full) (nullable): the member of @path that @entry, the current one, is. */
static ScTarMember *
make_member (ScTar *tar, struct archive_entry *entry, char *path, GError **error)
{
  ScTarMember *member = g_new0 (ScTarMember, 1);
  const char *hardlink = archive_entry_hardlink (entry);
  const char *symlink = archive_entry_symlink (entry);
  la_ssize_t n;

  member->index = tar->at - 1;
  member->path = path;
  if (hardlink != NULL)
    member->target = normalise (NULL, hardlink);
  else if (archive_entry_filetype (entry) == AE_IFLNK)
    member->target = symlink != NULL ? normalise (path, symlink) : NULL;
  else if (archive_entry_filetype (entry) == AE_IFREG && archive_entry_size (entry) >= 0
           && archive_entry_sparse_count (entry) == 0)
    {
      member->data = TRUE;
      member->size = (guint64)archive_entry_size (entry);
      n = archive_read_data (tar->reader, member->start, SC_TAR_START_SIZE);
      if (n < 0)
        {
          fail_archive (tar, error);
          member_free (member);
          return NULL;
        }
      member->n_start = (guint)n;
    }
  return member;
}

static gboolean
list_members (ScTar *tar, GError **error)
{
  struct archive_entry *entry;

  if (!rewind_reader (tar, error))
    return FALSE;
  while (TRUE)
    {
      g_autofree char *path = NULL;
      ScTarMember *member;

      if (!next_entry (tar, &entry, error))
        return FALSE;
      if (entry == NULL)
        return TRUE;
      if (tar->at > SC_TAR_MAX_MEMBERS)
        return sc_fail (error, SC_ERROR_LIMIT, "archive %s: more than %d members", tar->path, SC_TAR_MAX_MEMBERS);
      if (entry_path (entry) != NULL)
        path = normalise (NULL, entry_path (entry));
      if (path == NULL)
        continue;
      member = make_member (tar, entry, g_steal_pointer (&path), error);
      if (member == NULL)
        return FALSE;
      g_hash_table_replace (tar->members, member->path, member);
    }
}

ScTar *
sc_tar_open (const char *path, GCancellable *cancellable, GError **error)
{
  g_autoptr (ScTar) tar = g_new0 (ScTar, 1);
  struct stat st;
  gboolean ok;

  tar->path = g_strdup (path);
  tar->buffer = g_malloc (READ_SIZE);
  tar->members = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify)member_free);
  tar->fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (tar->fd < 0 || fstat (tar->fd, &st) < 0)
    return sc_fail_errno_null (error, errno, "archive %s", path);
  if (!S_ISREG (st.st_mode))
    return sc_fail_null (error, SC_ERROR_INVALID, "archive %s: not a regular file", path);
  tar->size = (guint64)st.st_size;
  tar->cancellable = cancellable;
  ok = list_members (tar, error);
  tar->cancellable = NULL;
  return ok ? g_steal_pointer (&tar) : NULL;
}

void
sc_tar_free (ScTar *tar)
{
  if (tar == NULL)
    return;
  close_reader (tar);
  sc_close_fd_p (&tar->fd);
  g_clear_pointer (&tar->members, g_hash_table_unref);
  g_free (tar->buffer);
  g_free (tar->path);
  g_free (tar);
}

const ScTarMember *
sc_tar_find (ScTar *tar, const char *path, GError **error)
{
  g_autofree char *start = normalise (NULL, path);
  const ScTarMember *member = start != NULL ? g_hash_table_lookup (tar->members, start) : NULL;

  for (guint links = 0; member != NULL && member->target != NULL; links++)
    {
      if (links == MAX_LINKS)
        return sc_fail_null (error, SC_ERROR_INVALID, "archive %s: member %s: too many links", tar->path, path);
      member = g_hash_table_lookup (tar->members, member->target);
    }
  if (member == NULL)
    return sc_fail_null (error, SC_ERROR_NOT_FOUND, "archive %s: it has no member %s", tar->path, path);
  if (!member->data)
    return sc_fail_null (error, SC_ERROR_INVALID, "archive %s: member %s is not a plain file", tar->path, path);
  return member;
}

/* The stream of one member. */
typedef struct
{
  GInputStream parent;
  ScTar *tar;
  guint serial;
  guint64 left;
} ScTarStream;

typedef GInputStreamClass ScTarStreamClass;

static GType sc_tar_stream_get_type (void);
G_DEFINE_TYPE (ScTarStream, sc_tar_stream, G_TYPE_INPUT_STREAM)

static gssize
stream_read (GInputStream *stream, void *buffer, gsize count, GCancellable *cancellable, GError **error)
{
  ScTarStream *self = (ScTarStream *)stream;
  ScTar *tar = self->tar;
  la_ssize_t n;

  if (self->left == 0)
    return 0;
  if (tar->reader == NULL || tar->serial != self->serial)
    {
      sc_fail (error, SC_ERROR_FAILED, "archive %s: read on after an error or another member", tar->path);
      return -1;
    }
  tar->cancellable = cancellable;
  n = archive_read_data (tar->reader, buffer, (gsize)MIN (count, self->left));
  if (n < 0)
    fail_archive (tar, error);
  else if (n == 0)
    sc_fail (error, SC_ERROR_INVALID, "archive %s: a member ends too soon", tar->path);
  tar->cancellable = NULL;
  if (n <= 0)
    return -1;
  self->left -= (guint64)n;
  return n;
}

static void
sc_tar_stream_class_init (ScTarStreamClass *klass)
{
  klass->read_fn = stream_read;
}

static void
sc_tar_stream_init (ScTarStream *self)
{
}

static gboolean
go_to_member (ScTar *tar, const ScTarMember *member, GError **error)
{
  struct archive_entry *entry = NULL;

  if ((tar->reader == NULL || tar->at > member->index) && !rewind_reader (tar, error))
    return FALSE;
  while (tar->at <= member->index)
    {
      if (!next_entry (tar, &entry, error))
        return FALSE;
      if (entry == NULL)
        break;
    }
  if (entry == NULL || archive_entry_filetype (entry) != AE_IFREG
      || archive_entry_size (entry) != (la_int64_t)member->size || archive_entry_sparse_count (entry) != 0)
    return sc_fail (error, SC_ERROR_INVALID, "archive %s: it changed while it was read", tar->path);
  return TRUE;
}

GInputStream *
sc_tar_open_member (ScTar *tar, const ScTarMember *member, GCancellable *cancellable, GError **error)
{
  ScTarStream *stream;
  gboolean ok;

  tar->serial++;
  tar->cancellable = cancellable;
  ok = go_to_member (tar, member, error);
  tar->cancellable = NULL;
  if (!ok)
    return NULL;
  stream = g_object_new (sc_tar_stream_get_type (), NULL);
  stream->tar = tar;
  stream->serial = tar->serial;
  stream->left = member->size;
  return G_INPUT_STREAM (stream);
}

GBytes *
sc_tar_read_member (ScTar *tar, const ScTarMember *member, gsize max, GCancellable *cancellable, GError **error)
{
  g_autoptr (GInputStream) stream = NULL;
  g_autofree guint8 *data = NULL;
  gsize n;

  if (member->size > max)
    return sc_fail_null (error, SC_ERROR_LIMIT, "archive %s: member %s: larger than %zu bytes", tar->path, member->path,
                         max);
  stream = sc_tar_open_member (tar, member, cancellable, error);
  if (stream == NULL)
    return NULL;
  /* The stream ends neither sooner nor later than the member. */
  data = g_malloc (MAX (member->size, 1));
  if (!g_input_stream_read_all (stream, data, member->size, &n, cancellable, error))
    return NULL;
  return g_bytes_new_take (g_steal_pointer (&data), n);
}
