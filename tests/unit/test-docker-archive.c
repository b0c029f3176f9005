/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Archives of docker save, made here member by member: the manifest that is made of them, the choice among several
 * images, every kind of link and compression, and archives that lie or are cut off. */

#include "blob-source.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "digest.h"
#include "fs.h"

#define GZIP_START "\x1f\x8b\x08"
#define ZSTD_START "\x28\xb5\x2f\xfd"

typedef struct
{
  char *dir;
  char *path;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  f->dir = g_dir_make_tmp ("sc-archive-XXXXXX", NULL);
  f->path = g_build_filename (f->dir, "My Image.tar", NULL);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_assert_true (sc_fs_remove_tree_at (AT_FDCWD, f->dir, NULL));
  g_free (f->dir);
  g_free (f->path);
}

/* A tar file that is being written. */
static struct archive *
begin (const Fixture *f, int filter)
{
  struct archive *a = archive_write_new ();

  g_assert_cmpint (archive_write_set_format_pax_restricted (a), ==, ARCHIVE_OK);
  g_assert_cmpint (archive_write_add_filter (a, filter), ==, ARCHIVE_OK);
  g_assert_cmpint (archive_write_open_filename (a, f->path), ==, ARCHIVE_OK);
  return a;
}

static void
end (struct archive *a)
{
  g_assert_cmpint (archive_write_close (a), ==, ARCHIVE_OK);
  archive_write_free (a);
}

static void
add (struct archive *a, const char *path, const char *text)
{
  struct archive_entry *entry = archive_entry_new ();
  gsize size = strlen (text);

  archive_entry_set_pathname (entry, path);
  archive_entry_set_filetype (entry, AE_IFREG);
  archive_entry_set_perm (entry, 0644);
  archive_entry_set_size (entry, (la_int64_t)size);
  g_assert_cmpint (archive_write_header (a, entry), ==, ARCHIVE_OK);
  g_assert_cmpint (archive_write_data (a, text, size), ==, (la_ssize_t)size);
  archive_entry_free (entry);
}

static void
add_link (struct archive *a, const char *path, const char *target, gboolean hard)
{
  struct archive_entry *entry = archive_entry_new ();

  archive_entry_set_pathname (entry, path);
  archive_entry_set_perm (entry, 0777);
  if (hard)
    {
      archive_entry_set_filetype (entry, AE_IFREG);
      archive_entry_set_hardlink (entry, target);
    }
  else
    {
      archive_entry_set_filetype (entry, AE_IFLNK);
      archive_entry_set_symlink (entry, target);
    }
  g_assert_cmpint (archive_write_header (a, entry), ==, ARCHIVE_OK);
  archive_entry_free (entry);
}

/* (transfer full): an image config with the diffIDs of @layers. */
static char *
config_of (const char *const *layers)
{
  GString *out = g_string_new ("{\"os\":\"linux\",\"architecture\":\"amd64\",\"rootfs\":{\"diff_ids\":[");

  for (gsize i = 0; layers[i] != NULL; i++)
    {
      g_autofree char *digest = sc_digest_of (layers[i], strlen (layers[i]));
      g_string_append_printf (out, "%s\"%s\"", i > 0 ? "," : "", digest);
    }
  g_string_append (out, "]}}");
  return g_string_free (out, FALSE);
}

static ScBlobSource *
open_name (const Fixture *f, const char *name, GError **error)
{
  g_autofree char *text = g_strconcat ("docker-archive:", f->path, name != NULL ? ":" : NULL, name, NULL);
  g_autoptr (ScReference) ref = sc_reference_parse (text, error);
  const ScBlobSourceOptions options = { 0 };

  g_assert_nonnull (ref);
  return sc_blob_source_open (ref, &options, NULL, error);
}

