/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Image -> deployment: everything is made in a temporary directory beside its place, flushed, renamed to its place and
 * only then activated.  Whatever fails on the way, nothing of it stays.
 */
#include "install.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "activate.h"
#include "checkout.h"
#include "checkouts.h"
#include "config-json.h"
#include "exports.h"
#include "fs.h"
#include "info.h"
#include "render.h"
#include "runtime.h"
#include "values.h"

typedef struct
{
  const ScContext *ctx;
  ScStore *store;
  const ScInstallOptions *options;
  const ScProgressSink *sink;
  GCancellable *cancellable;

  ScImage *image;
  ScImageConfig *image_config;
  ScRuntime *runtime;
  ScDeployment *deployment;
  ScCheckouts *checkouts;
  char *temp; /* directory being made, in the checkouts */
  int temp_fd;
  int rootfs;
  int host_root;
  ScExports *exports;
  ScRendered *rendered;
} Install;

static void
install_clear (Install *in)
{
  g_clear_pointer (&in->image, sc_image_free);
  g_clear_pointer (&in->image_config, sc_image_config_free);
  g_clear_pointer (&in->runtime, sc_runtime_free);
  g_clear_pointer (&in->deployment, sc_deployment_free);
  g_clear_pointer (&in->exports, sc_exports_free);
  g_clear_pointer (&in->rendered, sc_rendered_free);
  g_clear_pointer (&in->temp, g_free);
  sc_close_fd_p (&in->temp_fd);
  sc_close_fd_p (&in->rootfs);
  sc_close_fd_p (&in->host_root);
  g_clear_pointer (&in->checkouts, sc_checkouts_release);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Install, install_clear)

char *
sc_install_default_name (const char *image_name, GError **error)
{
  const char *slash = strrchr (image_name, '/');
  const char *last = slash == NULL ? image_name : slash + 1;
  gsize length = strcspn (last, ":@");
  g_autofree char *base = g_strndup (last, length);
  g_autofree char *name = NULL;

  if (last[length] == ':' && strcmp (last + length + 1, "latest") != 0)
    name = g_strconcat (base, "-", last + length + 1, NULL);
  else
    name = g_steal_pointer (&base);
  if (!sc_container_name_check (name, error))
    return sc_prefix_null (error, "image %s: choose a container name with --name", image_name);
  return g_steal_pointer (&name);
}

static gboolean
check_absent (Install *in, const char *name, GError **error)
{
  g_autofree char *here = g_strdup_printf ("%s/%s", in->ctx->checkouts, name), *path = sc_context_path (in->ctx, here);
  g_autofree char *there = g_strdup_printf ("%s/%s", in->ctx->preinstalled, name),
                  *read_only = sc_context_path (in->ctx, there);

  if (g_file_test (path, G_FILE_TEST_IS_DIR) && !g_file_test (path, G_FILE_TEST_IS_SYMLINK))
    return sc_fail (error, SC_ERROR_FAILED, "%s is a deployment of another container; choose another --name", here);
  if (sc_fs_exists_at (AT_FDCWD, path) || sc_fs_exists_at (AT_FDCWD, read_only))
    return sc_fail (error, SC_ERROR_EXISTS, "%s already present", name);
  return TRUE;
}

/* A host file of that name is somebody else's: better said before anything is made than after. */
static gboolean
check_host_file (Install *in, const char *path, GError **error)
{
  g_autofree char *real = sc_context_path (in->ctx, path);

  return !sc_fs_exists_at (AT_FDCWD, real)
         || sc_fail (error, SC_ERROR_FAILED, "%s exists already and is not of a container; choose another --name",
                     path);
}

static gboolean
prepare (Install *in, GError **error)
{
  const ScInstallOptions *o = in->options;
  g_autofree char *name = g_strdup (o->name);

  if (name != NULL && !sc_container_name_check (name, error))
    return FALSE;
  in->image = sc_image_find (in->store, o->image, in->cancellable, error);
  if (in->image == NULL || (name == NULL && (name = sc_install_default_name (in->image->name, error)) == NULL)
      || !check_absent (in, name, error))
    return FALSE;
  in->runtime = sc_runtime_find (in->ctx, o->runtime, error);
  if (in->runtime == NULL)
    return FALSE;
  in->deployment = g_new0 (ScDeployment, 1);
  in->deployment->name = g_steal_pointer (&name);
  in->deployment->created = g_get_real_time () / G_USEC_PER_SEC;
  in->deployment->runtime = g_strdup (in->runtime->path);
  in->host_root = sc_context_open_root (in->ctx, error);
  return in->host_root >= 0;
}

