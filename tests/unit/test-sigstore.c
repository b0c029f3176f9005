/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * sigstore: which signatures are accepted, and that each thing that can be wrong with one is enough to refuse it. Every
 * case is a good signature with one change.
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
  gboolean trust_another; /* a CA of the same name with another key */
} Spec;

typedef struct
{
  const char *name;
  void (*change) (Spec *spec);                                                  /* (nullable): before it is signed */
  void (*spoil) (ScSigstoreSignature *signature, const ScSigstoreTrust *trust); /* (nullable): afterwards */
  const char *refused; /* (nullable): because of this; NULL: good */
} Case;

static Spec
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

static GPtrArray *
one_key (EVP_PKEY *key)
{
  GPtrArray *array = g_ptr_array_new_with_free_func ((GDestroyNotify)g_bytes_unref);

  g_ptr_array_add (array, key_pem (key));
  return array;
}

/* What both ways have in common. @signer: (transfer full): PEM of the key or certificate */
static ScSigstoreSignature *
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

static void
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

static void
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

static void
run_fulcio_case (const Case *test)
{
  Spec spec = good_spec ();
  g_autoptr (ScSigstoreTrust) trust = sc_sigstore_trust_new ();
  g_autoptr (ScSigstoreSignature) signature = NULL;
  g_autofree char *pem = NULL;
  X509 *root, *middle, *leaf;

  if (test->change != NULL)
    test->change (&spec);
  root = make_cert (&spec.root);
  spec.middle.issuer = root;
  spec.middle.issuer_key = keys.ca;
  middle = make_cert (&spec.middle);
  if (spec.leaf.key == NULL)
    spec.leaf.key = spec.leaf_key;
  if (spec.leaf.issuer_key == NULL)
    {
      spec.leaf.issuer = spec.with_middle ? middle : root;
      spec.leaf.issuer_key = spec.with_middle ? spec.middle.key : spec.root.key;
    }
  leaf = make_cert (&spec.leaf);

  signature = make_signature (&spec, cert_pem (leaf), TRUE);
  signature->certificate = cert_pem (leaf);
  if (spec.with_middle)
    {
      g_autofree char *first = cert_pem (middle);
      g_autofree char *second = cert_pem (root);

      signature->chain = g_strconcat (first, second, NULL);
    }
  if (spec.trust_another)
    {
      X509_free (root);
      spec.root.key = keys.other;
      root = make_cert (&spec.root);
    }
  pem = cert_pem (spec.trust_middle ? middle : root);
  trust->fulcio_ca = g_bytes_new (pem, strlen (pem));
  trust->oidc_issuer = g_strdup (ISSUER);
  trust->subject_email = g_strdup (EMAIL);
  trust->rekor_public_keys = one_key (spec.trusted_rekor);
  X509_free (leaf);
  X509_free (middle);
  X509_free (root);
  check (test, trust, signature, EMAIL " (" ISSUER ")");
}

/* ---- changes */

#define CHANGE(name, statement)                                                                                        \
  static void name (Spec *spec) { statement; }
#define SPOIL(name, statement)                                                                                         \
  static void name (ScSigstoreSignature *signature, const ScSigstoreTrust *trust) { statement; }
#define REPLACE(member, text) (g_free (signature->member), signature->member = g_strdup (text))

static void
set_payload (ScSigstoreSignature *signature, const char *text)
{
  g_bytes_unref (signature->payload);
  signature->payload = g_bytes_new (text, strlen (text));
}

/* Replaces the first @old in @member of a signature; it must be there. */
static void
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
static void
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
CHANGE (optional_null, spec->payload = "{\"critical\":" CRITICAL ",\"optional\":null}")
CHANGE (optional_more, spec->payload = " {\"optional\":{\"a\":[{}],\"b\":1.5},\n\"critical\":" CRITICAL "}\n")
SPOIL (flip_payload, set_payload (signature, "{\"critical\":" CRITICAL ",\"optional\":{ }}"))
SPOIL (payload_newline, set_payload (signature, PAYLOAD "\n"))
SPOIL (no_payload, set_payload (signature, ""))
SPOIL (flip_signature, edit_signature (signature, 0, 20, 0))
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

/* ---- Rekor */

