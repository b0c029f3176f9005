/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "deployment-make.h"
#include "gate.h"
#include "live.h"
#include "update.h"

/*
 * The steps of which updates are made (update.h): of one container, or of several together.  In this order: begin,
 * make, plan, activate, restart and gate as wanted, and then either commit and finish, or back, start_old and drop.
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
  ScLive live;
  /* plan */
  ScJournal *journal;
  gboolean start; /* the service runs, and is to */
  /* restart */
  gboolean restarted;
} ScUpdateOne;

/* Holds the container; errors as sc_container_begin(). */
gboolean sc_update_one_begin (ScUpdateOne *u, GError **error) SC_CHECK;

/* The next deployment, unless there is nothing to do or it failed before.  @out: as of sc_update(). */
gboolean sc_update_one_make (ScUpdateOne *u, ScStore *store, ScUpdateOutcome *out, GError **error) SC_CHECK;

/* Of one that is unchanged, at the end: the deployments that are one too many go, if that is wanted. */
void sc_update_one_keep (const ScUpdateOne *u);

/* What will be written into the journal. @group: (nullable): id */
gboolean sc_update_one_plan (ScUpdateOne *u, const char *group, GError **error) SC_CHECK;

/* As sc_activate(). */
gboolean sc_update_one_activate (ScUpdateOne *u, GError **error) SC_CHECK;

/* Of one with @start. */
gboolean sc_update_one_restart (ScUpdateOne *u, GCancellable *cancellable, GError **error) SC_CHECK;

/* When others were restarted after it: systemd may have stopped it with one that it requires, and then it is started
 * again. */
gboolean sc_update_one_rejoin (const ScUpdateOne *u, GCancellable *cancellable, GError **error) SC_CHECK;

/* For sc_gate_pass(), after that. @u must outlive it. */
ScGate sc_update_one_gate (const ScUpdateOne *u);

/* From now on the new one counts, of one that is on its own. */
gboolean sc_update_one_commit (ScUpdateOne *u, GError **error) SC_CHECK;

/* Then the journal goes. */
gboolean sc_update_one_finish (ScUpdateOne *u, GError **error) SC_CHECK;

/* Back to the old one, of which nothing is started yet. @reason: (nullable): what the new one is marked with as failed,
 * if that can be written; NULL: it goes. */
gboolean sc_update_one_back (ScUpdateOne *u, const char *reason, GError **error) SC_CHECK;

/* When all that go back are back: starts it again if it ran, and the new one was started or it does not run now. */
gboolean sc_update_one_start_old (ScUpdateOne *u, GError **error) SC_CHECK;

/* Then: the new one and the journal go. */
gboolean sc_update_one_drop (ScUpdateOne *u, GError **error) SC_CHECK;

void sc_update_one_clear (ScUpdateOne *u);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ScUpdateOne, sc_update_one_clear)
