/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files of a deployment: chooses between what the image brings and what is made for it, checks the result, and
 * says which value is to blame if a template does not become JSON.
 *
 * Writes nothing.  The text of a valid template is kept as it is; only a configuration that has to be changed for this
 * host is written anew.
 */
#include "render.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "config-json.h"
#include "fs.h"
#include "json.h"
#include "template.h"
#include "tmpfiles.h"
#include "unit.h"

#define CONFIG_TEMPLATE "config.json.template"

/* Each try parses the whole file again. */
#define BLAME_MAX_TRIES 300

static gboolean
parses_with (const char *text, GHashTable *values, const char *variable, const char *value)
{
  g_autoptr (GHashTable) changed = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (ScExpansion) expansion = NULL;
  g_autoptr (JsonNode) node = NULL;
  GHashTableIter iter;
  gpointer key, old;

  g_hash_table_iter_init (&iter, values);
  while (g_hash_table_iter_next (&iter, &key, &old))
    g_hash_table_insert (changed, key, old);
  g_hash_table_insert (changed, (char *)variable, (char *)value);
  expansion = sc_template_expand (CONFIG_TEMPLATE, text, changed, NULL);
  if (expansion != NULL)
    node = sc_json_parse (CONFIG_TEMPLATE, expansion->text, strlen (expansion->text), NULL);
  return node != NULL;
}

/* The variable that stands closest before the place that a parser complained about. */
static const char *
blame_by_position (const ScExpansion *expansion, const char *message)
{
  const char *place = strstr (message, ": line ");
  guint line, column;

  if (place == NULL || sscanf (place, ": line %u, column %u", &line, &column) != 2)
    return NULL;
  return sc_expansion_variable_at (expansion, line, column);
}

/*
 * A parser stumbles often far behind the value that is wrong: after an unbalanced quote everything reads differently.
 * So the guilty variable is looked for by replacing one after the other with something harmless, which is nothing, a
 * number, or a member, as the place may be.
 */
static const char *
blame_by_trial (const ScExpansion *expansion, const char *text, GHashTable *values, const char *suspect)
{
  static const char *const harmless[] = { "", "0", "\"\": 0" };
  g_autoptr (GPtrArray) order = g_ptr_array_new ();
  guint tries = 0;

  if (suspect != NULL)
    g_ptr_array_add (order, (char *)suspect);
  for (guint i = 0; i < expansion->spans->len && order->len < BLAME_MAX_TRIES; i++)
    {
      char *variable = g_array_index (expansion->spans, ScTemplateSpan, i).variable;
      if (!g_ptr_array_find_with_equal_func (order, variable, g_str_equal, NULL))
        g_ptr_array_add (order, variable);
    }
  for (guint i = 0; i < order->len; i++)
    for (gsize j = 0; j < G_N_ELEMENTS (harmless) && tries < BLAME_MAX_TRIES; j++, tries++)
      if (parses_with (text, values, order->pdata[i], harmless[j]))
        return order->pdata[i];
  return NULL;
}

static JsonNode *
parse_config_template (const char *text, GHashTable *values, ScExpansion **out_expansion, GError **error)
{
  g_autoptr (ScExpansion) expansion = sc_template_expand (CONFIG_TEMPLATE, text, values, error);
  g_autoptr (JsonNode) node = NULL;
  g_autoptr (GError) local_error = NULL;
  const char *near, *guilty;

  if (expansion == NULL)
    return NULL;
  node = sc_json_parse (CONFIG_TEMPLATE, expansion->text, strlen (expansion->text), &local_error);
  if (node != NULL)
    {
      *out_expansion = g_steal_pointer (&expansion);
      return g_steal_pointer (&node);
    }
  near = blame_by_position (expansion, local_error->message);
  guilty = blame_by_trial (expansion, text, values, near);
  if (guilty != NULL)
    return sc_fail_null (error, SC_ERROR_INVALID, "%s (value of variable '%s')", local_error->message, guilty);
  if (near != NULL)
    return sc_fail_null (error, SC_ERROR_INVALID, "%s (near the value of variable '%s')", local_error->message, near);
  g_propagate_error (error, g_steal_pointer (&local_error));
  return NULL;
}

/* The configuration as JSON, and in rendered->config as text. */
static JsonNode *
render_config (const ScRenderInput *input, ScRendered *rendered, GError **error)
{
  const ScExports *exports = input->exports;
  g_autoptr (JsonNode) config = NULL;
  g_autoptr (ScExpansion) expansion = NULL;
  const char *text = NULL;

  if (exports->config != NULL)
    {
      text = exports->config;
      config = sc_json_parse ("config.json", text, strlen (text), error);
    }
  else if (exports->config_template != NULL)
    {
      config = parse_config_template (exports->config_template, input->values, &expansion, error);
      text = expansion != NULL ? expansion->text : NULL;
    }
  else
    {
      const ScConfigInput defaults = {
        .image = input->image,
        .name = g_hash_table_lookup (input->values, "NAME"),
        .state_dir = g_hash_table_lookup (input->values, "STATE_DIRECTORY"),
        .rootfs = input->rootfs,
        .host_root = input->host_root,
      };
      config = sc_config_default (&defaults, error);
      rendered->default_config = TRUE;
    }
  if (config == NULL || !sc_config_validate (config, NULL, error))
    return NULL;

  if (input->remote != NULL)
    sc_config_set_root (config, input->remote);
  if (sc_config_adapt (config, input->host_root, rendered->notes) || text == NULL || input->remote != NULL)
    rendered->config = sc_json_to_text (config, TRUE);
  else
    rendered->config = g_strdup (text);
  return g_steal_pointer (&config);
}

