/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Layers on their way to the importer, from a source that counts who asks it for what. */
#include "layer-fetch.h"

#include <signal.h>
#include <sys/resource.h>

#include "store-fixture.h"

#define N_LAYERS   6
#define LAYER_SIZE 700000

typedef struct
{
  ScBlobSource base;
  GBytes *blobs[N_LAYERS];
  ScDescriptor *layers[N_LAYERS];

  guint meet; /* no stream is there before so many were asked for */
  gboolean never_met;

  GMutex mutex; /* guards what follows */
  GCond changed;
  guint open, most_open, opened;
  guint64 asked; /* bytes, from the offsets on */
  int fails;     /* index of a layer that cannot be opened, or -1 */
} Source;

static void
count_closed (gpointer data, GObject *stream)
{
  Source *source = data;

  g_mutex_lock (&source->mutex);
  source->open--;
  g_mutex_unlock (&source->mutex);
}

static GInputStream *
source_open_at (ScBlobSource *base, const ScDescriptor *layer, guint64 offset, GCancellable *cancellable,
                GError **error)
{
  Source *source = (Source *)base;
  gint64 deadline = g_get_monotonic_time () + 20 * G_TIME_SPAN_SECOND;
  GInputStream *stream = NULL;

  for (int i = 0; i < N_LAYERS; i++)
    if (strcmp (source->layers[i]->digest, layer->digest) == 0)
      {
        g_autoptr (GBytes) rest = g_bytes_new_from_bytes (source->blobs[i], offset, LAYER_SIZE - offset);

        if (i == source->fails)
          return sc_fail_null (error, SC_ERROR_UNAVAILABLE, "layer %d is away", i);
        stream = g_memory_input_stream_new_from_bytes (rest);
      }
  g_assert_nonnull (stream);
  g_mutex_lock (&source->mutex);
  source->open++;
  source->opened++;
  source->asked += LAYER_SIZE - offset;
  source->most_open = MAX (source->most_open, source->open);
  g_cond_broadcast (&source->changed);
  while (source->opened < source->meet && !source->never_met)
    source->never_met = !g_cond_wait_until (&source->changed, &source->mutex, deadline);
  g_mutex_unlock (&source->mutex);
  g_object_weak_ref (G_OBJECT (stream), count_closed, source);
  /* So that others have the time to come in between. */
  g_usleep (5000);
  return stream;
}

static GInputStream *
source_open (ScBlobSource *base, const ScDescriptor *layer, GCancellable *cancellable, GError **error)
{
  return source_open_at (base, layer, 0, cancellable, error);
}

static const ScBlobSourceClass far_class = { .open_blob = source_open,
                                             .open_blob_at = source_open_at,
                                             .max_streams = 2 };
static const ScBlobSourceClass three_class = { .open_blob = source_open,
                                               .open_blob_at = source_open_at,
                                               .max_streams = 3 };
static const ScBlobSourceClass one_class = { .open_blob = source_open, .open_blob_at = source_open_at };
static const ScBlobSourceClass near_class = { .open_blob = source_open };

static void
source_init (Source *source, const ScBlobSourceClass *klass)
{
  *source = (Source){ .base = { .klass = klass }, .fails = -1 };
  g_mutex_init (&source->mutex);
  g_cond_init (&source->changed);
  for (int i = 0; i < N_LAYERS; i++)
    {
      guint8 *data = g_malloc (LAYER_SIZE);

      for (int k = 0; k < LAYER_SIZE; k++)
        data[k] = (guint8)(k * 31 + k / 251 + i);
      source->blobs[i] = g_bytes_new_take (data, LAYER_SIZE);
      source->layers[i] = g_new0 (ScDescriptor, 1);
      source->layers[i]->digest = sc_digest_of (data, LAYER_SIZE);
      source->layers[i]->media_type = g_strdup (SC_MT_OCI_LAYER);
      source->layers[i]->size = LAYER_SIZE;
    }
}

static void
source_clear (Source *source)
{
  g_assert_cmpuint (source->open, ==, 0);
  for (int i = 0; i < N_LAYERS; i++)
    {
      g_bytes_unref (source->blobs[i]);
      sc_descriptor_free (source->layers[i]);
    }
  g_mutex_clear (&source->mutex);
  g_cond_clear (&source->changed);
}

