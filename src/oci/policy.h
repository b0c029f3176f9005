/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "blob-source.h"
#include "model.h"
#include "policy-conf.h"

/*
 * The gate between what a source offers and what the repository takes (architecture, invariant 1):
 * an ScVerifiedImage can be made here only, and sc_pull() accepts nothing else.
 */

typedef struct _ScVerifiedImage ScVerifiedImage;

/**
 * sc_policy_verify:
 * @policy: what must be true of the image
 * @platform: (nullable): NULL: the host's
 *
 * Fetches the top document of @source, resolves an index to the one manifest of @platform, and checks that every
 * document is the one asked for: the reference's digest, if it has one, against the top document, and each descriptor's
 * digest and size against the bytes.  Then that manifest, under the name that the user means, must fulfil what @policy
 * demands of it.
 *
 * Errors: those of the source, SC_ERROR_DIGEST, SC_ERROR_INVALID, SC_ERROR_NOT_FOUND (platform), SC_ERROR_DENIED
 * (policy).
 */
ScVerifiedImage *sc_policy_verify (ScBlobSource *source, const ScPolicy *policy, const ScPlatform *platform,
                                   GCancellable *cancellable, GError **error) SC_CHECK;
/* The same of the manifest @digest, which may be an older one of the image that @source is for. */
ScVerifiedImage *sc_policy_verify_digest (ScBlobSource *source, const ScPolicy *policy, const char *digest,
                                          GCancellable *cancellable, GError **error) SC_CHECK;
void sc_verified_image_free (ScVerifiedImage *image);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScVerifiedImage, sc_verified_image_free)

/* Owned by @image. */
const ScManifest *sc_verified_image_manifest (const ScVerifiedImage *image);
/* The name to store it under. */
const char *sc_verified_image_name (const ScVerifiedImage *image);
/* How it was verified, on one line: "signed by key FINGERPRINT (policy: docker quay.io/x)", or SC_VERIFICATION_NONE and
 * why. */
const char *sc_verified_image_verification (const ScVerifiedImage *image);
/* FALSE: the policy wanted no signature. */
gboolean sc_verified_image_is_signed (const ScVerifiedImage *image);
/* (element-type GBytes): the simple signatures that were accepted. */
const GPtrArray *sc_verified_image_signatures (const ScVerifiedImage *image);
