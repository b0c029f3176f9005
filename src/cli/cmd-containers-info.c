/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * containers info: all that is recorded of one deployment.
 */
#include "commands.h"
#include "container-query.h"
#include "history.h"
#include "journal.h"
#include "json.h"
#include "output.h"

typedef struct
{
  const char *deployment;
  gboolean json;
} InfoOptions;

/* What there is to tell; what does not apply is NULL. */
typedef struct
{
  const ScHistoryEntry *entry;
  const ScDeployment *d;
  const char *state; /* of the service: of the live one only */
  char *root;
  char *created;
  char *unit;
  char *tmpfiles;
} Info;

static void
info_clear (Info *info)
{
  g_free (info->root);
  g_free (info->created);
  g_free (info->unit);
  g_free (info->tmpfiles);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Info, info_clear)

/* -- text -- */

/* (transfer full) (nullable) */
static char *
package_text (const ScDeployment *d)
{
  if (!d->package_name)
    return g_strdup (d->package);
  return g_strdup_printf ("%s %s (%s)", d->package_name, d->package_version, d->package_manager);
}

static void
append_values (GString *out, GHashTable *values)
{
  g_autoptr (GPtrArray) names = sc_output_names (values);

  g_string_append (out, "Values:\n");
  for (guint i = 0; i < names->len; i++)
    {
      g_autofree char *name = sc_output_clean (names->pdata[i]);
      g_autofree char *value = sc_output_clean (g_hash_table_lookup (values, names->pdata[i]));

      g_string_append_printf (out, "  %s=%s\n", name, value);
    }
}

/* (transfer full) */
static char *
format_text (const Info *info)
{
  const ScDeployment *d = info->d;
  GString *out = g_string_new (NULL);
  g_autofree char *number = d->number < 0 ? NULL : g_strdup_printf ("%d", d->number);
  g_autofree char *state = sc_history_describe (info->entry), *package = package_text (d);
  g_autofree char *health = d->health ? sc_health_describe (d->health) : NULL;
  g_autofree char *files = g_strdup_printf ("%u", d->installed_files ? g_strv_length (d->installed_files) : 0);

  sc_output_append_line (out, "Name", d->name);
  sc_output_append_line (out, "Deployment", number);
  sc_output_append_line (out, "State", *state ? state : NULL);
  sc_output_append_line (out, "Image Name", d->image);
  sc_output_append_line (out, "Image ID", d->revision);
  sc_output_append_line (out, "Created", info->created);
  sc_output_append_line (out, "Runtime", d->runtime);
  sc_output_append_line (out, "Root", info->root);
  sc_output_append_line (out, "Unit", info->unit);
  sc_output_append_line (out, "Service", info->state);
  sc_output_append_line (out, "Tmpfiles", info->tmpfiles);
  sc_output_append_line (out, "Host Files", files);
  sc_output_append_line (out, "Package", package);
  sc_output_append_line (out, "Health Check", health);
  append_values (out, d->values);
  return g_string_free (out, FALSE);
}

/* -- JSON -- */

static void
add_package (JsonBuilder *b, const ScDeployment *d)
{
  json_builder_set_member_name (b, "package");
  if (!d->package && !d->package_name)
    {
      json_builder_add_null_value (b);
      return;
    }
  json_builder_begin_object (b);
  sc_json_add_string (b, "manager", d->package_manager);
  sc_json_add_string (b, "name", d->package_name ? d->package_name : d->package);
  sc_json_add_string (b, "version", d->package_version);
  json_builder_end_object (b);
}

static void
add_lists (JsonBuilder *b, const ScDeployment *d)
{
  json_builder_set_member_name (b, "host_files");
  json_builder_begin_array (b);
  for (char **file = d->installed_files; file && *file; file++)
    json_builder_add_string_value (b, *file);
  json_builder_end_array (b);
  add_package (b, d);
  json_builder_set_member_name (b, "health");
  if (d->health)
    sc_health_build (d->health, b);
  else
    json_builder_add_null_value (b);
  json_builder_set_member_name (b, "values");
  json_builder_add_value (b, sc_output_map (d->values));
}

