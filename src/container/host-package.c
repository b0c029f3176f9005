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
#include "package-changed.h"

void
sc_host_package_clear (ScHostPackage *package)
{
  g_clear_pointer (&package->file, g_free);
  g_clear_pointer (&package->problem, g_free);
  g_clear_pointer (&package->package, sc_package_file_free);
  package->manager = NULL;
}

char *
sc_host_package_file (const ScPackageManager *manager)
{
  return g_strconcat ("package.", manager->suffix, NULL);
}

/* -- which -- */

/* What the original tool kept of an rpm is its name, version and release. (transfer full) (nullable) */
static ScPackageFile *
foreign_package (const ScContext *ctx, const char *id)
{
  g_autofree char *name = g_strdup (id);

  if (sc_package_manager_find (ctx) != &sc_package_rpm)
    return NULL;
  for (guint i = 0; i < 2; i++)
    {
      char *dash = strrchr (name, '-');

      if (dash == NULL || dash == name || dash[1] == '\0')
        return NULL;
      *dash = '\0';
    }
  return sc_package_known (name, id + strlen (name) + 1, NULL);
}

/* What info says. */
static gboolean
load_known (const ScContext *ctx, const ScDeployment *d, ScHostPackage *out, GError **error)
{
  if (d == NULL || d->package == NULL)
    return TRUE;
  if (d->package_name == NULL)
    {
      out->package = foreign_package (ctx, d->package);
      out->manager = out->package != NULL ? &sc_package_rpm : NULL;
      return TRUE;
    }
  for (guint i = 0; sc_package_managers[i] != NULL && out->manager == NULL; i++)
    if (strcmp (sc_package_managers[i]->name, d->package_manager) == 0)
      out->manager = sc_package_managers[i];
  out->package = out->manager != NULL ? sc_package_known (d->package_name, d->package_version, error) : NULL;
  if (out->manager == NULL)
    return sc_fail (error, SC_ERROR_UNSUPPORTED, "info: atomic.package: there is no manager '%s'", d->package_manager);
  return out->package != NULL || sc_prefix (error, "info: atomic.package");
}

