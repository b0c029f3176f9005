/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Directories of skopeo's dir: transport: what is read, where signatures are, and directories that are not what they
 * say or lead out of themselves. */

#include "blob-source.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake-registry.h"
#include "tar-fixture.h"

#define VERSION "Directory Transport Version: 1.1\n"

typedef struct
{
  TempDir dir;
  char *manifest;
  char *digest; /* of @manifest */
  ScDescriptor *layer;
} Fixture;

static void
write_text (Fixture *f, const char *name, const char *text)
{
  temp_dir_write (&f->dir, name, text, strlen (text));
}

static char *
path_of (Fixture *f, const char *name)
{
  return g_build_filename (f->dir.path, name, NULL);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  const char *const layers[] = { "a layer", NULL };
  g_autofree char *config = tar_fixture_config (layers);
  g_autofree char *config_digest = sc_digest_of (config, strlen (config));
  g_autofree char *layer_digest = sc_digest_of (layers[0], strlen (layers[0]));

  f->dir = temp_dir_make ();
  f->manifest = tar_fixture_manifest (config, layers);
  f->digest = sc_digest_of (f->manifest, strlen (f->manifest));
  f->layer = g_new0 (ScDescriptor, 1);
  f->layer->digest = g_strdup (layer_digest);
  f->layer->size = strlen (layers[0]);
  write_text (f, "version", VERSION);
  write_text (f, "manifest.json", f->manifest);
  write_text (f, sc_digest_hex (config_digest), config);
  write_text (f, sc_digest_hex (layer_digest), layers[0]);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_free (f->manifest);
  g_free (f->digest);
  sc_descriptor_free (f->layer);
  temp_dir_clear (&f->dir);
}

static ScBlobSource *
open_dir (Fixture *f, GError **error)
{
  g_autofree char *text = g_strconcat ("dir:", f->dir.path, NULL);
  g_autoptr (ScReference) ref = sc_reference_parse (text, error);
  const ScContext ctx = { .checkouts = f->dir.path };
  const ScBlobSourceOptions options = { .ctx = &ctx };

  g_assert_nonnull (ref);
  return sc_blob_source_open (ref, &options, NULL, error);
}

static GBytes *
fetch (ScBlobSource *source, const char *digest, GError **error)
{
  g_autofree char *media_type = NULL;

  return source->klass->fetch_manifest (source, digest, &media_type, NULL, error);
}

static void
assert_fetched (ScBlobSource *source, const char *digest, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) data = fetch (source, digest, &error);

  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (data, NULL), g_bytes_get_size (data), text, strlen (text));
}

static void
test_image (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ScBlobSource) source = open_dir (f, &error);
  g_autoptr (GBytes) blob = NULL;

  g_assert_no_error (error);
  assert_fetched (source, NULL, f->manifest);
  assert_fetched (source, f->digest, f->manifest);
  blob = sc_blob_source_fetch_blob (source, f->layer, 1000, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (blob, NULL), g_bytes_get_size (blob), "a layer", 7);
}

