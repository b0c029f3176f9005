/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is pruned of a repository, and above all what is not. */
#include "prune.h"

#include "delete.h"
#include "object-writer.h"
#include "store-fixture.h"

static void
pull (Fixture *f, const char *tag, const char *const *layers)
{
  g_autoptr (GError) error = NULL;

  fixture_begin (f);
  for (; *layers != NULL; layers++)
    fixture_add_simple_layer (f, *layers);
  fixture_finish (f, tag);
  g_assert_true (fixture_pull (f, tag, NULL, NULL, NULL, &error));
  g_assert_no_error (error);
}

#define LAYERS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void
delete_name (Fixture *f, const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) images = sc_image_select (f->store, (const char *const[]){ name, NULL }, FALSE, NULL, &error);
  guint unneeded;

  g_assert_no_error (error);
  g_assert_true (sc_image_delete (f->store, images, &unneeded, NULL, NULL, &error));
}

/* A commit of a file of its own, by another program. */
static char *
foreign_commit (Fixture *f, const char *text, const char *ref)
{
  g_autofree char *dir = g_build_filename (f->dir, "foreign", NULL), *file = g_build_filename (dir, "file", NULL);
  g_autofree char *repo = g_strconcat ("--repo=", f->ctx->repo, NULL), *branch = g_strconcat ("--branch=", ref, NULL);
  g_auto (GStrv) argv = g_strdupv (
      (char *[]){ (char *)"ostree", repo, (char *)"commit", ref != NULL ? branch : (char *)"--orphan", dir, NULL });
  g_autofree char *out = NULL;
  int status;

  g_assert_cmpint (g_mkdir_with_parents (dir, 0755), ==, 0);
  g_assert_true (g_file_set_contents (file, text, -1, NULL));
  g_assert_true (g_spawn_sync (NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, NULL, &status, NULL));
  g_assert_cmpint (status, ==, 0);
  return g_strdup (g_strstrip (out));
}

static gboolean
has_commit (Fixture *f, const char *commit)
{
  gboolean present;

  g_assert_true (
      ostree_repo_has_object (sc_store_repo (f->store), OSTREE_OBJECT_TYPE_COMMIT, commit, &present, NULL, NULL));
  return present;
}

static void
count_note (const ScProgress *progress, gpointer data)
{
  *(guint *)data += progress->kind == SC_PROGRESS_NOTE;
}

/* Finds and removes; @in_use (nullable): a commit. Returns the objects that went; the figures were right. */
static guint
prune (Fixture *f, const char *in_use, guint *out_branches, guint *out_notes)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ScStoreLock) lock = sc_store_lock (f->store, TRUE, NULL, &error);
  g_autoptr (ScTally) tally = sc_tally_new (), none = sc_tally_new ();
  g_autoptr (GPtrArray) commits = g_ptr_array_new ();
  g_autoptr (ScPruneList) list = NULL, again = NULL;
  g_autofree char *before = fixture_list_repo (f), *after = NULL;
  guint notes = 0;
  ScProgressSink sink = { count_note, &notes };

  g_assert_no_error (error);
  g_assert_nonnull (lock);
  if (in_use != NULL)
    g_ptr_array_add (commits, (gpointer)in_use);
  list = sc_prune_find (f->store, commits, tally, &sink, NULL, &error);
  g_assert_no_error (error);
  after = fixture_list_repo (f);
  g_assert_cmpstr (before, ==, after);
  if (out_notes != NULL)
    *out_notes = notes;
  g_assert_true (sc_prune_remove (f->store, list, NULL, NULL, &error));
  g_assert_no_error (error);
  again = sc_prune_find (f->store, commits, none, NULL, NULL, &error);
  g_assert_cmpuint (again->branches->len + again->objects->len + again->commits->len + again->temporaries->len, ==, 0);
  g_assert_cmpuint (sc_tally_bytes (none), ==, 0);
  if (out_branches != NULL)
    *out_branches = list->branches->len;
  return list->commits->len + list->objects->len;
}