CHANGE (set_by_other, spec->entry.key = keys.other)
CHANGE (trust_other_rekor, spec->trusted_rekor = keys.other)
CHANGE (body_other_payload, spec->body_payload = "{}")
CHANGE (body_other_signature, spec->body_signature = "AAAA")
CHANGE (body_bad_signature, spec->body_signature = "?")
CHANGE (body_other_key, spec->body_key = keys.other)
CHANGE (body_no_pem, spec->body_signer = "garbage")
CHANGE (body_kind, spec->entry.kind = "rekord")
CHANGE (body_version, spec->entry.version = "0.0.2")
CHANGE (body_algorithm, spec->entry.algorithm = "sha512")
CHANGE (body_not_json, spec->entry.body = "garbage")
CHANGE (body_array, spec->entry.body = "[]")
CHANGE (body_empty, spec->entry.body = "{}")
CHANGE (body_twice, spec->entry.body = "{\"kind\":\"rekord\",\"kind\":\"hashedrekord\",\"apiVersion\":\"0.0.1\"}")
CHANGE (body_no_spec, spec->entry.body = "{\"kind\":\"hashedrekord\",\"apiVersion\":\"0.0.1\"}")
CHANGE (body_no_signature,
        spec->entry.body = "{\"kind\":\"hashedrekord\",\"apiVersion\":\"0.0.1\",\"spec\":{\"data\":{}}}")
CHANGE (body_not_base64, spec->entry.body_base64 = "a-b_")
CHANGE (body_escape, spec->entry.body_base64 = "e30=\\u0041")
CHANGE (log_id_text, spec->entry.log_id = "the log")
CHANGE (log_id_upper, spec->entry.log_id = "C0D23D6AD406973F9559F3BA2D1CA01F84147D8FFC5B8445C224F98B9591801D")
CHANGE (time_negative, spec->entry.time_text = "-1")
CHANGE (time_fraction, spec->entry.time_text = "1700000060.5")
CHANGE (time_exponent, spec->entry.time_text = "1.7e9")
CHANGE (time_string, spec->entry.time_text = "\"1700000060\"")
CHANGE (time_huge, spec->entry.time_text = "9007199254740992")
CHANGE (index_negative, spec->entry.index_text = "-1")
CHANGE (payload_more, spec->entry.more = ",\"inclusionProof\":{}")
CHANGE (payload_twice, spec->entry.more = ",\"integratedTime\":1")
CHANGE (bundle_more, spec->entry.more_top = ",\"x\":1")
CHANGE (bundle_twice, spec->entry.more_top = ",\"Payload\":{}")
SPOIL (no_bundle, REPLACE (bundle, NULL))
SPOIL (empty_bundle, REPLACE (bundle, ""))
SPOIL (array_bundle, REPLACE (bundle, "[]"))
SPOIL (no_set, edit (&signature->bundle, "SignedEntryTimestamp", "signedEntryTimestamp"))
SPOIL (edit_time, edit (&signature->bundle, "1700000060", "1700000061"))
SPOIL (edit_index, edit (&signature->bundle, "12345", "12346"))
SPOIL (edit_log_id, edit (&signature->bundle, "c0d2", "c0d3"))
SPOIL (edit_body, edit (&signature->bundle, "\"body\":\"eyJ", "\"body\":\"IHs"))
SPOIL (edit_set, edit (&signature->bundle, "Timestamp\":\"M", "Timestamp\":\"N"))
SPOIL (empty_set, edit (&signature->bundle, "SignedEntryTimestamp\":\"", "SignedEntryTimestamp\":\"\",\"x\":\""))

static void
huge_bundle (ScSigstoreSignature *signature, const ScSigstoreTrust *trust)
{
  g_free (signature->bundle);
  signature->bundle = g_strnfill (1100000, ' ');
}

/* A promise of the log about another of the same signer's signatures. */
static void
replayed_bundle (ScSigstoreSignature *signature, const ScSigstoreTrust *trust)
{
  Spec spec = good_spec ();
  g_autoptr (ScSigstoreSignature) other = NULL;

  spec.payload = "{\"critical\":" CRITICAL ",\"optional\":{}}";
  other = make_signature (&spec, bytes_text (key_pem (keys.signer)), TRUE);
  REPLACE (bundle, other->bundle);
}

