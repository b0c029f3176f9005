/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Content and metadata objects (OSTree, "Anatomy of an OSTree repository").  The checksum of a content object is over
 * a header (owner, mode, link target, xattrs) and the bytes; it must be known before libostree takes the
 * object, or libostree computes it again, six times slower than libcrypto.  A small file is gathered in memory first. A
 * large one is written, while it is hashed, into a private bare repository below tmp/, in the form that a bare object
 * has, and then imported by a hard link: its bytes are written once.
 */
#include "object-writer.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fs.h"
#include "space.h"

#define SPACE_STEP     (16 * 1024 * 1024)
#define STAGING_PREFIX "staging-"
#define LOCK_SUFFIX    "-lock"

struct _ScObjectWriter
{
  OstreeRepo *repo;
  ScSha256 *sum;
  GHashTable *dirmetas; /* GBytes of the variant -> checksum (32 bytes) that were written */

  /* the file on its way */
  GByteArray *buffer; /* header and, of a small file, content */
  gboolean large;
  guint64 size, written;
  ScObjectMeta meta;            /* of a large file; xattrs owned */
  int fd;                       /* of a large file */
  OstreeContentWriter *regfile; /* of a large file where objects are not plain files */
  gboolean hole;                /* its end is a hole */
  gsize checked;                /* bytes that may be written before the free space is looked at again */

  /* the private repository */
  char *private_name; /* below tmp/ */
  int private_lock;
  OstreeRepo *private_repo;
};

ScObjectWriter *
sc_object_writer_new (OstreeRepo *repo)
{
  ScObjectWriter *w = g_new0 (ScObjectWriter, 1);

  w->repo = g_object_ref (repo);
  w->sum = sc_sha256_new ();
  w->dirmetas = g_hash_table_new_full (g_bytes_hash, g_bytes_equal, (GDestroyNotify)g_bytes_unref, g_free);
  w->buffer = g_byte_array_sized_new (SC_OBJECT_BUFFER + 4096);
  w->fd = w->private_lock = -1;
  return w;
}

static void
drop_file (ScObjectWriter *w)
{
  sc_close_fd_p (&w->fd);
  w->fd = -1;
  g_clear_object (&w->regfile);
  g_clear_pointer (&w->meta.xattrs, g_variant_unref);
}

void
sc_object_writer_free (ScObjectWriter *w)
{
  drop_file (w);
  g_clear_object (&w->private_repo);
  if (w->private_name != NULL)
    {
      g_autoptr (GError) ignored = NULL; /* sc_object_writer_clean() comes by again */

      if (!sc_fs_remove_tree_at (ostree_repo_get_dfd (w->repo), w->private_name, &ignored))
        g_debug ("%s", ignored->message);
    }
  sc_close_fd_p (&w->private_lock);
  g_free (w->private_name);
  g_byte_array_unref (w->buffer);
  g_hash_table_unref (w->dirmetas);
  sc_sha256_free (w->sum);
  g_object_unref (w->repo);
  g_free (w);
}

/* Hands the buffer, a whole content object, to libostree. */
static gboolean
write_buffer (ScObjectWriter *w, guint8 out[SC_SHA256_SIZE], GCancellable *cancellable, GError **error)
{
  g_autoptr (GInputStream) stream = NULL;
  char hex[SC_SHA256_HEX + 1];

  sc_sha256_reset (w->sum);
  sc_sha256_update (w->sum, w->buffer->data, w->buffer->len);
  sc_sha256_finish (w->sum, out);
  sc_digest_to_hex (out, hex);
  stream = g_memory_input_stream_new_from_data (w->buffer->data, w->buffer->len, NULL);
  return ostree_repo_write_content (w->repo, hex, stream, w->buffer->len, NULL, cancellable, error);
}

gboolean
sc_object_writer_dirmeta (ScObjectWriter *w, const ScObjectMeta *meta, guint8 out[SC_SHA256_SIZE],
                          GCancellable *cancellable, GError **error)
{
  g_autoptr (GVariant) variant = sc_object_dirmeta (meta);
  g_autoptr (GBytes) bytes = g_variant_get_data_as_bytes (variant);
  const guint8 *known = g_hash_table_lookup (w->dirmetas, bytes);
  g_autofree guchar *checksum = NULL;

  if (known == NULL)
    {
      if (!ostree_repo_write_metadata (w->repo, OSTREE_OBJECT_TYPE_DIR_META, NULL, variant, &checksum, cancellable,
                                       error))
        return FALSE;
      known = checksum;
      g_hash_table_insert (w->dirmetas, g_bytes_ref (bytes), g_steal_pointer (&checksum));
    }
  memcpy (out, known, SC_SHA256_SIZE);
  return TRUE;
}

