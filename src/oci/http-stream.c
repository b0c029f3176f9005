/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One transfer, as a GInputStream that pulls: libcurl runs only inside start() and read(), in the thread of the caller.
 * What arrives goes straight to the reader's buffer, what is over to a buffer of fixed size, and when that is full curl
 * is paused, so that memory does not grow with the body and the kernel's flow control slows the sender.
 *
 * Nothing is decoded or judged here but the framing of HTTP, which curl checks: a body that ends before its announced
 * length is an error of read(), never an end of file.
 */

#include "http-private.h"

#include <string.h>

/* curl delivers at most CURL_MAX_WRITE_SIZE at once, so that an empty buffer always has room. */
#define BUFFER_SIZE     (1024 * 1024)
#define HEADER_MAX_SIZE (128 * 1024)
#define POLL_MAX_MS     1000

struct _ScHttpStream
{
  GInputStream parent;

  ScHttp *http; /* (nullable): NULL once detached */
  struct curl_slist *headers;
  char *host;
  char curl_error[CURL_ERROR_SIZE];

  /* Bytes that no read() asked for yet: buffer[start, end). */
  guint8 *buffer;
  gsize start;
  gsize end;
  /* The buffer of the read() that is under way. */
  guint8 *dest;
  gsize dest_size;
  gsize dest_used;

  gsize header_bytes;
  gint64 received;      /* bytes of the body */
  gint64 last_activity; /* monotonic time of the last byte */
  gboolean headers_done;
  gboolean headers_too_long;
  gboolean paused;
  gboolean done; /* curl is through with it: @result says how */
  CURLcode result;
};

G_DEFINE_FINAL_TYPE (ScHttpStream, sc_http_stream, G_TYPE_INPUT_STREAM)

static size_t
on_header (char *data, size_t size, size_t count, void *user_data)
{
  ScHttpStream *self = user_data;
  gsize n = size * count;
  long status = 0;

  self->last_activity = g_get_monotonic_time ();
  self->header_bytes += n;
  if (self->header_bytes > HEADER_MAX_SIZE)
    {
      self->headers_too_long = TRUE;
      return 0;
    }
  /* The empty line ends the headers, unless they are those of an interim response. */
  if ((n == 2 && memcmp (data, "\r\n", 2) == 0) || (n == 1 && data[0] == '\n'))
    {
      curl_easy_getinfo (self->http->easy, CURLINFO_RESPONSE_CODE, &status);
      if (status >= 200)
        self->headers_done = TRUE;
    }
  return n;
}

static size_t
on_body (char *data, size_t size, size_t count, void *user_data)
{
  ScHttpStream *self = user_data;
  gsize n = size * count;
  gsize direct = MIN (n, self->dest_size - self->dest_used);
  gsize rest = n - direct;

  if (self->end == self->start)
    self->start = self->end = 0;
  if (rest > BUFFER_SIZE - self->end)
    {
      self->paused = TRUE;
      return CURL_WRITEFUNC_PAUSE;
    }
  if (direct > 0)
    {
      memcpy (self->dest + self->dest_used, data, direct);
      self->dest_used += direct;
    }
  if (rest > 0)
    {
      if (self->buffer == NULL)
        self->buffer = g_malloc (BUFFER_SIZE);
      memcpy (self->buffer + self->end, data + direct, rest);
      self->end += rest;
    }
  self->received += (gint64)n;
  self->last_activity = g_get_monotonic_time ();
  return n;
}

