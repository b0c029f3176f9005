/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Entries of Rekor, the transparency log, as cosign attaches them ("bundle"): proof that the log took this signature,
 * and when.  The log's promise (SignedEntryTimestamp) is over the canonical JSON (RFC 8785) of the entry; that text is
 * made here out of members whose spelling leaves no choice, and only what is in it is believed.  Nothing is asked of
 * the log itself.
 */

#include "sigstore-private.h"

#include <string.h>

#include "digest.h"
#include "json.h"

#define BUNDLE_MAX_SIZE ((gsize)1024 * 1024)
#define SET_MAX_SIZE    ((gsize)4096)
/* Up to here a number is written in one way only. */
#define INTEGER_MAX (((gint64)1 << 53) - 1)

typedef struct
{
  const char *body; /* base64 */
  const char *log_id;
  gint64 time;
  gint64 index;
} Payload;

static gboolean
check_integer (const char *name, gint64 value, GError **error)
{
  if (value < 0 || value > INTEGER_MAX)
    return sc_fail (error, SC_ERROR_INVALID, "bundle: Payload.%s is out of range", name);
  return TRUE;
}

static gboolean
read_payload (JsonObject *object, Payload *out, GError **error)
{
  static const char *const names[] = { "body", "integratedTime", "logIndex", "logID", NULL };
  const char *where = "bundle: Payload";

  if (!sc_sigstore_check_members (object, where, names, error)
      || !sc_json_get_string (object, where, "body", SC_JSON_REQUIRED, &out->body, error)
      || !sc_json_get_string (object, where, "logID", SC_JSON_REQUIRED, &out->log_id, error)
      || !sc_json_get_int (object, where, "integratedTime", SC_JSON_REQUIRED, &out->time, error)
      || !sc_json_get_int (object, where, "logIndex", SC_JSON_REQUIRED, &out->index, error)
      || !check_integer ("integratedTime", out->time, error) || !check_integer ("logIndex", out->index, error))
    return FALSE;
  if (!sc_digest_is_hex (out->log_id))
    return sc_fail (error, SC_ERROR_INVALID, "bundle: Payload.logID is not a hash");
  return TRUE;
}

static gboolean
verify_timestamp (const GPtrArray *keys, const Payload *payload, const char *timestamp, GError **error)
{
  g_autoptr (GBytes) signature =
      sc_sigstore_base64_decode ("bundle: SignedEntryTimestamp", timestamp, SET_MAX_SIZE, error);
  g_autofree char *canonical = NULL;

  if (signature == NULL)
    return FALSE;
  canonical = g_strdup_printf ("{\"body\":\"%s\",\"integratedTime\":%" G_GINT64_FORMAT
                               ",\"logID\":\"%s\",\"logIndex\":%" G_GINT64_FORMAT "}",
                               payload->body, payload->time, payload->log_id, payload->index);
  for (guint i = 0; i < keys->len; i++)
    {
      g_autoptr (GError) local = NULL;

      if (sc_sigstore_key_verify (g_ptr_array_index (keys, i), signature, canonical, strlen (canonical), &local))
        return TRUE;
      if (!g_error_matches (local, SC_ERROR, SC_ERROR_DENIED))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
    }
  return sc_fail (error, SC_ERROR_DENIED, "bundle: not signed by the Rekor key that the policy names");
}

static gboolean
check_word (JsonObject *object, const char *where, const char *key, const char *wanted, GError **error)
{
  const char *word = NULL;

  if (!sc_json_get_string (object, where, key, SC_JSON_REQUIRED, &word, error))
    return FALSE;
  if (strcmp (word, wanted) != 0)
    return sc_fail (error, SC_ERROR_UNSUPPORTED, "%s.%s is not \"%s\"", where, key, wanted);
  return TRUE;
}

