/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Is a sigstore signature one that the policy trusts?  Owns the order of the checks and the payload's grammar; keys,
 * certificates and the log's entry are checked in the files beside.  Everything happens offline, from the keys in an
 * ScSigstoreTrust, and whatever is not understood is refused.  Nothing in a payload is read before its signature has
 * been checked.
 */

#include "sigstore.h"

#include <openssl/err.h>
#include <string.h>

#include "digest.h"
#include "json.h"
#include "names.h"
#include "sigstore-private.h"

#define PAYLOAD_TYPE       "cosign container image signature"
#define SIGNATURE_MAX_SIZE ((gsize)16 * 1024)
#define ROOTS_MAX          64
#define FILE_MAGIC         "\0sigstore-json\n"
#define FILE_MAGIC_SIZE    (sizeof FILE_MAGIC - 1)

/* An ScSigstoreTrust that was read. */
typedef struct
{
  GPtrArray *keys;       /* EVP_PKEY */
  GPtrArray *rekor_keys; /* EVP_PKEY */
  GPtrArray *roots;      /* (nullable): X509; NULL: @keys count */
} Anchors;

static void
anchors_clear (Anchors *anchors)
{
  g_clear_pointer (&anchors->keys, g_ptr_array_unref);
  g_clear_pointer (&anchors->rekor_keys, g_ptr_array_unref);
  g_clear_pointer (&anchors->roots, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Anchors, anchors_clear)

ScSigstoreTrust *
sc_sigstore_trust_new (void)
{
  return g_new0 (ScSigstoreTrust, 1);
}

void
sc_sigstore_trust_free (ScSigstoreTrust *trust)
{
  if (trust == NULL)
    return;
  g_clear_pointer (&trust->public_keys, g_ptr_array_unref);
  g_clear_pointer (&trust->fulcio_ca, g_bytes_unref);
  g_free (trust->oidc_issuer);
  g_free (trust->subject_email);
  g_clear_pointer (&trust->rekor_public_keys, g_ptr_array_unref);
  g_free (trust);
}

void
sc_sigstore_signature_free (ScSigstoreSignature *signature)
{
  if (signature == NULL)
    return;
  g_clear_pointer (&signature->payload, g_bytes_unref);
  g_free (signature->signature);
  g_free (signature->certificate);
  g_free (signature->chain);
  g_free (signature->bundle);
  g_free (signature);
}

ScSigstoreSignature *
sc_sigstore_signature_new (GBytes *payload, GHashTable *annotations)
{
  ScSigstoreSignature *signature = g_new0 (ScSigstoreSignature, 1);
  const char *text = g_hash_table_lookup (annotations, "dev.cosignproject.cosign/signature");

  signature->payload = g_bytes_ref (payload);
  signature->signature = g_strdup (text != NULL ? text : "");
  signature->certificate = g_strdup (g_hash_table_lookup (annotations, "dev.sigstore.cosign/certificate"));
  signature->chain = g_strdup (g_hash_table_lookup (annotations, "dev.sigstore.cosign/chain"));
  signature->bundle = g_strdup (g_hash_table_lookup (annotations, "dev.sigstore.cosign/bundle"));
  return signature;
}

gboolean
sc_sigstore_is_file (GBytes *file)
{
  gsize size = 0;
  const char *data = g_bytes_get_data (file, &size);

  return size >= FILE_MAGIC_SIZE && memcmp (data, FILE_MAGIC, FILE_MAGIC_SIZE) == 0;
}

ScSigstoreSignature *
sc_sigstore_signature_parse (GBytes *file, GError **error)
{
  const char *what = "sigstore signature";
  gsize size = 0;
  const char *data = g_bytes_get_data (file, &size);
  const char *type = NULL, *text = NULL;
  g_autoptr (JsonNode) root = NULL;
  g_autoptr (GHashTable) annotations = NULL;
  g_autoptr (GBytes) payload = NULL;
  JsonObject *object;

  if (!sc_sigstore_is_file (file))
    return sc_fail_null (error, SC_ERROR_INVALID, "%s: not of this format", what);
  root = sc_json_parse_unique (what, data + FILE_MAGIC_SIZE, size - FILE_MAGIC_SIZE, error);
  object = root != NULL ? sc_json_node_object (root, what, error) : NULL;
  if (object == NULL || !sc_json_get_string (object, what, "mimeType", SC_JSON_REQUIRED, &type, error)
      || !sc_json_get_string (object, what, "payload", SC_JSON_REQUIRED, &text, error)
      || !sc_json_get_string_map (object, what, "annotations", SC_JSON_REQUIRED, &annotations, error))
    return NULL;
  if (strcmp (type, SC_MT_SIMPLE_SIGNING) != 0)
    {
      g_autofree char *shown = sc_name_escape (type);

      return sc_fail_null (error, SC_ERROR_UNSUPPORTED, "%s: an attachment of type '%s'", what, shown);
    }
  payload =
      sc_sigstore_base64_decode ("sigstore signature: payload", text, SC_SIGSTORE_MAX_PAYLOAD_SIZE / 3 * 4, error);
  return payload != NULL ? sc_sigstore_signature_new (payload, annotations) : NULL;
}

/* (transfer full) (element-type EVP_PKEY) */
static GPtrArray *
parse_keys (const char *what, const GPtrArray *pems, GError **error)
{
  g_autoptr (GPtrArray) keys = g_ptr_array_new_with_free_func ((GDestroyNotify)EVP_PKEY_free);

  for (guint i = 0; pems != NULL && i < pems->len; i++)
    {
      EVP_PKEY *key = sc_sigstore_key_parse (what, g_ptr_array_index (pems, i), error);

      if (key == NULL)
        return NULL;
      g_ptr_array_add (keys, key);
    }
  return g_steal_pointer (&keys);
}

static gboolean
check_rekor_keys (const GPtrArray *keys, GError **error)
{
  for (guint i = 0; i < keys->len; i++)
    if (EVP_PKEY_get_base_id (g_ptr_array_index (keys, i)) != EVP_PKEY_EC)
      return sc_fail (error, SC_ERROR_INVALID, "Rekor's public key: not an ECDSA key");
  return TRUE;
}

static gboolean
read_fulcio (const ScSigstoreTrust *trust, Anchors *out, GError **error)
{
  gsize size = 0;
  const void *pem;

  if (trust->fulcio_ca == NULL || trust->oidc_issuer == NULL || *trust->oidc_issuer == '\0'
      || trust->subject_email == NULL || *trust->subject_email == '\0')
    return sc_fail (error, SC_ERROR_INVALID, "Fulcio: needs a CA, an OIDC issuer and an e-mail address");
  if (out->rekor_keys->len == 0)
    return sc_fail (error, SC_ERROR_INVALID, "Fulcio: needs Rekor's public key, too");
  pem = g_bytes_get_data (trust->fulcio_ca, &size);
  out->roots = sc_sigstore_certs_parse ("Fulcio's CA", pem, size, ROOTS_MAX, error);
  return out->roots != NULL;
}

/* What cannot be used is SC_ERROR_INVALID, whatever it is. */
static gboolean
read_trust (const ScSigstoreTrust *trust, Anchors *out, GError **error)
{
  gboolean fulcio = trust->fulcio_ca != NULL || trust->oidc_issuer != NULL || trust->subject_email != NULL;
  g_autoptr (GError) local = NULL;

  out->keys = parse_keys ("public key", trust->public_keys, &local);
  out->rekor_keys = out->keys != NULL ? parse_keys ("Rekor's public key", trust->rekor_public_keys, &local) : NULL;
  if (out->rekor_keys == NULL)
    return sc_fail (error, SC_ERROR_INVALID, "%s", local->message);
  if (trust->rekor_public_keys != NULL && out->rekor_keys->len == 0)
    return sc_fail (error, SC_ERROR_INVALID, "Rekor's public key: there is none");
  if ((out->keys->len > 0) == fulcio)
    return sc_fail (error, SC_ERROR_INVALID, "sigstore: needs public keys or Fulcio, one of the two");
  if (!check_rekor_keys (out->rekor_keys, error))
    return FALSE;
  if (fulcio && !read_fulcio (trust, out, &local))
    return sc_fail (error, SC_ERROR_INVALID, "%s", local->message);
  return TRUE;
}

gboolean
sc_sigstore_trust_check (const ScSigstoreTrust *trust, GError **error)
{
  g_auto (Anchors) anchors = { 0 };
  gboolean done;

  ERR_set_mark ();
  done = read_trust (trust, &anchors, error);
  ERR_pop_to_mark ();
  return done;
}

/* A time of signing is a whole number, a creator is text; the rest of "optional" is the signer's. */
static gboolean
check_optional (JsonObject *payload, GError **error)
{
  JsonObject *optional = NULL;
  JsonNode *node = json_object_get_member (payload, "optional");
  const char *where = "payload: optional", *creator = NULL;
  gint64 timestamp = 0;

  if (JSON_NODE_HOLDS_NULL (node))
    return TRUE;
  if (!sc_json_get_object (payload, "payload", "optional", SC_JSON_REQUIRED, &optional, error))
    return FALSE;
  return (!json_object_has_member (optional, "creator")
          || sc_json_get_string (optional, where, "creator", SC_JSON_REQUIRED, &creator, error))
         && (!json_object_has_member (optional, "timestamp")
             || sc_json_get_int (optional, where, "timestamp", SC_JSON_REQUIRED, &timestamp, error));
}

gboolean
sc_sigstore_payload_parse (GBytes *raw, char **out_reference, char **out_digest, GError **error)
{
  static const char *const top[] = { "critical", "optional", NULL };
  static const char *const critical_names[] = { "type", "image", "identity", NULL };
  static const char *const image_names[] = { "docker-manifest-digest", NULL };
  static const char *const identity_names[] = { "docker-reference", NULL };
  const char *where = "payload: critical";
  const char *type = NULL, *digest = NULL, *reference = NULL;
  JsonObject *payload, *critical = NULL, *image = NULL, *identity = NULL;
  g_autoptr (JsonNode) root =
      sc_json_parse_unique ("payload", g_bytes_get_data (raw, NULL), g_bytes_get_size (raw), error);

  payload = root != NULL ? sc_json_node_object (root, "payload", error) : NULL;
  if (payload == NULL || !sc_sigstore_check_members (payload, "payload", top, error)
      || !sc_json_get_object (payload, "payload", "critical", SC_JSON_REQUIRED, &critical, error)
      || !check_optional (payload, error) || !sc_sigstore_check_members (critical, where, critical_names, error)
      || !sc_json_get_string (critical, where, "type", SC_JSON_REQUIRED, &type, error))
    return FALSE;
  if (strcmp (type, PAYLOAD_TYPE) != 0)
    return sc_fail (error, SC_ERROR_UNSUPPORTED, "payload: critical.type is not \"%s\"", PAYLOAD_TYPE);
  if (!sc_json_get_object (critical, where, "image", SC_JSON_REQUIRED, &image, error)
      || !sc_sigstore_check_members (image, "payload: critical.image", image_names, error)
      || !sc_json_get_string (image, "payload: critical.image", image_names[0], SC_JSON_REQUIRED, &digest, error)
      || !sc_json_get_object (critical, where, "identity", SC_JSON_REQUIRED, &identity, error)
      || !sc_sigstore_check_members (identity, "payload: critical.identity", identity_names, error)
      || !sc_json_get_string (identity, "payload: critical.identity", identity_names[0], SC_JSON_REQUIRED, &reference,
                              error))
    return FALSE;
  if (!sc_digest_check (digest, error))
    return sc_prefix (error, "payload: critical.image.docker-manifest-digest");
  if (*reference == '\0')
    return sc_fail (error, SC_ERROR_INVALID, "payload: critical.identity.docker-reference is empty");
  *out_reference = g_strdup (reference);
  *out_digest = g_strdup (digest);
  return TRUE;
}

/* Did @key make the signature, and does the log know so, if it is asked? */
static gboolean
verify_with_key (const Anchors *anchors, EVP_PKEY *key, const ScSigstoreSignature *signature, GBytes *decoded,
                 char **out_signer, GError **error)
{
  g_autoptr (GBytes) der = sc_sigstore_key_der (key, error);
  g_autofree char *digest = NULL;
  gint64 time = 0;
  gsize size = 0;
  const void *payload = g_bytes_get_data (signature->payload, &size);

  if (der == NULL)
    return FALSE;
  if (!sc_sigstore_key_verify (key, decoded, payload, size, error))
    return sc_prefix (error, "signature");
  if (anchors->rekor_keys->len > 0)
    {
      const ScRekorSubject subject = { der, decoded, signature->payload };

      if (!sc_sigstore_rekor_verify (anchors->rekor_keys, signature->bundle, &subject, &time, error))
        return FALSE;
    }
  digest = sc_digest_of (g_bytes_get_data (der, NULL), g_bytes_get_size (der));
  *out_signer = g_strconcat ("key ", digest, NULL);
  return TRUE;
}

static gboolean
verify_with_keys (const Anchors *anchors, const ScSigstoreSignature *signature, GBytes *decoded, char **out_signer,
                  GError **error)
{
  for (guint i = 0; i < anchors->keys->len; i++)
    {
      g_autoptr (GError) local = NULL;

      if (verify_with_key (anchors, g_ptr_array_index (anchors->keys, i), signature, decoded, out_signer, &local))
        return TRUE;
      /* With one key the reason says the most. */
      if (anchors->keys->len == 1 || g_error_matches (local, SC_ERROR, SC_ERROR_FAILED))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
    }
  return sc_fail (error, SC_ERROR_DENIED, "signature: none of the %u keys accepts it", anchors->keys->len);
}

/* The log's entry says when the certificate was used; only then can the certificate say whose the key is. */
static gboolean
verify_with_fulcio (const ScSigstoreTrust *trust, const Anchors *anchors, const ScSigstoreSignature *signature,
                    GBytes *decoded, char **out_signer, GError **error)
{
  g_autoptr (X509) leaf = NULL;
  g_autoptr (GBytes) der = NULL;
  gint64 time = 0;
  gsize size = 0;
  const void *payload = g_bytes_get_data (signature->payload, &size);

  if (signature->certificate == NULL)
    return sc_fail (error, SC_ERROR_DENIED, "it has no certificate, which the policy demands");
  leaf = sc_sigstore_cert_parse ("certificate", signature->certificate, &der, error);
  if (leaf == NULL)
    return FALSE;
  const ScRekorSubject subject = { der, decoded, signature->payload };
  if (!sc_sigstore_rekor_verify (anchors->rekor_keys, signature->bundle, &subject, &time, error)
      || !sc_sigstore_cert_verify (leaf, signature->chain, anchors->roots, trust->oidc_issuer, trust->subject_email,
                                   time, error))
    return FALSE;
  if (!sc_sigstore_key_verify (X509_get0_pubkey (leaf), decoded, payload, size, error))
    return sc_prefix (error, "signature");
  *out_signer = g_strdup_printf ("%s (%s)", trust->subject_email, trust->oidc_issuer);
  return TRUE;
}

static gboolean
verify (const ScSigstoreTrust *trust, const Anchors *anchors, const ScSigstoreSignature *signature,
        char **out_reference, char **out_digest, char **out_signer, GError **error)
{
  g_autoptr (GBytes) decoded = NULL;

  if (g_bytes_get_size (signature->payload) > SC_SIGSTORE_MAX_PAYLOAD_SIZE)
    return sc_fail (error, SC_ERROR_LIMIT, "payload: larger than %zu bytes", SC_SIGSTORE_MAX_PAYLOAD_SIZE);
  decoded = sc_sigstore_base64_decode ("signature", signature->signature, SIGNATURE_MAX_SIZE, error);
  if (decoded == NULL)
    return FALSE;
  if (anchors->roots != NULL)
    {
      if (!verify_with_fulcio (trust, anchors, signature, decoded, out_signer, error))
        return FALSE;
    }
  else if (!verify_with_keys (anchors, signature, decoded, out_signer, error))
    return FALSE;
  return sc_sigstore_payload_parse (signature->payload, out_reference, out_digest, error);
}

/* All that is wrong with a signature is one thing to the caller, and says so on one line. */
static gboolean
fail_denied (const GError *reason, GError **error)
{
  g_autofree char *shown = sc_name_escape (reason->message);

  return sc_fail (error, g_error_matches (reason, SC_ERROR, SC_ERROR_FAILED) ? SC_ERROR_FAILED : SC_ERROR_DENIED,
                  "sigstore signature refused: %s", shown);
}

gboolean
sc_sigstore_verify (const ScSigstoreTrust *trust, const ScSigstoreSignature *signature, char **out_docker_reference,
                    char **out_manifest_digest, char **out_signer, GError **error)
{
  g_auto (Anchors) anchors = { 0 };
  g_autoptr (GError) local = NULL;
  g_autofree char *reference = NULL;
  g_autofree char *digest = NULL;
  g_autofree char *signer = NULL;
  gboolean accepted = FALSE;

  /* What libcrypto queues up here would be taken for an error of a later caller's. */
  ERR_set_mark ();
  if (read_trust (trust, &anchors, error))
    {
      accepted = verify (trust, &anchors, signature, &reference, &digest, &signer, &local);
      if (!accepted)
        fail_denied (local, error);
    }
  ERR_pop_to_mark ();
  if (!accepted)
    return FALSE;
  *out_docker_reference = g_steal_pointer (&reference);
  *out_manifest_digest = g_steal_pointer (&digest);
  if (out_signer != NULL)
    *out_signer = g_steal_pointer (&signer);
  return TRUE;
}
