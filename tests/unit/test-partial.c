/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is kept of layers: who has it, what is in it, and when it goes. */
#include "partial.h"

#include <sys/statvfs.h>

#include "store-fixture.h"

static char *
kept_path (Fixture *f, const char *name)
{
  return g_build_filename (f->ctx->repo, "tmp/atomic-partial", name, NULL);
}

static gboolean
is_kept (Fixture *f, const char *name)
{
  g_autofree char *path = kept_path (f, name);

  return g_file_test (path, G_FILE_TEST_EXISTS);
}

static ScDescriptor
layer_of (char digit, guint64 size)
{
  ScDescriptor layer = { .size = size };
  g_autofree char *hex = g_strnfill (64, digit);

  layer.digest = g_strconcat ("sha256:", hex, NULL);
  return layer;
}

static void
test_bytes (Fixture *f, gconstpointer data)
{
  g_autoptr (ScPartials) partials = sc_partials_new (sc_store_repo (f->store));
  ScDescriptor a = layer_of ('a', 1000), b = layer_of ('b', 1000);
  g_autoptr (GError) error = NULL;
  ScPartial *partial;
  char buffer[100];

  g_assert_false (is_kept (f, ""));
  g_assert_null (sc_partials_find (partials, &a));
  partial = sc_partials_get (partials, &a);
  g_assert_nonnull (partial);
  g_assert_true (partial == sc_partials_get (partials, &a));
  g_assert_true (partial == sc_partials_find (partials, &a));
  g_assert_cmpuint (sc_partial_size (partial), ==, 0);
  g_assert_true (sc_partial_append (partial, "hello ", 6));
  g_assert_true (sc_partial_append (partial, "world", 5));
  g_assert_cmpuint (sc_partial_size (partial), ==, 11);
  g_assert_cmpint (sc_partial_read (partial, 6, buffer, sizeof buffer, &error), ==, 5);
  g_assert_cmpmem (buffer, 5, "world", 5);
  g_assert_cmpint (sc_partial_read (partial, 11, buffer, sizeof buffer, &error), ==, 0);
  g_assert_true (sc_partial_append (sc_partials_get (partials, &b), "x", 1));
  g_assert_cmpuint (sc_partials_size (partials), ==, 12);
  g_assert_cmpuint (sc_partial_inherited (partial), ==, 0);
  sc_partial_reset (partial);
  g_assert_cmpuint (sc_partials_size (partials), ==, 1);
  g_assert_true (is_kept (f, sc_digest_hex (b.digest)));
  sc_partials_drop (partials);
  g_assert_false (is_kept (f, ""));
  g_assert_null (sc_partials_get (partials, &a));
  g_free (a.digest);
  g_free (b.digest);
}

