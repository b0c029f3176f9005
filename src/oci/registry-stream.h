/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "blob-source.h"

/**
 * sc_registry_stream_open:
 *
 * A blob of a registry, from byte @offset on, as a stream that survives lost connections: it asks again for what is
 * missing, with a single range, of the same endpoint and then of the next ones.  Implements open_blob_at, and with
 * @offset 0 open_blob, of ScBlobSourceClass.
 *
 * It never gives more than the descriptor's size, and ends before only with an error.
 *
 * Errors: those of sc_registry_open_blob_at() (registry-private.h) when the tries are over; SC_ERROR_DIGEST if what a
 * registry has is shorter or longer than announced.
 */
GInputStream *sc_registry_stream_open (ScBlobSource *source, const ScDescriptor *descriptor, guint64 offset,
                                       GCancellable *cancellable, GError **error) SC_CHECK;
