/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A new container: its first deployment is made and activated.  Whatever fails on the way, nothing of it stays.
 */
#include "install.h"

#include <fcntl.h>
#include <string.h>

#include "activate.h"
#include "deployment-make.h"
#include "fs.h"
#include "host-unit.h"
#include "install-display.h"
#include "package-build.h"
#include "package-whole.h"
#include "recover.h"
#include "remote.h"
#include "values.h"

gboolean
sc_install_is_build (const ScInstallOptions *options)
{
  return g_strcmp0 (options->system_package, "build") == 0;
}

typedef struct
{
  const ScContext *ctx;
  ScStore *store;
  const ScInstallOptions *options;
  const ScProgressSink *sink;
  GCancellable *cancellable;

  char *name;
  char *remote; /* (nullable) */
  ScImage *image;
  ScRuntime *runtime;
  ScContainerLock *lock;
} Install;

static void
install_clear (Install *in)
{
  g_free (in->name);
  g_free (in->remote);
  g_clear_pointer (&in->image, sc_image_free);
  g_clear_pointer (&in->runtime, sc_runtime_free);
  g_clear_pointer (&in->lock, sc_container_unlock);
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
find_present (Install *in, gboolean *out_present, GError **error)
{
  const char *name = in->name;
  g_autofree char *here = g_strdup_printf ("%s/%s", in->ctx->checkouts, name), *path = sc_context_path (in->ctx, here);
  g_autofree char *there = g_strdup_printf ("%s/%s", in->ctx->preinstalled, name);

  if (g_file_test (path, G_FILE_TEST_IS_DIR) && !g_file_test (path, G_FILE_TEST_IS_SYMLINK))
    return sc_fail (error, SC_ERROR_FAILED, "%s is a deployment of another container; choose another --name", here);
  *out_present = sc_fs_exists_at (AT_FDCWD, path) || sc_context_exists (in->ctx, there);
  return TRUE;
}

/* A host file of that name is somebody else's: better said before anything is made than after. */
static gboolean
check_host_file (Install *in, const char *path, GError **error)
{
  return !sc_context_exists (in->ctx, path)
         || sc_fail (error, SC_ERROR_FAILED, "%s exists already and is not of a container; choose another --name",
                     path);
}

static gboolean
prepare (Install *in, GError **error)
{
  const ScInstallOptions *o = in->options;

  if (o->name != NULL && !sc_container_name_check (o->name, error))
    return FALSE;
  in->image = sc_image_find (in->store, o->image, in->cancellable, error);
  if (in->image == NULL)
    return FALSE;
  in->name = o->name != NULL ? g_strdup (o->name) : sc_install_default_name (in->image->name, error);
  if (in->name == NULL)
    return FALSE;
  if (o->rootfs != NULL && (in->remote = sc_remote_path (o->rootfs, error)) == NULL)
    return FALSE;
  in->runtime = sc_runtime_find (in->ctx, o->runtime, error);
  return in->runtime != NULL;
}

/* The image as it is now.  While the container is held nothing is deleted or pruned, before that it may have been. */
static gboolean
take_image (Install *in, GError **error)
{
  g_clear_pointer (&in->image, sc_image_free);
  in->image = sc_image_find (in->store, in->options->image, in->cancellable, error);
  return in->image != NULL;
}

/* Deployments without a container are nobody's. */
static gboolean
make_way (Install *in, int *out_number, GError **error)
{
  ScCheckouts *checkouts = in->lock->checkouts;
  g_autofree char *unit = sc_unit_path (in->ctx, in->name), *tmpfiles = sc_tmpfiles_path (in->ctx, in->name);
  g_auto (GStrv) dead = sc_checkouts_deployments (checkouts, in->name, error);

  if (dead == NULL)
    return FALSE;
  for (guint i = 0; dead[i] != NULL; i++)
    if (!sc_fs_remove_tree_at (checkouts->dfd, dead[i], error))
      return FALSE;
  return check_host_file (in, unit, error) && check_host_file (in, tmpfiles, error)
         && sc_deployment_next_number (in->lock, out_number, error);
}

static ScMakeInput
make_input (const Install *in)
{
  return (ScMakeInput){ .ctx = in->ctx,
                        .store = in->store,
                        .runtime = in->runtime,
                        .name = in->name,
                        .image = in->image,
                        .remote = in->remote,
                        .set = in->options->set,
                        .system_package = in->options->system_package,
                        .sink = in->sink,
                        .cancellable = in->cancellable };
}

static gboolean
make (Install *in, GError **error)
{
  const ScMakeInput input = make_input (in);
  g_auto (ScMade) made = { 0 };
  g_autoptr (ScSystemd) systemd = sc_systemd_new (in->ctx, in->cancellable, error);
  ScLive live = { .ctx = in->ctx, .lock = in->lock, .systemd = systemd, .sink = in->sink };
  g_autoptr (ScJournal) journal = NULL;
  int number = 0;

  if (systemd == NULL || !make_way (in, &number, error)
      || !sc_deployment_make (&input, in->lock, number, &made, NULL, error)
      || !sc_host_unit_check (&live, made.temp, SC_NO_DEPLOYMENT, error))
    return FALSE;
  journal = sc_journal_new (SC_OPERATION_INSTALL, SC_NO_DEPLOYMENT, number);
  journal->was_enabled = TRUE;
  if (!sc_activate (&live, journal, made.temp, in->cancellable, error))
    return FALSE;
  g_clear_pointer (&made.temp, g_free);
  if (made.deployment->has_container_service && !sc_systemd_is_running (systemd))
    sc_progress_note (in->sink, "systemd is not running: %s.service was written%s, nothing was started", in->name,
                      sc_host_unit_starts_in (&live, number) ? " and enabled" : "");
  return sc_activation_finish (&live, journal, error);
}

/* Says what sc_install() would, without doing it. */
static gboolean
display (Install *in, GError **error)
{
  const ScMakeInput input = make_input (in);

  if (!sc_install_is_build (in->options))
    return sc_install_display (&input, error) || sc_prefix (error, "%s: image %s", in->name, in->image->name);
  sc_progress_step (in->sink, "Building package of %s/%s", in->ctx->preinstalled, in->name);
  return TRUE;
}

static gboolean
check_rootfs (const ScContext *ctx, const ScInstallOptions *options, GError **error)
{
  g_autofree char *path = sc_remote_path (options->rootfs, error);
  SC_AUTOFD int fd = path != NULL ? sc_remote_open (ctx, path, error) : -1;

  if (fd >= 0 && sc_install_is_build (options))
    return sc_fail (error, SC_ERROR_USAGE, "--rootfs and --system-package build exclude each other");
  return fd >= 0;
}

gboolean
sc_install_check (const ScContext *ctx, const ScInstallOptions *options, GError **error)
{
  g_autoptr (ScRuntime) runtime = sc_runtime_find (ctx, options->runtime, error);

  return runtime != NULL && sc_values_check_set (options->set, error)
         && sc_package_choice_check (options->system_package, error)
         && (options->rootfs == NULL || check_rootfs (ctx, options, error));
}

gboolean
sc_install_build (const ScContext *ctx, ScStore *store, const ScInstallOptions *options, const char *dir,
                  const ScProgressSink *sink, char **out_path, GCancellable *cancellable, GError **error)
{
  g_auto (Install) in = { .ctx = ctx, .store = store, .options = options, .sink = sink, .cancellable = cancellable };
  ScMakeInput input = { .ctx = ctx, .store = store, .set = options->set, .sink = sink, .cancellable = cancellable };

  if (!prepare (&in, error))
    return FALSE;
  in.lock = sc_container_lock (ctx, in.name, TRUE, sink, cancellable, error);
  if (in.lock == NULL || !sc_container_recover (ctx, in.lock, sink, cancellable, error) || !take_image (&in, error))
    return FALSE;
  input.runtime = in.runtime;
  input.name = in.name;
  input.image = in.image;
  input.system_package = options->system_package;
  return sc_package_whole (&input, in.lock, dir, out_path, error)
         || sc_prefix (error, "%s: image %s", in.name, in.image->name);
}

gboolean
sc_install (const ScContext *ctx, ScStore *store, const ScInstallOptions *options, const ScProgressSink *sink,
            gboolean *out_present, GCancellable *cancellable, GError **error)
{
  g_auto (Install) in = { .ctx = ctx, .store = store, .options = options, .sink = sink, .cancellable = cancellable };

  *out_present = FALSE;
  if (!prepare (&in, error) || (!sc_install_is_build (options) && !find_present (&in, out_present, error)))
    return FALSE;
  if (*out_present)
    return TRUE;
  if (options->display)
    return display (&in, error);
  in.lock = sc_container_lock (ctx, in.name, TRUE, sink, cancellable, error);
  /* Somebody may have installed it while we waited. */
  if (in.lock == NULL || !sc_container_recover (ctx, in.lock, sink, cancellable, error)
      || !find_present (&in, out_present, error))
    return FALSE;
  if (*out_present)
    return TRUE;
  if (!take_image (&in, error))
    return FALSE;
  return make (&in, error) || sc_prefix (error, "%s: image %s", in.name, in.image->name);
}