static void
assert_open_fails (const Fixture *f, const char *name, ScError code, const char *reason)
{
  g_autofree char *prefix = g_strdup_printf ("archive %s: ", f->path);
  g_autoptr (GError) error = NULL;

  g_assert_null (open_name (f, name, &error));
  g_assert_error (error, SC_ERROR, (int)code);
  g_assert_true (g_str_has_prefix (error->message, prefix));
  g_assert_null (strstr (error->message + 1, prefix));
  if (strstr (error->message, reason) == NULL)
    g_error ("expected '%s', got '%s'", reason, error->message);
}

static ScManifest *
load_manifest (ScBlobSource *source)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *media_type = NULL;
  g_autoptr (GBytes) raw = source->klass->fetch_manifest (source, NULL, &media_type, NULL, &error);
  ScManifest *manifest;

  g_assert_no_error (error);
  g_assert_cmpstr (media_type, ==, SC_MT_DOCKER_MANIFEST);
  manifest = sc_manifest_parse (raw, &error);
  g_assert_no_error (error);
  return manifest;
}

static void
assert_blob (ScBlobSource *source, const ScDescriptor *descriptor, const char *media_type, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) data = sc_blob_source_fetch_blob (source, descriptor, 1000, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (data, NULL), g_bytes_get_size (data), text, strlen (text));
  g_assert_cmpstr (descriptor->media_type, ==, media_type);
}

/* Layers as docker wrote them through the years: plain, linked, repeated, compressed. */
static void
write_image (const Fixture *f, int filter)
{
  const char *layers[] = { "one", "two", "one", "three", "four", "one", NULL };
  g_autofree char *config = config_of (layers);
  struct archive *a = begin (f, filter);

  add (a, "./1/layer.tar", "one");
  add (a, "abc.json", config);
  add (a, "2/layer.tar", "two");
  add_link (a, "3/layer.tar", "../1/layer.tar", FALSE);
  add (a, "blobs/sha256/gz", GZIP_START "compressed");
  add (a, "blobs/sha256/zst", ZSTD_START "compressed");
  add_link (a, "6/layer.tar", "3/layer.tar", TRUE);
  add (a, "manifest.json",
       "[{\"Config\":\"abc.json\",\"RepoTags\":[\"quay.io/x/y:1.0\",\"z:2\"],\"Layers\":[\"1/layer.tar\","
       "\"2/layer.tar\",\"3/layer.tar\",\"blobs/sha256/gz\",\"blobs/sha256/zst\",\"6/layer.tar\"]}]");
  end (a);
}

