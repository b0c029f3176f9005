/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * challenge: WWW-Authenticate headers, well-formed, odd and broken.
 */

#include "challenge.h"

typedef struct
{
  const char *header;
  ScChallengeScheme scheme;
  const char *realm;
  const char *service;
} Case;

static const Case cases[] = {
  { "", SC_CHALLENGE_NONE, NULL, NULL },
  { "Basic", SC_CHALLENGE_BASIC, NULL, NULL },
  { "Basic realm=\"r\"", SC_CHALLENGE_BASIC, "r", NULL },
  { "bAsIc REALM = r", SC_CHALLENGE_BASIC, "r", NULL },
  { "Bearer realm=\"https://a/token\",service=\"s\",scope=\"repository:a/b:pull,push\"", SC_CHALLENGE_BEARER,
    "https://a/token", "s" },
  { "Bearer realm=\"https://a/t?x=1,2\" , service=plain", SC_CHALLENGE_BEARER, "https://a/t?x=1,2", "plain" },
  { "Bearer realm=\"a\\\"b\\\\c\"", SC_CHALLENGE_BEARER, "a\"b\\c", NULL },
  /* The better of two, in either order. */
  { "Basic realm=\"b\", Bearer realm=\"t\"", SC_CHALLENGE_BEARER, "t", NULL },
  { "Bearer realm=\"t\",service=\"s\", Basic realm=\"b\"", SC_CHALLENGE_BEARER, "t", "s" },
  { "Negotiate, Basic realm=\"b\"", SC_CHALLENGE_BASIC, "b", NULL },
  { "Negotiate YII==, NTLM", SC_CHALLENGE_NONE, NULL, NULL },
  /* Bearer without a realm leads nowhere. */
  { "Bearer service=\"s\"", SC_CHALLENGE_NONE, NULL, NULL },
  { "Bearer service=\"s\", Basic", SC_CHALLENGE_BASIC, NULL, NULL },
  /* The first of a repeated parameter. */
  { "Bearer realm=\"one\",realm=\"two\"", SC_CHALLENGE_BEARER, "one", NULL },
  /* Broken ones end somewhere. */
  { "Bearer realm=\"open", SC_CHALLENGE_BEARER, "open", NULL },
  { "Bearer realm=\"open\\", SC_CHALLENGE_BEARER, "open\\", NULL },
  { "Bearer realm", SC_CHALLENGE_NONE, NULL, NULL },
  { "=,=\"\",,;(\xff) Basic", SC_CHALLENGE_NONE, NULL, NULL },
  { "realm=\"stray\"", SC_CHALLENGE_NONE, NULL, NULL },
};

static void
test_parse (gconstpointer data)
{
  const Case *c = data;
  g_auto (ScChallenge) challenge = { 0 };

  sc_challenge_parse (c->header, &challenge);
  g_assert_cmpint (challenge.scheme, ==, c->scheme);
  g_assert_cmpstr (challenge.realm, ==, c->realm);
  g_assert_cmpstr (challenge.service, ==, c->service);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strdup_printf ("/challenge/parse/%zu", i);

      g_test_add_data_func (path, &cases[i], test_parse);
    }
  return g_test_run ();
}
