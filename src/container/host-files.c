/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files of containers on the host.
 *
 * The records of two deployments and what is on the host decide alone: what equals the one record is brought to the
 * other, anything else was changed by hand and is nobody's to touch.  So it does not matter how far somebody came
 * before.
 */
#include "host-files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "exports.h"
#include "fs.h"
#include "host-tree.h"
#include "journal.h"
#include "live.h"
#include "put-file.h"

/* One deployment. */
typedef struct
{
  int number;
  ScDeployment *d;          /* (nullable) */
  int tree;                 /* -1: it has none */
  GHashTable *files, *dirs; /* place -> path as recorded */
} Side;

typedef struct
{
  ScHost host;
  char *stem;
  const ScProgressSink *sink;
  Side new, old;
} Switch;

static void
side_clear (Side *side)
{
  g_clear_pointer (&side->d, sc_deployment_free);
  g_clear_pointer (&side->files, g_hash_table_unref);
  g_clear_pointer (&side->dirs, g_hash_table_unref);
  sc_close_fd_p (&side->tree);
}

static void
switch_clear (Switch *s)
{
  sc_close_fd_p (&s->host.root);
  g_free (s->stem);
  side_clear (&s->new);
  side_clear (&s->old);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Switch, switch_clear)

#define SWITCH_INIT                                                                                                    \
  {                                                                                                                    \
    .host = { .root = -1 }, .new = { .tree = -1 }, .old = {.tree = -1 }                                                \
  }

/* -- records -- */

static gboolean
has_files (const ScDeployment *d)
{
  return d != NULL
         && ((d->installed_files != NULL && *d->installed_files != NULL)
             || (d->installed_dirs != NULL && *d->installed_dirs != NULL));
}

/* A record may be an old one of whatever wrote it. */
static gboolean
check_paths (char **paths, GError **error)
{
  for (char **path = paths; path != NULL && *path != NULL; path++)
    if (**path != '/' || (*path)[1] == '\0' || g_str_has_suffix (*path, "/") || strstr (*path, "//") != NULL
        || strstr (*path, "/../") != NULL || g_str_has_suffix (*path, "/..") || strstr (*path, "/./") != NULL
        || g_str_has_suffix (*path, "/."))
      return sc_fail (error, SC_ERROR_INVALID, "info: '%s' is no path of a file on the host", *path);
  return TRUE;
}

static gboolean
open_tree (ScContainerLock *lock, Side *side, GError **error)
{
  g_autofree char *path = sc_deployment_file (lock->name, side->number, SC_HOST_TREE);

  if (!sc_fs_exists_at (lock->checkouts->dfd, path))
    return TRUE;
  side->tree = sc_fs_open_dir_at (lock->checkouts->dfd, path, error);
  return side->tree >= 0;
}

