/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Taking a container away: its service is stopped, then the journal says that it goes, then host files, link and
 * deployments.
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
#include "runtime.h"
#include "systemd.h"

/* A container that is half removed cannot be loaded, and is removed all the same. */
static gboolean
find (const ScContext *ctx, const char *name, GError **error)
{
  g_autofree char *here = g_strdup_printf ("%s/%s", ctx->checkouts, name), *path = sc_context_path (ctx, here);
  g_autofree char *there = g_strdup_printf ("%s/%s", ctx->preinstalled, name),
                  *read_only = sc_context_path (ctx, there);

  if (!sc_container_name_check (name, error))
    return FALSE;
  if (g_file_test (path, G_FILE_TEST_IS_SYMLINK))
    return TRUE;
  if (sc_fs_exists_at (AT_FDCWD, read_only))
    return sc_fail (error, SC_ERROR_DENIED, "container %s is preinstalled: it cannot be changed", name);
  return sc_fail (error, SC_ERROR_NOT_FOUND, "no container '%s'", name);
}

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

static gboolean
halt (const ScLive *live, GCancellable *cancellable, GError **error)
{
  const char *name = live->lock->name;
  g_autofree char *unit = sc_unit_name (name), *state = NULL;

  if (!sc_systemd_is_running (live->systemd))
    return halt_directly (live->ctx, name, live->sink, cancellable, error);
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

gboolean
sc_uninstall_continue (const ScLive *live, const ScJournal *journal, GCancellable *cancellable, GError **error)
{
  ScCheckouts *checkouts = live->lock->checkouts;
  const char *name = live->lock->name;
  g_auto (GStrv) deployments = NULL;

  if (!remove_host_files (live, journal, cancellable, error) || !sc_live_set_link (live, SC_NO_DEPLOYMENT, error))
    return FALSE;
  deployments = sc_checkouts_deployments (checkouts, name, error);
  if (deployments == NULL)
    return FALSE;
  for (guint i = 0; deployments[i] != NULL; i++)
    if (!sc_fs_remove_tree_at (checkouts->dfd, deployments[i], error))
      return sc_prefix (error, "%s/%s", checkouts->path, deployments[i]);
  return sc_fs_sync_dir_at (checkouts->dfd, ".", error) && sc_journal_remove (checkouts->dfd, name, error);
}

static void
display_steps (const ScContext *ctx, const char *name, const ScProgressSink *sink)
{
  g_autofree char *tmpfiles = sc_tmpfiles_path (ctx, name);

  sc_progress_step (sink, "systemctl stop %s", name);
  sc_progress_step (sink, "systemctl disable %s", name);
  sc_progress_step (sink, "systemd-tmpfiles --remove %s", tmpfiles);
  sc_progress_step (sink, "systemctl daemon-reload");
}

static gboolean
remove_container (const ScLive *live, GCancellable *cancellable, GError **error)
{
  int dfd = live->lock->checkouts->dfd;
  const char *name = live->lock->name;
  g_autoptr (ScJournal) journal = sc_journal_new (SC_OPERATION_UNINSTALL, sc_live_number (dfd, name), SC_NO_DEPLOYMENT);

  return sc_host_package_check_removal (live->ctx, name, journal->from, cancellable, error)
         && halt (live, cancellable, error) && sc_journal_save (dfd, name, journal, error)
         && sc_uninstall_continue (live, journal, cancellable, error);
}

gboolean
sc_uninstall (const ScContext *ctx, const char *name, gboolean display, const ScProgressSink *sink,
              GCancellable *cancellable, GError **error)
{
  g_autoptr (ScContainerLock) lock = NULL;
  g_autoptr (ScSystemd) systemd = NULL;
  g_autoptr (GError) local = NULL;
  ScLive live = { .ctx = ctx, .sink = sink };
  /* Somebody began to remove it: if recovery completes that, all is done. */
  gboolean begun = sc_container_is_interrupted (ctx, name);

  if (display)
    return find (ctx, name, error) && (display_steps (ctx, name, sink), TRUE);
  lock = sc_container_begin (ctx, name, sink, cancellable, &local);
  if (lock == NULL && begun && g_error_matches (local, SC_ERROR, SC_ERROR_NOT_FOUND))
    return TRUE;
  if (lock == NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  systemd = sc_systemd_new (ctx, cancellable, error);
  live.lock = lock;
  live.systemd = systemd;
  if (systemd == NULL || !remove_container (&live, cancellable, error))
    return sc_prefix (error, "container %s", name);
  return TRUE;
}