static ScLayerFetch *
begin (Source *source, ScPartials *partials)
{
  ScLayerFetch *fetch = sc_layer_fetch_new (&source->base, partials);

  for (int i = 0; i < N_LAYERS; i++)
    sc_layer_fetch_add (fetch, source->layers[i]);
  sc_layer_fetch_start (fetch);
  return fetch;
}

static GBytes *
read_layer (ScLayerFetch *fetch, Source *source, int index, GError **error)
{
  g_autoptr (GInputStream) stream = sc_layer_fetch_open (fetch, source->layers[index]);
  g_autoptr (GByteArray) all = g_byte_array_new ();
  guint8 buffer[50000];
  gssize n;

  while ((n = g_input_stream_read (stream, buffer, sizeof buffer, NULL, error)) > 0)
    g_byte_array_append (all, buffer, (guint)n);
  return n == 0 ? g_byte_array_free_to_bytes (g_steal_pointer (&all)) : NULL;
}

static void
assert_layers (ScLayerFetch *fetch, Source *source)
{
  for (int i = 0; i < N_LAYERS; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GBytes) got = read_layer (fetch, source, i, &error);

      g_assert_no_error (error);
      g_assert_true (g_bytes_equal (got, source->blobs[i]));
    }
}

/* The first @size bytes of a layer, as a killed pull leaves them. */
static void
leave (Fixture *f, Source *source, int index, gsize size)
{
  g_autofree char *dir = g_build_filename (f->ctx->repo, "tmp/atomic-partial", NULL);
  g_autofree char *path = g_build_filename (dir, sc_digest_hex (source->layers[index]->digest), NULL);

  g_assert_cmpint (g_mkdir_with_parents (dir, 0700), ==, 0);
  g_assert_true (g_file_set_contents (path, g_bytes_get_data (source->blobs[index], NULL), (gssize)size, NULL));
}

static void
test_sources (Fixture *f, gconstpointer data)
{
  const ScBlobSourceClass *classes[] = { &far_class, &one_class, &near_class };
  const guint most[] = { 2, 1, 1 };

  for (gsize i = 0; i < G_N_ELEMENTS (classes); i++)
    {
      g_autoptr (ScPartials) partials = sc_partials_new (sc_store_repo (f->store));
      ScLayerFetch *fetch;
      Source source;

      source_init (&source, classes[i]);
      source.meet = most[i];
      fetch = begin (&source, partials);
      assert_layers (fetch, &source);
      g_assert_cmpuint (source.opened, ==, N_LAYERS);
      g_assert_cmpuint (source.most_open, ==, most[i]);
      g_assert_cmpuint (sc_partials_size (partials), ==, classes[i] == &near_class ? 0 : N_LAYERS * LAYER_SIZE);
      sc_layer_fetch_free (fetch);
      source_clear (&source);
    }
}

/* All the streams that there may be are open at once, however fast the first ones begin. */
static void
test_together (Fixture *f, gconstpointer data)
{
  for (int i = 0; i < 100; i++)
    {
      g_autoptr (ScPartials) partials = sc_partials_new (sc_store_repo (f->store));
      ScLayerFetch *fetch;
      Source source;

      source_init (&source, &three_class);
      source.meet = 3;
      fetch = begin (&source, partials);
      assert_layers (fetch, &source);
      g_assert_false (source.never_met);
      g_assert_cmpuint (source.most_open, ==, 3);
      sc_layer_fetch_free (fetch);
      source_clear (&source);
    }
}

/* What an earlier pull has kept is not asked for; a layer that is whole is not opened at all. */
static void
test_inherited (Fixture *f, gconstpointer data)
{
  g_autoptr (ScPartials) partials = sc_partials_new (sc_store_repo (f->store));
  const gsize kept[] = { 300000, LAYER_SIZE };
  ScLayerFetch *fetch;
  Source source;

  source_init (&source, &far_class);
  for (int i = 0; i < (int)G_N_ELEMENTS (kept); i++)
    leave (f, &source, i, kept[i]);
  fetch = begin (&source, partials);
  assert_layers (fetch, &source);
  g_assert_cmpuint (source.opened, ==, N_LAYERS - 1);
  g_assert_cmpuint (source.asked, ==, (N_LAYERS - 1) * LAYER_SIZE - 300000);
  sc_layer_fetch_free (fetch);
  source_clear (&source);
}

