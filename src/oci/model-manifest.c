/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Indexes and manifests, of OCI and of Docker (schema 2).  A document is one or the other: what could be read as
 * both is refused, so that two programs cannot see two images in the same bytes.
 */

#include "model.h"

#include <string.h>

#include "digest.h"
#include "model-private.h"
#include "names.h"

typedef enum
{
  KIND_UNKNOWN,
  KIND_INDEX,
  KIND_MANIFEST,
  KIND_SCHEMA1
} Kind;

static Kind
kind_of_media_type (const char *media_type)
{
  static const struct
  {
    const char *media_type;
    Kind kind;
  } kinds[] = {
    { SC_MT_OCI_INDEX, KIND_INDEX },        { SC_MT_DOCKER_LIST, KIND_INDEX },
    { SC_MT_OCI_MANIFEST, KIND_MANIFEST },  { SC_MT_DOCKER_MANIFEST, KIND_MANIFEST },
    { SC_MT_DOCKER_SCHEMA1, KIND_SCHEMA1 }, { SC_MT_DOCKER_SCHEMA1_SIGNED, KIND_SCHEMA1 },
  };

  for (gsize i = 0; media_type != NULL && i < G_N_ELEMENTS (kinds); i++)
    if (strcmp (media_type, kinds[i].media_type) == 0)
      return kinds[i].kind;
  return KIND_UNKNOWN;
}

static Kind
kind_of_members (JsonObject *object)
{
  if (json_object_has_member (object, "manifests"))
    return KIND_INDEX;
  if (json_object_has_member (object, "config") || json_object_has_member (object, "layers"))
    return KIND_MANIFEST;
  if (json_object_has_member (object, "fsLayers"))
    return KIND_SCHEMA1;
  return KIND_UNKNOWN;
}

static gboolean
fail_schema1 (GError **error)
{
  return sc_fail (error, SC_ERROR_UNSUPPORTED,
                  "it is in Docker's old format, schema 1: push it again with a current tool");
}

gboolean
sc_document_is_index (GBytes *raw, const char *media_type, gboolean *out, GError **error)
{
  Kind kind = kind_of_media_type (media_type);

  if (kind == KIND_UNKNOWN)
    {
      g_autoptr (JsonNode) root = NULL;
      const char *own = NULL;
      JsonObject *object = sc_model_parse ("manifest", raw, SC_MANIFEST_MAX_SIZE, &root, error);

      if (object == NULL || !sc_json_get_string (object, "manifest", "mediaType", SC_JSON_OPTIONAL, &own, error))
        return FALSE;
      kind = kind_of_media_type (own);
      if (kind == KIND_UNKNOWN)
        kind = kind_of_members (object);
    }
  if (kind == KIND_SCHEMA1)
    return fail_schema1 (error);
  if (kind == KIND_UNKNOWN)
    return sc_fail (error, SC_ERROR_INVALID, "manifest: neither an image manifest nor an index");
  *out = kind == KIND_INDEX;
  return TRUE;
}

/* What indexes and manifests have in common.  *out_media_type: (nullable). */
static gboolean
check_head (JsonObject *object, const char *what, Kind kind, const char **out_media_type, GError **error)
{
  gint64 version = 0;
  const char *media_type = NULL;

  if (!sc_json_get_int (object, what, "schemaVersion", SC_JSON_REQUIRED, &version, error)
      || !sc_json_get_string (object, what, "mediaType", SC_JSON_OPTIONAL, &media_type, error))
    return FALSE;
  if (version == 1)
    return fail_schema1 (error);
  if (version != 2)
    return sc_fail (error, SC_ERROR_INVALID, "%s: schemaVersion is %" G_GINT64_FORMAT ", expected 2", what, version);
  if (media_type != NULL && *media_type == '\0')
    media_type = NULL;
  if (media_type != NULL && kind_of_media_type (media_type) != kind)
    return sc_fail (error, SC_ERROR_INVALID, "%s: has mediaType '%s'", what, media_type);
  if (json_object_has_member (object, "manifests")
      && (json_object_has_member (object, "layers") || json_object_has_member (object, "config")))
    return sc_fail (error, SC_ERROR_INVALID, "%s: is an index and an image manifest at once", what);
  *out_media_type = media_type;
  return TRUE;
}

/* (transfer full) (element-type ScDescriptor) */
static GPtrArray *
parse_descriptors (JsonObject *object, const char *what, const char *key, guint max, GError **error)
{
  g_autoptr (GPtrArray) out = g_ptr_array_new_with_free_func ((GDestroyNotify)sc_descriptor_free);
  g_autofree char *path = g_strconcat (what, ": ", key, NULL);
  JsonArray *array = NULL;
  guint n;

  if (!sc_json_get_array (object, what, key, SC_JSON_REQUIRED, &array, error))
    return NULL;
  n = json_array_get_length (array);
  if (n > max)
    return sc_fail_null (error, SC_ERROR_LIMIT, "%s: %u entries, more than the %u that are accepted", path, n, max);
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *where = g_strdup_printf ("%s[%u]", path, i);
      JsonObject *element = sc_json_element_object (array, path, i, error);
      ScDescriptor *descriptor = element != NULL ? sc_descriptor_parse (element, where, error) : NULL;

      if (descriptor == NULL)
        return NULL;
      g_ptr_array_add (out, descriptor);
    }
  return g_steal_pointer (&out);
}

