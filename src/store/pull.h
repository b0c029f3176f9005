/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "policy.h"
#include "store.h"
#include "transaction.h"

/**
 * ScPullResult:
 * @unchanged: the image was there as it is; nothing but its manifest was fetched
 * @fetched: layers that were fetched
 * @transaction: (nullable) (transfer full): what sc_transaction_undo() takes back; NULL if nothing changed
 * @left_out: device nodes, fifos and sockets that were in fetched layers and are not stored
 */
typedef struct
{
  gboolean unchanged;
  guint fetched;
  guint64 left_out;
  ScTransaction *transaction;
} ScPullResult;

void sc_pull_result_clear (ScPullResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ScPullResult, sc_pull_result_clear)

/**
 * sc_pull:
 * @wanted: (nullable): the platform that the user asked for; an image whose config names another one is refused.  A
 *          config without a variant is taken to be of any
 *
 * Brings @image into the repository: every layer that is missing streams once from @source, config and layers are
 * flushed and given their refs, and then, last, the image its ref.  On any error or cancel the repository is as before:
 * same refs, no object or temporary file more.
 *
 * Says "Pulling layer <hex>" as SC_PROGRESS_LAYER_* for each layer that it fetches.
 */
gboolean sc_pull (ScStore *store, const ScVerifiedImage *image, ScBlobSource *source, const ScPlatform *wanted,
                  const ScProgressSink *sink, ScPullResult *out_result, GCancellable *cancellable,
                  GError **error) SC_CHECK;
