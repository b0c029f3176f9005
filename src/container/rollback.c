/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Back to a deployment that is on disk.
 */
#include "rollback.h"

#include <fcntl.h>

#include "activate.h"
#include "config-json.h"
#include "fs.h"
#include "history.h"
#include "host-files.h"
#include "host-package.h"
#include "host-unit.h"
#include "json.h"
#include "recover.h"
#include "remote.h"
#include "running.h"
#include "runtime.h"

#define FILE_LIMIT (8 * 1024 * 1024)

/* -- which -- */

static gboolean
choose (const GPtrArray *list, int live, int *out, GError **error)
{
  int below = SC_NO_DEPLOYMENT, above = SC_NO_DEPLOYMENT;

  /* The newest stands first. */
  for (guint i = 0; i < list->len; i++)
    {
      const ScHistoryEntry *entry = g_ptr_array_index (list, i);
      int number = entry->deployment->number;

      if (entry->live || entry->failed != NULL || entry->deployment->problem != NULL)
        continue;
      if (number > live)
        above = number;
      else if (below == SC_NO_DEPLOYMENT)
        below = number;
    }
  *out = below != SC_NO_DEPLOYMENT ? below : above;
  return *out != SC_NO_DEPLOYMENT
         || sc_fail (error, SC_ERROR_NOT_FOUND, "there is no deployment but %d to go back to", live);
}

/* -- checks -- */

static gboolean
check_config (int dfd, const char *remote, GError **error)
{
  gsize size = 0;
  const char *data;
  g_autoptr (JsonNode) config = NULL;
  g_autoptr (GBytes) text = sc_fs_read_file_at (dfd, "config.json", FILE_LIMIT, error);

  if (text == NULL)
    return FALSE;
  data = g_bytes_get_data (text, &size);
  config = sc_json_parse ("config.json", data != NULL ? data : "", size, error);
  return config != NULL && sc_config_validate (config, remote, error);
}

/* There may be nothing to run. */
static gboolean
is_files_only (int dfd, const ScDeployment *target)
{
  return !target->has_container_service && !sc_fs_exists_at (dfd, "config.json");
}

static gboolean
check_root (const ScContext *ctx, const ScDeployment *target, GError **error)
{
  SC_AUTOFD int fd = sc_deployment_open_root (ctx, target, error);
  g_auto (GStrv) entries = fd >= 0 ? sc_fs_list_dir_at (fd, ".", error) : NULL;

  if (entries == NULL)
    return FALSE;
  return entries[0] != NULL || sc_fail (error, SC_ERROR_INVALID, "rootfs is empty");
}

static gboolean
check (const ScLive *live, const ScDeployment *target, GCancellable *cancellable, GError **error)
{
  g_autofree char *dir = g_strdup_printf ("%s.%d", target->name, target->number), *unit = sc_unit_name (target->name);
  g_autoptr (ScRuntime) runtime = NULL;
  SC_AUTOFD int dfd = sc_fs_open_dir_at (live->lock->checkouts->dfd, dir, error);

  if (dfd < 0)
    return FALSE;
  if ((!is_files_only (dfd, target) && !check_config (dfd, target->remote, error))
      || !check_root (live->ctx, target, error))
    return sc_prefix (error, "deployment %d", target->number);
  if (target->has_container_service && !sc_live_has (live, target->number, unit))
    return sc_fail (error, SC_ERROR_INVALID, "deployment %d: its unit %s is missing", target->number, unit);
  if (!sc_host_unit_check (live, dir, sc_live_number (live->lock->checkouts->dfd, target->name), error))
    return sc_prefix (error, "deployment %d", target->number);
  if (!sc_host_files_prepare (live->ctx, live->lock, target, sc_live_number (live->lock->checkouts->dfd, target->name),
                              error))
    return FALSE;
  if (!sc_host_package_check (live, target->number, sc_live_number (live->lock->checkouts->dfd, target->name),
                              cancellable, error))
    return sc_prefix (error, "deployment %d", target->number);
  runtime = sc_runtime_find (live->ctx, target->runtime, error);
  return runtime != NULL || sc_prefix (error, "deployment %d", target->number);
}

