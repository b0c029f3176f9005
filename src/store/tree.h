/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <ostree.h>

#include "digest.h"

/*
 * A tree of names in memory: what a layer holds, or layers stacked on one another.  File content stays in the
 * repository; a node knows its object's checksum only.
 */

/* How deep directories may nest: one descriptor per level is open while a tree is laid out. */
#define SC_TREE_MAX_DEPTH 256
/* How many names a tree may have had: memory is for those of real images. */
#define SC_TREE_MAX_NAMES 4000000

typedef enum
{
  SC_NODE_DIR,
  SC_NODE_FILE,
  SC_NODE_SYMLINK,
  SC_NODE_OTHER, /* a device, fifo or socket: only in trees of directories on disk (tree-scan.h) */
  SC_NODE_UNKNOWN
} ScNodeType;

typedef struct _ScNode
{
  ScNodeType type;  /* UNKNOWN: a file or symlink whose object was not looked at yet */
  gboolean implied; /* directory without an entry of its own: takes the metadata of a lower one */
  gboolean has_checksum;
  gboolean unread;                 /* directory whose children are not known: the tree was read in part */
  gboolean missed;                 /* of the top: a lookup led to such a directory, so what it found may be wrong */
  guint16 depth;                   /* of a directory; the top is 0 */
  guint32 total;                   /* of the top: names that were put below it */
  guint8 checksum[SC_SHA256_SIZE]; /* content object, or dirmeta of a directory */
  char *target;                    /* (nullable): of a symlink */
  GHashTable *children;            /* (nullable): name -> ScNode of a directory */
} ScNode;

ScNode *sc_node_new_dir (void);
ScNode *sc_node_new_file (ScNodeType type, const guint8 checksum[SC_SHA256_SIZE]);
void sc_node_free (ScNode *node);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScNode, sc_node_free)

/* (nullable): child of a directory. */
ScNode *sc_node_child (const ScNode *dir, const char *name);
/* Puts @child (taken over) in @dir, in place of what was there. */
void sc_node_set_child (ScNode *dir, const char *name, ScNode *child);
void sc_node_remove_child (ScNode *dir, const char *name);
/* (transfer container) (element-type utf8): names, sorted as OSTree wants them (strcmp). */
GPtrArray *sc_node_sorted_names (const ScNode *dir);

/* Metadata keys of a layer's commit that only this program writes (docs/formats.md): "as", paths of directories
 * without an entry, the top being ""; "a{ss}", path -> target of hard links to files of lower layers. */
#define SC_META_IMPLIED_DIRS "atomic.implied-dirs"
#define SC_META_LOWER_LINKS  "atomic.lower-links"

/**
 * sc_tree_apply_layer:
 * @root: what is below the layer; changed in place
 * @commit: the layer's commit
 *
 * Applies first the layer's whiteouts and opaque directories to what is there, then its entries; directories that
 * the layer only implies keep the metadata and, where a lower link stands for them, the place that they have below;
 * hard links to files of lower layers are taken from there.  Errors: SC_ERROR_NOT_FOUND, SC_ERROR_INVALID (a damaged
 * object).
 */
gboolean sc_tree_apply_layer (ScNode *root, OstreeRepo *repo, const char *commit, GCancellable *cancellable,
                              GError **error) SC_CHECK;

/* The same, but of the directories at the top only those called one of @only (NULL-terminated) are read; the others are
 * marked @unread.  As long as @root->missed is FALSE what sc_tree_resolve() finds is what is in the whole tree. */
gboolean sc_tree_apply_layer_part (ScNode *root, OstreeRepo *repo, const char *commit, const char *const *only,
                                   GCancellable *cancellable, GError **error) SC_CHECK;

/**
 * sc_tree_resolve:
 * @path: from the top of @root
 * @follow: follow a link at the end of @path too
 *
 * Finds a node, following links in the middle of @path inside the tree (as in a container: absolute ones from its top).
 * Returns: (nullable): NULL without error if there is no such node; NULL with an error if an object cannot be read or
 * a link climbs out of the tree (SC_ERROR_INVALID).
 */
ScNode *sc_tree_resolve (ScNode *root, OstreeRepo *repo, const char *path, gboolean follow, GError **error);

/* Tells whether @node (not a directory) is a symlink, and its target, reading its object if need be. */
gboolean sc_node_examine (ScNode *node, OstreeRepo *repo, GError **error) SC_CHECK;

/* Writes the directories of @root from the leaves up as OSTree dirtree objects; every directory has a checksum.
 * @out_tree: checksum of the top's dirtree, hex (transfer full). */
gboolean sc_tree_write (ScNode *root, OstreeRepo *repo, char **out_tree, GCancellable *cancellable,
                        GError **error) SC_CHECK;
