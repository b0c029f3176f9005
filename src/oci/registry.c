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
#include "http-retry.h"
#include "registries-conf.h"
#include "registry-private.h"
#include "registry-stream.h"
#include "short-names.h"

typedef struct
{
  ScBlobSource base;
  const ScProgressSink *sink;
  GPtrArray *endpoints; /* ScRegistryEndpoint */
  GPtrArray *logicals;  /* ScReference: of each endpoint, the name of the image before it was sent elsewhere */
  char *why;     /* (nullable): why a name without a registry has this meaning; NULL: it has one, or is settled */
  guint current; /* the one that gave the last manifest */
} RegistrySource;

static void
registry_free (ScBlobSource *source)
{
  RegistrySource *self = (RegistrySource *)source;

  g_ptr_array_unref (self->endpoints);
  g_ptr_array_unref (self->logicals);
  g_free (self->why);
  g_free (self);
}

static void
source_free (RegistrySource *self)
{
  if (self != NULL)
    registry_free (&self->base);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (RegistrySource, source_free)

/* Adds the endpoints of one thing that @ref may mean. */
static gboolean
add_endpoints (RegistrySource *self, const ScRegistriesConf *conf, const ScReference *ref, const ScReference *logical,
               const ScBlobSourceOptions *options, GError **error)
{
  g_autoptr (GPtrArray) targets = sc_registries_conf_find_targets (conf, logical, options->sink, error);

  if (targets == NULL)
    return FALSE;
  for (guint i = 0; i < targets->len; i++)
    {
      const ScRegistryTarget *target = g_ptr_array_index (targets, i);
      g_autoptr (ScReference) there = sc_reference_normalize (target->ref);
      /* What the user says of a registry holds for that one, not for its mirrors. */
      gboolean same = strcmp (there->registry, logical->registry) == 0;
      ScRegistryPlace place = {
        .registry = there->registry,
        .repository = there->repository,
        .tag = there->tag,
        .digest = there->digest,
        .insecure = target->insecure || (same && ref->insecure),
        .credentials = same ? options->credentials : (ScCredentials){ NULL },
        .credential_helpers = (const char *const *)conf->helpers,
      };

      g_ptr_array_add (self->endpoints, sc_registry_endpoint_new (&place, options));
      g_ptr_array_add (self->logicals, sc_reference_copy (logical));
    }
  return TRUE;
}

/* What @ref may mean: itself, or with each registry that is searched. */
static GPtrArray *
find_meanings (RegistrySource *self, const ScRegistriesConf *conf, const ScReference *ref,
               const ScBlobSourceOptions *options, GCancellable *cancellable, GError **error)
{
  GPtrArray *meanings = NULL;

  if (ref->registry == NULL)
    return sc_short_name_find (conf, ref, options, &self->why, cancellable, error);
  meanings = g_ptr_array_new_with_free_func ((GDestroyNotify)sc_reference_free);
  g_ptr_array_add (meanings, sc_reference_normalize (ref));
  return meanings;
}

static ScBlobSource *
registry_open (const ScReference *ref, const ScBlobSourceOptions *options, GCancellable *cancellable, GError **error)
{
  g_autoptr (RegistrySource) self = g_new0 (RegistrySource, 1);
  g_autoptr (ScRegistriesConf) conf = NULL;
  g_autoptr (GPtrArray) meanings = NULL;
  g_autoptr (GError) last = NULL;

  self->sink = options->sink;
  self->endpoints = g_ptr_array_new_with_free_func ((GDestroyNotify)sc_registry_endpoint_free);
  self->logicals = g_ptr_array_new_with_free_func ((GDestroyNotify)sc_reference_free);
  if (ref->repository == NULL)
    return sc_fail_null (error, SC_ERROR_USAGE, "the reference names no repository");
  conf = sc_registries_conf_load (options->ctx, options->sink, error);
  meanings = conf != NULL ? find_meanings (self, conf, ref, options, cancellable, error) : NULL;
  if (meanings == NULL)
    return NULL;
  /* A password is for one registry, and the user says which. */
  if (ref->registry == NULL && meanings->len > 1 && (options->credentials.user != NULL || ref->insecure))
    return sc_fail_null (error, SC_ERROR_USAGE, "%s may be in %u registries: with %s write the registry before it",
                         ref->repository, meanings->len, ref->insecure ? "'http:'" : "credentials");
  for (guint i = 0; i < meanings->len; i++)
    {
      g_clear_error (&last);
      if (!add_endpoints (self, conf, ref, g_ptr_array_index (meanings, i), options, &last))
        sc_progress_debug (self->sink, "registries: %s", last->message);
    }
  if (self->endpoints->len == 0)
    {
      g_propagate_error (error, g_steal_pointer (&last));
      return NULL;
    }
  return &g_steal_pointer (&self)->base;
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

/* The endpoint @index has the image: what a name without a registry means is settled. */
static void
settle (RegistrySource *self, guint index)
{
  g_autofree char *why = g_steal_pointer (&self->why);
  const ScReference *logical = g_ptr_array_index (self->logicals, index);

  self->current = index;
  if (why == NULL)
    return;
  self->base.resolved = sc_reference_copy (logical);
  sc_progress_note (self->sink, "image %s: taken from %s/%s (%s)", self->base.ref->repository, logical->registry,
                    logical->repository, why);
  for (guint i = self->endpoints->len; i > 0; i--)
    {
      const ScReference *other = g_ptr_array_index (self->logicals, i - 1);

      if (strcmp (other->registry, self->base.resolved->registry) == 0
          && strcmp (other->repository, self->base.resolved->repository) == 0)
        continue;
      g_ptr_array_remove_index (self->endpoints, i - 1);
      g_ptr_array_remove_index (self->logicals, i - 1);
      if (i - 1 < self->current)
        self->current--;
    }
}

/* One endpoint after the other, from the current one on, until one has it. */
static GBytes *
registry_fetch_manifest (ScBlobSource *source, const char *digest, char **out_media_type, GCancellable *cancellable,
                         GError **error)
{
  RegistrySource *self = (RegistrySource *)source;
  g_autoptr (GString) tried = g_string_new (NULL);
  guint n = self->endpoints->len;

  for (guint i = 0; i < n; i++)
    {
      guint index = (self->current + i) % n;
      ScRegistryEndpoint *endpoint = sc_registry_endpoint (source, index);
      const char *which = digest != NULL ? digest : sc_registry_endpoint_top (endpoint);
      g_autoptr (GError) failure = NULL;
      g_autoptr (GBytes) body = NULL;

      sc_progress_debug (self->sink, "registry: asking %s for %s", sc_registry_endpoint_name (endpoint), which);
      body = fetch_manifest_at (endpoint, which, out_media_type, cancellable, &failure);
      if (body != NULL)
        {
          settle (self, index);
          return g_steal_pointer (&body);
        }
      if (i + 1 == n || g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        {
          g_set_error (error, failure->domain, failure->code, "%s%s%s%s", failure->message,
                       tried->len > 0 ? " (tried before: " : "", tried->str, tried->len > 0 ? ")" : "");
          return NULL;
        }
      sc_progress_debug (self->sink, "registry: %s", failure->message);
      g_string_append_printf (tried, "%s%s: %s", tried->len > 0 ? "; " : "", sc_registry_endpoint_name (endpoint),
                              failure->message);
    }
  g_return_val_if_reached (NULL);
}

static GBytes *
registry_fetch_attached (ScBlobSource *source, const char *which, char **out_media_type, GCancellable *cancellable,
                         GError **error)
{
  return fetch_manifest_at (sc_registry_endpoint (source, sc_registry_current_endpoint (source)), which, out_media_type,
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
  .max_streams = 3,
  .fetch_attached = registry_fetch_attached,
  .fetch_referrers = sc_registry_fetch_referrers,
  .fetch_signatures = sc_registry_fetch_signatures,
  .use_attachments = sc_registry_use_attachments,
  .free = registry_free,
};
