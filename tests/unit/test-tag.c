/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names for images: new ones, moved ones, and those that cannot be given. */
#include "store-fixture.h"
#include "tag.h"

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

static void
test_new (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *name = NULL, *before = NULL, *was = NULL, *is = NULL, *old = NULL;

  pull (f, "a", "one");
  was = fixture_commit_of (f, "ociimage/layout_3Aa");
  g_assert_true (sc_image_tag (f->store, "layout:a", "reg.example:5000/x", &name, &before, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (name, ==, "reg.example:5000/x:latest");
  g_assert_null (before);
  is = fixture_commit_of (f, "ociimage/reg.example_3A5000_2Fx_3Alatest");
  old = fixture_commit_of (f, "ociimage/layout_3Aa");
  g_assert_cmpstr (is, ==, was);
  g_assert_cmpstr (old, ==, was);
}

static void
test_moved (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ScImage) a = NULL, now = NULL;
  g_autofree char *name = NULL, *before = NULL, *again = NULL, *none = NULL;

  pull (f, "a", "one");
  pull (f, "b", "two");
  a = sc_image_find (f->store, "layout:a", NULL, &error);
  g_assert_true (sc_image_tag (f->store, "layout:b", "layout:a", &name, &before, NULL, &error));
  g_assert_cmpstr (before, ==, a->id);
  now = sc_image_find (f->store, "layout:a", NULL, &error);
  g_assert_cmpstr (now->id, !=, a->id);
  /* the same once more moves nothing */
  g_assert_true (sc_image_tag (f->store, "layout:b", "layout:a", &again, &none, NULL, &error));
  g_assert_null (none);
}

static void
test_refused (Fixture *f, gconstpointer data)
{
  const struct
  {
    const char *target;
    int code;
  } cases[] = {
    { "", SC_ERROR_USAGE },
    { "UPPER", SC_ERROR_USAGE },
    { "dir:/x", SC_ERROR_USAGE },
    { "oci:/x:y", SC_ERROR_USAGE },
    { "docker:x", SC_ERROR_USAGE },
    { "x@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", SC_ERROR_USAGE },
  };
  g_autofree char *name = NULL, *before = NULL, *listing = NULL, *after = NULL;
  g_autoptr (GString) path = g_string_new ("a");
  g_autoptr (GError) error = NULL;

  pull (f, "a", "one");
  listing = fixture_list_repo (f);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) local = NULL;

      g_assert_false (sc_image_tag (f->store, "layout:a", cases[i].target, &name, &before, NULL, &local));
      g_assert_error (local, SC_ERROR, cases[i].code);
    }
  /* each slash is three bytes of a branch */
  for (guint i = 0; i < 80; i++)
    g_string_append (path, "/a");
  g_assert_false (sc_image_tag (f->store, "layout:a", path->str, &name, &before, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_LIMIT);
  g_clear_error (&error);
  g_assert_false (sc_image_tag (f->store, "nothing", "x", &name, &before, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_NOT_FOUND);
  after = fixture_list_repo (f);
  g_assert_cmpstr (listing, ==, after);
  g_assert_null (name);
}

/* An image that is not whole gets no further name. */
static void
test_not_whole (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *name = NULL, *before = NULL, *branch = NULL;
  g_autoptr (ScImage) image = NULL;
  const ScDescriptor *layer;

  pull (f, "a", "one");
  image = sc_image_find (f->store, "layout:a", NULL, &error);
  layer = g_ptr_array_index (image->manifest->layers, 0);
  branch = sc_refname_for_blob (layer->digest);
  g_assert_true (ostree_repo_set_ref_immediate (sc_store_repo (f->store), NULL, branch, NULL, NULL, &error));
  g_assert_false (sc_image_tag (f->store, "layout:a", "x", &name, &before, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, layer->digest));
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
  fixture_test ("/tag/new", test_new);
  fixture_test ("/tag/moved", test_moved);
  fixture_test ("/tag/refused", test_refused);
  fixture_test ("/tag/not-whole", test_not_whole);
  return g_test_run ();
}
