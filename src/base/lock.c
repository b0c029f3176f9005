/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waiting by looking again: a wait in the kernel could not be cancelled.
 */
#include "lock.h"

#include <errno.h>
#include <sys/file.h>
#include <sys/stat.h>

#define WAIT_USEC (100 * 1000)

gboolean
sc_lock_wait (int fd, int how, const char *whom, gboolean *told, const ScProgressSink *sink, GCancellable *cancellable,
              GError **error)
{
  while (flock (fd, how | LOCK_NB) != 0)
    {
      if (errno != EWOULDBLOCK && errno != EINTR)
        return sc_fail_errno (error, errno, "cannot lock");
      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return FALSE;
      if (!*told)
        sc_progress_note (sink, "waiting for another atomic that %s", whom);
      *told = TRUE;
      g_usleep (WAIT_USEC);
    }
  return TRUE;
}

gboolean
sc_lock_is_of (int fd, int dfd, const char *path, int flags)
{
  struct stat ours, there;

  return fstat (fd, &ours) == 0 && fstatat (dfd, path, &there, flags) == 0 && ours.st_ino == there.st_ino
         && ours.st_dev == there.st_dev;
}
