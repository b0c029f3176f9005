/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Putting files on the host.  What is new is made beside its place under a temporary name, flushed, and renamed.
 *
 * Nothing here knows of containers.
 */
#include "put-file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "digest.h"
#include "fs.h"
#include "selinux-label.h"

#define BUFFER_SIZE (256 * 1024)
#define CAPABILITY  "security.capability"
/* What a repository without root notes there is not the file's. */
#define OSTREE_NOTE "user.ostreemeta"
#define TEMP_TRIES  100

/* -- places -- */

static gboolean
is_missing (const GError *error)
{
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND)
         || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_DIRECTORY);
}

/* The directory of @path; -1 without error if there is none and @out_missing is not NULL. */
static int
open_parent (int root, const char *path, gboolean *out_missing, GError **error)
{
  g_autofree char *parent = g_path_get_dirname (path);
  g_autoptr (GError) local = NULL;
  int fd = sc_fs_open_in_root (root, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, &local);

  if (out_missing != NULL)
    *out_missing = fd < 0 && is_missing (local);
  if (fd < 0 && (out_missing == NULL || !*out_missing))
    g_propagate_error (error, g_steal_pointer (&local));
  return fd;
}

static const char *
last_name (const char *path)
{
  return strrchr (path, '/') + 1;
}

char *
sc_host_place (int root, const char *path, GError **error)
{
  g_autofree char *above = g_path_get_dirname (path);

  if (*path != '/')
    return sc_fail_null (error, SC_ERROR_INVALID, "'%s' is no absolute path", path);
  for (;;)
    {
      g_autoptr (GError) local = NULL;
      SC_AUTOFD int fd = sc_fs_open_in_root (root, above, O_PATH | O_DIRECTORY | O_CLOEXEC, 0, &local);
      gsize length = strcmp (above, "/") == 0 ? 0 : strlen (above);
      struct stat st;

      if (fd >= 0 && fstat (fd, &st) == 0)
        return g_strdup_printf ("%llu:%llu%s", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino,
                                path + length);
      if (fd >= 0)
        return sc_fail_errno_null (error, errno, "%s", above);
      if (!is_missing (local) || length == 0)
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return NULL;
        }
      g_autofree char *parent = g_path_get_dirname (above);
      g_free (above);
      above = g_steal_pointer (&parent);
    }
}

/* -- what is there -- */

void
sc_host_file_clear (ScHostFile *file)
{
  g_clear_pointer (&file->checksum, g_free);
  g_clear_pointer (&file->attributes, g_free);
  file->st.st_mode = 0;
}

/* (transfer full) (nullable) */
static char *
finish_sum (ScSha256 *sum)
{
  guint8 digest[SC_SHA256_SIZE];
  char hex[SC_SHA256_HEX + 1];

  sc_sha256_finish (sum, digest);
  sc_digest_to_hex (digest, hex);
  return g_strdup (hex);
}

static char *
sum_file (int fd, const char *path, GError **error)
{
  g_autoptr (ScSha256) sum = sc_sha256_new ();
  g_autofree guint8 *buffer = g_malloc (BUFFER_SIZE);

  for (;;)
    {
      ssize_t n = read (fd, buffer, BUFFER_SIZE);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return sc_fail_errno_null (error, errno, "%s", path);
      if (n == 0)
        return finish_sum (sum);
      sc_sha256_update (sum, buffer, (gsize)n);
    }
}

