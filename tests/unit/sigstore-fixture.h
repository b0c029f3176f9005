/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Keys, certificates, log entries and signatures as cosign, Fulcio and Rekor would make them, made by libcrypto.  For
 * unit tests: every failure here ends the program.
 */

#include <glib.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "digest.h"
#include "sigstore.h"

/* When the good things here happened; no test looks at the clock. */
#define T0 G_GINT64_CONSTANT (1700000000)

#define DIGEST    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
#define REFERENCE "registry.example.com/app:1.0"
#define CRITICAL                                                                                                       \
  "{\"identity\":{\"docker-reference\":\"" REFERENCE "\"},\"image\":{\"docker-manifest-digest\":\"" DIGEST "\"},"      \
  "\"type\":\"cosign container image signature\"}"
#define PAYLOAD "{\"critical\":" CRITICAL ",\"optional\":{\"creator\":\"test\",\"timestamp\":1700000000}}"

static inline EVP_PKEY *
make_key (const char *kind)
{
  EVP_PKEY *key = NULL;

  if (g_str_has_prefix (kind, "RSA"))
    key = EVP_PKEY_Q_keygen (NULL, NULL, "RSA", (size_t)g_ascii_strtoull (kind + 3, NULL, 10));
  else if (g_str_has_prefix (kind, "P-") || g_str_has_prefix (kind, "secp"))
    key = EVP_PKEY_Q_keygen (NULL, NULL, "EC", kind);
  else
    key = EVP_PKEY_Q_keygen (NULL, NULL, kind);
  g_assert_nonnull (key);
  return key;
}

/* Takes over @bio. */
static inline GBytes *
bio_bytes (BIO *bio)
{
  char *data = NULL;
  long size = BIO_get_mem_data (bio, &data);
  GBytes *bytes = g_bytes_new (data, (gsize)size);

  BIO_free (bio);
  return bytes;
}

static inline char *
bytes_text (GBytes *bytes)
{
  char *text = g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));

  g_bytes_unref (bytes);
  return text;
}

static inline GBytes *
key_pem (EVP_PKEY *key)
{
  BIO *bio = BIO_new (BIO_s_mem ());

  g_assert_cmpint (PEM_write_bio_PUBKEY (bio, key), ==, 1);
  return bio_bytes (bio);
}

static inline char *
cert_pem (X509 *cert)
{
  BIO *bio = BIO_new (BIO_s_mem ());

  g_assert_cmpint (PEM_write_bio_X509 (bio, cert), ==, 1);
  return bytes_text (bio_bytes (bio));
}

/* (transfer full): base64 of the signature of @text. */
static inline char *
sign_text (EVP_PKEY *key, const char *text)
{
  const EVP_MD *hash = EVP_PKEY_get_base_id (key) == EVP_PKEY_ED25519 ? NULL : EVP_sha256 ();
  EVP_MD_CTX *ctx = EVP_MD_CTX_new ();
  guint8 out[1024];
  gsize size = sizeof out;

  g_assert_cmpint (EVP_DigestSignInit (ctx, NULL, hash, NULL, key), ==, 1);
  g_assert_cmpint (EVP_DigestSign (ctx, out, &size, (const guint8 *)text, strlen (text)), ==, 1);
  EVP_MD_CTX_free (ctx);
  return g_base64_encode (out, size);
}

static inline char *
base64 (const char *text)
{
  return g_base64_encode ((const guint8 *)text, strlen (text));
}

/* ---- certificates */

