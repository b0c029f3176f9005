/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watching services after an update.  Nothing is started or stopped here.
 */
#include "gate.h"

#include <string.h>

#include "fs.h"
#include "probe.h"

#define POLL_MS 200

typedef struct
{
  ScGate *gates;
  guint n;
  guint at; /* the one that is looked at */
  gint64 begin;
  GCancellable *cancellable;
} Watch;

/* Sleeps unless cancelled. */
static gboolean
pause_for (gint64 usec, GCancellable *cancellable, GError **error)
{
  GPollFD poll_fd = { .fd = -1 };
  gboolean has_fd = g_cancellable_make_pollfd (cancellable, &poll_fd);

  (void)g_poll (&poll_fd, has_fd ? 1 : 0, (int)(usec / 1000));
  if (has_fd)
    g_cancellable_release_fd (cancellable);
  return !g_cancellable_set_error_if_cancelled (cancellable, error);
}

static gboolean
look (Watch *w, GError **error)
{
  ScGate *gate = &w->gates[w->at];
  g_autofree char *unit = sc_unit_name (gate->live->lock->name);
  g_autofree char *state = sc_systemd_active_state (gate->live->systemd, unit, w->cancellable, error);
  guint64 since = 0;
  guint restarts = 0;

  if (state == NULL || !sc_systemd_active_since (gate->live->systemd, unit, &since, w->cancellable, error)
      || !sc_systemd_restarts (gate->live->systemd, unit, &restarts, w->cancellable, error))
    return FALSE;
  if (strcmp (state, "active") != 0 && strcmp (state, "reloading") != 0)
    return sc_fail (error, SC_ERROR_FAILED, "the service was %s %.1f seconds after its start, see 'journalctl -u %s'",
                    state, (double)(g_get_monotonic_time () - w->begin) / G_USEC_PER_SEC, unit);
  /* The latter: while others were being restarted. */
  if (since != gate->since || restarts > 0)
    return sc_fail (error, SC_ERROR_FAILED, "the service ended and was started again, see 'journalctl -u %s'", unit);
  return TRUE;
}

static gboolean
look_at_all (Watch *w, GError **error)
{
  guint at = w->at;

  for (w->at = 0; w->at < w->n; w->at++)
    if (!look (w, error))
      return FALSE;
  w->at = at;
  return TRUE;
}

static gboolean
watch_until (Watch *w, gint64 end, GError **error)
{
  for (;;)
    {
      gint64 left = end - g_get_monotonic_time ();

      if (!look_at_all (w, error))
        return FALSE;
      if (left <= 0)
        return TRUE;
      if (!pause_for (MIN (left, POLL_MS * 1000), w->cancellable, error))
        return FALSE;
    }
}

/* In a directory that recovery removes, should we die here. */
static gboolean
try_command (const ScGate *gate, guint seconds, GCancellable *cancellable, GError **error)
{
  const ScContainerLock *lock = gate->live->lock;
  g_autofree char *prefix = g_strconcat (SC_CHECKOUTS_TEMP, lock->name, NULL);
  g_autofree char *temp = sc_fs_make_temp_dir_at (lock->checkouts->dfd, prefix, error), *file = NULL;
  gboolean ok;

  if (temp == NULL)
    return FALSE;
  file = g_build_filename (lock->checkouts->path, temp, "pid", NULL);
  ok = sc_probe_command (gate->runtime, lock->name, (const char *const *)gate->health->words, file, seconds,
                         cancellable, error);
  if (!sc_fs_remove_tree_at (lock->checkouts->dfd, temp, NULL))
    g_debug ("%s stays until the next command", temp);
  return ok;
}

/* @seconds: that are left for it. */
static gboolean
try_health (const ScGate *gate, guint seconds, GCancellable *cancellable, GError **error)
{
  const ScHealth *health = gate->health;
  g_autofree char *text = sc_health_describe (health);
  gboolean ok = FALSE;

  seconds = MIN (seconds, health->timeout);
  switch (health->kind)
    {
    case SC_HEALTH_COMMAND:
      ok = try_command (gate, seconds, cancellable, error);
      break;
    case SC_HEALTH_HTTP:
      ok = sc_probe_http (health->words[0], seconds, cancellable, error);
      break;
    case SC_HEALTH_TCP:
      ok = sc_probe_tcp (health->words[0], seconds, cancellable, error);
      break;
    }
  return ok || sc_prefix (error, "health check %s", text);
}

/* Until the check of the one looked at passes. */
static gboolean
wait_ready (Watch *w, GError **error)
{
  const ScGate *gate = &w->gates[w->at];
  const ScHealth *health = gate->health;
  gint64 end = g_get_monotonic_time () + (gint64)health->start_period * G_USEC_PER_SEC;

  for (;;)
    {
      g_autoptr (GError) local = NULL;
      gint64 now = g_get_monotonic_time ();
      guint left = end > now ? (guint)((end - now + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC) : 1;

      if (try_health (gate, left, w->cancellable, &local))
        return TRUE;
      if (g_cancellable_set_error_if_cancelled (w->cancellable, error) || !look_at_all (w, error))
        return FALSE;
      now = g_get_monotonic_time ();
      if (now >= end && !sc_gate_is_verdict (local))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
      if (now >= end)
        return sc_fail (error, SC_ERROR_FAILED, "%s (not ready within %u s)", local->message, health->start_period);
      if (!watch_until (w, MIN (end, now + (gint64)health->interval * G_USEC_PER_SEC), error))
        return FALSE;
    }
}

static gboolean
run_watch (Watch *w, guint seconds, GError **error)
{
  for (w->at = 0; w->at < w->n; w->at++)
    {
      ScGate *gate = &w->gates[w->at];
      g_autofree char *unit = sc_unit_name (gate->live->lock->name);

      if (!sc_systemd_active_since (gate->live->systemd, unit, &gate->since, w->cancellable, error))
        return FALSE;
    }
  for (w->at = 0; w->at < w->n; w->at++)
    if (w->gates[w->at].health != NULL && !wait_ready (w, error))
      return FALSE;
  w->at = 0;
  if (!watch_until (w, g_get_monotonic_time () + (gint64)seconds * G_USEC_PER_SEC, error))
    return FALSE;
  for (w->at = 0; w->at < w->n; w->at++)
    if (w->gates[w->at].health != NULL && !try_health (&w->gates[w->at], G_MAXUINT, w->cancellable, error))
      return FALSE;
  w->at = 0;
  return look_at_all (w, error);
}

gboolean
sc_gate_is_verdict (const GError *error)
{
  return g_error_matches (error, SC_ERROR, SC_ERROR_FAILED);
}

gboolean
sc_gate_pass (ScGate *gates, guint n, guint seconds, guint *out_failed, GCancellable *cancellable, GError **error)
{
  Watch w = { .gates = gates, .n = n, .begin = g_get_monotonic_time (), .cancellable = cancellable };

  if (run_watch (&w, seconds, error))
    return TRUE;
  *out_failed = MIN (w.at, n - 1);
  return FALSE;
}
