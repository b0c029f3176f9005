/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <ostree.h>

#include "digest.h"
#include "error.h"

/*
 * Every object that a commit reaches: for what must look at objects.
 */

typedef enum
{
  SC_WALK_FAIL,    /* stop; the visitor has set the error */
  SC_WALK_SKIP,    /* do not go below this object */
  SC_WALK_DESCEND, /* go on */
} ScWalkAnswer;

/**
 * ScObjectVisitor:
 * @path: from the top of the commit, "" for it, its top tree and its metadata; of directories both their tree and
 *        their metadata
 *
 * Called before the object is read, once for each place that it has in the commit, parents first.  After SC_WALK_SKIP
 * for a commit or a tree nothing below it is visited.
 */
typedef ScWalkAnswer (*ScObjectVisitor) (OstreeObjectType type, const guint8 checksum[SC_SHA256_SIZE], const char *path,
                                         gpointer data, GError **error);

/* Walks @commit: the commit, then trees, their metadata and files, names in order. Errors: the visitor's; I/O, and
 * SC_ERROR_INVALID for an object that is not what it should be, with its checksum. */
gboolean sc_objects_walk (OstreeRepo *repo, const char *commit, ScObjectVisitor visit, gpointer data,
                          GCancellable *cancellable, GError **error) SC_CHECK;
