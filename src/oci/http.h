/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "error.h"

/*
 * HTTP(S) GET over libcurl, the only file that sees it.  Redirects are followed here, at most ten, to http or https
 * only (never from https to http); the Authorization header goes to the origin (scheme, host, port) of the first
 * request alone.
 */

typedef struct _ScHttp ScHttp;

typedef struct
{
  const char *user_agent;
  const char *ca_path;     /* (nullable): file of extra CA certificates (PEM), added to the system's */
  gboolean insecure;       /* do not verify certificates */
  const char *client_cert; /* (nullable): PEM file */
  const char *client_key;  /* (nullable): PEM file */
  const char *http_proxy;  /* (nullable) */
  const char *https_proxy; /* (nullable) */
  const char *no_proxy;    /* (nullable) */
  guint connect_timeout;   /* seconds, 0: 30 */
  guint stall_timeout;     /* seconds without a byte, 0: 60 */
} ScHttpOptions;

typedef struct
{
  long status;
  char *content_type;     /* (nullable), without parameters */
  char *www_authenticate; /* (nullable) */
  char *docker_digest;    /* (nullable): Docker-Content-Digest */
  gint64 content_length;  /* -1 if not announced */
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
 * One stream of an ScHttp is open at a time; connections are kept and used again.
 *
 * Errors: SC_ERROR_UNAVAILABLE (name resolution, connection, TLS: says which and of what host), SC_ERROR_INVALID
 * (redirect loop, protocol), G_IO_ERROR_CANCELLED within a tenth of a second of a cancel.
 */
GInputStream *sc_http_open (ScHttp *http, const char *url, const char *const *headers, const char *authorization,
                            ScHttpResponse *response, GCancellable *cancellable, GError **error) SC_CHECK;

/* The same, reading the body whole; more than @max bytes is SC_ERROR_LIMIT. */
GBytes *sc_http_get (ScHttp *http, const char *url, const char *const *headers, const char *authorization, gsize max,
                     ScHttpResponse *response, GCancellable *cancellable, GError **error) SC_CHECK;