/* Writes a file as a killed pull leaves it. */
static void
leave (Fixture *f, const char *name, const char *text)
{
  g_autofree char *dir = kept_path (f, NULL), *path = kept_path (f, name);

  g_assert_cmpint (g_mkdir_with_parents (dir, 0700), ==, 0);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

static void
test_inherited (Fixture *f, gconstpointer data)
{
  ScDescriptor a = layer_of ('a', 10), b = layer_of ('b', 2);
  g_autoptr (ScPartials) partials = sc_partials_new (sc_store_repo (f->store));
  ScPartial *partial;

  leave (f, sc_digest_hex (a.digest), "four");
  leave (f, sc_digest_hex (b.digest), "more than two");
  partial = sc_partials_get (partials, &a);
  g_assert_cmpuint (sc_partial_size (partial), ==, 4);
  g_assert_cmpuint (sc_partial_inherited (partial), ==, 4);
  g_assert_true (sc_partial_append (partial, "teen", 4));
  g_assert_cmpuint (sc_partial_size (partial), ==, 8);
  g_assert_cmpuint (sc_partial_inherited (partial), ==, 4);
  partial = sc_partials_get (partials, &b);
  g_assert_cmpuint (sc_partial_size (partial), ==, 0);
  g_assert_cmpuint (sc_partial_inherited (partial), ==, 0);
  g_free (a.digest);
  g_free (b.digest);
}

static void
test_locked (Fixture *f, gconstpointer data)
{
  ScDescriptor a = layer_of ('a', 10), b = layer_of ('b', 10);
  ScPartials *first = sc_partials_new (sc_store_repo (f->store));
  g_autoptr (ScPartials) second = sc_partials_new (sc_store_repo (f->store));
  ScPartial *partial = sc_partials_get (first, &a);

  g_assert_nonnull (partial);
  g_assert_null (sc_partials_get (second, &a));
  g_assert_nonnull (sc_partials_get (second, &b));
  /* What another has is not removed. */
  sc_partials_free (first);
  g_assert_false (is_kept (f, sc_digest_hex (a.digest)));
  g_assert_true (is_kept (f, sc_digest_hex (b.digest)));
  g_free (a.digest);
  g_free (b.digest);
}

static void
set_age (Fixture *f, const char *name, time_t age)
{
  g_autofree char *path = kept_path (f, name);
  struct timespec times[2] = { { .tv_sec = time (NULL) - age }, { .tv_sec = time (NULL) - age } };

  g_assert_cmpint (utimensat (AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), ==, 0);
}

static void
test_clean (Fixture *f, gconstpointer data)
{
  ScDescriptor held = layer_of ('c', 10);
  g_autofree char *young = g_strnfill (64, 'a'), *old = g_strnfill (64, 'b'), *future = g_strnfill (64, 'd');
  g_autofree char *link = kept_path (f, "link"), *dir = kept_path (f, "dir");
  OstreeRepo *repo = sc_store_repo (f->store);

  /* Nothing there. */
  sc_partials_clean (repo);
  leave (f, young, "x");
  set_age (f, young, 23 * 60 * 60);
  leave (f, old, "x");
  set_age (f, old, 25 * 60 * 60);
  leave (f, future, "x");
  set_age (f, future, -48 * 60 * 60);
  leave (f, "stranger", "x");
  g_assert_cmpint (symlink ("/etc/passwd", link), ==, 0);
  g_assert_cmpint (g_mkdir (dir, 0700), ==, 0);
  {
    g_autoptr (ScPartials) partials = sc_partials_new (repo);

    g_assert_nonnull (sc_partials_get (partials, &held));
    set_age (f, sc_digest_hex (held.digest), 25 * 60 * 60);
    sc_partials_clean (repo);
    g_assert_true (is_kept (f, sc_digest_hex (held.digest)));
  }
  g_assert_true (is_kept (f, young));
  g_assert_false (is_kept (f, old));
  g_assert_false (is_kept (f, future));
  g_assert_false (is_kept (f, "stranger"));
  g_assert_false (is_kept (f, "link"));
  g_assert_false (is_kept (f, "dir"));
  set_age (f, young, 25 * 60 * 60);
  sc_partials_clean (repo);
  g_assert_false (is_kept (f, ""));
  g_free (held.digest);
}

/* Something else has the name of the directory: it goes, and layers are kept. */
static void
test_in_the_way (Fixture *f, gconstpointer data)
{
  g_autofree char *path = g_build_filename (f->ctx->repo, "tmp/atomic-partial", NULL);
  ScDescriptor a = layer_of ('a', 10);

  for (int link = 0; link < 2; link++)
    {
      g_autoptr (ScPartials) before = sc_partials_new (sc_store_repo (f->store));
      g_autoptr (ScPartials) partials = sc_partials_new (sc_store_repo (f->store));

      if (link)
        g_assert_cmpint (symlink ("/nonexistent", path), ==, 0);
      else
        g_assert_true (g_file_set_contents (path, "x", 1, NULL));
      g_assert_null (sc_partials_get (before, &a));
      sc_partials_clean (sc_store_repo (f->store));
      g_assert_cmpint (access (path, F_OK), ==, -1);
      g_assert_nonnull (sc_partials_get (partials, &a));
    }
  g_free (a.digest);
}

/* A layer for which there is no room. */
static void
test_room (Fixture *f, gconstpointer data)
{
  g_autoptr (ScPartials) partials = sc_partials_new (sc_store_repo (f->store));
  ScDescriptor a = layer_of ('a', G_GUINT64_CONSTANT (1) << 49);

  g_assert_null (sc_partials_get (partials, &a));
  g_assert_null (sc_partials_get (partials, &a));
  g_assert_false (is_kept (f, ""));
  g_free (a.digest);
}

/* There is room for each of three layers, and not for all. */
static void
test_room_for_all (Fixture *f, gconstpointer data)
{
  g_autoptr (ScPartials) partials = sc_partials_new (sc_store_repo (f->store));
  struct statvfs st;
  guint64 room;

  g_assert_cmpint (statvfs (f->ctx->repo, &st), ==, 0);
  /* A quarter of it may be layers, but for what the repository keeps free; far from the limits, as others write, too.
   */
  room = (guint64)st.f_bavail * st.f_frsize / 4;
  ScDescriptor a = layer_of ('a', room / 3), b = layer_of ('b', room / 3), c = layer_of ('c', room / 2);
  g_assert_nonnull (sc_partials_get (partials, &a));
  g_assert_nonnull (sc_partials_get (partials, &b));
  g_assert_null (sc_partials_get (partials, &c));
  g_free (a.digest);
  g_free (b.digest);
  g_free (c.digest);
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
  fixture_test ("/partial/bytes", test_bytes);
  fixture_test ("/partial/inherited", test_inherited);
  fixture_test ("/partial/locked", test_locked);
  fixture_test ("/partial/clean", test_clean);
  fixture_test ("/partial/in-the-way", test_in_the_way);
  fixture_test ("/partial/room", test_room);
  fixture_test ("/partial/room-for-all", test_room_for_all);
  return g_test_run ();
}
