/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The signedIdentity of a requirement: containers-policy.json(5), "signedBy".  Decides only whether the name in a
 * signature is one that the policy wants; whether the signature is good is not known here.
 */

#include "policy-private.h"

#include <string.h>

#include "json.h"

/* "HOST[:PORT]" or "HOST[:PORT]/COMPONENT..."; no tag, no digest. */
#define LABEL     "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
#define HOST      "(?:" LABEL "(?:\\." LABEL ")*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?"
#define COMPONENT "[a-z0-9]+(?:(?:[._]|__|-*)[a-z0-9]+)*"
#define PREFIX    "^" HOST "(?:/" COMPONENT ")*\\z"

typedef struct
{
  const char *type;
  ScIdentityKind kind;
  const char *members[4]; /* all of them must be there */
} Form;

static const Form forms[] = {
  { "matchExact", SC_IDENTITY_EXACT, { "type" } },
  { "matchRepoDigestOrExact", SC_IDENTITY_REPO_DIGEST_OR_EXACT, { "type" } },
  { "matchRepository", SC_IDENTITY_REPOSITORY, { "type" } },
  { "exactReference", SC_IDENTITY_EXACT_REFERENCE, { "type", "dockerReference" } },
  { "exactRepository", SC_IDENTITY_EXACT_REPOSITORY, { "type", "dockerRepository" } },
  { "remapIdentity", SC_IDENTITY_REMAP, { "type", "prefix", "signedPrefix" } },
};

void
sc_signed_identity_clear (ScSignedIdentity *identity)
{
  sc_full_name_clear (&identity->name);
  g_clear_pointer (&identity->prefix, g_free);
  g_clear_pointer (&identity->signed_prefix, g_free);
}

static gboolean
parse_name (JsonObject *object, const char *where, const char *key, ScFullName *out, GError **error)
{
  const char *text = NULL;

  if (!sc_json_get_string (object, where, key, SC_JSON_REQUIRED, &text, error))
    return FALSE;
  if (!sc_full_name_parse (text, out, error))
    return sc_prefix (error, "%s.%s", where, key);
  return TRUE;
}

static gboolean
parse_prefix (JsonObject *object, const char *where, const char *key, char **out, GError **error)
{
  const char *text = NULL;

  if (!sc_json_get_string (object, where, key, SC_JSON_REQUIRED, &text, error))
    return FALSE;
  if (!g_regex_match_simple (PREFIX, text, 0, 0))
    return sc_fail (error, SC_ERROR_INVALID, "%s.%s: '%s' is no registry, namespace or repository", where, key, text);
  *out = sc_full_name_fold (text);
  return TRUE;
}

static gboolean
parse_form (JsonObject *object, const char *where, const Form *form, ScSignedIdentity *out, GError **error)
{
  if (!sc_policy_check_members (object, where, form->members, error))
    return FALSE;
  out->kind = form->kind;
  switch (form->kind)
    {
    case SC_IDENTITY_EXACT_REFERENCE:
      if (!parse_name (object, where, "dockerReference", &out->name, error))
        return FALSE;
      if (out->name.tag == NULL && out->name.digest == NULL)
        return sc_fail (error, SC_ERROR_INVALID, "%s.dockerReference: '%s' has neither tag nor digest", where,
                        out->name.name);
      return TRUE;
    case SC_IDENTITY_EXACT_REPOSITORY:
      return parse_name (object, where, "dockerRepository", &out->name, error);
    case SC_IDENTITY_REMAP:
      return parse_prefix (object, where, "prefix", &out->prefix, error)
             && parse_prefix (object, where, "signedPrefix", &out->signed_prefix, error);
    default:
      return TRUE;
    }
}

gboolean
sc_signed_identity_parse (JsonObject *object, const char *where, ScSignedIdentity *out, GError **error)
{
  const char *type = NULL;

  if (!sc_json_get_string (object, where, "type", SC_JSON_REQUIRED, &type, error))
    return FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS (forms); i++)
    if (strcmp (forms[i].type, type) == 0)
      return parse_form (object, where, &forms[i], out, error);
  return sc_fail (error, SC_ERROR_INVALID, "%s.type: unknown '%s'", where, type);
}

static gboolean
has_version (const ScFullName *name)
{
  return name->tag != NULL || name->digest != NULL;
}

static gboolean
equal (const ScFullName *a, const ScFullName *b)
{
  return has_version (a) && has_version (b) && strcmp (a->name, b->name) == 0 && g_strcmp0 (a->tag, b->tag) == 0
         && g_strcmp0 (a->digest, b->digest) == 0;
}

/* By digest the repository is enough: the digest itself was compared with the manifest's, as was the signature's. */
static gboolean
repo_digest_or_exact (const ScFullName *image, const ScFullName *signature)
{
  if (!has_version (signature))
    return FALSE;
  return image->tag != NULL ? equal (image, signature)
                            : image->digest != NULL && strcmp (image->name, signature->name) == 0;
}

static gboolean
remap (const ScSignedIdentity *identity, const ScFullName *image, const ScFullName *signature)
{
  gsize n = strlen (identity->prefix);
  g_autofree char *text = sc_full_name_format (image);
  g_auto (ScFullName) mapped = { 0 };
  g_autofree char *mapped_text = NULL, *again = NULL;

  if (strncmp (image->name, identity->prefix, n) != 0 || (image->name[n] != '\0' && image->name[n] != '/'))
    return repo_digest_or_exact (image, signature);
  mapped_text = g_strconcat (identity->signed_prefix, text + n, NULL);
  if (!sc_full_name_parse (mapped_text, &mapped, NULL))
    return FALSE;
  /* What was put together must be the full form, not something that still has to be expanded. */
  again = sc_full_name_format (&mapped);
  return strcmp (again, mapped_text) == 0 && repo_digest_or_exact (&mapped, signature);
}

gboolean
sc_signed_identity_matches (const ScSignedIdentity *identity, const ScFullName *image, const char *signed_name)
{
  g_auto (ScFullName) signature = { 0 };

  if (!sc_full_name_parse (signed_name, &signature, NULL))
    return FALSE;
  switch (identity->kind)
    {
    case SC_IDENTITY_EXACT_REFERENCE:
      return equal (&identity->name, &signature);
    case SC_IDENTITY_EXACT_REPOSITORY:
      return strcmp (identity->name.name, signature.name) == 0;
    case SC_IDENTITY_EXACT:
      return image != NULL && equal (image, &signature);
    case SC_IDENTITY_REPO_DIGEST_OR_EXACT:
      return image != NULL && repo_digest_or_exact (image, &signature);
    case SC_IDENTITY_REPOSITORY:
      return image != NULL && strcmp (image->name, signature.name) == 0;
    case SC_IDENTITY_REMAP:
      return image != NULL && remap (identity, image, &signature);
    }
  return FALSE;
}
