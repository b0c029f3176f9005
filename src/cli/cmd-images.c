/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * images list.
 */
#include "commands.h"
#include "deployment.h"
#include "disk-use.h"
#include "image-query.h"
#include "image-use.h"
#include "list.h"
#include "local-image.h"

typedef struct
{
  ScListOptions list;
  gboolean disk_use;
} ListOptions;

static const ScColumn columns[] = {
  { "REPOSITORY", "repo", "repo", SC_CELL_TEXT, 0, 0 },
  { "TAG", "tag", "tag", SC_CELL_TEXT, 0, 0 },
  { "IMAGE ID", "id", "id", SC_CELL_TEXT, 12, 12 },
  { "CREATED", "created", "created", SC_CELL_TIME, 0, 0 },
  { "VIRTUAL SIZE", "virtual_size", "size", SC_CELL_TEXT, 0, 0 },
  { NULL, "size", NULL, SC_CELL_NUMBER, 0, 0 },
  { "TYPE", "type", "type", SC_CELL_TEXT, 0, 0 },
  { NULL, "backend", NULL, SC_CELL_TEXT, 0, 0 },
  { NULL, "used", NULL, SC_CELL_BOOL, 0, 0 },
  { NULL, "is_dangling", "is_dangling", SC_CELL_BOOL, 0, 0 },
  { NULL, NULL, "image", SC_CELL_TEXT, 0, 0 },
  { NULL, "verification", "verification", SC_CELL_TEXT, 0, 0 },
  { "DISK USE", NULL, NULL, SC_CELL_TEXT, 0, 0 },
  { NULL, "disk_use", NULL, SC_CELL_NUMBER, 0, 0 },
  { "FREES", NULL, NULL, SC_CELL_TEXT, 0, 0 },
  { NULL, "frees", NULL, SC_CELL_NUMBER, 0, 0 },
};

/* The last ones are there with --disk-use only. */
#define N_COLUMNS         G_N_ELEMENTS (columns)
#define N_COLUMNS_WITHOUT (N_COLUMNS - 4)

static void
add_row (ScTable *table, const ScImage *image, const GPtrArray *deployments, const ScDiskUse *use)
{
  gboolean used = sc_image_is_used (image, deployments);
  g_autofree char *created = sc_output_seconds (image->created);
  /* 0: the commits of an older tool do not tell. */
  g_autofree char *virtual_size = image->virtual_size ? sc_output_size (image->virtual_size) : NULL;
  g_autofree char *size = g_strdup_printf ("%" G_GUINT64_FORMAT, image->virtual_size);
  g_autofree char *disk_use = sc_output_size (use->disk_use), *frees = sc_output_size (use->frees);
  g_autofree char *disk_use_bytes = g_strdup_printf ("%" G_GUINT64_FORMAT, use->disk_use);
  g_autofree char *frees_bytes = g_strdup_printf ("%" G_GUINT64_FORMAT, use->frees);
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
    image->verification,
    disk_use,
    disk_use_bytes,
    frees,
    frees_bytes,
  };

  G_STATIC_ASSERT (G_N_ELEMENTS (cells) == N_COLUMNS);
  sc_table_add (table, used, cells);
}

/* (transfer full): what each of @images takes. */
static ScDiskUse *
find_disk_use (ScInvocation *invocation, ScStore *store, const GPtrArray *images, GError **error)
{
  g_autoptr (GPtrArray) pinned = sc_image_commits_in_use (invocation->context, error);
  g_autoptr (GPtrArray) problems = g_ptr_array_new_with_free_func (g_free);
  ScDiskUse *use;

  if (!pinned)
    return NULL;
  use = sc_disk_use (store, images, pinned, problems, invocation->cancellable, error);
  for (guint i = 0; use && i < problems->len; i++)
    sc_progress_note (invocation->sink, "%s", (const char *)problems->pdata[i]);
  return use;
}

static gboolean
run_images_list (ScInvocation *invocation, GError **error)
{
  const ListOptions *options = invocation->options;
  guint n_columns = options->disk_use ? N_COLUMNS : N_COLUMNS_WITHOUT;
  g_autoptr (ScTable) table = sc_table_new (columns, n_columns, "   ");
  g_autoptr (GPtrArray) images = NULL, deployments = NULL;
  g_autofree ScDiskUse *use = NULL;
  g_autoptr (ScStore) store = NULL;
  g_autoptr (ScStoreLock) lock = NULL;

  if (!sc_list_check (table, &options->list, error))
    return FALSE;
  store = sc_store_open (invocation->context, SC_STORE_READ, invocation->cancellable, error);
  if (!store || (options->disk_use && !sc_local_image_hold (store, &lock, invocation->cancellable, error)))
    return FALSE;
  images = options->list.all || options->disk_use
               ? sc_image_list (store, options->list.all, invocation->cancellable, error)
               : sc_image_list_brief (store, invocation->cancellable, error);
  if (!images)
    return FALSE;
  deployments = sc_image_deployments_known (invocation->context, error);
  if (!deployments)
    return FALSE;
  use = options->disk_use ? find_disk_use (invocation, store, images, error) : g_new0 (ScDiskUse, images->len + 1);
  if (!use)
    return FALSE;
  for (guint i = 0; i < images->len; i++)
    {
      const ScImage *image = images->pdata[i];

      if (image->problem)
        sc_progress_note (invocation->sink, "%s", image->problem);
      add_row (table, image, deployments, &use[i]);
    }
  return sc_list_print (table, &options->list, error);
}

static const ScOption list_options[] = {
  SC_LIST_OPTIONS (
      "also list layers that no image needs, as <none>",
      "list what has VALUE in VAR only; VAR is repo, tag, id, image, created, size, type, is_dangling or verification; "
      "can be repeated, all must match"),
  { "disk-use", 0, SC_OPTION_FLAG, G_STRUCT_OFFSET (ListOptions, disk_use), NULL,
    "show what each image takes on disk, and what deleting it and pruning would free; looks at every object" },
  SC_OPTION_END,
};

const ScCommand sc_cmd_images_list = {
  .name = "images list",
  .args = "",
  .summary = "list the images in the repository",
  .description = "Lists the images in the OSTree repository, by name. '>' marks those that a container uses.",
  .options = list_options,
  .options_size = sizeof (ListOptions),
  .run = run_images_list,
};
