/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* package-manager: which line of a tool's words is told, what a package may be called, and which family a host is. */
#include "package-private.h"

#include "root-fixture.h"

static void
test_cause (void)
{
  static const struct
  {
    const char *text, *cause;
  } cases[] = {
    { "", "no reason was given" },
    { "one\ntwo\n", "two" },
    { "error: Failed dependencies:\n\tx is needed by y\n\tz is needed by y\n",
      "error: Failed dependencies: x is needed by y" },
    { "+ cd x\nerror: File not found: /x\n\nRPM build errors:\n    File not found: /x\n", "error: File not found: /x" },
    { "(Reading database ...\nUnpacking\ndpkg: dependency problems prevent configuration of x:\n x depends on y; "
      "however:\n"
      "  Package y is not installed.\n\nErrors were encountered while processing:\n x\n",
      "dpkg: dependency problems prevent configuration of x: x depends on y; however: Package y is not installed." },
    { "Processing files\nerror: x: a warning\nmore\n+ grep -q error: y\n++ echo problem\nerror: unpacking failed\n"
      "error: y: install failed\n",
      "error: unpacking failed" },
    { "+ cp perror.h /x\ncp: cannot stat 'perror.h'\nerror: Bad exit status from /x (%install)\n\nRPM build errors:\n"
      "    Bad exit status from /x (%install)\n",
      "cp: cannot stat 'perror.h'; error: Bad exit status from /x (%install)" },
    { "Executing(%install): /bin/sh -e /x\n+ false\nerror: Bad exit status from /x (%install)\n",
      "error: Bad exit status from /x (%install)" },
    { "dpkg: dependency problems prevent configuration of x:\n x depends on y.\n\n"
      "dpkg: error processing package x (--install):\n dependency problems - leaving unconfigured\nErrors were "
      "encountered while processing:\n x\n",
      "dpkg: dependency problems prevent configuration of x: x depends on y." },
    { "Preparing\ninstalled: an error handler\ndpkg: error processing package x (--install):\n"
      " installed x package post-installation script subprocess returned error exit status 1\nErrors were "
      "encountered\n",
      "dpkg: error processing package x (--install): installed x package post-installation script subprocess returned "
      "error exit status 1" },
    { "+ set -x\n", "no reason was given" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *cause = sc_package_cause (cases[i].text);

      g_assert_cmpstr (cause, ==, cases[i].cause);
    }
}

static void
test_line (void)
{
  static const char *const bad[] = { "",    "x", "x\t1", "-x\t1\ta", "x\t--eval\ta", "x y\t1\ta", "x\t1\ta\nz\t1\ta",
                                     "\t\t" };
  g_autoptr (ScPackageFile) package = sc_package_from_line ("x-y\t1:2-3\tall\n", NULL);

  g_assert_cmpstr (package->name, ==, "x-y");
  g_assert_cmpstr (package->version, ==, "1:2-3");
  g_assert_cmpstr (package->architecture, ==, "all");
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (sc_package_from_line (bad[i], &error));
      g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
    }
}

static void
make_file (const char *root, const char *dir, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (root, dir, NULL), *file = g_build_filename (path, name, NULL);

  g_assert_cmpint (g_mkdir_with_parents (path, 0755), ==, 0);
  g_assert_true (g_file_set_contents (file, text, -1, NULL));
}

/* Of both, the one that has packages; and of an empty dpkg and an rpm, rpm. */
static void
test_family (void)
{
  g_autofree char *dir = g_dir_make_tmp ("atomic-test-XXXXXX", NULL);
  g_autoptr (ScContext) ctx = sc_context_new (dir, NULL);

  g_assert_null (sc_package_manager_find (ctx));
  make_file (dir, "var/lib/dpkg", "status", "");
  g_assert_true (sc_package_manager_find (ctx) == &sc_package_dpkg);
  make_file (dir, "usr/lib/sysimage/rpm", "rpmdb.sqlite", "x");
  g_assert_true (sc_package_manager_find (ctx) == &sc_package_rpm);
  make_file (dir, "var/lib/dpkg", "status", "Package: x\n");
  g_assert_true (sc_package_manager_find (ctx) == &sc_package_dpkg);
  g_assert_true (sc_fs_remove_tree_at (AT_FDCWD, dir, NULL));
}

static void
test_offline (void)
{
  const char *argv[] = { "sh", "-c", "echo \"$SYSTEMD_OFFLINE\"", NULL };
  g_autofree char *before = NULL, *during = NULL, *after = NULL;

  g_unsetenv ("SYSTEMD_OFFLINE");
  g_assert_true (sc_package_run (argv, &before, NULL, NULL));
  sc_package_set_offline (TRUE);
  g_assert_true (sc_package_run (argv, &during, NULL, NULL));
  sc_package_set_offline (FALSE);
  g_assert_true (sc_package_run (argv, &after, NULL, NULL));
  g_assert_cmpstr (before, ==, "\n");
  g_assert_cmpstr (during, ==, "1\n");
  g_assert_cmpstr (after, ==, "\n");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/package-manager/cause", test_cause);
  g_test_add_func ("/package-manager/line", test_line);
  g_test_add_func ("/package-manager/family", test_family);
  g_test_add_func ("/package-manager/offline", test_offline);
  return g_test_run ();
}
