/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * uninstall NAME, and containers delete NAME..., which is the same of several.
 */
#include "commands.h"
#include "deployment.h"
#include "recover.h"
#include "terminal.h"
#include "uninstall.h"

typedef struct
{
  gboolean all;
  gboolean display;
  gboolean purge;
  gboolean force;
} UninstallOptions;

#define MEMBER(member) G_STRUCT_OFFSET (UninstallOptions, member)

static gboolean
run_uninstall (ScInvocation *invocation, GError **error)
{
  const UninstallOptions *options = invocation->options;
  const ScUninstallOptions uninstall = { .display = options->display,
                                         .purge = options->purge,
                                         .force = options->force };

  return sc_uninstall (invocation->context, invocation->args[0], &uninstall, invocation->sink, invocation->cancellable,
                       error);
}

static const ScOption uninstall_options[] = {
  { "purge", 0, SC_OPTION_FLAG, MEMBER (purge), NULL,
    "also remove the directories for its state that were made for it, with all that is in them" },
  { "force", 'f', SC_OPTION_FLAG, MEMBER (force), NULL,
    "also remove one that is damaged or whose service cannot be stopped" },
  { "display", 0, SC_OPTION_FLAG, MEMBER (display), NULL, "say what would be done, and change nothing" },
  SC_OPTION_END,
};

const ScCommand sc_cmd_uninstall = {
  .name = "uninstall",
  .args = "NAME",
  .min_args = 1,
  .max_args = 1,
  .summary = "remove a system container",
  .description =
      "Stops and disables the service of the container NAME and removes its unit, its tmpfiles, its files "
      "for the host (those that were not changed by hand) or the package of them, and its root. The image stays in the "
      "repository, and what the container keeps on the host stays too, unless --purge is given.",
  .options = uninstall_options,
  .options_size = sizeof (UninstallOptions),
  .flags = SC_COMMAND_NEEDS_ROOT | SC_COMMAND_TAKES_CONTAINER,
  .run = run_uninstall,
};

/* -- several -- */

static void
add (GPtrArray *names, const char *name)
{
  if (!g_ptr_array_find_with_equal_func (names, name, g_str_equal, NULL))
    g_ptr_array_add (names, g_strdup (name));
}

/* (transfer full) (nullable): names, each once. */
static GPtrArray *
choose (const ScInvocation *invocation, GError **error)
{
  const UninstallOptions *options = invocation->options;
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) list = NULL;

  if (options->all && invocation->n_args > 0)
    return sc_fail_null (error, SC_ERROR_USAGE, "--all and NAME exclude each other");
  if (!options->all && invocation->n_args == 0)
    return sc_fail_null (error, SC_ERROR_USAGE, "NAME is missing; --all is for every container");
  for (guint i = 0; i < invocation->n_args; i++)
    {
      if (!sc_container_name_check (invocation->args[i], error))
        return NULL;
      add (names, invocation->args[i]);
    }
  list = options->all ? sc_deployment_list (invocation->context, error) : NULL;
  if (options->all && !list)
    return NULL;
  for (guint i = 0; list && i < list->len; i++)
    {
      const ScDeployment *deployment = list->pdata[i];

      if (!deployment->preinstalled)
        add (names, deployment->name);
    }
  return g_steal_pointer (&names);
}

/* FALSE in @out_yes: the user does not want it. */
static gboolean
confirm (ScInvocation *invocation, const GPtrArray *names, gboolean *out_yes, GError **error)
{
  const UninstallOptions *options = invocation->options;
  g_autofree char *question = g_strdup_printf ("Do you want to delete %u container%s%s?", names->len,
                                               names->len == 1 ? "" : "s", options->purge ? " with the data" : "");

  *out_yes = invocation->assume_yes;
  if (invocation->assume_yes)
    return TRUE;
  for (guint i = 0; i < names->len; i++)
    sc_progress_note (invocation->sink, "%s", (const char *)names->pdata[i]);
  return sc_terminal_confirm (question, out_yes, invocation->cancellable, error);
}

/* Before the question: takes out of @names what cannot be deleted anyway, and tells it; the error of a single one is
 * the command's. */
static gboolean
drop_missing (ScInvocation *invocation, GPtrArray *names, guint *out_dropped, GError **error)
{
  guint all = names->len;

  for (guint i = 0; i < names->len;)
    {
      g_autoptr (GError) local = NULL;

      if (sc_container_check_there (invocation->context, names->pdata[i], TRUE, &local))
        {
          i++;
          continue;
        }
      if (all == 1)
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
      sc_progress_note (invocation->sink, "%s", local->message);
      g_ptr_array_remove_index (names, i);
    }
  *out_dropped = all - names->len;
  return TRUE;
}

/* Each on its own: one that fails is told, and does not keep the others. @failed: so many have already. */
static gboolean
delete_all (ScInvocation *invocation, const GPtrArray *names, guint failed, GError **error)
{
  const UninstallOptions *options = invocation->options;
  const ScUninstallOptions uninstall = { .purge = options->purge, .force = options->force, .keep_running = TRUE };
  guint all = names->len + failed;

  for (guint i = 0; i < names->len; i++)
    {
      g_autoptr (GError) local = NULL;

      if (sc_uninstall (invocation->context, names->pdata[i], &uninstall, invocation->sink, invocation->cancellable,
                        &local))
        continue;
      if (g_error_matches (local, G_IO_ERROR, G_IO_ERROR_CANCELLED) || all == 1)
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
      sc_progress_note (invocation->sink, "%s", local->message);
      failed++;
    }
  return failed == 0 || sc_fail (error, SC_ERROR_FAILED, "%u of %u containers could not be deleted", failed, all);
}

static gboolean
run_delete (ScInvocation *invocation, GError **error)
{
  g_autoptr (GPtrArray) names = choose (invocation, error);
  gboolean yes = FALSE;
  guint dropped = 0;

  if (!names || !drop_missing (invocation, names, &dropped, error))
    return FALSE;
  if (names->len == 0 && dropped == 0)
    {
      sc_progress_note (invocation->sink, "there are no containers");
      return TRUE;
    }
  if (names->len > 0 && !confirm (invocation, names, &yes, error))
    return FALSE;
  if (yes || names->len == 0)
    return delete_all (invocation, names, dropped, error);
  sc_progress_note (invocation->sink, "nothing was deleted");
  invocation->status = 1;
  return TRUE;
}

static const ScOption delete_options[] = {
  { "all", 'a', SC_OPTION_FLAG, MEMBER (all), NULL, "delete every container, but not preinstalled ones" },
  { "purge", 0, SC_OPTION_FLAG, MEMBER (purge), NULL,
    "also remove the directories for their state that were made for them, with all that is in them" },
  { "force", 'f', SC_OPTION_FLAG, MEMBER (force), NULL,
    "also delete containers that run, that are damaged, or whose service cannot be stopped" },
  SC_OPTION_END,
};

const ScCommand sc_cmd_containers_delete = {
  .name = "containers delete",
  .args = "NAME...|--all",
  .min_args = 0,
  .max_args = G_MAXUINT,
  .summary = "delete containers",
  .description =
      "Uninstalls the containers NAME, one after the other. It asks first, unless -y was given. A container that runs "
      "is refused; one that fails does not keep the others, and the exit status is 1 then.",
  .options = delete_options,
  .options_size = sizeof (UninstallOptions),
  .flags = SC_COMMAND_NEEDS_ROOT | SC_COMMAND_TAKES_CONTAINER,
  .run = run_delete,
};
