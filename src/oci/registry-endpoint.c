/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One endpoint of an image: where it is (scheme, host), who we are to it, and what its status codes mean for the user.
 * Nothing is looked up, read or connected to before the first request, so that an endpoint that is not needed costs
 * nothing and cannot fail.  HTTP is http.c's, answers to challenges are registry-auth.c's.
 */

#include "registry-private.h"

#include <string.h>

#include "auth.h"
#include "certs.h"
#include "json.h"
#include "names.h"
#include "registry-auth.h"
#include "version.h"

#define DOCKER_REGISTRY        "docker.io"
#define DOCKER_HOST            "registry-1.docker.io"
#define DOCKER_OFFICIAL        "library/"
#define ERROR_BODY_MAX         ((gsize)64 * 1024)
#define TICK                   (G_TIME_SPAN_SECOND / 10)
#define PROBE_SECONDS          10
#define PROBE_LOOPBACK_SECONDS 3

struct _ScRegistryEndpoint
{
  /* Several threads may ask; what changes after the first request belongs to the one that has set @busy, as finding it
   * out takes requests of its own. */
  GMutex lock;
  GCond changed;
  gboolean busy;
  guint answers;    /* challenges that were answered */
  char *registry;   /* as it is called */
  char *host;       /* host[:port] to talk to */
  char *repository; /* there */
  char *name;       /* for messages */
  char *top;        /* tag or digest of the top document */
  char *root_url;   /* (nullable): "https://HOST"; NULL: not yet known */
  gboolean insecure;
  const ScContext *ctx;
  ScLogin *login;  /* (nullable): NULL: nobody, or not yet looked up */
  char *auth_file; /* (nullable) */
  char **helpers;  /* (nullable) */
  const ScProgressSink *sink;
  ScCerts *certs;
  ScHttpOptions http_options;
  ScHttp *http; /* (nullable): NULL before the first request */
  ScRegistryAuth *auth;
};

void
sc_registry_endpoint_free (ScRegistryEndpoint *self)
{
  if (self == NULL)
    return;
  sc_registry_auth_free (self->auth);
  sc_http_free (self->http);
  sc_certs_free (self->certs);
  g_free (self->registry);
  g_free (self->host);
  g_free (self->repository);
  g_free (self->name);
  g_free (self->top);
  g_free (self->root_url);
  sc_login_free (self->login);
  g_free (self->auth_file);
  g_strfreev (self->helpers);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
  g_free (self);
}

ScRegistryEndpoint *
sc_registry_endpoint_new (const ScRegistryPlace *place, const ScBlobSourceOptions *options)
{
  ScRegistryEndpoint *self = g_new0 (ScRegistryEndpoint, 1);
  gboolean docker = strcmp (place->registry, DOCKER_REGISTRY) == 0;
  gboolean official = docker && strchr (place->repository, '/') == NULL;

  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  self->registry = g_strdup (place->registry);
  self->host = g_strdup (docker ? DOCKER_HOST : place->registry);
  self->repository = g_strconcat (official ? DOCKER_OFFICIAL : "", place->repository, NULL);
  self->name = g_strdup_printf ("%s/%s", self->registry, self->repository);
  self->top = g_strdup (place->digest != NULL ? place->digest : place->tag != NULL ? place->tag : "latest");
  self->insecure = place->insecure;
  self->ctx = options->ctx;
  self->auth_file = g_strdup (options->auth_file);
  self->helpers = g_strdupv ((char **)place->credential_helpers);
  self->sink = options->sink;
  if (place->credentials.user != NULL)
    {
      self->login = g_new0 (ScLogin, 1);
      self->login->user = g_strdup (place->credentials.user);
      self->login->password = g_strdup (place->credentials.password);
    }
  return self;
}

const char *
sc_registry_endpoint_name (const ScRegistryEndpoint *self)
{
  return self->name;
}

const char *
sc_registry_endpoint_repository (const ScRegistryEndpoint *self)
{
  return self->repository;
}

const char *
sc_registry_endpoint_top (const ScRegistryEndpoint *self)
{
  return self->top;
}

const ScContext *
sc_registry_endpoint_context (const ScRegistryEndpoint *self)
{
  return self->ctx;
}

