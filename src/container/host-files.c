/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files of containers on the host.
 *
 * The records of two deployments and what is on the host decide alone: what equals the one record is brought to the
 * other, anything else was changed by hand and is nobody's to touch.  So it does not matter how far somebody came
 * before.
 */
#include "host-files.h"

#include <fcntl.h>
#include <string.h>

#include "fs.h"
#include "host-sides.h"

/* -- what goes -- */

/* (transfer full): the last names of @paths. */
static GHashTable *
last_names (char **paths)
{
  GHashTable *names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (; paths != NULL && *paths != NULL; paths++)
    g_hash_table_add (names, g_path_get_basename (*paths));
  return names;
}

/* Two that were installed at a time may both have found a file missing.  Files of one place have one last name. */
static gboolean
find_others (ScHostSides *s, const ScContext *ctx, const char *name, GError **error)
{
  g_autoptr (GPtrArray) deployments = sc_deployment_list (ctx, error);
  g_autoptr (GHashTable) names = last_names (s->from.d->installed_files);

  s->others = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  for (guint i = 0; deployments != NULL && i < deployments->len; i++)
    {
      const ScDeployment *d = g_ptr_array_index (deployments, i);

      if (strcmp (d->name, name) == 0)
        continue;
      for (char **path = d->installed_files; path != NULL && *path != NULL; path++)
        {
          g_autofree char *base = g_path_get_basename (*path);
          char *place = g_hash_table_contains (names, base) ? sc_host_place (s->host.root, *path, NULL) : NULL;

          if (place != NULL)
            g_hash_table_replace (s->others, place, g_strdup (d->name));
        }
    }
  return deployments != NULL;
}

/* *out: is @path in a place where nothing of an image may be? That is told. */
static gboolean
is_forbidden (ScHostSides *s, const char *path, gboolean is_dir)
{
  g_autofree char *real = sc_host_guard_refuses (&s->guard, path, is_dir);

  if (real != NULL)
    sc_progress_note (s->sink, "%s: %s is %s on this host, where no file of an image may be: it stays as it is",
                      s->name, path, real);
  return real != NULL;
}

/* @other: (nullable): another container that has it too. */
static gboolean
remove_file (ScHostSides *s, const char *path, const char *other, GError **error)
{
  g_auto (ScHostFile) file = { 0 };

  if (!sc_host_file_look (s->host.root, path, &file, error))
    return FALSE;
  if (file.st.st_mode == 0 || is_forbidden (s, path, FALSE))
    return TRUE;
  if (other != NULL)
    {
      sc_progress_note (s->sink, "%s: %s stays: it is of container %s too", s->name, path, other);
      return TRUE;
    }
  if (sc_host_side_recorded (s->host.root, &s->from, path, &file, path))
    return S_ISDIR (file.st.st_mode) ? sc_host_dir_remove (s->host.root, path, error)
                                     : sc_host_file_remove (s->host.root, path, error);
  sc_progress_note (s->sink, "Will not delete %s as it was manually modified.", path);
  return TRUE;
}

/* Is what @map has for the place of @path one of the new deployment's too, or behind one? */
static gboolean
is_wanted (ScHostSides *s, const char *path, GHashTable *map, gboolean *out, GError **error)
{
  gboolean behind = FALSE;
  g_autofree char *place = sc_host_side_place (s->host.root, &s->to, path, &behind, error);

  *out = place != NULL && (behind || g_hash_table_contains (map, place));
  return place != NULL;
}

/* With @force an error is told, and no error. */
static gboolean
pass_over (ScHostSides *s, gboolean force, GError *local, GError **error)
{
  if (!force)
    {
      g_propagate_error (error, local);
      return FALSE;
    }
  sc_progress_note (s->sink, "%s: %s: it stays", s->name, local->message);
  g_error_free (local);
  return TRUE;
}

static gboolean
remove_old (ScHostSides *s, gboolean force, GError **error)
{
  g_autoptr (GPtrArray) files = g_ptr_array_new (), owners = g_ptr_array_new (), dirs = g_ptr_array_new ();
  char **all = s->from.d->installed_files;
  gboolean wanted = FALSE;

  /* Where something is may change with what is removed. */
  for (guint i = 0; all != NULL && all[i] != NULL; i++)
    {
      g_autofree char *place = sc_host_place (s->host.root, all[i], error);

      if (place == NULL || !is_wanted (s, all[i], s->to.files, &wanted, error))
        return FALSE;
      if (wanted)
        continue;
      g_ptr_array_add (files, all[i]);
      g_ptr_array_add (owners, g_hash_table_lookup (s->others, place));
    }
  all = s->from.d->installed_dirs;
  for (guint i = 0; all != NULL && all[i] != NULL; i++)
    {
      if (!is_wanted (s, all[i], s->to.dirs, &wanted, error))
        return FALSE;
      if (!wanted)
        g_ptr_array_add (dirs, all[i]);
    }
  for (guint i = 0; i < files->len; i++)
    {
      GError *local = NULL;

      if (!remove_file (s, g_ptr_array_index (files, i), g_ptr_array_index (owners, i), &local)
          && !pass_over (s, force, local, error))
        return FALSE;
    }
  /* A directory stands before what is in it. */
  for (guint i = dirs->len; i-- > 0;)
    {
      const char *path = g_ptr_array_index (dirs, i);
      GError *local = NULL;

      if (!is_forbidden (s, path, TRUE) && !sc_host_dir_remove (s->host.root, path, &local)
          && !pass_over (s, force, local, error))
        return FALSE;
    }
  return TRUE;
}