typedef struct
{
  const char *name; /* common name */
  EVP_PKEY *key;
  X509 *issuer; /* (nullable): NULL: self-signed */
  EVP_PKEY *issuer_key;
  gint64 from;
  gint64 until;
  const EVP_MD *hash;            /* NULL: SHA-256 */
  const char *basic_constraints; /* (nullable), as all below: the words of x509v3_config(5) */
  const char *key_usage;
  const char *ext_key_usage;
  const char *alt_name;
  const char *name_constraints;
  const char *policy_constraints;
  const char *oidc_issuer;    /* 57264.1.1: the text itself */
  const char *oidc_issuer_v2; /* 57264.1.8: wrapped in a UTF8String */
  const char *raw_issuer_v2;  /* 57264.1.8 as it is */
  const char *private_oid;    /* an extension that nobody knows */
  gboolean private_critical;
  gboolean issuer_twice;
  const guint8 *raw_email; /* an e-mail address with any bytes in it */
  gsize raw_email_size;
} CertSpec;

static inline void
add_extension (X509 *cert, X509V3_CTX *ctx, int nid, const char *value)
{
  X509_EXTENSION *extension;

  if (value == NULL)
    return;
  extension = X509V3_EXT_nconf_nid (NULL, ctx, nid, value);
  g_assert_nonnull (extension);
  g_assert_cmpint (X509_add_ext (cert, extension, -1), ==, 1);
  X509_EXTENSION_free (extension);
}

static inline void
add_raw (X509 *cert, const char *oid, gboolean critical, const void *data, gsize size)
{
  ASN1_OBJECT *object = OBJ_txt2obj (oid, 1);
  ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new ();
  X509_EXTENSION *extension;

  ASN1_OCTET_STRING_set (value, data, (int)size);
  extension = X509_EXTENSION_create_by_OBJ (NULL, object, critical, value);
  g_assert_cmpint (X509_add_ext (cert, extension, -1), ==, 1);
  X509_EXTENSION_free (extension);
  ASN1_OCTET_STRING_free (value);
  ASN1_OBJECT_free (object);
}

static inline void
add_utf8 (X509 *cert, const char *oid, const char *text)
{
  guint8 der[256] = { 0x0c, (guint8)strlen (text) };

  g_assert_cmpuint (strlen (text), <, 128);
  memcpy (der + 2, text, strlen (text));
  add_raw (cert, oid, FALSE, der, strlen (text) + 2);
}

static inline void
add_raw_email (X509 *cert, const guint8 *data, gsize size)
{
  GENERAL_NAMES *names = sk_GENERAL_NAME_new_null ();
  GENERAL_NAME *name = GENERAL_NAME_new ();
  ASN1_IA5STRING *text = ASN1_IA5STRING_new ();

  ASN1_STRING_set (text, data, (int)size);
  GENERAL_NAME_set0_value (name, GEN_EMAIL, text);
  sk_GENERAL_NAME_push (names, name);
  g_assert_cmpint (X509_add1_ext_i2d (cert, NID_subject_alt_name, names, 0, 0), ==, 1);
  GENERAL_NAMES_free (names);
}

