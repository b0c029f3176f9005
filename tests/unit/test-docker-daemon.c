/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The Docker daemon's API against a daemon of ours: how often it is asked for what, layers in every order, daemons that
 * lie, fail or stop in the middle, and what DOCKER_HOST may say.
 */

#include "blob-source.h"

#include <gio/gunixsocketaddress.h>

#include "fake-registry.h"
#include "tar-fixture.h"

#define ID "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* What the daemon answers, in turn; of the last one as often as it is asked. */
typedef struct
{
  int status;
  GBytes *body;
  gboolean cut; /* ends without the end of the transfer coding */
} Answer;

typedef struct
{
  TempDir dir;
  ScContext ctx;
  GSocket *listener;
  GCancellable *quit;
  GThread *thread;
  char *address; /* for DOCKER_HOST */
  char *socket;
  GMutex mutex;
  GHashTable *answers; /* path -> GArray of Answer */
  GString *asked;      /* "PATH " of every request */
} Daemon;

static void
answer_clear (gpointer data)
{
  g_bytes_unref (((Answer *)data)->body);
}

/* One request, one connection. */
static void
serve_connection (Daemon *d, GSocketConnection *connection)
{
  GOutputStream *out = g_io_stream_get_output_stream (G_IO_STREAM (connection));
  g_autoptr (GDataInputStream) in = g_data_input_stream_new (g_io_stream_get_input_stream (G_IO_STREAM (connection)));
  g_autofree char *line = g_data_input_stream_read_line (in, NULL, NULL, NULL);
  g_auto (GStrv) words = g_strsplit (line != NULL ? line : "", " ", 3);
  g_autoptr (GString) head = g_string_new (NULL);
  Answer answer = { .status = 404, .body = g_bytes_new_static ("{\"message\":\"not here\"}", 22) };
  gsize size;
  GArray *list;

  for (gboolean more = TRUE; more;)
    {
      g_autofree char *header = g_data_input_stream_read_line (in, NULL, NULL, NULL);

      more = header != NULL && *g_strchomp (header) != '\0';
    }
  g_mutex_lock (&d->mutex);
  g_string_append_printf (d->asked, "%s ", words[0] != NULL && words[1] != NULL ? words[1] : "?");
  list = words[0] != NULL && words[1] != NULL ? g_hash_table_lookup (d->answers, words[1]) : NULL;
  if (list != NULL)
    {
      g_bytes_unref (answer.body);
      answer = g_array_index (list, Answer, 0);
      answer.body = g_bytes_ref (answer.body);
      if (list->len > 1)
        g_array_remove_index (list, 0);
    }
  g_mutex_unlock (&d->mutex);
  size = g_bytes_get_size (answer.body);
  g_string_append_printf (head, "HTTP/1.1 %d x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n%zx\r\n",
                          answer.status, size);
  if (g_output_stream_write_all (out, head->str, head->len, NULL, NULL, NULL)
      && g_output_stream_write_all (out, g_bytes_get_data (answer.body, NULL), size, NULL, NULL, NULL) && !answer.cut)
    (void)g_output_stream_write_all (out, "\r\n0\r\n\r\n", size > 0 ? 7 : 5, NULL, NULL, NULL);
  g_bytes_unref (answer.body);
}

static gpointer
daemon_main (gpointer data)
{
  Daemon *d = data;
  GSocket *socket;

  while ((socket = g_socket_accept (d->listener, d->quit, NULL)) != NULL)
    {
      g_autoptr (GSocketConnection) connection = g_socket_connection_factory_create_connection (socket);

      serve_connection (d, connection);
      g_object_unref (socket);
    }
  return NULL;
}

static void
set_up (Daemon *d, gconstpointer data)
{
  gboolean tcp = g_strcmp0 (data, "tcp") == 0;
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocketAddress) address = NULL;
  g_autoptr (GSocketAddress) bound = NULL;

  d->dir = temp_dir_make ();
  g_mutex_init (&d->mutex);
  d->answers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_array_unref);
  d->asked = g_string_new (NULL);
  d->quit = g_cancellable_new ();
  d->socket = g_build_filename (d->dir.path, "docker.sock", NULL);
  address = tcp ? g_inet_socket_address_new_from_string ("127.0.0.1", 0) : g_unix_socket_address_new (d->socket);
  d->listener =
      g_socket_new (g_socket_address_get_family (address), G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, &error);
  g_assert_no_error (error);
  g_assert_true (g_socket_bind (d->listener, address, TRUE, &error) && g_socket_listen (d->listener, &error));
  bound = g_socket_get_local_address (d->listener, &error);
  g_assert_no_error (error);
  if (tcp)
    d->address = g_strdup_printf ("tcp://127.0.0.1:%u", g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound)));
  else
    d->address = g_strconcat ("unix://", d->socket, NULL);
  d->ctx = (ScContext){ .checkouts = d->dir.path, .docker_host = d->address };
  d->thread = g_thread_new ("daemon", daemon_main, d);
}

