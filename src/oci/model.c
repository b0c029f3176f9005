/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The parts that the documents of an image are made of: platforms, descriptors and media types of layers.  The
 * documents themselves are in model-manifest.c and model-config.c.  Works on bytes alone, and all of them are
 * hostile: every size is bounded and every digest has been checked for its form before a caller sees it.
 */

#include "model.h"

#include <string.h>

#include "digest.h"
#include "model-private.h"

#define REF_NAME_ANNOTATION "org.opencontainers.image.ref.name"

#if defined(__x86_64__)
#define HOST_ARCHITECTURE "amd64"
#define HOST_VARIANT      NULL
#elif defined(__aarch64__)
#define HOST_ARCHITECTURE "arm64"
#define HOST_VARIANT      NULL
#elif defined(__arm__) && __ARM_ARCH >= 7
#define HOST_ARCHITECTURE "arm"
#define HOST_VARIANT      "v7"
#elif defined(__arm__) && __ARM_ARCH == 6
#define HOST_ARCHITECTURE "arm"
#define HOST_VARIANT      "v6"
#elif defined(__arm__)
#define HOST_ARCHITECTURE "arm"
#define HOST_VARIANT      "v5"
#elif defined(__i386__)
#define HOST_ARCHITECTURE "386"
#define HOST_VARIANT      NULL
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#define HOST_ARCHITECTURE "ppc64le"
#define HOST_VARIANT      NULL
#elif defined(__s390x__)
#define HOST_ARCHITECTURE "s390x"
#define HOST_VARIANT      NULL
#elif defined(__riscv) && __riscv_xlen == 64
#define HOST_ARCHITECTURE "riscv64"
#define HOST_VARIANT      NULL
#elif defined(__mips64) && defined(__MIPSEL__)
#define HOST_ARCHITECTURE "mips64le"
#define HOST_VARIANT      NULL
#elif defined(__loongarch64)
#define HOST_ARCHITECTURE "loong64"
#define HOST_VARIANT      NULL
#else
#error "which GOARCH is this?"
#endif

const ScPlatform *
sc_platform_host (void)
{
  static const ScPlatform host = { (char *)"linux", (char *)HOST_ARCHITECTURE, (char *)HOST_VARIANT };

  return &host;
}

/* The variant that every processor of an architecture is, is the same as none. */
static const char *
significant_variant (const ScPlatform *platform)
{
  const char *variant = platform->variant;

  if (variant == NULL || *variant == '\0')
    return NULL;
  if (strcmp (platform->architecture, "arm64") == 0 && (strcmp (variant, "v8") == 0 || strcmp (variant, "8") == 0))
    return NULL;
  if (strcmp (platform->architecture, "amd64") == 0 && strcmp (variant, "v1") == 0)
    return NULL;
  return variant;
}

/* The processors of each variant of 32-bit ARM run what was made for a lower one. */
static gboolean
is_arm_variant (const char *variant)
{
  return variant[0] == 'v' && variant[1] >= '5' && variant[1] <= '8' && variant[2] == '\0';
}

guint
sc_platform_rank (const ScPlatform *offer, const ScPlatform *want)
{
  const char *have, *need;

  if (strcmp (offer->os, want->os) != 0 || strcmp (offer->architecture, want->architecture) != 0)
    return 0;
  have = significant_variant (offer);
  need = significant_variant (want);
  if (g_strcmp0 (have, need) == 0)
    return SC_PLATFORM_EXACT;
  if (have == NULL)
    return 1;
  if (strcmp (want->architecture, "arm") == 0 && is_arm_variant (have)
      && (need == NULL || (is_arm_variant (need) && have[1] < need[1])))
    return (guint)(have[1] - '0');
  return 0;
}

gboolean
sc_platform_matches (const ScPlatform *offer, const ScPlatform *want)
{
  return sc_platform_rank (offer, want) > 0;
}

static void
platform_free (ScPlatform *platform)
{
  if (platform == NULL)
    return;
  g_free (platform->os);
  g_free (platform->architecture);
  g_free (platform->variant);
  g_free (platform);
}

void
sc_descriptor_free (ScDescriptor *descriptor)
{
  if (descriptor == NULL)
    return;
  g_free (descriptor->media_type);
  g_free (descriptor->digest);
  g_free (descriptor->ref_name);
  platform_free (descriptor->platform);
  g_free (descriptor);
}

ScDescriptor *
sc_descriptor_copy (const ScDescriptor *descriptor)
{
  ScDescriptor *copy = g_new0 (ScDescriptor, 1);

  copy->media_type = g_strdup (descriptor->media_type);
  copy->digest = g_strdup (descriptor->digest);
  copy->size = descriptor->size;
  copy->ref_name = g_strdup (descriptor->ref_name);
  if (descriptor->platform != NULL)
    {
      copy->platform = g_new0 (ScPlatform, 1);
      copy->platform->os = g_strdup (descriptor->platform->os);
      copy->platform->architecture = g_strdup (descriptor->platform->architecture);
      copy->platform->variant = g_strdup (descriptor->platform->variant);
    }
  return copy;
}

gboolean
sc_model_check_digest (const char *where, const char *digest, GError **error)
{
  g_autoptr (GError) reason = NULL;

  if (sc_digest_check (digest, &reason))
    return TRUE;
  if (g_error_matches (reason, SC_ERROR, SC_ERROR_UNSUPPORTED))
    return sc_fail (error, SC_ERROR_UNSUPPORTED, "%s: digest algorithm '%.*s' is not supported, only sha256 is", where,
                    (int)strcspn (digest, ":"), digest);
  return sc_fail (error, SC_ERROR_INVALID, "%s: invalid digest '%s'", where, digest);
}

