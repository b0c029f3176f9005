/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The list of a package's files.  The tree is the image's word: it is walked without following a link, and what the
 * host has already is not taken from whoever put it there.
 */
#include "package-tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs.h"

#define DEPTH_LIMIT 256

typedef struct
{
  const ScPackageTreeInput *input;
  ScPackageTree *out;
  int host_root;
} Walk;

void
sc_package_tree_clear (ScPackageTree *tree)
{
  g_clear_pointer (&tree->files, g_ptr_array_unref);
  g_clear_pointer (&tree->dirs, g_ptr_array_unref);
}

gboolean
sc_package_tree_is_config (const char *path)
{
  return g_str_has_prefix (path, "/etc/");
}

/* In a list of files these would be something else, or end the line. */
static gboolean
check_path (const char *path, GError **error)
{
  if (!g_utf8_validate (path, -1, NULL))
    return sc_fail (error, SC_ERROR_INVALID, "a file for the host has a name that is not UTF-8");
  for (const char *p = path; *p != '\0'; p = g_utf8_next_char (p))
    if (*p == '"' || *p == '\\' || !g_unichar_isprint (g_utf8_get_char (p)))
      return sc_fail (error, SC_ERROR_INVALID, "a file for the host has a name that no package can hold, below %.*s",
                      (int)MIN (p - path, 200), path);
  return TRUE;
}

/* @out_dir: whether it is a directory, or leads to one. */
static gboolean
host_has (const Walk *walk, const char *path, gboolean *out, gboolean *out_dir, GError **error)
{
  g_autoptr (GError) local = NULL;
  SC_AUTOFD int fd = sc_fs_open_in_root (walk->host_root, path, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0, &local);

  *out = fd >= 0;
  *out_dir = FALSE;
  if (fd >= 0)
    {
      SC_AUTOFD int dir = sc_fs_open_in_root (walk->host_root, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0, NULL);

      *out_dir = dir >= 0;
      return TRUE;
    }
  if (g_error_matches (local, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    return TRUE;
  g_propagate_prefixed_error (error, g_steal_pointer (&local), "%s: ", path);
  return FALSE;
}

static gboolean
is_owned (const Walk *walk, const char *path)
{
  return walk->input->owned != NULL && g_hash_table_contains (walk->input->owned, path);
}

/* Files of a package are root's.  What ran as another user is not to run as root then. */
static gboolean
make_roots (const Walk *walk, int dir, const char *name, const char *path, const struct stat *st, GError **error)
{
  mode_t lost = (st->st_uid != 0 ? S_ISUID : 0) | (st->st_gid != 0 ? S_ISGID : 0), mode = st->st_mode & 07777;

  if (st->st_uid == 0 && st->st_gid == 0)
    return TRUE;
  if (fchownat (dir, name, 0, 0, AT_SYMLINK_NOFOLLOW) != 0
      || (!S_ISLNK (st->st_mode) && fchmodat (dir, name, mode & ~lost, 0) != 0))
    return sc_fail_errno (error, errno, "%s", path);
  if (!S_ISLNK (st->st_mode) && (mode & lost) != 0)
    sc_progress_note (walk->input->sink, "%s: %s is root's in a package: it loses its set-%s-id bit",
                      walk->input->container, path, (mode & lost & S_ISUID) != 0 ? "user" : "group");
  return TRUE;
}

static gboolean
take_file (const Walk *walk, int dir, const char *name, const char *path, const struct stat *st, GError **error)
{
  gboolean there = FALSE, is_dir = FALSE;

  if (!S_ISREG (st->st_mode) && !S_ISLNK (st->st_mode))
    return sc_fail (error, SC_ERROR_UNSUPPORTED, "%s: neither a file nor a link nor a directory", path);
  if (walk->input->keep_host && !host_has (walk, path, &there, &is_dir, error))
    return FALSE;
  if (there && is_dir && S_ISREG (st->st_mode))
    return sc_fail (error, SC_ERROR_FAILED, "%s is a directory of the host", path);
  if (there && !is_owned (walk, path))
    {
      sc_progress_note (walk->input->sink, "%s: %s exists already and is kept", walk->input->container, path);
      return unlinkat (dir, name, 0) == 0 || sc_fail_errno (error, errno, "%s", path);
    }
  walk->out->bytes += (guint64)st->st_size;
  g_ptr_array_add (walk->out->files, g_strdup (path));
  return TRUE;
}

static gboolean walk_dir (const Walk *walk, int dir, const char *path, guint depth, GError **error);

static gboolean
take_dir (const Walk *walk, int parent, const char *name, const char *path, guint depth, GError **error)
{
  gboolean there = FALSE, is_dir = FALSE;
  SC_AUTOFD int dir = sc_fs_open_dir_at (parent, name, error);

  if (dir < 0 || !host_has (walk, path, &there, &is_dir, error))
    return FALSE;
  if (there && !is_dir)
    return sc_fail (error, SC_ERROR_FAILED, "%s is not a directory on the host", path);
  if (!there || is_owned (walk, path))
    g_ptr_array_add (walk->out->dirs, g_strdup (path));
  return walk_dir (walk, dir, path, depth + 1, error);
}

static gboolean
walk_dir (const Walk *walk, int dir, const char *path, guint depth, GError **error)
{
  g_auto (GStrv) names = sc_fs_list_dir_at (dir, ".", error);

  if (names == NULL)
    return FALSE;
  if (depth > DEPTH_LIMIT)
    return sc_fail (error, SC_ERROR_LIMIT, "files for the host more than %d directories deep", DEPTH_LIMIT);
  for (char **name = names; *name != NULL; name++)
    {
      g_autofree char *below = g_strconcat (path, "/", *name, NULL);
      struct stat st;

      if (g_strcmp0 (below, walk->input->whole) == 0)
        continue;
      if (fstatat (dir, *name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return sc_fail_errno (error, errno, "%s", below);
      if (!check_path (below, error) || !make_roots (walk, dir, *name, below, &st, error)
          || !(S_ISDIR (st.st_mode) ? take_dir (walk, dir, *name, below, depth, error)
                                    : take_file (walk, dir, *name, below, &st, error)))
        return FALSE;
    }
  return TRUE;
}

gboolean
sc_package_tree_scan (const ScPackageTreeInput *input, ScPackageTree *out_tree, GError **error)
{
  g_auto (ScPackageTree) tree = { 0 };
  SC_AUTOFD int host_root = sc_context_open_root (input->ctx, error);
  Walk walk = { input, &tree, host_root };

  tree.files = g_ptr_array_new_with_free_func (g_free);
  tree.dirs = g_ptr_array_new_with_free_func (g_free);
  if (host_root < 0 || !walk_dir (&walk, input->tree, "", 0, error))
    return FALSE;
  *out_tree = tree;
  tree = (ScPackageTree){ 0 };
  return TRUE;
}
