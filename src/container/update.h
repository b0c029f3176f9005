/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "deployment.h"
#include "progress.h"
#include "store.h"

typedef struct
{
  const char *name;
  const char *image;        /* (nullable): --rebase, in the repository; NULL: the image the container has */
  const char *const *set;   /* (nullable): NAME=VALUE */
  const char *const *unset; /* (nullable): NAME */
  const char *runtime;      /* (nullable): path or name of another one; NULL: the runtime the container has */
  gboolean gated;           /* it counts only if it passes its gate */
  gboolean gate_wanted;     /* a note tells if no gate can be held */
  guint probation;          /* seconds, for @gated */
  guint keep;               /* deployments that stay, the new one included */
  gboolean keep_now;        /* also if there is nothing else to do */
  gboolean retry;           /* what has failed once may be tried again */
} ScUpdateOptions;

typedef enum
{
  SC_UPDATE_DONE,
  SC_UPDATE_UNCHANGED, /* neither image nor values nor runtime nor what is made of them differ */
  SC_UPDATE_HELD,      /* the same has failed before */
} ScUpdateResult;

typedef struct
{
  ScUpdateResult result;
  int previous; /* number of the deployment that was live */
  int number;   /* of the one that is live now; with SC_UPDATE_HELD, of the one that failed */
  char *reason; /* (nullable): with SC_UPDATE_HELD: why it failed */
} ScUpdateOutcome;

void sc_update_outcome_clear (ScUpdateOutcome *outcome);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ScUpdateOutcome, sc_update_outcome_clear)

/* The error that SC_UPDATE_HELD is where one container is meant.  Always FALSE. */
gboolean sc_update_fail_held (const char *name, const ScUpdateOutcome *outcome, GError **error);

/**
 * sc_update:
 * @out: (out)
 *
 * Makes the next deployment of an installed container, activates it and, if the service ran, restarts it once.  Values
 * are those of the live deployment, @unset and then @set applied.  Gated, the start job must succeed and the service
 * pass its gate (gate.h), or else the container goes back to what it was, and the new deployment is marked as
 * failed. Where systemd does not run nothing is restarted and a note tells if the container runs.
 *
 * Errors: those of sc_container_begin() and sc_install(); SC_ERROR_NOT_FOUND for an image that the repository lacks;
 * SC_ERROR_FAILED, gated, for one that went back, or, not gated, for one that is live but did not start.
 */
gboolean sc_update (const ScContext *ctx, ScStore *store, const ScUpdateOptions *options, const ScProgressSink *sink,
                    ScUpdateOutcome *out, GCancellable *cancellable, GError **error) SC_CHECK;
