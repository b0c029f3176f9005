/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Links and host files of a container.  Each of the files is whole or absent at every moment, and is written only if it
 * is not there already.
 */
#include "live.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "fs.h"
#include "host-files.h"
#include "host-package.h"
#include "host-unit.h"
#include "tmpfiles-run.h"
#include "unit-links.h"

#define FILE_LIMIT (8 * 1024 * 1024)

char *
sc_unit_name (const char *name)
{
  return g_strconcat (name, ".service", NULL);
}

char *
sc_tmpfiles_name (const char *name)
{
  return g_strdup_printf ("tmpfiles-%s.conf", name);
}

char *
sc_unit_path (const ScContext *ctx, const char *name)
{
  return g_strdup_printf ("%s/%s.service", ctx->unit_dir, name);
}

char *
sc_tmpfiles_path (const ScContext *ctx, const char *name)
{
  return g_strdup_printf ("%s/%s.conf", ctx->tmpfiles_dir, name);
}

char *
sc_deployment_file (const char *name, int number, const char *file)
{
  return g_strdup_printf ("%s.%d/%s", name, number, file);
}

/* -- the link -- */

int
sc_live_number (int dfd, const char *name)
{
  g_autofree char *target = sc_fs_read_link_at (dfd, name, NULL);
  g_autofree char *base = target != NULL ? g_path_get_basename (target) : NULL;
  const char *suffix = base != NULL ? sc_deployment_suffix_of (base, name) : NULL;
  guint64 number = 0;

  if (suffix == NULL || !g_ascii_string_to_unsigned (suffix + 1, 10, 0, G_MAXINT, &number, NULL))
    return SC_NO_DEPLOYMENT;
  return (int)number;
}

gboolean
sc_live_set_link (const ScLive *live, int number, GError **error)
{
  int dfd = live->lock->checkouts->dfd;
  const char *name = live->lock->name;
  g_autofree char *target = g_strdup_printf ("%s.%d", name, number);

  if (number == SC_NO_DEPLOYMENT)
    return sc_fs_unlink_at (dfd, name, error) && sc_fs_sync_dir_at (dfd, ".", error);
  return sc_fs_replace_symlink_at (dfd, target, name, error);
}

/* -- files -- */

gboolean
sc_live_has (const ScLive *live, int number, const char *file)
{
  g_autofree char *path = sc_deployment_file (live->lock->name, number, file);

  return number != SC_NO_DEPLOYMENT && sc_fs_exists_at (live->lock->checkouts->dfd, path);
}

gboolean
sc_live_unit_is_there (const ScLive *live)
{
  g_autofree char *path = sc_unit_path (live->ctx, live->lock->name);

  return sc_context_exists (live->ctx, path);
}

/* @out_text: (nullable): the copy in the deployment. */
static gboolean
read_copy (const ScLive *live, int number, const char *file, GBytes **out_text, GError **error)
{
  g_autofree char *path = sc_deployment_file (live->lock->name, number, file);

  *out_text = NULL;
  if (!sc_live_has (live, number, file))
    return TRUE;
  *out_text = sc_fs_read_file_at (live->lock->checkouts->dfd, path, FILE_LIMIT, error);
  return *out_text != NULL;
}

static gboolean
remove_file (const ScContext *ctx, const char *path, GError **error)
{
  g_autofree char *real = sc_context_path (ctx, path), *dir = g_path_get_dirname (real);

  if (!sc_fs_exists_at (AT_FDCWD, real))
    return TRUE;
  return sc_fs_unlink_at (AT_FDCWD, real, error) && sc_fs_sync_dir_at (AT_FDCWD, dir, error);
}

static gboolean
write_file (const ScContext *ctx, const char *path, GBytes *text, GError **error)
{
  g_autofree char *real = sc_context_path (ctx, path), *dir = g_path_get_dirname (real);
  gsize size = 0;
  const char *data = g_bytes_get_data (text, &size);

  return sc_fs_mkdir_p_at (AT_FDCWD, dir, 0755, error) && sc_fs_write_file_at (AT_FDCWD, real, data, size, 0644, error);
}

