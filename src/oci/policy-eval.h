/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "blob-source.h"
#include "policy-conf.h"

/* Whether the policy lets an image through, and why.  Internal to oci/policy. */
typedef struct
{
  char *text;            /* one line: by whom it is signed, or that it was not checked, and the rule that says so */
  gboolean checked;      /* a signature was demanded and found good */
  GPtrArray *signatures; /* (element-type GBytes): the simple signatures that were accepted */
} ScVerdict;

void sc_verdict_clear (ScVerdict *verdict);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ScVerdict, sc_verdict_clear)

/**
 * sc_policy_evaluate:
 * @source: its top document was fetched
 * @manifest: the one of the platform, its digest checked
 * @out: filled on success only
 *
 * Every requirement of the rule for the image must be fulfilled; a requirement of a signature is fulfilled by one that
 * is good.
 *
 * Errors: SC_ERROR_DENIED "..." if the policy does not let it through; SC_ERROR_UNSUPPORTED for a requirement that is
 * never fulfilled here; SC_ERROR_INVALID and G_IO_ERROR for keys that cannot be read; those of fetching signatures.
 */
gboolean sc_policy_evaluate (const ScPolicy *policy, ScBlobSource *source, const ScManifest *manifest, ScVerdict *out,
                             GCancellable *cancellable, GError **error) SC_CHECK;
