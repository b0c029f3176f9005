/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "deployment.h"
#include "package-manager.h"

/*
 * Files for the host that a deployment without a package has put there itself, and that somebody has changed: a package
 * that comes after it is not to replace them.
 */

/* SC_ERROR_FAILED if the package @file has a file that @d (nullable) recorded, that is on the host and not as it was
 * recorded. */
gboolean sc_package_check_changed (const ScContext *ctx, const ScPackageManager *manager, const char *file,
                                   const ScDeployment *d, GCancellable *cancellable, GError **error) SC_CHECK;
