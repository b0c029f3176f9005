/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The gate between sources and the repository.  An ScVerifiedImage has no other maker than this file, and there is none
 * whose manifest was not compared, byte for byte by its digest, with what the reference or an index asked for.  Reads
 * documents only: layers and config are checked against the manifest by whoever reads them.  Nor is there one that the
 * trust policy did not let through; policy-eval.c judges that.
 */

#include "policy.h"

#include "manifest-fetch.h"
#include "policy-eval.h"

struct _ScVerifiedImage
{
  ScManifest *manifest;
  char *name;
  ScVerdict verdict;
};

/* Takes @manifest (nullable: @error is set). */
static ScVerifiedImage *
judge (ScBlobSource *source, const ScPolicy *policy, ScManifest *manifest, GCancellable *cancellable, GError **error)
{
  g_autoptr (ScVerifiedImage) image = g_new0 (ScVerifiedImage, 1);

  image->manifest = manifest;
  image->name = sc_blob_source_store_name (source);
  if (image->manifest == NULL
      || !sc_policy_evaluate (policy, source, image->manifest, &image->verdict, cancellable, error))
    return sc_prefix_null (error, "image %s", image->name);
  return g_steal_pointer (&image);
}

ScVerifiedImage *
sc_policy_verify (ScBlobSource *source, const ScPolicy *policy, const ScPlatform *platform, GCancellable *cancellable,
                  GError **error)
{
  ScManifest *manifest =
      sc_manifest_fetch (source, platform != NULL ? platform : sc_platform_host (), cancellable, error);

  return judge (source, policy, manifest, cancellable, error);
}

ScVerifiedImage *
sc_policy_verify_digest (ScBlobSource *source, const ScPolicy *policy, const char *digest, GCancellable *cancellable,
                         GError **error)
{
  return judge (source, policy, sc_manifest_fetch_digest (source, digest, cancellable, error), cancellable, error);
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
