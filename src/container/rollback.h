/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "deployment.h"
#include "progress.h"

/**
 * sc_rollback:
 * @to: number; SC_NO_DEPLOYMENT: the newest before the live one that has not failed; if there is none, the oldest after
 *      it, so that a rollback takes itself back
 * @out_number: (out)
 *
 * Makes another deployment that is on disk live.  Nothing but that is needed, and all of it is checked before anything
 * is touched.  A service that runs is restarted; what does not start stays, and is an error.
 */
gboolean sc_rollback (const ScContext *ctx, const char *name, int to, const ScProgressSink *sink, int *out_number,
                      GCancellable *cancellable, GError **error) SC_CHECK;
