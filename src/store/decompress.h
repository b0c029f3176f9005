/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model.h"

/*
 * Streaming decompression of gzip (RFC 1952, several members allowed), zstd (RFC 8878, several frames
 * allowed, windows of up to 128 MiB, which is the memory that one can cost) and nothing.
 */

typedef struct _ScDecompressor ScDecompressor;

ScDecompressor *sc_decompressor_new (ScCompression compression);
void sc_decompressor_free (ScDecompressor *decompressor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScDecompressor, sc_decompressor_free)

/**
 * sc_decompressor_run:
 * @in, @in_size: input; what was taken is told in @out_taken
 * @out, @out_size: room for output; what was made is told in @out_made
 *
 * Makes progress on at least one side unless there is no input and nothing is pending.  SC_ERROR_INVALID: the data is
 * damaged.
 */
gboolean sc_decompressor_run (ScDecompressor *decompressor, const guint8 *in, gsize in_size, gsize *out_taken,
                              guint8 *out, gsize out_size, gsize *out_made, GError **error) SC_CHECK;

/* All input was given and all output taken: was that a whole stream? SC_ERROR_INVALID if it was cut short. */
gboolean sc_decompressor_end (ScDecompressor *decompressor, GError **error) SC_CHECK;
