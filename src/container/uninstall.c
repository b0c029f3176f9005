/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Taking a container away: the journal says that it goes, then its service is stopped, and if that fails the journal is
 * taken back; then host files, link and deployments.
 */
#include "uninstall.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "fs.h"
#include "host-package.h"
#include "live.h"
#include "recover.h"
#include "run.h"
#include "running.h"
#include "runtime.h"
#include "state-dirs.h"
#include "systemd.h"

/* Ends a container that the runtime runs without systemd. */
static gboolean
halt_directly (const ScContext *ctx, const char *name, const ScProgressSink *sink, GCancellable *cancellable,
               GError **error)
{
  g_autoptr (ScDeployment) deployment = sc_deployment_load (ctx, name, NULL);
  g_autoptr (ScRuntime) runtime = NULL;
  ScRuntimeState state;

  if (deployment == NULL || !deployment->has_container_service
      || (runtime = sc_runtime_find (ctx, deployment->runtime, NULL)) == NULL)
    return TRUE;
  if (!sc_runtime_state (runtime, name, &state, NULL, cancellable, error))
    return FALSE;
  return state == SC_RUNTIME_STATE_NONE || sc_container_stop (ctx, name, FALSE, sink, cancellable, error);
}

/* Of a container without a service nothing runs: a unit of its name is the host's.  A damaged one may have one. */
static gboolean
may_have_service (const ScContext *ctx, const char *name)
{
  g_autoptr (ScDeployment) d = sc_deployment_load (ctx, name, NULL);

  return d == NULL || d->has_container_service;
}

static gboolean
halt (const ScLive *live, GCancellable *cancellable, GError **error)
{
  const char *name = live->lock->name;
  g_autofree char *unit = sc_unit_name (name), *state = NULL;

  if (!sc_systemd_is_running (live->systemd))
    return halt_directly (live->ctx, name, live->sink, cancellable, error);
  if (!may_have_service (live->ctx, name))
    return TRUE;
  state = sc_systemd_active_state (live->systemd, unit, cancellable, error);
  if (state == NULL)
    return FALSE;
  if (strcmp (state, "inactive") == 0)
    return TRUE;
  if (strcmp (state, "failed") == 0)
    return sc_systemd_reset_failed (live->systemd, unit, cancellable, error);
  sc_progress_step (live->sink, "systemctl stop %s", name);
  return sc_systemd_stop (live->systemd, unit, cancellable, error)
         && sc_systemd_reset_failed (live->systemd, unit, cancellable, error);
}

