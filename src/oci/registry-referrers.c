/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What refers to a manifest, asked of a registry: distribution specification 1.1, "Listing Referrers".  Asks the
 * endpoint that gave the manifest, and no address that a reply names: of the link to the next page only the query is
 * used.
 */

#include <string.h>

#include "http-retry.h"
#include "registry-private.h"

#define QUERY_MAX 2048

/* Do the parameters of a link, which reach from @start to @end, say rel="next"? */
static gboolean
is_next (const char *start, const char *end)
{
  g_autofree char *text = g_strndup (start, (gsize)(end - start));
  g_auto (GStrv) params = g_strsplit (text, ";", -1);

  for (gsize i = 0; params[i] != NULL; i++)
    {
      const char *param = g_strstrip (params[i]);

      if (g_str_has_prefix (param, "rel=\"next\"") || g_str_has_prefix (param, "rel=next"))
        return TRUE;
    }
  return FALSE;
}

/* (transfer full) (nullable): the query of the link to the next page in a Link header (RFC 8288); *out_broken is set if
 * there is one that cannot be followed. */
static char *
next_query (const char *header, gboolean *out_broken)
{
  const char *start = header != NULL ? strchr (header, '<') : NULL;

  while (start != NULL)
    {
      const char *end = strchr (start, '>');
      const char *after = end != NULL ? strchr (end, '<') : NULL;

      if (end == NULL)
        break;
      if (is_next (end + 1, after != NULL ? after : end + strlen (end)))
        {
          g_autofree char *url = g_strndup (start + 1, (gsize)(end - start - 1));
          const char *query = strchr (url, '?');

          *out_broken = query == NULL || query[1] == '\0' || strlen (query) > QUERY_MAX;
          for (const char *p = query; !*out_broken && *p != '\0'; p++)
            *out_broken = !g_ascii_isgraph (*p) || *p == '#' || *p == '\\';
          return *out_broken ? NULL : g_strdup (query + 1);
        }
      start = after;
    }
  return NULL;
}

/* A registry without this list says so in one of these ways; what they have in common is that there is none. */
static gboolean
means_no_list (long status)
{
  return status == 400 || status == 404 || status == 405 || status == 406 || status == 410 || status == 501;
}

/* One request. */
static GBytes *
request_page (ScRegistryEndpoint *endpoint, const char *digest, const char *query, ScHttpResponse *response,
              char **out_next, GCancellable *cancellable, GError **error)
{
  static const char *const headers[] = { "Accept: " SC_MT_OCI_INDEX, NULL };
  g_autofree char *path = g_strdup_printf ("referrers/%s?%s", digest, query);
  g_autofree char *what = g_strdup_printf ("list of what refers to %s", digest);
  g_autoptr (GInputStream) stream =
      sc_registry_endpoint_get (endpoint, path, headers, what, response, cancellable, error);
  g_autoptr (GBytes) body = NULL;
  gboolean broken = FALSE;

  if (stream == NULL)
    return NULL;
  /* Some answer what they do not know with a page for people. */
  if (g_strcmp0 (response->content_type, SC_MT_OCI_INDEX) != 0)
    return sc_fail_null (error, SC_ERROR_NOT_FOUND, "%s has no %s", sc_registry_endpoint_name (endpoint), what);
  body = sc_http_read_body (stream, SC_MANIFEST_MAX_SIZE, cancellable, error);
  if (body == NULL)
    return sc_prefix_null (error, "%s", what);
  *out_next = next_query (response->link, &broken);
  if (broken)
    return sc_fail_null (error, SC_ERROR_INVALID, "%s: its next page has no usable address", what);
  return g_steal_pointer (&body);
}

static GBytes *
fetch_page (ScRegistryEndpoint *endpoint, const char *digest, const char *query, char **out_next,
            GCancellable *cancellable, GError **error)
{
  ScRetry retry = { 0 };

  for (;;)
    {
      g_auto (ScHttpResponse) response = { 0 };
      g_autoptr (GError) failure = NULL;
      GBytes *page = request_page (endpoint, digest, query, &response, out_next, cancellable, &failure);

      if (page != NULL)
        return page;
      if (sc_retry_response (&retry, &response, &failure, cancellable))
        continue;
      if (means_no_list (response.status) && !g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return sc_fail_null (error, SC_ERROR_NOT_FOUND, "%s", failure->message);
      g_propagate_error (error, g_steal_pointer (&failure));
      return NULL;
    }
}

GPtrArray *
sc_registry_fetch_referrers (ScBlobSource *source, const char *digest, const char *artifact_type,
                             GCancellable *cancellable, GError **error)
{
  ScRegistryEndpoint *endpoint = sc_registry_endpoint (source, sc_registry_current_endpoint (source));
  g_autoptr (GPtrArray) pages = g_ptr_array_new_with_free_func ((GDestroyNotify)g_bytes_unref);
  g_autofree char *type = g_uri_escape_string (artifact_type, NULL, FALSE);
  g_autofree char *query = g_strconcat ("artifactType=", type, NULL);

  while (query != NULL)
    {
      g_autofree char *next = NULL;
      GBytes *page;

      if (pages->len == SC_REFERRERS_MAX_PAGES)
        return sc_fail_null (error, SC_ERROR_LIMIT, "list of what refers to %s: more than %d pages", digest,
                             SC_REFERRERS_MAX_PAGES);
      page = fetch_page (endpoint, digest, query, &next, cancellable, error);
      if (page == NULL)
        return NULL;
      g_ptr_array_add (pages, page);
      g_free (query);
      query = g_steal_pointer (&next);
    }
  return g_steal_pointer (&pages);
}
