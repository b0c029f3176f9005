/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One transfer, as a GInputStream that pulls: libcurl runs only inside start() and read(), in the thread of a caller:
 * of this stream's, or while that waits too, of another stream's of the same ScHttp.  What arrives goes straight to the
 * reader's buffer, what is over to a buffer of its own.  When that is full curl is paused, so that memory does not grow
 * with the body and the kernel's flow control slows the sender.  On a connection that streams share (HTTP/2) curl would
 * go on to read, and keep, what comes for a paused one: there whoever runs the transfers waits for the reader instead.
 *
 * Nothing is decoded or judged here but the framing of HTTP, which curl checks: a body that ends before its announced
 * length is an error of read(), never an end of file.
 */

#include "http-private.h"

#include <string.h>

/* curl delivers at most CURL_MAX_WRITE_SIZE at once, so that an empty buffer always has room. */
#define BUFFER_SIZE     ((gsize)1024 * 1024)
#define READER_WAIT     (2 * G_TIME_SPAN_SECOND) /* for a reader who may never come */
#define HEADER_MAX_SIZE (128 * 1024)
#define POLL_MAX_MS     1000
#define FOLLOW_TICK     (G_TIME_SPAN_SECOND / 20) /* how soon a thread that follows sees that it is cancelled */

struct _ScHttpStream
{
  GInputStream parent;

  ScHttp *http; /* (nullable): NULL once detached */
  CURL *easy;
  struct curl_slist *headers;
  char *host;
  gboolean through_proxy;
  char curl_error[CURL_ERROR_SIZE];

  /* What follows is guarded by http->lock. */

  /* Bytes that no read() asked for yet: buffer[start, end). */
  guint8 *buffer;
  gsize buffer_size;
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
  gboolean shared;  /* the connection may be that of others too */
  gboolean closing; /* nobody reads any more */
  gboolean paused;
  gboolean done; /* curl is through with it: @result says how */
  CURLcode result;
};

G_DEFINE_FINAL_TYPE (ScHttpStream, sc_http_stream, G_TYPE_INPUT_STREAM)

void
sc_http_enter (ScHttp *http)
{
  g_mutex_lock (&http->lock);
  http->waiting++;
  g_cond_broadcast (&http->changed);
  while (http->busy)
    {
      curl_multi_wakeup (http->multi);
      g_cond_wait (&http->changed, &http->lock);
    }
  http->waiting--;
  http->busy = TRUE;
  g_mutex_unlock (&http->lock);
}

void
sc_http_leave (ScHttp *http)
{
  g_mutex_lock (&http->lock);
  http->busy = FALSE;
  http->runner = NULL;
  http->runner_cancellable = NULL;
  g_cond_broadcast (&http->changed);
  g_mutex_unlock (&http->lock);
}

CURL *
sc_http_take_easy (ScHttp *http)
{
  CURL *easy = NULL;

  g_mutex_lock (&http->lock);
  if (http->idle->len > 0)
    easy = g_ptr_array_steal_index (http->idle, http->idle->len - 1);
  g_mutex_unlock (&http->lock);
  if (easy == NULL)
    easy = curl_easy_init ();
  g_assert (easy != NULL);
  return easy;
}

CURL *
sc_http_stream_easy (ScHttpStream *self)
{
  return self->easy;
}

