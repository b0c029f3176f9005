/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* File system helpers: staying inside a root, replacing whole files, removing hostile trees. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fs.h"

typedef struct
{
  char *path;
  int fd;
} Temp;

static void
temp_setup (Temp *t, gconstpointer data)
{
  t->path = g_dir_make_tmp ("test-fs-XXXXXX", NULL);
  g_assert_nonnull (t->path);
  t->fd = open (t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_assert_cmpint (t->fd, >=, 0);
}

static void
temp_teardown (Temp *t, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  close (t->fd);
  g_assert_true (sc_fs_remove_tree_at (AT_FDCWD, t->path, &error));
  g_assert_no_error (error);
  g_assert_false (g_file_test (t->path, G_FILE_TEST_EXISTS));
  g_free (t->path);
}

static void
put (int dfd, const char *path, const char *text)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (sc_fs_write_file_at (dfd, path, text, strlen (text), 0644, &error));
  g_assert_no_error (error);
}

static void
make_dir (int dfd, const char *path)
{
  g_assert_true (sc_fs_mkdir_p_at (dfd, path, 0755, NULL));
}

static void
make_link (int dfd, const char *target, const char *path)
{
  g_assert_cmpint (symlinkat (target, dfd, path), ==, 0);
}

static void
assert_text (int dfd, const char *path, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = sc_fs_read_file_at (dfd, path, 1 << 20, &error);
  gsize size;

  g_assert_no_error (error);
  const char *data = g_bytes_get_data (bytes, &size);
  g_assert_cmpmem (data, size, expected, strlen (expected));
}

static void
assert_names (int dfd, const char *path, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) names = sc_fs_list_dir_at (dfd, path, &error);

  g_assert_no_error (error);
  g_autofree char *joined = g_strjoinv (" ", names);
  g_assert_cmpstr (joined, ==, expected);
}

static mode_t
mode_of (int dfd, const char *path)
{
  struct stat st;

  g_assert_cmpint (fstatat (dfd, path, &st, AT_SYMLINK_NOFOLLOW), ==, 0);
  return st.st_mode & 07777;
}

/* --- opening inside a root --- */

typedef int (*OpenInRoot) (int root, const char *path, int flags, mode_t mode, GError **error);

