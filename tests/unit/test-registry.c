/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * registry against tests/fakes/registry.py: addresses, logins, and what each refusal says.
 */

#include "registry.h"

#include "fake-registry.h"
#include "http.h"

#define MANIFEST "{\"schemaVersion\":2,\"config\":{},\"layers\":[]}"

typedef struct
{
  TempDir layout;
  TempDir root;
  ScContext *ctx;
  char *manifest; /* digest */
  char *blob;     /* digest */
} Fixture;

static void
fixture_clear (Fixture *f)
{
  temp_dir_clear (&f->layout);
  temp_dir_clear (&f->root);
  sc_context_free (f->ctx);
  g_free (f->manifest);
  g_free (f->blob);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Fixture, fixture_clear)

static Fixture
fixture_make (void)
{
  Fixture f = { .layout = temp_dir_make (), .root = temp_dir_make () };
  g_autoptr (GError) error = NULL;

  f.manifest = fake_blob (&f.layout, MANIFEST, strlen (MANIFEST));
  f.blob = fake_blob (&f.layout, "content", 7);
  f.ctx = sc_context_new (f.root.path, &error);
  g_assert_no_error (error);

  g_autofree char *index = g_strdup_printf ("{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"%s\",\"size\":%zu,"
                                            "\"digest\":\"%s\",\"annotations\":{"
                                            "\"org.opencontainers.image.ref.name\":\"v1\"}},"
                                            "{\"mediaType\":\"x\",\"size\":1,\"digest\":\"%s\"}]}",
                                            SC_MT_OCI_MANIFEST, strlen (MANIFEST), f.manifest, f.blob);
  temp_dir_write (&f.layout, "index.json", index, strlen (index));
  return f;
}

static char *
layout_file (const Fixture *f, const char *name)
{
  return g_build_filename (f->layout.path, name, NULL);
}

static ScBlobSource *open_source (const Fixture *f, const char *user, const char *password, const char *format, ...)
    G_GNUC_PRINTF (4, 5);

static ScBlobSource *
open_source (const Fixture *f, const char *user, const char *password, const char *format, ...)
{
  ScBlobSourceOptions options = { .ctx = f->ctx, .credentials = { user, password } };
  g_autoptr (GError) error = NULL;
  va_list args;

  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  g_autoptr (ScReference) ref = sc_reference_parse (text, &error);
  g_assert_no_error (error);
  ScBlobSource *source = sc_blob_source_open (ref, &options, NULL, &error);
  g_assert_no_error (error);
  return source;
}

static void
assert_manifest (const Fixture *f, ScBlobSource *source)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *type = NULL;
  g_autoptr (GBytes) bytes = source->klass->fetch_manifest (source, NULL, &type, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), MANIFEST, strlen (MANIFEST));
  g_assert_cmpstr (type, ==, SC_MT_OCI_MANIFEST);
}

static void
assert_blob (const Fixture *f, ScBlobSource *source)
{
  ScDescriptor descriptor = { .digest = f->blob, .size = 7 };
  g_autoptr (GError) error = NULL;
  g_autoptr (GInputStream) stream = source->klass->open_blob (source, &descriptor, NULL, &error);

  g_assert_no_error (error);
  g_autoptr (GBytes) bytes = sc_http_read_body (stream, 100, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), "content", 7);
}

static void
assert_message (const GError *error, int code, const char *part)
{
  g_assert_error (error, SC_ERROR, code);
  if (strstr (error->message, part) == NULL)
    g_error ("'%s' is not in '%s'", part, error->message);
}

static void
assert_manifest_fails (ScBlobSource *source, int code, const char *part)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *type = NULL;
  g_autoptr (GBytes) bytes = source->klass->fetch_manifest (source, NULL, &type, NULL, &error);

  g_assert_null (bytes);
  assert_message (error, code, part);
}

