/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Credential helpers: programs that answer the name of a server on their standard input with a login in JSON.  Their
 * names come from configuration files, so they are held to letters and digits: none leads out of $PATH.
 */

#include <string.h>

#include "auth.h"
#include "json.h"
#include "names.h"
#include "subprocess.h"

#define HELPER_SECONDS  30
#define HELPER_NAME_MAX 64
#define ANSWER_SHOWN    200

/* What helpers say, all of them, if there is no such login. */
#define NOT_FOUND "credentials not found in native keychain"

static gboolean
name_is_safe (const char *name)
{
  if (*name == '\0' || strlen (name) > HELPER_NAME_MAX || !g_ascii_isalnum (*name))
    return FALSE;
  for (const char *p = name; *p != '\0'; p++)
    if (!g_ascii_isalnum (*p) && strchr ("-_.", *p) == NULL)
      return FALSE;
  return TRUE;
}

static gboolean
parse_answer (const char *program, const char *text, ScLogin **out, GError **error)
{
  g_autoptr (JsonNode) node = sc_json_parse ("answer", text, strlen (text), NULL);
  JsonObject *object = node != NULL ? sc_json_node_object (node, "answer", NULL) : NULL;
  const char *user = NULL;
  const char *secret = NULL;
  ScLogin *login = NULL;

  /* Not in the words of the parser: they may quote what is not to be shown. */
  if (object == NULL || !sc_json_get_string (object, "answer", "Username", SC_JSON_REQUIRED, &user, NULL)
      || !sc_json_get_string (object, "answer", "Secret", SC_JSON_REQUIRED, &secret, NULL))
    return sc_fail (error, SC_ERROR_INVALID, "%s: its answer is not a login in JSON", program);
  if (*user == '\0' && *secret == '\0')
    return TRUE;
  login = g_new0 (ScLogin, 1);
  login->origin = g_strdup (program);
  if (strcmp (user, "<token>") == 0)
    login->identity_token = g_strdup (secret);
  else
    {
      login->user = g_strdup (user);
      login->password = g_strdup (secret);
    }
  *out = login;
  return TRUE;
}

gboolean
sc_login_ask (const char *helper, const char *server, ScLogin **out, GCancellable *cancellable, GError **error)
{
  g_autofree char *program = g_strconcat ("docker-credential-", helper, NULL);
  const char *argv[] = { program, "get", NULL };
  g_autoptr (GError) local = NULL;
  char *answer = NULL;
  gboolean ok = FALSE;

  *out = NULL;
  if (!name_is_safe (helper))
    {
      g_autofree char *shown = sc_name_escape (helper);

      return sc_fail (error, SC_ERROR_INVALID, "'%s' is no name of a credential helper", shown);
    }
  if (sc_subprocess_ask (argv, server, HELPER_SECONDS, &answer, cancellable, &local))
    ok = parse_answer (program, answer, out, error);
  else if (answer != NULL && strcmp (g_strstrip (answer), NOT_FOUND) == 0)
    ok = TRUE;
  else if (answer != NULL && *answer != '\0' && *answer != '{')
    {
      g_autofree char *line = g_strndup (answer, MIN (strcspn (answer, "\r\n"), ANSWER_SHOWN));
      g_autofree char *shown = sc_name_escape (line);

      sc_fail (error, SC_ERROR_FAILED, "%s: %s", program, shown);
    }
  else
    g_propagate_error (error, g_steal_pointer (&local));
  sc_secret_free (answer);
  return ok;
}
