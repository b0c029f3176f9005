/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * images delete IMAGE...
 */
#include "commands.h"
#include "delete.h"
#include "image-remove.h"
#include "terminal.h"

typedef struct
{
  gboolean all;
  gboolean force;
} DeleteOptions;

static gboolean
check_words (const ScInvocation *invocation, const DeleteOptions *options, GError **error)
{
  if (options->all && invocation->n_args > 0)
    return sc_fail (error, SC_ERROR_USAGE, "--all and IMAGE exclude each other");
  return options->all || invocation->n_args > 0
         || sc_fail (error, SC_ERROR_USAGE, "IMAGE is missing; --all is for every image");
}

/* FALSE in @out_yes: the user does not want it. */
static gboolean
confirm (ScInvocation *invocation, const GPtrArray *images, gboolean *out_yes, GError **error)
{
  g_autofree char *question =
      g_strdup_printf ("Do you want to delete %u image%s?", images->len, images->len == 1 ? "" : "s");

  *out_yes = invocation->assume_yes;
  if (invocation->assume_yes)
    return TRUE;
  for (guint i = 0; i < images->len; i++)
    sc_progress_note (invocation->sink, "%s", ((const ScImage *)g_ptr_array_index (images, i))->name);
  return sc_terminal_confirm (question, out_yes, invocation->cancellable, error);
}

static gboolean
run_images_delete (ScInvocation *invocation, GError **error)
{
  const DeleteOptions *options = invocation->options;
  const ScContext *ctx = invocation->context;
  g_autoptr (ScStore) store = NULL;
  g_autoptr (GPtrArray) images = NULL;
  gboolean yes = FALSE;
  guint unneeded = 0;

  if (!check_words (invocation, options, error)
      || !(store = sc_store_open (ctx, SC_STORE_READ, invocation->cancellable, error)))
    return FALSE;
  sc_store_set_sink (store, invocation->sink);
  images =
      sc_image_select (store, options->all ? NULL : invocation->args, options->force, invocation->cancellable, error);
  if (!images)
    return FALSE;
  if (images->len == 0)
    {
      sc_progress_note (invocation->sink, "there are no images");
      return TRUE;
    }
  /* Before the question, so that it is not asked in vain; and again, when it is answered. */
  if (!options->force && !sc_images_check_unused (ctx, images, error))
    return FALSE;
  if (!confirm (invocation, images, &yes, error))
    return FALSE;
  if (!yes)
    {
      sc_progress_note (invocation->sink, "nothing was deleted");
      invocation->status = 1;
      return TRUE;
    }
  if (!sc_images_remove (ctx, store, images, options->force, &unneeded, invocation->sink, invocation->cancellable,
                         error))
    return FALSE;
  if (unneeded > 0)
    sc_progress_note (invocation->sink, "what only they needed goes with 'atomic images prune'");
  return TRUE;
}

static const ScOption delete_options[] = {
  { "all", 'a', SC_OPTION_FLAG, G_STRUCT_OFFSET (DeleteOptions, all), NULL, "delete every image" },
  { "force", 'f', SC_OPTION_FLAG, G_STRUCT_OFFSET (DeleteOptions, force), NULL,
    "also images that containers use, and all names of an image that is given by its id" },
  SC_OPTION_END,
};

const ScCommand sc_cmd_images_delete = {
  .name = "images delete",
  .args = "IMAGE...|--all",
  .min_args = 0,
  .max_args = G_MAXUINT,
  .summary = "delete images from the repository",
  .description =
      "Deletes the names IMAGE, or the images whose ids begin so, and prints them. It asks first, unless -y was given. "
      "An image that a container uses is refused. The layers stay until 'atomic images prune'.",
  .options = delete_options,
  .options_size = sizeof (DeleteOptions),
  .flags = SC_COMMAND_NEEDS_ROOT | SC_COMMAND_TAKES_IMAGE,
  .run = run_images_delete,
};
