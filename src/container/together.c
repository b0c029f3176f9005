/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Several containers as one update.  Their links change one after the other, but all of their journals name a group,
 * and as long as its file is there the old deployments count: its removal is the one commit point.
 */
#include "together.h"

#include <string.h>

#include "group.h"
#include "recover.h"
#include "update-one.h"

typedef struct
{
  ScUpdateOptions options;
  ScUpdateOne one;
  ScTogether *result;
  gboolean live; /* the new deployment is, and its journal is there */
} Member;

typedef struct
{
  Member *all; /* in the order of the caller */
  guint n;
  GPtrArray *changed; /* Member: those that there is something to do for */
  ScGroup *group;     /* (nullable) */
} Together;

static void
together_clear (Together *t)
{
  /* While its members are held, so that nobody recovers them meanwhile. */
  g_clear_pointer (&t->group, sc_group_free);
  g_clear_pointer (&t->changed, g_ptr_array_unref);
  for (guint i = 0; i < t->n; i++)
    sc_update_one_clear (&t->all[i].one);
  g_clear_pointer (&t->all, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Together, together_clear)

static const char *
name_of (const Member *member)
{
  return member->options.name;
}

/* -- before anything is touched -- */

static gint
compare_members (gconstpointer a, gconstpointer b)
{
  return strcmp (name_of (*(Member *const *)a), name_of (*(Member *const *)b));
}

/* In the order of names: whoever else wants two of them wants them in the same order. */
static gboolean
hold_all (Together *t, GError **error)
{
  g_autoptr (GPtrArray) sorted = g_ptr_array_new ();

  for (guint i = 0; i < t->n; i++)
    g_ptr_array_add (sorted, &t->all[i]);
  g_ptr_array_sort (sorted, compare_members);
  for (guint i = 1; i < sorted->len; i++)
    if (compare_members (&sorted->pdata[i - 1], &sorted->pdata[i]) == 0)
      return sc_fail (error, SC_ERROR_USAGE, "container %s is named twice", name_of (sorted->pdata[i]));
  for (guint i = 0; i < sorted->len; i++)
    if (!sc_update_one_begin (&((Member *)sorted->pdata[i])->one, error))
      return FALSE;
  return TRUE;
}

static gboolean
make_all (Together *t, ScStore *store, GError **error)
{
  for (guint i = 0; i < t->n; i++)
    {
      Member *member = &t->all[i];

      if (!sc_update_one_make (&member->one, store, &member->result->outcome, error))
        return sc_prefix (error, "container %s", name_of (member));
      if (member->result->outcome.result == SC_UPDATE_HELD)
        return sc_update_fail_held (name_of (member), &member->result->outcome, error);
      if (member->result->outcome.result == SC_UPDATE_DONE)
        g_ptr_array_add (t->changed, member);
    }
  return TRUE;
}

/* -- back -- */

static void
note_stuck (Member *member, GError *why)
{
  sc_progress_note (member->one.sink, "%s: deployment %d: %s", name_of (member), member->one.journal->to, why->message);
}

/* Services may need each other: none is started before all are back. */
static void
take_back (Together *t, const Member *culprit, const char *reason)
{
  for (guint i = t->changed->len; i > 0; i--)
    {
      Member *member = t->changed->pdata[i - 1];
      g_autoptr (GError) local = NULL;

      if (!member->live || sc_update_one_back (&member->one, member == culprit ? reason : NULL, &local))
        continue;
      note_stuck (member, local);
      member->live = FALSE;
    }
  for (guint pass = 0; pass < 2; pass++)
    for (guint i = 0; i < t->changed->len; i++)
      {
        Member *member = t->changed->pdata[i];
        g_autoptr (GError) local = NULL;

        if (!member->live
            || (pass == 0 ? sc_update_one_start_old (&member->one, &local)
                          : (!member->one.journal->was_active || sc_update_one_rejoin (&member->one, NULL, &local))
                                && sc_update_one_drop (&member->one, &local)))
          continue;
        note_stuck (member, local);
        member->live = FALSE;
      }
}

/* All that are live go back; @why, of @culprit (nullable), becomes the error.  Always FALSE. */
static gboolean
give_up (Together *t, Member *culprit, GError *why, GError **error)
{
  g_autoptr (GError) reason = why;
  const char *outcome = "none of them is updated";

  take_back (t, culprit, sc_gate_is_verdict (reason) ? reason->message : NULL);
  for (guint i = 0; i < t->changed->len; i++)
    if (sc_container_is_interrupted (t->all[0].one.ctx, name_of (t->changed->pdata[i])))
      outcome = "not all could be taken back: 'atomic recover' tries again";
  if (g_error_matches (reason, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      sc_progress_note (t->all[0].one.sink, "%s", outcome);
      g_propagate_error (error, g_steal_pointer (&reason));
      return FALSE;
    }
  if (culprit == NULL)
    return sc_fail (error, SC_ERROR_FAILED, "%s; %s", reason->message, outcome);
  return sc_fail (error, SC_ERROR_FAILED, "container %s: deployment %d: %s; %s", name_of (culprit),
                  culprit->one.journal->to, reason->message, outcome);
}

/* -- forward -- */

static gboolean
activate_all (Together *t, Member **out_culprit, GError **error)
{
  for (guint i = 0; i < t->changed->len; i++)
    {
      Member *member = *out_culprit = t->changed->pdata[i];

      if (!sc_update_one_plan (&member->one, t->group->id, error) || !sc_update_one_activate (&member->one, error))
        return sc_prefix (error, "container %s", name_of (member));
      member->live = TRUE;
    }
  return TRUE;
}

/* Starts what ran, and watches all of it. */
static gboolean
prove_all (Together *t, Member **out_culprit, GError **error)
{
  g_autoptr (GArray) gates = g_array_new (FALSE, FALSE, sizeof (ScGate));
  g_autoptr (GPtrArray) watched = g_ptr_array_new ();
  guint failed = 0;

  for (guint i = 0; i < t->changed->len; i++)
    {
      Member *member = *out_culprit = t->changed->pdata[i];
      ScGate gate = sc_update_one_gate (&member->one);

      if (!member->one.start)
        continue;
      if (!sc_update_one_restart (&member->one, member->one.cancellable, error))
        return FALSE;
      g_array_append_val (gates, gate);
      g_ptr_array_add (watched, member);
    }
  for (guint i = 0; i + 1 < watched->len; i++)
    {
      Member *member = *out_culprit = watched->pdata[i];

      if (!sc_update_one_rejoin (&member->one, member->one.cancellable, error))
        return FALSE;
    }
  if (gates->len == 0)
    return TRUE;
  if (sc_gate_pass ((ScGate *)(gpointer)gates->data, gates->len, t->all[0].options.probation, &failed,
                    t->all[0].one.cancellable, error))
    return TRUE;
  *out_culprit = watched->pdata[failed];
  return FALSE;
}

/* They count now: what fails is told, and does not keep the others. */
static gboolean
finish_all (Together *t, gboolean restart, GError **error)
{
  g_autofree GError **errors = g_new0 (GError *, t->changed->len);
  guint failed = 0;

  for (guint i = 0; i < t->n; i++)
    t->all[i].result->counts = TRUE;
  for (guint i = 0; restart && i < t->changed->len; i++)
    {
      Member *member = t->changed->pdata[i];

      if (member->one.start)
        (void)!sc_update_one_restart (&member->one, NULL, &errors[i]);
    }
  for (guint i = 0; i < t->changed->len; i++)
    {
      Member *member = t->changed->pdata[i];
      g_autoptr (GError) local = errors[i];
      gboolean started = !member->one.start || (local == NULL && sc_update_one_rejoin (&member->one, NULL, &local));

      /* As sc_group_resolve() would say. */
      member->one.journal->phase = SC_PHASE_ACTIVATE;
      g_clear_pointer (&member->one.journal->group, g_free);
      if (!started)
        sc_prefix (&local, "deployment %d is installed but did not start", member->one.journal->to);
      if (sc_update_one_finish (&member->one, started ? &local : NULL) && started)
        continue;
      sc_progress_note (member->one.sink, "%s: %s", name_of (member), local->message);
      member->result->problem = g_strdup (local->message);
      failed++;
    }
  return failed == 0
         || sc_fail (error, SC_ERROR_FAILED, "all are updated, but %u of %u with an error", failed, t->changed->len);
}

static gboolean
switch_all (Together *t, ScCheckouts *checkouts, gboolean gated, GError **error)
{
  g_autoptr (GError) local = NULL;
  Member *culprit = NULL;

  t->group = sc_group_new (checkouts->dfd, error);
  if (t->group == NULL)
    return FALSE;
  if (!activate_all (t, &culprit, &local))
    return give_up (t, NULL, g_steal_pointer (&local), error);
  if (gated && !prove_all (t, &culprit, &local))
    return give_up (t, culprit, g_steal_pointer (&local), error);
  if (!sc_group_decide (t->group, &local))
    {
      if (!t->group->decided)
        return give_up (t, NULL, g_steal_pointer (&local), error);
      g_propagate_error (error, g_steal_pointer (&local));
      return sc_prefix (error, "all are updated, but it is not known to be on disk; 'atomic recover' tries again");
    }
  return finish_all (t, !gated, error);
}

gboolean
sc_update_together (const ScContext *ctx, ScStore *store, const ScUpdateOptions *options, ScTogether *members,
                    guint n_members, const ScProgressSink *sink, GCancellable *cancellable, GError **error)
{
  g_auto (Together) t = { .all = g_new0 (Member, n_members), .n = n_members, .changed = g_ptr_array_new () };

  for (guint i = 0; i < n_members; i++)
    {
      Member *member = &t.all[i];

      member->options = *options;
      member->options.name = members[i].name;
      member->options.image = NULL;
      member->options.set = member->options.unset = NULL;
      member->result = &members[i];
      member->one.ctx = ctx;
      member->one.options = &member->options;
      member->one.sink = sink;
      member->one.cancellable = cancellable;
    }
  if (!hold_all (&t, error) || !make_all (&t, store, error)
      || (t.changed->len > 0 && !switch_all (&t, t.all[0].one.lock->checkouts, options->gated, error)))
    return FALSE;
  for (guint i = 0; i < n_members; i++)
    if (members[i].outcome.result == SC_UPDATE_UNCHANGED)
      sc_update_one_keep (&t.all[i].one);
  return TRUE;
}
