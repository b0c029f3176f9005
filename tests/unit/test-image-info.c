/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an image says of itself, and how little of it is read for that. */
#include "image-info.h"

#include "image-tree.h"
#include "store-fixture.h"

static void
test_version (void)
{
  static const struct
  {
    const char *labels[7];
    const char *version;
  } cases[] = {
    { { NULL }, NULL },
    { { "Name", "n", "Version", "1", "Release", "2", NULL }, "n-1-2" },
    { { "Name", "n", "Version", "1", NULL }, "n-1" },
    { { "Name", "n", NULL }, NULL },
    { { "Version", "1", "Release", "2", NULL }, "1" },
    { { "version", "3", "org.opencontainers.image.version", "4", "Version", "5", NULL }, "4" },
    { { "version", "3", "Version", "5", NULL }, "3" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GHashTable) labels = g_hash_table_new (g_str_hash, g_str_equal);
      g_autofree char *version = NULL;

      for (gsize j = 0; cases[i].labels[j] != NULL && j < 6; j += 2)
        g_hash_table_insert (labels, (char *)cases[i].labels[j], (char *)cases[i].labels[j + 1]);
      version = sc_image_version (labels);
      g_assert_cmpstr (version, ==, cases[i].version);
    }
}

static ScImage *
find (Fixture *f, const char *tag)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *name = g_strdup_printf ("layout:%s", tag);
  ScImage *image;

  g_assert_true (fixture_pull (f, tag, NULL, NULL, NULL, &error));
  image = sc_image_find (f->store, name, NULL, &error);
  g_assert_no_error (error);
  return image;
}

static void
test_built_on (Fixture *f, gconstpointer data)
{
  g_autoptr (ScImage) low = NULL, high = NULL, other = NULL;

  fixture_begin (f);
  fixture_add_simple_layer (f, "one");
  fixture_finish (f, "low");
  low = find (f, "low");
  fixture_add_simple_layer (f, "two");
  fixture_finish (f, "high");
  high = find (f, "high");
  fixture_begin (f);
  fixture_add_simple_layer (f, "two");
  fixture_finish (f, "other");
  other = find (f, "other");
  g_assert_true (sc_image_is_built_on (high, low));
  g_assert_false (sc_image_is_built_on (low, high));
  g_assert_false (sc_image_is_built_on (low, low));
  g_assert_false (sc_image_is_built_on (high, other));
}

static void
add_exports_layer (Fixture *f, gboolean linked)
{
  Tar tar = tar_new ();

  tar_dir (&tar, "usr", 0755);
  tar_file (&tar, "usr/file", 0644, "something else");
  if (linked)
    {
      tar_dir (&tar, "usr/exports", 0755);
      tar_symlink (&tar, "exports", "usr/exports");
    }
  else
    tar_dir (&tar, "exports", 0755);
  tar_file (&tar, linked ? "usr/exports/service.template" : "exports/service.template", 0644, "$NAME $A $B $UUID");
  tar_file (&tar, linked ? "usr/exports/manifest.json" : "exports/manifest.json", 0644,
            "{\"defaultValues\": {\"A\": \"a\", \"UNUSED\": \"x\", \"UUID\": \"1\"}}");
  fixture_add_layer (f, &tar);
}

