/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What `docker save` writes: manifest.json in a tar file names the config, the tags and the layers of each image.
 * There is no registry manifest in them, so one is written here; it says nothing that does not follow from the
 * archive's content, so the same archive always gives the same bytes.  The digest of a layer that is not compressed is
 * its diffID, taken from the config without reading the layer: whoever reads the layer checks it, as always.
 */

#include "docker-tar.h"

#include <string.h>

#include "digest.h"
#include "json.h"
#include "names.h"

#define INDEX_NAME "manifest.json"
#define BLOBS      "blobs/sha256/"
#define READ_SIZE  ((gsize)128 * 1024)

struct _ScDockerTar
{
  char *name;
  ScTar *tar;
  GHashTable *blobs; /* digest -> const ScTarMember */
  GBytes *manifest;
  char *digest; /* of @manifest */
};

/* One image of manifest.json. */
typedef struct
{
  const char *config;
  char **tags; /* (nullable) */
  char **layers;
} Image;

static void
image_clear (Image *image)
{
  g_clear_pointer (&image->tags, g_strfreev);
  g_clear_pointer (&image->layers, g_strfreev);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Image, image_clear)

char *
sc_docker_tar_plain_name (const char *tag, gboolean familiar)
{
  static const char *const homes[] = { "docker.io/", "index.docker.io/", "library/" };
  g_autoptr (ScReference) ref = sc_reference_parse (tag, NULL);
  g_autofree char *name = NULL;
  const char *rest;

  if (ref == NULL || ref->transport != SC_TRANSPORT_REGISTRY || ref->insecure)
    return NULL;
  name = sc_reference_store_name (ref);
  rest = name;
  for (gsize i = 0; familiar && i < G_N_ELEMENTS (homes); i++)
    if (g_str_has_prefix (rest, homes[i]))
      rest += strlen (homes[i]);
  return g_strdup (rest);
}

static gboolean
image_has_name (const Image *image, const char *wanted)
{
  for (gsize i = 0; image->tags != NULL && image->tags[i] != NULL; i++)
    {
      g_autofree char *name = sc_docker_tar_plain_name (image->tags[i], TRUE);

      if (g_strcmp0 (name, wanted) == 0)
        return TRUE;
    }
  return FALSE;
}

/* Reads the image at @i into @image, in place of what is there. */
static gboolean
parse_image (JsonArray *array, guint i, Image *image, GError **error)
{
  g_autofree char *where = g_strdup_printf (INDEX_NAME ": [%u]", i);
  JsonObject *object = sc_json_element_object (array, INDEX_NAME, i, error);

  image_clear (image);
  if (object == NULL || !sc_json_get_string (object, where, "Config", SC_JSON_REQUIRED, &image->config, error)
      || !sc_json_get_strv (object, where, "RepoTags", SC_JSON_OPTIONAL, &image->tags, error)
      || !sc_json_get_strv (object, where, "Layers", SC_JSON_REQUIRED, &image->layers, error))
    return FALSE;
  if (g_strv_length (image->layers) > SC_MANIFEST_MAX_LAYERS)
    return sc_fail (error, SC_ERROR_LIMIT, "%s.Layers: more than the %d that are accepted", where,
                    SC_MANIFEST_MAX_LAYERS);
  return TRUE;
}

/* The image that @ref names by name or place, or the only one. */
static gboolean
choose (JsonNode *root, const ScReference *ref, Image *image, GError **error)
{
  g_autofree char *store_name = ref != NULL ? sc_reference_store_name (ref) : NULL;
  guint nth = ref != NULL ? ref->nth : 0;
  g_autofree char *wanted = store_name != NULL ? sc_docker_tar_plain_name (store_name, TRUE) : NULL;
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *list = NULL;
  JsonArray *array;

  if (!JSON_NODE_HOLDS_ARRAY (root))
    return sc_fail (error, SC_ERROR_INVALID, INDEX_NAME ": expected an array");
  array = json_node_get_array (root);
  if (nth > 0 && nth <= json_array_get_length (array))
    return parse_image (array, nth - 1, image, error);
  if (nth > 0)
    return sc_fail (error, SC_ERROR_NOT_FOUND, "it has no image @%u: it has %u, the first is @0", nth - 1,
                    json_array_get_length (array));
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      if (!parse_image (array, i, image, error))
        return FALSE;
      if (wanted != NULL ? image_has_name (image, wanted) : json_array_get_length (array) == 1)
        return TRUE;
      g_ptr_array_add (names, g_strdup (image->tags != NULL ? image->tags[0] : NULL));
    }
  list = sc_name_list (names);
  if (names->len == 0)
    return sc_fail (error, SC_ERROR_NOT_FOUND, "it has no image");
  if (store_name != NULL)
    return sc_fail (error, SC_ERROR_NOT_FOUND, "it has no image '%s', only: %s", store_name, list);
  return sc_fail (error, SC_ERROR_USAGE, "it has %u images, say which by :NAME:TAG or :@N: %s", names->len, list);
}

