/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * help, and the two hidden commands that tell scripts what there is: "__commands" for the check of the man pages and
 * "__complete" for shell completion.
 */
#include "commands.h"
#include "complete.h"
#include "container-query.h"
#include "help.h"
#include "image-help.h"
#include "output.h"

static gboolean
has_image (const ScContext *context, const char *name, GCancellable *cancellable)
{
  g_autoptr (ScStore) store = sc_store_open (context, SC_STORE_READ, cancellable, NULL);
  g_autoptr (ScImage) image = store ? sc_image_find (store, name, cancellable, NULL) : NULL;

  return image != NULL;
}

/* What is no command may be an image: the older spelling of "images help". */
static gboolean
help_image (ScInvocation *invocation, GError **error)
{
  const char *name = invocation->args[0];
  g_autoptr (GError) local = NULL;
  g_autoptr (ScContext) context = sc_context_new (invocation->global->root, error);

  if (!context)
    return FALSE;
  if (sc_image_help_print (context, name, invocation->cancellable, &local))
    return TRUE;
  if (g_error_matches (local, SC_ERROR, SC_ERROR_NOT_FOUND) && !has_image (context, name, invocation->cancellable))
    return sc_fail (error, SC_ERROR_USAGE, "unknown command '%s', and there is no image of that name", name);
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

static gboolean
run_help (ScInvocation *invocation, GError **error)
{
  const ScProgram *program = invocation->program;
  const char *first = invocation->args[0], *second = first ? invocation->args[1] : NULL;
  g_autofree char *text = NULL;
  const ScCommand *command;
  guint used = 0;

  if (!first)
    text = sc_help_program (program);
  else if (!second && sc_command_is_group (program, first))
    text = sc_help_group (program, first);
  else
    {
      command = sc_command_find (program, first, second, &used);
      if (!command && !second)
        return help_image (invocation, error);
      if (!command || used != invocation->n_args)
        return sc_fail (error, SC_ERROR_USAGE, "unknown command '%s%s%s'", first, second ? " " : "",
                        second ? second : "");
      text = sc_help_command (program, command);
    }
  sc_output_print (text);
  return TRUE;
}

const ScCommand sc_cmd_help = {
  .name = "help",
  .args = "[COMMAND|IMAGE]",
  .max_args = 2,
  .summary = "explain a command",
  .description = "Prints what '--help' prints: about COMMAND, or about all commands. Of an IMAGE in the "
                 "repository, prints the help that it has.",
  .flags = SC_COMMAND_NO_CONTEXT,
  .run = run_help,
};

static gboolean
run_dump (ScInvocation *invocation, GError **error)
{
  g_autofree char *text = sc_help_list (invocation->program);

  sc_output_print (text);
  return TRUE;
}

const ScCommand sc_cmd_dump = {
  .name = "__commands",
  .args = "",
  .summary = "list commands and options",
  .description = "Lists commands and options for the check of the man pages.",
  .flags = SC_COMMAND_HIDDEN | SC_COMMAND_NO_CONTEXT,
  .run = run_dump,
};

/* Names of containers that begin with @typed. An error only means that there is nothing to offer. */
static void
print_containers (const char *typed)
{
  g_autoptr (ScContext) context = sc_context_new (NULL, NULL);
  g_autoptr (GPtrArray) deployments = context ? sc_deployment_list (context, NULL) : NULL;

  for (guint i = 0; deployments && i < deployments->len; i++)
    {
      const ScDeployment *deployment = deployments->pdata[i];

      if (g_str_has_prefix (deployment->name, typed))
        {
          sc_output_print (deployment->name);
          sc_output_print ("\n");
        }
    }
}

static gboolean
run_complete (ScInvocation *invocation, GError **error)
{
  const ScCommand *operand_of;
  g_auto (GStrv) found = sc_complete (invocation->program, invocation->args, &operand_of);

  for (char **word = found; *word; word++)
    {
      sc_output_print (*word);
      sc_output_print ("\n");
    }
  if (operand_of && operand_of->flags & SC_COMMAND_TAKES_CONTAINER)
    print_containers (invocation->args[invocation->n_args - 1]);
  return TRUE;
}

const ScCommand sc_cmd_complete = {
  .name = "__complete",
  .args = "WORD...",
  .min_args = 1,
  .max_args = G_MAXUINT,
  .summary = "complete a word",
  .description = "Prints what the last WORD can become.",
  .flags = SC_COMMAND_HIDDEN | SC_COMMAND_NO_CONTEXT | SC_COMMAND_VERBATIM,
  .run = run_complete,
};