static size_t
on_header (char *data, size_t size, size_t count, void *user_data)
{
  ScHttpStream *self = user_data;
  gsize n = size * count;
  gboolean last = (n == 2 && memcmp (data, "\r\n", 2) == 0) || (n == 1 && data[0] == '\n');
  gboolean too_long;
  long status = 0;
  long version = 0;

  curl_easy_getinfo (self->easy, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo (self->easy, CURLINFO_HTTP_VERSION, &version);
  g_mutex_lock (&self->http->lock);
  self->last_activity = g_get_monotonic_time ();
  self->header_bytes += n;
  too_long = self->headers_too_long = self->header_bytes > HEADER_MAX_SIZE;
  /* The empty line ends the headers, unless they are those of an interim response. */
  if (last && status >= 200)
    {
      self->headers_done = TRUE;
      self->shared = version >= CURL_HTTP_VERSION_2_0;
      g_cond_broadcast (&self->http->changed);
    }
  g_mutex_unlock (&self->http->lock);
  return too_long ? 0 : n;
}

static gsize
room (const ScHttpStream *self)
{
  gsize used = self->end - self->start;

  return self->dest_size - self->dest_used + (used < BUFFER_SIZE ? BUFFER_SIZE - used : 0);
}

/* Waits until the reader, who is another thread, has made room for @n bytes; not if somebody wants curl, who may be
 * that reader. */
static void
wait_for_room (ScHttpStream *self, gsize n)
{
  ScHttp *http = self->http;
  gint64 end = g_get_monotonic_time () + READER_WAIT;

  while (room (self) < n && !self->closing && http->waiting == 0 && g_get_monotonic_time () < end
         && !g_cancellable_is_cancelled (http->runner_cancellable))
    g_cond_wait_until (&http->changed, &http->lock, MIN (end, g_get_monotonic_time () + FOLLOW_TICK));
}

static void
put_bytes (ScHttpStream *self, const char *data, gsize n)
{
  gsize direct = MIN (n, self->dest_size - self->dest_used);
  gsize rest = n - direct;

  if (direct > 0)
    {
      memcpy (self->dest + self->dest_used, data, direct);
      self->dest_used += direct;
    }
  if (rest > 0 && self->end + rest > self->buffer_size)
    {
      if (self->start > 0)
        memmove (self->buffer, self->buffer + self->start, self->end - self->start);
      self->end -= self->start;
      self->start = 0;
      self->buffer_size = MAX (BUFFER_SIZE, self->end + rest);
      self->buffer = g_realloc (self->buffer, self->buffer_size);
    }
  if (rest > 0)
    {
      memcpy (self->buffer + self->end, data + direct, rest);
      self->end += rest;
    }
  self->received += (gint64)n;
  self->last_activity = g_get_monotonic_time ();
  g_cond_broadcast (&self->http->changed);
}

static size_t
on_body (char *data, size_t size, size_t count, void *user_data)
{
  ScHttpStream *self = user_data;
  ScHttp *http = self->http;
  gsize n = size * count;
  gboolean own;

  g_mutex_lock (&http->lock);
  own = http->runner == self;
  if (self->end == self->start)
    self->start = self->end = 0;
  if (self->shared && !own)
    wait_for_room (self, n);
  /* Beyond its size, but no further than by what the kernel holds. */
  self->paused = room (self) < n && !self->closing && !(self->shared && (own || http->waiting > 0));
  if (!self->paused)
    put_bytes (self, data, n);
  gboolean paused = self->paused;
  g_mutex_unlock (&http->lock);
  return paused ? CURL_WRITEFUNC_PAUSE : n;
}

ScHttpStream *
sc_http_stream_new (ScHttp *http, CURL *easy, struct curl_slist *headers, const char *host, gboolean through_proxy)
{
  ScHttpStream *self = g_object_new (SC_TYPE_HTTP_STREAM, NULL);

  self->http = http;
  self->easy = easy;
  self->headers = headers;
  self->host = g_strdup (host);
  self->through_proxy = through_proxy;
  self->last_activity = g_get_monotonic_time ();
  curl_easy_setopt (easy, CURLOPT_PRIVATE, self);
  curl_easy_setopt (easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt (easy, CURLOPT_ERRORBUFFER, self->curl_error);
  curl_easy_setopt (easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt (easy, CURLOPT_HEADERDATA, self);
  curl_easy_setopt (easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt (easy, CURLOPT_WRITEDATA, self);
  g_mutex_lock (&http->lock);
  g_ptr_array_add (http->streams, self);
  g_mutex_unlock (&http->lock);
  return self;
}

static gboolean
fail_result (ScHttpStream *self, GError **error)
{
  CURL *easy = self->easy;
  ScHttpFailure failure = { .code = self->result, .host = self->host, .detail = self->curl_error, .missing = -1 };
  curl_off_t length = -1;
  long os_error = 0;

  if (self->headers_too_long)
    return sc_fail (error, SC_ERROR_LIMIT, "%s: response headers are larger than %d KiB", self->host,
                    HEADER_MAX_SIZE / 1024);
  sc_http_enter (self->http);
  curl_easy_getinfo (easy, CURLINFO_OS_ERRNO, &os_error);
  curl_easy_getinfo (easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  sc_http_leave (self->http);
  failure.os_error = (int)os_error;
  failure.connect_timeout = self->http->connect_timeout;
  failure.through_proxy = self->through_proxy;
  if (length > self->received)
    failure.missing = length - self->received;
  return sc_http_fail (&failure, error);
}

/* Lets curl do what it can do without waiting, and notes the end of transfers; between enter and leave. */
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
    {
      ScHttpStream *stream = NULL;

      if (message->msg != CURLMSG_DONE
          || curl_easy_getinfo (message->easy_handle, CURLINFO_PRIVATE, (char **)&stream) != CURLE_OK)
        continue;
      g_mutex_lock (&self->http->lock);
      stream->done = TRUE;
      stream->result = message->data.result;
      g_cond_broadcast (&self->http->changed);
      g_mutex_unlock (&self->http->lock);
    }
  return TRUE;
}

typedef gboolean (*Enough) (ScHttpStream *self);

/* What to do next. */
typedef enum
{
  TURN_READY, /* nothing: it is enough */
  TURN_RUN,   /* run the transfers: sc_http_leave() is due */
  TURN_WAITED /* look again: another thread runs them */
} Turn;

/* Becomes the one who runs the transfers, or waits a little while another does. */
static Turn
take_turn (ScHttpStream *self, Enough enough, GCancellable *cancellable)
{
  ScHttp *http = self->http;
  Turn turn = TURN_WAITED;

  g_mutex_lock (&http->lock);
  if (self->done || enough (self))
    turn = TURN_READY;
  else if (http->busy || http->waiting > 0)
    g_cond_wait_until (&http->changed, &http->lock, g_get_monotonic_time () + FOLLOW_TICK);
  else
    {
      http->busy = TRUE;
      http->runner = self;
      http->runner_cancellable = cancellable;
      turn = TURN_RUN;
    }
  g_mutex_unlock (&http->lock);
  return turn;
}

/* Microseconds until nothing has come for too long since @begin; the time that nobody waits is no stall. */
static gint64
time_left (ScHttpStream *self, gint64 begin)
{
  gint64 last;

  g_mutex_lock (&self->http->lock);
  last = MAX (begin, self->last_activity);
  g_mutex_unlock (&self->http->lock);
  return last + (gint64)self->http->stall_timeout * G_TIME_SPAN_SECOND - g_get_monotonic_time ();
}

/* Whether there is something better to do than to wait for the network. */
static gboolean
is_wanted (ScHttpStream *self, Enough enough)
{
  gboolean wanted;

  g_mutex_lock (&self->http->lock);
  wanted = self->done || enough (self) || self->http->waiting > 0;
  g_mutex_unlock (&self->http->lock);
  return wanted;
}

/* Runs the transfers until @enough of this one, or its end. */
static gboolean
run (ScHttpStream *self, Enough enough, GCancellable *cancellable, GError **error)
{
  GPollFD cancel_fd = { .fd = -1 };
  struct curl_waitfd extra = { .fd = -1, .events = CURL_WAIT_POLLIN };
  gboolean watched = g_cancellable_make_pollfd (cancellable, &cancel_fd);
  gint64 begin = g_get_monotonic_time ();
  gboolean ok = FALSE;

  extra.fd = cancel_fd.fd;
  while (!g_cancellable_set_error_if_cancelled (cancellable, error))
    {
      Turn turn = take_turn (self, enough, cancellable);
      gboolean failed = FALSE;
      gint64 left;

      ok = turn == TURN_READY;
      if (ok)
        break;
      left = time_left (self, begin);
      if (turn == TURN_RUN)
        {
          failed = !perform (self, error);
          left = time_left (self, begin);
          if (!failed && left > 0 && !is_wanted (self, enough))
            curl_multi_poll (self->http->multi, &extra, watched ? 1 : 0, (int)CLAMP (left / 1000 + 1, 1, POLL_MAX_MS),
                             NULL);
          sc_http_leave (self->http);
        }
      if (failed)
        break;
      if (left <= 0 && !is_wanted (self, enough))
        {
          sc_fail (error, SC_ERROR_UNAVAILABLE, "%s: no data for %u seconds", self->host, self->http->stall_timeout);
          break;
        }
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
  CURLMcode code;

  sc_http_enter (self->http);
  code = curl_multi_add_handle (self->http->multi, self->easy);
  sc_http_leave (self->http);
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

/* Takes what is in the buffer; if there is nothing, lends @dest to the transfer. */
static gsize
take_buffered (ScHttpStream *self, void *dest, gsize count, gboolean *out_paused)
{
  gsize n;

  g_mutex_lock (&self->http->lock);
  n = MIN (count, self->end - self->start);
  if (n > 0)
    {
      memcpy (dest, self->buffer + self->start, n);
      self->start += n;
      g_cond_broadcast (&self->http->changed);
    }
  else
    {
      self->dest = dest;
      self->dest_size = count;
      self->dest_used = 0;
      /* It has grown beyond its size. */
      if (self->buffer_size > BUFFER_SIZE)
        {
          g_clear_pointer (&self->buffer, g_free);
          self->buffer_size = self->start = self->end = 0;
        }
    }
  *out_paused = n == 0 && self->paused;
  if (*out_paused)
    self->paused = FALSE;
  g_mutex_unlock (&self->http->lock);
  return n;
}

/* Waits for bytes from the network in what was lent: 0 at the end of the body. */
static gssize
pull (ScHttpStream *self, gboolean paused, GCancellable *cancellable, GError **error)
{
  gboolean ok = TRUE;
  CURLcode result;
  gsize got;

  if (paused)
    {
      /* Delivers what curl held back, and may pause again. */
      sc_http_enter (self->http);
      curl_easy_pause (self->easy, CURLPAUSE_CONT);
      sc_http_leave (self->http);
    }
  ok = run (self, has_bytes, cancellable, error);
  g_mutex_lock (&self->http->lock);
  got = self->dest_used;
  result = self->result;
  self->dest = NULL;
  self->dest_size = self->dest_used = 0;
  g_mutex_unlock (&self->http->lock);

  if (!ok)
    return -1;
  if (got == 0 && result != CURLE_OK)
    return fail_result (self, error) ? 0 : -1;
  return (gssize)got;
}

static gssize
stream_read (GInputStream *stream, void *buffer, gsize count, GCancellable *cancellable, GError **error)
{
  ScHttpStream *self = SC_HTTP_STREAM (stream);
  gboolean paused = FALSE;
  gsize n;

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return -1;
  if (self->http == NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "%s: the connection is closed", self->host);
      return -1;
    }
  n = take_buffered (self, buffer, count, &paused);
  return n > 0 ? (gssize)n : pull (self, paused, cancellable, error);
}

void
sc_http_stream_skip (ScHttpStream *self, gint64 max, GCancellable *cancellable)
{
  curl_off_t length = -1;
  char sink[4096];

  sc_http_enter (self->http);
  curl_easy_getinfo (self->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  sc_http_leave (self->http);
  if (length < 0 || length > max)
    return;
  while (g_input_stream_read (G_INPUT_STREAM (self), sink, sizeof sink, cancellable, NULL) > 0)
    ;
}

void
sc_http_stream_detach (ScHttpStream *self)
{
  ScHttp *http = self->http;

  if (http == NULL)
    return;
  g_mutex_lock (&http->lock);
  self->closing = TRUE;
  g_cond_broadcast (&http->changed);
  g_mutex_unlock (&http->lock);
  sc_http_enter (http);
  curl_multi_remove_handle (http->multi, self->easy);
  /* The handle is kept, with its TLS sessions; nothing in it may point here any more. */
  curl_easy_reset (self->easy);
  sc_http_leave (http);
  g_mutex_lock (&http->lock);
  self->http = NULL;
  g_ptr_array_remove (http->streams, self);
  g_ptr_array_add (http->idle, g_steal_pointer (&self->easy));
  g_mutex_unlock (&http->lock);
  curl_slist_free_all (g_steal_pointer (&self->headers));
  g_clear_pointer (&self->buffer, g_free);
  self->buffer_size = self->start = self->end = 0;
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
