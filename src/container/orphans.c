/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Orphans of the checkouts: which they are, and their removal.  In doubt a directory stays.
 */
#include "orphans.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fs.h"
#include "info.h"
#include "live.h"
#include "mount.h"
#include "recover.h"
#include "runtime.h"

/* Between making a bundle and locking it. */
#define BUNDLE_MIN_AGE 60
#define RUN_INFIX      "-run-"

typedef struct
{
  const ScContext *ctx;
  ScCheckouts *checkouts;
  GHashTable *targets; /* set of what the links in the checkouts point to */
  const ScProgressSink *sink;
  GCancellable *cancellable;
} Search;

/* @out_runtime (transfer full) (nullable): the runtime that the deployment in @dir says, NULL if it has no info. FALSE:
 * its info cannot be read, so nobody knows what runs in it. */
static gboolean
runtime_of (Search *s, const char *dir, char **out_runtime)
{
  g_autofree char *path = g_build_filename (dir, "info", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = sc_fs_read_file_at (s->checkouts->dfd, path, SC_INFO_MAX, &error);
  g_autoptr (ScDeployment) d = g_new0 (ScDeployment, 1);

  *out_runtime = NULL;
  if (bytes == NULL && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    return TRUE;
  if (bytes == NULL || !sc_info_parse (bytes, d, &error))
    {
      sc_progress_note (s->sink, "%s/%s stays: %s", s->checkouts->path, dir, error->message);
      return FALSE;
    }
  *out_runtime = g_steal_pointer (&d->runtime);
  return TRUE;
}

/* What the runtime that may have it says of container @id. @asked (nullable) */
static gboolean
is_idle (Search *s, const char *dir, const char *id, const char *asked)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ScRuntime) runtime = sc_runtime_find (s->ctx, asked, &error);
  ScRuntimeState state = SC_RUNTIME_STATE_NONE;

  if (runtime == NULL && asked != NULL && g_error_matches (error, SC_ERROR, SC_ERROR_NOT_FOUND))
    return is_idle (s, dir, id, NULL);
  if (runtime == NULL || !sc_runtime_state (runtime, id, &state, NULL, s->cancellable, &error))
    sc_progress_note (s->sink, "%s/%s stays: %s", s->checkouts->path, dir, error->message);
  else if (state != SC_RUNTIME_STATE_NONE && state != SC_RUNTIME_STATE_STOPPED)
    sc_progress_note (s->sink, "%s/%s stays: container %s runs in it", s->checkouts->path, dir, id);
  else
    return TRUE;
  return FALSE;
}

static gboolean
is_kind (Search *s, const char *name, mode_t kind)
{
  struct stat st;

  return fstatat (s->checkouts->dfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && (st.st_mode & S_IFMT) == kind;
}

static gboolean
has_file (Search *s, const char *dir, const char *file)
{
  g_autofree char *path = g_build_filename (dir, file, NULL);

  return sc_fs_exists_at (s->checkouts->dfd, path);
}

static gboolean
is_orphan_deployment (Search *s, const char *dir)
{
  const char *suffix = sc_deployment_suffix (dir);
  g_autofree char *name = suffix != NULL ? g_strndup (dir, (gsize)(suffix - dir)) : NULL;
  g_autofree char *runtime = NULL;

  if (name == NULL || !sc_container_name_check (name, NULL) || !is_kind (s, dir, S_IFDIR) || is_kind (s, name, S_IFLNK)
      || g_hash_table_contains (s->targets, dir) || sc_container_is_interrupted (s->ctx, name))
    return FALSE;
  if (!has_file (s, dir, "rootfs") && !has_file (s, dir, "info") && !has_file (s, dir, "config.json"))
    return FALSE;
  return runtime_of (s, dir, &runtime) && is_idle (s, dir, name, runtime);
}

/* ".run.NAME-run-PID.XXXXXX" */
static gboolean
is_orphan_bundle (Search *s, const char *dir)
{
  const char *id = dir + strlen (SC_CHECKOUTS_RUN), *end = strrchr (id, '.');
  g_autofree char *container = end != NULL ? g_strndup (id, (gsize)(end - id)) : NULL;
  char *infix = container != NULL ? g_strrstr (container, RUN_INFIX) : NULL;
  g_autofree char *name = infix != NULL ? g_strndup (container, (gsize)(infix - container)) : NULL;
  g_autoptr (ScDeployment) deployment = name != NULL ? sc_deployment_load (s->ctx, name, NULL) : NULL;
  SC_AUTOFD int fd = sc_fs_open_dir_at (s->checkouts->dfd, dir, NULL);
  struct stat st;

  if (name == NULL || fd < 0 || fstat (fd, &st) != 0 || time (NULL) - st.st_mtime < BUNDLE_MIN_AGE
      || flock (fd, LOCK_EX | LOCK_NB) != 0)
    return FALSE;
  return is_idle (s, dir, container, deployment != NULL ? deployment->runtime : NULL);
}

static gboolean
is_orphan (Search *s, const char *name)
{
  if (g_str_has_prefix (name, SC_CHECKOUTS_TEMP))
    return TRUE;
  if (g_str_has_prefix (name, SC_CHECKOUTS_RUN))
    return is_orphan_bundle (s, name);
  return is_orphan_deployment (s, name);
}

/* The names that the links here point to; the original tool's are absolute. */
static GHashTable *
link_targets (ScCheckouts *checkouts, char **names)
{
  GHashTable *targets = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; names[i] != NULL; i++)
    {
      g_autofree char *target = sc_fs_read_link_at (checkouts->dfd, names[i], NULL);

      if (target != NULL)
        g_hash_table_add (targets, g_path_get_basename (target));
    }
  return targets;
}