static void
test_image (Fixture *f, gconstpointer data)
{
  const char *layers[] = { "one", "two", "one", "three", "four", "one", NULL };
  g_autofree char *config = config_of (layers);
  g_autofree char *one = sc_digest_of ("one", 3);
  g_autoptr (GError) error = NULL;
  g_autoptr (ScBlobSource) source = NULL;
  g_autoptr (ScManifest) m = NULL;
  g_autofree char *name = NULL;
  g_autofree char *media_type = NULL;
  g_autoptr (GBytes) by_digest = NULL;

  write_image (f, GPOINTER_TO_INT (data));
  source = open_name (f, NULL, &error);
  g_assert_no_error (error);
  name = sc_blob_source_store_name (source);
  g_assert_cmpstr (name, ==, "quay.io/x/y:1.0");

  m = load_manifest (source);
  g_assert_cmpuint (m->layers->len, ==, 6);
  assert_blob (source, m->config, SC_MT_DOCKER_CONFIG, config);
  assert_blob (source, g_ptr_array_index (m->layers, 4), SC_MT_OCI_LAYER "+zstd", ZSTD_START "compressed");
  assert_blob (source, g_ptr_array_index (m->layers, 0), SC_MT_DOCKER_LAYER, "one");
  assert_blob (source, g_ptr_array_index (m->layers, 1), SC_MT_DOCKER_LAYER, "two");
  assert_blob (source, g_ptr_array_index (m->layers, 2), SC_MT_DOCKER_LAYER, "one");
  assert_blob (source, g_ptr_array_index (m->layers, 3), SC_MT_DOCKER_LAYER ".gzip", GZIP_START "compressed");
  assert_blob (source, g_ptr_array_index (m->layers, 5), SC_MT_DOCKER_LAYER, "one");
  g_assert_cmpstr (((ScDescriptor *)g_ptr_array_index (m->layers, 5))->digest, ==, one);

  by_digest = source->klass->fetch_manifest (source, m->digest, &media_type, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (by_digest, m->raw));
  g_clear_pointer (&media_type, g_free);
  g_assert_null (source->klass->fetch_manifest (source, one, &media_type, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_NOT_FOUND);
  g_clear_error (&error);

  g_free (m->config->digest);
  m->config->digest = g_strdup (m->digest);
  g_assert_null (source->klass->open_blob (source, m->config, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_NOT_FOUND);
}

/* The same image gives the same manifest, however the archive is compressed. */
static void
test_deterministic (Fixture *f, gconstpointer data)
{
  const int filters[] = { ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_ZSTD };
  g_autofree char *digest = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (filters); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (ScBlobSource) source = NULL;
      g_autoptr (ScManifest) m = NULL;

      write_image (f, filters[i]);
      source = open_name (f, NULL, &error);
      g_assert_no_error (error);
      m = load_manifest (source);
      if (digest == NULL)
        digest = g_strdup (m->digest);
      g_assert_cmpstr (m->digest, ==, digest);
    }
}

static void
assert_chosen (const Fixture *f, const char *name, const char *store_name, guint n_layers)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ScBlobSource) source = open_name (f, name, &error);
  g_autofree char *found = NULL;
  g_autoptr (ScManifest) m = NULL;

  g_assert_no_error (error);
  found = sc_blob_source_store_name (source);
  g_assert_cmpstr (found, ==, store_name);
  m = load_manifest (source);
  g_assert_cmpuint (m->layers->len, ==, n_layers);
}

static void
test_choice (Fixture *f, gconstpointer data)
{
  const char *layers[] = { "one", NULL };
  g_autofree char *empty = config_of (layers + 1);
  g_autofree char *full = config_of (layers);
  struct archive *a = begin (f, ARCHIVE_FILTER_NONE);

  add (a, "0.json", empty);
  add (a, "1.json", full);
  add (a, "l", "one");
  add (a, "manifest.json",
       "[{\"Config\":\"0.json\",\"RepoTags\":[\"docker.io/library/busybox:latest\"],\"Layers\":[]},"
       "{\"Config\":\"1.json\",\"RepoTags\":[\"x:1\",\"quay.io/x:2\"],\"Layers\":[\"l\"]},"
       "{\"Config\":\"0.json\",\"RepoTags\":null,\"Layers\":[]}]");
  end (a);

  assert_chosen (f, "busybox", "busybox:latest", 0);
  assert_chosen (f, "docker.io/busybox:latest", "docker.io/busybox:latest", 0);
  assert_chosen (f, "x:1", "x:1", 1);
  assert_chosen (f, "quay.io/x:2", "quay.io/x:2", 1);
  assert_chosen (f, "@0", "docker.io/library/busybox:latest", 0);
  assert_chosen (f, "@1", "x:1", 1);
  assert_chosen (f, "@2", "my-image.tar:latest", 0);
  assert_open_fails (f, "@3", SC_ERROR_NOT_FOUND, "it has no image @3: it has 3, the first is @0");
  assert_open_fails (f, "x", SC_ERROR_NOT_FOUND,
                     "it has no image 'x:latest', only: docker.io/library/busybox:latest, x:1, (no name)");
  assert_open_fails (f, NULL, SC_ERROR_USAGE,
                     "it has 3 images, say which by :NAME:TAG or :@N: docker.io/library/busybox");
}