/* (transfer full) */
static char *
format_json (const Info *info)
{
  const ScDeployment *d = info->d;
  g_autofree char *created = sc_output_time_iso (d->created);
  g_autoptr (JsonBuilder) b = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;

  json_builder_begin_object (b);
  sc_json_add_string (b, "name", d->name);
  json_builder_set_member_name (b, "deployment");
  json_builder_add_int_value (b, MAX (d->number, 0));
  sc_json_add_bool (b, "live", info->entry->live);
  sc_json_add_bool (b, "pinned", info->entry->pinned);
  sc_json_add_string (b, "failed", info->entry->failed);
  sc_json_add_bool (b, "preinstalled", d->preinstalled);
  sc_json_add_string (b, "image_name", d->image);
  sc_json_add_string (b, "image_id", d->revision);
  sc_json_add_string (b, "created", created);
  sc_json_add_string (b, "runtime", d->runtime);
  sc_json_add_string (b, "root", info->root);
  sc_json_add_bool (b, "remote", d->remote != NULL);
  sc_json_add_string (b, "unit", info->unit);
  sc_json_add_string (b, "state", info->state);
  sc_json_add_string (b, "tmpfiles", info->tmpfiles);
  add_lists (b, d);
  json_builder_end_object (b);
  root = json_builder_get_root (b);
  return sc_json_to_text (root, TRUE);
}

/* -- the command -- */

/* (nullable): the entry of @number, or the live one; one that can be read. */
static ScHistoryEntry *
find_entry (ScInvocation *invocation, const GPtrArray *list, int number, GError **error)
{
  const char *name = invocation->args[0];

  for (guint i = 0; i < list->len; i++)
    {
      ScHistoryEntry *entry = list->pdata[i];

      if (number == SC_NO_DEPLOYMENT ? !entry->live : MAX (entry->deployment->number, 0) != number)
        continue;
      if (entry->deployment->problem)
        return sc_fail_null (error, SC_ERROR_INVALID, "%s", entry->deployment->problem);
      return entry;
    }
  if (number == SC_NO_DEPLOYMENT)
    {
      g_autoptr (ScDeployment) live = sc_deployment_load (invocation->context, name, error);

      return live ? sc_fail_null (error, SC_ERROR_BUSY, "container %s was changed meanwhile", name) : NULL;
    }
  return sc_fail_null (error, SC_ERROR_NOT_FOUND, "container %s has no deployment %d", name, number);
}

static gboolean
print_entry (ScInvocation *invocation, const ScHistoryEntry *entry, GError **error)
{
  const InfoOptions *options = invocation->options;
  const ScContext *ctx = invocation->context;
  g_autofree char *dir = NULL, *text = NULL;
  g_auto (Info) info = { .entry = entry, .d = entry->deployment };

  if (entry->live
      && !sc_container_state (ctx, entry->deployment, &info.state, invocation->sink, invocation->cancellable, error))
    return FALSE;
  dir = sc_deployment_dir (ctx, info.d);
  info.root = info.d->remote ? g_strdup (info.d->remote) : g_build_filename (dir, "rootfs", NULL);
  info.created = sc_output_time (info.d->created);
  info.unit = sc_container_unit (ctx, info.d, entry->live);
  info.tmpfiles = sc_container_tmpfiles (ctx, info.d, entry->live);
  text = options->json ? format_json (&info) : format_text (&info);
  sc_output_print (text);
  return TRUE;
}

static gboolean
run_containers_info (ScInvocation *invocation, GError **error)
{
  const InfoOptions *options = invocation->options;
  int number = SC_NO_DEPLOYMENT;
  g_autoptr (GPtrArray) list = NULL;
  ScHistoryEntry *entry;

  if (options->deployment && !sc_deployment_parse_number (options->deployment, &number, error))
    return FALSE;
  list = sc_history_list (invocation->context, invocation->args[0], error);
  entry = list ? find_entry (invocation, list, number, error) : NULL;
  return entry && print_entry (invocation, entry, error);
}

static const ScOption info_options[] = {
  { "deployment", 0, SC_OPTION_STRING, G_STRUCT_OFFSET (InfoOptions, deployment), "N",
    "this one, a number of 'containers history', not the live one" },
  { "json", 0, SC_OPTION_FLAG, G_STRUCT_OFFSET (InfoOptions, json), NULL, "print a JSON object" },
  SC_OPTION_END,
};

const ScCommand sc_cmd_containers_info = {
  .name = "containers info",
  .args = "NAME",
  .min_args = 1,
  .max_args = 1,
  .summary = "tell about a container",
  .description = "Prints what the container NAME was made of and with which values, and what of it is on the host.",
  .options = info_options,
  .options_size = sizeof (InfoOptions),
  .flags = SC_COMMAND_TAKES_CONTAINER,
  .run = run_containers_info,
};
