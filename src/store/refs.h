/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <ostree.h>

#include "error.h"

/*
 * Refs, read from their files.  A file that holds no checksum, as a power failure leaves it, is a ref that is damaged:
 * it is told, and never taken for one that is not there.
 */

/* Reads as ostree_repo_resolve_rev(): @out_commit (transfer full) (nullable): NULL without error if there is no such
 * branch.  SC_ERROR_INVALID that names the branch if it is damaged. */
gboolean sc_ref_resolve (OstreeRepo *repo, const char *branch, char **out_commit, GError **error) SC_CHECK;

/* The same for who would replace the branch: a damaged one counts as none. */
gboolean sc_ref_resolve_sound (OstreeRepo *repo, const char *branch, char **out_commit, GError **error) SC_CHECK;

typedef gboolean (*ScRefFilter) (const char *ref);

/* (transfer full): the refs in refs/heads/@dir ("ociimage") alone, without those below it -> commit, "" for a damaged
 * one.  Files of refs that @filter (nullable) does not want stay closed.  Those that libostree left when it was killed
 * are none, and refs that are removed or set meanwhile are no error. */
GHashTable *sc_refs_list_dir (OstreeRepo *repo, const char *dir, ScRefFilter filter, GError **error) SC_CHECK;

/* (transfer full): every ref of anybody -> commit, "" for a damaged one; "REMOTE:NAME" of a remote, "mirrors:NAME" of a
 * collection. Those in ociimage/ that libostree left are on the list too (sc_refname_is_temporary()). */
GHashTable *sc_refs_list (OstreeRepo *repo, GError **error) SC_CHECK;
