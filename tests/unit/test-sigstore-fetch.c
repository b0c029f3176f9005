/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * sigstore-attach and registry-referrers: where signatures are looked for, in a layout and in a registry of our own,
 * and what of it is refused.
 */

#include "fake-registry.h"
#include "sigstore-fixture.h"

#define SIGNATURE_TYPE "application/vnd.dev.cosign.simplesigning.v1+json"
#define ARTIFACT_TYPE  "application/vnd.dev.cosign.artifact.sig.v1+json"
#define IMAGE          "{\"schemaVersion\":2,\"config\":{},\"layers\":[]}"

typedef struct
{
  TempDir dir;
  TempDir root;
  ScContext *ctx;
  GString *index; /* entries of index.json */
  char *image;    /* its digest */
} Fixture;

static void
add_entry (Fixture *f, const char *digest, gsize size, const char *tag)
{
  g_string_append_printf (f->index,
                          "%s{\"mediaType\":\"" SC_MT_OCI_MANIFEST "\",\"digest\":\"%s\",\"size\":%zu,"
                          "\"annotations\":{\"org.opencontainers.image.ref.name\":\"%s\"}}",
                          f->index->len > 0 ? "," : "", digest, size, tag);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  const char *version = "{\"imageLayoutVersion\":\"1.0.0\"}";
  g_autoptr (GError) error = NULL;

  f->dir = temp_dir_make ();
  f->root = temp_dir_make ();
  f->ctx = sc_context_new (f->root.path, &error);
  g_assert_no_error (error);
  f->index = g_string_new (NULL);
  temp_dir_write (&f->dir, "oci-layout", version, strlen (version));
  f->image = fake_blob (&f->dir, IMAGE, strlen (IMAGE));
  add_entry (f, f->image, strlen (IMAGE), "app");
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  temp_dir_clear (&f->dir);
  temp_dir_clear (&f->root);
  sc_context_free (f->ctx);
  g_string_free (f->index, TRUE);
  g_free (f->image);
}

/* (transfer full): a descriptor of @text, whose blob is stored, with @more members. */
static char *
descriptor (const Fixture *f, const char *media_type, const char *text, const char *more)
{
  g_autofree char *digest = fake_blob (&f->dir, text, strlen (text));

  return g_strdup_printf ("{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu%s}", media_type, digest, strlen (text),
                          more);
}

/* (transfer full): a layer that is the signature @value (base64) of @payload. */
static char *
signature_layer (const Fixture *f, const char *payload, const char *value)
{
  g_autofree char *more =
      g_strdup_printf (",\"annotations\":{\"dev.cosignproject.cosign/signature\":\"%s\","
                       "\"dev.sigstore.cosign/certificate\":\"C\",\"dev.sigstore.cosign/chain\":\"H\","
                       "\"dev.sigstore.cosign/bundle\":\"B\"}",
                       value);

  return descriptor (f, SIGNATURE_TYPE, payload, more);
}

/* (transfer full) */
static char *
manifest_of (const char *layers)
{
  return g_strdup_printf (
      "{\"schemaVersion\":2,\"mediaType\":\"" SC_MT_OCI_MANIFEST "\",\"config\":{},\"layers\":[%s]}", layers);
}

static char *
signature_tag (const Fixture *f)
{
  return g_strdup_printf ("sha256-%s.sig", sc_digest_hex (f->image));
}

/* Stores @text as what the image's signature tag names. */
static void
put_tag (Fixture *f, const char *text)
{
  g_autofree char *digest = fake_blob (&f->dir, text, strlen (text));
  g_autofree char *tag = signature_tag (f);

  add_entry (f, digest, strlen (text), tag);
}

static void
put_layers (Fixture *f, const char *layers)
{
  g_autofree char *text = manifest_of (layers);

  put_tag (f, text);
}

static ScBlobSource *
open_text (const Fixture *f, const char *text)
{
  const ScBlobSourceOptions options = { .ctx = f->ctx };
  g_autoptr (GError) error = NULL;
  g_autoptr (ScReference) ref = sc_reference_parse (text, &error);
  ScBlobSource *source;

  g_assert_no_error (error);
  source = sc_blob_source_open (ref, &options, NULL, &error);
  g_assert_no_error (error);
  return source;
}

