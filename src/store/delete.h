/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "image-query.h"

/*
 * Taking names of images away.  What the images were made of stays until it is pruned.
 */

/**
 * sc_image_select:
 * @texts: (nullable): NULL-terminated, names or prefixes of ids as the user writes them; NULL: every image
 * @all_names: a prefix of the id of an image that has several names means all of them
 *
 * Returns: (transfer full) (element-type ScImage): each image once, in the order of @texts. Errors: SC_ERROR_NOT_FOUND
 * "no image 'X'"; SC_ERROR_USAGE for a prefix of several ids; SC_ERROR_DENIED for an id with several names without
 * @all_names. The ids and names are in the messages.
 */
GPtrArray *sc_image_select (ScStore *store, const char *const *texts, gboolean all_names, GCancellable *cancellable,
                            GError **error) SC_CHECK;

/**
 * sc_image_delete:
 * @images: (element-type ScImage): looked up a while ago
 * @out_unneeded: number of layers and configs of theirs that no image needs any more
 *
 * Removes their names, those that are still of an image of the same id, and flushes that; a step tells each.
 */
gboolean sc_image_delete (ScStore *store, const GPtrArray *images, guint *out_unneeded, const ScProgressSink *sink,
                          GCancellable *cancellable, GError **error) SC_CHECK;