static char *
describe (const struct stat *st, int fd)
{
  g_autoptr (GString) text = g_string_new (NULL);
  guint8 value[256];
  ssize_t n = fd >= 0 ? fgetxattr (fd, CAPABILITY, value, sizeof value) : 0;

  g_string_printf (text, "%o %u %u ", st->st_mode & 07777, st->st_uid, st->st_gid);
  for (ssize_t i = 0; i < n; i++)
    g_string_append_printf (text, "%02x", value[i]);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static gboolean
look_regular (int dfd, const char *path, ScHostFile *out, GError **error)
{
  SC_AUTOFD int fd = openat (dfd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

  if (fd < 0 || fstat (fd, &out->st) != 0)
    return sc_fail_errno (error, errno, "%s", path);
  /* It may have become something else meanwhile. */
  if (S_ISREG (out->st.st_mode) && (out->checksum = sum_file (fd, path, error)) == NULL)
    return FALSE;
  out->attributes = describe (&out->st, fd);
  return TRUE;
}

gboolean
sc_host_file_look_at (int dfd, const char *path, ScHostFile *out, GError **error)
{
  g_auto (ScHostFile) file = { 0 };

  *out = (ScHostFile){ 0 };
  if (fstatat (dfd, path, &file.st, AT_SYMLINK_NOFOLLOW) != 0)
    return errno == ENOENT || errno == ENOTDIR || sc_fail_errno (error, errno, "%s", path);
  if (S_ISREG (file.st.st_mode))
    {
      if (!look_regular (dfd, path, &file, error))
        return FALSE;
    }
  else if (S_ISLNK (file.st.st_mode))
    {
      g_autofree char *target = sc_fs_read_link_at (dfd, path, error);
      g_autoptr (ScSha256) sum = sc_sha256_new ();

      if (target == NULL)
        return FALSE;
      sc_sha256_update (sum, target, strlen (target));
      file.checksum = finish_sum (sum);
    }
  if (file.attributes == NULL)
    file.attributes = describe (&file.st, -1);
  *out = file;
  file = (ScHostFile){ 0 };
  return TRUE;
}

gboolean
sc_host_file_look (int root, const char *path, ScHostFile *out, GError **error)
{
  gboolean missing = FALSE;
  SC_AUTOFD int dir = open_parent (root, path, &missing, error);

  *out = (ScHostFile){ 0 };
  if (dir < 0)
    return missing;
  return sc_host_file_look_at (dir, last_name (path), out, error) || sc_prefix (error, "%s", path);
}

char *
sc_host_file_sum_followed (int root, const char *path)
{
  SC_AUTOFD int fd = sc_fs_open_in_root (root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0, NULL);
  struct stat st;

  return fd >= 0 && fstat (fd, &st) == 0 && S_ISREG (st.st_mode) ? sum_file (fd, path, NULL) : NULL;
}

/* -- a file under its temporary name -- */

typedef struct
{
  const ScHost *host;
  const char *path; /* where it is to be, for SELinux and messages */
  int dir;
  char *temp;   /* name in @dir */
  gboolean old; /* the file has other names: it is on disk */
} Put;

static void
put_clear (Put *put)
{
  sc_close_fd_p (&put->dir);
  g_clear_pointer (&put->temp, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Put, put_clear)

static void
next_temp (Put *put)
{
  g_free (put->temp);
  put->temp = sc_fs_temp_name (put->host->stem);
}

static gboolean
copy_symlink (Put *put, int dfd, const char *source, const struct stat *st, GError **error)
{
  g_autofree char *target = sc_fs_read_link_at (dfd, source, error);

  if (target == NULL)
    return FALSE;
  for (int i = 0; i < TEMP_TRIES; i++)
    {
      next_temp (put);
      if (symlinkat (target, put->dir, put->temp) == 0)
        {
          if (fchownat (put->dir, put->temp, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) == 0)
            return TRUE;
          sc_fail_errno (error, errno, "cannot set the owner");
          unlinkat (put->dir, put->temp, 0);
          return FALSE;
        }
      if (errno != EEXIST)
        break;
    }
  return sc_fail_errno (error, errno, "cannot create a link");
}

/* May the file be the one on the host too, or would it have the wrong label there? */
static gboolean
has_right_label (Put *put, int fd, mode_t mode)
{
  g_autofree char *wanted = sc_selinux_wanted (put->path, mode);
  g_autofree char *label = wanted != NULL ? sc_selinux_label (fd) : NULL;

  return wanted == NULL || (label != NULL && sc_selinux_is_same (wanted, label));
}

/* *out: whether there is a link now. */
static gboolean
link_file (Put *put, int dfd, const char *source, gboolean *out, GError **error)
{
  *out = FALSE;
  for (int i = 0; i < TEMP_TRIES; i++)
    {
      next_temp (put);
      if (linkat (dfd, source, put->dir, put->temp, 0) == 0)
        return *out = put->old = TRUE;
      if (errno != EEXIST)
        break;
    }
  /* Another file system, one without links, or no more links to this file: there are other ways. */
  return errno == EXDEV || errno == EMLINK || errno == EPERM || errno == EOPNOTSUPP
         || sc_fail_errno (error, errno, "cannot create a link");
}

static gboolean
copy_content (int from, int to, GError **error)
{
  g_autofree guint8 *buffer = NULL;

  if (ioctl (to, FICLONE, from) == 0)
    return TRUE;
  buffer = g_malloc (BUFFER_SIZE);
  for (;;)
    {
      ssize_t n = read (from, buffer, BUFFER_SIZE);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return sc_fail_errno (error, errno, "cannot read the deployment's file");
      if (n == 0)
        return TRUE;
      if (!sc_fs_write_all (to, buffer, (gsize)n, error))
        return FALSE;
    }
}

static gboolean
copy_xattr (int from, int to, const char *name, GError **error)
{
  ssize_t size = fgetxattr (from, name, NULL, 0);
  g_autofree char *value = size >= 0 ? g_malloc ((gsize)size + 1) : NULL;

  size = size >= 0 ? fgetxattr (from, name, value, (gsize)size) : size;
  if (size < 0)
    return sc_fail_errno (error, errno, "cannot read attribute %s", name);
  if (fsetxattr (to, name, value, (gsize)size, 0) == 0)
    return TRUE;
  /* Nothing runs worse without the user's attributes. */
  return (errno == EOPNOTSUPP && strcmp (name, CAPABILITY) != 0)
         || sc_fail_errno (error, errno, "cannot set attribute %s", name);
}

static gboolean
copy_xattrs (int from, int to, GError **error)
{
  ssize_t size = flistxattr (from, NULL, 0);
  g_autofree char *names = size > 0 ? g_malloc0 ((gsize)size + 1) : NULL;

  if (size <= 0)
    return size == 0 || errno == EOPNOTSUPP || sc_fail_errno (error, errno, "cannot list attributes");
  size = flistxattr (from, names, (gsize)size);
  if (size < 0)
    return sc_fail_errno (error, errno, "cannot list attributes");
  for (const char *name = names; name < names + size; name += strlen (name) + 1)
    if ((strcmp (name, CAPABILITY) == 0 || (g_str_has_prefix (name, "user.") && strcmp (name, OSTREE_NOTE) != 0))
        && !copy_xattr (from, to, name, error))
      return FALSE;
  return TRUE;
}

static gboolean
fill (Put *put, int from, int to, const struct stat *st, GError **error)
{
  g_autofree char *label = sc_selinux_wanted (put->path, st->st_mode);

  if (!copy_content (from, to, error))
    return FALSE;
  /* In this order: a new owner takes away set-id bits and capabilities. */
  if (fchown (to, st->st_uid, st->st_gid) != 0 || fchmod (to, st->st_mode & 07777) != 0)
    return sc_fail_errno (error, errno, "cannot set owner and permissions");
  if (!copy_xattrs (from, to, error))
    return FALSE;
  if (label != NULL && !sc_selinux_set (to, label))
    return sc_fail_errno (error, errno, "cannot set the SELinux label %s", label);
  return fsync (to) == 0 || sc_fail_errno (error, errno, "cannot flush it");
}

static gboolean
copy_file (Put *put, int from, const struct stat *st, GError **error)
{
  SC_AUTOFD int to = -1;

  for (int i = 0; to < 0 && i < TEMP_TRIES; i++)
    {
      next_temp (put);
      to = openat (put->dir, put->temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
      if (to < 0 && errno != EEXIST)
        break;
    }
  if (to < 0)
    return sc_fail_errno (error, errno, "cannot create a file");
  if (fill (put, from, to, st, error))
    return TRUE;
  unlinkat (put->dir, put->temp, 0);
  return FALSE;
}

static gboolean
make_temp (Put *put, int dfd, const char *source, gboolean may_link, GError **error)
{
  SC_AUTOFD int from = -1;
  struct stat st;
  gboolean linked = FALSE;

  if (fstatat (dfd, source, &st, AT_SYMLINK_NOFOLLOW) != 0)
    return sc_fail_errno (error, errno, "the deployment's copy");
  if (S_ISLNK (st.st_mode))
    return copy_symlink (put, dfd, source, &st, error);
  from = openat (dfd, source, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (from < 0 || fstat (from, &st) != 0)
    return sc_fail_errno (error, errno, "the deployment's copy");
  if (!S_ISREG (st.st_mode))
    return sc_fail (error, SC_ERROR_INVALID, "the deployment's copy is no regular file");
  if (may_link && has_right_label (put, from, st.st_mode) && !link_file (put, dfd, source, &linked, error))
    return FALSE;
  return linked || copy_file (put, from, &st, error);
}

/* -- into its place -- */

/* Not every file system has RENAME_NOREPLACE. */
static gboolean
rename_new (Put *put, const char *name, gboolean *out_kept)
{
  if (renameat2 (put->dir, put->temp, put->dir, name, RENAME_NOREPLACE) == 0)
    return TRUE;
  if (errno == EINVAL && linkat (put->dir, put->temp, put->dir, name, 0) == 0)
    return unlinkat (put->dir, put->temp, 0) == 0;
  *out_kept = errno == EEXIST;
  return FALSE;
}

gboolean
sc_host_file_put (const ScHost *host, const char *path, int dfd, const char *source, ScPutFlags flags,
                  gboolean *out_kept, GError **error)
{
  g_auto (Put) put = { .host = host, .path = path, .dir = open_parent (host->root, path, NULL, error) };
  gboolean done;

  *out_kept = FALSE;
  if (put.dir < 0)
    return FALSE;
  if (!make_temp (&put, dfd, source, (flags & SC_PUT_LINK) != 0, error))
    return sc_prefix (error, "%s", path);
  if (flags & SC_PUT_REPLACE)
    done = renameat (put.dir, put.temp, put.dir, last_name (path)) == 0;
  else
    done = rename_new (&put, last_name (path), out_kept);
  if (!done)
    {
      int errsv = errno;

      unlinkat (put.dir, put.temp, 0);
      return *out_kept || sc_fail_errno (error, errsv, "%s", path);
    }
  /* Renaming one name of a file over another of its names does nothing. */
  if (put.old && (flags & SC_PUT_REPLACE) && unlinkat (put.dir, put.temp, 0) != 0 && errno != ENOENT)
    return sc_fail_errno (error, errno, "%s", path);
  return fsync (put.dir) == 0 || sc_fail_errno (error, errno, "%s: flushing its directory", path);
}

gboolean
sc_host_file_remove (int root, const char *path, GError **error)
{
  gboolean missing = FALSE;
  SC_AUTOFD int dir = open_parent (root, path, &missing, error);

  if (dir < 0)
    return missing;
  if (unlinkat (dir, last_name (path), 0) != 0 && errno != ENOENT)
    return sc_fail_errno (error, errno, "%s", path);
  return fsync (dir) == 0 || sc_fail_errno (error, errno, "%s: flushing its directory", path);
}

gboolean
sc_host_clean (const ScHost *host, const char *path, GError **error)
{
  static const mode_t kinds[] = { S_IFREG, S_IFLNK, S_IFDIR };
  gboolean missing = FALSE;
  SC_AUTOFD int dir = open_parent (host->root, path, &missing, error);

  for (gsize i = 0; dir >= 0 && i < G_N_ELEMENTS (kinds); i++)
    if (!sc_fs_remove_temps_at (dir, ".", host->stem, kinds[i], error))
      return sc_prefix (error, "%s", path);
  return dir >= 0 || missing;
}
