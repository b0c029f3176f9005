/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One thread between the blob source and the importer: socket -> compressed digest -> decompression ->
 * uncompressed digest -> buffers.  The thread is the only one to touch the source while it lives.  The caller
 * learns of the end only when size and digest of the blob are right.
 */
#include "layer-stream.h"

#include "decompress.h"
#include "digest.h"

#define IN_SIZE   (256 * 1024)
#define OUT_SIZE  (256 * 1024)
#define N_BUFFERS 8

typedef struct
{
  gsize size;
  guint8 data[OUT_SIZE];
} Buffer;

struct _ScLayerStream
{
  GInputStream *blob;
  ScDescriptor *layer;
  ScCompression compression;    /* as announced, then as it is */
  ScDecompressor *decompressor; /* (nullable): the thread's; NULL before the first bytes */
  ScSha256 *in_sum, *out_sum;
  guint64 out_size;
  GCancellable *cancellable;
  GThread *thread;

  GMutex mutex; /* guards what follows */
  GCond changed;
  GQueue full, empty; /* Buffer */
  guint64 position;
  gboolean ended;
  GError *error;

  Buffer *current; /* the caller's */
};

static Buffer *
take_empty (ScLayerStream *s)
{
  Buffer *buffer;

  g_mutex_lock (&s->mutex);
  while ((buffer = g_queue_pop_head (&s->empty)) == NULL && !g_cancellable_is_cancelled (s->cancellable))
    g_cond_wait (&s->changed, &s->mutex);
  g_mutex_unlock (&s->mutex);
  return buffer;
}

static void
give (ScLayerStream *s, GQueue *queue, Buffer *buffer)
{
  g_mutex_lock (&s->mutex);
  g_queue_push_tail (queue, buffer);
  g_cond_broadcast (&s->changed);
  g_mutex_unlock (&s->mutex);
}

/* Decompresses @in into as many buffers as it takes; @last: no more input follows. */
static gboolean
feed (ScLayerStream *s, const guint8 *in, gsize in_size, Buffer **buffer, GError **error)
{
  for (;;)
    {
      gsize taken, made;

      if (*buffer == NULL && (*buffer = take_empty (s)) == NULL)
        return g_cancellable_set_error_if_cancelled (s->cancellable, error), FALSE;
      if (!sc_decompressor_run (s->decompressor, in, in_size, &taken, (*buffer)->data + (*buffer)->size,
                                OUT_SIZE - (*buffer)->size, &made, error))
        return FALSE;
      in += taken;
      in_size -= taken;
      (*buffer)->size += made;
      if ((*buffer)->size == OUT_SIZE)
        {
          sc_sha256_update (s->out_sum, (*buffer)->data, OUT_SIZE);
          s->out_size += OUT_SIZE;
          give (s, &s->full, g_steal_pointer (buffer));
        }
      else if (in_size == 0)
        return TRUE;
      else if (taken == 0 && made == 0)
        return sc_fail (error, SC_ERROR_INVALID, "the compressed data is damaged");
    }
}

static gboolean
check_blob (ScLayerStream *s, GError **error)
{
  guint8 sum[SC_SHA256_SIZE];
  char hex[SC_SHA256_HEX + 1];

  if (s->position != s->layer->size)
    return sc_fail (error, SC_ERROR_DIGEST, "truncated: %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " bytes",
                    s->position, s->layer->size);
  sc_sha256_finish (s->in_sum, sum);
  sc_digest_to_hex (sum, hex);
  if (g_strcmp0 (hex, sc_digest_hex (s->layer->digest)) != 0)
    return sc_fail (error, SC_ERROR_DIGEST, "digest mismatch: expected %s, got sha256:%s", s->layer->digest, hex);
  return TRUE;
}

/* As g_input_stream_read(), but the first time as much as tells how the bytes are compressed. */
static gssize
read_blob (ScLayerStream *s, guint8 *in, GError **error)
{
  gsize n = 0;

  if (s->decompressor != NULL)
    return g_input_stream_read (s->blob, in, IN_SIZE, s->cancellable, error);
  while (n < SC_COMPRESSION_START)
    {
      gssize more = g_input_stream_read (s->blob, in + n, IN_SIZE - n, s->cancellable, error);

      if (more < 0)
        return -1;
      if (more == 0)
        break;
      n += (gsize)more;
    }
  /* A layer that is called compressed and is not: so podman saves directories. */
  if (s->compression != SC_COMPRESSION_NONE && n > 0)
    s->compression = sc_compression_of_start (in, n);
  s->decompressor = sc_decompressor_new (s->compression);
  return (gssize)n;
}

