/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "context.h"
#include "progress.h"

/*
 * The files of a package before it is built: a directory that holds each at its final path, and nothing else.
 */

typedef struct
{
  const ScContext *ctx;
  int tree;              /* descriptor of the directory */
  const char *container; /* for notes */
  GHashTable *owned;     /* (nullable): set of paths that are the container's already */
  gboolean keep_host;    /* leave out what the host has: removed from the tree, with a note */
  const char *whole;     /* (nullable): a directory of the tree that goes into the package as it is */
  const ScProgressSink *sink;
} ScPackageTreeInput;

typedef struct
{
  GPtrArray *files; /* char *: absolute paths of files and links, sorted */
  GPtrArray *dirs;  /* char *: directories that the package owns: those that the host lacks, or the container's own */
  guint64 bytes;
} ScPackageTree;

void sc_package_tree_clear (ScPackageTree *tree);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ScPackageTree, sc_package_tree_clear)

/* SC_ERROR_INVALID for names that no list of files can hold, SC_ERROR_UNSUPPORTED for devices and the like. */
gboolean sc_package_tree_scan (const ScPackageTreeInput *input, ScPackageTree *out_tree, GError **error) SC_CHECK;

/* Is @path configuration, which a package manager keeps if somebody has changed it? */
gboolean sc_package_tree_is_config (const char *path);
