/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Layers on layers: whiteouts, opaque directories, what replaces what, links across layers. */
#include "store-fixture.h"

static void
test_whiteouts (Fixture *f, gconstpointer data)
{
  g_autofree char *root = NULL;
  Tar low = tar_new (), high = tar_new ();

  tar_file (&low, "keep", 0644, "keep");
  tar_file (&low, "gone", 0644, "gone");
  tar_file (&low, "again", 0644, "old");
  tar_file (&low, "-again", 0644, "old");
  tar_dir (&low, "dir", 0755);
  tar_file (&low, "dir/inner", 0644, "x");
  tar_dir (&low, "opaque", 0755);
  tar_file (&low, "opaque/old", 0644, "old");
  tar_dir (&low, "opaque/sub", 0755);
  tar_file (&low, "opaque/sub/old", 0644, "old");
  tar_file (&high, ".wh.gone", 0644, "");
  tar_file (&high, "again", 0644, "new");
  tar_file (&high, ".wh.again", 0644, "");
  tar_file (&high, "-again", 0644, "new");
  tar_file (&high, ".wh.-again", 0644, "");
  tar_file (&high, ".wh.dir", 0644, "");
  tar_file (&high, "opaque/new", 0644, "new");
  tar_file (&high, "opaque/.wh..wh..opq", 0644, "");
  tar_file (&high, ".wh..wh.plnk", 0644, "");
  tar_file (&high, ".wh.never-was", 0644, "");
  fixture_begin (f);
  fixture_add_layer (f, &low);
  fixture_add_layer (f, &high);
  fixture_finish (f, "t");
  root = fixture_checkout (f, "t");
  assert_text (root, "keep", "keep");
  assert_missing (root, "gone");
  assert_missing (root, ".wh.gone");
  assert_text (root, "again", "new");
  assert_text (root, "-again", "new");
  assert_missing (root, "dir");
  assert_text (root, "opaque/new", "new");
  assert_missing (root, "opaque/old");
  assert_missing (root, "opaque/sub");
  assert_missing (root, "opaque/.wh..wh..opq");
}

static void
test_kinds_change (Fixture *f, gconstpointer data)
{
  g_autofree char *root = NULL;
  Tar low = tar_new (), high = tar_new ();

  tar_dir (&low, "dir", 0755);
  tar_file (&low, "dir/x", 0644, "x");
  tar_file (&low, "file", 0644, "x");
  tar_symlink (&low, "link", "dir");
  tar_dir (&low, "mode", 0700);
  tar_file (&high, "dir", 0644, "a file");
  tar_dir (&high, "file", 0755);
  tar_file (&high, "file/y", 0644, "y");
  tar_dir (&high, "link", 0755);
  tar_file (&high, "link/z", 0644, "z");
  tar_dir (&high, "mode", 0750);
  fixture_begin (f);
  fixture_add_layer (f, &low);
  fixture_add_layer (f, &high);
  fixture_finish (f, "t");
  root = fixture_checkout (f, "t");
  assert_text (root, "dir", "a file");
  assert_text (root, "file/y", "y");
  assert_text (root, "link/z", "z");
  g_assert_true (S_ISDIR (assert_stat (root, "link").st_mode));
  g_assert_cmpint (assert_stat (root, "mode").st_mode, ==, S_IFDIR | 0750);
}

