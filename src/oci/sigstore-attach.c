/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Finds the sigstore signatures that are attached to an image where it is stored: manifests whose layers are the signed
 * payloads, with all else in annotations.  They are found by a tag made of the image's digest, as cosign does, and by
 * the list of what refers to it.  Judges nothing; that what was fetched is what its descriptor says is checked, and how
 * much of it there is.
 */

#include <string.h>

#include "digest.h"
#include "json.h"
#include "model-private.h"
#include "sigstore-private.h"

#define ARTIFACT_TYPE "application/vnd.dev.cosign.artifact.sig.v1+json"

typedef struct
{
  ScBlobSource *source;
  GCancellable *cancellable;
  GPtrArray *found; /* ScSigstoreSignature */
  GHashTable *seen; /* digests of manifests */
  gsize total;      /* bytes of payloads */
} Search;

static gboolean
add_layer (Search *search, JsonObject *layer, const char *where, GError **error)
{
  g_autoptr (ScDescriptor) descriptor = sc_descriptor_parse (layer, where, error);
  g_autoptr (GHashTable) annotations = NULL;
  g_autoptr (GBytes) payload = NULL;

  if (descriptor == NULL)
    return FALSE;
  if (strcmp (descriptor->media_type, SC_MT_SIMPLE_SIGNING) != 0)
    return TRUE;
  if (search->found->len == SC_SIGSTORE_MAX_SIGNATURES)
    return sc_fail (error, SC_ERROR_LIMIT, "more than %d signatures", SC_SIGSTORE_MAX_SIGNATURES);
  if (descriptor->size > SC_SIGSTORE_MAX_TOTAL_SIZE - search->total)
    return sc_fail (error, SC_ERROR_LIMIT, "signatures of more than %zu bytes together", SC_SIGSTORE_MAX_TOTAL_SIZE);
  if (!sc_json_get_string_map (layer, where, "annotations", SC_JSON_OPTIONAL, &annotations, error))
    return FALSE;
  payload =
      sc_blob_source_fetch_blob (search->source, descriptor, SC_SIGSTORE_MAX_PAYLOAD_SIZE, search->cancellable, error);
  if (payload == NULL)
    return FALSE;
  if (annotations == NULL)
    annotations = g_hash_table_new (g_str_hash, g_str_equal);
  search->total += g_bytes_get_size (payload);
  g_ptr_array_add (search->found, sc_sigstore_signature_new (payload, annotations));
  return TRUE;
}

static gboolean
add_manifest (Search *search, GBytes *raw, GError **error)
{
  const char *what = "signature manifest";
  g_autofree char *digest = sc_digest_of (g_bytes_get_data (raw, NULL), g_bytes_get_size (raw));
  g_autoptr (JsonNode) root = NULL;
  JsonObject *manifest;
  JsonArray *layers = NULL;
  gint64 version = 0;

  if (!g_hash_table_add (search->seen, g_steal_pointer (&digest)))
    return TRUE;
  manifest = sc_model_parse (what, raw, SC_MANIFEST_MAX_SIZE, &root, error);
  if (manifest == NULL || !sc_json_get_int (manifest, what, "schemaVersion", SC_JSON_REQUIRED, &version, error)
      || !sc_json_get_array (manifest, what, "layers", SC_JSON_REQUIRED, &layers, error))
    return FALSE;
  if (version != 2)
    return sc_fail (error, SC_ERROR_INVALID, "%s: schemaVersion is not 2", what);
  for (guint i = 0; i < json_array_get_length (layers); i++)
    {
      g_autofree char *where = g_strdup_printf ("%s: layers[%u]", what, i);
      JsonObject *layer = sc_json_element_object (layers, "signature manifest: layers", i, error);

      if (layer == NULL || !add_layer (search, layer, where, error))
        return FALSE;
    }
  return TRUE;
}

static GBytes *
fetch_attached (Search *search, const char *which, GError **error)
{
  const ScBlobSourceClass *klass = search->source->klass;
  g_autofree char *media_type = NULL;

  return (klass->fetch_attached != NULL ? klass->fetch_attached : klass->fetch_manifest) (
      search->source, which, &media_type, search->cancellable, error);
}

/* (nullable): the document with the tag @tag; NULL without an error if there is none. */
static GBytes *
fetch_tag (Search *search, const char *tag, GError **error)
{
  g_autoptr (GError) local = NULL;
  GBytes *raw = fetch_attached (search, tag, &local);

  if (raw == NULL && !g_error_matches (local, SC_ERROR, SC_ERROR_NOT_FOUND))
    g_propagate_error (error, g_steal_pointer (&local));
  return raw;
}