/* -- what comes -- */

static gboolean
stat_tree (const ScHostSide *side, const char *path, struct stat *out)
{
  return side->tree >= 0 && path != NULL && fstatat (side->tree, path + 1, out, AT_SYMLINK_NOFOLLOW) == 0;
}

static void
tell_obstacle (ScHostSides *s, const char *path)
{
  if (s->obstacles == NULL)
    s->obstacles = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  if (g_hash_table_add (s->obstacles, g_strdup (path)))
    sc_progress_note (s->sink, "%s: %s is no directory: it is kept, and files that belong in it are not put", s->name,
                      path);
}

/* The directory @path and those above it, which somebody may have removed.  *out_there: it is there; it is not if
 * something else is in the way. */
static gboolean
make_way (ScHostSides *s, const char *path, gboolean *out_there, GError **error)
{
  SC_AUTOFD int there = sc_fs_open_in_root (s->host.root, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0, NULL);
  g_autofree char *above = g_path_get_dirname (path);
  g_auto (ScHostFile) file = { 0 };
  struct stat like;

  *out_there = there >= 0;
  if (*out_there)
    return TRUE;
  if (!make_way (s, above, out_there, error))
    return FALSE;
  if (!*out_there)
    return TRUE;
  if (!sc_host_file_look (s->host.root, path, &file, error))
    return FALSE;
  *out_there = file.st.st_mode == 0;
  if (!*out_there)
    {
      tell_obstacle (s, path);
      return TRUE;
    }
  if (!stat_tree (&s->to, path, &like))
    like = (struct stat){ .st_mode = 0755 };
  return sc_host_dir_make (&s->host, path, &like, error);
}

static gboolean
put_dir (ScHostSides *s, const char *path, const char *old_path, GError **error)
{
  struct stat like = { .st_mode = 0755 }, before;
  gboolean there = FALSE;

  if (is_forbidden (s, path, TRUE))
    return TRUE;
  if (!stat_tree (&s->to, path, &like))
    like = (struct stat){ .st_mode = 0755 };
  if (!make_way (s, path, &there, error))
    return FALSE;
  return !there || !stat_tree (&s->from, old_path, &before)
         || sc_host_dir_adapt (s->host.root, path, &before, &like, error);
}

static gboolean
put (ScHostSides *s, const char *path, gboolean replace, GError **error)
{
  ScPutFlags flags = replace ? SC_PUT_REPLACE : 0;
  g_autofree char *above = g_path_get_dirname (path);
  gboolean kept = FALSE, there = FALSE;
  struct stat st;

  if (!make_way (s, above, &there, error))
    return FALSE;
  if (!there)
    return TRUE;
  if (!stat_tree (&s->to, path, &st))
    {
      sc_progress_note (s->sink, "%s: %s: deployment %d has no copy of it to put there", s->name, path, s->to.number);
      return TRUE;
    }
  if (S_ISDIR (st.st_mode))
    return sc_host_dir_make (&s->host, path, &st, error);
  if (s->to.d->use_links && g_str_has_prefix (path, "/usr/"))
    flags |= SC_PUT_LINK;
  if (!sc_host_file_put (&s->host, path, s->to.tree, path + 1, flags, &kept, error))
    return FALSE;
  if (kept)
    sc_progress_note (s->sink, "%s: File %s already exists: it is kept", s->name, path);
  return TRUE;
}

/* The content is right: are owner and permissions those that the old one gave, and the new one wants others? */
static gboolean
has_old_attributes (ScHostSides *s, const ScHostFile *file, const char *path, const char *old_path, gboolean *out,
                    GError **error)
{
  g_auto (ScHostFile) wanted = { 0 }, before = { 0 };

  *out = FALSE;
  if (s->to.tree < 0 || s->from.tree < 0 || old_path == NULL)
    return TRUE;
  if (!sc_host_file_look_at (s->to.tree, path + 1, &wanted, error)
      || !sc_host_file_look_at (s->from.tree, old_path + 1, &before, error))
    return FALSE;
  *out = wanted.attributes != NULL && before.attributes != NULL && strcmp (file->attributes, wanted.attributes) != 0
         && strcmp (file->attributes, before.attributes) == 0;
  return TRUE;
}

