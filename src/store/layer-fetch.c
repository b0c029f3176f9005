/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Threads from the source to the files of layers, and streams from there to the importer.  The threads take layers in
 * their order and never wait for the importer, so a layer that is being read has been taken before all later ones, and
 * the importer cannot block them.  How many streams of the source are open is bounded by what it allows; memory by one
 * buffer for each.
 *
 * When a layer cannot be kept (any more), its thread gives it up and its reader goes on from the source itself.
 */

#include "layer-fetch.h"

#include "digest.h"

#define READ_SIZE ((gsize)256 * 1024)
#define STREAMS   3
#define TICK      (G_TIME_SPAN_SECOND / 10)

typedef struct
{
  ScLayerFetch *fetch;
  ScDescriptor *layer;
  ScPartial *partial; /* (nullable): not kept */

  /* Guarded by the mutex of the fetch. */
  guint64 available; /* bytes in the file that may be read */
  gboolean ended;    /* no more will be in the file */
  gboolean failed;   /* the source did not give all of it */
  GError *error;     /* (nullable): why; NULL: complete, or given up */
} Item;

struct _ScLayerFetch
{
  ScBlobSource *source;
  ScPartials *partials;
  GCancellable *cancellable;
  GPtrArray *items;   /* Item */
  GPtrArray *threads; /* GThread */

  GMutex mutex;
  GCond changed;
  guint next;  /* item that no thread has taken */
  guint slots; /* streams of the source that may still be opened */
};

#define SC_TYPE_FETCH_STREAM (sc_fetch_stream_get_type ())
G_DECLARE_FINAL_TYPE (ScFetchStream, sc_fetch_stream, SC, FETCH_STREAM, GInputStream)

struct _ScFetchStream
{
  GInputStream parent;

  Item *item;
  guint64 position;
  GInputStream *direct; /* (nullable): from the source */
  gboolean has_slot;
};

G_DEFINE_FINAL_TYPE (ScFetchStream, sc_fetch_stream, G_TYPE_INPUT_STREAM)

static void
item_free (gpointer data)
{
  Item *item = data;

  sc_descriptor_free (item->layer);
  g_clear_error (&item->error);
  g_free (item);
}

ScLayerFetch *
sc_layer_fetch_new (ScBlobSource *source, ScPartials *partials)
{
  ScLayerFetch *self = g_new0 (ScLayerFetch, 1);

  self->source = source;
  self->partials = partials;
  self->cancellable = g_cancellable_new ();
  self->items = g_ptr_array_new_with_free_func (item_free);
  self->threads = g_ptr_array_new ();
  g_mutex_init (&self->mutex);
  g_cond_init (&self->changed);
  return self;
}

void
sc_layer_fetch_free (ScLayerFetch *self)
{
  if (self == NULL)
    return;
  g_cancellable_cancel (self->cancellable);
  g_mutex_lock (&self->mutex);
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->mutex);
  for (guint i = 0; i < self->threads->len; i++)
    g_thread_join (g_ptr_array_index (self->threads, i));
  g_ptr_array_unref (self->threads);
  g_ptr_array_unref (self->items);
  g_object_unref (self->cancellable);
  g_mutex_clear (&self->mutex);
  g_cond_clear (&self->changed);
  g_free (self);
}

void
sc_layer_fetch_add (ScLayerFetch *self, const ScDescriptor *layer)
{
  guint streams = 1;
  Item *item = g_new0 (Item, 1);

  item->fetch = self;
  item->layer = sc_descriptor_copy (layer);
  if (sc_blob_source_is_remote (self->source, &streams))
    item->partial = sc_partials_get (self->partials, layer);
  if (item->partial != NULL)
    item->available = sc_partial_size (item->partial);
  else
    item->ended = TRUE;
  self->slots = MIN (streams, STREAMS);
  g_ptr_array_add (self->items, item);
}

