/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lock of one container.  Its file is removed by a holder only, and whoever gets a lock looks whether the file
 * still has its name: two holders of one name there never are.
 */
#include "container-lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "fs.h"
#include "journal.h"

#define WAIT_USEC (100 * 1000)

static gboolean
wait_for_lock (ScContainerLock *lock, gboolean *told, const ScProgressSink *sink, GCancellable *cancellable,
               GError **error)
{
  while (flock (lock->fd, LOCK_EX | LOCK_NB) != 0)
    {
      if (errno != EWOULDBLOCK && errno != EINTR)
        return sc_fail_errno (error, errno, "container %s: cannot lock", lock->name);
      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return FALSE;
      if (!*told)
        sc_progress_note (sink, "waiting for another atomic that changes %s", lock->name);
      *told = TRUE;
      g_usleep (WAIT_USEC);
    }
  return TRUE;
}

/* A holder may have removed the file while we waited, and another may have made a new one. */
static gboolean
is_current (const ScContainerLock *lock)
{
  struct stat ours, there;

  return fstat (lock->fd, &ours) == 0 && fstatat (lock->checkouts->dfd, lock->file, &there, AT_SYMLINK_NOFOLLOW) == 0
         && ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
}

static gboolean
is_there (const ScContainerLock *lock)
{
  g_autofree char *journal = sc_journal_file (lock->name);

  return sc_fs_exists_at (lock->checkouts->dfd, lock->name) || sc_fs_exists_at (lock->checkouts->dfd, journal);
}

void
sc_container_unlock (ScContainerLock *lock)
{
  if (lock->fd >= 0 && is_current (lock) && !is_there (lock))
    (void)!unlinkat (lock->checkouts->dfd, lock->file, 0);
  sc_close_fd_p (&lock->fd);
  g_clear_pointer (&lock->checkouts, sc_checkouts_release);
  g_free (lock->name);
  g_free (lock->file);
  g_free (lock);
}

ScContainerLock *
sc_container_lock (const ScContext *ctx, const char *name, gboolean create, const ScProgressSink *sink,
                   GCancellable *cancellable, GError **error)
{
  g_autoptr (ScContainerLock) lock = g_new0 (ScContainerLock, 1);
  gboolean told = FALSE, held = FALSE;

  lock->fd = -1;
  lock->name = g_strdup (name);
  lock->file = g_strconcat (SC_CONTAINER_LOCK, name, NULL);
  lock->checkouts = sc_checkouts_share (ctx, create, sink, cancellable, error);
  if (lock->checkouts == NULL)
    return NULL;
  do
    {
      sc_close_fd_p (&lock->fd);
      lock->fd = openat (lock->checkouts->dfd, lock->file, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
      if (lock->fd < 0)
        return sc_fail_errno_null (error, errno, "%s/%s", lock->checkouts->path, lock->file);
      held = wait_for_lock (lock, &told, sink, cancellable, error);
      if (!held)
        sc_close_fd_p (&lock->fd); /* not ours to remove */
    }
  while (held && !is_current (lock));
  return held ? g_steal_pointer (&lock) : NULL;
}
