/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "error.h"

/*
 * HTTP(S) GET over libcurl, the only module that sees it.  Redirects are followed here, at most ten, to http or https
 * only (never from https to http); the Authorization header and the client certificate go to the origin (scheme, host,
 * port) of the first request alone.
 */

typedef struct _ScHttp ScHttp;

typedef struct
{
  const char *user_agent;
  GBytes *ca;              /* (nullable): extra CA certificates (PEM), added to the system's */
  gboolean insecure;       /* do not verify certificates */
  GBytes *client_cert;     /* (nullable): PEM, with the chain after it */
  GBytes *client_key;      /* (nullable): PEM; set if @client_cert is */
  const char *http_proxy;  /* (nullable) */
  const char *https_proxy; /* (nullable) */
  const char *no_proxy;    /* (nullable); loopback hosts never go through a proxy */
  const char *unix_socket; /* (nullable): connect to this path instead of the URL's host */
  guint connect_timeout;   /* seconds, 0: 30 */
  guint stall_timeout;     /* seconds without a byte while one is waited for, 0: 60 */
} ScHttpOptions;

typedef struct
{
  long status;
  char *content_type;     /* (nullable), without parameters, lower-cased */
  char *www_authenticate; /* (nullable): several headers are joined by ", " */
  char *docker_digest;    /* (nullable): Docker-Content-Digest */
  char *retry_after;      /* (nullable): Retry-After */
  char *content_range;    /* (nullable): Content-Range */
  char *link;             /* (nullable): Link */
  char *signatures;       /* (nullable): X-Registry-Supports-Signatures */
  char *elsewhere;        /* (nullable): host of another origin that a redirect led to; it has seen no credentials */
  gint64 content_length;  /* -1 if not announced */
  gboolean reached;       /* also on failure: the last host was connected to */
} ScHttpResponse;

void sc_http_response_clear (ScHttpResponse *response);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ScHttpResponse, sc_http_response_clear)

ScHttp *sc_http_new (const ScHttpOptions *options, GError **error) SC_CHECK;
void sc_http_free (ScHttp *http);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScHttp, sc_http_free)

/**
 * sc_http_open:
 * @headers: (nullable): NULL-terminated "Name: value" lines, sent to every hop
 * @authorization: (nullable): value of the Authorization header, sent to the first origin only
 *
 * Sends the request and returns once the status and headers of the final response are there. The body is read from the
 * returned stream, which pulls from the network only as it is read (a bounded buffer, no thread).  A body shorter than
 * announced ends in an error, not in an end of file.  Any status is a success here; @response tells.
 * Several threads may open and read streams of one ScHttp at once, each stream by one at a time; connections are kept
 * and used again, and with HTTP/2 shared.  Once the ScHttp is freed, the stream gives G_IO_ERROR_CLOSED.
 *
 * Errors: SC_ERROR_UNAVAILABLE (name resolution, connection, TLS, stall, lost connection: says which and of what host),
 * SC_ERROR_DENIED (a certificate that does not verify), SC_ERROR_INVALID (redirects, protocol), SC_ERROR_LIMIT
 * (headers), G_IO_ERROR_CANCELLED within a tenth of a second of a cancel.
 */
GInputStream *sc_http_open (ScHttp *http, const char *url, const char *const *headers, const char *authorization,
                            ScHttpResponse *response, GCancellable *cancellable, GError **error) SC_CHECK;

/* POST of a form ("application/x-www-form-urlencoded", which may hold secrets) to exactly @url: a redirect is not
 * followed, its status is what @response tells.  The answer is read whole, at most @max bytes of it. */
GBytes *sc_http_post_form (ScHttp *http, const char *url, const char *const *headers, const char *form, gsize max,
                           ScHttpResponse *response, GCancellable *cancellable, GError **error) SC_CHECK;

/* Seconds since the epoch of an HTTP date in any of its three forms (RFC 9110, section 5.6.7), -1 if it is none. */
gint64 sc_http_parse_date (const char *text);

/* Reads what is left of @stream; more than @max bytes is SC_ERROR_LIMIT. */
GBytes *sc_http_read_body (GInputStream *stream, gsize max, GCancellable *cancellable, GError **error) SC_CHECK;

/* Open and read: more than @max bytes is SC_ERROR_LIMIT. */
GBytes *sc_http_get (ScHttp *http, const char *url, const char *const *headers, const char *authorization, gsize max,
                     ScHttpResponse *response, GCancellable *cancellable, GError **error) SC_CHECK;
