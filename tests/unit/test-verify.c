/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Objects against their checksums, in both kinds of repository, and repair.  The commands are tested by
 * tests/integration/test-verify.sh. */
#include "store-fixture.h"

#include "image-tree.h"
#include "object-check.h"
#include "repair.h"
#include "verify.h"

/* Of that mode instead of the fixture's. */
static void
use_bare_user (Fixture *f)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (OstreeRepo) repo = NULL;

  sc_store_free (f->store);
  repo = ostree_repo_create_at (AT_FDCWD, f->ctx->repo, OSTREE_REPO_MODE_BARE_USER, NULL, NULL, &error);
  g_assert_no_error (error);
  f->store = sc_store_open (f->ctx, SC_STORE_CREATE, NULL, &error);
  g_assert_no_error (error);
}

static void
put_big (Tar *tar, const char *name)
{
  gsize size = 3 * 1024 * 1024 + 5;
  g_autofree char *data = g_malloc (size);

  for (gsize i = 0; i < size; i++)
    data[i] = (char)(i * 7 + i / 300);
  tar_put (tar, tar_entry (name, AE_IFREG, 0755), data, size);
}

/* Everything that an object can be, in two layers. */
static void
pull_image (Fixture *f, const char *tag)
{
  g_autoptr (GError) error = NULL;
  Tar tar = tar_new ();
  struct archive_entry *e;

  fixture_begin (f);
  tar_dir (&tar, "dir", 01777);
  tar_file (&tar, "dir/file", 04755, "text");
  tar_file (&tar, "empty", 0600, "");
  tar_symlink (&tar, "link", "dir/file");
  put_big (&tar, "big");
  e = tar_entry ("noted", AE_IFREG, 0644);
  archive_entry_xattr_add_entry (e, "user.note", "a\0b", 3);
  archive_entry_xattr_add_entry (e, "user.another", "c", 1);
  archive_entry_set_uid (e, 1234);
  tar_put (&tar, e, "noted", 5);
  fixture_add_layer (f, &tar);
  tar = tar_new ();
  tar_hardlink (&tar, "again", "big");
  tar_file (&tar, ".wh.empty", 0644, "");
  fixture_add_layer (f, &tar);
  fixture_finish (f, tag);
  g_assert_true (fixture_pull (f, tag, NULL, NULL, NULL, &error));
  g_assert_no_error (error);
}

static ScVerifyReport *
verify (Fixture *f, ScVerify **out_verify, ScImage **out_image)
{
  g_autoptr (GError) error = NULL;
  ScVerifyReport *report;

  *out_image = sc_image_find (f->store, "layout:latest", NULL, &error);
  g_assert_no_error (error);
  *out_verify = sc_verify_new (f->store, NULL, &error);
  g_assert_no_error (error);
  report = sc_verify_image (*out_verify, *out_image, NULL, NULL, &error);
  g_assert_no_error (error);
  return report;
}

static void
assert_clean (Fixture *f)
{
  g_autoptr (ScVerify) v = NULL;
  g_autoptr (ScImage) image = NULL;
  g_autoptr (ScVerifyReport) report = verify (f, &v, &image);

  g_assert_cmpuint (report->damages, ==, 0);
  g_assert_cmpuint (report->parts->len, ==, 4);
}

/* Path of the object that is at @path of the image. */
static char *
find_object (Fixture *f, const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ScImage) image = sc_image_find (f->store, "layout:latest", NULL, &error);
  g_autoptr (ScNode) root = sc_image_tree (f->store, image, NULL, &error);
  char name[SC_OBJECT_PATH_SIZE];
  ScNode *node;

  g_assert_no_error (error);
  node = sc_tree_resolve (root, sc_store_repo (f->store), path, FALSE, &error);
  g_assert_no_error (error);
  sc_object_path (OSTREE_OBJECT_TYPE_FILE, node->checksum, name);
  return g_build_filename (f->ctx->repo, "objects", name, NULL);
}

static void
change_byte (const char *path, goffset at)
{
  SC_AUTOFD int fd = open (path, O_RDWR | O_CLOEXEC);
  char c;

  g_assert_cmpint (pread (fd, &c, 1, at), ==, 1);
  c ^= 1;
  g_assert_cmpint (pwrite (fd, &c, 1, at), ==, 1);
}

