/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "health.h"
#include "live.h"
#include "runtime.h"

/*
 * The gate of an update: what was restarted must stay up, and pass its health check if it has one.
 */

typedef struct
{
  const ScLive *live;       /* of a container whose service was started by a job that succeeded */
  const ScRuntime *runtime; /* that runs it */
  const ScHealth *health;   /* (nullable) */
  guint64 since;            /* the gate's own */
} ScGate;

/* Is @error, of a restart or of the gate, about what was started, and not about our own troubles with finding out? */
gboolean sc_gate_is_verdict (const GError *error);

/**
 * sc_gate_pass:
 * @gates: containers
 * @seconds: the probation
 * @out_failed: (out): the index of the one that did not pass; not set if it was cancelled
 *
 * One after the other gets the time that its health check has to pass for the first time; the probation begins when all
 * are ready; at its end every check is tried once more and must pass.  From the beginning to the end every service must
 * be active (or reloading) and not be started again; nor may systemd have done that since the restart, unless it went
 * with a job of another's.
 *
 * Errors, those of sc_gate_is_verdict(): "the service was failed ...", "health check X: connection refused (not ready
 * within 30 s)".
 */
gboolean sc_gate_pass (ScGate *gates, guint n, guint seconds, guint *out_failed, GCancellable *cancellable,
                       GError **error) SC_CHECK;