static gboolean
find_login (ScRegistryEndpoint *self, GCancellable *cancellable, GError **error)
{
  ScLoginQuery query = {
    .ctx = self->ctx,
    .registry = self->registry,
    .repository = self->repository,
    .auth_file = self->auth_file,
    .helpers = (const char *const *)self->helpers,
    .sink = self->sink,
  };

  if (self->login == NULL)
    return sc_login_find (&query, &self->login, cancellable, error);
  sc_progress_debug (self->sink, "credentials: for %s as given", self->name);
  return TRUE;
}

/* Before the first request: certificates, credentials, connection. */
static gboolean
prepare (ScRegistryEndpoint *self, GCancellable *cancellable, GError **error)
{
  ScCredentials credentials = { NULL };

  if (self->http != NULL)
    return TRUE;
  if (self->certs == NULL)
    self->certs = sc_certs_find (self->ctx, self->registry, error);
  if (self->certs == NULL || !find_login (self, cancellable, error))
    return FALSE;
  if (self->login != NULL)
    credentials = (ScCredentials){ self->login->user, self->login->password, self->login->identity_token };
  self->http_options = (ScHttpOptions){
    .user_agent = "atomic/" SC_VERSION,
    .ca = self->certs->ca,
    .insecure = self->insecure,
    .client_cert = self->certs->client_cert,
    .client_key = self->certs->client_key,
    .http_proxy = self->ctx->http_proxy,
    .https_proxy = self->ctx->https_proxy,
    .no_proxy = self->ctx->no_proxy,
    .connect_timeout = self->ctx->network_timeout,
    .stall_timeout = self->ctx->network_timeout,
  };
  self->http = sc_http_new (&self->http_options, error);
  if (self->http == NULL)
    return FALSE;
  self->auth =
      sc_registry_auth_new (self->registry, self->repository, &credentials, &self->http_options, self->insecure);
  return TRUE;
}

/* Asks whether @root_url has a registry; without credentials. */
static gboolean
probe (ScRegistryEndpoint *self, const char *root_url, gboolean loopback, long *out_status, GCancellable *cancellable,
       GError **error)
{
  ScHttpOptions options = self->http_options;
  g_auto (ScHttpResponse) response = { 0 };
  g_autoptr (GInputStream) stream = NULL;
  g_autoptr (ScHttp) http = NULL;
  g_autofree char *url = g_strconcat (root_url, "/v2/", NULL);

  /* A server that speaks plain HTTP may wait for the rest of what it takes for a request. */
  options.connect_timeout = loopback ? PROBE_LOOPBACK_SECONDS : PROBE_SECONDS;
  if (self->ctx->network_timeout > 0)
    options.connect_timeout = MIN (options.connect_timeout, self->ctx->network_timeout);
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
find_root_url (ScRegistryEndpoint *self, GCancellable *cancellable, GError **error)
{
  gboolean loopback = sc_registry_is_loopback (self->host);
  g_autofree char *https = g_strconcat ("https://", self->host, NULL);
  g_autofree char *http = g_strconcat ("http://", self->host, NULL);
  g_autoptr (GError) https_error = NULL;
  g_autoptr (GError) http_error = NULL;
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
      && probe (self, http, loopback, &status, cancellable, &http_error) && status != 400)
    {
      self->root_url = g_steal_pointer (&http);
      return TRUE;
    }
  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;
  /* There is something that speaks HTTP, if badly. */
  if (http_error != NULL && !g_error_matches (http_error, SC_ERROR, SC_ERROR_UNAVAILABLE))
    g_propagate_error (error, g_steal_pointer (&http_error));
  else
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
fail_status (ScRegistryEndpoint *self, const char *what, long status, GBytes *body, GError **error)
{
  g_autofree char *why = explanation (body);

  if (status == 404)
    return sc_fail (error, SC_ERROR_NOT_FOUND, "%s has no %s%s", self->registry, what, why);
  if (status == 403)
    return sc_fail (error, SC_ERROR_DENIED, "%s refuses access to %s%s", self->registry, what, why);
  if (status == 429)
    return sc_fail (error, SC_ERROR_UNAVAILABLE, "%s answered 429 for %s (too many requests)%s", self->registry, what,
                    why);
  if (status >= 500 || status == 408)
    return sc_fail (error, SC_ERROR_UNAVAILABLE, "%s answered %ld for %s%s", self->registry, status, what, why);
  return sc_fail (error, SC_ERROR_INVALID, "%s answered %ld for %s%s", self->registry, status, what, why);
}

static gboolean
asks_for_range (const char *const *headers)
{
  for (gsize i = 0; headers != NULL && headers[i] != NULL; i++)
    if (g_str_has_prefix (headers[i], "Range:"))
      return TRUE;
  return FALSE;
}

/* Waits for the thread that is finding something out, and becomes that thread. */
static gboolean
enter (ScRegistryEndpoint *self, GCancellable *cancellable, GError **error)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  while (self->busy)
    {
      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return FALSE;
      g_cond_wait_until (&self->changed, &self->lock, g_get_monotonic_time () + TICK);
    }
  self->busy = TRUE;
  return TRUE;
}

