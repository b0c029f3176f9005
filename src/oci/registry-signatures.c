/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Where signatures of a registry's image are: in the registry itself, if it has the signatures extension of OpenShift's
 * registry ("X-Registry-Supports-Signatures"), or else in a lookaside place.  Judges none of them.
 */

#include <string.h>

#include "http-retry.h"
#include "json.h"
#include "lookaside.h"
#include "registry-private.h"

#define BODY_MAX ((gsize)SC_SIGNATURES_MAX_TOTAL * 2) /* base64 and the JSON around it */

/* The whole of a small document, with retries. */
static GBytes *
get_body (ScRegistryEndpoint *endpoint, const char *path, const char *what, ScHttpResponse *response,
          GCancellable *cancellable, GError **error)
{
  ScRetry retry = { 0 };

  for (;;)
    {
      g_autoptr (GError) failure = NULL;
      g_autoptr (GInputStream) stream = NULL;
      GBytes *body = NULL;

      sc_http_response_clear (response);
      stream = sc_registry_endpoint_get (endpoint, path, NULL, what, response, cancellable, &failure);
      if (stream != NULL)
        body = sc_http_read_body (stream, BODY_MAX, cancellable, &failure);
      if (body != NULL)
        return body;
      if (!sc_retry_response (&retry, response, &failure, cancellable))
        {
          g_propagate_error (error, g_steal_pointer (&failure));
          return NULL;
        }
    }
}

/* Does the endpoint say that it keeps signatures? Whatever else it answers to the question means no. */
static gboolean
ask_endpoint (ScRegistryEndpoint *endpoint, gboolean *out, GCancellable *cancellable, GError **error)
{
  g_auto (ScHttpResponse) response = { 0 };
  g_autoptr (GError) local = NULL;
  g_autoptr (GBytes) body = get_body (endpoint, "/v2/", "the API version", &response, cancellable, &local);

  *out = body != NULL && g_strcmp0 (response.signatures, "1") == 0;
  if (body != NULL || g_error_matches (local, SC_ERROR, SC_ERROR_NOT_FOUND)
      || g_error_matches (local, SC_ERROR, SC_ERROR_DENIED) || g_error_matches (local, SC_ERROR, SC_ERROR_INVALID))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

/* One element of the reply; those of other kinds are passed over. */
static gboolean
add_signature (JsonObject *object, GPtrArray *signatures, GError **error)
{
  static const char where[] = "signatures";
  const char *type = NULL, *content = NULL;
  gint64 version = 0;
  guchar *data;
  gsize size = 0;

  if (!sc_json_get_int (object, where, "schemaVersion", SC_JSON_REQUIRED, &version, error)
      || !sc_json_get_string (object, where, "type", SC_JSON_REQUIRED, &type, error)
      || !sc_json_get_string (object, where, "content", SC_JSON_REQUIRED, &content, error))
    return FALSE;
  if (version != 2 || strcmp (type, "atomic") != 0)
    return TRUE;
  data = g_base64_decode (content, &size);
  g_ptr_array_add (signatures, g_bytes_new_take (data, size));
  if (size > SC_SIGNATURE_MAX_SIZE || signatures->len > SC_SIGNATURES_MAX)
    return sc_fail (error, SC_ERROR_LIMIT, "signatures: too many or too large");
  return TRUE;
}

static GPtrArray *
fetch_from_endpoint (ScRegistryEndpoint *endpoint, const char *manifest_digest, GCancellable *cancellable,
                     GError **error)
{
  g_autoptr (GPtrArray) signatures = g_ptr_array_new_with_free_func ((GDestroyNotify)g_bytes_unref);
  g_autofree char *path =
      g_strdup_printf ("/extensions/v2/%s/signatures/%s", sc_registry_endpoint_repository (endpoint), manifest_digest);
  g_autofree char *what = g_strdup_printf ("signatures of %s", manifest_digest);
  g_auto (ScHttpResponse) response = { 0 };
  g_autoptr (GBytes) body = get_body (endpoint, path, what, &response, cancellable, error);
  g_autoptr (JsonNode) root = NULL;
  JsonObject *top;
  JsonArray *list = NULL;
  gsize size = 0;
  const char *data = body != NULL ? g_bytes_get_data (body, &size) : NULL;

  if (body == NULL)
    return NULL;
  root = sc_json_parse ("signatures", data != NULL ? data : "", size, error);
  top = root != NULL ? sc_json_node_object (root, "signatures", error) : NULL;
  if (top == NULL || !sc_json_get_array (top, "signatures", "signatures", SC_JSON_OPTIONAL, &list, error))
    return NULL;
  for (guint i = 0; list != NULL && i < json_array_get_length (list); i++)
    {
      JsonObject *object = sc_json_element_object (list, "signatures", i, error);

      if (object == NULL || !add_signature (object, signatures, error))
        return NULL;
    }
  return g_steal_pointer (&signatures);
}

static gboolean
endpoint_name (ScRegistryEndpoint *endpoint, ScFullName *out, GError **error)
{
  const char *top = sc_registry_endpoint_top (endpoint);
  g_autofree char *text =
      g_strconcat (sc_registry_endpoint_name (endpoint), strchr (top, ':') != NULL ? "@" : ":", top, NULL);

  return sc_full_name_parse (text, out, error);
}

GPtrArray *
sc_registry_fetch_signatures (ScBlobSource *source, const char *manifest_digest, GCancellable *cancellable,
                              GError **error)
{
  ScRegistryEndpoint *endpoint = sc_registry_endpoint (source, sc_registry_current_endpoint (source));
  g_auto (ScFullName) name = { 0 };
  gboolean itself = FALSE;
  GPtrArray *signatures;

  g_clear_pointer (&source->signatures, g_free);
  if (!endpoint_name (endpoint, &name, error) || !ask_endpoint (endpoint, &itself, cancellable, error))
    return NULL;
  if (!itself)
    return sc_lookaside_fetch (sc_registry_endpoint_context (endpoint), &name, manifest_digest, &source->signatures,
                               cancellable, error);
  source->signatures = g_strdup (sc_registry_endpoint_name (endpoint));
  signatures = fetch_from_endpoint (endpoint, manifest_digest, cancellable, error);
  return signatures != NULL ? signatures : sc_prefix_null (error, "%s", sc_registry_endpoint_name (endpoint));
}

gboolean
sc_registry_use_attachments (ScBlobSource *source, gboolean *out, GError **error)
{
  ScRegistryEndpoint *endpoint = sc_registry_endpoint (source, sc_registry_current_endpoint (source));
  g_autoptr (ScRegistriesD) conf = NULL;
  g_auto (ScFullName) name = { 0 };

  if (!endpoint_name (endpoint, &name, error))
    return FALSE;
  conf = sc_registries_d_load (sc_registry_endpoint_context (endpoint), error);
  if (conf == NULL)
    return FALSE;
  *out = sc_registries_d_use_attachments (conf, &name);
  return TRUE;
}