/* (transfer full): bind sources that the host does not have nor gets, as clean paths. */
static GPtrArray *
list_missing_sources (JsonNode *config, const ScRenderInput *input)
{
  g_auto (GStrv) sources = config != NULL ? sc_config_bind_sources (config) : NULL;
  GPtrArray *missing = g_ptr_array_new_with_free_func (g_free);

  for (char **source = sources; source != NULL && *source != NULL; source++)
    {
      SC_AUTOFD int fd = sc_fs_open_in_root (input->host_root, *source, O_PATH | O_CLOEXEC, 0, NULL);
      g_autofree char *path = sc_config_clean_path (*source);
      if (fd < 0 && !sc_host_plan_makes (input->host, path)
          && !g_ptr_array_find_with_equal_func (missing, path, g_str_equal, NULL))
        g_ptr_array_add (missing, g_steal_pointer (&path));
    }
  return missing;
}

static void
add_missing_note (ScRendered *rendered, const char *path)
{
  g_ptr_array_add (rendered->notes, g_strdup_printf ("bind source '%s' does not exist on this host", path));
}

static void
render_default_tmpfiles (const ScRenderInput *input, JsonNode *config, GPtrArray *missing, ScRendered *rendered)
{
  g_autoptr (GPtrArray) paths = g_ptr_array_new ();
  guint32 uid = (guint32)g_ascii_strtoull (g_hash_table_lookup (input->values, "HOST_UID"), NULL, 10);
  guint32 gid = (guint32)g_ascii_strtoull (g_hash_table_lookup (input->values, "HOST_GID"), NULL, 10);

  /* Our own configuration binds the image's volumes, which its program has to be able to write. */
  if (rendered->default_config)
    sc_config_user (config, &uid, &gid);
  for (guint i = 0; i < missing->len; i++)
    {
      const char *path = missing->pdata[i];
      if (sc_config_path_is_below (path, "/dev") || sc_config_path_is_below (path, "/proc")
          || sc_config_path_is_below (path, "/sys"))
        add_missing_note (rendered, path);
      else
        g_ptr_array_add (paths, (char *)path);
    }
  g_ptr_array_add (paths, NULL);
  rendered->tmpfiles = sc_tmpfiles_default ((const char *const *)paths->pdata, uid, gid);
}

static gboolean
render_tmpfiles (const ScRenderInput *input, JsonNode *config, ScRendered *rendered, GError **error)
{
  const char *text = input->exports->tmpfiles_template;
  g_autoptr (GPtrArray) missing = list_missing_sources (config, input);
  g_autoptr (ScExpansion) expansion = NULL;

  if (text == NULL)
    {
      render_default_tmpfiles (input, config, missing, rendered);
      return TRUE;
    }
  expansion = sc_template_expand ("tmpfiles.template", text, input->values, error);
  if (expansion == NULL || !sc_expansion_check_lines (expansion, "tmpfiles.template", error))
    return FALSE;
  for (guint i = 0; i < missing->len; i++)
    if (strstr (expansion->text, missing->pdata[i]) == NULL)
      add_missing_note (rendered, missing->pdata[i]);
  rendered->tmpfiles = g_steal_pointer (&expansion->text);
  return TRUE;
}

static gboolean
has_words (char **words)
{
  return words != NULL && words[0] != NULL;
}

/* An image that brings files for the host and nothing that could run. */
static gboolean
is_files_only (const ScRenderInput *input)
{
  const ScExports *exports = input->exports;

  return exports->no_container_service && exports->config == NULL && exports->config_template == NULL
         && !has_words (input->image->entrypoint) && !has_words (input->image->cmd);
}

ScRendered *
sc_render (const ScRenderInput *input, GError **error)
{
  g_autoptr (ScRendered) rendered = g_new0 (ScRendered, 1);
  g_autoptr (JsonNode) config = NULL;

  rendered->notes = g_ptr_array_new_with_free_func (g_free);
  config = is_files_only (input) ? NULL : render_config (input, rendered, error);
  if ((config == NULL && !is_files_only (input))
      || !sc_unit_render (input->exports, input->image, input->values, &rendered->unit, error)
      || !render_tmpfiles (input, config, rendered, error))
    return NULL;
  return g_steal_pointer (&rendered);
}

void
sc_rendered_free (ScRendered *rendered)
{
  if (rendered == NULL)
    return;
  g_free (rendered->config);
  g_free (rendered->unit);
  g_free (rendered->tmpfiles);
  g_ptr_array_unref (rendered->notes);
  g_free (rendered);
}
