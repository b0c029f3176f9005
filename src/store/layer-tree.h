/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "tree.h"

/*
 * The names of one layer while its entries come in, in the order of the archive: paths are checked and resolved
 * here, and nothing leaves the layer's own tree.
 */

/* Memory grows with the number of names, of entries and of directories that they imply: no real layer has so many. */
#define SC_LAYER_MAX_NAMES 1000000

typedef struct _ScLayerTree ScLayerTree;

ScLayerTree *sc_layer_tree_new (void);
void sc_layer_tree_free (ScLayerTree *tree);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScLayerTree, sc_layer_tree_free)

/* (transfer none) */
ScNode *sc_layer_tree_root (ScLayerTree *tree);

/* A place in the tree: directory and name; name "" is the top itself. */
typedef struct
{
  ScNode *dir;
  char *path; /* of the place, from the top, links resolved */
  char *name; /* its last part */
} ScLayerPlace;

void sc_layer_place_clear (ScLayerPlace *place);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ScLayerPlace, sc_layer_place_clear)

/**
 * sc_layer_tree_place:
 * @path: name of an entry, "./" and doubled slashes allowed
 *
 * Finds where an entry goes, making directories that have no entry (yet) on the way. A relative link of this layer on
 * the way is followed inside it. Errors: SC_ERROR_INVALID for "..", an absolute path, a name that is not UTF-8 (OSTree
 * cannot hold it), a way through a link that is absolute or climbs out, or through a file; SC_ERROR_LIMIT for paths
 * over 4096 bytes, names over 255, or too deep.
 */
gboolean sc_layer_tree_place (ScLayerTree *tree, const char *path, ScLayerPlace *out, GError **error) SC_CHECK;

/* Sets what is at @place: a directory keeps its children if one is there already. */
void sc_layer_tree_put_dir (ScLayerTree *tree, const ScLayerPlace *place, const guint8 meta[SC_SHA256_SIZE]);
void sc_layer_tree_put (ScLayerTree *tree, const ScLayerPlace *place, ScNode *node);

/* (nullable): the file that is at @path in this layer, for a hard link to it; links on the way as in
 * sc_layer_tree_place(). */
ScNode *sc_layer_tree_find (ScLayerTree *tree, const char *path);

/* Notes that what the archive has at @place is not stored, and tells whether that is so of @path. */
void sc_layer_tree_note_left_out (ScLayerTree *tree, const ScLayerPlace *place);
gboolean sc_layer_tree_is_left_out (ScLayerTree *tree, const char *path);

/* Notes that @place is a hard link to the file @target of a lower layer. */
void sc_layer_tree_note_link (ScLayerTree *tree, const ScLayerPlace *place, const char *target);

/* Gives @meta to directories without an entry of their own. */
void sc_layer_tree_finish (ScLayerTree *tree, const guint8 meta[SC_SHA256_SIZE]);

/* (transfer floating) (nullable): SC_META_IMPLIED_DIRS and SC_META_LOWER_LINKS; NULL if there are none. Those that
 * later entries replaced are not among them. */
GVariant *sc_layer_tree_implied_dirs (ScLayerTree *tree);
GVariant *sc_layer_tree_lower_links (ScLayerTree *tree);

/* The checks of a path that the two ends of a hard link share. */
gboolean sc_layer_path_check (const char *path, GError **error) SC_CHECK;
