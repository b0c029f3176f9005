/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Changes to policy.json, and the one file of registries.d that goes with a scope.  Works on the JSON as it is, not on
 * what policy-conf.c understands of it, so that nothing gets lost.
 */

#include "policy-edit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "fs.h"
#include "gpg.h"
#include "json.h"
#include "policy-conf.h"
#include "registries-d.h"

#define KEY_MAX ((gsize)16 * 1024 * 1024)

/* The policy file while it is being changed: nobody else does so at the same time. */
typedef struct
{
  const ScContext *ctx;
  int root;
  int dir;
  char *path; /* inside the root */
  char *name; /* in @dir */
  mode_t mode;
  JsonNode *json;
} Edit;

static void
edit_clear (Edit *edit)
{
  sc_close_fd_p (&edit->dir);
  sc_close_fd_p (&edit->root);
  g_clear_pointer (&edit->path, g_free);
  g_clear_pointer (&edit->name, g_free);
  g_clear_pointer (&edit->json, json_node_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Edit, edit_clear)

void
sc_trust_change_clear (ScTrustChange *change)
{
  g_clear_pointer (&change->policy, g_free);
  g_clear_pointer (&change->lookaside, g_free);
}

/* A descriptor of the directory @path inside @root, made if it is not there. */
static int
make_dir (int root, const char *path, GError **error)
{
  g_autoptr (GError) local = NULL;
  int fd = sc_fs_open_in_root (root, path, O_RDONLY | O_DIRECTORY, 0, &local);
  g_autofree char *parent_path = g_path_get_dirname (path), *name = g_path_get_basename (path);
  SC_AUTOFD int parent = -1;

  if (fd >= 0)
    return fd;
  if (!g_error_matches (local, G_IO_ERROR, G_IO_ERROR_NOT_FOUND) || strcmp (parent_path, path) == 0)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return -1;
    }
  parent = make_dir (root, parent_path, error);
  if (parent < 0 || !sc_fs_mkdir_p_at (parent, name, 0755, error) || !sc_fs_sync_dir_at (parent, ".", error))
    return -1;
  return sc_fs_open_dir_at (parent, name, error);
}

static JsonNode *
new_policy (void)
{
  static const char text[] = "{\"default\":[{\"type\":\"insecureAcceptAnything\"}]}";

  return sc_json_parse ("policy", text, strlen (text), NULL);
}

