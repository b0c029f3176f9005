/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "deployment.h"
#include "progress.h"
#include "store.h"

typedef struct
{
  const char *image;          /* as the user wrote it */
  const char *name;           /* (nullable): container; NULL: from the image */
  const char *const *set;     /* (nullable): NAME=VALUE */
  const char *system_package; /* (nullable): "auto", "yes", "no", "build" */
  const char *runtime;        /* (nullable): path or name */
  const char *rootfs; /* (nullable): root to use in place of one made of the image, an absolute path of the host */
  gboolean display;   /* say what would be done; change nothing */
} ScInstallOptions;

/**
 * sc_install:
 *
 * Installs @options->image, which is in the repository (the caller pulls), as a container: checkout, values, files,
 * validation, flush, activation (docs/architecture.md).  If a container of that name is installed nothing happens.
 *
 * Says as steps "Extracting to DIR", "systemctl daemon-reload", "systemd-tmpfiles --create FILE" and
 * "systemctl enable NAME".  On any error or cancel everything is as before.
 *
 * @out_present: (out): such a container was installed already
 */
gboolean sc_install (const ScContext *ctx, ScStore *store, const ScInstallOptions *options, const ScProgressSink *sink,
                     gboolean *out_present, GCancellable *cancellable, GError **error) SC_CHECK;

/* Is only a package to be built? */
gboolean sc_install_is_build (const ScInstallOptions *options);

/**
 * sc_install_build:
 * @dir: where to put the package, a path of this system
 * @out_path: (out) (transfer full): its path
 *
 * Makes a package of a whole container, for the directory of preinstalled ones: root, configuration, info, unit,
 * tmpfiles file and files for the host.  Nothing is installed and nothing else left behind.
 */
gboolean sc_install_build (const ScContext *ctx, ScStore *store, const ScInstallOptions *options, const char *dir,
                           const ScProgressSink *sink, char **out_path, GCancellable *cancellable,
                           GError **error) SC_CHECK;

/* What of @options can be found wrong without the image: the runtime, the form of --set, the choice of a package, the
 * root.  Errors as sc_install(). */
gboolean sc_install_check (const ScContext *ctx, const ScInstallOptions *options, GError **error) SC_CHECK;

/* (transfer full): the container name that an image gets: its last path component, "-TAG" added unless it is "latest".
 */
char *sc_install_default_name (const char *image_name, GError **error) SC_CHECK;
