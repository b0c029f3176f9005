/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * sigstore: which signatures by a key are accepted, what a payload may be, and which keys and certificates a policy may
 * name.
 */

#include "sigstore-cases.h"

CHANGE (optional_null, spec->payload = "{\"critical\":" CRITICAL ",\"optional\":null}")
CHANGE (optional_more, spec->payload = " {\"optional\":{\"a\":[{}],\"b\":1.5},\n\"critical\":" CRITICAL "}\n")
SPOIL (payload_newline, set_payload (signature, PAYLOAD "\n"))
SPOIL (no_payload, set_payload (signature, ""))
SPOIL (cut_signature, edit_signature (signature, 1, -1, 0))
SPOIL (long_signature, edit_signature (signature, 0, -1, 1))
SPOIL (no_signature, REPLACE (signature, ""))
SPOIL (raw_signature, REPLACE (signature, "not base64 at all!"))
SPOIL (newline_in_signature, edit (&signature->signature, "M", "M\n"))
SPOIL (huge_signature, g_free (signature->signature); signature->signature = g_strnfill (20000, 'A'))

static void
huge_payload (ScSigstoreSignature *signature, const ScSigstoreTrust *trust)
{
  g_bytes_unref (signature->payload);
  signature->payload =
      g_bytes_new_take (g_malloc0 (SC_SIGSTORE_MAX_PAYLOAD_SIZE + 1), SC_SIGSTORE_MAX_PAYLOAD_SIZE + 1);
}

static void
add_good_key (ScSigstoreSignature *signature, const ScSigstoreTrust *trust)
{
  g_ptr_array_insert (trust->public_keys, 0, key_pem (keys.other));
}

static void
only_other_keys (ScSigstoreSignature *signature, const ScSigstoreTrust *trust)
{
  g_ptr_array_remove_index (trust->public_keys, 0);
  g_ptr_array_add (trust->public_keys, key_pem (keys.other));
  g_ptr_array_add (trust->public_keys, key_pem (keys.ca));
}