static void
second_rekor (ScSigstoreSignature *signature, const ScSigstoreTrust *trust)
{
  g_ptr_array_insert (trust->rekor_public_keys, 0, key_pem (keys.other));
}

static const Case rekor_cases[] = {
  { "good", NULL, NULL, NULL },
  { "one of two logs", NULL, second_rekor, NULL },
  { "no bundle", NULL, no_bundle, "has no Rekor entry" },
  { "empty bundle", NULL, empty_bundle, "bundle" },
  { "bundle is an array", NULL, array_bundle, "bundle" },
  { "huge bundle", NULL, huge_bundle, "bundle: larger" },
  { "SET by another key", set_by_other, NULL, "not signed by the Rekor key" },
  { "another log is trusted", trust_other_rekor, NULL, "not signed by the Rekor key" },
  { "no SET", NULL, no_set, "has no member 'SignedEntryTimestamp'" },
  { "empty SET", NULL, empty_set, "a member that does not belong" },
  { "a bit of the SET", NULL, edit_set, "not signed by the Rekor key" },
  { "another time", NULL, edit_time, "not signed by the Rekor key" },
  { "another index", NULL, edit_index, "not signed by the Rekor key" },
  { "another log ID", NULL, edit_log_id, "not signed by the Rekor key" },
  { "another body", NULL, edit_body, "not signed by the Rekor key" },
  { "entry of another signature, whole", NULL, replayed_bundle, "about another" },
  { "entry of another payload", body_other_payload, NULL, "about another payload" },
  { "entry of another signature", body_other_signature, NULL, "about another signature" },
  { "entry of no signature", body_bad_signature, NULL, "not base64" },
  { "entry of another key", body_other_key, NULL, "about another key" },
  { "entry of no key", body_no_pem, NULL, "publicKey: not PEM" },
  { "kind rekord", body_kind, NULL, "kind is not \"hashedrekord\"" },
  { "version 0.0.2", body_version, NULL, "apiVersion is not" },
  { "hash sha512", body_algorithm, NULL, "algorithm is not" },
  { "body: no JSON", body_not_json, NULL, "bundle: body: line 1" },
  { "body: an array", body_array, NULL, "body: expected an object" },
  { "body: empty", body_empty, NULL, "body" },
  { "body: kind twice", body_twice, NULL, "given twice" },
  { "body: no spec", body_no_spec, NULL, "body.spec" },
  { "body: no signature", body_no_signature, NULL, "spec.signature" },
  { "body: no base64", body_not_base64, NULL, "Payload.body: not base64" },
  { "body: an escape", body_escape, NULL, "Payload.body: not base64" },
  { "log ID is text", log_id_text, NULL, "logID is not a hash" },
  { "log ID in capitals", log_id_upper, NULL, "logID is not a hash" },
  { "time before 1970", time_negative, NULL, "integratedTime is out of range" },
  { "time with a fraction", time_fraction, NULL, "integratedTime" },
  { "time with an exponent", time_exponent, NULL, "integratedTime" },
  { "time is text", time_string, NULL, "integratedTime" },
  { "time beyond 2^53", time_huge, NULL, "integratedTime is out of range" },
  { "negative index", index_negative, NULL, "logIndex is out of range" },
  { "Payload has more", payload_more, NULL, "Payload: has a member" },
  { "time twice", payload_twice, NULL, "given twice" },
  { "bundle has more", bundle_more, NULL, "bundle: has a member" },
  { "Payload twice", bundle_twice, NULL, "given twice" },
};

static void
test_rekor_key (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (rekor_cases); i++)
    run_key_case (&rekor_cases[i], TRUE);
}

/* ---- Fulcio */

static const guint8 nul_email[] = EMAIL "\0.evil.example";

CHANGE (middle_in_chain, spec->with_middle = TRUE)
CHANGE (middle_trusted, spec->with_middle = TRUE; spec->trust_middle = TRUE)
CHANGE (issuer_v2, spec->leaf.oidc_issuer = NULL; spec->leaf.oidc_issuer_v2 = ISSUER)
CHANGE (issuer_both, spec->leaf.oidc_issuer_v2 = ISSUER)
CHANGE (more_names, spec->leaf.alt_name = "email:a@b.c,URI:https://x/y,email:" EMAIL)
CHANGE (first_second, spec->entry.time = T0)
CHANGE (last_second, spec->entry.time = T0 + 599)
CHANGE (known_private, spec->leaf.private_oid = "1.2.3.4")
CHANGE (middle_open_usage, spec->with_middle = TRUE; spec->middle.ext_key_usage = NULL)
CHANGE (middle_any_usage, spec->with_middle = TRUE; spec->middle.ext_key_usage = "anyExtendedKeyUsage")
CHANGE (names_permitted, spec->root.name_constraints = "critical,permitted;email:example.com")

