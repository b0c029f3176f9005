/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Stacks a layer, as it is stored, on a tree: OCI image specification, layer.md, "Whiteouts".  A layer's whiteouts
 * concern what is below it only, so all of a directory's whiteouts are applied before any of its entries.
 */
#include "tree.h"

#include <string.h>

#include "json.h"

#define WHITEOUT        ".wh."
#define WHITEOUT_META   ".wh..wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"

typedef struct
{
  ScNode *root;
  OstreeRepo *repo;
  GHashTable *implied;  /* set of paths */
  GHashTable *resolved; /* path -> ScNode: what the lower links mean, found before anything is changed */
  GCancellable *cancellable;
} Apply;

static gboolean
load_dir (Apply *a, GVariant *bytes, GVariant **out, GError **error)
{
  char hex[SC_SHA256_HEX + 1];

  if (g_variant_n_children (bytes) != SC_SHA256_SIZE)
    return sc_fail (error, SC_ERROR_INVALID, "a tree object is damaged");
  sc_digest_to_hex (ostree_checksum_bytes_peek (bytes), hex);
  return ostree_repo_load_variant (a->repo, OSTREE_OBJECT_TYPE_DIR_TREE, hex, out, error);
}

static void
apply_whiteout (ScNode *dir, const char *name)
{
  if (strcmp (name, WHITEOUT_OPAQUE) == 0)
    g_clear_pointer (&dir->children, g_hash_table_unref);
  else if (!g_str_has_prefix (name, WHITEOUT_META))
    sc_node_remove_child (dir, name + strlen (WHITEOUT));
}

static void
apply_file (Apply *a, ScNode *dir, const char *path, const char *name, GVariant *checksum)
{
  ScNode *lower = g_hash_table_lookup (a->resolved, path);

  if (lower != NULL)
    {
      ScNode *node = sc_node_new_file (lower->type, lower->checksum);

      node->target = g_strdup (lower->target);
      sc_node_set_child (dir, name, node);
    }
  else
    sc_node_set_child (dir, name, sc_node_new_file (SC_NODE_UNKNOWN, ostree_checksum_bytes_peek (checksum)));
}

/* The directory that @name of the layer goes to: what is there, or a new one; for a directory that the layer only
 * implies, the one that a lower link stands for. */
static ScNode *
enter_dir (Apply *a, ScNode *dir, const char *path, const char *name, GVariant *meta, GError **error)
{
  gboolean implied = g_hash_table_contains (a->implied, path);
  ScNode *node = sc_node_child (dir, name);

  if (node != NULL && node->type != SC_NODE_DIR && implied)
    {
      g_autoptr (GError) local = NULL;
      ScNode *real;

      real = sc_tree_resolve (a->root, a->repo, path, TRUE, &local);
      if (local != NULL)
        return g_propagate_error (error, g_steal_pointer (&local)), NULL;
      if (real != NULL && real->type == SC_NODE_DIR)
        return real;
    }
  if (node == NULL || node->type != SC_NODE_DIR)
    {
      node = sc_node_new_dir ();
      sc_node_set_child (dir, name, node);
    }
  if (!implied || !node->has_checksum)
    {
      memcpy (node->checksum, ostree_checksum_bytes_peek (meta), SC_SHA256_SIZE);
      node->has_checksum = TRUE;
    }
  return node;
}