static void
tear_down (Daemon *d, gconstpointer data)
{
  g_cancellable_cancel (d->quit);
  g_thread_join (d->thread);
  g_object_unref (d->listener);
  g_object_unref (d->quit);
  g_hash_table_unref (d->answers);
  g_string_free (d->asked, TRUE);
  g_free (d->address);
  g_free (d->socket);
  g_mutex_clear (&d->mutex);
  temp_dir_clear (&d->dir);
}

/* @body: (transfer full) */
static void
answer (Daemon *d, const char *path, int status, GBytes *body, gboolean cut)
{
  Answer a = { status, body, cut };
  GArray *list;

  g_mutex_lock (&d->mutex);
  list = g_hash_table_lookup (d->answers, path);
  if (list == NULL)
    {
      list = g_array_new (FALSE, FALSE, sizeof (Answer));
      g_array_set_clear_func (list, answer_clear);
      g_hash_table_insert (d->answers, g_strdup (path), list);
    }
  g_array_append_val (list, a);
  g_mutex_unlock (&d->mutex);
}

static void
answer_text (Daemon *d, const char *path, int status, const char *text)
{
  answer (d, path, status, g_bytes_new (text, strlen (text)), FALSE);
}

/* How often the archive was asked for. */
static guint
count_gets (Daemon *d)
{
  guint n = 0;

  g_mutex_lock (&d->mutex);
  for (const char *p = d->asked->str; (p = strstr (p, "/get ")) != NULL; p++)
    n++;
  g_mutex_unlock (&d->mutex);
  return n;
}

static ScBlobSource *
open_image (Daemon *d, const char *text, GError **error)
{
  g_autoptr (ScReference) ref = sc_reference_parse (text, error);
  ScBlobSourceOptions options = { .ctx = &d->ctx };

  return ref != NULL ? sc_blob_source_open (ref, &options, NULL, error) : NULL;
}

static const char *const three[] = { "layer one", "layer two, longer", "layer three", NULL };

/* The archive of @layers, whose members come in the order of @order, as Docker 20 or, @blobs, as Docker 25 writes it.
 */
static GBytes *
make_archive (const char *const *layers, const char *order, gboolean blobs, int filter)
{
  g_autofree char *config = tar_fixture_config (layers);
  g_autoptr (GString) manifest = g_string_new ("[{\"Config\":\"config.json\",\"RepoTags\":null,\"Layers\":[");
  TarFixture t = tar_fixture_begin (filter);

  for (gsize i = 0; order[i] != '\0'; i++)
    {
      g_autofree char *path = g_strdup_printf ("%c/layer.tar", order[i]);
      g_autofree char *digest = NULL;

      if (blobs)
        digest = tar_fixture_add_blob (&t, layers[order[i] - '0']);
      else
        tar_fixture_add (&t, path, layers[order[i] - '0']);
    }
  for (gsize i = 0; layers[i] != NULL; i++)
    {
      g_autofree char *digest = sc_digest_of (layers[i], strlen (layers[i]));

      if (blobs)
        g_string_append_printf (manifest, "%s\"blobs/sha256/%s\"", i > 0 ? "," : "", sc_digest_hex (digest));
      else
        g_string_append_printf (manifest, "%s\"%zu/layer.tar\"", i > 0 ? "," : "", i);
    }
  g_string_append (manifest, "]}]");
  tar_fixture_add (&t, "config.json", config);
  tar_fixture_add (&t, "manifest.json", manifest->str);
  tar_fixture_add (&t, "repositories", "{}");
  return tar_fixture_end (&t);
}

static void
serve (Daemon *d, GBytes *archive)
{
  answer_text (d, "/images/five:latest/json", 200, "{\"Id\":\"" ID "\",\"RepoTags\":[\"five:latest\"]}");
  answer (d, "/images/" ID "/get", 200, archive, FALSE);
}

