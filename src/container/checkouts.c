/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Holding the directory of deployments: flock on the directory itself, so that no lock file stays behind.
 */
#include "checkouts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "fs.h"

#define WAIT_USEC (100 * 1000)

void
sc_checkouts_release (ScCheckouts *c)
{
  /* rmdir takes an empty directory only: what was installed keeps it. */
  if (c->created && rmdir (c->path) != 0)
    g_debug ("%s: %s", c->path, g_strerror (errno));
  sc_close_fd_p (&c->dfd);
  g_free (c->path);
  g_free (c);
}

static gboolean
wait_for_lock (ScCheckouts *c, const ScProgressSink *sink, GCancellable *cancellable, GError **error)
{
  gboolean told = FALSE;

  while (flock (c->dfd, LOCK_EX | LOCK_NB) != 0)
    {
      if (errno != EWOULDBLOCK && errno != EINTR)
        return sc_fail_errno (error, errno, "%s: cannot lock", c->path);
      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return FALSE;
      if (!told)
        sc_progress_note (sink, "waiting for another atomic that changes %s", c->path);
      told = TRUE;
      g_usleep (WAIT_USEC);
    }
  return TRUE;
}

static gboolean
remove_stale (ScCheckouts *c, GError **error)
{
  g_auto (GStrv) names = sc_fs_list_dir_at (c->dfd, ".", error);

  if (names == NULL)
    return FALSE;
  for (guint i = 0; names[i] != NULL; i++)
    if (g_str_has_prefix (names[i], SC_CHECKOUTS_TEMP) && !sc_fs_remove_tree_at (c->dfd, names[i], error))
      return sc_prefix (error, "%s", c->path);
  return TRUE;
}

ScCheckouts *
sc_checkouts_hold (const ScContext *ctx, gboolean create, const ScProgressSink *sink, GCancellable *cancellable,
                   GError **error)
{
  g_autoptr (ScCheckouts) c = g_new0 (ScCheckouts, 1);

  c->dfd = -1;
  c->path = sc_context_path (ctx, ctx->checkouts);
  if (!g_file_test (c->path, G_FILE_TEST_IS_DIR))
    {
      if (!create)
        return sc_fail_null (error, SC_ERROR_NOT_FOUND, "%s does not exist", c->path);
      if (!sc_fs_mkdir_p_at (AT_FDCWD, c->path, 0755, error))
        return sc_prefix_null (error, "%s", c->path);
      c->created = TRUE;
    }
  c->dfd = sc_fs_open_dir_at (AT_FDCWD, c->path, error);
  if (c->dfd < 0 || !wait_for_lock (c, sink, cancellable, error) || !remove_stale (c, error))
    return NULL;
  return g_steal_pointer (&c);
}

char **
sc_checkouts_deployments (ScCheckouts *c, const char *name, GError **error)
{
  g_auto (GStrv) names = sc_fs_list_dir_at (c->dfd, ".", error);
  g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func (g_free);
  gsize length = strlen (name);

  if (names == NULL)
    return NULL;
  for (guint i = 0; names[i] != NULL; i++)
    {
      const char *number = names[i] + length + 1;
      struct stat st;

      /* Directories only: a link "x.0" is another container. */
      if (strncmp (names[i], name, length) == 0 && names[i][length] == '.' && *number != '\0'
          && strspn (number, "0123456789") == strlen (number)
          && fstatat (c->dfd, names[i], &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR (st.st_mode))
        g_ptr_array_add (found, g_strdup (names[i]));
    }
  g_ptr_array_add (found, NULL);
  return (char **)g_ptr_array_free (g_steal_pointer (&found), FALSE);
}
