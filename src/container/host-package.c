/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packages of deployments on the host.  Package managers are not atomic, but each repairs what it was stopped at if it
 * is asked for the same once more: so what may have been begun is completed before anything else is asked for.
 */
#include "host-package.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs.h"

void
sc_host_package_clear (ScHostPackage *package)
{
  g_clear_pointer (&package->file, g_free);
  g_clear_pointer (&package->package, sc_package_file_free);
  package->manager = NULL;
}

char *
sc_host_package_file (const ScPackageManager *manager)
{
  return g_strconcat ("package.", manager->suffix, NULL);
}

/* What the original tool kept of an rpm is its name, version and release. */
static gboolean
load_foreign (const ScContext *ctx, const char *name, int number, ScHostPackage *out)
{
  g_autoptr (ScDeployment) d = sc_deployment_load_number (ctx, name, number, NULL);
  g_autofree char *package = d != NULL ? g_strdup (d->package) : NULL;
  char *dash;

  if (package == NULL)
    return TRUE;
  for (guint i = 0; i < 2; i++)
    if ((dash = strrchr (package, '-')) != NULL && dash != package)
      *dash = '\0';
  out->manager = &sc_package_rpm;
  out->package = g_new0 (ScPackageFile, 1);
  out->package->name = g_steal_pointer (&package);
  return TRUE;
}

gboolean
sc_host_package_load (const ScContext *ctx, const char *name, int number, ScHostPackage *out_package, GError **error)
{
  g_autofree char *checkouts = sc_context_path (ctx, ctx->checkouts);

  *out_package = (ScHostPackage){ 0 };
  if (number == SC_NO_DEPLOYMENT)
    return TRUE;
  for (guint i = 0; sc_package_managers[i] != NULL; i++)
    {
      g_autofree char *file = sc_host_package_file (sc_package_managers[i]),
                      *path = g_strdup_printf ("%s/%s.%d/%s", checkouts, name, number, file);

      if (!g_file_test (path, G_FILE_TEST_IS_REGULAR))
        continue;
      out_package->package = sc_package_describe (sc_package_managers[i], ctx, path, NULL, error);
      if (out_package->package == NULL)
        return FALSE;
      out_package->manager = sc_package_managers[i];
      out_package->file = g_steal_pointer (&path);
      return TRUE;
    }
  return load_foreign (ctx, name, number, out_package);
}

gboolean
sc_host_package_check (const ScContext *ctx, const char *name, int number, GCancellable *cancellable, GError **error)
{
  g_auto (ScHostPackage) package = { 0 };

  if (!sc_host_package_load (ctx, name, number, &package, error))
    return FALSE;
  if (package.manager == NULL)
    return TRUE;
  if (package.file == NULL)
    return sc_fail (error, SC_ERROR_NOT_FOUND, "its package %s was not kept", package.package->name);
  return sc_package_prepare (package.manager, ctx, package.file, cancellable, error);
}

gboolean
sc_host_package_is_shared (const ScContext *ctx, const char *container, const char *package, gboolean *out,
                           GError **error)
{
  g_autoptr (GPtrArray) deployments = sc_deployment_list (ctx, error);

  *out = FALSE;
  for (guint i = 0; deployments != NULL && i < deployments->len && !*out; i++)
    {
      const ScDeployment *d = g_ptr_array_index (deployments, i);
      g_auto (ScHostPackage) its = { 0 };

      if (d->package == NULL || d->preinstalled || strcmp (d->name, container) == 0)
        continue;
      if (!sc_host_package_load (ctx, d->name, d->number, &its, NULL) || its.manager == NULL)
        continue;
      *out = strcmp (its.package->name, package) == 0;
    }
  return deployments != NULL;
}

gboolean
sc_host_package_check_removal (const ScContext *ctx, const char *name, int number, GCancellable *cancellable,
                               GError **error)
{
  g_auto (ScHostPackage) package = { 0 };
  gboolean shared = FALSE;

  /* One that cannot be read is found out about when it is removed. */
  if (!sc_host_package_load (ctx, name, number, &package, NULL) || package.manager == NULL)
    return TRUE;
  if (!sc_host_package_is_shared (ctx, name, package.package->name, &shared, error))
    return FALSE;
  return shared || sc_package_can_remove (package.manager, ctx, package.package->name, cancellable, error);
}

/* -- putting -- */

/* Package managers do not flush all that they write. */
static gboolean
flush (const ScContext *ctx, const char *const *paths, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);

  for (; *paths != NULL; paths++)
    {
      g_autofree char *real = sc_context_path (ctx, *paths), *dir = g_path_get_dirname (real);
      SC_AUTOFD int fd = open (dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      g_autofree gint64 *device = g_new0 (gint64, 1);
      struct stat st;

      if (fd < 0 || fstat (fd, &st) != 0)
        continue;
      *device = (gint64)st.st_dev;
      if (!g_hash_table_contains (seen, device) && !sc_fs_sync_all (fd, error))
        return sc_prefix (error, "%s", dir);
      g_hash_table_add (seen, g_steal_pointer (&device));
    }
  return TRUE;
}

