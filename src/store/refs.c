/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading refs.  libostree's lists leave out what they cannot resolve, and fail when a file that they saw is gone; who
 * decides what may be removed needs neither.
 */
#include "refs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest.h"
#include "fs.h"
#include "refname.h"
#include "tree.h"

/* (transfer full) (nullable): what the file of a ref holds, "" if that is no checksum; NULL: it is gone. */
static char *
read_ref (int dir, const char *name)
{
  /* It may be an alias: a link. */
  SC_AUTOFD int fd = openat (dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  g_autoptr (GBytes) bytes = NULL;
  g_autofree char *text = NULL;

  if (fd < 0 && !sc_fs_exists_at (dir, name))
    return NULL;
  bytes = fd >= 0 ? sc_fs_read_fd (fd, name, SC_SHA256_HEX + 2, NULL) : NULL;
  if (bytes == NULL)
    return g_strdup ("");
  text = g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  g_strchomp (text);
  return sc_digest_is_hex (text) ? g_steal_pointer (&text) : g_strdup ("");
}

static gboolean
is_dir (int dir, const char *name)
{
  struct stat st;

  return fstatat (dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR (st.st_mode);
}

static gboolean
resolve (OstreeRepo *repo, const char *branch, gboolean *out_damaged, char **out_commit, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autofree char *path = g_strconcat ("refs/heads/", branch, NULL), *text = NULL;

  *out_damaged = FALSE;
  *out_commit = NULL;
  if (ostree_repo_resolve_rev (repo, branch, TRUE, out_commit, &local))
    return TRUE;
  text = read_ref (ostree_repo_get_dfd (repo), path);
  *out_damaged = text != NULL && *text == '\0' && !is_dir (ostree_repo_get_dfd (repo), path);
  if (*out_damaged)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

gboolean
sc_ref_resolve (OstreeRepo *repo, const char *branch, char **out_commit, GError **error)
{
  gboolean damaged;

  return resolve (repo, branch, &damaged, out_commit, error)
         && (!damaged || sc_fail (error, SC_ERROR_INVALID, "branch %s is damaged: it names no commit", branch));
}

gboolean
sc_ref_resolve_sound (OstreeRepo *repo, const char *branch, char **out_commit, GError **error)
{
  gboolean damaged;

  return resolve (repo, branch, &damaged, out_commit, error);
}

/* What others leave beside refs, and libostree before it renames. */
static gboolean
is_no_ref (const char *ref, const char *name, const char *commit)
{
  g_autofree char *temporary = g_strconcat (SC_REF_PREFIX, name, NULL);

  return *name == '.' || (*commit == '\0' && !sc_refname_is_temporary (ref) && sc_refname_is_temporary (temporary));
}

static gboolean read_dir (int parent, const char *path, const char *prefix, guint depth, GHashTable *refs,
                          GError **error);

/* @depth: how much further down to go */
static gboolean
read_entry (int dir, const char *name, const char *prefix, guint depth, GHashTable *refs, GError **error)
{
  g_autofree char *ref = g_strconcat (prefix, name, NULL), *below = g_strconcat (ref, "/", NULL), *commit = NULL;
  struct stat st;

  if (fstatat (dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
    return errno == ENOENT || sc_fail_errno (error, errno, "%s", ref);
  if (S_ISDIR (st.st_mode))
    return depth == 0 ? sc_fail (error, SC_ERROR_LIMIT, "refs are more than %d deep", SC_TREE_MAX_DEPTH)
                      : read_dir (dir, name, below, depth, refs, error);
  commit = read_ref (dir, name);
  if (commit != NULL && !is_no_ref (ref, name, commit))
    g_hash_table_replace (refs, g_steal_pointer (&ref), g_steal_pointer (&commit));
  return TRUE;
}

static gboolean
read_dir (int parent, const char *path, const char *prefix, guint depth, GHashTable *refs, GError **error)
{
  g_autoptr (GError) local = NULL;
  SC_AUTOFD int dir = sc_fs_open_dir_at (parent, path, &local);
  g_auto (GStrv) names = dir >= 0 ? sc_fs_list_dir_at (dir, ".", &local) : NULL;

  if (names == NULL && g_error_matches (local, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    return TRUE;
  if (names == NULL)
    return g_propagate_error (error, g_steal_pointer (&local)), FALSE;
  for (char **name = names; *name != NULL; name++)
    if (!read_entry (dir, *name, prefix, depth - 1, refs, error))
      return FALSE;
  return TRUE;
}

GHashTable *
sc_refs_list_dir (OstreeRepo *repo, const char *dir, ScRefFilter filter, GError **error)
{
  g_autoptr (GHashTable) refs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autofree char *path = g_strconcat ("refs/heads/", dir, NULL);
  g_autoptr (GError) local = NULL;
  SC_AUTOFD int fd = sc_fs_open_dir_at (ostree_repo_get_dfd (repo), path, &local);
  g_auto (GStrv) names = fd >= 0 ? sc_fs_list_dir_at (fd, ".", &local) : NULL;

  if (names == NULL && g_error_matches (local, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    return g_steal_pointer (&refs);
  if (names == NULL)
    return g_propagate_error (error, g_steal_pointer (&local)), NULL;
  for (char **name = names; *name != NULL; name++)
    {
      g_autofree char *ref = g_strconcat (dir, "/", *name, NULL), *commit = NULL;
      gboolean wanted = **name != '.' && !sc_refname_is_temporary (ref) && (filter == NULL || filter (ref));

      commit = wanted ? read_ref (fd, *name) : NULL;
      if (commit != NULL && (*commit != '\0' || !is_dir (fd, *name)))
        g_hash_table_replace (refs, g_steal_pointer (&ref), g_steal_pointer (&commit));
    }
  return g_steal_pointer (&refs);
}

static gboolean
read_remotes (int dfd, GHashTable *refs, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_auto (GStrv) names = sc_fs_list_dir_at (dfd, "refs/remotes", &local);

  if (names == NULL && g_error_matches (local, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    return TRUE;
  if (names == NULL)
    return g_propagate_error (error, g_steal_pointer (&local)), FALSE;
  for (char **name = names; *name != NULL; name++)
    {
      g_autofree char *path = g_build_filename ("refs/remotes", *name, NULL), *prefix = g_strconcat (*name, ":", NULL);

      if (is_dir (dfd, path) && !read_dir (dfd, path, prefix, SC_TREE_MAX_DEPTH, refs, error))
        return FALSE;
    }
  return TRUE;
}

GHashTable *
sc_refs_list (OstreeRepo *repo, GError **error)
{
  g_autoptr (GHashTable) refs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  int dfd = ostree_repo_get_dfd (repo);

  return read_dir (dfd, "refs/heads", "", SC_TREE_MAX_DEPTH, refs, error)
                 && read_dir (dfd, "refs/mirrors", "mirrors:", SC_TREE_MAX_DEPTH, refs, error)
                 && read_remotes (dfd, refs, error)
             ? g_steal_pointer (&refs)
             : NULL;
}