static gboolean
is_same (const ScContext *ctx, const char *path, GBytes *text)
{
  g_autofree char *real = sc_context_path (ctx, path);
  g_autoptr (GBytes) there = NULL;
  struct stat st;

  /* Not a link to the same. */
  if (lstat (real, &st) != 0 || !S_ISREG (st.st_mode))
    return FALSE;
  there = sc_fs_read_file_at (AT_FDCWD, real, FILE_LIMIT, NULL);
  return there != NULL && g_bytes_equal (there, text);
}

/* What is there is neither deployment's: somebody has changed it, and is told before it goes. */
static gboolean
note_changed (const ScLive *live, const char *path, int other, const char *copy, GError **error)
{
  g_autofree char *real = sc_context_path (live->ctx, path);
  g_autoptr (GBytes) old = NULL;

  if (!read_copy (live, other, copy, &old, error))
    return FALSE;
  if (old != NULL && sc_fs_exists_at (AT_FDCWD, real) && !is_same (live->ctx, path, old))
    sc_progress_note (live->sink, "%s: %s was changed by hand: that is not kept", live->lock->name, path);
  return TRUE;
}

static gboolean
put_file (const ScLive *live, const char *path, int number, int other, const char *copy, gboolean *out_changed,
          GError **error)
{
  g_autoptr (GBytes) text = NULL;

  *out_changed = FALSE;
  if (!read_copy (live, number, copy, &text, error))
    return FALSE;
  if (text == NULL)
    {
      *out_changed = sc_live_has (live, other, copy);
      if (!*out_changed)
        return TRUE;
      (void)!note_changed (live, path, other, copy, NULL);
      return remove_file (live->ctx, path, error);
    }
  if (is_same (live->ctx, path, text))
    return TRUE;
  *out_changed = TRUE;
  return note_changed (live, path, other, copy, error) && write_file (live->ctx, path, text, error);
}

static gboolean
put_unit (const ScLive *live, int number, int other, gboolean *out_changed, GError **error)
{
  const char *name = live->lock->name;
  g_autofree char *unit = sc_unit_name (name), *unit_path = sc_unit_path (live->ctx, name),
                  *tmpfiles = sc_tmpfiles_name (name), *tmpfiles_path = sc_tmpfiles_path (live->ctx, name);
  gboolean tmpfiles_changed = FALSE, goes = !sc_live_has (live, number, unit) && sc_live_has (live, other, unit);

  if (goes && !sc_systemd_disable (live->systemd, unit, NULL, error))
    return FALSE;
  return put_file (live, tmpfiles_path, number, other, tmpfiles, &tmpfiles_changed, error)
         && put_file (live, unit_path, number, other, unit, out_changed, error)
         && (!goes || sc_host_unit_restore (live, other, error));
}

/* What goes goes before what comes. */
static gboolean
put_host (const ScLive *live, int number, int other, GError **error)
{
  g_auto (ScHostPackage) package = { 0 };

  if (!sc_host_package_load (live->ctx, live->lock->name, number, &package, error))
    return FALSE;
  if (package.manager == NULL)
    return sc_host_package_put (live, number, other, error) && sc_host_files_put (live, number, other, error);
  return sc_host_files_put (live, number, other, error) && sc_host_package_put (live, number, other, error);
}

gboolean
sc_live_put_files (const ScLive *live, int number, int other, gboolean *out_changed, GError **error)
{
  /* A unit finds the files that it needs. */
  if (number == SC_NO_DEPLOYMENT)
    return put_unit (live, number, other, out_changed, error) && put_host (live, number, other, error);
  return put_host (live, number, other, error) && put_unit (live, number, other, out_changed, error);
}

/* -- systemd -- */

