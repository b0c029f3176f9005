/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making a deployment live, and back.  The order of the steps is the design's.  What fails is taken back at once; what
 * cannot be taken back either leaves its journal, and recovery tries again.
 */
#include "activate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "fs.h"
#include "history.h"
#include "running.h"
#include "state-dirs.h"

static gboolean
place (const ScLive *live, const ScJournal *journal, const char *temp, GError **error)
{
  int dfd = live->lock->checkouts->dfd;
  g_autofree char *dir = g_strdup_printf ("%s.%d", live->lock->name, journal->to);

  if (renameat2 (dfd, temp, dfd, dir, RENAME_NOREPLACE) != 0)
    return sc_fail_errno (error, errno, "cannot rename %s to %s", temp, dir);
  return sc_fs_sync_dir_at (dfd, ".", error);
}

static gboolean
is_new (const ScJournal *journal)
{
  return journal->operation == SC_OPERATION_INSTALL || journal->operation == SC_OPERATION_UPDATE;
}

/* Is it a service that runs now and has no successor? */
static gboolean
ends_service (const ScLive *live, const ScJournal *journal)
{
  g_autofree char *unit = sc_unit_name (live->lock->name);

  return journal->was_active && sc_systemd_is_running (live->systemd) && sc_live_has (live, journal->from, unit)
         && !sc_live_has (live, journal->to, unit);
}

/* While its unit is there to say how; when it is gone this has been done. */
static gboolean
end_service (const ScLive *live, const ScJournal *journal, GError **error)
{
  g_autoptr (ScDeployment) old = NULL;

  if (!ends_service (live, journal) || !sc_live_unit_is_there (live))
    return TRUE;
  old = sc_deployment_load_number (live->ctx, live->lock->name, journal->from, NULL);
  return sc_running_stop (live, old != NULL ? old->runtime : NULL, error);
}

static gboolean
start_again (const ScLive *live, const ScJournal *journal, GError **error)
{
  gboolean active = FALSE;

  return !ends_service (live, journal)
         || (sc_running_service (live, &active, NULL, error) && (active || sc_running_restart (live, NULL, error)));
}

static gboolean
go_forward (const ScLive *live, const ScJournal *journal, GCancellable *cancellable, GError **error)
{
  gboolean changed = FALSE;

  return end_service (live, journal, error) && sc_live_put_files (live, journal->to, journal->from, &changed, error)
         && sc_live_tell_systemd (live, journal->to, journal->from, journal->was_enabled, cancellable, error);
}

static gboolean
run_steps (const ScLive *live, const ScJournal *journal, const char *temp, GCancellable *cancellable, GError **error)
{
  return (temp == NULL || place (live, journal, temp, error)) && sc_live_set_link (live, journal->to, error)
         && go_forward (live, journal, cancellable, error);
}

gboolean
sc_activate (const ScLive *live, const ScJournal *journal, const char *temp, GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) undo = NULL;

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;
  if (!sc_journal_begin (live->lock->checkouts->dfd, live->lock->name, journal, error))
    return FALSE;
  if (run_steps (live, journal, temp, cancellable, error))
    return TRUE;
  if (!sc_activation_back (live, journal, &undo) || !start_again (live, journal, &undo)
      || !sc_activation_drop (live, journal, &undo))
    sc_progress_note (live->sink, "%s could not be taken back to what it was: %s; 'atomic recover' tries again",
                      live->lock->name, undo->message);
  return FALSE;
}

gboolean
sc_activation_commit (const ScLive *live, ScJournal *journal, GError **error)
{
  g_autofree char *group = NULL;

  if (journal->phase != SC_PHASE_PROBATION)
    return TRUE;
  group = g_steal_pointer (&journal->group);
  journal->phase = SC_PHASE_ACTIVATE;
  if (sc_journal_save (live->lock->checkouts->dfd, live->lock->name, journal, error))
    return TRUE;
  journal->phase = SC_PHASE_PROBATION;
  journal->group = g_steal_pointer (&group);
  return FALSE;
}

gboolean
sc_activation_finish (const ScLive *live, ScJournal *journal, GError **error)
{
  int dfd = live->lock->checkouts->dfd;

  if (!sc_activation_commit (live, journal, error))
    return FALSE;
  if (is_new (journal))
    sc_history_prune (live->ctx, live->lock, journal->to, journal->from, journal->keep, live->sink);
  return sc_journal_remove (dfd, live->lock->name, error)
         || sc_prefix (error, "deployment %d is live, 'atomic recover' tries again to remove its journal", journal->to);
}

/* Nobody wants to hear the steps of what is taken back or made up for, but what goes wrong in them. */
static void
pass_notes (const ScProgress *progress, gpointer data)
{
  const ScProgressSink *sink = data;

  if (progress->kind != SC_PROGRESS_STEP)
    sink->func (progress, sink->data);
}

gboolean
sc_activation_back (const ScLive *live, const ScJournal *journal, GError **error)
{
  const ScProgressSink notes = { pass_notes, (gpointer)live->sink };
  ScLive quiet = *live;
  int now = sc_live_number (live->lock->checkouts->dfd, live->lock->name);
  gboolean changed = FALSE;

  quiet.sink = live->sink != NULL ? &notes : NULL;
  quiet.resumed = quiet.recovering = TRUE;
  if (journal->from == SC_NO_DEPLOYMENT)
    return sc_live_put_files (&quiet, SC_NO_DEPLOYMENT, journal->to, &changed, error)
           && (!changed || sc_systemd_reload (live->systemd, NULL, error))
           && (now == SC_NO_DEPLOYMENT || sc_live_set_link (&quiet, SC_NO_DEPLOYMENT, error));
  return (now == journal->from || sc_live_set_link (&quiet, journal->from, error))
         && sc_live_put_files (&quiet, journal->from, journal->to, &changed, error)
         && sc_live_tell_systemd (&quiet, journal->from, journal->to, journal->was_enabled, NULL, error);
}

gboolean
sc_activation_drop (const ScLive *live, const ScJournal *journal, GError **error)
{
  ScContainerLock *lock = live->lock;

  if (is_new (journal) && sc_history_has_failed (lock, journal->to))
    sc_history_prune (live->ctx, lock, journal->from, SC_NO_DEPLOYMENT, SC_DEPLOYMENTS_MAX, live->sink);
  else if (is_new (journal)
           && (!sc_state_dirs_take_back (live->ctx, lock->name, journal->from, journal->to, error)
               || !sc_checkouts_remove (lock->checkouts, lock->name, journal->to, error)))
    return FALSE;
  return sc_journal_remove (lock->checkouts->dfd, lock->name, error);
}

gboolean
sc_activation_forward (const ScLive *live, const ScJournal *journal, GError **error)
{
  const ScProgressSink notes = { pass_notes, (gpointer)live->sink };
  ScLive quiet = *live;

  quiet.sink = live->sink != NULL ? &notes : NULL;
  quiet.resumed = TRUE;
  return go_forward (&quiet, journal, NULL, error);
}
