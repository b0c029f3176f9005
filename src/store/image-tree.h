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

/**
 * ScImageFiles: looks at a few paths of an image without reading the rest of its tree: of the directories at the top
 * those that are named, and the others only if a link or a layer's note leads there.  The caller holds the
 * repository (shared), and keeps @store and @image.
 */
typedef struct _ScImageFiles ScImageFiles;

/* @only: NULL-terminated, names of directories at the top; kept, not copied. Nothing is read yet. */
ScImageFiles *sc_image_files_new (ScStore *store, const ScImage *image, const char *const *only);
void sc_image_files_free (ScImageFiles *files);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScImageFiles, sc_image_files_free)

/* (transfer full) (nullable): as sc_image_tree_read(); errors of sc_image_tree() too. */
GBytes *sc_image_files_read (ScImageFiles *files, const char *path, gsize max, GCancellable *cancellable,
                             GError **error);
/* @out: whether a directory is at @path, or what a link there leads to. */
gboolean sc_image_files_has_dir (ScImageFiles *files, const char *path, gboolean *out, GCancellable *cancellable,
                                 GError **error) SC_CHECK;
