/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The running container: which deployment it is, its restart, and whether it stays up.
 */
#include "running.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime.h"

#define WATCH_POLL_MS 200

/* (transfer full) (nullable): the bundle of the running container. */
static char *
find_bundle (const ScContext *ctx, const char *name, const char *asked)
{
  g_autoptr (ScRuntime) runtime = sc_runtime_find (ctx, asked, NULL);
  char *bundle = NULL;

  return runtime != NULL && sc_runtime_bundle (runtime, name, &bundle, NULL, NULL) ? bundle : NULL;
}

static gboolean
is_directory (ScContainerLock *lock, const char *bundle, int number)
{
  g_autofree char *dir = g_strdup_printf ("%s.%d", lock->name, number);
  struct stat ours, theirs;

  return fstatat (lock->checkouts->dfd, dir, &ours, AT_SYMLINK_NOFOLLOW) == 0 && stat (bundle, &theirs) == 0
         && ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

/* Is @bundle a directory of the container in these checkouts? One of a system below another root may have its name. */
static gboolean
is_ours (const ScContext *ctx, ScContainerLock *lock, const char *bundle)
{
  g_autofree char *below = sc_context_path (ctx, ctx->checkouts);
  g_autofree char *prefix = g_strdup_printf ("%s/%s.", below, lock->name);
  g_autofree char *parent = g_path_get_dirname (bundle), *base = g_path_get_basename (bundle);
  struct stat ours, theirs;

  if (g_str_has_prefix (bundle, prefix))
    return TRUE;
  return strncmp (base, lock->name, strlen (lock->name)) == 0 && base[strlen (lock->name)] == '.'
         && fstat (lock->checkouts->dfd, &ours) == 0 && stat (parent, &theirs) == 0 && ours.st_dev == theirs.st_dev
         && ours.st_ino == theirs.st_ino;
}

gboolean
sc_running_is_in (const ScContext *ctx, ScContainerLock *lock, const char *runtime, int number)
{
  g_autofree char *bundle = find_bundle (ctx, lock->name, runtime);

  return bundle != NULL && is_directory (lock, bundle, number);
}

gboolean
sc_running_is_elsewhere (const ScContext *ctx, ScContainerLock *lock, const char *runtime, int number)
{
  g_autofree char *bundle = find_bundle (ctx, lock->name, runtime);

  return bundle != NULL && is_ours (ctx, lock, bundle) && !is_directory (lock, bundle, number);
}

gboolean
sc_running_service (const ScLive *live, gboolean *out_active, GCancellable *cancellable, GError **error)
{
  g_autofree char *unit = sc_unit_name (live->lock->name);
  g_autofree char *state = sc_systemd_active_state (live->systemd, unit, cancellable, error);

  if (state == NULL)
    return FALSE;
  *out_active = strcmp (state, "active") == 0 || strcmp (state, "reloading") == 0 || strcmp (state, "activating") == 0;
  return TRUE;
}

gboolean
sc_running_restart (const ScLive *live, GCancellable *cancellable, GError **error)
{
  g_autofree char *unit = sc_unit_name (live->lock->name);

  sc_progress_step (live->sink, "systemctl restart %s", live->lock->name);
  /* Starts are counted, ours too: what an earlier deployment used up must not stop this one. */
  return sc_systemd_reset_failed (live->systemd, unit, cancellable, error)
         && sc_systemd_restart (live->systemd, unit, cancellable, error);
}

/* Sleeps unless cancelled. */
static gboolean
pause_for (gint64 msec, GCancellable *cancellable, GError **error)
{
  GPollFD poll_fd = { .fd = -1 };
  gboolean has_fd = g_cancellable_make_pollfd (cancellable, &poll_fd);

  (void)g_poll (&poll_fd, has_fd ? 1 : 0, (int)msec);
  if (has_fd)
    g_cancellable_release_fd (cancellable);
  return !g_cancellable_set_error_if_cancelled (cancellable, error);
}

gboolean
sc_running_watch (const ScLive *live, guint seconds, GCancellable *cancellable, GError **error)
{
  g_autofree char *unit = sc_unit_name (live->lock->name);
  gint64 begin = g_get_monotonic_time (), end = begin + (gint64)seconds * G_USEC_PER_SEC;
  guint64 since = 0, now_since = 0;

  if (!sc_systemd_active_since (live->systemd, unit, &since, cancellable, error))
    return FALSE;
  for (gboolean last = FALSE;;)
    {
      g_autofree char *state = sc_systemd_active_state (live->systemd, unit, cancellable, error);
      gint64 now = g_get_monotonic_time ();

      if (state == NULL || !sc_systemd_active_since (live->systemd, unit, &now_since, cancellable, error))
        return FALSE;
      if (strcmp (state, "active") != 0)
        return sc_fail (error, SC_ERROR_FAILED,
                        "the service was %s %.1f seconds after its start, see 'journalctl -u %s'", state,
                        (double)(now - begin) / G_USEC_PER_SEC, unit);
      if (now_since != since)
        return sc_fail (error, SC_ERROR_FAILED, "the service ended and was started again, see 'journalctl -u %s'",
                        unit);
      if (last)
        return TRUE;
      last = end - now <= WATCH_POLL_MS * 1000;
      if (!pause_for (last ? MAX (end - now, 0) / 1000 : WATCH_POLL_MS, cancellable, error))
        return FALSE;
    }
}
