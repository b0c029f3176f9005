/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Images of a registry: the pull half of the distribution specification 1.1 ("Pulling manifests", "Pulling blobs").
 * Decides where the registry is (scheme, host) and what its status codes mean for the user; HTTP is http.c's,
 * credentials are registry-auth.c's.  Nothing that is fetched is judged here but its size where it is held in memory,
 * and a descriptor's own URLs are never used.
 */

#include "registry.h"

#include <string.h>

#include "certs.h"
#include "http.h"
#include "json.h"
#include "names.h"
#include "registry-auth.h"
#include "version.h"

#define DOCKER_REGISTRY        "docker.io"
#define DOCKER_HOST            "registry-1.docker.io"
#define DOCKER_OFFICIAL        "library/"
#define ERROR_BODY_MAX         ((gsize)64 * 1024)
#define PROBE_BODY_MAX         ((gsize)64 * 1024)
#define PROBE_SECONDS          10
#define PROBE_LOOPBACK_SECONDS 3

typedef struct
{
  ScBlobSource base;
  char *registry;   /* as it is called */
  char *host;       /* host[:port] to talk to */
  char *repository; /* there */
  char *top;        /* tag or digest of the top document */
  char *root_url;   /* (nullable): "https://HOST"; NULL: not yet known */
  gboolean insecure;
  ScCerts *certs;
  ScHttpOptions http_options;
  ScHttp *http;
  ScRegistryAuth *auth;
} RegistrySource;

static void
registry_free (ScBlobSource *source)
{
  RegistrySource *self = (RegistrySource *)source;

  sc_registry_auth_free (self->auth);
  sc_http_free (self->http);
  sc_certs_free (self->certs);
  g_free (self->registry);
  g_free (self->host);
  g_free (self->repository);
  g_free (self->top);
  g_free (self->root_url);
  g_free (self);
}

static void
set_names (RegistrySource *self, const ScReference *ref)
{
  const char *registry = ref->registry;

  if (registry == NULL || strcmp (registry, DOCKER_REGISTRY) == 0 || strcmp (registry, "index." DOCKER_REGISTRY) == 0)
    {
      gboolean official = strchr (ref->repository, '/') == NULL;

      self->registry = g_strdup (DOCKER_REGISTRY);
      self->host = g_strdup (DOCKER_HOST);
      self->repository = g_strconcat (official ? DOCKER_OFFICIAL : "", ref->repository, NULL);
    }
  else
    {
      self->registry = g_strdup (registry);
      self->host = g_strdup (registry);
      self->repository = g_strdup (ref->repository);
    }
  self->top = g_strdup (ref->digest != NULL ? ref->digest : ref->tag != NULL ? ref->tag : "latest");
}

static ScBlobSource *
registry_open (const ScReference *ref, const ScBlobSourceOptions *options, GCancellable *cancellable, GError **error)
{
  RegistrySource *self = NULL;

  if (ref->repository == NULL)
    return sc_fail_null (error, SC_ERROR_USAGE, "the reference names no repository");
  self = g_new0 (RegistrySource, 1);
  set_names (self, ref);
  self->insecure = ref->insecure;
  self->certs = sc_certs_find (options->ctx, self->registry, error);
  if (self->certs == NULL)
    {
      registry_free (&self->base);
      return NULL;
    }
  self->http_options = (ScHttpOptions){
    .user_agent = "atomic/" SC_VERSION,
    .ca = self->certs->ca,
    .insecure = ref->insecure,
    .client_cert = self->certs->client_cert,
    .client_key = self->certs->client_key,
    .http_proxy = options->ctx->http_proxy,
    .https_proxy = options->ctx->https_proxy,
    .no_proxy = options->ctx->no_proxy,
  };
  self->http = sc_http_new (&self->http_options, error);
  if (self->http == NULL)
    {
      registry_free (&self->base);
      return NULL;
    }
  self->auth = sc_registry_auth_new (self->registry, self->repository, &options->credentials, &self->http_options,
                                     self->insecure);
  return &self->base;
}

