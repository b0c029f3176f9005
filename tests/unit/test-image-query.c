/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What images there are, and which one is meant. */
#include "store-fixture.h"

/* One branch whose commit is gone does not hide the other images. */
static void
test_damaged_image (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) images = NULL;
  const ScImage *image;
  g_autofree char *commit = NULL;

  for (int i = 0; i < 2; i++)
    {
      fixture_begin (f);
      fixture_add_simple_layer (f, i == 0 ? "a" : "b");
      fixture_finish (f, i == 0 ? "a" : "b");
      g_assert_true (fixture_pull (f, i == 0 ? "a" : "b", NULL, NULL, NULL, &error));
    }
  commit = fixture_commit_of (f, "ociimage/layout_3Aa");
  g_assert_true (ostree_repo_delete_object (sc_store_repo (f->store), OSTREE_OBJECT_TYPE_COMMIT, commit, NULL, &error));
  images = sc_image_list (f->store, FALSE, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (images->len, ==, 2);
  image = g_ptr_array_index (images, 0);
  g_assert_cmpstr (image->name, ==, "layout:a");
  g_assert_nonnull (image->problem);
  image = g_ptr_array_index (images, 1);
  g_assert_null (image->problem);
}

static void
pull (Fixture *f, const char *tag, const char *text)
{
  g_autoptr (GError) error = NULL;

  fixture_begin (f);
  fixture_add_simple_layer (f, text);
  fixture_finish (f, tag);
  g_assert_true (fixture_pull (f, tag, NULL, NULL, NULL, &error));
  g_assert_no_error (error);
}

/* A branch that names no commit is an image all the same, until it is replaced. */
static void
test_damaged_branch (Fixture *f, gconstpointer data)
{
  static const char *const garbage[] = { "", "\n", "x\n" };
  g_autoptr (GError) error = NULL;
  g_autofree char *layer = NULL, *commit = NULL;

  pull (f, "a", "a");
  pull (f, "b", "b");
  fixture_break_ref (f, "heads/ociimage/tmp.AbCd01", "");
  for (guint i = 0; i < G_N_ELEMENTS (garbage); i++)
    for (guint brief = 0; brief < 2; brief++)
      {
        g_autoptr (GPtrArray) images = NULL;
        g_autoptr (ScImage) found = NULL;
        const ScImage *image;

        fixture_break_ref (f, "heads/ociimage/layout_3Ab", garbage[i]);
        images = brief ? sc_image_list_brief (f->store, NULL, &error) : sc_image_list (f->store, TRUE, NULL, &error);
        g_assert_no_error (error);
        /* the layer and the config of b are nobody's now */
        g_assert_cmpuint (images->len, ==, brief ? 2 : 4);
        image = g_ptr_array_index (images, images->len - 1);
        g_assert_cmpstr (image->name, ==, "layout:b");
        g_assert_true (image->damaged);
        g_assert_nonnull (strstr (image->problem, "ociimage/layout_3Ab is damaged"));
        found = sc_image_find (f->store, "layout:b", NULL, &error);
        g_assert_no_error (error);
        g_assert_nonnull (found->problem);
        g_assert_null (sc_image_find (f->store, "0000", NULL, &error));
        g_assert_error (error, SC_ERROR, SC_ERROR_NOT_FOUND);
        g_clear_error (&error);
      }
  /* a pull sets it again, and fetches a layer whose branch is damaged */
  layer = g_strconcat ("heads/ociimage/", strrchr (f->last_blob, '/') + 1, NULL);
  fixture_break_ref (f, layer, "");
  {
    g_auto (ScPullResult) result = { 0 };

    g_assert_true (fixture_pull (f, "b", &result, NULL, NULL, &error));
    g_assert_no_error (error);
    g_assert_cmpuint (result.fetched, ==, 1);
  }
  commit = fixture_commit_of (f, layer + strlen ("heads/"));
  g_assert_nonnull (commit);
  {
    g_autoptr (ScImage) image = sc_image_find (f->store, "layout:b", NULL, &error);

    g_assert_null (image->problem);
  }
}

/* A layer that no image names is used again if it is whole, and fetched if not. */
static void
test_dangling_layer (Fixture *f, gconstpointer data)
{
  static const char *const damages[] = { "true", "echo y > $(readlink -f $1)", "rm $1", "rm repo/objects/*/*.dirtree",
                                         "truncate -s 1 repo/objects/*/*.dirmeta" };

  for (guint i = 0; i < G_N_ELEMENTS (damages); i++)
    {
      g_autoptr (GError) error = NULL;
      g_auto (ScPullResult) result = { 0 };
      g_autofree char *fsck = g_strdup_printf ("ostree fsck --repo=%s/repo", f->dir);
      g_autofree char *command =
          g_strdup_printf ("cd %s && set -- $(grep -lx content repo/objects/*/*.file) && %s", f->dir, damages[i]);
      g_auto (GStrv) argv = g_strdupv ((char *[]){ (char *)"sh", (char *)"-c", command, NULL });
      int status;

      pull (f, "a", "content\n");
      g_assert_true (
          ostree_repo_set_ref_immediate (sc_store_repo (f->store), NULL, "ociimage/layout_3Aa", NULL, NULL, &error));
      g_assert_true (g_spawn_sync (NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status, NULL));
      g_assert_cmpint (status, ==, 0);
      g_assert_true (fixture_pull (f, "a", &result, NULL, NULL, &error));
      g_assert_no_error (error);
      g_assert_cmpuint (result.fetched, ==, i == 0 ? 0 : 1);
      g_assert_true (g_spawn_command_line_sync (fsck, NULL, NULL, &status, NULL));
      g_assert_cmpint (status, ==, 0);
    }
}

static void
test_find (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ScImage) by_name = NULL, by_id = NULL;
  g_autofree char *prefix = NULL;

  fixture_begin (f);
  fixture_add_simple_layer (f, "one");
  fixture_finish (f, "latest");
  g_assert_true (fixture_pull (f, "latest", NULL, NULL, NULL, &error));
  by_name = sc_image_find (f->store, "layout", NULL, &error);
  g_assert_no_error (error);
  prefix = g_strndup (by_name->id, 5);
  by_id = sc_image_find (f->store, prefix, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (by_id->name, ==, "layout:latest");
  g_assert_null (sc_image_find (f->store, "nothing", NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_NOT_FOUND);
  g_clear_error (&error);
  /* the same id under two names is one image */
  fixture_finish (f, "other");
  g_assert_true (fixture_pull (f, "other", NULL, NULL, NULL, &error));
  sc_image_free (by_id);
  by_id = sc_image_find (f->store, prefix, NULL, &error);
  g_assert_no_error (error);
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
  fixture_test ("/image-query/damaged-image", test_damaged_image);
  fixture_test ("/image-query/damaged-branch", test_damaged_branch);
  fixture_test ("/image-query/dangling-layer", test_dangling_layer);
  fixture_test ("/image-query/find", test_find);
  return g_test_run ();
}
