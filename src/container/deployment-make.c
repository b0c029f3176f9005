/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Image -> directory of a deployment, complete and flushed, under a temporary name.  What is live is neither read nor
 * changed.
 */
#include "deployment-make.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkout.h"
#include "config-json.h"
#include "fs.h"
#include "host-package.h"
#include "host-tree.h"
#include "host-unit.h"
#include "info.h"
#include "live.h"
#include "package-build.h"
#include "remote.h"
#include "state-dirs.h"
#include "state-use.h"
#include "values.h"

#define PACKAGE_WORK ".package" /* in a deployment that is being made */

void
sc_made_files_clear (ScMadeFiles *files)
{
  g_clear_pointer (&files->exports, sc_exports_free);
  g_clear_pointer (&files->values, g_hash_table_unref);
  g_clear_pointer (&files->host, sc_host_plan_free);
  g_clear_pointer (&files->rendered, sc_rendered_free);
  g_clear_pointer (&files->health, sc_health_free);
  g_clear_pointer (&files->labels, g_hash_table_unref);
}

void
sc_made_clear (ScMade *made)
{
  g_autoptr (GError) error = NULL;

  if (made->temp != NULL && !sc_fs_remove_tree_at (made->checkouts->dfd, made->temp, &error))
    g_debug ("undo: %s", error->message);
  g_clear_pointer (&made->temp, g_free);
  g_clear_pointer (&made->deployment, sc_deployment_free);
}

GHashTable *
sc_make_values (const ScMakeInput *input, const char *destdir, const ScExports *exports, GError **error)
{
  g_autofree char *capabilities = sc_capabilities_all ();
  const ScValuesInput values = { .ctx = input->ctx,
                                 .name = input->name,
                                 .destdir = destdir,
                                 .image_name = input->image->name,
                                 .image_id = input->image->id,
                                 .runtime_path = input->runtime->path,
                                 .remote = input->remote,
                                 .set = input->set,
                                 .previous = input->previous,
                                 .all_capabilities = capabilities };

  return sc_values_resolve (&values, exports, error);
}

gboolean
sc_made_files_render (const ScMakeInput *input, int rootfs, const char *destdir, ScMadeFiles *out_files, GError **error)
{
  g_autoptr (ScImageConfig) image_config = NULL;
  g_auto (ScMadeFiles) files = { 0 };
  SC_AUTOFD int host_root = sc_context_open_root (input->ctx, error);
  ScHostPlanInput plan = { .ctx = input->ctx, .name = input->name, .rootfs = rootfs, .copy = input->remote != NULL };
  ScRenderInput render = { .rootfs = rootfs, .host_root = host_root, .remote = input->remote };

  if (host_root < 0)
    return FALSE;
  image_config = sc_image_load_config (input->store, input->image, input->cancellable, error);
  files.exports = image_config != NULL ? sc_exports_load (rootfs, error) : NULL;
  if (files.exports == NULL || !sc_exports_add_labels (files.exports, image_config->labels, error))
    return FALSE;
  files.labels = g_hash_table_ref (image_config->labels);
  files.values = sc_make_values (input, destdir, files.exports, error);
  if (files.values == NULL)
    return FALSE;
  plan.exports = files.exports;
  plan.values = files.values;
  files.host = sc_host_plan_new (&plan, error);
  if (files.host == NULL)
    return FALSE;
  render.host = files.host;
  render.image = image_config;
  render.exports = files.exports;
  render.values = files.values;
  files.rendered = sc_render (&render, error);
  if (files.rendered == NULL)
    return FALSE;
  if (files.exports->health != NULL)
    {
      files.health = sc_health_resolve (files.exports->health, files.values, error);
      if (files.health == NULL)
        return FALSE;
    }
  *out_files = files;
  files = (ScMadeFiles){ 0 };
  return TRUE;
}

static gboolean
write_text (int dfd, const char *file, const char *text, GError **error)
{
  return text == NULL || sc_fs_write_file_at (dfd, file, text, strlen (text), 0644, error);
}

/* The files of the deployment, and all of it on disk. */
static gboolean
write_files (const ScMade *made, int dfd, const ScMadeFiles *files, GError **error)
{
  g_autofree char *info = sc_info_format (made->deployment, files->exports, error),
                  *unit = sc_unit_name (made->deployment->name), *tmpfiles = sc_tmpfiles_name (made->deployment->name);

  if (info == NULL || !write_text (dfd, "config.json", files->rendered->config, error)
      || !write_text (dfd, unit, files->rendered->unit, error)
      || !write_text (dfd, tmpfiles, files->rendered->tmpfiles, error) || !write_text (dfd, "info", info, error))
    return FALSE;
  if (fchmod (dfd, 0755) != 0)
    return sc_fail_errno (error, errno, "cannot set the mode of %s", made->temp);
  return sc_fs_sync_all (dfd, error);
}