static inline X509 *
make_cert (const CertSpec *spec)
{
  static long serial = 1;
  X509 *cert = X509_new ();
  X509V3_CTX ctx;

  X509_set_version (cert, X509_VERSION_3);
  ASN1_INTEGER_set (X509_get_serialNumber (cert), serial++);
  ASN1_TIME_set (X509_getm_notBefore (cert), (time_t)spec->from);
  ASN1_TIME_set (X509_getm_notAfter (cert), (time_t)spec->until);
  X509_NAME_add_entry_by_txt (X509_get_subject_name (cert), "CN", MBSTRING_UTF8, (const guint8 *)spec->name, -1, -1, 0);
  X509_set_issuer_name (cert, X509_get_subject_name (spec->issuer != NULL ? spec->issuer : cert));
  X509_set_pubkey (cert, spec->key);

  X509V3_set_ctx (&ctx, spec->issuer != NULL ? spec->issuer : cert, cert, NULL, NULL, 0);
  add_extension (cert, &ctx, NID_subject_key_identifier, "hash");
  add_extension (cert, &ctx, NID_basic_constraints, spec->basic_constraints);
  add_extension (cert, &ctx, NID_key_usage, spec->key_usage);
  add_extension (cert, &ctx, NID_ext_key_usage, spec->ext_key_usage);
  add_extension (cert, &ctx, NID_subject_alt_name, spec->alt_name);
  add_extension (cert, &ctx, NID_name_constraints, spec->name_constraints);
  add_extension (cert, &ctx, NID_policy_constraints, spec->policy_constraints);
  for (guint i = 0; spec->oidc_issuer != NULL && i < (spec->issuer_twice ? 2 : 1); i++)
    add_raw (cert, "1.3.6.1.4.1.57264.1.1", FALSE, spec->oidc_issuer, strlen (spec->oidc_issuer));
  if (spec->oidc_issuer_v2 != NULL)
    add_utf8 (cert, "1.3.6.1.4.1.57264.1.8", spec->oidc_issuer_v2);
  if (spec->raw_issuer_v2 != NULL)
    add_raw (cert, "1.3.6.1.4.1.57264.1.8", FALSE, spec->raw_issuer_v2, strlen (spec->raw_issuer_v2));
  if (spec->private_oid != NULL)
    add_raw (cert, spec->private_oid, spec->private_critical, "\x05", 2);
  if (spec->raw_email != NULL)
    add_raw_email (cert, spec->raw_email, spec->raw_email_size);
  g_assert_cmpint (X509_sign (cert, spec->issuer_key != NULL ? spec->issuer_key : spec->key,
                              spec->hash != NULL ? spec->hash : EVP_sha256 ()),
                   >, 0);
  return cert;
}

/* ---- the log's entry */

typedef struct
{
  EVP_PKEY *key; /* Rekor's */
  const char *kind;
  const char *version;
  const char *algorithm;
  const char *payload;   /* what the entry is about */
  const char *signature; /* base64 */
  const char *signer;    /* PEM */
  gint64 time;
  const char *log_id;
  /* What is not as it should be: */
  const char *body;        /* (nullable): instead of the one made of the above, text */
  const char *body_base64; /* (nullable): the same, encoded */
  const char *time_text;   /* (nullable): how the time is written */
  const char *index_text;  /* (nullable) */
  const char *more;        /* (nullable): more members of Payload, not signed */
  const char *more_top;    /* (nullable): more members beside it */
} EntrySpec;

static inline char *
make_bundle (const EntrySpec *spec)
{
  g_autofree char *digest = sc_digest_of (spec->payload, strlen (spec->payload));
  g_autofree char *signer = base64 (spec->signer);
  g_autofree char *body = g_strdup_printf (
      "{\"apiVersion\":\"%s\",\"kind\":\"%s\",\"spec\":{\"data\":{\"hash\":{\"algorithm\":\"%s\",\"value\":\"%s\"}},"
      "\"signature\":{\"content\":\"%s\",\"publicKey\":{\"content\":\"%s\"}}}}",
      spec->version, spec->kind, spec->algorithm, sc_digest_hex (digest), spec->signature, signer);
  g_autofree char *body64 =
      spec->body_base64 != NULL ? g_strdup (spec->body_base64) : base64 (spec->body != NULL ? spec->body : body);
  g_autofree char *time =
      spec->time_text != NULL ? g_strdup (spec->time_text) : g_strdup_printf ("%" G_GINT64_FORMAT, spec->time);
  const char *index = spec->index_text != NULL ? spec->index_text : "12345";
  g_autofree char *canonical = g_strdup_printf (
      "{\"body\":\"%s\",\"integratedTime\":%s,\"logID\":\"%s\",\"logIndex\":%s}", body64, time, spec->log_id, index);
  g_autofree char *set = sign_text (spec->key, canonical);

  return g_strdup_printf ("{\"SignedEntryTimestamp\":\"%s\",\n \"Payload\": {\"logIndex\":%s, \"body\":\"%s\","
                          "\"integratedTime\": %s, \"logID\":\"%s\"%s}%s}",
                          set, index, body64, time, spec->log_id, spec->more != NULL ? spec->more : "",
                          spec->more_top != NULL ? spec->more_top : "");
}
