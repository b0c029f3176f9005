/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The info file: what the original tool wrote and reads, key by key.
 */
#include "info.h"

#include <string.h>

#include "json.h"

#define WHERE "info"

static gboolean
parse_host (JsonObject *object, ScDeployment *d, GError **error)
{
  const char *package = NULL, *system_package = NULL, *remote = NULL;

  if (!sc_json_get_strv (object, WHERE, "installed-files", SC_JSON_OPTIONAL, &d->installed_files, error)
      || !sc_json_get_string_map (object, WHERE, "installed-files-checksum", SC_JSON_OPTIONAL, &d->installed_checksums,
                                  error)
      || !sc_json_get_bool (object, WHERE, "use-links", SC_JSON_OPTIONAL, &d->use_links, error)
      || !sc_json_get_strv (object, WHERE, "atomic.installed-dirs", SC_JSON_OPTIONAL, &d->installed_dirs, error)
      || !sc_json_get_strv (object, WHERE, "atomic.created-dirs", SC_JSON_OPTIONAL, &d->created_dirs, error)
      || !sc_json_get_string (object, WHERE, "rpm-installed", SC_JSON_OPTIONAL, &package, error)
      || !sc_json_get_string (object, WHERE, "system-package", SC_JSON_OPTIONAL, &system_package, error)
      || !sc_json_get_string (object, WHERE, "remote", SC_JSON_OPTIONAL, &remote, error))
    return FALSE;
  /* It is worth nothing that a container cannot be removed. */
  (void)!sc_json_get_string_map (object, WHERE, "atomic.replaced-links", SC_JSON_OPTIONAL, &d->replaced_links, NULL);
  d->package = g_strdup (package);
  d->system_package = g_strdup (system_package);
  d->remote = g_strdup (remote);
  return TRUE;
}

static gboolean
parse_package (JsonObject *object, ScDeployment *d, GError **error)
{
  const char *manager = NULL, *name = NULL, *version = NULL;
  JsonObject *package = NULL;

  if (!sc_json_get_object (object, WHERE, "atomic.package", SC_JSON_OPTIONAL, &package, error))
    return FALSE;
  if (package == NULL)
    return TRUE;
  if (!sc_json_get_string (package, WHERE ".atomic.package", "manager", SC_JSON_REQUIRED, &manager, error)
      || !sc_json_get_string (package, WHERE ".atomic.package", "name", SC_JSON_REQUIRED, &name, error)
      || !sc_json_get_string (package, WHERE ".atomic.package", "version", SC_JSON_REQUIRED, &version, error))
    return FALSE;
  d->package_manager = g_strdup (manager);
  d->package_name = g_strdup (name);
  d->package_version = g_strdup (version);
  return TRUE;
}

/* It is for people to read: one that is not understood, as of a newer version, is no reason to refuse all the rest. */
static void
parse_health (JsonObject *object, ScDeployment *d)
{
  JsonObject *health = NULL;

  if (sc_json_get_object (object, WHERE, "atomic.health", SC_JSON_OPTIONAL, &health, NULL) && health != NULL)
    d->health = sc_health_parse (health, WHERE ".atomic.health", NULL);
}

gboolean
sc_info_parse (GBytes *bytes, ScDeployment *d, GError **error)
{
  gsize size;
  const char *data = g_bytes_get_data (bytes, &size);
  g_autoptr (JsonNode) node = sc_json_parse (WHERE, data, size, error);
  JsonObject *object = node == NULL ? NULL : sc_json_node_object (node, WHERE, error);
  const char *image = NULL, *revision = NULL, *commit = NULL, *runtime = NULL;

  if (object == NULL)
    return FALSE;
  d->has_container_service = TRUE;
  d->use_links = TRUE;
  if (!sc_json_get_string (object, WHERE, "image", SC_JSON_REQUIRED, &image, error)
      || !sc_json_get_string (object, WHERE, "revision", SC_JSON_OPTIONAL, &revision, error)
      || !sc_json_get_string (object, WHERE, "ostree-commit", SC_JSON_OPTIONAL, &commit, error)
      || !sc_json_get_string (object, WHERE, "runtime", SC_JSON_OPTIONAL, &runtime, error)
      || !sc_json_get_int (object, WHERE, "created", SC_JSON_OPTIONAL, &d->created, error)
      || !sc_json_get_bool (object, WHERE, "has-container-service", SC_JSON_OPTIONAL, &d->has_container_service, error)
      || !sc_json_get_string_map (object, WHERE, "values", SC_JSON_OPTIONAL, &d->values, error)
      || !parse_host (object, d, error) || !parse_package (object, d, error))
    return FALSE;
  parse_health (object, d);
  d->image = g_strdup (image);
  d->revision = g_strdup (revision);
  d->commit = g_strdup (commit);
  d->runtime = g_strdup (runtime);
  if (d->values == NULL)
    d->values = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return TRUE;
}