static GPtrArray *
fetch_layout (Fixture *f, GError **error)
{
  g_autofree char *index = g_strdup_printf ("{\"schemaVersion\":2,\"manifests\":[%s]}", f->index->str);
  g_autofree char *text = g_strconcat ("oci:", f->dir.path, ":app", NULL);
  g_autoptr (ScBlobSource) source = NULL;

  temp_dir_write (&f->dir, "index.json", index, strlen (index));
  source = open_text (f, text);
  return sc_sigstore_fetch (source, f->image, NULL, error);
}

/* Fetches @n signatures; (transfer full): their base64, in order, one after the other. */
static char *
fetch_names (Fixture *f)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) found = fetch_layout (f, &error);
  g_autoptr (GString) names = g_string_new (NULL);

  g_assert_no_error (error);
  for (guint i = 0; i < found->len; i++)
    g_string_append (names, ((ScSigstoreSignature *)g_ptr_array_index (found, i))->signature);
  return g_string_free (g_steal_pointer (&names), FALSE);
}

static void
refuse (Fixture *f, ScError code, const char *reason)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (fetch_layout (f, &error));
  g_assert_error (error, SC_ERROR, (int)code);
  if (strstr (error->message, reason) == NULL)
    g_error ("%s", error->message);
  g_assert_true (g_str_has_prefix (error->message, "sigstore signatures"));
}

static void
test_none (Fixture *f, gconstpointer data)
{
  g_autofree char *names = fetch_names (f);

  g_assert_cmpstr (names, ==, "");
}

