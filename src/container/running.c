/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The running container: which deployment it is, and its restart.
 */
#include "running.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime.h"

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

gboolean
sc_running_stop (const ScLive *live, const char *runtime, GError **error)
{
  g_autofree char *unit = sc_unit_name (live->lock->name), *bundle = NULL;
  g_autoptr (ScRuntime) found = NULL;
  g_autoptr (GError) local = NULL;

  sc_progress_step (live->sink, "systemctl stop %s", live->lock->name);
  if (!sc_systemd_stop (live->systemd, unit, NULL, &local) && !g_error_matches (local, SC_ERROR, SC_ERROR_NOT_FOUND))
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  /* With its unit systemd has forgotten how it is cleaned up. */
  bundle = find_bundle (live->ctx, live->lock->name, runtime);
  found = sc_runtime_find (live->ctx, runtime, NULL);
  if (bundle != NULL && found != NULL && is_ours (live->ctx, live->lock, bundle)
      && !sc_runtime_delete (found, live->lock->name, TRUE, NULL, error))
    return FALSE;
  return sc_systemd_reset_failed (live->systemd, unit, NULL, error);
}
