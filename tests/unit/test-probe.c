/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Probes against a server that behaves in every way, and against commands in a container. */
#include "probe.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error.h"
#include "fs.h"
#include "runtime-fixture.h"

/* -- a server: what it does is asked for by the path -- */

typedef struct
{
  GSocketService *service;
  guint16 port;
  char *request; /* the last one */
} Server;

/* Reads the request to its end. (transfer full): its path */
static char *
read_request (GInputStream *in, GString *request)
{
  char byte;

  while (g_input_stream_read (in, &byte, 1, NULL, NULL) == 1)
    {
      g_string_append_c (request, byte);
      if (g_str_has_suffix (request->str, "\r\n\r\n"))
        break;
    }
  return g_str_has_prefix (request->str, "GET /") ? g_strndup (request->str + 5, strcspn (request->str + 5, " "))
                                                  : g_strdup ("");
}

/* Until the other side has enough. */
static void
write_for_ever (GOutputStream *out, const char *text)
{
  while (g_output_stream_write_all (out, text, strlen (text), NULL, NULL, NULL))
    ;
}

static gboolean
on_run (GThreadedSocketService *service, GSocketConnection *connection, GObject *source, gpointer data)
{
  static const struct
  {
    const char *path, *answer;
  } answers[] = {
    { "ok", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi" },
    { "old", "HTTP/1.0 204\n\n" },
    { "found", "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n" },
    { "early", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n" },
    { "early-bad", "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 500 No\r\n\r\n" },
    { "missing", "HTTP/1.1 404 Not Found\r\n\r\n" },
    { "down", "HTTP/1.1 503 Service Unavailable\r\n\r\n" },
    { "cut", "HTTP/1.1 200 OK\r\nContent-" },
    { "noise", "SSH-2.0-x\r\n\r\n" },
    { "short", "HTTP/1.1 20\r\n\r\n" },
    { "long", "HTTP/1.1 2000 OK\r\n\r\n" },
    { "zero", "HTTP/1.1 099 OK\r\n\r\n" },
    { "two", "HTTP/2 200\r\n\r\n" },
    { "nothing", "" },
  };
  GOutputStream *out = g_io_stream_get_output_stream (G_IO_STREAM (connection));
  GInputStream *in = g_io_stream_get_input_stream (G_IO_STREAM (connection));
  Server *server = data;
  g_autoptr (GString) request = g_string_new (NULL);
  g_autofree char *path = read_request (in, request);

  if (strcmp (path, "ok") == 0)
    server->request = g_strdup (request->str);
  for (guint i = 0; i < G_N_ELEMENTS (answers); i++)
    if (strcmp (path, answers[i].path) == 0)
      (void)g_output_stream_write_all (out, answers[i].answer, strlen (answers[i].answer), NULL, NULL, NULL);
  if (strcmp (path, "endless") == 0)
    {
      (void)g_output_stream_write_all (out, "HTTP/1.1 200 OK\r\n", 17, NULL, NULL, NULL);
      write_for_ever (out, "X-More: and more and more and more and more\r\n");
    }
  else if (strcmp (path, "hints") == 0)
    write_for_ever (out, "HTTP/1.1 103 Early Hints\r\n\r\n");
  else if (strcmp (path, "silent") == 0)
    {
      char byte;

      (void)!g_input_stream_read (in, &byte, 1, NULL, NULL);
    }
  return TRUE;
}

static void
server_setup (Server *server, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GInetAddress) loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new (loopback, 0), effective = NULL;

  server->service = g_threaded_socket_service_new (10);
  g_socket_listener_add_address (G_SOCKET_LISTENER (server->service), address, G_SOCKET_TYPE_STREAM,
                                 G_SOCKET_PROTOCOL_TCP, NULL, &effective, &error);
  g_assert_no_error (error);
  server->port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (effective));
  g_signal_connect (server->service, "run", G_CALLBACK (on_run), server);
}

static void
server_teardown (Server *server, gconstpointer data)
{
  g_socket_service_stop (server->service);
  g_socket_listener_close (G_SOCKET_LISTENER (server->service));
  g_object_unref (server->service);
  g_free (server->request);
}

/* The service accepts in the default context, the probe has one of its own: so it runs in a thread. */
typedef struct
{
  char *text;
  guint seconds;
  gboolean tcp;
  GCancellable *cancellable;
  gboolean ok;
  gint done;
  GError *error;
} Probe;

static gpointer
run_probe (gpointer data)
{
  Probe *p = data;

  p->ok = p->tcp ? sc_probe_tcp (p->text, p->seconds, p->cancellable, &p->error)
                 : sc_probe_http (p->text, p->seconds, p->cancellable, &p->error);
  g_atomic_int_set (&p->done, 1);
  g_main_context_wakeup (NULL);
  return NULL;
}

static void
probe (Probe *p)
{
  GThread *thread = g_thread_new ("probe", run_probe, p);

  while (!g_atomic_int_get (&p->done))
    g_main_context_iteration (NULL, TRUE);
  g_thread_join (thread);
}