static void
test_needed (Fixture *f, gconstpointer data)
{
  guint branches = 0;

  pull (f, "a", LAYERS ("shared", "a"));
  pull (f, "b", LAYERS ("shared", "b"));
  g_assert_cmpuint (prune (f, NULL, &branches, NULL), ==, 0);
  g_assert_cmpuint (branches, ==, 0);
  delete_name (f, "layout:a");
  /* layer: commit, tree, file; config the same, image the same; what both have stays */
  g_assert_cmpuint (prune (f, NULL, &branches, NULL), ==, 9);
  g_assert_cmpuint (branches, ==, 2);
  delete_name (f, "layout:b");
  g_assert_cmpuint (prune (f, NULL, &branches, NULL), >, 9);
  g_assert_cmpuint (branches, ==, 3);
}

/* An image without a name, of which a container was made. */
static void
test_in_use (Fixture *f, gconstpointer data)
{
  g_autofree char *commit = NULL, *unknown = g_strnfill (64, '0');
  guint branches = 0, notes = 0;

  pull (f, "a", LAYERS ("a"));
  commit = fixture_commit_of (f, "ociimage/layout_3Aa");
  delete_name (f, "layout:a");
  g_assert_cmpuint (prune (f, commit, &branches, NULL), ==, 0);
  g_assert_cmpuint (branches, ==, 0);
  g_assert_true (has_commit (f, commit));
  /* a container of an image that never was here */
  g_assert_cmpuint (prune (f, unknown, &branches, &notes), >, 0);
  g_assert_cmpuint (branches, ==, 2);
  g_assert_cmpuint (notes, ==, 0);
  g_assert_false (has_commit (f, commit));
}

static void
test_foreign (Fixture *f, gconstpointer data)
{
  g_autofree char *orphan = foreign_commit (f, "orphan", NULL), *image = NULL, *with_ref = NULL, *remote = NULL,
                  *alone = NULL;
  g_autoptr (GError) error = NULL;

  pull (f, "a", LAYERS ("a"));
  image = fixture_commit_of (f, "ociimage/layout_3Aa");
  /* nobody else has a branch here, but whoever made it may be about to */
  g_assert_cmpuint (prune (f, NULL, NULL, NULL), ==, 0);
  g_assert_true (has_commit (f, orphan));

  with_ref = foreign_commit (f, "ref", "host/tree");
  alone = foreign_commit (f, "alone", NULL);
  remote = foreign_commit (f, "remote", NULL);
  g_assert_true (
      ostree_repo_set_ref_immediate (sc_store_repo (f->store), "there", "ociimage/x_3Ay", remote, NULL, &error));
  delete_name (f, "layout:a");
  g_assert_cmpuint (prune (f, NULL, NULL, NULL), >, 0);
  g_assert_true (has_commit (f, with_ref));
  g_assert_true (has_commit (f, remote));
  g_assert_true (has_commit (f, alone));
  g_assert_false (has_commit (f, image));
}

/* Nobody knows what an image without a manifest needs: its layers stay, those of all. */
static void
test_no_manifest (Fixture *f, gconstpointer data)
{
  g_autofree char *commit = NULL;
  guint branches = 0, notes = 0;

  pull (f, "a", LAYERS ("a"));
  delete_name (f, "layout:a");
  commit = foreign_commit (f, "of an old tool", "ociimage/old_3Alatest");
  /* the image's own commit goes: nothing refers to it */
  g_assert_cmpuint (prune (f, NULL, &branches, &notes), >, 0);
  g_assert_cmpuint (branches, ==, 0);
  g_assert_cmpuint (notes, ==, 1);
  g_assert_true (has_commit (f, commit));
  delete_name (f, "old");
  prune (f, NULL, &branches, &notes);
  g_assert_cmpuint (branches, ==, 2);
  g_assert_cmpuint (notes, ==, 0);
}

