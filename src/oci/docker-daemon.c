/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Images of the Docker daemon, over the HTTP API of its socket (Docker Engine API, "Inspect an image" and "Export an
 * image").  The daemon keeps no manifests and no compressed layers: it makes an archive in the format of `docker save`
 * while it is read.  That archive tells at its end what is in it, and its layers come in no order, so it is asked for
 * twice: once to learn what there is, of which only the short JSON members are kept, and once for the layers
 * (sc_tar_plan() says what becomes of those that come too early).  An image that is in the repository already costs the
 * first pass only.
 *
 * The first answer of the daemon fixes which image it is: everything after it asks by id, so that a tag that moves in
 * between changes nothing.
 */

#include "docker-daemon.h"

#include <string.h>
#include <sys/un.h>

#include "digest.h"
#include "docker-tar.h"
#include "http.h"
#include "json.h"
#include "names.h"
#include "version.h"

#define DEFAULT_ADDRESS "unix:///var/run/docker.sock"
#define DEFAULT_PORT    "2375"
#define UNIX_PREFIX     "unix://"
#define TCP_PREFIX      "tcp://"
#define ERROR_BODY_MAX  ((gsize)64 * 1024)
#define INSPECT_MAX     ((gsize)4 * 1024 * 1024)
#define STALL_SECONDS   600 /* the daemon may prepare all of an image before the first byte of it */

typedef struct
{
  ScBlobSource base;
  const ScContext *ctx;
  char *what; /* "docker-daemon:NAME:TAG", for messages */
  char *root; /* "http://HOST" */
  char *id;   /* of the image */
  ScHttp *http;
  ScDockerTar *image; /* (nullable): NULL: not yet read */
} DaemonSource;

static void
daemon_free (ScBlobSource *source)
{
  DaemonSource *self = (DaemonSource *)source;

  /* Its stream is one of @http. */
  sc_docker_tar_free (self->image);
  sc_http_free (self->http);
  g_free (self->what);
  g_free (self->root);
  g_free (self->id);
  g_free (self);
}

static gboolean
use_tcp (DaemonSource *self, const char *address, GError **error)
{
  g_autofree char *host = g_strndup (address, strcspn (address, "/"));
  const char *port = strchr (*host == '[' && strchr (host, ']') != NULL ? strchr (host, ']') : host, ':');
  g_autofree char *shown = sc_name_escape (address);

  if (*host == '\0' || strpbrk (host, "@?# ") != NULL || (address[strlen (host)] != '\0' && address[strlen (host) + 1]))
    return sc_fail (error, SC_ERROR_INVALID, "DOCKER_HOST: '" TCP_PREFIX "%s' is not " TCP_PREFIX "HOST:PORT", shown);
  if (!sc_registry_is_loopback (host))
    return sc_fail (error, SC_ERROR_UNSUPPORTED,
                    "DOCKER_HOST: '" TCP_PREFIX "%s' is another machine, only a daemon of this one is read", shown);
  self->root = g_strconcat ("http://", host, port == NULL ? ":" DEFAULT_PORT : NULL, NULL);
  return TRUE;
}

/* Where the daemon listens. */
static gboolean
use_address (DaemonSource *self, const char *address, GError **error)
{
  ScHttpOptions options = { .user_agent = "atomic/" SC_VERSION, .stall_timeout = STALL_SECONDS };
  g_autofree char *shown = sc_name_escape (address);

  if (g_str_has_prefix (address, UNIX_PREFIX))
    {
      options.unix_socket = address + strlen (UNIX_PREFIX);
      if (*options.unix_socket != '/')
        return sc_fail (error, SC_ERROR_INVALID, "DOCKER_HOST: '%s' has no absolute path", shown);
      if (strlen (options.unix_socket) >= sizeof ((struct sockaddr_un *)NULL)->sun_path)
        return sc_fail (error, SC_ERROR_INVALID, "DOCKER_HOST: '%s' is longer than a socket's path can be", shown);
      self->root = g_strdup ("http://localhost");
    }
  else if (!g_str_has_prefix (address, TCP_PREFIX))
    return sc_fail (error, SC_ERROR_UNSUPPORTED,
                    "DOCKER_HOST: '%s' is not supported, only " UNIX_PREFIX "PATH and " TCP_PREFIX
                    "HOST:PORT of this machine are",
                    shown);
  else if (!use_tcp (self, address + strlen (TCP_PREFIX), error))
    return FALSE;
  self->http = sc_http_new (&options, error);
  return self->http != NULL;
}

/* What the daemon says of a request that failed, or that it says nothing; always NULL. */
static GInputStream *
fail_status (DaemonSource *self, long status, GInputStream *stream, GCancellable *cancellable, GError **error)
{
  g_autoptr (GBytes) body = sc_http_read_body (stream, ERROR_BODY_MAX, cancellable, NULL);
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *shown = NULL;
  const char *message = NULL;

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return NULL;
  if (body != NULL && g_bytes_get_size (body) > 0)
    root = sc_json_parse ("answer", g_bytes_get_data (body, NULL), g_bytes_get_size (body), NULL);
  if (root != NULL && JSON_NODE_HOLDS_OBJECT (root)
      && sc_json_get_string (json_node_get_object (root), "answer", "message", SC_JSON_OPTIONAL, &message, NULL)
      && message != NULL)
    shown = sc_name_escape (message);
  if (status == 404)
    return sc_fail_null (error, SC_ERROR_NOT_FOUND, "%s: the Docker daemon has no such image", self->what);
  return sc_fail_null (error, status >= 500 ? SC_ERROR_UNAVAILABLE : SC_ERROR_FAILED,
                       "%s: the Docker daemon says %ld%s%s", self->what, status, shown != NULL ? ": " : "",
                       shown != NULL ? shown : "");
}

/* "/images/IMAGE/VERB" */
static GInputStream *
get (DaemonSource *self, const char *image, const char *verb, GCancellable *cancellable, GError **error)
{
  g_autofree char *escaped = g_uri_escape_string (image, "/:", FALSE);
  g_autofree char *url = g_strdup_printf ("%s/images/%s/%s", self->root, escaped, verb);
  g_auto (ScHttpResponse) response = { 0 };
  g_autoptr (GInputStream) stream = sc_http_open (self->http, url, NULL, NULL, &response, cancellable, error);

  if (stream == NULL)
    return sc_prefix_null (error, "%s: Docker daemon", self->what);
  if (response.status != 200)
    return fail_status (self, response.status, stream, cancellable, error);
  return g_steal_pointer (&stream);
}

/* (transfer full): the first of the image's own names that can be one in the repository, else its id. */
static char *
name_of (JsonObject *inspected, const char *id)
{
  g_auto (GStrv) tags = NULL;

  if (sc_json_get_strv (inspected, "image", "RepoTags", SC_JSON_OPTIONAL, &tags, NULL))
    for (gsize i = 0; tags != NULL && tags[i] != NULL; i++)
      {
        char *name = sc_docker_tar_plain_name (tags[i], FALSE);

        if (name != NULL)
          return name;
      }
  return g_strdup (id);
}

static gboolean
inspect (DaemonSource *self, const ScReference *ref, GCancellable *cancellable, GError **error)
{
  g_autofree char *name = ref->id != NULL ? g_strdup (ref->id) : sc_reference_store_name (ref);
  g_autoptr (GInputStream) stream = get (self, name, "json", cancellable, error);
  g_autoptr (GBytes) body = NULL;
  g_autoptr (JsonNode) root = NULL;
  JsonObject *object = NULL;
  const char *id = NULL;

  if (stream == NULL)
    return FALSE;
  body = sc_http_read_body (stream, INSPECT_MAX, cancellable, error);
  if (body != NULL)
    root = sc_json_parse ("image", g_bytes_get_data (body, NULL), g_bytes_get_size (body), error);
  if (root != NULL)
    object = sc_json_node_object (root, "image", error);
  if (object == NULL || !sc_json_get_string (object, "image", "Id", SC_JSON_REQUIRED, &id, error)
      || !sc_digest_check (id, error))
    return sc_prefix (error, "%s: Docker daemon", self->what);
  self->id = g_strdup (id);
  if (ref->id != NULL)
    self->base.name = name_of (object, id);
  return TRUE;
}

static ScBlobSource *
daemon_open (const ScReference *ref, const ScBlobSourceOptions *options, GCancellable *cancellable, GError **error)
{
  const char *address = options->ctx->docker_host != NULL ? options->ctx->docker_host : DEFAULT_ADDRESS;
  DaemonSource *self;

  if (ref->digest != NULL)
    return sc_fail_null (error, SC_ERROR_UNSUPPORTED,
                         "docker-daemon: the Docker daemon keeps no manifest that %s could be the digest of: "
                         "name the image by its tag or its id",
                         ref->digest);
  self = g_new0 (DaemonSource, 1);
  self->ctx = options->ctx;
  self->what = sc_reference_format (ref);
  if (!use_address (self, address, error) || !inspect (self, ref, cancellable, error))
    {
      g_free (self->base.name);
      daemon_free (&self->base);
      return NULL;
    }
  return &self->base;
}

static GInputStream *
open_archive (gpointer data, GCancellable *cancellable, GError **error)
{
  DaemonSource *self = data;

  return get (self, self->id, "get", cancellable, error);
}

static GBytes *
daemon_fetch_manifest (ScBlobSource *source, const char *digest, char **out_media_type, GCancellable *cancellable,
                       GError **error)
{
  DaemonSource *self = (DaemonSource *)source;

  if (self->image == NULL)
    {
      ScTar *tar = sc_tar_open_stream (self->what, open_archive, self, cancellable, error);

      if (tar != NULL)
        self->image = sc_docker_tar_new (tar, self->what, NULL, self->ctx, NULL, cancellable, error);
      if (self->image == NULL)
        return NULL;
    }
  return sc_docker_tar_manifest (self->image, digest, out_media_type, error);
}

static GInputStream *
daemon_open_blob (ScBlobSource *source, const ScDescriptor *descriptor, GCancellable *cancellable, GError **error)
{
  DaemonSource *self = (DaemonSource *)source;

  if (self->image == NULL)
    return sc_fail_null (error, SC_ERROR_NOT_FOUND, "%s: it has no blob %s", self->what, descriptor->digest);
  return sc_docker_tar_open_blob (self->image, descriptor, cancellable, error);
}

const ScBlobSourceClass sc_docker_daemon_source_class = {
  .transport = SC_TRANSPORT_DOCKER_DAEMON,
  .open = daemon_open,
  .fetch_manifest = daemon_fetch_manifest,
  .open_blob = daemon_open_blob,
  .free = daemon_free,
};