/* A layer that names files only keeps the directories that it passes through as they are below. */
static void
test_implied_dirs (Fixture *f, gconstpointer data)
{
  g_autofree char *root = NULL;
  Tar low = tar_new (), high = tar_new ();

  tar_dir (&low, "./", 0711);
  tar_dir (&low, "usr", 0711);
  tar_dir (&low, "usr/lib", 0751);
  tar_symlink (&low, "lib", "usr/lib");
  tar_symlink (&low, "lib64", "/usr/lib");
  tar_file (&high, "usr/lib/one", 0644, "1");
  tar_file (&high, "lib/two", 0644, "2");
  tar_file (&high, "lib64/three", 0644, "3");
  fixture_begin (f);
  fixture_add_layer (f, &low);
  fixture_add_layer (f, &high);
  fixture_finish (f, "t");
  root = fixture_checkout (f, "t");
  g_assert_cmpint (assert_stat (root, ".").st_mode, ==, S_IFDIR | 0711);
  g_assert_cmpint (assert_stat (root, "usr").st_mode, ==, S_IFDIR | 0711);
  g_assert_cmpint (assert_stat (root, "usr/lib").st_mode, ==, S_IFDIR | 0751);
  g_assert_true (S_ISLNK (assert_stat (root, "lib").st_mode));
  g_assert_true (S_ISLNK (assert_stat (root, "lib64").st_mode));
  assert_text (root, "usr/lib/one", "1");
  assert_text (root, "usr/lib/two", "2");
  assert_text (root, "usr/lib/three", "3");
}

/* Whiteouts concern what is below, wherever in the layer they stand and however they lead there. */
static void
test_whiteout_through_link (Fixture *f, gconstpointer data)
{
  g_autofree char *root = NULL;
  Tar low = tar_new (), high = tar_new ();

  tar_file (&low, "usr/lib/x", 0644, "old");
  tar_file (&low, "usr/lib/y", 0644, "old");
  tar_symlink (&low, "lib", "usr/lib");
  tar_file (&high, "lib/x", 0644, "new");
  tar_file (&high, "usr/lib/.wh.x", 0644, "");
  tar_file (&high, "lib/.wh.y", 0644, "");
  fixture_begin (f);
  fixture_add_layer (f, &low);
  fixture_add_layer (f, &high);
  fixture_finish (f, "t");
  root = fixture_checkout (f, "t");
  assert_text (root, "usr/lib/x", "new");
  assert_missing (root, "usr/lib/y");
}

