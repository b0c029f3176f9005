/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Logins in files.  Which file and which entry decide is as skopeo has it, with Docker's credsStore added: it is asked
 * where the rest of its file has nothing.  Secrets leave here in an ScLogin only.
 */

#include "auth.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config-file.h"
#include "fs.h"
#include "full-name.h"
#include "json.h"
#include "names.h"

#define FILE_MAX   ((gsize)1024 * 1024)
#define DOCKER     "docker.io"
#define DOCKER_OLD "index.docker.io"
#define DOCKER_URL "https://index.docker.io/v1/"

void
sc_secret_free (char *secret)
{
  if (secret != NULL)
    explicit_bzero (secret, strlen (secret));
  g_free (secret);
}

void
sc_login_free (ScLogin *login)
{
  if (login == NULL)
    return;
  sc_secret_free (login->user);
  sc_secret_free (login->password);
  sc_secret_free (login->identity_token);
  g_free (login->origin);
  g_free (login);
}

/* One name for the three of Docker's registry. */
static const char *
normal_registry (const char *registry)
{
  if (strcmp (registry, DOCKER) == 0 || strcmp (registry, "registry-1." DOCKER) == 0)
    return DOCKER_OLD;
  return registry;
}

/* Older files have URLs as keys. */
static gboolean
key_is_registry (const char *key, const char *registry, gboolean legacy)
{
  const char *host = key;
  g_autofree char *bare = NULL;

  if (g_str_has_prefix (key, "http://"))
    host = key + strlen ("http://");
  else if (g_str_has_prefix (key, "https://"))
    host = key + strlen ("https://");
  bare = legacy || host != key ? g_ascii_strdown (host, (gssize)strcspn (host, "/")) : sc_full_name_fold (host);
  return strcmp (normal_registry (bare), normal_registry (registry)) == 0;
}

/* Base64 as RFC 4648 has it, line breaks left out; what GLib accepts is more. */
static gboolean
base64_is_valid (const char *text)
{
  gsize n = 0, padding = 0;

  for (const char *p = text; *p != '\0'; p++)
    {
      if (*p == '\r' || *p == '\n')
        continue;
      n++;
      if (*p == '=')
        padding++;
      else if (padding > 0 || (!g_ascii_isalnum (*p) && *p != '+' && *p != '/'))
        return FALSE;
    }
  return n % 4 == 0 && padding <= 2;
}

/* "user:password" in base64; without a colon in it there is no login.  NUL bytes around the password are padding. */
static gboolean
decode_pair (const char *where, const char *text, ScLogin *login, GError **error)
{
  guchar *bytes = NULL;
  gsize size = 0;
  const char *colon = NULL;
  const char *start = NULL;
  const char *end = NULL;
  gboolean ok = TRUE;

  if (!base64_is_valid (text))
    return sc_fail (error, SC_ERROR_INVALID, "%s.auth: not base64", where);
  bytes = g_base64_decode (text, &size);
  colon = size > 0 ? memchr (bytes, ':', size) : NULL;
  if (colon != NULL)
    {
      start = colon + 1;
      end = (const char *)bytes + size;
      while (start < end && *start == '\0')
        start++;
      while (end > start && end[-1] == '\0')
        end--;
      ok = memchr (bytes, '\0', (gsize)(colon - (const char *)bytes)) == NULL
           && memchr (start, '\0', (gsize)(end - start)) == NULL;
    }
  if (colon != NULL && ok)
    {
      login->user = g_strndup ((const char *)bytes, (gsize)(colon - (const char *)bytes));
      login->password = g_strndup (start, (gsize)(end - start));
    }
  explicit_bzero (bytes, size);
  g_free (bytes);
  return ok ? TRUE : sc_fail (error, SC_ERROR_INVALID, "%s.auth: NUL byte in it", where);
}

/* The login of an entry; *out is NULL for one that has none, such as Docker leaves where a helper has it. */
static gboolean
read_entry (const char *name, const char *key, JsonObject *entry, ScLogin **out, GError **error)
{
  g_autofree char *shown = sc_name_escape (key);
  g_autofree char *where = g_strdup_printf ("%s: auths[\"%s\"]", name, shown);
  g_autoptr (ScLogin) login = g_new0 (ScLogin, 1);
  const char *pair = "";
  const char *token = "";

  if (!sc_json_get_string (entry, where, "auth", SC_JSON_OPTIONAL, &pair, error)
      || !sc_json_get_string (entry, where, "identitytoken", SC_JSON_OPTIONAL, &token, error)
      || !decode_pair (where, pair, login, error))
    return FALSE;
  if (login->user == NULL)
    return TRUE;
  if (*token != '\0')
    login->identity_token = g_strdup (token);
  login->origin = g_strdup_printf ("%s (%s)", name, shown);
  *out = g_steal_pointer (&login);
  return TRUE;
}