static gboolean
add_tag (Search *search, const char *tag, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (GBytes) raw = fetch_tag (search, tag, &local);

  if (local == NULL && raw != NULL)
    (void)!add_manifest (search, raw, &local);
  if (local == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return sc_prefix (error, "sigstore signatures, tag %s", tag);
}

/* An entry of a list of referrers: other things than signatures are passed over. */
static gboolean
add_referrer (Search *search, JsonObject *entry, const char *where, GError **error)
{
  g_autoptr (ScDescriptor) descriptor = NULL;
  g_autoptr (GBytes) raw = NULL;
  g_autofree char *digest = NULL;
  const char *type = NULL;

  if (!sc_json_get_string (entry, where, "artifactType", SC_JSON_OPTIONAL, &type, error))
    return FALSE;
  if (g_strcmp0 (type, ARTIFACT_TYPE) != 0)
    return TRUE;
  descriptor = sc_descriptor_parse (entry, where, error);
  if (descriptor == NULL)
    return FALSE;
  if (g_hash_table_contains (search->seen, descriptor->digest))
    return TRUE;
  if (g_hash_table_size (search->seen) > SC_SIGSTORE_MAX_SIGNATURES)
    return sc_fail (error, SC_ERROR_LIMIT, "more than %d signatures", SC_SIGSTORE_MAX_SIGNATURES);
  raw = fetch_attached (search, descriptor->digest, error);
  if (raw == NULL)
    return FALSE;
  digest = sc_digest_of (g_bytes_get_data (raw, NULL), g_bytes_get_size (raw));
  if (g_bytes_get_size (raw) != descriptor->size || strcmp (digest, descriptor->digest) != 0)
    return sc_fail (error, SC_ERROR_DIGEST, "%s: is not what was announced as %s", where, descriptor->digest);
  return add_manifest (search, raw, error);
}

static gboolean
add_index (Search *search, GBytes *raw, GError **error)
{
  const char *what = "referrers";
  g_autoptr (JsonNode) root = NULL;
  JsonArray *entries = NULL;
  JsonObject *index = sc_model_parse (what, raw, SC_MANIFEST_MAX_SIZE, &root, error);

  if (index == NULL || !sc_json_get_array (index, what, "manifests", SC_JSON_REQUIRED, &entries, error))
    return FALSE;
  for (guint i = 0; i < json_array_get_length (entries); i++)
    {
      g_autofree char *where = g_strdup_printf ("%s: manifests[%u]", what, i);
      JsonObject *entry = sc_json_element_object (entries, "referrers: manifests", i, error);

      if (entry == NULL || !add_referrer (search, entry, where, error))
        return FALSE;
    }
  return TRUE;
}

/* The pages of the list of referrers; (transfer full) (nullable): NULL with an error. */
static GPtrArray *
fetch_referrers (Search *search, const char *manifest_digest, GError **error)
{
  const ScBlobSourceClass *klass = search->source->klass;
  g_autofree char *tag = g_strconcat ("sha256-", sc_digest_hex (manifest_digest), NULL);
  g_autoptr (GError) local = NULL;
  g_autoptr (GPtrArray) pages = NULL;
  GBytes *raw;

  if (klass->fetch_referrers != NULL)
    {
      pages = klass->fetch_referrers (search->source, manifest_digest, ARTIFACT_TYPE, search->cancellable, &local);
      if (pages != NULL)
        return g_steal_pointer (&pages);
      if (!g_error_matches (local, SC_ERROR, SC_ERROR_NOT_FOUND))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return NULL;
        }
      g_clear_error (&local);
    }
  raw = fetch_tag (search, tag, &local);
  if (local != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return NULL;
    }
  pages = g_ptr_array_new_with_free_func ((GDestroyNotify)g_bytes_unref);
  if (raw != NULL)
    g_ptr_array_add (pages, raw);
  return g_steal_pointer (&pages);
}

static gboolean
add_referrers (Search *search, const char *manifest_digest, GError **error)
{
  g_autoptr (GPtrArray) pages = fetch_referrers (search, manifest_digest, error);

  if (pages == NULL)
    return sc_prefix (error, "sigstore signatures");
  for (guint i = 0; i < pages->len; i++)
    if (!add_index (search, g_ptr_array_index (pages, i), error))
      return sc_prefix (error, "sigstore signatures");
  return TRUE;
}

GPtrArray *
sc_sigstore_fetch (ScBlobSource *source, const char *manifest_digest, GCancellable *cancellable, GError **error)
{
  g_autofree char *tag = g_strdup_printf ("sha256-%s.sig", sc_digest_hex (manifest_digest));
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func ((GDestroyNotify)sc_sigstore_signature_free);
  Search search = { .source = source, .cancellable = cancellable, .found = found, .seen = seen };

  if (!add_tag (&search, tag, error) || !add_referrers (&search, manifest_digest, error))
    return NULL;
  return g_steal_pointer (&found);
}
