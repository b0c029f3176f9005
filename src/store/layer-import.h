/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <ostree.h>

#include "model.h"
#include "progress.h"
#include "tree.h"

/**
 * ScLayerImport:
 * @repo: in a transaction
 * @layer, @diff_id: what the image says of the layer
 * @lower_repo: where the objects of the layers below are
 * @lower: gives the tree of the layers below, for hard links into them; called at most once
 */
typedef struct
{
  OstreeRepo *repo, *lower_repo;
  const ScDescriptor *layer;
  const char *diff_id;
  ScNode *(*lower) (gpointer data, GError **error); /* (transfer none) */
  gpointer lower_data;
  const ScProgressSink *sink;
} ScLayerImport;

/**
 * sc_layer_import:
 * @blob: (transfer full): the layer's bytes as they are stored
 * @out_commit: (transfer full): checksum of the commit that holds the layer (docs/formats.md)
 * @out_left_out: is added to: device nodes, fifos and sockets, which are not stored
 *
 * One pass from the blob to objects of the transaction.  Sizes and digests, compressed and uncompressed, are right when
 * it returns TRUE. Memory is bounded whatever the layer's size; it grows with the number of its names.
 *
 * Errors: those of sc_layer_stream_read() and sc_layer_tree_place(); SC_ERROR_INVALID for a damaged archive or a hard
 * link to nothing; SC_ERROR_LIMIT; I/O.  Messages about an entry begin with its quoted name.
 */
gboolean sc_layer_import (const ScLayerImport *import, GInputStream *blob, char **out_commit, guint64 *out_left_out,
                          GCancellable *cancellable, GError **error) SC_CHECK;