/* Below a tree that is missing there may be anything. */
static void
test_damaged (Fixture *f, gconstpointer data)
{
  OstreeRepo *repo = sc_store_repo (f->store);
  g_autofree char *commit = NULL, *tree = NULL, *gone = NULL;
  g_autoptr (GVariant) variant = NULL, csum = NULL;
  g_autoptr (GError) error = NULL;
  guint branches = 0, notes = 0;

  pull (f, "a", LAYERS ("a"));
  pull (f, "b", LAYERS ("b"));
  gone = fixture_commit_of (f, "ociimage/layout_3Ab");
  commit = fixture_commit_of (f, "ociimage/layout_3Aa");
  g_assert_true (ostree_repo_load_commit (repo, commit, &variant, NULL, &error));
  csum = g_variant_get_child_value (variant, 6);
  tree = ostree_checksum_from_bytes_v (csum);
  g_assert_true (ostree_repo_delete_object (repo, OSTREE_OBJECT_TYPE_DIR_TREE, tree, NULL, &error));
  delete_name (f, "layout:b");
  g_assert_cmpuint (prune (f, NULL, &branches, &notes), ==, 0);
  g_assert_cmpuint (branches, ==, 2);
  g_assert_cmpuint (notes, ==, 1);
  g_assert_true (has_commit (f, gone));
  /* without it the rest goes */
  delete_name (f, "layout:a");
  g_assert_cmpuint (prune (f, NULL, &branches, &notes), >, 0);
  g_assert_cmpuint (notes, ==, 0);
  g_assert_false (has_commit (f, gone));
}

/* The branch of the one layer of the last image, below refs/. */
static char *
last_layer_ref (Fixture *f)
{
  return g_strconcat ("heads/ociimage/", strrchr (f->last_blob, '/') + 1, NULL);
}

