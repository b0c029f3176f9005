/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What goes when names go: files with one name, with several, and with names that stay. */
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "root-fixture.h"
#include "tally.h"

static guint64
disk_size (Root *root, const char *path)
{
  struct stat st;

  g_assert_cmpint (fstatat (root->fd, path, &st, AT_SYMLINK_NOFOLLOW), ==, 0);
  return (guint64)st.st_blocks * 512;
}

static void
test_names (void)
{
  g_auto (Root) root = { 0 };
  g_autoptr (ScTally) tally = sc_tally_new ();
  g_autoptr (GError) error = NULL;
  guint64 one, two;

  root_init (&root);
  root_add (&root, "one", "1");
  root_add (&root, "two", "2");
  g_assert_cmpint (linkat (root.fd, "two", root.fd, "second", 0), ==, 0);
  one = disk_size (&root, "one");
  two = disk_size (&root, "two");
  g_assert_cmpuint (one, >, 0);
  g_assert_true (sc_tally_add (tally, root.fd, "one", &error));
  g_assert_cmpuint (sc_tally_bytes (tally), ==, one);
  g_assert_true (sc_tally_add (tally, root.fd, "two", &error));
  g_assert_cmpuint (sc_tally_bytes (tally), ==, one);
  g_assert_true (sc_tally_add (tally, root.fd, "second", &error));
  g_assert_cmpuint (sc_tally_bytes (tally), ==, one + two);
  g_assert_true (sc_tally_add (tally, root.fd, "nothing", &error));
  g_assert_cmpuint (sc_tally_bytes (tally), ==, one + two);
}

static void
test_tree (void)
{
  g_auto (Root) root = { 0 };
  g_autoptr (ScTally) tally = sc_tally_new ();
  g_autoptr (GError) error = NULL;

  root_init (&root);
  root_add (&root, "tree/a/file", "1");
  root_add (&root, "tree/stays", "2");
  root_add (&root, "outside", "3");
  g_assert_cmpint (linkat (root.fd, "tree/stays", root.fd, "kept", 0), ==, 0);
  g_assert_cmpint (symlinkat ("../outside", root.fd, "tree/link"), ==, 0);
  g_assert_cmpint (symlinkat ("..", root.fd, "tree/up"), ==, 0);
  g_assert_true (sc_tally_add_tree (tally, root.fd, "tree", &error));
  g_assert_no_error (error);
  g_assert_cmpuint (sc_tally_bytes (tally), ==,
                    disk_size (&root, "tree/a/file") + disk_size (&root, "tree/link") + disk_size (&root, "tree/up"));
  g_assert_true (sc_tally_add_tree (tally, root.fd, "nothing", &error));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tally/names", test_names);
  g_test_add_func ("/tally/tree", test_tree);
  return g_test_run ();
}
