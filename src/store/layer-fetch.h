/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "blob-source.h"
#include "partial.h"

/*
 * Fetches the missing layers of one image, several at once if the source can do that, ahead of whoever imports them one
 * after the other.  A layer goes through its file (ScPartial) to the reader; bytes that an earlier pull has left are
 * not asked for again.  A layer that is not kept is read from the source directly.
 */

typedef struct _ScLayerFetch ScLayerFetch;

/* @source is used by nobody else while the fetch lives. */
ScLayerFetch *sc_layer_fetch_new (ScBlobSource *source, ScPartials *partials);
/* Ends the threads, wherever they are. No stream of it may be left. */
void sc_layer_fetch_free (ScLayerFetch *fetch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScLayerFetch, sc_layer_fetch_free)

/* Adds a layer to be fetched; layers come in the order in which they will be opened, each once. */
void sc_layer_fetch_add (ScLayerFetch *fetch, const ScDescriptor *layer);

/* Begins; layers cannot be added any more. */
void sc_layer_fetch_start (ScLayerFetch *fetch);

/* (transfer full): the bytes of a layer that was added, from the start; failures of fetching it are those of reading.
 * Reading waits in ticks of a tenth of a second for its cancellable. */
GInputStream *sc_layer_fetch_open (ScLayerFetch *fetch, const ScDescriptor *layer);

/* TRUE if fetching @layer has failed: the source did not give it, whatever there is of it. */
gboolean sc_layer_fetch_failed (ScLayerFetch *fetch, const ScDescriptor *layer);
