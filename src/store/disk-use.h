/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "image-query.h"

/* What an image costs, in bytes of disk blocks. */
typedef struct
{
  guint64 disk_use; /* of every object that it needs, each once, metadata included */
  guint64 frees;    /* of those that nothing else needs: what deleting it alone and then pruning gives back */
} ScDiskUse;

/**
 * sc_disk_use:
 * @images: (element-type ScImage): all images of the repository, from sc_image_list(); layers that no tag needs may be
 *          among them, and do not count as a need of anything else
 * @pinned: (element-type utf8): commits of images that containers need, which need not have a branch any more
 * @problems: (element-type utf8): gets a line for each commit that could not be read to its end; the numbers are
 *            then of what was found
 *
 * Walks every commit of the repository once: memory grows with the number of objects, not with that of images.  The
 * caller holds the repository (shared).
 *
 * Returns: (transfer full): one entry for each of @images, in their order.
 */
ScDiskUse *sc_disk_use (ScStore *store, const GPtrArray *images, const GPtrArray *pinned, GPtrArray *problems,
                        GCancellable *cancellable, GError **error) SC_CHECK;