ScIndex *
sc_index_parse (GBytes *raw, GError **error)
{
  g_autoptr (ScIndex) index = g_new0 (ScIndex, 1);
  g_autoptr (JsonNode) root = NULL;
  const char *media_type = NULL;
  JsonObject *object = sc_model_parse ("index", raw, SC_MANIFEST_MAX_SIZE, &root, error);

  if (object == NULL || !check_head (object, "index", KIND_INDEX, &media_type, error))
    return NULL;
  index->manifests = parse_descriptors (object, "index", "manifests", SC_INDEX_MAX_MANIFESTS, error);
  if (index->manifests == NULL)
    return NULL;
  index->media_type = g_strdup (media_type != NULL ? media_type : SC_MT_OCI_INDEX);
  index->raw = g_bytes_ref (raw);
  return g_steal_pointer (&index);
}

void
sc_index_free (ScIndex *index)
{
  if (index == NULL)
    return;
  g_clear_pointer (&index->raw, g_bytes_unref);
  g_free (index->media_type);
  g_clear_pointer (&index->manifests, g_ptr_array_unref);
  g_free (index);
}

static char *
platform_text (const ScPlatform *platform)
{
  if (platform == NULL)
    return NULL;
  if (platform->variant == NULL || *platform->variant == '\0')
    return g_strdup_printf ("%s/%s", platform->os, platform->architecture);
  return g_strdup_printf ("%s/%s/%s", platform->os, platform->architecture, platform->variant);
}

static gboolean
is_attestation (const ScDescriptor *entry)
{
  return entry->platform != NULL && strcmp (entry->platform->os, "unknown") == 0
         && strcmp (entry->platform->architecture, "unknown") == 0;
}

const ScDescriptor *
sc_index_find (const ScIndex *index, const ScPlatform *want, GError **error)
{
  g_autoptr (GPtrArray) offers = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *wanted = platform_text (want);
  g_autofree char *list = NULL;
  const ScDescriptor *best = NULL;
  guint best_rank = 0;

  if (index->manifests->len == 0)
    return sc_fail_null (error, SC_ERROR_NOT_FOUND, "the index is empty");
  for (guint i = 0; i < index->manifests->len; i++)
    {
      const ScDescriptor *entry = g_ptr_array_index (index->manifests, i);
      guint rank = 0;

      if (is_attestation (entry))
        continue;
      if (entry->platform != NULL)
        rank = sc_platform_rank (entry->platform, want);
      else if (index->manifests->len == 1)
        rank = 1;
      if (rank > best_rank)
        {
          best = entry;
          best_rank = rank;
        }
      g_ptr_array_add (offers, entry->platform != NULL ? platform_text (entry->platform) : g_strdup ("no platform"));
    }
  if (best != NULL)
    return best;
  list = sc_name_list (offers);
  return sc_fail_null (error, SC_ERROR_NOT_FOUND, "there is none for %s, only for: %s", wanted,
                       offers->len > 0 ? list : "nothing");
}

static gboolean
check_config_type (const ScDescriptor *config, GError **error)
{
  if (strcmp (config->media_type, SC_MT_OCI_CONFIG) == 0 || strcmp (config->media_type, SC_MT_DOCKER_CONFIG) == 0)
    return TRUE;
  return sc_fail (error, SC_ERROR_UNSUPPORTED, "not a container image: its config is of type '%s'", config->media_type);
}

static gboolean
check_layer_types (const GPtrArray *layers, GError **error)
{
  for (guint i = 0; i < layers->len; i++)
    {
      const ScDescriptor *layer = g_ptr_array_index (layers, i);
      ScCompression compression;

      if (!sc_layer_compression (layer->media_type, &compression, error))
        return sc_prefix (error, "manifest: layers[%u]", i);
    }
  return TRUE;
}

ScManifest *
sc_manifest_parse (GBytes *raw, GError **error)
{
  g_autoptr (ScManifest) manifest = g_new0 (ScManifest, 1);
  g_autoptr (JsonNode) root = NULL;
  const char *media_type = NULL;
  JsonObject *config = NULL;
  JsonObject *object = sc_model_parse ("manifest", raw, SC_MANIFEST_MAX_SIZE, &root, error);

  if (object == NULL || !check_head (object, "manifest", KIND_MANIFEST, &media_type, error)
      || !sc_json_get_object (object, "manifest", "config", SC_JSON_REQUIRED, &config, error))
    return NULL;
  manifest->config = sc_descriptor_parse (config, "manifest: config", error);
  if (manifest->config == NULL || !check_config_type (manifest->config, error))
    return NULL;
  manifest->layers = parse_descriptors (object, "manifest", "layers", SC_MANIFEST_MAX_LAYERS, error);
  if (manifest->layers == NULL || !check_layer_types (manifest->layers, error))
    return NULL;

  /* OCI asks for no mediaType; Docker does, but the type of its config is as good. */
  if (media_type == NULL)
    media_type =
        strcmp (manifest->config->media_type, SC_MT_DOCKER_CONFIG) == 0 ? SC_MT_DOCKER_MANIFEST : SC_MT_OCI_MANIFEST;
  manifest->media_type = g_strdup (media_type);
  manifest->raw = g_bytes_ref (raw);
  manifest->digest = sc_digest_of (g_bytes_get_data (raw, NULL), g_bytes_get_size (raw));
  return g_steal_pointer (&manifest);
}

void
sc_manifest_free (ScManifest *manifest)
{
  if (manifest == NULL)
    return;
  g_clear_pointer (&manifest->raw, g_bytes_unref);
  g_free (manifest->media_type);
  g_free (manifest->digest);
  sc_descriptor_free (manifest->config);
  g_clear_pointer (&manifest->layers, g_ptr_array_unref);
  g_free (manifest);
}
