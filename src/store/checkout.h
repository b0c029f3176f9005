/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "image-query.h"
#include "tree.h"

/**
 * sc_store_checkout:
 * @dfd, @name: where to make the directory, which must not exist; on the repository's file system
 *
 * Lays out the root of @image: its layers from the lowest up, whiteouts and opaque directories applied between layers
 * (OCI image specification, layer.md, "Whiteouts"), every file a hard link to its object (a copy
 * only where the file system allows no more links).  Flushing is the caller's.
 *
 * On error nothing is left at @name.  Errors: SC_ERROR_NOT_FOUND for a layer or object that the repository lacks.
 */
gboolean sc_store_checkout (ScStore *store, const ScImage *image, int dfd, const char *name, GCancellable *cancellable,
                            GError **error) SC_CHECK;

/* Lays out one file, or one directory with all that is below it, of an image's tree as @name, which must not exist. The
 * caller holds the repository (shared). */
gboolean sc_checkout_lay (ScStore *store, ScNode *node, int dfd, const char *name, GCancellable *cancellable,
                          GError **error) SC_CHECK;

/* Gives the open directory @fd the owner, mode and attributes of @dir. */
gboolean sc_checkout_finish_dir (ScStore *store, const ScNode *dir, int fd, GError **error) SC_CHECK;
