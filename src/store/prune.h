/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "store.h"
#include "tally.h"

/*
 * What of the repository nobody needs, found first and then removed.  The caller holds the repository exclusively from
 * before sc_prune_find() until after sc_prune_remove().
 */

typedef struct
{
  GPtrArray *branches;    /* char *: layers and configs that no image needs, by name */
  GPtrArray *strays;      /* char *: refs that libostree left when it was killed, by name */
  GPtrArray *commits;     /* char *: checksums of commits that nobody needs */
  GPtrArray *objects;     /* char *: "<hex>.<type>": other objects of that kind */
  GPtrArray *temporaries; /* char *: names in the repository's tmp/ */
} ScPruneList;

void sc_prune_list_free (ScPruneList *list);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScPruneList, sc_prune_list_free)

/**
 * sc_prune_find:
 * @in_use: (element-type utf8): commits of images that containers were made of, named or not
 * @tally: what goes is counted there
 *
 * Changes nothing. What is needed: what an image that has a name or is in @in_use names; objects that any ref of
 * anybody or a commit in @in_use reaches; and every commit that is not an image's, referred to or not.  Where that
 * cannot be known, nothing of the kind is on the list, and a note tells why: layers and configs if a manifest cannot be
 * read; objects if a commit that must stay is damaged, if any ref names no commit, or if a layer or a config that is
 * needed has no ref.
 */
ScPruneList *sc_prune_find (ScStore *store, const GPtrArray *in_use, ScTally *tally, const ScProgressSink *sink,
                            GCancellable *cancellable, GError **error) SC_CHECK;

/* Removes what is on the list: refs, then, when that is on disk, commits, then what only they held together, so that
 * what is left of an interrupted removal is whole. */
gboolean sc_prune_remove (ScStore *store, const ScPruneList *list, const ScProgressSink *sink,
                          GCancellable *cancellable, GError **error) SC_CHECK;
