/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The commits of configs and of images, as docs/formats.md has them.  Refs are the caller's.
 */
#include "image-commit.h"

#include "blob.h"
#include "image-query.h"
#include "object-writer.h"

typedef struct
{
  OstreeRepo *repo;
  ScObjectWriter *writer;
  guint64 timestamp;
  GCancellable *cancellable;
} Target;

/* A file at the top of a commit, mode 0644. */
static gboolean
write_file (Target *t, ScNode *root, const char *name, GBytes *content, GError **error)
{
  ScObjectMeta regular = { .mode = S_IFREG | 0644 };
  guint8 checksum[SC_SHA256_SIZE];
  gsize size = 0;
  gconstpointer data = g_bytes_get_data (content, &size);

  if (!sc_object_writer_begin (t->writer, &regular, size, t->cancellable, error)
      || !sc_object_writer_data (t->writer, data, size, t->cancellable, error)
      || !sc_object_writer_end (t->writer, checksum, t->cancellable, error))
    return FALSE;
  sc_node_set_child (root, name, sc_node_new_file (SC_NODE_FILE, checksum));
  return TRUE;
}

/* A commit of the file @name and, beside it, "signature-1" and so on (@signatures nullable). */
static gboolean
write_file_commit (Target *t, const char *name, GBytes *content, const GPtrArray *signatures, GVariant *metadata,
                   char **out_commit, GError **error)
{
  g_autoptr (GVariant) owned = g_variant_ref_sink (metadata);
  g_autoptr (ScNode) root = sc_node_new_dir ();
  ScObjectMeta dir = { .mode = S_IFDIR | 0755 };

  if (!write_file (t, root, name, content, error))
    return FALSE;
  for (guint i = 0; signatures != NULL && i < signatures->len; i++)
    {
      g_autofree char *signature = g_strdup_printf ("signature-%u", i + 1);

      if (!write_file (t, root, signature, g_ptr_array_index (signatures, i), error))
        return FALSE;
    }
  return sc_object_writer_dirmeta (t->writer, &dir, root->checksum, t->cancellable, error)
         && sc_tree_commit (root, t->repo, owned, t->timestamp, out_commit, t->cancellable, error);
}

gboolean
sc_image_commit_config (OstreeRepo *repo, GBytes *raw, char **out_commit, GCancellable *cancellable, GError **error)
{
  g_autofree char *size = g_strdup_printf ("%" G_GSIZE_FORMAT, g_bytes_get_size (raw));
  g_autoptr (GVariantDict) meta = g_variant_dict_new (NULL);
  g_autoptr (ScObjectWriter) writer = sc_object_writer_new (repo);
  Target t = { .repo = repo, .writer = writer, .cancellable = cancellable };

  g_variant_dict_insert (meta, "docker.size", "s", size);
  return write_file_commit (&t, "content", raw, NULL, g_variant_dict_end (meta), out_commit, error);
}

/* (nullable): what the image could be had from again, in words that mean the same tomorrow. */
static char *
find_source (const ScBlobSource *source)
{
  const ScReference *ref = source->ref;

  return ref->path == NULL || g_path_is_absolute (ref->path) ? sc_reference_format (ref) : NULL;
}

gboolean
sc_image_commit (OstreeRepo *repo, const ScVerifiedImage *image, const ScBlobSource *source, const char *platform,
                 guint64 timestamp, char **out_commit, GCancellable *cancellable, GError **error)
{
  g_autoptr (GVariantDict) meta = g_variant_dict_new (NULL);
  g_autoptr (ScObjectWriter) writer = sc_object_writer_new (repo);
  const ScManifest *manifest = sc_verified_image_manifest (image);
  const GPtrArray *signatures = sc_verified_image_signatures (image);
  gsize size;
  const char *data = g_bytes_get_data (manifest->raw, &size);
  g_autofree char *text = g_strndup (data, size); /* JSON: no NUL in it */
  g_autofree char *count = g_strdup_printf ("%u", signatures->len), *source_text = find_source (source);
  Target t = { .repo = repo, .writer = writer, .timestamp = timestamp, .cancellable = cancellable };

  g_variant_dict_insert (meta, "docker.manifest", "s", text);
  g_variant_dict_insert (meta, "docker.digest", "s", manifest->digest);
  g_variant_dict_insert (meta, "signatures", "s", count);
  g_variant_dict_insert (meta, SC_IMAGE_VERIFICATION_KEY, "s", sc_verified_image_verification (image));
  if (source_text != NULL)
    g_variant_dict_insert (meta, SC_IMAGE_SOURCE_KEY, "s", source_text);
  if (platform != NULL)
    g_variant_dict_insert (meta, SC_IMAGE_PLATFORM_KEY, "s", platform);
  return write_file_commit (&t, "manifest.json", manifest->raw, signatures, g_variant_dict_end (meta), out_commit,
                            error);
}
