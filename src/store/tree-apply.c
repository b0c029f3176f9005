/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Stacks a layer, as it is stored, on a tree: OCI image specification, layer.md, "Whiteouts".  A layer's whiteouts
 * concern what is below it only, so all of them are applied before any of its entries.
 *
 * A layer is hostile: through links of lower layers two of its directories may be one, or one the other's parent.  No
 * node is therefore held while another directory is worked on; each is looked up again by its path.
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
  GHashTable *implied;     /* set of paths */
  gboolean whiteouts;      /* the pass for whiteouts, not the one for entries */
  GHashTable *resolved;    /* path -> ScNode: what the lower links mean, found before anything is changed */
  const char *const *only; /* (nullable): of the top, read these directories */
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

/* FALSE: @path is in a directory that is not asked for. */
static gboolean
is_wanted (const Apply *a, const char *path)
{
  g_autofree char *top = NULL;

  if (a->only == NULL)
    return TRUE;
  top = g_strndup (path, strcspn (path, "/"));
  return g_strv_contains (a->only, top);
}

/* The directory that the layer's @path means in the tree: links on the way are followed inside it.
 * Returns: (nullable): NULL without error if there is none. */
static ScNode *
find_dir (Apply *a, const char *path, GError **error)
{
  ScNode *node = sc_tree_resolve (a->root, a->repo, path, TRUE, error);

  return node != NULL && node->type == SC_NODE_DIR ? node : NULL;
}

static void
apply_whiteout (ScNode *dir, const char *name)
{
  if (strcmp (name, WHITEOUT_OPAQUE) == 0)
    g_clear_pointer (&dir->children, g_hash_table_unref);
  else if (!g_str_has_prefix (name, WHITEOUT_META))
    sc_node_remove_child (dir, name + strlen (WHITEOUT));
}

static gboolean
add_child (Apply *a, ScNode *dir, const char *name, ScNode *child, GError **error)
{
  g_autoptr (ScNode) owned = child;

  if (dir->depth >= SC_TREE_MAX_DEPTH)
    return sc_fail (error, SC_ERROR_LIMIT, "directories nest deeper than %d", SC_TREE_MAX_DEPTH);
  if (++a->root->total > SC_TREE_MAX_NAMES)
    return sc_fail (error, SC_ERROR_LIMIT, "more than %d names", SC_TREE_MAX_NAMES);
  sc_node_set_child (dir, name, g_steal_pointer (&owned));
  return TRUE;
}

static gboolean
apply_file (Apply *a, ScNode *dir, const char *path, const char *name, GVariant *checksum, GError **error)
{
  ScNode *lower = g_hash_table_lookup (a->resolved, path);
  ScNode *node;

  if (g_variant_n_children (checksum) != SC_SHA256_SIZE)
    return sc_fail (error, SC_ERROR_INVALID, "a tree object is damaged");
  if (lower == NULL)
    return add_child (a, dir, name, sc_node_new_file (SC_NODE_UNKNOWN, ostree_checksum_bytes_peek (checksum)), error);
  node = sc_node_new_file (lower->type, lower->checksum);
  node->target = g_strdup (lower->target);
  return add_child (a, dir, name, node, error);
}

/* Sees to it that @path, the directory @name of the layer's directory @parent, is in the tree: what is there, or a new
 * one; for a directory that the layer only implies, the one that a lower link stands for. */
static gboolean
enter_dir (Apply *a, const char *parent, const char *path, const char *name, GVariant *meta, GError **error)
{
  gboolean implied = g_hash_table_contains (a->implied, path);
  g_autoptr (GError) local = NULL;
  ScNode *dir = find_dir (a, parent, &local), *node;

  if (dir == NULL && local == NULL)
    g_set_error (&local, SC_ERROR, SC_ERROR_INVALID, "'%s' is a directory and is not", parent);
  if (local != NULL)
    return g_propagate_error (error, g_steal_pointer (&local)), FALSE;
  if (g_variant_n_children (meta) != SC_SHA256_SIZE)
    return sc_fail (error, SC_ERROR_INVALID, "a tree object is damaged");
  node = sc_node_child (dir, name);
  if (node != NULL && node->type != SC_NODE_DIR && implied)
    {
      if (find_dir (a, path, &local) != NULL)
        return TRUE;
      if (local != NULL)
        return g_propagate_error (error, g_steal_pointer (&local)), FALSE;
    }
  if (node == NULL || node->type != SC_NODE_DIR)
    {
      if (!add_child (a, dir, name, sc_node_new_dir (), error))
        return FALSE;
      node = sc_node_child (dir, name);
    }
  if (!implied || !node->has_checksum)
    {
      memcpy (node->checksum, ostree_checksum_bytes_peek (meta), SC_SHA256_SIZE);
      node->has_checksum = TRUE;
    }
  return TRUE;
}

