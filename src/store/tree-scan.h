/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <ostree.h>

#include "node-info.h"
#include "tree.h"

/**
 * sc_tree_scan:
 * @repo: (nullable): that the directory was checked out of
 * @like: (nullable): the tree that was checked out, of @repo
 * @dfd, @name: the directory
 * @out_infos: (out) (transfer full) (element-type ScNode ScNodeInfo): of the nodes that are not objects of @like
 *
 * The tree of a directory on disk: each file with the checksum that it would have as an object.  A file that is the
 * same inode as the object that @like has at its path is that object, and not read; what is wrong inside objects is
 * not found here.  Of extended attributes, those count that images have, and those that @like has at the path.  In a
 * repository of mode bare-user owners and attributes are not on disk: they are taken to be those of @like.
 *
 * Returns: (transfer full): the top. Errors, that name the path: SC_ERROR_UNSUPPORTED for another file system mounted
 * inside, SC_ERROR_LIMIT for a tree that is too deep or too large, I/O.
 */
ScNode *sc_tree_scan (OstreeRepo *repo, const ScNode *like, int dfd, const char *name, GHashTable **out_infos,
                      GCancellable *cancellable, GError **error) SC_CHECK;