/* The entries, each an object; (transfer none). */
static gboolean
check_entries (const char *name, JsonObject *auths, GError **error)
{
  g_autoptr (GList) keys = json_object_get_members (auths);

  for (GList *l = keys; l != NULL; l = l->next)
    if (!JSON_NODE_HOLDS_OBJECT (json_object_get_member (auths, l->data)))
      {
        g_autofree char *shown = sc_name_escape (l->data);

        return sc_fail (error, SC_ERROR_INVALID, "%s: auths[\"%s\"]: expected an object", name, shown);
      }
  return TRUE;
}

/* The key of the entry that counts: of the repository, the namespaces above it, the registry, a URL. (nullable) */
static const char *
find_key (const ScLoginQuery *query, JsonObject *auths, gboolean legacy)
{
  g_autofree char *key = g_strdup_printf ("%s/%s", query->registry, query->repository);
  g_autoptr (GList) keys = json_object_get_members (auths);

  if (legacy)
    key[strlen (query->registry)] = '\0';
  for (;;)
    {
      char *slash = strrchr (key, '/');

      for (GList *l = keys; l != NULL; l = l->next)
        {
          g_autofree char *folded = sc_full_name_fold (l->data);

          if (strcmp (folded, key) == 0)
            return l->data;
        }
      if (slash == NULL)
        break;
      *slash = '\0';
    }
  for (GList *l = keys; l != NULL; l = l->next)
    if (key_is_registry (l->data, query->registry, legacy))
      return l->data;
  return NULL;
}

