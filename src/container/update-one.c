/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The steps of an update of one container.  All of the next deployment is made, rendered and validated while the old
 * one runs; nothing that is live is touched before sc_update_one_activate().
 */
#include "update-one.h"

#include <fcntl.h>
#include <string.h>

#include "activate.h"
#include "deployment-make.h"
#include "fs.h"
#include "history.h"
#include "host-files.h"
#include "host-tree.h"
#include "host-unit.h"
#include "recover.h"
#include "remote.h"
#include "running.h"
#include "values.h"

#define FILE_LIMIT (8 * 1024 * 1024)

void
sc_update_one_clear (ScUpdateOne *u)
{
  g_clear_pointer (&u->journal, sc_journal_free);
  sc_made_clear (&u->made);
  g_clear_pointer (&u->previous, g_hash_table_unref);
  g_clear_pointer (&u->runtime, sc_runtime_free);
  g_clear_pointer (&u->image, sc_image_free);
  g_clear_pointer (&u->old, sc_deployment_free);
  g_clear_pointer (&u->systemd, sc_systemd_free);
  g_clear_pointer (&u->lock, sc_container_unlock);
}

gboolean
sc_update_one_begin (ScUpdateOne *u, GError **error)
{
  u->lock = sc_container_begin (u->ctx, u->options->name, u->sink, u->cancellable, error);
  return u->lock != NULL;
}