/* The root, made or given; -1 on error. */
static int
provide_root (const ScMakeInput *input, int dfd, GError **error)
{
  if (input->remote != NULL)
    return sc_remote_open (input->ctx, input->remote, error);
  if (!sc_store_checkout (input->store, input->image, dfd, "rootfs", input->cancellable, error))
    return -1;
  return sc_fs_open_dir_at (dfd, "rootfs", error);
}

/* -- files for the host -- */

/* Makes a package of the tree, which is not needed any more then. */
static gboolean
make_package (const ScMakeInput *input, ScMade *made, int dfd, int rootfs, const ScMadeFiles *files,
              const ScPackageManager *manager, GError **error)
{
  g_autofree char *checkouts = sc_context_path (input->ctx, input->ctx->checkouts),
                  *tree_path = g_build_filename (checkouts, made->temp, SC_HOST_TREE, NULL),
                  *work = g_build_filename (checkouts, made->temp, PACKAGE_WORK, NULL), *built = NULL,
                  *file = sc_host_package_file (manager);
  SC_AUTOFD int tree = sc_fs_open_dir_at (dfd, SC_HOST_TREE, error);
  g_autoptr (ScPackageFile) package = NULL;
  ScPackageInput in = { .ctx = input->ctx,
                        .manager = manager,
                        .container = input->name,
                        .image = input->image->name,
                        .number = made->deployment->number,
                        .old = input->live,
                        .labels = files->labels,
                        .values = files->values,
                        .exports = files->exports,
                        .rootfs = rootfs,
                        .tree = tree,
                        .tree_path = tree_path,
                        .work = work,
                        .sink = input->sink,
                        .cancellable = input->cancellable };

  if (tree < 0 || !sc_fs_mkdir_p_at (dfd, PACKAGE_WORK, 0700, error) || !sc_package_make (&in, &built, &package, error))
    return FALSE;
  if (renameat (AT_FDCWD, built, dfd, file) != 0)
    return sc_fail_errno (error, errno, "%s", file);
  made->deployment->package = g_strdup (package->id);
  made->deployment->package_manager = g_strdup (manager->name);
  made->deployment->package_name = g_strdup (package->name);
  made->deployment->package_version = g_strdup (package->version);
  return sc_fs_remove_tree_at (dfd, PACKAGE_WORK, error) && sc_fs_remove_tree_at (dfd, SC_HOST_TREE, error);
}

/* A package has a tree, if an empty one.  Nothing in it is hard-linked: dpkg cannot unpack such links. */
static gboolean
write_package_tree (int dfd, int rootfs, const ScMadeFiles *files, GError **error)
{
  files->host->copy = TRUE;
  if (files->host->entries->len > 0)
    return sc_host_tree_write (files->host, rootfs, dfd, SC_HOST_TREE, error);
  return sc_fs_mkdir_p_at (dfd, SC_HOST_TREE, 0755, error);
}

/* Either the tree and the record of what of it is ours, or a package. */
static gboolean
write_host (const ScMakeInput *input, ScMade *made, int dfd, int rootfs, const ScMadeFiles *files, GError **error)
{
  const ScPackageManager *manager = NULL;
  g_auto (GStrv) packaged = NULL;

  if (!sc_package_choose (input->ctx, input->system_package, rootfs, files->exports, &manager, error))
    return FALSE;
  made->deployment->system_package = g_strdup (input->system_package != NULL ? input->system_package : "auto");
  if (manager == NULL)
    {
      packaged = sc_package_list_of (input->ctx, input->live, input->cancellable, error);
      return packaged != NULL && sc_host_tree_write (files->host, rootfs, dfd, SC_HOST_TREE, error)
             && sc_host_tree_record (input->ctx, files->host, dfd, input->live, packaged, made->deployment,
                                     files->rendered->notes, error);
    }
  return write_package_tree (dfd, rootfs, files, error)
         && (input->destdir != NULL || make_package (input, made, dfd, rootfs, files, manager, error));
}

/* What it is going to make for its state.  What is built for another place knows nothing of it. */
static gboolean
find_state_dirs (const ScMakeInput *input, ScDeployment *d, const ScMadeFiles *files, GError **error)
{
  return input->destdir != NULL
         || sc_state_dirs_find (input->ctx, d->name, d->values, files->rendered->tmpfiles, &d->created_dirs, error);
}

