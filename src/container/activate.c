/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making a deployment live, and a container not.  The order of the steps is the design's; nothing else writes units,
 * tmpfiles files or links.  Undoing never stops at its first error and never hides the error that made it necessary.
 */
#include "activate.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "fs.h"
#include "tmpfiles-run.h"

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

static gboolean
remove_file (const ScContext *ctx, const char *path, GError **error)
{
  g_autofree char *real = sc_context_path (ctx, path), *dir = g_path_get_dirname (real);

  if (!sc_fs_exists_at (AT_FDCWD, real))
    return TRUE;
  if (!sc_fs_unlink_at (AT_FDCWD, real, error) || !sc_fs_sync_dir_at (AT_FDCWD, dir, error))
    return sc_prefix (error, "%s", path);
  return TRUE;
}

/* Removes the host file @path if it is to the byte the file @file of the directory @dir. */
static gboolean
remove_dead_file (const ScContext *ctx, const char *path, int dir, const char *file, GError **error)
{
  g_autofree char *real = sc_context_path (ctx, path);
  g_autoptr (GBytes) theirs = sc_fs_read_file_at (AT_FDCWD, real, FILE_LIMIT, NULL);
  g_autoptr (GBytes) ours = sc_fs_read_file_at (dir, file, FILE_LIMIT, NULL);

  return theirs == NULL || ours == NULL || !g_bytes_equal (theirs, ours) || remove_file (ctx, path, error);
}

gboolean
sc_container_remove_dead (const ScContext *ctx, int checkouts, const char *name, const char *dir, GError **error)
{
  g_autofree char *unit = sc_unit_name (name), *unit_path = sc_unit_path (ctx, name),
                  *tmpfiles = sc_tmpfiles_name (name), *tmpfiles_path = sc_tmpfiles_path (ctx, name);
  SC_AUTOFD int dfd = sc_fs_open_dir_at (checkouts, dir, error);

  return dfd >= 0 && remove_dead_file (ctx, unit_path, dfd, unit, error)
         && remove_dead_file (ctx, tmpfiles_path, dfd, tmpfiles, error);
}

/* Writes a host file that must not be there yet, with the directory it is in. */
static gboolean
put_file (const ScContext *ctx, const char *path, const char *text, GError **error)
{
  g_autofree char *real = sc_context_path (ctx, path), *dir = g_path_get_dirname (real);

  if (sc_fs_exists_at (AT_FDCWD, real))
    return sc_fail (error, SC_ERROR_FAILED, "%s exists already and is not of this container", path);
  if (!sc_fs_mkdir_p_at (AT_FDCWD, dir, 0755, error)
      || !sc_fs_write_file_at (AT_FDCWD, real, text, strlen (text), 0644, error))
    {
      /* It was not there before; renamed but not flushed is not good enough. */
      if (unlink (real) != 0 && errno != ENOENT)
        g_debug ("undo: %s: %s", real, g_strerror (errno));
      return sc_prefix (error, "%s", path);
    }
  return TRUE;
}

static gboolean
put_link (const ScContext *ctx, const ScDeployment *d, GError **error)
{
  g_autofree char *checkouts = sc_context_path (ctx, ctx->checkouts);
  g_autofree char *target = g_strdup_printf ("%s.%d", d->name, d->number);
  SC_AUTOFD int dfd = sc_fs_open_dir_at (AT_FDCWD, checkouts, error);

  if (dfd < 0)
    return FALSE;
  if (sc_fs_replace_symlink_at (dfd, target, d->name, error))
    return TRUE;
  if (unlinkat (dfd, d->name, 0) != 0 && errno != ENOENT)
    g_debug ("undo: %s: %s", d->name, g_strerror (errno));
  return FALSE;
}

static gboolean
remove_link (const ScContext *ctx, const char *name, GError **error)
{
  g_autofree char *link = g_strdup_printf ("%s/%s", ctx->checkouts, name);

  return remove_file (ctx, link, error);
}

/* systemd-tmpfiles may be missing where systemd does not run; then it is somebody else's job to make the directories.
 */
static gboolean
create_tmpfiles (const ScContext *ctx, ScSystemd *systemd, const char *path, const ScProgressSink *sink,
                 GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) local = NULL;

  sc_progress_step (sink, "systemd-tmpfiles --create %s", path);
  if (sc_tmpfiles_create (ctx, path, cancellable, &local))
    return TRUE;
  if (g_error_matches (local, SC_ERROR, SC_ERROR_UNAVAILABLE) && !sc_systemd_is_running (systemd))
    {
      sc_progress_note (sink, "%s: its directories were not created", local->message);
      return TRUE;
    }
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

static gboolean
tell_systemd (const ScContext *ctx, ScSystemd *systemd, const ScDeployment *d, gboolean has_unit, gboolean has_tmpfiles,
              const ScProgressSink *sink, GCancellable *cancellable, GError **error)
{
  g_autofree char *unit = sc_unit_name (d->name), *tmpfiles = sc_tmpfiles_path (ctx, d->name);

  if (has_unit && sc_systemd_is_running (systemd))
    {
      sc_progress_step (sink, "systemctl daemon-reload");
      if (!sc_systemd_reload (systemd, cancellable, error))
        return FALSE;
    }
  if (has_tmpfiles && !create_tmpfiles (ctx, systemd, tmpfiles, sink, cancellable, error))
    return FALSE;
  if (!has_unit)
    return TRUE;
  sc_progress_step (sink, "systemctl enable %s", d->name);
  if (!sc_systemd_enable (systemd, unit, cancellable, error))
    return FALSE;
  if (!sc_systemd_is_running (systemd))
    sc_progress_note (sink, "systemd is not running: %s was written and enabled, nothing was started", unit);
  return TRUE;
}

