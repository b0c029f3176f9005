/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Removing a tree.
 *
 * Works relative to descriptors only, follows no link, goes up by closing and never by "..", and enters no mount.
 * However deep the tree, at most MAX_DEPTH directories are open: what lies deeper is moved up into the top directory
 * first and removed from there.
 */
#include "fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_DEPTH 32

typedef struct
{
  int top;           /* the top directory of the tree */
  struct statx here; /* its file system and mount */
  GString *path;     /* of the entry at work, for messages */
  guint moved;       /* names given out in @top */
  GError **error;
} Removal;

/* The kernel, too, says EBUSY to nothing but a mount point: to unlinking it, be it a directory or a file. */
static gboolean
fail_errno (const char *path, int errsv, GError **error)
{
  return sc_fail_errno (error, errsv, errsv == EBUSY ? "%s: is a mount point" : "%s", path);
}

static gboolean
fail_errno_here (Removal *r, int errsv)
{
  return fail_errno (r->path->str, errsv, r->error);
}

static gboolean
stat_mount (int fd, struct statx *out)
{
  return statx (fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_MODE | STATX_MNT_ID, out) == 0;
}

/* Two bind mounts of one file system differ in their mount only; kernels before 5.8 tell the device only. */
static gboolean
same_mount (const struct statx *a, const struct statx *b)
{
  if (a->stx_mask & b->stx_mask & STATX_MNT_ID)
    return a->stx_mnt_id == b->stx_mnt_id;
  return a->stx_dev_major == b->stx_dev_major && a->stx_dev_minor == b->stx_dev_minor;
}

/* Opens a directory to empty it, giving ourselves the permission where the owner has not; -1 with errno. */
static int
open_to_empty (int dfd, const char *name)
{
  int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  int fd = openat (dfd, name, flags);
  struct stat st;

  if (fd < 0 && errno == EACCES && fchmodat (dfd, name, 0700, AT_SYMLINK_NOFOLLOW) == 0)
    fd = openat (dfd, name, flags);
  /* If this fails, so will what needs it, with its own error. */
  if (fd >= 0 && geteuid () != 0 && fstat (fd, &st) == 0 && (st.st_mode & 0700) != 0700)
    (void)!fchmod (fd, (st.st_mode & 07777) | 0700);
  return fd;
}

/* Moves the directory @name of @dfd into the top directory under a name that is free there. */
static gboolean
move_to_top (Removal *r, int dfd, const char *name)
{
  for (;;)
    {
      char temp[32];

      g_snprintf (temp, sizeof temp, ".remove.%u", r->moved++);
      if (renameat (dfd, name, r->top, temp) == 0)
        return TRUE;
      /* Something of the tree has that name; an empty directory would have been replaced, rightly. */
      if (errno != ENOTDIR && errno != ENOTEMPTY && errno != EEXIST)
        return fail_errno_here (r, errno);
    }
}

static gboolean empty_dir (Removal *r, DIR *dir, guint depth);

/* Removes the directory @name of @dfd with all that is in it. */
static gboolean
remove_dir (Removal *r, int dfd, const char *name, guint depth)
{
  struct statx st;
  int fd = open_to_empty (dfd, name);
  if (fd < 0)
    return fail_errno_here (r, errno);

  DIR *dir = stat_mount (fd, &st) ? fdopendir (fd) : NULL;
  if (dir == NULL)
    {
      fail_errno_here (r, errno);
      close (fd);
      return FALSE;
    }
  gboolean ok = FALSE;
  if (!same_mount (&st, &r->here))
    fail_errno_here (r, EBUSY);
  else if (depth == MAX_DEPTH)
    ok = move_to_top (r, dfd, name);
  else
    ok = empty_dir (r, dir, depth) && (unlinkat (dfd, name, AT_REMOVEDIR) == 0 || fail_errno_here (r, errno));
  closedir (dir);
  return ok;
}

/* Removes everything in @dir. */
static gboolean
empty_dir (Removal *r, DIR *dir, guint depth)
{
  gsize length = r->path->len;
  struct dirent *entry;

  for (errno = 0; (entry = readdir (dir)) != NULL; errno = 0)
    {
      if (strcmp (entry->d_name, ".") == 0 || strcmp (entry->d_name, "..") == 0)
        continue;
      g_string_append_printf (r->path, "/%s", entry->d_name);
      if (unlinkat (dirfd (dir), entry->d_name, 0) < 0 && errno != ENOENT)
        {
          if (errno != EISDIR)
            return fail_errno_here (r, errno);
          if (!remove_dir (r, dirfd (dir), entry->d_name, depth + 1))
            return FALSE;
        }
      g_string_truncate (r->path, length);
    }
  return errno == 0 || fail_errno_here (r, errno);
}

/* Empties the top directory, which must not be a mount point itself. */
static gboolean
empty_top (Removal *r, int parent)
{
  struct statx above;
  guint moved;

  if (!stat_mount (r->top, &r->here) || !stat_mount (parent, &above))
    return fail_errno_here (r, errno);
  if (!same_mount (&above, &r->here))
    return fail_errno_here (r, EBUSY);

  int copy = openat (r->top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *dir = copy >= 0 ? fdopendir (copy) : NULL;
  if (dir == NULL)
    {
      fail_errno_here (r, errno);
      sc_close_fd_p (&copy);
      return FALSE;
    }
  gboolean ok;
  do
    {
      moved = r->moved;
      rewinddir (dir);
      ok = empty_dir (r, dir, 0);
    }
  while (ok && r->moved != moved);
  closedir (dir);
  return ok;
}

gboolean
sc_fs_remove_tree_at (int dfd, const char *path, GError **error)
{
  g_autofree char *plain = g_strdup (path);
  gsize length = strlen (plain);

  /* Slashes at the end do not make a path name something in the directory. */
  while (length > 1 && plain[length - 1] == '/')
    plain[--length] = '\0';
  g_autofree char *base = g_path_get_basename (plain);
  g_autofree char *dirname = g_path_get_dirname (plain);

  if (strcmp (base, ".") == 0 || strcmp (base, "..") == 0 || strcmp (base, "/") == 0)
    return sc_fail_errno (error, EINVAL, "%s", path);

  SC_AUTOFD int parent = openat (dfd, dirname, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (parent < 0)
    return errno == ENOENT ? TRUE : fail_errno (path, errno, error);
  if (unlinkat (parent, base, 0) == 0 || errno == ENOENT)
    return TRUE;
  if (errno != EISDIR)
    return fail_errno (path, errno, error);

  SC_AUTOFD int top = open_to_empty (parent, base);
  if (top < 0)
    return fail_errno (path, errno, error);

  Removal r = { .top = top, .path = g_string_new (path), .error = error };
  gboolean ok = empty_top (&r, parent) && (unlinkat (parent, base, AT_REMOVEDIR) == 0 || fail_errno_here (&r, errno));
  g_string_free (r.path, TRUE);
  return ok;
}