/* A link that makes a directory of the layer its own parent: what it would replace is in use. */
static void
test_link_to_ancestor (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ScImage) image = NULL;
  SC_AUTOFD int dfd = sc_fs_open_dir_at (AT_FDCWD, f->dir, &error);
  Tar low = tar_new (), high = tar_new ();

  tar_dir (&low, "d", 0755);
  tar_symlink (&low, "d/a", "/");
  tar_file (&high, "d/a/d", 0644, "a file where d is");
  tar_file (&high, "d/b/y", 0644, "y");
  tar_file (&high, "d/c/y", 0644, "y");
  fixture_begin (f);
  fixture_add_layer (f, &low);
  fixture_add_layer (f, &high);
  fixture_finish (f, "t");
  g_assert_true (fixture_pull (f, "t", NULL, NULL, NULL, &error));
  g_assert_no_error (error);
  image = sc_image_find (f->store, "layout:t", NULL, &error);
  g_assert_no_error (error);
  g_assert_false (sc_store_checkout (f->store, image, dfd, "root", NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
  assert_missing (f->dir, "root");
}

/* Each layer goes deeper through a link of the one below: no tree nests without end. */
static void
test_deeper_and_deeper (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ScImage) image = NULL;
  SC_AUTOFD int dfd = sc_fs_open_dir_at (AT_FDCWD, f->dir, &error);
  g_autoptr (GString) deep = g_string_new (NULL);

  for (int i = 0; i < 200; i++)
    g_string_append (deep, i > 0 ? "/d" : "d");
  fixture_begin (f);
  for (int i = 0; i < 2; i++)
    {
      Tar tar = tar_new ();
      g_autofree char *path = g_strdup_printf ("%s%s/x", i > 0 ? "down/" : "", deep->str);

      tar_file (&tar, path, 0644, "x");
      if (i == 0)
        tar_symlink (&tar, "down", deep->str);
      fixture_add_layer (f, &tar);
    }
  fixture_finish (f, "t");
  g_assert_true (fixture_pull (f, "t", NULL, NULL, NULL, &error));
  g_assert_no_error (error);
  image = sc_image_find (f->store, "layout:t", NULL, &error);
  g_assert_no_error (error);
  g_assert_false (sc_store_checkout (f->store, image, dfd, "root", NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_LIMIT);
}

/* What is not stored takes the place of what was there all the same, and links to it go with it. */
static void
test_left_out_replaces (Fixture *f, gconstpointer data)
{
  g_autofree char *root = NULL;
  Tar low = tar_new (), high = tar_new ();

  tar_file (&low, "p", 0644, "secret");
  tar_file (&low, "dd/x", 0644, "x");
  tar_put (&high, tar_entry ("p", AE_IFIFO, 0600), NULL, 0);
  tar_hardlink (&high, "q", "p");
  tar_put (&high, tar_entry ("dd", AE_IFIFO, 0600), NULL, 0);
  tar_put (&high, tar_entry ("back", AE_IFIFO, 0600), NULL, 0);
  tar_file (&high, "back", 0644, "a file after all");
  tar_file (&high, ".wh..wh.plnk/1.2", 0644, "AUFS");
  fixture_begin (f);
  fixture_add_layer (f, &low);
  fixture_add_layer (f, &high);
  fixture_finish (f, "t");
  root = fixture_checkout (f, "t");
  assert_missing (root, "p");
  assert_missing (root, "q");
  assert_missing (root, "dd");
  assert_text (root, "back", "a file after all");
}

/* A repository on another file system: copies that are as good. */
static void
test_other_file_system (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *other = g_strdup ("/dev/shm/atomic-checkout-XXXXXX"), *root = NULL, *path = NULL, *link = NULL;
  g_autoptr (ScImage) image = NULL;
  SC_AUTOFD int dfd = -1;
  char value[8];
  struct stat here, there;
  struct archive_entry *e;
  Tar tar = tar_new ();

  if (stat ("/dev/shm", &there) != 0 || stat (f->dir, &here) != 0 || here.st_dev == there.st_dev
      || g_mkdtemp (other) == NULL)
    {
      g_test_skip ("/dev/shm is not another file system");
      return;
    }
  e = tar_entry ("file", AE_IFREG, 04711);
  archive_entry_set_uid (e, 7);
  archive_entry_xattr_add_entry (e, "user.note", "n", 1);
  tar_put (&tar, e, "content", 7);
  tar_symlink (&tar, "link", "file");
  fixture_begin (f);
  fixture_add_layer (f, &tar);
  fixture_finish (f, "t");
  g_assert_true (fixture_pull (f, "t", NULL, NULL, NULL, &error));
  image = sc_image_find (f->store, "layout:t", NULL, &error);
  g_assert_no_error (error);
  dfd = sc_fs_open_dir_at (AT_FDCWD, other, &error);
  g_assert_true (sc_store_checkout (f->store, image, dfd, "root", NULL, &error));
  g_assert_no_error (error);
  root = g_build_filename (other, "root", NULL);
  assert_text (root, "file", "content");
  g_assert_cmpint (assert_stat (root, "file").st_mode, ==, S_IFREG | 04711);
  g_assert_cmpint (assert_stat (root, "file").st_uid, ==, 7);
  g_assert_cmpint (assert_stat (root, "file").st_mtime, ==, 0);
  path = g_build_filename (root, "file", NULL);
  if (getxattr (path, "user.note", value, sizeof value) < 0)
    g_assert_cmpint (errno, ==, ENOTSUP);
  g_free (path);
  path = g_build_filename (root, "link", NULL);
  link = g_file_read_link (path, NULL);
  g_assert_cmpstr (link, ==, "file");
  g_assert_true (sc_fs_remove_tree_at (AT_FDCWD, other, &error));
}

static void
test_links_across_layers (Fixture *f, gconstpointer data)
{
  g_autofree char *root = NULL, *second = NULL;
  g_autoptr (GByteArray) high_blob = NULL;
  g_autofree char *high_id = NULL;
  Tar low = tar_new (), high = tar_new (), other = tar_new ();

  tar_dir (&low, "usr/bin", 0755);
  tar_file (&low, "usr/bin/tool", 04755, "tool");
  tar_symlink (&low, "bin", "usr/bin");
  tar_hardlink (&high, "alias", "usr/bin/tool");
  tar_hardlink (&high, "by-link", "bin/tool");
  tar_file (&high, ".wh.bin", 0644, "");
  high_blob = tar_finish (&high);
  high_id = sc_digest_of (high_blob->data, high_blob->len);
  fixture_begin (f);
  fixture_add_layer (f, &low);
  fixture_add_blob (f, high_blob, SC_MT_OCI_LAYER, high_id);
  fixture_finish (f, "t");
  root = fixture_checkout (f, "t");
  assert_text (root, "alias", "tool");
  assert_missing (root, "bin");
  g_assert_cmpint (assert_stat (root, "alias").st_mode, ==, S_IFREG | 04755);
  g_assert_cmpint (assert_stat (root, "alias").st_ino, ==, assert_stat (root, "by-link").st_ino);
  g_assert_cmpint (assert_stat (root, "alias").st_ino, ==, assert_stat (root, "usr/bin/tool").st_ino);

  /* The same layer, which is stored already, on another one: the links mean that one's file. */
  tar_dir (&other, "usr/bin", 0755);
  tar_file (&other, "usr/bin/tool", 0700, "another tool");
  tar_symlink (&other, "bin", "usr/bin");
  fixture_begin (f);
  fixture_add_layer (f, &other);
  fixture_add_blob (f, high_blob, SC_MT_OCI_LAYER, high_id);
  fixture_finish (f, "u");
  second = fixture_checkout (f, "u");
  assert_text (second, "alias", "another tool");
  assert_text (second, "by-link", "another tool");
}

static void
test_objects_are_linked (Fixture *f, gconstpointer data)
{
  g_autofree char *root = NULL;
  Tar low = tar_new ();

  tar_file (&low, "a", 0644, "same");
  tar_file (&low, "b", 0644, "same");
  tar_file (&low, "c", 0600, "same");
  fixture_begin (f);
  fixture_add_layer (f, &low);
  fixture_finish (f, "t");
  root = fixture_checkout (f, "t");
  /* a, b and the object; c has another mode, so it is another file */
  g_assert_cmpint (assert_stat (root, "a").st_nlink, ==, 3);
  g_assert_cmpint (assert_stat (root, "c").st_nlink, ==, 2);
}

static void
test_missing_object (Fixture *f, gconstpointer data)
{
  g_autofree char *root = NULL, *command = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (ScImage) image = NULL;
  SC_AUTOFD int dfd = -1;
  Tar low = tar_new ();

  tar_file (&low, "a", 0644, "content that no other file has");
  fixture_begin (f);
  fixture_add_layer (f, &low);
  fixture_finish (f, "t");
  root = fixture_checkout (f, "t");
  command = g_strdup_printf ("find %s/repo/objects -samefile %s/a -delete", f->dir, root);
  g_assert_cmpint (system (command), ==, 0);
  image = sc_image_find (f->store, "layout:t", NULL, &error);
  g_assert_no_error (error);
  dfd = sc_fs_open_dir_at (AT_FDCWD, f->dir, &error);
  g_assert_false (sc_store_checkout (f->store, image, dfd, "again", NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, "is missing"));
  assert_missing (f->dir, "again");
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
  fixture_test ("/checkout/whiteouts", test_whiteouts);
  fixture_test ("/checkout/kinds-change", test_kinds_change);
  fixture_test ("/checkout/implied-dirs", test_implied_dirs);
  fixture_test ("/checkout/whiteout-through-link", test_whiteout_through_link);
  fixture_test ("/checkout/link-to-ancestor", test_link_to_ancestor);
  fixture_test ("/checkout/deeper-and-deeper", test_deeper_and_deeper);
  fixture_test ("/checkout/left-out-replaces", test_left_out_replaces);
  fixture_test ("/checkout/other-file-system", test_other_file_system);
  fixture_test ("/checkout/links-across-layers", test_links_across_layers);
  fixture_test ("/checkout/objects-are-linked", test_objects_are_linked);
  fixture_test ("/checkout/missing-object", test_missing_object);
  return g_test_run ();
}
