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
#include "lock.h"

/* A holder may have removed the file while we waited, and another may have made a new one. */
static gboolean
is_current (const ScContainerLock *lock)
{
  return sc_lock_is_of (lock->fd, lock->checkouts->dfd, lock->file, AT_SYMLINK_NOFOLLOW);
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
  g_autofree char *whom = g_strdup_printf ("changes %s", name);
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
      held = sc_lock_wait (lock->fd, LOCK_EX, whom, &told, sink, cancellable, error)
             || sc_prefix (error, "container %s", name);
      if (!held)
        sc_close_fd_p (&lock->fd); /* not ours to remove */
    }
  while (held && !is_current (lock));
  return held ? g_steal_pointer (&lock) : NULL;
}
