/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Answers the challenges of a registry.  Credentials are sent only when asked for; to a token server only over HTTPS,
 * to this machine, or where the user has called the registry insecure.  A token is asked for one repository and pulling
 * alone, whatever scope the challenge names; if the registry says that this is too little (RFC 6750, section 3.1), once
 * for what it wants instead.
 */

#include "registry-auth.h"

#include <string.h>

#include "auth.h"
#include "challenge.h"
#include "http-retry.h"
#include "json.h"
#include "names.h"
#include "reference.h"

#define TOKEN_REPLY_MAX   ((gsize)1024 * 1024)
#define SCOPE_MAX         1024
#define TOKEN_DEFAULT_AGE 60 /* seconds, if the reply does not say */

struct _ScRegistryAuth
{
  char *registry;
  char *repository;
  char *user; /* (nullable) */
  char *password;
  char *identity_token; /* (nullable) */
  gboolean insecure;
  ScHttpOptions http_options;
  ScHttp *http;          /* (nullable): to the token server */
  gboolean same_origin;  /* the token server is the registry itself */
  ScChallenge challenge; /* the last one that we could answer */
  char *scope;           /* (nullable): what the registry wants instead of ours, scopes with spaces between */
  char *token;           /* (nullable) */
  gint64 expires;        /* monotonic time */
};

ScRegistryAuth *
sc_registry_auth_new (const char *registry, const char *repository, const ScCredentials *credentials,
                      const ScHttpOptions *http, gboolean insecure)
{
  ScRegistryAuth *self = g_new0 (ScRegistryAuth, 1);

  self->registry = g_strdup (registry);
  self->repository = g_strdup (repository);
  self->user = g_strdup (credentials->user);
  self->password = g_strdup (credentials->password != NULL ? credentials->password : "");
  self->identity_token = g_strdup (credentials->identity_token);
  self->insecure = insecure;
  self->http_options = *http;
  return self;
}

void
sc_registry_auth_free (ScRegistryAuth *self)
{
  if (self == NULL)
    return;
  sc_http_free (self->http);
  sc_challenge_clear (&self->challenge);
  g_free (self->scope);
  g_free (self->registry);
  g_free (self->repository);
  g_free (self->user);
  sc_secret_free (self->password);
  sc_secret_free (self->identity_token);
  sc_secret_free (self->token);
  g_free (self);
}

static gboolean
has_login (const ScRegistryAuth *self)
{
  return self->user != NULL || self->identity_token != NULL;
}

/* (transfer full) */
static char *
basic_header (const ScRegistryAuth *self)
{
  char *pair = g_strdup_printf ("%s:%s", self->user, self->password);
  char *encoded = g_base64_encode ((const guchar *)pair, strlen (pair));
  char *header = g_strconcat ("Basic ", encoded, NULL);

  sc_secret_free (pair);
  sc_secret_free (encoded);
  return header;
}

/* Whether the realm is a URL, and whether credentials may go there. */
static gboolean
check_realm (const ScRegistryAuth *self, char **out_host, gboolean *out_query, gboolean *out_private, GError **error)
{
  g_autoptr (GUri) uri = g_uri_parse (self->challenge.realm, G_URI_FLAGS_ENCODED, NULL);
  g_autofree char *bracketed = NULL;
  const char *host = NULL;
  const char *scheme = NULL;

  if (uri != NULL)
    {
      host = g_uri_get_host (uri);
      /* An IPv6 address comes without its brackets. */
      bracketed = host != NULL && strchr (host, ':') != NULL ? g_strdup_printf ("[%s]", host) : NULL;
      host = bracketed != NULL ? bracketed : host;
      scheme = g_uri_get_scheme (uri);
    }
  if (host == NULL || host[0] == '\0' || (strcmp (scheme, "https") != 0 && strcmp (scheme, "http") != 0))
    {
      g_autofree char *shown = sc_name_escape (self->challenge.realm);

      return sc_fail (error, SC_ERROR_INVALID, "%s names a token server that is no http or https URL: '%s'",
                      self->registry, shown);
    }
  *out_private = strcmp (scheme, "https") == 0 || sc_registry_is_loopback (host) || self->insecure;
  *out_query = g_uri_get_query (uri) != NULL;
  *out_host = sc_name_escape (host);
  return TRUE;
}

/* Every scope in a parameter of its own. */
static void
append_scopes (GString *text, const char *scopes)
{
  g_auto (GStrv) each = g_strsplit (scopes, " ", -1);

  for (gsize i = 0; each[i] != NULL; i++)
    {
      if (each[i][0] == '\0')
        continue;
      g_string_append (text, "scope=");
      g_string_append_uri_escaped (text, each[i], "/:,", FALSE);
      g_string_append_c (text, '&');
    }
  g_string_truncate (text, text->len - 1);
}

