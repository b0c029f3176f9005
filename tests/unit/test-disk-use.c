/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What images take on disk, against objects that are counted by hand. */
#include "disk-use.h"

#include "store-fixture.h"

/* An image of the layers "shared" and, unless NULL, @own. */
static void
pull_image (Fixture *f, const char *tag, const char *own)
{
  g_autoptr (GError) error = NULL;

  fixture_begin (f);
  fixture_add_simple_layer (f, "shared");
  if (own != NULL)
    fixture_add_simple_layer (f, own);
  fixture_finish (f, tag);
  g_assert_true (fixture_pull (f, tag, NULL, NULL, NULL, &error));
}

/* Bytes of every object of the repository. */
static guint64
all_bytes (Fixture *f)
{
  g_autofree char *command = g_strdup_printf (
      "find %s/repo/objects -type f -printf '%%b\\n' | awk '{ n += $1 } END { print n * 512 }'", f->dir);
  g_auto (GStrv) argv = g_strdupv ((char *[]){ (char *)"sh", (char *)"-c", command, NULL });
  g_autofree char *out = NULL;

  g_assert_true (g_spawn_sync (NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, NULL, NULL, NULL));
  return g_ascii_strtoull (out, NULL, 10);
}

/* @pinned: (nullable): one commit. */
static ScDiskUse *
measure (Fixture *f, gboolean all, const char *pinned, guint problems)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) images = sc_image_list (f->store, all, NULL, &error);
  g_autoptr (GPtrArray) pins = g_ptr_array_new (), found = g_ptr_array_new_with_free_func (g_free);
  ScDiskUse *use;

  g_assert_no_error (error);
  if (pinned != NULL)
    g_ptr_array_add (pins, (char *)pinned);
  use = sc_disk_use (f->store, images, pins, found, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (found->len, ==, problems);
  return use;
}

static void
test_empty (Fixture *f, gconstpointer data)
{
  g_autofree ScDiskUse *use = measure (f, FALSE, NULL, 0);

  g_assert_nonnull (use);
}

static void
test_one (Fixture *f, gconstpointer data)
{
  g_autofree ScDiskUse *use = NULL, *pinned = NULL, *gone = NULL;
  g_autofree char *commit = NULL;

  pull_image (f, "a", "one");
  use = measure (f, FALSE, NULL, 0);
  g_assert_cmpuint (use[0].disk_use, ==, all_bytes (f));
  g_assert_cmpuint (use[0].frees, ==, all_bytes (f));
  /* a container needs it */
  commit = fixture_commit_of (f, "ociimage/layout_3Aa");
  pinned = measure (f, FALSE, commit, 0);
  g_assert_cmpuint (pinned[0].disk_use, ==, all_bytes (f));
  g_assert_cmpuint (pinned[0].frees, ==, 0);
  /* a container whose image is long gone */
  gone = measure (f, FALSE, "0000000000000000000000000000000000000000000000000000000000000000", 0);
  g_assert_cmpuint (gone[0].frees, ==, all_bytes (f));
}

static void
test_shared (Fixture *f, gconstpointer data)
{
  g_autofree ScDiskUse *use = NULL, *others = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *commit = NULL;
  OstreeRepo *repo = sc_store_repo (f->store);

  pull_image (f, "a", "one");
  pull_image (f, "b", NULL);
  use = measure (f, FALSE, NULL, 0);
  /* What both have counts for both, and what one frees the other does not: all there is is what they have together. */
  g_assert_cmpuint (use[0].disk_use - use[0].frees, ==, use[1].disk_use - use[1].frees);
  g_assert_cmpuint (use[0].disk_use + use[1].frees, ==, all_bytes (f));
  g_assert_cmpuint (use[1].frees, >, 0);
  g_assert_cmpuint (use[0].frees, >, use[1].frees);
  /* another program has a branch of the layer that is a's alone */
  {
    g_autofree char *branch = sc_refname_for_blob (f->last_blob + strlen (f->layout) + strlen ("/blobs/sha256/"));

    commit = fixture_commit_of (f, branch);
  }
  g_assert_nonnull (commit);
  g_assert_true (ostree_repo_set_ref_immediate (repo, NULL, "other", commit, NULL, &error));
  others = measure (f, FALSE, NULL, 0);
  g_assert_cmpuint (others[0].disk_use, ==, use[0].disk_use);
  g_assert_cmpuint (others[1].frees, ==, use[1].frees);
}