static int
compare_keys (gconstpointer a, gconstpointer b)
{
  return strcmp (a, b);
}

static void
add_map (JsonBuilder *b, const char *key, GHashTable *map)
{
  g_autoptr (GList) keys = map != NULL ? g_list_sort (g_hash_table_get_keys (map), compare_keys) : NULL;

  json_builder_set_member_name (b, key);
  json_builder_begin_object (b);
  for (GList *l = keys; l != NULL; l = l->next)
    sc_json_add_string (b, l->data, g_hash_table_lookup (map, l->data));
  json_builder_end_object (b);
}

static void
add_strv (JsonBuilder *b, const char *key, char **strings)
{
  json_builder_set_member_name (b, key);
  json_builder_begin_array (b);
  for (guint i = 0; strings != NULL && strings[i] != NULL; i++)
    json_builder_add_string_value (b, strings[i]);
  json_builder_end_array (b);
}

static void
add_package (JsonBuilder *b, const ScDeployment *d)
{
  if (d->package_name == NULL)
    return;
  json_builder_set_member_name (b, "atomic.package");
  json_builder_begin_object (b);
  sc_json_add_string (b, "manager", d->package_manager);
  sc_json_add_string (b, "name", d->package_name);
  sc_json_add_string (b, "version", d->package_version);
  json_builder_end_object (b);
}

char *
sc_info_format (const ScDeployment *d, const ScExports *exports, GError **error)
{
  g_autoptr (JsonBuilder) b = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *text = NULL;

  json_builder_begin_object (b);
  sc_json_add_string (b, "image", d->image);
  sc_json_add_string (b, "revision", d->revision);
  sc_json_add_string (b, "ostree-commit", d->commit);
  json_builder_set_member_name (b, "created");
  json_builder_add_int_value (b, d->created);
  add_map (b, "values", d->values);
  json_builder_set_member_name (b, "has-container-service");
  json_builder_add_boolean_value (b, d->has_container_service);
  add_strv (b, "installed-files", d->installed_files);
  add_map (b, "installed-files-checksum", d->installed_checksums);
  add_strv (b, "installed-files-template", exports->installed_files_template);
  add_map (b, "rename-installed-files", exports->rename_files);
  add_strv (b, "atomic.installed-dirs", d->installed_dirs);
  add_strv (b, "atomic.created-dirs", d->created_dirs);
  if (d->replaced_links != NULL)
    add_map (b, "atomic.replaced-links", d->replaced_links);
  sc_json_add_string (b, "rpm-installed", d->package);
  add_package (b, d);
  sc_json_add_string (b, "system-package", d->system_package != NULL ? d->system_package : "no");
  sc_json_add_string (b, "remote", d->remote);
  json_builder_set_member_name (b, "use-links");
  json_builder_add_boolean_value (b, exports->use_links);
  sc_json_add_string (b, "runtime", d->runtime);
  if (d->health != NULL)
    {
      json_builder_set_member_name (b, "atomic.health");
      sc_health_build (d->health, b);
    }
  json_builder_end_object (b);
  root = json_builder_get_root (b);
  text = sc_json_to_text (root, TRUE);
  if (strlen (text) > SC_INFO_MAX)
    return sc_fail_null (error, SC_ERROR_LIMIT,
                         "the record of its files for the host and of its values is larger than %d MiB",
                         SC_INFO_MAX / 1024 / 1024);
  return g_steal_pointer (&text);
}