/* (transfer full) (nullable): the digest that a blob's name says it has; whoever reads the blob checks it. */
static char *
digest_of_name (const char *path)
{
  const char *hex = g_str_has_prefix (path, BLOBS) ? path + strlen (BLOBS) : "";

  return sc_digest_is_hex (hex) ? g_strconcat ("sha256:", hex, NULL) : NULL;
}

/* (transfer full): the digest of a member's bytes. */
static char *
hash_member (ScTar *tar, const ScTarMember *member, GCancellable *cancellable, GError **error)
{
  g_autoptr (GInputStream) stream = sc_tar_open_member (tar, member, cancellable, error);
  g_autoptr (ScSha256) sum = sc_sha256_new ();
  g_autofree guint8 *buffer = g_malloc (READ_SIZE);
  guint8 raw[SC_SHA256_SIZE];
  char hex[SC_SHA256_HEX + 1];
  gssize n;

  if (stream == NULL)
    return NULL;
  while ((n = g_input_stream_read (stream, buffer, READ_SIZE, cancellable, error)) > 0)
    sc_sha256_update (sum, buffer, (gsize)n);
  if (n < 0)
    return NULL;
  sc_sha256_finish (sum, raw);
  sc_digest_to_hex (raw, hex);
  return g_strconcat ("sha256:", hex, NULL);
}

static void
append_descriptor (GString *out, const char *media_type, guint64 size, const char *digest)
{
  g_string_append_printf (out, "{\"mediaType\":\"%s\",\"size\":%" G_GUINT64_FORMAT ",\"digest\":\"%s\"}", media_type,
                          size, digest);
}

/* @hashed: member -> digest of the compressed ones, so that a layer that is there twice is read once. */
static gboolean
append_layer (ScDockerTar *self, GString *out, const char *path, const char *diff_id, GHashTable *hashed,
              GCancellable *cancellable, GError **error)
{
  static const char *const media_types[] = {
    [SC_COMPRESSION_NONE] = SC_MT_DOCKER_LAYER,
    [SC_COMPRESSION_GZIP] = SC_MT_DOCKER_LAYER ".gzip",
    [SC_COMPRESSION_ZSTD] = SC_MT_OCI_LAYER "+zstd",
  };
  const ScTarMember *member = sc_tar_find (self->tar, path, error);
  ScCompression compression;
  const char *digest = diff_id;

  if (member == NULL)
    return FALSE;
  if (member->size > SC_BLOB_MAX_SIZE)
    return sc_fail (error, SC_ERROR_LIMIT, "archive %s: layer %s is larger than is accepted", self->name, path);
  compression = sc_compression_of_start (member->start, member->n_start);
  if (compression != SC_COMPRESSION_NONE)
    {
      digest = g_hash_table_lookup (hashed, member);
      if (digest == NULL)
        {
          char *sum = digest_of_name (member->path);

          if (sum == NULL)
            sum = hash_member (self->tar, member, cancellable, error);
          if (sum == NULL)
            return FALSE;
          g_hash_table_insert (hashed, (gpointer)member, sum);
          digest = sum;
        }
    }
  append_descriptor (out, media_types[compression], member->size, digest);
  g_hash_table_insert (self->blobs, g_strdup (digest), (gpointer)member);
  return TRUE;
}

/* The layers will be asked for in the order of the manifest. */
static gboolean
plan (ScDockerTar *self, const Image *image, const ScContext *ctx, GError **error)
{
  g_autoptr (GPtrArray) members = g_ptr_array_new ();

  for (gsize i = 0; image->layers[i] != NULL; i++)
    {
      const ScTarMember *member = sc_tar_find (self->tar, image->layers[i], error);

      if (member == NULL)
        return FALSE;
      g_ptr_array_add (members, (gpointer)member);
    }
  if (members->len > 0)
    sc_tar_plan (self->tar, ctx, (const ScTarMember *const *)members->pdata, members->len);
  return TRUE;
}

