/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "error.h"

/*
 * SHA-256 over libcrypto, and digests as OCI writes them: "sha256:<64 lower-case hex digits>"
 * (OCI image specification, descriptor.md, "Digests").
 */

#define SC_SHA256_SIZE 32
#define SC_SHA256_HEX  64

typedef struct _ScSha256 ScSha256;

ScSha256 *sc_sha256_new (void);
void sc_sha256_update (ScSha256 *sum, const void *data, gsize size);
/* Ends the sum; it can be used again after sc_sha256_reset(). */
void sc_sha256_finish (ScSha256 *sum, guint8 out[SC_SHA256_SIZE]);
void sc_sha256_reset (ScSha256 *sum);
void sc_sha256_free (ScSha256 *sum);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScSha256, sc_sha256_free)

/* Writes 64 hex digits and a NUL. */
void sc_digest_to_hex (const guint8 sum[SC_SHA256_SIZE], char out[SC_SHA256_HEX + 1]);

/* (transfer full): "sha256:<hex>" of @data. */
char *sc_digest_of (const void *data, gsize size);

/* Checks the form of @digest; another algorithm is SC_ERROR_UNSUPPORTED, anything else SC_ERROR_INVALID. */
gboolean sc_digest_check (const char *digest, GError **error) SC_CHECK;

/* TRUE for 64 lower-case hex digits. */
gboolean sc_digest_is_hex (const char *text);

/* The hex part of a digest that sc_digest_check() accepted; points into it. */
const char *sc_digest_hex (const char *digest);
