/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * http against tests/fakes/registry.py: what arrives, what must not leave (credentials, certificates), and every way
 * in which a transfer can go wrong.
 */

#include "http.h"

#include <stdio.h>
#include <unistd.h>

#include "fake-registry.h"

#define MIB ((gsize)1024 * 1024)

/* AddressSanitizer keeps what is freed, which test_bounded would take for ours. */
const char *__asan_default_options (void);
const char *
__asan_default_options (void)
{
  return "quarantine_size_mb=1";
}

typedef struct
{
  TempDir dir;
  char *digest;
  GBytes *data;
} Fixture;

static void
fixture_clear (Fixture *f)
{
  temp_dir_clear (&f->dir);
  g_free (f->digest);
  g_bytes_unref (f->data);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Fixture, fixture_clear)

static Fixture
fixture_make (gsize size)
{
  Fixture f = { .dir = temp_dir_make (), .data = fake_random_bytes (size) };

  f.digest = fake_blob (&f.dir, g_bytes_get_data (f.data, NULL), size);
  return f;
}

static char *
blob_url (const Fixture *f, const FakeRegistry *fake)
{
  return g_strdup_printf ("http://%s/v2/some/image/blobs/%s", fake->host, f->digest);
}

static ScHttp *
http_new (const ScHttpOptions *options)
{
  g_autoptr (GError) error = NULL;
  ScHttp *http = sc_http_new (options, &error);

  g_assert_no_error (error);
  return http;
}

static ScHttp *
http_plain (void)
{
  ScHttpOptions options = { .user_agent = "atomic-test" };

  return http_new (&options);
}

static char *
tls_path (const char *name)
{
  return g_build_filename (g_getenv ("SC_TEST_DATA"), "tls", name, NULL);
}

static GBytes *
tls_file (const char *name)
{
  g_autofree char *path = tls_path (name);
  g_autoptr (GError) error = NULL;
  char *text = NULL;
  gsize size = 0;

  g_file_get_contents (path, &text, &size, &error);
  g_assert_no_error (error);
  return g_bytes_new_take (text, size);
}

static void
assert_message (const GError *error, const char *part)
{
  g_assert_nonnull (error);
  if (strstr (error->message, part) == NULL)
    g_error ("'%s' is not in '%s'", part, error->message);
}

/* A GET that must fail with @code and @part in its message. */
static void
assert_get_fails (ScHttp *http, const char *url, GQuark domain, int code, const char *part)
{
  g_auto (ScHttpResponse) response = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) body = sc_http_get (http, url, NULL, NULL, 64 * MIB, &response, NULL, &error);

  g_assert_null (body);
  g_assert_error (error, domain, code);
  assert_message (error, part);
}

static void
assert_get (ScHttp *http, const char *url, const char *authorization, GBytes *expected)
{
  static const char *const headers[] = { "X-Test: yes", NULL };
  g_auto (ScHttpResponse) response = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) body = sc_http_get (http, url, headers, authorization, 64 * MIB, &response, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpint (response.status, ==, 200);
  g_assert_true (g_bytes_equal (body, expected));
}