/* A deployment that is not there has nothing on the host; one whose record cannot be read, nothing that we know of. */
static gboolean
load_side (const ScContext *ctx, ScContainerLock *lock, int number, const ScProgressSink *sink, Side *side,
           GError **error)
{
  g_autoptr (GError) local = NULL;

  side->number = number;
  if (number == SC_NO_DEPLOYMENT)
    return TRUE;
  side->d = sc_deployment_load_number (ctx, lock->name, number, &local);
  if (side->d != NULL && check_paths (side->d->installed_files, &local)
      && check_paths (side->d->installed_dirs, &local))
    return !has_files (side->d) || open_tree (lock, side, error);
  g_clear_pointer (&side->d, sc_deployment_free);
  if (g_error_matches (local, SC_ERROR, SC_ERROR_NOT_FOUND)
      || g_error_matches (local, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    return TRUE;
  if (!g_error_matches (local, SC_ERROR, SC_ERROR_INVALID) && !g_error_matches (local, SC_ERROR, SC_ERROR_LIMIT))
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  sc_progress_note (sink, "%s: its files on the host are not known and stay as they are", local->message);
  return TRUE;
}

/* (transfer full) (nullable) */
static GHashTable *
map_places (int root, char **paths, GError **error)
{
  g_autoptr (GHashTable) places = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (char **path = paths; path != NULL && *path != NULL; path++)
    {
      char *place = sc_host_place (root, *path, error);

      if (place == NULL)
        return NULL;
      g_hash_table_replace (places, place, *path);
    }
  return g_steal_pointer (&places);
}

static gboolean
find_places (int root, Side *side, GError **error)
{
  side->files = map_places (root, side->d != NULL ? side->d->installed_files : NULL, error);
  side->dirs = side->files != NULL ? map_places (root, side->d != NULL ? side->d->installed_dirs : NULL, error) : NULL;
  return side->dirs != NULL;
}

/* -- what is there -- */

static const char *
recorded (const Side *side, const char *path)
{
  return side->d != NULL && side->d->installed_checksums != NULL
             ? g_hash_table_lookup (side->d->installed_checksums, path)
             : NULL;
}

/* @file, at @path, is what @side recorded for @name.  The original tool recorded of a link what it leads to, and "0"
 * for a link to nothing or an empty directory. */
static gboolean
is_recorded (int root, const ScHostFile *file, const char *path, const Side *side, const char *name)
{
  const char *checksum = recorded (side, name);
  g_autofree char *followed = NULL;

  if (checksum == NULL || file->st.st_mode == 0)
    return FALSE;
  if (S_ISDIR (file->st.st_mode))
    return strcmp (checksum, "0") == 0;
  if (g_strcmp0 (checksum, file->checksum) == 0)
    return TRUE;
  if (!S_ISLNK (file->st.st_mode))
    return FALSE;
  followed = sc_host_file_sum_followed (root, path);
  return strcmp (checksum, followed != NULL ? followed : "0") == 0;
}

/* -- what goes -- */

static gboolean
remove_file (Switch *s, const char *path, GError **error)
{
  g_auto (ScHostFile) file = { 0 };

  if (!sc_host_file_look (s->host.root, path, &file, error))
    return FALSE;
  if (file.st.st_mode == 0)
    return TRUE;
  if (is_recorded (s->host.root, &file, path, &s->old, path))
    return S_ISDIR (file.st.st_mode) ? sc_host_dir_remove (s->host.root, path, error)
                                     : sc_host_file_remove (s->host.root, path, error);
  sc_progress_note (s->sink, "Will not delete %s as it was manually modified.", path);
  return TRUE;
}

/* Is what @map has for the place of @path one of the new deployment's too? */
static gboolean
is_wanted (Switch *s, const char *path, GHashTable *map, gboolean *out, GError **error)
{
  g_autofree char *place = sc_host_place (s->host.root, path, error);

  *out = place != NULL && g_hash_table_contains (map, place);
  return place != NULL;
}

static gboolean
remove_old (Switch *s, GError **error)
{
  g_autoptr (GPtrArray) files = g_ptr_array_new (), dirs = g_ptr_array_new ();
  char **all = s->old.d->installed_files;
  gboolean wanted = FALSE;

  /* Where something is may change with what is removed. */
  for (guint i = 0; all != NULL && all[i] != NULL; i++)
    {
      if (!is_wanted (s, all[i], s->new.files, &wanted, error))
        return FALSE;
      if (!wanted)
        g_ptr_array_add (files, all[i]);
    }
  all = s->old.d->installed_dirs;
  for (guint i = 0; all != NULL && all[i] != NULL; i++)
    {
      if (!is_wanted (s, all[i], s->new.dirs, &wanted, error))
        return FALSE;
      if (!wanted)
        g_ptr_array_add (dirs, all[i]);
    }
  for (guint i = 0; i < files->len; i++)
    if (!remove_file (s, g_ptr_array_index (files, i), error))
      return FALSE;
  /* A directory stands before what is in it. */
  for (guint i = dirs->len; i-- > 0;)
    if (!sc_host_dir_remove (s->host.root, g_ptr_array_index (dirs, i), error))
      return FALSE;
  return TRUE;
}

/* -- what comes -- */

static gboolean
stat_tree (const Side *side, const char *path, struct stat *out)
{
  return side->tree >= 0 && path != NULL && fstatat (side->tree, path + 1, out, AT_SYMLINK_NOFOLLOW) == 0;
}

static gboolean
put_dir (Switch *s, const char *path, const char *old_path, GError **error)
{
  struct stat like = { .st_mode = 0755 }, before;

  if (!stat_tree (&s->new, path, &like))
    like = (struct stat){ .st_mode = 0755 };
  if (!sc_host_dir_make (&s->host, path, &like, error))
    return FALSE;
  return !stat_tree (&s->old, old_path, &before) || sc_host_dir_adapt (s->host.root, path, &before, &like, error);
}

static gboolean
put (Switch *s, const char *path, gboolean replace, GError **error)
{
  gboolean use_links = s->new.d->use_links &&g_str_has_prefix (path, "/usr/"), kept = FALSE;
  struct stat st;

  if (!stat_tree (&s->new, path, &st))
    {
      sc_progress_note (s->sink, "%s: deployment %d has no copy of it to put there", path, s->new.number);
      return TRUE;
    }
  if (S_ISDIR (st.st_mode))
    return sc_host_dir_make (&s->host, path, &st, error);
  if (!sc_host_file_put (&s->host, path, s->new.tree, path + 1,
                         (use_links ? SC_PUT_LINK : 0) | (replace ? SC_PUT_REPLACE : 0), &kept, error))
    return FALSE;
  if (kept)
    sc_progress_note (s->sink, "File %s already exists: it is kept", path);
  return TRUE;
}

/* The content is right: are owner and permissions those that the old one gave, and the new one wants others? */
static gboolean
has_old_attributes (Switch *s, const ScHostFile *file, const char *path, const char *old_path, gboolean *out,
                    GError **error)
{
  g_auto (ScHostFile) new = { 0 }, old = { 0 };

  *out = FALSE;
  if (s->new.tree < 0 || s->old.tree < 0 || old_path == NULL)
    return TRUE;
  if (!sc_host_file_look_at (s->new.tree, path + 1, &new, error)
      || !sc_host_file_look_at (s->old.tree, old_path + 1, &old, error))
    return FALSE;
  *out = new.attributes != NULL &&old.attributes != NULL &&strcmp (file->attributes, new.attributes) != 0
         && strcmp (file->attributes, old.attributes) == 0;
  return TRUE;
}

static gboolean
put_file (Switch *s, const char *path, const char *old_path, GError **error)
{
  g_auto (ScHostFile) file = { 0 };
  gboolean replace = FALSE;

  if (!sc_host_file_look (s->host.root, path, &file, error))
    return FALSE;
  if (file.st.st_mode == 0)
    return put (s, path, FALSE, error);
  if (is_recorded (s->host.root, &file, path, &s->new, path))
    {
      if (!has_old_attributes (s, &file, path, old_path, &replace, error))
        return FALSE;
      return !replace || put (s, path, TRUE, error);
    }
  if (old_path != NULL && is_recorded (s->host.root, &file, path, &s->old, old_path))
    return put (s, path, TRUE, error);
  sc_progress_note (s->sink, "%s was changed by hand: it is kept", path);
  return TRUE;
}

/* (transfer full) (nullable): place of each, in order. */
static GPtrArray *
list_places (int root, char **paths, GError **error)
{
  g_autoptr (GPtrArray) places = g_ptr_array_new_with_free_func (g_free);

  for (char **path = paths; path != NULL && *path != NULL; path++)
    {
      char *place = sc_host_place (root, *path, error);

      if (place == NULL)
        return NULL;
      g_ptr_array_add (places, place);
    }
  return g_steal_pointer (&places);
}

static gboolean
put_new (Switch *s, const GPtrArray *files, const GPtrArray *dirs, GError **error)
{
  char **paths = s->new.d->installed_dirs;

  for (guint i = 0; i < dirs->len; i++)
    if (!put_dir (s, paths[i], g_hash_table_lookup (s->old.dirs, g_ptr_array_index (dirs, i)), error))
      return FALSE;
  paths = s->new.d->installed_files;
  for (guint i = 0; i < files->len; i++)
    if (!put_file (s, paths[i], g_hash_table_lookup (s->old.files, g_ptr_array_index (files, i)), error))
      return FALSE;
  return TRUE;
}

/* -- all of it -- */

static gboolean
begin (Switch *s, const ScContext *ctx, ScContainerLock *lock, int number, int other, const ScProgressSink *sink,
       GError **error)
{
  s->sink = sink;
  s->stem = g_strdup_printf ("atomic-%s.new", lock->name);
  s->host.stem = s->stem;
  return load_side (ctx, lock, number, sink, &s->new, error) && load_side (ctx, lock, other, sink, &s->old, error);
}

gboolean
sc_host_files_put (const ScContext *ctx, ScContainerLock *lock, int number, int other, const ScProgressSink *sink,
                   GError **error)
{
  g_auto (Switch) s = SWITCH_INIT;
  g_autoptr (GPtrArray) files = NULL, dirs = NULL;

  if (!begin (&s, ctx, lock, number, other, sink, error))
    return FALSE;
  if (!has_files (s.new.d) && !has_files (s.old.d))
    return TRUE;
  s.host.root = sc_context_open_root (ctx, error);
  if (s.host.root < 0 || !find_places (s.host.root, &s.new, error) || !find_places (s.host.root, &s.old, error))
    return FALSE;
  files = list_places (s.host.root, s.new.d != NULL ? s.new.d->installed_files : NULL, error);
  dirs = files != NULL ? list_places (s.host.root, s.new.d != NULL ? s.new.d->installed_dirs : NULL, error) : NULL;
  if (dirs == NULL || (s.old.d != NULL && !remove_old (&s, error)))
    return FALSE;
  return s.new.d == NULL || put_new (&s, files, dirs, error);
}

static gboolean
clean_all (Switch *s, char **paths, GHashTable *done, GError **error)
{
  for (char **path = paths; path != NULL && *path != NULL; path++)
    {
      char *dir = g_path_get_dirname (*path);

      if (g_hash_table_add (done, dir) && !sc_host_clean (&s->host, *path, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
sc_host_files_clean (const ScContext *ctx, ScContainerLock *lock, int a, int b, GError **error)
{
  g_auto (Switch) s = SWITCH_INIT;
  g_autoptr (GHashTable) done = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  if (!begin (&s, ctx, lock, a, b, NULL, error))
    return FALSE;
  if (!has_files (s.new.d) && !has_files (s.old.d))
    return TRUE;
  s.host.root = sc_context_open_root (ctx, error);
  if (s.host.root < 0)
    return FALSE;
  for (guint i = 0; i < 2; i++)
    {
      const ScDeployment *d = i == 0 ? s.new.d : s.old.d;

      if (d != NULL
          && (!clean_all (&s, d->installed_files, done, error) || !clean_all (&s, d->installed_dirs, done, error)))
        return FALSE;
    }
  return TRUE;
}

/* -- deployments that lack something -- */

static gboolean
make_tree (const ScContext *ctx, ScContainerLock *lock, const ScDeployment *d, GError **error)
{
  g_autofree char *dir = g_strdup_printf ("%s.%d", d->name, d->number), *temp = sc_fs_temp_name (SC_HOST_TREE);
  g_autoptr (ScExports) exports = NULL;
  g_autoptr (ScHostPlan) plan = NULL;
  g_autoptr (GError) ignored = NULL;
  SC_AUTOFD int dfd = sc_fs_open_dir_at (lock->checkouts->dfd, dir, error);
  SC_AUTOFD int rootfs = dfd >= 0 ? sc_fs_open_dir_at (dfd, "rootfs", error) : -1;

  exports = rootfs >= 0 ? sc_exports_load (rootfs, error) : NULL;
  if (exports == NULL)
    return FALSE;
  plan = sc_host_plan_new (
      &(ScHostPlanInput){ .ctx = ctx, .name = d->name, .rootfs = rootfs, .exports = exports, .values = d->values },
      error);
  if (plan == NULL)
    return FALSE;
  if (plan->entries->len == 0)
    return TRUE;
  if (sc_host_tree_write (plan, rootfs, dfd, temp, error) && sc_fs_sync_all (dfd, error))
    {
      if (renameat (dfd, temp, dfd, SC_HOST_TREE) == 0)
        return sc_fs_sync_dir_at (dfd, ".", error);
      sc_fail_errno (error, errno, "%s", SC_HOST_TREE);
    }
  if (!sc_fs_remove_tree_at (dfd, temp, &ignored))
    g_debug ("undo: %s", ignored->message);
  return FALSE;
}

static gboolean
check_file (int root, const Side *side, const char *path, GError **error)
{
  g_auto (ScHostFile) there = { 0 }, copy = { 0 };

  if (side->tree >= 0)
    {
      if (!sc_host_file_look_at (side->tree, path + 1, &copy, error))
        return FALSE;
      /* The original tool recorded other things of what is no regular file. */
      if (copy.st.st_mode != 0 && (!S_ISREG (copy.st.st_mode) || g_strcmp0 (copy.checksum, recorded (side, path)) == 0))
        return TRUE;
    }
  if (!sc_host_file_look (root, path, &there, error))
    return FALSE;
  return is_recorded (root, &there, path, side, path)
         || sc_fail (error, SC_ERROR_INVALID, "it has no copy of %s, which has to be on the host again", path);
}

gboolean
sc_host_files_prepare (const ScContext *ctx, ScContainerLock *lock, const ScDeployment *d, GError **error)
{
  g_auto (Switch) s = SWITCH_INIT;
  SC_AUTOFD int root = -1;

  if (!begin (&s, ctx, lock, d->number, SC_NO_DEPLOYMENT, NULL, error))
    return FALSE;
  if (!has_files (s.new.d))
    return TRUE;
  if (s.new.tree < 0 && (!make_tree (ctx, lock, d, error) || !open_tree (lock, &s.new, error)))
    return sc_prefix (error, "deployment %d: its files for the host", d->number);
  root = sc_context_open_root (ctx, error);
  if (root < 0)
    return FALSE;
  for (char **path = s.new.d->installed_files; path != NULL &&*path != NULL; path++)
    if (!check_file (root, &s.new, *path, error))
      return sc_prefix (error, "deployment %d", d->number);
  return TRUE;
}
