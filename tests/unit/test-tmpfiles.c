/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tmpfiles: the lines, and that systemd-tmpfiles reads awkward paths back as they were meant. */
#include "tmpfiles.h"

#include "root-fixture.h"

static void
test_lines (void)
{
  const char *const none[] = { NULL };
  const char *const paths[] = { "/var/lib/a", "/run/b", NULL };
  g_autofree char *text = sc_tmpfiles_default (paths, 7, 8);

  g_assert_null (sc_tmpfiles_default (none, 0, 0));
  g_assert_cmpstr (text, ==, "d /var/lib/a 0700 7 8 - -\nd /run/b 0700 7 8 - -\n");
}

static void
test_escapes (void)
{
  const char *const paths[] = { "/a b", "/%t", "/q\"u'o", "/back\\n", "/sp \"%", NULL };
  g_autofree char *text = sc_tmpfiles_default (paths, 0, 0);

  g_assert_cmpstr (text, ==,
                   "d \"/a b\" 0700 0 0 - -\n"
                   "d /%%t 0700 0 0 - -\n"
                   "d \"/q\\\"u'o\" 0700 0 0 - -\n"
                   "d \"/back\\\\n\" 0700 0 0 - -\n"
                   "d \"/sp \\\"%%\" 0700 0 0 - -\n");
}

static void
test_read_back (void)
{
  const char *const paths[] = { "/plain", "/a b", "/%t", "/q\"u'o", "/back\\n", "/sp \"%/deep", "/\xc3\xa4", NULL };
  g_autofree char *program = g_find_program_in_path ("systemd-tmpfiles");
  g_autofree char *text = sc_tmpfiles_default (paths, getuid (), getgid ());
  g_auto (Root) root = { 0 };

  if (program == NULL)
    {
      g_test_skip ("systemd-tmpfiles is not installed");
      return;
    }
  root_init (&root);
  root_add (&root, "in.conf", text);
  g_autofree char *option = g_strconcat ("--root=", root.path, NULL);
  g_autofree char *file = g_build_filename (root.path, "in.conf", NULL);
  const char *const argv[] = { program, option, "--create", file, NULL };
  int status;
  g_assert_true (g_spawn_sync (NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, &status, NULL));
  g_assert_cmpint (status, ==, 0);
  g_auto (GStrv) ours = sc_tmpfiles_directories (text);
  g_assert_cmpuint (g_strv_length (ours), ==, G_N_ELEMENTS (paths) - 1);
  for (const char *const *path = paths; *path != NULL; path++)
    {
      g_assert_true (g_strv_contains ((const char *const *)ours, *path));
      g_autofree char *full = g_strconcat (root.path, *path, NULL);
      g_test_message ("%s", full);
      g_assert_true (g_file_test (full, G_FILE_TEST_IS_DIR));
    }
}

/* What the lines make, by our reading. */
static void
check_directories (const char *text, const char *wanted)
{
  g_auto (GStrv) paths = sc_tmpfiles_directories (text);
  g_autofree char *joined = g_strjoinv ("|", paths);

  g_test_message ("%s", text);
  g_assert_cmpstr (joined, ==, wanted);
}

static void
test_directories (void)
{
  check_directories ("", "");
  check_directories ("d /a", "/a");
  check_directories ("d /a\nD /b 0700\nv\t/c - - -\nq /d\nQ /e 0700 0 0 10d -\n", "/a|/b|/c|/d|/e");
  check_directories ("d! /a\nd+!-=~^$ /b\n", "/a|/b");
  check_directories ("e /a\nf /b\nL /c - - - - /x\nC /d\nz /e\nr /f\nR /g\nx /h\np /i\ndd /j\nd* /k\n", "");
  check_directories ("# d /a\n  # d /b\n\n  d /c\n", "/c");
  check_directories ("d /a//b/./c/\nd /a/b/c\nd //x\n", "/a/b/c|/x");
  check_directories ("d \"/a b\"\nd '/c d' 0700\nd \"d\"\n\"d\" /e\n", "/a b|/c d|/e");
  check_directories ("d /a\\ b\nd \"/c\\\"d\"\nd /e\\\\f\n", "/a b|/c\"d|/e\\f");
  check_directories ("d /a%%b\nd /%b/c\nd /d%\nd /%\n", "/a%b");
  check_directories ("d /a/../b\nd relative\nd\nd \nd \"/open\nd /x\\x41\nd /end\\\n", "");
  check_directories ("d /\xff\nd /\x01\n", "");
  check_directories ("d /", "/");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tmpfiles/lines", test_lines);
  g_test_add_func ("/tmpfiles/escapes", test_escapes);
  g_test_add_func ("/tmpfiles/read-back", test_read_back);
  g_test_add_func ("/tmpfiles/directories", test_directories);
  return g_test_run ();
}