gboolean
sc_object_writer_symlink (ScObjectWriter *w, const ScObjectMeta *meta, const char *target, guint8 out[SC_SHA256_SIZE],
                          GCancellable *cancellable, GError **error)
{
  return sc_object_header (w->buffer, meta, target, error) && write_buffer (w, out, cancellable, error);
}

int
sc_object_writer_guard (OstreeRepo *repo, GError **error)
{
  int tmp = sc_fs_open_dir_at (ostree_repo_get_dfd (repo), "tmp", error);

  while (tmp >= 0 && flock (tmp, LOCK_EX) != 0)
    if (errno != EINTR)
      {
        sc_fail_errno (error, errno, "cannot lock tmp");
        close (tmp);
        return -1;
      }
  return tmp;
}

/* A small bare repository of our own below tmp/, locked while we live. */
static gboolean
open_private (ScObjectWriter *w, GCancellable *cancellable, GError **error)
{
  int dfd = ostree_repo_get_dfd (w->repo);

  SC_AUTOFD int guard = -1;

  if (w->private_repo != NULL)
    return TRUE;
  guard = sc_object_writer_guard (w->repo, error);
  if (guard < 0)
    return FALSE;
  w->private_name = sc_fs_make_temp_dir_at (dfd, "tmp/" SC_OBJECT_PRIVATE_PREFIX, error);
  if (w->private_name == NULL)
    return FALSE;
  w->private_lock = sc_fs_open_dir_at (dfd, w->private_name, error);
  if (w->private_lock < 0)
    return FALSE;
  if (flock (w->private_lock, LOCK_EX | LOCK_NB) != 0)
    return sc_fail_errno (error, errno, "cannot lock %s", w->private_name);
  w->private_repo = ostree_repo_create_at (dfd, w->private_name, OSTREE_REPO_MODE_BARE, NULL, cancellable, error);
  return w->private_repo != NULL;
}

/* libostree keeps a part of the file system free; what goes past its writer keeps to that too. */
static gboolean
check_space (ScObjectWriter *w, guint64 size, GError **error)
{
  guint64 reserve, free_bytes;

  if (!sc_space_free (ostree_repo_get_dfd (w->repo), &free_bytes))
    return sc_fail_errno (error, errno, "cannot tell the free space");
  reserve = sc_space_reserve (w->repo);
  if (free_bytes < reserve || size > free_bytes - reserve)
    {
      g_autofree char *need = g_format_size (size), *have = g_format_size (free_bytes), *keep = g_format_size (reserve);

      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE, "no space left: a file of %s, %s free of which %s are kept",
                   need, have, keep);
      return FALSE;
    }
  return TRUE;
}