/* Is spec.signature about the subject's signature and its signer? */
static gboolean
match_signature (JsonObject *spec, const ScRekorSubject *subject, GError **error)
{
  const char *where = "bundle: body: spec.signature";
  JsonObject *signature = NULL, *key = NULL;
  const char *content = NULL, *key_content = NULL;
  g_autoptr (GBytes) found = NULL;
  g_autoptr (GBytes) pem = NULL;
  g_autoptr (GPtrArray) blocks = NULL;

  if (!sc_json_get_object (spec, "bundle: body: spec", "signature", SC_JSON_REQUIRED, &signature, error)
      || !sc_json_get_string (signature, where, "content", SC_JSON_REQUIRED, &content, error)
      || !sc_json_get_object (signature, where, "publicKey", SC_JSON_REQUIRED, &key, error)
      || !sc_json_get_string (key, "bundle: body: spec.signature.publicKey", "content", SC_JSON_REQUIRED, &key_content,
                              error))
    return FALSE;
  found = sc_sigstore_base64_decode (where, content, BUNDLE_MAX_SIZE, error);
  if (found == NULL)
    return FALSE;
  if (!g_bytes_equal (found, subject->signature))
    return sc_fail (error, SC_ERROR_DENIED, "bundle: the log's entry is about another signature");
  pem = sc_sigstore_base64_decode ("bundle: body: spec.signature.publicKey", key_content, BUNDLE_MAX_SIZE, error);
  if (pem == NULL)
    return FALSE;
  blocks = sc_sigstore_pem_parse ("bundle: body: spec.signature.publicKey", g_bytes_get_data (pem, NULL),
                                  g_bytes_get_size (pem), 1, error);
  if (blocks == NULL)
    return FALSE;
  if (!g_bytes_equal (((ScPemBlock *)g_ptr_array_index (blocks, 0))->der, subject->signer_der))
    return sc_fail (error, SC_ERROR_DENIED, "bundle: the log's entry is about another key or certificate");
  return TRUE;
}

static gboolean
match_hash (JsonObject *spec, const ScRekorSubject *subject, GError **error)
{
  const char *where = "bundle: body: spec.data.hash";
  JsonObject *data = NULL, *hash = NULL;
  const char *value = NULL;
  g_autofree char *digest = NULL;

  if (!sc_json_get_object (spec, "bundle: body: spec", "data", SC_JSON_REQUIRED, &data, error)
      || !sc_json_get_object (data, "bundle: body: spec.data", "hash", SC_JSON_REQUIRED, &hash, error)
      || !check_word (hash, where, "algorithm", "sha256", error)
      || !sc_json_get_string (hash, where, "value", SC_JSON_REQUIRED, &value, error))
    return FALSE;
  digest = sc_digest_of (g_bytes_get_data (subject->payload, NULL), g_bytes_get_size (subject->payload));
  if (strcmp (value, sc_digest_hex (digest)) != 0)
    return sc_fail (error, SC_ERROR_DENIED, "bundle: the log's entry is about another payload");
  return TRUE;
}

/* The entry: of kind hashedrekord 0.0.1, the one that signatures of images get. */
static gboolean
match_body (GBytes *raw, const ScRekorSubject *subject, GError **error)
{
  const char *where = "bundle: body";
  g_autoptr (JsonNode) root = sc_json_parse_unique (where, g_bytes_get_data (raw, NULL), g_bytes_get_size (raw), error);
  JsonObject *body, *spec = NULL;

  body = root != NULL ? sc_json_node_object (root, where, error) : NULL;
  return body != NULL && check_word (body, where, "kind", "hashedrekord", error)
         && check_word (body, where, "apiVersion", "0.0.1", error)
         && sc_json_get_object (body, where, "spec", SC_JSON_REQUIRED, &spec, error)
         && match_signature (spec, subject, error) && match_hash (spec, subject, error);
}

gboolean
sc_sigstore_rekor_verify (const GPtrArray *keys, const char *bundle, const ScRekorSubject *subject, gint64 *out_time,
                          GError **error)
{
  static const char *const names[] = { "SignedEntryTimestamp", "Payload", NULL };
  g_autoptr (JsonNode) root = NULL;
  g_autoptr (GBytes) body = NULL;
  JsonObject *object, *member = NULL;
  const char *timestamp = NULL;
  Payload payload = { 0 };

  if (bundle == NULL)
    return sc_fail (error, SC_ERROR_DENIED, "it has no Rekor entry, which the policy demands");
  if (strlen (bundle) > BUNDLE_MAX_SIZE)
    return sc_fail (error, SC_ERROR_LIMIT, "bundle: larger than %zu bytes", BUNDLE_MAX_SIZE);
  root = sc_json_parse_unique ("bundle", bundle, strlen (bundle), error);
  object = root != NULL ? sc_json_node_object (root, "bundle", error) : NULL;
  if (object == NULL || !sc_sigstore_check_members (object, "bundle", names, error)
      || !sc_json_get_string (object, "bundle", "SignedEntryTimestamp", SC_JSON_REQUIRED, &timestamp, error)
      || !sc_json_get_object (object, "bundle", "Payload", SC_JSON_REQUIRED, &member, error)
      || !read_payload (member, &payload, error))
    return FALSE;
  /* Before the canonical text is made of it: nothing in it needs an escape then. */
  body = sc_sigstore_base64_decode ("bundle: Payload.body", payload.body, BUNDLE_MAX_SIZE, error);
  if (body == NULL || !verify_timestamp (keys, &payload, timestamp, error) || !match_body (body, subject, error))
    return FALSE;
  *out_time = payload.time;
  return TRUE;
}
