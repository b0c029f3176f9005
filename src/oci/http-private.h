/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <curl/curl.h>

#include "http.h"

/*
 * What http.c (options, redirects), http-stream.c (one transfer) and http-error.c (curl's codes in our words) share.
 */

typedef struct _ScHttpStream ScHttpStream;

/*
 * Whoever waits for bytes runs the transfers of all: there is no thread for them.  One thread at a time is inside curl
 * (@busy, between sc_http_enter() and sc_http_leave()), with the multi handle and every easy handle; @lock guards what
 * the others look at meanwhile, and is never held inside curl.
 */
struct _ScHttp
{
  CURLM *multi;
  GPtrArray *streams; /* ScHttpStream, not owned: those that are open */
  GPtrArray *idle;    /* CURL: kept for their TLS sessions */

  GMutex lock;
  GCond changed;
  gboolean busy;
  guint waiting;                    /* threads in sc_http_enter() */
  ScHttpStream *runner;             /* (nullable): for whom the transfers run now */
  GCancellable *runner_cancellable; /* (nullable): of that */

  char *user_agent;
  char *http_proxy;
  char *https_proxy;
  char *no_proxy;
  char *unix_socket; /* (nullable) */
  GBytes *ca;        /* (nullable): system's bundle and the extra certificates */
  GBytes *client_cert;
  GBytes *client_key;
  gboolean insecure;
  guint connect_timeout;
  guint stall_timeout;
};

#define SC_TYPE_HTTP_STREAM (sc_http_stream_get_type ())
G_DECLARE_FINAL_TYPE (ScHttpStream, sc_http_stream, SC, HTTP_STREAM, GInputStream)

void sc_http_enter (ScHttp *http);
void sc_http_leave (ScHttp *http);

/* A handle for a new transfer; one of the idle ones if there is one. */
CURL *sc_http_take_easy (ScHttp *http);

/* Takes over @easy, which is set up but for its callbacks; @headers (transfer full) (nullable) lives as long as
 * the transfer, @host names the other side in messages, @through_proxy says whether @easy has a proxy. */
ScHttpStream *sc_http_stream_new (ScHttp *http, CURL *easy, struct curl_slist *headers, const char *host,
                                  gboolean through_proxy);

/* Owned by @stream; used between sc_http_enter() and sc_http_leave(). */
CURL *sc_http_stream_easy (ScHttpStream *stream);

/* Sends the request and runs until the headers are there. */
gboolean sc_http_stream_start (ScHttpStream *stream, GCancellable *cancellable, GError **error) SC_CHECK;

/* Reads a short body away, so that its connection can be used again; a body longer than @max is left. */
void sc_http_stream_skip (ScHttpStream *stream, gint64 max, GCancellable *cancellable);

/* Gives its handle back; a transfer that is not complete is aborted. */
void sc_http_stream_detach (ScHttpStream *stream);

typedef struct
{
  CURLcode code;
  const char *host;       /* as in the URL */
  const char *detail;     /* curl's own words, may be "" */
  int os_error;           /* errno of the last connect, or 0 */
  guint connect_timeout;  /* seconds */
  gboolean through_proxy; /* a proxy was to be used for this request */
  gint64 missing;         /* bytes of the body that did not come, or -1 */
} ScHttpFailure;

/* Always FALSE. */
gboolean sc_http_fail (const ScHttpFailure *failure, GError **error);
