/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "deployment-make.h"

/**
 * sc_package_whole:
 * @input: what a deployment would be made of
 * @lock: of the container
 * @dir: path of the directory that the package goes into
 * @out_path: (out) (transfer full): the package
 *
 * Makes a package of the whole container, as one that is preinstalled: all of it below ctx->preinstalled, its unit and
 * tmpfiles file below /usr/lib, and its files for the host.  Nothing else is left behind.
 */
gboolean sc_package_whole (const ScMakeInput *input, ScContainerLock *lock, const char *dir, char **out_path,
                           GError **error) SC_CHECK;
