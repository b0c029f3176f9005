/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The list of mounts. */
#include <string.h>

#include "mountinfo.h"

static GPtrArray *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  GPtrArray *mounts = sc_mountinfo_parse (text, strlen (text), &error);

  g_assert_no_error (error);
  return mounts;
}

static void
test_fields (void)
{
  g_autoptr (GPtrArray) mounts =
      parse ("36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:7 - ext3 /dev/root rw,errors=continue\n"
             "37 36 0:45 /a\\040b//deleted /c\\011d\\012e\\134f\\040 ro - overlay .mount.x \n"
             "38 36 0:46 / /\\9\\08 ro - tmpfs  rw");
  const ScMount *mount;

  g_assert_cmpuint (mounts->len, ==, 3);
  mount = mounts->pdata[0];
  g_assert_cmpuint (mount->id, ==, 36);
  g_assert_cmpstr (mount->root, ==, "/mnt1");
  g_assert_cmpstr (mount->mount_point, ==, "/mnt2");
  g_assert_cmpstr (mount->type, ==, "ext3");
  g_assert_cmpstr (mount->source, ==, "/dev/root");
  mount = mounts->pdata[1];
  g_assert_cmpstr (mount->root, ==, "/a b//deleted");
  g_assert_cmpstr (mount->mount_point, ==, "/c\td\ne\\f ");
  g_assert_cmpstr (mount->source, ==, ".mount.x");
  mount = mounts->pdata[2];
  g_assert_cmpstr (mount->mount_point, ==, "/\\9\\08");
  g_assert_cmpstr (mount->source, ==, "");
}

static void
test_invalid (void)
{
  static const char *const bad[] = { "\n",
                                     "x",
                                     "36 35 98:0 / / rw\n",
                                     "36 35 98:0 / / rw - ext3\n",
                                     "-1 35 98:0 / / rw - ext3 x y\n",
                                     "x 35 98:0 / / rw - ext3 x y\n" };
  g_autoptr (GPtrArray) none = parse ("");

  g_assert_cmpuint (none->len, ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (sc_mountinfo_parse (bad[i], strlen (bad[i]), &error));
      g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
      g_assert_true (g_str_has_prefix (error->message, "mountinfo: line 1: "));
    }
}

static void
test_here (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) mounts = sc_mountinfo_load (&error);
  g_autofree char *view = NULL, *again = NULL;

  g_assert_no_error (error);
  g_assert_cmpuint (mounts->len, >, 0);
  view = sc_mountinfo_view (&error);
  g_assert_no_error (error);
  again = sc_mountinfo_view (&error);
  g_assert_cmpstr (view, ==, again);
  /* A boot id, and three numbers. */
  g_assert_true (g_regex_match_simple ("^[0-9a-f-]{36}( [0-9]+){3}$", view, 0, 0));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/mountinfo/fields", test_fields);
  g_test_add_func ("/mountinfo/invalid", test_invalid);
  g_test_add_func ("/mountinfo/here", test_here);
  return g_test_run ();
}
