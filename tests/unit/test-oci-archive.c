/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* OCI image layouts in tar files: plain and compressed, layers in every order, and archives that lie, loop, lead out of
 * themselves or are far too large. */

#include "blob-source.h"

#include "fake-registry.h"
#include "tar-fixture.h"

#define LAYOUT "{\"imageLayoutVersion\":\"1.0.0\"}"

typedef struct
{
  TempDir dir;
  ScContext ctx;
  char *path;
  char *config;
  char *manifest;
  char *digest; /* of @manifest */
} Fixture;

static const char *const layers[] = { "layer one", "layer two, longer", "layer three", NULL };

static void
set_up (Fixture *f, gconstpointer data)
{
  f->dir = temp_dir_make ();
  f->ctx = (ScContext){ .checkouts = f->dir.path };
  f->path = g_build_filename (f->dir.path, "some image.tar", NULL);
  f->config = tar_fixture_config (layers);
  f->manifest = tar_fixture_manifest (f->config, layers);
  f->digest = sc_digest_of (f->manifest, strlen (f->manifest));
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_free (f->path);
  g_free (f->config);
  g_free (f->manifest);
  g_free (f->digest);
  temp_dir_clear (&f->dir);
}

/* (transfer full): index.json of one manifest. @more: ',"annotations":...' */
static char *
index_of (const char *manifest, const char *more)
{
  g_autofree char *entry = tar_fixture_descriptor (SC_MT_OCI_MANIFEST, manifest, more);

  return g_strdup_printf ("{\"schemaVersion\":2,\"manifests\":[%s]}", entry);
}

static void
add_blob (TarFixture *t, const char *text)
{
  g_free (tar_fixture_add_blob (t, text));
}

static void
save (Fixture *f, TarFixture *t)
{
  g_autoptr (GBytes) bytes = tar_fixture_end (t);

  temp_dir_write (&f->dir, "some image.tar", g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
}

/* The whole image, layers in the order of @order, the index last. */
static void
save_image (Fixture *f, const char *order, int filter)
{
  TarFixture t = tar_fixture_begin (filter);
  g_autofree char *index = index_of (f->manifest, "");

  for (gsize i = 0; order[i] != '\0'; i++)
    add_blob (&t, layers[order[i] - '0']);
  add_blob (&t, f->config);
  add_blob (&t, f->manifest);
  tar_fixture_add (&t, "./index.json", index);
  tar_fixture_add (&t, "oci-layout", LAYOUT);
  save (f, &t);
}

static ScBlobSource *
open_tag (Fixture *f, const char *tag, GError **error)
{
  g_autofree char *text = g_strconcat ("oci-archive:", f->path, tag != NULL ? ":" : NULL, tag, NULL);
  g_autoptr (ScReference) ref = sc_reference_parse (text, error);
  ScBlobSourceOptions options = { .ctx = &f->ctx };

  g_assert_nonnull (ref);
  return sc_blob_source_open (ref, &options, NULL, error);
}

static ScManifest *
fetch_manifest (ScBlobSource *source, GError **error)
{
  g_autofree char *media_type = NULL;
  g_autoptr (GBytes) raw = source->klass->fetch_manifest (source, NULL, &media_type, NULL, error);

  return raw != NULL ? sc_manifest_parse (raw, error) : NULL;
}

static void
assert_blob (ScBlobSource *source, const ScDescriptor *descriptor, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) data = sc_blob_source_fetch_blob (source, descriptor, 1000, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (data, NULL), g_bytes_get_size (data), text, strlen (text));
}

static void
test_orders (Fixture *f, gconstpointer data)
{
  static const char *const orders[] = { "012", "210", "120", "102" };
  static const int filters[] = { ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_ZSTD, ARCHIVE_FILTER_XZ };

  for (gsize i = 0; i < G_N_ELEMENTS (orders) * G_N_ELEMENTS (filters); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (ScBlobSource) source = NULL;
      g_autoptr (ScManifest) m = NULL;
      g_autofree char *name = NULL;

      save_image (f, orders[i % G_N_ELEMENTS (orders)], filters[i / G_N_ELEMENTS (orders)]);
      source = open_tag (f, NULL, &error);
      g_assert_no_error (error);
      name = sc_blob_source_store_name (source);
      g_assert_cmpstr (name, ==, "some-image.tar:latest");
      m = fetch_manifest (source, &error);
      g_assert_no_error (error);
      g_assert_cmpstr (m->digest, ==, f->digest);
      assert_blob (source, m->config, f->config);
      for (guint l = 0; l < 3; l++)
        assert_blob (source, g_ptr_array_index (m->layers, l), layers[l]);
      /* Again, and out of the plan. */
      assert_blob (source, g_ptr_array_index (m->layers, 1), layers[1]);
      assert_blob (source, m->config, f->config);
    }
}