CHANGE (another_root, spec->trust_another = TRUE)
CHANGE (too_early, spec->entry.time = T0 - 1)
CHANGE (too_late, spec->entry.time = T0 + 601)
CHANGE (year_1970, spec->entry.time = 0)
CHANGE (middle_expired, spec->with_middle = TRUE; spec->middle.until = T0 - 5)
CHANGE (root_expired, spec->root.until = T0 - 5)
CHANGE (middle_no_ca, spec->with_middle = TRUE; spec->middle.basic_constraints = "critical,CA:FALSE")
CHANGE (middle_no_constraints, spec->with_middle = TRUE; spec->middle.basic_constraints = NULL)
CHANGE (middle_usage, spec->with_middle = TRUE; spec->middle.ext_key_usage = "serverAuth")
CHANGE (middle_cannot_sign, spec->with_middle = TRUE; spec->middle.key_usage = "critical,digitalSignature")
CHANGE (root_path_length, spec->with_middle = TRUE; spec->root.basic_constraints = "critical,CA:TRUE,pathlen:0")
CHANGE (root_no_ca, spec->root.basic_constraints = "critical,CA:FALSE"; spec->root.key_usage = "digitalSignature")
CHANGE (no_usage, spec->leaf.ext_key_usage = NULL)
CHANGE (server_usage, spec->leaf.ext_key_usage = "serverAuth,clientAuth")
CHANGE (any_usage, spec->leaf.ext_key_usage = "anyExtendedKeyUsage")
CHANGE (no_digital_signature, spec->leaf.key_usage = "critical,keyEncipherment")
CHANGE (unknown_critical, spec->leaf.private_oid = "1.2.3.4"; spec->leaf.private_critical = TRUE)
CHANGE (unknown_critical_ca, spec->with_middle = TRUE; spec->middle.private_oid = "1.2.3.4";
        spec->middle.private_critical = TRUE)
CHANGE (policy_critical, spec->leaf.policy_constraints = "critical,requireExplicitPolicy:3")
CHANGE (duplicate_extension, spec->leaf.issuer_twice = TRUE)
CHANGE (no_issuer, spec->leaf.oidc_issuer = NULL)
CHANGE (other_issuer, spec->leaf.oidc_issuer = ISSUER "/")
CHANGE (prefix_issuer, spec->leaf.oidc_issuer = "https://login.example.co")
CHANGE (other_issuer_v2, spec->leaf.oidc_issuer_v2 = "https://evil.example")
CHANGE (other_issuer_v1, spec->leaf.oidc_issuer_v2 = ISSUER; spec->leaf.oidc_issuer = "https://evil.example")
CHANGE (raw_issuer_v2, spec->leaf.oidc_issuer = NULL; spec->leaf.raw_issuer_v2 = ISSUER)
CHANGE (long_issuer_v2, spec->leaf.oidc_issuer = NULL; spec->leaf.raw_issuer_v2 = "\x0c\x19" ISSUER "x")
CHANGE (other_email, spec->leaf.alt_name = "email:builder@example.com.evil.example")
CHANGE (upper_email, spec->leaf.alt_name = "email:Builder@example.com")
CHANGE (email_as_uri, spec->leaf.alt_name = "URI:" EMAIL)
CHANGE (email_as_dns, spec->leaf.alt_name = "DNS:" EMAIL)
CHANGE (email_in_subject, spec->leaf.alt_name = NULL; spec->leaf.name = EMAIL)
CHANGE (email_with_nul, spec->leaf.alt_name = NULL; spec->leaf.raw_email = nul_email;
        spec->leaf.raw_email_size = sizeof nul_email - 1)
