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

static gboolean
remove_file (ScHostSides *s, const char *path, GError **error)
{
  g_auto (ScHostFile) file = { 0 };

  if (!sc_host_file_look (s->host.root, path, &file, error))
    return FALSE;
  if (file.st.st_mode == 0)
    return TRUE;
  if (sc_host_side_recorded (s->host.root, &s->from, path, &file, path))
    return S_ISDIR (file.st.st_mode) ? sc_host_dir_remove (s->host.root, path, error)
                                     : sc_host_file_remove (s->host.root, path, error);
  sc_progress_note (s->sink, "Will not delete %s as it was manually modified.", path);
  return TRUE;
}

/* Is what @map has for the place of @path one of the new deployment's too? */
static gboolean
is_wanted (ScHostSides *s, const char *path, GHashTable *map, gboolean *out, GError **error)
{
  g_autofree char *place = sc_host_place (s->host.root, path, error);

  *out = place != NULL && g_hash_table_contains (map, place);
  return place != NULL;
}

static gboolean
remove_old (ScHostSides *s, GError **error)
{
  g_autoptr (GPtrArray) files = g_ptr_array_new (), dirs = g_ptr_array_new ();
  char **all = s->from.d->installed_files;
  gboolean wanted = FALSE;

  /* Where something is may change with what is removed. */
  for (guint i = 0; all != NULL && all[i] != NULL; i++)
    {
      if (!is_wanted (s, all[i], s->to.files, &wanted, error))
        return FALSE;
      if (!wanted)
        g_ptr_array_add (files, all[i]);
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
stat_tree (const ScHostSide *side, const char *path, struct stat *out)
{
  return side->tree >= 0 && path != NULL && fstatat (side->tree, path + 1, out, AT_SYMLINK_NOFOLLOW) == 0;
}

static gboolean
put_dir (ScHostSides *s, const char *path, const char *old_path, GError **error)
{
  struct stat like = { .st_mode = 0755 }, before;

  if (!stat_tree (&s->to, path, &like))
    like = (struct stat){ .st_mode = 0755 };
  if (!sc_host_dir_make (&s->host, path, &like, error))
    return FALSE;
  return !stat_tree (&s->from, old_path, &before) || sc_host_dir_adapt (s->host.root, path, &before, &like, error);
}

static gboolean
put (ScHostSides *s, const char *path, gboolean replace, GError **error)
{
  ScPutFlags flags = replace ? SC_PUT_REPLACE : 0;
  gboolean kept = FALSE;
  struct stat st;

  if (!stat_tree (&s->to, path, &st))
    {
      sc_progress_note (s->sink, "%s: deployment %d has no copy of it to put there", path, s->to.number);
      return TRUE;
    }
  if (S_ISDIR (st.st_mode))
    return sc_host_dir_make (&s->host, path, &st, error);
  if (s->to.d->use_links && g_str_has_prefix (path, "/usr/"))
    flags |= SC_PUT_LINK;
  if (!sc_host_file_put (&s->host, path, s->to.tree, path + 1, flags, &kept, error))
    return FALSE;
  if (kept)
    sc_progress_note (s->sink, "File %s already exists: it is kept", path);
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

static gboolean
put_file (ScHostSides *s, const char *path, const char *old_path, GError **error)
{
  g_auto (ScHostFile) file = { 0 };
  gboolean replace = FALSE;

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
sc_host_files_put (const ScContext *ctx, ScContainerLock *lock, int number, int other, const ScProgressSink *sink,
                   GError **error)
{
  g_auto (ScHostSides) s = SC_HOST_SIDES_INIT;
  g_autoptr (GPtrArray) files = NULL, dirs = NULL;

  if (!sc_host_sides_load (&s, ctx, lock, number, other, sink, error))
    return FALSE;
  if (!sc_host_side_has_files (&s.to) && !sc_host_side_has_files (&s.from))
    return TRUE;
  s.host.root = sc_context_open_root (ctx, error);
  if (s.host.root < 0 || !sc_host_side_find_places (s.host.root, &s.to, error)
      || !sc_host_side_find_places (s.host.root, &s.from, error))
    return FALSE;
  files = list_places (s.host.root, s.to.d != NULL ? s.to.d->installed_files : NULL, error);
  dirs = files != NULL ? list_places (s.host.root, s.to.d != NULL ? s.to.d->installed_dirs : NULL, error) : NULL;
  if (dirs == NULL || (s.from.d != NULL && !remove_old (&s, error)))
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

  if (!sc_host_sides_load (&s, ctx, lock, a, b, NULL, error))
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