static void
assert_variables (Fixture *f, const ScImage *image, const char *a, const char *const *wanted)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GHashTable) defaults = NULL;
  g_auto (GStrv) required = NULL;

  g_assert_true (sc_image_variables (f->ctx, f->store, image, NULL, &defaults, &required, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpstrv (required, wanted);
  g_assert_cmpuint (g_hash_table_size (defaults), ==, 2);
  g_assert_cmpstr (g_hash_table_lookup (defaults, "A"), ==, a);
  g_assert_cmpstr (g_hash_table_lookup (defaults, "UUID"), ==, SC_VALUE_BY_SYSTEM);
}

/* Removes the tree object of a directory of the checked-out image, so that reading it would be an error. */
static void
remove_tree_of (Fixture *f, guint layer, const ScImage *image, const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *branch = sc_refname_for_blob (((ScDescriptor *)image->manifest->layers->pdata[layer])->digest);
  g_autoptr (GFile) root = NULL, dir = NULL;
  const char *hex;

  g_assert_true (ostree_repo_read_commit (sc_store_repo (f->store), branch, &root, NULL, NULL, &error));
  dir = g_file_resolve_relative_path (root, path);
  g_assert_true (ostree_repo_file_ensure_resolved (OSTREE_REPO_FILE (dir), &error));
  hex = ostree_repo_file_tree_get_contents_checksum (OSTREE_REPO_FILE (dir));
  g_assert_true (ostree_repo_delete_object (sc_store_repo (f->store), OSTREE_OBJECT_TYPE_DIR_TREE, hex, NULL, &error));
}

static void
test_variables (Fixture *f, gconstpointer data)
{
  static const char *const b[] = { "B", NULL }, *const b_and_c[] = { "B", "C", NULL };
  g_autoptr (ScImage) plain = NULL, linked = NULL, upper = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GHashTable) defaults = NULL;
  g_auto (GStrv) required = NULL;

  fixture_begin (f);
  add_exports_layer (f, FALSE);
  fixture_finish (f, "plain");
  plain = find (f, "plain");
  assert_variables (f, plain, "a", b);
  /* a whiteout and a new file above */
  {
    Tar tar = tar_new ();

    tar_file (&tar, "exports/.wh.service.template", 0644, "");
    tar_file (&tar, "exports/tmpfiles.template", 0644, "$A $B $C $UUID");
    fixture_add_layer (f, &tar);
  }
  fixture_finish (f, "upper");
  upper = find (f, "upper");
  assert_variables (f, upper, "a", b_and_c);
  /* what is not asked for is not read */
  remove_tree_of (f, 0, plain, "usr");
  assert_variables (f, plain, "a", b);
  assert_variables (f, upper, "a", b_and_c);
  /* a link leads out of /exports: the tree is read after all */
  fixture_begin (f);
  add_exports_layer (f, TRUE);
  fixture_finish (f, "linked");
  linked = find (f, "linked");
  assert_variables (f, linked, "a", b);
  remove_tree_of (f, 0, linked, "usr");
  g_assert_false (sc_image_variables (f->ctx, f->store, linked, NULL, &defaults, &required, NULL, &error));
  g_assert_nonnull (error);
}

static char *
help_of (Fixture *f, const ScImage *image, const char *label, ScHelpForm *form, GError **error)
{
  g_autoptr (GHashTable) labels = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GBytes) bytes = NULL;

  if (label != NULL)
    g_hash_table_insert (labels, (char *)"help", (char *)label);
  bytes = sc_image_help (f->store, image, labels, form, NULL, error);
  return bytes != NULL ? g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes)) : NULL;
}

static void
test_help (Fixture *f, gconstpointer data)
{
  g_autofree char *big = g_strnfill (1024 * 1024 + 1, 'x');
  const struct
  {
    const char *file, *text, *label, *wanted;
    ScHelpForm form;
    int code;
  } cases[] = {
    { "help.1", ".TH", "label", ".TH", SC_HELP_ROFF, 0 },
    { "help.md", "text", "label", "text", SC_HELP_TEXT, 0 },
    { "other", "text", "label", "label", SC_HELP_TEXT, 0 },
    { "other", "text", NULL, NULL, SC_HELP_TEXT, SC_ERROR_NOT_FOUND },
    { "help.1", big, "label", NULL, SC_HELP_ROFF, SC_ERROR_LIMIT },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (ScImage) image = NULL;
      g_autofree char *help = NULL;
      ScHelpForm form = SC_HELP_TEXT;
      Tar tar = tar_new ();

      fixture_begin (f);
      tar_file (&tar, cases[i].file, 0644, cases[i].text);
      fixture_add_layer (f, &tar);
      fixture_finish (f, "help");
      image = find (f, "help");
      help = help_of (f, image, cases[i].label, &form, &error);
      g_assert_cmpstr (help, ==, cases[i].wanted);
      if (cases[i].wanted == NULL)
        g_assert_error (error, SC_ERROR, cases[i].code);
      else
        g_assert_cmpint (form, ==, cases[i].form);
    }
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
  g_test_add_func ("/image-info/version", test_version);
  fixture_test ("/image-info/built-on", test_built_on);
  fixture_test ("/image-info/variables", test_variables);
  fixture_test ("/image-info/help", test_help);
  return g_test_run ();
}
