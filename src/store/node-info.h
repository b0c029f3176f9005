/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <ostree.h>

#include "object-header.h"
#include "tree.h"

/* What is known of a node beyond its checksum. */
typedef struct
{
  ScNodeType type;                /* never UNKNOWN */
  ScObjectMeta meta;              /* xattrs owned */
  char *target;                   /* (nullable): of a symlink; of a device and the like what it is */
  guint64 size;                   /* bytes, of a file */
  gboolean has_content;           /* of a file: @content is known */
  guint8 content[SC_SHA256_SIZE]; /* SHA-256 of the bytes alone */
} ScNodeInfo;

void sc_node_info_free (ScNodeInfo *info);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScNodeInfo, sc_node_info_free)

/* (transfer full): of the object of @node. SC_ERROR_NOT_FOUND or G_IO_ERROR_NOT_FOUND if the repository lacks it. */
ScNodeInfo *sc_node_info_load (OstreeRepo *repo, const ScNode *node, GError **error) SC_CHECK;

/* Sees to it that the content of the file @node is known to @info, reading it from the repository. */
gboolean sc_node_info_sum (ScNodeInfo *info, OstreeRepo *repo, const ScNode *node, GCancellable *cancellable,
                           GError **error) SC_CHECK;
