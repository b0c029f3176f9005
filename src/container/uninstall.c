/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Taking a container away: service, unit, tmpfiles file, deployments, and last its link, by which an interrupted
 * removal is found again.
 */
#include "uninstall.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "activate.h"
#include "checkouts.h"
#include "fs.h"
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
    return sc_fail (error, SC_ERROR_DENIED, "container %s is preinstalled: it cannot be removed", name);
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
halt (const ScContext *ctx, const char *name, const ScProgressSink *sink, GCancellable *cancellable, GError **error)
{
  g_autoptr (ScSystemd) systemd = sc_systemd_new (ctx, cancellable, error);
  g_autofree char *unit = sc_unit_name (name), *state = NULL;

  if (systemd == NULL)
    return FALSE;
  if (!sc_systemd_is_running (systemd))
    return halt_directly (ctx, name, sink, cancellable, error);
  state = sc_systemd_active_state (systemd, unit, cancellable, error);
  if (state == NULL)
    return FALSE;
  if (strcmp (state, "inactive") == 0)
    return TRUE;
  if (strcmp (state, "failed") == 0)
    return sc_systemd_reset_failed (systemd, unit, cancellable, error);
  sc_progress_step (sink, "systemctl stop %s", name);
  return sc_systemd_stop (systemd, unit, cancellable, error)
         && sc_systemd_reset_failed (systemd, unit, cancellable, error);
}

static gboolean
remove_deployments (ScCheckouts *checkouts, const char *name, GError **error)
{
  g_auto (GStrv) deployments = sc_checkouts_deployments (checkouts, name, error);

  if (deployments == NULL)
    return FALSE;
  for (guint i = 0; deployments[i] != NULL; i++)
    if (!sc_fs_remove_tree_at (checkouts->dfd, deployments[i], error))
      return sc_prefix (error, "%s/%s", checkouts->path, deployments[i]);
  return sc_fs_unlink_at (checkouts->dfd, name, error) && sc_fs_sync_dir_at (checkouts->dfd, ".", error);
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

gboolean
sc_uninstall (const ScContext *ctx, const char *name, gboolean display, const ScProgressSink *sink,
              GCancellable *cancellable, GError **error)
{
  g_autoptr (ScCheckouts) checkouts = NULL;

  if (!find (ctx, name, error))
    return FALSE;
  if (display)
    return display_steps (ctx, name, sink), TRUE;
  checkouts = sc_checkouts_hold (ctx, FALSE, sink, cancellable, error);
  /* Somebody may have removed it while we waited. */
  if (checkouts == NULL || !find (ctx, name, error))
    return FALSE;
  if (!halt (ctx, name, sink, cancellable, error) || !sc_container_deactivate (ctx, name, sink, cancellable, error)
      || !remove_deployments (checkouts, name, error))
    return sc_prefix (error, "container %s", name);
  return TRUE;
}
