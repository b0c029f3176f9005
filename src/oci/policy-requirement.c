/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One requirement of a policy, from JSON: containers-policy.json(5), "Policy Requirements".  Keys are decoded if they
 * stand in the policy; files are not opened here, and no key is looked into.
 */

#include "policy-private.h"

#include <string.h>

#include "json.h"

#define BASE64 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

static void
key_sources_clear (ScKeySources *sources)
{
  g_clear_pointer (&sources->paths, g_ptr_array_unref);
  g_clear_pointer (&sources->data, g_ptr_array_unref);
}

static void
key_sources_init (ScKeySources *sources)
{
  sources->paths = g_ptr_array_new_with_free_func (g_free);
  sources->data = g_ptr_array_new_with_free_func ((GDestroyNotify)g_bytes_unref);
}

void
sc_requirement_free (ScRequirement *requirement)
{
  if (requirement == NULL)
    return;
  sc_signed_identity_clear (&requirement->identity);
  key_sources_clear (&requirement->keys);
  key_sources_clear (&requirement->ca);
  key_sources_clear (&requirement->rekor);
  g_free (requirement->oidc_issuer);
  g_free (requirement->subject_email);
  g_free (requirement);
}

gboolean
sc_policy_check_members (JsonObject *object, const char *where, const char *const *names, GError **error)
{
  JsonObjectIter iter;
  const char *name;
  JsonNode *value;

  json_object_iter_init (&iter, object);
  while (json_object_iter_next (&iter, &name, &value))
    {
      if (!g_strv_contains (names, name))
        return sc_fail (error, SC_ERROR_INVALID, "%s: unknown member '%s'", where, name);
      if (JSON_NODE_HOLDS_NULL (value))
        return sc_fail (error, SC_ERROR_INVALID, "%s: %s is null", where, name);
    }
  return TRUE;
}

/* Base64 (RFC 4648, section 4) with padding; line breaks are skipped, anything else in it is an error. */
static gboolean
add_data (ScKeySources *sources, const char *where, const char *key, const char *text, GError **error)
{
  g_autoptr (GString) plain = g_string_new (NULL);
  gsize digits, size = 0;
  guchar *data;

  for (const char *p = text; *p != '\0'; p++)
    if (*p != '\n' && *p != '\r')
      g_string_append_c (plain, *p);
  digits = strspn (plain->str, BASE64);
  if (plain->len % 4 != 0 || plain->len - digits > 2 || strspn (plain->str + digits, "=") != plain->len - digits)
    return sc_fail (error, SC_ERROR_INVALID, "%s.%s: not base64", where, key);
  data = g_base64_decode (plain->str, &size);
  g_ptr_array_add (sources->data, g_bytes_new_take (data, size));
  return TRUE;
}

static gboolean
add_path (ScKeySources *sources, const char *where, const char *key, const char *path, GError **error)
{
  if (*path != '/')
    return sc_fail (error, SC_ERROR_INVALID, "%s.%s: '%s' is not an absolute path", where, key, path);
  g_ptr_array_add (sources->paths, g_strdup (path));
  return TRUE;
}

/* The names under which keys can be given: a path, several, data, several; NULL: not in this form. */
typedef struct
{
  const char *path, *paths, *data, *datas;
} KeyMembers;

/* The strings at @key, one or an array of them. */
static gboolean
get_texts (JsonObject *object, const char *where, const char *key, gboolean several, char ***out, GError **error)
{
  const char *text = NULL;

  if (several)
    return sc_json_get_strv (object, where, key, SC_JSON_REQUIRED, out, error);
  if (!sc_json_get_string (object, where, key, SC_JSON_REQUIRED, &text, error))
    return FALSE;
  *out = g_new0 (char *, 2);
  (*out)[0] = g_strdup (text);
  return TRUE;
}

/* @out_members: how many of @names there are. */
static gboolean
parse_keys (JsonObject *object, const char *where, const KeyMembers *names, ScKeySources *out, guint *out_members,
            GError **error)
{
  const char *const keys[] = { names->path, names->paths, names->data, names->datas };

  key_sources_init (out);
  *out_members = 0;
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_auto (GStrv) texts = NULL;

      if (keys[i] == NULL || !json_object_has_member (object, keys[i]))
        continue;
      (*out_members)++;
      if (!get_texts (object, where, keys[i], i % 2 == 1, &texts, error))
        return FALSE;
      for (char **text = texts; *text != NULL; text++)
        if (!(i < 2 ? add_path : add_data) (out, where, keys[i], *text, error))
          return FALSE;
    }
  return TRUE;
}