/* Somebody else keeps one of them, and nothing is kept at all. */
static void
test_not_kept (Fixture *f, gconstpointer data)
{
  for (int all = 0; all < 2; all++)
    {
      g_autoptr (ScPartials) other = sc_partials_new (sc_store_repo (f->store));
      g_autoptr (ScPartials) partials = sc_partials_new (sc_store_repo (f->store));
      ScLayerFetch *fetch;
      Source source;

      source_init (&source, &far_class);
      g_assert_nonnull (sc_partials_get (other, source.layers[2]));
      if (all)
        sc_partials_drop (partials);
      fetch = begin (&source, partials);
      assert_layers (fetch, &source);
      g_assert_cmpuint (source.opened, ==, N_LAYERS);
      g_assert_cmpuint (source.most_open, <=, 2);
      sc_layer_fetch_free (fetch);
      source_clear (&source);
    }
}

/* The others come all the same, and whoever reads the one that does not is told why. */
static void
test_failure (Fixture *f, gconstpointer data)
{
  g_autoptr (ScPartials) partials = sc_partials_new (sc_store_repo (f->store));
  g_autoptr (GError) error = NULL;
  ScLayerFetch *fetch;
  Source source;

  source_init (&source, &far_class);
  source.fails = 1;
  fetch = begin (&source, partials);
  for (int i = 0; i < N_LAYERS; i++)
    {
      g_autoptr (GBytes) got = read_layer (fetch, &source, i, i == 1 ? &error : NULL);

      g_assert_true ((got == NULL) == (i == 1));
    }
  g_assert_error (error, SC_ERROR, SC_ERROR_UNAVAILABLE);
  g_assert_cmpstr (error->message, ==, "layer 1 is away");
  sc_layer_fetch_free (fetch);
  source_clear (&source);
}

/* The file can take no more in the middle: the reader goes on from the source, and it is not forgotten that the first
 * bytes came from an earlier pull. */
static void
test_full (Fixture *f, gconstpointer data)
{
  g_autoptr (ScPartials) partials = sc_partials_new (sc_store_repo (f->store));
  struct rlimit before, small = { 0 };
  ScLayerFetch *fetch;
  Source source;

  source_init (&source, &far_class);
  leave (f, &source, 0, 1000);
  signal (SIGXFSZ, SIG_IGN);
  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &before), ==, 0);
  small = before;
  small.rlim_cur = 400000;
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &small), ==, 0);
  fetch = begin (&source, partials);
  assert_layers (fetch, &source);
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &before), ==, 0);
  g_assert_cmpuint (source.opened, ==, 2 * N_LAYERS);
  g_assert_cmpuint (sc_partials_size (partials), ==, 0);
  for (int i = 0; i < N_LAYERS; i++)
    g_assert_cmpuint (sc_partial_inherited (sc_partials_find (partials, source.layers[i])), ==, i == 0 ? 1000 : 0);
  sc_layer_fetch_free (fetch);
  source_clear (&source);
}

/* Freed while it is at work, and read with a cancellable that is cancelled. */
static void
test_cancel (Fixture *f, gconstpointer data)
{
  for (int i = 0; i < 20; i++)
    {
      g_autoptr (ScPartials) partials = sc_partials_new (sc_store_repo (f->store));
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      g_autoptr (GError) error = NULL;
      g_autoptr (GInputStream) stream = NULL;
      ScLayerFetch *fetch;
      char byte;
      Source source;

      source_init (&source, &far_class);
      fetch = begin (&source, partials);
      stream = sc_layer_fetch_open (fetch, source.layers[N_LAYERS - 1]);
      g_cancellable_cancel (cancellable);
      g_assert_cmpint (g_input_stream_read (stream, &byte, 1, cancellable, &error), ==, -1);
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      g_clear_object (&stream);
      sc_layer_fetch_free (fetch);
      source_clear (&source);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (geteuid () != 0)
    {
      g_print ("1..0 # SKIP a bare repository needs root\n");
      return 0;
    }
  fixture_test ("/layer-fetch/sources", test_sources);
  fixture_test ("/layer-fetch/together", test_together);
  fixture_test ("/layer-fetch/inherited", test_inherited);
  fixture_test ("/layer-fetch/not-kept", test_not_kept);
  fixture_test ("/layer-fetch/failure", test_failure);
  fixture_test ("/layer-fetch/full", test_full);
  fixture_test ("/layer-fetch/cancel", test_cancel);
  return g_test_run ();
}