static void
assert_blob_fails (const Fixture *f, ScBlobSource *source, int code, const char *part)
{
  ScDescriptor descriptor = { .digest = f->blob, .size = 7 };
  g_autoptr (GError) error = NULL;
  g_autoptr (GInputStream) stream = source->klass->open_blob (source, &descriptor, NULL, &error);

  g_assert_null (stream);
  assert_message (error, code, part);
}

static guint
count (const char *text, const char *part)
{
  g_auto (GStrv) pieces = g_strsplit (text, part, -1);

  return g_strv_length (pieces) - 1;
}

/* A registry of this machine that speaks no TLS, without a word about it. */
static void
test_plain (void)
{
  g_auto (Fixture) f = fixture_make ();
  g_autofree char *log = layout_file (&f, "log");
  g_autofree char *headers = layout_file (&f, "headers");
  g_autoptr (FakeRegistry) fake = fake_registry_start (&f.layout, "--log", log, "--headers", headers, NULL);

  if (fake == NULL)
    return;
  g_autoptr (ScBlobSource) source = open_source (&f, NULL, NULL, "%s/some/image:v1", fake->host);
  assert_manifest (&f, source);
  assert_blob (&f, source);

  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) same = source->klass->fetch_manifest (source, f.manifest, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (same), ==, strlen (MANIFEST));

  g_autofree char *expected =
      g_strdup_printf ("GET /v2/ 200 2\nGET /v2/some/image/manifests/v1 200 %zu\n"
                       "GET /v2/some/image/blobs/%s 200 7\nGET /v2/some/image/manifests/%s 200 %zu\n",
                       strlen (MANIFEST), f.blob, f.manifest, strlen (MANIFEST));
  g_autofree char *got = temp_dir_read (&f.layout, "log");
  g_assert_cmpstr (got, ==, expected);

  g_autofree char *said = temp_dir_read (&f.layout, "headers");
  g_assert_nonnull (strstr (said, SC_MT_OCI_INDEX));
  g_assert_nonnull (strstr (said, SC_MT_OCI_MANIFEST));
  g_assert_nonnull (strstr (said, SC_MT_DOCKER_LIST));
  g_assert_nonnull (strstr (said, SC_MT_DOCKER_MANIFEST));
  g_assert_null (strstr (said, "distribution.manifest.v1+"));
  g_assert_null (strstr (said, "Authorization"));
}

static void
test_missing (void)
{
  g_auto (Fixture) f = fixture_make ();
  g_autoptr (FakeRegistry) fake = fake_registry_start (&f.layout, NULL);

  if (fake == NULL)
    return;
  g_autoptr (ScBlobSource) source = open_source (&f, NULL, NULL, "%s/some/image:v2", fake->host);
  assert_manifest_fails (source, SC_ERROR_NOT_FOUND, " has no image some/image:v2: manifest unknown to the fake");
  g_autoptr (ScBlobSource) by_digest = open_source (&f, NULL, NULL, "%s/x:v1@sha256:%064d", fake->host, 7);
  assert_manifest_fails (by_digest, SC_ERROR_NOT_FOUND, " has no image x@sha256:00000000");
  g_free (f.blob);
  f.blob = g_strdup_printf ("sha256:%064d", 5);
  assert_blob_fails (&f, source, SC_ERROR_NOT_FOUND, " has no blob sha256:00000000");
}

static void
test_statuses (void)
{
  static const struct
  {
    const char *status;
    int code;
    const char *part;
  } cases[] = {
    { "501", SC_ERROR_UNAVAILABLE, "answered 501 for image some/image:v1: told to answer 501" },
    { "403", SC_ERROR_DENIED, "refuses access to image some/image:v1" },
    { "418", SC_ERROR_INVALID, "answered 418" },
    { "206", SC_ERROR_INVALID, "answered 206" },
    { "304", SC_ERROR_INVALID, "answered 304" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Fixture) f = fixture_make ();
      g_autoptr (FakeRegistry) fake =
          fake_registry_start (&f.layout, "--status", cases[i].status, "--on-manifests", "--times", "1", NULL);

      if (fake == NULL)
        return;
      g_autoptr (ScBlobSource) source = open_source (&f, NULL, NULL, "%s/some/image:v1", fake->host);
      assert_manifest_fails (source, cases[i].code, cases[i].part);
      /* The source is still good. */
      assert_manifest (&f, source);
    }
}

