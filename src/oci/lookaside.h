/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "registries-d.h"

/*
 * Signatures that are kept beside a registry: files "REPOSITORY@sha256=HEX/signature-N" below a directory or a web
 * address (containers-registries.d(5), "lookaside").  Nobody's credentials are sent there.
 */

/**
 * sc_lookaside_fetch:
 * @name: the image, in the registry that it is fetched from
 * @manifest_digest: a checked digest
 * @out_place: (out) (optional) (transfer full): where they were looked for, for messages
 *
 * Returns: (element-type GBytes): signature-1, signature-2 and so on up to the first that is not there; empty if there
 * is none.  A place that does not answer is no empty place: SC_ERROR_UNAVAILABLE and the like, the address is named;
 * SC_ERROR_LIMIT for too many or too large ones; SC_ERROR_INVALID for an address that is neither file, http nor https.
 */
GPtrArray *sc_lookaside_fetch (const ScContext *ctx, const ScFullName *name, const char *manifest_digest,
                               char **out_place, GCancellable *cancellable, GError **error) SC_CHECK;
