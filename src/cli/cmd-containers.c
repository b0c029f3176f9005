/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * containers list.
 */
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "container-query.h"
#include "list.h"

static const ScColumn columns[] = {
  { "CONTAINER ID", "id", "container", SC_CELL_TEXT, 12, 0 },
  { NULL, "image_id", NULL, SC_CELL_TEXT, 0, 0 },
  { "IMAGE", "image_name", "image", SC_CELL_TEXT, 14, 13 },
  { "NAME", "name", NULL, SC_CELL_TEXT, 8, 0 },
  { "COMMAND", "command", "command", SC_CELL_TEXT, 10, 10 },
  { "CREATED", "created", "created", SC_CELL_TIME, 16, 0 },
  { "STATE", NULL, NULL, SC_CELL_TEXT, 8, 0 },
  { NULL, "state", "state", SC_CELL_TEXT, 0, 0 },
  { "BACKEND", "backend", "backend", SC_CELL_TEXT, 8, 0 },
  { "RUNTIME", "runtime", "runtime", SC_CELL_TEXT, 0, 0 },
  { NULL, "running", NULL, SC_CELL_BOOL, 0, 0 },
  { NULL, "damaged", NULL, SC_CELL_OPTIONAL, 0, 0 },
};

static void
add_row (ScTable *table, const ScContainer *container)
{
  const ScDeployment *deployment = container->deployment;
  g_autofree char *created = deployment->problem ? NULL : sc_output_seconds (deployment->created);
  g_autofree char *state = deployment->problem ? g_strconcat (container->state, ", damaged", NULL) : NULL;
  const char *cells[] = {
    deployment->name,
    deployment->revision,
    deployment->image,
    deployment->name,
    deployment->command,
    created,
    state ? state : container->state,
    container->state,
    "ostree",
    deployment->runtime,
    container->running ? "true" : "false",
    deployment->problem,
  };

  G_STATIC_ASSERT (G_N_ELEMENTS (cells) == G_N_ELEMENTS (columns));
  sc_table_add (table, FALSE, cells);
}

static gboolean
run_containers_list (ScInvocation *invocation, GError **error)
{
  const ScListOptions *options = invocation->options;
  g_autoptr (ScTable) table = sc_table_new (columns, G_N_ELEMENTS (columns), " ");
  g_autoptr (GPtrArray) containers = NULL;
  gboolean unknown = FALSE;

  if (!sc_list_check (table, options, error))
    return FALSE;
  containers = sc_container_list (invocation->context, invocation->sink, invocation->cancellable, error);
  if (!containers)
    return FALSE;
  for (guint i = 0; i < containers->len; i++)
    {
      const ScContainer *container = containers->pdata[i];

      if (container->deployment->problem)
        sc_progress_note (invocation->sink, "%s", container->deployment->problem);
      unknown |= strcmp (container->state, "unknown") == 0;
      if (options->all || container->running)
        add_row (table, container);
    }
  if (unknown && geteuid () != 0)
    sc_progress_note (invocation->sink, "root may find out the states that are unknown");
  return sc_list_print (table, options, error);
}

static const ScOption list_options[] = {
  SC_LIST_OPTIONS ("also list containers that do not run",
                   "list what has VALUE in VAR only; VAR is container, image, command, created, state, runtime or "
                   "backend; can be repeated, all must match"),
  SC_OPTION_END,
};

const ScCommand sc_cmd_containers_list = {
  .name = "containers list",
  .alias = "ps",
  .args = "",
  .summary = "list system containers",
  .description = "Lists the system containers that run.",
  .options = list_options,
  .options_size = sizeof (ScListOptions),
  .run = run_containers_list,
};