/* What may pass is tried again, and told when it does not. */
static void
test_busy (void)
{
  static const char *const statuses[] = { "408", "429", "500", "503" };

  for (gsize i = 0; i < G_N_ELEMENTS (statuses); i++)
    {
      g_auto (Fixture) f = fixture_make ();
      g_autoptr (FakeRegistry) fake = fake_registry_start (&f.layout, "--status", statuses[i], "--retry-after", "0",
                                                           "--on-manifests", "--times", "2", NULL);

      if (fake == NULL)
        return;
      g_autoptr (ScBlobSource) source = open_source (&f, NULL, NULL, "%s/some/image:v1", fake->host);
      assert_manifest (&f, source);
    }

  g_auto (Fixture) f = fixture_make ();
  g_autofree char *log = layout_file (&f, "log");
  g_autoptr (FakeRegistry) fake =
      fake_registry_start (&f.layout, "--status", "429", "--retry-after", "0", "--on-manifests", "--log", log, NULL);
  g_autoptr (ScBlobSource) source = open_source (&f, NULL, NULL, "%s/some/image:v1", fake->host);
  assert_manifest_fails (source, SC_ERROR_UNAVAILABLE,
                         "answered 429 for image some/image:v1 (too many requests): told to answer 429");
  g_autofree char *text = temp_dir_read (&f.layout, "log");
  g_assert_cmpuint (count (text, "manifests/v1 429"), ==, 5);
}

static void
test_basic (void)
{
  g_auto (Fixture) f = fixture_make ();
  g_autofree char *log = layout_file (&f, "log");
  g_autoptr (FakeRegistry) fake = fake_registry_start (&f.layout, "--basic", "me:se:cret", "--log", log, NULL);

  if (fake == NULL)
    return;
  g_autoptr (ScBlobSource) nobody = open_source (&f, NULL, NULL, "%s/x:v1", fake->host);
  assert_manifest_fails (nobody, SC_ERROR_DENIED, " asks for a user name: use --src-creds");
  g_autoptr (ScBlobSource) wrong = open_source (&f, "me", "guess", "%s/x:v1", fake->host);
  assert_manifest_fails (wrong, SC_ERROR_DENIED, " refused the user name or password");
  assert_manifest_fails (wrong, SC_ERROR_DENIED, " refused the user name or password");
  g_autoptr (ScBlobSource) no_password = open_source (&f, "me", NULL, "%s/x:v1", fake->host);
  assert_manifest_fails (no_password, SC_ERROR_DENIED, " refused the user name or password");

  g_autoptr (ScBlobSource) right = open_source (&f, "me", "se:cret", "%s/x:v1", fake->host);
  g_autofree char *before = temp_dir_read (&f.layout, "log");
  assert_manifest (&f, right);
  assert_blob (&f, right);
  /* Asked once: the second request knows. */
  g_autofree char *after = temp_dir_read (&f.layout, "log");
  g_assert_cmpuint (count (after + strlen (before), "/x/manifests/v1 401"), ==, 1);
  g_assert_cmpuint (count (after + strlen (before), "/x/blobs/"), ==, 1);
}

static void
test_bearer (void)
{
  static const char *const keys[] = { "token", "access_token" };

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_auto (Fixture) f = fixture_make ();
      g_autofree char *log = layout_file (&f, "log");
      g_autoptr (FakeRegistry) fake =
          fake_registry_start (&f.layout, "--bearer", "--token-key", keys[i], "--log", log, NULL);

      if (fake == NULL)
        return;
      g_autoptr (ScBlobSource) source = open_source (&f, NULL, NULL, "%s/some/image:v1", fake->host);
      assert_manifest (&f, source);
      assert_blob (&f, source);
      g_autofree char *text = temp_dir_read (&f.layout, "log");
      g_assert_cmpuint (count (text, "GET /token"), ==, 1);
      g_assert_cmpuint (count (text, "GET /token?service=fake%20registry&scope=repository:some/image:pull 200"), ==, 1);
    }
}

