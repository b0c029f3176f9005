/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "blob-source.h"

/*
 * Sigstore signatures of images, as cosign and containers/image make them ("simple signing" payload, attached to the
 * image in its registry): sc_sigstore_fetch() finds them, sc_sigstore_verify() judges one, offline, from the keys that
 * the policy names.  Whose identity an accepted signature must carry is the policy's business.
 */

#define SC_SIGSTORE_MAX_SIGNATURES   100
#define SC_SIGSTORE_MAX_PAYLOAD_SIZE ((gsize)1024 * 1024)
#define SC_SIGSTORE_MAX_TOTAL_SIZE   ((gsize)16 * 1024 * 1024) /* of all payloads of an image */

/* What the policy trusts: either @public_keys, or all of @fulcio_ca, @oidc_issuer and @subject_email together with
 * @rekor_public_keys. */
typedef struct
{
  GPtrArray *public_keys;       /* (nullable): GBytes, each one PEM public key: ECDSA P-256/384/521, Ed25519, or RSA of
                                 * 2048 bits or more; any of them will do */
  GBytes *fulcio_ca;            /* (nullable): PEM, the CA certificates that end a chain */
  char *oidc_issuer;            /* (nullable): "https://..." as it stands in certificates */
  char *subject_email;          /* (nullable) */
  GPtrArray *rekor_public_keys; /* (nullable): GBytes, each one PEM public key, ECDSA; any of them will do; if set, an
                                 * entry of the log is a must */
} ScSigstoreTrust;

ScSigstoreTrust *sc_sigstore_trust_new (void);
void sc_sigstore_trust_free (ScSigstoreTrust *trust);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScSigstoreTrust, sc_sigstore_trust_free)

/* One signature; every byte is hostile. */
typedef struct
{
  GBytes *payload;
  char *signature;   /* base64; "" if the attachment has none, which is never accepted */
  char *certificate; /* (nullable): PEM, of the signing key */
  char *chain;       /* (nullable): PEM, intermediate certificates */
  char *bundle;      /* (nullable): JSON, the log's entry with its SignedEntryTimestamp */
} ScSigstoreSignature;

void sc_sigstore_signature_free (ScSigstoreSignature *signature);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScSigstoreSignature, sc_sigstore_signature_free)

/* Is @file, which a lookaside place or a "dir:" image has (ScBlobSourceClass.fetch_signatures), a sigstore signature,
 * and not one of GPG? */
gboolean sc_sigstore_is_file (GBytes *file);

/* Reads such a file, as containers/image writes them.  SC_ERROR_UNSUPPORTED for an attachment that is no signature. */
ScSigstoreSignature *sc_sigstore_signature_parse (GBytes *file, GError **error) SC_CHECK;

/**
 * sc_sigstore_verify:
 * @out_docker_reference: (out) (transfer full): critical.identity.docker-reference of the payload
 * @out_manifest_digest: (out) (transfer full): critical.image.docker-manifest-digest, a checked digest
 * @out_signer: (out) (optional) (transfer full): who signed, on one line: "key sha256:<hex of the public key's DER>" or
 *   "<email> (<issuer>)"
 *
 * Is @signature made by one whom @trust names?  docs/trust.md lists what is checked, in order.  The caller still has to
 * compare the digest with that of the manifest it has, and the reference with what the policy demands.
 *
 * Errors: SC_ERROR_DENIED for a signature that is not accepted, whatever is wrong with it; SC_ERROR_INVALID if @trust
 * is not usable (a key that is not PEM, Fulcio without Rekor ...); SC_ERROR_FAILED if libcrypto fails.
 */
gboolean sc_sigstore_verify (const ScSigstoreTrust *trust, const ScSigstoreSignature *signature,
                             char **out_docker_reference, char **out_manifest_digest, char **out_signer,
                             GError **error) SC_CHECK;

/* Is @trust complete, and can each of its keys and certificates be read?  So that a bad policy is an error even where
 * no signature is there to be checked. */
gboolean sc_sigstore_trust_check (const ScSigstoreTrust *trust, GError **error) SC_CHECK;

/**
 * sc_sigstore_fetch:
 * @manifest_digest: a checked digest
 *
 * The signatures attached to @manifest_digest in the registry (or layout) of @source: by cosign's tag
 * "sha256-<hex>.sig", and by the referrers API or its tag "sha256-<hex>" (distribution specification 1.1, "Listing
 * Referrers").
 *
 * Returns: (element-type ScSigstoreSignature): empty if there are none.  That the registry does not know of any is no
 * error; any other failure, or an attachment that cannot be read, is: SC_ERROR_LIMIT (too many, too large),
 * SC_ERROR_DIGEST, SC_ERROR_INVALID, and those of the source.
 */
GPtrArray *sc_sigstore_fetch (ScBlobSource *source, const char *manifest_digest, GCancellable *cancellable,
                              GError **error) SC_CHECK;
