/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Temporary files and directories beside the repository, where the image will need its space anyway and where /tmp's
 * memory is not.  Knows only where they are, not what is in them.
 */

#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <unistd.h>

/* (transfer full): the first directory that is there; the last one if none is. */
static char *
find_dir (const ScContext *ctx)
{
  const char *const places[] = { ctx->repo, ctx->checkouts, "/var/tmp" };
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
  return g_strdup ("/var/tmp");
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

char *
sc_spool_make_dir (const ScContext *ctx, GError **error)
{
  g_autofree char *dir = find_dir (ctx);
  g_autofree char *path = g_build_filename (dir, ".atomic-XXXXXX", NULL);

  if (g_mkdtemp_full (path, 0700) == NULL)
    return sc_fail_errno_null (error, errno, "temporary directory in %s", dir);
  return g_steal_pointer (&path);
}
