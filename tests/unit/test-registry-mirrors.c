/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * registry with a registries.conf: several endpoints, several meanings of a name, and whose credentials go where.
 */

#include <string.h>

#include "fake-registry.h"
#include "http.h"
#include "registry-private.h"
#include "registry.h"

#define MANIFEST "{\"schemaVersion\":2,\"config\":{},\"layers\":[]}"

typedef struct
{
  TempDir layout;
  TempDir root;
  ScContext *ctx;
  char *manifest; /* digest */
  char *blob;     /* digest */
  GString *said;
  ScProgressSink sink;
} Fixture;

static void
fixture_clear (Fixture *f)
{
  temp_dir_clear (&f->layout);
  temp_dir_clear (&f->root);
  sc_context_free (f->ctx);
  g_free (f->manifest);
  g_free (f->blob);
  g_string_free (f->said, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Fixture, fixture_clear)

static void
collect (const ScProgress *progress, gpointer data)
{
  g_string_append_printf (data, "%s%s\n", progress->kind == SC_PROGRESS_DEBUG ? "debug " : "", progress->text);
}

static void
write_index (const TempDir *dir, const char *manifest, gsize size)
{
  g_autofree char *index =
      g_strdup_printf ("{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"%s\",\"size\":%zu,\"digest\":\"%s\"}]}",
                       SC_MT_OCI_MANIFEST, size, manifest);

  temp_dir_write (dir, "index.json", index, strlen (index));
}

static void
fixture_init (Fixture *f)
{
  g_autoptr (GError) error = NULL;

  *f = (Fixture){ .layout = temp_dir_make (), .root = temp_dir_make (), .said = g_string_new (NULL) };
  f->sink = (ScProgressSink){ collect, f->said };
  f->manifest = fake_blob (&f->layout, MANIFEST, strlen (MANIFEST));
  f->blob = fake_blob (&f->layout, "content", 7);
  write_index (&f->layout, f->manifest, strlen (MANIFEST));
  f->ctx = sc_context_new (f->root.path, &error);
  g_assert_no_error (error);
  g_free (f->ctx->home);
  f->ctx->home = g_strdup ("/home/u");
  g_clear_pointer (&f->ctx->registries_conf, g_free);
  g_clear_pointer (&f->ctx->auth_file, g_free);
  g_clear_pointer (&f->ctx->docker_config, g_free);
  g_clear_pointer (&f->ctx->user_config, g_free);
  g_clear_pointer (&f->ctx->user_cache, g_free);
  g_clear_pointer (&f->ctx->user_runtime, g_free);
}

G_GNUC_PRINTF (2, 3)
static void
configure (const Fixture *f, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_autofree char *text = g_strdup_vprintf (format, args);
  va_end (args);
  temp_dir_write (&f->root, "etc/containers/registries.conf", text, strlen (text));
}

/* {"auths": {HOST: {"auth": "PAIR"}}} */
static void
write_auth (const Fixture *f, const char *host, const char *pair, const char *token)
{
  g_autofree char *encoded = g_base64_encode ((const guchar *)pair, strlen (pair));
  g_autofree char *text = g_strdup_printf ("{\"auths\":{\"%s\":{\"auth\":\"%s\",\"identitytoken\":\"%s\"}}}", host,
                                           encoded, token != NULL ? token : "");

  temp_dir_write (&f->root, "home/u/.docker/config.json", text, strlen (text));
}

static char *
layout_file (const Fixture *f, const char *name)
{
  return g_build_filename (f->layout.path, name, NULL);
}

/* A host where nobody listens. */
static char *
dead_host (const Fixture *f)
{
  g_autoptr (FakeRegistry) fake = fake_registry_start (&f->layout, NULL);

  return fake != NULL ? g_strdup (fake->host) : NULL;
}

static ScBlobSource *
open_source (const Fixture *f, const char *text, const char *user, GError **error)
{
  ScBlobSourceOptions options = { .ctx = f->ctx, .credentials = { user, "secret" }, .sink = &f->sink };
  g_autoptr (ScReference) ref = sc_reference_parse (text, error);

  return ref != NULL ? sc_blob_source_open (ref, &options, NULL, error) : NULL;
}

static GBytes *
fetch (const Fixture *f, const char *text, const char *user, ScBlobSource **out_source, GError **error)
{
  g_autoptr (ScBlobSource) source = open_source (f, text, user, error);
  GBytes *bytes = source != NULL ? source->klass->fetch_manifest (source, NULL, NULL, NULL, error) : NULL;

  if (out_source != NULL)
    *out_source = g_steal_pointer (&source);
  return bytes;
}

static void
assert_bytes (GBytes *bytes, const char *expected)
{
  g_assert_nonnull (bytes);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), expected, strlen (expected));
}