/* The image as it is now.  While the checkouts are held nothing is deleted or pruned, before that it may have been. */
static gboolean
take_image (Install *in, GError **error)
{
  g_clear_pointer (&in->image, sc_image_free);
  in->image = sc_image_find (in->store, in->options->image, in->cancellable, error);
  if (in->image == NULL)
    return FALSE;
  in->image_config = sc_image_load_config (in->store, in->image, in->cancellable, error);
  if (in->image_config == NULL)
    return FALSE;
  in->deployment->image = g_strdup (in->image->name);
  in->deployment->revision = g_strdup (in->image->id);
  in->deployment->commit = g_strdup (in->image->commit);
  return TRUE;
}

/* Makes way for the container, and chooses the first number that is free. */
static gboolean
choose_number (Install *in, GError **error)
{
  g_autofree char *unit = sc_unit_path (in->ctx, in->deployment->name),
                  *tmpfiles = sc_tmpfiles_path (in->ctx, in->deployment->name);
  g_auto (GStrv) dead = sc_checkouts_deployments (in->checkouts, in->deployment->name, error);

  if (dead == NULL)
    return FALSE;
  for (guint i = 0; dead[i] != NULL; i++)
    if (!sc_container_remove_dead (in->ctx, in->checkouts->dfd, in->deployment->name, dead[i], error)
        || !sc_fs_remove_tree_at (in->checkouts->dfd, dead[i], error))
      return FALSE;
  if (!check_host_file (in, unit, error) || !check_host_file (in, tmpfiles, error))
    return FALSE;
  /* What is left of that form are containers. */
  for (;; in->deployment->number++)
    {
      g_autofree char *dir = g_strdup_printf ("%s.%d", in->deployment->name, in->deployment->number);

      if (!sc_fs_exists_at (in->checkouts->dfd, dir))
        return TRUE;
    }
}

/* The root, in the temporary directory. */
static gboolean
extract (Install *in, GError **error)
{
  g_autofree char *prefix = g_strconcat (SC_CHECKOUTS_TEMP, in->deployment->name, NULL);

  in->temp = sc_fs_make_temp_dir_at (in->checkouts->dfd, prefix, error);
  if (in->temp == NULL)
    return FALSE;
  in->temp_fd = sc_fs_open_dir_at (in->checkouts->dfd, in->temp, error);
  if (in->temp_fd < 0 || !sc_store_checkout (in->store, in->image, in->temp_fd, "rootfs", in->cancellable, error))
    return FALSE;
  in->rootfs = sc_fs_open_dir_at (in->temp_fd, "rootfs", error);
  return in->rootfs >= 0;
}

static gboolean
render (Install *in, GError **error)
{
  g_autofree char *destdir = sc_deployment_dir (in->ctx, in->deployment), *capabilities = sc_capabilities_all ();
  ScValuesInput values = { .ctx = in->ctx,
                           .name = in->deployment->name,
                           .destdir = destdir,
                           .image_name = in->image->name,
                           .image_id = in->image->id,
                           .runtime_path = in->runtime->path,
                           .set = in->options->set,
                           .all_capabilities = capabilities };
  ScRenderInput input = { .image = in->image_config, .rootfs = in->rootfs, .host_root = in->host_root };

  in->exports = sc_exports_load (in->rootfs, error);
  if (in->exports == NULL)
    return FALSE;
  if (in->exports->has_hostfs)
    return sc_fail (error, SC_ERROR_UNSUPPORTED, "it has files for the host (exports/hostfs), which is not supported");
  in->deployment->values = sc_values_resolve (&values, in->exports, error);
  if (in->deployment->values == NULL)
    return FALSE;
  input.exports = in->exports;
  input.values = in->deployment->values;
  in->rendered = sc_render (&input, error);
  if (in->rendered == NULL)
    return FALSE;
  in->deployment->has_container_service = in->rendered->unit != NULL;
  for (guint i = 0; i < in->rendered->notes->len; i++)
    sc_progress_note (in->sink, "%s: %s", in->deployment->name, (char *)g_ptr_array_index (in->rendered->notes, i));
  return TRUE;
}

