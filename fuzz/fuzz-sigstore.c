/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is attached to an image, past the signatures that shut most of it off: the first byte says what the rest is. */

#include <string.h>

#include "digest.h"
#include "sigstore-private.h"

#define LOG_ID "c0d23d6ad406973f9559f3ba2d1ca01f84147d8ffc5b8445c224f98b9591801d"

static EVP_PKEY *
log_key (void)
{
  static EVP_PKEY *key;

  if (key == NULL)
    key = EVP_PKEY_Q_keygen (NULL, NULL, "EC", "P-256");
  return key;
}

static void
verify_bundle (const char *bundle)
{
  g_autoptr (GPtrArray) keys = g_ptr_array_new ();
  g_autoptr (GBytes) bytes = g_bytes_new_static ("{}", 2);
  const ScRekorSubject subject = { bytes, bytes, bytes };
  g_autoptr (GError) error = NULL;
  gint64 time = 0;

  g_ptr_array_add (keys, log_key ());
  g_assert_true (sc_sigstore_rekor_verify (keys, bundle, &subject, &time, &error) == (error == NULL));
}

/* As the log would promise it. */
static void
verify_body (const guint8 *data, gsize size)
{
  g_autofree char *body = g_base64_encode (data, size);
  g_autofree char *text =
      g_strdup_printf ("{\"body\":\"%s\",\"integratedTime\":1,\"logID\":\"" LOG_ID "\",\"logIndex\":1}", body);
  g_autofree char *promise = NULL;
  g_autofree char *bundle = NULL;
  EVP_MD_CTX *ctx = EVP_MD_CTX_new ();
  guint8 signature[256];
  gsize signature_size = sizeof signature;

  g_assert_cmpint (EVP_DigestSignInit (ctx, NULL, EVP_sha256 (), NULL, log_key ()), ==, 1);
  g_assert_cmpint (EVP_DigestSign (ctx, signature, &signature_size, (const guint8 *)text, strlen (text)), ==, 1);
  EVP_MD_CTX_free (ctx);
  promise = g_base64_encode (signature, signature_size);
  bundle = g_strdup_printf ("{\"SignedEntryTimestamp\":\"%s\",\"Payload\":%s}", promise, text);
  verify_bundle (bundle);
}

static void
parse_payload (GBytes *raw)
{
  g_autofree char *reference = NULL;
  g_autofree char *digest = NULL;
  g_autoptr (GError) error = NULL;
  gboolean done = sc_sigstore_payload_parse (raw, &reference, &digest, &error);

  g_assert_true (done == (error == NULL));
  g_assert_true (done == (reference != NULL && sc_digest_check (digest, NULL)));
}

static void
parse_file (GBytes *raw)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ScSigstoreSignature) signature = sc_sigstore_signature_parse (raw, &error);

  g_assert_true ((signature == NULL) == (error != NULL));
  g_assert_true (signature == NULL || (sc_sigstore_is_file (raw) && signature->signature != NULL));
}

/* A certificate and, as chain and as what is trusted, those that follow it; or a public key. */
static void
parse_pem (const char *text, GBytes *raw)
{
  g_autoptr (GBytes) der = NULL;
  g_autoptr (GPtrArray) roots = sc_sigstore_certs_parse ("roots", text, strlen (text), 10, NULL);
  g_autoptr (X509) leaf = sc_sigstore_cert_parse ("leaf", text, &der, NULL);
  g_autoptr (GError) key_error = NULL;
  g_autoptr (EVP_PKEY) key = sc_sigstore_key_parse ("key", raw, &key_error);

  g_assert_true ((leaf == NULL) == (der == NULL));
  g_assert_true ((key == NULL) == (key_error != NULL));
  if (roots != NULL)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (X509) first = g_ptr_array_steal_index (roots, 0);

      g_assert_true (sc_sigstore_cert_verify (first, text, roots, "https://x", "a@b", 1700000000, &error)
                     == (error == NULL));
    }
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (GBytes) raw = NULL;
  g_autofree char *text = NULL;

  if (size == 0)
    return 0;
  raw = g_bytes_new (data + 1, size - 1);
  text = g_strndup ((const char *)data + 1, size - 1);
  switch (data[0])
    {
    case 'p':
      parse_payload (raw);
      break;
    case 'b':
      verify_bundle (text);
      break;
    case 'l':
      verify_body (data + 1, size - 1);
      break;
    case 'f':
      parse_file (raw);
      break;
    case 'c':
      parse_pem (text, raw);
      break;
    default:
      break;
    }
  return 0;
}
