/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * TCP and HTTP probes.  A deadline is set once and holds for names, connections, requests and answers together; an
 * answer is read to the end of its header and no further.
 */
#include "probe.h"

#include <string.h>

#define READ_SIZE  4096
#define HOST_CHARS G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS ".-_:" /* of names and of both kinds of addresses */

typedef struct
{
  GMainContext *context; /* of this try */
  GCancellable *stop;    /* cancelled by the caller, or at the deadline */
  GCancellable *caller;  /* (nullable) */
  gulong chained;
  guint seconds;
  gint64 deadline;
} Try;

static void
chain_cancel (GCancellable *caller, gpointer stop)
{
  g_cancellable_cancel (stop);
}

static void
try_begin (Try *t, guint seconds, GCancellable *caller)
{
  t->context = g_main_context_new ();
  g_main_context_push_thread_default (t->context);
  t->stop = g_cancellable_new ();
  t->caller = caller;
  t->chained = caller != NULL ? g_cancellable_connect (caller, G_CALLBACK (chain_cancel), t->stop, NULL) : 0;
  t->seconds = seconds;
  t->deadline = g_get_monotonic_time () + (gint64)seconds * G_USEC_PER_SEC;
}

static void
try_clear (Try *t)
{
  g_cancellable_disconnect (t->caller, t->chained);
  /* What was left unfinished lets go of the context. */
  while (g_main_context_iteration (t->context, FALSE))
    ;
  g_main_context_pop_thread_default (t->context);
  g_main_context_unref (t->context);
  g_object_unref (t->stop);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Try, try_clear)

/* Always FALSE: @why in our words. */
static gboolean
fail_try (const Try *t, GError *why, GError **error)
{
  g_autoptr (GError) reason = why;

  if (g_cancellable_set_error_if_cancelled (t->caller, error))
    return FALSE;
  if (g_get_monotonic_time () >= t->deadline || g_error_matches (reason, G_IO_ERROR, G_IO_ERROR_TIMED_OUT)
      || g_error_matches (reason, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return sc_fail (error, SC_ERROR_FAILED, "no answer within %u s", t->seconds);
  if (g_error_matches (reason, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED))
    return sc_fail (error, SC_ERROR_FAILED, "connection refused");
  if (g_error_matches (reason, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED))
    return sc_fail (error, SC_ERROR_FAILED, "the connection broke");
  return sc_fail (error, SC_ERROR_FAILED, "%s", reason->message);
}

/* -- connections -- */

static gboolean
stop_now (gpointer stop)
{
  g_cancellable_cancel (stop);
  return G_SOURCE_REMOVE;
}

static void
keep_result (GObject *object, GAsyncResult *result, gpointer out)
{
  *(GAsyncResult **)out = g_object_ref (result);
}

static GSocketConnection *
connect_to (Try *t, GSocketConnectable *where, GError **error)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GSource) timer = g_timeout_source_new (t->seconds * 1000);
  g_autoptr (GError) local = NULL;
  GSocketConnection *connection;

  g_socket_client_set_enable_proxy (client, FALSE);
  g_source_set_callback (timer, stop_now, t->stop, NULL);
  g_source_attach (timer, t->context);
  g_socket_client_connect_async (client, where, t->stop, keep_result, &result);
  while (result == NULL)
    g_main_context_iteration (t->context, TRUE);
  g_source_destroy (timer);
  connection = g_socket_client_connect_finish (client, result, &local);
  if (connection == NULL)
    return fail_try (t, g_steal_pointer (&local), error) ? NULL : NULL;
  g_socket_set_blocking (g_socket_connection_get_socket (connection), FALSE);
  return connection;
}

static gboolean
wait_for (Try *t, GSocket *socket, GIOCondition condition, GError **error)
{
  gint64 left = t->deadline - g_get_monotonic_time ();

  return g_socket_condition_timed_wait (socket, condition, MAX (left, 0), t->stop, error);
}