/* A root with a secret beside it, and links that would like to get there. */
static int
make_root (Temp *t)
{
  put (t->fd, "secret", "secret");
  make_dir (t->fd, "root/usr/lib/deep");
  make_dir (t->fd, "root/etc");
  make_dir (t->fd, "root/up");
  put (t->fd, "root/etc/file", "inside");
  put (t->fd, "root/secret", "decoy");
  make_link (t->fd, "usr/lib", "root/lib");
  make_link (t->fd, "/etc/file", "root/absolute");
  make_link (t->fd, "/etc", "root/absdir");
  make_link (t->fd, "../../../../../secret", "root/etc/escape");
  make_link (t->fd, "../..", "root/up/above");
  make_link (t->fd, "loop2", "root/loop1");
  make_link (t->fd, "loop1", "root/loop2");
  make_link (t->fd, "/new", "root/dangling");
  make_link (t->fd, "lib/", "root/slashed");
  make_link (t->fd, "file", "root/etc/l0");
  for (int i = 0; i < 45; i++)
    {
      g_autofree char *target = g_strdup_printf ("l%d", i);
      g_autofree char *name = g_strdup_printf ("root/etc/l%d", i + 1);
      make_link (t->fd, target, name);
    }
  return openat (t->fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static const struct
{
  const char *path;
  int flags;
  const char *text; /* (nullable): of the file; NULL: a directory */
  int code;         /* of G_IO_ERROR, -1: good */
} open_rows[] = {
  { "etc/file", O_RDONLY, "inside", -1 },
  { "/etc/file", O_RDONLY, "inside", -1 },
  { "///etc//./file", O_RDONLY, "inside", -1 },
  { "absolute", O_RDONLY, "inside", -1 },
  { "absdir/file", O_RDONLY, "inside", -1 },
  { "usr/lib/deep/../../../etc/file", O_RDONLY, "inside", -1 },
  { "lib/../../etc/file", O_RDONLY, "inside", -1 }, /* /usr/lib/../../etc: links count, not their text */
  { "lib/../etc/file", O_RDONLY, NULL, G_IO_ERROR_NOT_FOUND },
  { "../secret", O_RDONLY, "decoy", -1 },
  { "../../../../secret", O_RDONLY, "decoy", -1 },
  { "etc/escape", O_RDONLY, "decoy", -1 },
  { "up/above/secret", O_RDONLY, "decoy", -1 },
  { "up/above/root/secret", O_RDONLY, NULL, G_IO_ERROR_NOT_FOUND },
  { "/", O_RDONLY | O_DIRECTORY, NULL, -1 },
  { ".", O_RDONLY | O_DIRECTORY, NULL, -1 },
  { "..", O_RDONLY | O_DIRECTORY, NULL, -1 },
  { "lib", O_RDONLY | O_DIRECTORY, NULL, -1 },
  { "lib/", O_RDONLY, NULL, -1 },
  { "slashed", O_RDONLY, NULL, -1 },
  { "lib/deep", O_PATH, NULL, -1 },
  { "lib/deep/..", O_RDONLY, NULL, -1 },
  { "etc/l38", O_RDONLY, "inside", -1 },
  { "etc/l45", O_RDONLY, NULL, G_IO_ERROR_TOO_MANY_LINKS },
  { "loop1", O_RDONLY, NULL, G_IO_ERROR_TOO_MANY_LINKS },
  { "loop1/x", O_RDONLY, NULL, G_IO_ERROR_TOO_MANY_LINKS },
  { "lib", O_RDONLY | O_NOFOLLOW, NULL, G_IO_ERROR_TOO_MANY_LINKS },
  { "lib/", O_RDONLY | O_NOFOLLOW | O_DIRECTORY, NULL, -1 },
  { "absdir/file", O_RDONLY | O_NOFOLLOW, "inside", -1 },
  { "nothing", O_RDONLY, NULL, G_IO_ERROR_NOT_FOUND },
  { "nothing/..", O_RDONLY, NULL, G_IO_ERROR_NOT_FOUND },
  { "dangling", O_RDONLY, NULL, G_IO_ERROR_NOT_FOUND },
  { "", O_RDONLY, NULL, G_IO_ERROR_NOT_FOUND },
  { "etc/file/", O_RDONLY, NULL, G_IO_ERROR_NOT_DIRECTORY },
  { "etc/file/..", O_RDONLY, NULL, G_IO_ERROR_NOT_DIRECTORY },
  { "etc/file/x", O_RDONLY, NULL, G_IO_ERROR_NOT_DIRECTORY },
  { "absolute/x", O_RDONLY, NULL, G_IO_ERROR_NOT_DIRECTORY },
};

static void
test_open_in_root (Temp *t, gconstpointer data)
{
  OpenInRoot open_in_root = (OpenInRoot)(gpointer)data;
  SC_AUTOFD int root = make_root (t);

  for (gsize i = 0; i < G_N_ELEMENTS (open_rows); i++)
    {
      g_autoptr (GError) error = NULL;
      SC_AUTOFD int fd = open_in_root (root, open_rows[i].path, open_rows[i].flags, 0, &error);
      struct stat st;

      g_test_message ("%s: %s", open_rows[i].path, error ? error->message : "opened");
      if (open_rows[i].code >= 0)
        {
          g_assert_cmpint (fd, ==, -1);
          g_assert_error (error, G_IO_ERROR, open_rows[i].code);
          continue;
        }
      g_assert_no_error (error);
      g_assert_cmpint (fstat (fd, &st), ==, 0);
      g_assert_true (fcntl (fd, F_GETFD) & FD_CLOEXEC);
      g_assert_true (S_ISDIR (st.st_mode) == (open_rows[i].text == NULL));
      if (open_rows[i].text)
        {
          g_autoptr (GBytes) bytes = sc_fs_read_fd (fd, open_rows[i].path, 100, NULL);
          g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), open_rows[i].text,
                           strlen (open_rows[i].text));
        }
    }
}

