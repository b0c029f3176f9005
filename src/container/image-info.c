/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an image says of itself.  All of it is the image's word: nothing of it is run, and sizes are bounded.
 */
#include "image-info.h"

#include <string.h>

#include "image-tree.h"

#define HELP_MAX_SIZE (1024 * 1024)

char *
sc_image_version (GHashTable *labels)
{
  static const char *const plain[] = { "org.opencontainers.image.version", "version", "Version", "atomic.version" };
  const char *name = g_hash_table_lookup (labels, "Name");
  const char *version = g_hash_table_lookup (labels, "Version");
  const char *release = g_hash_table_lookup (labels, "Release");

  if (name != NULL && version != NULL)
    return g_strconcat (name, "-", version, release != NULL ? "-" : NULL, release, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (plain); i++)
    if (g_hash_table_contains (labels, plain[i]))
      return g_strdup (g_hash_table_lookup (labels, plain[i]));
  return NULL;
}

gboolean
sc_image_is_built_on (const ScImage *image, const ScImage *base)
{
  const GPtrArray *upper, *lower;

  if (image->manifest == NULL || base->manifest == NULL)
    return FALSE;
  upper = image->manifest->layers;
  lower = base->manifest->layers;
  if (lower->len == 0 || lower->len >= upper->len)
    return FALSE;
  for (guint i = 0; i < lower->len; i++)
    if (strcmp (((const ScDescriptor *)g_ptr_array_index (lower, i))->digest,
                ((const ScDescriptor *)g_ptr_array_index (upper, i))->digest)
        != 0)
      return FALSE;
  return TRUE;
}

typedef struct
{
  ScImageFiles *files;
  GCancellable *cancellable;
} Reader;

static GBytes *
read_file (gpointer data, const char *path, gsize max, GError **error)
{
  const Reader *reader = data;

  return sc_image_files_read (reader->files, path, max, reader->cancellable, error);
}

static gboolean
has_dir (gpointer data, const char *path, gboolean *out, GError **error)
{
  const Reader *reader = data;

  return sc_image_files_has_dir (reader->files, path, out, reader->cancellable, error);
}

ScExports *
sc_image_exports (ScStore *store, const ScImage *image, GCancellable *cancellable, GError **error)
{
  static const char *const only[] = { "exports", NULL };
  g_autoptr (ScImageFiles) files = sc_image_files_new (store, image, only);
  Reader state = { files, cancellable };
  const ScExportsReader reader = { read_file, has_dir, &state };

  return sc_exports_read (&reader, error);
}

gboolean
sc_image_variables (const ScContext *ctx, ScStore *store, const ScImage *image, GHashTable *labels,
                    GHashTable **out_defaults, char ***out_required, GCancellable *cancellable, GError **error)
{
  g_autoptr (ScExports) exports = sc_image_exports (store, image, cancellable, error);

  return exports != NULL && (labels == NULL || sc_exports_add_labels (exports, labels, error))
         && sc_values_describe (ctx, exports, out_defaults, out_required, error);
}

GBytes *
sc_image_help (ScStore *store, const ScImage *image, GHashTable *labels, ScHelpForm *out_form,
               GCancellable *cancellable, GError **error)
{
  static const char *const nothing[] = { NULL };
  static const struct
  {
    const char *path;
    ScHelpForm form;
  } places[] = { { "help.1", SC_HELP_ROFF }, { "help.md", SC_HELP_TEXT } };
  g_autoptr (ScImageFiles) files = sc_image_files_new (store, image, nothing);
  const char *label = labels != NULL ? g_hash_table_lookup (labels, "help") : NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (places); i++)
    {
      g_autoptr (GError) local = NULL;
      GBytes *text = sc_image_files_read (files, places[i].path, HELP_MAX_SIZE, cancellable, &local);

      *out_form = places[i].form;
      if (text != NULL)
        return text;
      if (local != NULL)
        return g_propagate_error (error, g_steal_pointer (&local)), NULL;
    }
  if (label == NULL)
    return sc_fail_null (error, SC_ERROR_NOT_FOUND, "image %s has no help", image->name);
  return g_bytes_new (label, strlen (label));
}