static gboolean
parse_identity (JsonObject *object, const char *where, ScRequirement *out, GError **error)
{
  g_autofree char *below = g_strconcat (where, ".signedIdentity", NULL);
  JsonObject *identity = NULL;

  out->identity.kind = SC_IDENTITY_REPO_DIGEST_OR_EXACT;
  if (!sc_json_get_object (object, where, "signedIdentity", SC_JSON_OPTIONAL, &identity, error))
    return FALSE;
  return identity == NULL || sc_signed_identity_parse (identity, below, &out->identity, error);
}

static gboolean
parse_signed_by (JsonObject *object, const char *where, ScRequirement *out, GError **error)
{
  static const char *const members[] = { "type", "keyType", "keyPath", "keyPaths", "keyData", "signedIdentity", NULL };
  static const char *const key_types[] = { "GPGKeys", "signedByGPGKeys", "X509Certificates", "signedByX509CAs", NULL };
  static const KeyMembers names = { "keyPath", "keyPaths", "keyData", NULL };
  const char *key_type = NULL;
  guint n_keys = 0;

  out->kind = SC_REQUIREMENT_SIGNED_BY;
  if (!sc_policy_check_members (object, where, members, error)
      || !sc_json_get_string (object, where, "keyType", SC_JSON_REQUIRED, &key_type, error))
    return FALSE;
  if (!g_strv_contains (key_types, key_type))
    return sc_fail (error, SC_ERROR_INVALID, "%s.keyType: unknown '%s'", where, key_type);
  if (strcmp (key_type, "GPGKeys") != 0)
    {
      out->kind = SC_REQUIREMENT_UNSUPPORTED;
      out->unsupported = "a keyType other than GPGKeys";
    }
  if (!parse_keys (object, where, &names, &out->keys, &n_keys, error))
    return FALSE;
  if (n_keys != 1)
    return sc_fail (error, SC_ERROR_INVALID, "%s: needs exactly one of keyPath, keyPaths and keyData", where);
  return parse_identity (object, where, out, error);
}

static gboolean
parse_fulcio (JsonObject *object, const char *where, ScRequirement *out, GError **error)
{
  static const char *const members[] = { "caPath", "caData", "oidcIssuer", "subjectEmail", NULL };
  static const KeyMembers names = { "caPath", NULL, "caData", NULL };
  const char *issuer = NULL, *email = NULL;
  guint n_ca = 0;

  out->fulcio = TRUE;
  if (!sc_policy_check_members (object, where, members, error)
      || !parse_keys (object, where, &names, &out->ca, &n_ca, error)
      || !sc_json_get_string (object, where, "oidcIssuer", SC_JSON_REQUIRED, &issuer, error)
      || !sc_json_get_string (object, where, "subjectEmail", SC_JSON_REQUIRED, &email, error))
    return FALSE;
  if (n_ca != 1)
    return sc_fail (error, SC_ERROR_INVALID, "%s: needs exactly one of caPath and caData", where);
  if (*issuer == '\0' || *email == '\0')
    return sc_fail (error, SC_ERROR_INVALID, "%s: oidcIssuer and subjectEmail must not be empty", where);
  out->oidc_issuer = g_strdup (issuer);
  out->subject_email = g_strdup (email);
  return TRUE;
}

static gboolean
parse_pki (JsonObject *object, const char *where, ScRequirement *out, GError **error)
{
  static const char *const members[] = {
    "caRootsPath", "caRootsData", "caIntermediatesPath", "caIntermediatesData", "subjectEmail", "subjectHostname", NULL
  };

  out->kind = SC_REQUIREMENT_UNSUPPORTED;
  out->unsupported = "sigstoreSigned by 'pki'";
  return sc_policy_check_members (object, where, members, error);
}