/* A token that is used up is replaced; one that is never any good is not asked for again and again. */
static void
test_bearer_refresh (void)
{
  g_auto (Fixture) f = fixture_make ();
  g_autofree char *log = layout_file (&f, "log");
  g_autoptr (FakeRegistry) fake = fake_registry_start (&f.layout, "--bearer", "--token-uses", "1", "--log", log, NULL);
  g_autoptr (FakeRegistry) useless = fake_registry_start (&f.layout, "--bearer", "--token-uses", "0", NULL);
  g_autoptr (FakeRegistry) short_lived =
      fake_registry_start (&f.layout, "--bearer", "--token-life", "0", "--token-uses", "0", NULL);

  if (fake == NULL || useless == NULL || short_lived == NULL)
    return;
  g_autoptr (ScBlobSource) source = open_source (&f, NULL, NULL, "%s/x:v1", fake->host);
  assert_manifest (&f, source);
  assert_blob (&f, source);
  assert_blob (&f, source);
  g_autofree char *text = temp_dir_read (&f.layout, "log");
  g_assert_cmpuint (count (text, "GET /token"), ==, 3);

  g_autoptr (ScBlobSource) none = open_source (&f, NULL, NULL, "%s/x:v1", useless->host);
  assert_manifest_fails (none, SC_ERROR_DENIED, "has no x that is open to everybody");
  g_autoptr (ScBlobSource) user = open_source (&f, "me", "x", "%s/x:v1", useless->host);
  assert_manifest_fails (user, SC_ERROR_DENIED, "does not let this user read x");
  g_autoptr (ScBlobSource) expired = open_source (&f, NULL, NULL, "%s/x:v1", short_lived->host);
  assert_manifest_fails (expired, SC_ERROR_DENIED, "has no x that is open to everybody");
}

static void
test_bearer_user (void)
{
  g_auto (Fixture) f = fixture_make ();
  g_autofree char *headers = layout_file (&f, "headers");
  g_autoptr (FakeRegistry) fake =
      fake_registry_start (&f.layout, "--token-user", "me:secret", "--headers", headers, NULL);

  if (fake == NULL)
    return;
  g_autoptr (ScBlobSource) nobody = open_source (&f, NULL, NULL, "%s/x:v1", fake->host);
  assert_manifest_fails (nobody, SC_ERROR_DENIED, " asks for a user name: use --src-creds");
  g_autoptr (ScBlobSource) wrong = open_source (&f, "me", "guess", "%s/x:v1", fake->host);
  assert_manifest_fails (wrong, SC_ERROR_DENIED, " refused the user name or password");
  g_autoptr (ScBlobSource) right = open_source (&f, "me", "secret", "%s/x:v1", fake->host);
  assert_manifest (&f, right);
  /* The password is the token server's alone. */
  g_autofree char *said = temp_dir_read (&f.layout, "headers");
  g_auto (GStrv) lines = g_strsplit (said, "\n", -1);
  for (gsize i = 0; lines[i] != NULL; i++)
    if (strstr (lines[i], "Authorization: Basic") != NULL)
      g_assert_true (g_str_has_prefix (lines[i], "/token"));
}

