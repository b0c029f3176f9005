/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "json.h"
#include "model.h"

/*
 * What the files of the model share.  Internal to oci/model*.c.
 */

/* Checks a digest of a document: sc_digest_check() with a message that begins with @where. */
gboolean sc_model_check_digest (const char *where, const char *digest, GError **error) SC_CHECK;

/* The descriptor in @object (OCI image specification, descriptor.md, "Properties"). */
ScDescriptor *sc_descriptor_parse (JsonObject *object, const char *where, GError **error) SC_CHECK;

/* Parses @raw, which may be at most @max bytes and must be an object; *out_root keeps it. */
JsonObject *sc_model_parse (const char *what, GBytes *raw, gsize max, JsonNode **out_root, GError **error) SC_CHECK;

/* How well @offer fits @want: 0 not at all, SC_PLATFORM_EXACT the same, in between a variant that runs there too. */
#define SC_PLATFORM_EXACT 100
guint sc_platform_rank (const ScPlatform *offer, const ScPlatform *want);