static gboolean
parse_sigstore (JsonObject *object, const char *where, ScRequirement *out, GError **error)
{
  static const char *const members[] = { "type",
                                         "keyPath",
                                         "keyPaths",
                                         "keyData",
                                         "keyDatas",
                                         "signedIdentity",
                                         "fulcio",
                                         "pki",
                                         "rekorPublicKeyPath",
                                         "rekorPublicKeyPaths",
                                         "rekorPublicKeyData",
                                         "rekorPublicKeyDatas",
                                         NULL };
  static const KeyMembers names = { "keyPath", "keyPaths", "keyData", "keyDatas" };
  static const KeyMembers rekor_names = { "rekorPublicKeyPath", "rekorPublicKeyPaths", "rekorPublicKeyData",
                                          "rekorPublicKeyDatas" };
  g_autofree char *fulcio_where = g_strconcat (where, ".fulcio", NULL);
  g_autofree char *pki_where = g_strconcat (where, ".pki", NULL);
  JsonObject *fulcio = NULL, *pki = NULL;
  guint n_keys = 0, n_rekor = 0;

  out->kind = SC_REQUIREMENT_SIGSTORE;
  if (!sc_policy_check_members (object, where, members, error)
      || !parse_keys (object, where, &names, &out->keys, &n_keys, error)
      || !parse_keys (object, where, &rekor_names, &out->rekor, &n_rekor, error)
      || !sc_json_get_object (object, where, "fulcio", SC_JSON_OPTIONAL, &fulcio, error)
      || !sc_json_get_object (object, where, "pki", SC_JSON_OPTIONAL, &pki, error))
    return FALSE;
  if (n_keys + (fulcio != NULL) + (pki != NULL) != 1)
    return sc_fail (error, SC_ERROR_INVALID,
                    "%s: needs exactly one of keyPath, keyPaths, keyData, keyDatas, fulcio and pki", where);
  if (n_rekor > 1)
    return sc_fail (error, SC_ERROR_INVALID, "%s: has several of the rekorPublicKey... members", where);
  if (fulcio != NULL && n_rekor == 0)
    return sc_fail (error, SC_ERROR_INVALID, "%s: fulcio needs a rekorPublicKeyPath or rekorPublicKeyData", where);
  if ((n_keys == 1 && out->keys.paths->len + out->keys.data->len == 0)
      || (n_rekor == 1 && out->rekor.paths->len + out->rekor.data->len == 0))
    return sc_fail (error, SC_ERROR_INVALID, "%s: a list of keys is empty", where);
  if (fulcio != NULL && !parse_fulcio (fulcio, fulcio_where, out, error))
    return FALSE;
  if (pki != NULL && !parse_pki (pki, pki_where, out, error))
    return FALSE;
  return parse_identity (object, where, out, error);
}

/* Only in the format, never fulfilled by any implementation. */
static gboolean
parse_base_layer (JsonObject *object, const char *where, ScRequirement *out, GError **error)
{
  static const char *const members[] = { "type", "baseLayerIdentity", NULL };
  g_autofree char *below = g_strconcat (where, ".baseLayerIdentity", NULL);
  JsonObject *identity = NULL;

  out->kind = SC_REQUIREMENT_UNSUPPORTED;
  out->unsupported = "signedBaseLayer";
  return sc_policy_check_members (object, where, members, error)
         && sc_json_get_object (object, where, "baseLayerIdentity", SC_JSON_REQUIRED, &identity, error)
         && sc_signed_identity_parse (identity, below, &out->identity, error);
}

static gboolean
parse_simple (JsonObject *object, const char *where, ScRequirement *out, GError **error)
{
  static const char *const members[] = { "type", NULL };

  return sc_policy_check_members (object, where, members, error);
}

typedef struct
{
  const char *type;
  ScRequirementKind kind;
  gboolean (*parse) (JsonObject *object, const char *where, ScRequirement *out, GError **error);
} RequirementType;

static const RequirementType types[] = {
  { "insecureAcceptAnything", SC_REQUIREMENT_ACCEPT, parse_simple },
  { "reject", SC_REQUIREMENT_REJECT, parse_simple },
  { "signedBy", SC_REQUIREMENT_SIGNED_BY, parse_signed_by },
  { "sigstoreSigned", SC_REQUIREMENT_SIGSTORE, parse_sigstore },
  { "signedBaseLayer", SC_REQUIREMENT_UNSUPPORTED, parse_base_layer },
};

ScRequirement *
sc_requirement_parse (JsonObject *object, const char *where, GError **error)
{
  g_autoptr (ScRequirement) requirement = g_new0 (ScRequirement, 1);
  const char *type = NULL;

  if (!sc_json_get_string (object, where, "type", SC_JSON_REQUIRED, &type, error))
    return NULL;
  for (gsize i = 0; i < G_N_ELEMENTS (types); i++)
    if (strcmp (types[i].type, type) == 0)
      {
        requirement->kind = types[i].kind;
        return types[i].parse (object, where, requirement, error) ? g_steal_pointer (&requirement) : NULL;
      }
  return sc_fail_null (error, SC_ERROR_INVALID, "%s.type: unknown '%s'", where, type);
}
