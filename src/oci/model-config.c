/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Image configs: what the image says about its root file system and how to start it (OCI image specification,
 * config.md; Docker's image configs are the same where we read them).  Only the shape is checked here; what to make
 * of a user or an entrypoint is for the container layer.
 */

#include "model.h"

#include <string.h>

#include "model-private.h"
#include "sort.h"

/* The names of an object's members, sorted: Go writes a set as an object of empty objects. */
static gboolean
parse_set (JsonObject *object, const char *where, const char *key, char ***out, GError **error)
{
  JsonObject *set = NULL;
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  JsonObjectIter iter;
  const char *name;

  if (!sc_json_get_object (object, where, key, SC_JSON_OPTIONAL, &set, error))
    return FALSE;
  if (set == NULL)
    return TRUE;
  json_object_iter_init (&iter, set);
  while (json_object_iter_next (&iter, &name, NULL))
    g_ptr_array_add (names, g_strdup (name));
  sc_sort_strings (names);
  g_ptr_array_add (names, NULL);
  *out = (char **)g_ptr_array_free (g_steal_pointer (&names), FALSE);
  return TRUE;
}

static gboolean
check_env (char **env, const char *where, GError **error)
{
  for (gsize i = 0; env != NULL && env[i] != NULL; i++)
    if (*env[i] == '=' || strchr (env[i], '=') == NULL)
      return sc_fail (error, SC_ERROR_INVALID, "%s.Env[%zu]: expected NAME=VALUE, found '%s'", where, i, env[i]);
  return TRUE;
}

static gboolean
parse_execution (JsonObject *root, ScImageConfig *out, GError **error)
{
  const char *where = "image config: config";
  const char *user = NULL, *working_dir = NULL, *stop_signal = NULL;
  JsonObject *object = NULL;

  if (!sc_json_get_object (root, "image config", "config", SC_JSON_OPTIONAL, &object, error))
    return FALSE;
  if (object == NULL)
    return TRUE;
  if (!sc_json_get_string (object, where, "User", SC_JSON_OPTIONAL, &user, error)
      || !sc_json_get_string (object, where, "WorkingDir", SC_JSON_OPTIONAL, &working_dir, error)
      || !sc_json_get_string (object, where, "StopSignal", SC_JSON_OPTIONAL, &stop_signal, error)
      || !sc_json_get_strv (object, where, "Entrypoint", SC_JSON_OPTIONAL, &out->entrypoint, error)
      || !sc_json_get_strv (object, where, "Cmd", SC_JSON_OPTIONAL, &out->cmd, error)
      || !sc_json_get_strv (object, where, "Env", SC_JSON_OPTIONAL, &out->env, error)
      || !parse_set (object, where, "Volumes", &out->volumes, error)
      || !sc_json_get_string_map (object, where, "Labels", SC_JSON_OPTIONAL, &out->labels, error))
    return FALSE;
  out->user = g_strdup (user);
  out->working_dir = g_strdup (working_dir);
  out->stop_signal = g_strdup (stop_signal);
  return check_env (out->env, where, error);
}

static gboolean
parse_rootfs (JsonObject *root, ScImageConfig *out, GError **error)
{
  const char *where = "image config: rootfs";
  const char *type = NULL;
  JsonObject *object = NULL;
  g_auto (GStrv) diff_ids = NULL;

  if (!sc_json_get_object (root, "image config", "rootfs", SC_JSON_REQUIRED, &object, error)
      || !sc_json_get_string (object, where, "type", SC_JSON_OPTIONAL, &type, error)
      || !sc_json_get_strv (object, where, "diff_ids", SC_JSON_REQUIRED, &diff_ids, error))
    return FALSE;
  if (type != NULL && strcmp (type, "layers") != 0)
    return sc_fail (error, SC_ERROR_UNSUPPORTED, "%s.type: '%s' is not supported", where, type);
  for (gsize i = 0; diff_ids[i] != NULL; i++)
    {
      g_autofree char *path = g_strdup_printf ("%s.diff_ids[%zu]", where, i);

      if (i >= SC_MANIFEST_MAX_LAYERS)
        return sc_fail (error, SC_ERROR_LIMIT, "%s.diff_ids: more than the %d that are accepted", where,
                        SC_MANIFEST_MAX_LAYERS);
      if (!sc_model_check_digest (path, diff_ids[i], error))
        return FALSE;
      g_ptr_array_add (out->diff_ids, g_strdup (diff_ids[i]));
    }
  return TRUE;
}

ScImageConfig *
sc_image_config_parse (GBytes *raw, GError **error)
{
  g_autoptr (ScImageConfig) config = g_new0 (ScImageConfig, 1);
  g_autoptr (JsonNode) node = NULL;
  const char *what = "image config";
  const char *os = NULL, *architecture = NULL, *variant = NULL, *created = NULL;
  JsonObject *root = sc_model_parse (what, raw, SC_CONFIG_MAX_SIZE, &node, error);

  config->diff_ids = g_ptr_array_new_with_free_func (g_free);
  if (root == NULL || !sc_json_get_string (root, what, "os", SC_JSON_REQUIRED, &os, error)
      || !sc_json_get_string (root, what, "architecture", SC_JSON_REQUIRED, &architecture, error)
      || !sc_json_get_string (root, what, "variant", SC_JSON_OPTIONAL, &variant, error)
      || !sc_json_get_string (root, what, "created", SC_JSON_OPTIONAL, &created, error)
      || !parse_execution (root, config, error) || !parse_rootfs (root, config, error))
    return NULL;
  if (*os == '\0' || *architecture == '\0')
    return sc_fail_null (error, SC_ERROR_INVALID, "%s: %s is empty", what, *os == '\0' ? "os" : "architecture");

  config->platform.os = g_strdup (os);
  config->platform.architecture = g_strdup (architecture);
  config->platform.variant = g_strdup (variant);
  config->created = g_strdup (created);
  if (config->labels == NULL)
    config->labels = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  config->raw = g_bytes_ref (raw);
  return g_steal_pointer (&config);
}

void
sc_image_config_free (ScImageConfig *config)
{
  if (config == NULL)
    return;
  g_clear_pointer (&config->raw, g_bytes_unref);
  g_free (config->platform.os);
  g_free (config->platform.architecture);
  g_free (config->platform.variant);
  g_free (config->created);
  g_strfreev (config->entrypoint);
  g_strfreev (config->cmd);
  g_strfreev (config->env);
  g_free (config->user);
  g_free (config->working_dir);
  g_free (config->stop_signal);
  g_strfreev (config->volumes);
  g_clear_pointer (&config->labels, g_hash_table_unref);
  g_clear_pointer (&config->diff_ids, g_ptr_array_unref);
  g_free (config);
}