JsonObject *
sc_model_parse (const char *what, GBytes *raw, gsize max, JsonNode **out_root, GError **error)
{
  gsize size;
  const void *data = g_bytes_get_data (raw, &size);
  g_autoptr (JsonNode) root = NULL;
  JsonObject *object;

  if (size > max)
    return sc_fail_null (error, SC_ERROR_LIMIT, "%s: %zu bytes, more than the %zu that are accepted", what, size, max);
  root = sc_json_parse (what, data, size, error);
  if (root == NULL)
    return NULL;
  object = sc_json_node_object (root, what, error);
  if (object == NULL)
    return NULL;
  *out_root = g_steal_pointer (&root);
  return object;
}

static gboolean
parse_platform (JsonObject *descriptor, const char *where, ScPlatform **out, GError **error)
{
  g_autofree char *path = g_strconcat (where, ".platform", NULL);
  JsonObject *object = NULL;
  const char *os = NULL, *architecture = NULL, *variant = NULL;

  if (!sc_json_get_object (descriptor, where, "platform", SC_JSON_OPTIONAL, &object, error))
    return FALSE;
  if (object == NULL)
    return TRUE;
  if (!sc_json_get_string (object, path, "os", SC_JSON_REQUIRED, &os, error)
      || !sc_json_get_string (object, path, "architecture", SC_JSON_REQUIRED, &architecture, error)
      || !sc_json_get_string (object, path, "variant", SC_JSON_OPTIONAL, &variant, error))
    return FALSE;
  *out = g_new0 (ScPlatform, 1);
  (*out)->os = g_strdup (os);
  (*out)->architecture = g_strdup (architecture);
  (*out)->variant = g_strdup (variant);
  return TRUE;
}

ScDescriptor *
sc_descriptor_parse (JsonObject *object, const char *where, GError **error)
{
  g_autoptr (ScDescriptor) out = g_new0 (ScDescriptor, 1);
  g_autofree char *annotations_path = g_strconcat (where, ".annotations", NULL);
  JsonObject *annotations = NULL;
  const char *media_type = NULL, *digest = NULL, *ref_name = NULL;
  gint64 size = 0;

  if (!sc_json_get_string (object, where, "mediaType", SC_JSON_REQUIRED, &media_type, error)
      || !sc_json_get_string (object, where, "digest", SC_JSON_REQUIRED, &digest, error)
      || !sc_json_get_int (object, where, "size", SC_JSON_REQUIRED, &size, error)
      || !sc_json_get_object (object, where, "annotations", SC_JSON_OPTIONAL, &annotations, error)
      || !parse_platform (object, where, &out->platform, error))
    return NULL;
  if (annotations != NULL
      && !sc_json_get_string (annotations, annotations_path, REF_NAME_ANNOTATION, SC_JSON_OPTIONAL, &ref_name, error))
    return NULL;
  if (!sc_model_check_digest (where, digest, error))
    return NULL;
  if (size < 0)
    return sc_fail_null (error, SC_ERROR_INVALID, "%s: negative size %" G_GINT64_FORMAT, where, size);
  if (size > SC_BLOB_MAX_SIZE)
    return sc_fail_null (error, SC_ERROR_LIMIT, "%s: size %" G_GINT64_FORMAT " is more than is accepted", where, size);

  out->media_type = g_strdup (media_type);
  out->digest = g_strdup (digest);
  out->size = (guint64)size;
  out->ref_name = g_strdup (ref_name);
  return g_steal_pointer (&out);
}

ScCompression
sc_compression_of_start (const guint8 *start, gsize n)
{
  static const guint8 gzip[] = { 0x1f, 0x8b }, zstd[] = { 0x28, 0xb5, 0x2f, 0xfd };

  if (n >= sizeof gzip && memcmp (start, gzip, sizeof gzip) == 0)
    return SC_COMPRESSION_GZIP;
  if (n >= sizeof zstd && memcmp (start, zstd, sizeof zstd) == 0)
    return SC_COMPRESSION_ZSTD;
  return SC_COMPRESSION_NONE;
}

gboolean
sc_layer_compression (const char *media_type, ScCompression *out, GError **error)
{
  static const struct
  {
    const char *media_type;
    ScCompression compression;
  } known[] = {
    { SC_MT_OCI_LAYER, SC_COMPRESSION_NONE },
    { SC_MT_OCI_LAYER "+gzip", SC_COMPRESSION_GZIP },
    { SC_MT_OCI_LAYER "+zstd", SC_COMPRESSION_ZSTD },
    { SC_MT_DOCKER_LAYER, SC_COMPRESSION_NONE },
    { SC_MT_DOCKER_LAYER ".gzip", SC_COMPRESSION_GZIP },
    { SC_MT_DOCKER_LAYER ".zstd", SC_COMPRESSION_ZSTD },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (known); i++)
    if (strcmp (media_type, known[i].media_type) == 0)
      {
        *out = known[i].compression;
        return TRUE;
      }

  if (g_str_has_suffix (media_type, "+encrypted"))
    return sc_fail (error, SC_ERROR_UNSUPPORTED, "encrypted layers (%s) are not supported", media_type);
  if (g_str_has_prefix (media_type, "application/vnd.docker.image.rootfs.foreign.")
      || g_str_has_prefix (media_type, "application/vnd.oci.image.layer.nondistributable."))
    return sc_fail (error, SC_ERROR_UNSUPPORTED, "foreign layers (%s) are not supported", media_type);
  return sc_fail (error, SC_ERROR_UNSUPPORTED, "layers of type '%s' are not supported", media_type);
}
