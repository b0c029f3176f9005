/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "error.h"

/*
 * The documents of an image, parsed from bytes: OCI image specification 1.0/1.1 (descriptor.md,
 * image-index.md, manifest.md, config.md) and Docker's image manifest version 2, schema 2.  Unknown
 * members are ignored, as the specification asks; raw bytes are kept, because a digest is over them.
 */

#define SC_MANIFEST_MAX_SIZE   (4 * 1024 * 1024)
#define SC_CONFIG_MAX_SIZE     (8 * 1024 * 1024)
#define SC_MANIFEST_MAX_LAYERS 1000
#define SC_INDEX_MAX_MANIFESTS 10000
#define SC_BLOB_MAX_SIZE       ((gint64)1 << 50) /* sizes of all layers of a manifest still add up in 64 bits */

#define SC_MT_OCI_INDEX             "application/vnd.oci.image.index.v1+json"
#define SC_MT_OCI_MANIFEST          "application/vnd.oci.image.manifest.v1+json"
#define SC_MT_OCI_CONFIG            "application/vnd.oci.image.config.v1+json"
#define SC_MT_OCI_LAYER             "application/vnd.oci.image.layer.v1.tar"
#define SC_MT_DOCKER_LIST           "application/vnd.docker.distribution.manifest.list.v2+json"
#define SC_MT_DOCKER_MANIFEST       "application/vnd.docker.distribution.manifest.v2+json"
#define SC_MT_DOCKER_CONFIG         "application/vnd.docker.container.image.v1+json"
#define SC_MT_DOCKER_LAYER          "application/vnd.docker.image.rootfs.diff.tar"
#define SC_MT_DOCKER_SCHEMA1        "application/vnd.docker.distribution.manifest.v1+json"
#define SC_MT_DOCKER_SCHEMA1_SIGNED "application/vnd.docker.distribution.manifest.v1+prettyjws"

typedef struct
{
  char *os;           /* "linux" */
  char *architecture; /* "amd64" */
  char *variant;      /* (nullable): "v7" */
} ScPlatform;

/* What this program runs on, in Go's words. */
const ScPlatform *sc_platform_host (void);
gboolean sc_platform_matches (const ScPlatform *offer, const ScPlatform *want);

typedef struct
{
  char *media_type;
  char *digest;         /* checked: "sha256:<hex>" */
  guint64 size;         /* bytes */
  char *ref_name;       /* (nullable): annotation org.opencontainers.image.ref.name */
  ScPlatform *platform; /* (nullable) */
} ScDescriptor;

void sc_descriptor_free (ScDescriptor *descriptor);
ScDescriptor *sc_descriptor_copy (const ScDescriptor *descriptor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScDescriptor, sc_descriptor_free)

typedef enum
{
  SC_COMPRESSION_NONE,
  SC_COMPRESSION_GZIP,
  SC_COMPRESSION_ZSTD
} ScCompression;

/* How the bytes of a layer with this media type are compressed; foreign (non-distributable) and encrypted
 * layers are SC_ERROR_UNSUPPORTED by name. Docker's ".tar" and ".tar.gzip" and OCI's "+gzip"/"+zstd". */
gboolean sc_layer_compression (const char *media_type, ScCompression *out, GError **error) SC_CHECK;

#define SC_COMPRESSION_START 4

/* What data that begins with these bytes (SC_COMPRESSION_START of them tell) is compressed with. */
ScCompression sc_compression_of_start (const guint8 *start, gsize n);

typedef struct
{
  GBytes *raw;
  char *media_type;
  GPtrArray *manifests; /* ScDescriptor */
} ScIndex;

typedef struct
{
  GBytes *raw;
  char *media_type; /* SC_MT_OCI_MANIFEST or SC_MT_DOCKER_MANIFEST */
  char *digest;     /* of @raw */
  ScDescriptor *config;
  GPtrArray *layers; /* ScDescriptor, lowest first */
} ScManifest;

typedef struct
{
  GBytes *raw;
  ScPlatform platform;
  char *created;       /* (nullable): RFC 3339 */
  char **entrypoint;   /* (nullable) */
  char **cmd;          /* (nullable) */
  char **env;          /* (nullable): NAME=VALUE */
  char *user;          /* (nullable): "user", "uid", "user:group", ... */
  char *working_dir;   /* (nullable) */
  char *stop_signal;   /* (nullable) */
  char **volumes;      /* (nullable): paths */
  GHashTable *labels;  /* name -> value, never NULL */
  GPtrArray *diff_ids; /* char *, checked digests, lowest first */
} ScImageConfig;

/* TRUE if the bytes are an index or manifest list; decided by @media_type if it is given and known, else by
 * the document's own mediaType, else by its members.  Docker schema 1 is SC_ERROR_UNSUPPORTED with a sentence
 * that says to push the image again with a current tool. */
gboolean sc_document_is_index (GBytes *raw, const char *media_type, gboolean *out, GError **error) SC_CHECK;

ScIndex *sc_index_parse (GBytes *raw, GError **error) SC_CHECK;
void sc_index_free (ScIndex *index);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScIndex, sc_index_free)

/* The first entry for @want (descriptor.platform); an exact variant wins over none.  Entries that are not
 * manifests (attestations: platform unknown/unknown) are passed over.  Returns NULL with an error that lists
 * the platforms there are.  An index of a single entry without platform offers that. */
const ScDescriptor *sc_index_find (const ScIndex *index, const ScPlatform *want, GError **error) SC_CHECK;

ScManifest *sc_manifest_parse (GBytes *raw, GError **error) SC_CHECK;
void sc_manifest_free (ScManifest *manifest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScManifest, sc_manifest_free)

/* The sizes of the layers of the manifest @text (nul-terminated), added up, for lists: its digest and the rest of it
 * are not looked at.  FALSE: not a plain manifest whose layers all have a size; ask sc_manifest_parse(). */
gboolean sc_manifest_sum_sizes (const char *text, guint64 *out) SC_CHECK;

ScImageConfig *sc_image_config_parse (GBytes *raw, GError **error) SC_CHECK;
void sc_image_config_free (ScImageConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScImageConfig, sc_image_config_free)
