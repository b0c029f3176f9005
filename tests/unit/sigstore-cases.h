/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Cases for tests of sigstore: a good signature and one change, made before it is signed or afterwards.  For unit
 * tests: every failure here ends the program.
 */

#include "sigstore-fixture.h"

#define ISSUER "https://login.example.com"
#define EMAIL  "builder@example.com"
#define LOG_ID "c0d23d6ad406973f9559f3ba2d1ca01f84147d8ffc5b8445c224f98b9591801d"

static struct
{
  EVP_PKEY *signer;
  EVP_PKEY *rekor;
  EVP_PKEY *ca;
  EVP_PKEY *middle;
  EVP_PKEY *other;
} keys;

/* What a signature is made of, and what is trusted. */
typedef struct
{
  const char *payload;
  EVP_PKEY *sign_with;
  EVP_PKEY *leaf_key;
  const char *body_payload;   /* (nullable): what the entry speaks of, if it is not this signature */
  const char *body_signature; /* (nullable) */
  EVP_PKEY *body_key;         /* (nullable) */
  const char *body_signer;    /* (nullable): text */
  EntrySpec entry;
  CertSpec root;
  CertSpec middle;
  CertSpec leaf;
  gboolean with_middle;
  EVP_PKEY *trusted_rekor;
  EVP_PKEY *trusted_key;
  gboolean trust_middle;  /* the policy names the CA in the middle, not its issuer */
  gboolean trust_leaf;    /* the policy names the certificate itself */
  gboolean trust_another; /* a CA of the same name with another key */
} Spec;

typedef struct
{
  const char *name;
  void (*change) (Spec *spec);                                                  /* (nullable): before it is signed */
  void (*spoil) (ScSigstoreSignature *signature, const ScSigstoreTrust *trust); /* (nullable): afterwards */
  const char *refused; /* (nullable): because of this; NULL: good */
} Case;

static inline Spec
good_spec (void)
{
  Spec spec = {
    .payload = PAYLOAD,
    .sign_with = keys.signer,
    .leaf_key = keys.signer,
    .entry = { .key = keys.rekor,
               .kind = "hashedrekord",
               .version = "0.0.1",
               .algorithm = "sha256",
               .time = T0 + 60,
               .log_id = LOG_ID },
    .root = { .name = "root",
              .key = keys.ca,
              .from = T0 - 1000000,
              .until = T0 + 1000000,
              .basic_constraints = "critical,CA:TRUE",
              .key_usage = "critical,keyCertSign,cRLSign" },
    .middle = { .name = "middle",
                .key = keys.middle,
                .from = T0 - 1000,
                .until = T0 + 10000,
                .basic_constraints = "critical,CA:TRUE,pathlen:0",
                .key_usage = "critical,keyCertSign,cRLSign",
                .ext_key_usage = "codeSigning" },
    .leaf = { .name = "leaf",
              .from = T0,
              .until = T0 + 600,
              .key_usage = "critical,digitalSignature",
              .ext_key_usage = "codeSigning",
              .alt_name = "critical,email:" EMAIL,
              .oidc_issuer = ISSUER },
    .trusted_rekor = keys.rekor,
    .trusted_key = keys.signer,
  };

  return spec;
}

static inline GPtrArray *
one_key (EVP_PKEY *key)
{
  GPtrArray *array = g_ptr_array_new_with_free_func ((GDestroyNotify)g_bytes_unref);

  g_ptr_array_add (array, key_pem (key));
  return array;
}

/* What both ways have in common. @signer: (transfer full): PEM of the key or certificate */
static inline ScSigstoreSignature *
make_signature (Spec *spec, char *signer, gboolean with_entry)
{
  ScSigstoreSignature *signature = g_new0 (ScSigstoreSignature, 1);
  g_autofree char *shown = signer;

  signature->payload = g_bytes_new (spec->payload, strlen (spec->payload));
  signature->signature = sign_text (spec->sign_with, spec->payload);
  if (spec->body_key != NULL)
    {
      g_free (shown);
      shown = bytes_text (key_pem (spec->body_key));
    }
  spec->entry.payload = spec->body_payload != NULL ? spec->body_payload : spec->payload;
  spec->entry.signature = spec->body_signature != NULL ? spec->body_signature : signature->signature;
  spec->entry.signer = spec->body_signer != NULL ? spec->body_signer : shown;
  if (with_entry)
    signature->bundle = make_bundle (&spec->entry);
  return signature;
}

