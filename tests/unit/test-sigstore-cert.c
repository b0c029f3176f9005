/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * sigstore-cert and sigstore-rekor: each thing that can be wrong with a certificate, its path or the log's entry is
 * enough to refuse the signature.
 */

#include "sigstore-cases.h"

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
  pem = cert_pem (spec.trust_leaf ? leaf : spec.trust_middle ? middle : root);
  trust->fulcio_ca = g_bytes_new (pem, strlen (pem));
  trust->oidc_issuer = g_strdup (ISSUER);
  trust->subject_email = g_strdup (EMAIL);
  trust->rekor_public_keys = one_key (spec.trusted_rekor);
  X509_free (leaf);
  X509_free (middle);
  X509_free (root);
  check (test, trust, signature, EMAIL " (" ISSUER ")");
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
CHANGE (leaf_trusted, spec->leaf.issuer_key = keys.signer; spec->trust_leaf = TRUE)
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
SPOIL (huge_certificate, g_free (signature->certificate); signature->certificate = g_strnfill (300000, ' '))
SPOIL (huge_chain, g_free (signature->chain); signature->chain = g_strnfill (300000, ' '))
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
  { "self-signed, and trusted as a CA", leaf_trusted, NULL, "certificate:" },
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
  { "huge certificate", NULL, huge_certificate, "certificate: larger than" },
  { "huge chain", middle_in_chain, huge_chain, "chain: larger than" },
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

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  keys_make ();
  g_test_add_func ("/sigstore-cert/rekor/key", test_rekor_key);
  g_test_add_func ("/sigstore-cert/rekor/fulcio", test_rekor_fulcio);
  g_test_add_func ("/sigstore-cert/fulcio", test_fulcio);
  status = g_test_run ();
  keys_free ();
  return status;
}