/* "service=...&scope=...", as a query or a form has it. (transfer full) */
static GString *
format_scope (const ScRegistryAuth *self, gboolean form)
{
  GString *text = g_string_new (NULL);

  if (self->challenge.service != NULL)
    {
      g_string_append (text, "service=");
      g_string_append_uri_escaped (text, self->challenge.service, NULL, FALSE);
      g_string_append_c (text, '&');
    }
  if (self->scope != NULL && !form)
    {
      append_scopes (text, self->scope);
      return text;
    }
  if (self->scope != NULL)
    {
      g_string_append (text, "scope=");
      g_string_append_uri_escaped (text, self->scope, "/:,", FALSE);
      return text;
    }
  g_string_append (text, "scope=repository:");
  g_string_append_uri_escaped (text, self->repository, "/", FALSE);
  g_string_append (text, ":pull");
  return text;
}

static gboolean
parse_token (ScRegistryAuth *self, GBytes *body, GError **error)
{
  gsize size = 0;
  const void *data = g_bytes_get_data (body, &size);
  g_autoptr (JsonNode) node = sc_json_parse ("token", data, size, error);
  JsonObject *object = node != NULL ? sc_json_node_object (node, "token", error) : NULL;
  const char *token = NULL;
  gint64 age = TOKEN_DEFAULT_AGE;

  if (object == NULL
      || !sc_json_get_string (object, "token", "token", SC_JSON_OPTIONAL, &token, error)
      /* OAuth's name of the same. */
      || (token == NULL && !sc_json_get_string (object, "token", "access_token", SC_JSON_REQUIRED, &token, error))
      || !sc_json_get_int (object, "token", "expires_in", SC_JSON_OPTIONAL, &age, error))
    return FALSE;
  if (token[0] == '\0')
    return sc_fail (error, SC_ERROR_INVALID, "the token is empty");

  age = CLAMP (age, 0, 24 * 60 * 60);
  g_free (self->token);
  self->token = g_strdup (token);
  /* A tenth of its life before the end, as requests take time too. */
  self->expires = g_get_monotonic_time () + age * G_TIME_SPAN_SECOND / 10 * 9;
  return TRUE;
}

static gboolean
check_token_status (const ScRegistryAuth *self, const char *host, long status, GError **error)
{
  if (status == 200)
    return TRUE;
  if ((status == 401 || status == 403) && has_login (self))
    return sc_fail (error, SC_ERROR_DENIED, "%s refused the user name or password", self->registry);
  if (status == 401 || status == 403)
    return sc_fail (error, SC_ERROR_DENIED, "%s asks for a user name: use --src-creds", self->registry);
  return sc_fail (error, SC_ERROR_UNAVAILABLE, "%s: token server %s answered %ld", self->registry, host, status);
}

static gboolean
connect_token_server (ScRegistryAuth *self, GError **error)
{
  ScHttpOptions options = self->http_options;

  if (self->http != NULL)
    return TRUE;
  if (!self->same_origin)
    options.client_cert = options.client_key = NULL;
  self->http = sc_http_new (&options, error);
  return self->http != NULL;
}

/* The identity token in exchange for a token of the registry: OAuth 2 (RFC 6749, section 6). */
static GBytes *
post_for_token (ScRegistryAuth *self, ScHttpResponse *response, GCancellable *cancellable, GError **error)
{
  static const char *const headers[] = { "Accept: application/json", NULL };
  GString *form = format_scope (self, TRUE);
  GBytes *body = NULL;

  g_string_append (form, "&grant_type=refresh_token&client_id=atomic&refresh_token=");
  g_string_append_uri_escaped (form, self->identity_token, NULL, FALSE);
  body = sc_http_post_form (self->http, self->challenge.realm, headers, form->str, TOKEN_REPLY_MAX, response,
                            cancellable, error);
  sc_secret_free (g_string_free (form, FALSE));
  return body;
}

static GBytes *
get_token (ScRegistryAuth *self, gboolean has_query, ScHttpResponse *response, GCancellable *cancellable,
           GError **error)
{
  static const char *const headers[] = { "Accept: application/json", NULL };
  g_autoptr (GString) scope = format_scope (self, FALSE);
  g_autofree char *url = g_strdup_printf ("%s%c%s", self->challenge.realm, has_query ? '&' : '?', scope->str);
  char *header = self->user != NULL ? basic_header (self) : NULL;
  GBytes *body = sc_retry_get (self->http, url, headers, header, TOKEN_REPLY_MAX, response, cancellable, error);

  sc_secret_free (header);
  return body;
}