static void
write_manifest (const Fixture *f, const char *manifest, const char *config)
{
  struct archive *a = begin (f, ARCHIVE_FILTER_NONE);

  add (a, "c.json", config);
  add (a, "l", "one");
  add_link (a, "out", "../../etc/passwd", FALSE);
  add_link (a, "loop", "loop2", FALSE);
  add_link (a, "loop2", "loop", FALSE);
  add (a, "manifest.json", manifest);
  end (a);
}

static void
test_names (Fixture *f, gconstpointer data)
{
  static const char *const tags[] = { "null", "[]", "[\"<none>:<none>\"]", "[\"dir:/x\"]" };
  const char *layers[] = { "one", NULL };
  g_autofree char *config = config_of (layers);

  for (gsize i = 0; i < G_N_ELEMENTS (tags); i++)
    {
      g_autofree char *manifest =
          g_strdup_printf ("[{\"Config\":\"c.json\",\"RepoTags\":%s,\"Layers\":[\"l\"]}]", tags[i]);

      write_manifest (f, manifest, config);
      assert_chosen (f, NULL, "my-image.tar:latest", 1);
    }
}

static void
test_bad_manifests (Fixture *f, gconstpointer data)
{
  static const struct
  {
    const char *manifest;
    ScError code;
    const char *reason;
  } bad[] = {
    { "{}", SC_ERROR_INVALID, "manifest.json: expected an array" },
    { "[]", SC_ERROR_NOT_FOUND, "it has no image" },
    { "[1]", SC_ERROR_INVALID, "manifest.json: [0]" },
    { "[{\"Layers\":[]}]", SC_ERROR_INVALID, "Config" },
    { "[{\"Config\":\"c.json\"}]", SC_ERROR_INVALID, "Layers" },
    { "[{\"Config\":\"none\",\"Layers\":[\"l\"]}]", SC_ERROR_NOT_FOUND, "it has no member none" },
    { "[{\"Config\":\"../c.json\",\"Layers\":[\"l\"]}]", SC_ERROR_NOT_FOUND, "it has no member ../c.json" },
    { "[{\"Config\":\"l\",\"Layers\":[\"l\"]}]", SC_ERROR_INVALID, "image config: line 1" },
    { "[{\"Config\":\"c.json\",\"Layers\":[]}]", SC_ERROR_INVALID, "0 layers where the image config has 1" },
    { "[{\"Config\":\"c.json\",\"Layers\":[\"l\",\"l\"]}]", SC_ERROR_INVALID, "2 layers where the image config has 1" },
    { "[{\"Config\":\"c.json\",\"Layers\":[\"out\"]}]", SC_ERROR_INVALID, "member out is not a plain file" },
    { "[{\"Config\":\"c.json\",\"Layers\":[\"loop\"]}]", SC_ERROR_INVALID, "member loop: too many links" },
    { "[{\"Config\":\"c.json\",\"Layers\":[\"/etc/passwd\"]}]", SC_ERROR_NOT_FOUND, "it has no member /etc/passwd" },
  };
  const char *layers[] = { "one", NULL };
  g_autofree char *config = config_of (layers);

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      write_manifest (f, bad[i].manifest, config);
      assert_open_fails (f, NULL, bad[i].code, bad[i].reason);
    }
}

/* Of two members with one name the later one counts, as when the archive is unpacked. */
static void
test_repeated (Fixture *f, gconstpointer data)
{
  const char *layers[] = { "one", NULL };
  g_autofree char *config = config_of (layers);
  g_autoptr (GError) error = NULL;
  g_autoptr (ScBlobSource) source = NULL;
  g_autoptr (ScManifest) m = NULL;
  struct archive *a = begin (f, ARCHIVE_FILTER_NONE);

  add (a, "l", "zero");
  add (a, "c.json", config);
  add (a, "manifest.json", "[{\"Config\":\"c.json\",\"Layers\":[\"l\"]}]");
  add (a, "./x/../l", "one");
  end (a);
  source = open_name (f, NULL, &error);
  g_assert_no_error (error);
  m = load_manifest (source);
  assert_blob (source, g_ptr_array_index (m->layers, 0), SC_MT_DOCKER_LAYER, "one");
}