/* The helper of the registry alone; *out_server is the name that it knows the registry by. */
static gboolean
find_helper (const ScLoginQuery *query, const char *name, JsonObject *top, const char **out_helper,
             const char **out_server, GError **error)
{
  static const char *const docker_names[] = { DOCKER, DOCKER_URL, DOCKER_OLD };
  JsonObject *helpers = NULL;

  if (!sc_json_get_object (top, name, "credHelpers", SC_JSON_OPTIONAL, &helpers, error))
    return FALSE;
  if (helpers == NULL)
    return TRUE;
  *out_server = query->registry;
  if (!sc_json_get_string (helpers, name, query->registry, SC_JSON_OPTIONAL, out_helper, error))
    return FALSE;
  for (gsize i = 0; *out_helper == NULL && strcmp (query->registry, DOCKER) == 0 && i < G_N_ELEMENTS (docker_names);
       i++)
    {
      *out_server = docker_names[i];
      if (!sc_json_get_string (helpers, name, docker_names[i], SC_JSON_OPTIONAL, out_helper, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
ask_store (const ScLoginQuery *query, const char *store, ScLogin **out, GCancellable *cancellable, GError **error)
{
  if (!sc_login_ask (store, query->registry, out, cancellable, error))
    return FALSE;
  if (*out != NULL || strcmp (query->registry, DOCKER) != 0)
    return TRUE;
  return sc_login_ask (store, DOCKER_URL, out, cancellable, error);
}

static gboolean
find_in_object (const ScLoginQuery *query, const char *name, JsonObject *top, gboolean legacy, ScLogin **out,
                GCancellable *cancellable, GError **error)
{
  JsonObject *auths = legacy ? top : NULL;
  const char *helper = NULL, *server = NULL, *key = NULL, *store = NULL;

  if (!legacy
      && (!sc_json_get_object (top, name, "auths", SC_JSON_OPTIONAL, &auths, error)
          || !find_helper (query, name, top, &helper, &server, error)
          || !sc_json_get_string (top, name, "credsStore", SC_JSON_OPTIONAL, &store, error)))
    return FALSE;
  if (auths != NULL && !check_entries (name, auths, error))
    return FALSE;
  if (helper != NULL)
    return sc_login_ask (helper, server, out, cancellable, error) || sc_prefix (error, "%s", name);
  key = auths != NULL ? find_key (query, auths, legacy) : NULL;
  if (key != NULL && !read_entry (name, key, json_object_get_object_member (auths, key), out, error))
    return FALSE;
  if (*out == NULL && store != NULL && *store != '\0')
    return ask_store (query, store, out, cancellable, error) || sc_prefix (error, "%s", name);
  return TRUE;
}

/* The parser's own words may quote a secret; only the place is kept of them. */
static gboolean
fail_json (const char *name, const GError *reason, GError **error)
{
  const char *line = strstr (reason->message, "line ");
  guint at_line = 0, at_column = 0;

  if (line != NULL && sscanf (line, "line %u, column %u", &at_line, &at_column) == 2)
    return sc_fail (error, SC_ERROR_INVALID, "%s: line %u, column %u: not valid JSON", name, at_line, at_column);
  return sc_fail (error, SC_ERROR_INVALID, "%s: not valid JSON", name);
}

gboolean
sc_login_find_in (const ScLoginQuery *query, const char *name, GBytes *text, gboolean legacy, ScLogin **out,
                  GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) reason = NULL;
  gsize size = 0;
  const void *data = g_bytes_get_data (text, &size);
  g_autoptr (JsonNode) node = sc_json_parse (name, data != NULL ? data : "", size, &reason);
  JsonObject *top = NULL;

  *out = NULL;
  if (node == NULL)
    return fail_json (name, reason, error);
  top = sc_json_node_object (node, name, error);
  return top != NULL && find_in_object (query, name, top, legacy, out, cancellable, error);
}

/* A place where a file may be. */
typedef struct
{
  char *path;
  gboolean legacy;
  gboolean given; /* --authfile: it must be there, and is not below the context's root */
} AuthFile;

static void
auth_file_clear (gpointer data)
{
  g_free (((AuthFile *)data)->path);
}

static void
add_file (GArray *files, char *path, gboolean legacy, gboolean given)
{
  AuthFile file = { path, legacy, given };

  g_array_append_val (files, file);
}

static GArray *
list_files (const ScLoginQuery *query)
{
  const ScContext *ctx = query->ctx;
  GArray *files = g_array_new (FALSE, FALSE, sizeof (AuthFile));

  g_array_set_clear_func (files, auth_file_clear);
  if (query->auth_file != NULL)
    add_file (files, g_strdup (query->auth_file), FALSE, TRUE);
  else if (ctx->auth_file != NULL)
    add_file (files, g_strdup (ctx->auth_file), FALSE, FALSE);
  else if (ctx->user_runtime != NULL)
    add_file (files, g_build_filename (ctx->user_runtime, "containers/auth.json", NULL), FALSE, FALSE);
  else
    add_file (files, g_strdup_printf ("/run/containers/%u/auth.json", (guint)getuid ()), FALSE, FALSE);
  if (ctx->user_config != NULL)
    add_file (files, g_build_filename (ctx->user_config, "containers/auth.json", NULL), FALSE, FALSE);
  else if (ctx->home != NULL)
    add_file (files, g_build_filename (ctx->home, ".config/containers/auth.json", NULL), FALSE, FALSE);
  if (ctx->docker_config != NULL)
    add_file (files, g_build_filename (ctx->docker_config, "config.json", NULL), FALSE, FALSE);
  else if (ctx->home != NULL)
    add_file (files, g_build_filename (ctx->home, ".docker/config.json", NULL), FALSE, FALSE);
  if (ctx->home != NULL)
    add_file (files, g_build_filename (ctx->home, ".dockercfg", NULL), TRUE, FALSE);
  return files;
}

static gboolean
read_file (const ScLoginQuery *query, const AuthFile *file, GBytes **out, GError **error)
{
  if (!file->given)
    return sc_config_file_read (query->ctx, file->path, FILE_MAX, out, error);
  *out = sc_fs_read_file_at (AT_FDCWD, file->path, FILE_MAX, error);
  return *out != NULL || sc_prefix (error, "--authfile");
}

static gboolean
find_in_files (const ScLoginQuery *query, ScLogin **out, GCancellable *cancellable, GError **error)
{
  g_autoptr (GArray) files = list_files (query);

  for (guint i = 0; i < files->len; i++)
    {
      const AuthFile *file = &g_array_index (files, AuthFile, i);
      g_autoptr (GBytes) text = NULL;
      gboolean ok = FALSE;

      if (!read_file (query, file, &text, error))
        return FALSE;
      if (text == NULL)
        continue;
      ok = sc_login_find_in (query, file->path, text, file->legacy, out, cancellable, error);
      explicit_bzero ((void *)g_bytes_get_data (text, NULL), g_bytes_get_size (text));
      if (!ok || *out != NULL)
        return ok;
      sc_progress_debug (query->sink, "credentials: none for %s/%s in %s", query->registry, query->repository,
                         file->path);
    }
  return TRUE;
}

gboolean
sc_login_find (const ScLoginQuery *query, ScLogin **out, GCancellable *cancellable, GError **error)
{
  static const char *const files_only[] = { SC_AUTH_FILES, NULL };
  const char *const *helpers = query->helpers != NULL && *query->helpers != NULL ? query->helpers : files_only;
  g_autoptr (GError) first = NULL;

  *out = NULL;
  for (gsize i = 0; helpers[i] != NULL && *out == NULL; i++)
    {
      g_autoptr (GError) local = NULL;
      gboolean files = strcmp (helpers[i], SC_AUTH_FILES) == 0;

      if (files ? !find_in_files (query, out, cancellable, &local)
                : !sc_login_ask (helpers[i], query->registry, out, cancellable, &local))
        {
          sc_progress_debug (query->sink, "credentials: %s", local->message);
          if (first == NULL || g_error_matches (local, G_IO_ERROR, G_IO_ERROR_CANCELLED))
            {
              g_clear_error (&first);
              first = g_steal_pointer (&local);
            }
        }
    }
  if (*out == NULL && first != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&first));
      return FALSE;
    }
  if (*out != NULL)
    sc_progress_debug (query->sink, "credentials: for %s/%s from %s", query->registry, query->repository,
                       (*out)->origin);
  else
    sc_progress_debug (query->sink, "credentials: none for %s/%s", query->registry, query->repository);
  return TRUE;
}
