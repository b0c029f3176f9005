/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists of packages: the text form of dpkg, and differences. */
#include <string.h>

#include "packages.h"

/* "name/arch/version|" of each. */
static char *
parse (const char *text, gsize size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = g_bytes_new (text, size);
  g_autoptr (GPtrArray) packages = g_ptr_array_new_with_free_func ((GDestroyNotify)sc_package_free);
  GString *out = g_string_new (NULL);

  g_assert_true (sc_packages_parse_dpkg (bytes, packages, &error));
  g_assert_no_error (error);
  for (guint i = 0; i < packages->len; i++)
    {
      const ScPackage *package = packages->pdata[i];

      g_assert_cmpstr (package->type, ==, "dpkg");
      g_string_append_printf (out, "%s/%s/%s|", package->name, package->architecture, package->version);
    }
  return g_string_free (out, FALSE);
}

static void
assert_dpkg (const char *text, const char *wanted)
{
  g_autofree char *got = parse (text, strlen (text));

  g_assert_cmpstr (got, ==, wanted);
}

static void
test_dpkg (void)
{
  assert_dpkg ("", "");
  assert_dpkg ("\n\n \n", "");
  assert_dpkg ("Package: a\nStatus: install ok installed\nVersion: 1:2-3\nArchitecture: amd64\n", "a/amd64/1:2-3|");
  assert_dpkg ("package:a\r\nVERSION:  1  \n\n\nPackage: b\nVersion: 2", "a//1|b//2|");
  assert_dpkg ("Package: a\nStatus: deinstall ok config-files\nVersion: 1\n\n"
               "Package: b\nStatus: hold ok installed\nVersion: 2\n\n"
               "Package: c\nStatus: install ok half-installed\nVersion: 3\n\n"
               "Package: d\nStatus: install reinstreq not-installed\n",
               "b//2|");
  /* What belongs to the field before. */
  assert_dpkg ("Package: a\nDescription: x\n Package: no\n\tVersion: no\n .\nVersion: 1\n", "a//1|");
  assert_dpkg ("Version: 1\n\nPackage:\n\nPackage: \t \n\nno field\n\nPackages: x\n\nPack: x\n\n: x\n", "");
  assert_dpkg ("Package: a\nPackage: b\nVersion: 1\nVersion: 2\n", "b//2|");
}

static void
test_dpkg_bytes (void)
{
  static const char nul[] = "Package: a\0b\nVersion: \0\n";
  g_autofree char *got = parse (nul, sizeof nul - 1), *rest = parse ("Package: \xff\xfe", 11);

  g_assert_cmpstr (got, ==, "a//|");
  g_assert_cmpstr (rest, ==, "\xff\xfe//|");
}

static void
add (GPtrArray *packages, const char *name, const char *version)
{
  ScPackage *package = g_new0 (ScPackage, 1);

  package->type = "rpm";
  package->name = g_strdup (name);
  package->architecture = g_strdup ("all");
  package->version = g_strdup (version);
  g_ptr_array_add (packages, package);
}

/* Pairs of name and version, by blanks, sorted. */
static GPtrArray *
list (const char *text)
{
  GPtrArray *packages = g_ptr_array_new_with_free_func ((GDestroyNotify)sc_package_free);
  g_auto (GStrv) words = g_strsplit (text, " ", -1);

  for (guint i = 0; words[i] != NULL && words[i + 1] != NULL; i += 2)
    add (packages, words[i], words[i + 1]);
  return packages;
}

static void
assert_diff (const char *a, const char *b, const char *wanted)
{
  g_autoptr (GPtrArray) list_a = list (a), list_b = list (b), changes = sc_packages_diff (list_a, list_b);
  g_autoptr (GString) got = g_string_new (NULL);

  for (guint i = 0; i < changes->len; i++)
    {
      const ScPackageChange *change = changes->pdata[i];

      g_string_append_printf (got, "%s %s>%s|", change->name, change->old_version ? change->old_version : "",
                              change->new_version ? change->new_version : "");
    }
  g_assert_cmpstr (got->str, ==, wanted);
}

static void
test_diff (void)
{
  assert_diff ("", "", "");
  assert_diff ("a 1 b 2", "a 1 b 2", "");
  assert_diff ("a 1 b 2", "", "a 1>|b 2>|");
  assert_diff ("", "a 1 b 2", "a >1|b >2|");
  assert_diff ("a 1 b 2 d 4", "b 3 c 3 d 4", "a 1>|b 2>3|c >3|");
  /* Several of one name. */
  assert_diff ("k 1 k 2 k 3", "k 2 k 3 k 4", "k 1>4|");
  assert_diff ("k 1 k 2", "k 2", "k 1>|");
  assert_diff ("k 1", "k 1 k 2 k 3", "k >2|k >3|");
  assert_diff ("k 1 k 1", "k 1", "k 1>|");
  assert_diff ("j 1 k 1 k 2 l 1", "j 2 k 3 l 1 m 1", "j 1>2|k 1>3|k 2>|m >1|");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/packages/dpkg", test_dpkg);
  g_test_add_func ("/packages/dpkg-bytes", test_dpkg_bytes);
  g_test_add_func ("/packages/diff", test_diff);
  return g_test_run ();
}
