/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Names in full, and the scopes that they are in.  Pure text: what is configured for a scope is for others to know.
 */

#include "full-name.h"

#include <string.h>

#define DOCKER_REGISTRY "docker.io"
#define DOCKER_INDEX    "index.docker.io"
#define DOCKER_OFFICIAL "library/"
#define HEX_LENGTH      64

void
sc_full_name_clear (ScFullName *name)
{
  g_clear_pointer (&name->name, g_free);
  g_clear_pointer (&name->tag, g_free);
  g_clear_pointer (&name->digest, g_free);
}

static char *
expand (const ScReference *ref)
{
  gboolean docker = ref->registry == NULL || strcmp (ref->registry, DOCKER_REGISTRY) == 0
                    || strcmp (ref->registry, DOCKER_INDEX) == 0;

  if (!docker)
    return g_strconcat (ref->registry, "/", ref->repository, NULL);
  return g_strconcat (DOCKER_REGISTRY "/", strchr (ref->repository, '/') == NULL ? DOCKER_OFFICIAL : "",
                      ref->repository, NULL);
}

gboolean
sc_full_name_of (const ScReference *ref, ScFullName *out)
{
  if (ref->repository == NULL)
    return FALSE;
  *out = (ScFullName){ .name = expand (ref) };
  if (ref->digest != NULL)
    out->digest = g_strdup (ref->digest);
  else
    out->tag = g_strdup (ref->tag != NULL ? ref->tag : "latest");
  return TRUE;
}

char *
sc_full_name_fold (const char *text)
{
  gsize n = strcspn (text, "/");
  g_autofree char *host = g_ascii_strdown (text, (gssize)n);

  return g_strconcat (host, text + n, NULL);
}

gboolean
sc_full_name_parse (const char *text, ScFullName *out, GError **error)
{
  /* So that no word of it is taken for a transport. */
  g_autofree char *prefixed = g_strconcat ("docker://", text, NULL);
  g_autoptr (GError) reason = NULL;
  g_autoptr (ScReference) ref = sc_reference_parse (prefixed, &reason);

  if (ref == NULL)
    return sc_fail (error, SC_ERROR_INVALID, "%s", reason->message);
  /* Such a name is taken for the id of an image. */
  if (strlen (text) == HEX_LENGTH && strspn (text, "0123456789abcdef") == HEX_LENGTH)
    return sc_fail (error, SC_ERROR_INVALID, "'%s' is an id, not a name", text);
  *out = (ScFullName){ .name = expand (ref), .tag = g_strdup (ref->tag), .digest = g_strdup (ref->digest) };
  return TRUE;
}

char *
sc_full_name_format (const ScFullName *name)
{
  return g_strconcat (name->name, name->tag != NULL ? ":" : "", name->tag != NULL ? name->tag : "",
                      name->digest != NULL ? "@" : "", name->digest != NULL ? name->digest : "", NULL);
}

GPtrArray *
sc_full_name_scopes (const ScFullName *name)
{
  GPtrArray *scopes = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *text = g_strdup (name->name);
  char *slash, *dot;

  g_ptr_array_add (scopes, sc_full_name_format (name));
  while ((slash = strrchr (text, '/')) != NULL)
    {
      g_ptr_array_add (scopes, g_strdup (text));
      *slash = '\0';
    }
  g_ptr_array_add (scopes, g_strdup (text));
  text[strcspn (text, ":")] = '\0';
  for (dot = strchr (text, '.'); dot != NULL; dot = strchr (dot + 1, '.'))
    g_ptr_array_add (scopes, g_strconcat ("*", dot, NULL));
  return scopes;
}
