/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "deployment-make.h"
#include "gate.h"
#include "live.h"
#include "update.h"

/*
 * The steps of which updates are made (update.h): of one container, or of several together.  In this order: begin,
 * make, plan, activate, restart and gate as wanted, and then either finish or back.
 */

typedef struct
{
  /* The caller's. */
  const ScContext *ctx;
  const ScUpdateOptions *options;
  const ScProgressSink *sink;
  GCancellable *cancellable;

  /* begin */
  ScContainerLock *lock;
  /* make */
  ScSystemd *systemd;
  ScDeployment *old;
  ScImage *image;
  ScRuntime *runtime;
  GHashTable *previous; /* values of the old one that are kept */
  ScMakeInput input;
  ScMade made;
  /* plan */
  ScLive live;
  ScJournal *journal;
  gboolean stop; /* the service runs and the new deployment has none */
  /* restart */
  gboolean restarted;
} ScUpdateOne;

/* Holds the container; errors as sc_container_begin(). */
gboolean sc_update_one_begin (ScUpdateOne *u, GError **error) SC_CHECK;

/* The next deployment, unless there is nothing to do or it failed before, which a note tells.  @out_number: as of
 * sc_update(). */
gboolean sc_update_one_make (ScUpdateOne *u, ScStore *store, ScUpdateResult *out_result, int *out_number,
                             GError **error) SC_CHECK;

/* What will be written into the journal. @group: (nullable): id */
gboolean sc_update_one_plan (ScUpdateOne *u, const char *group, GError **error) SC_CHECK;

/* As sc_activate(). */
gboolean sc_update_one_activate (ScUpdateOne *u, GError **error) SC_CHECK;

/* Of one with journal->was_active. */
gboolean sc_update_one_restart (ScUpdateOne *u, GError **error) SC_CHECK;

/* For sc_gate_pass(), after that. @u must outlive it. */
ScGate sc_update_one_gate (const ScUpdateOne *u);

/* The new one counts: the service is stopped if there is none any more, and the journal goes. */
gboolean sc_update_one_finish (ScUpdateOne *u, GError **error) SC_CHECK;

/* The old one, started again if the new one was. @reason: (nullable): what the new one is marked with as failed; NULL:
 * it goes. */
gboolean sc_update_one_back (ScUpdateOne *u, const char *reason, GError **error) SC_CHECK;

void sc_update_one_clear (ScUpdateOne *u);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ScUpdateOne, sc_update_one_clear)
