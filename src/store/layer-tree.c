/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the entries of a layer go.  Every path that an archive gives comes through here; it is hostile.  The tree is
 * one of names, so no path can reach the host; what is refused is refused because it would mean something else to
 * another tool, or because it shows bad intent.
 */
#include "layer-tree.h"

#include <string.h>

#define PATH_LIMIT 4096
#define NAME_LIMIT 255
#define MAX_LINKS  40

struct _ScLayerTree
{
  ScNode *root;
  GHashTable *links;    /* path -> target: hard links to lower layers */
  GHashTable *left_out; /* set of paths: what cannot be stored */
};

ScLayerTree *
sc_layer_tree_new (void)
{
  ScLayerTree *tree = g_new0 (ScLayerTree, 1);

  tree->root = sc_node_new_dir ();
  tree->root->implied = TRUE;
  tree->links = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  tree->left_out = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return tree;
}

void
sc_layer_tree_free (ScLayerTree *tree)
{
  sc_node_free (tree->root);
  g_hash_table_unref (tree->links);
  g_hash_table_unref (tree->left_out);
  g_free (tree);
}

ScNode *
sc_layer_tree_root (ScLayerTree *tree)
{
  return tree->root;
}

void
sc_layer_place_clear (ScLayerPlace *place)
{
  g_clear_pointer (&place->path, g_free);
  g_clear_pointer (&place->name, g_free);
}

gboolean
sc_layer_path_check (const char *path, GError **error)
{
  g_auto (GStrv) parts = NULL;

  if (strlen (path) > PATH_LIMIT)
    return sc_fail (error, SC_ERROR_LIMIT, "its path is longer than %d bytes", PATH_LIMIT);
  if (!g_utf8_validate (path, -1, NULL))
    return sc_fail (error, SC_ERROR_INVALID, "its name is not UTF-8, which an OSTree repository cannot hold");
  if (path[0] == '/' && path[strspn (path, "/")] != '\0')
    return sc_fail (error, SC_ERROR_INVALID, "its path is absolute");
  parts = g_strsplit (path, "/", -1);
  for (guint i = 0; parts[i] != NULL; i++)
    {
      if (strcmp (parts[i], "..") == 0)
        return sc_fail (error, SC_ERROR_INVALID, "its path has '..'");
      if (strlen (parts[i]) > NAME_LIMIT)
        return sc_fail (error, SC_ERROR_LIMIT, "its name is longer than %d bytes", NAME_LIMIT);
    }
  return TRUE;
}

/* The directories that were entered, and the names that led there. */
typedef struct
{
  GPtrArray *dirs;  /* ScNode; the first is the root */
  GPtrArray *names; /* char *, one less than @dirs */
  GQueue todo;      /* char *: parts still to come */
  guint links;
  gboolean create;
} Walk;