ScHttpStream *
sc_http_stream_new (ScHttp *http, struct curl_slist *headers, const char *host)
{
  ScHttpStream *self = g_object_new (SC_TYPE_HTTP_STREAM, NULL);

  g_assert (http->stream == NULL);
  self->http = http;
  self->headers = headers;
  self->host = g_strdup (host);
  self->last_activity = g_get_monotonic_time ();
  http->stream = self;

  curl_easy_setopt (http->easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt (http->easy, CURLOPT_ERRORBUFFER, self->curl_error);
  curl_easy_setopt (http->easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt (http->easy, CURLOPT_HEADERDATA, self);
  curl_easy_setopt (http->easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt (http->easy, CURLOPT_WRITEDATA, self);
  return self;
}

static gboolean
fail_result (ScHttpStream *self, GError **error)
{
  CURL *easy = self->http->easy;
  ScHttpFailure failure = { .code = self->result, .host = self->host, .detail = self->curl_error, .missing = -1 };
  const char *url = NULL;
  const char *proxy = self->http->http_proxy;
  curl_off_t length = -1;
  long os_error = 0;

  if (self->headers_too_long)
    return sc_fail (error, SC_ERROR_LIMIT, "%s: response headers are larger than %d KiB", self->host,
                    HEADER_MAX_SIZE / 1024);
  curl_easy_getinfo (easy, CURLINFO_OS_ERRNO, &os_error);
  curl_easy_getinfo (easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  if (curl_easy_getinfo (easy, CURLINFO_EFFECTIVE_URL, &url) == CURLE_OK && url != NULL
      && g_str_has_prefix (url, "https:"))
    proxy = self->http->https_proxy;
  failure.os_error = (int)os_error;
  failure.connect_timeout = self->http->connect_timeout;
  failure.through_proxy = proxy != NULL && proxy[0] != '\0';
  if (length > self->received)
    failure.missing = length - self->received;
  return sc_http_fail (&failure, error);
}

/* Lets curl do what it can do without waiting, and notes the end of the transfer. */
static gboolean
perform (ScHttpStream *self, GError **error)
{
  CURLMsg *message = NULL;
  int running = 0;
  int queued = 0;
  CURLMcode code = curl_multi_perform (self->http->multi, &running);

  if (code != CURLM_OK)
    return sc_fail (error, SC_ERROR_UNAVAILABLE, "%s: %s", self->host, curl_multi_strerror (code));
  while ((message = curl_multi_info_read (self->http->multi, &queued)) != NULL)
    if (message->msg == CURLMSG_DONE && message->easy_handle == self->http->easy)
      {
        self->done = TRUE;
        self->result = message->data.result;
      }
  return TRUE;
}

/* Runs the transfer until @enough or its end.  The time that nobody waits is no stall. */
static gboolean
run (ScHttpStream *self, gboolean (*enough) (ScHttpStream *self), GCancellable *cancellable, GError **error)
{
  GPollFD cancel_fd = { .fd = -1 };
  struct curl_waitfd extra = { .fd = -1, .events = CURL_WAIT_POLLIN };
  gboolean watched = g_cancellable_make_pollfd (cancellable, &cancel_fd);
  gint64 begin = g_get_monotonic_time ();
  gint64 limit = (gint64)self->http->stall_timeout * G_TIME_SPAN_SECOND;
  gboolean ok = FALSE;

  extra.fd = cancel_fd.fd;
  while (!g_cancellable_set_error_if_cancelled (cancellable, error))
    {
      if (!self->done && !enough (self) && !perform (self, error))
        break;
      ok = self->done || enough (self);
      if (ok)
        break;

      gint64 left = MAX (begin, self->last_activity) + limit - g_get_monotonic_time ();
      if (left <= 0)
        {
          sc_fail (error, SC_ERROR_UNAVAILABLE, "%s: no data for %u seconds", self->host, self->http->stall_timeout);
          break;
        }
      int wait = (int)CLAMP (left / 1000 + 1, 1, POLL_MAX_MS);
      curl_multi_poll (self->http->multi, &extra, watched ? 1 : 0, wait, NULL);
    }
  if (watched)
    g_cancellable_release_fd (cancellable);
  return ok;
}

static gboolean
has_headers (ScHttpStream *self)
{
  return self->headers_done;
}

static gboolean
has_bytes (ScHttpStream *self)
{
  return self->dest_used > 0;
}

gboolean
sc_http_stream_start (ScHttpStream *self, GCancellable *cancellable, GError **error)
{
  CURLMcode code = curl_multi_add_handle (self->http->multi, self->http->easy);

  if (code != CURLM_OK)
    return sc_fail (error, SC_ERROR_UNAVAILABLE, "%s: %s", self->host, curl_multi_strerror (code));
  if (!run (self, has_headers, cancellable, error))
    return FALSE;
  if (self->done && self->result != CURLE_OK && !self->headers_done)
    return fail_result (self, error);
  if (!self->headers_done)
    return sc_fail (error, SC_ERROR_INVALID, "%s does not answer with a final status", self->host);
  return TRUE;
}

/* Reads from the network into @buffer: 0 at the end of the body. */
static gssize
pull (ScHttpStream *self, void *buffer, gsize count, GCancellable *cancellable, GError **error)
{
  gboolean ok = TRUE;

  self->dest = buffer;
  self->dest_size = count;
  self->dest_used = 0;
  if (self->paused)
    {
      self->paused = FALSE;
      /* Delivers what curl held back, and may pause again. */
      curl_easy_pause (self->http->easy, CURLPAUSE_CONT);
    }
  ok = run (self, has_bytes, cancellable, error);
  gsize got = self->dest_used;
  self->dest = NULL;
  self->dest_size = self->dest_used = 0;

  if (!ok)
    return -1;
  if (got == 0 && self->result != CURLE_OK)
    return fail_result (self, error) ? 0 : -1;
  return (gssize)got;
}

static gssize
stream_read (GInputStream *stream, void *buffer, gsize count, GCancellable *cancellable, GError **error)
{
  ScHttpStream *self = SC_HTTP_STREAM (stream);
  gsize n = MIN (count, self->end - self->start);

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return -1;
  if (self->http == NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "%s: the connection is closed", self->host);
      return -1;
    }
  if (n == 0)
    return pull (self, buffer, count, cancellable, error);
  memcpy (buffer, self->buffer + self->start, n);
  self->start += n;
  return (gssize)n;
}

void
sc_http_stream_skip (ScHttpStream *self, gint64 max, GCancellable *cancellable)
{
  curl_off_t length = -1;
  char sink[4096];

  curl_easy_getinfo (self->http->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  if (length < 0 || length > max)
    return;
  while (g_input_stream_read (G_INPUT_STREAM (self), sink, sizeof sink, cancellable, NULL) > 0)
    ;
}

void
sc_http_stream_detach (ScHttpStream *self)
{
  ScHttp *http = g_steal_pointer (&self->http);

  if (http == NULL)
    return;
  curl_multi_remove_handle (http->multi, http->easy);
  /* The handle is kept, with its TLS sessions; nothing in it may point here any more. */
  curl_easy_reset (http->easy);
  http->stream = NULL;
  curl_slist_free_all (g_steal_pointer (&self->headers));
  g_clear_pointer (&self->buffer, g_free);
  self->start = self->end = 0;
}

static gboolean
stream_close (GInputStream *stream, GCancellable *cancellable, GError **error)
{
  sc_http_stream_detach (SC_HTTP_STREAM (stream));
  return TRUE;
}

static void
stream_finalize (GObject *object)
{
  ScHttpStream *self = SC_HTTP_STREAM (object);

  sc_http_stream_detach (self);
  g_free (self->host);
  G_OBJECT_CLASS (sc_http_stream_parent_class)->finalize (object);
}

static void
sc_http_stream_class_init (ScHttpStreamClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = stream_finalize;
  G_INPUT_STREAM_CLASS (klass)->read_fn = stream_read;
  G_INPUT_STREAM_CLASS (klass)->close_fn = stream_close;
}

static void
sc_http_stream_init (ScHttpStream *self)
{
}
