/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * images prune.
 */
#include <json-glib/json-glib.h>

#include "commands.h"
#include "json.h"
#include "output.h"
#include "prune-system.h"
#include "recover.h"
#include "spool.h"

typedef struct
{
  gboolean dry_run;
  gboolean json;
} PruneOptions;

/* Steps are for standard output, where only JSON is to be. */
static void
without_steps (const ScProgress *progress, gpointer data)
{
  const ScProgressSink *sink = data;

  if (progress->kind != SC_PROGRESS_STEP)
    sink->func (progress, sink->data);
}

static void
add_strings (JsonObject *object, const char *key, const GPtrArray *strings)
{
  JsonArray *array = json_array_sized_new (strings->len);

  for (guint i = 0; i < strings->len; i++)
    json_array_add_string_element (array, g_ptr_array_index (strings, i));
  json_object_set_array_member (object, key, array);
}

static void
print_json (const ScPruned *pruned, gboolean dry_run)
{
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  JsonObject *object = json_object_new ();
  g_autofree char *text = NULL, *line = NULL;

  json_node_take_object (node, object);
  json_object_set_boolean_member (object, "dry_run", dry_run);
  add_strings (object, "branches", pruned->branches);
  add_strings (object, "checkouts", pruned->checkouts);
  add_strings (object, "temporaries", pruned->temporaries);
  json_object_set_int_member (object, "objects", pruned->objects);
  json_object_set_int_member (object, "bytes", (gint64)pruned->bytes);
  text = sc_json_to_text (node, TRUE);
  line = g_strconcat (text, "\n", NULL);
  sc_output_print (line);
}

static gboolean
run_images_prune (ScInvocation *invocation, GError **error)
{
  const PruneOptions *options = invocation->options;
  ScProgressSink quiet = { without_steps, (gpointer)invocation->sink };
  const ScProgressSink *sink = options->json ? &quiet : invocation->sink;
  g_autoptr (ScStore) store = sc_store_open (invocation->context, SC_STORE_READ, invocation->cancellable, error);
  g_auto (ScPruned) pruned = { 0 };
  g_autofree char *size = NULL;
  g_autoptr (GError) local = NULL;

  if (!store)
    return FALSE;
  sc_store_set_sink (store, sink);
  /* Of what an interrupted command has left some is not left over. One that cannot be ended keeps what it has. */
  if (!options->dry_run && !sc_recover (invocation->context, NULL, sink, invocation->cancellable, &local))
    g_debug ("%s", local->message);
  if (!sc_prune (invocation->context, store, options->dry_run, sink, &pruned, invocation->cancellable, error))
    return FALSE;
  if (!options->dry_run)
    sc_spool_clean (invocation->context);
  if (options->json)
    return print_json (&pruned, options->dry_run), TRUE;
  size = sc_output_size (pruned.bytes);
  sc_progress_step (sink, "%s %u object%s, %s on disk", options->dry_run ? "Would free" : "Freed", pruned.objects,
                    pruned.objects == 1 ? "" : "s", size);
  return TRUE;
}

static const ScOption prune_options[] = {
  { "dry-run", 0, SC_OPTION_FLAG, G_STRUCT_OFFSET (PruneOptions, dry_run), NULL,
    "say what would be removed, and change nothing" },
  { "json", 0, SC_OPTION_FLAG, G_STRUCT_OFFSET (PruneOptions, json), NULL, "print a JSON object" },
  SC_OPTION_END,
};

const ScCommand sc_cmd_images_prune = {
  .name = "images prune",
  .args = "",
  .summary = "remove what no image and no container needs",
  .description =
      "Removes layers, configs and objects that no image in the repository and no installed container needs, checkouts "
      "that belong to no container, and what interrupted commands left. It waits for pulls that are running.",
  .options = prune_options,
  .options_size = sizeof (PruneOptions),
  .flags = SC_COMMAND_NEEDS_ROOT,
  .run = run_images_prune,
};
