/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "container-lock.h"
#include "deployment.h"

/*
 * The deployments of a container that are on disk, and the two marks that one can have: files in its directory,
 * "pinned" (empty) and "failed" (why).
 */

typedef struct
{
  ScDeployment *deployment; /* with @problem set if it cannot be read */
  gboolean damaged;         /* it cannot be read, and that will not change by itself */
  gboolean live;
  gboolean pinned;
  char *failed; /* (nullable): why it was given up */
} ScHistoryEntry;

/* (transfer full): "live, pinned, damaged, failed: WHY", as far as it applies. */
char *sc_history_describe (const ScHistoryEntry *entry);

/* SC_ERROR_NOT_FOUND without such a container. (transfer full) (element-type ScHistoryEntry): newest first. Of a
 * preinstalled container the live one only. */
GPtrArray *sc_history_list (const ScContext *ctx, const char *name, GError **error) SC_CHECK;

/* The same of a container in the checkouts, for whoever holds it. @live: number. */
GPtrArray *sc_history_load (const ScContext *ctx, ScContainerLock *lock, int live, GError **error) SC_CHECK;

/* Removes deployments until @keep are left: the live one, @previous, and the newest ones.  Pinned ones and one that
 * still runs stay in any case, and so does the newest that failed, and one that cannot be read but may be later; these
 * do not count. A note tells what could not be removed, and what is removed because it is damaged. */
void sc_history_prune (const ScContext *ctx, ScContainerLock *lock, int live, int previous, guint keep,
                       const ScProgressSink *sink);

/* @number: SC_NO_DEPLOYMENT means the live one. */
gboolean sc_history_pin (const ScContext *ctx, const char *name, int number, gboolean pinned,
                         const ScProgressSink *sink, GCancellable *cancellable, GError **error) SC_CHECK;

gboolean sc_history_set_failed (ScContainerLock *lock, int number, const char *reason, GError **error) SC_CHECK;
gboolean sc_history_has_failed (ScContainerLock *lock, int number);
