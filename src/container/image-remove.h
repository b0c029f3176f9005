/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "context.h"
#include "image-query.h"

/* SC_ERROR_DENIED that names the image and the containers if a container was made of one of @images (element-type
 * ScImage); an error, too, if what a container was made of cannot be known. */
gboolean sc_images_check_unused (const ScContext *ctx, const GPtrArray *images, GError **error) SC_CHECK;

/**
 * sc_images_remove:
 * @force: also those that a container uses
 *
 * Checks again and deletes (sc_image_delete()) while the checkouts are held: no container is made of an image in
 * between.
 */
gboolean sc_images_remove (const ScContext *ctx, ScStore *store, const GPtrArray *images, gboolean force,
                           guint *out_unneeded, const ScProgressSink *sink, GCancellable *cancellable,
                           GError **error) SC_CHECK;