static void
test_names (Fixture *f, gconstpointer data)
{
  g_autofree char *one = tar_fixture_descriptor (
      SC_MT_OCI_MANIFEST, f->manifest, ",\"annotations\":{\"org.opencontainers.image.ref.name\":\"quay.io/x/y:v1\"}");
  g_autofree char *two = tar_fixture_descriptor (SC_MT_OCI_MANIFEST, f->config,
                                                 ",\"annotations\":{\"org.opencontainers.image.ref.name\":\"v2\"}");
  g_autofree char *index = g_strdup_printf ("{\"schemaVersion\":2,\"manifests\":[%s,%s]}", one, two);
  TarFixture t = tar_fixture_begin (ARCHIVE_FILTER_NONE);
  g_autoptr (GError) error = NULL;
  g_autoptr (ScBlobSource) source = NULL;
  g_autofree char *name = NULL;

  add_blob (&t, f->manifest);
  tar_fixture_add (&t, "index.json", index);
  tar_fixture_add (&t, "oci-layout", LAYOUT);
  save (f, &t);
  source = open_tag (f, "v1", &error);
  g_assert_no_error (error);
  name = sc_blob_source_store_name (source);
  g_assert_cmpstr (name, ==, "quay.io/x/y:v1");
  g_assert_null (open_tag (f, "v3", &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, "it has no image 'v3', only: quay.io/x/y:v1, v2"));
  g_clear_error (&error);
  g_assert_null (open_tag (f, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_USAGE);
}

static void
assert_open_fails (Fixture *f, int code, const char *message)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *prefix = g_strdup_printf ("archive %s: ", f->path);

  g_assert_null (open_tag (f, NULL, &error));
  g_assert_error (error, SC_ERROR, code);
  g_assert_true (g_str_has_prefix (error->message, prefix));
  if (strstr (error->message, message) == NULL)
    g_error ("expected '%s', got '%s'", message, error->message);
}

/* An archive of these three, each left out if NULL. */
static void
save_files (Fixture *f, const char *layout, const char *index, const char *blob)
{
  TarFixture t = tar_fixture_begin (ARCHIVE_FILTER_NONE);

  if (layout != NULL)
    tar_fixture_add (&t, "oci-layout", layout);
  if (index != NULL)
    tar_fixture_add (&t, "index.json", index);
  if (blob != NULL)
    add_blob (&t, blob);
  save (f, &t);
}

static void
test_bad_layouts (Fixture *f, gconstpointer data)
{
  g_autofree char *index = index_of (f->manifest, "");
  g_autofree char *big = g_strnfill (SC_MANIFEST_MAX_SIZE + 1, ' ');
  TarFixture loop = tar_fixture_begin (ARCHIVE_FILTER_NONE);
  TarFixture docker = tar_fixture_begin (ARCHIVE_FILTER_NONE);

  save_files (f, NULL, index, f->manifest);
  assert_open_fails (f, SC_ERROR_INVALID, "it is not an OCI image layout: it has no file oci-layout");
  tar_fixture_add (&docker, "manifest.json", "[]");
  save (f, &docker);
  assert_open_fails (f, SC_ERROR_INVALID, "it is not an OCI image layout but one of docker save: docker-archive:");
  save_files (f, "{\"imageLayoutVersion\":\"2\"}", index, f->manifest);
  assert_open_fails (f, SC_ERROR_UNSUPPORTED, "layout version '2' is not supported");
  save_files (f, "[]", index, f->manifest);
  assert_open_fails (f, SC_ERROR_INVALID, "oci-layout: expected an object");
  save_files (f, LAYOUT, NULL, f->manifest);
  assert_open_fails (f, SC_ERROR_NOT_FOUND, "it has no member index.json");
  save_files (f, LAYOUT, "{\"schemaVersion\":2,\"manifests\":[]}", NULL);
  assert_open_fails (f, SC_ERROR_NOT_FOUND, "it has no image");
  save_files (f, LAYOUT, "nonsense", NULL);
  assert_open_fails (f, SC_ERROR_INVALID, "index.json: ");
  save_files (f, LAYOUT, big, NULL);
  assert_open_fails (f, SC_ERROR_LIMIT, "member index.json: larger than");
  save_files (f, LAYOUT,
              "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"x\",\"size\":3,"
              "\"digest\":\"sha256:../../../../etc/passwd\"}]}",
              NULL);
  assert_open_fails (f, SC_ERROR_INVALID, "index.json: ");
  tar_fixture_add_symlink (&loop, "oci-layout", "a");
  tar_fixture_add_symlink (&loop, "a", "b");
  tar_fixture_add_symlink (&loop, "b", "a");
  save (f, &loop);
  assert_open_fails (f, SC_ERROR_INVALID, "it has no file oci-layout");
}

