/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A pull as a whole: what the repository holds after it, what a second one does, and what one that fails leaves. */
#include "store-fixture.h"

static char *
metadata (Fixture *f, const char *branch, const char *key)
{
  g_autofree char *commit = fixture_commit_of (f, branch);
  g_autoptr (GVariant) variant = NULL, meta = NULL;
  char *text = NULL;

  g_assert_nonnull (commit);
  g_assert_true (ostree_repo_load_commit (sc_store_repo (f->store), commit, &variant, NULL, NULL));
  meta = g_variant_get_child_value (variant, 0);
  g_variant_lookup (meta, key, "s", &text);
  return text;
}

/* docs/formats.md, "Repository". */
static void
test_formats (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ScImage) image = NULL;
  g_autoptr (ScImageConfig) config = NULL;
  const ScDescriptor *layer;
  g_autofree char *layer_branch = NULL, *config_branch = NULL, *size = NULL, *full = NULL, *diff_id = NULL,
                  *manifest = NULL, *digest = NULL, *signatures = NULL, *config_size = NULL, *expected = NULL;

  fixture_begin (f);
  fixture_add_simple_layer (f, "one");
  fixture_finish (f, "t");
  g_assert_true (fixture_pull (f, "t", NULL, NULL, NULL, &error));
  g_assert_no_error (error);
  image = sc_image_find (f->store, "layout:t", NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (image->branch, ==, "ociimage/layout_3At");
  g_assert_cmpstr (image->repository, ==, "layout");
  g_assert_cmpstr (image->tag, ==, "t");
  layer = g_ptr_array_index (image->manifest->layers, 0);
  g_assert_cmpuint (image->virtual_size, ==, layer->size);
  layer_branch = sc_refname_for_blob (layer->digest);
  config_branch = sc_refname_for_blob (image->manifest->config->digest);

  size = metadata (f, layer_branch, "docker.size");
  expected = g_strdup_printf ("%" G_GUINT64_FORMAT, layer->size);
  g_assert_cmpstr (size, ==, expected);
  full = metadata (f, layer_branch, "docker.uncompressed_size");
  g_assert_cmpuint (g_ascii_strtoull (full, NULL, 10), >=, 1024);
  diff_id = metadata (f, layer_branch, "docker.uncompressed_digest");
  config = sc_image_load_config (f->store, image, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (diff_id, ==, g_ptr_array_index (config->diff_ids, 0));
  config_size = metadata (f, config_branch, "docker.size");
  g_assert_cmpuint (g_ascii_strtoull (config_size, NULL, 10), ==, g_bytes_get_size (config->raw));
  manifest = metadata (f, image->branch, "docker.manifest");
  digest = metadata (f, image->branch, "docker.digest");
  g_free (expected);
  expected = sc_digest_of (manifest, strlen (manifest));
  g_assert_cmpstr (digest, ==, expected);
  g_assert_cmpstr (image->id, ==, sc_digest_hex (digest));
  signatures = metadata (f, image->branch, "signatures");
  g_assert_cmpstr (signatures, ==, "0");
}

static void
test_unchanged (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_auto (ScPullResult) first = { 0 }, second = { 0 };

  fixture_begin (f);
  fixture_add_simple_layer (f, "one");
  fixture_add_simple_layer (f, "two");
  fixture_finish (f, "t");
  g_assert_true (fixture_pull (f, "t", &first, NULL, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (first.fetched, ==, 2);
  g_assert_false (first.unchanged);
  /* Nothing but the manifest is read: the layer that was put there last is gone. */
  g_assert_cmpint (g_unlink (f->last_blob), ==, 0);
  g_assert_true (fixture_pull (f, "t", &second, NULL, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (second.fetched, ==, 0);
  g_assert_true (second.unchanged);
}

static void
test_shared_layers (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_auto (ScPullResult) result = { 0 };

  fixture_begin (f);
  fixture_add_simple_layer (f, "base");
  fixture_finish (f, "t");
  g_assert_true (fixture_pull (f, "t", NULL, NULL, NULL, &error));
  /* The same layer twice, and one more: one is fetched. */
  fixture_begin (f);
  fixture_add_simple_layer (f, "base");
  fixture_add_simple_layer (f, "more");
  fixture_add_simple_layer (f, "more");
  fixture_finish (f, "u");
  g_assert_true (fixture_pull (f, "u", &result, NULL, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (result.fetched, ==, 1);
}

/* The tag moves: the old layers stay, as what no tag needs. */
static void
test_tag_moves (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) tagged = NULL, all = NULL;

  for (int i = 0; i < 2; i++)
    {
      fixture_begin (f);
      fixture_add_simple_layer (f, i == 0 ? "old" : "new");
      fixture_finish (f, "t");
      g_assert_true (fixture_pull (f, "t", NULL, NULL, NULL, &error));
      g_assert_no_error (error);
    }
  tagged = sc_image_list (f->store, FALSE, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (tagged->len, ==, 1);
  all = sc_image_list (f->store, TRUE, NULL, &error);
  g_assert_no_error (error);
  /* the old layer and the old config */
  g_assert_cmpuint (all->len, ==, 3);
}

/* The second layer is damaged: the first one, which was good, does not stay either. */
static void
test_second_layer_fails (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *before = fixture_list_repo (f), *after = NULL;

  fixture_begin (f);
  fixture_add_simple_layer (f, "good");
  fixture_add_simple_layer (f, "bad");
  fixture_finish (f, "t");
  g_assert_true (g_file_set_contents (f->last_blob, "nothing", -1, NULL));
  g_assert_false (fixture_pull (f, "t", NULL, NULL, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_DIGEST);
  g_assert_true (g_str_has_prefix (error->message, "image layout:t: layer sha256:"));
  after = fixture_list_repo (f);
  g_assert_cmpstr (before, ==, after);
}

/* A config that says something else of a layer that is stored. */
static void
test_stored_layer_with_other_diff_id (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *other = sc_digest_of ("other", 5);

  fixture_begin (f);
  fixture_add_simple_layer (f, "one");
  fixture_finish (f, "t");
  g_assert_true (fixture_pull (f, "t", NULL, NULL, NULL, &error));
  g_string_printf (f->diff_ids, "\"%s\"", other);
  fixture_finish (f, "u");
  g_assert_false (fixture_pull (f, "u", NULL, NULL, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_DIGEST);
}

static void
test_layer_count (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  fixture_begin (f);
  fixture_add_simple_layer (f, "one");
  g_string_append (f->diff_ids, ",\"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"");
  fixture_finish (f, "t");
  g_assert_false (fixture_pull (f, "t", NULL, NULL, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
}

/* What a process that was killed in the middle leaves is gone with the next pull, and what a living one has is not. */
static void
test_stale_is_removed (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *staging =
                      g_build_filename (f->dir, "repo/tmp/staging-00000000-dead-beef-0000-000000000000-AAAAAA", NULL),
                  *private = g_build_filename (f->dir, "repo/tmp/atomic-import.BBBBBB", NULL),
                  *held =
                      g_build_filename (f->dir, "repo/tmp/staging-00000000-dead-beef-0000-000000000000-CCCCCC", NULL),
                  *held_lock = g_strconcat (held, "-lock", NULL);
  struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
  SC_AUTOFD int lock = -1;

  g_assert_cmpint (g_mkdir (staging, 0755), ==, 0);
  g_assert_cmpint (g_mkdir (private, 0755), ==, 0);
  g_assert_cmpint (g_mkdir (held, 0755), ==, 0);
  lock = open (held_lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  g_assert_cmpint (fcntl (lock, F_OFD_SETLK, &fl), ==, 0);
  fixture_begin (f);
  fixture_add_simple_layer (f, "one");
  fixture_finish (f, "t");
  g_assert_true (fixture_pull (f, "t", NULL, NULL, NULL, &error));
  g_assert_no_error (error);
  g_assert_false (g_file_test (staging, G_FILE_TEST_EXISTS));
  g_assert_false (g_file_test (private, G_FILE_TEST_EXISTS));
  g_assert_true (g_file_test (held, G_FILE_TEST_EXISTS));
}

/* A repository that was made for a pull that failed goes again, with its directories. */
static void
test_new_repository_is_removed (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *top = g_build_filename (f->dir, "new", NULL);

  for (int used = 0; used < 2; used++)
    {
      sc_store_free (f->store);
      g_free (f->ctx->repo);
      f->ctx->repo = g_build_filename (top, "deep", "repo", NULL);
      f->store = sc_store_open (f->ctx, SC_STORE_CREATE, NULL, &error);
      g_assert_no_error (error);
      fixture_begin (f);
      fixture_add_simple_layer (f, used ? "used" : "damaged");
      fixture_finish (f, "t");
      if (!used)
        g_assert_true (g_file_set_contents (f->last_blob, "nothing", -1, NULL));
      g_assert_true (fixture_pull (f, "t", NULL, NULL, NULL, used ? &error : NULL) == used);
      sc_store_free (f->store);
      g_assert_true (g_file_test (top, G_FILE_TEST_EXISTS) == used);
      f->store = sc_store_open (f->ctx, SC_STORE_READ, NULL, &error);
      g_assert_no_error (error);
    }
}

/* What another pull brought in meanwhile keeps a repository that was made for one that failed. */
static void
test_new_repository_is_kept_for_others (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  ScStore *first;

  sc_store_free (f->store);
  g_free (f->ctx->repo);
  f->ctx->repo = g_build_filename (f->dir, "new", "repo", NULL);
  first = sc_store_open (f->ctx, SC_STORE_CREATE, NULL, &error);
  g_assert_no_error (error);
  f->store = sc_store_open (f->ctx, SC_STORE_CREATE, NULL, &error);
  g_assert_no_error (error);
  fixture_begin (f);
  fixture_add_simple_layer (f, "one");
  fixture_finish (f, "t");
  g_assert_true (fixture_pull (f, "t", NULL, NULL, NULL, &error));
  sc_store_free (first);
  g_assert_true (g_file_test (f->ctx->repo, G_FILE_TEST_IS_DIR));
}

/* A pull that is taken back: only what it brought, and nothing that another image came to need. */
static void
test_undo (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *before = NULL, *after = NULL;
  g_auto (ScPullResult) base = { 0 }, result = { 0 };
  g_autoptr (ScImage) shared = NULL;

  fixture_begin (f);
  fixture_add_simple_layer (f, "base");
  fixture_finish (f, "base");
  g_assert_true (fixture_pull (f, "base", &base, NULL, NULL, &error));
  before = fixture_list_repo (f);
  /* another image, and the tag moves */
  fixture_begin (f);
  fixture_add_simple_layer (f, "base");
  fixture_add_simple_layer (f, "more");
  fixture_finish (f, "base");
  g_assert_true (fixture_pull (f, "base", &result, NULL, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (sc_transaction_undo (result.transaction, &error));
  g_assert_no_error (error);
  after = fixture_list_repo (f);
  g_assert_cmpstr (before, ==, after);
  /* again, and a second name needs it before it is taken back */
  sc_pull_result_clear (&result);
  g_assert_true (fixture_pull (f, "base", &result, NULL, NULL, &error));
  fixture_finish (f, "other");
  g_assert_true (fixture_pull (f, "other", NULL, NULL, NULL, &error));
  g_assert_true (sc_transaction_undo (result.transaction, &error));
  shared = sc_image_find (f->store, "layout:other", NULL, &error);
  g_assert_no_error (error);
  {
    SC_AUTOFD int dfd = sc_fs_open_dir_at (AT_FDCWD, f->dir, &error);

    g_assert_true (sc_store_checkout (f->store, shared, dfd, "root", NULL, &error));
    g_assert_no_error (error);
  }
}

static void
test_long_name (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *tag = g_strnfill (120, '_'), *before = fixture_list_repo (f), *after = NULL;

  fixture_begin (f);
  fixture_add_simple_layer (f, "one");
  fixture_finish (f, tag);
  g_assert_false (fixture_pull (f, tag, NULL, NULL, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_LIMIT);
  after = fixture_list_repo (f);
  g_assert_cmpstr (before, ==, after);
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
  fixture_test ("/pull/formats", test_formats);
  fixture_test ("/pull/unchanged", test_unchanged);
  fixture_test ("/pull/shared-layers", test_shared_layers);
  fixture_test ("/pull/tag-moves", test_tag_moves);
  fixture_test ("/pull/second-layer-fails", test_second_layer_fails);
  fixture_test ("/pull/stored-layer-with-other-diff-id", test_stored_layer_with_other_diff_id);
  fixture_test ("/pull/layer-count", test_layer_count);
  fixture_test ("/pull/stale-is-removed", test_stale_is_removed);
  fixture_test ("/pull/new-repository-is-removed", test_new_repository_is_removed);
  fixture_test ("/pull/new-repository-is-kept-for-others", test_new_repository_is_kept_for_others);
  fixture_test ("/pull/undo", test_undo);
  fixture_test ("/pull/long-name", test_long_name);
  return g_test_run ();
}
