/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Manifests from a source.  Every document is compared, byte for byte by its digest, with what the reference, an index
 * or the caller asked for; whether it may be used is oci/policy's to say.
 */
#include "manifest-fetch.h"

#include <string.h>

#include "digest.h"

static GBytes *
fetch (ScBlobSource *source, const char *digest, char **out_media_type, GCancellable *cancellable, GError **error)
{
  g_autofree char *media_type = NULL;
  g_autoptr (GBytes) raw = source->klass->fetch_manifest (source, digest, &media_type, cancellable, error);

  if (raw == NULL)
    return NULL;
  if (g_bytes_get_size (raw) > SC_MANIFEST_MAX_SIZE)
    return sc_fail_null (error, SC_ERROR_LIMIT, "the manifest is larger than %d bytes", SC_MANIFEST_MAX_SIZE);
  *out_media_type = g_steal_pointer (&media_type);
  return g_steal_pointer (&raw);
}

static gboolean
check_digest (GBytes *raw, const char *expected, GError **error)
{
  g_autofree char *found = sc_digest_of (g_bytes_get_data (raw, NULL), g_bytes_get_size (raw));

  if (strcmp (found, expected) != 0)
    return sc_fail (error, SC_ERROR_DIGEST, "manifest: digest mismatch: expected %s, got %s", expected, found);
  return TRUE;
}

/* The manifest of @platform that the index @raw names. */
static GBytes *
resolve_index (ScBlobSource *source, GBytes *raw, const ScPlatform *platform, GCancellable *cancellable, GError **error)
{
  g_autoptr (ScIndex) index = sc_index_parse (raw, error);
  g_autoptr (GBytes) manifest = NULL;
  g_autofree char *media_type = NULL;
  const ScDescriptor *entry;
  gboolean is_index = FALSE;

  if (index == NULL)
    return NULL;
  entry = sc_index_find (index, platform, error);
  if (entry == NULL)
    return NULL;
  if (entry->size > SC_MANIFEST_MAX_SIZE)
    return sc_fail_null (error, SC_ERROR_LIMIT, "manifest %s: larger than %d bytes", entry->digest,
                         SC_MANIFEST_MAX_SIZE);
  manifest = fetch (source, entry->digest, &media_type, cancellable, error);
  if (manifest == NULL)
    return NULL;
  if (g_bytes_get_size (manifest) != entry->size)
    return sc_fail_null (error, SC_ERROR_DIGEST, "manifest %s: %zu bytes where the index announces %" G_GUINT64_FORMAT,
                         entry->digest, g_bytes_get_size (manifest), entry->size);
  if (!check_digest (manifest, entry->digest, error))
    return NULL;
  /* What it is, the index says; the other side's word for it counts only at the top. */
  if (!sc_document_is_index (manifest, entry->media_type, &is_index, error))
    return NULL;
  if (is_index)
    return sc_fail_null (error, SC_ERROR_UNSUPPORTED, "manifest %s: an index within an index is not supported",
                         entry->digest);
  return g_steal_pointer (&manifest);
}

ScManifest *
sc_manifest_fetch (ScBlobSource *source, const ScPlatform *platform, GCancellable *cancellable, GError **error)
{
  g_autofree char *media_type = NULL;
  g_autoptr (GBytes) raw = fetch (source, NULL, &media_type, cancellable, error);
  gboolean is_index = FALSE;

  if (raw == NULL)
    return NULL;
  if (source->ref->digest != NULL && !check_digest (raw, source->ref->digest, error))
    return NULL;
  if (!sc_document_is_index (raw, media_type, &is_index, error))
    return NULL;
  if (is_index)
    {
      GBytes *manifest = resolve_index (source, raw, platform, cancellable, error);

      if (manifest == NULL)
        return NULL;
      g_bytes_unref (raw);
      raw = manifest;
    }
  return sc_manifest_parse (raw, error);
}

ScManifest *
sc_manifest_fetch_digest (ScBlobSource *source, const char *digest, GCancellable *cancellable, GError **error)
{
  g_autofree char *media_type = NULL;
  g_autoptr (GBytes) raw = NULL;
  g_autoptr (GError) local = NULL;
  gboolean is_index = FALSE;

  if (source->ref->transport != SC_TRANSPORT_REGISTRY)
    {
      /* Archives are read from their top. */
      g_autoptr (ScManifest) top = sc_manifest_fetch (source, sc_platform_host (), cancellable, &local);

      if (top != NULL && strcmp (top->digest, digest) == 0)
        return g_steal_pointer (&top);
      if (local != NULL && !g_error_matches (local, SC_ERROR, SC_ERROR_NOT_FOUND))
        return g_propagate_error (error, g_steal_pointer (&local)), NULL;
    }
  raw = fetch (source, digest, &media_type, cancellable, error);
  if (raw == NULL || !check_digest (raw, digest, error) || !sc_document_is_index (raw, media_type, &is_index, error))
    return NULL;
  if (is_index)
    return sc_fail_null (error, SC_ERROR_INVALID, "manifest %s is an index", digest);
  return sc_manifest_parse (raw, error);
}
