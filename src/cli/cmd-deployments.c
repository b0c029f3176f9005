/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * containers history, pin, unpin and rollback: the deployments of one container.
 */
#include "commands.h"
#include "history.h"
#include "journal.h"
#include "json.h"
#include "output.h"
#include "rollback.h"

/* -- history -- */

typedef struct
{
  gboolean json;
  gboolean no_heading;
} HistoryOptions;

static const ScColumn columns[] = {
  { "DEPLOYMENT", "deployment", NULL, SC_CELL_NUMBER, 10, 0 },
  { "IMAGE", "image_name", NULL, SC_CELL_TEXT, 14, 0 },
  { "IMAGE ID", "image_id", NULL, SC_CELL_TEXT, 12, 12 },
  { "CREATED", "created", NULL, SC_CELL_TIME, 16, 0 },
  { "STATE", NULL, NULL, SC_CELL_TEXT, 0, 0 },
  { NULL, "live", NULL, SC_CELL_BOOL, 0, 0 },
  { NULL, "pinned", NULL, SC_CELL_BOOL, 0, 0 },
  { NULL, "failed", NULL, SC_CELL_TEXT, 0, 0 },
  { NULL, "damaged", NULL, SC_CELL_OPTIONAL, 0, 0 },
  { NULL, "values", NULL, SC_CELL_JSON, 0, 0 },
};

/* (transfer full) (nullable): as JSON */
static char *
values_text (const ScDeployment *d)
{
  g_autoptr (JsonNode) node = d->values ? sc_output_map (d->values) : NULL;

  return node ? sc_json_to_text (node, FALSE) : NULL;
}

/* What is live may be gone, and so not be in the list. */
static void
note_missing (const ScInvocation *invocation, const GPtrArray *list)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (ScDeployment) live = NULL;

  for (guint i = 0; i < list->len; i++)
    if (((const ScHistoryEntry *)list->pdata[i])->live)
      return;
  live = sc_deployment_load (invocation->context, invocation->args[0], &local);
  if (live == NULL)
    sc_progress_note (invocation->sink, "%s", local->message);
}

static void
add_row (ScTable *table, const ScHistoryEntry *entry)
{
  const ScDeployment *d = entry->deployment;
  g_autofree char *number = g_strdup_printf ("%d", MAX (d->number, 0)), *state = sc_history_describe (entry);
  g_autofree char *values = values_text (d);
  g_autofree char *created = d->problem != NULL ? NULL : sc_output_seconds (d->created);
  const char *cells[] = {
    number,
    d->image,
    d->revision,
    created,
    state,
    entry->live ? "true" : "false",
    entry->pinned ? "true" : "false",
    entry->failed,
    d->problem,
    values,
  };

  G_STATIC_ASSERT (G_N_ELEMENTS (cells) == G_N_ELEMENTS (columns));
  sc_table_add (table, entry->live, cells);
}

static gboolean
run_history (ScInvocation *invocation, GError **error)
{
  const HistoryOptions *options = invocation->options;
  g_autoptr (ScTable) table = sc_table_new (columns, G_N_ELEMENTS (columns), "  ");
  g_autoptr (GPtrArray) list = sc_history_list (invocation->context, invocation->args[0], error);
  g_autofree char *text = NULL;

  if (list == NULL)
    return FALSE;
  for (guint i = 0; i < list->len; i++)
    {
      const ScHistoryEntry *entry = g_ptr_array_index (list, i);

      if (entry->deployment->problem != NULL)
        sc_progress_note (invocation->sink, "%s", entry->deployment->problem);
      add_row (table, entry);
    }
  note_missing (invocation, list);
  text = options->json ? sc_table_format_json (table)
                       : sc_table_format (table, options->no_heading ? SC_TABLE_NO_HEADING : 0);
  sc_output_print (text);
  return TRUE;
}

static const ScOption history_options[] = {
  { "noheading", 'n', SC_OPTION_FLAG, G_STRUCT_OFFSET (HistoryOptions, no_heading), NULL, "leave out the headings" },
  { "json", 0, SC_OPTION_FLAG, G_STRUCT_OFFSET (HistoryOptions, json), NULL, "print a JSON array of objects" },
  SC_OPTION_END,
};