/* What a ref that names no commit held together stays, and so does all else. */
static void
test_broken_refs (Fixture *f, gconstpointer data)
{
  static const char *const others[] = { "heads/foo", "heads/a/b/c", "remotes/there/x/y", "mirrors/org.example/x" };
  static const char *const garbage[] = { "", "no checksum\n",
                                         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaag\n" };
  g_autofree char *kept = NULL, *gone = NULL, *layer = NULL, *layer_commit = NULL, *text = NULL;
  guint branches = 0, notes = 0;

  pull (f, "b", LAYERS ("b"));
  gone = fixture_commit_of (f, "ociimage/layout_3Ab");
  pull (f, "a", LAYERS ("a"));
  kept = fixture_commit_of (f, "ociimage/layout_3Aa");
  layer = last_layer_ref (f);
  layer_commit = fixture_commit_of (f, layer + strlen ("heads/"));
  delete_name (f, "layout:b");
  for (guint i = 0; i < G_N_ELEMENTS (garbage); i++)
    {
      fixture_break_ref (f, "heads/ociimage/layout_3Aa", garbage[i]);
      g_assert_cmpuint (prune (f, NULL, &branches, &notes), ==, 0);
      g_assert_cmpuint (branches, ==, 0);
      g_assert_cmpuint (notes, ==, 2); /* layers, objects */
      g_assert_true (has_commit (f, kept));
    }
  text = g_strconcat (kept, "\n", NULL);
  fixture_break_ref (f, "heads/ociimage/layout_3Aa", text);
  /* a layer of an image that is there: what others do not need is known, objects are not */
  fixture_break_ref (f, layer, "");
  g_assert_cmpuint (prune (f, NULL, &branches, &notes), ==, 0);
  g_assert_cmpuint (branches, ==, 2);
  g_assert_cmpuint (notes, ==, 1);
  {
    g_autofree char *path = g_build_filename (f->ctx->repo, "refs", layer, NULL);

    g_assert_cmpint (unlink (path), ==, 0);
  }
  g_assert_cmpuint (prune (f, NULL, NULL, &notes), ==, 0);
  g_assert_cmpuint (notes, ==, 1);
  g_assert_true (has_commit (f, layer_commit));
  g_free (text);
  text = g_strconcat (layer_commit, "\n", NULL);
  fixture_break_ref (f, layer, text);
  for (guint i = 0; i < G_N_ELEMENTS (others); i++)
    {
      g_autofree char *path = g_build_filename (f->ctx->repo, "refs", others[i], NULL);

      fixture_break_ref (f, others[i], "");
      g_assert_cmpuint (prune (f, NULL, NULL, &notes), ==, 0);
      g_assert_cmpuint (notes, ==, 1);
      g_assert_true (has_commit (f, gone));
      g_assert_cmpint (unlink (path), ==, 0);
    }
  g_assert_cmpuint (prune (f, NULL, NULL, &notes), >, 0);
  g_assert_cmpuint (notes, ==, 0);
  g_assert_false (has_commit (f, gone));
  g_assert_true (has_commit (f, kept));
}

/* The branch of a layer that nobody needs goes, whatever it says. */
static void
test_broken_unneeded (Fixture *f, gconstpointer data)
{
  g_autofree char *layer = NULL;
  guint branches = 0, notes = 0;

  pull (f, "a", LAYERS ("a"));
  layer = last_layer_ref (f);
  delete_name (f, "layout:a");
  fixture_break_ref (f, layer, "");
  g_assert_cmpuint (prune (f, NULL, &branches, &notes), >, 0);
  g_assert_cmpuint (branches, ==, 2);
  g_assert_cmpuint (notes, ==, 0);
}

static void
test_left_behind (Fixture *f, gconstpointer data)
{
  static const char *const files[] = {
    "tmp/atomic-partial/kept", "tmp/staging-a-B/00/x.file",          "tmp/staging-a-B-lock",
    "tmp/staging-c-D-lock",    "tmp/atomic-import.AbCdEf/objects/x", "refs/heads/ociimage/tmp.AbCd01"
  };
  static const char *const theirs[] = { "tmp/other", "tmp/cache/summaries" };
  g_autofree char *commit = NULL;
  g_autoptr (GError) error = NULL;

  pull (f, "a", LAYERS ("a"));
  commit = fixture_commit_of (f, "ociimage/layout_3Aa");
  for (guint i = 0; i < G_N_ELEMENTS (files) + G_N_ELEMENTS (theirs); i++)
    {
      const char *file = i < G_N_ELEMENTS (files) ? files[i] : theirs[i - G_N_ELEMENTS (files)];
      g_autofree char *path = g_build_filename (f->ctx->repo, file, NULL), *dir = g_path_get_dirname (path);
      g_autofree char *text = g_strconcat (commit, "\n", NULL);

      g_assert_cmpint (g_mkdir_with_parents (dir, 0755), ==, 0);
      g_assert_true (g_file_set_contents (path, text, -1, &error));
    }
  {
    g_autoptr (GPtrArray) images = sc_image_list (f->store, TRUE, NULL, &error);

    g_assert_cmpuint (images->len, ==, 1);
  }
  delete_name (f, "layout:a");
  g_assert_cmpuint (prune (f, NULL, NULL, NULL), >, 0);
  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    assert_missing (f->ctx->repo, files[i]);
  assert_missing (f->ctx->repo, "tmp/staging-a-B");
  for (guint i = 0; i < G_N_ELEMENTS (theirs); i++)
    assert_stat (f->ctx->repo, theirs[i]);
  g_assert_false (has_commit (f, commit));
}

/* What is being written by somebody who lives stays. */
static void
test_alive (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (OstreeRepo) other = ostree_repo_open_at (AT_FDCWD, f->ctx->repo, NULL, &error);
  g_autofree char *before = NULL, *after = NULL;
  g_autoptr (GPtrArray) stale = g_ptr_array_new_with_free_func (g_free);
  SC_AUTOFD int guard = -1;

  g_assert_no_error (error);
  g_assert_true (ostree_repo_prepare_transaction (other, NULL, NULL, &error));
  before = fixture_list_repo (f);
  guard = sc_object_writer_guard (sc_store_repo (f->store), &error);
  g_assert_true (sc_object_writer_find_stale (guard, stale, &error));
  g_assert_cmpuint (stale->len, ==, 0);
  g_assert_true (sc_object_writer_clean_guarded (sc_store_repo (f->store), guard, &error));
  after = fixture_list_repo (f);
  g_assert_cmpstr (before, ==, after);
  g_assert_true (ostree_repo_abort_transaction (other, NULL, &error));
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
  fixture_test ("/prune/needed", test_needed);
  fixture_test ("/prune/in-use", test_in_use);
  fixture_test ("/prune/foreign", test_foreign);
  fixture_test ("/prune/no-manifest", test_no_manifest);
  fixture_test ("/prune/damaged", test_damaged);
  fixture_test ("/prune/broken-refs", test_broken_refs);
  fixture_test ("/prune/broken-unneeded", test_broken_unneeded);
  fixture_test ("/prune/left-behind", test_left_behind);
  fixture_test ("/prune/alive", test_alive);
  return g_test_run ();
}