static gboolean
halt_or_note (const ScLive *live, gboolean force, GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (halt (live, cancellable, &local))
    return TRUE;
  if (!force || g_error_matches (local, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  sc_progress_note (live->sink, "%s could not be stopped, and is removed all the same: %s", live->lock->name,
                    local->message);
  return TRUE;
}

/* -- damage -- */

static gboolean
is_damaged (const ScLive *live, int number)
{
  g_autoptr (ScDeployment) d = NULL;

  if (number != SC_NO_DEPLOYMENT)
    d = sc_deployment_load_number (live->ctx, live->lock->name, number, NULL);
  return d == NULL;
}

static gboolean
remove_by_name (const ScLive *live, const char *path, gboolean *out_removed, GError **error)
{
  g_autofree char *real = sc_context_path (live->ctx, path), *dir = g_path_get_dirname (real);

  *out_removed = FALSE;
  if (!sc_fs_exists_at (AT_FDCWD, real))
    return TRUE;
  sc_progress_note (live->sink, "%s is removed for its name: nothing else tells whose it is", path);
  *out_removed = TRUE;
  return sc_fs_unlink_at (AT_FDCWD, real, error) && sc_fs_sync_dir_at (AT_FDCWD, dir, error);
}

/* What a container whose deployment is gone must have had. */
static gboolean
remove_without_deployment (const ScLive *live, GCancellable *cancellable, GError **error)
{
  const char *name = live->lock->name;
  g_autofree char *unit = sc_unit_name (name), *unit_path = sc_unit_path (live->ctx, name),
                  *tmpfiles_path = sc_tmpfiles_path (live->ctx, name);
  gboolean had_unit = FALSE, had_tmpfiles = FALSE;

  if (!sc_systemd_disable (live->systemd, unit, cancellable, error)
      || !remove_by_name (live, tmpfiles_path, &had_tmpfiles, error)
      || !remove_by_name (live, unit_path, &had_unit, error))
    return FALSE;
  return !had_unit || !sc_systemd_is_running (live->systemd) || sc_systemd_reload (live->systemd, cancellable, error);
}

/* -- removing -- */

static gboolean
remove_host_files (const ScLive *live, const ScJournal *journal, GCancellable *cancellable, GError **error)
{
  g_autofree char *unit = sc_unit_name (live->lock->name);
  gboolean changed = FALSE, has_unit = sc_live_has (live, journal->from, unit);

  if (has_unit)
    sc_progress_step (live->sink, "systemctl disable %s", live->lock->name);
  sc_live_remove_tmpfiles (live, journal->from, cancellable);
  if (!sc_live_put_files (live, SC_NO_DEPLOYMENT, journal->from, &changed, error))
    return FALSE;
  if (!has_unit || !sc_systemd_is_running (live->systemd))
    return TRUE;
  sc_progress_step (live->sink, "systemctl daemon-reload");
  return sc_systemd_reload (live->systemd, cancellable, error);
}

/* With @journal->force what is damaged is passed over, and told. */
static gboolean
clear_host (const ScLive *live, const ScJournal *journal, GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) local = NULL;
  ScLive forced = *live;

  forced.force = journal->force;
  if (!journal->force || !is_damaged (live, journal->from))
    return remove_host_files (&forced, journal, cancellable, error);
  if (!remove_host_files (&forced, journal, cancellable, &local))
    sc_progress_note (live->sink, "%s", local->message);
  return remove_without_deployment (live, cancellable, error);
}

/* Somebody may have started it since; but when its unit is gone the host's own may have that name. */
static gboolean
halt_again (const ScLive *live, const ScJournal *journal, GCancellable *cancellable, GError **error)
{
  if (!live->recovering || (sc_systemd_is_running (live->systemd) && !sc_live_unit_is_there (live)))
    return TRUE;
  return halt_or_note (live, journal->force, cancellable, error);
}

gboolean
sc_uninstall_continue (const ScLive *live, const ScJournal *journal, GCancellable *cancellable, GError **error)
{
  ScCheckouts *checkouts = live->lock->checkouts;
  const char *name = live->lock->name;
  const ScPurgeOptions purge = { .force = journal->force };
  g_auto (GStrv) deployments = NULL;

  if (!halt_again (live, journal, cancellable, error) || !clear_host (live, journal, cancellable, error)
      || !sc_live_set_link (live, SC_NO_DEPLOYMENT, error)
      || (journal->purge && !sc_state_dirs_purge (live->ctx, name, &purge, live->sink, cancellable, error)))
    return FALSE;
  deployments = sc_checkouts_deployments (checkouts, name, error);
  if (deployments == NULL)
    return FALSE;
  for (guint i = 0; deployments[i] != NULL; i++)
    if (!sc_fs_remove_tree_at (checkouts->dfd, deployments[i], error))
      return sc_prefix (error, "%s/%s", checkouts->path, deployments[i]);
  return sc_fs_sync_dir_at (checkouts->dfd, ".", error) && sc_journal_remove (checkouts->dfd, name, error);
}

static gboolean
display_steps (const ScContext *ctx, const char *name, const ScUninstallOptions *options, const ScProgressSink *sink,
               GError **error)
{
  g_autofree char *tmpfiles = sc_tmpfiles_path (ctx, name), *unit = sc_unit_name (name), *state = NULL;
  const ScPurgeOptions purge = { .dry_run = TRUE };
  g_autoptr (ScSystemd) systemd = sc_systemd_new (ctx, NULL, error);
  g_autoptr (ScDeployment) d = sc_deployment_load (ctx, name, NULL);

  state = systemd != NULL ? sc_systemd_active_state (systemd, unit, NULL, error) : NULL;
  if (state == NULL)
    return FALSE;
  if ((d == NULL || d->has_container_service) && strcmp (state, "inactive") != 0 && strcmp (state, "failed") != 0)
    sc_progress_step (sink, "systemctl stop %s", name);
  if (d == NULL || d->has_container_service)
    sc_progress_step (sink, "systemctl disable %s", name);
  if (sc_context_exists (ctx, tmpfiles))
    sc_progress_step (sink, "systemd-tmpfiles --remove %s", tmpfiles);
  if (d != NULL && d->package_name != NULL)
    sc_progress_step (sink, "Removing package %s", d->package_name);
  if (d != NULL && d->installed_files != NULL && d->installed_files[0] != NULL)
    sc_progress_step (sink, "Files of the host: %u", g_strv_length (d->installed_files));
  if (sc_systemd_is_running (systemd) && (d == NULL || d->has_container_service))
    sc_progress_step (sink, "systemctl daemon-reload");
  return !options->purge || sc_state_dirs_purge (ctx, name, &purge, sink, NULL, error);
}

/* -- the beginning -- */

static gboolean
is_running (const ScLive *live, gboolean *out, GCancellable *cancellable, GError **error)
{
  g_autoptr (ScDeployment) d = NULL;
  g_autoptr (ScRuntime) runtime = NULL;
  ScRuntimeState state = SC_RUNTIME_STATE_NONE;

  *out = FALSE;
  if (sc_systemd_is_running (live->systemd))
    return !may_have_service (live->ctx, live->lock->name) || sc_running_service (live, out, cancellable, error);
  d = sc_deployment_load (live->ctx, live->lock->name, error);
  if (d == NULL)
    return FALSE;
  runtime = d->has_container_service ? sc_runtime_find (live->ctx, d->runtime, NULL) : NULL;
  if (runtime != NULL && !sc_runtime_state (runtime, live->lock->name, &state, NULL, cancellable, error))
    return FALSE;
  *out = state == SC_RUNTIME_STATE_RUNNING;
  return TRUE;
}

static gboolean
check (const ScLive *live, const ScUninstallOptions *options, GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (ScDeployment) d = sc_deployment_load (live->ctx, live->lock->name, &local);
  gboolean running = FALSE;

  if (d == NULL && options->force)
    sc_progress_note (live->sink, "%s", local->message);
  else if (d == NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      g_prefix_error (error, "it is damaged, --force removes it all the same: ");
      return FALSE;
    }
  if (!options->keep_running || options->force)
    return TRUE;
  if (!is_running (live, &running, cancellable, error))
    return FALSE;
  return !running || sc_fail (error, SC_ERROR_BUSY, "it is running: stop it first, or use --force");
}

static gboolean
check_package (const ScLive *live, const ScJournal *journal, GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (sc_host_package_check_removal (live, journal->from, cancellable, &local))
    return TRUE;
  if (!journal->force || g_error_matches (local, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  sc_progress_note (live->sink, "%s: %s", live->lock->name, local->message);
  return TRUE;
}

static gboolean
remove_container (const ScLive *live, const ScUninstallOptions *options, GCancellable *cancellable, GError **error)
{
  int dfd = live->lock->checkouts->dfd;
  const char *name = live->lock->name;
  g_autoptr (ScJournal) journal = sc_journal_new (SC_OPERATION_UNINSTALL, sc_live_number (dfd, name), SC_NO_DEPLOYMENT);
  g_autoptr (GError) local = NULL;
  /* With --force there may be one that could not be recovered. */
  gboolean interrupted = sc_container_is_interrupted (live->ctx, name);

  journal->purge = options->purge;
  journal->force = options->force;
  if (!check (live, options, cancellable, error) || !check_package (live, journal, cancellable, error)
      || !sc_journal_begin (dfd, name, journal, error))
    return FALSE;
  if (!halt_or_note (live, options->force, cancellable, error))
    {
      if (interrupted || !sc_journal_remove (dfd, name, &local))
        sc_progress_note (live->sink, "%s: 'atomic recover' removes it%s%s", name, local != NULL ? ": " : "",
                          local != NULL ? local->message : "");
      return FALSE;
    }
  return sc_uninstall_continue (live, journal, cancellable, error)
         || sc_prefix (error, "'atomic recover' tries again to remove it");
}

/* A removal that is going to be completed does what is asked for now too. */
static gboolean
ask_more (ScContainerLock *lock, const ScUninstallOptions *options, GError **error)
{
  int dfd = lock->checkouts->dfd;
  g_autoptr (ScJournal) journal = NULL;

  if ((!options->purge && !options->force) || !sc_journal_load (dfd, lock->name, &journal, NULL) || journal == NULL
      || journal->operation != SC_OPERATION_UNINSTALL)
    return TRUE;
  journal->purge |= options->purge;
  journal->force |= options->force;
  return sc_journal_save (dfd, lock->name, journal, error);
}

static ScContainerLock *
begin (const ScContext *ctx, const char *name, const ScUninstallOptions *options, const ScProgressSink *sink,
       GCancellable *cancellable, GError **error)
{
  g_autoptr (ScContainerLock) lock = NULL;
  g_autoptr (GError) local = NULL;

  if (!sc_container_check_there (ctx, name, TRUE, error))
    return NULL;
  lock = sc_container_lock (ctx, name, FALSE, sink, cancellable, error);
  if (lock == NULL || !ask_more (lock, options, error))
    return NULL;
  if (!sc_container_recover (ctx, lock, sink, cancellable, &local))
    {
      if (!options->force || g_error_matches (local, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return NULL;
        }
      sc_progress_note (sink, "%s", local->message);
    }
  /* Somebody may have removed it while we waited, or recovery did. */
  return sc_container_check_there (ctx, name, FALSE, error) ? g_steal_pointer (&lock) : NULL;
}

gboolean
sc_uninstall (const ScContext *ctx, const char *name, const ScUninstallOptions *options, const ScProgressSink *sink,
              GCancellable *cancellable, GError **error)
{
  g_autoptr (ScContainerLock) lock = NULL;
  g_autoptr (ScSystemd) systemd = NULL;
  g_autoptr (GError) local = NULL;
  ScLive live = { .ctx = ctx, .sink = sink };
  /* Somebody began to remove it: if recovery completes that, all is done. */
  gboolean begun = sc_container_is_interrupted (ctx, name);

  if (options->display)
    return sc_container_check_there (ctx, name, FALSE, error) && display_steps (ctx, name, options, sink, error);
  lock = begin (ctx, name, options, sink, cancellable, &local);
  if (lock == NULL && begun && g_error_matches (local, SC_ERROR, SC_ERROR_NOT_FOUND)
      && !sc_container_is_interrupted (ctx, name))
    return TRUE;
  if (lock == NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  systemd = sc_systemd_new (ctx, cancellable, error);
  live.lock = lock;
  live.systemd = systemd;
  if (systemd == NULL || !remove_container (&live, options, cancellable, error))
    return sc_prefix (error, "container %s", name);
  return TRUE;
}
