/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "sigstore.h"

/*
 * What the files of sigstore*.c share: sigstore.c (trust, payload, the order of the checks), sigstore-key.c (keys, PEM,
 * base64), sigstore-cert.c (Fulcio's certificates), sigstore-rekor.c (the log's entry).  Internal to them.
 */

G_DEFINE_AUTOPTR_CLEANUP_FUNC (EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (X509, X509_free)

/* One block of PEM text. */
typedef struct
{
  char *label; /* "PUBLIC KEY" */
  GBytes *der;
} ScPemBlock;

/* The blocks (ScPemBlock) of @text, at least one and at most @max.  What stands between them is passed over. */
GPtrArray *sc_sigstore_pem_parse (const char *what, const void *text, gsize size, guint max, GError **error) SC_CHECK;

/* One PEM public key of a kind that is accepted. */
EVP_PKEY *sc_sigstore_key_parse (const char *what, GBytes *pem, GError **error) SC_CHECK;

/* Is @key of a kind that is accepted: ECDSA over P-256, P-384 or P-521, Ed25519, RSA with 2048 bits or more? */
gboolean sc_sigstore_key_check (const char *what, EVP_PKEY *key, GError **error) SC_CHECK;

/* The key's SubjectPublicKeyInfo. */
GBytes *sc_sigstore_key_der (EVP_PKEY *key, GError **error) SC_CHECK;

/* Is @signature by @key over @data: ECDSA and RSA (PKCS #1 v1.5) of its SHA-256, or Ed25519? */
gboolean sc_sigstore_key_verify (EVP_PKEY *key, GBytes *signature, const void *data, gsize size,
                                 GError **error) SC_CHECK;

/* Standard base64 of one byte or more, in its one proper spelling. */
GBytes *sc_sigstore_base64_decode (const char *what, const char *text, gsize max, GError **error) SC_CHECK;

#define SC_MT_SIMPLE_SIGNING "application/vnd.dev.cosign.simplesigning.v1+json"

/* The signature that an attachment of that type is, from its payload and its annotations. */
ScSigstoreSignature *sc_sigstore_signature_new (GBytes *payload, GHashTable *annotations);

/* Reads a payload whose signature is good (containers-signature(5), in cosign's variant). */
gboolean sc_sigstore_payload_parse (GBytes *raw, char **out_reference, char **out_digest, GError **error) SC_CHECK;

/* Has @object these members (NULL-terminated) and no other? */
gboolean sc_sigstore_check_members (JsonObject *object, const char *where, const char *const *names,
                                    GError **error) SC_CHECK;

/* What the log's entry has to speak of. */
typedef struct
{
  GBytes *signer_der; /* of the public key, or of the certificate */
  GBytes *signature;  /* decoded */
  GBytes *payload;
} ScRekorSubject;

/* Is @bundle signed by one of @keys (EVP_PKEY), and is its entry about @subject?  *out_time: when the log took it. */
gboolean sc_sigstore_rekor_verify (const GPtrArray *keys, const char *bundle, const ScRekorSubject *subject,
                                   gint64 *out_time, GError **error) SC_CHECK;

/* The one certificate in @pem, which may be anything. */
X509 *sc_sigstore_cert_parse (const char *what, const char *pem, GBytes **out_der, GError **error) SC_CHECK;

/* The certificates (X509) in @pem, at least one and at most @max. */
GPtrArray *sc_sigstore_certs_parse (const char *what, const void *pem, gsize size, guint max, GError **error) SC_CHECK;

/* Was @leaf given to @email, logged in at @issuer, by one of the CAs @roots (X509), and valid at @time?
 * @chain: (nullable): PEM, hostile */
gboolean sc_sigstore_cert_verify (X509 *leaf, const char *chain, const GPtrArray *roots, const char *issuer,
                                  const char *email, gint64 time, GError **error) SC_CHECK;
