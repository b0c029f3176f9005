/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* OCI layouts: which image is meant and what it is called, and that nothing but regular files with the announced
 * content come out.  Also what blob-source.c does for every transport. */

#include "blob-source.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest.h"
#include "fs.h"

typedef struct
{
  char *dir;    /* temporary */
  char *layout; /* in it */
} Fixture;

static void
put (const Fixture *f, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (f->layout, name, NULL);

  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

/* Stores a blob; (transfer full): its digest. */
static char *
put_blob (const Fixture *f, const char *text)
{
  char *digest = sc_digest_of (text, strlen (text));
  g_autofree char *name = g_strconcat ("blobs/sha256/", sc_digest_hex (digest), NULL);

  put (f, name, text);
  return digest;
}

/* (transfer full): an entry of index.json. */
static char *
entry (const char *digest, gsize size, const char *ref_name)
{
  g_autofree char *annotations =
      ref_name != NULL ? g_strdup_printf (",\"annotations\":{\"org.opencontainers.image.ref.name\":\"%s\"}", ref_name)
                       : g_strdup ("");
  return g_strdup_printf ("{\"mediaType\":\"" SC_MT_OCI_MANIFEST "\",\"digest\":\"%s\",\"size\":%zu%s}", digest, size,
                          annotations);
}

static void
put_index (const Fixture *f, const char *first, const char *second)
{
  g_autofree char *text = g_strdup_printf ("{\"schemaVersion\":2,\"manifests\":[%s%s%s]}", first != NULL ? first : "",
                                           second != NULL ? "," : "", second != NULL ? second : "");
  put (f, "index.json", text);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  g_autofree char *blobs = NULL;

  f->dir = g_dir_make_tmp ("sc-layout-XXXXXX", NULL);
  f->layout = g_build_filename (f->dir, "My Layout", NULL);
  blobs = g_build_filename (f->layout, "blobs/sha256", NULL);
  g_assert_cmpint (g_mkdir_with_parents (blobs, 0755), ==, 0);
  put (f, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (sc_fs_remove_tree_at (-1, f->dir, &error));
  g_free (f->dir);
  g_free (f->layout);
}

static ScBlobSource *
open_text (const char *text, GError **error)
{
  g_autoptr (ScReference) ref = sc_reference_parse (text, error);
  const ScBlobSourceOptions options = { 0 };

  g_assert_nonnull (ref);
  return sc_blob_source_open (ref, &options, NULL, error);
}

static ScBlobSource *
open_tag (const Fixture *f, const char *tag, GError **error)
{
  g_autofree char *text = g_strconcat ("oci:", f->layout, tag != NULL ? ":" : NULL, tag, NULL);

  return open_text (text, error);
}

static void
assert_open_fails (const Fixture *f, const char *tag, ScError code, const char *reason)
{
  g_autoptr (GError) error = NULL;
  ScBlobSource *source = open_tag (f, tag, &error);

  g_assert_null (source);
  g_assert_error (error, SC_ERROR, (int)code);
  g_assert_nonnull (strstr (error->message, f->layout));
  if (strstr (error->message, reason) == NULL)
    g_error ("expected '%s', got '%s'", reason, error->message);
}

static void
assert_name_and_manifest (const Fixture *f, const char *tag, const char *name, const char *manifest)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ScBlobSource) source = open_tag (f, tag, &error);
  g_autofree char *store_name = NULL;
  g_autofree char *media_type = NULL;
  g_autoptr (GBytes) raw = NULL;

  g_assert_no_error (error);
  store_name = sc_blob_source_store_name (source);
  g_assert_cmpstr (store_name, ==, name);
  raw = source->klass->fetch_manifest (source, NULL, &media_type, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (raw, NULL), g_bytes_get_size (raw), manifest, strlen (manifest));
  g_assert_cmpstr (media_type, ==, SC_MT_OCI_MANIFEST);
}

