/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A container's unit and the host's.  Decides what of links is the container's by the [Install] sections in its
 * deployments; what the host's own unit of the same name had is recorded before anything changes, and made again from
 * the record alone, so that it can be repeated.
 */
#include "host-unit.h"

#include <fcntl.h>
#include <string.h>

#include "fs.h"
#include "unit-links.h"

/* -- what came with the host -- */

/* In the order in which systemd looks, after UNIT_DIR. */
static const char *const unit_dirs[] = { "/run/systemd/system", "/usr/local/lib/systemd/system",
                                         "/usr/lib/systemd/system", "/lib/systemd/system", NULL };
static const char *const tmpfiles_dirs[] = { "/run/tmpfiles.d", "/usr/local/lib/tmpfiles.d", "/usr/lib/tmpfiles.d",
                                             NULL };

/* (transfer full) (nullable): as the host sees it. */
static char *
find_file (const ScContext *ctx, const char *const *dirs, const char *file)
{
  for (; *dirs != NULL; dirs++)
    {
      g_autofree char *path = g_build_filename (*dirs, file, NULL);

      if (sc_context_exists (ctx, path))
        return g_steal_pointer (&path);
    }
  return NULL;
}

static void
note_file (const ScContext *ctx, const char *const *dirs, const char *file, const ScProgressSink *sink)
{
  g_autofree char *path = find_file (ctx, dirs, file);

  if (path != NULL)
    sc_progress_note (sink, "%s of the host (%s) is replaced while the container is installed", file, path);
}

void
sc_host_unit_note (const ScContext *ctx, const char *name, gboolean unit, gboolean tmpfiles, const ScProgressSink *sink)
{
  g_autofree char *unit_file = sc_unit_name (name), *tmpfiles_file = g_strconcat (name, ".conf", NULL);

  if (unit)
    note_file (ctx, unit_dirs, unit_file, sink);
  if (tmpfiles)
    note_file (ctx, tmpfiles_dirs, tmpfiles_file, sink);
}

gboolean
sc_host_unit_record (const ScContext *ctx, const ScDeployment *live, ScDeployment *d, gboolean tmpfiles,
                     const ScProgressSink *sink, GError **error)
{
  g_autofree char *unit = sc_unit_name (d->name), *path = find_file (ctx, unit_dirs, unit);
  gboolean is_new = d->has_container_service && (live == NULL || !live->has_container_service);

  sc_host_unit_note (ctx, d->name, is_new, tmpfiles && live == NULL, sink);
  if (is_new && path != NULL)
    return sc_unit_links_list (ctx, unit, &d->replaced_links, error);
  if (d->has_container_service && !is_new && live->replaced_links != NULL)
    d->replaced_links = g_hash_table_ref (live->replaced_links);
  return TRUE;
}

gboolean
sc_host_unit_restore (const ScLive *live, int number, GError **error)
{
  const char *name = live->lock->name;
  g_autoptr (ScDeployment) d = sc_deployment_load_number (live->ctx, name, number, NULL);
  g_autofree char *unit = sc_unit_name (name), *path = find_file (live->ctx, unit_dirs, unit);

  if (d == NULL || d->replaced_links == NULL || path == NULL)
    return TRUE;
  return sc_unit_links_restore (live->ctx, unit, d->replaced_links, error);
}

/* -- before anything changes -- */

/* May what is there be the container's?  Of a deployment that is damaged nobody knows. */
static gboolean
may_be_ours (const ScLive *live, int from, const char *file, gboolean is_unit)
{
  g_autoptr (ScDeployment) d = NULL;

  if (from == SC_NO_DEPLOYMENT || sc_live_has (live, from, file))
    return from != SC_NO_DEPLOYMENT;
  d = sc_deployment_load_number (live->ctx, live->lock->name, from, NULL);
  return d == NULL || (is_unit && d->has_container_service);
}

static gboolean
check_file (const ScLive *live, const char *dir, int from, const char *file, const char *path, gboolean is_unit,
            GError **error)
{
  g_autofree char *copy = g_build_filename (dir, file, NULL);

  return !sc_fs_exists_at (live->lock->checkouts->dfd, copy) || !sc_context_exists (live->ctx, path)
         || may_be_ours (live, from, file, is_unit)
         || sc_fail (error, SC_ERROR_FAILED, "%s exists already and is not the container's", path);
}