static gboolean
apply_dir (Apply *a, ScNode *dir, GString *path, guint depth, GVariant *tree, GError **error)
{
  g_autoptr (GVariant) files = g_variant_get_child_value (tree, 0);
  g_autoptr (GVariant) dirs = g_variant_get_child_value (tree, 1);
  gsize n_files = g_variant_n_children (files), n_dirs = g_variant_n_children (dirs), length = path->len;

  if (g_cancellable_set_error_if_cancelled (a->cancellable, error))
    return FALSE;
  if (depth > SC_TREE_MAX_DEPTH)
    return sc_fail (error, SC_ERROR_LIMIT, "directories nest deeper than %d", SC_TREE_MAX_DEPTH);
  for (gsize i = 0; i < n_files; i++)
    {
      const char *name;

      g_variant_get_child (files, i, "(&s@ay)", &name, NULL);
      if (g_str_has_prefix (name, WHITEOUT))
        apply_whiteout (dir, name);
    }
  for (gsize i = 0; i < n_files; i++)
    {
      const char *name;
      g_autoptr (GVariant) checksum = NULL;

      g_variant_get_child (files, i, "(&s@ay)", &name, &checksum);
      if (g_variant_n_children (checksum) != SC_SHA256_SIZE)
        return sc_fail (error, SC_ERROR_INVALID, "a tree object is damaged");
      if (g_str_has_prefix (name, WHITEOUT))
        continue;
      g_string_append (path, name);
      apply_file (a, dir, path->str, name, checksum);
      g_string_truncate (path, length);
    }
  for (gsize i = 0; i < n_dirs; i++)
    {
      const char *name;
      g_autoptr (GVariant) sub = NULL, meta = NULL, sub_tree = NULL;
      ScNode *node;

      g_variant_get_child (dirs, i, "(&s@ay@ay)", &name, &sub, &meta);
      if (g_str_has_prefix (name, WHITEOUT))
        continue;
      if (g_variant_n_children (meta) != SC_SHA256_SIZE)
        return sc_fail (error, SC_ERROR_INVALID, "a tree object is damaged");
      g_string_append (path, name);
      node = enter_dir (a, dir, path->str, name, meta, error);
      if (node == NULL || !load_dir (a, sub, &sub_tree, error))
        return FALSE;
      g_string_append_c (path, '/');
      if (!apply_dir (a, node, path, depth + 1, sub_tree, error))
        return FALSE;
      g_string_truncate (path, length);
    }
  return TRUE;
}

/* What a hard link into lower layers means here. With other layers below than at the import its target may be missing:
 * then what was stored is what there is. */
static gboolean
resolve_lower_link (Apply *a, const char *path, const char *target, GError **error)
{
  g_autoptr (GError) local = NULL;
  ScNode *node = sc_tree_resolve (a->root, a->repo, target, FALSE, &local);

  if (local != NULL)
    return g_propagate_error (error, g_steal_pointer (&local)), FALSE;
  if (node != NULL && node->type != SC_NODE_DIR)
    {
      ScNode *copy = sc_node_new_file (node->type, node->checksum);

      copy->target = g_strdup (node->target);
      g_hash_table_insert (a->resolved, g_strdup (path), copy);
    }
  return TRUE;
}

/* What we noted of the layer when it was imported; absent in layers that other tools wrote. */
static gboolean
load_notes (Apply *a, GVariant *commit, GError **error)
{
  g_autoptr (GVariant) meta = g_variant_get_child_value (commit, 0);
  g_autoptr (GVariant) implied = g_variant_lookup_value (meta, SC_META_IMPLIED_DIRS, G_VARIANT_TYPE ("as"));
  g_autoptr (GVariant) links = g_variant_lookup_value (meta, SC_META_LOWER_LINKS, G_VARIANT_TYPE ("a{ss}"));
  GVariantIter iter;
  const char *path, *target;

  if (implied != NULL)
    {
      g_variant_iter_init (&iter, implied);
      while (g_variant_iter_next (&iter, "&s", &path))
        g_hash_table_add (a->implied, g_strdup (path));
    }
  if (links != NULL)
    {
      g_variant_iter_init (&iter, links);
      while (g_variant_iter_next (&iter, "{&s&s}", &path, &target))
        if (!resolve_lower_link (a, path, target, error))
          return FALSE;
    }
  return TRUE;
}

gboolean
sc_tree_apply_layer (ScNode *root, OstreeRepo *repo, const char *commit, GCancellable *cancellable, GError **error)
{
  g_autoptr (GVariant) variant = NULL, tree = NULL, tree_sum = NULL, meta_sum = NULL;
  g_autoptr (GHashTable) implied = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GHashTable) resolved =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify)sc_node_free);
  g_autoptr (GString) path = g_string_new (NULL);
  Apply a = { .root = root, .repo = repo, .implied = implied, .resolved = resolved, .cancellable = cancellable };

  if (!ostree_repo_load_commit (repo, commit, &variant, NULL, error) || !load_notes (&a, variant, error))
    return FALSE;
  tree_sum = g_variant_get_child_value (variant, 6);
  meta_sum = g_variant_get_child_value (variant, 7);
  if (!load_dir (&a, tree_sum, &tree, error))
    return FALSE;
  if (g_variant_n_children (meta_sum) != SC_SHA256_SIZE)
    return sc_fail (error, SC_ERROR_INVALID, "commit %s is damaged", commit);
  if (!root->has_checksum || !g_hash_table_contains (implied, ""))
    {
      memcpy (root->checksum, ostree_checksum_bytes_peek (meta_sum), SC_SHA256_SIZE);
      root->has_checksum = TRUE;
    }
  return apply_dir (&a, root, path, 0, tree, error);
}