/* What becomes of its unit on this host. */
static gboolean
record_unit (const ScMakeInput *input, ScDeployment *d, const ScRendered *rendered, GError **error)
{
  g_autofree char *unit = sc_unit_name (d->name);

  if (!sc_host_unit_starts (unit, rendered->unit))
    sc_progress_note (input->sink, "%s has no [Install] section: it is not started at boot", unit);
  return input->destdir != NULL
         || sc_host_unit_record (input->ctx, input->live, d, rendered->tmpfiles != NULL, input->sink, error);
}

static gboolean
fill (const ScMakeInput *input, ScMade *made, const char *destdir, ScMadeFiles *out_files, GError **error)
{
  ScDeployment *d = made->deployment;
  g_auto (ScMadeFiles) files = { 0 };
  SC_AUTOFD int dfd = sc_fs_open_dir_at (made->checkouts->dfd, made->temp, error);
  SC_AUTOFD int rootfs = -1;
  SC_AUTOFD int state = -1;

  if (dfd < 0)
    return FALSE;
  rootfs = provide_root (input, dfd, error);
  if (rootfs < 0 || !sc_made_files_render (input, rootfs, destdir, &files, error))
    return FALSE;
  d->values = g_hash_table_ref (files.values);
  d->health = g_steal_pointer (&files.health);
  d->has_container_service = files.rendered->unit != NULL;
  if (!record_unit (input, d, files.rendered, error) || !write_host (input, made, dfd, rootfs, &files, error))
    return FALSE;
  /* Who removes directories of another's state sees that this one uses them, or is done before it goes on. */
  state = sc_state_lock (input->ctx, LOCK_SH, input->sink, input->cancellable, error);
  if (state < 0 || !find_state_dirs (input, d, &files, error))
    return FALSE;
  for (guint i = 0; i < files.rendered->notes->len; i++)
    sc_progress_note (input->sink, "%s: %s", d->name, (char *)g_ptr_array_index (files.rendered->notes, i));
  if (!write_files (made, dfd, &files, error))
    return FALSE;
  if (out_files != NULL)
    {
      *out_files = files;
      files = (ScMadeFiles){ 0 };
    }
  return TRUE;
}

gboolean
sc_deployment_make (const ScMakeInput *input, ScContainerLock *lock, int number, ScMade *out_made,
                    ScMadeFiles *out_files, GError **error)
{
  g_autofree char *prefix = g_strconcat (SC_CHECKOUTS_TEMP, input->name, NULL), *destdir = NULL;
  ScDeployment *d = g_new0 (ScDeployment, 1);
  g_auto (ScMade) made = { .deployment = d, .checkouts = lock->checkouts };

  d->name = g_strdup (input->name);
  d->number = number;
  d->image = g_strdup (input->image->name);
  d->revision = g_strdup (input->image->id);
  d->commit = g_strdup (input->image->commit);
  d->created = g_get_real_time () / G_USEC_PER_SEC;
  d->runtime = g_strdup (input->runtime->path);
  d->remote = g_strdup (input->remote);
  destdir = input->destdir != NULL ? g_strdup (input->destdir) : sc_deployment_dir (input->ctx, d);
  if (input->remote != NULL)
    sc_progress_step (input->sink, "Making %s with the root %s", destdir, input->remote);
  else
    sc_progress_step (input->sink, "Extracting to %s", destdir);
  made.temp = sc_fs_make_temp_dir_at (lock->checkouts->dfd, prefix, error);
  if (made.temp == NULL || !fill (input, &made, destdir, out_files, error))
    return FALSE;
  *out_made = made;
  made = (ScMade){ 0 };
  return TRUE;
}

gboolean
sc_deployment_next_number (ScContainerLock *lock, int *out_number, GError **error)
{
  g_auto (GStrv) dirs = sc_checkouts_deployments (lock->checkouts, lock->name, error);
  guint64 number = 0, next = 0;

  if (dirs == NULL)
    return FALSE;
  for (guint i = 0; dirs[i] != NULL; i++)
    if (g_ascii_string_to_unsigned (sc_deployment_suffix (dirs[i]) + 1, 10, 0, G_MAXINT - 1, &number, NULL))
      next = MAX (next, number + 1);
  for (; next < G_MAXINT; next++)
    {
      g_autofree char *dir = g_strdup_printf ("%s.%d", lock->name, (int)next);

      /* "x.3" may be a container too. */
      if (!sc_fs_exists_at (lock->checkouts->dfd, dir))
        return *out_number = (int)next, TRUE;
    }
  return sc_fail (error, SC_ERROR_LIMIT, "no number is left for another deployment");
}