static void
test_bearer_realms (void)
{
  static const struct
  {
    const char *realm;
    int code;
    const char *part;
  } cases[] = {
    { "file:///etc/passwd", SC_ERROR_INVALID, "token server" },
    { "nothing", SC_ERROR_INVALID, "token server" },
    /* Never resolved: the password would go there unencrypted. */
    { "http://token.invalid/token", SC_ERROR_DENIED, "wants the password sent unencrypted to token.invalid" },
    { "http://[2001:db8::1]/token", SC_ERROR_DENIED, "wants the password sent unencrypted to [2001:db8::1]" },
    /* This machine: nobody listens there. */
    { "http://[::1]:1/token", SC_ERROR_UNAVAILABLE, "token server: cannot connect to [::1]:1" },
    { "https://token.invalid/token", SC_ERROR_UNAVAILABLE, "token server: cannot resolve host 'token.invalid'" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Fixture) f = fixture_make ();
      g_autoptr (FakeRegistry) fake = fake_registry_start (&f.layout, "--bearer", "--realm", cases[i].realm, NULL);

      if (fake == NULL)
        return;
      g_autoptr (ScBlobSource) source = open_source (&f, "me", "secret", "%s/x:v1", fake->host);
      assert_manifest_fails (source, cases[i].code, cases[i].part);
    }
}

