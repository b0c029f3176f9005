/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Simple signatures: what their content must be, and which OpenPGP messages are signatures by a key that is trusted. */

#include "signature.h"

#include <string.h>
#include <unistd.h>

#define DIGEST                  "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define TYPE                    "\"type\": \"atomic container signature\""
#define IMAGE                   "\"image\": {\"docker-manifest-digest\": \"" DIGEST "\"}"
#define NAME                    "\"identity\": {\"docker-reference\": \"quay.io/x/y:1\"}"
#define PAYLOAD(critical, rest) "{\"critical\": {" critical "}" rest "}"
#define CRITICAL                TYPE ", " IMAGE ", " NAME

static GBytes *
fixture (const char *name)
{
  g_autofree char *path = g_build_filename (g_getenv ("SC_TEST_DATA"), "signatures", name, NULL);
  char *data = NULL;
  gsize size = 0;

  g_assert_true (g_file_get_contents (path, &data, &size, NULL));
  return g_bytes_new_take (data, size);
}

static void
test_payload (void)
{
  static const struct
  {
    const char *text;
    gboolean good;
  } cases[] = {
    { PAYLOAD (CRITICAL, ", \"optional\": {}"), TRUE },
    { PAYLOAD (CRITICAL, ", \"optional\": {\"creator\": \"x\", \"timestamp\": 5, \"future\": [null]}"), TRUE },
    { PAYLOAD (CRITICAL, ", \"optional\": {\"timestamp\": -5.0}"), TRUE },
    { "", FALSE },
    { "[]", FALSE },
    { "{}", FALSE },
    { PAYLOAD (CRITICAL, ""), FALSE },
    { PAYLOAD (CRITICAL, ", \"optional\": null"), FALSE },
    { PAYLOAD (CRITICAL, ", \"optional\": {}, \"more\": 1"), FALSE },
    { PAYLOAD (CRITICAL, ", \"optional\": {}} {"), FALSE },
    { PAYLOAD (CRITICAL ", \"more\": 1", ", \"optional\": {}"), FALSE },
    { PAYLOAD (CRITICAL ", " TYPE, ", \"optional\": {}"), FALSE },
    { PAYLOAD (IMAGE ", " NAME, ", \"optional\": {}"), FALSE },
    { PAYLOAD (TYPE ", " NAME, ", \"optional\": {}"), FALSE },
    { PAYLOAD (TYPE ", " IMAGE, ", \"optional\": {}"), FALSE },
    { PAYLOAD ("\"type\": \"cosign container image signature\", " IMAGE ", " NAME, ", \"optional\": {}"), FALSE },
    { PAYLOAD (TYPE ", \"image\": {}, " NAME, ", \"optional\": {}"), FALSE },
    { PAYLOAD (TYPE ", \"image\": {\"docker-manifest-digest\": 1}, " NAME, ", \"optional\": {}"), FALSE },
    { PAYLOAD (TYPE ", \"image\": {\"docker-manifest-digest\": \"x\", \"y\": 1}, " NAME, ", \"optional\": {}"), FALSE },
    { PAYLOAD (TYPE ", " IMAGE ", \"identity\": {\"docker-reference\": \"x\", \"y\": 1}", ", \"optional\": {}"),
      FALSE },
    { PAYLOAD (TYPE ", " IMAGE ", \"identity\": []", ", \"optional\": {}"), FALSE },
    { PAYLOAD (CRITICAL, ", \"optional\": {\"creator\": 1}"), FALSE },
    { PAYLOAD (CRITICAL, ", \"optional\": {\"timestamp\": \"1\"}"), FALSE },
    { PAYLOAD (CRITICAL, ", \"optional\": {\"timestamp\": 1.5}"), FALSE },
    { PAYLOAD (CRITICAL, ", \"optional\": {\"timestamp\": 1e300}"), FALSE },
    { PAYLOAD (CRITICAL, ", \"optional\": {\"timestamp\": null}"), FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GBytes) payload = g_bytes_new_static (cases[i].text, strlen (cases[i].text));
      g_autoptr (GError) error = NULL;
      g_auto (ScSignature) signature = { 0 };
      gboolean good = sc_signature_parse (payload, &signature, &error);

      if (good != cases[i].good)
        g_error ("%s: %s", cases[i].text, error != NULL ? error->message : "accepted");
      if (!good)
        {
          g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
          continue;
        }
      g_assert_cmpstr (signature.manifest_digest, ==, DIGEST);
      g_assert_cmpstr (signature.docker_reference, ==, "quay.io/x/y:1");
    }
}

static ScGpgKeys *
keys_of (const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) blob = fixture (name);
  ScGpgKeys *keys = sc_gpg_keys_new (&error);
  gboolean ok;

  g_assert_no_error (error);
  ok = sc_gpg_keys_add (keys, blob, &error);
  g_assert_no_error (error);
  g_assert_true (ok);
  return keys;
}

typedef struct
{
  const char *key, *signature;
  const char *reason; /* NULL: it is good */
} VerifyCase;

static const VerifyCase verify_cases[] = {
  { "good.gpg", "by-good.sig", NULL },
  { "good.asc", "by-good.sig", NULL },
  { "other.gpg", "by-good.sig", "which the policy does not name" },
  { "good.gpg", "by-other.sig", "which the policy does not name" },
  { "before-expiry.gpg", "by-expired.sig", NULL },
  { "expired.gpg", "by-expired.sig", "which has expired" },
  { "revoked.gpg", "by-revoked.sig", "which was revoked" },
  { "good.gpg", "expired-signature.sig", "and has expired" },
  { "good.gpg", "by-two.sig", "" },
  { "good.gpg", "other-payload.sig", "signature: " },
  { "good.gpg", "bomb.sig", "" },
  { "good.gpg", "detached.sig", "" },
  { "good.gpg", "cleartext.sig", "not a signed message" },
  { "good.gpg", "unsigned.sig", "not a signed message" },
  { "good.gpg", "good.gpg", "" },
  { "good.gpg", "make.sh", "" },
};

