/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Holding the directory of deployments: flock on the directory itself, so that no lock file stays behind.  Whoever
 * changes one container shares it and holds that container (container-lock.h); whoever must see all of them still
 * holds it alone.
 */
#include "checkouts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "deployment.h"
#include "fs.h"
#include "lock.h"

#define OPEN_TRIES 100

void
sc_checkouts_release (ScCheckouts *c)
{
  /* Empty directories only: what was installed keeps it. Whoever waits for our lock looks whether it is still there. */
  if (c->created != NULL)
    sc_fs_remove_empty_dirs (c->path, c->created);
  g_free (c->created);
  sc_close_fd_p (&c->dfd);
  g_free (c->path);
  g_free (c);
}

static gboolean
is_directory (int dfd, const char *name)
{
  struct stat st;

  return fstatat (dfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR (st.st_mode);
}

static gboolean
remove_stale (ScCheckouts *c, GError **error)
{
  g_auto (GStrv) names = sc_fs_list_dir_at (c->dfd, ".", error);

  if (names == NULL)
    return FALSE;
  for (guint i = 0; names[i] != NULL; i++)
    if (g_str_has_prefix (names[i], SC_CHECKOUTS_TEMP) && is_directory (c->dfd, names[i])
        && !sc_fs_remove_tree_at (c->dfd, names[i], error))
      return sc_prefix (error, "%s", c->path);
  return TRUE;
}

static gboolean
open_directory (ScCheckouts *c, gboolean create, GError **error)
{
  g_autofree char *missing = sc_fs_first_missing (c->path);

  if (!g_file_test (c->path, G_FILE_TEST_IS_DIR))
    {
      if (!create)
        return sc_fail (error, SC_ERROR_NOT_FOUND, "%s does not exist", c->path);
      if (!sc_fs_mkdir_p_at (AT_FDCWD, c->path, 0755, error))
        {
          sc_fs_remove_empty_dirs (c->path, missing);
          return sc_prefix (error, "%s", c->path);
        }
      g_free (c->created);
      c->created = g_steal_pointer (&missing);
    }
  sc_close_fd_p (&c->dfd);
  c->dfd = sc_fs_open_dir_at (AT_FDCWD, c->path, error);
  return c->dfd >= 0;
}

static ScCheckouts *
open_and_lock (const ScContext *ctx, gboolean create, int how, const ScProgressSink *sink, GCancellable *cancellable,
               GError **error)
{
  g_autoptr (ScCheckouts) c = g_new0 (ScCheckouts, 1);
  g_autofree char *whom = NULL;
  gboolean told = FALSE;
  guint tries = 0;

  c->dfd = -1;
  c->path = sc_context_path (ctx, ctx->checkouts);
  whom = g_strdup_printf ("changes %s", c->path);
  do
    {
      g_autoptr (GError) local = NULL;

      if (!open_directory (c, create, &local))
        {
          /* Maybe removed between making and opening it: once more; a path that leads nowhere stays so. */
          if (create && ++tries < OPEN_TRIES && g_error_matches (local, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
            continue;
          g_propagate_error (error, g_steal_pointer (&local));
          return NULL;
        }
      if (!sc_lock_wait (c->dfd, how, whom, &told, sink, cancellable, error))
        return sc_prefix (error, "%s", c->path), NULL;
      /* Who made it may have removed it, empty, while we waited. */
    }
  while (!sc_lock_is_of (c->dfd, AT_FDCWD, c->path, 0));
  return g_steal_pointer (&c);
}

ScCheckouts *
sc_checkouts_hold (const ScContext *ctx, gboolean create, const ScProgressSink *sink, GCancellable *cancellable,
                   GError **error)
{
  g_autoptr (ScCheckouts) c = open_and_lock (ctx, create, LOCK_EX, sink, cancellable, error);

  return c != NULL && remove_stale (c, error) ? g_steal_pointer (&c) : NULL;
}

ScCheckouts *
sc_checkouts_lock (const ScContext *ctx, gboolean create, const ScProgressSink *sink, GCancellable *cancellable,
                   GError **error)
{
  return open_and_lock (ctx, create, LOCK_EX, sink, cancellable, error);
}

ScCheckouts *
sc_checkouts_share (const ScContext *ctx, gboolean create, const ScProgressSink *sink, GCancellable *cancellable,
                    GError **error)
{
  return open_and_lock (ctx, create, LOCK_SH, sink, cancellable, error);
}

char **
sc_checkouts_deployments (ScCheckouts *c, const char *name, GError **error)
{
  g_auto (GStrv) names = sc_fs_list_dir_at (c->dfd, ".", error);
  g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func (g_free);

  if (names == NULL)
    return NULL;
  for (guint i = 0; names[i] != NULL; i++)
    {
      /* Directories only: a link "x.0" is another container. */
      if (sc_deployment_suffix_of (names[i], name) != NULL && is_directory (c->dfd, names[i]))
        g_ptr_array_add (found, g_strdup (names[i]));
    }
  g_ptr_array_add (found, NULL);
  return (char **)g_ptr_array_free (g_steal_pointer (&found), FALSE);
}

gboolean
sc_checkouts_remove (ScCheckouts *c, const char *name, int number, GError **error)
{
  g_autofree char *dir = g_strdup_printf ("%s.%d", name, number);
  g_autofree char *prefix = g_strconcat (SC_CHECKOUTS_TEMP, name, NULL);
  g_autofree char *temp = NULL;

  if (!is_directory (c->dfd, dir))
    return TRUE;
  temp = sc_fs_make_temp_dir_at (c->dfd, prefix, error);
  if (temp == NULL)
    return FALSE;
  if (renameat (c->dfd, dir, c->dfd, temp) != 0)
    {
      sc_fail_errno (error, errno, "cannot rename %s", dir);
      (void)!unlinkat (c->dfd, temp, AT_REMOVEDIR);
      return FALSE;
    }
  return sc_fs_remove_tree_at (c->dfd, temp, error) && sc_fs_sync_dir_at (c->dfd, ".", error);
}