static ScManifest *
fetch_manifest (ScBlobSource *source, GError **error)
{
  g_autofree char *media_type = NULL;
  g_autoptr (GBytes) raw = source->klass->fetch_manifest (source, NULL, &media_type, NULL, error);

  return raw != NULL ? sc_manifest_parse (raw, error) : NULL;
}

static void
assert_blob (ScBlobSource *source, const ScDescriptor *descriptor, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) data = sc_blob_source_fetch_blob (source, descriptor, 1000, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (data, NULL), g_bytes_get_size (data), text, strlen (text));
}

/* Nothing with a name is in the directory that temporary files are made in. */
static void
assert_no_files (Daemon *d)
{
  g_autoptr (GDir) dir = g_dir_open (d->dir.path, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    g_assert_cmpstr (name, ==, "docker.sock");
}

static void
test_orders (Daemon *d, gconstpointer data)
{
  static const struct
  {
    const char *order;
    gboolean blobs;
    int filter;
  } rows[] = {
    { "012", FALSE, ARCHIVE_FILTER_NONE }, { "210", FALSE, ARCHIVE_FILTER_NONE }, { "120", FALSE, ARCHIVE_FILTER_NONE },
    { "201", TRUE, ARCHIVE_FILTER_NONE },  { "102", TRUE, ARCHIVE_FILTER_GZIP },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (ScBlobSource) source = NULL;
      g_autoptr (ScManifest) m = NULL;
      g_autofree char *config = tar_fixture_config (three);

      g_hash_table_remove_all (d->answers);
      g_string_truncate (d->asked, 0);
      serve (d, make_archive (three, rows[i].order, rows[i].blobs, rows[i].filter));
      source = open_image (d, "docker:five", &error);
      g_assert_no_error (error);
      g_assert_cmpuint (count_gets (d), ==, 0);
      m = fetch_manifest (source, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (m->layers->len, ==, 3);
      assert_blob (source, m->config, config);
      g_assert_cmpuint (count_gets (d), ==, 1);
      for (guint l = 0; l < 3; l++)
        assert_blob (source, g_ptr_array_index (m->layers, l), three[l]);
      g_assert_cmpuint (count_gets (d), ==, 2);
      assert_no_files (d);
    }
}

/* Layers that the repository has are not asked for. */
static void
test_some_layers (Daemon *d, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ScBlobSource) source = NULL;
  g_autoptr (ScManifest) m = NULL;
  g_autofree char *name = NULL;

  serve (d, make_archive (three, "210", FALSE, ARCHIVE_FILTER_NONE));
  source = open_image (d, "docker-daemon:five:latest", &error);
  g_assert_no_error (error);
  name = sc_blob_source_store_name (source);
  g_assert_cmpstr (name, ==, "five:latest");
  m = fetch_manifest (source, &error);
  g_assert_no_error (error);
  assert_blob (source, g_ptr_array_index (m->layers, 1), three[1]);
  assert_blob (source, g_ptr_array_index (m->layers, 2), three[2]);
  g_assert_cmpuint (count_gets (d), ==, 2);
  /* Once more than was planned is dear, not wrong. */
  assert_blob (source, g_ptr_array_index (m->layers, 0), three[0]);
  assert_blob (source, g_ptr_array_index (m->layers, 2), three[2]);
}

static void
test_ids (Daemon *d, gconstpointer data)
{
  static const struct
  {
    const char *tags, *name;
  } rows[] = {
    { "[\"<none>:<none>\",\"quay.io/x/y:2\",\"z:1\"]", "quay.io/x/y:2" },
    { "[]", ID },
    { "null", ID },
    { "[\"../../x:1\",\"\\u001b[31m:1\"]", ID },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *text = g_strdup_printf ("{\"Id\":\"" ID "\",\"RepoTags\":%s}", rows[i].tags);
      g_autoptr (GError) error = NULL;
      g_autoptr (ScBlobSource) source = NULL;
      g_autofree char *name = NULL;

      g_hash_table_remove_all (d->answers);
      answer_text (d, "/images/" ID "/json", 200, text);
      source = open_image (d, "docker-daemon:" ID, &error);
      g_assert_no_error (error);
      name = sc_blob_source_store_name (source);
      g_assert_cmpstr (name, ==, rows[i].name);
    }
}

static void
assert_open_fails (Daemon *d, const char *text, ScError code, const char *message)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (open_image (d, text, &error));
  g_assert_error (error, SC_ERROR, (int)code);
  g_assert_cmpstr (error->message, ==, message);
}