static void
test_verify (void)
{
  g_autoptr (GBytes) good = fixture ("good.fingerprint");

  for (gsize i = 0; i < G_N_ELEMENTS (verify_cases); i++)
    {
      const VerifyCase *c = &verify_cases[i];
      g_autoptr (ScGpgKeys) keys = keys_of (c->key);
      g_autoptr (GBytes) blob = fixture (c->signature);
      g_autoptr (GError) error = NULL;
      g_auto (ScSignature) signature = { 0 };
      gboolean ok = sc_signature_verify (keys, blob, &signature, &error);

      if (ok != (c->reason == NULL))
        g_error ("%s with %s: %s", c->signature, c->key, error != NULL ? error->message : "accepted");
      if (!ok)
        {
          g_assert_error (error, SC_ERROR, SC_ERROR_DENIED);
          if (strstr (error->message, c->reason) == NULL)
            g_error ("%s with %s: %s", c->signature, c->key, error->message);
          continue;
        }
      g_assert_cmpstr (signature.manifest_digest, ==, DIGEST);
      g_assert_cmpstr (signature.docker_reference, ==, "quay.io/x/y:1");
      g_assert_cmpuint (strlen (signature.fingerprint), ==, 40);
      if (strcmp (c->signature, "by-good.sig") == 0)
        g_assert_cmpmem (signature.fingerprint, 40, g_bytes_get_data (good, NULL), 40);
    }
}

/* Every byte of it counts. */
static void
test_changed (void)
{
  g_autoptr (ScGpgKeys) keys = keys_of ("good.gpg");
  g_autoptr (GBytes) blob = fixture ("by-good.sig");
  gsize size = 0;
  const guint8 *data = g_bytes_get_data (blob, &size);

  for (gsize at = 0; at < size; at += 13)
    {
      g_autofree guint8 *copy = g_memdup2 (data, size);
      g_autoptr (GBytes) changed = NULL, cut = g_bytes_new_from_bytes (blob, 0, at);
      g_auto (ScSignature) a = { 0 }, b = { 0 };
      g_autoptr (GError) error = NULL;

      copy[at] ^= 0x11;
      changed = g_bytes_new (copy, size);
      g_assert_false (sc_signature_verify (keys, changed, &a, &error));
      g_assert_error (error, SC_ERROR, SC_ERROR_DENIED);
      g_clear_error (&error);
      g_assert_false (sc_signature_verify (keys, cut, &b, &error));
      g_assert_error (error, SC_ERROR, SC_ERROR_DENIED);
    }
}

static guint
count_homes (void)
{
  g_autoptr (GDir) dir = g_dir_open (g_get_tmp_dir (), 0, NULL);
  const char *name;
  guint n = 0;

  while ((name = g_dir_read_name (dir)) != NULL)
    n += g_str_has_prefix (name, "atomic-gpg.");
  return n;
}

static void
test_keys (void)
{
  g_autoptr (GBytes) nothing = g_bytes_new_static ("", 0), text = g_bytes_new_static ("no key", 6);
  g_autoptr (GBytes) signature = fixture ("by-good.sig"), secret = fixture ("secret.gpg");
  g_autoptr (GBytes) by_other = fixture ("by-other.sig");
  g_autoptr (ScGpgKeys) keys = NULL;
  g_auto (GStrv) names = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (ScSignature) out = { 0 };

  keys = keys_of ("good.gpg");
  names = sc_gpg_keys_names (keys);
  g_assert_cmpstr (names[0], ==, "good@example.com");
  g_assert_null (names[1]);
  g_assert_false (sc_gpg_keys_add (keys, nothing, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
  g_clear_error (&error);
  g_assert_false (sc_gpg_keys_add (keys, text, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
  g_clear_error (&error);
  g_assert_false (sc_gpg_keys_add (keys, signature, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
  g_clear_error (&error);
  /* A secret key is not what belongs into a policy, but its public half is in it. No agent gets it. */
  if (sc_gpg_keys_add (keys, secret, &error))
    {
      g_assert_true (sc_signature_verify (keys, by_other, &out, &error));
      g_assert_no_error (error);
    }
  else
    g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
}

static void
test_homes (void)
{
  guint before = count_homes ();
  ScGpgKeys *keys = keys_of ("good.gpg");

  g_assert_cmpuint (count_homes (), >=, 1);
  sc_gpg_keys_free (keys);
  g_assert_cmpuint (count_homes (), <=, before);
}

int
main (int argc, char **argv)
{
  const char *above = g_getenv ("TMPDIR");
  g_autofree char *tmp = g_build_filename (above != NULL ? above : "/tmp", "test-signature-XXXXXX", NULL);
  int r;

  /* Before GLib looks, as g_dir_make_tmp() would: so that nobody else's keyrings are counted. */
  g_assert_nonnull (g_mkdtemp (tmp));
  g_setenv ("TMPDIR", tmp, TRUE);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/signature/payload", test_payload);
  g_test_add_func ("/signature/verify", test_verify);
  g_test_add_func ("/signature/changed", test_changed);
  g_test_add_func ("/signature/keys", test_keys);
  g_test_add_func ("/signature/homes", test_homes);
  r = g_test_run ();
  /* Nothing is left in it. */
  g_assert_cmpint (rmdir (tmp), ==, 0);
  return r;
}