static void
leave (ScRegistryEndpoint *self)
{
  g_mutex_lock (&self->lock);
  self->busy = FALSE;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->lock);
}

/* Finds out what is not known yet, and who to be now. */
static gboolean
make_ready (ScRegistryEndpoint *self, char **out_authorization, guint *out_answers, GCancellable *cancellable,
            GError **error)
{
  gboolean ok;

  if (!enter (self, cancellable, error))
    return FALSE;
  *out_answers = self->answers;
  ok = prepare (self, cancellable, error) && find_root_url (self, cancellable, error)
       && sc_registry_auth_prepare (self->auth, out_authorization, cancellable, error);
  leave (self);
  return ok;
}

/* Answers the challenge to a request that was made when @answers had been given: another thread may have been faster,
 * then @out_ours is FALSE. */
static gboolean
answer (ScRegistryEndpoint *self, const char *challenge, guint answers, gboolean again, gboolean *out_ours,
        GCancellable *cancellable, GError **error)
{
  gboolean ok = TRUE;

  if (!enter (self, cancellable, error))
    return FALSE;
  *out_ours = self->answers == answers;
  if (*out_ours)
    ok = sc_registry_auth_answer (self->auth, self->root_url, challenge, again, cancellable, error);
  if (*out_ours && ok)
    self->answers++;
  leave (self);
  return ok;
}

GInputStream *
sc_registry_endpoint_get (ScRegistryEndpoint *self, const char *path, const char *const *headers, const char *what,
                          ScHttpResponse *response, GCancellable *cancellable, GError **error)
{
  gboolean again = FALSE;

  sc_http_response_clear (response);
  for (;;)
    {
      g_autofree char *authorization = NULL, *url = NULL;
      g_autoptr (GInputStream) stream = NULL;
      g_autoptr (GBytes) body = NULL;
      gboolean ours = FALSE;
      guint answers = 0;

      if (!make_ready (self, &authorization, &answers, cancellable, error))
        return NULL;
      url = *path == '/' ? g_strconcat (self->root_url, path, NULL)
                         : g_strdup_printf ("%s/v2/%s/%s", self->root_url, self->repository, path);
      stream = sc_http_open (self->http, url, headers, authorization, response, cancellable, error);
      if (stream == NULL)
        return NULL;
      if (response->status == 200 || (response->status == 206 && asks_for_range (headers)))
        return g_steal_pointer (&stream);
      /* Also so that the connection can be used again; a body that is too long has nothing to say. */
      body = sc_http_read_body (stream, ERROR_BODY_MAX, cancellable, NULL);
      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return NULL;
      if (response->status != 401)
        return fail_status (self, what, response->status, body, error) ? NULL : NULL;
      /* The challenge of a host that we know nothing of: whom it names must not get the registry's credentials. */
      if (response->elsewhere != NULL)
        return sc_fail_null (error, SC_ERROR_DENIED, "%s redirects to %s for %s, and that asks for a login",
                             self->registry, response->elsewhere, what);
      if (!answer (self, response->www_authenticate, answers, again, &ours, cancellable, error))
        return NULL;
      again = again || ours;
    }
}
