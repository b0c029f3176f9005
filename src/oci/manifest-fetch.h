/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "blob-source.h"

/* (transfer full): the manifest that @source has for @platform: its top document, or the one that an index there names.
 * Nothing is said of whether it may be trusted.  Errors: those of the source, SC_ERROR_DIGEST, SC_ERROR_INVALID,
 * SC_ERROR_NOT_FOUND (platform). */
ScManifest *sc_manifest_fetch (ScBlobSource *source, const ScPlatform *platform, GCancellable *cancellable,
                               GError **error) SC_CHECK;

/* (transfer full): the manifest @digest, which need not be the one that the reference of @source leads to now: a
 * registry or a layout has it as long as it keeps it.  SC_ERROR_NOT_FOUND. */
ScManifest *sc_manifest_fetch_digest (ScBlobSource *source, const char *digest, GCancellable *cancellable,
                                      GError **error) SC_CHECK;
