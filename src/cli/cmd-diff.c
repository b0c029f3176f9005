/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * diff A [B].
 */
#include "commands.h"
#include "diff.h"
#include "json.h"
#include "output.h"

typedef struct
{
  gboolean names_only;
  gboolean no_files;
  gboolean json;
} DiffOptions;

static const struct
{
  ScDiffers flag;
  const char *word;
} words[] = {
  { SC_DIFFERS_TYPE, "type" },   { SC_DIFFERS_CONTENT, "content" }, { SC_DIFFERS_MODE, "mode" },
  { SC_DIFFERS_OWNER, "owner" }, { SC_DIFFERS_TARGET, "link" },     { SC_DIFFERS_XATTRS, "xattr" },
};

/* -- text -- */

static void
print_file (const ScTreeChange *change, gboolean names_only)
{
  g_autoptr (GString) line = g_string_new (NULL);
  g_autofree char *path = sc_output_clean (change->path);
  const char *separator = " (";

  if (!names_only)
    g_string_append_printf (line, "%c ", "ADC"[change->kind]);
  g_string_append (line, path);
  for (guint i = 0; !names_only && change->differs != 0 && i < G_N_ELEMENTS (words); i++)
    if (change->differs & words[i].flag)
      {
        g_string_append_printf (line, "%s%s", separator, words[i].word);
        separator = ", ";
      }
  g_string_append (line, !names_only && change->differs != 0 ? ")\n" : "\n");
  sc_output_print (line->str);
}

/* "C package libc6 amd64 2.36-9 -> 2.36-10" */
static void
print_package (const ScPackageChange *change, gboolean names_only)
{
  g_autofree char *name = sc_output_clean (change->name), *architecture = sc_output_clean (change->architecture),
                  *old = sc_output_clean (change->old_version), *new = sc_output_clean (change->new_version);
  g_autofree char *line = NULL;
  char kind = change->old_version == NULL ? 'A' : change->new_version == NULL ? 'D' : 'C';

  if (names_only)
    line = g_strconcat (name, "\n", NULL);
  else
    line = g_strdup_printf ("%c package %s %s %s%s%s\n", kind, name, *architecture != '\0' ? architecture : "-", old,
                            kind == 'C' ? " -> " : "", new);
  sc_output_print (line);
}

static void
print_text (const ScDiff *diff, gboolean names_only)
{
  for (guint i = 0; diff->files && i < diff->files->len; i++)
    print_file (diff->files->pdata[i], names_only);
  for (guint i = 0; diff->packages && i < diff->packages->len; i++)
    print_package (diff->packages->pdata[i], names_only);
}

/* -- JSON -- */

/* Names on disk may be no UTF-8, which JSON has to be. */
static void
set_text (JsonObject *object, const char *key, const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);

  json_object_set_string_member (object, key, valid);
}

static JsonArray *
files_array (const GPtrArray *files)
{
  static const char *const kinds[] = { "added", "removed", "changed" };
  JsonArray *array = json_array_new ();

  for (guint i = 0; i < files->len; i++)
    {
      const ScTreeChange *change = files->pdata[i];
      JsonObject *object = json_object_new ();
      JsonArray *what = json_array_new ();

      for (guint k = 0; k < G_N_ELEMENTS (words); k++)
        if (change->differs & words[k].flag)
          json_array_add_string_element (what, words[k].word);
      set_text (object, "path", change->path);
      json_object_set_string_member (object, "change", kinds[change->kind]);
      json_object_set_array_member (object, "what", what);
      json_array_add_object_element (array, object);
    }
  return array;
}

static JsonObject *
packages_object (const GPtrArray *packages)
{
  JsonObject *object = json_object_new ();
  JsonArray *added = json_array_new (), *removed = json_array_new (), *changed = json_array_new ();

  for (guint i = 0; i < packages->len; i++)
    {
      const ScPackageChange *change = packages->pdata[i];
      JsonObject *package = json_object_new ();
      gboolean both = change->old_version && change->new_version;

      json_object_set_string_member (package, "type", change->type);
      set_text (package, "name", change->name);
      set_text (package, "architecture", change->architecture);
      if (both)
        {
          set_text (package, "old_version", change->old_version);
          set_text (package, "new_version", change->new_version);
        }
      else
        set_text (package, "version", change->old_version ? change->old_version : change->new_version);
      json_array_add_object_element (both ? changed : change->old_version ? removed : added, package);
    }
  json_object_set_array_member (object, "added", added);
  json_object_set_array_member (object, "removed", removed);
  json_object_set_array_member (object, "changed", changed);
  return object;
}

static void
print_json (const ScDiff *diff)
{
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  JsonObject *object = json_object_new ();
  g_autofree char *text = NULL;

  if (diff->files)
    json_object_set_array_member (object, "files", files_array (diff->files));
  if (diff->packages)
    json_object_set_object_member (object, "packages", packages_object (diff->packages));
  json_node_take_object (node, object);
  text = sc_json_to_text (node, TRUE);
  sc_output_print (text);
}

static gboolean
run_diff (ScInvocation *invocation, GError **error)
{
  const DiffOptions *options = invocation->options;
  ScDiffOptions what = { .from = invocation->args[0],
                         .to = invocation->n_args > 1 ? invocation->args[1] : NULL,
                         .files = !options->no_files,
                         .packages = options->no_files || options->json || !options->names_only };
  g_auto (ScDiff) diff = { 0 };

  if (!sc_diff (invocation->context, &what, invocation->sink, &diff, invocation->cancellable, error))
    return FALSE;
  if (options->json)
    print_json (&diff);
  else
    print_text (&diff, options->names_only);
  return TRUE;
}

static const ScOption diff_options[] = {
  { "names-only", 'n', SC_OPTION_FLAG, G_STRUCT_OFFSET (DiffOptions, names_only), NULL,
    "print paths only (with --no-files names of packages)" },
  { "no-files", 0, SC_OPTION_FLAG, G_STRUCT_OFFSET (DiffOptions, no_files), NULL, "compare packages only" },
  { "json", 0, SC_OPTION_FLAG, G_STRUCT_OFFSET (DiffOptions, json), NULL, "print a JSON object" },
  SC_OPTION_END,
};

const ScCommand sc_cmd_diff = {
  .name = "diff",
  .args = "IMAGE|NAME [IMAGE|NAME]",
  .min_args = 1,
  .max_args = 2,
  .summary = "show how images and containers differ",
  .description = "Shows what has to happen to the first, an image or a container, to make it the second; with one "
                 "container only, what happened to it since it was made of its image.\n"
                 "A line each: 'A' added, 'D' removed, 'C' changed, a path, and what of it changed; then packages, if "
                 "there is a database of dpkg or rpm inside. What is the name of a container is the container.",
  .options = diff_options,
  .options_size = sizeof (DiffOptions),
  .flags = SC_COMMAND_TAKES_IMAGE | SC_COMMAND_TAKES_CONTAINER,
  .run = run_diff,
};
