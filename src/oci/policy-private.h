/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

#include "policy-conf.h"

/* What policy-conf.c (the file), policy-requirement.c (one requirement) and policy-identity.c (signedIdentity) share.
 */

/* No member but @names (NULL-terminated), and none that is null. */
gboolean sc_policy_check_members (JsonObject *object, const char *where, const char *const *names,
                                  GError **error) SC_CHECK;

ScRequirement *sc_requirement_parse (JsonObject *object, const char *where, GError **error) SC_CHECK;
void sc_requirement_free (ScRequirement *requirement);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScRequirement, sc_requirement_free)

gboolean sc_signed_identity_parse (JsonObject *object, const char *where, ScSignedIdentity *out,
                                   GError **error) SC_CHECK;
void sc_signed_identity_clear (ScSignedIdentity *identity);

/* (transfer full) (element-type GBytes): everything that @sources name; an error names the file. */
GPtrArray *sc_key_sources_read (const ScContext *ctx, const ScKeySources *sources, GError **error) SC_CHECK;