/* A layer that no tag needs goes with a prune: it keeps nothing, and is told on its own row. */
static void
test_dangling (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree ScDiskUse *use = NULL;
  g_autoptr (GPtrArray) images = NULL;
  guint64 sum = 0;

  pull_image (f, "a", "one");
  pull_image (f, "b", "two");
  g_assert_true (
      ostree_repo_set_ref_immediate (sc_store_repo (f->store), NULL, "ociimage/layout_3Ab", NULL, NULL, &error));
  use = measure (f, TRUE, NULL, 0);
  images = sc_image_list (f->store, TRUE, NULL, &error);
  g_assert_cmpuint (images->len, ==, 3);
  for (guint i = 0; i < images->len; i++)
    {
      const ScImage *image = images->pdata[i];

      g_assert_true (image->dangling == (g_strcmp0 (image->tag, "<none>") == 0));
      if (!image->dangling)
        g_assert_cmpuint (use[i].frees, ==, use[i].disk_use);
      else
        {
          g_assert_cmpuint (use[i].frees, >, 0);
          g_assert_cmpuint (use[i].frees, <, use[i].disk_use);
        }
      sum += use[i].frees;
    }
  /* all but the commit and the tree of the image that has no branch any more */
  g_assert_cmpuint (sum, <, all_bytes (f));
}

static void
test_damaged (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree ScDiskUse *before = NULL, *use = NULL;
  g_autofree char *path = NULL, *hex = NULL, *commit = NULL;
  g_autoptr (GVariant) variant = NULL, tree = NULL;

  pull_image (f, "a", "one");
  before = measure (f, FALSE, NULL, 0);
  commit = fixture_commit_of (f, "ociimage/layout_3Aa");
  g_assert_true (ostree_repo_load_commit (sc_store_repo (f->store), commit, &variant, NULL, &error));
  tree = g_variant_get_child_value (variant, 6);
  hex = ostree_checksum_from_bytes_v (tree);
  path = g_strdup_printf ("%s/repo/objects/%.2s/%s.dirtree", f->dir, hex, hex + 2);
  g_assert_cmpint (unlink (path), ==, 0);
  use = measure (f, FALSE, NULL, 1);
  g_assert_cmpuint (use[0].disk_use, >, 0);
  g_assert_cmpuint (use[0].disk_use, <, before[0].disk_use);
}

/* Branches that name no commit, of an image, of a layer and of another program. */
static void
test_damaged_branches (Fixture *f, gconstpointer data)
{
  g_autofree ScDiskUse *before = NULL, *use = NULL;
  g_autofree char *layer = NULL;

  pull_image (f, "a", "one");
  pull_image (f, "b", "two");
  before = measure (f, FALSE, NULL, 0);
  layer = g_strconcat ("heads/ociimage/", strrchr (f->last_blob, '/') + 1, NULL);
  fixture_break_ref (f, "heads/ociimage/layout_3Aa", "");
  fixture_break_ref (f, "heads/foo", "");
  fixture_break_ref (f, layer, "x");
  use = measure (f, FALSE, NULL, 2);
  g_assert_cmpuint (use[0].disk_use, ==, 0);
  g_assert_cmpuint (use[1].disk_use, >, 0);
  g_assert_cmpuint (use[1].disk_use, <, before[1].disk_use);
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
  fixture_test ("/disk-use/empty", test_empty);
  fixture_test ("/disk-use/one", test_one);
  fixture_test ("/disk-use/shared", test_shared);
  fixture_test ("/disk-use/dangling", test_dangling);
  fixture_test ("/disk-use/damaged", test_damaged);
  fixture_test ("/disk-use/damaged-branches", test_damaged_branches);
  return g_test_run ();
}
