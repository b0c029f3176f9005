/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "image-query.h"
#include "tree.h"

/*
 * The root of an image in memory, for whoever looks at it without laying it out.  The caller holds the repository
 * (shared) as long as it uses the tree.
 */

/* (transfer full): the layers of @image stacked from the lowest up, whiteouts applied (OCI image specification,
 * layer.md, "Whiteouts"). Errors, which name the image: SC_ERROR_NOT_FOUND for a layer or object that the repository
 * lacks, SC_ERROR_INVALID for an image that cannot be read. */
ScNode *sc_image_tree (ScStore *store, const ScImage *image, GCancellable *cancellable, GError **error) SC_CHECK;

/**
 * sc_image_tree_read:
 * @path: from the top of @root; links are followed inside the tree
 * @max: bytes
 *
 * Returns: (transfer full) (nullable): the content of a regular file; NULL without error if there is none at @path;
 * NULL with SC_ERROR_LIMIT "PATH: larger than N bytes", SC_ERROR_INVALID, or SC_ERROR_NOT_FOUND for an object that the
 * repository lacks.
 */
GBytes *sc_image_tree_read (ScStore *store, ScNode *root, const char *path, gsize max, GCancellable *cancellable,
                            GError **error);