CHANGE (leaf_is_ca, spec->leaf.basic_constraints = "CA:TRUE")
CHANGE (leaf_self_signed, spec->leaf.issuer_key = keys.signer)
CHANGE (leaf_by_other, spec->leaf.issuer_key = keys.other)
CHANGE (leaf_of_other_key, spec->leaf_key = keys.other)
CHANGE (leaf_sha1, spec->leaf.hash = EVP_sha1 ())
CHANGE (names_excluded, spec->root.name_constraints = "critical,excluded;email:example.com")
SPOIL (no_certificate, REPLACE (certificate, NULL))
SPOIL (empty_certificate, REPLACE (certificate, ""))
SPOIL (key_for_certificate, g_free (signature->certificate);
       signature->certificate = bytes_text (key_pem (keys.signer)))
SPOIL (broken_certificate, edit (&signature->certificate, "MII", "MIJ"))
SPOIL (two_certificates, g_autofree char *one = signature->certificate;
       signature->certificate = g_strconcat (one, one, NULL))
SPOIL (no_chain, REPLACE (chain, NULL))
SPOIL (chain_not_pem, REPLACE (chain, "garbage"))
SPOIL (chain_broken, edit (&signature->chain, "MII", "MIJ"))

static void
chain_too_long (ScSigstoreSignature *signature, const ScSigstoreTrust *trust)
{
  GString *all = g_string_new (NULL);

  for (guint i = 0; i < 8; i++)
    g_string_append (all, signature->chain);
  g_free (signature->chain);
  signature->chain = g_string_free (all, FALSE);
}

/* Another certificate for the same key, by the same CA, to somebody else; the log knows the first. */
static void
swapped_certificate (ScSigstoreSignature *signature, const ScSigstoreTrust *trust)
{
  Spec spec = good_spec ();
  X509 *cert;

  spec.leaf.key = keys.signer;
  cert = make_cert (&spec.leaf);
  g_free (signature->certificate);
  signature->certificate = cert_pem (cert);
  X509_free (cert);
}

