/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The content of a simple signature: containers-signature(5), "JSON data format".  Strict: whatever is not understood
 * in the critical part makes the signature worthless.
 */

#include "signature.h"

#include <string.h>

#include "json.h"
#include "names.h"

#define SIGNATURE_TYPE "atomic container signature"

void
sc_signature_clear (ScSignature *signature)
{
  g_clear_pointer (&signature->manifest_digest, g_free);
  g_clear_pointer (&signature->docker_reference, g_free);
  g_clear_pointer (&signature->fingerprint, g_free);
}

/* The object at @key of @parent has exactly the members @names (NULL-terminated). */
static JsonObject *
get_exact (JsonObject *parent, const char *where, const char *key, const char *const *names, GError **error)
{
  g_autofree char *below = g_strdup_printf (strstr (where, ": ") ? "%s.%s" : "%s: %s", where, key);
  JsonObject *object = NULL;
  JsonObjectIter iter;
  const char *name;

  if (!sc_json_get_object (parent, where, key, SC_JSON_REQUIRED, &object, error))
    return NULL;
  json_object_iter_init (&iter, object);
  while (json_object_iter_next (&iter, &name, NULL))
    if (!g_strv_contains (names, name))
      {
        g_autofree char *shown = sc_name_escape (name);

        return sc_fail_null (error, SC_ERROR_INVALID, "%s: unknown member '%s'", below, shown);
      }
  return object;
}

static gboolean
parse_critical (JsonObject *critical, ScSignature *out, GError **error)
{
  static const char *const image_members[] = { "docker-manifest-digest", NULL };
  static const char *const identity_members[] = { "docker-reference", NULL };
  static const char where[] = "signature: critical";
  JsonObject *image, *identity;
  const char *type = NULL, *digest = NULL, *reference = NULL;

  if (!sc_json_get_string (critical, where, "type", SC_JSON_REQUIRED, &type, error))
    return FALSE;
  if (strcmp (type, SIGNATURE_TYPE) != 0)
    return sc_fail (error, SC_ERROR_INVALID, "%s.type: it is not '" SIGNATURE_TYPE "'", where);
  image = get_exact (critical, where, "image", image_members, error);
  identity = image != NULL ? get_exact (critical, where, "identity", identity_members, error) : NULL;
  if (identity == NULL
      || !sc_json_get_string (image, "signature: critical.image", "docker-manifest-digest", SC_JSON_REQUIRED, &digest,
                              error)
      || !sc_json_get_string (identity, "signature: critical.identity", "docker-reference", SC_JSON_REQUIRED,
                              &reference, error))
    return FALSE;
  out->manifest_digest = g_strdup (digest);
  out->docker_reference = g_strdup (reference);
  return TRUE;
}

/* Members that are not known are fine here; those that are must be what they should be. */
static gboolean
check_optional (JsonObject *optional, GError **error)
{
  JsonNode *creator = json_object_get_member (optional, "creator");
  JsonNode *timestamp = json_object_get_member (optional, "timestamp");
  double seconds;

  if (creator != NULL && (!JSON_NODE_HOLDS_VALUE (creator) || json_node_get_value_type (creator) != G_TYPE_STRING))
    return sc_fail (error, SC_ERROR_INVALID, "signature: optional.creator: expected a string");
  if (timestamp == NULL)
    return TRUE;
  if (!JSON_NODE_HOLDS_VALUE (timestamp)
      || (json_node_get_value_type (timestamp) != G_TYPE_INT64
          && json_node_get_value_type (timestamp) != G_TYPE_DOUBLE))
    return sc_fail (error, SC_ERROR_INVALID, "signature: optional.timestamp: expected a number");
  seconds = json_node_get_double (timestamp);
  if (!(seconds >= -0x1p63 && seconds < 0x1p63) || seconds != (double)(gint64)seconds)
    return sc_fail (error, SC_ERROR_INVALID, "signature: optional.timestamp: expected an integer");
  return TRUE;
}

gboolean
sc_signature_parse (GBytes *payload, ScSignature *out, GError **error)
{
  static const char *const members[] = { "critical", "optional", NULL };
  static const char *const critical_members[] = { "type", "image", "identity", NULL };
  gsize size = 0;
  const char *data = g_bytes_get_data (payload, &size);
  g_autoptr (JsonNode) root = sc_json_parse_unique ("signature", data != NULL ? data : "", size, error);
  JsonObject *top = root != NULL ? sc_json_node_object (root, "signature", error) : NULL;
  JsonObject *critical, *optional = NULL;
  JsonObjectIter iter;
  const char *name;

  if (top == NULL)
    return FALSE;
  json_object_iter_init (&iter, top);
  while (json_object_iter_next (&iter, &name, NULL))
    if (!g_strv_contains (members, name))
      {
        g_autofree char *shown = sc_name_escape (name);

        return sc_fail (error, SC_ERROR_INVALID, "signature: unknown member '%s'", shown);
      }
  critical = get_exact (top, "signature", "critical", critical_members, error);
  return critical != NULL && sc_json_get_object (top, "signature", "optional", SC_JSON_REQUIRED, &optional, error)
         && check_optional (optional, error) && parse_critical (critical, out, error);
}

gboolean
sc_signature_verify (ScGpgKeys *keys, GBytes *blob, ScSignature *out, GError **error)
{
  g_autofree char *fingerprint = NULL;
  g_autoptr (GBytes) payload = sc_gpg_verify (keys, blob, &fingerprint, error);
  g_autoptr (GError) reason = NULL;

  if (payload == NULL)
    return FALSE;
  if (!sc_signature_parse (payload, out, &reason))
    return sc_fail (error, SC_ERROR_DENIED, "%s", reason->message);
  out->fingerprint = g_steal_pointer (&fingerprint);
  return TRUE;
}