static gboolean
begin_large (ScObjectWriter *w, const ScObjectMeta *meta, GCancellable *cancellable, GError **error)
{
  sc_sha256_reset (w->sum);
  sc_sha256_update (w->sum, w->buffer->data, w->buffer->len);
  w->meta = *meta;
  if (meta->xattrs != NULL)
    w->meta.xattrs = g_variant_ref (meta->xattrs);
  if (ostree_repo_get_mode (w->repo) != OSTREE_REPO_MODE_BARE)
    {
      w->regfile =
          ostree_repo_write_regfile (w->repo, NULL, meta->uid, meta->gid, meta->mode, w->size, meta->xattrs, error);
      return w->regfile != NULL;
    }
  if (!open_private (w, cancellable, error))
    return FALSE;
  w->checked = 0;
  w->fd = openat (w->private_lock, "objects/new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  return w->fd >= 0 || sc_fail_errno (error, errno, "cannot create an object");
}

gboolean
sc_object_writer_begin (ScObjectWriter *w, const ScObjectMeta *meta, guint64 size, GCancellable *cancellable,
                        GError **error)
{
  drop_file (w);
  w->size = size;
  w->written = 0;
  w->hole = FALSE;
  w->large = size > SC_OBJECT_BUFFER;
  return sc_object_header (w->buffer, meta, "", error) && (!w->large || begin_large (w, meta, cancellable, error));
}

static gboolean
put_data (ScObjectWriter *w, const void *data, gsize size, GCancellable *cancellable, GError **error)
{
  if (!w->large)
    g_byte_array_append (w->buffer, data, (guint)size);
  else if (w->regfile != NULL)
    return g_output_stream_write_all (G_OUTPUT_STREAM (w->regfile), data, size, NULL, cancellable, error);
  else
    {
      if (size > w->checked)
        {
          if (!check_space (w, MAX (size, SPACE_STEP), error))
            return FALSE;
          w->checked = MAX (size, SPACE_STEP);
        }
      w->checked -= size;
      sc_sha256_update (w->sum, data, size);
      return sc_fs_write_all (w->fd, data, size, error);
    }
  return TRUE;
}

static gboolean
count (ScObjectWriter *w, guint64 size, GError **error)
{
  if (size > w->size - w->written)
    return sc_fail (error, SC_ERROR_INVALID, "more content than its size says");
  w->written += size;
  return TRUE;
}

gboolean
sc_object_writer_data (ScObjectWriter *w, const void *data, gsize size, GCancellable *cancellable, GError **error)
{
  w->hole = FALSE;
  return count (w, size, error) && put_data (w, data, size, cancellable, error);
}

gboolean
sc_object_writer_zeros (ScObjectWriter *w, guint64 size, GCancellable *cancellable, GError **error)
{
  static const guint8 zeros[64 * 1024];

  if (!count (w, size, error))
    return FALSE;
  if (w->fd >= 0 && size > 0)
    {
      if (lseek (w->fd, (off_t)size, SEEK_CUR) < 0)
        return sc_fail_errno (error, errno, "cannot seek");
      w->hole = TRUE;
    }
  while (size > 0)
    {
      gsize n = MIN (size, sizeof zeros);

      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return FALSE;
      if (w->fd >= 0)
        sc_sha256_update (w->sum, zeros, n);
      else if (!put_data (w, zeros, n, cancellable, error))
        return FALSE;
      size -= n;
    }
  return TRUE;
}

gboolean
sc_object_set_xattrs (int fd, GVariant *xattrs, GError **error)
{
  for (gsize i = 0; i < g_variant_n_children (xattrs); i++)
    {
      g_autoptr (GVariant) value = NULL;
      const char *name;
      gconstpointer data;
      gsize size;

      g_variant_get_child (xattrs, i, "(^&ay@ay)", &name, &value);
      data = g_variant_get_fixed_array (value, &size, 1);
      if (fsetxattr (fd, name, data, size, 0) != 0)
        return sc_fail_errno (error, errno, "cannot set %s", name);
    }
  return TRUE;
}

/* Gives the file the owner, mode and attributes of the object that it is. */
static gboolean
apply_meta (int fd, const ScObjectMeta *meta, guint64 size, gboolean hole, GError **error)
{
  static const struct timespec epoch[2] = { { 0, 0 }, { 0, 0 } };

  if (hole && ftruncate (fd, (off_t)size) != 0)
    return sc_fail_errno (error, errno, "cannot set the size");
  if (fchown (fd, meta->uid, meta->gid) != 0)
    return sc_fail_errno (error, errno, "cannot set the owner");
  if (fchmod (fd, meta->mode & 07777) != 0)
    return sc_fail_errno (error, errno, "cannot set the mode");
  if (meta->xattrs != NULL && !sc_object_set_xattrs (fd, meta->xattrs, error))
    return FALSE;
  if (futimens (fd, epoch) != 0)
    return sc_fail_errno (error, errno, "cannot set the time");
  return TRUE;
}

static gboolean
import_large (ScObjectWriter *w, const char *hex, GCancellable *cancellable, GError **error)
{
  char dir[sizeof "objects/00"], path[sizeof "objects/00/" + SC_SHA256_HEX + sizeof ".file"];

  g_snprintf (dir, sizeof dir, "objects/%.2s", hex);
  g_snprintf (path, sizeof path, "%s/%s.file", dir, hex + 2);
  if (!apply_meta (w->fd, &w->meta, w->size, w->hole, error))
    return FALSE;
  if (mkdirat (w->private_lock, dir, 0755) != 0 && errno != EEXIST)
    return sc_fail_errno (error, errno, "cannot create %s", dir);
  if (renameat (w->private_lock, "objects/new", w->private_lock, path) != 0)
    return sc_fail_errno (error, errno, "cannot rename an object");
  if (!ostree_repo_import_object_from_with_trust (w->repo, w->private_repo, OSTREE_OBJECT_TYPE_FILE, hex, TRUE,
                                                  cancellable, error))
    return FALSE;
  return sc_fs_unlink_at (w->private_lock, path, error);
}

gboolean
sc_object_writer_end (ScObjectWriter *w, guint8 out[SC_SHA256_SIZE], GCancellable *cancellable, GError **error)
{
  char hex[SC_SHA256_HEX + 1];
  gboolean ok = TRUE;

  if (w->written != w->size)
    return sc_fail (error, SC_ERROR_INVALID, "less content than its size says");
  if (!w->large)
    return write_buffer (w, out, cancellable, error);
  if (w->regfile != NULL)
    {
      g_autofree char *checksum = ostree_content_writer_finish (w->regfile, cancellable, error);

      ok = checksum != NULL;
      if (ok)
        ostree_checksum_inplace_to_bytes (checksum, out);
    }
  else
    {
      sc_sha256_finish (w->sum, out);
      sc_digest_to_hex (out, hex);
      ok = import_large (w, hex, cancellable, error);
    }
  drop_file (w);
  return ok;
}

/* Takes libostree's lock of a staging directory, as libostree would; FALSE if somebody holds it. */
static gboolean
lock_staging (int tmp, const char *lock, int *out)
{
  struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

  *out = openat (tmp, lock, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  return *out < 0 ? errno == ENOENT : fcntl (*out, F_OFD_SETLK, &fl) == 0;
}

static gboolean
lock_private (int tmp, const char *name, int *out)
{
  *out = openat (tmp, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  return *out >= 0 && flock (*out, LOCK_EX | LOCK_NB) == 0;
}

/* TRUE if @name in tmp/ was left by somebody who is dead; @out_lock: held until it is removed. Nobody begins while we
 * have the guard, so a directory without a lock, and a lock without a directory, are nobody's. */
static gboolean
is_stale (int tmp, const char *name, int *out_lock)
{
  g_autofree char *lock = NULL;

  if (g_str_has_prefix (name, SC_OBJECT_PRIVATE_PREFIX "."))
    return lock_private (tmp, name, out_lock);
  if (!g_str_has_prefix (name, STAGING_PREFIX))
    return FALSE;
  lock = g_str_has_suffix (name, LOCK_SUFFIX) ? g_strdup (name) : g_strconcat (name, LOCK_SUFFIX, NULL);
  return lock_staging (tmp, lock, out_lock);
}

gboolean
sc_object_writer_find_stale (int tmp, GPtrArray *out, GError **error)
{
  g_auto (GStrv) names = sc_fs_list_dir_at (tmp, ".", error);

  for (guint i = 0; names != NULL && names[i] != NULL; i++)
    {
      SC_AUTOFD int lock = -1;

      if (is_stale (tmp, names[i], &lock))
        g_ptr_array_add (out, g_strdup (names[i]));
    }
  return names != NULL;
}

gboolean
sc_object_writer_clean_guarded (OstreeRepo *repo, int tmp, GError **error)
{
  g_auto (GStrv) names = sc_fs_list_dir_at (tmp, ".", error);

  /* Sorted: a directory comes before its lock. */
  for (guint i = 0; names != NULL && names[i] != NULL; i++)
    {
      SC_AUTOFD int lock = -1;

      if (is_stale (tmp, names[i], &lock) && !sc_fs_remove_tree_at (tmp, names[i], error))
        return FALSE;
    }
  return names != NULL;
}

gboolean
sc_object_writer_clean (OstreeRepo *repo, GError **error)
{
  SC_AUTOFD int guard = sc_object_writer_guard (repo, error);

  return guard >= 0 && sc_object_writer_clean_guarded (repo, guard, error);
}