/* The top itself, and "..", are the same directory. */
static void
test_open_in_root_top (Temp *t, gconstpointer data)
{
  static const char *const paths[] = { "/", "..", "up/above/..", "lib/deep/../../..", "usr/../../.." };
  OpenInRoot open_in_root = (OpenInRoot)(gpointer)data;
  SC_AUTOFD int root = make_root (t);
  struct stat a, b;

  g_assert_cmpint (fstat (root, &a), ==, 0);
  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      SC_AUTOFD int fd = open_in_root (root, paths[i], O_PATH, 0, NULL);

      g_assert_cmpint (fstat (fd, &b), ==, 0);
      g_assert_cmpuint (a.st_ino, ==, b.st_ino);
    }
}

static void
test_open_in_root_create (Temp *t, gconstpointer data)
{
  OpenInRoot open_in_root = (OpenInRoot)(gpointer)data;
  SC_AUTOFD int root = make_root (t);
  g_autoptr (GError) error = NULL;
  int flags = O_WRONLY | O_CREAT;

  SC_AUTOFD int plain = open_in_root (root, "/etc/plain", flags | O_EXCL, 0640, &error);
  g_assert_no_error (error);
  g_assert_cmpint (plain, >=, 0);
  g_assert_cmpuint (mode_of (root, "etc/plain"), ==, 0640);
  SC_AUTOFD int again = open_in_root (root, "/etc/plain", flags | O_EXCL, 0640, &error);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS);
  g_clear_error (&error);

  /* Through a dangling absolute link: the file appears inside. */
  SC_AUTOFD int dangling = open_in_root (root, "dangling", flags, 0600, &error);
  g_assert_no_error (error);
  g_assert_cmpint (dangling, >=, 0);
  g_assert_true (sc_fs_exists_at (root, "new"));
  /* ... but not with O_EXCL, which does not follow. */
  g_assert_cmpint (unlinkat (root, "new", 0), ==, 0);
  SC_AUTOFD int exclusive = open_in_root (root, "dangling", flags | O_EXCL, 0600, &error);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS);
  g_assert_false (sc_fs_exists_at (root, "new"));
  g_clear_error (&error);

  SC_AUTOFD int outside = open_in_root (root, "../../created", flags, 0600, &error);
  g_assert_cmpint (outside, >=, 0);
  g_assert_no_error (error);
  g_assert_true (sc_fs_exists_at (t->fd, "root/created"));
  g_assert_false (sc_fs_exists_at (t->fd, "created"));
  g_assert_cmpint (again, ==, -1);
  g_assert_cmpint (exclusive, ==, -1);
}

/* O_PATH|O_NOFOLLOW opens the link itself. */
static void
test_open_in_root_link (Temp *t, gconstpointer data)
{
  OpenInRoot open_in_root = (OpenInRoot)(gpointer)data;
  SC_AUTOFD int root = make_root (t);
  SC_AUTOFD int fd = open_in_root (root, "etc/escape", O_PATH | O_NOFOLLOW, 0, NULL);
  struct stat st;

  g_assert_cmpint (fstat (fd, &st), ==, 0);
  g_assert_true (S_ISLNK (st.st_mode));
}

