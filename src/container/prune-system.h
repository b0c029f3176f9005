/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "context.h"
#include "progress.h"
#include "store.h"

/*
 * What nobody needs, in the repository and in the checkouts.
 */

typedef struct
{
  GPtrArray *branches;    /* char *: layers and configs */
  GPtrArray *checkouts;   /* char *: paths of directories */
  GPtrArray *temporaries; /* char *: names in the repository: what pulls and libostree left */
  guint objects;          /* with commits */
  guint64 bytes;          /* on disk, of files of which no name is left */
} ScPruned;

void sc_pruned_clear (ScPruned *pruned);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ScPruned, sc_pruned_clear)

/**
 * sc_prune:
 * @dry_run: change nothing: the steps and @out_pruned tell what would be
 *
 * Removes orphans of the checkouts (sc_orphans_find()) and what neither an image with a name nor a deployment of a
 * container needs (sc_prune_find()).  Waits for whoever changes the checkouts or uses the repository. Errors:
 * SC_ERROR_INVALID for a deployment whose info cannot be read: what it needs is not known.
 */
gboolean sc_prune (const ScContext *ctx, ScStore *store, gboolean dry_run, const ScProgressSink *sink,
                   ScPruned *out_pruned, GCancellable *cancellable, GError **error) SC_CHECK;
