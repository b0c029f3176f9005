/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "live.h"

/*
 * What of a container runs, and starting it again.
 */

/* TRUE if the container runs from the directory of deployment @number. @runtime (nullable): of the deployment. In doubt
 * FALSE: a runtime that is not there runs nothing. */
gboolean sc_running_is_in (const ScContext *ctx, ScContainerLock *lock, const char *runtime, int number);

/* TRUE if the container runs from another of its directories than @number, or one that is gone. */
gboolean sc_running_is_elsewhere (const ScContext *ctx, ScContainerLock *lock, const char *runtime, int number);

/* Does the service run, or is it about to?  FALSE where systemd does not run. */
gboolean sc_running_service (const ScLive *live, gboolean *out_active, GCancellable *cancellable,
                             GError **error) SC_CHECK;

/* Restarts the service once, by a job that must succeed; says "systemctl restart NAME". */
gboolean sc_running_restart (const ScLive *live, GCancellable *cancellable, GError **error) SC_CHECK;

/* Stops the service, whose unit may be gone, and the container; says "systemctl stop NAME". @runtime: (nullable): of
 * the deployment */
gboolean sc_running_stop (const ScLive *live, const char *runtime, GError **error) SC_CHECK;
