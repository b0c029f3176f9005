/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * images tag IMAGE NAME.
 */
#include "commands.h"
#include "tag.h"

#define SHORT_ID 12

static gboolean
run_images_tag (ScInvocation *invocation, GError **error)
{
  g_autoptr (ScStore) store = sc_store_open (invocation->context, SC_STORE_READ, invocation->cancellable, error);
  g_autofree char *name = NULL, *before = NULL;

  if (!store)
    return FALSE;
  sc_store_set_sink (store, invocation->sink);
  if (!sc_image_tag (store, invocation->args[0], invocation->args[1], &name, &before, invocation->cancellable, error))
    return FALSE;
  if (before)
    sc_progress_note (invocation->sink, "%s was %.*s before", name, SHORT_ID, before);
  return TRUE;
}

const ScCommand sc_cmd_images_tag = {
  .name = "images tag",
  .args = "IMAGE NAME",
  .min_args = 2,
  .max_args = 2,
  .summary = "give an image one more name",
  .description =
      "Gives IMAGE, a name or the beginning of an id, the additional name NAME: [REGISTRY/]REPOSITORY[:TAG], "
      "':latest' if there is no tag. A name that another image has is taken from it.",
  .flags = SC_COMMAND_NEEDS_ROOT | SC_COMMAND_TAKES_IMAGE,
  .run = run_images_tag,
};