static gboolean
write_text (Install *in, const char *file, const char *text, mode_t mode, GError **error)
{
  return text == NULL || sc_fs_write_file_at (in->temp_fd, file, text, strlen (text), mode, error);
}

/* The files of the deployment; the whole of it is on disk when it gets its name. */
static gboolean
settle (Install *in, GError **error)
{
  const char *name = in->deployment->name;
  g_autofree char *info = sc_info_format (in->deployment, in->exports), *unit = sc_unit_name (name),
                  *tmpfiles = sc_tmpfiles_name (name), *dir = g_strdup_printf ("%s.%d", name, in->deployment->number);

  if (!write_text (in, "config.json", in->rendered->config, 0644, error)
      || !write_text (in, unit, in->rendered->unit, 0644, error)
      || !write_text (in, tmpfiles, in->rendered->tmpfiles, 0644, error) || !write_text (in, "info", info, 0644, error))
    return FALSE;
  if (fchmod (in->temp_fd, 0755) != 0)
    return sc_fail_errno (error, errno, "cannot set the mode of %s", in->temp);
  if (!sc_fs_sync_all (in->temp_fd, error))
    return FALSE;
  if (renameat2 (in->checkouts->dfd, in->temp, in->checkouts->dfd, dir, RENAME_NOREPLACE) != 0)
    return sc_fail_errno (error, errno, "cannot rename %s to %s", in->temp, dir);
  g_free (in->temp);
  in->temp = g_steal_pointer (&dir);
  return sc_fs_sync_dir_at (in->checkouts->dfd, ".", error);
}

static gboolean
make (Install *in, GError **error)
{
  g_autofree char *destdir = NULL;

  if (!choose_number (in, error))
    return FALSE;
  destdir = sc_deployment_dir (in->ctx, in->deployment);
  sc_progress_step (in->sink, "Extracting to %s", destdir);
  return extract (in, error) && render (in, error) && settle (in, error)
         && sc_deployment_activate (in->ctx, in->deployment, in->rendered->unit, in->rendered->tmpfiles, in->sink,
                                    in->cancellable, error);
}

static void
remove_made (Install *in)
{
  g_autoptr (GError) error = NULL;

  if (in->temp != NULL && !sc_fs_remove_tree_at (in->checkouts->dfd, in->temp, &error))
    g_debug ("undo: %s", error->message);
}

/* Says what sc_install() would, without doing it. */
static void
display (Install *in)
{
  g_autofree char *destdir = sc_deployment_dir (in->ctx, in->deployment),
                  *tmpfiles = sc_tmpfiles_path (in->ctx, in->deployment->name);

  sc_progress_step (in->sink, "Extracting to %s", destdir);
  sc_progress_step (in->sink, "systemctl daemon-reload");
  sc_progress_step (in->sink, "systemd-tmpfiles --create %s", tmpfiles);
  sc_progress_step (in->sink, "systemctl enable %s", in->deployment->name);
}

gboolean
sc_install_check (const ScContext *ctx, const ScInstallOptions *options, GError **error)
{
  g_autoptr (ScRuntime) runtime = sc_runtime_find (ctx, options->runtime, error);

  return runtime != NULL && sc_values_check_set (options->set, error);
}

gboolean
sc_install (const ScContext *ctx, ScStore *store, const ScInstallOptions *options, const ScProgressSink *sink,
            GCancellable *cancellable, GError **error)
{
  g_auto (Install) in = { .ctx = ctx,
                          .store = store,
                          .options = options,
                          .sink = sink,
                          .cancellable = cancellable,
                          .temp_fd = -1,
                          .rootfs = -1,
                          .host_root = -1 };

  if (!prepare (&in, error))
    return FALSE;
  if (options->display)
    return display (&in), TRUE;
  in.checkouts = sc_checkouts_hold (ctx, TRUE, sink, cancellable, error);
  /* Somebody may have installed it while we waited. */
  if (in.checkouts == NULL || !check_absent (&in, in.deployment->name, error) || !take_image (&in, error))
    return FALSE;
  if (make (&in, error))
    return TRUE;
  remove_made (&in);
  return sc_prefix (error, "%s: image %s", in.deployment->name, in.image->name);
}