static void
assert_manifest_fails (Fixture *f, int code, const char *message)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ScBlobSource) source = open_tag (f, NULL, &error);

  g_assert_no_error (error);
  g_assert_null (fetch_manifest (source, &error));
  g_assert_error (error, SC_ERROR, code);
  if (strstr (error->message, message) == NULL)
    g_error ("expected '%s', got '%s'", message, error->message);
}

static void
test_bad_manifests (Fixture *f, gconstpointer data)
{
  g_autofree char *index = index_of (f->manifest, "");
  g_autofree char *blob = g_strconcat ("blobs/sha256/", sc_digest_hex (f->digest), NULL);
  g_autofree char *other = g_strdup (f->manifest);
  TarFixture swapped = tar_fixture_begin (ARCHIVE_FILTER_NONE), shorter = tar_fixture_begin (ARCHIVE_FILTER_NONE);
  TarFixture out = tar_fixture_begin (ARCHIVE_FILTER_NONE), twice = tar_fixture_begin (ARCHIVE_FILTER_NONE);
  g_autoptr (GError) error = NULL;
  g_autoptr (ScBlobSource) source = NULL;

  save_files (f, LAYOUT, index, NULL);
  assert_manifest_fails (f, SC_ERROR_NOT_FOUND, "it has no member blobs/sha256/");

  *strchr (other, ':') = ' ';
  tar_fixture_add (&swapped, "oci-layout", LAYOUT);
  tar_fixture_add (&swapped, "index.json", index);
  tar_fixture_add (&swapped, blob, other);
  save (f, &swapped);
  assert_manifest_fails (f, SC_ERROR_DIGEST, "manifest: digest mismatch");

  tar_fixture_add (&shorter, "oci-layout", LAYOUT);
  tar_fixture_add (&shorter, "index.json", index);
  tar_fixture_add (&shorter, blob, "{}");
  save (f, &shorter);
  assert_manifest_fails (f, SC_ERROR_DIGEST, "has 2 bytes where index.json announces");

  tar_fixture_add (&out, "oci-layout", LAYOUT);
  tar_fixture_add (&out, "index.json", index);
  tar_fixture_add_symlink (&out, blob, "../../../../../../etc/passwd");
  save (f, &out);
  assert_manifest_fails (f, SC_ERROR_INVALID, "is not a plain file");

  /* The last one counts, as it does when an archive is unpacked. */
  tar_fixture_add (&twice, "oci-layout", LAYOUT);
  tar_fixture_add (&twice, "index.json", index);
  tar_fixture_add (&twice, blob, "{}");
  tar_fixture_add (&twice, blob, f->manifest);
  save (f, &twice);
  source = open_tag (f, NULL, &error);
  g_assert_no_error (error);
  sc_manifest_free (fetch_manifest (source, &error));
  g_assert_no_error (error);
}

/* A size that the file does not have. */
static void
test_huge (Fixture *f, gconstpointer data)
{
  static const char *const paths[] = { "oci-layout", "index.json", "blobs/sha256/x" };

  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      g_autoptr (GBytes) bytes = tar_fixture_huge (paths[i], '{');

      temp_dir_write (&f->dir, "some image.tar", g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
      assert_open_fails (f, SC_ERROR_INVALID, "");
    }
}

static void
test_other_manifests (Fixture *f, gconstpointer data)
{
  static const char *const absent[] = { "latest", "../index.json", "sha256-abc.sig", "sha512:abc" };
  g_autoptr (GError) error = NULL;
  g_autoptr (ScBlobSource) source = NULL;
  g_autofree char *media_type = NULL;
  g_autoptr (GBytes) raw = NULL;

  save_image (f, "012", ARCHIVE_FILTER_NONE);
  source = open_tag (f, NULL, &error);
  raw = source->klass->fetch_manifest (source, f->digest, &media_type, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (raw, NULL), g_bytes_get_size (raw), f->manifest, strlen (f->manifest));
  for (gsize i = 0; i < G_N_ELEMENTS (absent); i++)
    {
      g_assert_null (source->klass->fetch_manifest (source, absent[i], &media_type, NULL, &error));
      g_assert_error (error, SC_ERROR, SC_ERROR_NOT_FOUND);
      g_clear_error (&error);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(path, func) g_test_add ("/oci-archive/" path, Fixture, NULL, set_up, func, tear_down)
  ADD ("orders", test_orders);
  ADD ("names", test_names);
  ADD ("bad-layouts", test_bad_layouts);
  ADD ("bad-manifests", test_bad_manifests);
  ADD ("huge", test_huge);
  ADD ("other-manifests", test_other_manifests);
#undef ADD
  return g_test_run ();
}