static gboolean
read_policy (Edit *edit, GError **error)
{
  struct stat st;
  g_autoptr (GBytes) bytes = NULL;
  gsize size = 0;
  const char *data;

  edit->mode = 0644;
  if (fstatat (edit->dir, edit->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
    {
      if (errno != ENOENT)
        return sc_fail_errno (error, errno, "%s", edit->path);
      edit->json = new_policy ();
      return TRUE;
    }
  if (S_ISLNK (st.st_mode))
    return sc_fail (error, SC_ERROR_UNSUPPORTED, "%s is a symbolic link, it is not changed", edit->path);
  bytes = sc_fs_read_file_at (edit->dir, edit->name, SC_POLICY_MAX_SIZE, error);
  if (bytes == NULL)
    return sc_prefix (error, "%s", edit->path);
  edit->mode = st.st_mode & 07777;
  data = g_bytes_get_data (bytes, &size);
  edit->json = sc_json_parse_unique (edit->path, data != NULL ? data : "", size, error);
  return edit->json != NULL;
}

static gboolean
edit_begin (Edit *edit, const ScContext *ctx, GError **error)
{
  g_autofree char *dir = NULL;

  *edit = (Edit){ .ctx = ctx, .root = -1, .dir = -1 };
  edit->root = sc_context_open_root (ctx, error);
  if (edit->root < 0 || !sc_policy_find_file (ctx, &edit->path, error))
    return FALSE;
  if (edit->path == NULL)
    edit->path = g_strdup (SC_POLICY_PATH);
  dir = g_path_get_dirname (edit->path);
  edit->name = g_path_get_basename (edit->path);
  edit->dir = make_dir (edit->root, dir, error);
  if (edit->dir < 0)
    return FALSE;
  if (flock (edit->dir, LOCK_EX) != 0)
    return sc_fail_errno (error, errno, "%s: lock", dir);
  return read_policy (edit, error);
}

static gboolean
edit_commit (Edit *edit, ScTrustChange *out, GError **error)
{
  g_autofree char *text = sc_json_to_text (edit->json, TRUE);

  if (!sc_fs_write_file_at (edit->dir, edit->name, text, strlen (text), edit->mode, error))
    return sc_prefix (error, "%s", edit->path);
  out->policy = g_strdup (edit->path);
  return TRUE;
}

/* The object at @key of @parent, made if it is not there. */
static JsonObject *
member_object (JsonObject *parent, const char *where, const char *key, GError **error)
{
  JsonObject *object = NULL;

  if (!sc_json_get_object (parent, where, key, SC_JSON_OPTIONAL, &object, error))
    return NULL;
  if (object == NULL)
    {
      object = json_object_new ();
      json_object_set_object_member (parent, key, object);
    }
  return object;
}

/* Rules of registries. */
static JsonObject *
docker_scopes (Edit *edit, GError **error)
{
  g_autofree char *where = g_strdup_printf ("%s: transports", edit->path);
  JsonObject *top = sc_json_node_object (edit->json, edit->path, error);
  JsonObject *transports = top != NULL ? member_object (top, edit->path, "transports", error) : NULL;

  return transports != NULL ? member_object (transports, where, "docker", error) : NULL;
}

static const char *
type_name (ScTrustType type)
{
  return type == SC_TRUST_SIGNED_BY ? "signedBy" : type == SC_TRUST_ACCEPT ? "insecureAcceptAnything" : "reject";
}

/* Takes the rule for @scope out of @scopes, however its host is written; TRUE if there was one. */
static gboolean
remove_scope (JsonObject *scopes, const char *scope)
{
  g_autoptr (GList) keys = json_object_get_members (scopes);
  gboolean found = FALSE;

  for (GList *l = keys; l != NULL; l = l->next)
    {
      g_autofree char *folded = sc_full_name_fold (l->data);

      if (strcmp (folded, scope) != 0)
        continue;
      json_object_remove_member (scopes, l->data);
      found = TRUE;
    }
  return found;
}

/* (transfer full): a list of one requirement. */
static JsonArray *
requirements (ScTrustType type, const char *const *keys)
{
  JsonObject *object = json_object_new ();
  JsonArray *list = json_array_new ();

  json_object_set_string_member (object, "type", type_name (type));
  if (type == SC_TRUST_SIGNED_BY)
    json_object_set_string_member (object, "keyType", "GPGKeys");
  if (type == SC_TRUST_SIGNED_BY && keys[1] == NULL)
    json_object_set_string_member (object, "keyPath", keys[0]);
  else if (type == SC_TRUST_SIGNED_BY)
    {
      JsonArray *paths = json_array_new ();

      for (; *keys != NULL; keys++)
        json_array_add_string_element (paths, *keys);
      json_object_set_array_member (object, "keyPaths", paths);
    }
  json_array_add_object_element (list, object);
  return list;
}

/* A scope that no image can be in would be a rule that never holds. */
static gboolean
check_scope (const char *scope, GError **error)
{
  const char *name = g_str_has_prefix (scope, "*.") ? scope + 2 : scope;
  g_autofree char *host = g_strndup (name, strcspn (name, "/"));
  g_autofree char *image = g_strconcat (host, "/x", NULL);
  g_auto (ScFullName) full = { 0 };
  gboolean registry = strpbrk (host, ".:") != NULL || strcmp (host, "localhost") == 0 || name != scope;

  if (!registry)
    return sc_fail (error, SC_ERROR_USAGE, "'%s' does not begin with a registry, as 'docker.io/library/busybox' does",
                    scope);
  if ((name != scope && strpbrk (name, "/:@") != NULL)
      || !sc_full_name_parse (strchr (name, '/') != NULL || name != scope ? name : image, &full, NULL))
    return sc_fail (error, SC_ERROR_USAGE, "'%s' is not a registry, a repository or an image of one", scope);
  return TRUE;
}

static gboolean
check_key (Edit *edit, const char *path, GError **error)
{
  g_autoptr (ScGpgKeys) keys = NULL;
  g_autoptr (GBytes) blob = NULL;
  SC_AUTOFD int fd = -1;

  if (*path != '/')
    return sc_fail (error, SC_ERROR_USAGE, "the key's path '%s' is not absolute", path);
  fd = sc_fs_open_in_root (edit->root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, error);
  blob = fd >= 0 ? sc_fs_read_fd (fd, path, KEY_MAX, error) : NULL;
  if (blob == NULL)
    return sc_prefix (error, "key");
  keys = sc_gpg_keys_new (error);
  if (keys == NULL)
    return FALSE;
  return sc_gpg_keys_add (keys, blob, error) || sc_prefix (error, "key %s", path);
}

static gboolean
check_trust (Edit *edit, const ScTrust *trust, GError **error)
{
  if (!check_scope (trust->scope, error))
    return FALSE;
  if (trust->type != SC_TRUST_SIGNED_BY)
    return TRUE;
  if (trust->keys == NULL || trust->keys[0] == NULL)
    return sc_fail (error, SC_ERROR_USAGE, "type signedBy needs a public key: --pubkeys FILE");
  for (const char *const *key = trust->keys; *key != NULL; key++)
    if (!check_key (edit, *key, error))
      return FALSE;
  return TRUE;
}

/* ---- registries.d */

static gboolean
check_url (const char *url, GError **error)
{
  g_autoptr (GUri) uri = g_uri_parse (url, G_URI_FLAGS_NONE, NULL);
  const char *scheme = uri != NULL ? g_uri_get_scheme (uri) : "";
  const char *host = uri != NULL ? g_uri_get_host (uri) : NULL;
  gboolean has_host = host != NULL && *host != '\0';
  gboolean web = strcmp (scheme, "http") == 0 || strcmp (scheme, "https") == 0;

  for (const char *p = url; *p != '\0'; p++)
    if (!g_ascii_isgraph (*p) || *p == '"' || *p == '\\')
      return sc_fail (error, SC_ERROR_USAGE, "'%s' is not a URL", url);
  if ((web && has_host) || (strcmp (scheme, "file") == 0 && !has_host))
    return TRUE;
  return sc_fail (error, SC_ERROR_USAGE, "'%s' is neither file:///DIRECTORY, http://... nor https://...", url);
}

/* (transfer full): the file as we write it. */
static char *
lookaside_text (const char *scope, const char *url)
{
  return g_strdup_printf ("# written by: atomic trust add\ndocker:\n  \"%s\":\n    lookaside: \"%s\"\n", scope, url);
}

/* Is the file exactly what we would have written, so that it may be replaced? */
static gboolean
is_ours (int dir, const char *name, const char *scope, const char *url)
{
  g_autofree char *text = lookaside_text (scope, url);
  g_autoptr (GBytes) bytes = sc_fs_read_file_at (dir, name, SC_POLICY_MAX_SIZE, NULL);

  return bytes != NULL && g_bytes_get_size (bytes) == strlen (text)
         && memcmp (g_bytes_get_data (bytes, NULL), text, strlen (text)) == 0;
}

static gboolean
set_lookaside (Edit *edit, const char *scope, const char *url, ScTrustChange *out, GError **error)
{
  g_autoptr (ScRegistriesD) conf = sc_registries_d_load (edit->ctx, error);
  g_autofree char *dir_path = conf != NULL ? sc_registries_d_dir (edit->ctx, error) : NULL;
  g_autofree char *name = g_strconcat (scope, ".yaml", NULL);
  g_autofree char *path = NULL, *text = lookaside_text (scope, url);
  const char *file = NULL, *old;
  SC_AUTOFD int dir = -1;

  if (dir_path == NULL)
    return FALSE;
  g_strdelimit (name, "/:@*", '-');
  path = g_build_filename (dir_path, name, NULL);
  old = sc_registries_d_find (conf, scope, &file);
  if (g_strcmp0 (old, url) == 0)
    return TRUE;
  dir = make_dir (edit->root, dir_path, error);
  if (dir < 0)
    return FALSE;
  if (file != NULL && (strcmp (file, path) != 0 || old == NULL || !is_ours (dir, name, scope, old)))
    return sc_fail (error, SC_ERROR_EXISTS, "%s configures '%s' already, change it there", file, scope);
  if (file == NULL && sc_fs_exists_at (dir, name))
    return sc_fail (error, SC_ERROR_EXISTS, "%s exists already and is for something else", path);
  if (!sc_fs_write_file_at (dir, name, text, strlen (text), 0644, error))
    return sc_prefix (error, "%s", dir_path);
  out->lookaside = g_steal_pointer (&path);
  return TRUE;
}

/* ---- changes */

gboolean
sc_trust_add (const ScContext *ctx, const ScTrust *trust, ScTrustChange *out, GCancellable *cancellable, GError **error)
{
  g_auto (Edit) edit = { .root = -1, .dir = -1 };
  g_autofree char *scope = sc_full_name_fold (trust->scope);
  JsonObject *scopes;

  if (trust->lookaside != NULL && !check_url (trust->lookaside, error))
    return FALSE;
  if (!edit_begin (&edit, ctx, error) || !check_trust (&edit, trust, error))
    return FALSE;
  scopes = docker_scopes (&edit, error);
  if (scopes == NULL)
    return FALSE;
  /* First: signatures that are asked for before it is said where they are would be missing ones. */
  if (trust->lookaside != NULL && !set_lookaside (&edit, scope, trust->lookaside, out, error))
    return FALSE;
  /* A rule that keeps its name keeps its place. */
  out->replaced = json_object_has_member (scopes, scope) || remove_scope (scopes, scope);
  json_object_set_array_member (scopes, scope, requirements (trust->type, trust->keys));
  return !g_cancellable_set_error_if_cancelled (cancellable, error) && edit_commit (&edit, out, error);
}

gboolean
sc_trust_delete (const ScContext *ctx, const char *scope, ScTrustChange *out, GCancellable *cancellable, GError **error)
{
  g_auto (Edit) edit = { .root = -1, .dir = -1 };
  g_autofree char *folded = sc_full_name_fold (scope);
  JsonObject *scopes;

  if (!edit_begin (&edit, ctx, error))
    return FALSE;
  scopes = docker_scopes (&edit, error);
  if (scopes == NULL)
    return FALSE;
  if (!remove_scope (scopes, folded))
    return sc_fail (error, SC_ERROR_NOT_FOUND, "%s has no rule for '%s'", edit.path, scope);
  return !g_cancellable_set_error_if_cancelled (cancellable, error) && edit_commit (&edit, out, error);
}

gboolean
sc_trust_set_default (const ScContext *ctx, ScTrustType type, ScTrustChange *out, GCancellable *cancellable,
                      GError **error)
{
  g_auto (Edit) edit = { .root = -1, .dir = -1 };
  JsonObject *top;

  if (!edit_begin (&edit, ctx, error))
    return FALSE;
  top = sc_json_node_object (edit.json, edit.path, error);
  if (top == NULL)
    return FALSE;
  out->replaced = json_object_has_member (top, "default");
  json_object_set_array_member (top, "default", requirements (type, NULL));
  return !g_cancellable_set_error_if_cancelled (cancellable, error) && edit_commit (&edit, out, error);
}

JsonNode *
sc_trust_load (const ScContext *ctx, GError **error)
{
  g_autofree char *path = NULL;
  g_autoptr (GBytes) bytes = NULL;
  SC_AUTOFD int root = sc_context_open_root (ctx, error);
  SC_AUTOFD int fd = -1;
  gsize size = 0;
  const char *data;

  if (root < 0 || !sc_policy_find_file (ctx, &path, error))
    return NULL;
  if (path == NULL)
    return new_policy ();
  fd = sc_fs_open_in_root (root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, error);
  bytes = fd >= 0 ? sc_fs_read_fd (fd, path, SC_POLICY_MAX_SIZE, error) : NULL;
  if (bytes == NULL)
    return NULL;
  data = g_bytes_get_data (bytes, &size);
  return sc_json_parse_unique (path, data != NULL ? data : "", size, error);
}
