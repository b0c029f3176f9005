/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * containers update: one, several, or all; each on its own or together.
 */
#include <string.h>

#include "commands.h"
#include "history.h"
#include "image-query.h"
#include "output.h"
#include "pull-image.h"
#include "reference.h"
#include "together.h"
#include "update.h"

typedef struct
{
  gboolean all;
  gboolean together;
  const char *rebase;
  GPtrArray *set;   /* (nullable): const char * */
  GPtrArray *unset; /* (nullable): const char * */
  gboolean pull;
  const char *auth_file;
  gboolean gated;
  gboolean no_gate;
  const char *probation;
  const char *keep;
} UpdateOptions;

static gboolean
parse_count (const char *option, const char *text, guint limit, guint *inout, GError **error)
{
  guint64 number = 0;

  if (text == NULL)
    return TRUE;
  if (!g_ascii_string_to_unsigned (text, 10, 1, limit, &number, NULL))
    return sc_fail (error, SC_ERROR_USAGE, "--%s %s: not a number from 1 to %u", option, text, limit);
  *inout = (guint)number;
  return TRUE;
}

/* (transfer full): the words by which the image called @name was pulled, if they still mean that name; else the name.
 * @out_platform: of @settings, as sc_pull_settings_same_platform(). */
static char *
find_words (ScInvocation *invocation, const char *name, ScPullSettings *settings, char ***out_platform)
{
  g_autoptr (ScStore) store = sc_store_open (invocation->context, SC_STORE_READ, invocation->cancellable, NULL);
  g_autoptr (ScImage) image = store ? sc_image_find (store, name, invocation->cancellable, NULL) : NULL;
  g_autoptr (ScReference) ref = image && image->source ? sc_reference_parse (image->source, NULL) : NULL;
  g_autofree char *stored = ref ? sc_reference_store_name (ref) : NULL;

  *out_platform = NULL;
  if (image)
    sc_pull_settings_same_platform (settings, image, out_platform);
  return g_strdup (ref && (!stored || strcmp (stored, image->name) == 0) ? image->source : name);
}

/* What cannot be read cannot be updated, but there may be one to go back to. @error: set. */
static gboolean
fail_damaged (ScInvocation *invocation, const char *container, GError **error)
{
  g_autoptr (GPtrArray) list = sc_history_list (invocation->context, container, NULL);

  for (guint i = 0; list != NULL && i < list->len; i++)
    {
      const ScHistoryEntry *entry = g_ptr_array_index (list, i);

      if (entry->live || entry->failed != NULL || entry->deployment->problem != NULL)
        continue;
      g_autofree char *message = g_steal_pointer (&(*error)->message);
      (*error)->message =
          g_strdup_printf ("%s; 'atomic containers rollback %s' goes back to another deployment", message, container);
      break;
    }
  return FALSE;
}

/* Puts the image that is to be installed into the repository, if it is asked for or a new one is not there.
 * @out_image: (transfer full) (nullable): the new one. */
static gboolean
provide_image (ScInvocation *invocation, const char *container, char **out_image, ScPulled *pulled, gboolean *out_new,
               GError **error)
{
  const UpdateOptions *options = invocation->options;
  const ScContext *ctx = invocation->context;
  ScPullSettings settings = { .auth_file = options->auth_file };
  g_autoptr (ScDeployment) deployment = sc_deployment_load (ctx, container, error);
  g_autofree char *image = NULL, *text = g_strdup (options->rebase);
  g_auto (GStrv) platform = NULL;
  gboolean present = TRUE;

  if (deployment == NULL)
    return fail_damaged (invocation, container, error);
  if (options->rebase != NULL)
    {
      image = sc_pull_find (ctx, options->rebase, &present, invocation->cancellable, error);
      if (image == NULL)
        return FALSE;
    }
  else if (options->pull)
    text = find_words (invocation, deployment->image, &settings, &platform);
  if (options->pull || !present)
    {
      if (!sc_pull_image (ctx, text, &settings, invocation->sink, pulled, invocation->cancellable, error))
        return FALSE;
      g_free (image);
      image = options->rebase != NULL ? g_strdup (pulled->name) : NULL;
    }
  *out_new = !present;
  *out_image = g_steal_pointer (&image);
  return TRUE;
}

/* @update: but for name and image. */
static gboolean
update_one (ScInvocation *invocation, const char *name, ScUpdateOptions update, ScUpdateResult *out_result,
            int *out_number, GError **error)
{
  g_autofree char *image = NULL;
  g_auto (ScPulled) pulled = { 0 };
  g_autoptr (ScStore) store = NULL;
  gboolean new_image = FALSE;

  if (!provide_image (invocation, name, &image, &pulled, &new_image, error))
    return FALSE;
  store = sc_store_open (invocation->context, SC_STORE_READ, invocation->cancellable, error);
  update.name = name;
  update.image = image;
  if (store != NULL
      && sc_update (invocation->context, store, &update, invocation->sink, out_result, out_number,
                    invocation->cancellable, error))
    return TRUE;
  if (new_image)
    sc_pulled_undo (&pulled, invocation->sink);
  return FALSE;
}

