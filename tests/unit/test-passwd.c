/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* passwd: every form of a user, and account files that are missing, malformed or hostile. */
#include "passwd.h"

#include <sys/stat.h>
#include <unistd.h>

#include "root-fixture.h"

static const char accounts[] = "root:x:0:0:root:/root:/bin/sh\n"
                               "broken line\n"
                               "nouid:x:abc:1::/:/bin/sh\n"
                               "web:x:101:102:Web:/srv/web:/bin/sh\n"
                               "55:x:500:501::/num:\n"
                               "nohome:x:103:104::relative:\n"
                               "big:x:4294967295:1::/:\n";
static const char groups[] = "root:x:0:root\n"
                             "web:x:102:\n"
                             "log:x:7:web,root\n"
                             "bad:x:y:web\n"
                             "adm:x:4:nobody,web\n"
                             "again:x:7:web\n"
                             "webs:x:102:web\n";

static void
test_known (void)
{
  static const struct
  {
    const char *spec;
    guint32 uid, gid;
    const char *home;
    const char *groups; /* by blank */
  } cases[] = {
    { NULL, 0, 0, "/root", "7" },
    { "", 0, 0, "/root", "7" },
    { "root", 0, 0, "/root", "7" },
    { "0", 0, 0, "/root", "7" },
    { "web", 101, 102, "/srv/web", "7 4" },
    { "101", 101, 102, "/srv/web", "7 4" },
    { "web:", 101, 102, "/srv/web", "7 4" },
    { "web:adm", 101, 4, "/srv/web", "" },
    { "web:0", 101, 0, "/srv/web", "" },
    { "web:999", 101, 999, "/srv/web", "" },
    { "1234", 1234, 0, "/", "" },
    { "1234:log", 1234, 7, "/", "" },
    { "1234:5678", 1234, 5678, "/", "" },
    { "55", 500, 501, "/num", "" },
    { "nohome", 103, 104, "/", "" },
    { ":log", 0, 7, "/root", "" },
    { "2147483647", 2147483647, 0, "/", "" },
  };
  g_auto (Root) root = { 0 };

  root_init (&root);
  root_add (&root, "etc/passwd", accounts);
  root_add (&root, "etc/group", groups);
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (ScUser) user = sc_user_resolve (root.fd, cases[i].spec, &error);
      g_autoptr (GString) list = g_string_new (NULL);

      g_assert_no_error (error);
      g_assert_cmpuint (user->uid, ==, cases[i].uid);
      g_assert_cmpuint (user->gid, ==, cases[i].gid);
      g_assert_cmpstr (user->home, ==, cases[i].home);
      for (guint j = 0; j < user->groups->len; j++)
        g_string_append_printf (list, "%s%u", j > 0 ? " " : "", g_array_index (user->groups, guint32, j));
      g_assert_cmpstr (list->str, ==, cases[i].groups);
    }
}

static void
test_unknown (void)
{
  static const struct
  {
    const char *spec, *message;
  } cases[] = {
    { "nobody", "user 'nobody' is not in /etc/passwd of the image" },
    { "nouid", "user 'nouid' is not in /etc/passwd of the image" },
    { "big", "user 'big' is not in /etc/passwd of the image" },
    { "-1", "user '-1' is not in /etc/passwd of the image" },
    { "2147483648", "user '2147483648' of the image: an id over 2147483647" },
    { "99999999999999999999", "user '99999999999999999999' of the image: an id over 2147483647" },
    { "web:staff", "group 'staff' is not in /etc/group of the image" },
    { "web:log:x", "group 'log:x' is not in /etc/group of the image" },
    { "web:2147483648", "group '2147483648' of the image: an id over 2147483647" },
  };
  g_auto (Root) root = { 0 };

  root_init (&root);
  root_add (&root, "etc/passwd", accounts);
  root_add (&root, "etc/group", groups);
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_assert_null (sc_user_resolve (root.fd, cases[i].spec, &error));
      g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
      g_assert_cmpstr (error->message, ==, cases[i].message);
    }
}

static void
test_no_files (void)
{
  g_auto (Root) root = { 0 };
  g_autoptr (GError) error = NULL;

  root_init (&root);
  g_autoptr (ScUser) user = sc_user_resolve (root.fd, "12:13", &error);
  g_assert_no_error (error);
  g_assert_cmpuint (user->uid, ==, 12);
  g_assert_cmpuint (user->gid, ==, 13);
  g_assert_null (sc_user_resolve (root.fd, "root", &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
}

/* The image's /etc/passwd as a link to the host's, and as a fifo that nobody writes. */
static void
test_hostile (void)
{
  g_auto (Root) root = { 0 };
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;

  root_init (&root);
  root_add (&root, "etc", NULL);
  root_add (&root, "other", "root:x:77:78::/:\n");
  path = g_build_filename (root.path, "etc/passwd", NULL);
  g_assert_cmpint (symlink ("../../../../../../other", path), ==, 0);
  g_autoptr (ScUser) user = sc_user_resolve (root.fd, "root", &error);
  g_assert_no_error (error);
  g_assert_cmpuint (user->uid, ==, 77);

  g_assert_cmpint (unlink (path), ==, 0);
  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  g_assert_null (sc_user_resolve (root.fd, "root", &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/passwd/known", test_known);
  g_test_add_func ("/passwd/unknown", test_unknown);
  g_test_add_func ("/passwd/no-files", test_no_files);
  g_test_add_func ("/passwd/hostile", test_hostile);
  return g_test_run ();
}
