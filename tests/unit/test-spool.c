/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Files without a name and directories, and where they are. */

#include "spool.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake-registry.h"

static char **
list (const TempDir *dir)
{
  return sc_fs_list_dir_at (AT_FDCWD, dir->path, NULL);
}

static void
test_file (void)
{
  g_auto (TempDir) dir = temp_dir_make ();
  const ScContext ctx = { .checkouts = dir.path };
  g_autoptr (GError) error = NULL;
  SC_AUTOFD int fd = sc_spool_open (&ctx, &error);
  g_auto (GStrv) names = list (&dir);
  struct stat in, file;
  char text[3];

  g_assert_no_error (error);
  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (stat (dir.path, &in), ==, 0);
  g_assert_cmpint (fstat (fd, &file), ==, 0);
  g_assert_cmpuint (file.st_dev, ==, in.st_dev);
  g_assert_cmpuint (file.st_nlink, ==, 0);
  g_assert_cmpuint (file.st_mode & 0777, ==, 0600);
  g_assert_cmpuint (g_strv_length (names), ==, 0);
  g_assert_true (sc_fs_write_all (fd, "abc", 3, NULL));
  g_assert_cmpint (pread (fd, text, 3, 0), ==, 3);
  g_assert_cmpmem (text, 3, "abc", 3);
  g_assert_true (fcntl (fd, F_GETFD) & FD_CLOEXEC);
}

/* (transfer full): the directory that a new one is made in. */
static char *
place_of (const ScContext *ctx)
{
  g_autoptr (GError) error = NULL;
  SC_AUTOFD int lock = -1;
  g_autofree char *path = sc_spool_make_dir (ctx, &lock, &error);
  struct stat st;

  g_assert_no_error (error);
  g_assert_cmpint (stat (path, &st), ==, 0);
  g_assert_cmpuint (st.st_mode, ==, S_IFDIR | 0700);
  g_assert_true (fcntl (lock, F_GETFD) & FD_CLOEXEC);
  g_assert_cmpint (rmdir (path), ==, 0);
  return g_path_get_dirname (path);
}

static void
test_places (void)
{
  g_auto (TempDir) dir = temp_dir_make ();
  g_autofree char *repo = g_build_filename (dir.path, "repo", NULL);
  g_autofree char *checkouts = g_build_filename (dir.path, "checkouts", NULL);
  g_autofree char *var = g_build_filename (dir.path, "var", "tmp", NULL);
  ScContext ctx = { .root = dir.path, .repo = (char *)"/repo", .checkouts = (char *)"/checkouts" };
  g_autofree char *first = NULL, *second = NULL, *third = NULL, *fourth = NULL;

  /* Nothing of it is there: /var/tmp of this system. */
  first = place_of (&ctx);
  g_assert_cmpstr (first, ==, "/var/tmp");
  g_assert_cmpint (g_mkdir_with_parents (var, 0755), ==, 0);
  second = place_of (&ctx);
  g_assert_cmpstr (second, ==, var);
  g_assert_cmpint (g_mkdir_with_parents (checkouts, 0755), ==, 0);
  third = place_of (&ctx);
  g_assert_cmpstr (third, ==, checkouts);
  g_assert_cmpint (g_mkdir_with_parents (repo, 0755), ==, 0);
  fourth = place_of (&ctx);
  g_assert_cmpstr (fourth, ==, repo);
}

/* What nobody holds goes, with what is in it; everything else stays. */
static void
test_left (void)
{
  static const char *const others[] = { "container.0", ".atomic-other", ".atomic-spool-", ".atomic-spool-longer1" };
  g_auto (TempDir) dir = temp_dir_make ();
  const ScContext ctx = { .checkouts = dir.path };
  g_autoptr (GError) error = NULL;
  SC_AUTOFD int first_lock = -1, second_lock = -1;
  g_autofree char *first = sc_spool_make_dir (&ctx, &first_lock, &error);
  g_autofree char *second = NULL, *file = g_build_filename (dir.path, ".atomic-spool-abcdef", NULL);
  g_autofree char *link = g_build_filename (dir.path, ".atomic-spool-ghijkl", NULL);
  g_autofree char *inside = g_build_filename (first, "layer", NULL);

  g_assert_no_error (error);
  for (gsize i = 0; i < G_N_ELEMENTS (others); i++)
    {
      g_autofree char *path = g_build_filename (dir.path, others[i], NULL);

      g_assert_cmpint (g_mkdir (path, 0700), ==, 0);
    }
  g_assert_true (g_file_set_contents (file, "x", 1, NULL));
  g_assert_cmpint (symlink ("container.0", link), ==, 0);
  g_assert_true (g_file_set_contents (inside, "x", 1, NULL));
  second = sc_spool_make_dir (&ctx, &second_lock, &error);
  g_assert_no_error (error);
  sc_spool_clean (&ctx);
  g_assert_cmpint (access (inside, F_OK), ==, 0);
  g_assert_cmpint (access (second, F_OK), ==, 0);
  sc_close_fd_p (&first_lock);
  sc_spool_clean (&ctx);
  g_assert_cmpint (access (first, F_OK), ==, -1);
  g_assert_cmpint (access (second, F_OK), ==, 0);
  sc_close_fd_p (&second_lock);
  sc_spool_clean (&ctx);
  g_assert_cmpint (access (second, F_OK), ==, -1);
  for (gsize i = 0; i < G_N_ELEMENTS (others); i++)
    {
      g_autofree char *path = g_build_filename (dir.path, others[i], NULL);

      g_assert_cmpint (access (path, F_OK), ==, 0);
    }
  g_assert_cmpint (access (file, F_OK), ==, 0);
  g_assert_cmpint (access (link, F_OK), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/spool/file", test_file);
  g_test_add_func ("/spool/places", test_places);
  g_test_add_func ("/spool/left", test_left);
  return g_test_run ();
}
