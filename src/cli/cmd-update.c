/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * containers update: one, several, or all; each on its own or together.
 */
#include <string.h>

#include "commands.h"
#include "history.h"
#include "image-query.h"
#include "pull-image.h"
#include "reference.h"
#include "together.h"
#include "update-report.h"

/* Exit status: nothing failed now, but a container stays behind since it failed before. */
#define STATUS_HELD 3

#define NO_OUTCOME                                                                                                     \
  {                                                                                                                    \
    SC_UPDATE_UNCHANGED, -1, -1, NULL                                                                                  \
  }

typedef struct
{
  gboolean all;
  gboolean together;
  const char *rebase;
  GPtrArray *set;   /* (nullable): const char * */
  GPtrArray *unset; /* (nullable): const char * */
  const char *runtime;
  gboolean pull;
  const char *auth_file;
  gboolean gated;
  gboolean no_gate;
  const char *probation;
  const char *keep;
  gboolean json;
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

/* Is @text, which means the image @name, no name of it? */
static gboolean
is_by_id (const char *text, const char *name)
{
  g_autoptr (ScReference) ref = sc_reference_parse (text, NULL);
  g_autofree char *stored = ref ? sc_reference_store_name (ref) : NULL;

  return stored != NULL && strcmp (stored, name) != 0;
}

/* The container is going to follow a name: an id must have only one. */
static gboolean
check_one_name (ScInvocation *invocation, const char *text, const char *name, GError **error)
{
  g_autoptr (ScStore) store = sc_store_open (invocation->context, SC_STORE_READ, invocation->cancellable, error);
  g_autoptr (ScImage) found = store ? sc_image_find (store, name, invocation->cancellable, error) : NULL;
  g_autoptr (GPtrArray) images = found ? sc_image_list_brief (store, invocation->cancellable, error) : NULL;
  g_autoptr (GString) names = g_string_new (found ? found->name : NULL);

  for (guint i = 0; images != NULL && i < images->len; i++)
    {
      const ScImage *image = g_ptr_array_index (images, i);

      if (strcmp (image->id, found->id) == 0 && strcmp (image->name, found->name) != 0)
        g_string_append_printf (names, ", %s", image->name);
    }
  if (images == NULL)
    return FALSE;
  return strcmp (names->str, found->name) == 0
         || sc_fail (error, SC_ERROR_DENIED,
                     "'%s' is an image with several names: %s; the container follows one, name it", text, names->str);
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
  gboolean present = TRUE, by_id = FALSE;

  if (deployment == NULL)
    return fail_damaged (invocation, container, error);
  if (options->rebase != NULL)
    {
      image = sc_pull_find (ctx, options->rebase, &present, invocation->cancellable, error);
      if (image == NULL)
        return FALSE;
      by_id = present && is_by_id (options->rebase, image);
      if (by_id && !check_one_name (invocation, options->rebase, image, error))
        return FALSE;
    }
  if (options->pull && (options->rebase == NULL || by_id))
    {
      g_free (text);
      text = find_words (invocation, by_id ? image : deployment->image, &settings, &platform);
    }
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
update_one (ScInvocation *invocation, const char *name, ScUpdateOptions update, ScUpdateOutcome *out, GError **error)
{
  g_autofree char *image = NULL;
  g_auto (ScPulled) pulled = { 0 };
  g_autoptr (ScStore) store = NULL;
  gboolean new_image = FALSE, ok;

  if (!provide_image (invocation, name, &image, &pulled, &new_image, error))
    return FALSE;
  store = sc_store_open (invocation->context, SC_STORE_READ, invocation->cancellable, error);
  update.name = name;
  update.image = image;
  ok = store != NULL
       && sc_update (invocation->context, store, &update, invocation->sink, out, invocation->cancellable, error);
  if (new_image && (!ok || out->result == SC_UPDATE_HELD))
    sc_pulled_undo (&pulled, invocation->context, name, invocation->sink);
  return ok;
}

/* (transfer full) (nullable): NULL without @error.  What it is told for has the name already. */
static char *
explain_failure (const ScInvocation *invocation, const char *name, const GError *error)
{
  g_autofree char *text =
      error != NULL ? sc_command_explain (invocation->program, &sc_cmd_containers_update, error) : NULL;
  g_autofree char *prefix = g_strdup_printf ("container %s: ", name);

  return error != NULL ? g_strdup (text + (g_str_has_prefix (text, prefix) ? strlen (prefix) : 0)) : NULL;
}

static gboolean
update_single (ScInvocation *invocation, const char *name, const ScUpdateOptions *update, GError **error)
{
  const UpdateOptions *options = invocation->options;
  g_autoptr (ScUpdateReport) report = sc_update_report_new ();
  g_auto (ScUpdateOutcome) outcome = NO_OUTCOME;
  g_autoptr (GError) local = NULL;
  gboolean ok = update_one (invocation, name, *update, &outcome, &local);

  if (options->json)
    {
      g_autofree char *failure = explain_failure (invocation, name, local);

      sc_update_report_add (report, invocation->context, name, &outcome, failure);
      sc_update_report_print (report, TRUE);
    }
  if (!ok)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  if (outcome.result == SC_UPDATE_HELD)
    {
      invocation->status = STATUS_HELD;
      return sc_update_fail_held (name, &outcome, error);
    }
  if (outcome.result == SC_UPDATE_UNCHANGED)
    sc_progress_step (invocation->sink, "Latest version already installed.");
  return TRUE;
}

/* -- several -- */

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

static gboolean
update_each (ScInvocation *invocation, const GPtrArray *names, const ScUpdateOptions *update, GError **error)
{
  const UpdateOptions *options = invocation->options;
  g_autoptr (ScUpdateReport) report = sc_update_report_new ();
  guint failed = 0, held = 0;

  for (guint i = 0; i < names->len; i++)
    {
      const char *name = g_ptr_array_index (names, i);
      g_autoptr (GError) local = NULL;
      g_autofree char *failure = NULL;
      g_auto (ScUpdateOutcome) outcome = NO_OUTCOME;

      if (!update_one (invocation, name, *update, &outcome, &local))
        {
          if (g_error_matches (local, G_IO_ERROR, G_IO_ERROR_CANCELLED))
            {
              /* What became of the others. */
              if (i > 0 || options->json)
                sc_update_report_print (report, options->json);
              g_propagate_error (error, g_steal_pointer (&local));
              return FALSE;
            }
          failed++;
        }
      else if (outcome.result == SC_UPDATE_HELD)
        held++;
      failure = explain_failure (invocation, name, local);
      sc_update_report_add (report, invocation->context, name, &outcome, failure);
    }
  sc_update_report_print (report, options->json);
  if (failed > 0)
    return sc_fail (error, SC_ERROR_FAILED, "%u of %u containers could not be updated", failed, names->len);
  if (held == 0)
    return TRUE;
  invocation->status = STATUS_HELD;
  return sc_fail (error, SC_ERROR_FAILED, "%u of %u containers %s held back; --no-gate tries again", held, names->len,
                  held == 1 ? "is" : "are");
}

static gboolean
pull_all (ScInvocation *invocation, const GPtrArray *names, GError **error)
{
  for (guint i = 0; i < names->len; i++)
    {
      g_autofree char *image = NULL;
      g_auto (ScPulled) pulled = { 0 };
      gboolean new_image = FALSE;

      if (!provide_image (invocation, g_ptr_array_index (names, i), &image, &pulled, &new_image, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
update_together (ScInvocation *invocation, const GPtrArray *names, const ScUpdateOptions *update, GError **error)
{
  const UpdateOptions *options = invocation->options;
  g_autoptr (ScUpdateReport) report = sc_update_report_new ();
  g_autofree ScTogether *members = g_new0 (ScTogether, names->len + 1);
  g_autoptr (ScStore) store = NULL;
  g_autoptr (GError) local = NULL;
  gboolean ok;

  for (guint i = 0; i < names->len; i++)
    members[i] = (ScTogether){ .name = g_ptr_array_index (names, i), .outcome = NO_OUTCOME };
  ok = pull_all (invocation, names, &local)
       && (store = sc_store_open (invocation->context, SC_STORE_READ, invocation->cancellable, &local)) != NULL
       && sc_update_together (invocation->context, store, update, members, names->len, invocation->sink,
                              invocation->cancellable, &local);
  for (guint i = 0; i < names->len; i++)
    {
      g_autofree char *failure = explain_failure (invocation, members[i].name, local), *problem = members[i].problem;
      gboolean held = !ok && members[i].outcome.result == SC_UPDATE_HELD;

      invocation->status = held ? STATUS_HELD : invocation->status;
      sc_update_report_add (report, invocation->context, members[i].name, &members[i].outcome,
                            members[i].counts ? problem
                            : held            ? NULL
                                              : failure);
      sc_update_outcome_clear (&members[i].outcome);
    }
  if (ok || options->json)
    sc_update_report_print (report, options->json);
  if (!ok)
    g_propagate_error (error, g_steal_pointer (&local));
  return ok;
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

/* Steps are for people. */
static void
pass_notes (const ScProgress *progress, gpointer data)
{
  const ScProgressSink *sink = data;

  if (progress->kind == SC_PROGRESS_NOTE || progress->kind == SC_PROGRESS_DEBUG)
    sink->func (progress, sink->data);
}

static gboolean
check_options (ScInvocation *invocation, gboolean several, ScUpdateOptions *update, GError **error)
{
  const UpdateOptions *options = invocation->options;

  if ((invocation->n_args > 0) == options->all)
    return sc_fail (error, SC_ERROR_USAGE, "either NAME or --all is needed");
  if (several && (options->rebase != NULL || options->set != NULL || options->unset != NULL))
    return sc_fail (error, SC_ERROR_USAGE, "--rebase, --set and --unset are for one container");
  if (options->gated && options->no_gate)
    return sc_fail (error, SC_ERROR_USAGE, "--gated and --no-gate exclude each other");
  return parse_count ("probation", options->probation, SC_SECONDS_MAX, &update->probation, error)
         && parse_count ("keep", options->keep, SC_DEPLOYMENTS_MAX, &update->keep, error);
}

static gboolean
run_update (ScInvocation *invocation, GError **error)
{
  const UpdateOptions *options = invocation->options;
  const ScProgressSink *sink = invocation->sink;
  const ScProgressSink notes = { pass_notes, (gpointer)sink };
  gboolean several = options->all || options->together || invocation->n_args > 1, ok;
  ScUpdateOptions update = {
    .set = options->set != NULL ? (const char *const *)options->set->pdata : NULL,
    .unset = options->unset != NULL ? (const char *const *)options->unset->pdata : NULL,
    .runtime = options->runtime,
    .gated = options->gated || (several && !options->no_gate),
    .gate_wanted = options->gated,
    .probation = invocation->context->probation,
    .keep = invocation->context->deployments,
    .keep_now = options->keep != NULL,
    .retry = options->no_gate,
  };

  if (!check_options (invocation, several, &update, error))
    return FALSE;
  if (options->json)
    invocation->sink = &notes;
  ok = several ? update_several (invocation, &update, error)
               : update_single (invocation, invocation->args[0], &update, error);
  invocation->sink = sink;
  return ok;
}

#define MEMBER(member) G_STRUCT_OFFSET (UpdateOptions, member)

static const ScOption update_options[] = {
  { "all", 'a', SC_OPTION_FLAG, MEMBER (all), NULL, "all containers, gated, with a table of what became of them" },
  { "together", 0, SC_OPTION_FLAG, MEMBER (together), NULL, "all of those that are named, or none; gated" },
  { "rebase", 0, SC_OPTION_STRING, MEMBER (rebase), "IMAGE", "to this image, which is pulled if it is not there" },
  { "set", 0, SC_OPTION_LIST, MEMBER (set), "VAR=VALUE", "value of a template variable; can be repeated" },
  { "unset", 0, SC_OPTION_LIST, MEMBER (unset), "VAR", "forget the value of a variable; can be repeated" },
  { "runtime", 0, SC_OPTION_STRING, MEMBER (runtime), "PATH", "OCI runtime that is to run the container from now on" },
  { "pull", 0, SC_OPTION_FLAG, MEMBER (pull), NULL, "pull the image first" },
  { "authfile", 0, SC_OPTION_STRING, MEMBER (auth_file), "FILE", "where it pulls: look for credentials there first" },
  { "gated", 0, SC_OPTION_FLAG, MEMBER (gated), NULL,
    "go back if the service does not start, stay up and pass its health check" },
  { "no-gate", 0, SC_OPTION_FLAG, MEMBER (no_gate), NULL, "never go back, and try again what has failed" },
  { "probation", 0, SC_OPTION_STRING, MEMBER (probation), "SECONDS", "how long it must stay up if gated" },
  { "keep", 0, SC_OPTION_STRING, MEMBER (keep), "N", "how many deployments to keep, the new one included" },
  { "json", 0, SC_OPTION_FLAG, MEMBER (json), NULL, "print a JSON array of objects, one for each container" },
  SC_OPTION_END,
};

const ScCommand sc_cmd_containers_update = {
  .name = "containers update",
  .args = "NAME...|--all",
  .max_args = G_MAXUINT,
  .summary = "bring containers to the image that is in the repository",
  .description =
      "Makes a new deployment of the container NAME from its image as the repository has it now, makes it live and, if "
      "the service runs, restarts it once. All values of the container, also those that were defaults of the image, "
      "are "
      "kept until they are set or unset. If neither image nor values nor runtime changed nothing happens.\n"
      "Several containers are updated one after the other, gated, each on its own, or with --together all or none.\n"
      "The exit status is 3 if nothing failed, but something is held back because the same failed before.\n"
      "The deployment before stays on disk, and 'containers rollback' goes back to it.",
  .options = update_options,
  .options_size = sizeof (UpdateOptions),
  .flags = SC_COMMAND_NEEDS_ROOT | SC_COMMAND_TAKES_CONTAINER,
  .run = run_update,
};
