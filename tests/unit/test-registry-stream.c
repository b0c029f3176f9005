/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * registry-stream against tests/fakes/registry.py: blobs from any offset, over connections that break, in several
 * threads at once.
 */

#include "registry-stream.h"

#include "fake-registry.h"
#include "http.h"

#define SIZE ((gsize)3 * 1000 * 1000)

typedef struct
{
  TempDir layout;
  TempDir root;
  ScContext *ctx;
  GBytes *data;
  ScDescriptor blob;
} Fixture;

static void
fixture_clear (Fixture *f)
{
  temp_dir_clear (&f->layout);
  temp_dir_clear (&f->root);
  sc_context_free (f->ctx);
  g_bytes_unref (f->data);
  g_free (f->blob.digest);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Fixture, fixture_clear)

static Fixture
fixture_make (void)
{
  Fixture f = { .layout = temp_dir_make (), .root = temp_dir_make (), .data = fake_random_bytes (SIZE) };
  g_autoptr (GError) error = NULL;

  f.blob.digest = fake_blob (&f.layout, g_bytes_get_data (f.data, NULL), SIZE);
  f.blob.size = SIZE;
  f.ctx = sc_context_new (f.root.path, &error);
  g_assert_no_error (error);
  f.ctx->network_timeout = 1;
  return f;
}

static ScBlobSource *
open_source (const Fixture *f, const FakeRegistry *fake)
{
  ScBlobSourceOptions options = { .ctx = f->ctx };
  g_autoptr (GError) error = NULL;
  g_autofree char *text = g_strdup_printf ("%s/some/image", fake->host);
  g_autoptr (ScReference) ref = sc_reference_parse (text, &error);

  g_assert_no_error (error);
  ScBlobSource *source = sc_blob_source_open (ref, &options, NULL, &error);
  g_assert_no_error (error);
  return source;
}

static GBytes *
read_from (ScBlobSource *source, const ScDescriptor *blob, guint64 offset, GError **error)
{
  g_autoptr (GInputStream) stream = sc_blob_source_open_blob_at (source, blob, offset, NULL, error);

  return stream != NULL ? sc_http_read_body (stream, 2 * SIZE, NULL, error) : NULL;
}

static void
assert_from (const Fixture *f, ScBlobSource *source, guint64 offset)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) got = read_from (source, &f->blob, offset, &error);
  g_autoptr (GBytes) wanted = g_bytes_new_from_bytes (f->data, (gsize)offset, SIZE - (gsize)offset);

  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (got, wanted));
}

static void
test_offsets (void)
{
  static const guint64 offsets[] = { 0, 1, 100, 1234567, SIZE - 1, SIZE };
  static const char *const options[] = { "--header=X-Nothing: 1", "--no-range", "--chunked", "--redirect" };
  g_auto (Fixture) f = fixture_make ();

  for (gsize k = 0; k < G_N_ELEMENTS (options); k++)
    {
      g_autoptr (FakeRegistry) fake = fake_registry_start (&f.layout, options[k], NULL);

      if (fake == NULL)
        return;
      g_autoptr (ScBlobSource) source = open_source (&f, fake);
      for (gsize i = 0; i < G_N_ELEMENTS (offsets); i++)
        assert_from (&f, source, offsets[i]);
    }
}

/* Each of these breaks, and the bytes are the same. */
static void
test_broken (void)
{
  static const char *const cases[][4] = {
    { "--truncate=500000", "--times=3", NULL },
    { "--truncate=900000", "--reset", "--times=6" },
    { "--truncate=500000", "--no-length", "--times=2", NULL },
    { "--truncate=500000", "--no-range", "--times=2", NULL },
    { "--hang-up", "--times=2", NULL },
    { "--stall=500000", "--times=1", NULL },
    { "--status=503", "--retry-after=0", "--times=3", NULL },
  };
  g_auto (Fixture) f = fixture_make ();

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (FakeRegistry) fake = fake_registry_start (&f.layout, cases[i][0], cases[i][1], cases[i][2], NULL);

      if (fake == NULL)
        return;
      g_autoptr (ScBlobSource) source = open_source (&f, fake);
      assert_from (&f, source, i % 2 * 700000);
    }
}

