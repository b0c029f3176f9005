/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Trees of names: nodes, links inside them, and their form as OSTree dirtree objects.  Stacking layers is in
 * tree-apply.c.  Names were checked by whoever put them in; depth is bounded by SC_TREE_MAX_DEPTH.
 */
#include "tree.h"
#include "sort.h"

#include <string.h>

/* As many links as the kernel follows in one path. */
#define MAX_LINKS 40

ScNode *
sc_node_new_dir (void)
{
  ScNode *node = g_new0 (ScNode, 1);

  node->type = SC_NODE_DIR;
  return node;
}

ScNode *
sc_node_new_file (ScNodeType type, const guint8 checksum[SC_SHA256_SIZE])
{
  ScNode *node = g_new0 (ScNode, 1);

  node->type = type;
  node->has_checksum = TRUE;
  memcpy (node->checksum, checksum, SC_SHA256_SIZE);
  return node;
}

void
sc_node_free (ScNode *node)
{
  g_clear_pointer (&node->children, g_hash_table_unref);
  g_free (node->target);
  g_free (node);
}

ScNode *
sc_node_child (const ScNode *dir, const char *name)
{
  return dir->children == NULL ? NULL : g_hash_table_lookup (dir->children, name);
}

void
sc_node_set_child (ScNode *dir, const char *name, ScNode *child)
{
  if (dir->children == NULL)
    dir->children = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify)sc_node_free);
  child->depth = dir->depth + 1;
  g_hash_table_replace (dir->children, g_strdup (name), child);
}

void
sc_node_remove_child (ScNode *dir, const char *name)
{
  if (dir->children != NULL)
    g_hash_table_remove (dir->children, name);
}

GPtrArray *
sc_node_sorted_names (const ScNode *dir)
{
  GPtrArray *names = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer name;

  if (dir->children == NULL)
    return names;
  g_hash_table_iter_init (&iter, dir->children);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    g_ptr_array_add (names, name);
  sc_sort_strings (names);
  return names;
}

gboolean
sc_node_examine (ScNode *node, OstreeRepo *repo, GError **error)
{
  char hex[SC_SHA256_HEX + 1];
  g_autoptr (GFileInfo) info = NULL;

  if (node->type != SC_NODE_UNKNOWN)
    return TRUE;
  sc_digest_to_hex (node->checksum, hex);
  if (!ostree_repo_load_file (repo, hex, NULL, &info, NULL, NULL, error))
    return FALSE;
  if (g_file_info_get_file_type (info) == G_FILE_TYPE_SYMBOLIC_LINK)
    {
      node->type = SC_NODE_SYMLINK;
      node->target = g_strdup (g_file_info_get_symlink_target (info));
    }
  else
    node->type = SC_NODE_FILE;
  return TRUE;
}

/* One pass over the parts of @path, with the directories passed on a stack, so that ".." leads back. A link's
 * target is put before the parts still to come. */
ScNode *
sc_tree_resolve (ScNode *root, OstreeRepo *repo, const char *path, gboolean follow, GError **error)
{
  g_autoptr (GPtrArray) stack = g_ptr_array_new ();
  g_autofree char *rest = g_strdup (path);
  ScNode *node = root;
  guint links = 0;

  g_ptr_array_add (stack, root);
  while (*rest != '\0')
    {
      gsize skip = strspn (rest, "/"), length = strcspn (rest + skip, "/");
      g_autofree char *name = g_strndup (rest + skip, length);
      g_autofree char *tail = g_strdup (rest + skip + length);
      ScNode *dir = g_ptr_array_index (stack, stack->len - 1);

      g_free (rest);
      rest = g_steal_pointer (&tail);
      if (*name == '\0' || strcmp (name, ".") == 0)
        continue;
      if (strcmp (name, "..") == 0)
        {
          if (stack->len == 1)
            return sc_fail_null (error, SC_ERROR_INVALID, "'%s' leaves the root", path);
          g_ptr_array_set_size (stack, (int)stack->len - 1);
          node = g_ptr_array_index (stack, stack->len - 1);
          continue;
        }
      node = sc_node_child (dir, name);
      root->missed |= dir->unread;
      if (node == NULL || (node->type == SC_NODE_UNKNOWN && !sc_node_examine (node, repo, error)))
        return NULL;
      if (node->type == SC_NODE_DIR)
        g_ptr_array_add (stack, node);
      else if (node->type == SC_NODE_SYMLINK && (follow || strspn (rest, "/") > 0))
        {
          g_autofree char *joined = g_strconcat (node->target, rest, NULL);

          if (++links > MAX_LINKS)
            return sc_fail_null (error, SC_ERROR_INVALID, "'%s' has too many links", path);
          if (node->target[0] == '/')
            g_ptr_array_set_size (stack, 1);
          node = g_ptr_array_index (stack, stack->len - 1);
          g_free (rest);
          rest = g_steal_pointer (&joined);
        }
      else if (strspn (rest, "/") < strlen (rest))
        return NULL; /* a file stands where a directory is wanted */
    }
  return node;
}

static GVariant *
checksum_variant (const guint8 checksum[SC_SHA256_SIZE])
{
  return g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, checksum, SC_SHA256_SIZE, 1);
}

static gboolean
write_dir (ScNode *dir, OstreeRepo *repo, guint8 out_checksum[SC_SHA256_SIZE], GCancellable *cancellable,
           GError **error)
{
  g_autoptr (GPtrArray) names = sc_node_sorted_names (dir);
  g_auto (GVariantBuilder) files = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a(say)"));
  g_auto (GVariantBuilder) dirs = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a(sayay)"));
  g_autoptr (GVariant) tree = NULL;
  g_autofree guchar *checksum = NULL;

  for (guint i = 0; i < names->len; i++)
    {
      const char *name = g_ptr_array_index (names, i);
      ScNode *child = sc_node_child (dir, name);
      guint8 sub[SC_SHA256_SIZE];

      if (child->type != SC_NODE_DIR)
        {
          g_variant_builder_add (&files, "(s@ay)", name, checksum_variant (child->checksum));
          continue;
        }
      if (!write_dir (child, repo, sub, cancellable, error))
        return FALSE;
      g_variant_builder_add (&dirs, "(s@ay@ay)", name, checksum_variant (sub), checksum_variant (child->checksum));
    }
  tree = g_variant_ref_sink (
      g_variant_new ("(@a(say)@a(sayay))", g_variant_builder_end (&files), g_variant_builder_end (&dirs)));
  if (!ostree_repo_write_metadata (repo, OSTREE_OBJECT_TYPE_DIR_TREE, NULL, tree, &checksum, cancellable, error))
    return FALSE;
  memcpy (out_checksum, checksum, SC_SHA256_SIZE);
  return TRUE;
}

gboolean
sc_tree_write (ScNode *root, OstreeRepo *repo, char **out_tree, GCancellable *cancellable, GError **error)
{
  guint8 checksum[SC_SHA256_SIZE];

  if (!write_dir (root, repo, checksum, cancellable, error))
    return FALSE;
  *out_tree = g_malloc (SC_SHA256_HEX + 1);
  sc_digest_to_hex (checksum, *out_tree);
  return TRUE;
}