/* Asks whether @root_url has a registry; without credentials. */
static gboolean
probe (RegistrySource *self, const char *root_url, gboolean loopback, long *out_status, GCancellable *cancellable,
       GError **error)
{
  ScHttpOptions options = self->http_options;
  g_auto (ScHttpResponse) response = { 0 };
  g_autoptr (GInputStream) stream = NULL;
  g_autoptr (ScHttp) http = NULL;
  g_autofree char *url = g_strconcat (root_url, "/v2/", NULL);

  /* A server that speaks plain HTTP may wait for the rest of what it takes for a request. */
  options.connect_timeout = loopback ? PROBE_LOOPBACK_SECONDS : PROBE_SECONDS;
  http = sc_http_new (&options, error);
  if (http == NULL)
    return FALSE;
  stream = sc_http_open (http, url, NULL, NULL, &response, cancellable, error);
  if (stream == NULL)
    return FALSE;
  *out_status = response.status;
  return TRUE;
}

/*
 * HTTPS is a must for every registry but those called insecure and those of this machine: these get plain HTTP if they
 * do not speak TLS.  A certificate that does not verify is not such a case.
 */
static gboolean
find_root_url (RegistrySource *self, GCancellable *cancellable, GError **error)
{
  gboolean loopback = sc_registry_is_loopback (self->host);
  g_autofree char *https = g_strconcat ("https://", self->host, NULL);
  g_autofree char *http = g_strconcat ("http://", self->host, NULL);
  g_autoptr (GError) https_error = NULL;
  long status = 0;

  if (self->root_url != NULL)
    return TRUE;
  if ((!loopback && !self->insecure) || probe (self, https, loopback, &status, cancellable, &https_error))
    {
      self->root_url = g_steal_pointer (&https);
      return TRUE;
    }
  /* 400 is what servers that want TLS answer to a request without. */
  if (g_error_matches (https_error, SC_ERROR, SC_ERROR_UNAVAILABLE)
      && probe (self, http, loopback, &status, cancellable, NULL) && status != 400)
    {
      self->root_url = g_steal_pointer (&http);
      return TRUE;
    }
  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;
  g_propagate_error (error, g_steal_pointer (&https_error));
  return FALSE;
}

/* (transfer full): ": " and the registry's own explanation, or "". Distribution specification, "Error codes". */
static char *
explanation (GBytes *body)
{
  g_autoptr (JsonNode) node = NULL;
  JsonObject *object = NULL;
  JsonArray *errors = NULL;
  const char *message = NULL;
  g_autofree char *shown = NULL;
  gsize size = 0;
  const void *data = body != NULL ? g_bytes_get_data (body, &size) : NULL;

  if (size == 0)
    return g_strdup ("");
  node = sc_json_parse ("error", data, size, NULL);
  if (node != NULL)
    object = sc_json_node_object (node, "error", NULL);
  if (object == NULL || !sc_json_get_array (object, "error", "errors", SC_JSON_REQUIRED, &errors, NULL)
      || json_array_get_length (errors) == 0)
    return g_strdup ("");
  object = sc_json_element_object (errors, "errors", 0, NULL);
  if (object == NULL || !sc_json_get_string (object, "errors", "message", SC_JSON_REQUIRED, &message, NULL)
      || message[0] == '\0')
    return g_strdup ("");
  shown = sc_name_escape (message);
  return g_strconcat (": ", shown, NULL);
}

static gboolean
fail_status (RegistrySource *self, const char *what, long status, GBytes *body, GError **error)
{
  g_autofree char *why = explanation (body);

  if (status == 404)
    return sc_fail (error, SC_ERROR_NOT_FOUND, "%s has no %s%s", self->registry, what, why);
  if (status == 403)
    return sc_fail (error, SC_ERROR_DENIED, "%s refuses access to %s%s", self->registry, what, why);
  if (status == 429)
    return sc_fail (error, SC_ERROR_UNAVAILABLE, "%s answered 429 for %s (too many requests)%s", self->registry, what,
                    why);
  if (status >= 500)
    return sc_fail (error, SC_ERROR_UNAVAILABLE, "%s answered %ld for %s%s", self->registry, status, what, why);
  return sc_fail (error, SC_ERROR_INVALID, "%s answered %ld for %s%s", self->registry, status, what, why);
}