/* Finds @n problems, the first at @path, repairs with one layer, and is clean then. */
static void
assert_repaired (Fixture *f, guint n, const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ScVerify) v = NULL;
  g_autoptr (ScImage) image = NULL;
  g_autoptr (ScVerifyReport) report = verify (f, &v, &image);
  g_autoptr (ScReference) ref = NULL;
  g_autoptr (ScBlobSource) source = NULL;
  g_autoptr (ScPolicy) policy = sc_policy_load (f->ctx, NULL);
  g_autoptr (ScVerifiedImage) good = NULL;
  ScBlobSourceOptions options = { .ctx = f->ctx };
  guint fetched = 0;
  const ScPart *part = g_ptr_array_index (report->parts, 2);

  g_assert_cmpuint (report->damages, ==, n);
  g_assert_cmpuint (part->problems->len, >, 0);
  g_assert_cmpstr (((ScProblem *)g_ptr_array_index (part->problems, 0))->path, ==, path);
  g_assert_nonnull (image->source);
  ref = sc_reference_parse (image->source, &error);
  source = sc_blob_source_open (ref, &options, NULL, &error);
  g_assert_no_error (error);
  good = sc_policy_verify_digest (source, policy, report->digest, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (sc_repair_image (v, image, report, good, source, NULL, &fetched, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (fetched, ==, 1);
  g_clear_pointer (&v, sc_verify_free);
  assert_clean (f);
}

static void
damage_all_kinds (Fixture *f)
{
  static const char *const files[] = { "dir/file", "noted" };
  g_autofree char *big = NULL, *link = NULL;

  pull_image (f, "latest");
  assert_clean (f);
  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *object = find_object (f, files[i]), *path = g_strconcat ("/", files[i], NULL);

      change_byte (object, 2);
      assert_repaired (f, 1, path);
    }
  big = find_object (f, "big");
  change_byte (big, 3 * 1024 * 1024 + 4);
  assert_repaired (f, 2, "/big");
  link = find_object (f, "link");
  g_assert_cmpint (unlink (link), ==, 0);
  g_assert_cmpint (symlink ("elsewhere", link), ==, 0);
  assert_repaired (f, 1, "/link");
  g_assert_cmpint (unlink (link), ==, 0);
  g_assert_cmpint (mkfifo (link, 0600), ==, 0);
  assert_repaired (f, 1, "/link");
}

static void
test_bare (Fixture *f, gconstpointer data)
{
  g_autofree char *noted = NULL;

  damage_all_kinds (f);
  noted = find_object (f, "noted");
  g_assert_cmpint (removexattr (noted, "user.another"), ==, 0);
  assert_repaired (f, 1, "/noted");
  g_assert_cmpint (setxattr (noted, "user.third", "x", 1, 0), ==, 0);
  assert_repaired (f, 1, "/noted");
}

static void
test_bare_user (Fixture *f, gconstpointer data)
{
  g_autofree char *noted = NULL, *file = NULL;

  use_bare_user (f);
  damage_all_kinds (f);
  noted = find_object (f, "noted");
  g_assert_cmpint (removexattr (noted, "user.ostreemeta"), ==, 0);
  assert_repaired (f, 1, "/noted");
  g_assert_cmpint (setxattr (noted, "user.ostreemeta", "nonsense", 8, 0), ==, 0);
  assert_repaired (f, 1, "/noted");
  /* The mode of the file itself, which is that of hard links to it. */
  file = find_object (f, "dir/file");
  g_assert_cmpint (chmod (file, 04777), ==, 0);
  assert_repaired (f, 1, "/dir/file");
  g_assert_cmpint (chmod (noted, 0600), ==, 0);
  assert_repaired (f, 1, "/noted");
}

/* More problems than are listed are counted. */
static void
test_many (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ScVerify) v = NULL;
  g_autoptr (ScImage) image = NULL;
  g_autoptr (ScVerifyReport) report = NULL;
  Tar tar = tar_new ();

  fixture_begin (f);
  for (guint i = 0; i < SC_VERIFY_MAX_LISTED + 7; i++)
    {
      g_autofree char *name = g_strdup_printf ("%u", i);

      tar_file (&tar, name, 0644, name);
    }
  fixture_add_layer (f, &tar);
  fixture_finish (f, "latest");
  g_assert_true (fixture_pull (f, "latest", NULL, NULL, NULL, &error));
  for (guint i = 0; i < SC_VERIFY_MAX_LISTED + 7; i++)
    {
      g_autofree char *name = g_strdup_printf ("%u", i), *object = find_object (f, name);

      g_assert_cmpint (truncate (object, 0), ==, 0);
    }
  report = verify (f, &v, &image);
  g_assert_cmpuint (report->damages, ==, SC_VERIFY_MAX_LISTED + 7);
  g_assert_cmpuint (report->listed, ==, SC_VERIFY_MAX_LISTED);
  g_assert_cmpuint (((ScPart *)g_ptr_array_index (report->parts, 2))->more, ==, 7);
}

