/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Enabling and disabling a unit without systemd.  Owns the links in UNIT_DIR and its *.wants and *.requires
 * directories; never touches a unit file or anything else that is not a symlink.  All work is relative to a descriptor
 * of UNIT_DIR, opened beneath the root of the context; names come from unit-install.c, which has checked them.
 */
#include "unit-links.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "fs.h"

/* UNIT_DIR, or @unit in it if that is not NULL; -1 on error. */
static int
open_unit_dir (const ScContext *ctx, const char *unit, int flags, GError **error)
{
  g_autofree char *path = g_build_filename (ctx->unit_dir, unit, NULL);
  SC_AUTOFD int root = sc_context_open_root (ctx, error);
  if (root < 0)
    return -1;
  return sc_fs_open_in_root (root, path, flags | O_RDONLY | O_CLOEXEC, 0, error);
}

/* @out_dfd: -1 if there is no UNIT_DIR. */
static gboolean
open_links (const ScContext *ctx, int *out_dfd, GError **error)
{
  g_autoptr (GError) local = NULL;
  *out_dfd = open_unit_dir (ctx, NULL, O_DIRECTORY, &local);
  if (*out_dfd >= 0 || g_error_matches (local, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

static ScUnitInstall *
load_install (const ScContext *ctx, const char *unit, GError **error)
{
  gsize size = 0;
  SC_AUTOFD int fd = open_unit_dir (ctx, unit, O_NONBLOCK, error);
  if (fd < 0)
    return NULL;
  g_autoptr (GBytes) text = sc_fs_read_fd (fd, unit, SC_UNIT_MAX_SIZE, error);
  if (text == NULL)
    return NULL;
  const char *data = g_bytes_get_data (text, &size);
  return sc_unit_install_parse (unit, data != NULL ? data : "", size, error);
}

static gboolean
is_link (int dfd, const char *path)
{
  struct stat st;
  return fstatat (dfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK (st.st_mode);
}

/* @out_target: (transfer full) (nullable): NULL if @path is no link. */
static gboolean
read_link (int dfd, const char *path, char **out_target, GError **error)
{
  *out_target = NULL;
  if (!is_link (dfd, path))
    return TRUE;
  *out_target = sc_fs_read_link_at (dfd, path, error);
  return *out_target != NULL;
}

/* Does the link @path of UNIT_DIR stand for @unit? In a dependency directory its name says so already. */
static gboolean
stands_for (const char *path, const char *target, const char *unit)
{
  g_autofree char *name = g_path_get_basename (path), *base = g_path_get_basename (target);
  return g_str_equal (base, unit) || (strchr (path, '/') != NULL && g_str_equal (name, unit));
}

/* (transfer full): paths of the links of @install, relative to UNIT_DIR. */
static char **
link_paths (const ScUnitInstall *install, const char *unit)
{
  GPtrArray *paths = g_ptr_array_new ();
  for (char **name = install->alias; *name != NULL; name++)
    g_ptr_array_add (paths, g_strdup (*name));
  for (char **name = install->wanted_by; *name != NULL; name++)
    g_ptr_array_add (paths, g_strdup_printf ("%s.wants/%s", *name, unit));
  for (char **name = install->required_by; *name != NULL; name++)
    g_ptr_array_add (paths, g_strdup_printf ("%s.requires/%s", *name, unit));
  g_ptr_array_add (paths, NULL);
  return (char **)g_ptr_array_free (paths, FALSE);
}

/* One directory goes once nothing is in it. */
static gboolean
remove_if_empty (int dfd, const char *dir, GError **error)
{
  return unlinkat (dfd, dir, AT_REMOVEDIR) == 0 || errno == ENOENT || errno == ENOTEMPTY || errno == EEXIST
         || errno == ENOTDIR || errno == EBUSY || sc_fail_errno (error, errno, "%s", dir);
}

static gboolean
remove_link (int dfd, const char *path, GError **error)
{
  g_autofree char *dir = g_path_get_dirname (path);
  return sc_fs_unlink_at (dfd, path, error) && (g_str_equal (dir, ".") || remove_if_empty (dfd, dir, error));
}

/* -- what a unit asks for -- */

static gboolean
check_links (const ScContext *ctx, int dfd, const char *unit, char **paths, GError **error)
{
  for (char **path = paths; *path != NULL; path++)
    {
      g_autofree char *target = NULL;
      if (!sc_fs_exists_at (dfd, *path))
        continue;
      if (!read_link (dfd, *path, &target, error))
        return FALSE;
      if (target == NULL)
        return sc_fail (error, SC_ERROR_EXISTS, "%s/%s exists and is not a link", ctx->unit_dir, *path);
      if (!stands_for (*path, target, unit))
        return sc_fail (error, SC_ERROR_EXISTS, "%s/%s exists and leads to %s", ctx->unit_dir, *path, target);
    }
  return TRUE;
}

gboolean
sc_unit_links_check (const ScContext *ctx, const char *unit, const ScUnitInstall *install, GError **error)
{
  g_auto (GStrv) paths = link_paths (install, unit);
  SC_AUTOFD int dfd = -1;
  return (open_links (ctx, &dfd, error) && (dfd < 0 || check_links (ctx, dfd, unit, paths, error)))
         || sc_prefix (error, "enable %s", unit);
}

gboolean
sc_unit_links_check_file (const ScContext *ctx, const char *unit, GError **error)
{
  g_autoptr (ScUnitInstall) install = load_install (ctx, unit, NULL);
  return install == NULL || sc_unit_links_check (ctx, unit, install, error);
}

gboolean
sc_unit_links_enable (const ScContext *ctx, const char *unit, GError **error)
{
  if (!sc_unit_name_is_valid (unit))
    return sc_fail (error, SC_ERROR_INVALID, "'%s' is not the name of a unit", unit);
  g_autoptr (ScUnitInstall) install = load_install (ctx, unit, error);
  if (install == NULL)
    return sc_prefix (error, "enable %s", unit);
  SC_AUTOFD int dfd = open_unit_dir (ctx, NULL, O_DIRECTORY, error);
  if (dfd < 0)
    return sc_prefix (error, "enable %s", unit);

  g_auto (GStrv) paths = link_paths (install, unit);
  g_autofree char *target = g_build_filename (ctx->unit_dir, unit, NULL);
  if (!check_links (ctx, dfd, unit, paths, error))
    return sc_prefix (error, "enable %s", unit);
  for (char **path = paths; *path != NULL; path++)
    {
      g_autofree char *dir = g_path_get_dirname (*path);
      if (!sc_fs_mkdir_p_at (dfd, dir, 0755, error) || !sc_fs_replace_symlink_at (dfd, target, *path, error))
        return sc_prefix (error, "enable %s", unit);
    }
  return sc_fs_sync_dir_at (dfd, ".", error) || sc_prefix (error, "enable %s", unit);
}

gboolean
sc_unit_links_asked (const ScContext *ctx, const char *unit, const ScUnitInstall *install, gboolean *out_enabled,
                     GError **error)
{
  g_auto (GStrv) paths = link_paths (install, unit);
  SC_AUTOFD int dfd = -1;
  *out_enabled = FALSE;
  if (!open_links (ctx, &dfd, error))
    return sc_prefix (error, "is %s enabled", unit);
  for (char **path = paths; dfd >= 0 && *path != NULL && !*out_enabled; path++)
    {
      g_autofree char *target = NULL;
      if (!read_link (dfd, *path, &target, error))
        return sc_prefix (error, "is %s enabled", unit);
      *out_enabled = target != NULL && stands_for (*path, target, unit);
    }
  return TRUE;
}

gboolean
sc_unit_links_remove (const ScContext *ctx, const char *unit, const ScUnitInstall *install, const ScUnitInstall *keep,
                      GError **error)
{
  g_auto (GStrv) paths = link_paths (install, unit), kept = keep != NULL ? link_paths (keep, unit) : NULL;
  SC_AUTOFD int dfd = -1;
  if (!open_links (ctx, &dfd, error))
    return sc_prefix (error, "disable %s", unit);
  for (char **path = paths; dfd >= 0 && *path != NULL; path++)
    {
      g_autofree char *target = NULL;
      if (kept != NULL && g_strv_contains ((const char *const *)kept, *path))
        continue;
      if (!read_link (dfd, *path, &target, error)
          || (target != NULL && stands_for (*path, target, unit) && !remove_link (dfd, *path, error)))
        return sc_prefix (error, "disable %s", unit);
    }
  return TRUE;
}

/* -- what there is -- */

/* What to do with each directory of links, UNIT_DIR itself included. */
typedef gboolean (*VisitFunc) (int dfd, const char *dir, const char *unit, gpointer data, GError **error);

static gboolean
visit_dirs (int dfd, const char *unit, VisitFunc visit, gpointer data, GError **error)
{
  g_auto (GStrv) entries = sc_fs_list_dir_at (dfd, ".", error);
  if (entries == NULL || !visit (dfd, ".", unit, data, error))
    return FALSE;
  for (char **entry = entries; *entry != NULL; entry++)
    {
      struct stat st;
      if (!g_str_has_suffix (*entry, ".wants") && !g_str_has_suffix (*entry, ".requires"))
        continue;
      if (fstatat (dfd, *entry, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR (st.st_mode)
          && !visit (dfd, *entry, unit, data, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
visit_link_dirs (const ScContext *ctx, const char *unit, VisitFunc visit, gpointer data, GError **error)
{
  SC_AUTOFD int dfd = -1;
  return open_links (ctx, &dfd, error) && (dfd < 0 || visit_dirs (dfd, unit, visit, data, error));
}

typedef struct
{
  const char *unit_dir;
  GHashTable *aliases; /* of the unit, and of these: names in UNIT_DIR */
  GHashTable *found;   /* path -> target */
} Links;

static void
links_clear (Links *links)
{
  g_clear_pointer (&links->aliases, g_hash_table_unref);
  g_clear_pointer (&links->found, g_hash_table_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Links, links_clear)

/* Is @target, of a link in @dir, in UNIT_DIR itself?  A unit of the same name elsewhere is another one. */
static gboolean
is_in_unit_dir (const char *unit_dir, const char *dir, const char *target)
{
  g_autofree char *parent = g_path_get_dirname (target);
  return g_str_equal (parent, *target == '/' ? unit_dir : g_str_equal (dir, ".") ? "." : "..");
}

static gboolean
collect_in (int dfd, const char *dir, const char *unit, gpointer data, GError **error)
{
  Links *links = data;
  gboolean top = g_str_equal (dir, ".");
  g_auto (GStrv) entries = sc_fs_list_dir_at (dfd, dir, error);
  if (entries == NULL)
    return FALSE;
  for (char **entry = entries; *entry != NULL; entry++)
    {
      g_autofree char *path = top ? g_strdup (*entry) : g_build_filename (dir, *entry, NULL), *target = NULL;
      if ((top && g_str_equal (*entry, unit)) || g_hash_table_contains (links->found, path))
        continue;
      if (!read_link (dfd, path, &target, error))
        return FALSE;
      g_autofree char *base = target != NULL ? g_path_get_basename (target) : NULL;
      if (target == NULL
          || (!stands_for (path, target, unit)
              && !(g_hash_table_contains (links->aliases, base) && is_in_unit_dir (links->unit_dir, dir, target))))
        continue;
      if (top)
        g_hash_table_add (links->aliases, g_strdup (*entry));
      g_hash_table_insert (links->found, g_steal_pointer (&path), g_steal_pointer (&target));
    }
  return TRUE;
}

/* Every link to @unit, aliases with the links to them. @dfd: UNIT_DIR */
static gboolean
collect (const ScContext *ctx, int dfd, const char *unit, Links *out, GError **error)
{
  out->unit_dir = ctx->unit_dir;
  out->aliases = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  out->found = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  /* Until a pass finds nothing: an alias can have aliases of its own, in any order. Each pass finds something. */
  for (guint before = G_MAXUINT; before != g_hash_table_size (out->found);)
    {
      before = g_hash_table_size (out->found);
      if (!visit_dirs (dfd, unit, collect_in, out, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
sc_unit_links_disable (const ScContext *ctx, const char *unit, GError **error)
{
  g_auto (Links) links = { 0 };
  GHashTableIter iter;
  gpointer path;
  SC_AUTOFD int dfd = -1;
  if (!sc_unit_name_is_valid (unit))
    return sc_fail (error, SC_ERROR_INVALID, "'%s' is not the name of a unit", unit);
  if (!open_links (ctx, &dfd, error))
    return sc_prefix (error, "disable %s", unit);
  if (dfd < 0)
    return TRUE;
  if (!collect (ctx, dfd, unit, &links, error))
    return sc_prefix (error, "disable %s", unit);
  g_hash_table_iter_init (&iter, links.found);
  while (g_hash_table_iter_next (&iter, &path, NULL))
    if (!remove_link (dfd, path, error))
      return sc_prefix (error, "disable %s", unit);
  return sc_fs_sync_all (dfd, error) || sc_prefix (error, "disable %s", unit);
}

static gboolean
find_link (int dfd, const char *dir, const char *unit, gpointer data, GError **error)
{
  gboolean *found = data;
  g_auto (GStrv) entries = sc_fs_list_dir_at (dfd, dir, error);
  if (entries == NULL)
    return FALSE;
  for (char **entry = entries; *entry != NULL && !*found; entry++)
    {
      g_autofree char *path = g_build_filename (dir, *entry, NULL);
      if (**entry == '.' || !is_link (dfd, path))
        continue;
      g_autofree char *target = sc_fs_read_link_at (dfd, path, error);
      if (target == NULL)
        return FALSE;
      g_autofree char *base = g_path_get_basename (target);
      *found = g_str_equal (base, unit) && (!g_str_equal (dir, ".") || !g_str_equal (*entry, unit));
    }
  return TRUE;
}

gboolean
sc_unit_links_exist (const ScContext *ctx, const char *unit, gboolean *out_enabled, GError **error)
{
  gboolean found = FALSE;
  if (!visit_link_dirs (ctx, unit, find_link, &found, error))
    return sc_prefix (error, "is %s enabled", unit);
  *out_enabled = found;
  return TRUE;
}

/* An alias has another name than the unit; where its temporary link leads tells whose it is. */
static gboolean
clean_links (int dfd, const char *dir, const char *unit, gpointer data, GError **error)
{
  g_auto (GStrv) entries = g_str_equal (dir, ".") ? sc_fs_list_dir_at (dfd, dir, error) : g_new0 (char *, 1);

  for (char **entry = entries; entry != NULL && *entry != NULL; entry++)
    {
      const char *dot = strrchr (*entry, '.');
      g_autofree char *path = g_build_filename (dir, *entry, NULL);
      g_autofree char *target = **entry == '.' && dot > *entry + 1 ? sc_fs_read_link_at (dfd, path, NULL) : NULL;
      g_autofree char *base = target != NULL ? g_path_get_basename (target) : NULL;
      g_autofree char *name = base != NULL ? g_strndup (*entry + 1, (gsize)(dot - *entry - 1)) : NULL;

      if (g_strcmp0 (base, unit) == 0 && !sc_fs_remove_temps_at (dfd, dir, name, S_IFLNK, error))
        return FALSE;
    }
  return entries != NULL && sc_fs_remove_temps_at (dfd, dir, unit, S_IFLNK, error);
}

gboolean
sc_unit_links_clean (const ScContext *ctx, const char *unit, GError **error)
{
  return visit_link_dirs (ctx, unit, clean_links, NULL, error);
}

gboolean
sc_unit_links_flush (const ScContext *ctx, GError **error)
{
  SC_AUTOFD int dfd = -1;
  return open_links (ctx, &dfd, error)
         && (dfd < 0 || sc_fs_sync_all (dfd, error) || sc_prefix (error, "%s", ctx->unit_dir));
}

/* -- those of another unit of the same name -- */

/* Could @path be a link that stands for @unit? */
static gboolean
is_link_path (const char *path, const char *unit)
{
  g_auto (GStrv) parts = g_strsplit (path, "/", -1);
  const char *suffix = NULL;
  if (g_strv_length (parts) == 1)
    return sc_unit_name_is_valid (path) && !g_str_equal (path, unit) && g_str_has_suffix (path, strrchr (unit, '.'));
  if (g_strv_length (parts) != 2 || !sc_unit_name_is_valid (parts[1]))
    return FALSE;
  suffix = g_str_has_suffix (parts[0], ".wants") ? ".wants" : ".requires";
  if (!g_str_has_suffix (parts[0], suffix))
    return FALSE;
  parts[0][strlen (parts[0]) - strlen (suffix)] = '\0';
  return sc_unit_name_is_valid (parts[0]);
}

gboolean
sc_unit_links_list (const ScContext *ctx, const char *unit, GHashTable **out_links, GError **error)
{
  g_auto (Links) links = { 0 };
  GHashTableIter iter;
  gpointer path;
  SC_AUTOFD int dfd = -1;
  if (!open_links (ctx, &dfd, error) || (dfd >= 0 && !collect (ctx, dfd, unit, &links, error)))
    return sc_prefix (error, "links of %s", unit);
  if (dfd < 0)
    links.found = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_hash_table_iter_init (&iter, links.found);
  while (g_hash_table_iter_next (&iter, &path, NULL))
    if (!is_link_path (path, unit))
      g_hash_table_iter_remove (&iter);
  *out_links = g_steal_pointer (&links.found);
  return TRUE;
}

gboolean
sc_unit_links_restore (const ScContext *ctx, const char *unit, GHashTable *links, GError **error)
{
  GHashTableIter iter;
  gpointer path, target;
  SC_AUTOFD int dfd = open_unit_dir (ctx, NULL, O_DIRECTORY, error);
  if (dfd < 0)
    return sc_prefix (error, "links of %s", unit);
  g_hash_table_iter_init (&iter, links);
  while (g_hash_table_iter_next (&iter, &path, &target))
    {
      g_autofree char *dir = g_path_get_dirname (path);
      if (!is_link_path (path, unit) || *(char *)target == '\0' || sc_fs_exists_at (dfd, path))
        continue;
      if (!sc_fs_mkdir_p_at (dfd, dir, 0755, error))
        return sc_prefix (error, "links of %s", unit);
      if (symlinkat (target, dfd, path) != 0 && errno != EEXIST)
        return sc_fail_errno (error, errno, "links of %s: %s/%s", unit, ctx->unit_dir, (char *)path);
    }
  return sc_fs_sync_all (dfd, error) || sc_prefix (error, "links of %s", unit);
}

gboolean
sc_unit_links_are_of_file (const ScContext *ctx, const char *unit, gboolean *out_are, GError **error)
{
  g_auto (Links) links = { 0 };
  GHashTableIter iter;
  gpointer path, target;
  SC_AUTOFD int dfd = -1;
  *out_are = FALSE;
  if (!open_links (ctx, &dfd, error))
    return sc_prefix (error, "links of %s", unit);
  if (dfd < 0)
    return TRUE;
  *out_are = sc_fs_exists_at (dfd, unit);
  if (*out_are)
    return TRUE;
  if (!collect (ctx, dfd, unit, &links, error))
    return sc_prefix (error, "links of %s", unit);
  g_hash_table_iter_init (&iter, links.found);
  while (!*out_are && g_hash_table_iter_next (&iter, &path, &target))
    {
      g_autofree char *dir = g_path_get_dirname (path);
      *out_are = is_in_unit_dir (ctx->unit_dir, dir, target);
    }
  return TRUE;
}
