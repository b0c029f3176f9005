/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Fetches signatures from where registries.d says they are.  What is fetched is judged by nobody here but for its size.
 */

#include "lookaside.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "blob-source.h"
#include "certs.h"
#include "digest.h"
#include "fs.h"
#include "http-retry.h"
#include "http.h"
#include "version.h"

#define ROOT_DIR "/var/lib/containers/sigstore"
#define USER_DIR "/.local/share/containers/sigstore"

typedef struct
{
  const ScContext *ctx;
  GUri *base;     /* the directory of the image's signatures */
  ScHttp *http;   /* (nullable): NULL: files */
  ScCerts *certs; /* (nullable) */
} Place;

static void
place_clear (Place *place)
{
  g_clear_pointer (&place->base, g_uri_unref);
  g_clear_pointer (&place->http, sc_http_free);
  g_clear_pointer (&place->certs, sc_certs_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Place, place_clear)

/* (transfer full): where signatures are if nothing is configured. */
static char *
default_url (const ScContext *ctx)
{
  if (geteuid () == 0 || ctx->home == NULL)
    return g_strdup ("file://" ROOT_DIR);
  return g_strconcat ("file://", ctx->home, USER_DIR, NULL);
}

/* @url with @below added to its path. */
static GUri *
below_url (GUri *uri, const char *below)
{
  g_autofree char *path = g_strconcat (g_uri_get_path (uri), below, NULL);

  return g_uri_build (G_URI_FLAGS_ENCODED | G_URI_FLAGS_PARSE_RELAXED, g_uri_get_scheme (uri), g_uri_get_userinfo (uri),
                      g_uri_get_host (uri), g_uri_get_port (uri), path, g_uri_get_query (uri), NULL);
}

/* (transfer full): for messages, without what may be secret in it. */
static char *
shown (GUri *uri)
{
  return g_uri_to_string_partial (uri, G_URI_HIDE_USERINFO | G_URI_HIDE_QUERY);
}

static gboolean
open_http (Place *place, GError **error)
{
  const char *host = g_uri_get_host (place->base);
  int port = g_uri_get_port (place->base);
  g_autofree char *authority = port > 0 ? g_strdup_printf ("%s:%d", host, port) : g_strdup (host);
  ScHttpOptions options = {
    .user_agent = "atomic/" SC_VERSION,
    .http_proxy = place->ctx->http_proxy,
    .https_proxy = place->ctx->https_proxy,
    .no_proxy = place->ctx->no_proxy,
    .connect_timeout = place->ctx->network_timeout,
    .stall_timeout = place->ctx->network_timeout,
  };

  place->certs = sc_certs_find (place->ctx, authority, error);
  if (place->certs == NULL)
    return FALSE;
  options.ca = place->certs->ca;
  options.client_cert = place->certs->client_cert;
  options.client_key = place->certs->client_key;
  place->http = sc_http_new (&options, error);
  return place->http != NULL;
}

/* @url: as configured. */
static gboolean
open_place (Place *place, const char *url, const ScFullName *name, const char *digest, GError **error)
{
  g_autoptr (GError) reason = NULL;
  g_autoptr (GUri) uri = g_uri_parse (url, G_URI_FLAGS_ENCODED | G_URI_FLAGS_PARSE_RELAXED, &reason);
  g_autofree char *below = g_strdup_printf ("/%s@sha256=%s", strchr (name->name, '/') + 1, sc_digest_hex (digest));
  const char *scheme = uri != NULL ? g_uri_get_scheme (uri) : "";

  if (uri == NULL)
    return sc_fail (error, SC_ERROR_INVALID, "signatures of %s: '%s' is not a URL", name->name, url);
  place->base = below_url (uri, below);
  if (strcmp (scheme, "file") == 0 && (g_uri_get_host (uri) == NULL || *g_uri_get_host (uri) == '\0'))
    return TRUE;
  if ((strcmp (scheme, "http") == 0 || strcmp (scheme, "https") == 0) && g_uri_get_host (uri) != NULL
      && *g_uri_get_host (uri) != '\0')
    return open_http (place, error);
  return sc_fail (error, SC_ERROR_INVALID, "signatures of %s: '%s' is neither file:///, http:// nor https://",
                  name->name, url);
}

/* *@out stays NULL if there is no such file. */
static gboolean
fetch_file (Place *place, GUri *uri, GBytes **out, GError **error)
{
  g_autofree char *path = g_uri_unescape_string (g_uri_get_path (uri), NULL);
  g_autoptr (GError) local = NULL;
  SC_AUTOFD int root = sc_context_open_root (place->ctx, error);
  SC_AUTOFD int fd = -1;

  if (root < 0)
    return FALSE;
  if (path == NULL)
    return sc_fail (error, SC_ERROR_INVALID, "not a path");
  fd = sc_fs_open_in_root (root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &local);
  if (fd < 0 && g_error_matches (local, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    return TRUE;
  if (fd < 0)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  *out = sc_fs_read_fd (fd, path, SC_SIGNATURE_MAX_SIZE, error);
  return *out != NULL;
}

/* (transfer full) (nullable): a login that the administrator wrote into the URL. */
static char *
authorization (GUri *uri)
{
  const char *info = g_uri_get_userinfo (uri);
  g_autofree char *plain = info != NULL ? g_uri_unescape_string (info, NULL) : NULL, *encoded = NULL;

  if (plain == NULL)
    return NULL;
  encoded = g_base64_encode ((const guchar *)plain, strlen (plain));
  return g_strconcat ("Basic ", encoded, NULL);
}

/* The same; hosts that keep their lists to themselves say 403 for what is not there. */
static gboolean
fetch_http (Place *place, GUri *uri, GBytes **out, GCancellable *cancellable, GError **error)
{
  g_autofree char *url = g_uri_to_string_partial (uri, G_URI_HIDE_USERINFO), *login = authorization (uri);
  g_auto (ScHttpResponse) response = { 0 };
  g_autoptr (GBytes) body =
      sc_retry_get (place->http, url, NULL, login, SC_SIGNATURE_MAX_SIZE, &response, cancellable, error);

  if (body == NULL)
    return FALSE;
  if (response.status == 404 || response.status == 403)
    return TRUE;
  if (response.status != 200)
    return sc_fail (error, response.status >= 500 || response.status == 429 ? SC_ERROR_UNAVAILABLE : SC_ERROR_INVALID,
                    "the server answered %ld", response.status);
  *out = g_steal_pointer (&body);
  return TRUE;
}

static GPtrArray *
fetch_all (Place *place, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) signatures = g_ptr_array_new_with_free_func ((GDestroyNotify)g_bytes_unref);
  gsize total = 0;

  for (guint i = 1;; i++)
    {
      g_autofree char *below = g_strdup_printf ("/signature-%u", i);
      g_autoptr (GUri) uri = below_url (place->base, below);
      g_autofree char *name = shown (uri);
      GBytes *signature = NULL;

      if (!(place->http != NULL ? fetch_http (place, uri, &signature, cancellable, error)
                                : fetch_file (place, uri, &signature, error)))
        return sc_prefix_null (error, "signature %s", name);
      if (signature == NULL)
        return g_steal_pointer (&signatures);
      g_ptr_array_add (signatures, signature);
      total += g_bytes_get_size (signature);
      if (i > SC_SIGNATURES_MAX || total > SC_SIGNATURES_MAX_TOTAL)
        return sc_fail_null (error, SC_ERROR_LIMIT, "signature %s: more than %d signatures or %d bytes of them", name,
                             SC_SIGNATURES_MAX, SC_SIGNATURES_MAX_TOTAL);
    }
}

GPtrArray *
sc_lookaside_fetch (const ScContext *ctx, const ScFullName *name, const char *manifest_digest, char **out_place,
                    GCancellable *cancellable, GError **error)
{
  g_autoptr (ScRegistriesD) conf = sc_registries_d_load (ctx, error);
  g_auto (Place) place = { .ctx = ctx };
  g_autofree char *fallback = NULL;
  const char *url;

  if (conf == NULL)
    return NULL;
  url = sc_registries_d_lookaside (conf, name);
  if (url == NULL)
    url = fallback = default_url (ctx);
  if (!open_place (&place, url, name, manifest_digest, error))
    return NULL;
  if (out_place != NULL)
    *out_place = shown (place.base);
  return fetch_all (&place, cancellable, error);
}
