/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * install IMAGE.
 */
#include "commands.h"
#include "install.h"
#include "pull-image.h"
#include "recover.h"

typedef struct
{
  gboolean system;
  const char *name;
  GPtrArray *set; /* (nullable): const char * */
  const char *runtime;
  const char *system_package;
  const char *auth_file;
  const char *rootfs;
  gboolean display;
} InstallOptions;

/* One that is half installed or half removed is made whole or nothing first. */
static gboolean
settle (ScInvocation *invocation, const char *container, GError **error)
{
  const InstallOptions *options = invocation->options;
  const char *names[] = { container, NULL };

  return options->display || !sc_container_is_interrupted (invocation->context, container)
         || sc_recover (invocation->context, names, invocation->sink, invocation->cancellable, error);
}

static gboolean
is_installed (const ScContext *ctx, const char *name, gboolean *out, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (ScDeployment) deployment = sc_deployment_load (ctx, name, &local);

  *out = deployment != NULL;
  if (deployment || g_error_matches (local, SC_ERROR, SC_ERROR_NOT_FOUND))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

/* Not an error: the container is there. */
static gboolean
say_present (ScInvocation *invocation, const char *container)
{
  sc_progress_step (invocation->sink, "%s already present", container);
  return TRUE;
}

/* Puts the image into the repository unless it is there. */
static gboolean
provide_image (ScInvocation *invocation, const char *text, gboolean present, char **name, ScPulled *pulled,
               GError **error)
{
  const InstallOptions *options = invocation->options;
  ScPullSettings settings = { .auth_file = options->auth_file };

  if (present)
    return TRUE;
  if (options->display)
    return sc_fail (error, SC_ERROR_NOT_FOUND, "image %s: is not in the repository, and --display pulls nothing", text);
  if (!sc_pull_image (invocation->context, text, &settings, invocation->sink, pulled, invocation->cancellable, error))
    return FALSE;
  g_free (*name);
  *name = g_strdup (pulled->name);
  return TRUE;
}

/* Prints where the package is. */
static gboolean
build (ScInvocation *invocation, ScStore *store, const ScInstallOptions *install, GError **error)
{
  g_autofree char *dir = g_get_current_dir (), *path = NULL;

  if (!sc_install_build (invocation->context, store, install, dir, invocation->sink, &path, invocation->cancellable,
                         error))
    return FALSE;
  sc_progress_step (invocation->sink, "%s", path);
  return TRUE;
}

static gboolean
run_install (ScInvocation *invocation, GError **error)
{
  const InstallOptions *options = invocation->options;
  const ScContext *ctx = invocation->context;
  const char *text = invocation->args[0];
  g_autofree char *image = NULL, *container = NULL;
  g_autoptr (ScStore) store = NULL;
  g_auto (ScPulled) pulled = { 0 };
  g_autoptr (GError) local = NULL;
  ScInstallOptions install = {
    .set = options->set ? (const char *const *)options->set->pdata : NULL,
    .runtime = options->runtime,
    .rootfs = options->rootfs,
    .system_package = options->system_package,
    .display = options->display,
  };
  gboolean present = FALSE, installed = FALSE;

  image = sc_pull_find (ctx, text, &present, invocation->cancellable, error);
  if (!image)
    return FALSE;
  container = options->name ? g_strdup (options->name) : sc_install_default_name (image, error);
  if (!container || !sc_container_name_check (container, error) || !settle (invocation, container, error)
      || (!sc_install_is_build (&install) && !is_installed (ctx, container, &installed, error)))
    return FALSE;
  if (installed)
    return say_present (invocation, container);
  /* What can be known before a pull is. */
  if (!sc_install_check (ctx, &install, error) || !provide_image (invocation, text, present, &image, &pulled, error))
    return FALSE;
  store = sc_store_open (ctx, SC_STORE_READ, invocation->cancellable, error);
  if (!store)
    return FALSE;
  sc_store_set_sink (store, invocation->sink);
  install.image = image;
  install.name = container;
  if (sc_install_is_build (&install) && !options->display
          ? build (invocation, store, &install, &local)
          : sc_install (ctx, store, &install, invocation->sink, &installed, invocation->cancellable, &local))
    /* Somebody else may have been faster. */
    return !installed || say_present (invocation, container);
  sc_pulled_undo (&pulled, ctx, container, invocation->sink);
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

#define MEMBER(member) G_STRUCT_OFFSET (InstallOptions, member)

static const ScOption install_options[] = {
  { "system", 0, SC_OPTION_FLAG, MEMBER (system), NULL, "as a system container, which is what is done anyway" },
  { "name", 'n', SC_OPTION_STRING, MEMBER (name), "NAME", "name of the container" },
  { "set", 0, SC_OPTION_LIST, MEMBER (set), "VAR=VALUE", "value of a template variable; can be repeated" },
  { "system-package", 0, SC_OPTION_STRING, MEMBER (system_package), "WHEN",
    "files for the host as a package: auto, yes, no; build: only build a package of it all" },
  { "runtime", 0, SC_OPTION_STRING, MEMBER (runtime), "PATH", "OCI runtime that is to run the container" },
  { "rootfs", 0, SC_OPTION_STRING, MEMBER (rootfs), "DIR",
    "root of the container: this directory, which is not changed, instead of one made of IMAGE" },
  { "authfile", 0, SC_OPTION_STRING, MEMBER (auth_file), "FILE", "where it pulls: look for credentials there first" },
  { "display", 0, SC_OPTION_FLAG, MEMBER (display), NULL, "say what would be done, and change nothing" },
  SC_OPTION_END,
};

const ScCommand sc_cmd_install = {
  .name = "install",
  .args = "IMAGE",
  .min_args = 1,
  .max_args = 1,
  .summary = "install an image as a system container",
  .description =
      "Lays out the root of IMAGE below /var/lib/containers/atomic, makes the runtime's configuration, the systemd "
      "unit and the tmpfiles of it, puts the files that it has for the host there, or a package of them, and enables "
      "the unit. It does not start it. An image that is not in the repository is "
      "pulled first.\n"
      "The container is called like the last part of the image's name, '-TAG' added unless the tag is 'latest'. If a "
      "container of that name is installed nothing happens.",
  .options = install_options,
  .options_size = sizeof (InstallOptions),
  .flags = SC_COMMAND_NEEDS_ROOT | SC_COMMAND_TAKES_IMAGE,
  .run = run_install,
};
