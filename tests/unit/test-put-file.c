/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* put-file: files and directories of a host, with links that lead elsewhere; labels of SELinux. */
#include "put-file.h"

#include <stdio.h>
#include <unistd.h>

#include "root-fixture.h"
#include "selinux-label.h"

typedef struct
{
  Root root; /* host/, and what is to be put there in from/ */
  int from;
  ScHost host;
} Fixture;

static char *
at (Fixture *f, const char *path)
{
  return g_build_filename (f->root.path, path, NULL);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  root_init (&f->root);
  root_add (&f->root, "from/a", "content a");
  root_add (&f->root, "from/b", "content b");
  root_add (&f->root, "host/usr/bin", NULL);
  g_assert_cmpint (symlinkat ("usr/bin", f->root.fd, "host/bin"), ==, 0);
  g_assert_cmpint (symlinkat ("../../../../../../usr", f->root.fd, "host/away"), ==, 0);
  g_assert_cmpint (symlinkat ("nowhere", f->root.fd, "from/link"), ==, 0);
  f->from = openat (f->root.fd, "from", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  f->host = (ScHost){ openat (f->root.fd, "host", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "test" };
  g_assert_cmpint (f->host.root, >=, 0);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  sc_close_fd_p (&f->from);
  sc_close_fd_p (&f->host.root);
  root_clear (&f->root);
}

static void
put (Fixture *f, const char *path, const char *source, ScPutFlags flags, gboolean kept_wanted)
{
  g_autoptr (GError) error = NULL;
  gboolean kept = TRUE, ok = sc_host_file_put (&f->host, path, f->from, source, flags, &kept, &error);

  g_assert_no_error (error);
  g_assert_true (ok);
  g_assert_cmpint (kept, ==, kept_wanted);
}

static void
has (Fixture *f, const char *path, const char *text)
{
  g_autofree char *full = at (f, path), *content = NULL;

  g_assert_true (g_file_get_contents (full, &content, NULL, NULL));
  g_assert_cmpstr (content, ==, text);
}

static nlink_t
links (Fixture *f, const char *path)
{
  struct stat st;

  g_assert_cmpint (fstatat (f->root.fd, path, &st, AT_SYMLINK_NOFOLLOW), ==, 0);
  return st.st_nlink;
}

static void
test_put (Fixture *f, gconstpointer data)
{
  g_auto (GStrv) names = NULL;

  put (f, "/bin/x", "a", SC_PUT_LINK, FALSE);
  has (f, "host/usr/bin/x", "content a");
  g_assert_cmpint (links (f, "from/a"), ==, 2);
  put (f, "/usr/bin/x", "b", 0, TRUE);
  has (f, "host/usr/bin/x", "content a");
  put (f, "/away/bin/x", "b", SC_PUT_REPLACE, FALSE);
  has (f, "host/usr/bin/x", "content b");
  has (f, "from/a", "content a");
  g_assert_cmpint (links (f, "from/a"), ==, 1);
  g_assert_cmpint (links (f, "from/b"), ==, 1);
  /* A name of the file that is there already. */
  put (f, "/bin/x", "b", SC_PUT_LINK | SC_PUT_REPLACE, FALSE);
  put (f, "/bin/x", "b", SC_PUT_LINK | SC_PUT_REPLACE, FALSE);
  put (f, "/bin/link", "link", SC_PUT_LINK, FALSE);
  names = sc_fs_list_dir_at (f->host.root, "usr/bin", NULL);
  g_assert_cmpstrv (names, ((const char *const[]){ "link", "x", NULL }));
}

static void
test_errors (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  gboolean kept = FALSE;

  root_add (&f->root, "host/usr/bin/dir", NULL);
  g_assert_false (sc_host_file_put (&f->host, "/none/x", f->from, "a", 0, &kept, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_false (sc_host_file_put (&f->host, "/bin/x", f->from, "none", 0, &kept, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_false (sc_host_file_put (&f->host, "/bin/dir", f->from, "a", SC_PUT_REPLACE, &kept, &error));
  g_assert_nonnull (error);
  g_auto (GStrv) names = sc_fs_list_dir_at (f->host.root, "usr/bin", NULL);
  g_assert_cmpstrv (names, ((const char *const[]){ "dir", NULL }));
}

static void
test_look (Fixture *f, gconstpointer data)
{
  g_autofree char *fifo = at (f, "host/fifo");
  g_autoptr (GError) error = NULL;
  g_auto (ScHostFile) file = { 0 };
  g_auto (ScHostFile) none = { 0 };
  g_auto (ScHostFile) link = { 0 };

  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  g_assert_true (sc_host_file_look (f->host.root, "/fifo", &file, &error));
  g_assert_true (S_ISFIFO (file.st.st_mode));
  g_assert_null (file.checksum);
  g_assert_true (sc_host_file_look (f->host.root, "/fifo/none", &none, &error));
  g_assert_cmpint (none.st.st_mode, ==, 0);
  g_assert_true (sc_host_file_look (f->host.root, "/bin", &link, &error));
  g_assert_cmpstr (link.checksum, ==, "51eb85985e2f36e92fb2e18d663412b7bb94839f546901884eda4936683d9481");
  g_assert_no_error (error);
}

static void
same_place (Fixture *f, const char *a, const char *b, gboolean same)
{
  g_autofree char *x = sc_host_place (f->host.root, a, NULL), *y = sc_host_place (f->host.root, b, NULL);

  g_assert_nonnull (x);
  g_assert_cmpint (g_strcmp0 (x, y) == 0, ==, same);
}

static void
test_places (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  same_place (f, "/bin/x", "/usr/bin/x", TRUE);
  same_place (f, "/away/bin/no/x", "/bin/no/x", TRUE);
  same_place (f, "/bin/x", "/usr/bin/y", FALSE);
  same_place (f, "/bin", "/usr/bin", FALSE);
  same_place (f, "/none/x", "/none/x", TRUE);
  g_assert_null (sc_host_place (f->host.root, "", &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
}

static void
test_directories (Fixture *f, gconstpointer data)
{
  struct stat like = { .st_mode = 01750, .st_uid = getuid (), .st_gid = getgid () }, after = like, st;
  g_autoptr (GError) error = NULL;

  g_assert_true (sc_host_dir_make (&f->host, "/bin/dir", &like, &error));
  g_assert_cmpint (fstatat (f->host.root, "usr/bin/dir", &st, 0), ==, 0);
  g_assert_cmpint (st.st_mode, ==, S_IFDIR | 01750);
  g_assert_true (sc_host_dir_make (&f->host, "/bin", &like, &error));
  after.st_mode = 0700;
  g_assert_true (sc_host_dir_adapt (f->host.root, "/bin/dir", &like, &after, &error));
  g_assert_cmpint (fstatat (f->host.root, "usr/bin/dir", &st, 0), ==, 0);
  g_assert_cmpint (st.st_mode, ==, S_IFDIR | 0700);
  /* It has not what it had before: somebody has changed it. */
  g_assert_true (sc_host_dir_adapt (f->host.root, "/bin/dir", &like, &like, &error));
  g_assert_cmpint (fstatat (f->host.root, "usr/bin/dir", &st, 0), ==, 0);
  g_assert_cmpint (st.st_mode, ==, S_IFDIR | 0700);
  root_add (&f->root, "host/usr/bin/dir/x", "x");
  g_assert_true (sc_host_dir_remove (f->host.root, "/bin/dir", &error));
  has (f, "host/usr/bin/dir/x", "x");
  g_assert_true (sc_host_file_remove (f->host.root, "/bin/dir/x", &error));
  g_assert_true (sc_host_dir_remove (f->host.root, "/bin/dir", &error));
  g_assert_false (sc_fs_exists_at (f->host.root, "usr/bin/dir"));
  g_assert_true (sc_host_dir_remove (f->host.root, "/bin/dir", &error));
  g_assert_false (sc_host_dir_make (&f->host, "/none/dir", &like, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
}

static void
test_clean (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) names = NULL;

  root_add (&f->root, "host/usr/bin/.test.abcDE6", "x");
  root_add (&f->root, "host/usr/bin/.test.abcDE7", NULL);
  g_assert_cmpint (symlinkat ("x", f->host.root, "usr/bin/.test.abcDE8"), ==, 0);
  root_add (&f->root, "host/usr/bin/.test.abcDE", "x");
  root_add (&f->root, "host/usr/bin/.testy.abcDE6", "x");
  g_assert_true (sc_host_clean (&f->host, "/bin/x", &error));
  g_assert_true (sc_host_clean (&f->host, "/none/x", &error));
  g_assert_no_error (error);
  names = sc_fs_list_dir_at (f->host.root, "usr/bin", NULL);
  g_assert_cmpstrv (names, ((const char *const[]){ ".test.abcDE", ".testy.abcDE6", NULL }));
}

static void
test_labels (void)
{
  g_assert_true (sc_selinux_is_same ("system_u:object_r:bin_t:s0", "unconfined_u:object_r:bin_t:s0"));
  g_assert_false (sc_selinux_is_same ("system_u:object_r:bin_t:s0", "system_u:object_r:usr_t:s0"));
  g_assert_false (sc_selinux_is_same ("system_u:object_r:bin_t:s0", "system_u:object_r:bin_t:s0:c1,c2"));
  g_assert_false (sc_selinux_is_same ("system_u:object_r:bin_t:s0", "no label"));
}

#define ADD(name, function) g_test_add ("/put-file/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("put", test_put);
  ADD ("errors", test_errors);
  ADD ("look", test_look);
  ADD ("places", test_places);
  ADD ("directories", test_directories);
  ADD ("clean", test_clean);
  g_test_add_func ("/put-file/labels", test_labels);
  return g_test_run ();
}
