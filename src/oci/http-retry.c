/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The one place that decides whether and when a request is made again.  Keeps no state but the caller's count, and
 * every wait ends at once when it is cancelled.
 */

#include "http-retry.h"

#include <string.h>

#define FIRST_WAIT_MS 500
#define SKIP_MAX      ((gsize)64 * 1024)

int
sc_retry_parse_after (const char *header, gint64 now)
{
  g_autofree char *text = g_strstrip (g_strdup (header));
  gint64 seconds = -1;
  gint64 when = -1;

  if (text[0] != '\0' && strspn (text, "0123456789") == strlen (text))
    return strlen (text) > 9 ? SC_RETRY_MAX_WAIT : (int)MIN (g_ascii_strtoll (text, NULL, 10), SC_RETRY_MAX_WAIT);
  when = sc_http_parse_date (text);
  if (when < 0)
    return -1;
  seconds = when - now;
  return (int)CLAMP (seconds, 0, SC_RETRY_MAX_WAIT);
}

gboolean
sc_retry_status_passes (long status)
{
  return status == 408 || status == 429 || status == 500 || (status >= 502 && status <= 504);
}

/* FALSE with @error if it is cancelled meanwhile. */
static gboolean
wait_ms (gint64 ms, GCancellable *cancellable, GError **error)
{
  GPollFD fd = { .fd = -1 };
  gboolean watched = g_cancellable_make_pollfd (cancellable, &fd);
  gint64 end = g_get_monotonic_time () + ms * 1000;

  for (;;)
    {
      gint64 left = (end - g_get_monotonic_time () + 999) / 1000;

      if (left <= 0 || g_cancellable_is_cancelled (cancellable))
        break;
      (void)g_poll (&fd, watched ? 1 : 0, (gint)left);
    }
  if (watched)
    g_cancellable_release_fd (cancellable);
  return !g_cancellable_set_error_if_cancelled (cancellable, error);
}

gboolean
sc_retry_wait (ScRetry *retry, const char *retry_after, const char *cause, GCancellable *cancellable, GError **error)
{
  int asked = retry_after != NULL ? sc_retry_parse_after (retry_after, g_get_real_time () / G_USEC_PER_SEC) : -1;
  gint64 wait = (gint64)FIRST_WAIT_MS << MIN (retry->failures, 16);

  if (++retry->failures >= SC_RETRY_TRIES)
    return FALSE;
  wait = MIN (wait, (gint64)SC_RETRY_MAX_WAIT * 1000);
  wait = wait / 2 + g_random_int_range (0, (gint32)wait + 1);
  /* Not before the server says, and not all at that moment. */
  if (asked >= 0)
    wait = (gint64)asked * 1000 + g_random_int_range (0, FIRST_WAIT_MS);
  g_debug ("%s; try %u of %d in %" G_GINT64_FORMAT " ms", cause, retry->failures + 1, SC_RETRY_TRIES, wait);
  return wait_ms (wait, cancellable, error);
}

/* As sc_retry_failure(), whatever the error is. */
static gboolean
wait_again (ScRetry *retry, const char *retry_after, GError **failure, GCancellable *cancellable)
{
  GError *cancelled = NULL;
  gboolean again = sc_retry_wait (retry, retry_after, (*failure)->message, cancellable, &cancelled);

  if (again || cancelled != NULL)
    g_clear_error (failure);
  if (cancelled != NULL)
    *failure = cancelled;
  return again;
}

gboolean
sc_retry_failure (ScRetry *retry, GError **failure, GCancellable *cancellable)
{
  return g_error_matches (*failure, SC_ERROR, SC_ERROR_UNAVAILABLE) && wait_again (retry, NULL, failure, cancellable);
}

gboolean
sc_retry_may_pass (const ScHttpResponse *response, const GError *failure)
{
  if (!g_error_matches (failure, SC_ERROR, SC_ERROR_UNAVAILABLE))
    return FALSE;
  return response->status >= 400 ? sc_retry_status_passes (response->status) : response->reached;
}

gboolean
sc_retry_response (ScRetry *retry, const ScHttpResponse *response, GError **failure, GCancellable *cancellable)
{
  return sc_retry_may_pass (response, *failure) && wait_again (retry, response->retry_after, failure, cancellable);
}

/* Reads a short body away, so that the connection can be used again, and waits. */
static gboolean
answered_badly (ScRetry *retry, const char *url, GInputStream *stream, const ScHttpResponse *response,
                GCancellable *cancellable, GError **error)
{
  g_autofree char *cause = g_strdup_printf ("%s: status %ld", url, response->status);
  g_autoptr (GBytes) body = NULL;

  if (retry->failures + 1 < SC_RETRY_TRIES)
    body = sc_http_read_body (stream, SKIP_MAX, cancellable, NULL);
  return sc_retry_wait (retry, response->retry_after, cause, cancellable, error);
}

static GInputStream *
open_counted (ScRetry *retry, ScHttp *http, const char *url, const char *const *headers, const char *authorization,
              ScHttpResponse *response, GCancellable *cancellable, GError **error)
{
  for (;;)
    {
      g_autoptr (GError) failure = NULL;
      g_autoptr (GInputStream) stream =
          sc_http_open (http, url, headers, authorization, response, cancellable, &failure);

      if (stream != NULL && !sc_retry_status_passes (response->status))
        return g_steal_pointer (&stream);
      if (stream != NULL)
        {
          if (answered_badly (retry, url, stream, response, cancellable, &failure))
            continue;
          if (failure == NULL)
            return g_steal_pointer (&stream);
        }
      else if (sc_retry_response (retry, response, &failure, cancellable))
        continue;
      g_propagate_error (error, g_steal_pointer (&failure));
      return NULL;
    }
}

GInputStream *
sc_retry_open (ScHttp *http, const char *url, const char *const *headers, const char *authorization,
               ScHttpResponse *response, GCancellable *cancellable, GError **error)
{
  ScRetry retry = { 0 };

  return open_counted (&retry, http, url, headers, authorization, response, cancellable, error);
}

GBytes *
sc_retry_get (ScHttp *http, const char *url, const char *const *headers, const char *authorization, gsize max,
              ScHttpResponse *response, GCancellable *cancellable, GError **error)
{
  ScRetry retry = { 0 };

  for (;;)
    {
      g_autoptr (GError) failure = NULL;
      g_autoptr (GBytes) body = NULL;
      g_autoptr (GInputStream) stream =
          open_counted (&retry, http, url, headers, authorization, response, cancellable, error);

      if (stream == NULL)
        return NULL;
      body = sc_http_read_body (stream, max, cancellable, &failure);
      g_clear_object (&stream);
      if (body != NULL)
        return g_steal_pointer (&body);
      if (!sc_retry_failure (&retry, &failure, cancellable))
        {
          g_propagate_error (error, g_steal_pointer (&failure));
          return NULL;
        }
    }
}