static gboolean
pump (ScLayerStream *s, GError **error)
{
  g_autofree guint8 *in = g_malloc (IN_SIZE);
  g_autofree Buffer *buffer = NULL;

  for (;;)
    {
      gssize n = read_blob (s, in, error);

      if (n < 0)
        return FALSE;
      if (n == 0)
        break;
      if ((guint64)n > s->layer->size - s->position)
        return sc_fail (error, SC_ERROR_DIGEST, "larger than announced: more than %" G_GUINT64_FORMAT " bytes",
                        s->layer->size);
      sc_sha256_update (s->in_sum, in, (gsize)n);
      g_mutex_lock (&s->mutex);
      s->position += (guint64)n;
      g_mutex_unlock (&s->mutex);
      if (!feed (s, in, (gsize)n, &buffer, error))
        return FALSE;
    }
  /* What is wrong with the blob says more than what that did to its compression. */
  if (!check_blob (s, error) || !feed (s, in, 0, &buffer, error) || !sc_decompressor_end (s->decompressor, error))
    return FALSE;
  if (buffer != NULL && buffer->size > 0)
    {
      sc_sha256_update (s->out_sum, buffer->data, buffer->size);
      s->out_size += buffer->size;
      give (s, &s->full, g_steal_pointer (&buffer));
    }
  return TRUE;
}

static gpointer
thread_main (gpointer data)
{
  ScLayerStream *s = data;
  GError *error = NULL;

  if (!pump (s, &error) && error == NULL)
    g_set_error_literal (&error, G_IO_ERROR, G_IO_ERROR_FAILED, "reading the layer failed");
  g_mutex_lock (&s->mutex);
  s->error = error;
  s->ended = TRUE;
  g_cond_broadcast (&s->changed);
  g_mutex_unlock (&s->mutex);
  return NULL;
}

ScLayerStream *
sc_layer_stream_new (GInputStream *blob, const ScDescriptor *layer, GError **error)
{
  g_autoptr (GInputStream) owned = blob;
  ScCompression compression;
  ScLayerStream *s;

  if (!sc_layer_compression (layer->media_type, &compression, error))
    return NULL;
  s = g_new0 (ScLayerStream, 1);
  s->blob = g_steal_pointer (&owned);
  s->layer = sc_descriptor_copy (layer);
  s->compression = compression;
  s->in_sum = sc_sha256_new ();
  s->out_sum = sc_sha256_new ();
  s->cancellable = g_cancellable_new ();
  g_mutex_init (&s->mutex);
  g_cond_init (&s->changed);
  for (int i = 0; i < N_BUFFERS; i++)
    g_queue_push_tail (&s->empty, g_new0 (Buffer, 1));
  s->thread = g_thread_new ("layer", thread_main, s);
  return s;
}

void
sc_layer_stream_cancel (ScLayerStream *s)
{
  g_cancellable_cancel (s->cancellable);
  g_mutex_lock (&s->mutex);
  g_cond_broadcast (&s->changed);
  g_mutex_unlock (&s->mutex);
}

void
sc_layer_stream_free (ScLayerStream *s)
{
  sc_layer_stream_cancel (s);
  g_thread_join (s->thread);
  g_object_unref (s->blob);
  sc_descriptor_free (s->layer);
  g_clear_pointer (&s->decompressor, sc_decompressor_free);
  sc_sha256_free (s->in_sum);
  sc_sha256_free (s->out_sum);
  g_object_unref (s->cancellable);
  g_queue_clear_full (&s->full, g_free);
  g_queue_clear_full (&s->empty, g_free);
  g_free (s->current);
  g_clear_error (&s->error);
  g_mutex_clear (&s->mutex);
  g_cond_clear (&s->changed);
  g_free (s);
}

gssize
sc_layer_stream_read (ScLayerStream *s, const void **out_data, GError **error)
{
  GError *failure = NULL;

  g_mutex_lock (&s->mutex);
  if (s->current != NULL)
    {
      s->current->size = 0;
      g_queue_push_tail (&s->empty, g_steal_pointer (&s->current));
      g_cond_broadcast (&s->changed);
    }
  while (g_queue_is_empty (&s->full) && !s->ended)
    g_cond_wait (&s->changed, &s->mutex);
  /* Buffers made before a failure are not handed out after it: nothing of this layer will be kept. */
  if (s->ended && s->error != NULL)
    failure = g_error_copy (s->error);
  else
    s->current = g_queue_pop_head (&s->full);
  g_mutex_unlock (&s->mutex);
  if (failure != NULL)
    return g_propagate_error (error, failure), -1;
  if (s->current == NULL)
    return 0;
  *out_data = s->current->data;
  return (gssize)s->current->size;
}

gboolean
sc_layer_stream_finish (ScLayerStream *s, const char *diff_id, guint64 *out_size, GError **error)
{
  guint8 sum[SC_SHA256_SIZE];
  char hex[SC_SHA256_HEX + 1];
  const void *data;
  gssize n;

  while ((n = sc_layer_stream_read (s, &data, error)) > 0)
    ;
  if (n < 0)
    return FALSE;
  sc_sha256_finish (s->out_sum, sum);
  sc_digest_to_hex (sum, hex);
  if (g_strcmp0 (hex, sc_digest_hex (diff_id)) != 0)
    return sc_fail (error, SC_ERROR_DIGEST, "diffID mismatch: the config says %s, the content is sha256:%s", diff_id,
                    hex);
  *out_size = s->out_size;
  return TRUE;
}

guint64
sc_layer_stream_position (ScLayerStream *s)
{
  guint64 position;

  g_mutex_lock (&s->mutex);
  position = s->position;
  g_mutex_unlock (&s->mutex);
  return position;
}