static gboolean
send_all (Try *t, GSocket *socket, const char *text, GError **error)
{
  for (gsize done = 0, size = strlen (text); done < size;)
    {
      g_autoptr (GError) local = NULL;
      gssize n = -1;

      if (wait_for (t, socket, G_IO_OUT, &local))
        n = g_socket_send (socket, text + done, size - done, t->stop, &local);
      if (n >= 0)
        done += (gsize)n;
      else if (!g_error_matches (local, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
        return fail_try (t, g_steal_pointer (&local), error);
    }
  return TRUE;
}

/* @out_end: the other side has closed. */
static gboolean
receive (Try *t, GSocket *socket, GString *text, gboolean *out_end, GError **error)
{
  char buffer[READ_SIZE];

  for (;;)
    {
      g_autoptr (GError) local = NULL;
      gssize n = -1;

      if (wait_for (t, socket, G_IO_IN, &local))
        n = g_socket_receive (socket, buffer, sizeof buffer, t->stop, &local);
      if (n >= 0)
        {
          g_string_append_len (text, buffer, n);
          return *out_end = n == 0, TRUE;
        }
      if (!g_error_matches (local, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
        return fail_try (t, g_steal_pointer (&local), error);
    }
}

/* -- addresses -- */

static GSocketConnectable *
parse_address (const char *address, GError **error)
{
  const char *colon = strrchr (address, ':');
  gsize length = colon != NULL ? (gsize)(colon - address) : 0;
  gboolean bracketed = length > 2 && address[0] == '[' && address[length - 1] == ']';
  g_autofree char *host = bracketed ? g_strndup (address + 1, length - 2) : g_strndup (address, length);
  guint64 port = 0;

  if (length == 0 || strspn (host, HOST_CHARS) != strlen (host) || (strchr (host, ':') != NULL) != bracketed
      || !g_ascii_string_to_unsigned (colon + 1, 10, 1, G_MAXUINT16, &port, NULL))
    return sc_fail_null (error, SC_ERROR_INVALID, "'%s': not an address HOST:PORT", address);
  return g_network_address_new (host, (guint16)port);
}

typedef struct
{
  GUri *uri;
  char *host; /* for the Host line */
  char *target;
  guint16 port;
} Url;

static void
url_clear (Url *url)
{
  g_clear_pointer (&url->uri, g_uri_unref);
  g_clear_pointer (&url->host, g_free);
  g_clear_pointer (&url->target, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Url, url_clear)

/* Nothing that could be more than a word in a request. */
static gboolean
parse_url (const char *text, Url *url, GError **error)
{
  const char *host, *path, *query;
  int port;

  for (const char *p = text; *p != '\0'; p++)
    if (!g_ascii_isgraph (*p))
      return sc_fail (error, SC_ERROR_INVALID, "'%s': a URL is printable ASCII without blanks", text);
  url->uri = g_uri_parse (text, G_URI_FLAGS_ENCODED, NULL);
  if (url->uri == NULL || strcmp (g_uri_get_scheme (url->uri), "http") != 0)
    return sc_fail (error, SC_ERROR_INVALID, "'%s': not a URL http://HOST[:PORT][/PATH]", text);
  host = g_uri_get_host (url->uri);
  port = g_uri_get_port (url->uri);
  if (host == NULL || *host == '\0' || port == 0 || strspn (host, HOST_CHARS) != strlen (host))
    return sc_fail (error, SC_ERROR_INVALID, "'%s': not a URL http://HOST[:PORT][/PATH]", text);
  if (g_uri_get_userinfo (url->uri) != NULL)
    return sc_fail (error, SC_ERROR_INVALID, "'%s': a user name in a URL is not supported", text);
  path = g_uri_get_path (url->uri);
  query = g_uri_get_query (url->uri);
  url->port = port > 0 ? (guint16)port : 80;
  url->target = g_strconcat (*path != '\0' ? path : "/", query != NULL ? "?" : NULL, query, NULL);
  if (strchr (host, ':') != NULL)
    url->host = g_strdup_printf ("[%s]:%u", host, url->port);
  else
    url->host = g_strdup_printf (url->port == 80 ? "%s" : "%s:%u", host, url->port);
  return TRUE;
}

gboolean
sc_probe_check_address (const char *address, GError **error)
{
  g_autoptr (GSocketConnectable) where = parse_address (address, error);

  return where != NULL;
}

gboolean
sc_probe_check_url (const char *text, GError **error)
{
  g_auto (Url) url = { 0 };

  return parse_url (text, &url, error);
}

/* -- answers -- */

/* Takes the first header off @text, if it has come whole. @out_status: 0 if it has not. */
static gboolean
take_header (GString *text, guint *out_status, GError **error)
{
  static const char start[] = "HTTP/1.";
  gsize size = MIN (text->len, strlen (start));
  const char *status = text->str + strlen ("HTTP/1.1 ");

  *out_status = 0;
  if (memcmp (text->str, start, size) != 0)
    return sc_fail (error, SC_ERROR_FAILED, "the answer is not HTTP");
  for (gsize i = 0; i < text->len; i++)
    {
      gsize rest = i + 1 < text->len && text->str[i + 1] == '\r' ? i + 2 : i + 1;

      /* A line ends in LF, most often after CR; an empty one ends the header. */
      if (text->str[i] != '\n' || rest >= text->len || text->str[rest] != '\n')
        continue;
      if (i < strlen ("HTTP/1.1 200") || !g_ascii_isdigit (text->str[7]) || text->str[8] != ' '
          || !g_ascii_isdigit (status[0]) || !g_ascii_isdigit (status[1]) || !g_ascii_isdigit (status[2])
          || g_ascii_isdigit (status[3]) || status[0] == '0')
        return sc_fail (error, SC_ERROR_FAILED, "the answer is not HTTP");
      *out_status = (guint)(100 * g_ascii_digit_value (status[0]) + 10 * g_ascii_digit_value (status[1])
                            + g_ascii_digit_value (status[2]));
      g_string_erase (text, 0, (gssize)rest + 1);
      return TRUE;
    }
  return TRUE;
}

static gboolean
read_status (Try *t, GSocket *socket, guint *out_status, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);
  gsize total = 0;
  gboolean end = FALSE;

  for (;;)
    {
      gsize before = text->len;

      if (!take_header (text, out_status, error))
        return FALSE;
      /* 1xx comes before the answer. */
      if (*out_status >= 200)
        return TRUE;
      if (*out_status != 0)
        continue;
      if (end)
        return sc_fail (error, SC_ERROR_FAILED,
                        total == 0 ? "the connection was closed without an answer"
                                   : "the connection was closed within the header of the answer");
      if (total >= SC_PROBE_HEADER_MAX)
        return sc_fail (error, SC_ERROR_FAILED, "the header of the answer is larger than %u KiB",
                        SC_PROBE_HEADER_MAX / 1024);
      if (!receive (t, socket, text, &end, error))
        return FALSE;
      total += text->len - before;
    }
}

gboolean
sc_probe_tcp (const char *address, guint seconds, GCancellable *cancellable, GError **error)
{
  g_autoptr (GSocketConnectable) where = parse_address (address, error);
  g_autoptr (GSocketConnection) connection = NULL;
  g_auto (Try) t = { 0 };

  try_begin (&t, seconds, cancellable);
  if (where != NULL)
    connection = connect_to (&t, where, error);
  return connection != NULL;
}

gboolean
sc_probe_http (const char *text, guint seconds, GCancellable *cancellable, GError **error)
{
  g_auto (Url) url = { 0 };
  g_autofree char *request = NULL;
  g_autoptr (GSocketConnectable) where = NULL;
  g_autoptr (GSocketConnection) connection = NULL;
  g_auto (Try) t = { 0 };
  GSocket *socket;
  guint status = 0;

  try_begin (&t, seconds, cancellable);
  if (!parse_url (text, &url, error))
    return FALSE;
  where = g_network_address_new (g_uri_get_host (url.uri), url.port);
  connection = connect_to (&t, where, error);
  if (connection == NULL)
    return FALSE;
  socket = g_socket_connection_get_socket (connection);
  request = g_strdup_printf ("GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: atomic\r\nAccept: */*\r\n"
                             "Connection: close\r\n\r\n",
                             url.target, url.host);
  if (!send_all (&t, socket, request, error) || !read_status (&t, socket, &status, error))
    return FALSE;
  return status < 400 || sc_fail (error, SC_ERROR_FAILED, "status %u", status);
}