static inline void
check (const Case *test, const ScSigstoreTrust *trust, ScSigstoreSignature *signature, const char *wanted_signer)
{
  g_autofree char *reference = NULL;
  g_autofree char *digest = NULL;
  g_autofree char *signer = NULL;
  g_autoptr (GError) error = NULL;
  gboolean accepted;

  g_test_message ("%s", test->name);
  if (test->spoil != NULL)
    test->spoil (signature, trust);
  accepted = sc_sigstore_verify (trust, signature, &reference, &digest, &signer, &error);
  if (test->refused == NULL)
    {
      g_assert_no_error (error);
      g_assert_true (accepted);
      g_assert_cmpstr (reference, ==, REFERENCE);
      g_assert_cmpstr (digest, ==, DIGEST);
      g_assert_cmpstr (signer, ==, wanted_signer);
      return;
    }
  g_assert_false (accepted);
  g_assert_error (error, SC_ERROR, SC_ERROR_DENIED);
  g_assert_true (g_str_has_prefix (error->message, "sigstore signature refused: "));
  if (strstr (error->message, test->refused) == NULL)
    g_error ("%s: refused because: %s", test->name, error->message);
  g_assert_null (strchr (error->message, '\n'));
  g_assert_null (reference);
  g_assert_null (digest);
  g_assert_null (signer);
}

static inline void
run_key_case (const Case *test, gboolean rekor)
{
  Spec spec = good_spec ();
  g_autoptr (ScSigstoreTrust) trust = sc_sigstore_trust_new ();
  g_autoptr (ScSigstoreSignature) signature = NULL;
  g_autofree char *signer = NULL;
  g_autofree char *digest = NULL;
  guint8 *der = NULL;
  int size;

  if (test->change != NULL)
    test->change (&spec);
  trust->public_keys = one_key (spec.trusted_key);
  if (rekor)
    trust->rekor_public_keys = one_key (spec.trusted_rekor);
  signature = make_signature (&spec, bytes_text (key_pem (spec.sign_with)), rekor);
  size = i2d_PUBKEY (spec.trusted_key, &der);
  digest = sc_digest_of (der, (gsize)size);
  OPENSSL_free (der);
  signer = g_strconcat ("key ", digest, NULL);
  check (test, trust, signature, signer);
}

#define CHANGE(name, statement)                                                                                        \
  static inline void name (Spec *spec) { statement; }
#define SPOIL(name, statement)                                                                                         \
  static inline void name (ScSigstoreSignature *signature, const ScSigstoreTrust *trust) { statement; }
#define REPLACE(member, text) (g_free (signature->member), signature->member = g_strdup (text))

static inline void
set_payload (ScSigstoreSignature *signature, const char *text)
{
  g_bytes_unref (signature->payload);
  signature->payload = g_bytes_new (text, strlen (text));
}

/* Replaces the first @old in @member of a signature; it must be there. */
static inline void
edit (char **member, const char *old, const char *new)
{
  char *at = strstr (*member, old);
  char *head, *text;

  g_assert_nonnull (at);
  head = g_strndup (*member, (gsize)(at - *member));
  text = g_strconcat (head, new, at + strlen (old), NULL);
  g_free (head);
  g_free (*member);
  *member = text;
}

/* Changes the decoded bytes of a signature: cuts @cut off, flips a bit of byte @at (-1: none), adds @more zeros. */
static inline void
edit_signature (ScSigstoreSignature *signature, gsize cut, int at, gsize more)
{
  gsize size = 0;
  guint8 *data = g_base64_decode (signature->signature, &size);

  data = g_realloc (data, size + more + 1);
  memset (data + size, 0, more + 1);
  if (at >= 0)
    data[at] ^= 1;
  g_free (signature->signature);
  signature->signature = g_base64_encode (data, size - cut + more);
  g_free (data);
}

CHANGE (sign_with_other, spec->sign_with = keys.other)
SPOIL (flip_payload, set_payload (signature, "{\"critical\":" CRITICAL ",\"optional\":{ }}"))
SPOIL (flip_signature, edit_signature (signature, 0, 20, 0))

static inline void
keys_make (void)
{
  keys.signer = make_key ("P-256");
  keys.rekor = make_key ("P-256");
  keys.ca = make_key ("P-384");
  keys.middle = make_key ("P-384");
  keys.other = make_key ("P-256");
}

static inline void
keys_free (void)
{
  EVP_PKEY_free (keys.signer);
  EVP_PKEY_free (keys.rekor);
  EVP_PKEY_free (keys.ca);
  EVP_PKEY_free (keys.middle);
  EVP_PKEY_free (keys.other);
}