static gboolean
fetch_token (ScRegistryAuth *self, GCancellable *cancellable, GError **error)
{
  g_auto (ScHttpResponse) response = { 0 };
  g_autoptr (GBytes) body = NULL;
  g_autofree char *host = NULL;
  gboolean private = FALSE, has_query = FALSE;

  if (!check_realm (self, &host, &has_query, &private, error))
    return FALSE;
  if (has_login (self) && !private)
    return sc_fail (error, SC_ERROR_DENIED, "%s wants the password sent unencrypted to %s", self->registry, host);
  if (!connect_token_server (self, error))
    return FALSE;
  body = self->identity_token != NULL ? post_for_token (self, &response, cancellable, error)
                                      : get_token (self, has_query, &response, cancellable, error);
  if (body == NULL)
    return sc_prefix (error, "%s: token server", self->registry);
  if (!check_token_status (self, host, response.status, error))
    return FALSE;
  if (!parse_token (self, body, error))
    return sc_prefix (error, "%s: token server %s", self->registry, host);
  return TRUE;
}

gboolean
sc_registry_auth_prepare (ScRegistryAuth *self, char **out_header, GCancellable *cancellable, GError **error)
{
  *out_header = NULL;
  switch (self->challenge.scheme)
    {
    case SC_CHALLENGE_NONE:
      break;
    case SC_CHALLENGE_BASIC:
      *out_header = basic_header (self);
      break;
    case SC_CHALLENGE_BEARER:
      if ((self->token == NULL || g_get_monotonic_time () >= self->expires) && !fetch_token (self, cancellable, error))
        return FALSE;
      *out_header = g_strconcat ("Bearer ", self->token, NULL);
      break;
    }
  return TRUE;
}

static gboolean
fail_refused (const ScRegistryAuth *self, GError **error)
{
  if (self->challenge.scheme == SC_CHALLENGE_BASIC)
    return sc_fail (error, SC_ERROR_DENIED, "%s refused the user name or password", self->registry);
  if (has_login (self))
    return sc_fail (error, SC_ERROR_DENIED, "%s does not let this user read %s", self->registry, self->repository);
  return sc_fail (error, SC_ERROR_DENIED, "%s has no %s that is open to everybody: if it exists, use --src-creds",
                  self->registry, self->repository);
}

static gboolean
is_below (const char *url, const char *root_url)
{
  gsize n = strlen (root_url);

  return strncmp (url, root_url, n) == 0 && (url[n] == '\0' || url[n] == '/' || url[n] == '?');
}

/* Whether @challenge says that the token is good but for its scope, and what would be enough; once. */
static gboolean
take_scope (ScRegistryAuth *self, const ScChallenge *challenge)
{
  g_autofree char *ours = g_strdup_printf ("repository:%s:pull", self->repository);
  g_autofree char *scope = NULL;

  if (self->scope != NULL || self->token == NULL || challenge->scheme != SC_CHALLENGE_BEARER
      || self->challenge.scheme != SC_CHALLENGE_BEARER || g_strcmp0 (challenge->error, "insufficient_scope") != 0
      || challenge->scope == NULL || strlen (challenge->scope) > SCOPE_MAX
      || strcmp (challenge->realm, self->challenge.realm) != 0)
    return FALSE;
  scope = g_strstrip (g_strdup (challenge->scope));
  if (scope[0] == '\0' || strcmp (scope, ours) == 0)
    return FALSE;
  g_debug ("%s wants a token for another scope: %s", self->registry, scope);
  self->scope = g_steal_pointer (&scope);
  g_clear_pointer (&self->token, sc_secret_free);
  return TRUE;
}

gboolean
sc_registry_auth_answer (ScRegistryAuth *self, const char *root_url, const char *text, gboolean again,
                         GCancellable *cancellable, GError **error)
{
  g_auto (ScChallenge) challenge = { 0 };

  if (text != NULL)
    sc_challenge_parse (text, &challenge);
  if (take_scope (self, &challenge))
    return TRUE;
  /* The same credentials would be refused again; a new token may help once. */
  if (challenge.scheme == self->challenge.scheme && challenge.scheme != SC_CHALLENGE_NONE
      && (again || challenge.scheme == SC_CHALLENGE_BASIC))
    return fail_refused (self, error);
  if (challenge.scheme == SC_CHALLENGE_NONE || again)
    return sc_fail (error, SC_ERROR_UNSUPPORTED, "%s asks for a login of a kind that is not supported", self->registry);
  if (challenge.scheme == SC_CHALLENGE_BASIC && self->user == NULL)
    return sc_fail (error, SC_ERROR_DENIED, "%s asks for a user name: use --src-creds", self->registry);

  sc_challenge_clear (&self->challenge);
  self->challenge = challenge;
  challenge = (ScChallenge){ 0 };
  g_clear_pointer (&self->token, g_free);
  g_clear_pointer (&self->http, sc_http_free);
  self->same_origin = self->challenge.realm != NULL && is_below (self->challenge.realm, root_url);
  return TRUE;
}