GPtrArray *
sc_orphans_find (const ScContext *ctx, ScCheckouts *checkouts, const ScProgressSink *sink, GCancellable *cancellable,
                 GError **error)
{
  g_auto (GStrv) names = sc_fs_list_dir_at (checkouts->dfd, ".", error);
  g_auto (GStrv) mounts = names != NULL ? sc_mounts_find_stale (checkouts, sink, error) : NULL;
  g_autoptr (GHashTable) targets = names != NULL ? link_targets (checkouts, names) : NULL;
  g_autoptr (GPtrArray) orphans = g_ptr_array_new_with_free_func (g_free);
  Search s = { ctx, checkouts, targets, sink, cancellable };

  for (guint i = 0; mounts != NULL && mounts[i] != NULL; i++)
    g_ptr_array_add (orphans, g_strdup (mounts[i]));
  for (guint i = 0; mounts != NULL && names[i] != NULL; i++)
    {
      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return NULL;
      if (is_orphan (&s, names[i]))
        g_ptr_array_add (orphans, g_strdup (names[i]));
    }
  return mounts != NULL ? g_steal_pointer (&orphans) : NULL;
}

/* Removes the host file @path if it is to the byte the file @file of the directory @dir. */
static gboolean
remove_dead_file (const ScContext *ctx, const char *path, int dir, const char *file, GError **error)
{
  g_autofree char *real = sc_context_path (ctx, path), *above = g_path_get_dirname (real);
  g_autoptr (GBytes) theirs = sc_fs_read_file_at (AT_FDCWD, real, SC_INFO_MAX, NULL);
  g_autoptr (GBytes) ours = sc_fs_read_file_at (dir, file, SC_INFO_MAX, NULL);

  if (theirs == NULL || ours == NULL || !g_bytes_equal (theirs, ours))
    return TRUE;
  return (sc_fs_unlink_at (AT_FDCWD, real, error) && sc_fs_sync_dir_at (AT_FDCWD, above, error))
         || sc_prefix (error, "%s", path);
}

/* The host files of an installation that died before the container had its link, and that kept no journal. */
static gboolean
remove_dead_files (const ScContext *ctx, int checkouts, const char *name, const char *dir, GError **error)
{
  g_autofree char *unit = sc_unit_name (name), *unit_path = sc_unit_path (ctx, name),
                  *tmpfiles = sc_tmpfiles_name (name), *tmpfiles_path = sc_tmpfiles_path (ctx, name);
  SC_AUTOFD int dfd = sc_fs_open_dir_at (checkouts, dir, error);

  return dfd >= 0 && remove_dead_file (ctx, unit_path, dfd, unit, error)
         && remove_dead_file (ctx, tmpfiles_path, dfd, tmpfiles, error);
}

static gboolean
remove_deployment (const ScContext *ctx, ScCheckouts *checkouts, const char *dir, GError **error)
{
  const char *suffix = sc_deployment_suffix (dir);
  g_autofree char *name = g_strndup (dir, (gsize)(suffix - dir)), *canonical = NULL;
  gint64 number = g_ascii_strtoll (suffix + 1, NULL, 10);

  if (!remove_dead_files (ctx, checkouts->dfd, name, dir, error))
    return FALSE;
  canonical = g_strdup_printf ("%s.%d", name, number > G_MAXINT ? -1 : (int)number);
  return strcmp (canonical, dir) == 0 ? sc_checkouts_remove (checkouts, name, (int)number, error)
                                      : sc_fs_remove_tree_at (checkouts->dfd, dir, error);
}

gboolean
sc_orphans_remove (const ScContext *ctx, ScCheckouts *checkouts, const GPtrArray *orphans, const ScProgressSink *sink,
                   GCancellable *cancellable, GError **error)
{
  for (guint i = 0; i < orphans->len; i++)
    {
      const char *name = g_ptr_array_index (orphans, i);

      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return FALSE;
      if (!(*name == '.' ? sc_fs_remove_tree_at (checkouts->dfd, name, error)
                         : remove_deployment (ctx, checkouts, name, error)))
        return sc_prefix (error, "%s/%s", checkouts->path, name);
      sc_progress_step (sink, "Deleting %s/%s", checkouts->path, name);
    }
  return TRUE;
}
