/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "checkouts.h"

/*
 * What died processes left in the checkouts.  The caller holds them.
 */

/**
 * sc_orphans_find:
 * @checkouts: of sc_checkouts_lock()
 *
 * Changes nothing. Orphans are deployments NAME.N where no link NAME is, whole or half made; SC_CHECKOUTS_TEMP
 * directories; and bundles SC_CHECKOUTS_RUN that nobody holds, a minute old at least.  Never one of a container that
 * runs, or may run: a note tells. A directory NAME.N in which there is nothing of a deployment is somebody else's.
 *
 * Returns: (transfer full) (element-type utf8): their names, sorted.
 */
GPtrArray *sc_orphans_find (const ScContext *ctx, ScCheckouts *checkouts, const ScProgressSink *sink,
                            GCancellable *cancellable, GError **error) SC_CHECK;

/* Removes @orphans, and of deployments the host files that are theirs; a step tells each. */
gboolean sc_orphans_remove (const ScContext *ctx, ScCheckouts *checkouts, const GPtrArray *orphans,
                            const ScProgressSink *sink, GCancellable *cancellable, GError **error) SC_CHECK;
