/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Errors: codes, the one-line form of messages, exit statuses. */
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

#include "error.h"

static void
test_fail (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (sc_fail (&error, SC_ERROR_DIGEST, "layer %s: %d", "ab12", 7));
  g_assert_error (error, SC_ERROR, SC_ERROR_DIGEST);
  g_assert_cmpstr (error->message, ==, "layer ab12: 7");
  g_assert_null (sc_fail_null (NULL, SC_ERROR_USAGE, "nobody listens"));
}

static void
test_errno (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (sc_fail_errno (&error, ENOENT, "%s", "a/b"));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_autofree char *expected = g_strdup_printf ("a/b: %s", g_strerror (ENOENT));
  g_assert_cmpstr (error->message, ==, expected);
  g_assert_null (sc_fail_errno_null (NULL, EIO, "nobody listens"));
}

static void
test_prefix (void)
{
  g_autoptr (GError) error = NULL;

  sc_fail (&error, SC_ERROR_LIMIT, "too large");
  g_assert_false (sc_prefix (&error, "layer %s", "ab12"));
  g_assert_null (sc_prefix_null (&error, "image x"));
  g_assert_error (error, SC_ERROR, SC_ERROR_LIMIT);
  g_assert_cmpstr (error->message, ==, "image x: layer ab12: too large");
  g_assert_false (sc_prefix (NULL, "nobody listens"));
}

/* What names the object already is not told twice. */
static void
test_prefix_once (void)
{
  g_autoptr (GError) error = NULL;

  sc_fail (&error, SC_ERROR_NOT_FOUND, "container c1 has no deployment 0");
  sc_prefix (&error, "container %s", "c1");
  g_assert_cmpstr (error->message, ==, "container c1 has no deployment 0");
  sc_prefix (&error, "container c");
  g_assert_cmpstr (error->message, ==, "container c: container c1 has no deployment 0");
  sc_prefix (&error, "container c");
  g_assert_cmpstr (error->message, ==, "container c: container c1 has no deployment 0");

  g_clear_error (&error);
  sc_fail (&error, SC_ERROR_NOT_FOUND, "/srv/x: is a file");
  sc_prefix (&error, "root /srv");
  g_assert_cmpstr (error->message, ==, "root /srv: /srv/x: is a file");
  g_clear_error (&error);
  sc_fail (&error, SC_ERROR_NOT_FOUND, "/srv/x: is a file");
  sc_prefix (&error, "root /srv/x");
  g_assert_cmpstr (error->message, ==, "root /srv/x: is a file");
}

/* Messages of libraries become one line when they are prefixed. */
static void
test_prefix_cleans (void)
{
  g_autoptr (GError) error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED, "first\nsecond\x1b[2J");

  sc_prefix (&error, "registry\rx");
  g_assert_cmpstr (error->message, ==, "registry x: first second?[2J");
}

static void
test_hostile_text (void)
{
  static const struct
  {
    const char *text;
    const char *expected;
  } rows[] = {
    { "a\nb\tc\rd", "a b c d" },
    { "trailing\n\n", "trailing" },
    { "bell\a escape\x1b[31m del\x7f", "bell? escape?[31m del?" },
    { "\xc2\x9b"
      "31m",
      "?31m" }, /* C1 control: CSI */
    { "file\xe2\x80\xae"
      "gpj.exe",
      "file?gpj.exe" }, /* right-to-left override */
    { "line\xe2\x80\xa8separator", "line?separator" },
    { "bad \xff\xfe utf-8", "bad ?? utf-8" },
    { "cut \xc3", "cut ?" },
    { "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
    { "", "" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;

      sc_fail (&error, SC_ERROR_INVALID, "%s", rows[i].text);
      g_assert_cmpstr (error->message, ==, rows[i].expected);
      g_clear_error (&error);
      sc_fail_errno (&error, EIO, "%s", rows[i].text);
      g_assert_true (g_str_has_prefix (error->message, rows[i].expected));
      g_assert_null (strchr (error->message, '\n'));
    }
}

static void
test_long_text (void)
{
  g_autofree char *text = g_strnfill (100000, 'x');
  g_autoptr (GError) error = NULL;

  sc_fail (&error, SC_ERROR_INVALID, "%s", text);
  g_assert_cmpuint (strlen (error->message), <, 3000);
  g_assert_true (g_str_has_suffix (error->message, "x..."));
}

static void
test_exit_status (void)
{
  static const struct
  {
    ScError code;
    int status;
  } rows[] = {
    { SC_ERROR_USAGE, 2 },
    { SC_ERROR_INVALID, 1 },
    { SC_ERROR_FAILED, 1 },
    { SC_ERROR_NOT_FOUND, 1 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;

      sc_fail (&error, rows[i].code, "x");
      g_assert_cmpint (sc_error_exit_status (error), ==, rows[i].status);
    }
  g_autoptr (GError) cancelled = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, "x");
  g_autoptr (GError) failed = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED, "x");
  g_assert_cmpint (sc_error_exit_status (cancelled), ==, 130);
  g_assert_cmpint (sc_error_exit_status (failed), ==, 1);
}

static void
test_autofd (void)
{
  int copy;

  {
    SC_AUTOFD int fd = open ("/", O_PATH | O_CLOEXEC);

    copy = fd;
    g_assert_cmpint (fd, >=, 0);
    errno = EXDEV;
  }
  g_assert_cmpint (errno, ==, EXDEV);
  g_assert_cmpint (fcntl (copy, F_GETFD), ==, -1);
  {
    SC_AUTOFD int fd = open ("/", O_PATH | O_CLOEXEC);

    copy = sc_steal_fd (&fd);
    g_assert_cmpint (fd, ==, -1);
  }
  g_assert_cmpint (fcntl (copy, F_GETFD), !=, -1);
  sc_close_fd_p (&copy);
  g_assert_cmpint (copy, ==, -1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/error/fail", test_fail);
  g_test_add_func ("/error/errno", test_errno);
  g_test_add_func ("/error/prefix", test_prefix);
  g_test_add_func ("/error/prefix-once", test_prefix_once);
  g_test_add_func ("/error/prefix-cleans", test_prefix_cleans);
  g_test_add_func ("/error/hostile-text", test_hostile_text);
  g_test_add_func ("/error/long-text", test_long_text);
  g_test_add_func ("/error/exit-status", test_exit_status);
  g_test_add_func ("/error/autofd", test_autofd);
  return g_test_run ();
}