typedef enum
{
  DONE_NOTHING,
  DONE_TMPFILES,
  DONE_LINK,
  DONE_UNIT
} Done;

static gboolean
put_all (const ScContext *ctx, const ScDeployment *d, const char *unit, const char *tmpfiles, Done *done,
         GError **error)
{
  g_autofree char *unit_path = sc_unit_path (ctx, d->name), *tmpfiles_path = sc_tmpfiles_path (ctx, d->name);

  if (tmpfiles != NULL && !put_file (ctx, tmpfiles_path, tmpfiles, error))
    return FALSE;
  *done = DONE_TMPFILES;
  if (!put_link (ctx, d, error))
    return FALSE;
  *done = DONE_LINK;
  if (unit != NULL && !put_file (ctx, unit_path, unit, error))
    return FALSE;
  *done = DONE_UNIT;
  return TRUE;
}

/* Runs one step of an undoing: its error is for the log only. */
static void
try_step (gboolean ok, GError **error)
{
  if (!ok)
    {
      g_debug ("undo: %s", (*error)->message);
      g_clear_error (error);
    }
}

static void
undo (const ScContext *ctx, ScSystemd *systemd, const ScDeployment *d, gboolean has_unit, gboolean has_tmpfiles,
      Done done)
{
  g_autofree char *unit = sc_unit_name (d->name), *unit_path = sc_unit_path (ctx, d->name),
                  *tmpfiles = sc_tmpfiles_path (ctx, d->name);
  g_autoptr (GError) error = NULL;

  if (done >= DONE_UNIT && has_unit)
    {
      try_step (sc_systemd_disable (systemd, unit, NULL, &error), &error);
      try_step (remove_file (ctx, unit_path, &error), &error);
      try_step (sc_systemd_reload (systemd, NULL, &error), &error);
    }
  if (done >= DONE_LINK)
    try_step (remove_link (ctx, d->name, &error), &error);
  if (done >= DONE_TMPFILES && has_tmpfiles)
    try_step (remove_file (ctx, tmpfiles, &error), &error);
}

gboolean
sc_deployment_activate (const ScContext *ctx, const ScDeployment *d, const char *unit, const char *tmpfiles,
                        const ScProgressSink *sink, GCancellable *cancellable, GError **error)
{
  g_autoptr (ScSystemd) systemd = sc_systemd_new (ctx, cancellable, error);
  Done done = DONE_NOTHING;

  if (systemd == NULL)
    return FALSE;
  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;
  if (put_all (ctx, d, unit, tmpfiles, &done, error)
      && tell_systemd (ctx, systemd, d, unit != NULL, tmpfiles != NULL, sink, cancellable, error))
    return TRUE;
  undo (ctx, systemd, d, unit != NULL, tmpfiles != NULL, done);
  return FALSE;
}

static gboolean
remove_tmpfiles (const ScContext *ctx, const char *name, const ScProgressSink *sink, GCancellable *cancellable,
                 GError **error)
{
  g_autofree char *path = sc_tmpfiles_path (ctx, name), *real = sc_context_path (ctx, path);
  g_autoptr (GError) local = NULL;

  if (!sc_fs_exists_at (AT_FDCWD, real))
    return TRUE;
  sc_progress_step (sink, "systemd-tmpfiles --remove %s", path);
  if (!sc_tmpfiles_remove (ctx, path, cancellable, &local))
    sc_progress_note (sink, "%s", local->message);
  return remove_file (ctx, path, error);
}

/* Is @file one of the live deployment's?  Without it a host file of that name is not the container's.  The link may be
 * absolute, as the original tool writes it, and then means a path below the root. */
static gboolean
deployment_has (const ScContext *ctx, const char *name, const char *file)
{
  g_autofree char *path = g_strdup_printf ("%s/%s/%s", ctx->checkouts, name, file);
  SC_AUTOFD int root = sc_context_open_root (ctx, NULL);
  SC_AUTOFD int fd = root < 0 ? -1 : sc_fs_open_in_root (root, path, O_PATH | O_CLOEXEC, 0, NULL);

  return fd >= 0;
}

gboolean
sc_container_deactivate (const ScContext *ctx, const char *name, const ScProgressSink *sink, GCancellable *cancellable,
                         GError **error)
{
  g_autoptr (ScSystemd) systemd = sc_systemd_new (ctx, cancellable, error);
  g_autofree char *unit = sc_unit_name (name), *path = sc_unit_path (ctx, name), *tmpfiles = sc_tmpfiles_name (name);
  gboolean has_unit = deployment_has (ctx, name, unit);

  if (systemd == NULL)
    return FALSE;
  if (has_unit)
    {
      sc_progress_step (sink, "systemctl disable %s", name);
      if (!sc_systemd_disable (systemd, unit, cancellable, error))
        return FALSE;
    }
  if (deployment_has (ctx, name, tmpfiles) && !remove_tmpfiles (ctx, name, sink, cancellable, error))
    return FALSE;
  if (!has_unit)
    return TRUE;
  if (!remove_file (ctx, path, error))
    return FALSE;
  if (!sc_systemd_is_running (systemd))
    return TRUE;
  sc_progress_step (sink, "systemctl daemon-reload");
  return sc_systemd_reload (systemd, cancellable, error);
}
