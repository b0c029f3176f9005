/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "http.h"

/*
 * When a request is worth another try, and when.  The wait doubles from half a second on with up to half of it more or
 * less by chance, so that many clients of a registry that comes back do not come back together; a Retry-After of the
 * server wins, up to SC_RETRY_MAX_WAIT.
 */

#define SC_RETRY_TRIES    5  /* requests in all */
#define SC_RETRY_MAX_WAIT 60 /* seconds */

typedef struct
{
  guint failures; /* in a row */
} ScRetry;

/* Seconds that a Retry-After header (RFC 9110, section 10.2.3) asks for, at most SC_RETRY_MAX_WAIT, counted from @now
 * (seconds since the epoch); -1 if it is neither a number nor a date. */
int sc_retry_parse_after (const char *header, gint64 now);

/* TRUE for 408, 429, 500, 502, 503 and 504: what another try may change. */
gboolean sc_retry_status_passes (long status);

/**
 * sc_retry_wait:
 * @retry_after: (nullable): the header
 * @cause: for the debug log
 *
 * Counts a failure and waits. FALSE without @error: that was the last try. FALSE with G_IO_ERROR_CANCELLED: cancelled
 * meanwhile.
 */
gboolean sc_retry_wait (ScRetry *retry, const char *retry_after, const char *cause, GCancellable *cancellable,
                        GError **error) SC_CHECK;

/* The same for an error: SC_ERROR_UNAVAILABLE is worth another try. FALSE: *@failure is the one to tell, the old one or
 * G_IO_ERROR_CANCELLED; TRUE: it was cleared. */
gboolean sc_retry_failure (ScRetry *retry, GError **failure, GCancellable *cancellable) SC_CHECK;

/* TRUE if @failure, of a request that got @response (nothing: all zeros), is of the kind that may pass. */
gboolean sc_retry_may_pass (const ScHttpResponse *response, const GError *failure);

/* The same as sc_retry_failure() for what sc_retry_may_pass(), with the wait that the server asks for. */
gboolean sc_retry_response (ScRetry *retry, const ScHttpResponse *response, GError **failure,
                            GCancellable *cancellable) SC_CHECK;

/* sc_http_open() with retries: of what sc_retry_status_passes(), and of connections that are lost before the answer is
 * there. A host that cannot be reached at all is an error at once. The last answer or error is the result; the stream
 * of an answer that was not the last has been read. */
GInputStream *sc_retry_open (ScHttp *http, const char *url, const char *const *headers, const char *authorization,
                             ScHttpResponse *response, GCancellable *cancellable, GError **error) SC_CHECK;

/* sc_http_get() with retries: also of a body that is cut off. */
GBytes *sc_retry_get (ScHttp *http, const char *url, const char *const *headers, const char *authorization, gsize max,
                      ScHttpResponse *response, GCancellable *cancellable, GError **error) SC_CHECK;