static void
test_choice (Fixture *f, gconstpointer data)
{
  g_autofree char *one = put_blob (f, "{1}");
  g_autofree char *two = put_blob (f, "{2}");
  g_autofree char *unnamed = entry (one, 3, NULL);
  g_autofree char *tagged = entry (two, 3, "1.0");
  g_autofree char *full = entry (two, 3, "quay.io/x/y:1.0");
  g_autofree char *other = entry (one, 3, "quay.io/x/z:1.0");

  put_index (f, unnamed, NULL);
  assert_name_and_manifest (f, NULL, "my-layout:latest", "{1}");
  assert_open_fails (f, "1.0", SC_ERROR_NOT_FOUND, "it has no image '1.0', only: (no name)");

  put_index (f, unnamed, tagged);
  assert_name_and_manifest (f, "1.0", "my-layout:1.0", "{2}");
  assert_open_fails (f, NULL, SC_ERROR_USAGE, "it has 2 images, say which by :TAG: (no name), 1.0");
  assert_open_fails (f, "0", SC_ERROR_NOT_FOUND, "it has no image '0'");

  put_index (f, unnamed, full);
  assert_name_and_manifest (f, "1.0", "quay.io/x/y:1.0", "{2}");
  put_index (f, full, NULL);
  assert_name_and_manifest (f, NULL, "quay.io/x/y:1.0", "{2}");
  put_index (f, full, other);
  assert_open_fails (f, "1.0", SC_ERROR_USAGE, "several of its images have the tag '1.0'");
  put_index (f, other, tagged);
  assert_name_and_manifest (f, "1.0", "my-layout:1.0", "{2}");

  put_index (f, NULL, NULL);
  assert_open_fails (f, NULL, SC_ERROR_NOT_FOUND, "it has no image");
}

/* A name that is no image of a registry does not become the name of one. */
static void
test_hostile_names (Fixture *f, gconstpointer data)
{
  static const char *const names[] = { "dir:/etc", "http:quay.io/x", "../../x", "a b/c", "UPPER/Case:1/2", "x/" };
  g_autofree char *one = put_blob (f, "{1}");

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *text = entry (one, 3, names[i]);

      put_index (f, text, NULL);
      assert_name_and_manifest (f, NULL, "my-layout:latest", "{1}");
    }
}