static gboolean
find_image (ScUpdateOne *u, ScStore *store, GError **error)
{
  const char *name = u->options->image != NULL ? u->options->image : u->old->image;
  g_autoptr (GError) local = NULL;

  u->image = sc_image_find (store, name, u->cancellable, &local);
  if (u->image != NULL)
    return TRUE;
  if (u->options->image == NULL && g_error_matches (local, SC_ERROR, SC_ERROR_NOT_FOUND))
    return sc_fail (error, SC_ERROR_NOT_FOUND, "its image %s is not in the repository; --pull fetches it", name);
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

static gboolean
keep_values (ScUpdateOne *u, GError **error)
{
  GHashTableIter iter;
  gpointer name, value;

  u->previous = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_hash_table_iter_init (&iter, u->old->values);
  while (g_hash_table_iter_next (&iter, &name, &value))
    g_hash_table_replace (u->previous, g_strdup (name), g_strdup (value));
  for (const char *const *unset = u->options->unset; unset != NULL && *unset != NULL; unset++)
    {
      if (sc_value_is_always_set (*unset))
        return sc_fail (error, SC_ERROR_USAGE, "--unset %s: this variable is always set by the program", *unset);
      if (!g_hash_table_remove (u->previous, *unset))
        return sc_fail (error, SC_ERROR_USAGE, "--unset %s: the container has no value of that name", *unset);
    }
  /* It follows the runtime unless somebody set it to something else. */
  if (u->options->runtime != NULL && g_strcmp0 (g_hash_table_lookup (u->previous, "RUNTIME"), u->old->runtime) == 0)
    g_hash_table_remove (u->previous, "RUNTIME");
  return TRUE;
}

static gboolean
find_runtime (ScUpdateOne *u, GError **error)
{
  const char *other = u->options->runtime;
  g_autoptr (GError) local = NULL;

  u->runtime = sc_runtime_find (u->ctx, other != NULL ? other : u->old->runtime, &local);
  if (u->runtime == NULL && other == NULL && g_error_matches (local, SC_ERROR, SC_ERROR_NOT_FOUND))
    return sc_fail (error, SC_ERROR_NOT_FOUND, "%s; --runtime PATH changes to another one", local->message);
  if (u->runtime == NULL)
    g_propagate_error (error, g_steal_pointer (&local));
  return u->runtime != NULL;
}

static gboolean
prepare (ScUpdateOne *u, ScStore *store, GError **error)
{
  u->old = sc_deployment_load (u->ctx, u->options->name, error);
  if (u->old == NULL || !find_image (u, store, error) || !keep_values (u, error))
    return FALSE;
  if (!find_runtime (u, error))
    return FALSE;
  u->systemd = sc_systemd_new (u->ctx, u->cancellable, error);
  u->live = (ScLive){ .ctx = u->ctx, .lock = u->lock, .systemd = u->systemd, .sink = u->sink };
  u->input = (ScMakeInput){ .ctx = u->ctx,
                            .store = store,
                            .runtime = u->runtime,
                            .name = u->options->name,
                            .image = u->image,
                            .remote = u->old->remote,
                            .set = u->options->set,
                            .previous = u->previous,
                            .live = u->old,
                            .system_package = u->old->system_package,
                            .sink = u->sink,
                            .cancellable = u->cancellable };
  return u->systemd != NULL;
}

/* -- is there anything to do -- */

/* Values that are the user's or the image's: those that the program sets follow from what is compared besides. */
static gboolean
same_values (GHashTable *a, GHashTable *b)
{
  GHashTableIter iter;
  gpointer name, value;

  for (guint pass = 0; pass < 2; pass++)
    {
      g_hash_table_iter_init (&iter, pass == 0 ? a : b);
      while (g_hash_table_iter_next (&iter, &name, &value))
        if (!sc_value_is_always_set (name) && g_strcmp0 (value, g_hash_table_lookup (pass == 0 ? b : a, name)) != 0)
          return FALSE;
    }
  return TRUE;
}

static gboolean
same_text (int dfd, const char *file, const char *text)
{
  g_autoptr (GBytes) there = NULL;
  gsize size = 0;
  const char *data;

  if (!sc_fs_exists_at (dfd, file))
    return text == NULL;
  there = sc_fs_read_file_at (dfd, file, FILE_LIMIT, NULL);
  if (there == NULL || text == NULL)
    return FALSE;
  data = g_bytes_get_data (there, &size);
  return size == strlen (text) && (size == 0 || memcmp (data, text, size) == 0);
}

/* What would the live deployment be, were it made now? */
static gboolean
is_unchanged (ScUpdateOne *u, gboolean *out, GError **error)
{
  const char *name = u->options->name;
  g_autofree char *destdir = sc_deployment_dir (u->ctx, u->old), *base = g_path_get_basename (destdir),
                  *unit = sc_unit_name (name), *tmpfiles = sc_tmpfiles_name (name);
  g_auto (ScMadeFiles) files = { 0 };
  SC_AUTOFD int dfd = -1;
  SC_AUTOFD int rootfs = -1;
  gboolean same_host = FALSE;

  *out = FALSE;
  if (g_strcmp0 (u->image->id, u->old->revision) != 0 || g_strcmp0 (u->image->name, u->old->image) != 0
      || g_strcmp0 (u->runtime->path, u->old->runtime) != 0)
    return TRUE;
  dfd = sc_fs_open_dir_at (u->lock->checkouts->dfd, base, error);
  rootfs = dfd >= 0 ? sc_deployment_open_root (u->ctx, u->old, NULL) : -1;
  if (dfd < 0)
    return FALSE;
  if (rootfs < 0)
    return TRUE;
  if (!sc_made_files_render (&u->input, rootfs, destdir, &files, error))
    return FALSE;
  if (!sc_host_tree_is (files.host, dfd, u->old, &same_host, error))
    return FALSE;
  *out = same_host && same_values (files.values, u->old->values)
         && same_text (dfd, "config.json", files.rendered->config) && same_text (dfd, unit, files.rendered->unit)
         && same_text (dfd, tmpfiles, files.rendered->tmpfiles);
  return TRUE;
}

/* (transfer full) (nullable): why the same as @new failed before; @out_number: as what. */
static gboolean
find_failed (ScUpdateOne *u, const ScDeployment *new, char **out_reason, int *out_number, GError **error)
{
  g_autoptr (GPtrArray) list = sc_history_load (u->ctx, u->lock, u->old->number, error);

  *out_reason = NULL;
  for (guint i = 0; list != NULL && i < list->len && *out_reason == NULL; i++)
    {
      const ScHistoryEntry *entry = g_ptr_array_index (list, i);
      const ScDeployment *d = entry->deployment;

      if (entry->failed == NULL || entry->live || d->problem != NULL || g_strcmp0 (d->revision, new->revision) != 0
          || g_strcmp0 (d->runtime, new->runtime) != 0 || !same_values (d->values, new->values))
        continue;
      *out_reason = g_strdup (entry->failed);
      *out_number = d->number;
    }
  return list != NULL;
}

gboolean
sc_update_one_make (ScUpdateOne *u, ScStore *store, ScUpdateOutcome *out, GError **error)
{
  g_autoptr (GError) local = NULL;
  gboolean unchanged = FALSE;
  int number = 0;

  if (!prepare (u, store, error) || !is_unchanged (u, &unchanged, error))
    return FALSE;
  out->number = out->previous = u->old->number;
  out->result = SC_UPDATE_UNCHANGED;
  if (unchanged)
    return TRUE;
  if (!sc_deployment_next_number (u->lock, &number, error)
      || !sc_deployment_make (&u->input, u->lock, number, &u->made, NULL, error)
      || (!u->options->retry && !find_failed (u, u->made.deployment, &out->reason, &out->number, error)))
    return FALSE;
  if (out->reason != NULL)
    {
      out->result = SC_UPDATE_HELD;
      return TRUE;
    }
  if (!sc_host_unit_check (&u->live, u->made.temp, u->old->number, error))
    return FALSE;
  out->result = SC_UPDATE_DONE;
  out->number = number;
  /* Without them the way back is not the whole way. */
  if (!sc_host_files_prepare (u->ctx, u->lock, u->old, SC_NO_DEPLOYMENT, &local))
    sc_progress_note (u->sink, "%s: %s", u->options->name, local->message);
  return TRUE;
}

void
sc_update_one_keep (const ScUpdateOne *u)
{
  if (u->options->keep_now)
    sc_history_prune (u->ctx, u->lock, u->old->number, SC_NO_DEPLOYMENT, u->options->keep, u->sink);
}

/* -- making it live -- */

static void
tell_no_gate (const ScUpdateOne *u)
{
  const char *why = !u->made.deployment->has_container_service ? "it has no service"
                    : !sc_systemd_is_running (u->systemd)      ? "systemd is not running"
                                                               : "its service does not run";

  if (u->options->gate_wanted && !u->start)
    sc_progress_note (u->sink, "%s: not gated: %s", u->options->name, why);
}

gboolean
sc_update_one_plan (ScUpdateOne *u, const char *group, GError **error)
{
  g_autoptr (ScJournal) journal = sc_journal_new (SC_OPERATION_UPDATE, u->old->number, u->made.deployment->number);

  journal->keep = u->options->keep;
  if (!sc_host_unit_was_enabled (&u->live, u->old->number, &journal->was_enabled, error)
      || !sc_running_service (&u->live, &journal->was_active, u->cancellable, error))
    return FALSE;
  /* A unit that is new is enabled, as by an installation. */
  journal->was_enabled |= !u->old->has_container_service;
  u->start = journal->was_active && u->made.deployment->has_container_service;
  if (group != NULL || (u->options->gated && u->start))
    journal->phase = SC_PHASE_PROBATION;
  tell_no_gate (u);
  journal->group = g_strdup (group);
  u->journal = g_steal_pointer (&journal);
  return TRUE;
}

gboolean
sc_update_one_activate (ScUpdateOne *u, GError **error)
{
  if (!sc_activate (&u->live, u->journal, u->made.temp, u->cancellable, error))
    return FALSE;
  g_clear_pointer (&u->made.temp, g_free);
  return TRUE;
}

gboolean
sc_update_one_restart (ScUpdateOne *u, GCancellable *cancellable, GError **error)
{
  u->restarted = TRUE;
  return sc_running_restart (&u->live, cancellable, error);
}

gboolean
sc_update_one_rejoin (const ScUpdateOne *u, GCancellable *cancellable, GError **error)
{
  g_autofree char *unit = sc_unit_name (u->options->name);
  g_autofree char *state = NULL;
  gboolean job = FALSE;

  if (!sc_systemd_has_job (u->systemd, unit, &job, cancellable, error))
    return FALSE;
  state = sc_systemd_active_state (u->systemd, unit, cancellable, error);
  if (state == NULL)
    return FALSE;
  /* A job is waited for; what failed, or is started again by systemd later, did that by itself. */
  return (!job && strcmp (state, "inactive") != 0) || sc_systemd_start (u->systemd, unit, cancellable, error);
}

ScGate
sc_update_one_gate (const ScUpdateOne *u)
{
  return (ScGate){ .live = &u->live, .runtime = u->runtime, .health = u->made.deployment->health };
}

gboolean
sc_update_one_commit (ScUpdateOne *u, GError **error)
{
  return sc_activation_commit (&u->live, u->journal, error);
}

gboolean
sc_update_one_finish (ScUpdateOne *u, GError **error)
{
  const char *name = u->options->name;

  if (!u->start && !sc_systemd_is_running (u->systemd)
      && sc_running_is_elsewhere (u->ctx, u->lock, u->old->runtime, u->journal->to))
    sc_progress_note (u->sink, "systemd is not running: %s runs the old deployment until it is stopped", name);
  return sc_activation_finish (&u->live, u->journal, error);
}

gboolean
sc_update_one_back (ScUpdateOne *u, const char *reason, GError **error)
{
  g_autoptr (GError) local = NULL;

  /* A mark is not worth that something bad stays live; what stops with the machine has none. */
  if (reason != NULL && !sc_systemd_is_stopping (u->systemd)
      && !sc_history_set_failed (u->lock, u->journal->to, reason, &local))
    {
      sc_progress_note (u->sink, "%s: deployment %d cannot be marked as failed: %s", u->options->name, u->journal->to,
                        local->message);
      g_clear_error (&local);
    }
  return sc_activation_back (&u->live, u->journal, &local)
         || sc_fail (error, SC_ERROR_FAILED, "it could not be taken back (%s), 'atomic recover' tries again",
                     local->message);
}

gboolean
sc_update_one_start_old (ScUpdateOne *u, GError **error)
{
  g_autoptr (GError) local = NULL;
  gboolean active = FALSE;

  if (!u->journal->was_active)
    return TRUE;
  if ((u->restarted || sc_running_service (&u->live, &active, NULL, &local))
      && (active || sc_running_restart (&u->live, NULL, &local)))
    return TRUE;
  return sc_fail (error, SC_ERROR_FAILED, "deployment %d is back but did not start either: %s", u->journal->from,
                  local->message);
}

gboolean
sc_update_one_drop (ScUpdateOne *u, GError **error)
{
  return sc_activation_drop (&u->live, u->journal, error);
}
