/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What two deployments of a container recorded about files on the host.  Reads only.
 */
#include "host-sides.h"

#include <fcntl.h>
#include <string.h>

#include "fs.h"
#include "host-tree.h"
#include "journal.h"
#include "live.h"

static void
side_clear (ScHostSide *side)
{
  g_clear_pointer (&side->d, sc_deployment_free);
  g_clear_pointer (&side->files, g_hash_table_unref);
  g_clear_pointer (&side->dirs, g_hash_table_unref);
  g_clear_pointer (&side->links, g_hash_table_unref);
  sc_close_fd_p (&side->tree);
}

void
sc_host_sides_clear (ScHostSides *s)
{
  sc_close_fd_p (&s->host.root);
  g_free (s->stem);
  sc_host_guard_clear (&s->guard);
  g_clear_pointer (&s->obstacles, g_hash_table_unref);
  g_clear_pointer (&s->others, g_hash_table_unref);
  side_clear (&s->to);
  side_clear (&s->from);
}

/* -- records -- */

gboolean
sc_host_side_has_files (const ScHostSide *side)
{
  const ScDeployment *d = side->d;

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

gboolean
sc_host_side_open_tree (ScContainerLock *lock, ScHostSide *side, GError **error)
{
  g_autofree char *path = sc_deployment_file (lock->name, side->number, SC_HOST_TREE);

  if (!sc_fs_exists_at (lock->checkouts->dfd, path))
    return TRUE;
  side->tree = sc_fs_open_dir_at (lock->checkouts->dfd, path, error);
  return side->tree >= 0;
}

/* A deployment that is not there has nothing on the host; one whose record cannot be read, nothing that we know of:
 * that is an error if it is @needed. */
static gboolean
load_side (const ScContext *ctx, ScContainerLock *lock, int number, gboolean needed, const ScProgressSink *sink,
           ScHostSide *side, GError **error)
{
  g_autoptr (GError) local = NULL;

  side->number = number;
  if (number == SC_NO_DEPLOYMENT)
    return TRUE;
  side->d = sc_deployment_load_number (ctx, lock->name, number, &local);
  if (side->d != NULL && check_paths (side->d->installed_files, &local)
      && check_paths (side->d->installed_dirs, &local))
    return !sc_host_side_has_files (side) || sc_host_side_open_tree (lock, side, error);
  g_clear_pointer (&side->d, sc_deployment_free);
  if (g_error_matches (local, SC_ERROR, SC_ERROR_NOT_FOUND)
      || g_error_matches (local, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    return TRUE;
  if (needed
      || (!g_error_matches (local, SC_ERROR, SC_ERROR_INVALID) && !g_error_matches (local, SC_ERROR, SC_ERROR_LIMIT)))
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  side->unknown = TRUE;
  sc_progress_note (sink, "%s: its files on the host are not known and stay as they are", local->message);
  return TRUE;
}

/* -- places -- */

static gboolean
is_link (int root, const char *path)
{
  SC_AUTOFD int fd = sc_fs_open_in_root (root, path, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0, NULL);
  struct stat st;

  return fd >= 0 && fstat (fd, &st) == 0 && S_ISLNK (st.st_mode);
}

gboolean
sc_host_side_find_links (int root, ScHostSide *side, GError **error)
{
  char **path = side->d != NULL ? side->d->installed_files : NULL;

  side->links = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (; path != NULL && *path != NULL; path++)
    {
      g_auto (ScHostFile) file = { 0 };
      char *place;

      if (!is_link (root, *path))
        continue;
      if (!sc_host_file_look (root, *path, &file, error))
        return FALSE;
      if (!S_ISLNK (file.st.st_mode) || !sc_host_side_recorded (root, side, *path, &file, *path))
        continue;
      place = sc_host_place (root, *path, error);
      if (place == NULL)
        return FALSE;
      g_hash_table_add (side->links, place);
    }
  return TRUE;
}

char *
sc_host_side_place (int root, const ScHostSide *other, const char *path, gboolean *out_behind, GError **error)
{
  gboolean any = other->links != NULL && g_hash_table_size (other->links) > 0;

  *out_behind = FALSE;
  for (const char *end = any ? strchr (path + 1, '/') : NULL; end != NULL; end = strchr (end + 1, '/'))
    {
      g_autofree char *above = g_strndup (path, (gsize)(end - path)), *place = sc_host_place (root, above, error);

      if (place == NULL)
        return NULL;
      *out_behind = g_hash_table_contains (other->links, place);
      if (*out_behind)
        return g_strconcat (place, end, NULL);
    }
  return sc_host_place (root, path, error);
}

GHashTable *
sc_host_places (int root, const ScHostSide *other, char **paths, GError **error)
{
  g_autoptr (GHashTable) places = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (char **path = paths; path != NULL && *path != NULL; path++)
    {
      gboolean behind = FALSE;
      char *place =
          other != NULL ? sc_host_side_place (root, other, *path, &behind, error) : sc_host_place (root, *path, error);

      if (place == NULL)
        return NULL;
      g_hash_table_replace (places, place, *path);
    }
  return g_steal_pointer (&places);
}

static gboolean
find_places (int root, ScHostSide *side, const ScHostSide *other, GError **error)
{
  side->files = sc_host_places (root, other, side->d != NULL ? side->d->installed_files : NULL, error);
  if (side->files != NULL)
    side->dirs = sc_host_places (root, other, side->d != NULL ? side->d->installed_dirs : NULL, error);
  return side->dirs != NULL;
}

gboolean
sc_host_sides_find_places (ScHostSides *s, GError **error)
{
  int root = s->host.root;

  return sc_host_side_find_links (root, &s->to, error) && sc_host_side_find_links (root, &s->from, error)
         && find_places (root, &s->to, &s->from, error) && find_places (root, &s->from, &s->to, error);
}

/* -- what is there -- */

const char *
sc_host_side_sum (const ScHostSide *side, const char *path)
{
  return side->d != NULL && side->d->installed_checksums != NULL
             ? g_hash_table_lookup (side->d->installed_checksums, path)
             : NULL;
}

gboolean
sc_host_side_recorded (int root, const ScHostSide *side, const char *name, const ScHostFile *file, const char *path)
{
  const char *checksum = sc_host_side_sum (side, name);
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

gboolean
sc_host_sides_load (ScHostSides *s, const ScContext *ctx, ScContainerLock *lock, int number, int other, gboolean needed,
                    const ScProgressSink *sink, GError **error)
{
  s->name = lock->name;
  s->sink = sink;
  s->stem = g_strdup_printf ("atomic-%s.to", lock->name);
  s->host.stem = s->stem;
  return load_side (ctx, lock, number, needed, sink, &s->to, error)
         && load_side (ctx, lock, other, FALSE, sink, &s->from, error);
}
