/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Deployments that lack a copy of what they have to put on the host: it is made anew of their root, before anything
 * that is live changes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "exports.h"
#include "fs.h"
#include "host-files.h"
#include "host-sides.h"
#include "host-tree.h"
#include "journal.h"
#include "remote.h"

/* The new tree gets its name; one that had it before, the other. */
static gboolean
take_place (int dfd, GError **error)
{
  guint flags = sc_fs_exists_at (dfd, SC_HOST_TREE) ? RENAME_EXCHANGE : RENAME_NOREPLACE;

  if (renameat2 (dfd, SC_HOST_TREE_UNFINISHED, dfd, SC_HOST_TREE, flags) != 0)
    return sc_fail_errno (error, errno, "%s", SC_HOST_TREE);
  return sc_fs_sync_dir_at (dfd, ".", error);
}

static gboolean
make_tree (const ScContext *ctx, ScContainerLock *lock, const ScDeployment *d, GError **error)
{
  g_autofree char *dir = g_strdup_printf ("%s.%d", d->name, d->number);
  ScHostPlanInput input = { .ctx = ctx, .name = d->name, .copy = d->remote != NULL, .values = d->values };
  g_autoptr (ScExports) exports = NULL;
  g_autoptr (ScHostPlan) plan = NULL;
  g_autoptr (GError) ignored = NULL;
  SC_AUTOFD int dfd = sc_fs_open_dir_at (lock->checkouts->dfd, dir, error);
  SC_AUTOFD int rootfs = dfd >= 0 ? sc_deployment_open_root (ctx, d, error) : -1;

  exports = rootfs >= 0 ? sc_exports_load (rootfs, error) : NULL;
  if (exports == NULL)
    return FALSE;
  input.rootfs = rootfs;
  input.exports = exports;
  plan = sc_host_plan_new (&input, error);
  /* Somebody may have died here. */
  if (plan == NULL || !sc_fs_remove_tree_at (dfd, SC_HOST_TREE_UNFINISHED, error))
    return FALSE;
  if (plan->entries->len == 0)
    return TRUE;
  if (!sc_host_tree_write (plan, rootfs, dfd, SC_HOST_TREE_UNFINISHED, error) || !sc_fs_sync_all (dfd, error)
      || !take_place (dfd, error))
    {
      if (!sc_fs_remove_tree_at (dfd, SC_HOST_TREE_UNFINISHED, &ignored))
        g_debug ("undo: %s", ignored->message);
      return FALSE;
    }
  return sc_fs_remove_tree_at (dfd, SC_HOST_TREE_UNFINISHED, error);
}

/* Has @path to be put, should the deployment come back? What was changed by hand stays anyway. */
static gboolean
is_to_be_put (ScHostSides *s, const char *path, gboolean *out, GError **error)
{
  g_auto (ScHostFile) there = { 0 };
  gboolean behind = FALSE;
  g_autofree char *place = sc_host_side_place (s->host.root, &s->from, path, &behind, error);
  const char *old_path;

  if (place == NULL || !sc_host_file_look (s->host.root, path, &there, error))
    return FALSE;
  old_path = g_hash_table_lookup (s->from.files, place);
  *out = there.st.st_mode == 0 || behind
         || (!sc_host_side_recorded (s->host.root, &s->to, path, &there, path) && old_path != NULL
             && sc_host_side_recorded (s->host.root, &s->from, old_path, &there, path));
  return TRUE;
}

static gboolean
check_file (ScHostSides *s, const char *path, GError **error)
{
  g_auto (ScHostFile) copy = { 0 };
  gboolean needed = FALSE;

  if (s->to.tree >= 0 && !sc_host_file_look_at (s->to.tree, path + 1, &copy, error))
    return FALSE;
  /* The original tool recorded other things of what is no regular file. */
  if (copy.st.st_mode != 0
      && (!S_ISREG (copy.st.st_mode) || g_strcmp0 (copy.checksum, sc_host_side_sum (&s->to, path)) == 0))
    return TRUE;
  if (!is_to_be_put (s, path, &needed, error))
    return FALSE;
  return !needed || sc_fail (error, SC_ERROR_INVALID, "it has no copy of %s, which has to be on the host again", path);
}

/* Somebody may have a file now where a directory has to be, and files of the deployment below it. */
static gboolean
check_dir (ScHostSides *s, const char *path, GError **error)
{
  SC_AUTOFD int there = sc_fs_open_in_root (s->host.root, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0, NULL);
  g_auto (ScHostFile) file = { 0 };
  gboolean behind = FALSE;
  g_autofree char *place = sc_host_side_place (s->host.root, &s->from, path, &behind, error);
  const char *old_path;

  if (place == NULL || !sc_host_file_look (s->host.root, path, &file, error))
    return FALSE;
  old_path = g_hash_table_lookup (s->from.files, place);
  if (there >= 0 || behind || file.st.st_mode == 0
      || (old_path != NULL && sc_host_side_recorded (s->host.root, &s->from, old_path, &file, path)))
    return TRUE;
  return sc_fail (error, SC_ERROR_FAILED, "%s is no directory on this host: files of it have to be in it", path);
}

static gboolean
check_dirs (ScHostSides *s, GError **error)
{
  for (char **path = s->to.d->installed_dirs; path != NULL && *path != NULL; path++)
    if (!check_dir (s, *path, error))
      return FALSE;
  return TRUE;
}

static gboolean
check_files (ScHostSides *s, GError **error)
{
  for (char **path = s->to.d->installed_files; path != NULL && *path != NULL; path++)
    if (!check_file (s, *path, error))
      return FALSE;
  return TRUE;
}

static gboolean
remake_tree (ScHostSides *s, const ScContext *ctx, ScContainerLock *lock, GError **error)
{
  sc_close_fd_p (&s->to.tree);
  s->to.tree = -1;
  return make_tree (ctx, lock, s->to.d, error) && sc_host_side_open_tree (lock, &s->to, error);
}

gboolean
sc_host_files_prepare (const ScContext *ctx, ScContainerLock *lock, const ScDeployment *d, int other, GError **error)
{
  g_auto (ScHostSides) s = SC_HOST_SIDES_INIT;
  g_autoptr (GError) local = NULL;

  if (!sc_host_sides_load (&s, ctx, lock, d->number, other, TRUE, NULL, error))
    return FALSE;
  if (!sc_host_side_has_files (&s.to))
    return TRUE;
  s.host.root = sc_context_open_root (ctx, error);
  if (s.host.root < 0 || !sc_host_sides_find_places (&s, error))
    return FALSE;
  if (!check_dirs (&s, error))
    return sc_prefix (error, "deployment %d", d->number);
  if (s.to.tree >= 0 && check_files (&s, &local))
    return TRUE;
  /* The root may be good where the tree is not: it has been repaired. */
  if (!remake_tree (&s, ctx, lock, error))
    return sc_prefix (error, "deployment %d: its files for the host", d->number);
  return check_files (&s, error) || sc_prefix (error, "deployment %d", d->number);
}