/* Only what is missing is asked for. */
static void
test_bytes (void)
{
  g_auto (Fixture) f = fixture_make ();
  g_autofree char *log = g_build_filename (f.layout.path, "log", NULL);
  g_autoptr (FakeRegistry) fake =
      fake_registry_start (&f.layout, "--truncate=1000000", "--times=1", "--log", log, NULL);

  if (fake == NULL)
    return;
  g_autoptr (ScBlobSource) source = open_source (&f, fake);
  assert_from (&f, source, 500000);
  g_autofree char *wanted = g_strdup_printf ("GET /v2/ 200 2\nGET /v2/some/image/blobs/%s 206 1000000\n"
                                             "GET /v2/some/image/blobs/%s 206 1500000\n",
                                             f.blob.digest, f.blob.digest);
  g_autofree char *got = temp_dir_read (&f.layout, "log");
  g_assert_cmpstr (got, ==, wanted);
}

static void
test_failures (void)
{
  static const struct
  {
    const char *options[3];
    int code;
    const char *part;
  } cases[] = {
    { { "--status=404" }, SC_ERROR_NOT_FOUND, "has no blob" },
    { { "--longer=5" }, SC_ERROR_DIGEST, "larger than announced" },
    { { "--longer=5", "--chunked" }, SC_ERROR_DIGEST, "larger than announced" },
    { { "--endless" }, SC_ERROR_DIGEST, "larger than announced" },
    { { "--truncate=500000", "--bad-range=3" }, SC_ERROR_INVALID, "another part" },
    { { "--truncate=500000", "--refuse-range" }, SC_ERROR_INVALID, "answered 416" },
    { { "--truncate=500000", "--refuse-range", "--no-length" }, SC_ERROR_DIGEST, "truncated" },
  };
  g_auto (Fixture) f = fixture_make ();

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (FakeRegistry) fake =
          fake_registry_start (&f.layout, cases[i].options[0], cases[i].options[1], cases[i].options[2], NULL);

      if (fake == NULL)
        return;
      g_autoptr (ScBlobSource) source = open_source (&f, fake);
      g_autoptr (GError) error = NULL;
      g_autoptr (GBytes) got = read_from (source, &f.blob, 0, &error);
      g_assert_null (got);
      g_assert_error (error, SC_ERROR, cases[i].code);
      if (strstr (error->message, cases[i].part) == NULL)
        g_error ("'%s' is not in '%s'", cases[i].part, error->message);
    }
}

/* The blob is not as long as the image says. */
static void
test_sizes (void)
{
  static const gint64 differences[] = { -10, 10 };
  g_auto (Fixture) f = fixture_make ();
  g_autoptr (FakeRegistry) fake = fake_registry_start (&f.layout, NULL);

  if (fake == NULL)
    return;
  g_autoptr (ScBlobSource) source = open_source (&f, fake);
  for (gsize i = 0; i < G_N_ELEMENTS (differences); i++)
    for (guint64 offset = 0; offset < 20; offset += 10)
      {
        ScDescriptor blob = { .digest = f.blob.digest, .size = (guint64)((gint64)SIZE + differences[i]) };
        g_autoptr (GError) error = NULL;
        g_autoptr (GBytes) got = read_from (source, &blob, offset, &error);

        g_assert_null (got);
        g_assert_error (error, SC_ERROR, SC_ERROR_DIGEST);
      }
}

typedef struct
{
  const Fixture *f;
  ScBlobSource *source;
  guint64 offset;
} Job;

static gpointer
read_in_thread (gpointer data)
{
  Job *job = data;

  assert_from (job->f, job->source, job->offset);
  return NULL;
}

static void
test_threads (void)
{
  g_auto (Fixture) f = fixture_make ();
  /* A token runs out in the middle, too; the next one is enough for all that is left, whoever takes it. */
  g_autoptr (FakeRegistry) fake =
      fake_registry_start (&f.layout, "--bearer", "--token-uses=10", "--truncate=1000000", "--times=6", NULL);
  GThread *threads[8];
  Job jobs[G_N_ELEMENTS (threads)];

  if (fake == NULL)
    return;
  g_autoptr (ScBlobSource) source = open_source (&f, fake);
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      jobs[i] = (Job){ .f = &f, .source = source, .offset = i * 111111 };
      threads[i] = g_thread_new ("reader", read_in_thread, &jobs[i]);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/registry-stream/offsets", test_offsets);
  g_test_add_func ("/registry-stream/broken", test_broken);
  g_test_add_func ("/registry-stream/bytes", test_bytes);
  g_test_add_func ("/registry-stream/failures", test_failures);
  g_test_add_func ("/registry-stream/sizes", test_sizes);
  g_test_add_func ("/registry-stream/threads", test_threads);
  return g_test_run ();
}
