/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What must hold of a config.json before it is installed, what is changed in it for this host, and what others ask of
 * it.
 *
 * The text comes from an image and from values; after sc_config_validate() its root, process and mounts have the types
 * that the other functions rely on, and they ask json-glib for nothing else without looking at its type first.
 */
#include "config-json.h"

#include <fcntl.h>
#include <string.h>

#include "fs.h"
#include "json.h"

#define CONFIG "config.json"

/* Words of a command that a list shows. */
#define COMMAND_MAX_SIZE 256

static gboolean
validate_root (JsonObject *config, const char *wanted, GError **error)
{
  JsonObject *root = NULL;
  const char *path = NULL;
  gboolean readonly = FALSE;

  if (!sc_json_get_object (config, CONFIG, "root", SC_JSON_REQUIRED, &root, error)
      || !sc_json_get_string (root, CONFIG ": root", "path", SC_JSON_REQUIRED, &path, error)
      || !sc_json_get_bool (root, CONFIG ": root", "readonly", SC_JSON_OPTIONAL, &readonly, error))
    return FALSE;
  if (strcmp (path, wanted) != 0)
    return sc_fail (error, SC_ERROR_INVALID, CONFIG ": root.path: must be '%s', is '%s'", wanted, path);
  if (!readonly)
    return sc_fail (error, SC_ERROR_INVALID, CONFIG ": root.readonly: must be true");
  return TRUE;
}

static gboolean
validate_process (JsonObject *config, GError **error)
{
  JsonObject *process = NULL;
  g_auto (GStrv) args = NULL;
  const char *cwd = NULL;

  if (!sc_json_get_object (config, CONFIG, "process", SC_JSON_REQUIRED, &process, error)
      || !sc_json_get_strv (process, CONFIG ": process", "args", SC_JSON_REQUIRED, &args, error)
      || !sc_json_get_string (process, CONFIG ": process", "cwd", SC_JSON_REQUIRED, &cwd, error))
    return FALSE;
  if (args[0] == NULL || *args[0] == '\0')
    return sc_fail (error, SC_ERROR_INVALID, CONFIG ": process.args: no program to run");
  if (*cwd != '/')
    return sc_fail (error, SC_ERROR_INVALID, CONFIG ": process.cwd: must be absolute, is '%s'", cwd);
  return TRUE;
}

static gboolean
is_bind (const char *type, char **options)
{
  if (type != NULL && strcmp (type, "bind") == 0)
    return TRUE;
  return options != NULL
         && (g_strv_contains ((const char *const *)options, "bind")
             || g_strv_contains ((const char *const *)options, "rbind"));
}

/* @out_source: of a bind mount, else NULL. */
static gboolean
read_mount (JsonArray *mounts, guint index, const char **out_source, GError **error)
{
  g_autofree char *where = g_strdup_printf (CONFIG ": mounts[%u]", index);
  JsonObject *mount = sc_json_element_object (mounts, CONFIG ": mounts", index, error);
  const char *destination = NULL, *type = NULL, *source = NULL;
  g_auto (GStrv) options = NULL;

  *out_source = NULL;
  if (mount == NULL || !sc_json_get_string (mount, where, "destination", SC_JSON_REQUIRED, &destination, error)
      || !sc_json_get_string (mount, where, "type", SC_JSON_OPTIONAL, &type, error)
      || !sc_json_get_string (mount, where, "source", SC_JSON_OPTIONAL, &source, error)
      || !sc_json_get_strv (mount, where, "options", SC_JSON_OPTIONAL, &options, error))
    return FALSE;
  if (*destination != '/')
    return sc_fail (error, SC_ERROR_INVALID, "%s.destination: must be absolute, is '%s'", where, destination);
  if (!is_bind (type, options))
    return TRUE;
  if (source == NULL || *source != '/')
    return sc_fail (error, SC_ERROR_INVALID, "%s.source: must be absolute for a bind mount, is '%s'", where,
                    source != NULL ? source : "");
  for (const char *p = source; *p != '\0'; p++)
    if (g_ascii_iscntrl (*p))
      return sc_fail (error, SC_ERROR_INVALID, "%s.source: a control character in a path", where);
  *out_source = source;
  return TRUE;
}

gboolean
sc_config_validate (JsonNode *config, const char *remote, GError **error)
{
  JsonObject *object = sc_json_node_object (config, CONFIG, error);
  JsonArray *mounts = NULL;

  if (object == NULL || !validate_root (object, remote != NULL ? remote : "rootfs", error)
      || !validate_process (object, error)
      || !sc_json_get_array (object, CONFIG, "mounts", SC_JSON_OPTIONAL, &mounts, error))
    return FALSE;
  for (guint i = 0; mounts != NULL && i < json_array_get_length (mounts); i++)
    {
      const char *source;
      if (!read_mount (mounts, i, &source, error))
        return FALSE;
    }
  return TRUE;
}

