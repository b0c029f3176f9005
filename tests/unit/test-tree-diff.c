/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trees of images and of directories, compared. */
#include "image-tree.h"
#include "store-fixture.h"
#include "tree-diff.h"
#include "tree-scan.h"

/* "C /path 2|A /other 0|": kind, path, what differs. */
static char *
format (GPtrArray *changes)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < changes->len; i++)
    {
      const ScTreeChange *change = changes->pdata[i];

      g_string_append_printf (text, "%c %s %u|", "ADC"[change->kind], change -> path, change -> differs);
    }
  return g_string_free (text, FALSE);
}

/* The tree of the image that the fixture was given last, checked out as DIR/root too. */
static ScNode *
image_tree (Fixture *f, char **out_root)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ScImage) image = NULL;
  ScNode *tree;

  *out_root = fixture_checkout (f, "t");
  image = sc_image_find (f->store, "layout:t", NULL, &error);
  g_assert_no_error (error);
  tree = sc_image_tree (f->store, image, NULL, &error);
  g_assert_no_error (error);
  return tree;
}

static void
assert_diff (Fixture *f, ScNode *a, ScNode *b, GHashTable *infos, const char *wanted)
{
  g_autoptr (GError) error = NULL;
  OstreeRepo *repo = sc_store_repo (f->store);
  ScTreeSide side_a = { a, repo, NULL }, side_b = { b, repo, infos };
  g_autoptr (GPtrArray) changes = sc_tree_diff (&side_a, &side_b, NULL, &error);
  g_autofree char *text = NULL;

  g_assert_no_error (error);
  text = format (changes);
  g_assert_cmpstr (text, ==, wanted);
}

/* @tree against the directory, told of @like. */
static void
assert_scan (Fixture *f, ScNode *tree, const ScNode *like, const char *root, const char *wanted)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GHashTable) infos = NULL;
  g_autoptr (ScNode) scanned = sc_tree_scan (sc_store_repo (f->store), like, AT_FDCWD, root, &infos, NULL, &error);

  g_assert_no_error (error);
  assert_diff (f, tree, scanned, infos, wanted);
}

static void
put_attribute (Tar *tar, const char *name, const char *value)
{
  struct archive_entry *e = tar_entry (name, AE_IFREG, 0644);

  archive_entry_xattr_add_entry (e, "user.note", value, strlen (value));
  tar_put (tar, e, "x", 1);
}

static void
put_owned (Tar *tar, const char *name, mode_t type, int uid)
{
  struct archive_entry *e = tar_entry (name, type, 0755);

  archive_entry_set_uid (e, uid);
  tar_put (tar, e, type == AE_IFREG ? "x" : NULL, type == AE_IFREG ? 1 : 0);
}

static void
fill (Tar *tar, gboolean second)
{
  tar_dir (tar, "dir", second ? 0750 : 0755);
  tar_file (tar, "dir/same", 0644, "same");
  tar_file (tar, "dir.before", 0644, "same");
  tar_file (tar, "content", 0644, second ? "new" : "old");
  tar_file (tar, "size", 0644, second ? "longer" : "old");
  tar_file (tar, "mode", second ? 0600 : 0644, "x");
  tar_file (tar, "mode-and-content", second ? 0600 : 0644, second ? "a" : "b");
  put_owned (tar, "owner", AE_IFREG, second ? 5 : 0);
  put_owned (tar, "owner-dir", AE_IFDIR, second ? 5 : 0);
  put_attribute (tar, "xattr", second ? "b" : "a");
  tar_symlink (tar, "link", second ? "elsewhere" : "dir");
  if (second)
    {
      tar_dir (tar, "turns", 0755);
      tar_file (tar, "turns/inner", 0644, "x");
      tar_symlink (tar, "turns-link", "x");
      tar_dir (tar, "new", 0755);
      tar_file (tar, "new/file", 0644, "x");
    }
  else
    {
      tar_file (tar, "turns", 0644, "x");
      tar_file (tar, "turns-link", 0644, "x");
      tar_dir (tar, "gone", 0755);
      tar_file (tar, "gone/file", 0644, "x");
    }
}

#define DIFFERENCES                                                                                                    \
  "C /content 2|C /dir 4|D /gone 0|D /gone/file 0|C /link 16|C /mode 4|C /mode-and-content 6|A /new 0|"                \
  "A /new/file 0|C /owner 8|C /owner-dir 8|C /size 2|C /turns 1|A /turns/inner 0|C /turns-link 1|C /xattr 32|"