/* The file @path, of a package of which @out says what is known. */
static gboolean
load_file (const ScContext *ctx, const ScPackageManager *manager, char *path, ScHostPackage *out, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (ScPackageFile) package = sc_package_describe (manager, ctx, path, NULL, &local);

  if (package == NULL && out->manager == NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  if (package == NULL)
    out->problem = g_strdup (local->message);
  else if (out->manager != NULL && (out->manager != manager || strcmp (out->package->name, package->name) != 0))
    out->problem = g_strdup_printf ("%s: it is package %s, not %s", path, package->name, out->package->name);
  if (out->problem != NULL)
    return TRUE;
  g_clear_pointer (&out->package, sc_package_file_free);
  out->package = g_steal_pointer (&package);
  out->manager = manager;
  out->file = g_strdup (path);
  return TRUE;
}

static gboolean
load (const ScContext *ctx, const char *name, int number, ScHostPackage *out, GError **error)
{
  g_autofree char *checkouts = sc_context_path (ctx, ctx->checkouts);
  g_autoptr (ScDeployment) d = sc_deployment_load_number (ctx, name, number, NULL);

  if (!load_known (ctx, d, out, error))
    return FALSE;
  for (guint i = 0; sc_package_managers[i] != NULL; i++)
    {
      g_autofree char *file = sc_host_package_file (sc_package_managers[i]),
                      *path = g_strdup_printf ("%s/%s.%d/%s", checkouts, name, number, file);

      if (g_file_test (path, G_FILE_TEST_IS_REGULAR))
        return load_file (ctx, sc_package_managers[i], path, out, error);
    }
  if (out->manager != NULL)
    out->problem = g_strdup_printf ("its package %s was not kept", out->package->name);
  return TRUE;
}

gboolean
sc_host_package_load (const ScContext *ctx, const char *name, int number, ScHostPackage *out_package, GError **error)
{
  *out_package = (ScHostPackage){ 0 };
  if (number == SC_NO_DEPLOYMENT || load (ctx, name, number, out_package, error))
    return TRUE;
  sc_host_package_clear (out_package);
  return FALSE;
}

static gboolean
same_package (const ScHostPackage *a, const ScHostPackage *b)
{
  return a->manager == b->manager && strcmp (a->package->name, b->package->name) == 0;
}

/* -- checks -- */

/* What @other, which has no package, has put on the host.  A record that cannot be read says nothing. */
static gboolean
check_changed (const ScLive *live, const ScHostPackage *package, int other, GCancellable *cancellable, GError **error)
{
  g_autoptr (ScDeployment) d =
      other != SC_NO_DEPLOYMENT ? sc_deployment_load_number (live->ctx, live->lock->name, other, NULL) : NULL;

  return sc_package_check_changed (live->ctx, package->manager, package->file, d, cancellable, error);
}

gboolean
sc_host_package_check (const ScLive *live, int number, int other, GCancellable *cancellable, GError **error)
{
  g_auto (ScHostPackage) package = { 0 }, old = { 0 };
  ScPackagePlan plan = { 0 };

  if (!sc_host_package_load (live->ctx, live->lock->name, number, &package, error)
      || !sc_host_package_load (live->ctx, live->lock->name, other, &old, error))
    return FALSE;
  if (old.manager != NULL && !sc_package_wait (old.manager, live->ctx, live->sink, cancellable, error))
    return FALSE;
  if (package.manager == NULL)
    return TRUE;
  if (package.file == NULL)
    return sc_fail (error, SC_ERROR_NOT_FOUND, "%s", package.problem);
  if (old.manager == package.manager && !same_package (&old, &package))
    plan.replaces = old.package->name;
  return sc_package_wait (package.manager, live->ctx, live->sink, cancellable, error)
         && check_changed (live, &package, other, cancellable, error)
         && sc_package_prepare (package.manager, live->ctx, package.file, &plan, cancellable, error);
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
sc_host_package_check_removal (const ScLive *live, int number, GCancellable *cancellable, GError **error)
{
  g_auto (ScHostPackage) package = { 0 };
  gboolean shared = FALSE;

  /* One that cannot be read is found out about when it is removed. */
  if (!sc_host_package_load (live->ctx, live->lock->name, number, &package, NULL) || package.manager == NULL)
    return TRUE;
  if (!sc_package_wait (package.manager, live->ctx, live->sink, cancellable, error)
      || !sc_host_package_is_shared (live->ctx, live->lock->name, package.package->name, &shared, error))
    return FALSE;
  return shared || sc_package_can_remove (package.manager, live->ctx, package.package->name, cancellable, error);
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
    return sc_fail (error, SC_ERROR_NOT_FOUND, "%s", p->problem);
  sc_progress_step (live->sink, "Installing package %s %s", p->package->name, p->package->version);
  if (!sc_package_install (p->manager, live->ctx, p->file, mode, NULL, error))
    return FALSE;
  paths = sc_package_list (p->manager, live->ctx, p->package->name, NULL, error);
  return paths != NULL && flush_package (live->ctx, paths, error);
}

/* Files of a package may be left that the manager knows no more: with the package once more it does. Takes @failed. */
static gboolean
remove_again (const ScLive *live, const ScHostPackage *p, GError *failed, GError **error)
{
  g_autofree char *kept = NULL;
  ScPackageState state;

  if (p->file == NULL || g_error_matches (failed, G_IO_ERROR, G_IO_ERROR_CANCELLED)
      || !sc_package_find (p->manager, live->ctx, p->package->name, &state, NULL, NULL, NULL)
      || state != SC_PACKAGE_ABSENT)
    return g_propagate_error (error, failed), FALSE;
  g_debug ("%s", failed->message);
  g_error_free (failed);
  return sc_package_install (p->manager, live->ctx, p->file, SC_PACKAGE_WHATEVER_IS, NULL, error)
         && sc_package_remove (p->manager, live->ctx, p->package->name, &kept, NULL, error);
}

static gboolean
drop (const ScLive *live, const ScHostPackage *p, GError **error)
{
  g_auto (GStrv) paths = NULL;
  g_autofree char *kept = NULL;
  GError *local = NULL;
  ScPackageState state;
  gboolean shared = FALSE;

  if (!sc_host_package_is_shared (live->ctx, live->lock->name, p->package->name, &shared, error)
      || !sc_package_find (p->manager, live->ctx, p->package->name, &state, NULL, NULL, error))
    return FALSE;
  if (shared || state == SC_PACKAGE_ABSENT)
    return TRUE;
  paths = sc_package_list (p->manager, live->ctx, p->package->name, NULL, NULL);
  sc_progress_step (live->sink, "Removing package %s", p->package->name);
  if (!sc_package_remove (p->manager, live->ctx, p->package->name, &kept, NULL, &local)
      && !remove_again (live, p, local, error))
    return FALSE;
  if (kept != NULL)
    sc_progress_note (live->sink, "%s: what was changed by hand stays: %s", live->lock->name, kept);
  return paths == NULL || flush_package (live->ctx, paths, error);
}

static gboolean
same_bytes (const char *a, const char *b, gboolean *out, GError **error)
{
  g_autoptr (GMappedFile) x = g_mapped_file_new (a, FALSE, error);
  g_autoptr (GMappedFile) y = x != NULL ? g_mapped_file_new (b, FALSE, error) : NULL;
  gsize size = y != NULL ? g_mapped_file_get_length (x) : 0;

  if (y == NULL)
    return FALSE;
  *out = size == g_mapped_file_get_length (y)
         && (size == 0 || memcmp (g_mapped_file_get_contents (x), g_mapped_file_get_contents (y), size) == 0);
  return TRUE;
}

/* Is it installed already?  One version may come with this content or with that: only that of the same file is.  What
 * has no file any more is known by its version alone. */
static gboolean
is_right (const ScLive *live, const ScHostPackage *p, const ScHostPackage *other, gboolean *out, GError **error)
{
  g_autofree char *version = NULL;
  ScPackageState state;
  gboolean same = p->file == NULL;

  if (!sc_package_find (p->manager, live->ctx, p->package->name, &state, &version, NULL, error)
      || (p->file != NULL && other->file != NULL && !same_bytes (p->file, other->file, &same, error)))
    return FALSE;
  *out = same && state == SC_PACKAGE_INSTALLED && g_strcmp0 (version, p->package->version) == 0;
  return TRUE;
}

/* Whatever was begun with this package: its files are all there then, and the manager knows them. */
static void
complete (const ScLive *live, const ScHostPackage *p)
{
  g_autoptr (GError) local = NULL;

  if (p->manager == NULL || p->file == NULL)
    return;
  if (!sc_package_install (p->manager, live->ctx, p->file, SC_PACKAGE_COMPLETE, NULL, &local))
    g_debug ("%s: %s", p->file, local->message);
}

/* What a killed manager left is in the way of the next. */
static gboolean
clean (const ScLive *live, const ScHostPackage *p, GError **error)
{
  return p->manager == NULL || p->file == NULL || sc_package_clean (p->manager, live->ctx, p->file, error);
}

static gboolean
put (const ScLive *live, int number, int other, GError **error)
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
  if (wanted.manager == NULL)
    return TRUE;
  if ((!live->resumed || wanted.file == NULL) && !is_right (live, &wanted, &old, &right, error))
    return FALSE;
  if (right)
    return TRUE;
  return take (live, &wanted, live->resumed ? SC_PACKAGE_WHATEVER_IS : SC_PACKAGE_CAREFULLY, error);
}

/* A service that a script starts in the middle of a boot waits for the boot, which waits for us. */
static gboolean
put_in_boot (const ScLive *live, int number, int other, GError **error)
{
  gboolean done;

  if (!live->recovering || !sc_systemd_is_booting (live->systemd, NULL))
    return put (live, number, other, error);
  sc_package_set_offline (TRUE);
  done = put (live, number, other, error);
  sc_package_set_offline (FALSE);
  return done;
}

gboolean
sc_host_package_put (const ScLive *live, int number, int other, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (put_in_boot (live, number, other, &local))
    return TRUE;
  if (!live->force || g_error_matches (local, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  sc_progress_note (live->sink, "%s: %s", live->lock->name, local->message);
  return TRUE;
}