/* A directory, which the original tool counted as a file, cannot be replaced by one, nor can one by it. */
static gboolean
put_over (ScHostSides *s, const char *path, const ScHostFile *file, GError **error)
{
  gboolean was_dir = S_ISDIR (file->st.st_mode);
  struct stat st;

  if (!stat_tree (&s->to, path, &st) || S_ISDIR (st.st_mode) == was_dir)
    return put (s, path, TRUE, error);
  if (!(was_dir ? sc_host_dir_remove : sc_host_file_remove) (s->host.root, path, error))
    return FALSE;
  /* What is in a directory keeps it, and "kept" is told. */
  return put (s, path, FALSE, error);
}

static gboolean
put_file (ScHostSides *s, const char *path, const char *old_path, GError **error)
{
  g_auto (ScHostFile) file = { 0 };
  gboolean replace = FALSE;

  if (is_forbidden (s, path, FALSE))
    return TRUE;
  if (!sc_host_file_look (s->host.root, path, &file, error))
    return FALSE;
  if (file.st.st_mode == 0)
    return put (s, path, FALSE, error);
  if (sc_host_side_recorded (s->host.root, &s->to, path, &file, path))
    {
      if (!has_old_attributes (s, &file, path, old_path, &replace, error))
        return FALSE;
      return !replace || put (s, path, TRUE, error);
    }
  if (old_path != NULL && sc_host_side_recorded (s->host.root, &s->from, old_path, &file, path))
    return put_over (s, path, &file, error);
  sc_progress_note (s->sink, "%s: %s was changed by hand: it is kept", s->name, path);
  return TRUE;
}

/* (transfer full) (nullable): place of each, in order. */
static GPtrArray *
list_places (int root, const ScHostSide *other, char **paths, GError **error)
{
  g_autoptr (GPtrArray) places = g_ptr_array_new_with_free_func (g_free);

  for (char **path = paths; path != NULL && *path != NULL; path++)
    {
      gboolean behind = FALSE;
      char *place = sc_host_side_place (root, other, *path, &behind, error);

      if (place == NULL)
        return NULL;
      g_ptr_array_add (places, place);
    }
  return g_steal_pointer (&places);
}

static gboolean
put_new (ScHostSides *s, const GPtrArray *files, const GPtrArray *dirs, GError **error)
{
  char **paths = s->to.d->installed_dirs;

  for (guint i = 0; i < dirs->len; i++)
    if (!put_dir (s, paths[i], g_hash_table_lookup (s->from.dirs, g_ptr_array_index (dirs, i)), error))
      return FALSE;
  paths = s->to.d->installed_files;
  for (guint i = 0; i < files->len; i++)
    if (!put_file (s, paths[i], g_hash_table_lookup (s->from.files, g_ptr_array_index (files, i)), error))
      return FALSE;
  return TRUE;
}

/* -- all of it -- */

gboolean
sc_host_files_put (const ScLive *live, int number, int other, GError **error)
{
  const ScContext *ctx = live->ctx;
  ScContainerLock *lock = live->lock;
  g_auto (ScHostSides) s = SC_HOST_SIDES_INIT;
  g_autoptr (GPtrArray) files = NULL, dirs = NULL;

  if (!sc_host_sides_load (&s, ctx, lock, number, other, !live->resumed, live->sink, error))
    return FALSE;
  if (s.to.unknown)
    return TRUE;
  if (!sc_host_side_has_files (&s.to) && !sc_host_side_has_files (&s.from))
    return TRUE;
  s.host.root = sc_context_open_root (ctx, error);
  if (s.host.root < 0 || !sc_host_guard_open (ctx, lock->name, &s.guard, error)
      || !sc_host_sides_find_places (&s, error) || (s.from.d != NULL && !find_others (&s, ctx, lock->name, error)))
    return FALSE;
  files = list_places (s.host.root, &s.from, s.to.d != NULL ? s.to.d->installed_files : NULL, error);
  dirs =
      files != NULL ? list_places (s.host.root, &s.from, s.to.d != NULL ? s.to.d->installed_dirs : NULL, error) : NULL;
  if (dirs == NULL || (s.from.d != NULL && !remove_old (&s, live->force, error)))
    return FALSE;
  return s.to.d == NULL || put_new (&s, files, dirs, error);
}

static gboolean
clean_all (ScHostSides *s, char **paths, GHashTable *done, GError **error)
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
  g_auto (ScHostSides) s = SC_HOST_SIDES_INIT;
  g_autoptr (GHashTable) done = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  if (!sc_host_sides_load (&s, ctx, lock, a, b, FALSE, NULL, error))
    return FALSE;
  if (!sc_host_side_has_files (&s.to) && !sc_host_side_has_files (&s.from))
    return TRUE;
  s.host.root = sc_context_open_root (ctx, error);
  if (s.host.root < 0)
    return FALSE;
  for (guint i = 0; i < 2; i++)
    {
      const ScDeployment *d = i == 0 ? s.to.d : s.from.d;

      if (d != NULL
          && (!clean_all (&s, d->installed_files, done, error) || !clean_all (&s, d->installed_dirs, done, error)))
        return FALSE;
    }
  return TRUE;
}
