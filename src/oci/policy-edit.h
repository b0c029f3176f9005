/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

#include "context.h"

/*
 * Changes to the policy file.  Members that are not understood are kept, in their order; the file is replaced as a
 * whole or not at all, and two changes at once wait for each other.  A file that is no JSON, or a symbolic link, is not
 * touched.  If there is no policy file yet, one is made that accepts what nothing else is said about, as having none
 * does.
 */

typedef enum
{
  SC_TRUST_SIGNED_BY,
  SC_TRUST_ACCEPT,
  SC_TRUST_REJECT
} ScTrustType;

typedef struct
{
  const char *scope; /* "REGISTRY[/REPOSITORY[:TAG]]" or "*.DOMAIN" */
  ScTrustType type;
  const char *const *keys; /* (nullable): files inside the root; of SC_TRUST_SIGNED_BY: one of them must have signed */
  const char *lookaside;   /* (nullable): URL of the place of signatures */
} ScTrust;

/* What a change did, for messages. */
typedef struct
{
  char *policy;      /* file that was changed, inside the root */
  char *lookaside;   /* (nullable): file of registries.d that was written */
  gboolean replaced; /* there was a rule for the scope already */
} ScTrustChange;

void sc_trust_change_clear (ScTrustChange *change);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ScTrustChange, sc_trust_change_clear)

/**
 * sc_trust_add:
 *
 * Sets the rule for a scope, in place of the one that there was.  Each key is looked into first.
 *
 * Errors: SC_ERROR_USAGE for a scope without registry, a key that is not an absolute path, SC_TRUST_SIGNED_BY without
 * keys, or a place that is neither file:///, http:// nor https://; SC_ERROR_INVALID for a file without keys or a policy
 * file that cannot be understood; SC_ERROR_EXISTS if registries.d has another place for the scope in a file that is not
 * ours; G_IO_ERROR.
 */
gboolean sc_trust_add (const ScContext *ctx, const ScTrust *trust, ScTrustChange *out, GCancellable *cancellable,
                       GError **error) SC_CHECK;

/* Removes the rule for a scope; SC_ERROR_NOT_FOUND if there is none. */
gboolean sc_trust_delete (const ScContext *ctx, const char *scope, ScTrustChange *out, GCancellable *cancellable,
                          GError **error) SC_CHECK;

/* What holds where no rule is; SC_TRUST_ACCEPT or SC_TRUST_REJECT. */
gboolean sc_trust_set_default (const ScContext *ctx, ScTrustType type, ScTrustChange *out, GCancellable *cancellable,
                               GError **error) SC_CHECK;

/* The policy as JSON, whatever is in it; what having none means if there is none. */
JsonNode *sc_trust_load (const ScContext *ctx, GError **error) SC_CHECK;
