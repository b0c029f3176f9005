/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which images are meant, and that only their names go. */
#include "delete.h"
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
tag (Fixture *f, const char *source, const char *target)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *name = NULL, *before = NULL;

  g_assert_true (sc_image_tag (f->store, source, target, &name, &before, NULL, &error));
}

/* (transfer full): "a, b" of the images that @text means. */
static char *
selected (Fixture *f, const char *const *texts, gboolean all_names, GError **error)
{
  g_autoptr (GPtrArray) images = sc_image_select (f->store, texts, all_names, NULL, error);
  GString *names = g_string_new (NULL);

  if (images == NULL)
    return g_string_free (names, TRUE);
  for (guint i = 0; i < images->len; i++)
    g_string_append_printf (names, "%s%s", i > 0 ? ", " : "", ((ScImage *)images->pdata[i])->name);
  return g_string_free (names, FALSE);
}

#define TEXTS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void
test_select (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ScImage) a = NULL;
  g_autofree char *prefix = NULL, *all = NULL, *by_names = NULL, *by_id = NULL, *twice = NULL;

  pull (f, "a", "one");
  pull (f, "b", "two");
  tag (f, "layout:a", "other/a:1");
  a = sc_image_find (f->store, "layout:a", NULL, &error);
  prefix = g_strndup (a->id, 10);

  all = selected (f, NULL, FALSE, &error);
  g_assert_cmpstr (all, ==, "layout:a, layout:b, other/a:1");
  by_names = selected (f, TEXTS ("layout:b", "layout:a", "layout:b"), FALSE, &error);
  g_assert_cmpstr (by_names, ==, "layout:b, layout:a");
  by_id = selected (f, TEXTS (prefix), TRUE, &error);
  g_assert_cmpstr (by_id, ==, "layout:a, other/a:1");
  twice = selected (f, TEXTS ("other/a:1", prefix), TRUE, &error);
  g_assert_cmpstr (twice, ==, "other/a:1, layout:a");

  g_assert_null (selected (f, TEXTS (prefix), FALSE, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_DENIED);
  g_assert_nonnull (strstr (error->message, "layout:a"));
  g_assert_nonnull (strstr (error->message, "other/a:1"));
  g_clear_error (&error);
  g_assert_null (selected (f, TEXTS ("layout:a", "layout:nothing"), TRUE, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_NOT_FOUND);
}

/* Ids that begin alike: images are made until two do. */
static void
test_ambiguous (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

  for (guint i = 0;; i++)
    {
      g_autofree char *text = g_strdup_printf ("%u", i), *name = g_strdup_printf ("layout:%u", i), *first = NULL;
      g_autoptr (ScImage) image = NULL;
      const char *other;

      pull (f, text, text);
      image = sc_image_find (f->store, name, NULL, &error);
      first = g_strndup (image->id, 1);
      other = g_hash_table_lookup (seen, first);
      if (other != NULL)
        {
          g_assert_null (selected (f, TEXTS (first), TRUE, &error));
          g_assert_error (error, SC_ERROR, SC_ERROR_USAGE);
          g_assert_nonnull (strstr (error->message, name));
          g_assert_nonnull (strstr (error->message, other));
          return;
        }
      g_hash_table_insert (seen, g_steal_pointer (&first), g_steal_pointer (&name));
    }
}

static void
test_delete (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) images = NULL, stale = NULL;
  g_autofree char *left = NULL, *still = NULL;
  guint unneeded = 99;

  pull (f, "a", "one");
  pull (f, "b", "two");
  tag (f, "layout:a", "other:1");
  images = sc_image_select (f->store, TEXTS ("layout:a"), FALSE, NULL, &error);
  g_assert_true (sc_image_delete (f->store, images, &unneeded, NULL, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (unneeded, ==, 0); /* the other name needs them */
  left = selected (f, NULL, FALSE, &error);
  g_assert_cmpstr (left, ==, "layout:b, other:1");
  /* once more: somebody else was faster, and the name means something else by now */
  g_assert_true (sc_image_delete (f->store, images, &unneeded, NULL, NULL, &error));
  tag (f, "layout:b", "layout:a");
  g_assert_true (sc_image_delete (f->store, images, &unneeded, NULL, NULL, &error));
  still = selected (f, NULL, FALSE, &error);
  g_assert_cmpstr (still, ==, "layout:a, layout:b, other:1");
  stale = sc_image_select (f->store, TEXTS ("other:1"), FALSE, NULL, &error);
  g_assert_true (sc_image_delete (f->store, stale, &unneeded, NULL, NULL, &error));
  g_assert_cmpuint (unneeded, ==, 2); /* layer and config */
}

/* What is left of a name goes too; if it has become an image meanwhile, that stays. */
static void
test_damaged (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) images = NULL;
  g_autofree char *all = NULL, *left = NULL, *still = NULL;
  guint unneeded;

  pull (f, "a", "one");
  tag (f, "layout:a", "layout:b");
  fixture_break_ref (f, "heads/ociimage/layout_3Ab", "");
  all = selected (f, NULL, FALSE, &error);
  g_assert_cmpstr (all, ==, "layout:a, layout:b");
  images = sc_image_select (f->store, TEXTS ("layout:b"), FALSE, NULL, &error);
  g_assert_true (sc_image_delete (f->store, images, &unneeded, NULL, NULL, &error));
  g_assert_no_error (error);
  left = selected (f, NULL, FALSE, &error);
  g_assert_cmpstr (left, ==, "layout:a");
  fixture_break_ref (f, "heads/ociimage/layout_3Ab", "x");
  tag (f, "layout:a", "layout:b");
  g_assert_true (sc_image_delete (f->store, images, &unneeded, NULL, NULL, &error));
  g_assert_no_error (error);
  still = selected (f, NULL, FALSE, &error);
  g_assert_cmpstr (still, ==, "layout:a, layout:b");
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
  fixture_test ("/delete/select", test_select);
  fixture_test ("/delete/ambiguous", test_ambiguous);
  fixture_test ("/delete/delete", test_delete);
  fixture_test ("/delete/damaged", test_damaged);
  return g_test_run ();
}
