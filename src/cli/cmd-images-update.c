/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * images update, and images help.
 */
#include <string.h>

#include "commands.h"
#include "image-help.h"
#include "output.h"
#include "pull-image.h"

typedef struct
{
  gboolean all;
  const char *auth_file;
} UpdateOptions;

#define ID_LENGTH 12

/* (transfer full) (nullable): why there is nobody to ask for a newer @image; NULL: *@out_from says whom to ask. */
static char *
find_reason (const ScImage *image, char **out_from)
{
  g_autoptr (ScReference) ref = sc_reference_parse (image->source ? image->source : image->name, NULL);
  g_autofree char *name = NULL;

  if (strchr (image->name, '@'))
    return g_strdup ("pulled by its digest, which has no newer one");
  if (!ref)
    return g_strdup ("its name is no reference");
  if (ref->transport != SC_TRANSPORT_REGISTRY)
    return g_strdup_printf ("pulled from %s, which is no registry", image->source);
  /* A pull would change the image that has the name of the source, not this one. */
  name = sc_reference_store_name (ref);
  if (image->source && g_strcmp0 (name, image->name) != 0)
    return g_strdup_printf ("a tag of %s", name ? name : image->source);
  *out_from = g_strdup (image->source ? image->source : image->name);
  return NULL;
}

static void print_result (const ScImage *image, const char *format, ...) G_GNUC_PRINTF (2, 3);

static void
print_result (const ScImage *image, const char *format, ...)
{
  g_autofree char *text = NULL, *line = NULL, *clean = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  line = g_strdup_printf ("%s: %s", image->name, text);
  clean = sc_output_clean (line);
  sc_output_print (clean);
  sc_output_print ("\n");
}

static gboolean
update_image (ScInvocation *invocation, const ScImage *image, GError **error)
{
  const UpdateOptions *options = invocation->options;
  ScPullSettings settings = { .auth_file = options->auth_file };
  g_autofree char *from = NULL, *reason = find_reason (image, &from);
  g_auto (ScPulled) pulled = { 0 };
  g_autoptr (ScImage) now = NULL;
  g_auto (GStrv) platform = NULL;

  if (reason)
    {
      print_result (image, "skipping: %s", reason);
      return TRUE;
    }
  sc_pull_settings_same_platform (&settings, image, &platform);
  if (!sc_pull_image (invocation->context, from, &settings, invocation->sink, &pulled, invocation->cancellable, error))
    return FALSE;
  now = sc_image_find (pulled.store, pulled.name, invocation->cancellable, error);
  if (!now)
    return FALSE;
  if (strcmp (now->id, image->id) == 0)
    print_result (image, "up to date");
  else
    print_result (image, "updated (%.*s -> %.*s)", ID_LENGTH, image->id, ID_LENGTH, now->id);
  return TRUE;
}

/* (transfer container) (element-type ScImage): those that the command line names, each once. */
static GPtrArray *
find_images (ScInvocation *invocation, GError **error)
{
  const UpdateOptions *options = invocation->options;
  g_autoptr (ScStore) store = NULL;
  g_autoptr (GPtrArray) images = NULL;
  g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);

  if (options->all && invocation->n_args > 0)
    return sc_fail_null (error, SC_ERROR_USAGE, "--all and an image at once");
  if (!options->all && invocation->n_args == 0)
    return sc_fail_null (error, SC_ERROR_USAGE, "an IMAGE or --all is needed");
  store = sc_store_open (invocation->context, SC_STORE_READ, invocation->cancellable, error);
  if (!store)
    return NULL;
  if (options->all)
    return sc_image_list_brief (store, invocation->cancellable, error);
  images = g_ptr_array_new_with_free_func ((GDestroyNotify)sc_image_free);
  for (guint i = 0; i < invocation->n_args; i++)
    {
      g_autoptr (ScImage) image = sc_image_find (store, invocation->args[i], invocation->cancellable, error);

      if (!image)
        return NULL;
      if (g_hash_table_contains (names, image->name))
        continue;
      g_hash_table_add (names, image->name);
      g_ptr_array_add (images, g_steal_pointer (&image));
    }
  return g_steal_pointer (&images);
}

static gboolean
run_images_update (ScInvocation *invocation, GError **error)
{
  g_autoptr (GPtrArray) images = find_images (invocation, error);
  g_autoptr (GPtrArray) failed = g_ptr_array_new ();
  g_autofree char *names = NULL;

  if (!images)
    return FALSE;
  for (guint i = 0; i < images->len; i++)
    {
      const ScImage *image = images->pdata[i];
      g_autoptr (GError) local = NULL;

      if (update_image (invocation, image, &local))
        continue;
      if (g_error_matches (local, G_IO_ERROR, G_IO_ERROR_CANCELLED) || images->len == 1)
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
      print_result (image, "failed: %s", local->message);
      g_ptr_array_add (failed, image->name);
    }
  if (failed->len == 0)
    return TRUE;
  g_ptr_array_add (failed, NULL);
  names = g_strjoinv (", ", (char **)failed->pdata);
  return sc_fail (error, SC_ERROR_FAILED, "%u of %u images could not be updated: %s", failed->len - 1, images->len,
                  names);
}

static const ScOption update_options[] = {
  { "all", 'a', SC_OPTION_FLAG, G_STRUCT_OFFSET (UpdateOptions, all), NULL, "every image in the repository" },
  { "authfile", 0, SC_OPTION_STRING, G_STRUCT_OFFSET (UpdateOptions, auth_file), "FILE",
    "look for credentials in this file first" },
  SC_OPTION_END,
};

const ScCommand sc_cmd_images_update = {
  .name = "images update",
  .alias = "update",
  .args = "IMAGE...|--all",
  .max_args = G_MAXUINT,
  .summary = "pull images again",
  .description =
      "Pulls each IMAGE again from where it came from, and says which changed. Images that no registry can be "
      "asked for are skipped; that one fails does not keep the others from being pulled. Containers stay on "
      "the image that they were made of.",
  .options = update_options,
  .options_size = sizeof (UpdateOptions),
  .flags = SC_COMMAND_NEEDS_ROOT | SC_COMMAND_TAKES_IMAGE,
  .run = run_images_update,
};

static gboolean
run_images_help (ScInvocation *invocation, GError **error)
{
  return sc_image_help_print (invocation->context, invocation->args[0], invocation->cancellable, error);
}

const ScCommand sc_cmd_images_help = {
  .name = "images help",
  .args = "IMAGE",
  .min_args = 1,
  .max_args = 1,
  .summary = "show the help that an image has",
  .description = "Shows the manual page /help.1 of IMAGE, or its text /help.md, or its label 'help'.",
  .flags = SC_COMMAND_TAKES_IMAGE,
  .run = run_images_help,
};
