/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "policy.h"
#include "verify.h"

/**
 * sc_repair_image:
 * @verify: what was found out about the repository's objects; what is replaced is forgotten there
 * @image, @report: what is stored, and what is wrong with it
 * @good: the image, fetched again from @source and verified: of the digest that is stored, or, if that is what is
 *        damaged, of the same config and layers
 * @out_fetched: is added to: layers and configs that were fetched
 *
 * Fetches the parts that are damaged, and no other, proves each by the digests of the manifest, and puts what is
 * missing or damaged in place: by rename, flushed, objects before the commits that name them, and refs last.  Nothing
 * is removed.  Wherever it is interrupted the repository has lost nothing, and it can be done again.
 *
 * Errors: those of the source; SC_ERROR_DIGEST for bytes that are not the right ones (nothing is changed by them).
 */
gboolean sc_repair_image (ScVerify *verify, const ScImage *image, const ScVerifyReport *report,
                          const ScVerifiedImage *good, ScBlobSource *source, const ScProgressSink *sink,
                          guint *out_fetched, GCancellable *cancellable, GError **error) SC_CHECK;