/* -- several -- */

static const ScColumn columns[] = {
  { "CONTAINER", "name", NULL, SC_CELL_TEXT, 0, 0 },
  { "RESULT", "result", NULL, SC_CELL_TEXT, 0, 0 },
};

/* (transfer full): what is said of a container. */
static char *
describe (ScUpdateResult result, int number)
{
  switch (result)
    {
    case SC_UPDATE_UNCHANGED:
      break;
    case SC_UPDATE_HELD:
      return g_strdup_printf ("held back: it failed before, as deployment %d", number);
    case SC_UPDATE_DONE:
      return g_strdup_printf ("updated to deployment %d", number);
    }
  return g_strdup ("latest version already installed");
}

/* (transfer full): the row has the name already. */
static char *
describe_failure (const ScInvocation *invocation, const char *name, const GError *error)
{
  g_autofree char *text = sc_command_explain (invocation->program, &sc_cmd_containers_update, error);
  g_autofree char *prefix = g_strdup_printf ("container %s: ", name);

  return g_strconcat ("failed: ", text + (g_str_has_prefix (text, prefix) ? strlen (prefix) : 0), NULL);
}

/* (transfer full): of all that can be changed, or those that were named, each once. */
static GPtrArray *
find_names (ScInvocation *invocation, GError **error)
{
  const UpdateOptions *options = invocation->options;
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) deployments = NULL;

  for (const char *const *name = invocation->args; *name != NULL; name++)
    {
      if (!g_ptr_array_find_with_equal_func (names, *name, g_str_equal, NULL))
        g_ptr_array_add (names, g_strdup (*name));
    }
  if (!options->all)
    return g_steal_pointer (&names);
  deployments = sc_deployment_list (invocation->context, error);
  for (guint i = 0; deployments != NULL && i < deployments->len; i++)
    {
      const ScDeployment *d = g_ptr_array_index (deployments, i);

      if (!d->preinstalled)
        g_ptr_array_add (names, g_strdup (d->name));
    }
  return deployments != NULL ? g_steal_pointer (&names) : NULL;
}

static void
add_row (ScTable *table, const char *name, const char *result)
{
  const char *cells[] = { name, result };

  sc_table_add (table, FALSE, cells);
}

static void
print_table (ScTable *table)
{
  g_autofree char *text = sc_table_format (table, 0);

  sc_output_print (text);
}

static gboolean
update_each (ScInvocation *invocation, const GPtrArray *names, const ScUpdateOptions *update, GError **error)
{
  g_autoptr (ScTable) table = sc_table_new (columns, G_N_ELEMENTS (columns), "  ");
  guint failed = 0;

  for (guint i = 0; i < names->len; i++)
    {
      const char *name = g_ptr_array_index (names, i);
      g_autoptr (GError) local = NULL;
      g_autofree char *result_text = NULL;
      ScUpdateResult result = SC_UPDATE_DONE;
      int number = 0;

      if (update_one (invocation, name, *update, &result, &number, &local))
        result_text = describe (result, number);
      else
        {
          if (g_error_matches (local, G_IO_ERROR, G_IO_ERROR_CANCELLED))
            {
              /* What became of the others. */
              if (i > 0)
                print_table (table);
              g_propagate_error (error, g_steal_pointer (&local));
              return FALSE;
            }
          failed++;
          result_text = describe_failure (invocation, name, local);
        }
      add_row (table, name, result_text);
    }
  print_table (table);
  return failed == 0
         || sc_fail (error, SC_ERROR_FAILED, "%u of %u containers could not be updated", failed, names->len);
}

static gboolean
update_together (ScInvocation *invocation, const GPtrArray *names, const ScUpdateOptions *update, GError **error)
{
  g_autoptr (ScTable) table = sc_table_new (columns, G_N_ELEMENTS (columns), "  ");
  g_autofree ScTogether *members = g_new0 (ScTogether, names->len + 1);
  g_autoptr (ScStore) store = NULL;

  for (guint i = 0; i < names->len; i++)
    {
      g_autofree char *image = NULL;
      g_auto (ScPulled) pulled = { 0 };
      gboolean new_image = FALSE;

      members[i].name = g_ptr_array_index (names, i);
      if (!provide_image (invocation, members[i].name, &image, &pulled, &new_image, error))
        return FALSE;
    }
  store = sc_store_open (invocation->context, SC_STORE_READ, invocation->cancellable, error);
  if (store == NULL
      || !sc_update_together (invocation->context, store, update, members, names->len, invocation->sink,
                              invocation->cancellable, error))
    return FALSE;
  for (guint i = 0; i < names->len; i++)
    {
      g_autofree char *text = describe (members[i].result, members[i].number);

      add_row (table, members[i].name, text);
    }
  print_table (table);
  return TRUE;
}