/* Neither follows the links of /proc, which lead anywhere. */
static void
test_open_in_root_magic (Temp *t, gconstpointer data)
{
  OpenInRoot open_in_root = (OpenInRoot)(gpointer)data;
  SC_AUTOFD int root = open ("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
  SC_AUTOFD int fd = open_in_root (root, "root/etc", O_PATH, 0, NULL);

  g_assert_cmpint (fd, ==, -1);
}

/* --- files --- */

static void
test_read (Temp *t, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  put (t->fd, "ten", "0123456789");
  put (t->fd, "empty", "");
  g_autoptr (GBytes) exact = sc_fs_read_file_at (t->fd, "ten", 10, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (exact), ==, 10);
  g_autoptr (GBytes) empty = sc_fs_read_file_at (t->fd, "empty", 0, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (empty), ==, 0);

  g_assert_null (sc_fs_read_file_at (t->fd, "ten", 9, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_LIMIT);
  g_assert_cmpstr (error->message, ==, "ten: larger than 9 bytes");
  g_clear_error (&error);
  g_assert_null (sc_fs_read_file_at (t->fd, ".", 9, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
  g_clear_error (&error);
  g_assert_cmpint (mkfifoat (t->fd, "fifo", 0600), ==, 0);
  g_assert_null (sc_fs_read_file_at (t->fd, "fifo", 9, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
  g_clear_error (&error);
  g_assert_null (sc_fs_read_file_at (t->fd, "absent", 9, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_clear_error (&error);

  /* Files whose size is only known once they are read. */
  g_autoptr (GBytes) proc = sc_fs_read_file_at (AT_FDCWD, "/proc/self/status", 1 << 20, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (proc), >, 100);
  g_assert_null (sc_fs_read_file_at (AT_FDCWD, "/proc/self/status", 100, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_LIMIT);
}

static void
test_write (Temp *t, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  mode_t umask_before = umask (0077);

  make_dir (t->fd, "dir");
  g_assert_true (sc_fs_write_file_at (t->fd, "dir/file", "one", 3, 0644, &error));
  g_assert_cmpuint (mode_of (t->fd, "dir"), ==, 0755);
  g_assert_cmpuint (mode_of (t->fd, "dir/file"), ==, 0644);
  g_assert_true (sc_fs_write_file_at (t->fd, "dir/file", "second", 6, 0600, &error));
  assert_text (t->fd, "dir/file", "second");
  g_assert_cmpuint (mode_of (t->fd, "dir/file"), ==, 0600);
  assert_names (t->fd, "dir", "file");

  /* A link is replaced, not followed. */
  make_link (t->fd, "file", "dir/link");
  g_assert_true (sc_fs_write_file_at (t->fd, "dir/link", "x", 1, 0600, &error));
  assert_text (t->fd, "dir/file", "second");
  assert_names (t->fd, "dir", "file link");

  g_autofree char *long_name = g_strnfill (255, 'n');
  g_assert_true (sc_fs_write_file_at (t->fd, long_name, "x", 1, 0600, &error));
  g_assert_no_error (error);
  umask (umask_before);
}

/* Whatever fails, the old file stays and no temporary one does. */
static void
test_write_fails (Temp *t, gconstpointer data)
{
  static const char *const bad[] = { "", ".", "..", "dir/", "dir/.." };
  g_autoptr (GError) error = NULL;
  g_autofree char *big = g_strnfill (100000, 'x');
  struct rlimit before, small = { 4096, RLIM_INFINITY };

  make_dir (t->fd, "dir/sub");
  g_assert_false (sc_fs_write_file_at (t->fd, "dir/sub", "x", 1, 0644, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_IS_DIRECTORY);
  g_clear_error (&error);
  g_assert_false (sc_fs_write_file_at (t->fd, "absent/file", "x", 1, 0644, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_clear_error (&error);
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_assert_false (sc_fs_write_file_at (t->fd, bad[i], "x", 1, 0644, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
      g_clear_error (&error);
    }

  /* Stands for a full disk: some bytes are written, then no more. */
  put (t->fd, "dir/file", "old");
  signal (SIGXFSZ, SIG_IGN);
  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &before), ==, 0);
  small.rlim_max = before.rlim_max;
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &small), ==, 0);
  gboolean ok = sc_fs_write_file_at (t->fd, "dir/file", big, 100000, 0644, &error);
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &before), ==, 0);
  g_assert_false (ok);
  g_assert_nonnull (error);
  g_assert_true (g_str_has_prefix (error->message, "dir/file: "));
  assert_text (t->fd, "dir/file", "old");
  assert_names (t->fd, "dir", "file sub");
  assert_names (t->fd, ".", "dir");
}

static void
test_symlink (Temp *t, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *far = g_strnfill (1000, 'f');

  make_dir (t->fd, "dir");
  g_assert_true (sc_fs_replace_symlink_at (t->fd, "NAME.0", "dir/NAME", &error));
  g_autofree char *first = sc_fs_read_link_at (t->fd, "dir/NAME", &error);
  g_assert_cmpstr (first, ==, "NAME.0");
  g_assert_true (sc_fs_replace_symlink_at (t->fd, far, "dir/NAME", &error));
  g_autofree char *second = sc_fs_read_link_at (t->fd, "dir/NAME", &error);
  g_assert_cmpstr (second, ==, far);
  assert_names (t->fd, "dir", "NAME");

  make_dir (t->fd, "dir/real");
  g_assert_false (sc_fs_replace_symlink_at (t->fd, "x", "dir/real", &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_IS_DIRECTORY);
  g_clear_error (&error);
  assert_names (t->fd, "dir", "NAME real");
  g_assert_null (sc_fs_read_link_at (t->fd, "dir/real", &error));
  g_assert_nonnull (error);
}

static void
test_mkdir_p (Temp *t, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  mode_t umask_before = umask (0077);

  g_assert_true (sc_fs_mkdir_p_at (t->fd, "a/b//c/", 0711, &error));
  umask (umask_before);
  g_assert_cmpuint (mode_of (t->fd, "a"), ==, 0755);
  g_assert_cmpuint (mode_of (t->fd, "a/b"), ==, 0755);
  g_assert_cmpuint (mode_of (t->fd, "a/b/c"), ==, 0711);
  /* What is there keeps its mode. */
  g_assert_true (sc_fs_mkdir_p_at (t->fd, "a/b/c", 0700, &error));
  g_assert_cmpuint (mode_of (t->fd, "a/b/c"), ==, 0711);
  g_autofree char *absolute = g_build_filename (t->path, "x/y", NULL);
  g_assert_true (sc_fs_mkdir_p_at (AT_FDCWD, absolute, 0755, &error));
  g_assert_true (sc_fs_exists_at (t->fd, "x/y"));
  make_link (t->fd, "x", "link");
  g_assert_true (sc_fs_mkdir_p_at (t->fd, "link/z", 0755, &error));
  g_assert_true (sc_fs_exists_at (t->fd, "x/z"));
  g_assert_no_error (error);

  put (t->fd, "file", "");
  g_assert_false (sc_fs_mkdir_p_at (t->fd, "file/x", 0755, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_DIRECTORY);
  g_clear_error (&error);
  g_assert_false (sc_fs_mkdir_p_at (t->fd, "file", 0755, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_DIRECTORY);
  g_clear_error (&error);
  g_assert_false (sc_fs_mkdir_p_at (t->fd, "", 0755, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
}

static void
test_small_helpers (Temp *t, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  put (t->fd, "b", "");
  put (t->fd, "B", "");
  put (t->fd, "a\xff", "");
  make_link (t->fd, "nowhere", ".hidden");
  assert_names (t->fd, ".", ".hidden B a\xff b");
  g_assert_null (sc_fs_list_dir_at (t->fd, "absent", &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_clear_error (&error);

  g_assert_true (sc_fs_exists_at (t->fd, ".hidden"));
  g_assert_false (sc_fs_exists_at (t->fd, "absent"));
  g_assert_true (sc_fs_unlink_at (t->fd, "b", &error));
  g_assert_true (sc_fs_unlink_at (t->fd, "b", &error));
  g_assert_false (sc_fs_exists_at (t->fd, "b"));

  g_autofree char *first = sc_fs_make_temp_dir_at (t->fd, "work", &error);
  g_autofree char *second = sc_fs_make_temp_dir_at (t->fd, "work", &error);
  g_assert_no_error (error);
  g_assert_true (g_str_has_prefix (first, "work."));
  g_assert_cmpuint (strlen (first), ==, strlen ("work.XXXXXX"));
  g_assert_cmpstr (first, !=, second);
  g_assert_cmpuint (mode_of (t->fd, first), ==, 0700);

  g_assert_true (sc_fs_sync_dir_at (t->fd, first, &error));
  g_assert_true (sc_fs_sync_dir_at (t->fd, ".", &error));
  g_assert_true (sc_fs_sync_all (t->fd, &error));
  g_assert_no_error (error);
  g_assert_false (sc_fs_unlink_at (t->fd, first, &error));
  g_clear_error (&error);

  SC_AUTOFD int dir = sc_fs_open_dir_at (t->fd, first, &error);
  g_assert_cmpint (dir, >=, 0);
  make_link (t->fd, first, "link");
  g_assert_cmpint (sc_fs_open_dir_at (t->fd, "link", &error), ==, -1);
  g_assert_nonnull (error);
}

/* --- removing trees --- */

static void
assert_removed (int dfd, const char *path)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (sc_fs_remove_tree_at (dfd, path, &error));
  g_assert_no_error (error);
  g_assert_false (sc_fs_exists_at (dfd, path));
}

static void
test_remove (Temp *t, gconstpointer data)
{
  static const char *const bad[] = { ".", "..", "/", "tree/..", "tree/." };
  g_autoptr (GError) error = NULL;

  make_dir (t->fd, "outside");
  put (t->fd, "outside/kept", "kept");
  make_dir (t->fd, "tree/a/b");
  put (t->fd, "tree/a/b/file", "");
  make_link (t->fd, "../outside", "tree/dirlink");
  make_link (t->fd, "nowhere", "tree/dangling");
  make_link (t->fd, "outside", "link");
  g_assert_cmpint (mkfifoat (t->fd, "tree/fifo", 0), ==, 0);
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_assert_false (sc_fs_remove_tree_at (t->fd, bad[i], &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
      g_clear_error (&error);
    }
  assert_names (t->fd, "tree", "a dangling dirlink fifo");
  assert_removed (t->fd, "tree/");
  assert_removed (t->fd, "tree");
  assert_removed (t->fd, "absent/tree");
  assert_removed (t->fd, "link");
  assert_text (t->fd, "outside/kept", "kept");
  assert_removed (t->fd, "outside/kept");
  assert_names (t->fd, ".", "outside");
}

/* Makes @depth directories, one in the other, with a file in each. */
static void
make_deep (int dfd, const char *name, int depth)
{
  SC_AUTOFD int at = openat (dfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  for (int i = 0; i < depth; i++)
    {
      SC_AUTOFD int file = openat (at, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
      g_assert_cmpint (file, >=, 0);
      g_assert_cmpint (mkdirat (at, name, 0755), ==, 0);
      int next = openat (at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      g_assert_cmpint (next, >=, 0);
      close (at);
      at = next;
    }
}

/* Deeper than any path or descriptor limit allows, with the names in place that removing would like to use. */
static void
test_remove_deep (Temp *t, gconstpointer data)
{
  struct rlimit before, small;

  make_dir (t->fd, "tree/.remove.0/full");
  put (t->fd, "tree/.remove.1", "");
  make_dir (t->fd, "tree/.remove.2");
  SC_AUTOFD int tree = openat (t->fd, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  make_deep (tree, "d", 10000);
  make_dir (tree, "wide");
  for (int i = 0; i < 20; i++)
    {
      g_autofree char *path = g_strdup_printf ("wide/%d", i);
      make_dir (tree, path);
      SC_AUTOFD int dir = openat (tree, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      make_deep (dir, ".remove.3", 100);
    }
  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &before), ==, 0);
  small = before;
  small.rlim_cur = 64;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &small), ==, 0);
  assert_removed (t->fd, "tree");
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &before), ==, 0);
}

/* Directories that their owner cannot enter or write.  Root can, so this runs as somebody else. */
static void
test_remove_unwritable (Temp *t, gconstpointer data)
{
  static const mode_t modes[] = { 0, 0100, 0300, 0400, 0500, 0600 };
  gboolean root = geteuid () == 0;
  g_autoptr (GError) error = NULL;

  if (root)
    g_assert_cmpint (fchmod (t->fd, 0777), ==, 0);
  g_assert_cmpint (seteuid (root ? 65534 : geteuid ()), ==, 0);
  for (gsize i = 0; i < G_N_ELEMENTS (modes); i++)
    {
      g_autofree char *path = g_strdup_printf ("tree/%zu", i);
      g_autofree char *inner = g_strdup_printf ("tree/%zu/inner", i);

      make_dir (t->fd, inner);
      g_assert_cmpint (fchmodat (t->fd, path, modes[i], 0), ==, 0);
    }
  g_assert_cmpint (fchmodat (t->fd, "tree", 0, 0), ==, 0);
  gboolean ok = sc_fs_remove_tree_at (t->fd, "tree", &error);
  if (root)
    g_assert_cmpint (seteuid (0), ==, 0);
  g_assert_no_error (error);
  g_assert_true (ok);
  g_assert_false (sc_fs_exists_at (t->fd, "tree"));
}

/* What cannot be removed is named with its path. */
static void
test_remove_denied (Temp *t, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  if (geteuid () != 0)
    {
      g_test_skip ("needs root, to make a directory of somebody else");
      return;
    }
  make_dir (t->fd, "tree/mine/theirs");
  put (t->fd, "tree/mine/theirs/file", "");
  g_assert_cmpint (fchownat (t->fd, "tree", 65534, 65534, 0), ==, 0);
  g_assert_cmpint (fchownat (t->fd, "tree/mine", 65534, 65534, 0), ==, 0);
  g_assert_cmpint (fchmod (t->fd, 0777), ==, 0);
  g_assert_cmpint (seteuid (65534), ==, 0);
  gboolean ok = sc_fs_remove_tree_at (t->fd, "tree", &error);
  g_assert_cmpint (seteuid (0), ==, 0);
  g_assert_false (ok);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
  g_assert_true (g_str_has_prefix (error->message, "tree/mine/theirs/file: "));
}

static void
assert_stays (Temp *t, const char *tree, const char *prefix)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (sc_fs_remove_tree_at (t->fd, tree, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BUSY);
  g_assert_true (g_str_has_prefix (error->message, prefix));
}

/* Neither another file system nor a bind mount of the same one is entered. */
static void
test_remove_mount (Temp *t, gconstpointer data)
{
  g_autofree char *bound = g_build_filename (t->path, "tree/bound", NULL);
  g_autofree char *other = g_build_filename (t->path, "tree2/other", NULL);
  g_autofree char *source = g_build_filename (t->path, "source", NULL);

  if (unshare (CLONE_NEWNS) < 0 || mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
    {
      g_test_skip ("cannot make mounts here");
      return;
    }
  /* The descriptor of the fixture still sees the mounts of before. */
  close (t->fd);
  t->fd = open (t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  make_dir (t->fd, "source");
  make_dir (t->fd, "tree/bound");
  make_dir (t->fd, "tree2/other");
  put (t->fd, "source/kept", "kept");
  g_assert_cmpint (mount (source, bound, NULL, MS_BIND, NULL), ==, 0);
  g_assert_cmpint (mount ("tmpfs", other, "tmpfs", 0, NULL), ==, 0);
  put (t->fd, "tree2/other/kept", "kept");

  assert_stays (t, "tree", "tree/bound: is a mount point");
  assert_stays (t, "tree2", "tree2/other: is a mount point");
  assert_stays (t, "tree2/other", "tree2/other: is a mount point");
  assert_text (t->fd, "source/kept", "kept");
  assert_text (t->fd, "tree2/other/kept", "kept");

  put (t->fd, "tree/file", "");
  make_dir (t->fd, "tree/dir");
  g_assert_cmpint (umount (bound), ==, 0);
  g_assert_cmpint (umount (other), ==, 0);
  assert_removed (t->fd, "tree");
  assert_removed (t->fd, "tree2");
}

#define ADD(path, data, func) g_test_add (path, Temp, data, temp_setup, func, temp_teardown)

static void
add_open_in_root (const char *prefix, OpenInRoot function)
{
  static const struct
  {
    const char *name;
    void (*func) (Temp *t, gconstpointer data);
  } rows[] = {
    { "paths", test_open_in_root },
    { "top", test_open_in_root_top },
    { "create", test_open_in_root_create },
    { "link-itself", test_open_in_root_link },
    { "magic-links", test_open_in_root_magic },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *path = g_strdup_printf ("/fs/%s/%s", prefix, rows[i].name);
      ADD (path, (gconstpointer)function, rows[i].func);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_open_in_root ("open-in-root", sc_fs_open_in_root);
  add_open_in_root ("open-in-root-walk", sc_fs_open_in_root_walk);
  ADD ("/fs/read", NULL, test_read);
  ADD ("/fs/write", NULL, test_write);
  ADD ("/fs/write-fails", NULL, test_write_fails);
  ADD ("/fs/symlink", NULL, test_symlink);
  ADD ("/fs/mkdir-p", NULL, test_mkdir_p);
  ADD ("/fs/small-helpers", NULL, test_small_helpers);
  ADD ("/fs/remove", NULL, test_remove);
  ADD ("/fs/remove-deep", NULL, test_remove_deep);
  ADD ("/fs/remove-unwritable", NULL, test_remove_unwritable);
  ADD ("/fs/remove-denied", NULL, test_remove_denied);
  ADD ("/fs/remove-mount", NULL, test_remove_mount);
  return g_test_run ();
}