/* From the layout to the verdict. */
static void
test_tag (Fixture *f, gconstpointer data)
{
  EVP_PKEY *key = make_key ("P-256");
  g_autofree char *payload =
      g_strdup_printf ("{\"critical\":{\"identity\":{\"docker-reference\":\"" REFERENCE "\"},\"image\":{"
                       "\"docker-manifest-digest\":\"%s\"},\"type\":\"cosign container image signature\"},"
                       "\"optional\":null}",
                       f->image);
  g_autofree char *signed_payload = sign_text (key, payload);
  g_autofree char *first = signature_layer (f, payload, "AAAA");
  g_autofree char *other = descriptor (f, "text/spdx", "x", "");
  g_autofree char *second = signature_layer (f, payload, signed_payload);
  g_autofree char *bare = descriptor (f, SIGNATURE_TYPE, payload, "");
  g_autofree char *layers = g_strdup_printf ("%s,%s,%s,%s", first, other, second, bare);
  g_autoptr (ScSigstoreTrust) trust = sc_sigstore_trust_new ();
  g_autofree char *reference = NULL;
  g_autofree char *digest = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) found = NULL;
  const ScSigstoreSignature *signature;

  put_layers (f, layers);
  found = fetch_layout (f, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (found->len, ==, 3);
  signature = g_ptr_array_index (found, 0);
  g_assert_cmpstr (signature->signature, ==, "AAAA");
  g_assert_cmpstr (signature->certificate, ==, "C");
  g_assert_cmpstr (signature->chain, ==, "H");
  g_assert_cmpstr (signature->bundle, ==, "B");

  trust->public_keys = g_ptr_array_new_with_free_func ((GDestroyNotify)g_bytes_unref);
  g_ptr_array_add (trust->public_keys, key_pem (key));
  EVP_PKEY_free (key);
  g_assert_false (sc_sigstore_verify (trust, signature, &reference, &digest, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_DENIED);
  g_clear_error (&error);
  g_assert_true (sc_sigstore_verify (trust, g_ptr_array_index (found, 1), &reference, &digest, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (reference, ==, REFERENCE);
  g_assert_cmpstr (digest, ==, f->image);
  signature = g_ptr_array_index (found, 2);
  g_assert_cmpstr (signature->signature, ==, "");
  g_assert_null (signature->bundle);
}

/* The tag of the list of referrers: what is not a signature is passed over, and what was seen comes once. */
static void
test_referrers_tag (Fixture *f, gconstpointer data)
{
  g_autofree char *one = signature_layer (f, "1", "b25l");
  g_autofree char *two = signature_layer (f, "2", "dHdv");
  g_autofree char *first = manifest_of (one);
  g_autofree char *second = manifest_of (two);
  g_autofree char *first_entry = descriptor (f, SC_MT_OCI_MANIFEST, first, ",\"artifactType\":\"" ARTIFACT_TYPE "\"");
  g_autofree char *second_entry = descriptor (f, SC_MT_OCI_MANIFEST, second, ",\"artifactType\":\"" ARTIFACT_TYPE "\"");
  g_autofree char *other = g_strdup ("{\"mediaType\":\"x\",\"artifactType\":\"text/spdx\"}");
  g_autofree char *list = g_strdup_printf ("{\"schemaVersion\":2,\"manifests\":[%s,%s,%s,%s]}", other, first_entry,
                                           second_entry, second_entry);
  g_autofree char *digest = fake_blob (&f->dir, list, strlen (list));
  g_autofree char *tag = g_strconcat ("sha256-", sc_digest_hex (f->image), NULL);
  g_autofree char *names = NULL;

  put_tag (f, first);
  add_entry (f, digest, strlen (list), tag);
  names = fetch_names (f);
  g_assert_cmpstr (names, ==, "b25ldHdv");
}

static void
test_missing_blobs (Fixture *f, gconstpointer data)
{
  g_autofree char *tag = signature_tag (f);
  g_autoptr (GError) error = NULL;

  add_entry (f, DIGEST, 5, tag);
  g_assert_null (fetch_layout (f, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
}

static void
test_bad_manifest (Fixture *f, gconstpointer data)
{
  static const struct
  {
    const char *text;
    const char *reason;
  } rows[] = {
    { "garbage", "line 1" },
    { "[]", "expected an object" },
    { "{\"schemaVersion\":1,\"layers\":[]}", "schemaVersion is not 2" },
    { "{\"schemaVersion\":2}", "layers" },
    { "{\"schemaVersion\":2,\"layers\":[1]}", "layers[0]" },
    { "{\"schemaVersion\":2,\"layers\":[{\"mediaType\":\"x\",\"size\":1,\"digest\":\"../x\"}]}", "layers[0]" },
    { "{\"schemaVersion\":2,\"layers\":[{\"mediaType\":\"" SIGNATURE_TYPE "\",\"size\":1,\"digest\":\"" DIGEST
      "\",\"annotations\":{\"a\":1}}]}",
      "annotations" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_string_truncate (f->index, 0);
      add_entry (f, f->image, strlen (IMAGE), "app");
      put_tag (f, rows[i].text);
      refuse (f, SC_ERROR_INVALID, rows[i].reason);
    }
}

static void
test_limits (Fixture *f, gconstpointer data)
{
  g_autofree char *one = signature_layer (f, "{}", "b25l");
  g_autofree char *big = g_strnfill (SC_SIGSTORE_MAX_PAYLOAD_SIZE + 1, ' ');
  g_autofree char *big_layer = signature_layer (f, big, "b25l");
  g_autofree char *names = NULL;
  g_autoptr (GString) layers = g_string_new (one);

  for (guint i = 1; i < SC_SIGSTORE_MAX_SIGNATURES; i++)
    g_string_append_printf (layers, ",%s", one);
  put_layers (f, layers->str);
  names = fetch_names (f);
  g_assert_cmpuint (strlen (names), ==, 4 * SC_SIGSTORE_MAX_SIGNATURES);

  g_string_append_printf (layers, ",%s", one);
  g_string_truncate (f->index, 0);
  add_entry (f, f->image, strlen (IMAGE), "app");
  put_layers (f, layers->str);
  refuse (f, SC_ERROR_LIMIT, "more than 100 signatures");

  g_string_truncate (f->index, 0);
  add_entry (f, f->image, strlen (IMAGE), "app");
  put_layers (f, big_layer);
  refuse (f, SC_ERROR_LIMIT, "more than the 1048576 accepted");
}

static void
test_total (Fixture *f, gconstpointer data)
{
  g_autofree char *big = g_strnfill (SC_SIGSTORE_MAX_PAYLOAD_SIZE, ' ');
  g_autofree char *layer = signature_layer (f, big, "b25l");
  g_autoptr (GString) layers = g_string_new (layer);

  for (gsize i = 0; i < SC_SIGSTORE_MAX_TOTAL_SIZE / SC_SIGSTORE_MAX_PAYLOAD_SIZE; i++)
    g_string_append_printf (layers, ",%s", layer);
  put_layers (f, layers->str);
  refuse (f, SC_ERROR_LIMIT, "bytes together");
}

static void
test_wrong_payload (Fixture *f, gconstpointer data)
{
  g_autofree char *layer = signature_layer (f, "payload", "b25l");
  g_autofree char *digest = sc_digest_of ("payload", 7);
  g_autofree char *name = g_build_filename ("blobs/sha256", sc_digest_hex (digest), NULL);

  put_layers (f, layer);
  temp_dir_write (&f->dir, name, "Payload", 7);
  refuse (f, SC_ERROR_DIGEST, "digest mismatch");
}

/* A list names a manifest by a size or digest that is not the manifest's. */
static void
test_wrong_referrer (Fixture *f, gconstpointer data)
{
  g_autofree char *manifest = manifest_of ("");
  g_autofree char *digest = fake_blob (&f->dir, manifest, strlen (manifest));
  g_autofree char *list = g_strdup_printf ("{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" SC_MT_OCI_MANIFEST
                                           "\",\"artifactType\":\"" ARTIFACT_TYPE "\",\"digest\":\"%s\",\"size\":1}]}",
                                           digest);
  g_autofree char *list_digest = fake_blob (&f->dir, list, strlen (list));
  g_autofree char *tag = g_strconcat ("sha256-", sc_digest_hex (f->image), NULL);

  add_entry (f, list_digest, strlen (list), tag);
  refuse (f, SC_ERROR_DIGEST, "is not what was announced");
}

/* ---- a registry that knows a few paths */

typedef struct
{
  const char *path;   /* with its query */
  const char *status; /* "200 OK" */
  const char *headers;
  const char *body;
} Answer;

typedef struct
{
  GSocketListener *listener;
  GCancellable *stop;
  GThread *thread;
  guint16 port;
  GPtrArray *answers; /* Answer */
  GString *asked;     /* paths that no answer is for */
} Server;

static void
serve (Server *server, GSocketConnection *connection)
{
  GInputStream *in = g_io_stream_get_input_stream (G_IO_STREAM (connection));
  GOutputStream *out = g_io_stream_get_output_stream (G_IO_STREAM (connection));
  g_autoptr (GString) request = g_string_new (NULL);
  g_auto (GStrv) words = NULL;
  g_autofree char *text = NULL;
  char buffer[4096];
  gssize n;

  while (strstr (request->str, "\r\n\r\n") == NULL
         && (n = g_input_stream_read (in, buffer, sizeof buffer, server->stop, NULL)) > 0)
    {
      if (buffer[0] == 0x16)
        return; /* TLS, which we do not speak */
      g_string_append_len (request, buffer, n);
    }
  words = g_strsplit (request->str, " ", 3);
  if (g_strv_length (words) < 3)
    return;
  for (guint i = 0; i < server->answers->len && text == NULL; i++)
    {
      const Answer *answer = g_ptr_array_index (server->answers, i);

      if (strcmp (answer->path, words[1]) == 0)
        text = g_strdup_printf ("HTTP/1.1 %s\r\n%sContent-Length: %zu\r\nConnection: close\r\n\r\n%s", answer->status,
                                answer->headers, strlen (answer->body), answer->body);
    }
  if (text == NULL)
    g_string_append_printf (server->asked, "%s\n", words[1]);
  if (text == NULL)
    text = g_strdup ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  (void)!g_output_stream_write_all (out, text, strlen (text), NULL, server->stop, NULL);
}

static gpointer
run_server (gpointer data)
{
  Server *server = data;

  for (;;)
    {
      g_autoptr (GSocketConnection) connection = g_socket_listener_accept (server->listener, NULL, server->stop, NULL);

      if (connection == NULL)
        return NULL;
      serve (server, connection);
    }
}

/* @answers: Answer, what they point at must outlive the server */
static void
server_start (Server *server)
{
  g_autoptr (GInetAddress) loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) any = g_inet_socket_address_new (loopback, 0);
  g_autoptr (GSocketAddress) address = NULL;
  g_autoptr (GError) error = NULL;

  server->listener = g_socket_listener_new ();
  server->stop = g_cancellable_new ();
  server->asked = g_string_new (NULL);
  g_assert_true (g_socket_listener_add_address (server->listener, any, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP,
                                                NULL, &address, &error));
  g_assert_no_error (error);
  server->port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (address));
  server->thread = g_thread_new ("server", run_server, server);
}

static void
server_clear (Server *server)
{
  g_cancellable_cancel (server->stop);
  g_thread_join (server->thread);
  g_object_unref (server->listener);
  g_object_unref (server->stop);
  g_ptr_array_unref (server->answers);
  g_string_free (server->asked, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Server, server_clear)

static GPtrArray *
fetch_http (const Fixture *f, Server *server, GError **error)
{
  g_autofree char *text = NULL;
  g_autoptr (ScBlobSource) source = NULL;

  server_start (server);
  text = g_strdup_printf ("127.0.0.1:%u/app", server->port);
  source = open_text (f, text);
  return sc_sigstore_fetch (source, f->image, NULL, error);
}

#define IS_INDEX "Content-Type: " SC_MT_OCI_INDEX "\r\n"

/* What a registry has that lists @signature (base64) as a referrer: list, manifest, payload. */
typedef struct
{
  char *list;
  char *manifest;
  char *manifest_path;
  char *payload_path;
} Listed;

static Listed
list_signature (const Fixture *f, const char *signature)
{
  g_autofree char *layer = signature_layer (f, signature, signature);
  g_autofree char *payload_digest = sc_digest_of (signature, strlen (signature));
  g_autofree char *entry = NULL;
  g_autofree char *digest = NULL;
  Listed listed = { .manifest = manifest_of (layer) };

  entry = descriptor (f, SC_MT_OCI_MANIFEST, listed.manifest, ",\"artifactType\":\"" ARTIFACT_TYPE "\"");
  digest = sc_digest_of (listed.manifest, strlen (listed.manifest));
  listed.list = g_strdup_printf ("{\"schemaVersion\":2,\"manifests\":[%s]}", entry);
  listed.manifest_path = g_strconcat ("/v2/app/manifests/", digest, NULL);
  listed.payload_path = g_strconcat ("/v2/app/blobs/", payload_digest, NULL);
  return listed;
}

static void
listed_clear (Listed *listed)
{
  g_free (listed->list);
  g_free (listed->manifest);
  g_free (listed->manifest_path);
  g_free (listed->payload_path);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Listed, listed_clear)

static char *
referrers_path (const Fixture *f, const char *query)
{
  return g_strdup_printf ("/v2/app/referrers/%s?%s", f->image,
                          query != NULL ? query : "artifactType=application%2Fvnd.dev.cosign.artifact.sig.v1%2Bjson");
}

static void
test_http_pages (Fixture *f, gconstpointer data)
{
  g_auto (Listed) one = list_signature (f, "b25l");
  g_auto (Listed) two = list_signature (f, "dHdv");
  g_autofree char *first = referrers_path (f, NULL);
  g_autofree char *second = referrers_path (f, "page=2&x=%20");
  const Answer answers[] = {
    { "/v2/", "200 OK", "", "" },
    { first, "200 OK",
      IS_INDEX "Link: <https://evil.example/1?page=0>; rel=\"prev\"\r\n"
               "Link: <https://evil.example/v2/?page=2&x=%20>; title=\"a\"; rel=\"next\"\r\n",
      one.list },
    { second, "200 OK", IS_INDEX, two.list },
    { one.manifest_path, "200 OK", "", one.manifest },
    { two.manifest_path, "200 OK", "", two.manifest },
    { one.payload_path, "200 OK", "", "b25l" },
    { two.payload_path, "200 OK", "", "dHdv" },
  };
  g_auto (Server) server = { .answers = g_ptr_array_new () };
  g_autofree char *missing = NULL;
  g_autofree char *tag = signature_tag (f);
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) found = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (answers); i++)
    g_ptr_array_add (server.answers, (gpointer)&answers[i]);
  found = fetch_http (f, &server, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (found->len, ==, 2);
  g_assert_cmpstr (((ScSigstoreSignature *)g_ptr_array_index (found, 0))->signature, ==, "b25l");
  g_assert_cmpstr (((ScSigstoreSignature *)g_ptr_array_index (found, 1))->signature, ==, "dHdv");
  missing = g_strdup_printf ("/v2/app/manifests/%s\n", tag);
  g_assert_cmpstr (server.asked->str, ==, missing);
}

/* Each of these is a registry that knows no lists: the tag is asked for instead. */
static void
test_http_no_list (Fixture *f, gconstpointer data)
{
  static const struct
  {
    const char *status;
    const char *headers;
    const char *body;
  } rows[] = {
    { "404 Not Found", "", "" },
    { "405 Method Not Allowed", "", "" },
    { "400 Bad Request", "", "" },
    { "200 OK", "Content-Type: text/html\r\n", "<p>Hello</p>" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *path = referrers_path (f, NULL);
      g_autofree char *tag = g_strdup_printf ("/v2/app/manifests/sha256-%s", sc_digest_hex (f->image));
      g_autofree char *manifest_tag = g_strconcat (tag, ".sig\n", NULL);
      g_auto (Listed) one = list_signature (f, "b25l");
      const Answer answers[] = {
        { "/v2/", "200 OK", "", "" },
        { path, rows[i].status, rows[i].headers, rows[i].body },
        { tag, "200 OK", IS_INDEX, one.list },
        { one.manifest_path, "200 OK", "", one.manifest },
        { one.payload_path, "200 OK", "", "b25l" },
      };
      g_auto (Server) server = { .answers = g_ptr_array_new () };
      g_autoptr (GError) error = NULL;
      g_autoptr (GPtrArray) found = NULL;

      for (gsize j = 0; j < G_N_ELEMENTS (answers); j++)
        g_ptr_array_add (server.answers, (gpointer)&answers[j]);
      found = fetch_http (f, &server, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (found->len, ==, 1);
      g_assert_cmpstr (server.asked->str, ==, manifest_tag);
    }
}

/* Each of these is no answer to "are there signatures?". */
static void
test_http_errors (Fixture *f, gconstpointer data)
{
  static const struct
  {
    const char *tag_status;
    const char *list_status;
    const char *headers;
    const char *body;
    ScError code;
    const char *reason;
  } rows[] = {
    { "403 Forbidden", "404 Not Found", "", "", SC_ERROR_DENIED, "refuses access" },
    { "400 Bad Request", "404 Not Found", "", "", SC_ERROR_INVALID, "answered 400" },
    { "200 OK", "404 Not Found", "", "<html>", SC_ERROR_INVALID, "line 1" },
    { "404 Not Found", "403 Forbidden", "", "", SC_ERROR_DENIED, "refuses access" },
    { "404 Not Found", "418 Teapot", "", "", SC_ERROR_INVALID, "answered 418" },
    { "404 Not Found", "200 OK", IS_INDEX, "garbage", SC_ERROR_INVALID, "referrers" },
    { "404 Not Found", "200 OK", IS_INDEX, "{}", SC_ERROR_INVALID, "manifests" },
    { "404 Not Found", "200 OK", IS_INDEX "Link: </v2/app/referrers/x>; rel=\"next\"\r\n", "{\"manifests\":[]}",
      SC_ERROR_INVALID, "next page" },
    { "404 Not Found", "200 OK", IS_INDEX "Link: </v2/?a b>; rel=next\r\n", "{\"manifests\":[]}", SC_ERROR_INVALID,
      "next page" },
    /* Its own next page. */
    { "404 Not Found", "200 OK",
      IS_INDEX "Link: </v2/?artifactType=application%2Fvnd.dev.cosign.artifact.sig.v1%2Bjson>; rel=\"next\"\r\n",
      "{\"manifests\":[]}", SC_ERROR_LIMIT, "more than 16 pages" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *path = referrers_path (f, NULL);
      g_autofree char *tag = g_strdup_printf ("/v2/app/manifests/sha256-%s.sig", sc_digest_hex (f->image));
      const Answer answers[] = {
        { "/v2/", "200 OK", "", "" },
        { tag, rows[i].tag_status, "", rows[i].body },
        { path, rows[i].list_status, rows[i].headers, rows[i].body },
      };
      g_auto (Server) server = { .answers = g_ptr_array_new () };
      g_autoptr (GError) error = NULL;

      for (gsize j = 0; j < G_N_ELEMENTS (answers); j++)
        g_ptr_array_add (server.answers, (gpointer)&answers[j]);
      g_assert_null (fetch_http (f, &server, &error));
      g_assert_error (error, SC_ERROR, (int)rows[i].code);
      if (strstr (error->message, rows[i].reason) == NULL)
        g_error ("row %zu: %s", i, error->message);
    }
}

int
main (int argc, char **argv)
{
  static const struct
  {
    const char *name;
    void (*func) (Fixture *f, gconstpointer data);
  } tests[] = {
    { "/sigstore-fetch/none", test_none },
    { "/sigstore-fetch/tag", test_tag },
    { "/sigstore-fetch/referrers-tag", test_referrers_tag },
    { "/sigstore-fetch/missing-blobs", test_missing_blobs },
    { "/sigstore-fetch/bad-manifest", test_bad_manifest },
    { "/sigstore-fetch/limits", test_limits },
    { "/sigstore-fetch/total", test_total },
    { "/sigstore-fetch/wrong-payload", test_wrong_payload },
    { "/sigstore-fetch/wrong-referrer", test_wrong_referrer },
    { "/sigstore-fetch/http/pages", test_http_pages },
    { "/sigstore-fetch/http/no-list", test_http_no_list },
    { "/sigstore-fetch/http/errors", test_http_errors },
  };

  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (tests); i++)
    g_test_add (tests[i].name, Fixture, NULL, set_up, tests[i].func, tear_down);
  return g_test_run ();
}