/* Waits for a stream of the source to be free; FALSE if it was cancelled. */
static gboolean
take_slot (ScLayerFetch *self, GCancellable *cancellable)
{
  g_mutex_lock (&self->mutex);
  while (self->slots == 0 && !g_cancellable_is_cancelled (cancellable))
    g_cond_wait_until (&self->changed, &self->mutex, g_get_monotonic_time () + TICK);
  gboolean ok = !g_cancellable_is_cancelled (cancellable);
  if (ok)
    self->slots--;
  g_mutex_unlock (&self->mutex);
  return ok;
}

static void
give_slot (ScLayerFetch *self)
{
  g_mutex_lock (&self->mutex);
  self->slots++;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->mutex);
}

/* From the source to the file. TRUE also if the file cannot take it. */
static gboolean
copy (Item *item, GError **error)
{
  GCancellable *cancellable = item->fetch->cancellable;
  g_autofree guint8 *buffer = g_malloc (READ_SIZE);
  g_autoptr (GInputStream) stream = sc_blob_source_open_blob_at (item->fetch->source, item->layer,
                                                                 sc_partial_size (item->partial), cancellable, error);

  if (stream == NULL)
    return FALSE;
  for (;;)
    {
      gssize n = g_input_stream_read (stream, buffer, READ_SIZE, cancellable, error);

      if (n < 0)
        return FALSE;
      if (n == 0 || !sc_partial_append (item->partial, buffer, (gsize)n))
        return TRUE;
      g_mutex_lock (&item->fetch->mutex);
      item->available += (guint64)n;
      g_cond_broadcast (&item->fetch->changed);
      g_mutex_unlock (&item->fetch->mutex);
    }
}

static void
fetch_item (Item *item)
{
  ScLayerFetch *self = item->fetch;
  GError *error = NULL;

  if (item->available < item->layer->size && take_slot (self, self->cancellable))
    {
      (void)!copy (item, &error);
      give_slot (self);
    }
  g_mutex_lock (&self->mutex);
  item->ended = TRUE;
  item->failed = error != NULL;
  item->error = error;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->mutex);
}

/* The next layer that has a file; NULL if none is left. */
static Item *
take_item (ScLayerFetch *self)
{
  Item *item = NULL;

  g_mutex_lock (&self->mutex);
  while (item == NULL && self->next < self->items->len && !g_cancellable_is_cancelled (self->cancellable))
    {
      item = g_ptr_array_index (self->items, self->next++);
      if (item->partial == NULL)
        item = NULL;
    }
  g_mutex_unlock (&self->mutex);
  return item;
}

static gpointer
thread_main (gpointer data)
{
  ScLayerFetch *self = data;
  Item *item;

  while ((item = take_item (self)) != NULL)
    fetch_item (item);
  return NULL;
}

void
sc_layer_fetch_start (ScLayerFetch *self)
{
  /* The threads that run already take from what is left. */
  guint slots = self->slots;
  guint kept = 0;

  for (guint i = 0; i < self->items->len; i++)
    {
      const Item *item = g_ptr_array_index (self->items, i);

      kept += item->partial != NULL;
    }
  for (guint i = 0; i < MIN (slots, kept); i++)
    g_ptr_array_add (self->threads, g_thread_new ("fetch", thread_main, self));
}

/* Waits for bytes after the position. Returns how many may be read from the file; 0 if no more will come there. */
static gboolean
wait_for_bytes (ScFetchStream *self, guint64 *out_ready, GCancellable *cancellable, GError **error)
{
  Item *item = self->item;
  GError *failure = NULL;

  g_mutex_lock (&item->fetch->mutex);
  while (item->available == self->position && !item->ended && !g_cancellable_is_cancelled (cancellable))
    g_cond_wait_until (&item->fetch->changed, &item->fetch->mutex, g_get_monotonic_time () + TICK);
  *out_ready = item->available - self->position;
  if (*out_ready == 0 && item->error != NULL)
    failure = g_error_copy (item->error);
  g_mutex_unlock (&item->fetch->mutex);
  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    {
      g_clear_error (&failure);
      return FALSE;
    }
  if (failure != NULL)
    g_propagate_error (error, failure);
  return failure == NULL;
}

