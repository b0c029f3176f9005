/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decompressors behind one call: igzip for gzip, libzstd for zstd, a copy for neither.
 * Knows nothing of digests or tar.
 */
#include "decompress.h"

#include <isa-l/igzip_lib.h>
#include <string.h>
#include <zstd.h>

/* log2 of the largest zstd window: 128 MiB, what the highest levels make and the zstd program takes unasked. It is
 * allocated only for a frame that says that it needs it. */
#define ZSTD_WINDOW_LOG 27

struct _ScDecompressor
{
  ScCompression compression;
  struct inflate_state *inflate;
  ZSTD_DStream *zstd;
  gboolean begun;   /* some input has been seen */
  gboolean between; /* not inside a gzip member or zstd frame */
  gboolean padding; /* gzip: zeros follow the last member */
};

static void
begin_member (ScDecompressor *d)
{
  isal_inflate_init (d->inflate);
  d->inflate->crc_flag = ISAL_GZIP;
  d->between = FALSE;
}

ScDecompressor *
sc_decompressor_new (ScCompression compression)
{
  ScDecompressor *d = g_new0 (ScDecompressor, 1);

  d->compression = compression;
  d->between = TRUE;
  if (compression == SC_COMPRESSION_GZIP)
    d->inflate = g_new0 (struct inflate_state, 1);
  else if (compression == SC_COMPRESSION_ZSTD)
    {
      d->zstd = ZSTD_createDStream ();
      if (d->zstd == NULL)
        g_error ("out of memory for zstd");
      ZSTD_DCtx_setParameter (d->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG);
    }
  return d;
}

void
sc_decompressor_free (ScDecompressor *d)
{
  g_free (d->inflate);
  ZSTD_freeDStream (d->zstd);
  g_free (d);
}

static gboolean
run_copy (const guint8 *in, gsize in_size, gsize *out_taken, guint8 *out, gsize out_size, gsize *out_made)
{
  gsize n = MIN (in_size, out_size);

  if (n > 0)
    memcpy (out, in, n);
  *out_taken = *out_made = n;
  return TRUE;
}

/* Between members: skips zero padding, which only ends a file. */
static gboolean
skip_padding (ScDecompressor *d, const guint8 *in, gsize in_size, gsize *out_taken, GError **error)
{
  gsize i = 0;

  if (d->begun && in[0] == 0)
    d->padding = TRUE;
  if (!d->padding)
    return TRUE;
  while (i < in_size && in[i] == 0)
    i++;
  *out_taken = i;
  return i == in_size || sc_fail (error, SC_ERROR_INVALID, "gzip: garbage after the end of the data");
}

static gboolean
run_gzip (ScDecompressor *d, const guint8 *in, gsize in_size, gsize *out_taken, guint8 *out, gsize out_size,
          gsize *out_made, GError **error)
{
  struct inflate_state *s = d->inflate;
  int r;

  if (d->between)
    {
      if (in_size == 0)
        return TRUE;
      if (!skip_padding (d, in, in_size, out_taken, error))
        return FALSE;
      if (d->padding)
        return TRUE;
      begin_member (d);
    }
  d->begun = TRUE;
  s->next_in = (guint8 *)in;
  s->avail_in = (guint32)in_size;
  s->next_out = out;
  s->avail_out = (guint32)out_size;
  r = isal_inflate (s);
  *out_taken = in_size - s->avail_in;
  *out_made = out_size - s->avail_out;
  if (r == ISAL_INCORRECT_CHECKSUM)
    return sc_fail (error, SC_ERROR_INVALID, "gzip: wrong checksum: the data is damaged");
  if (r < 0)
    return sc_fail (error, SC_ERROR_INVALID, "gzip: not valid compressed data (igzip error %d)", r);
  d->between = s->block_state == ISAL_BLOCK_FINISH;
  return TRUE;
}

static gboolean
run_zstd (ScDecompressor *d, const guint8 *in, gsize in_size, gsize *out_taken, guint8 *out, gsize out_size,
          gsize *out_made, GError **error)
{
  ZSTD_inBuffer input = { in, in_size, 0 };
  ZSTD_outBuffer output = { out, out_size, 0 };
  gsize r;

  if (d->between && in_size == 0)
    return TRUE;
  d->begun = TRUE;
  r = ZSTD_decompressStream (d->zstd, &output, &input);
  if (ZSTD_isError (r))
    return sc_fail (error, SC_ERROR_INVALID, "zstd: %s", ZSTD_getErrorName (r));
  d->between = r == 0;
  *out_taken = input.pos;
  *out_made = output.pos;
  return TRUE;
}

gboolean
sc_decompressor_run (ScDecompressor *d, const guint8 *in, gsize in_size, gsize *out_taken, guint8 *out, gsize out_size,
                     gsize *out_made, GError **error)
{
  *out_taken = *out_made = 0;
  if (d->compression == SC_COMPRESSION_GZIP)
    return run_gzip (d, in, in_size, out_taken, out, out_size, out_made, error);
  if (d->compression == SC_COMPRESSION_ZSTD)
    return run_zstd (d, in, in_size, out_taken, out, out_size, out_made, error);
  return run_copy (in, in_size, out_taken, out, out_size, out_made);
}

gboolean
sc_decompressor_end (ScDecompressor *d, GError **error)
{
  const char *name = d->compression == SC_COMPRESSION_GZIP ? "gzip" : "zstd";

  if (d->compression == SC_COMPRESSION_NONE || (d->between && d->begun))
    return TRUE;
  return sc_fail (error, SC_ERROR_INVALID, "%s: the compressed data ends too early", name);
}
