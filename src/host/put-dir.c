/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Directories on the host: one that is made has its owner and permissions when it gets its name.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fs.h"
#include "put-file.h"
#include "selinux-label.h"

static int
open_dir (int root, const char *path, GError **error)
{
  return sc_fs_open_in_root (root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, error);
}

static int
open_above (int root, const char *path, GError **error)
{
  g_autofree char *parent = g_path_get_dirname (path);

  return open_dir (root, parent, error);
}

static gboolean
is_missing (const GError *error)
{
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND)
         || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_DIRECTORY);
}

static gboolean
fill (int dir, const char *temp, const char *path, const struct stat *like, GError **error)
{
  g_autofree char *label = sc_selinux_wanted (path, S_IFDIR | (like->st_mode & 07777));
  SC_AUTOFD int fd = sc_fs_open_dir_at (dir, temp, error);

  if (fd < 0)
    return FALSE;
  if (fchown (fd, like->st_uid, like->st_gid) != 0 || fchmod (fd, like->st_mode & 07777) != 0)
    return sc_fail_errno (error, errno, "cannot set owner and permissions");
  if (label != NULL && !sc_selinux_set (fd, label))
    return sc_fail_errno (error, errno, "cannot set the SELinux label %s", label);
  return fsync (fd) == 0 || sc_fail_errno (error, errno, "cannot flush it");
}

static gboolean
place (int dir, const char *temp, const char *name, GError **error)
{
  int errsv = 0;

  /* Without RENAME_NOREPLACE it could take the place of an empty directory only. */
  if (renameat2 (dir, temp, dir, name, RENAME_NOREPLACE) != 0
      && (errno != EINVAL || renameat (dir, temp, dir, name) != 0))
    errsv = errno;
  if (errsv != 0)
    {
      unlinkat (dir, temp, AT_REMOVEDIR);
      return sc_fail_errno (error, errsv, "cannot create it");
    }
  return fsync (dir) == 0 || sc_fail_errno (error, errno, "cannot flush the directory above");
}

gboolean
sc_host_dir_make (const ScHost *host, const char *path, const struct stat *like, GError **error)
{
  g_autofree char *prefix = g_strconcat (".", host->stem, NULL), *temp = NULL;
  const char *name = strrchr (path, '/') + 1;
  SC_AUTOFD int there = open_dir (host->root, path, NULL);
  SC_AUTOFD int dir = -1;

  if (there >= 0)
    return TRUE;
  dir = open_above (host->root, path, error);
  if (dir < 0)
    return FALSE;
  temp = sc_fs_make_temp_dir_at (dir, prefix, error);
  if (temp == NULL)
    return sc_prefix (error, "%s", path);
  if (!fill (dir, temp, path, like, error))
    {
      unlinkat (dir, temp, AT_REMOVEDIR);
      return sc_prefix (error, "%s", path);
    }
  return place (dir, temp, name, error) || sc_prefix (error, "%s", path);
}

gboolean
sc_host_dir_adapt (int root, const char *path, const struct stat *before, const struct stat *like, GError **error)
{
  SC_AUTOFD int dir = open_above (root, path, error);
  SC_AUTOFD int fd = -1;
  mode_t mode = like->st_mode & 07777;
  struct stat st, now;

  if (dir < 0)
    return FALSE;
  fd = openat (dir, strrchr (path, '/') + 1, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  /* A link to one is somebody's own. */
  if (fd < 0 && (errno == ENOTDIR || errno == ELOOP || errno == ENOENT))
    return TRUE;
  if (fd < 0 || fstat (fd, &st) != 0)
    return sc_fail_errno (error, errno, "%s", path);
  if ((st.st_mode & 07777) == (before->st_mode & 07777) && (st.st_mode & 07777) != mode && fchmod (fd, mode) != 0)
    return sc_fail_errno (error, errno, "%s: cannot set permissions", path);
  if (st.st_uid == before->st_uid && st.st_gid == before->st_gid
      && (st.st_uid != like->st_uid || st.st_gid != like->st_gid) && fchown (fd, like->st_uid, like->st_gid) != 0)
    return sc_fail_errno (error, errno, "%s: cannot set the owner", path);
  if (fstat (fd, &now) != 0)
    return sc_fail_errno (error, errno, "%s", path);
  return (now.st_mode == st.st_mode && now.st_uid == st.st_uid && now.st_gid == st.st_gid) || fsync (fd) == 0
         || sc_fail_errno (error, errno, "%s: cannot flush it", path);
}

gboolean
sc_host_dir_remove (int root, const char *path, GError **error)
{
  g_autoptr (GError) local = NULL;
  SC_AUTOFD int dir = open_above (root, path, &local);

  if (dir < 0 && is_missing (local))
    return TRUE;
  if (dir < 0)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  if (unlinkat (dir, strrchr (path, '/') + 1, AT_REMOVEDIR) == 0)
    return fsync (dir) == 0 || sc_fail_errno (error, errno, "%s: flushing its directory", path);
  /* EBUSY: a mount point. */
  return errno == ENOENT || errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR || errno == EBUSY
         || sc_fail_errno (error, errno, "%s", path);
}