static void
check_http (const Server *server, const char *path, guint seconds, const char *wanted)
{
  Probe p = { .text = g_strdup_printf ("http://127.0.0.1:%u/%s", server->port, path), .seconds = seconds };

  probe (&p);
  g_assert_cmpstr (p.error != NULL ? p.error->message : NULL, ==, wanted);
  g_assert_cmpint (p.ok, ==, wanted == NULL);
  if (wanted != NULL)
    g_assert_error (p.error, SC_ERROR, SC_ERROR_FAILED);
  g_clear_error (&p.error);
  g_free (p.text);
}

static void
test_http (Server *server, gconstpointer data)
{
  static const struct
  {
    const char *path;
    guint seconds;
    const char *wanted;
  } cases[] = {
    { "ok", 30, NULL },
    { "old", 30, NULL },
    { "found", 30, NULL },
    { "early", 30, NULL },
    { "early-bad", 30, "status 500" },
    { "missing", 30, "status 404" },
    { "down", 30, "status 503" },
    { "cut", 30, "the connection was closed within the header of the answer" },
    { "nothing", 30, "the connection was closed without an answer" },
    { "noise", 30, "the answer is not HTTP" },
    { "short", 30, "the answer is not HTTP" },
    { "long", 30, "the answer is not HTTP" },
    { "zero", 30, "the answer is not HTTP" },
    { "two", 30, "the answer is not HTTP" },
    { "endless", 30, "the header of the answer is larger than 64 KiB" },
    { "hints", 30, "the header of the answer is larger than 64 KiB" },
    { "silent", 1, "no answer within 1 s" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    check_http (server, cases[i].path, cases[i].seconds, cases[i].wanted);
  g_assert_true (g_str_has_prefix (server->request, "GET /ok HTTP/1.1\r\nHost: 127.0.0.1:"));
}

/* Slow, but not silent: each byte comes in time, the answer does not. */
static gpointer
drip (gpointer data)
{
  g_autoptr (GSocket) socket = g_socket_accept (data, NULL, NULL);
  static const char start[] = "HTTP/1.1 200 OK\r\nX: ";
  char c = 'y';

  (void)!g_socket_send (socket, start, strlen (start), NULL, NULL);
  while (g_socket_send (socket, &c, 1, NULL, NULL) == 1)
    g_usleep (20 * 1000);
  return NULL;
}

static GSocket *
listen_on_loopback (guint16 *out_port)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GInetAddress) loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new (loopback, 0), effective = NULL;
  GSocket *socket = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, &error);

  g_assert_no_error (error);
  g_assert_true (g_socket_bind (socket, address, FALSE, NULL) && g_socket_listen (socket, NULL));
  effective = g_socket_get_local_address (socket, NULL);
  *out_port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (effective));
  return socket;
}