/* What is right by its checksum and still no tree ends in a problem, not in a crash. */
static void
test_hostile_tree (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ScVerify) v = NULL;
  g_autoptr (ScImage) image = NULL;
  g_autoptr (ScVerifyReport) report = NULL;
  g_autofree char *commit = NULL, *branch = NULL, *path = NULL;
  g_autofree guchar *sum = NULL;
  OstreeRepo *repo = sc_store_repo (f->store);
  GVariant *tree, *bytes;
  const ScDescriptor *layer;
  guint8 zeros[SC_SHA256_SIZE] = { 0 };
  char name[SC_OBJECT_PATH_SIZE];

  pull_image (f, "latest");
  image = sc_image_find (f->store, "layout:latest", NULL, &error);
  layer = g_ptr_array_index (image->manifest->layers, 1);
  bytes = g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, zeros, SC_SHA256_SIZE, 1);
  tree = g_variant_new_parsed ("([('..', %@ay)], @a(sayay) [])", bytes);
  tree = g_variant_ref_sink (tree);
  {
    g_autofree char *text =
        g_compute_checksum_for_data (G_CHECKSUM_SHA256, g_variant_get_data (tree), g_variant_get_size (tree));
    guint8 checksum[SC_SHA256_SIZE];
    g_autofree char *dir = NULL;
    g_autoptr (GVariant) top = NULL, meta = NULL, old = NULL;
    g_autofree char *old_commit = NULL;

    ostree_checksum_inplace_to_bytes (text, checksum);
    sc_object_path (OSTREE_OBJECT_TYPE_DIR_TREE, checksum, name);
    path = g_build_filename (f->ctx->repo, "objects", name, NULL);
    dir = g_path_get_dirname (path);
    g_assert_cmpint (g_mkdir_with_parents (dir, 0755), ==, 0);
    g_assert_true (g_file_set_contents (path, g_variant_get_data (tree), (gssize)g_variant_get_size (tree), NULL));
    branch = sc_refname_for_blob (layer->digest);
    old_commit = fixture_commit_of (f, branch);
    g_assert_true (ostree_repo_load_commit (repo, old_commit, &old, NULL, &error));
    meta = g_variant_get_child_value (old, 7);
    top = g_variant_ref_sink (g_variant_new (
        "(@a{sv}@ay@a(say)sst@ay@ay)", g_variant_get_child_value (old, 0), g_variant_get_child_value (old, 1),
        g_variant_get_child_value (old, 2), "", "", GUINT64_TO_BE ((guint64)1),
        g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, checksum, SC_SHA256_SIZE, 1), meta));
    g_assert_true (ostree_repo_write_metadata (repo, OSTREE_OBJECT_TYPE_COMMIT, NULL, top, &sum, NULL, &error));
    g_assert_no_error (error);
  }
  commit = ostree_checksum_from_bytes (sum);
  g_assert_true (ostree_repo_set_ref_immediate (repo, NULL, branch, commit, NULL, &error));
  g_variant_unref (tree);
  sc_image_free (g_steal_pointer (&image));
  report = verify (f, &v, &image);
  g_assert_cmpuint (report->damages, ==, 1);
  g_assert_cmpint (
      ((ScProblem *)g_ptr_array_index (((ScPart *)g_ptr_array_index (report->parts, 3))->problems, 0))->kind, ==,
      SC_PROBLEM_TREE_DAMAGED);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  fixture_test ("/verify/bare", test_bare);
  fixture_test ("/verify/bare-user", test_bare_user);
  fixture_test ("/verify/many", test_many);
  fixture_test ("/verify/hostile-tree", test_hostile_tree);
  return g_test_run ();
}
