/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "object-hash.h"
#include "progress.h"

/*
 * What is known of the objects of a repository: each is hashed once, however many images reach it.
 */

typedef enum
{
  SC_OBJECT_UNKNOWN, /* nobody has looked yet */
  SC_OBJECT_GOOD,
  SC_OBJECT_DAMAGED,
  SC_OBJECT_MISSING,
} ScObjectState;

typedef struct _ScObjectCheck ScObjectCheck;

/* The caller holds the repository (shared) as long as it lives. */
ScObjectCheck *sc_object_check_new (OstreeRepo *repo, GError **error) SC_CHECK;
void sc_object_check_free (ScObjectCheck *check);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScObjectCheck, sc_object_check_free)

/* What is known; @out_reason (nullable) (transfer none): of a damaged one. */
ScObjectState sc_object_check_state (ScObjectCheck *check, OstreeObjectType type, const guint8 checksum[SC_SHA256_SIZE],
                                     const char **out_reason);

/* Looks at an object now, if nobody has. */
gboolean sc_object_check_now (ScObjectCheck *check, OstreeObjectType type, const guint8 checksum[SC_SHA256_SIZE],
                              ScObjectState *out, GCancellable *cancellable, GError **error) SC_CHECK;

/* Notes a content object for sc_object_check_run(), if nobody has looked at it. */
gboolean sc_object_check_add (ScObjectCheck *check, const guint8 checksum[SC_SHA256_SIZE], GError **error) SC_CHECK;

/* Looks at what was noted, on all processors; progress is of @id. */
gboolean sc_object_check_run (ScObjectCheck *check, const char *id, const ScProgressSink *sink,
                              GCancellable *cancellable, GError **error) SC_CHECK;

/* Forgets what is known of an object that was replaced. */
void sc_object_check_forget (ScObjectCheck *check, OstreeObjectType type, const guint8 checksum[SC_SHA256_SIZE]);

/* Whether any object was damaged or missing so far. */
gboolean sc_object_check_found_bad (const ScObjectCheck *check);

/* Descriptor of objects/, and a hasher for the caller's thread. */
int sc_object_check_dfd (const ScObjectCheck *check);
ScObjectHasher *sc_object_check_hasher (ScObjectCheck *check);