/* @out: (transfer full) (nullable): NULL if there is no unit. */
static gboolean
load_install (const ScLive *live, const char *dir, ScUnitInstall **out, GError **error)
{
  g_autofree char *unit = sc_unit_name (live->lock->name), *copy = g_build_filename (dir, unit, NULL);
  g_autoptr (GBytes) text = NULL;
  gsize size = 0;
  const char *data;

  *out = NULL;
  if (!sc_fs_read_if_there_at (live->lock->checkouts->dfd, copy, SC_UNIT_MAX_SIZE, &text, error))
    return FALSE;
  if (text == NULL)
    return TRUE;
  data = g_bytes_get_data (text, &size);
  *out = sc_unit_install_parse (unit, data != NULL ? data : "", size, error);
  return *out != NULL;
}

static gboolean
load_install_of (const ScLive *live, int number, ScUnitInstall **out, GError **error)
{
  g_autofree char *dir = g_strdup_printf ("%s.%d", live->lock->name, number);

  *out = NULL;
  return number == SC_NO_DEPLOYMENT || load_install (live, dir, out, error);
}

/* systemd knows what we do not, specifiers of the host. */
static gboolean
check_links (const ScLive *live, const char *dir, GError **error)
{
  g_autofree char *unit = sc_unit_name (live->lock->name);
  g_autoptr (ScUnitInstall) install = NULL;
  g_autoptr (GError) local = NULL;

  if (load_install (live, dir, &install, &local))
    return install == NULL || sc_unit_links_check (live->ctx, unit, install, error);
  if (sc_systemd_is_running (live->systemd) && local->domain == SC_ERROR)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

gboolean
sc_host_unit_check (const ScLive *live, const char *dir, int from, GError **error)
{
  const char *name = live->lock->name;
  g_autofree char *unit = sc_unit_name (name), *unit_path = sc_unit_path (live->ctx, name),
                  *tmpfiles = sc_tmpfiles_name (name), *tmpfiles_path = sc_tmpfiles_path (live->ctx, name);

  return check_file (live, dir, from, unit, unit_path, TRUE, error)
         && check_file (live, dir, from, tmpfiles, tmpfiles_path, FALSE, error) && check_links (live, dir, error);
}

/* -- enabling -- */

gboolean
sc_host_unit_was_enabled (const ScLive *live, int number, gboolean *out_enabled, GError **error)
{
  g_autofree char *unit = sc_unit_name (live->lock->name);
  g_autoptr (ScUnitInstall) install = NULL;

  *out_enabled = FALSE;
  if (!load_install_of (live, number, &install, NULL))
    return sc_unit_links_exist (live->ctx, unit, out_enabled, error);
  if (install == NULL)
    return TRUE;
  *out_enabled = install->is_empty;
  return install->is_empty || sc_unit_links_asked (live->ctx, unit, install, out_enabled, error);
}

gboolean
sc_host_unit_starts (const char *unit, const char *text)
{
  g_autoptr (ScUnitInstall) install = text != NULL ? sc_unit_install_parse (unit, text, strlen (text), NULL) : NULL;

  return install == NULL || !install->is_empty;
}

gboolean
sc_host_unit_starts_in (const ScLive *live, int number)
{
  g_autoptr (ScUnitInstall) install = NULL;

  return !load_install_of (live, number, &install, NULL) || install == NULL || !install->is_empty;
}

gboolean
sc_host_unit_enable (const ScLive *live, int number, int other, GCancellable *cancellable, GError **error)
{
  g_autofree char *unit = sc_unit_name (live->lock->name);
  g_autoptr (ScUnitInstall) next = NULL, old = NULL;

  /* What systemd only understands, it enables; of what it made nobody knows which links are the container's. */
  (void)!load_install_of (live, number, &next, NULL);
  if (!load_install_of (live, other, &old, NULL))
    {
      if (!sc_systemd_disable (live->systemd, unit, cancellable, error))
        return FALSE;
    }
  else if (old != NULL && !sc_unit_links_remove (live->ctx, unit, old, next, error))
    return FALSE;
  if (next == NULL || !next->is_empty)
    {
      sc_progress_step (live->sink, "systemctl enable %s", live->lock->name);
      return sc_systemd_enable (live->systemd, unit, cancellable, error);
    }
  return TRUE;
}