static void
walk_clear (Walk *walk)
{
  g_ptr_array_unref (walk->dirs);
  g_ptr_array_unref (walk->names);
  g_queue_clear_full (&walk->todo, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Walk, walk_clear)

/* Puts the parts of @path before what is still to come. */
static void
walk_push (Walk *walk, const char *path)
{
  g_auto (GStrv) parts = g_strsplit (path, "/", -1);

  for (guint i = g_strv_length (parts); i > 0; i--)
    if (*parts[i - 1] != '\0' && strcmp (parts[i - 1], ".") != 0)
      g_queue_push_head (&walk->todo, g_strdup (parts[i - 1]));
}

static gboolean
walk_link (Walk *walk, const ScNode *link, GError **error)
{
  if (link->target[0] == '/')
    return sc_fail (error, SC_ERROR_INVALID, "its path goes through an absolute link of the same layer, to '%s'",
                    link->target);
  if (++walk->links > MAX_LINKS)
    return sc_fail (error, SC_ERROR_INVALID, "its path goes through too many links");
  walk_push (walk, link->target);
  return TRUE;
}

/* One step down, to @name. */
static gboolean
walk_step (Walk *walk, const char *name, GError **error)
{
  ScNode *dir = g_ptr_array_index (walk->dirs, walk->dirs->len - 1);
  ScNode *child = sc_node_child (dir, name);

  if (strcmp (name, "..") == 0)
    {
      if (walk->names->len == 0)
        return sc_fail (error, SC_ERROR_INVALID, "its path leaves the root through a link");
      g_ptr_array_set_size (walk->dirs, (int)walk->dirs->len - 1);
      g_ptr_array_set_size (walk->names, (int)walk->names->len - 1);
      return TRUE;
    }
  if (child == NULL && walk->create)
    {
      if (++((ScNode *)g_ptr_array_index (walk->dirs, 0))->total > SC_LAYER_MAX_NAMES)
        return sc_fail (error, SC_ERROR_LIMIT, "the layer has more than %d names", SC_LAYER_MAX_NAMES);
      child = sc_node_new_dir ();
      child->implied = TRUE;
      sc_node_set_child (dir, name, child);
    }
  if (child == NULL)
    return sc_fail (error, SC_ERROR_NOT_FOUND, "there is no '%s'", name);
  if (child->type == SC_NODE_SYMLINK)
    return walk_link (walk, child, error);
  if (child->type != SC_NODE_DIR)
    return sc_fail (error, SC_ERROR_INVALID, "its path goes through '%s', which is not a directory", name);
  if (walk->dirs->len >= SC_TREE_MAX_DEPTH)
    return sc_fail (error, SC_ERROR_LIMIT, "directories nest deeper than %d", SC_TREE_MAX_DEPTH);
  g_ptr_array_add (walk->dirs, child);
  g_ptr_array_add (walk->names, g_strdup (name));
  return TRUE;
}

static gboolean
walk_to (ScLayerTree *tree, const char *path, gboolean create, ScLayerPlace *out, GError **error)
{
  g_auto (Walk) walk = {
    .dirs = g_ptr_array_new (), .names = g_ptr_array_new_with_free_func (g_free), .todo = G_QUEUE_INIT, .create = create
  };
  g_autoptr (GString) place = g_string_new (NULL);

  if (!sc_layer_path_check (path, error))
    return FALSE;
  if (create && ++tree->root->total > SC_LAYER_MAX_NAMES)
    return sc_fail (error, SC_ERROR_LIMIT, "the layer has more than %d names", SC_LAYER_MAX_NAMES);
  g_ptr_array_add (walk.dirs, tree->root);
  walk_push (&walk, path);
  /* Only the last part of the path itself is not entered: links are resolved on the way to it. */
  while (g_queue_get_length (&walk.todo) > 1)
    {
      g_autofree char *name = g_queue_pop_head (&walk.todo);

      if (!walk_step (&walk, name, error))
        return FALSE;
    }
  for (guint i = 0; i < walk.names->len; i++)
    g_string_append_printf (place, "%s/", (char *)g_ptr_array_index (walk.names, i));
  out->name = g_queue_pop_head (&walk.todo);
  if (out->name == NULL)
    out->name = g_strdup ("");
  g_string_append (place, out->name);
  out->path = g_string_free (g_steal_pointer (&place), FALSE);
  out->dir = g_ptr_array_index (walk.dirs, walk.dirs->len - 1);
  return TRUE;
}

gboolean
sc_layer_tree_place (ScLayerTree *tree, const char *path, ScLayerPlace *out, GError **error)
{
  return walk_to (tree, path, TRUE, out, error);
}

ScNode *
sc_layer_tree_find (ScLayerTree *tree, const char *path)
{
  g_auto (ScLayerPlace) place = { 0 };
  g_autoptr (GError) ignored = NULL; /* any reason why it is not here is "not here" */

  if (!walk_to (tree, path, FALSE, &place, &ignored))
    return NULL;
  return sc_node_child (place.dir, place.name);
}

void
sc_layer_tree_put_dir (ScLayerTree *tree, const ScLayerPlace *place, const guint8 meta[SC_SHA256_SIZE])
{
  ScNode *node = *place->name == '\0' ? tree->root : sc_node_child (place->dir, place->name);

  if (node == NULL || node->type != SC_NODE_DIR)
    {
      node = sc_node_new_dir ();
      sc_node_set_child (place->dir, place->name, node);
    }
  node->implied = FALSE;
  node->has_checksum = TRUE;
  memcpy (node->checksum, meta, SC_SHA256_SIZE);
}

void
sc_layer_tree_put (ScLayerTree *tree, const ScLayerPlace *place, ScNode *node)
{
  g_hash_table_remove (tree->links, place->path);
  g_hash_table_remove (tree->left_out, place->path);
  sc_node_set_child (place->dir, place->name, node);
}

void
sc_layer_tree_note_left_out (ScLayerTree *tree, const ScLayerPlace *place)
{
  g_hash_table_add (tree->left_out, g_strdup (place->path));
}

gboolean
sc_layer_tree_is_left_out (ScLayerTree *tree, const char *path)
{
  g_auto (ScLayerPlace) place = { 0 };
  g_autoptr (GError) ignored = NULL;

  return walk_to (tree, path, FALSE, &place, &ignored) && g_hash_table_contains (tree->left_out, place.path);
}

void
sc_layer_tree_note_link (ScLayerTree *tree, const ScLayerPlace *place, const char *target)
{
  g_hash_table_replace (tree->links, g_strdup (place->path), g_strdup (target));
}

static void
finish_dir (ScNode *dir, const guint8 meta[SC_SHA256_SIZE])
{
  GHashTableIter iter;
  gpointer child;

  if (!dir->has_checksum)
    {
      memcpy (dir->checksum, meta, SC_SHA256_SIZE);
      dir->has_checksum = TRUE;
    }
  if (dir->children == NULL)
    return;
  g_hash_table_iter_init (&iter, dir->children);
  while (g_hash_table_iter_next (&iter, NULL, &child))
    if (((ScNode *)child)->type == SC_NODE_DIR)
      finish_dir (child, meta);
}

void
sc_layer_tree_finish (ScLayerTree *tree, const guint8 meta[SC_SHA256_SIZE])
{
  finish_dir (tree->root, meta);
}

static void
collect_implied (const ScNode *dir, GString *path, GVariantBuilder *builder, guint *count)
{
  g_autoptr (GPtrArray) names = sc_node_sorted_names (dir);
  gsize length = path->len;

  if (dir->implied)
    {
      g_variant_builder_add (builder, "s", path->str);
      (*count)++;
    }
  for (guint i = 0; i < names->len; i++)
    {
      const char *name = g_ptr_array_index (names, i);
      const ScNode *child = sc_node_child (dir, name);

      if (child->type != SC_NODE_DIR)
        continue;
      g_string_append_printf (path, "%s%s", length > 0 ? "/" : "", name);
      collect_implied (child, path, builder, count);
      g_string_truncate (path, length);
    }
}

GVariant *
sc_layer_tree_implied_dirs (ScLayerTree *tree)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("as"));
  g_autoptr (GString) path = g_string_new (NULL);
  guint count = 0;

  collect_implied (tree->root, path, &builder, &count);
  return count == 0 ? NULL : g_variant_builder_end (&builder);
}

GVariant *
sc_layer_tree_lower_links (ScLayerTree *tree)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{ss}"));
  GHashTableIter iter;
  gpointer path, target;
  guint count = 0;

  g_hash_table_iter_init (&iter, tree->links);
  while (g_hash_table_iter_next (&iter, &path, &target))
    {
      ScNode *node = sc_layer_tree_find (tree, path);

      if (node == NULL || node->type == SC_NODE_DIR)
        continue;
      g_variant_builder_add (&builder, "{ss}", path, target);
      count++;
    }
  return count == 0 ? NULL : g_variant_builder_end (&builder);
}
