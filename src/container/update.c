/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An update of one container: it is made, activated, its service restarted once, and then it counts or is taken back.
 */
#include "update.h"

#include "activate.h"
#include "update-one.h"

void
sc_update_outcome_clear (ScUpdateOutcome *outcome)
{
  g_clear_pointer (&outcome->reason, g_free);
}

gboolean
sc_update_fail_held (const char *name, const ScUpdateOutcome *outcome, GError **error)
{
  return sc_fail (
      error, SC_ERROR_FAILED,
      "container %s: not tried again until image, values or runtime change, or with --no-gate: deployment %d of the "
      "same failed: %s",
      name, outcome->number, outcome->reason);
}

/* Back to the old one; @why becomes the error. Always FALSE. */
static gboolean
give_up (ScUpdateOne *u, GError *why, GError **error)
{
  g_autoptr (GError) reason = why;
  g_autoptr (GError) local = NULL;
  gboolean cancelled = g_error_matches (reason, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  if (!sc_update_one_back (u, sc_gate_is_verdict (reason) ? reason->message : NULL, &local)
      || !sc_update_one_start_old (u, &local))
    return sc_fail (error, SC_ERROR_FAILED, "deployment %d: %s; %s", u->journal->to, reason->message, local->message);
  if (!sc_update_one_drop (u, &local))
    return sc_fail (
        error, SC_ERROR_FAILED,
        "deployment %d: %s; it runs deployment %d as before, 'atomic recover' tries again to remove what is "
        "left: %s",
        u->journal->to, reason->message, u->journal->from, local->message);
  if (cancelled)
    {
      g_propagate_error (error, g_steal_pointer (&reason));
      return FALSE;
    }
  return sc_fail (error, SC_ERROR_FAILED, "deployment %d: %s; it runs deployment %d as before", u->journal->to,
                  reason->message, u->journal->from);
}

static gboolean
start_new (ScUpdateOne *u, GError **error)
{
  ScGate gate = sc_update_one_gate (u);
  g_autoptr (GError) local = NULL;
  gboolean gated = u->journal->phase == SC_PHASE_PROBATION;
  guint failed = 0;

  /* Without a gate it counts by now. */
  if (!u->start
      || (sc_update_one_restart (u, gated ? u->cancellable : NULL, &local)
          && (!gated
              || (sc_gate_pass (&gate, 1, u->options->probation, &failed, u->cancellable, &local)
                  && sc_update_one_commit (u, &local)))))
    return sc_update_one_finish (u, error);
  if (gated)
    return give_up (u, g_steal_pointer (&local), error);
  if (!sc_update_one_finish (u, error))
    return FALSE;
  return sc_fail (error, SC_ERROR_FAILED, "deployment %d is installed but did not start: %s", u->journal->to,
                  local->message);
}

gboolean
sc_update (const ScContext *ctx, ScStore *store, const ScUpdateOptions *options, const ScProgressSink *sink,
           ScUpdateOutcome *out, GCancellable *cancellable, GError **error)
{
  g_auto (ScUpdateOne) u = { .ctx = ctx, .options = options, .sink = sink, .cancellable = cancellable };

  if (!sc_update_one_begin (&u, error))
    return FALSE;
  if (!sc_update_one_make (&u, store, out, error)
      || (out->result == SC_UPDATE_DONE
          && (!sc_update_one_plan (&u, NULL, error) || !sc_update_one_activate (&u, error) || !start_new (&u, error))))
    return sc_prefix (error, "container %s", options->name);
  if (out->result == SC_UPDATE_UNCHANGED)
    sc_update_one_keep (&u);
  return TRUE;
}