const ScCommand sc_cmd_containers_history = {
  .name = "containers history",
  .args = "NAME",
  .min_args = 1,
  .max_args = 1,
  .summary = "list the deployments of a container",
  .description =
      "Lists the deployments of the container NAME that are on disk, the newest first. '>' marks the live one.",
  .options = history_options,
  .options_size = sizeof (HistoryOptions),
  .flags = SC_COMMAND_TAKES_CONTAINER,
  .run = run_history,
};

/* -- pin, unpin -- */

static gboolean
set_pinned (ScInvocation *invocation, gboolean pinned, GError **error)
{
  int number = SC_NO_DEPLOYMENT;

  if (invocation->n_args > 1 && !sc_deployment_parse_number (invocation->args[1], &number, error))
    return FALSE;
  return sc_history_pin (invocation->context, invocation->args[0], number, pinned, invocation->sink,
                         invocation->cancellable, error);
}

static gboolean
run_pin (ScInvocation *invocation, GError **error)
{
  return set_pinned (invocation, TRUE, error);
}

static gboolean
run_unpin (ScInvocation *invocation, GError **error)
{
  return set_pinned (invocation, FALSE, error);
}

const ScCommand sc_cmd_containers_pin = {
  .name = "containers pin",
  .args = "NAME [DEPLOYMENT]",
  .min_args = 1,
  .max_args = 2,
  .summary = "keep a deployment whatever is updated",
  .description =
      "Keeps DEPLOYMENT of the container NAME, a number of 'containers history', or the live one: updates do "
      "not remove it, and it is not one of those that they count.",
  .flags = SC_COMMAND_NEEDS_ROOT | SC_COMMAND_TAKES_CONTAINER,
  .run = run_pin,
};

const ScCommand sc_cmd_containers_unpin = {
  .name = "containers unpin",
  .args = "NAME [DEPLOYMENT]",
  .min_args = 1,
  .max_args = 2,
  .summary = "take a pin back",
  .description =
      "Takes back what 'containers pin' said of DEPLOYMENT, or of the live one. The next update removes it if "
      "it is one too many.",
  .flags = SC_COMMAND_NEEDS_ROOT | SC_COMMAND_TAKES_CONTAINER,
  .run = run_unpin,
};

/* -- rollback -- */

typedef struct
{
  const char *to;
} RollbackOptions;

static gboolean
run_rollback (ScInvocation *invocation, GError **error)
{
  const RollbackOptions *options = invocation->options;
  int to = SC_NO_DEPLOYMENT, number = SC_NO_DEPLOYMENT;

  if (options->to != NULL && !sc_deployment_parse_number (options->to, &to, error))
    return FALSE;
  if (!sc_rollback (invocation->context, invocation->args[0], to, invocation->sink, &number, invocation->cancellable,
                    error))
    return FALSE;
  sc_progress_step (invocation->sink, "%s is deployment %d now", invocation->args[0], number);
  return TRUE;
}

static const ScOption rollback_options[] = {
  { "to", 0, SC_OPTION_STRING, G_STRUCT_OFFSET (RollbackOptions, to), "DEPLOYMENT",
    "to this one, a number of 'containers history'" },
  SC_OPTION_END,
};

const ScCommand sc_cmd_containers_rollback = {
  .name = "containers rollback",
  .args = "NAME",
  .min_args = 1,
  .max_args = 1,
  .summary = "make an earlier deployment live again",
  .description = "Makes the newest deployment before the live one that has not failed live again, with its root, "
                 "configuration, unit, tmpfiles and files for the host; if there is none before, the oldest after it. "
                 "Nothing is fetched, and all of it is checked before anything is touched. A service that runs is "
                 "restarted.",
  .options = rollback_options,
  .options_size = sizeof (RollbackOptions),
  .flags = SC_COMMAND_NEEDS_ROOT | SC_COMMAND_TAKES_CONTAINER,
  .run = run_rollback,
};
