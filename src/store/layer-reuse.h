/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "store.h"

/*
 * Layers and configs that are in the repository already, for a pull.  One that an image names is what it is: verify
 * looks at it. One that none does, left by a deleted image, may have been damaged for long without anybody to tell, so
 * its objects are hashed before it is used again.
 */

typedef struct _ScLayerReuse ScLayerReuse;

/* The caller holds the repository (shared) as long as it lives. */
ScLayerReuse *sc_layer_reuse_new (ScStore *store);
void sc_layer_reuse_free (ScLayerReuse *reuse);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScLayerReuse, sc_layer_reuse_free)

/* @out_commit (transfer full) (nullable): of the layer or config @digest; NULL without error if it is not there, or is
 * to be fetched again: then its damaged objects are gone, so that new ones take their place. */
gboolean sc_layer_reuse_find (ScLayerReuse *reuse, const char *digest, char **out_commit, GCancellable *cancellable,
                              GError **error) SC_CHECK;