static const Case fulcio_cases[] = {
  { "a CA in the middle", middle_in_chain, NULL, NULL },
  { "the CA in the middle is trusted", middle_trusted, NULL, NULL },
  { "issuer, new form", issuer_v2, NULL, NULL },
  { "issuer, both forms", issuer_both, NULL, NULL },
  { "one of several names", more_names, NULL, NULL },
  { "in its first second", first_second, NULL, NULL },
  { "in its last second", last_second, NULL, NULL },
  { "an unknown extension", known_private, NULL, NULL },
  { "CA without a usage", middle_open_usage, NULL, NULL },
  { "CA for any usage", middle_any_usage, NULL, NULL },
  { "names are permitted", names_permitted, NULL, NULL },
  { "another CA of this name", another_root, NULL, "certificate:" },
  { "too early", too_early, NULL, "not yet valid" },
  { "too late", too_late, NULL, "expired" },
  { "in 1970", year_1970, NULL, "not yet valid" },
  { "time moved by hand", NULL, edit_time, "not signed by the Rekor key" },
  { "CA in the middle expired", middle_expired, NULL, "expired" },
  { "root expired", root_expired, NULL, "expired" },
  { "issuer is no CA", middle_no_ca, NULL, "certificate:" },
  { "issuer does not say it is a CA", middle_no_constraints, NULL, "certificate:" },
  { "CA is for servers", middle_usage, NULL, "not for code signing" },
  { "CA may not sign certificates", middle_cannot_sign, NULL, "certificate:" },
  { "path too long", root_path_length, NULL, "path length" },
  { "root is no CA", root_no_ca, NULL, "certificate:" },
  { "no extended key usage", no_usage, NULL, "not for code signing" },
  { "for servers", server_usage, NULL, "not for code signing" },
  { "for anything", any_usage, NULL, "not for code signing" },
  { "not for signatures", no_digital_signature, NULL, "not for digital signatures" },
  { "unknown critical extension", unknown_critical, NULL, "critical extension" },
  { "unknown critical extension of a CA", unknown_critical_ca, NULL, "critical extension" },
  { "policy constraints", policy_critical, NULL, "critical extension" },
  { "extension twice", duplicate_extension, NULL, "twice" },
  { "no issuer", no_issuer, NULL, "names no OIDC issuer" },
  { "another issuer", other_issuer, NULL, "OIDC issuer is not" },
  { "a shorter issuer", prefix_issuer, NULL, "OIDC issuer is not" },
  { "another issuer, new form", other_issuer_v2, NULL, "OIDC issuer is not" },
  { "another issuer, old form", other_issuer_v1, NULL, "OIDC issuer is not" },
  { "issuer, new form, not wrapped", raw_issuer_v2, NULL, "OIDC issuer is not" },
  { "issuer, new form, bytes after it", long_issuer_v2, NULL, "OIDC issuer is not" },
  { "another address", other_email, NULL, "it is for 'builder@example.com.evil.example', not for" },
  { "address in capitals", upper_email, NULL, "it is for 'Builder@" },
  { "address as a URI", email_as_uri, NULL, "it is for ''" },
  { "address as a DNS name", email_as_dns, NULL, "it is for ''" },
  { "address in the subject only", email_in_subject, NULL, "it is for ''" },
  { "address with a NUL", email_with_nul, NULL, "not for 'builder@" },
  { "certificate of a CA", leaf_is_ca, NULL, "that of a CA" },
  { "self-signed", leaf_self_signed, NULL, "certificate:" },
  { "signed by somebody else", leaf_by_other, NULL, "certificate:" },
  { "certificate of another key", leaf_of_other_key, NULL, "signature: not made with this key" },
  { "SHA-1", leaf_sha1, NULL, "certificate:" },
  { "names are excluded", names_excluded, NULL, "excluded" },
  { "no certificate", NULL, no_certificate, "has no certificate" },
  { "empty certificate", NULL, empty_certificate, "certificate: not PEM" },
  { "key for certificate", NULL, key_for_certificate, "not a certificate" },
  { "broken certificate", NULL, broken_certificate, "certificate: a broken" },
  { "two certificates", NULL, two_certificates, "more than 1 PEM block" },
  { "certificate swapped", NULL, swapped_certificate, "about another key or certificate" },
  { "chain missing", middle_in_chain, no_chain, "certificate:" },
  { "chain not PEM", middle_in_chain, chain_not_pem, "chain: not PEM" },
  { "chain broken", middle_in_chain, chain_broken, "chain: a broken" },
  { "chain too long", middle_in_chain, chain_too_long, "chain: more than 10" },
  { "payload changed", NULL, flip_payload, "another payload" },
  { "signature changed", NULL, flip_signature, "another signature" },
  { "signed with another key", sign_with_other, NULL, "signature: not made with this key" },
};

static void
test_fulcio (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (fulcio_cases); i++)
    run_fulcio_case (&fulcio_cases[i]);
}

static void
test_rekor_fulcio (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (rekor_cases); i++)
    run_fulcio_case (&rekor_cases[i]);
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
    "{\"mimeType\":\"application/vnd.dev.cosign.simplesigning.v1+json\",\"payload\":\"e30=\","
    "\"annotations\":{\"a\":1}}",
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
  keys.signer = make_key ("P-256");
  keys.rekor = make_key ("P-256");
  keys.ca = make_key ("P-384");
  keys.middle = make_key ("P-384");
  keys.other = make_key ("P-256");

  g_test_add_func ("/sigstore/key", test_key);
  g_test_add_func ("/sigstore/bits", test_bits);
  g_test_add_func ("/sigstore/key-kinds", test_key_kinds);
  g_test_add_func ("/sigstore/payload", test_payload);
  g_test_add_func ("/sigstore/rekor/key", test_rekor_key);
  g_test_add_func ("/sigstore/rekor/fulcio", test_rekor_fulcio);
  g_test_add_func ("/sigstore/fulcio", test_fulcio);
  g_test_add_func ("/sigstore/trust/keys", test_trust_keys);
  g_test_add_func ("/sigstore/trust/explicit-curve", test_trust_explicit_curve);
  g_test_add_func ("/sigstore/trust/fulcio", test_trust_fulcio);
  g_test_add_func ("/sigstore/trust/rekor", test_trust_rekor);
  g_test_add_func ("/sigstore/file", test_file);
  status = g_test_run ();

  EVP_PKEY_free (keys.signer);
  EVP_PKEY_free (keys.rekor);
  EVP_PKEY_free (keys.ca);
  EVP_PKEY_free (keys.middle);
  EVP_PKEY_free (keys.other);
  return status;
}