/* systemd-tmpfiles may be missing where systemd does not run; then it is somebody else's job to make the directories.
 */
static gboolean
create_tmpfiles (const ScLive *live, GCancellable *cancellable, GError **error)
{
  g_autofree char *path = sc_tmpfiles_path (live->ctx, live->lock->name);
  g_autoptr (GError) local = NULL;

  sc_progress_step (live->sink, "systemd-tmpfiles --create %s", path);
  if (sc_tmpfiles_create (live->ctx, path, cancellable, &local))
    return TRUE;
  if (live->recovering
      || (g_error_matches (local, SC_ERROR, SC_ERROR_UNAVAILABLE) && !sc_systemd_is_running (live->systemd)))
    {
      sc_progress_note (live->sink, "%s: its directories were not created", local->message);
      return TRUE;
    }
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

gboolean
sc_live_tell_systemd (const ScLive *live, int number, int other, gboolean enable, GCancellable *cancellable,
                      GError **error)
{
  g_autofree char *unit = sc_unit_name (live->lock->name), *tmpfiles = sc_tmpfiles_name (live->lock->name);
  gboolean has_unit = sc_live_has (live, number, unit);
  g_autoptr (GError) local = NULL;

  if (sc_systemd_is_running (live->systemd))
    {
      sc_progress_step (live->sink, "systemctl daemon-reload");
      if (!sc_systemd_reload (live->systemd, cancellable, error))
        return FALSE;
    }
  if (sc_live_has (live, number, tmpfiles) && !create_tmpfiles (live, cancellable, error))
    return FALSE;
  if (enable && has_unit && !sc_host_unit_enable (live, number, other, cancellable, &local))
    {
      /* Somebody's file may have taken a link's place since: what runs matters more. */
      if (!live->recovering || !g_error_matches (local, SC_ERROR, SC_ERROR_EXISTS))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
      sc_progress_note (live->sink, "%s: %s", live->lock->name, local->message);
    }
  /* Links of the host's own unit, made again while there was none of the container, mean the container's now. */
  if (!enable && has_unit && sc_live_has (live, other, "info") && !sc_live_has (live, other, unit)
      && !sc_systemd_disable (live->systemd, unit, cancellable, error))
    return FALSE;
  /* systemd makes its links without flushing them. */
  return sc_unit_links_flush (live->ctx, error);
}

void
sc_live_remove_tmpfiles (const ScLive *live, int number, GCancellable *cancellable)
{
  g_autofree char *path = sc_tmpfiles_path (live->ctx, live->lock->name), *copy = sc_tmpfiles_name (live->lock->name);
  g_autoptr (GError) local = NULL;

  if (!sc_live_has (live, number, copy) || !sc_context_exists (live->ctx, path))
    return;
  sc_progress_step (live->sink, "systemd-tmpfiles --remove %s", path);
  if (!sc_tmpfiles_remove (live->ctx, path, cancellable, &local))
    sc_progress_note (live->sink, "%s", local->message);
}

/* -- what is left of the dead -- */

static gboolean
clean_dir (const ScContext *ctx, const char *path, GError **error)
{
  g_autofree char *real = sc_context_path (ctx, path), *dir = g_path_get_dirname (real),
                  *file = g_path_get_basename (real);

  return sc_fs_remove_temps_at (AT_FDCWD, dir, file, S_IFREG, error);
}

gboolean
sc_live_clean (const ScLive *live, const ScJournal *journal, GError **error)
{
  const char *name = live->lock->name;
  g_autofree char *unit = sc_unit_name (name), *unit_path = sc_unit_path (live->ctx, name),
                  *tmpfiles_path = sc_tmpfiles_path (live->ctx, name);

  return clean_dir (live->ctx, unit_path, error) && clean_dir (live->ctx, tmpfiles_path, error)
         && sc_unit_links_clean (live->ctx, unit, error)
         && sc_host_files_clean (live->ctx, live->lock, journal->from, journal->to, error);
}
