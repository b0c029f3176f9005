/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "progress.h"
#include "state-dirs.h"

/* What is in use on the host, so that a container that goes leaves it. */

/* A descriptor whose flock keeps, while it is open, the directories of containers' state from being removed (@how
 * LOCK_SH: a deployment is being recorded), or deployments from being recorded (LOCK_EX: directories are removed).
 * Whoever holds it waits for no other lock. -1 on error. */
int sc_state_lock (const ScContext *ctx, int how, const ScProgressSink *sink, GCancellable *cancellable,
                   GError **error) SC_CHECK;

typedef struct
{
  const ScHostTree *host;
  const char *name;    /* of the container that goes */
  gboolean going;      /* its files for the host are there still */
  gboolean force;      /* what cannot be read is passed over */
  GHashTable *reasons; /* path without links -> in words, who uses it */
  char *blind;         /* (nullable): why nobody can know what is in use */
  const ScProgressSink *sink;
  GCancellable *cancellable;
} ScStateUse;

void sc_state_use_clear (ScStateUse *use);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ScStateUse, sc_state_use_clear)

/* What the deployments of other containers, those that are being made too, have: directories, sources of mounts, files
 * for the host, their package's; and files for the host of its own, or of its package, that were changed by hand. */
gboolean sc_state_use_find (ScStateUse *use, GError **error) SC_CHECK;

/* (transfer full) (nullable): why @dir, without links, has to stay. */
char *sc_state_use_reason (const ScStateUse *use, const char *dir);