static void
test_slow (void)
{
  guint16 port = 0;
  g_autoptr (GSocket) socket = listen_on_loopback (&port);
  g_autofree char *url = g_strdup_printf ("http://127.0.0.1:%u/", port);
  g_autoptr (GError) error = NULL;
  GThread *thread = g_thread_new ("drip", drip, socket);

  g_assert_false (sc_probe_http (url, 1, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_FAILED);
  g_assert_cmpstr (error->message, ==, "no answer within 1 s");
  g_thread_join (thread);
}

static gpointer
cancel_soon (gpointer cancellable)
{
  g_usleep (100 * 1000);
  g_cancellable_cancel (cancellable);
  return NULL;
}

static void
test_tcp (void)
{
  guint16 port = 0;
  g_autoptr (GSocket) socket = listen_on_loopback (&port);
  g_autofree char *address = g_strdup_printf ("127.0.0.1:%u", port), *name = g_strdup_printf ("localhost:%u", port),
                  *url = g_strdup_printf ("http://%s/", address);
  g_autoptr (GError) error = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  GThread *thread;

  g_assert_true (sc_probe_tcp (address, 30, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (sc_probe_tcp (name, 30, NULL, &error));
  g_assert_no_error (error);

  /* Nobody answers here: who has no patience is not kept. */
  thread = g_thread_new ("cancel", cancel_soon, cancellable);
  g_assert_false (sc_probe_http (url, 3600, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_thread_join (thread);
  g_assert_false (sc_probe_tcp (address, 30, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);

  g_socket_close (socket, NULL);
  g_assert_false (sc_probe_tcp (address, 30, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_FAILED);
  g_assert_cmpstr (error->message, ==, "connection refused");
  g_clear_error (&error);
  g_assert_false (sc_probe_http (url, 30, NULL, &error));
  g_assert_cmpstr (error->message, ==, "connection refused");
  g_clear_error (&error);
  g_assert_false (sc_probe_tcp ("no address", 30, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
}

/* -- commands -- */

static gboolean
try_command (const ScRuntime *runtime, const char *id, const char *dir, const char *script, guint seconds,
             GCancellable *cancellable, GError **error)
{
  const char *words[] = { "/bin/sh", "-c", script, NULL };
  g_autofree char *pid_file = g_build_filename (dir, "pid", NULL);
  gboolean ok = sc_probe_command (runtime, id, words, pid_file, seconds, cancellable, error);

  unlink (pid_file);
  return ok;
}

/* Does everything called "sleep" in the container end?  What was killed may take a moment. */
static gboolean
no_sleep (const ScRuntime *runtime, const char *id, const char *dir)
{
  return try_command (runtime, id, dir, "while grep -qx sleep /proc/[0-9]*/comm; do :; done", 30, NULL, NULL);
}

static void
test_command (gconstpointer name)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ScContext) ctx = NULL;
  g_autoptr (ScRuntime) runtime = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autofree char *root = NULL, *bundle = NULL, *id = g_strdup_printf ("sc-test-%d", (int)getpid ());
  GThread *thread;

  if (!fixture_own_namespace ())
    {
      g_test_skip ("needs root");
      return;
    }
  ctx = sc_context_new (NULL, &error);
  g_assert_no_error (error);
  runtime = sc_runtime_find (ctx, name, NULL);
  if (runtime == NULL)
    {
      g_test_skip ("no such runtime");
      return;
    }
  root = g_dir_make_tmp ("test-probe-XXXXXX", NULL);
  bundle = fixture_make_bundle (root, "bundle", "while :; do tail -f /dev/null; done");
  g_assert_true (sc_runtime_run_detached (runtime, bundle, id, NULL, &error));
  g_assert_no_error (error);

  g_assert_true (try_command (runtime, id, root, "exit 0", 30, NULL, &error));
  g_assert_no_error (error);
  g_assert_false (try_command (runtime, id, root, "echo one; echo two; exit 3", 30, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_FAILED);
  g_assert_cmpstr (error->message, ==, "status 3: two");
  g_clear_error (&error);
  g_assert_false (try_command (runtime, id, root, "echo out; echo broken >&2; exit 1", 30, NULL, &error));
  g_assert_cmpstr (error->message, ==, "status 1: broken");
  g_clear_error (&error);
  g_assert_false (try_command (runtime, id, root, "exit 1", 30, NULL, &error));
  g_assert_cmpstr (error->message, ==, "status 1");
  g_clear_error (&error);
  g_assert_false (try_command (runtime, id, root, "/bin/nothing", 30, NULL, &error));
  g_assert_true (g_str_has_prefix (error->message, "status 127: "));
  g_clear_error (&error);
  {
    const char *words[] = { "/bin/nothing", NULL };
    g_autofree char *pid_file = g_build_filename (root, "pid", NULL);

    g_assert_false (sc_probe_command (runtime, id, words, pid_file, 30, NULL, &error));
    g_assert_error (error, SC_ERROR, SC_ERROR_FAILED);
    g_assert_nonnull (strstr (error->message, "/bin/nothing"));
    g_assert_null (strstr (error->message, "time="));
    g_clear_error (&error);
    g_assert_false (sc_probe_command (runtime, "nobody", words, pid_file, 30, NULL, &error));
    g_assert_error (error, SC_ERROR, SC_ERROR_FAILED);
    g_clear_error (&error);
    unlink (pid_file);
  }

  /* One that does not end, does not mind signals, and has children. */
  g_assert_true (no_sleep (runtime, id, root));
  g_assert_false (
      try_command (runtime, id, root, "trap '' TERM; sleep 1000 & sleep 1000; sleep 1000", 1, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_FAILED);
  g_assert_cmpstr (error->message, ==, "no answer within 1 s");
  g_clear_error (&error);
  g_assert_true (no_sleep (runtime, id, root));
  g_assert_false (try_command (runtime, id, root, "sleep 1000 & sleep 1000; sleep 1000", 1, NULL, &error));
  g_clear_error (&error);
  g_assert_true (no_sleep (runtime, id, root));
  thread = g_thread_new ("cancel", cancel_soon, cancellable);
  g_assert_false (try_command (runtime, id, root, "sleep 1000", 3600, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_thread_join (thread);
  g_assert_true (no_sleep (runtime, id, root));
  /* The container itself is as it was. */
  g_assert_true (try_command (runtime, id, root, "exit 0", 30, NULL, &error));
  g_assert_no_error (error);

  /* What ends here became our child: it is gone when we have looked. */
  g_assert_true (sc_runtime_kill (runtime, id, "KILL", NULL, &error));
  while (waitpid (-1, NULL, 0) > 0)
    ;
  g_assert_true (sc_runtime_delete (runtime, id, TRUE, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (sc_fs_remove_tree_at (AT_FDCWD, root, &error));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/probe/http", Server, NULL, server_setup, test_http, server_teardown);
  g_test_add_func ("/probe/slow", test_slow);
  g_test_add_func ("/probe/tcp", test_tcp);
  g_test_add_data_func ("/probe/command/runc", "runc", test_command);
  g_test_add_data_func ("/probe/command/crun", "crun", test_command);
  return g_test_run ();
}
