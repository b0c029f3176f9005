/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Requests and redirects.  libcurl never follows a redirect by itself and never reads the environment: every hop is set
 * up here, so that credentials and client certificates reach the first origin only and a proxy is used only if the
 * options name one.  The body of a response is http-stream.c's.
 *
 * Over TLS, HTTP/2 where the server offers it: several transfers then share one connection.
 */

#include "http-private.h"

#include <string.h>

#include "no-proxy.h"

#define MAX_REDIRECTS   10
#define SKIP_MAX        (64 * 1024)
#define CONNECT_TIMEOUT 30
#define STALL_TIMEOUT   60
#define RECEIVE_BUFFER  (512L * 1024)
#define BUNDLE_MAX_SIZE (16 * 1024 * 1024)
#define READ_CHUNK      (64 * 1024)

/* One request, as it goes from hop to hop. */
typedef struct
{
  CURLU *url;
  char *origin; /* of the first hop */
  const char *const *headers;
  const char *authorization;
  const char *form; /* (nullable): POST this, to the first hop alone */
} Request;

static void
request_clear (Request *request)
{
  g_clear_pointer (&request->url, curl_url_cleanup);
  g_clear_pointer (&request->origin, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Request, request_clear)

void
sc_http_response_clear (ScHttpResponse *response)
{
  g_clear_pointer (&response->content_type, g_free);
  g_clear_pointer (&response->www_authenticate, g_free);
  g_clear_pointer (&response->docker_digest, g_free);
  g_clear_pointer (&response->link, g_free);
  g_clear_pointer (&response->signatures, g_free);
  g_clear_pointer (&response->retry_after, g_free);
  g_clear_pointer (&response->content_range, g_free);
  g_clear_pointer (&response->elsewhere, g_free);
  response->status = 0;
  response->content_length = -1;
  response->reached = FALSE;
}

/* The system's certificates and @extra in one: curl takes one bundle only. */
static GBytes *
join_certificates (GBytes *extra, GError **error)
{
  const char *path = curl_version_info (CURLVERSION_NOW)->cainfo;
  g_autoptr (GByteArray) all = g_byte_array_new ();
  g_autoptr (GError) local_error = NULL;
  g_autofree char *system = NULL;
  gsize size = 0;

  /* A system without certificates of its own trusts the extra ones alone. */
  if (path != NULL && !g_file_get_contents (path, &system, &size, &local_error)
      && !g_error_matches (local_error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return sc_prefix_null (error, "CA certificates of the system");
    }
  if (size > BUNDLE_MAX_SIZE)
    return sc_fail_null (error, SC_ERROR_LIMIT, "%s: larger than %d MiB", path, BUNDLE_MAX_SIZE / 1024 / 1024);
  if (size > 0)
    g_byte_array_append (all, (const guint8 *)system, (guint)size);
  g_byte_array_append (all, (const guint8 *)"\n", 1);
  g_byte_array_append (all, g_bytes_get_data (extra, NULL), (guint)g_bytes_get_size (extra));
  return g_byte_array_free_to_bytes (g_steal_pointer (&all));
}

static gpointer
init_curl (gpointer data)
{
  return GINT_TO_POINTER (curl_global_init (CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

ScHttp *
sc_http_new (const ScHttpOptions *options, GError **error)
{
  static GOnce once = G_ONCE_INIT;
  g_autoptr (ScHttp) self = g_new0 (ScHttp, 1);

  g_mutex_init (&self->lock);
  g_cond_init (&self->changed);
  self->streams = g_ptr_array_new ();
  self->idle = g_ptr_array_new_with_free_func (curl_easy_cleanup);
  if (!GPOINTER_TO_INT (g_once (&once, init_curl, NULL)))
    return sc_fail_null (error, SC_ERROR_UNAVAILABLE, "libcurl cannot be initialized");
  self->multi = curl_multi_init ();
  if (self->multi == NULL)
    return sc_fail_null (error, SC_ERROR_UNAVAILABLE, "libcurl cannot be initialized");
  self->user_agent = g_strdup (options->user_agent);
  self->http_proxy = g_strdup (options->http_proxy);
  self->https_proxy = g_strdup (options->https_proxy);
  self->no_proxy = g_strdup (options->no_proxy);
  self->unix_socket = g_strdup (options->unix_socket);
  self->insecure = options->insecure;
  self->connect_timeout = options->connect_timeout > 0 ? options->connect_timeout : CONNECT_TIMEOUT;
  self->stall_timeout = options->stall_timeout > 0 ? options->stall_timeout : STALL_TIMEOUT;
  if (options->client_cert != NULL && options->client_key != NULL)
    {
      self->client_cert = g_bytes_ref (options->client_cert);
      self->client_key = g_bytes_ref (options->client_key);
    }
  if (options->ca != NULL && !options->insecure)
    {
      self->ca = join_certificates (options->ca, error);
      if (self->ca == NULL)
        return NULL;
    }
  return g_steal_pointer (&self);
}

void
sc_http_free (ScHttp *self)
{
  if (self == NULL)
    return;
  while (self->streams->len > 0)
    sc_http_stream_detach (g_ptr_array_index (self->streams, 0));
  g_ptr_array_unref (self->idle);
  g_clear_pointer (&self->multi, curl_multi_cleanup);
  g_ptr_array_unref (self->streams);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->changed);
  g_free (self->user_agent);
  g_free (self->http_proxy);
  g_free (self->https_proxy);
  g_free (self->no_proxy);
  g_free (self->unix_socket);
  g_clear_pointer (&self->ca, g_bytes_unref);
  g_clear_pointer (&self->client_cert, g_bytes_unref);
  g_clear_pointer (&self->client_key, g_bytes_unref);
  g_free (self);
}

/* (transfer full) (nullable) */
static char *
url_part (CURLU *url, CURLUPart what, unsigned int flags)
{
  char *part = NULL;
  char *copy = NULL;

  if (curl_url_get (url, what, &part, flags) != CURLUE_OK)
    return NULL;
  copy = g_strdup (part);
  curl_free (part);
  return copy;
}

/* "https://host:443", for comparison. */
static char *
url_origin (CURLU *url)
{
  g_autofree char *scheme = url_part (url, CURLUPART_SCHEME, 0);
  g_autofree char *host = url_part (url, CURLUPART_HOST, 0);
  g_autofree char *port = url_part (url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
  g_autofree char *origin = g_strdup_printf ("%s://%s:%s", scheme, host, port);

  return g_ascii_strdown (origin, -1);
}

/* "host" or "host:port" as it is written, for messages. */
static char *
url_host (CURLU *url)
{
  g_autofree char *host = url_part (url, CURLUPART_HOST, 0);
  g_autofree char *port = url_part (url, CURLUPART_PORT, 0);

  return port != NULL ? g_strdup_printf ("%s:%s", host, port) : g_steal_pointer (&host);
}

static gboolean
url_is_https (CURLU *url)
{
  g_autofree char *scheme = url_part (url, CURLUPART_SCHEME, 0);

  return g_strcmp0 (scheme, "https") == 0;
}

/* Sets @url to @text, which may be relative to what it is. */
static gboolean
url_set (CURLU *url, const char *text, GError **error)
{
  CURLUcode code = curl_url_set (url, CURLUPART_URL, text, 0);
  g_autofree char *scheme = NULL;
  g_autofree char *host = NULL;

  if (code != CURLUE_OK)
    return sc_fail (error, SC_ERROR_INVALID, "bad URL: %s", curl_url_strerror (code));
  scheme = url_part (url, CURLUPART_SCHEME, 0);
  host = url_part (url, CURLUPART_HOST, 0);
  if (g_strcmp0 (scheme, "http") != 0 && g_strcmp0 (scheme, "https") != 0)
    return sc_fail (error, SC_ERROR_INVALID, "bad URL: only http and https are followed");
  if (host == NULL || host[0] == '\0')
    return sc_fail (error, SC_ERROR_INVALID, "bad URL: no host");
  curl_url_set (url, CURLUPART_USER, NULL, 0);
  curl_url_set (url, CURLUPART_PASSWORD, NULL, 0);
  curl_url_set (url, CURLUPART_FRAGMENT, NULL, 0);
  return TRUE;
}

/* A line break in a value would be a header of somebody else's. */
static gboolean
header_is_safe (const char *text)
{
  for (const char *p = text; *p != '\0'; p++)
    if (g_ascii_iscntrl (*p))
      return FALSE;
  return TRUE;
}

static void
set_tls (ScHttp *self, CURL *easy, gboolean first_origin)
{
  curl_easy_setopt (easy, CURLOPT_SSL_VERIFYPEER, self->insecure ? 0L : 1L);
  curl_easy_setopt (easy, CURLOPT_SSL_VERIFYHOST, self->insecure ? 0L : 2L);
  if (self->ca != NULL)
    {
      struct curl_blob blob = { .flags = CURL_BLOB_NOCOPY };

      blob.data = (void *)g_bytes_get_data (self->ca, &blob.len);
      curl_easy_setopt (easy, CURLOPT_CAINFO_BLOB, &blob);
    }
  if (self->client_cert != NULL && first_origin)
    {
      struct curl_blob cert = { .flags = CURL_BLOB_NOCOPY };
      struct curl_blob key = { .flags = CURL_BLOB_NOCOPY };

      cert.data = (void *)g_bytes_get_data (self->client_cert, &cert.len);
      key.data = (void *)g_bytes_get_data (self->client_key, &key.len);
      curl_easy_setopt (easy, CURLOPT_SSLCERT_BLOB, &cert);
      curl_easy_setopt (easy, CURLOPT_SSLKEY_BLOB, &key);
      /* An encrypted key is an error, not a question on the terminal. */
      curl_easy_setopt (easy, CURLOPT_KEYPASSWD, "");
    }
}

/* TRUE if the request goes through a proxy. */
static gboolean
set_proxy (ScHttp *self, CURL *easy, CURLU *url)
{
  g_autofree char *host = url_part (url, CURLUPART_HOST, 0);
  g_autofree char *port = url_part (url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
  const char *proxy = url_is_https (url) ? self->https_proxy : self->http_proxy;

  if (proxy == NULL || self->unix_socket != NULL || sc_no_proxy_matches (self->no_proxy, host, port))
    proxy = "";
  /* Set even when empty: else curl looks into the environment. */
  curl_easy_setopt (easy, CURLOPT_PROXY, proxy);
  curl_easy_setopt (easy, CURLOPT_NOPROXY, "");
  curl_easy_setopt (easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  return proxy[0] != '\0';
}

static gboolean
at_first_origin (const Request *request)
{
  g_autofree char *origin = url_origin (request->url);

  return strcmp (origin, request->origin) == 0;
}

static ScHttpStream *
prepare_hop (ScHttp *self, const Request *request)
{
  CURL *easy = sc_http_take_easy (self);
  g_autofree char *url = url_part (request->url, CURLUPART_URL, 0);
  g_autofree char *host = self->unix_socket != NULL ? g_strdup (self->unix_socket) : url_host (request->url);
  gboolean first_origin = at_first_origin (request);
  gboolean through_proxy = FALSE;
  struct curl_slist *headers = NULL;

  curl_easy_setopt (easy, CURLOPT_URL, url);
  curl_easy_setopt (easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt (easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt (easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
  /* A connection that others use serves rather than one of its own. */
  curl_easy_setopt (easy, CURLOPT_PIPEWAIT, 1L);
  curl_easy_setopt (easy, CURLOPT_NOSIGNAL, 1L);
  /* A cancelled name lookup is left to end by itself. */
  curl_easy_setopt (easy, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt (easy, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER);
  curl_easy_setopt (easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt (easy, CURLOPT_CONNECTTIMEOUT, (long)self->connect_timeout);
  if (self->user_agent != NULL)
    curl_easy_setopt (easy, CURLOPT_USERAGENT, self->user_agent);
  set_tls (self, easy, first_origin);
  through_proxy = set_proxy (self, easy, request->url);
  if (self->unix_socket != NULL)
    curl_easy_setopt (easy, CURLOPT_UNIX_SOCKET_PATH, self->unix_socket);

  for (gsize i = 0; request->headers != NULL && request->headers[i] != NULL; i++)
    headers = curl_slist_append (headers, request->headers[i]);
  if (request->form != NULL)
    {
      curl_easy_setopt (easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen (request->form));
      curl_easy_setopt (easy, CURLOPT_COPYPOSTFIELDS, request->form);
    }
  if (request->authorization != NULL && first_origin)
    {
      g_autofree char *line = g_strconcat ("Authorization: ", request->authorization, NULL);

      headers = curl_slist_append (headers, line);
    }
  return sc_http_stream_new (self, easy, headers, host, through_proxy);
}

/* (transfer full) (nullable): the value of a header, several of one name joined by ", ". */
static char *
response_header (CURL *easy, const char *name)
{
  g_autoptr (GString) all = g_string_new (NULL);
  struct curl_header *header = NULL;
  gsize count = 0;

  while (curl_easy_header (easy, name, count, CURLH_HEADER, -1, &header) == CURLHE_OK)
    g_string_append_printf (all, "%s%s", count++ > 0 ? ", " : "", header->value);
  return count > 0 ? g_string_free (g_steal_pointer (&all), FALSE) : NULL;
}

/* TLS included. */
static gboolean
was_reached (CURL *easy)
{
  curl_off_t ready = 0;

  return curl_easy_getinfo (easy, CURLINFO_PRETRANSFER_TIME_T, &ready) == CURLE_OK && ready > 0;
}

static void
read_response (CURL *easy, ScHttpResponse *response, char **out_location)
{
  curl_off_t length = -1;

  sc_http_response_clear (response);
  response->reached = TRUE;
  curl_easy_getinfo (easy, CURLINFO_RESPONSE_CODE, &response->status);
  curl_easy_getinfo (easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  response->content_length = length;
  response->content_type = response_header (easy, "Content-Type");
  response->www_authenticate = response_header (easy, "WWW-Authenticate");
  response->docker_digest = response_header (easy, "Docker-Content-Digest");
  response->link = response_header (easy, "Link");
  response->signatures = response_header (easy, "X-Registry-Supports-Signatures");
  response->retry_after = response_header (easy, "Retry-After");
  response->content_range = response_header (easy, "Content-Range");
  *out_location = response_header (easy, "Location");
  if (response->content_type != NULL)
    {
      g_autofree char *bare = g_strndup (response->content_type, strcspn (response->content_type, ";,"));

      g_free (response->content_type);
      response->content_type = g_ascii_strdown (g_strstrip (bare), -1);
    }
}

static gboolean
is_redirect (long status)
{
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Takes @request to where the response sends it. */
static gboolean
follow (Request *request, const char *location, GError **error)
{
  g_autofree char *from = url_host (request->url);
  gboolean was_https = url_is_https (request->url);

  if (!url_set (request->url, location, error))
    return sc_prefix (error, "redirect of %s", from);
  if (was_https && !url_is_https (request->url))
    {
      g_autofree char *to = url_host (request->url);

      return sc_fail (error, SC_ERROR_INVALID, "%s redirects from https to http on %s", from, to);
    }
  return TRUE;
}

static gboolean
request_init (Request *request, const char *url, GError **error)
{
  for (gsize i = 0; request->headers != NULL && request->headers[i] != NULL; i++)
    if (!header_is_safe (request->headers[i]))
      return sc_fail (error, SC_ERROR_INVALID, "control character in a request header");
  if (request->authorization != NULL && !header_is_safe (request->authorization))
    return sc_fail (error, SC_ERROR_INVALID, "control character in the credentials");
  request->url = curl_url ();
  if (!url_set (request->url, url, error))
    return FALSE;
  request->origin = url_origin (request->url);
  return TRUE;
}

static GInputStream *
open_request (ScHttp *self, Request *request, const char *url, ScHttpResponse *response, GCancellable *cancellable,
              GError **error)
{
  if (!request_init (request, url, error))
    return NULL;
  for (guint hops = 0;; hops++)
    {
      g_autoptr (ScHttpStream) stream = prepare_hop (self, request);
      g_autofree char *location = NULL;

      if (!sc_http_stream_start (stream, cancellable, error))
        {
          sc_http_enter (self);
          sc_http_response_clear (response);
          response->reached = was_reached (sc_http_stream_easy (stream));
          sc_http_leave (self);
          return NULL;
        }
      sc_http_enter (self);
      read_response (sc_http_stream_easy (stream), response, &location);
      sc_http_leave (self);
      if (!at_first_origin (request))
        response->elsewhere = url_host (request->url);
      if (location == NULL || !is_redirect (response->status) || request->form != NULL)
        return G_INPUT_STREAM (g_steal_pointer (&stream));
      if (hops == MAX_REDIRECTS)
        return sc_fail_null (error, SC_ERROR_INVALID, "%s: more than %d redirects", url, MAX_REDIRECTS);
      sc_http_stream_skip (stream, SKIP_MAX, cancellable);
      if (!follow (request, location, error))
        return NULL;
    }
}

GInputStream *
sc_http_open (ScHttp *self, const char *url, const char *const *headers, const char *authorization,
              ScHttpResponse *response, GCancellable *cancellable, GError **error)
{
  g_auto (Request) request = { .headers = headers, .authorization = authorization };

  return open_request (self, &request, url, response, cancellable, error);
}

GBytes *
sc_http_post_form (ScHttp *self, const char *url, const char *const *headers, const char *form, gsize max,
                   ScHttpResponse *response, GCancellable *cancellable, GError **error)
{
  g_auto (Request) request = { .headers = headers, .form = form };
  g_autoptr (GInputStream) stream = open_request (self, &request, url, response, cancellable, error);

  return stream != NULL ? sc_http_read_body (stream, max, cancellable, error) : NULL;
}

gint64
sc_http_parse_date (const char *text)
{
  /* curl would take a bare number for one. */
  return g_ascii_isalpha (text[0]) ? (gint64)curl_getdate (text, NULL) : -1;
}

GBytes *
sc_http_read_body (GInputStream *stream, gsize max, GCancellable *cancellable, GError **error)
{
  g_autoptr (GByteArray) body = g_byte_array_new ();
  g_autofree guint8 *chunk = g_malloc (READ_CHUNK);

  for (;;)
    {
      gssize n = g_input_stream_read (stream, chunk, READ_CHUNK, cancellable, error);

      if (n < 0)
        return NULL;
      if (n == 0)
        return g_byte_array_free_to_bytes (g_steal_pointer (&body));
      if ((gsize)n > max - body->len)
        return sc_fail_null (error, SC_ERROR_LIMIT, "the answer is larger than %" G_GSIZE_FORMAT " bytes", max);
      g_byte_array_append (body, chunk, (guint)n);
    }
}

GBytes *
sc_http_get (ScHttp *self, const char *url, const char *const *headers, const char *authorization, gsize max,
             ScHttpResponse *response, GCancellable *cancellable, GError **error)
{
  g_autoptr (GInputStream) stream = sc_http_open (self, url, headers, authorization, response, cancellable, error);

  if (stream == NULL)
    return NULL;
  return sc_http_read_body (stream, max, cancellable, error);
}