/* The directory @path of the top is not read: lookups in what it is in the tree have to know. */
static void
mark_unread (Apply *a, const char *path)
{
  ScNode *node = sc_node_child (a->root, path);

  if (node != NULL && node->type == SC_NODE_DIR)
    node->unread = TRUE;
  else
    a->root->missed = TRUE;
}

/* The whiteouts, or the other files, of one directory of the layer. */
static gboolean
apply_files (Apply *a, GString *path, GVariant *files, GError **error)
{
  g_autoptr (GError) local = NULL;
  ScNode *dir = find_dir (a, path->str, &local);
  gsize length = path->len;

  if (local == NULL && dir == NULL && !a->whiteouts)
    g_set_error (&local, SC_ERROR, SC_ERROR_INVALID, "'%s' is a directory and is not", path->str);
  if (local != NULL)
    return g_propagate_error (error, g_steal_pointer (&local)), FALSE;
  for (gsize i = 0; dir != NULL && i < g_variant_n_children (files); i++)
    {
      const char *name;
      g_autoptr (GVariant) checksum = NULL;
      gboolean ok = TRUE;

      g_variant_get_child (files, i, "(&s@ay)", &name, &checksum);
      if (g_str_has_prefix (name, WHITEOUT) != a->whiteouts)
        continue;
      g_string_append_printf (path, "%s%s", length > 0 ? "/" : "", name);
      if (a->whiteouts)
        apply_whiteout (dir, name);
      else
        ok = apply_file (a, dir, path->str, name, checksum, error);
      g_string_truncate (path, length);
      if (!ok)
        return FALSE;
    }
  return TRUE;
}

static gboolean
apply_dir (Apply *a, GString *path, guint depth, GVariant *tree, GError **error)
{
  g_autoptr (GVariant) files = g_variant_get_child_value (tree, 0);
  g_autoptr (GVariant) dirs = g_variant_get_child_value (tree, 1);
  g_autofree char *parent = g_strdup (path->str);
  gsize length = path->len;

  if (g_cancellable_set_error_if_cancelled (a->cancellable, error))
    return FALSE;
  if (depth > SC_TREE_MAX_DEPTH)
    return sc_fail (error, SC_ERROR_LIMIT, "directories nest deeper than %d", SC_TREE_MAX_DEPTH);
  if (!apply_files (a, path, files, error))
    return FALSE;
  for (gsize i = 0; i < g_variant_n_children (dirs); i++)
    {
      const char *name;
      g_autoptr (GVariant) sub = NULL, meta = NULL, sub_tree = NULL;

      g_variant_get_child (dirs, i, "(&s@ay@ay)", &name, &sub, &meta);
      if (g_str_has_prefix (name, WHITEOUT))
        continue;
      g_string_append_printf (path, "%s%s", length > 0 ? "/" : "", name);
      if (!a->whiteouts && !enter_dir (a, parent, path->str, name, meta, error))
        return FALSE;
      if (is_wanted (a, path->str)
          && (!load_dir (a, sub, &sub_tree, error) || !apply_dir (a, path, depth + 1, sub_tree, error)))
        return FALSE;
      if (!a->whiteouts && !is_wanted (a, path->str))
        mark_unread (a, path->str);
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
        if (is_wanted (a, path) && !resolve_lower_link (a, path, target, error))
          return FALSE;
    }
  return TRUE;
}

gboolean
sc_tree_apply_layer_part (ScNode *root, OstreeRepo *repo, const char *commit, const char *const *only,
                          GCancellable *cancellable, GError **error)
{
  g_autoptr (GVariant) variant = NULL, tree = NULL, tree_sum = NULL, meta_sum = NULL;
  g_autoptr (GHashTable) implied = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GHashTable) resolved =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify)sc_node_free);
  g_autoptr (GString) path = g_string_new (NULL);
  Apply a = {
    .root = root, .repo = repo, .implied = implied, .resolved = resolved, .only = only, .cancellable = cancellable
  };

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
  a.whiteouts = TRUE;
  if (!apply_dir (&a, path, 0, tree, error))
    return FALSE;
  a.whiteouts = FALSE;
  g_string_truncate (path, 0);
  return apply_dir (&a, path, 0, tree, error);
}

gboolean
sc_tree_apply_layer (ScNode *root, OstreeRepo *repo, const char *commit, GCancellable *cancellable, GError **error)
{
  return sc_tree_apply_layer_part (root, repo, commit, NULL, cancellable, error);
}