/*
 * GET of @path below the repository; any challenge is answered once.
 *
 * Returns: the body of a 200; what else comes is an error about @what.
 */
static GInputStream *
request (RegistrySource *self, const char *path, const char *const *headers, const char *what, ScHttpResponse *response,
         GCancellable *cancellable, GError **error)
{
  g_autofree char *url = NULL;

  if (!find_root_url (self, cancellable, error))
    return NULL;
  url = g_strdup_printf ("%s/v2/%s/%s", self->root_url, self->repository, path);
  for (gboolean again = FALSE;; again = TRUE)
    {
      g_autofree char *authorization = NULL;
      g_autoptr (GInputStream) stream = NULL;
      g_autoptr (GBytes) body = NULL;

      if (!sc_registry_auth_prepare (self->auth, &authorization, cancellable, error))
        return NULL;
      stream = sc_http_open (self->http, url, headers, authorization, response, cancellable, error);
      if (stream == NULL)
        return NULL;
      if (response->status == 200)
        return g_steal_pointer (&stream);
      /* Also so that the connection can be used again; a body that is too long has nothing to say. */
      body = sc_http_read_body (stream, ERROR_BODY_MAX, cancellable, NULL);
      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return NULL;
      if (response->status != 401)
        return fail_status (self, what, response->status, body, error) ? NULL : NULL;
      if (!sc_registry_auth_answer (self->auth, self->root_url, response->www_authenticate, again, cancellable, error))
        return NULL;
    }
}

static GBytes *
registry_fetch_manifest (ScBlobSource *source, const char *digest, char **out_media_type, GCancellable *cancellable,
                         GError **error)
{
  static const char *const headers[] = { "Accept: " SC_MT_OCI_INDEX ", " SC_MT_OCI_MANIFEST ", " SC_MT_DOCKER_LIST
                                         ", " SC_MT_DOCKER_MANIFEST,
                                         NULL };
  RegistrySource *self = (RegistrySource *)source;
  const char *which = digest != NULL ? digest : self->top;
  g_autofree char *path = g_strconcat ("manifests/", which, NULL);
  g_autofree char *what =
      g_strdup_printf ("image %s%c%s", self->repository, strchr (which, ':') != NULL ? '@' : ':', which);
  g_auto (ScHttpResponse) response = { 0 };
  g_autoptr (GInputStream) stream = request (self, path, headers, what, &response, cancellable, error);
  g_autoptr (GBytes) body = NULL;

  if (stream == NULL)
    return NULL;
  body = sc_http_read_body (stream, SC_MANIFEST_MAX_SIZE, cancellable, error);
  if (body == NULL)
    return sc_prefix_null (error, "manifest of %s", what);
  if (out_media_type != NULL)
    *out_media_type = g_steal_pointer (&response.content_type);
  return g_steal_pointer (&body);
}

static GInputStream *
registry_open_blob (ScBlobSource *source, const ScDescriptor *descriptor, GCancellable *cancellable, GError **error)
{
  RegistrySource *self = (RegistrySource *)source;
  g_autofree char *path = g_strconcat ("blobs/", descriptor->digest, NULL);
  g_autofree char *what = g_strdup_printf ("blob %s of %s", descriptor->digest, self->repository);
  g_auto (ScHttpResponse) response = { 0 };

  return request (self, path, NULL, what, &response, cancellable, error);
}

const ScBlobSourceClass sc_registry_source_class = {
  .transport = SC_TRANSPORT_REGISTRY,
  .open = registry_open,
  .fetch_manifest = registry_fetch_manifest,
  .open_blob = registry_open_blob,
  .free = registry_free,
};