/* A list with the manifests beside it. */
static void
test_list (Fixture *f, gconstpointer data)
{
  g_autofree char *list = g_strdup_printf ("{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"%s\"}]}", f->digest);
  g_autofree char *name = g_strconcat (sc_digest_hex (f->digest), ".manifest.json", NULL);
  g_autofree char *absent = sc_digest_of ("absent", 6);
  g_autoptr (GError) error = NULL;
  g_autoptr (ScBlobSource) source = NULL;

  write_text (f, "manifest.json", list);
  write_text (f, name, f->manifest);
  source = open_dir (f, &error);
  g_assert_no_error (error);
  assert_fetched (source, NULL, list);
  assert_fetched (source, f->digest, f->manifest);
  g_assert_null (fetch (source, absent, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_clear_error (&error);
  /* It knows no tags. */
  g_assert_null (fetch (source, "../manifest.json", &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_NOT_FOUND);
}

static void
test_signatures (Fixture *f, gconstpointer data)
{
  g_autofree char *other = sc_digest_of ("other", 5);
  g_autofree char *other_name = g_strconcat (sc_digest_hex (other), "-signature-1", NULL);
  g_autofree char *fifo = path_of (f, "signature-3");
  g_autoptr (GError) error = NULL;
  g_autoptr (ScBlobSource) source = open_dir (f, &error);
  GPtrArray *found;

  found = source->klass->fetch_signatures (source, f->digest, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (found->len, ==, 0);
  g_ptr_array_unref (found);

  write_text (f, "signature-1", "first");
  write_text (f, "signature-2", "second");
  write_text (f, "signature-4", "after a gap");
  write_text (f, other_name, "of another manifest");
  found = source->klass->fetch_signatures (source, f->digest, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (found->len, ==, 2);
  g_assert_cmpmem (g_bytes_get_data (found->pdata[0], NULL), 5, "first", 5);
  g_assert_cmpmem (g_bytes_get_data (found->pdata[1], NULL), 6, "second", 6);
  g_ptr_array_unref (found);
  found = source->klass->fetch_signatures (source, other, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (found->len, ==, 1);
  g_assert_cmpmem (g_bytes_get_data (found->pdata[0], NULL), 2, "of", 2);
  g_ptr_array_unref (found);

  /* What cannot be read is not taken for what is not there. */
  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  g_assert_null (source->klass->fetch_signatures (source, f->digest, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
}

static void
test_signature_limits (Fixture *f, gconstpointer data)
{
  g_autofree char *big = g_strnfill (SC_SIGNATURE_MAX_SIZE + 1, 'x');
  g_autoptr (GError) error = NULL;
  g_autoptr (ScBlobSource) source = open_dir (f, &error);
  GPtrArray *found;

  for (guint i = 1; i <= SC_SIGNATURES_MAX; i++)
    {
      g_autofree char *name = g_strdup_printf ("signature-%u", i);
      write_text (f, name, "x");
    }
  found = source->klass->fetch_signatures (source, f->digest, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (found->len, ==, SC_SIGNATURES_MAX);
  g_ptr_array_unref (found);
  write_text (f, "signature-129", "x");
  g_assert_null (source->klass->fetch_signatures (source, f->digest, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_LIMIT);
  g_clear_error (&error);
  write_text (f, "signature-1", big);
  g_assert_null (source->klass->fetch_signatures (source, f->digest, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_LIMIT);
}

static void
test_versions (Fixture *f, gconstpointer data)
{
  static const struct
  {
    const char *text; /* NULL: no file */
    gboolean ok;
  } rows[] = {
    { VERSION, TRUE }, { "Directory Transport Version: 1.1", TRUE },    { NULL, TRUE },
    { "", FALSE },     { "Directory Transport Version: 2.0\n", FALSE }, { "\033[31m", FALSE },
  };
  g_autofree char *path = path_of (f, "version");

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (ScBlobSource) source = NULL;

      if (rows[i].text != NULL)
        write_text (f, "version", rows[i].text);
      else
        g_assert_cmpint (g_unlink (path), ==, 0);
      source = open_dir (f, &error);
      g_assert_true ((source != NULL) == rows[i].ok);
      if (!rows[i].ok)
        g_assert_error (error, SC_ERROR, SC_ERROR_UNSUPPORTED);
      if (error != NULL)
        g_assert_null (strchr (error->message, '\033'));
    }
}

/* Puts something else in the place of @name. */
static void
replace (Fixture *f, const char *name, const char *target)
{
  g_autofree char *path = path_of (f, name);

  g_assert_cmpint (g_unlink (path), ==, 0);
  if (target == NULL)
    g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  else
    g_assert_cmpint (symlink (target, path), ==, 0);
}

static void
test_hostile_files (Fixture *f, gconstpointer data)
{
  const char *hex = sc_digest_hex (f->layer->digest);
  g_autofree char *big = g_strnfill (SC_MANIFEST_MAX_SIZE + 1, ' ');
  g_autoptr (GError) error = NULL;
  g_autoptr (ScBlobSource) source = open_dir (f, &error);
  static const char *const targets[] = { "/etc/passwd", "../../../../../../etc/passwd", "manifest.json" };

  for (gsize i = 0; i < G_N_ELEMENTS (targets); i++)
    {
      replace (f, hex, targets[i]);
      g_assert_null (sc_blob_source_open_blob (source, f->layer, NULL, &error));
      g_assert_nonnull (error);
      g_clear_error (&error);
    }
  replace (f, hex, NULL);
  g_assert_null (sc_blob_source_open_blob (source, f->layer, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
  g_clear_error (&error);

  write_text (f, "manifest.json", big);
  g_assert_null (fetch (source, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_LIMIT);
  g_clear_error (&error);
  replace (f, "manifest.json", "/etc/passwd");
  g_assert_null (fetch (source, NULL, &error));
  g_assert_nonnull (error);
  g_clear_error (&error);
  replace (f, "manifest.json", NULL);
  g_assert_null (fetch (source, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
}

static void
test_not_there (Fixture *f, gconstpointer data)
{
  g_autofree char *manifest = path_of (f, "manifest.json");
  g_autofree char *blob = path_of (f, sc_digest_hex (f->layer->digest));
  g_autoptr (GError) error = NULL;
  g_autoptr (ScBlobSource) source = open_dir (f, &error);
  g_autoptr (ScReference) ref = sc_reference_parse ("dir:/nonexistent/x", NULL);
  const ScContext ctx = { 0 };
  const ScBlobSourceOptions options = { .ctx = &ctx };

  g_assert_cmpint (g_unlink (manifest), ==, 0);
  g_assert_cmpint (g_unlink (blob), ==, 0);
  g_assert_null (fetch (source, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_null (sc_blob_source_open_blob (source, f->layer, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_true (g_str_has_prefix (error->message, "image directory "));
  g_clear_error (&error);
  g_assert_null (sc_blob_source_open (ref, &options, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(path, func) g_test_add ("/dir/" path, Fixture, NULL, set_up, func, tear_down)
  ADD ("image", test_image);
  ADD ("list", test_list);
  ADD ("signatures", test_signatures);
  ADD ("signature-limits", test_signature_limits);
  ADD ("versions", test_versions);
  ADD ("hostile-files", test_hostile_files);
  ADD ("not-there", test_not_there);
#undef ADD
  return g_test_run ();
}