static void
assert_has (const char *text, const char *part)
{
  if (strstr (text, part) == NULL)
    g_error ("'%s' is not in '%s'", part, text);
}

/* The first mirror is down, the second gives another manifest than its digest says, the third has it. */
static void
test_digest (void)
{
  g_auto (Fixture) f;
  fixture_init (&f);
  g_autofree char *dead = dead_host (&f);
  g_autofree char *log = layout_file (&f, "log");
  g_autoptr (FakeRegistry) liar = fake_registry_start (&f.layout, "--flip", "--on-manifests", NULL);
  g_autoptr (FakeRegistry) honest = fake_registry_start (&f.layout, "--log", log, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (ScBlobSource) source = NULL;

  if (dead == NULL)
    return;
  configure (&f,
             "[[registry]]\nlocation = \"registry.test\"\nmirror = [{location = \"%s\"}, {location = \"%s/moved\"},"
             "{location = \"%s/kept\"}]\n",
             dead, liar->host, honest->host);
  g_autofree char *text = g_strdup_printf ("registry.test/team/app@%s", f.manifest);
  g_autoptr (GBytes) bytes = fetch (&f, text, NULL, &source, &error);
  g_assert_no_error (error);
  assert_bytes (bytes, MANIFEST);
  g_assert_cmpuint (sc_registry_n_endpoints (source), ==, 4);
  g_assert_cmpuint (sc_registry_current_endpoint (source), ==, 2);
  g_assert_null (source->resolved);
  assert_has (f.said->str,
              "debug registries: registry.test/team/app falls under prefix registry.test of /etc/containers/");
  assert_has (f.said->str, "Connection refused");
  assert_has (f.said->str, "/moved/team/app gives a manifest of digest sha256:");

  /* Manifests and blobs come from there from now on. */
  g_autoptr (GBytes) again = source->klass->fetch_manifest (source, f.manifest, NULL, NULL, &error);
  g_assert_no_error (error);
  assert_bytes (again, MANIFEST);
  ScDescriptor blob = { .digest = f.blob, .size = 7 };
  g_autoptr (GBytes) content = sc_blob_source_fetch_blob (source, &blob, 100, NULL, &error);
  g_assert_no_error (error);
  assert_bytes (content, "content");
  g_autofree char *requests = temp_dir_read (&f.layout, "log");
  g_autofree char *expected = g_strdup_printf ("GET /v2/ 200 2\nGET /v2/kept/team/app/manifests/%s 200 %zu\n"
                                               "GET /v2/kept/team/app/manifests/%s 200 %zu\n"
                                               "GET /v2/kept/team/app/blobs/%s 200 7\n",
                                               f.manifest, strlen (MANIFEST), f.manifest, strlen (MANIFEST), f.blob);
  g_assert_cmpstr (requests, ==, expected);
}

/* Everybody fails: the last one's error, and the others named in it. */
static void
test_all_fail (void)
{
  g_auto (Fixture) f;
  fixture_init (&f);
  g_autofree char *dead = dead_host (&f);
  g_autoptr (FakeRegistry) empty = fake_registry_start (&f.layout, "--status", "403", "--on-manifests", NULL);
  g_autoptr (FakeRegistry) main = fake_registry_start (&f.layout, "--status", "404", "--on-manifests", NULL);
  g_autoptr (GError) error = NULL;

  if (dead == NULL)
    return;
  configure (&f, "[[registry]]\nlocation = \"%s\"\nmirror = [{location = \"%s\"}, {location = \"%s\"}]\n", main->host,
             dead, empty->host);
  g_autofree char *text = g_strdup_printf ("%s/x:v1", main->host);
  g_autoptr (GBytes) bytes = fetch (&f, text, NULL, NULL, &error);
  g_assert_null (bytes);
  g_assert_error (error, SC_ERROR, SC_ERROR_NOT_FOUND);
  g_autofree char *expected =
      g_strdup_printf ("%s has no image x:v1: told to answer 404 (tried before: %s/x: cannot connect to %s: Connection "
                       "refused; %s/x: %s refuses access to image x:v1: told to answer 403)",
                       main->host, dead, dead, empty->host, empty->host);
  g_assert_cmpstr (error->message, ==, expected);
}

static void
test_blocked (void)
{
  g_auto (Fixture) f;
  fixture_init (&f);
  g_autoptr (GError) error = NULL;

  configure (&f, "[[registry]]\nlocation = \"a.test/team\"\nblocked = true\n");
  g_autoptr (GBytes) bytes = fetch (&f, "a.test/team/x:v1", NULL, NULL, &error);
  g_assert_null (bytes);
  g_assert_error (error, SC_ERROR, SC_ERROR_DENIED);
  g_assert_cmpstr (error->message, ==,
                   "a.test/team/x is blocked by /etc/containers/registries.conf (prefix a.test/team)");
}

/* --src-creds are for the registry that was named; a mirror gets what the files have for it. */
static void
test_credentials (void)
{
  g_auto (Fixture) f;
  fixture_init (&f);
  g_autofree char *mirror_headers = layout_file (&f, "mirror-headers");
  g_autofree char *main_headers = layout_file (&f, "main-headers");
  g_autoptr (FakeRegistry) mirror =
      fake_registry_start (&f.layout, "--basic", "other:pw", "--headers", mirror_headers, NULL);
  g_autoptr (FakeRegistry) main =
      fake_registry_start (&f.layout, "--basic", "me:secret", "--headers", main_headers, NULL);
  g_autoptr (GError) error = NULL;

  if (mirror == NULL || main == NULL)
    return;
  configure (&f, "[[registry]]\nlocation = \"%s\"\nmirror = [{location = \"%s\"}]\n", main->host, mirror->host);
  g_autofree char *text = g_strdup_printf ("%s/x:v1", main->host);
  g_autoptr (GBytes) bytes = fetch (&f, text, "me", NULL, &error);
  g_assert_no_error (error);
  assert_bytes (bytes, MANIFEST);
  g_autofree char *told = temp_dir_read (&f.layout, "mirror-headers");
  g_assert_null (strstr (told, "Authorization"));
  g_autofree char *main_told = temp_dir_read (&f.layout, "main-headers");
  assert_has (main_told, "Authorization: Basic bWU6c2VjcmV0");

  write_auth (&f, mirror->host, "other:pw", NULL);
  g_autoptr (ScBlobSource) source = NULL;
  g_autoptr (GBytes) again = fetch (&f, text, "me", &source, &error);
  g_assert_no_error (error);
  assert_bytes (again, MANIFEST);
  g_assert_cmpuint (sc_registry_current_endpoint (source), ==, 0);
  g_autofree char *told_now = temp_dir_read (&f.layout, "mirror-headers");
  assert_has (told_now, "Authorization: Basic b3RoZXI6cHc=");
  g_assert_null (strstr (told_now, "bWU6c2VjcmV0"));
  g_assert_null (strstr (f.said->str, "secret"));
  g_assert_null (strstr (f.said->str, "pw"));
}

static void
test_identity_token (void)
{
  g_auto (Fixture) f;
  fixture_init (&f);
  g_autofree char *headers = layout_file (&f, "headers");
  g_autoptr (FakeRegistry) fake =
      fake_registry_start (&f.layout, "--refresh-token", "id/+&tok", "--headers", headers, NULL);
  g_autoptr (GError) error = NULL;

  if (fake == NULL)
    return;
  g_autofree char *text = g_strdup_printf ("%s/x:v1", fake->host);
  write_auth (&f, fake->host, "me:password", "id/+&tok");
  g_autoptr (GBytes) bytes = fetch (&f, text, NULL, NULL, &error);
  g_assert_no_error (error);
  assert_bytes (bytes, MANIFEST);
  g_autofree char *told = temp_dir_read (&f.layout, "headers");
  assert_has (told, "/token Content-Type: application/x-www-form-urlencoded");
  g_assert_null (strstr (told, "Basic"));

  write_auth (&f, fake->host, "me:password", "wrong");
  g_autoptr (GBytes) none = fetch (&f, text, NULL, NULL, &error);
  g_assert_null (none);
  g_assert_error (error, SC_ERROR, SC_ERROR_DENIED);
  g_assert_null (strstr (error->message, "wrong"));
}

/* A secret in a form is for the address that was named, and for no other. */
static void
test_form_is_not_redirected (void)
{
  g_auto (Fixture) f;
  fixture_init (&f);
  g_autofree char *other = layout_file (&f, "other");
  g_autoptr (FakeRegistry) fake = fake_registry_start (&f.layout, "--redirect", "--redirect-headers", other, NULL);
  ScHttpOptions options = { NULL };
  g_autoptr (GError) error = NULL;
  g_autoptr (ScHttp) http = sc_http_new (&options, &error);
  g_auto (ScHttpResponse) response = { 0 };

  if (fake == NULL)
    return;
  g_autofree char *url = g_strdup_printf ("http://%s/redirect", fake->host);
  g_autoptr (GBytes) body = sc_http_post_form (http, url, NULL, "a=secret", 1000, &response, NULL, &error);
  g_assert_no_error (error);
  assert_bytes (body, "elsewhere\n");
  g_assert_cmpint (response.status, ==, 307);
  g_autofree char *told = temp_dir_read (&f.layout, "other");
  g_assert_cmpstr (told, ==, "");
}

/* A name without a registry: the first registry of the list that has it, and that one alone afterwards. */
static void
test_search (void)
{
  g_auto (Fixture) f;
  fixture_init (&f);
  g_autofree char *dead = dead_host (&f);
  g_autofree char *log = layout_file (&f, "log");
  g_autoptr (FakeRegistry) first = fake_registry_start (&f.layout, "--status", "404", "--on-manifests", NULL);
  g_autoptr (FakeRegistry) second = fake_registry_start (&f.layout, "--log", log, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (ScBlobSource) source = NULL;

  if (dead == NULL)
    return;
  configure (&f,
             "unqualified-search-registries = [\"blocked.test\", \"%s\", \"%s\", \"never.test\"]\n"
             "[[registry]]\nlocation = \"blocked.test\"\nblocked = true\n"
             "[[registry]]\nlocation = \"%s\"\nmirror = [{location = \"%s\"}]\n",
             first->host, second->host, second->host, dead);
  g_autoptr (GBytes) bytes = fetch (&f, "team/app:v1", NULL, &source, &error);
  g_assert_no_error (error);
  assert_bytes (bytes, MANIFEST);
  g_assert_cmpstr (source->resolved->registry, ==, second->host);
  g_assert_cmpstr (sc_blob_source_logical (source)->repository, ==, "team/app");
  g_assert_cmpstr (sc_blob_source_logical (source)->tag, ==, "v1");
  /* The dead mirror and the registry itself. */
  g_assert_cmpuint (sc_registry_n_endpoints (source), ==, 2);
  g_assert_cmpuint (sc_registry_current_endpoint (source), ==, 1);
  g_autofree char *note = g_strdup_printf ("\nimage team/app: taken from %s/team/app (searched as /etc/containers/"
                                           "registries.conf says)\n",
                                           second->host);
  assert_has (f.said->str, note);
  g_autofree char *store = sc_blob_source_store_name (source);
  g_assert_cmpstr (store, ==, "team/app:v1");

  ScDescriptor blob = { .digest = f.blob, .size = 7 };
  g_autoptr (GBytes) content = sc_blob_source_fetch_blob (source, &blob, 100, NULL, &error);
  g_assert_no_error (error);
  assert_bytes (content, "content");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/registry-mirrors/digest", test_digest);
  g_test_add_func ("/registry-mirrors/all-fail", test_all_fail);
  g_test_add_func ("/registry-mirrors/blocked", test_blocked);
  g_test_add_func ("/registry-mirrors/credentials", test_credentials);
  g_test_add_func ("/registry-mirrors/identity-token", test_identity_token);
  g_test_add_func ("/registry-mirrors/form-is-not-redirected", test_form_is_not_redirected);
  g_test_add_func ("/registry-mirrors/search", test_search);
  return g_test_run ();
}