static gboolean
update_several (ScInvocation *invocation, const ScUpdateOptions *update, GError **error)
{
  const UpdateOptions *options = invocation->options;
  g_autoptr (GPtrArray) names = find_names (invocation, error);

  if (names == NULL)
    return FALSE;
  return options->together && names->len > 0 ? update_together (invocation, names, update, error)
                                             : update_each (invocation, names, update, error);
}

static gboolean
run_update (ScInvocation *invocation, GError **error)
{
  const UpdateOptions *options = invocation->options;
  const char *name = invocation->args[0];
  gboolean several = options->all || options->together || invocation->n_args > 1;
  ScUpdateResult result = SC_UPDATE_DONE;
  int number = 0;
  ScUpdateOptions update = {
    .gated = options->gated || (several && !options->no_gate),
    .probation = invocation->context->probation,
    .keep = invocation->context->deployments,
    .retry = options->no_gate,
  };

  if ((name != NULL) == options->all)
    return sc_fail (error, SC_ERROR_USAGE, "either NAME or --all is needed");
  if (several && (options->rebase != NULL || options->set != NULL || options->unset != NULL))
    return sc_fail (error, SC_ERROR_USAGE, "--rebase, --set and --unset are for one container");
  if (options->gated && options->no_gate)
    return sc_fail (error, SC_ERROR_USAGE, "--gated and --no-gate exclude each other");
  if (!parse_count ("probation", options->probation, SC_SECONDS_MAX, &update.probation, error)
      || !parse_count ("keep", options->keep, SC_DEPLOYMENTS_MAX, &update.keep, error))
    return FALSE;
  if (several)
    return update_several (invocation, &update, error);
  update.set = options->set != NULL ? (const char *const *)options->set->pdata : NULL;
  update.unset = options->unset != NULL ? (const char *const *)options->unset->pdata : NULL;
  if (!update_one (invocation, name, update, &result, &number, error))
    return FALSE;
  if (result == SC_UPDATE_HELD)
    return sc_fail (error, SC_ERROR_FAILED,
                    "container %s: not tried again until image or values change, or with --no-gate", name);
  if (result == SC_UPDATE_UNCHANGED)
    sc_progress_step (invocation->sink, "Latest version already installed.");
  return TRUE;
}

#define MEMBER(member) G_STRUCT_OFFSET (UpdateOptions, member)

static const ScOption update_options[] = {
  { "all", 'a', SC_OPTION_FLAG, MEMBER (all), NULL, "all containers, gated, with a table of what became of them" },
  { "together", 0, SC_OPTION_FLAG, MEMBER (together), NULL, "all of those that are named, or none; gated" },
  { "rebase", 0, SC_OPTION_STRING, MEMBER (rebase), "IMAGE", "to this image, which is pulled if it is not there" },
  { "set", 0, SC_OPTION_LIST, MEMBER (set), "VAR=VALUE", "value of a template variable; can be repeated" },
  { "unset", 0, SC_OPTION_LIST, MEMBER (unset), "VAR", "forget the value of a variable; can be repeated" },
  { "pull", 0, SC_OPTION_FLAG, MEMBER (pull), NULL, "pull the image first" },
  { "authfile", 0, SC_OPTION_STRING, MEMBER (auth_file), "FILE", "where it pulls: look for credentials there first" },
  { "gated", 0, SC_OPTION_FLAG, MEMBER (gated), NULL,
    "go back if the service does not start, stay up and pass its health check" },
  { "no-gate", 0, SC_OPTION_FLAG, MEMBER (no_gate), NULL, "never go back, and try again what has failed" },
  { "probation", 0, SC_OPTION_STRING, MEMBER (probation), "SECONDS", "how long it must stay up if gated" },
  { "keep", 0, SC_OPTION_STRING, MEMBER (keep), "N", "how many deployments to keep, the new one included" },
  SC_OPTION_END,
};

const ScCommand sc_cmd_containers_update = {
  .name = "containers update",
  .args = "NAME...|--all",
  .max_args = G_MAXUINT,
  .summary = "bring containers to the image that is in the repository",
  .description =
      "Makes a new deployment of the container NAME from its image as the repository has it now, makes it live and, if "
      "the service runs, restarts it once. Values given with --set are kept until they are set or unset. If neither "
      "image nor values changed nothing happens.\n"
      "Several containers are updated one after the other, gated, each on its own, or with --together all or none.\n"
      "The deployment before stays on disk, and 'containers rollback' goes back to it.",
  .options = update_options,
  .options_size = sizeof (UpdateOptions),
  .flags = SC_COMMAND_NEEDS_ROOT | SC_COMMAND_TAKES_CONTAINER,
  .run = run_update,
};