static void
test_answers (Daemon *d, gconstpointer data)
{
  static const struct
  {
    int status;
    const char *body;
    ScError code;
    const char *message;
  } rows[] = {
    { 404, "{\"message\":\"No such image: five:latest\"}", SC_ERROR_NOT_FOUND,
      "docker-daemon:five: the Docker daemon has no such image" },
    { 500, "{\"message\":\"disk\\nfull\"}", SC_ERROR_UNAVAILABLE,
      "docker-daemon:five: the Docker daemon says 500: disk\\x0Afull" },
    { 403, "<html>", SC_ERROR_FAILED, "docker-daemon:five: the Docker daemon says 403" },
    { 200, "[]", SC_ERROR_INVALID, "docker-daemon:five: Docker daemon: image: expected an object, found an array" },
    { 200, "{\"Id\":\"sha256:../../../etc/passwd\"}", SC_ERROR_INVALID, NULL },
    { 200, "{\"Id\":7}", SC_ERROR_INVALID,
      "docker-daemon:five: Docker daemon: image: Id: expected a string, found a number" },
    { 200, "{}", SC_ERROR_INVALID, NULL },
    { 302, "", SC_ERROR_FAILED, "docker-daemon:five: the Docker daemon says 302" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;

      g_hash_table_remove_all (d->answers);
      answer_text (d, "/images/five:latest/json", rows[i].status, rows[i].body);
      g_assert_null (open_image (d, "docker:five", &error));
      g_assert_error (error, SC_ERROR, (int)rows[i].code);
      if (rows[i].message != NULL)
        g_assert_cmpstr (error->message, ==, rows[i].message);
      g_assert_true (g_str_has_prefix (error->message, "docker-daemon:five: "));
    }
  assert_open_fails (d, "docker:five@" ID, SC_ERROR_UNSUPPORTED,
                     "docker-daemon: the Docker daemon keeps no manifest that " ID
                     " could be the digest of: name the image by its tag or its id");
}

/* Whatever is in the archive, and wherever it ends. */
static void
test_bad_archives (Daemon *d, gconstpointer data)
{
  g_autoptr (GBytes) good = make_archive (three, "210", FALSE, ARCHIVE_FILTER_NONE);
  TarFixture links = tar_fixture_begin (ARCHIVE_FILTER_NONE);
  const struct
  {
    GBytes *body;
    gboolean cut;
    int code;
    const char *message;
  } rows[] = {
    { g_bytes_new_from_bytes (good, 0, 700), FALSE, SC_ERROR_INVALID, "archive docker-daemon:five: " },
    { g_bytes_new_from_bytes (good, 0, 1024), TRUE, SC_ERROR_UNAVAILABLE, "docker.sock" },
    { g_bytes_ref (good), TRUE, SC_ERROR_UNAVAILABLE, "docker.sock" },
    { g_bytes_new_static ("{\"message\":\"oh\"}", 16), FALSE, SC_ERROR_INVALID, "archive docker-daemon:five: " },
    { g_bytes_new_static ("", 0), FALSE, SC_ERROR_INVALID, "archive docker-daemon:five: " },
    { tar_fixture_huge ("0/layer.tar", '{'), FALSE, SC_ERROR_INVALID, "archive docker-daemon:five: " },
    { (tar_fixture_add_symlink (&links, "manifest.json", "x"), tar_fixture_add_symlink (&links, "x", "manifest.json"),
       tar_fixture_end (&links)),
      FALSE, SC_ERROR_INVALID, "it has no manifest.json" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (ScBlobSource) source = NULL;

      g_hash_table_remove_all (d->answers);
      answer_text (d, "/images/five:latest/json", 200, "{\"Id\":\"" ID "\"}");
      answer (d, "/images/" ID "/get", 200, rows[i].body, rows[i].cut);
      source = open_image (d, "docker:five", &error);
      g_assert_no_error (error);
      g_assert_null (fetch_manifest (source, &error));
      g_assert_error (error, SC_ERROR, rows[i].code);
      if (strstr (error->message, rows[i].message) == NULL)
        g_error ("row %zu: %s", i, error->message);
    }
}

/* The second archive is not the first one. */
static void
test_second_archive (Daemon *d, gconstpointer data)
{
  static const char *const longer[] = { "layer one", "layer two, longer", "layer three, which is longer", NULL };
  static const char *const other[] = { "LAYER ONE", "layer two, longer", "layer three", NULL };
  const struct
  {
    int status;
    GBytes *body;
    int code;
    const char *message;
  } rows[] = {
    { 200, make_archive (longer, "210", FALSE, ARCHIVE_FILTER_NONE), SC_ERROR_INVALID, "it changed while it was read" },
    { 200, make_archive (three, "2", FALSE, ARCHIVE_FILTER_NONE), SC_ERROR_INVALID, "it changed while it was read" },
    { 200, make_archive (other, "210", FALSE, ARCHIVE_FILTER_NONE), SC_ERROR_DIGEST, "digest mismatch" },
    { 404, g_bytes_new_static ("", 0), SC_ERROR_NOT_FOUND, "docker-daemon:five: the Docker daemon has no such image" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (ScBlobSource) source = NULL;
      g_autoptr (ScManifest) m = NULL;

      g_hash_table_remove_all (d->answers);
      serve (d, make_archive (three, "210", FALSE, ARCHIVE_FILTER_NONE));
      answer (d, "/images/" ID "/get", rows[i].status, rows[i].body, FALSE);
      source = open_image (d, "docker:five", &error);
      g_assert_no_error (error);
      m = fetch_manifest (source, &error);
      g_assert_no_error (error);
      g_assert_null (sc_blob_source_fetch_blob (source, g_ptr_array_index (m->layers, 0), 1000, NULL, &error));
      g_assert_error (error, SC_ERROR, rows[i].code);
      if (strstr (error->message, rows[i].message) == NULL)
        g_error ("row %zu: %s", i, error->message);
    }
}

static void
test_addresses (Daemon *d, gconstpointer data)
{
  g_autofree char *long_path = g_strnfill (200, 'x');
  g_autofree char *too_long = g_strconcat ("unix:///", long_path, NULL);
  g_autofree char *none = g_build_filename (d->dir.path, "none", NULL);
  g_autofree char *nobody = g_strconcat ("unix://", none, NULL);
  g_autofree char *cannot =
      g_strdup_printf ("docker-daemon:five: Docker daemon: cannot connect to %s: No such file or directory", none);
  const struct
  {
    const char *address;
    ScError code;
    const char *message;
  } rows[] = {
    { "ssh://host", SC_ERROR_UNSUPPORTED,
      "DOCKER_HOST: 'ssh://host' is not supported, only unix://PATH and tcp://HOST:PORT of this machine are" },
    { "/run/docker.sock", SC_ERROR_UNSUPPORTED, NULL },
    { "unix://docker.sock", SC_ERROR_INVALID, "DOCKER_HOST: 'unix://docker.sock' has no absolute path" },
    { too_long, SC_ERROR_INVALID, NULL },
    { "tcp://192.0.2.1:2375", SC_ERROR_UNSUPPORTED,
      "DOCKER_HOST: 'tcp://192.0.2.1:2375' is another machine, only a daemon of this one is read" },
    { "tcp://example.com", SC_ERROR_UNSUPPORTED, NULL },
    { "tcp://127.0.0.1@example.com:80", SC_ERROR_INVALID, NULL },
    { "tcp://127.0.0.1#@example.com:80", SC_ERROR_INVALID, NULL },
    { "tcp://", SC_ERROR_INVALID, NULL },
    { "tcp://127.0.0.1:1/path", SC_ERROR_INVALID, NULL },
    { "tcp://127.0.0.1:x", SC_ERROR_INVALID, NULL },
    { nobody, SC_ERROR_UNAVAILABLE, cannot },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;

      d->ctx.docker_host = (char *)rows[i].address;
      g_assert_null (open_image (d, "docker:five", &error));
      g_assert_error (error, SC_ERROR, (int)rows[i].code);
      if (rows[i].message != NULL)
        g_assert_cmpstr (error->message, ==, rows[i].message);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(path, data, func) g_test_add ("/docker-daemon/" path, Daemon, data, set_up, func, tear_down)
  ADD ("orders", "unix", test_orders);
  ADD ("orders-tcp", "tcp", test_orders);
  ADD ("some-layers", "unix", test_some_layers);
  ADD ("ids", "unix", test_ids);
  ADD ("answers", "unix", test_answers);
  ADD ("bad-archives", "unix", test_bad_archives);
  ADD ("second-archive", "unix", test_second_archive);
  ADD ("addresses", "unix", test_addresses);
#undef ADD
  return g_test_run ();
}
