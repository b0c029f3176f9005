/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "error.h"

/*
 * The packages that a root says are installed in it: by the databases of dpkg and rpm.
 */

typedef struct
{
  const char *type; /* "dpkg", "rpm" */
  char *name;
  char *architecture; /* maybe empty */
  char *version;
} ScPackage;

void sc_package_free (ScPackage *package);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScPackage, sc_package_free)

/* Adds the installed packages that @bytes, a dpkg status file (deb822(5)), names to @packages (element-type ScPackage).
 * What is no stanza of a package is passed over; SC_ERROR_LIMIT for more than a million of them. */
gboolean sc_packages_parse_dpkg (GBytes *bytes, GPtrArray *packages, GError **error) SC_CHECK;

/* How to look into a root; paths are absolute, links stay inside it. NULL without error: there is no such thing. */
typedef struct
{
  GBytes *(*read) (gpointer data, const char *path, gsize max, GCancellable *cancellable, GError **error);
  char **(*list) (gpointer data, const char *path, GError **error); /* (transfer full): names in a directory */
  gpointer data;
} ScPackageRoot;

/* (transfer full) (element-type ScPackage): sorted. @out_rpm_problem (transfer full) (nullable): why a database of rpm
 * that is there could not be read, if so: there is no rpm on this host, or it fails; then none of its packages is in
 * the list. */
GPtrArray *sc_packages_list (const ScPackageRoot *root, char **out_rpm_problem, GCancellable *cancellable,
                             GError **error) SC_CHECK;

typedef struct
{
  const char *type;
  char *name;
  char *architecture;
  char *old_version; /* (nullable): it is new */
  char *new_version; /* (nullable): it is gone */
} ScPackageChange;

void sc_package_change_free (ScPackageChange *change);

/* (transfer full) (element-type ScPackageChange): from @a to @b, both sorted. */
GPtrArray *sc_packages_diff (const GPtrArray *a, const GPtrArray *b);
