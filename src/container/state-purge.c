/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Removing the directories of a container's state.  Only what is recorded, by its path without links, on its own file
 * system, and only if no other container knows it.
 */
#include "state-dirs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "config-json.h"
#include "fs.h"
#include "mountinfo.h"
#include "state-use.h"

typedef struct
{
  ScHostTree host;
  const ScPurgeOptions *options;
  const ScProgressSink *sink;
  ScStateUse use;
  GPtrArray *mounts; /* ScMount */
} Purge;

static void
purge_clear (Purge *p)
{
  sc_state_use_clear (&p->use);
  sc_host_tree_clear (&p->host);
  g_clear_pointer (&p->mounts, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Purge, purge_clear)

/* (transfer full) (nullable): why @dir stays. */
static char *
find_reason (Purge *p, const char *dir)
{
  g_autofree char *here = g_strconcat (p->host.path, dir, NULL);
  char *reason = sc_state_use_reason (&p->use, dir);

  if (reason != NULL)
    return reason;
  for (guint i = 0; i < p->mounts->len; i++)
    {
      const char *point = ((const ScMount *)p->mounts->pdata[i])->mount_point;

      if (sc_config_path_is_below (point, here))
        return g_strdup_printf ("something is mounted on %s", point);
    }
  return NULL;
}

/* -- removing -- */

static gboolean
keep (Purge *p, const char *dir, const char *reason)
{
  sc_progress_note (p->sink, "%s stays: %s", dir, reason);
  return TRUE;
}

/* What will not get better by trying again. */
static gboolean
is_lasting (const GError *error)
{
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED)
         || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_READ_ONLY)
         || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_BUSY);
}

static gboolean
remove_tree (Purge *p, int parent, const char *dir, GError **error)
{
  g_autoptr (GError) local = NULL;

  sc_progress_step (p->sink, "Removing %s", dir);
  if (p->options->dry_run)
    return TRUE;
  if (sc_fs_remove_tree_at (parent, strrchr (dir, '/') + 1, &local) && sc_fs_sync_dir_at (parent, ".", &local))
    return TRUE;
  if (p->options->force || is_lasting (local))
    return keep (p, dir, local->message);
  g_propagate_error (error, g_steal_pointer (&local));
  return sc_prefix (error, "%s", dir);
}

static gboolean
remove_dir (Purge *p, const char *dir, GError **error)
{
  SC_AUTOFD int parent = sc_fs_open_parent_at (p->host.root, dir + 1);
  int errsv = errno;
  g_autofree char *reason = NULL;
  struct stat st;

  if (parent < 0 && (errsv == ELOOP || errsv == ENOTDIR))
    return keep (p, dir, "a directory above it is none any more");
  if (parent < 0)
    return errsv == ENOENT || sc_fail_errno (error, errsv, "%s", dir);
  if (fstatat (parent, strrchr (dir, '/') + 1, &st, AT_SYMLINK_NOFOLLOW) != 0)
    return errno == ENOENT || sc_fail_errno (error, errno, "%s", dir);
  if (!S_ISDIR (st.st_mode))
    return keep (p, dir, "it is no directory any more");
  reason = find_reason (p, dir);
  return reason != NULL ? keep (p, dir, reason) : remove_tree (p, parent, dir, error);
}

static gboolean
remove_if_empty (const ScHostTree *host, const char *dir, GError **error)
{
  SC_AUTOFD int parent = sc_fs_open_parent_at (host->root, dir + 1);

  if (parent < 0)
    return TRUE;
  if (unlinkat (parent, strrchr (dir, '/') + 1, AT_REMOVEDIR) == 0)
    return sc_fs_sync_dir_at (parent, ".", error) || sc_prefix (error, "%s", dir);
  /* A disk that fails is told; what cannot be empty or is not ours to remove is not. */
  return (errno != EIO && errno != ENOSPC && errno != EDQUOT) || sc_fail_errno (error, errno, "%s", dir);
}

/* One above, which is only tidied up. */
static gboolean
tidy (Purge *p, const char *dir, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (p->options->dry_run || remove_if_empty (&p->host, dir, &local))
    return TRUE;
  if (p->options->force)
    return keep (p, dir, local->message);
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

/* TRUE if @dir is recorded as one that is only above another. */
static gboolean
strip_slash (char *dir)
{
  gsize length = strlen (dir);

  if (dir[length - 1] != '/')
    return FALSE;
  dir[length - 1] = '\0';
  return TRUE;
}

gboolean
sc_state_dirs_purge (const ScContext *ctx, const char *name, const ScPurgeOptions *options, const ScProgressSink *sink,
                     GCancellable *cancellable, GError **error)
{
  g_auto (Purge) p = { .host = { .root = -1 }, .options = options, .sink = sink };
  g_autoptr (GPtrArray) dirs = NULL;
  SC_AUTOFD int lock = -1;

  if (!options->dry_run && (lock = sc_state_lock (ctx, LOCK_EX, sink, cancellable, error)) < 0)
    return FALSE;
  p.use = (ScStateUse){ .host = &p.host,
                        .name = name,
                        .going = options->dry_run,
                        .force = options->force,
                        .sink = sink,
                        .cancellable = cancellable };
  if (!sc_host_tree_open (ctx, &p.host, error)
      || (dirs = sc_state_dirs_recorded (&p.host, name, options->force, error)) == NULL)
    return FALSE;
  if (dirs->len == 0)
    {
      sc_progress_note (sink, "%s: no directories are known that were made for it", name);
      return TRUE;
    }
  if (!sc_state_use_find (&p.use, error) || (p.mounts = sc_mountinfo_load (error)) == NULL)
    return FALSE;
  /* What is within another comes first. */
  for (guint i = dirs->len; i > 0; i--)
    {
      char *dir = dirs->pdata[i - 1];
      gboolean above = strip_slash (dir);

      if (!(above ? tidy (&p, dir, error) : remove_dir (&p, dir, error)))
        return FALSE;
    }
  return TRUE;
}

/* What cannot be read by anybody is not known; a disk that fails is told. */
static gboolean
is_senseless (const GError *error)
{
  return g_error_matches (error, SC_ERROR, SC_ERROR_INVALID) || g_error_matches (error, SC_ERROR, SC_ERROR_LIMIT)
         || g_error_matches (error, SC_ERROR, SC_ERROR_UNSUPPORTED);
}

gboolean
sc_state_dirs_take_back (const ScContext *ctx, const char *name, int from, int to, GError **error)
{
  g_auto (ScHostTree) host = { .root = -1 };
  g_autoptr (GPtrArray) ours = NULL, before = NULL;
  g_autoptr (GError) local = NULL;

  if (!sc_host_tree_open (ctx, &host, error))
    return FALSE;
  if ((ours = sc_state_dirs_recorded_by (&host, name, to, &local)) == NULL
      || (before = sc_state_dirs_recorded_by (&host, name, from, &local)) == NULL)
    {
      if (is_senseless (local))
        return TRUE;
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  for (guint i = ours->len; i > 0; i--)
    {
      char *dir = ours->pdata[i - 1];

      if (g_ptr_array_find_with_equal_func (before, dir, g_str_equal, NULL))
        continue;
      (void)strip_slash (dir);
      if (!remove_if_empty (&host, dir, error))
        return FALSE;
    }
  return TRUE;
}