static gboolean
open_direct (ScFetchStream *self, GCancellable *cancellable, GError **error)
{
  Item *item = self->item;

  self->has_slot = take_slot (item->fetch, cancellable);
  if (!self->has_slot)
    return g_cancellable_set_error_if_cancelled (cancellable, error), FALSE;
  /* The room is needed for the objects now. */
  if (item->partial != NULL)
    sc_partial_truncate (item->partial);
  self->direct = self->position > 0 ? sc_blob_source_open_blob_at (item->fetch->source, item->layer, self->position,
                                                                   cancellable, error)
                                    : sc_blob_source_open_blob (item->fetch->source, item->layer, cancellable, error);
  return self->direct != NULL;
}

/* Returns @n, which is negative if the source failed. */
static gssize
note_failure (ScFetchStream *self, gssize n)
{
  if (n < 0)
    {
      g_mutex_lock (&self->item->fetch->mutex);
      self->item->failed = TRUE;
      g_mutex_unlock (&self->item->fetch->mutex);
    }
  return n;
}

static gssize
stream_read (GInputStream *stream, void *buffer, gsize count, GCancellable *cancellable, GError **error)
{
  ScFetchStream *self = SC_FETCH_STREAM (stream);
  guint64 ready = 0;

  if (self->direct == NULL)
    {
      gssize n = 0;

      if (!wait_for_bytes (self, &ready, cancellable, error))
        return -1;
      if (ready == 0 && self->item->partial != NULL && self->position == self->item->layer->size)
        return 0;
      if (ready > 0)
        {
          n = sc_partial_read (self->item->partial, self->position, buffer, (gsize)MIN (count, ready), error);
          if (n > 0)
            self->position += (guint64)n;
          if (n != 0)
            return n;
          return sc_fail (error, SC_ERROR_INVALID, "the bytes kept of it are gone") ? 0 : -1;
        }
      if (!open_direct (self, cancellable, error))
        return note_failure (self, -1);
    }
  return note_failure (self, g_input_stream_read (self->direct, buffer, count, cancellable, error));
}

static void
stream_finalize (GObject *object)
{
  ScFetchStream *self = SC_FETCH_STREAM (object);

  g_clear_object (&self->direct);
  if (self->has_slot)
    give_slot (self->item->fetch);
  G_OBJECT_CLASS (sc_fetch_stream_parent_class)->finalize (object);
}

static void
sc_fetch_stream_class_init (ScFetchStreamClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = stream_finalize;
  G_INPUT_STREAM_CLASS (klass)->read_fn = stream_read;
}

static void
sc_fetch_stream_init (ScFetchStream *self)
{
}

static Item *
find_item (ScLayerFetch *self, const ScDescriptor *layer)
{
  for (guint i = 0; i < self->items->len; i++)
    {
      Item *item = g_ptr_array_index (self->items, i);

      if (g_strcmp0 (item->layer->digest, layer->digest) == 0)
        return item;
    }
  return NULL;
}

GInputStream *
sc_layer_fetch_open (ScLayerFetch *self, const ScDescriptor *layer)
{
  Item *item = find_item (self, layer);
  ScFetchStream *stream = NULL;

  g_return_val_if_fail (item != NULL, NULL);
  stream = g_object_new (SC_TYPE_FETCH_STREAM, NULL);
  stream->item = item;
  return G_INPUT_STREAM (stream);
}

gboolean
sc_layer_fetch_failed (ScLayerFetch *self, const ScDescriptor *layer)
{
  Item *item = find_item (self, layer);
  gboolean failed = FALSE;

  g_mutex_lock (&self->mutex);
  failed = item != NULL && item->failed;
  g_mutex_unlock (&self->mutex);
  return failed;
}