/* -- doing it -- */

static gboolean
start (const ScLive *live, const char *runtime, ScJournal *journal, GError **error)
{
  g_autofree char *unit = sc_unit_name (live->lock->name);
  g_autoptr (GError) local = NULL;

  /* It counts by now. */
  if (journal->was_active && sc_live_has (live, journal->to, unit) && !sc_running_restart (live, NULL, &local))
    return sc_activation_finish (live, journal, error)
           && sc_fail (error, SC_ERROR_FAILED, "it is deployment %d now but did not start: %s", journal->to,
                       local->message);
  if (!sc_systemd_is_running (live->systemd) && sc_running_is_elsewhere (live->ctx, live->lock, runtime, journal->to))
    sc_progress_note (live->sink, "systemd is not running: %s runs another deployment until it is stopped",
                      live->lock->name);
  return sc_activation_finish (live, journal, error);
}

static ScJournal *
plan (const ScLive *live, int from, const ScDeployment *target, GCancellable *cancellable, GError **error)
{
  g_autofree char *unit = sc_unit_name (live->lock->name);
  g_autoptr (ScJournal) journal = sc_journal_new (SC_OPERATION_ROLLBACK, from, target->number);

  if (!sc_host_unit_was_enabled (live, from, &journal->was_enabled, error)
      || !sc_running_service (live, &journal->was_active, cancellable, error))
    return NULL;
  /* A unit that is new is enabled, as by an installation. */
  journal->was_enabled |= !sc_live_has (live, from, unit);
  return g_steal_pointer (&journal);
}

static gboolean
roll_back (ScLive *live, int to, int *out_number, GCancellable *cancellable, GError **error)
{
  const char *name = live->lock->name;
  int from = sc_live_number (live->lock->checkouts->dfd, name);
  /* What is live may be damaged: that is when one wants to go back. */
  g_autoptr (ScDeployment) old = sc_deployment_load (live->ctx, name, NULL);
  g_autoptr (ScDeployment) target = NULL;
  g_autoptr (GPtrArray) list = sc_history_load (live->ctx, live->lock, from, error);
  g_autoptr (ScJournal) journal = NULL;

  if (list == NULL)
    return FALSE;
  if (from == SC_NO_DEPLOYMENT)
    return sc_fail (error, SC_ERROR_INVALID, "its link leads to no deployment of it");
  if (to == SC_NO_DEPLOYMENT && !choose (list, from, &to, error))
    return FALSE;
  if (to == from)
    return sc_fail (error, SC_ERROR_EXISTS, "deployment %d is live already", to);
  target = sc_deployment_load_number (live->ctx, name, to, error);
  if (target == NULL || !check (live, target, cancellable, error))
    return FALSE;
  journal = plan (live, from, target, cancellable, error);
  *out_number = to;
  return journal != NULL && sc_activate (live, journal, NULL, cancellable, error)
         && start (live, old != NULL ? old->runtime : NULL, journal, error);
}

gboolean
sc_rollback (const ScContext *ctx, const char *name, int to, const ScProgressSink *sink, int *out_number,
             GCancellable *cancellable, GError **error)
{
  g_autoptr (ScContainerLock) lock = sc_container_begin (ctx, name, sink, cancellable, error);
  g_autoptr (ScSystemd) systemd = NULL;
  ScLive live = { .ctx = ctx, .lock = lock, .sink = sink };

  if (lock == NULL)
    return FALSE;
  systemd = sc_systemd_new (ctx, cancellable, error);
  live.systemd = systemd;
  return (systemd != NULL && roll_back (&live, to, out_number, cancellable, error))
         || sc_prefix (error, "container %s", name);
}
