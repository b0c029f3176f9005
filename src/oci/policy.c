/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The gate between sources and the repository.  An ScVerifiedImage has no other maker than this file, and there is none
 * whose manifest was not compared, byte for byte by its digest, with what the reference or an index asked for.  Reads
 * documents only: layers and config are checked against the manifest by whoever reads them.  Nor is there one that the
 * trust policy did not let through; policy-eval.c judges that.
 */

#include "policy.h"

#include <string.h>

#include "digest.h"
#include "policy-eval.h"

struct _ScVerifiedImage
{
  ScManifest *manifest;
  char *name;
  ScVerdict verdict;
};

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

static ScManifest *
verify (ScBlobSource *source, const ScPlatform *platform, GCancellable *cancellable, GError **error)
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

ScVerifiedImage *
sc_policy_verify (ScBlobSource *source, const ScPolicy *policy, const ScPlatform *platform, GCancellable *cancellable,
                  GError **error)
{
  g_autoptr (ScVerifiedImage) image = g_new0 (ScVerifiedImage, 1);

  image->manifest = verify (source, platform != NULL ? platform : sc_platform_host (), cancellable, error);
  image->name = sc_blob_source_store_name (source);
  if (image->manifest == NULL
      || !sc_policy_evaluate (policy, source, image->manifest, &image->verdict, cancellable, error))
    return sc_prefix_null (error, "image %s", image->name);
  return g_steal_pointer (&image);
}

void
sc_verified_image_free (ScVerifiedImage *image)
{
  if (image == NULL)
    return;
  g_clear_pointer (&image->manifest, sc_manifest_free);
  sc_verdict_clear (&image->verdict);
  g_free (image->name);
  g_free (image);
}

const ScManifest *
sc_verified_image_manifest (const ScVerifiedImage *image)
{
  return image->manifest;
}

const char *
sc_verified_image_name (const ScVerifiedImage *image)
{
  return image->name;
}

const char *
sc_verified_image_verification (const ScVerifiedImage *image)
{
  return image->verdict.text;
}

gboolean
sc_verified_image_is_signed (const ScVerifiedImage *image)
{
  return image->verdict.checked;
}

const GPtrArray *
sc_verified_image_signatures (const ScVerifiedImage *image)
{
  return image->verdict.signatures;
}
