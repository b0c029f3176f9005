/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "update.h"

/* One of several containers that are updated together. */
typedef struct
{
  const char *name;
  /* out */
  ScUpdateOutcome outcome; /* on success not SC_UPDATE_HELD; the one that failed before has that, with the error */
  gboolean counts;         /* it is decided: what outcome says is so, whatever goes wrong after that */
  char *problem;           /* (transfer full) (nullable): what did */
} ScTogether;

/**
 * sc_update_together:
 * @options: for all of them; name, image, set and unset are not used
 * @members: each container once; they are switched and restarted in this order
 *
 * All of them, as sc_update(), or none.  All deployments are made before the first service is touched; one of which the
 * same failed before makes it fail then.  Gated, all that run must start and pass their gate, or else all go back, and
 * the one that did not is marked as failed. Not gated, all are switched, and what does not start is an error at the
 * end.  One that does not run is switched with the others.
 *
 * Errors: SC_ERROR_USAGE for a container that is named twice; those of sc_update(), with the name of the container.
 */
gboolean sc_update_together (const ScContext *ctx, ScStore *store, const ScUpdateOptions *options, ScTogether *members,
                             guint n_members, const ScProgressSink *sink, GCancellable *cancellable,
                             GError **error) SC_CHECK;
