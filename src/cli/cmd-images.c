/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * images list.
 */
#include "commands.h"
#include "deployment.h"
#include "image-query.h"
#include "image-use.h"
#include "list.h"

static const ScColumn columns[] = {
  { "REPOSITORY", "repo", "repo", SC_CELL_TEXT, 0, 0 },
  { "TAG", "tag", "tag", SC_CELL_TEXT, 0, 0 },
  { "IMAGE ID", "id", "id", SC_CELL_TEXT, 12, 12 },
  { "CREATED", "created", "created", SC_CELL_TEXT, 0, 0 },
  { "VIRTUAL SIZE", "virtual_size", "size", SC_CELL_TEXT, 0, 0 },
  { NULL, "size", NULL, SC_CELL_NUMBER, 0, 0 },
  { "TYPE", "type", "type", SC_CELL_TEXT, 0, 0 },
  { NULL, "backend", NULL, SC_CELL_TEXT, 0, 0 },
  { NULL, "used", NULL, SC_CELL_BOOL, 0, 0 },
  { NULL, "is_dangling", "is_dangling", SC_CELL_BOOL, 0, 0 },
  { NULL, NULL, "image", SC_CELL_TEXT, 0, 0 },
};

static void
add_row (ScTable *table, const ScImage *image, const GPtrArray *deployments)
{
  gboolean used = sc_image_is_used (image, deployments);
  g_autofree char *created = sc_output_time (image->created);
  /* 0: the commits of an older tool do not tell. */
  g_autofree char *virtual_size = image->virtual_size ? sc_output_size (image->virtual_size) : NULL;
  g_autofree char *size = g_strdup_printf ("%" G_GUINT64_FORMAT, image->virtual_size);
  const char *cells[] = {
    image->dangling ? "<none>" : image->repository,
    image->tag,
    image->id,
    created,
    virtual_size,
    size,
    "ostree",
    "ostree",
    used ? "true" : "false",
    image->dangling ? "true" : "false",
    image->name,
  };

  G_STATIC_ASSERT (G_N_ELEMENTS (cells) == G_N_ELEMENTS (columns));
  sc_table_add (table, used, cells);
}

static gboolean
run_images_list (ScInvocation *invocation, GError **error)
{
  const ScListOptions *options = invocation->options;
  g_autoptr (ScTable) table = sc_table_new (columns, G_N_ELEMENTS (columns), "   ");
  g_autoptr (GPtrArray) images = NULL, deployments = NULL;
  g_autoptr (ScStore) store = sc_store_open (invocation->context, SC_STORE_READ, invocation->cancellable, error);

  if (!store)
    return FALSE;
  images = options->all ? sc_image_list (store, TRUE, invocation->cancellable, error)
                        : sc_image_list_brief (store, invocation->cancellable, error);
  if (!images)
    return FALSE;
  deployments = sc_deployment_list (invocation->context, error);
  if (!deployments)
    return FALSE;
  for (guint i = 0; i < images->len; i++)
    {
      const ScImage *image = images->pdata[i];

      if (image->problem)
        sc_progress_note (invocation->sink, "%s", image->problem);
      add_row (table, image, deployments);
    }
  return sc_list_print (table, options, error);
}

static const ScOption list_options[] = {
  SC_LIST_OPTIONS ("also list layers that no image needs, as <none>",
                   "list what has VALUE in VAR only; VAR is repo, tag, id, image, created, size, type or is_dangling; "
                   "can be repeated, all must match"),
  SC_OPTION_END,
};

const ScCommand sc_cmd_images_list = {
  .name = "images list",
  .args = "",
  .summary = "list the images in the repository",
  .description = "Lists the images in the OSTree repository. '>' marks those that a container uses.",
  .options = list_options,
  .options_size = sizeof (ScListOptions),
  .run = run_images_list,
};
