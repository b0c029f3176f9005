/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Images of a registry: the pull half of the distribution specification 1.1 ("Pulling manifests", "Pulling blobs").
 * Decides which endpoints an image has and in which order they are asked; what happens at one is registry-endpoint.c's.
 * A manifest that is not the one its digest promises is a failure of the endpoint that gave it.  Nothing else that is
 * fetched is judged here but its size where it is held in memory, and a descriptor's own URLs are never used.
 */

#include "registry.h"

#include <string.h>

#include "digest.h"
#include "registry-private.h"
#include "registry-stream.h"
#include "retry.h"

#define DOCKER_REGISTRY "docker.io"

typedef struct
{
  ScBlobSource base;
  GPtrArray *endpoints; /* ScRegistryEndpoint */
  guint current;        /* the one that gave the last manifest */
} RegistrySource;

static void
registry_free (ScBlobSource *source)
{
  RegistrySource *self = (RegistrySource *)source;

  g_ptr_array_unref (self->endpoints);
  g_free (self);
}

static ScBlobSource *
registry_open (const ScReference *ref, const ScBlobSourceOptions *options, GCancellable *cancellable, GError **error)
{
  RegistrySource *self = NULL;
  ScRegistryPlace place = {
    .registry = ref->registry,
    .repository = ref->repository,
    .tag = ref->tag,
    .digest = ref->digest,
    .insecure = ref->insecure,
  };

  if (ref->repository == NULL)
    return sc_fail_null (error, SC_ERROR_USAGE, "the reference names no repository");
  if (place.registry == NULL || strcmp (place.registry, "index." DOCKER_REGISTRY) == 0)
    place.registry = DOCKER_REGISTRY;
  self = g_new0 (RegistrySource, 1);
  self->endpoints = g_ptr_array_new_with_free_func ((GDestroyNotify)sc_registry_endpoint_free);
  g_ptr_array_add (self->endpoints, sc_registry_endpoint_new (&place, options));
  return &self->base;
}

guint
sc_registry_n_endpoints (ScBlobSource *source)
{
  return ((RegistrySource *)source)->endpoints->len;
}

ScRegistryEndpoint *
sc_registry_endpoint (ScBlobSource *source, guint index)
{
  return g_ptr_array_index (((RegistrySource *)source)->endpoints, index);
}

guint
sc_registry_current_endpoint (ScBlobSource *source)
{
  return ((RegistrySource *)source)->current;
}

/* One request. @which: tag or digest. */
static GBytes *
request_manifest (ScRegistryEndpoint *endpoint, const char *which, ScHttpResponse *response, GCancellable *cancellable,
                  GError **error)
{
  static const char *const headers[] = { "Accept: " SC_MT_OCI_INDEX ", " SC_MT_OCI_MANIFEST ", " SC_MT_DOCKER_LIST
                                         ", " SC_MT_DOCKER_MANIFEST,
                                         NULL };
  const char *repository = sc_registry_endpoint_repository (endpoint);
  gboolean by_digest = strchr (which, ':') != NULL;
  g_autofree char *path = g_strconcat ("manifests/", which, NULL);
  g_autofree char *what = g_strdup_printf ("image %s%c%s", repository, by_digest ? '@' : ':', which);
  g_autoptr (GInputStream) stream =
      sc_registry_endpoint_get (endpoint, path, headers, what, response, cancellable, error);
  g_autoptr (GBytes) body = NULL;
  g_autofree char *digest = NULL;

  if (stream == NULL)
    return NULL;
  body = sc_http_read_body (stream, SC_MANIFEST_MAX_SIZE, cancellable, error);
  if (body == NULL)
    return sc_prefix_null (error, "manifest of %s", what);
  digest = sc_digest_of (g_bytes_get_data (body, NULL), g_bytes_get_size (body));
  if (by_digest && strcmp (digest, which) != 0)
    return sc_fail_null (error, SC_ERROR_DIGEST, "%s gives a manifest of digest %s for %s",
                         sc_registry_endpoint_name (endpoint), digest, which);
  return g_steal_pointer (&body);
}