static void
test_key (void)
{
  static const Case cases[] = {
    { "good", NULL, NULL, NULL },
    { "optional is null", optional_null, NULL, NULL },
    { "optional has more, other spelling", optional_more, NULL, NULL },
    { "one of two keys", NULL, add_good_key, NULL },
    { "wrong key", sign_with_other, NULL, "signature: not made with this key" },
    { "wrong keys", NULL, only_other_keys, "none of the 2 keys" },
    { "payload changed", NULL, flip_payload, "not made with this key" },
    { "payload with a newline more", NULL, payload_newline, "not made with this key" },
    { "empty payload", NULL, no_payload, "not made with this key" },
    { "huge payload", NULL, huge_payload, "payload: larger than" },
    { "a bit of the signature", NULL, flip_signature, "not made with this key" },
    { "signature cut", NULL, cut_signature, "not made with this key" },
    { "signature with a byte more", NULL, long_signature, "not made with this key" },
    { "no signature", NULL, no_signature, "signature: empty" },
    { "signature not base64", NULL, raw_signature, "signature: not base64" },
    { "signature in two lines", NULL, newline_in_signature, "signature: not base64" },
    { "huge signature", NULL, huge_signature, "signature: more than" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    run_key_case (&cases[i], FALSE);
}

/* Each bit of signature and payload counts. */
static void
test_bits (void)
{
  Spec spec = good_spec ();
  g_autoptr (ScSigstoreTrust) trust = sc_sigstore_trust_new ();
  g_autoptr (ScSigstoreSignature) signature = make_signature (&spec, g_strdup ("x"), FALSE);
  g_autofree char *good = g_strdup (signature->signature);
  gsize size = 0;

  trust->public_keys = one_key (keys.signer);
  g_free (g_base64_decode (good, &size));
  for (gsize i = 0; i < size; i++)
    {
      const Case test = { "bit of the signature", NULL, NULL, "not made with this key" };

      REPLACE (signature, good);
      edit_signature (signature, 0, (int)i, 0);
      check (&test, trust, signature, NULL);
    }
  REPLACE (signature, good);
  for (gsize i = 0; i < strlen (PAYLOAD); i++)
    {
      const Case test = { "bit of the payload", NULL, NULL, "not made with this key" };
      g_autofree char *text = g_strdup (PAYLOAD);

      text[i] ^= 1;
      set_payload (signature, text);
      check (&test, trust, signature, NULL);
    }
}

static void
test_key_kinds (void)
{
  static const char *const kinds[] = { "P-256", "P-384", "P-521", "ED25519", "RSA2048" };

  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      const Case good = { kinds[i], NULL, NULL, NULL };
      const Case flipped = { kinds[i], NULL, flip_signature, "not made with this key" };
      EVP_PKEY *saved = keys.signer;

      keys.signer = make_key (kinds[i]);
      run_key_case (&good, FALSE);
      run_key_case (&flipped, FALSE);
      run_key_case (&good, TRUE);
      EVP_PKEY_free (keys.signer);
      keys.signer = saved;
    }
}

/* Signed well, but not the payload of an image's signature. */
static void
test_payload (void)
{
  static const struct
  {
    const char *payload;
    const char *refused;
  } rows[] = {
    { "", "payload" },
    { "[]", "payload: expected an object" },
    { "{\"critical\":" CRITICAL "}", "payload: has no member 'optional'" },
    { "{\"optional\":null}", "payload: has no member 'critical'" },
    { "{\"critical\":" CRITICAL ",\"optional\":null,\"more\":1}", "payload: has a member that does not belong" },
    { "{\"critical\":" CRITICAL ",\"optional\":null,\"optional\":null}", "payload: a name is given twice" },
    { "{\"critical\":" CRITICAL ",\"optional\":\"\"}", "payload: optional: expected an object" },
    { "{\"critical\":" CRITICAL ",\"optional\":{\"creator\":1}}", "optional.creator: expected a string" },
    { "{\"critical\":" CRITICAL ",\"optional\":{\"creator\":null}}", "optional.creator" },
    { "{\"critical\":" CRITICAL ",\"optional\":{\"timestamp\":\"1\"}}", "optional.timestamp" },
    { "{\"critical\":" CRITICAL ",\"optional\":{\"timestamp\":1.5}}", "optional.timestamp" },
    { "{\"critical\":null,\"optional\":null}", "critical" },
    { "{\"critical\":" CRITICAL ",\"optional\":null} {}", "payload: line 1" },
  };
  /* In "critical". */
  static const struct
  {
    const char *type;
    const char *image;
    const char *identity;
    const char *more;
    const char *refused;
  } critical[] = {
    { "\"atomic container signature\"", NULL, NULL, "", "critical.type is not" },
    { "7", NULL, NULL, "", "critical.type" },
    { NULL, "{}", NULL, "", "image: has no member" },
    { NULL, "{\"docker-manifest-digest\":\"" DIGEST "\",\"x\":1}", NULL, "", "image: has a member" },
    { NULL, "{\"Docker-manifest-digest\":\"" DIGEST "\"}", NULL, "", "image: has no member" },
    { NULL, "{\"docker-manifest-digest\":1}", NULL, "", "docker-manifest-digest" },
    { NULL, "{\"docker-manifest-digest\":\"sha256:12\"}", NULL, "", "docker-manifest-digest" },
    { NULL, "{\"docker-manifest-digest\":\"sha512:12\"}", NULL, "", "docker-manifest-digest" },
    { NULL, "\"" DIGEST "\"", NULL, "", "critical.image: expected an object" },
    { NULL, NULL, "{}", "", "identity: has no member" },
    { NULL, NULL, "{\"docker-reference\":\"a\",\"b\":1}", "", "identity: has a member" },
    { NULL, NULL, "{\"docker-reference\":\"a\",\"docker-reference\":\"b\"}", "", "given twice" },
    { NULL, NULL, "{\"docker-reference\":\"\"}", "", "docker-reference is empty" },
    { NULL, NULL, "{\"docker-reference\":null}", "", "docker-reference" },
    { NULL, NULL, "[]", "", "critical.identity: expected an object" },
    { NULL, NULL, NULL, ",\"more\":{}", "critical: has a member" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows) + G_N_ELEMENTS (critical); i++)
    {
      gsize j = i - G_N_ELEMENTS (rows);
      gboolean top = i < G_N_ELEMENTS (rows);
      const char *type = top || critical[j].type == NULL ? "\"cosign container image signature\"" : critical[j].type;
      const char *image =
          top || critical[j].image == NULL ? "{\"docker-manifest-digest\":\"" DIGEST "\"}" : critical[j].image;
      const char *identity =
          top || critical[j].identity == NULL ? "{\"docker-reference\":\"" REFERENCE "\"}" : critical[j].identity;
      g_autofree char *text =
          top ? g_strdup (rows[i].payload)
              : g_strdup_printf ("{\"critical\":{\"type\":%s,\"image\":%s,\"identity\":%s%s},\"optional\":{}}", type,
                                 image, identity, critical[j].more);
      const Case test = { text, NULL, NULL, top ? rows[i].refused : critical[j].refused };
      Spec spec = good_spec ();
      g_autoptr (ScSigstoreTrust) trust = sc_sigstore_trust_new ();
      g_autoptr (ScSigstoreSignature) signature = NULL;

      spec.payload = text;
      trust->public_keys = one_key (keys.signer);
      signature = make_signature (&spec, g_strdup ("x"), FALSE);
      check (&test, trust, signature, NULL);
    }
}

/* ---- the policy's part */

static GBytes *
text_bytes (const char *text)
{
  return g_bytes_new (text, strlen (text));
}

static void
refuse_trust (const char *name, ScSigstoreTrust *trust, const char *reason)
{
  Spec spec = good_spec ();
  g_autoptr (ScSigstoreSignature) signature = make_signature (&spec, bytes_text (key_pem (keys.signer)), TRUE);
  g_autofree char *reference = NULL;
  g_autofree char *digest = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) again = NULL;

  g_test_message ("%s", name);
  g_assert_false (sc_sigstore_trust_check (trust, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
  if (strstr (error->message, reason) == NULL)
    g_error ("%s: %s", name, error->message);
  g_assert_false (sc_sigstore_verify (trust, signature, &reference, &digest, NULL, &again));
  g_assert_error (again, SC_ERROR, SC_ERROR_INVALID);
  g_assert_cmpstr (again->message, ==, error->message);
}

/* Takes over @pem. */
static void
refuse_key (const char *name, GBytes *pem, const char *reason)
{
  g_autoptr (ScSigstoreTrust) trust = sc_sigstore_trust_new ();

  trust->public_keys = g_ptr_array_new_with_free_func ((GDestroyNotify)g_bytes_unref);
  g_ptr_array_add (trust->public_keys, pem);
  refuse_trust (name, trust, reason);
}

static void
refuse_kind (const char *kind, const char *reason)
{
  EVP_PKEY *key = make_key (kind);

  refuse_key (kind, key_pem (key), reason);
  EVP_PKEY_free (key);
}

static void
test_trust_keys (void)
{
  g_autofree char *pem = bytes_text (key_pem (keys.signer));
  g_autofree char *twice = g_strconcat (pem, pem, NULL);
  g_autofree char *commented = g_strconcat ("# a comment\n", pem, "\nand more\n", NULL);
  g_autofree char *broken = g_strdup (pem);
  g_autoptr (ScSigstoreTrust) trust = sc_sigstore_trust_new ();
  g_autoptr (GError) error = NULL;
  BIO *bio = BIO_new (BIO_s_mem ());

  refuse_key ("empty", text_bytes (""), "public key: not PEM");
  refuse_key ("text", text_bytes ("-----BEGIN"), "public key: not PEM");
  refuse_key ("two keys", text_bytes (twice), "more than 1 PEM block");
  edit (&broken, "MF", "MG");
  refuse_key ("broken", text_bytes (broken), "public key: a broken public key");
  PEM_write_bio_PrivateKey (bio, keys.signer, NULL, NULL, 0, NULL, NULL);
  refuse_key ("private key", bio_bytes (bio), "not a public key in PEM");
  refuse_kind ("RSA1024", "an RSA key of 1024 bits");
  refuse_kind ("secp256k1", "another curve");
  refuse_kind ("X25519", "neither an ECDSA");

  trust->public_keys = g_ptr_array_new_with_free_func ((GDestroyNotify)g_bytes_unref);
  refuse_trust ("no key in the list", trust, "needs public keys or Fulcio");
  g_ptr_array_add (trust->public_keys, text_bytes (commented));
  g_assert_true (sc_sigstore_trust_check (trust, &error));
  g_assert_no_error (error);
  trust->oidc_issuer = g_strdup (ISSUER);
  refuse_trust ("keys and Fulcio", trust, "one of the two");
}

/* The numbers of P-256 spelled out: the same curve today, but any in another key. */
static void
test_trust_explicit_curve (void)
{
  EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id (EVP_PKEY_EC, NULL);
  EVP_PKEY *key = NULL;

  g_assert_cmpint (EVP_PKEY_keygen_init (ctx), ==, 1);
  g_assert_cmpint (EVP_PKEY_CTX_set_ec_paramgen_curve_nid (ctx, NID_X9_62_prime256v1), ==, 1);
  g_assert_cmpint (EVP_PKEY_CTX_set_ec_param_enc (ctx, OPENSSL_EC_EXPLICIT_CURVE), ==, 1);
  g_assert_cmpint (EVP_PKEY_keygen (ctx, &key), ==, 1);
  refuse_key ("explicit parameters", key_pem (key), "another curve");
  EVP_PKEY_free (key);
  EVP_PKEY_CTX_free (ctx);
}

static void
test_trust_fulcio (void)
{
  Spec spec = good_spec ();
  X509 *root = make_cert (&spec.root);
  g_autofree char *pem = cert_pem (root);
  g_autofree char *twice = g_strconcat (pem, "\n# and again\n", pem, NULL);
  g_autoptr (ScSigstoreTrust) trust = sc_sigstore_trust_new ();
  g_autoptr (GError) error = NULL;

  X509_free (root);
  refuse_trust ("nothing", trust, "needs public keys or Fulcio");
  trust->fulcio_ca = text_bytes (twice);
  trust->oidc_issuer = g_strdup (ISSUER);
  trust->subject_email = g_strdup (EMAIL);
  refuse_trust ("no Rekor", trust, "needs Rekor's public key");
  trust->rekor_public_keys = g_ptr_array_new_with_free_func ((GDestroyNotify)g_bytes_unref);
  refuse_trust ("empty Rekor", trust, "Rekor's public key: there is none");
  g_ptr_array_add (trust->rekor_public_keys, key_pem (keys.rekor));
  g_assert_true (sc_sigstore_trust_check (trust, &error));
  g_assert_no_error (error);

  g_clear_pointer (&trust->oidc_issuer, g_free);
  refuse_trust ("no issuer", trust, "needs a CA, an OIDC issuer and an e-mail");
  trust->oidc_issuer = g_strdup ("");
  refuse_trust ("empty issuer", trust, "needs a CA, an OIDC issuer and an e-mail");
  g_free (trust->oidc_issuer);
  trust->oidc_issuer = g_strdup (ISSUER);
  g_clear_pointer (&trust->subject_email, g_free);
  refuse_trust ("no address", trust, "needs a CA, an OIDC issuer and an e-mail");
  trust->subject_email = g_strdup (EMAIL);
  g_clear_pointer (&trust->fulcio_ca, g_bytes_unref);
  refuse_trust ("no CA", trust, "needs a CA, an OIDC issuer and an e-mail");
  trust->fulcio_ca = text_bytes ("no CA");
  refuse_trust ("CA: text", trust, "Fulcio's CA: not PEM");
  g_bytes_unref (trust->fulcio_ca);
  trust->fulcio_ca = key_pem (keys.ca);
  refuse_trust ("CA: a key", trust, "Fulcio's CA: not a certificate");
}

static void
test_trust_rekor (void)
{
  g_autoptr (ScSigstoreTrust) trust = sc_sigstore_trust_new ();
  EVP_PKEY *key = make_key ("ED25519");

  trust->public_keys = one_key (keys.signer);
  trust->rekor_public_keys = one_key (key);
  refuse_trust ("Ed25519 log", trust, "Rekor's public key: not an ECDSA key");
  EVP_PKEY_free (key);
  g_ptr_array_unref (trust->rekor_public_keys);
  trust->rekor_public_keys = g_ptr_array_new_with_free_func ((GDestroyNotify)g_bytes_unref);
  g_ptr_array_add (trust->rekor_public_keys, text_bytes ("x"));
  refuse_trust ("text", trust, "Rekor's public key: not PEM");
}

/* ---- files */

static ScSigstoreSignature *
parse_file (const char *json, GError **error)
{
  g_autoptr (GByteArray) all = g_byte_array_new ();
  g_autoptr (GBytes) file = NULL;

  g_byte_array_append (all, (const guint8 *)"\0sigstore-json\n", 15);
  g_byte_array_append (all, (const guint8 *)json, (guint)strlen (json));
  file = g_byte_array_free_to_bytes (g_steal_pointer (&all));
  g_assert_true (sc_sigstore_is_file (file));
  return sc_sigstore_signature_parse (file, error);
}

static void
test_file (void)
{
  static const char *const bad[] = {
    "",
    "{}",
    "{\"mimeType\":\"application/vnd.dev.cosign.simplesigning.v1+json\",\"payload\":\"!\",\"annotations\":{}}",
    "{\"mimeType\":\"application/vnd.dev.cosign.simplesigning.v1+json\",\"payload\":\"e30=\",\"annotations\":[]}",
    ("{\"mimeType\":\"application/vnd.dev.cosign.simplesigning.v1+json\",\"payload\":\"e30=\","
     "\"annotations\":{\"a\":1}}"),
    "{\"mimeType\":\"a\",\"mimeType\":\"b\",\"payload\":\"e30=\",\"annotations\":{}}",
  };
  g_autoptr (GBytes) gpg = g_bytes_new ("\x90\x0d", 2);
  g_autoptr (GError) error = NULL;
  g_autoptr (ScSigstoreSignature) signature = NULL;

  g_assert_false (sc_sigstore_is_file (gpg));
  g_assert_null (sc_sigstore_signature_parse (gpg, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
  g_clear_error (&error);
  signature = parse_file ("{\"mimeType\":\"application/vnd.dev.cosign.simplesigning.v1+json\",\"payload\":\"e30=\","
                          "\"annotations\":{\"dev.cosignproject.cosign/signature\":\"c2ln\","
                          "\"dev.sigstore.cosign/bundle\":\"B\",\"dev.sigstore.cosign/chain\":\"H\","
                          "\"dev.sigstore.cosign/certificate\":\"C\",\"other\":\"x\"}}",
                          &error);
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (signature->payload, NULL), g_bytes_get_size (signature->payload), "{}", 2);
  g_assert_cmpstr (signature->signature, ==, "c2ln");
  g_assert_cmpstr (signature->certificate, ==, "C");
  g_assert_cmpstr (signature->chain, ==, "H");
  g_assert_cmpstr (signature->bundle, ==, "B");

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) local = NULL;

      g_assert_null (parse_file (bad[i], &local));
      g_assert_error (local, SC_ERROR, SC_ERROR_INVALID);
    }
  g_assert_null (parse_file ("{\"mimeType\":\"text/plain\",\"payload\":\"e30=\",\"annotations\":{}}", &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_UNSUPPORTED);
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  keys_make ();
  g_test_add_func ("/sigstore/key", test_key);
  g_test_add_func ("/sigstore/bits", test_bits);
  g_test_add_func ("/sigstore/key-kinds", test_key_kinds);
  g_test_add_func ("/sigstore/payload", test_payload);
  g_test_add_func ("/sigstore/trust/keys", test_trust_keys);
  g_test_add_func ("/sigstore/trust/explicit-curve", test_trust_explicit_curve);
  g_test_add_func ("/sigstore/trust/fulcio", test_trust_fulcio);
  g_test_add_func ("/sigstore/trust/rekor", test_trust_rekor);
  g_test_add_func ("/sigstore/file", test_file);
  status = g_test_run ();
  keys_free ();
  return status;
}