static void
test_get (void)
{
  g_auto (Fixture) f = fixture_make (1000);
  g_autofree char *headers_file = g_build_filename (f.dir.path, "headers", NULL);
  g_autoptr (FakeRegistry) fake = fake_registry_start (&f.dir, "--headers", headers_file, NULL);
  g_autoptr (ScHttp) http = http_plain ();
  g_auto (ScHttpResponse) response = { 0 };
  g_autoptr (GError) error = NULL;

  if (fake == NULL)
    return;
  g_autofree char *url = blob_url (&f, fake);
  g_autoptr (GInputStream) stream = sc_http_open (http, url, NULL, "Basic abc", &response, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (response.status, ==, 200);
  g_assert_cmpint (response.content_length, ==, 1000);
  g_assert_cmpstr (response.content_type, ==, "application/octet-stream");
  g_autoptr (GBytes) body = sc_http_read_body (stream, 1000, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (body, f.data));
  g_clear_object (&stream);

  /* Nothing asks for an encoding, and nothing is said that was not asked for. */
  g_autofree char *headers = temp_dir_read (&f.dir, "headers");
  g_assert_nonnull (strstr (headers, "User-Agent: atomic-test\n"));
  g_assert_nonnull (strstr (headers, "Authorization: Basic abc\n"));
  g_assert_null (strstr (headers, "Accept-Encoding"));

  g_autofree char *missing = g_strdup_printf ("http://%s/nothing", fake->host);
  g_autoptr (GBytes) explained = sc_http_get (http, missing, NULL, NULL, 4096, &response, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (explained), >, 0);
  g_assert_cmpint (response.status, ==, 404);
  g_assert_cmpstr (response.content_type, ==, "application/json");

  g_autofree char *again = blob_url (&f, fake);
  g_autoptr (GBytes) none = sc_http_get (http, again, NULL, NULL, 999, &response, NULL, &error);
  g_assert_null (none);
  g_assert_error (error, SC_ERROR, SC_ERROR_LIMIT);
}

/* The same bytes whatever the reads and the framing. */
static void
test_read_sizes (void)
{
  static const gsize sizes[] = { 1000, 64 * 1024, 3 * 1024 * 1024 };
  static const char *const framings[] = { "--header=X-Nothing: 1", "--chunked", "--no-length" };
  g_auto (Fixture) f = fixture_make (5 * MIB + 12345);

  for (gsize k = 0; k < G_N_ELEMENTS (framings); k++)
    {
      g_autoptr (FakeRegistry) fake = fake_registry_start (&f.dir, framings[k], NULL);
      g_autoptr (ScHttp) http = http_plain ();

      if (fake == NULL)
        return;
      for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
        {
          g_auto (ScHttpResponse) response = { 0 };
          g_autoptr (GError) error = NULL;
          g_autofree char *url = blob_url (&f, fake);
          g_autofree guint8 *buffer = g_malloc (sizes[i]);
          g_autoptr (GInputStream) stream = sc_http_open (http, url, NULL, NULL, &response, NULL, &error);
          g_autoptr (GByteArray) all = g_byte_array_new ();
          gssize n = 0;

          g_assert_no_error (error);
          while ((n = g_input_stream_read (stream, buffer, sizes[i], NULL, &error)) > 0)
            g_byte_array_append (all, buffer, (guint)n);
          g_assert_no_error (error);
          g_assert_cmpint (n, ==, 0);
          g_assert_cmpmem (all->data, all->len, g_bytes_get_data (f.data, NULL), g_bytes_get_size (f.data));
        }
    }
}

static gsize
resident (void)
{
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  unsigned long pages = 0;

  g_file_get_contents ("/proc/self/statm", &text, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (sscanf (text, "%*u %lu", &pages), ==, 1);
  return pages * (gsize)sysconf (_SC_PAGESIZE);
}

/* A reader that takes little and slowly does not make us hold the rest. */
static void
test_bounded (void)
{
  g_auto (Fixture) f = fixture_make (48 * MIB);
  g_autoptr (FakeRegistry) fake = fake_registry_start (&f.dir, NULL);
  g_autoptr (ScHttp) http = http_plain ();
  g_auto (ScHttpResponse) response = { 0 };
  g_autoptr (GError) error = NULL;
  guint8 buffer[4096];

  if (fake == NULL)
    return;
  g_autofree char *url = blob_url (&f, fake);
  gsize before = resident ();
  gsize peak = before;
  g_autoptr (GInputStream) stream = sc_http_open (http, url, NULL, NULL, &response, NULL, &error);
  g_assert_no_error (error);
  for (gsize total = 0; total < 24 * MIB;)
    {
      gssize n = g_input_stream_read (stream, buffer, sizeof buffer, NULL, &error);

      g_assert_no_error (error);
      g_assert_cmpint (n, >, 0);
      g_assert_cmpmem (buffer, n, (const guint8 *)g_bytes_get_data (f.data, NULL) + total, n);
      total += (gsize)n;
      peak = MAX (peak, resident ());
    }
  g_assert_cmpuint (peak - before, <, 12 * MIB);
}

static gpointer
read_in_thread (gpointer data)
{
  g_autoptr (GError) error = NULL;
  GBytes *body = sc_http_read_body (data, 64 * MIB, NULL, &error);

  g_assert_no_error (error);
  return body;
}

static void
test_other_thread (void)
{
  g_auto (Fixture) f = fixture_make (3 * MIB);
  g_autoptr (FakeRegistry) fake = fake_registry_start (&f.dir, NULL);
  g_autoptr (ScHttp) http = http_plain ();
  g_auto (ScHttpResponse) response = { 0 };
  g_autoptr (GError) error = NULL;

  if (fake == NULL)
    return;
  g_autofree char *url = blob_url (&f, fake);
  g_autoptr (GInputStream) stream = sc_http_open (http, url, NULL, NULL, &response, NULL, &error);
  g_assert_no_error (error);
  g_autoptr (GBytes) body = g_thread_join (g_thread_new ("reader", read_in_thread, stream));
  g_assert_true (g_bytes_equal (body, f.data));
}

static void
test_freed (void)
{
  g_auto (Fixture) f = fixture_make (3 * MIB);
  g_autoptr (FakeRegistry) fake = fake_registry_start (&f.dir, NULL);
  ScHttp *http = NULL;
  g_auto (ScHttpResponse) response = { 0 };
  g_autoptr (GError) error = NULL;
  char byte;

  if (fake == NULL)
    return;
  g_autofree char *url = blob_url (&f, fake);
  http = http_plain ();
  g_autoptr (GInputStream) stream = sc_http_open (http, url, NULL, NULL, &response, NULL, &error);
  g_assert_no_error (error);
  sc_http_free (http);
  g_assert_cmpint (g_input_stream_read (stream, &byte, 1, NULL, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
}

static void
test_truncated (void)
{
  g_auto (Fixture) f = fixture_make (2 * MIB);
  g_autoptr (FakeRegistry) fake = fake_registry_start (&f.dir, "--truncate", "2000000", "--times", "1", NULL);
  g_autoptr (ScHttp) http = http_plain ();

  if (fake == NULL)
    return;
  g_autofree char *url = blob_url (&f, fake);
  assert_get_fails (http, url, SC_ERROR, SC_ERROR_UNAVAILABLE, "closed the connection 97152 bytes early");
  /* The next request is not hurt. */
  assert_get (http, url, NULL, f.data);
}

static void
test_truncated_chunks (void)
{
  g_auto (Fixture) f = fixture_make (2 * MIB);
  g_autoptr (FakeRegistry) fake = fake_registry_start (&f.dir, "--truncate", "1000", "--chunked", NULL);
  g_autoptr (ScHttp) http = http_plain ();

  if (fake == NULL)
    return;
  g_autofree char *url = blob_url (&f, fake);
  assert_get_fails (http, url, SC_ERROR, SC_ERROR_UNAVAILABLE, fake->host);
}

static void
test_stalled (void)
{
  g_auto (Fixture) f = fixture_make (2 * MIB);
  g_autoptr (FakeRegistry) fake = fake_registry_start (&f.dir, "--stall", "1000", NULL);
  ScHttpOptions options = { .stall_timeout = 1 };
  g_autoptr (ScHttp) http = http_new (&options);

  if (fake == NULL)
    return;
  g_autofree char *url = blob_url (&f, fake);
  assert_get_fails (http, url, SC_ERROR, SC_ERROR_UNAVAILABLE, "no data for 1 seconds");
}

static gpointer
cancel_in_thread (gpointer data)
{
  g_usleep (50 * 1000);
  g_cancellable_cancel (data);
  return NULL;
}

static void
test_cancel_body (void)
{
  g_auto (Fixture) f = fixture_make (2 * MIB);
  g_autoptr (FakeRegistry) fake = fake_registry_start (&f.dir, "--stall", "1000", NULL);
  g_autoptr (ScHttp) http = http_plain ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_auto (ScHttpResponse) response = { 0 };
  g_autoptr (GError) error = NULL;

  if (fake == NULL)
    return;
  g_autofree char *url = blob_url (&f, fake);
  g_autoptr (GInputStream) stream = sc_http_open (http, url, NULL, NULL, &response, cancellable, &error);
  g_assert_no_error (error);
  GThread *thread = g_thread_new ("cancel", cancel_in_thread, cancellable);
  g_autoptr (GBytes) body = sc_http_read_body (stream, 64 * MIB, cancellable, &error);
  g_thread_join (thread);
  g_assert_null (body);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

/* A socket of 127.0.0.1 that listens and never answers. */
static GSocket *
silent_socket (guint *out_port)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocketAddress) any = g_inet_socket_address_new_from_string ("127.0.0.1", 0);
  g_autoptr (GSocketAddress) address = NULL;
  GSocket *socket = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, &error);

  g_assert_no_error (error);
  g_socket_bind (socket, any, FALSE, &error);
  g_assert_no_error (error);
  g_socket_listen (socket, &error);
  g_assert_no_error (error);
  address = g_socket_get_local_address (socket, &error);
  g_assert_no_error (error);
  *out_port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (address));
  return socket;
}

static void
test_cancel_headers (void)
{
  guint port = 0;
  g_autoptr (GSocket) silent = silent_socket (&port);
  g_autofree char *url = g_strdup_printf ("http://127.0.0.1:%u/", port);
  g_autoptr (ScHttp) http = http_plain ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_auto (ScHttpResponse) response = { 0 };
  g_autoptr (GError) error = NULL;

  g_assert_nonnull (silent);
  GThread *thread = g_thread_new ("cancel", cancel_in_thread, cancellable);
  g_autoptr (GInputStream) stream = sc_http_open (http, url, NULL, NULL, &response, cancellable, &error);

  g_thread_join (thread);
  g_assert_null (stream);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  /* TLS with somebody who never answers is a connection that is not made. */
  ScHttpOptions options = { .connect_timeout = 1 };
  g_autoptr (ScHttp) impatient = http_new (&options);
  g_autofree char *https = g_strdup_printf ("https://127.0.0.1:%u/", port);
  assert_get_fails (impatient, https, SC_ERROR, SC_ERROR_UNAVAILABLE, "no answer within 1 seconds");
}

static void
test_unreachable (void)
{
  guint port = 0;
  g_autoptr (GSocket) silent = silent_socket (&port);
  g_autofree char *url = g_strdup_printf ("http://127.0.0.1:%u/", port);
  g_autofree char *message = g_strdup_printf ("cannot connect to 127.0.0.1:%u: Connection refused", port);
  g_autoptr (ScHttp) http = http_plain ();
  g_autoptr (GError) error = NULL;

  g_socket_close (silent, &error);
  g_assert_no_error (error);
  assert_get_fails (http, url, SC_ERROR, SC_ERROR_UNAVAILABLE, message);
  assert_get_fails (http, "http://no-such-host.invalid/", SC_ERROR, SC_ERROR_UNAVAILABLE,
                    "cannot resolve host 'no-such-host.invalid'");
}

static void
test_bad_urls (void)
{
  static const char *const urls[] = { "file:///etc/passwd", "ftp://127.0.0.1/x", "127.0.0.1/x", "http://", "" };
  static const char *const bad_headers[] = { "X-Test: a\r\nAuthorization: b", NULL };
  g_autoptr (ScHttp) http = http_plain ();
  g_auto (ScHttpResponse) response = { 0 };
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (urls); i++)
    assert_get_fails (http, urls[i], SC_ERROR, SC_ERROR_INVALID, "bad URL");
  g_assert_null (sc_http_open (http, "http://127.0.0.1/", bad_headers, NULL, &response, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
  g_clear_error (&error);
  g_assert_null (sc_http_open (http, "http://127.0.0.1/", NULL, "Bearer a\nX: b", &response, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
}

/* What was said to the other origin, and what was not. */
static void
test_redirect (void)
{
  g_auto (Fixture) f = fixture_make (2 * MIB);
  g_autofree char *first = g_build_filename (f.dir.path, "first", NULL);
  g_autofree char *second = g_build_filename (f.dir.path, "second", NULL);
  g_autoptr (FakeRegistry) fake =
      fake_registry_start (&f.dir, "--redirect", "--headers", first, "--redirect-headers", second, NULL);
  g_autoptr (ScHttp) http = http_plain ();

  if (fake == NULL)
    return;
  g_autofree char *url = blob_url (&f, fake);
  assert_get (http, url, "Bearer secret", f.data);
  g_autofree char *told_first = temp_dir_read (&f.dir, "first");
  g_autofree char *told_second = temp_dir_read (&f.dir, "second");
  g_assert_nonnull (strstr (told_first, "Authorization: Bearer secret"));
  g_assert_nonnull (strstr (told_second, "X-Test: yes"));
  g_assert_null (strstr (told_second, "Authorization"));
  g_assert_null (strstr (told_second, "secret"));
}

static void
test_redirect_loop (void)
{
  g_auto (Fixture) f = fixture_make (1000);
  g_autofree char *log = g_build_filename (f.dir.path, "log", NULL);
  g_autoptr (FakeRegistry) fake = fake_registry_start (&f.dir, "--redirect-loop", "--log", log, NULL);
  g_autoptr (ScHttp) http = http_plain ();

  if (fake == NULL)
    return;
  g_autofree char *url = blob_url (&f, fake);
  assert_get_fails (http, url, SC_ERROR, SC_ERROR_INVALID, "more than 10 redirects");
  g_autofree char *text = temp_dir_read (&f.dir, "log");
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, 11 + 1);
}

static void
test_redirect_elsewhere (void)
{
  static const char *const targets[] = { "file:///etc/passwd", "gopher://127.0.0.1/", "http://" };
  g_auto (Fixture) f = fixture_make (1000);

  for (gsize i = 0; i < G_N_ELEMENTS (targets); i++)
    {
      g_autoptr (FakeRegistry) fake = fake_registry_start (&f.dir, "--redirect-to", targets[i], NULL);
      g_autoptr (ScHttp) http = http_plain ();

      if (fake == NULL)
        return;
      g_autofree char *url = blob_url (&f, fake);
      assert_get_fails (http, url, SC_ERROR, SC_ERROR_INVALID, "redirect of 127.0.0.1");
    }
}

static void
test_big_headers (void)
{
  g_auto (Fixture) f = fixture_make (1000);
  g_autoptr (FakeRegistry) fake = fake_registry_start (&f.dir, "--big-headers", "1000000", NULL);
  g_autoptr (ScHttp) http = http_plain ();

  if (fake == NULL)
    return;
  g_autofree char *url = blob_url (&f, fake);
  assert_get_fails (http, url, SC_ERROR, SC_ERROR_LIMIT, "response headers");
}

static void
test_tls (void)
{
  g_auto (Fixture) f = fixture_make (2 * MIB);
  g_autofree char *cert = tls_path ("server.cert");
  g_autofree char *key = tls_path ("server.key");
  g_autoptr (GBytes) ca = tls_file ("ca.crt");
  g_autoptr (FakeRegistry) fake = fake_registry_start (&f.dir, "--tls", cert, key, NULL);
  ScHttpOptions with_ca = { .ca = ca };
  ScHttpOptions insecure = { .insecure = TRUE };
  g_autoptr (ScHttp) http = http_new (&with_ca);
  g_autoptr (ScHttp) careless = http_new (&insecure);
  g_autoptr (ScHttp) plain = http_plain ();

  if (fake == NULL)
    return;
  g_autofree char *url = g_strdup_printf ("https://%s/v2/x/blobs/%s", fake->host, f.digest);
  g_autofree char *other = g_strdup_printf ("https://localhost:%u/v2/x/blobs/%s", fake->port, f.digest);
  assert_get (http, url, NULL, f.data);
  assert_get (careless, url, NULL, f.data);
  assert_get (careless, other, NULL, f.data);
  assert_get_fails (plain, url, SC_ERROR, SC_ERROR_DENIED, "TLS: certificate verify failed for 127.0.0.1:");
  /* The certificate is that of the address, not of the name. */
  assert_get_fails (http, other, SC_ERROR, SC_ERROR_DENIED, "TLS: certificate verify failed for localhost:");
}

static void
test_tls_downgrade (void)
{
  g_auto (Fixture) f = fixture_make (1000);
  g_autofree char *log = g_build_filename (f.dir.path, "log", NULL);
  g_autofree char *cert = tls_path ("server.cert");
  g_autofree char *key = tls_path ("server.key");
  g_autoptr (FakeRegistry) plain = fake_registry_start (&f.dir, "--log", log, NULL);
  ScHttpOptions insecure = { .insecure = TRUE };
  g_autoptr (ScHttp) http = http_new (&insecure);

  if (plain == NULL)
    return;
  g_autofree char *target = g_strdup_printf ("http://%s{path}", plain->host);
  g_autoptr (FakeRegistry) fake = fake_registry_start (&f.dir, "--tls", cert, key, "--redirect-to", target, NULL);
  g_autofree char *url = g_strdup_printf ("https://%s/v2/x/blobs/%s", fake->host, f.digest);
  assert_get_fails (http, url, SC_ERROR, SC_ERROR_INVALID, "redirects from https to http");
  g_autofree char *text = temp_dir_read (&f.dir, "log");
  g_assert_cmpstr (text, ==, "");

  /* And TLS to a server that has none. */
  g_autofree char *no_tls = g_strdup_printf ("https://%s/", plain->host);
  assert_get_fails (http, no_tls, SC_ERROR, SC_ERROR_UNAVAILABLE, "TLS: no secure connection to 127.0.0.1:");
}

static void
test_client_certificate (void)
{
  g_auto (Fixture) f = fixture_make (1000);
  g_autofree char *cert = tls_path ("server.cert");
  g_autofree char *key = tls_path ("server.key");
  g_autofree char *ca_path = tls_path ("ca.crt");
  g_autoptr (GBytes) ca = tls_file ("ca.crt");
  g_autoptr (GBytes) client_cert = tls_file ("client.cert");
  g_autoptr (GBytes) client_key = tls_file ("client.key");
  g_autoptr (FakeRegistry) fake =
      fake_registry_start (&f.dir, "--tls", cert, key, "--tls-client-ca", ca_path, "--redirect", NULL);
  g_autoptr (FakeRegistry) direct = fake_registry_start (&f.dir, "--tls", cert, key, "--tls-client-ca", ca_path, NULL);
  ScHttpOptions options = { .ca = ca, .client_cert = client_cert, .client_key = client_key };
  ScHttpOptions nobody = { .ca = ca };
  ScHttpOptions mixed_up = { .ca = ca, .client_cert = client_cert, .client_key = ca };
  g_autoptr (ScHttp) http = http_new (&options);
  g_autoptr (ScHttp) http_nobody = http_new (&nobody);
  g_autoptr (ScHttp) http_mixed_up = http_new (&mixed_up);

  if (fake == NULL || direct == NULL)
    return;
  g_autofree char *url = g_strdup_printf ("https://%s/v2/x/blobs/%s", direct->host, f.digest);
  g_autofree char *redirected = g_strdup_printf ("https://%s/v2/x/blobs/%s", fake->host, f.digest);
  g_autofree char *second = g_strdup_printf ("127.0.0.1:%u", fake->second_port);
  assert_get (http, url, NULL, f.data);
  assert_get_fails (http_nobody, url, SC_ERROR, SC_ERROR_UNAVAILABLE, direct->host);
  assert_get_fails (http_mixed_up, url, SC_ERROR, SC_ERROR_INVALID, "client certificate");
  /* The second origin asks for the certificate too, and does not get it. */
  assert_get_fails (http, redirected, SC_ERROR, SC_ERROR_UNAVAILABLE, second);
}

static void
test_proxy (void)
{
  g_auto (Fixture) f = fixture_make (1000);
  g_autofree char *log = g_build_filename (f.dir.path, "log", NULL);
  g_autoptr (FakeRegistry) fake = fake_registry_start (&f.dir, "--log", log, NULL);

  if (fake == NULL)
    return;
  g_autofree char *proxy = g_strdup_printf ("http://%s", fake->host);
  ScHttpOptions options = { .http_proxy = proxy };
  ScHttpOptions exempt = { .http_proxy = proxy, .no_proxy = "other.invalid,registry.invalid" };
  g_autoptr (ScHttp) http = http_new (&options);
  g_autoptr (ScHttp) http_exempt = http_new (&exempt);
  g_auto (ScHttpResponse) response = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) body =
      sc_http_get (http, "http://registry.invalid/asked", NULL, NULL, 4096, &response, NULL, &error);

  g_assert_no_error (error);
  g_assert_nonnull (body);
  g_autofree char *text = temp_dir_read (&f.dir, "log");
  g_assert_true (g_str_has_prefix (text, "GET http://registry.invalid/asked 404 "));
  assert_get_fails (http_exempt, "http://registry.invalid/asked", SC_ERROR, SC_ERROR_UNAVAILABLE, "cannot resolve");
  /* Only a proxy that was asked is mentioned. */
  ScHttpOptions away = { .http_proxy = "http://127.0.0.1:1", .no_proxy = "192.0.2.0/24,127.0.0.1:2" };
  g_autoptr (ScHttp) http_away = http_new (&away);
  assert_get_fails (http_away, "http://registry.invalid/", SC_ERROR, SC_ERROR_UNAVAILABLE,
                    "cannot connect to registry.invalid (a proxy is configured)");
  assert_get_fails (http_away, "http://127.0.0.1:1/", SC_ERROR, SC_ERROR_UNAVAILABLE,
                    "cannot connect to 127.0.0.1:1: Connection refused");

  /* This machine is reached directly, and the environment has no say (see main). */
  g_autofree char *url = blob_url (&f, fake);
  assert_get (http, url, NULL, f.data);
  g_autoptr (ScHttp) plain = http_plain ();
  assert_get_fails (plain, "http://registry.invalid/x", SC_ERROR, SC_ERROR_UNAVAILABLE, "cannot resolve");
}

int
main (int argc, char **argv)
{
  /* Nobody listens there: whoever uses it fails. */
  g_setenv ("http_proxy", "http://127.0.0.1:1", TRUE);
  g_setenv ("https_proxy", "http://127.0.0.1:1", TRUE);
  g_setenv ("ALL_PROXY", "http://127.0.0.1:1", TRUE);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/http/get", test_get);
  g_test_add_func ("/http/read-sizes", test_read_sizes);
  g_test_add_func ("/http/bounded", test_bounded);
  g_test_add_func ("/http/other-thread", test_other_thread);
  g_test_add_func ("/http/freed", test_freed);
  g_test_add_func ("/http/truncated", test_truncated);
  g_test_add_func ("/http/truncated-chunks", test_truncated_chunks);
  g_test_add_func ("/http/stalled", test_stalled);
  g_test_add_func ("/http/cancel-body", test_cancel_body);
  g_test_add_func ("/http/cancel-headers", test_cancel_headers);
  g_test_add_func ("/http/unreachable", test_unreachable);
  g_test_add_func ("/http/bad-urls", test_bad_urls);
  g_test_add_func ("/http/redirect", test_redirect);
  g_test_add_func ("/http/redirect-loop", test_redirect_loop);
  g_test_add_func ("/http/redirect-elsewhere", test_redirect_elsewhere);
  g_test_add_func ("/http/big-headers", test_big_headers);
  g_test_add_func ("/http/tls", test_tls);
  g_test_add_func ("/http/tls-downgrade", test_tls_downgrade);
  g_test_add_func ("/http/client-certificate", test_client_certificate);
  g_test_add_func ("/http/proxy", test_proxy);
  return g_test_run ();
}
