/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <ostree.h>

#include "tree.h"

/*
 * How two trees differ.  Nodes of equal checksums are equal and nothing of them is read.
 */

/* One of them: of an image (image-tree.h), or of a directory on disk (tree-scan.h). */
typedef struct
{
  ScNode *root;
  OstreeRepo *repo;  /* (nullable): that has the objects of the nodes without an entry in @infos */
  GHashTable *infos; /* (nullable) (element-type ScNode ScNodeInfo) */
} ScTreeSide;

typedef enum
{
  SC_CHANGE_ADDED,   /* only the second tree has it */
  SC_CHANGE_REMOVED, /* only the first one has it */
  SC_CHANGE_CHANGED,
} ScChangeKind;

/* What is different in something that both have. With TYPE nothing else is compared. */
typedef enum
{
  SC_DIFFERS_TYPE = 1 << 0,
  SC_DIFFERS_CONTENT = 1 << 1,
  SC_DIFFERS_MODE = 1 << 2,
  SC_DIFFERS_OWNER = 1 << 3,
  SC_DIFFERS_TARGET = 1 << 4, /* of a symlink; of a device which one it is */
  SC_DIFFERS_XATTRS = 1 << 5,
} ScDiffers;

typedef struct
{
  char *path; /* absolute; "/" for the top. Not always UTF-8 if a directory on disk took part */
  ScChangeKind kind;
  ScDiffers differs; /* of CHANGED */
} ScTreeChange;

void sc_tree_change_free (ScTreeChange *change);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScTreeChange, sc_tree_change_free)

/* (transfer full) (element-type ScTreeChange): a directory before what is in it, names in bytewise order; everything
 * below a directory that one of them lacks too. Errors: an object that cannot be read. */
GPtrArray *sc_tree_diff (const ScTreeSide *a, const ScTreeSide *b, GCancellable *cancellable, GError **error) SC_CHECK;
