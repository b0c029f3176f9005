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

/**
 * sc_gate_pass:
 * @gates: containers
 * @seconds: the probation
 * @out_failed: (out): the index of the one that did not pass; not set if it was cancelled
 *
 * One after the other gets the time that its health check has to pass for the first time; the probation begins when all
 * are ready; at its end every check is tried once more and must pass.  From the beginning to the end every service must
 * be active and not be started again.
 *
 * Errors: SC_ERROR_FAILED: "the service was failed ...", "health check X: connection refused (not ready within 30 s)".
 */
gboolean sc_gate_pass (ScGate *gates, guint n, guint seconds, guint *out_failed, GCancellable *cancellable,
                       GError **error) SC_CHECK;
