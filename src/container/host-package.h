/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "live.h"
#include "package-manager.h"

/*
 * The package of a deployment: "package.rpm" or "package.deb" in its directory, and installed on the host while the
 * deployment is live.
 */

typedef struct
{
  const ScPackageManager *manager; /* NULL: the deployment has no package */
  char *file;                      /* (nullable): path; NULL: it cannot be installed, for @problem */
  char *problem;                   /* (nullable): of the file */
  ScPackageFile *package;          /* at least its name */
} ScHostPackage;

void sc_host_package_clear (ScHostPackage *package);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ScHostPackage, sc_host_package_clear)

/* "package.rpm". (transfer full) */
char *sc_host_package_file (const ScPackageManager *manager);

/* SC_NO_DEPLOYMENT has none.  What the deployment's info says is enough: then a file that is missing or damaged is no
 * error. */
gboolean sc_host_package_load (const ScContext *ctx, const char *name, int number, ScHostPackage *out_package,
                               GError **error) SC_CHECK;

/* Can the deployment be gone to from @other: its package is there and could be installed.  Nothing is fetched.  Waits
 * while somebody else changes packages. */
gboolean sc_host_package_check (const ScLive *live, int number, int other, GCancellable *cancellable,
                                GError **error) SC_CHECK;

/* Can the package of the deployment be removed: nobody else needs it.  Waits as sc_host_package_check(). */
gboolean sc_host_package_check_removal (const ScLive *live, int number, GCancellable *cancellable,
                                        GError **error) SC_CHECK;

/* Does another container that is live have a package of the same name? */
gboolean sc_host_package_is_shared (const ScContext *ctx, const char *container, const char *package, gboolean *out,
                                    GError **error) SC_CHECK;

/**
 * sc_host_package_put:
 * @number: deployment whose package is to be installed, SC_NO_DEPLOYMENT for none
 * @other: deployment whose package may be instead
 *
 * Does nothing if the host has the right one, and @other brought the same file.  With live->force what fails is only
 * told.  With live->resumed somebody may have been stopped while he went from the one to the other, either way: what
 * was begun is completed, then gone back from if it is not @number's.  On disk when it returns.  With live->recovering
 * early in a boot scripts start and stop no service.
 */
gboolean sc_host_package_put (const ScLive *live, int number, int other, GError **error) SC_CHECK;