void
sc_config_set_root (JsonNode *config, const char *remote)
{
  json_object_set_string_member (json_object_get_object_member (json_node_get_object (config), "root"), "path", remote);
}

/* (nullable) */
static JsonObject *
get_object (JsonObject *object, const char *key)
{
  JsonNode *node = object != NULL ? json_object_get_member (object, key) : NULL;
  return node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

static gboolean
host_has (int host_root, const char *path)
{
  SC_AUTOFD int fd = sc_fs_open_in_root (host_root, path, O_PATH | O_CLOEXEC, 0, NULL);
  return fd >= 0;
}

/* A tree that is not running has no kernel's files: there its configuration decides. */
static gboolean
host_uses_selinux (int host_root)
{
  if (host_has (host_root, "/sys/kernel"))
    return host_has (host_root, "/sys/fs/selinux/enforce");
  return host_has (host_root, "/etc/selinux/config");
}

static gboolean
drop_label (JsonObject *config, const char *section, const char *key, GPtrArray *notes)
{
  JsonObject *object = get_object (config, section);

  if (object == NULL || !json_object_has_member (object, key))
    return FALSE;
  json_object_remove_member (object, key);
  g_ptr_array_add (notes, g_strdup_printf (CONFIG ": %s.%s left out: this host does not use SELinux", section, key));
  return TRUE;
}

gboolean
sc_config_adapt (JsonNode *config, int host_root, GPtrArray *notes)
{
  JsonObject *object = json_node_get_object (config);
  const char *version = NULL;
  gboolean changed = FALSE;

  if (!host_uses_selinux (host_root))
    {
      changed |= drop_label (object, "process", "selinuxLabel", notes);
      changed |= drop_label (object, "linux", "mountLabel", notes);
    }
  if (sc_json_get_string (object, CONFIG, "ociVersion", SC_JSON_OPTIONAL, &version, NULL) && version != NULL
      && g_str_has_prefix (version, "0."))
    {
      json_object_set_string_member (object, "ociVersion", "1.0.0");
      changed = TRUE;
    }
  return changed;
}

char **
sc_config_bind_sources (JsonNode *config)
{
  g_autoptr (GPtrArray) sources = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  JsonArray *mounts = NULL;

  if (JSON_NODE_HOLDS_OBJECT (config)
      && sc_json_get_array (json_node_get_object (config), CONFIG, "mounts", SC_JSON_OPTIONAL, &mounts, NULL))
    for (guint i = 0; mounts != NULL && i < json_array_get_length (mounts); i++)
      {
        const char *source = NULL;
        if (!read_mount (mounts, i, &source, NULL) || source == NULL || g_hash_table_contains (seen, source))
          continue;
        g_ptr_array_add (sources, g_strdup (source));
        g_hash_table_add (seen, (char *)source);
      }
  g_ptr_array_add (sources, NULL);
  return (char **)g_ptr_array_steal (sources, NULL);
}

char *
sc_config_clean_path (const char *path)
{
  g_autofree char *clean = g_canonicalize_filename (path, "/");

  /* POSIX lets "//x" be something else than "/x", and GLib keeps it; here it is not. */
  return g_strdup (clean[1] == '/' ? clean + 1 : clean);
}

gboolean
sc_config_path_is_below (const char *path, const char *directory)
{
  gsize n = strlen (directory);
  return strncmp (path, directory, n) == 0 && (path[n] == '\0' || path[n] == '/' || n == 1);
}

void
sc_config_user (JsonNode *config, guint32 *out_uid, guint32 *out_gid)
{
  JsonObject *process = JSON_NODE_HOLDS_OBJECT (config) ? get_object (json_node_get_object (config), "process") : NULL;
  JsonObject *user = get_object (process, "user");
  gint64 uid = 0, gid = 0;

  *out_uid = *out_gid = 0;
  if (user == NULL || !sc_json_get_int (user, CONFIG, "uid", SC_JSON_OPTIONAL, &uid, NULL)
      || !sc_json_get_int (user, CONFIG, "gid", SC_JSON_OPTIONAL, &gid, NULL) || uid < 0 || uid > G_MAXINT32 || gid < 0
      || gid > G_MAXINT32)
    return;
  *out_uid = (guint32)uid;
  *out_gid = (guint32)gid;
}

char *
sc_config_command (JsonNode *config)
{
  g_auto (GStrv) args = NULL;
  g_autoptr (GString) command = g_string_new (NULL);
  JsonObject *process = JSON_NODE_HOLDS_OBJECT (config) ? get_object (json_node_get_object (config), "process") : NULL;

  if (process == NULL || !sc_json_get_strv (process, CONFIG, "args", SC_JSON_OPTIONAL, &args, NULL) || args == NULL)
    return g_strdup ("");
  for (char **arg = args; *arg != NULL && command->len < COMMAND_MAX_SIZE; arg++)
    g_string_append_printf (command, "%s%s", arg == args ? "" : " ", *arg);
  return g_string_free (g_steal_pointer (&command), FALSE);
}
