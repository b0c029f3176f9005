/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Options of mounts. */
#include "mount.h"

static void
assert_options (const char *text, gboolean live, const char *wanted)
{
  g_autoptr (GError) error = NULL;
  ScMountOptions options = { .live = live };
  g_autofree char *got = NULL;

  if (!sc_mount_options_parse (text, &options, &error))
    g_error ("%s: %s", text, error->message);
  got = g_strdup_printf ("%s%s%s%s", options.attributes.read_only ? "r" : "", options.attributes.nosuid ? "s" : "",
                         options.attributes.nodev ? "d" : "", options.attributes.noexec ? "x" : "");
  g_assert_cmpstr (got, ==, wanted);
}

static void
assert_refused (const char *text, gboolean live)
{
  g_autoptr (GError) error = NULL;
  ScMountOptions options = { .live = live };

  g_assert_false (sc_mount_options_parse (text, &options, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_USAGE);
}

static void
test_options (void)
{
  assert_options (NULL, FALSE, "rsd");
  assert_options (NULL, TRUE, "sd");
  assert_options ("", FALSE, "rsd");
  assert_options ("ro", FALSE, "rsd");
  assert_options ("rw,noexec", TRUE, "sdx");
  assert_options ("suid,dev", FALSE, "r");
  assert_options ("suid,nosuid,noexec,exec,nodev,dev", FALSE, "rs");
  assert_options ("rw,ro", FALSE, "rsd");
}

static void
test_refused (void)
{
  assert_refused ("rw", FALSE);
  assert_refused ("ro,rw", FALSE);
  assert_refused ("ro", TRUE);
  assert_refused (",", FALSE);
  assert_refused ("ro,", FALSE);
  assert_refused ("RO", FALSE);
  assert_refused ("bind", FALSE);
  assert_refused ("ro noexec", FALSE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/mount/options", test_options);
  g_test_add_func ("/mount/refused", test_refused);
  return g_test_run ();
}