static void
test_kinds (Fixture *f, gconstpointer data)
{
  g_autoptr (ScNode) a = NULL, b = NULL;
  g_autofree char *root = NULL, *other = NULL;
  Tar first = tar_new (), second = tar_new ();

  fill (&first, FALSE);
  fixture_begin (f);
  fixture_add_layer (f, &first);
  fixture_finish (f, "t");
  a = image_tree (f, &root);
  fill (&second, TRUE);
  fixture_begin (f);
  fixture_add_layer (f, &second);
  fixture_finish (f, "t");
  b = image_tree (f, &other);
  assert_diff (f, a, a, NULL, "");
  assert_diff (f, a, b, NULL, DIFFERENCES);
  /* The checkout is b: told of it no file is read, told of nothing all are, told of another the equal ones are not. */
  assert_scan (f, b, b, other, "");
  assert_scan (f, b, NULL, other, "");
  assert_scan (f, b, a, other, "");
  assert_scan (f, a, b, other, DIFFERENCES);
  assert_scan (f, a, a, other, DIFFERENCES);
  assert_scan (f, a, NULL, other, DIFFERENCES);
}

static char *
path_in (const char *root, const char *name)
{
  return g_build_filename (root, name, NULL);
}

static void
replace (const char *root, const char *name, const char *text, mode_t mode)
{
  g_autofree char *path = path_in (root, name);

  g_assert_cmpint (unlink (path), ==, 0);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  g_assert_cmpint (chmod (path, mode), ==, 0);
}

/* Changes by hand, as in the root of a container. */
static void
test_scan (Fixture *f, gconstpointer data)
{
  g_autoptr (ScNode) tree = NULL;
  g_autofree char *root = NULL, *fifo = NULL, *odd = NULL, *link = NULL, *attribute = NULL;
  Tar tar = tar_new ();

  fill (&tar, FALSE);
  fixture_begin (f);
  fixture_add_layer (f, &tar);
  fixture_finish (f, "t");
  tree = image_tree (f, &root);
  assert_scan (f, tree, tree, root, "");

  replace (root, "content", "old", 0644); /* the same again, in an inode of its own */
  replace (root, "mode", "x", 0640);
  replace (root, "size", "olD", 0644);
  fifo = path_in (root, "fifo");
  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  odd = path_in (root, "odd\xff\n");
  g_assert_cmpint (mkdir (odd, 0755), ==, 0);
  link = path_in (root, "link");
  g_assert_cmpint (unlink (link), ==, 0);
  g_assert_cmpint (symlink ("dir", link), ==, 0);
  attribute = path_in (root, "dir");
  g_assert_cmpint (setxattr (attribute, "user.note", "1", 1, 0), ==, 0);
  /* Not part of images: the host's business. */
  g_assert_cmpint (setxattr (attribute, "trusted.note", "1", 1, 0), ==, 0);
  assert_scan (f, tree, tree, root, "C /dir 32|A /fifo 0|C /mode 4|A /odd\xff\n 0|C /size 2|");
  assert_scan (f, tree, NULL, root, "C /dir 32|A /fifo 0|C /mode 4|A /odd\xff\n 0|C /size 2|");
}

/* Where owners and attributes are not on disk. */
static void
test_bare_user (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ScNode) tree = NULL;
  g_autofree char *root = NULL, *link = NULL;
  g_autoptr (OstreeRepo) repo = NULL;
  Tar tar = tar_new ();

  sc_store_free (f->store);
  repo = ostree_repo_create_at (AT_FDCWD, f->ctx->repo, OSTREE_REPO_MODE_BARE_USER, NULL, NULL, &error);
  g_assert_no_error (error);
  f->store = sc_store_open (f->ctx, SC_STORE_CREATE, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (ostree_repo_get_mode (sc_store_repo (f->store)), ==, OSTREE_REPO_MODE_BARE_USER);
  fill (&tar, TRUE);
  fixture_begin (f);
  fixture_add_layer (f, &tar);
  fixture_finish (f, "t");
  tree = image_tree (f, &root);
  assert_scan (f, tree, tree, root, "");
  replace (root, "owner", "x", 0755); /* the same again: whose it is is not told */
  replace (root, "content", "old", 0644);
  replace (root, "xattr", "x", 0600);
  link = path_in (root, "link");
  g_assert_cmpint (unlink (link), ==, 0);
  g_assert_cmpint (symlink ("dir", link), ==, 0);
  assert_scan (f, tree, tree, root, "C /content 2|C /link 16|C /xattr 4|");
}

static void
test_scan_errors (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GHashTable) infos = NULL;
  g_autofree char *link = path_in (f->dir, "link");

  g_assert_cmpint (symlink (f->layout, link), ==, 0);
  g_assert_null (sc_tree_scan (NULL, NULL, AT_FDCWD, link, &infos, NULL, &error));
  g_assert_nonnull (error);
  g_assert_true (g_str_has_prefix (error->message, link));
  g_assert_null (infos);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (geteuid () != 0)
    {
      g_test_skip ("needs root");
      g_print ("1..0 # SKIP needs root\n");
      return 0;
    }
  fixture_test ("/tree-diff/kinds", test_kinds);
  fixture_test ("/tree-diff/scan", test_scan);
  fixture_test ("/tree-diff/bare-user", test_bare_user);
  fixture_test ("/tree-diff/scan-errors", test_scan_errors);
  return g_test_run ();
}