/* As many tries at one endpoint as it takes. */
static GBytes *
fetch_manifest_at (ScRegistryEndpoint *endpoint, const char *which, char **out_media_type, GCancellable *cancellable,
                   GError **error)
{
  ScRetry retry = { 0 };

  for (;;)
    {
      g_auto (ScHttpResponse) response = { 0 };
      g_autoptr (GError) failure = NULL;
      g_autoptr (GBytes) body = request_manifest (endpoint, which, &response, cancellable, &failure);

      if (body != NULL && out_media_type != NULL)
        *out_media_type = g_steal_pointer (&response.content_type);
      if (body != NULL)
        return g_steal_pointer (&body);
      if (!sc_retry_response (&retry, &response, &failure, cancellable))
        {
          g_propagate_error (error, g_steal_pointer (&failure));
          return NULL;
        }
    }
}

static GBytes *
registry_fetch_manifest (ScBlobSource *source, const char *digest, char **out_media_type, GCancellable *cancellable,
                         GError **error)
{
  RegistrySource *self = (RegistrySource *)source;
  ScRegistryEndpoint *endpoint = sc_registry_endpoint (source, self->current);

  return fetch_manifest_at (endpoint, digest != NULL ? digest : sc_registry_endpoint_top (endpoint), out_media_type,
                            cancellable, error);
}

/* The offset of the first byte of a 206; FALSE if the header is not "bytes FIRST-LAST/LENGTH". RFC 9110, 14.4. */
static gboolean
parse_content_range (const char *header, guint64 *out_first)
{
  const char *end = NULL;

  if (header == NULL || !g_str_has_prefix (header, "bytes ") || !g_ascii_isdigit (header[6]))
    return FALSE;
  *out_first = g_ascii_strtoull (header + 6, (char **)&end, 10);
  return *end == '-';
}

GInputStream *
sc_registry_open_blob_at (ScBlobSource *source, guint index, const ScDescriptor *descriptor, guint64 offset,
                          guint64 *out_start, ScHttpResponse *response, GCancellable *cancellable, GError **error)
{
  ScRegistryEndpoint *endpoint = sc_registry_endpoint (source, index);
  g_autofree char *path = g_strconcat ("blobs/", descriptor->digest, NULL);
  g_autofree char *what =
      g_strdup_printf ("blob %s of %s", descriptor->digest, sc_registry_endpoint_repository (endpoint));
  g_autofree char *range = g_strdup_printf ("Range: bytes=%" G_GUINT64_FORMAT "-", offset);
  const char *headers[] = { offset > 0 ? range : NULL, NULL };
  g_autoptr (GInputStream) stream =
      sc_registry_endpoint_get (endpoint, path, headers, what, response, cancellable, error);
  guint64 first = 0;

  if (stream == NULL)
    return NULL;
  if (response->status == 206 && (!parse_content_range (response->content_range, &first) || first != offset))
    return sc_fail_null (error, SC_ERROR_INVALID, "%s gives another part of %s than the one asked for",
                         sc_registry_endpoint_name (endpoint), what);
  *out_start = first;
  return g_steal_pointer (&stream);
}

static GInputStream *
registry_open_blob (ScBlobSource *source, const ScDescriptor *descriptor, GCancellable *cancellable, GError **error)
{
  return sc_registry_stream_open (source, descriptor, 0, cancellable, error);
}

const ScBlobSourceClass sc_registry_source_class = {
  .transport = SC_TRANSPORT_REGISTRY,
  .open = registry_open,
  .fetch_manifest = registry_fetch_manifest,
  .open_blob = registry_open_blob,
  .open_blob_at = sc_registry_stream_open,
  .fetch_referrers = sc_registry_fetch_referrers,
  .fetch_signatures = sc_registry_fetch_signatures,
  .use_attachments = sc_registry_use_attachments,
  .free = registry_free,
};
