/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SHA-256 against the examples of FIPS 180, and the text form of digests. */
#include <string.h>

#include "digest.h"

#define EMPTY_HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ABC_HEX   "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define MILLION_A "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"

static void
assert_finish (ScSha256 *sum, const char *expected)
{
  guint8 raw[SC_SHA256_SIZE];
  char hex[SC_SHA256_HEX + 1];

  sc_sha256_finish (sum, raw);
  sc_digest_to_hex (raw, hex);
  g_assert_cmpstr (hex, ==, expected);
}

static void
test_vectors (void)
{
  g_autofree char *empty = sc_digest_of (NULL, 0);
  g_autofree char *abc = sc_digest_of ("abc", 3);

  g_assert_cmpstr (empty, ==, "sha256:" EMPTY_HEX);
  g_assert_cmpstr (abc, ==, "sha256:" ABC_HEX);
}

/* In uneven pieces, and one context used again and again. */
static void
test_stream (void)
{
  g_autoptr (ScSha256) sum = sc_sha256_new ();
  g_autofree char *text = g_strnfill (1000000, 'a');
  gsize done = 0;

  for (gsize piece = 1; done < 1000000; piece = piece * 3 + 1)
    {
      gsize size = MIN (piece, 1000000 - done);

      sc_sha256_update (sum, text + done, size);
      done += size;
    }
  assert_finish (sum, MILLION_A);
  sc_sha256_reset (sum);
  assert_finish (sum, EMPTY_HEX);
  sc_sha256_reset (sum);
  sc_sha256_update (sum, "unfinished", 10);
  sc_sha256_reset (sum);
  sc_sha256_update (sum, "a", 1);
  sc_sha256_update (sum, NULL, 0);
  sc_sha256_update (sum, "bc", 2);
  assert_finish (sum, ABC_HEX);
}

static void
test_check (void)
{
  static const struct
  {
    const char *digest;
    int code; /* -1: good */
  } rows[] = {
    { "sha256:" ABC_HEX, -1 },
    { "sha256:" ABC_HEX "0", SC_ERROR_INVALID },
    { "sha256:BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD", SC_ERROR_INVALID },
    { "sha256:ba7816bf", SC_ERROR_INVALID },
    { "sha256:", SC_ERROR_INVALID },
    { "sha256:ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", SC_ERROR_INVALID },
    { "sha256:../../../../etc/passwd0000000000000000000000000000000000000000000", SC_ERROR_INVALID },
    { "SHA256:" ABC_HEX, SC_ERROR_INVALID },
    { ABC_HEX, SC_ERROR_INVALID },
    { ":" ABC_HEX, SC_ERROR_INVALID },
    { "", SC_ERROR_INVALID },
    { NULL, SC_ERROR_INVALID },
    { "a b:c", SC_ERROR_INVALID },
    { "a..b:c", SC_ERROR_INVALID },
    { "sha256+:c", SC_ERROR_INVALID },
    { "md5:d41d8cd98f00b204e9800998ecf8427e", SC_ERROR_UNSUPPORTED },
    { "sha512:00", SC_ERROR_UNSUPPORTED },
    { "sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564", SC_ERROR_UNSUPPORTED },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;

      g_test_message ("%s", rows[i].digest ? rows[i].digest : "(null)");
      if (sc_digest_check (rows[i].digest, &error))
        g_assert_cmpint (rows[i].code, ==, -1);
      else
        g_assert_error (error, SC_ERROR, rows[i].code);
    }
}

static void
test_hex (void)
{
  g_assert_true (sc_digest_is_hex (ABC_HEX));
  g_assert_false (sc_digest_is_hex (ABC_HEX "0"));
  g_assert_false (sc_digest_is_hex (""));
  g_assert_false (sc_digest_is_hex (&ABC_HEX[1]));
  g_assert_cmpstr (sc_digest_hex ("sha256:" ABC_HEX), ==, ABC_HEX);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/digest/vectors", test_vectors);
  g_test_add_func ("/digest/stream", test_stream);
  g_test_add_func ("/digest/check", test_check);
  g_test_add_func ("/digest/hex", test_hex);
  return g_test_run ();
}
