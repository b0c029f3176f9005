/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The commits of layers and configs: finding, reading and writing them.
 */
#include "blob.h"

#include "digest.h"
#include "refname.h"
#include "refs.h"

gboolean
sc_blob_find (OstreeRepo *repo, const char *digest, char **out_commit, GError **error)
{
  g_autofree char *branch = sc_refname_for_blob (digest);

  return sc_ref_resolve (repo, branch, out_commit, error);
}

gboolean
sc_blob_find_sound (OstreeRepo *repo, const char *digest, char **out_commit, GError **error)
{
  g_autofree char *branch = sc_refname_for_blob (digest);

  return sc_ref_resolve_sound (repo, branch, out_commit, error);
}

GBytes *
sc_blob_load_file (OstreeRepo *repo, const char *commit, const char *name, GCancellable *cancellable, GError **error)
{
  g_autoptr (GFile) root = NULL, file = NULL;

  if (!sc_digest_is_hex (commit))
    return sc_fail_null (error, SC_ERROR_INVALID, "'%s' is not the checksum of a commit", commit);
  if (!ostree_repo_read_commit (repo, commit, &root, NULL, cancellable, error))
    return NULL;
  file = g_file_get_child (root, name);
  return g_file_load_bytes (file, cancellable, NULL, error);
}

GBytes *
sc_blob_load_config (OstreeRepo *repo, const char *commit, GCancellable *cancellable, GError **error)
{
  return sc_blob_load_file (repo, commit, "content", cancellable, error);
}

gboolean
sc_blob_commit_string (OstreeRepo *repo, const char *commit, const char *key, char **out, GError **error)
{
  g_autoptr (GVariant) variant = NULL, meta = NULL;

  *out = NULL;
  if (!sc_digest_is_hex (commit))
    return sc_fail (error, SC_ERROR_INVALID, "'%s' is not the checksum of a commit", commit);
  if (!ostree_repo_load_commit (repo, commit, &variant, NULL, error))
    return FALSE;
  meta = g_variant_get_child_value (variant, 0);
  g_variant_lookup (meta, key, "s", out);
  return TRUE;
}

gboolean
sc_tree_commit (ScNode *root, OstreeRepo *repo, GVariant *metadata, guint64 timestamp, char **out_commit,
                GCancellable *cancellable, GError **error)
{
  g_autoptr (GVariant) owned = g_variant_ref_sink (metadata);
  g_autoptr (OstreeMutableTree) mtree = NULL;
  g_autoptr (GFile) file = NULL;
  g_autofree char *tree = NULL;
  char meta[SC_SHA256_HEX + 1];

  if (!sc_tree_write (root, repo, &tree, cancellable, error))
    return FALSE;
  sc_digest_to_hex (root->checksum, meta);
  mtree = ostree_mutable_tree_new_from_checksum (repo, tree, meta);
  if (!ostree_repo_write_mtree (repo, mtree, &file, cancellable, error))
    return FALSE;
  if (timestamp == 0)
    timestamp = (guint64)g_get_real_time () / G_USEC_PER_SEC;
  return ostree_repo_write_commit_with_time (repo, NULL, NULL, NULL, owned, OSTREE_REPO_FILE (file), timestamp,
                                             out_commit, cancellable, error);
}