static gboolean
make_manifest (ScDockerTar *self, const Image *image, GCancellable *cancellable, GError **error)
{
  g_autoptr (GHashTable) hashed = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  g_autoptr (GString) out = g_string_new (NULL);
  g_autoptr (GBytes) config = NULL;
  g_autoptr (ScImageConfig) parsed = NULL;
  g_autofree char *digest = NULL;
  const ScTarMember *member = sc_tar_find (self->tar, image->config, error);
  guint n = g_strv_length (image->layers);
  gsize size;

  config = member != NULL ? sc_tar_read_member (self->tar, member, SC_CONFIG_MAX_SIZE, cancellable, error) : NULL;
  if (config == NULL)
    return FALSE;
  parsed = sc_image_config_parse (config, error);
  if (parsed == NULL)
    return sc_prefix (error, "archive %s", self->name);
  if (parsed->diff_ids->len != n)
    return sc_fail (error, SC_ERROR_INVALID, "archive %s: it has %u layers where the image config has %u", self->name,
                    n, parsed->diff_ids->len);

  digest = sc_digest_of (g_bytes_get_data (config, NULL), g_bytes_get_size (config));
  g_hash_table_insert (self->blobs, g_strdup (digest), (gpointer)member);
  g_string_append (out, "{\"schemaVersion\":2,\"mediaType\":\"" SC_MT_DOCKER_MANIFEST "\",\"config\":");
  append_descriptor (out, SC_MT_DOCKER_CONFIG, g_bytes_get_size (config), digest);
  g_string_append (out, ",\"layers\":[");
  for (guint i = 0; i < n; i++)
    {
      g_string_append (out, i > 0 ? "," : "");
      if (!append_layer (self, out, image->layers[i], g_ptr_array_index (parsed->diff_ids, i), hashed, cancellable,
                         error))
        return FALSE;
    }
  g_string_append (out, "]}");

  size = out->len;
  self->digest = sc_digest_of (out->str, size);
  self->manifest = g_bytes_new_take (g_string_free (g_steal_pointer (&out), FALSE), size);
  return TRUE;
}

/* There is no manifest.json: what is it then? */
static gboolean
fail_other_kind (ScDockerTar *self, GError **error)
{
  if (sc_tar_find (self->tar, "repositories", NULL) != NULL)
    return sc_fail (error, SC_ERROR_UNSUPPORTED,
                    "archive %s: it was saved by a Docker older than 1.10 and has no " INDEX_NAME
                    ": load it into a current docker or podman and save it again",
                    self->name);
  if (sc_tar_find (self->tar, "index.json", NULL) != NULL)
    return sc_fail (error, SC_ERROR_INVALID,
                    "archive %s: it is not one of docker save but an OCI image layout: oci-archive:%s", self->name,
                    self->name);
  return sc_fail (error, SC_ERROR_INVALID, "archive %s: it is not one of docker save: it has no " INDEX_NAME,
                  self->name);
}

static gboolean
load (ScDockerTar *self, const ScReference *ref, const ScContext *ctx, char **out_name, GCancellable *cancellable,
      GError **error)
{
  g_auto (Image) image = { 0 };
  g_autoptr (GBytes) index = NULL;
  g_autoptr (JsonNode) root = NULL;
  const ScTarMember *member = sc_tar_find (self->tar, INDEX_NAME, NULL);

  if (member == NULL)
    return fail_other_kind (self, error);
  index = sc_tar_read_member (self->tar, member, SC_MANIFEST_MAX_SIZE, cancellable, error);
  if (index == NULL)
    return FALSE;
  root = sc_json_parse (INDEX_NAME, g_bytes_get_data (index, NULL), g_bytes_get_size (index), error);
  if (root == NULL || !choose (root, ref, &image, error))
    return sc_prefix (error, "archive %s", self->name);
  if (!make_manifest (self, &image, cancellable, error) || !plan (self, &image, ctx, error))
    return FALSE;
  /* A tag that is no valid name, as "<none>:<none>", leaves the naming to the file. */
  if (out_name != NULL && image.tags != NULL && image.tags[0] != NULL)
    *out_name = sc_docker_tar_plain_name (image.tags[0], FALSE);
  return TRUE;
}

ScDockerTar *
sc_docker_tar_new (ScTar *tar, const char *name, const ScReference *ref, const ScContext *ctx, char **out_name,
                   GCancellable *cancellable, GError **error)
{
  g_autoptr (ScDockerTar) self = g_new0 (ScDockerTar, 1);

  self->name = g_strdup (name);
  self->tar = tar;
  self->blobs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return load (self, ref, ctx, out_name, cancellable, error) ? g_steal_pointer (&self) : NULL;
}

void
sc_docker_tar_free (ScDockerTar *self)
{
  if (self == NULL)
    return;
  sc_tar_free (self->tar);
  g_clear_pointer (&self->blobs, g_hash_table_unref);
  g_clear_pointer (&self->manifest, g_bytes_unref);
  g_free (self->digest);
  g_free (self->name);
  g_free (self);
}

GBytes *
sc_docker_tar_manifest (ScDockerTar *self, const char *digest, char **out_media_type, GError **error)
{
  if (digest != NULL && strcmp (digest, self->digest) != 0)
    return sc_fail_null (error, SC_ERROR_NOT_FOUND, "archive %s: it has no manifest %s", self->name, digest);
  *out_media_type = g_strdup (SC_MT_DOCKER_MANIFEST);
  return g_bytes_ref (self->manifest);
}

GInputStream *
sc_docker_tar_open_blob (ScDockerTar *self, const ScDescriptor *descriptor, GCancellable *cancellable, GError **error)
{
  const ScTarMember *member = g_hash_table_lookup (self->blobs, descriptor->digest);

  if (member == NULL)
    return sc_fail_null (error, SC_ERROR_NOT_FOUND, "archive %s: it has no blob %s", self->name, descriptor->digest);
  return sc_tar_open_member (self->tar, member, cancellable, error);
}
