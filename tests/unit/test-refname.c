/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Branch names: what docs/formats.md says, and that nothing else decodes. */
#include <glib.h>

#include "refname.h"

static const struct
{
  const char *name, *branch;
} good[] = {
  { "gscrivano/etcd:latest", "ociimage/gscrivano_2Fetcd_3Alatest" },
  { "docker.io/library/x:1.0-a", "ociimage/docker.io_2Flibrary_2Fx_3A1.0-a" },
  { "localhost:5000/a_b:v1", "ociimage/localhost_3A5000_2Fa_5Fb_3Av1" },
  { "[::1]:5000/a:b", "ociimage/_5B_3A_3A1_5D_3A5000_2Fa_3Ab" },
};

static void
test_both_ways (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *branch = sc_refname_encode (good[i].name), *name = NULL;

      g_assert_cmpstr (branch, ==, good[i].branch);
      name = sc_refname_decode (branch, &error);
      g_assert_no_error (error);
      g_assert_cmpstr (name, ==, good[i].name);
    }
}

static void
test_bad (void)
{
  static const char *const bad[] = {
    "ociimage/",     "other/x",       "ociimage/a_",  "ociimage/a_2", "ociimage/a_2f", "ociimage/a_2G",
    "ociimage/a_00", "ociimage/a_41", "ociimage/a/b", "ociimage/a:b", "ociimage/a_FF",
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (sc_refname_decode (bad[i], &error));
      g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
    }
}

static void
test_blob (void)
{
  const char *hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  g_autofree char *digest = g_strconcat ("sha256:", hex, NULL), *a = sc_refname_for_blob (digest),
                  *b = sc_refname_for_blob (hex);

  g_assert_cmpstr (a, ==, b);
  g_assert_cmpstr (sc_refname_blob (a), ==, hex);
  g_assert_null (sc_refname_blob ("ociimage/e3b0"));
  g_assert_null (sc_refname_blob ("ociimage/busybox_3Alatest"));
}

static void
test_temporary (void)
{
  static const char *const other[] = { "ociimage/tmp.AbCd0",   "ociimage/tmp.AbCd012", "ociimage/tmp.AbC_40",
                                       "ociimage/tmp_3AAbCd0", "ociimage/xtmp.AbCd01", "other/tmp.AbCd01" };

  g_assert_true (sc_refname_is_temporary ("ociimage/tmp.AbCd01"));
  for (guint i = 0; i < G_N_ELEMENTS (other); i++)
    g_assert_false (sc_refname_is_temporary (other[i]));
}

static void
test_length (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *fits = g_strnfill (255, 'a'), *long_name = g_strnfill (256, 'a');

  g_assert_true (sc_refname_check (fits, &error));
  g_assert_no_error (error);
  g_assert_false (sc_refname_check (long_name, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_LIMIT);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/refname/both-ways", test_both_ways);
  g_test_add_func ("/refname/bad", test_bad);
  g_test_add_func ("/refname/blob", test_blob);
  g_test_add_func ("/refname/temporary", test_temporary);
  g_test_add_func ("/refname/length", test_length);
  return g_test_run ();
}
