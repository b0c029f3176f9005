/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * /exports of an image: reads its files and checks the types in manifest.json.
 *
 * Everything here is the image's word.  Of a checked-out root nothing is opened except beneath its descriptor; nothing
 * larger than 1 MiB is read, and only regular files are; no file is written.  Texts are UTF-8 without NUL afterwards.
 */
#include "exports.h"

#include <fcntl.h>
#include <string.h>

#include "fs.h"
#include "json.h"
#include "sort.h"
#include "template.h"

#define EXPORT_MAX_SIZE (1024 * 1024)
#define MANIFEST        "exports/manifest.json"

/* Opens a file or directory; -1 with *out_missing set and no error if there is none. */
static int
open_export (int rootfs, const char *path, int flags, gboolean *out_missing, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  SC_AUTOFD int link = -1;
  /* O_NONBLOCK: a fifo must not stop us before it is found to be no regular file. */
  int fd = sc_fs_open_in_root (rootfs, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags, 0, &local_error);

  *out_missing = FALSE;
  if (fd >= 0)
    return fd;
  if (!g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    {
      g_propagate_prefixed_error (error, g_steal_pointer (&local_error), "%s: ", path);
      return -1;
    }
  link = sc_fs_open_in_root (rootfs, path, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0, NULL);
  if (link >= 0)
    sc_fail (error, SC_ERROR_INVALID, "%s: a link to nothing", path);
  else
    *out_missing = TRUE;
  return -1;
}

static GBytes *
read_below (gpointer data, const char *path, gsize max, GError **error)
{
  gboolean missing;
  SC_AUTOFD int fd = open_export (*(int *)data, path, 0, &missing, error);

  return fd >= 0 ? sc_fs_read_fd (fd, path, max, error) : NULL;
}

static gboolean
has_dir_below (gpointer data, const char *path, gboolean *out, GError **error)
{
  gboolean missing;
  SC_AUTOFD int dir = open_export (*(int *)data, path, O_DIRECTORY, &missing, error);

  *out = dir >= 0;
  return dir >= 0 || missing;
}

/* *out stays NULL if there is no such file. */
static gboolean
load_text (const ScExportsReader *reader, const char *path, char **out, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (GBytes) bytes = reader->read (reader->data, path, EXPORT_MAX_SIZE, &local);
  const char *data;
  gsize size;

  if (local != NULL)
    return g_propagate_error (error, g_steal_pointer (&local)), FALSE;
  if (bytes == NULL)
    return TRUE;
  data = g_bytes_get_data (bytes, &size);
  if (size > 0 && memchr (data, '\0', size) != NULL)
    return sc_fail (error, SC_ERROR_INVALID, "%s: a NUL byte in a text file", path);
  if (size > 0 && !g_utf8_validate (data, (gssize)size, NULL))
    return sc_fail (error, SC_ERROR_INVALID, "%s: not UTF-8 text", path);
  *out = size > 0 ? g_strndup (data, size) : g_strdup ("");
  return TRUE;
}

/* A string, or a whole number, which becomes one. */
static gboolean
load_default_value (JsonObject *defaults, const char *name, JsonNode *node, GHashTable *values, GError **error)
{
  const char *value = NULL;

  if (!sc_template_is_name (name))
    return sc_fail (error, SC_ERROR_INVALID, MANIFEST ": defaultValues: '%s' is no name of a variable", name);
  if (JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_INT64)
    {
      g_hash_table_replace (values, g_strdup (name), g_strdup_printf ("%" G_GINT64_FORMAT, json_node_get_int (node)));
      return TRUE;
    }
  if (!sc_json_get_string (defaults, MANIFEST ": defaultValues", name, SC_JSON_REQUIRED, &value, error))
    return FALSE;
  g_hash_table_replace (values, g_strdup (name), g_strdup (value));
  return TRUE;
}

static gboolean
load_default_values (JsonObject *manifest, GHashTable *values, GError **error)
{
  JsonObject *defaults = NULL;
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;

  if (!sc_json_get_object (manifest, MANIFEST, "defaultValues", SC_JSON_OPTIONAL, &defaults, error))
    return FALSE;
  if (defaults == NULL)
    return TRUE;
  json_object_iter_init (&iter, defaults);
  while (json_object_iter_next (&iter, &name, &node))
    if (!load_default_value (defaults, name, node, values, error))
      return FALSE;
  return TRUE;
}

/* A boolean; images in the wild also write "true" and "false". */
static gboolean
load_flag (JsonObject *manifest, const char *key, gboolean *out, GError **error)
{
  JsonNode *node = json_object_get_member (manifest, key);
  const char *text;

  if (node == NULL || !JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_STRING)
    return sc_json_get_bool (manifest, MANIFEST, key, SC_JSON_OPTIONAL, out, error);
  text = json_node_get_string (node);
  if (g_ascii_strcasecmp (text, "true") != 0 && g_ascii_strcasecmp (text, "false") != 0)
    return sc_fail (error, SC_ERROR_INVALID, MANIFEST ": %s: expected true or false, found '%s'", key, text);
  *out = g_ascii_strcasecmp (text, "true") == 0;
  return TRUE;
}

static gboolean
check_number (const char *key, guint number, GError **error)
{
  return number <= SC_EXPORTS_MAX
         || sc_fail (error, SC_ERROR_LIMIT, MANIFEST ": %s: more than %d entries", key, SC_EXPORTS_MAX);
}

static gboolean
load_manifest (ScExports *exports, const char *text, GError **error)
{
  g_autoptr (JsonNode) root = sc_json_parse (MANIFEST, text, strlen (text), error);
  g_autoptr (GHashTable) rename = NULL;
  g_auto (GStrv) templates = NULL;
  JsonObject *manifest, *health = NULL;

  if (root == NULL)
    return FALSE;
  manifest = sc_json_node_object (root, MANIFEST, error);
  if (manifest == NULL || !load_default_values (manifest, exports->default_values, error)
      || !sc_json_get_string_map (manifest, MANIFEST, "renameFiles", SC_JSON_OPTIONAL, &rename, error)
      || !sc_json_get_strv (manifest, MANIFEST, "installedFilesTemplate", SC_JSON_OPTIONAL, &templates, error)
      || !check_number ("renameFiles", rename != NULL ? g_hash_table_size (rename) : 0, error)
      || !check_number ("installedFilesTemplate", templates != NULL ? g_strv_length (templates) : 0, error)
      || !load_flag (manifest, "noContainerService", &exports->no_container_service, error)
      || !load_flag (manifest, "useLinks", &exports->use_links, error)
      || !sc_json_get_object (manifest, MANIFEST, "health", SC_JSON_OPTIONAL, &health, error))
    return FALSE;
  if (health != NULL)
    {
      exports->health = sc_health_parse (health, MANIFEST ": health", error);
      if (exports->health == NULL)
        return FALSE;
    }

  if (rename != NULL)
    {
      g_hash_table_unref (exports->rename_files);
      exports->rename_files = g_steal_pointer (&rename);
    }
  if (templates != NULL)
    {
      g_strfreev (exports->installed_files_template);
      exports->installed_files_template = g_steal_pointer (&templates);
    }
  return TRUE;
}

/* The file that goes to @path, or is there below hostfs. *out stays NULL if there is none. */
static gboolean
load_template (const ScExportsReader *reader, ScExports *exports, const char *path, char **out, GError **error)
{
  g_autofree char *file = g_strconcat ("exports/hostfs", *path == '/' ? "" : "/", path, NULL);
  GHashTableIter iter;
  gpointer from, to;

  if (!load_text (reader, file, out, error))
    return FALSE;
  g_hash_table_iter_init (&iter, exports->rename_files);
  while (*out == NULL && g_hash_table_iter_next (&iter, &from, &to))
    {
      gsize n = strlen (to);
      g_autofree char *source = NULL;

      if (n == 0 || strncmp (path, to, n) != 0 || (path[n] != '\0' && path[n] != '/'))
        continue;
      source = g_strconcat ("exports/hostfs", *(char *)from == '/' ? "" : "/", from, path + n, NULL);
      if (!load_text (reader, source, out, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
load_hostfs (const ScExportsReader *reader, ScExports *exports, GError **error)
{
  gsize size = 0;

  if (!reader->has_dir (reader->data, "exports/hostfs", &exports->has_hostfs, error))
    return FALSE;
  for (char **path = exports->installed_files_template; exports->has_hostfs && *path != NULL; path++)
    {
      char *text = NULL;
      if (!load_template (reader, exports, *path, &text, error))
        return FALSE;
      if (text == NULL)
        continue;
      size += strlen (text);
      g_hash_table_replace (exports->hostfs_templates, g_strdup (*path), text);
      if (size > SC_TEMPLATES_MAX_SIZE)
        return sc_fail (error, SC_ERROR_LIMIT, MANIFEST ": installedFilesTemplate: files of more than %d MiB in all",
                        SC_TEMPLATES_MAX_SIZE / 1024 / 1024);
    }
  return TRUE;
}

ScExports *
sc_exports_load (int rootfs, GError **error)
{
  ScExportsReader reader = { read_below, has_dir_below, &rootfs };

  return sc_exports_read (&reader, error);
}

ScExports *
sc_exports_read (const ScExportsReader *reader, GError **error)
{
  g_autoptr (ScExports) exports = g_new0 (ScExports, 1);
  g_autofree char *manifest = NULL;

  exports->default_values = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  exports->rename_files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  exports->hostfs_templates = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  exports->installed_files_template = g_new0 (char *, 1);
  exports->use_links = TRUE;

  if (!load_text (reader, "exports/config.json", &exports->config, error)
      || !load_text (reader, "exports/config.json.template", &exports->config_template, error)
      || !load_text (reader, "exports/service.template", &exports->service_template, error)
      || !load_text (reader, "exports/tmpfiles.template", &exports->tmpfiles_template, error)
      || !load_text (reader, "exports/rpm.spec", &exports->rpm_spec, error)
      || !load_text (reader, "exports/rpm.spec.template", &exports->rpm_spec_template, error)
      || !load_text (reader, MANIFEST, &manifest, error))
    return NULL;
  exports->has_manifest = manifest != NULL;
  if (manifest != NULL && !load_manifest (exports, manifest, error))
    return NULL;
  if (!load_hostfs (reader, exports, error))
    return NULL;
  return g_steal_pointer (&exports);
}

gboolean
sc_exports_add_labels (ScExports *exports, GHashTable *labels, GError **error)
{
  return exports->health != NULL || sc_health_from_labels (labels, &exports->health, error);
}

void
sc_exports_free (ScExports *exports)
{
  if (exports == NULL)
    return;
  g_free (exports->config_template);
  g_free (exports->config);
  g_free (exports->service_template);
  g_free (exports->tmpfiles_template);
  g_free (exports->rpm_spec);
  g_free (exports->rpm_spec_template);
  g_hash_table_unref (exports->default_values);
  g_hash_table_unref (exports->rename_files);
  g_hash_table_unref (exports->hostfs_templates);
  g_strfreev (exports->installed_files_template);
  sc_health_free (exports->health);
  g_free (exports);
}

static gboolean
add_variables (GHashTable *all, const char *file, const char *text, GError **error)
{
  g_auto (GStrv) names = NULL;

  if (text == NULL)
    return TRUE;
  names = sc_template_variables (file, text, error);
  if (names == NULL)
    return FALSE;
  for (char **name = names; *name != NULL; name++)
    g_hash_table_add (all, g_strdup (*name));
  return TRUE;
}

char **
sc_exports_variables (const ScExports *exports, GError **error)
{
  g_autoptr (GHashTable) all = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GPtrArray) sorted = g_ptr_array_new_with_free_func (g_free);
  GHashTableIter iter;
  gpointer key, value;

  if (!add_variables (all, "config.json.template", exports->config_template, error)
      || !add_variables (all, "service.template", exports->service_template, error)
      || !add_variables (all, "tmpfiles.template", exports->tmpfiles_template, error)
      || (exports->health != NULL && !sc_health_add_variables (exports->health, all, error)))
    return NULL;
  /* What is wrong with it matters only to those who make a package of it. */
  add_variables (all, "rpm.spec.template", exports->rpm_spec_template, NULL);
  g_hash_table_iter_init (&iter, exports->rename_files);
  while (g_hash_table_iter_next (&iter, &key, &value))
    if (!add_variables (all, "manifest.json: renameFiles", value, error))
      return NULL;
  for (char **path = exports->installed_files_template; *path != NULL; path++)
    if (!add_variables (all, "manifest.json: installedFilesTemplate", *path, error))
      return NULL;
  g_hash_table_iter_init (&iter, exports->hostfs_templates);
  while (g_hash_table_iter_next (&iter, &key, &value))
    {
      g_autofree char *file = g_strconcat ("hostfs", *(char *)key == '/' ? "" : "/", key, NULL);
      if (!add_variables (all, file, value, error))
        return NULL;
    }

  g_hash_table_iter_init (&iter, all);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    g_ptr_array_add (sorted, g_strdup (key));
  sc_sort_strings (sorted);
  g_ptr_array_add (sorted, NULL);
  return (char **)g_ptr_array_steal (sorted, NULL);
}
