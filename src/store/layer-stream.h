/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "model.h"

/*
 * The bytes of a layer, uncompressed, from a stream of the blob.  A thread reads, hashes, decompresses and hashes
 * again, a bounded number of buffers ahead of the caller; memory does not depend on the layer's size.
 */

typedef struct _ScLayerStream ScLayerStream;

/* @blob is taken over (transfer full) and read by the thread alone. Errors: SC_ERROR_UNSUPPORTED (compression). */
ScLayerStream *sc_layer_stream_new (GInputStream *blob, const ScDescriptor *layer, GError **error) SC_CHECK;
/* Ends the thread, wherever it is. */
void sc_layer_stream_free (ScLayerStream *stream);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScLayerStream, sc_layer_stream_free)

/**
 * sc_layer_stream_read:
 * @out_data: (out): the next bytes; good until the next call
 *
 * Returns: how many, 0 at the end, -1 on an error: that of the blob's stream; SC_ERROR_DIGEST if the blob is shorter or
 * longer than announced or not of its digest, SC_ERROR_INVALID if it does not decompress.  The end is reported only
 * after the digest of the compressed bytes has been found right.
 */
gssize sc_layer_stream_read (ScLayerStream *stream, const void **out_data, GError **error) SC_CHECK;

/**
 * sc_layer_stream_finish:
 *
 * Reads to the end what the caller did not, and checks the uncompressed bytes.
 * @diff_id: what the image's config says they are
 * Errors: as sc_layer_stream_read(), SC_ERROR_DIGEST.
 */
gboolean sc_layer_stream_finish (ScLayerStream *stream, const char *diff_id, guint64 *out_size,
                                 GError **error) SC_CHECK;

/* Compressed bytes taken in so far; any thread. */
guint64 sc_layer_stream_position (ScLayerStream *stream);

/* Makes the thread stop soon with G_IO_ERROR_CANCELLED; any thread. */
void sc_layer_stream_cancel (ScLayerStream *stream);