static void
test_not_an_archive (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  struct archive *a;

  g_assert_null (open_name (f, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_true (g_file_set_contents (f->path, "", 0, NULL));
  assert_open_fails (f, NULL, SC_ERROR_INVALID, "");
  g_assert_true (g_file_set_contents (f->path, "this is no tar file", -1, NULL));
  assert_open_fails (f, NULL, SC_ERROR_INVALID, "");
  a = begin (f, ARCHIVE_FILTER_NONE);
  add (a, "repositories", "{}");
  end (a);
  assert_open_fails (f, NULL, SC_ERROR_UNSUPPORTED, "it was saved by a Docker older than 1.10");
  a = begin (f, ARCHIVE_FILTER_NONE);
  add (a, "index.json", "{}");
  end (a);
  assert_open_fails (f, NULL, SC_ERROR_INVALID, "it is not one of docker save but an OCI image layout: oci-archive:/");
  a = begin (f, ARCHIVE_FILTER_NONE);
  add (a, "something", "{}");
  end (a);
  assert_open_fails (f, NULL, SC_ERROR_INVALID, "it is not one of docker save: it has no manifest.json");
  g_assert_cmpint (g_unlink (f->path), ==, 0);
  g_assert_cmpint (g_mkdir (f->path, 0700), ==, 0);
  assert_open_fails (f, NULL, SC_ERROR_INVALID, "not a regular file");
}

/* However much of it is missing, it is noticed. */
static void
test_cut_off (Fixture *f, gconstpointer data)
{
  const char *layers[] = { "one", NULL };
  g_autofree char *config = config_of (layers);
  g_autofree char *text = NULL;
  gsize size;
  struct archive *a = begin (f, ARCHIVE_FILTER_NONE);

  add (a, "c.json", config);
  add (a, "manifest.json", "[{\"Config\":\"c.json\",\"Layers\":[\"l\"]}]");
  add (a, "l", "one");
  end (a);
  g_assert_true (g_file_get_contents (f->path, &text, &size, NULL));
  /* Six blocks: three members with their headers; what follows is the mark of the end. */
  for (gsize keep = 0; keep < 6 * 512; keep += 64)
    {
      g_autoptr (GError) error = NULL;

      g_assert_true (g_file_set_contents (f->path, text, (gssize)keep, NULL));
      g_assert_null (open_name (f, NULL, &error));
      g_assert_true (error->domain == SC_ERROR);
    }
}

/* The archive is replaced by a shorter one in place after it was listed. */
static void
test_changed (Fixture *f, gconstpointer data)
{
  const char *layers[] = { "one", NULL };
  g_autofree char *config = config_of (layers);
  g_autoptr (GError) error = NULL;
  g_autoptr (ScBlobSource) source = NULL;
  g_autoptr (ScManifest) m = NULL;
  g_autofree char *padding = g_strnfill (1000 * 1000, 'x');
  struct archive *a = begin (f, ARCHIVE_FILTER_NONE);

  add (a, "c.json", config);
  add (a, "manifest.json", "[{\"Config\":\"c.json\",\"Layers\":[\"l\"]}]");
  add (a, "padding", padding);
  add (a, "l", "one");
  end (a);
  source = open_name (f, NULL, &error);
  g_assert_no_error (error);
  m = load_manifest (source);
  g_assert_cmpint (truncate (f->path, 600), ==, 0);
  g_assert_null (sc_blob_source_fetch_blob (source, g_ptr_array_index (m->layers, 0), 1000, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
}

static void
test_cancel (Fixture *f, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (ScReference) ref = NULL;
  g_autofree char *text = g_strconcat ("docker-archive:", f->path, NULL);
  g_autoptr (GError) error = NULL;
  const ScBlobSourceOptions options = { 0 };

  write_image (f, ARCHIVE_FILTER_NONE);
  ref = sc_reference_parse (text, &error);
  g_cancellable_cancel (cancellable);
  g_assert_null (sc_blob_source_open (ref, &options, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

/* Two streams of one source: the first one ends, in an error and not in a wrong content. */
static void
test_one_stream (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ScBlobSource) source = NULL;
  g_autoptr (ScManifest) m = NULL;
  g_autoptr (GInputStream) first = NULL;
  g_autoptr (GInputStream) second = NULL;
  char buffer[8];

  write_image (f, ARCHIVE_FILTER_NONE);
  source = open_name (f, NULL, &error);
  g_assert_no_error (error);
  m = load_manifest (source);
  first = source->klass->open_blob (source, g_ptr_array_index (m->layers, 0), NULL, &error);
  g_assert_cmpint (g_input_stream_read (first, buffer, 1, NULL, &error), ==, 1);
  second = source->klass->open_blob (source, g_ptr_array_index (m->layers, 1), NULL, &error);
  g_assert_cmpint (g_input_stream_read (first, buffer, 1, NULL, &error), ==, -1);
  g_assert_error (error, SC_ERROR, SC_ERROR_FAILED);
  g_clear_error (&error);
  g_assert_cmpint (g_input_stream_read (second, buffer, sizeof buffer, NULL, &error), ==, 3);
  g_assert_cmpmem (buffer, 3, "two", 3);
  g_assert_cmpint (g_input_stream_read (second, buffer, sizeof buffer, NULL, &error), ==, 0);
  g_assert_no_error (error);
}

/* A sparse layer of a pebibyte is refused, not read. */
static void
test_sparse (Fixture *f, gconstpointer data)
{
  const char *layers[] = { "one", NULL };
  g_autofree char *config = config_of (layers);
  struct archive *a = begin (f, ARCHIVE_FILTER_NONE);
  struct archive_entry *entry = archive_entry_new ();

  archive_entry_set_pathname (entry, "l");
  archive_entry_set_filetype (entry, AE_IFREG);
  archive_entry_set_size (entry, (la_int64_t)1 << 50);
  archive_entry_sparse_add_entry (entry, 0, 4);
  archive_entry_sparse_add_entry (entry, ((la_int64_t)1 << 50) - 4, 4);
  g_assert_cmpint (archive_write_header (a, entry), ==, ARCHIVE_OK);
  g_assert_cmpint (archive_write_data (a, GZIP_START "x", 4), ==, 4);
  archive_entry_free (entry);
  add (a, "c.json", config);
  add (a, "manifest.json", "[{\"Config\":\"c.json\",\"Layers\":[\"l\"]}]");
  end (a);
  assert_open_fails (f, NULL, SC_ERROR_INVALID, "member l is not a plain file");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(path, data, func)                                                                                          \
  g_test_add ("/docker-archive/" path, Fixture, GINT_TO_POINTER (data), set_up, func, tear_down)
  ADD ("image/plain", ARCHIVE_FILTER_NONE, test_image);
  ADD ("image/gzip", ARCHIVE_FILTER_GZIP, test_image);
  ADD ("image/zstd", ARCHIVE_FILTER_ZSTD, test_image);
  ADD ("image/xz", ARCHIVE_FILTER_XZ, test_image);
  ADD ("deterministic", 0, test_deterministic);
  ADD ("choice", 0, test_choice);
  ADD ("names", 0, test_names);
  ADD ("bad-manifests", 0, test_bad_manifests);
  ADD ("repeated", 0, test_repeated);
  ADD ("not-an-archive", 0, test_not_an_archive);
  ADD ("cut-off", 0, test_cut_off);
  ADD ("changed", 0, test_changed);
  ADD ("cancel", 0, test_cancel);
  ADD ("one-stream", 0, test_one_stream);
  ADD ("sparse", 0, test_sparse);
#undef ADD
  return g_test_run ();
}