static gboolean
flush_package (const ScContext *ctx, char **paths, GError **error)
{
  static const char *const usual[] = { "/x", "/usr/x", "/etc/x", "/var/lib/x", "/usr/lib/sysimage/x", NULL };

  return flush (ctx, usual, error) && flush (ctx, (const char *const *)paths, error);
}

static gboolean
take (const ScLive *live, const ScHostPackage *p, ScPackageMode mode, GError **error)
{
  g_auto (GStrv) paths = NULL;

  if (p->file == NULL)
    return sc_fail (error, SC_ERROR_NOT_FOUND, "its package %s was not kept", p->package->name);
  sc_progress_step (live->sink, "Installing package %s %s", p->package->name, p->package->version);
  if (!sc_package_install (p->manager, live->ctx, p->file, mode, NULL, error))
    return FALSE;
  paths = sc_package_list (p->manager, live->ctx, p->package->name, NULL, error);
  return paths != NULL && flush_package (live->ctx, paths, error);
}

static gboolean
drop (const ScLive *live, const ScHostPackage *p, GError **error)
{
  g_auto (GStrv) paths = NULL;
  g_autofree char *kept = NULL;
  ScPackageState state;
  gboolean shared = FALSE;

  if (!sc_host_package_is_shared (live->ctx, live->lock->name, p->package->name, &shared, error)
      || !sc_package_find (p->manager, live->ctx, p->package->name, &state, NULL, NULL, error))
    return FALSE;
  if (shared || state == SC_PACKAGE_ABSENT)
    return TRUE;
  paths = sc_package_list (p->manager, live->ctx, p->package->name, NULL, NULL);
  sc_progress_step (live->sink, "Removing package %s", p->package->name);
  if (!sc_package_remove (p->manager, live->ctx, p->package->name, &kept, NULL, error))
    return FALSE;
  if (kept != NULL)
    sc_progress_note (live->sink, "%s: what was changed by hand stays: %s", live->lock->name, kept);
  return paths == NULL || flush_package (live->ctx, paths, error);
}

static gboolean
is_right (const ScLive *live, const ScHostPackage *p, gboolean *out, GError **error)
{
  g_autofree char *version = NULL;
  ScPackageState state;

  if (!sc_package_find (p->manager, live->ctx, p->package->name, &state, &version, NULL, error))
    return FALSE;
  *out = state == SC_PACKAGE_INSTALLED && g_strcmp0 (version, p->package->version) == 0;
  return TRUE;
}

/* Whatever was begun with this package: its files are all there then, and the manager knows them. */
static void
complete (const ScLive *live, const ScHostPackage *p)
{
  g_autoptr (GError) local = NULL;

  if (p->manager == NULL || p->file == NULL)
    return;
  if (!sc_package_install (p->manager, live->ctx, p->file, SC_PACKAGE_WHATEVER_IS, NULL, &local))
    g_debug ("%s: %s", p->file, local->message);
}

/* What a killed manager left is in the way of the next. */
static gboolean
clean (const ScLive *live, const ScHostPackage *p, GError **error)
{
  return p->manager == NULL || p->file == NULL || sc_package_clean (p->manager, live->ctx, p->file, error);
}

static gboolean
same_package (const ScHostPackage *a, const ScHostPackage *b)
{
  return a->manager == b->manager && strcmp (a->package->name, b->package->name) == 0;
}

gboolean
sc_host_package_put (const ScLive *live, int number, int other, GError **error)
{
  const char *name = live->lock->name;
  g_auto (ScHostPackage) wanted = { 0 }, old = { 0 };
  gboolean right = FALSE;

  if (!sc_host_package_load (live->ctx, name, number, &wanted, error)
      || !sc_host_package_load (live->ctx, name, other, &old, error))
    return FALSE;
  if (live->resumed && (!clean (live, &wanted, error) || !clean (live, &old, error)))
    return FALSE;
  if (live->resumed)
    complete (live, &old);
  if (old.manager != NULL && (wanted.manager == NULL || !same_package (&old, &wanted)) && !drop (live, &old, error))
    return FALSE;
  if (wanted.manager == NULL || (!live->resumed && !is_right (live, &wanted, &right, error)))
    return wanted.manager == NULL;
  if (right)
    return TRUE;
  return take (live, &wanted, live->resumed ? SC_PACKAGE_WHATEVER_IS : SC_PACKAGE_CAREFULLY, error);
}
