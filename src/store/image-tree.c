/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The layers of an image, stacked.  Content stays in the repository until it is asked for.
 */
#include "image-tree.h"

#include "blob.h"
#include "store-private.h"

static gboolean
stack_layers (ScStore *store, const ScImage *image, const char *const *only, ScNode *root, GCancellable *cancellable,
              GError **error)
{
  for (guint i = 0; i < image->manifest->layers->len; i++)
    {
      const ScDescriptor *layer = g_ptr_array_index (image->manifest->layers, i);
      g_autofree char *commit = NULL;

      if (!sc_blob_find (store->repo, layer->digest, &commit, error))
        return FALSE;
      if (commit == NULL)
        return sc_fail (error, SC_ERROR_NOT_FOUND, "layer %s is not in the repository: pull the image again",
                        layer->digest);
      if (!sc_tree_apply_layer_part (root, store->repo, commit, only, cancellable, error))
        return sc_prefix (error, "layer %s", layer->digest);
    }
  return root->has_checksum || sc_fail (error, SC_ERROR_INVALID, "it has no layers");
}

static ScNode *
load_tree (ScStore *store, const ScImage *image, const char *const *only, GCancellable *cancellable, GError **error)
{
  g_autoptr (ScNode) root = sc_node_new_dir ();

  if (image->problem != NULL)
    return sc_fail_null (error, SC_ERROR_INVALID, "%s", image->problem);
  if (image->manifest == NULL)
    return sc_fail_null (error, SC_ERROR_NOT_FOUND, "image %s has no manifest in the repository: pull it again",
                         image->name);
  if (!stack_layers (store, image, only, root, cancellable, error))
    return sc_prefix_null (error, "image %s", image->name);
  return g_steal_pointer (&root);
}

ScNode *
sc_image_tree (ScStore *store, const ScImage *image, GCancellable *cancellable, GError **error)
{
  return load_tree (store, image, NULL, cancellable, error);
}

GBytes *
sc_image_tree_read (ScStore *store, ScNode *root, const char *path, gsize max, GCancellable *cancellable,
                    GError **error)
{
  g_autoptr (GError) local = NULL;
  ScNode *node = sc_tree_resolve (root, store->repo, path, TRUE, &local);
  g_autoptr (GInputStream) in = NULL;
  g_autoptr (GFileInfo) info = NULL;
  char hex[SC_SHA256_HEX + 1];
  gsize size, got;
  g_autofree char *data = NULL;

  if (local != NULL)
    return g_propagate_error (error, g_steal_pointer (&local)), sc_prefix_null (error, "%s", path);
  if (node == NULL || node->type == SC_NODE_DIR)
    return NULL;
  sc_digest_to_hex (node->checksum, hex);
  if (!ostree_repo_load_file (store->repo, hex, &in, &info, NULL, cancellable, error))
    return sc_prefix_null (error, "%s", path);
  if (in == NULL)
    return NULL; /* a link that leads nowhere */
  if (g_file_info_get_size (info) < 0 || (guint64)g_file_info_get_size (info) > max)
    return sc_fail_null (error, SC_ERROR_LIMIT, "%s: larger than %" G_GSIZE_FORMAT " bytes", path, max);
  size = (gsize)g_file_info_get_size (info);
  data = g_malloc (size + 1);
  if (!g_input_stream_read_all (in, data, size, &got, cancellable, error))
    return sc_prefix_null (error, "%s", path);
  return g_bytes_new_take (g_steal_pointer (&data), got);
}

struct _ScImageFiles
{
  ScStore *store;
  const ScImage *image;
  const char *const *only; /* (nullable): NULL: the tree is whole */
  ScNode *root;            /* (nullable): NULL until something is looked for */
};

ScImageFiles *
sc_image_files_new (ScStore *store, const ScImage *image, const char *const *only)
{
  ScImageFiles *files = g_new0 (ScImageFiles, 1);

  files->store = store;
  files->image = image;
  files->only = only;
  return files;
}

void
sc_image_files_free (ScImageFiles *files)
{
  g_clear_pointer (&files->root, sc_node_free);
  g_free (files);
}

/* Sees to it that there is a tree in which a lookup of @path answers for the image. */
static gboolean
prepare (ScImageFiles *files, const char *path, GCancellable *cancellable, GError **error)
{
  if (files->root == NULL)
    files->root = load_tree (files->store, files->image, files->only, cancellable, error);
  if (files->root == NULL)
    return FALSE;
  /* Whatever comes of it: in a tree that is whole it comes again. */
  (void)sc_tree_resolve (files->root, files->store->repo, path, TRUE, NULL);
  if (files->only == NULL || !files->root->missed)
    return TRUE;
  g_clear_pointer (&files->root, sc_node_free);
  files->only = NULL;
  files->root = load_tree (files->store, files->image, NULL, cancellable, error);
  return files->root != NULL;
}

GBytes *
sc_image_files_read (ScImageFiles *files, const char *path, gsize max, GCancellable *cancellable, GError **error)
{
  return prepare (files, path, cancellable, error)
             ? sc_image_tree_read (files->store, files->root, path, max, cancellable, error)
             : NULL;
}

gboolean
sc_image_files_has_dir (ScImageFiles *files, const char *path, gboolean *out, GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) local = NULL;
  ScNode *node;

  if (!prepare (files, path, cancellable, error))
    return FALSE;
  node = sc_tree_resolve (files->root, files->store->repo, path, TRUE, &local);
  if (local != NULL)
    return g_propagate_error (error, g_steal_pointer (&local)), sc_prefix (error, "%s", path);
  *out = node != NULL && node->type == SC_NODE_DIR;
  return TRUE;
}