/* A redirect leads to a host that asks for a login: nobody answers it, whoever it names. */
static void
test_redirected_challenge (void)
{
  static const char *const logins[][2] = {
    { "--basic=me:secret", NULL },
    { "--token-user=me:secret", NULL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (logins); i++)
    {
      g_auto (Fixture) f = fixture_make ();
      g_autofree char *headers = layout_file (&f, "evil-headers");
      g_autoptr (FakeRegistry) evil =
          fake_registry_start (&f.layout, "--token-user=other:one", "--headers", headers, NULL);

      if (evil == NULL)
        return;
      g_autofree char *target = g_strdup_printf ("--redirect-to=http://%s{path}", evil->host);
      g_autofree char *part = g_strdup_printf ("redirects to %s for blob", evil->host);
      g_autoptr (FakeRegistry) fake = fake_registry_start (&f.layout, logins[i][0], target, NULL);
      g_autoptr (ScBlobSource) source = open_source (&f, "me", "secret", "%s/x:v1", fake->host);
      assert_manifest (&f, source);
      assert_blob_fails (&f, source, SC_ERROR_DENIED, part);
      g_autofree char *seen = temp_dir_read (&f.layout, "evil-headers");
      g_assert_cmpuint (count (seen, "/blobs/"), >, 0);
      g_assert_cmpuint (count (seen, "uthorization"), ==, 0);
      g_assert_cmpuint (count (seen, "/token"), ==, 0);
    }
}

/* A registry that wants more than to pull from the repository says so, and gets it once. */
static void
test_scope (void)
{
  g_auto (Fixture) f = fixture_make ();
  g_autofree char *log = layout_file (&f, "log");
  g_autoptr (FakeRegistry) fake =
      fake_registry_start (&f.layout, "--bearer", "--need-scope=repository:some/other:pull,push", "--log", log, NULL);
  g_autoptr (FakeRegistry) posted =
      fake_registry_start (&f.layout, "--bearer", "--need-scope=registry:catalog:*", NULL);
  g_autoptr (FakeRegistry) never = fake_registry_start (&f.layout, "--bearer", "--need-scope= ", NULL);

  if (fake == NULL || posted == NULL || never == NULL)
    return;
  g_autoptr (ScBlobSource) source = open_source (&f, NULL, NULL, "%s/x:v1", fake->host);
  assert_manifest (&f, source);
  assert_blob (&f, source);
  g_autofree char *text = temp_dir_read (&f.layout, "log");
  g_assert_cmpuint (count (text, "GET /token"), ==, 2);
  g_assert_cmpuint (count (text, "&scope=repository:some/other:pull,push 200"), ==, 1);
  g_autoptr (ScBlobSource) other = open_source (&f, NULL, NULL, "%s/x:v1", posted->host);
  assert_manifest (&f, other);
  g_autoptr (ScBlobSource) refused = open_source (&f, NULL, NULL, "%s/x:v1", never->host);
  assert_manifest_fails (refused, SC_ERROR_DENIED, "has no x that is open to everybody");
}

typedef struct
{
  ScBlobSource *source;
  GCancellable *cancellable;
  GError *error;
} Asker;

static gpointer
ask (gpointer data)
{
  Asker *asker = data;
  g_autofree char *type = NULL;
  g_autoptr (GBytes) bytes =
      asker->source->klass->fetch_manifest (asker->source, NULL, &type, asker->cancellable, &asker->error);

  g_assert_null (bytes);
  return NULL;
}

/* One thread waits for a token that does not come; another, which waits for the first, can be cancelled. */
static void
test_cancel_behind (void)
{
  g_auto (Fixture) f = fixture_make ();
  g_autofree char *headers = layout_file (&f, "headers");
  g_autoptr (FakeRegistry) fake =
      fake_registry_start (&f.layout, "--bearer", "--hang-token=1", "--headers", headers, NULL);

  if (fake == NULL)
    return;
  g_autoptr (ScBlobSource) source = open_source (&f, NULL, NULL, "%s/x:v1", fake->host);
  Asker first = { source, g_cancellable_new (), NULL }, second = { source, g_cancellable_new (), NULL };
  GThread *thread = g_thread_new ("first", ask, &first);

  for (;;)
    {
      g_autofree char *seen = temp_dir_read (&f.layout, "headers");

      if (count (seen, "/token") > 0)
        break;
      g_usleep (10000);
    }
  g_cancellable_cancel (second.cancellable);
  ask (&second);
  g_assert_error (second.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_false (g_cancellable_is_cancelled (first.cancellable));
  g_cancellable_cancel (first.cancellable);
  g_thread_join (thread);
  g_assert_error (first.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&first.error);
  g_clear_error (&second.error);
  g_object_unref (first.cancellable);
  g_object_unref (second.cancellable);
}

static void
test_bad_token (void)
{
  g_auto (Fixture) f = fixture_make ();
  g_autoptr (FakeRegistry) odd = fake_registry_start (&f.layout, "--bearer", "--token-key", "tocken", NULL);

  if (odd == NULL)
    return;
  g_autofree char *realm = g_strdup_printf ("http://%s/nothing", odd->host);
  g_autoptr (FakeRegistry) lost = fake_registry_start (&f.layout, "--bearer", "--realm", realm, NULL);
  g_autoptr (ScBlobSource) source = open_source (&f, NULL, NULL, "%s/x:v1", odd->host);
  assert_manifest_fails (source, SC_ERROR_INVALID, "token server 127.0.0.1: token");
  /* A realm that wants a token itself. */
  g_autoptr (ScBlobSource) other = open_source (&f, NULL, NULL, "%s/x:v1", lost->host);
  assert_manifest_fails (other, SC_ERROR_DENIED, " asks for a user name");
}

static char *
tls_path (const char *name)
{
  return g_build_filename (g_getenv ("SC_TEST_DATA"), "tls", name, NULL);
}

/* Puts a file of tests/data/tls into certs.d of @registry. */
static void
trust (const Fixture *f, const char *registry, const char *name)
{
  g_autofree char *from = tls_path (name);
  g_autofree char *to = g_build_filename ("etc/containers/certs.d", registry, name, NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  gsize size = 0;

  g_file_get_contents (from, &text, &size, &error);
  g_assert_no_error (error);
  temp_dir_write (&f->root, to, text, size);
}

static void
test_tls (void)
{
  g_auto (Fixture) f = fixture_make ();
  g_autofree char *cert = tls_path ("server.cert");
  g_autofree char *key = tls_path ("server.key");
  g_autofree char *log = layout_file (&f, "log");
  g_autoptr (FakeRegistry) fake =
      fake_registry_start (&f.layout, "--tls", cert, key, "--token-user", "me:secret", "--log", log, NULL);

  if (fake == NULL)
    return;
  /* This machine or not: TLS that does not verify is no reason for plain HTTP. */
  g_autoptr (ScBlobSource) untrusted = open_source (&f, "me", "secret", "%s/x:v1", fake->host);
  assert_manifest_fails (untrusted, SC_ERROR_DENIED, "TLS: certificate verify failed");
  g_autofree char *nothing = temp_dir_read (&f.layout, "log");
  g_assert_cmpstr (nothing, ==, "");

  g_autoptr (ScBlobSource) insecure = open_source (&f, "me", "secret", "http:%s/x:v1", fake->host);
  assert_manifest (&f, insecure);
  assert_blob (&f, insecure);

  trust (&f, fake->host, "ca.crt");
  g_autoptr (ScBlobSource) source = open_source (&f, "me", "secret", "%s/x:v1", fake->host);
  assert_manifest (&f, source);
  assert_blob (&f, source);
}

static void
test_client_certificate (void)
{
  g_auto (Fixture) f = fixture_make ();
  g_autofree char *cert = tls_path ("server.cert");
  g_autofree char *key = tls_path ("server.key");
  g_autofree char *ca = tls_path ("ca.crt");
  g_autoptr (FakeRegistry) fake =
      fake_registry_start (&f.layout, "--tls", cert, key, "--tls-client-ca", ca, "--bearer", NULL);

  if (fake == NULL)
    return;
  trust (&f, fake->host, "ca.crt");
  g_autoptr (ScBlobSource) nobody = open_source (&f, NULL, NULL, "%s/x:v1", fake->host);
  assert_manifest_fails (nobody, SC_ERROR_UNAVAILABLE, fake->host);
  trust (&f, fake->host, "client.cert");
  trust (&f, fake->host, "client.key");
  g_autoptr (ScBlobSource) source = open_source (&f, NULL, NULL, "%s/x:v1", fake->host);
  assert_manifest (&f, source);
  assert_blob (&f, source);
}

static void
test_insecure_plain (void)
{
  g_auto (Fixture) f = fixture_make ();
  g_autoptr (FakeRegistry) fake = fake_registry_start (&f.layout, "--redirect", NULL);

  if (fake == NULL)
    return;
  g_autoptr (ScBlobSource) source = open_source (&f, NULL, NULL, "http:%s/x:v1", fake->host);
  assert_manifest (&f, source);
  assert_blob (&f, source);
}

static void
test_unreachable (void)
{
  g_auto (Fixture) f = fixture_make ();
  g_autoptr (FakeRegistry) fake = fake_registry_start (&f.layout, NULL);

  if (fake == NULL)
    return;
  g_autoptr (ScBlobSource) source = open_source (&f, NULL, NULL, "%s/x:v1", fake->host);
  g_autofree char *message = g_strdup_printf ("cannot connect to %s: Connection refused", fake->host);
  g_clear_pointer (&fake, fake_registry_stop);
  assert_manifest_fails (source, SC_ERROR_UNAVAILABLE, message);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/registry/plain", test_plain);
  g_test_add_func ("/registry/missing", test_missing);
  g_test_add_func ("/registry/statuses", test_statuses);
  g_test_add_func ("/registry/busy", test_busy);
  g_test_add_func ("/registry/basic", test_basic);
  g_test_add_func ("/registry/bearer", test_bearer);
  g_test_add_func ("/registry/bearer-refresh", test_bearer_refresh);
  g_test_add_func ("/registry/bearer-user", test_bearer_user);
  g_test_add_func ("/registry/bearer-realms", test_bearer_realms);
  g_test_add_func ("/registry/redirected-challenge", test_redirected_challenge);
  g_test_add_func ("/registry/scope", test_scope);
  g_test_add_func ("/registry/cancel-behind", test_cancel_behind);
  g_test_add_func ("/registry/bad-token", test_bad_token);
  g_test_add_func ("/registry/tls", test_tls);
  g_test_add_func ("/registry/client-certificate", test_client_certificate);
  g_test_add_func ("/registry/insecure-plain", test_insecure_plain);
  g_test_add_func ("/registry/unreachable", test_unreachable);
  return g_test_run ();
}
