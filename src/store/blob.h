/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <ostree.h>

#include "tree.h"

/*
 * Blobs in the repository (docs/formats.md, "Repository"): the commits that stand for layers and configs.
 */

/* @out_commit (transfer full) (nullable): the commit of the branch of @digest, NULL without error if there is none;
 * SC_ERROR_INVALID if it is damaged. */
gboolean sc_blob_find (OstreeRepo *repo, const char *digest, char **out_commit, GError **error) SC_CHECK;

/* The same for who would set the branch anew: one that is damaged counts as none. */
gboolean sc_blob_find_sound (OstreeRepo *repo, const char *digest, char **out_commit, GError **error) SC_CHECK;

/* (transfer full): the one file of a config's commit. */
GBytes *sc_blob_load_config (OstreeRepo *repo, const char *commit, GCancellable *cancellable, GError **error) SC_CHECK;

/* (transfer full): the file @name at the top of @commit. */
GBytes *sc_blob_load_file (OstreeRepo *repo, const char *commit, const char *name, GCancellable *cancellable,
                           GError **error) SC_CHECK;

/* @out: (transfer full) (nullable): the string @key of a commit's metadata, NULL if it has none. */
gboolean sc_blob_commit_string (OstreeRepo *repo, const char *commit, const char *key, char **out,
                                GError **error) SC_CHECK;

/* Commits @root, whose directories all have their metadata, with @metadata (an "a{sv}", consumed if floating).
 * @timestamp: seconds since the epoch, 0: now.  @out_commit: (transfer full) */
gboolean sc_tree_commit (ScNode *root, OstreeRepo *repo, GVariant *metadata, guint64 timestamp, char **out_commit,
                         GCancellable *cancellable, GError **error) SC_CHECK;
