/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Temporary files and directories beside the repository, where the image will need its space anyway and where /tmp's
 * memory is not.  Knows only where they are, not what is in them.  A directory is in use as long as its maker holds a
 * lock on it: what a killed process has left is removed by the next one.
 */

#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs.h"
#include "lock.h"

#define VAR_TMP    "/var/tmp"
#define DIR_PREFIX ".atomic-spool-"
#define XS         "XXXXXX"
#define TRIES      5

/* (transfer full): the first directory that is there; the last one if none is. */
static char *
find_dir (const ScContext *ctx)
{
  const char *const places[] = { ctx->repo, ctx->checkouts, VAR_TMP };
  char *path = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (places); i++)
    {
      if (places[i] == NULL)
        continue;
      g_free (path);
      path = sc_context_path (ctx, places[i]);
      if (g_file_test (path, G_FILE_TEST_IS_DIR))
        return path;
    }
  g_free (path);
  return g_strdup (VAR_TMP);
}

/* Where the file system has no files without a name. */
static int
open_and_unlink (const char *dir, GError **error)
{
  g_autofree char *path = g_build_filename (dir, ".atomic-XXXXXX", NULL);
  int fd = mkostemp (path, O_CLOEXEC);

  if (fd < 0)
    {
      sc_fail_errno (error, errno, "temporary file in %s", dir);
      return -1;
    }
  (void)unlink (path);
  return fd;
}

int
sc_spool_open (const ScContext *ctx, GError **error)
{
  g_autofree char *dir = find_dir (ctx);
  int fd = open (dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

  return fd >= 0 ? fd : open_and_unlink (dir, error);
}

/* Whether the directory @name of @dir is the one that @fd is, and is ours. */
static gboolean
is_same_dir (int dir, const char *name, int fd)
{
  struct stat st;

  return fstat (fd, &st) == 0 && S_ISDIR (st.st_mode) && st.st_uid == geteuid ()
         && sc_lock_is_of (fd, dir, name, AT_SYMLINK_NOFOLLOW);
}

/* Removes the directory @name of @dir if it is ours and its maker is gone. */
static void
clean_one (int dir, const char *name)
{
  g_autoptr (GError) error = NULL;
  SC_AUTOFD int fd = openat (dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

  /* Others may write to /var/tmp, too. */
  if (fd < 0 || flock (fd, LOCK_EX | LOCK_NB) != 0 || !is_same_dir (dir, name, fd))
    return;
  g_debug ("removing %s, which a killed process left", name);
  if (!sc_fs_remove_tree_at (dir, name, &error))
    g_debug ("%s stays: %s", name, error->message);
}

static void
clean_in (const char *path)
{
  SC_AUTOFD int dir = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_auto (GStrv) names = dir >= 0 ? sc_fs_list_dir_at (dir, ".", NULL) : NULL;

  for (guint i = 0; names != NULL && names[i] != NULL; i++)
    if (g_str_has_prefix (names[i], DIR_PREFIX) && strlen (names[i]) == strlen (DIR_PREFIX XS))
      clean_one (dir, names[i]);
}

void
sc_spool_clean (const ScContext *ctx)
{
  const char *const places[] = { ctx->repo, ctx->checkouts, VAR_TMP };

  for (gsize i = 0; i < G_N_ELEMENTS (places); i++)
    {
      g_autofree char *path = places[i] != NULL ? sc_context_path (ctx, places[i]) : NULL;

      if (path != NULL)
        clean_in (path);
    }
}

char *
sc_spool_make_dir (const ScContext *ctx, int *out_lock, GError **error)
{
  g_autofree char *dir = find_dir (ctx);

  *out_lock = -1;
  sc_spool_clean (ctx);
  for (int i = 0; i < TRIES; i++)
    {
      g_autofree char *path = g_build_filename (dir, DIR_PREFIX XS, NULL);
      SC_AUTOFD int fd = -1;

      if (g_mkdtemp_full (path, 0700) == NULL)
        return sc_fail_errno_null (error, errno, "temporary directory in %s", dir);
      fd = open (path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      /* Another process may have taken it for one that was left. */
      if (fd < 0 || flock (fd, LOCK_EX | LOCK_NB) != 0 || !is_same_dir (AT_FDCWD, path, fd))
        continue;
      *out_lock = sc_steal_fd (&fd);
      return g_steal_pointer (&path);
    }
  return sc_fail_null (error, SC_ERROR_BUSY, "temporary directory in %s: each was removed at once", dir);
}