static void
test_not_a_layout (Fixture *f, gconstpointer data)
{
  g_autofree char *marker = g_build_filename (f->layout, "oci-layout", NULL);
  g_autofree char *missing = g_strconcat ("oci:", f->dir, "/none", NULL);
  g_autoptr (GError) error = NULL;

  put_index (f, NULL, NULL);
  put (f, "oci-layout", "{\"imageLayoutVersion\":\"2.0.0\"}");
  assert_open_fails (f, NULL, SC_ERROR_UNSUPPORTED, "layout version '2.0.0' is not supported");
  put (f, "oci-layout", "{}");
  assert_open_fails (f, NULL, SC_ERROR_INVALID, "imageLayoutVersion");
  put (f, "oci-layout", "nonsense");
  assert_open_fails (f, NULL, SC_ERROR_INVALID, "oci-layout: line 1");
  g_assert_cmpint (g_unlink (marker), ==, 0);
  assert_open_fails (f, NULL, SC_ERROR_NOT_FOUND, "not an OCI image layout");
  g_assert_cmpint (mkfifo (marker, 0600), ==, 0);
  assert_open_fails (f, NULL, SC_ERROR_INVALID, "not a regular file");

  g_assert_null (open_text (missing, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
}

static void
test_index_lies (Fixture *f, gconstpointer data)
{
  static const struct
  {
    gsize size;
    const char *content, *reason;
  } lies[] = {
    { 4, "{1}", "has 3 bytes where index.json announces 4" },
    { 3, "{2}", "digest mismatch: expected sha256:" },
  };
  g_autofree char *one = put_blob (f, "{1}");
  g_autofree char *name = g_strconcat ("blobs/sha256/", sc_digest_hex (one), NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (lies); i++)
    {
      g_autofree char *text = entry (one, lies[i].size, NULL);
      g_autoptr (GError) error = NULL;
      g_autoptr (ScBlobSource) source = NULL;
      g_autofree char *media_type = NULL;

      put (f, name, lies[i].content);
      put_index (f, text, NULL);
      source = open_tag (f, NULL, &error);
      g_assert_no_error (error);
      g_assert_null (source->klass->fetch_manifest (source, NULL, &media_type, NULL, &error));
      g_assert_error (error, SC_ERROR, SC_ERROR_DIGEST);
      g_assert_nonnull (strstr (error->message, lies[i].reason));
      g_assert_null (media_type);
    }
}

static ScBlobSource *
open_with_blob (const Fixture *f, const char *text, ScDescriptor *descriptor)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *digest = put_blob (f, text);
  g_autofree char *only = entry (digest, strlen (text), NULL);
  ScBlobSource *source;

  put_index (f, only, NULL);
  source = open_tag (f, NULL, &error);
  g_assert_no_error (error);
  *descriptor = (ScDescriptor){ .media_type = (char *)"x", .digest = g_steal_pointer (&digest), .size = strlen (text) };
  return source;
}

static void
test_fetch_blob (Fixture *f, gconstpointer data)
{
  static const struct
  {
    guint64 size;
    gsize max;
    ScError code;
    const char *reason;
  } bad[] = {
    { 5, 4, SC_ERROR_LIMIT, "5 bytes, more than the 4" },
    { 4, 100, SC_ERROR_DIGEST, "larger than the 4 bytes announced" },
    { 6, 100, SC_ERROR_DIGEST, "5 bytes where 6 were announced" },
    { 0, 100, SC_ERROR_DIGEST, "larger than the 0 bytes announced" },
  };
  ScDescriptor descriptor;
  g_autoptr (ScBlobSource) source = open_with_blob (f, "hello", &descriptor);
  g_autofree char *digest = descriptor.digest;
  g_autofree char *name = g_strconcat ("blobs/sha256/", sc_digest_hex (digest), NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) found = sc_blob_source_fetch_blob (source, &descriptor, 5, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (found, NULL), g_bytes_get_size (found), "hello", 5);
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      descriptor.size = bad[i].size;
      g_assert_null (sc_blob_source_fetch_blob (source, &descriptor, bad[i].max, NULL, &error));
      g_assert_error (error, SC_ERROR, (int)bad[i].code);
      g_assert_nonnull (strstr (error->message, bad[i].reason));
      g_clear_error (&error);
    }
  descriptor.size = 5;
  put (f, name, "hallo");
  g_assert_null (sc_blob_source_fetch_blob (source, &descriptor, 5, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_DIGEST);
  g_assert_nonnull (strstr (error->message, "digest mismatch"));
}

static void
test_blob_files (Fixture *f, gconstpointer data)
{
  ScDescriptor descriptor;
  g_autoptr (ScBlobSource) source = open_with_blob (f, "hello", &descriptor);
  g_autofree char *digest = descriptor.digest;
  g_autofree char *path = g_build_filename (f->layout, "blobs/sha256", sc_digest_hex (digest), NULL);
  g_autofree char *target = g_build_filename (f->dir, "outside", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (g_file_set_contents (target, "hello", -1, NULL));
  g_assert_cmpint (g_unlink (path), ==, 0);
  g_assert_null (source->klass->open_blob (source, &descriptor, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_clear_error (&error);

  g_assert_cmpint (symlink (target, path), ==, 0);
  g_assert_null (source->klass->open_blob (source, &descriptor, NULL, &error));
  g_assert_nonnull (error);
  g_clear_error (&error);

  g_assert_cmpint (g_unlink (path), ==, 0);
  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  g_assert_null (source->klass->open_blob (source, &descriptor, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
  g_assert_nonnull (strstr (error->message, "not a regular file"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(path, func) g_test_add ("/layout/" path, Fixture, NULL, set_up, func, tear_down)
  ADD ("choice", test_choice);
  ADD ("hostile-names", test_hostile_names);
  ADD ("not-a-layout", test_not_a_layout);
  ADD ("index-lies", test_index_lies);
  ADD ("fetch-blob", test_fetch_blob);
  ADD ("blob-files", test_blob_files);
#undef ADD
  return g_test_run ();
}
