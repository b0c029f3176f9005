/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening a path as if a directory were "/".
 *
 * The kernel does it (openat2) where it can.  The walk is for kernels and sandboxes without: it keeps the names of
 * the real directories between the root and where it stands and never opens "..", so that no link and no rename that
 * happens meanwhile can take it out of the root; to go up it forgets the last name and comes down again.
 */
#include "fs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_LINKS   40
#define MAX_RETRIES 32

typedef struct
{
  int root;
  int at;           /* where the walk stands */
  GPtrArray *names; /* from the root to @at */
  char *rest;       /* what is still to be walked */
  guint links;
} Walk;

static void
walk_clear (Walk *walk)
{
  sc_close_fd_p (&walk->at);
  g_clear_pointer (&walk->names, g_ptr_array_unref);
  g_clear_pointer (&walk->rest, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Walk, walk_clear)

static int
open_child_dir (int dir, const char *name)
{
  return openat (dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Comes down again from the root by the names that were real directories; 0 or an errno. */
static int
reopen (Walk *walk)
{
  SC_AUTOFD int at = openat (walk->root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

  for (guint i = 0; at >= 0 && i < walk->names->len; i++)
    {
      int next = open_child_dir (at, g_ptr_array_index (walk->names, i));
      sc_close_fd_p (&at);
      at = next;
    }
  if (at < 0)
    return errno;
  sc_close_fd_p (&walk->at);
  walk->at = sc_steal_fd (&at);
  return 0;
}

static int
go_up (Walk *walk)
{
  if (walk->names->len == 0)
    return 0; /* ".." of "/" is "/" */
  g_ptr_array_remove_index (walk->names, walk->names->len - 1);
  return reopen (walk);
}

/* Puts the target of the link @name before the rest of the way; 0, or EINVAL if it is no link, or another errno. */
static int
follow (Walk *walk, const char *name)
{
  char target[PATH_MAX];
  ssize_t size = readlinkat (walk->at, name, target, sizeof target);

  if (size < 0)
    return errno;
  if (size == 0)
    return ENOENT;
  if (size == (ssize_t)sizeof target)
    return ENAMETOOLONG;
  if (++walk->links > MAX_LINKS)
    return ELOOP;
  target[size] = '\0';

  char *rest = g_strconcat (target, *walk->rest ? "/" : "", walk->rest, NULL);
  g_free (walk->rest);
  walk->rest = rest;
  if (target[0] != '/')
    return 0;
  g_ptr_array_set_size (walk->names, 0);
  return reopen (walk);
}

/* One step into a directory or through a link; 0 or an errno. */
static int
step (Walk *walk, const char *name)
{
  if (strcmp (name, ".") == 0)
    return 0;
  if (strcmp (name, "..") == 0)
    return go_up (walk);

  int next = open_child_dir (walk->at, name);
  if (next >= 0)
    {
      sc_close_fd_p (&walk->at);
      walk->at = next;
      g_ptr_array_add (walk->names, g_strdup (name));
      return 0;
    }
  if (errno != ENOTDIR && errno != ELOOP)
    return errno;
  int errsv = follow (walk, name);
  return errsv == EINVAL ? ENOTDIR : errsv;
}

/* Opens the last name of the way; -1 with errno 0 if that was a link and the way goes on. */
static int
open_last (Walk *walk, const char *name, int flags, mode_t mode)
{
  gboolean follows = (flags & O_NOFOLLOW) == 0 && (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL);
  struct stat st;

  if (follows)
    {
      errno = follow (walk, name);
      if (errno != EINVAL && errno != ENOENT)
        return -1;
    }

  SC_AUTOFD int fd = openat (walk->at, name, flags | O_NOFOLLOW | O_CLOEXEC, mode);
  if (fd < 0)
    return -1;
  /* O_PATH opens a link itself, which may have come into this place since follow(). */
  if (follows && (flags & O_PATH) && fstat (fd, &st) == 0 && S_ISLNK (st.st_mode))
    {
      errno = ELOOP;
      return -1;
    }
  return sc_steal_fd (&fd);
}

/* Cuts the first name off the rest; *out_more tells whether a slash followed it. */
static char *
next_name (Walk *walk, gboolean *out_more)
{
  char *begin = walk->rest + strspn (walk->rest, "/");
  gsize size = strcspn (begin, "/");
  char *name = g_strndup (begin, size);

  *out_more = begin[size] == '/';
  begin += size + strspn (begin + size, "/");
  memmove (walk->rest, begin, strlen (begin) + 1);
  return name;
}

static int
walk_to (Walk *walk, int flags, mode_t mode)
{
  for (;;)
    {
      gboolean more;
      g_autofree char *name = next_name (walk, &more);

      if (*name == '\0')
        return openat (walk->at, ".", flags | O_CLOEXEC, mode);
      if (more || strcmp (name, ".") == 0 || strcmp (name, "..") == 0)
        {
          errno = step (walk, name);
          if (errno != 0)
            return -1;
          continue;
        }
      int fd = open_last (walk, name, flags, mode);
      if (fd >= 0 || errno != 0)
        return fd;
    }
}

int
sc_fs_open_in_root_walk (int root, const char *path, int flags, mode_t mode, GError **error)
{
  g_auto (Walk) walk = { .root = root, .at = -1, .names = g_ptr_array_new_with_free_func (g_free) };
  int fd = -1;

  walk.rest = g_strdup (path);
  if (*path == '\0')
    errno = ENOENT;
  else if (strlen (path) >= PATH_MAX)
    errno = ENAMETOOLONG;
  else if ((errno = reopen (&walk)) == 0)
    fd = walk_to (&walk, flags, mode);
  if (fd < 0)
    sc_fail_errno (error, errno, "%s", path);
  return fd;
}

int
sc_fs_open_in_root (int root, const char *path, int flags, mode_t mode, GError **error)
{
  struct open_how how = {
    .flags = (guint64)(flags | O_CLOEXEC),
    .mode = (flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) ? mode & 07777 : 0,
    .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
  };

  for (int i = 0; i < MAX_RETRIES; i++)
    {
      long fd = syscall (SYS_openat2, root, path, &how, sizeof how);

      if (fd >= 0)
        return (int)fd;
      /* EAGAIN: something was renamed or mounted while ".." was resolved. */
      if (errno != EAGAIN && errno != EINTR)
        break;
    }
  /* A sandbox may answer EPERM for a system call that it does not know. */
  if (errno == ENOSYS || errno == EPERM || errno == EAGAIN)
    return sc_fs_open_in_root_walk (root, path, flags, mode, error);
  sc_fail_errno (error, errno, "%s", path);
  return -1;
}

int
sc_fs_open_parent_at (int dfd, const char *path)
{
  g_auto (GStrv) names = g_strsplit (path, "/", -1);
  int fd = openat (dfd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

  for (guint i = 0; fd >= 0 && names[i + 1] != NULL; i++)
    {
      int next = openat (fd, names[i], O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), errsv = errno;

      close (fd);
      fd = next;
      errno = errsv;
    }
  return fd;
}
