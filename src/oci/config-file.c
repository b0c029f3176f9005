/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reading configuration that may be missing.  Missing is the only thing that is no error: a file that cannot be read
 * might forbid what would be done without it.
 */

#include "config-file.h"

#include <fcntl.h>

#include "fs.h"

/* The descriptor, -1 with @error set, or -1 without if there is nothing. */
static int
open_if_there (const ScContext *ctx, const char *path, int flags, GError **error)
{
  g_autoptr (GError) local = NULL;
  SC_AUTOFD int root = sc_context_open_root (ctx, error);
  int fd = -1;

  if (root < 0)
    return -1;
  fd = sc_fs_open_in_root (root, path, flags | O_RDONLY | O_CLOEXEC, 0, &local);
  if (fd < 0 && !g_error_matches (local, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    g_propagate_error (error, g_steal_pointer (&local));
  return fd;
}

gboolean
sc_config_file_read (const ScContext *ctx, const char *path, gsize max, GBytes **out, GError **error)
{
  g_autoptr (GError) local = NULL;
  SC_AUTOFD int fd = open_if_there (ctx, path, O_NONBLOCK | O_NOCTTY, &local);

  *out = NULL;
  if (fd < 0 && local == NULL)
    return TRUE;
  if (fd >= 0)
    *out = sc_fs_read_fd (fd, path, max, &local);
  if (*out != NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

char **
sc_config_dir_list (const ScContext *ctx, const char *path, const char *suffix, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  g_auto (GStrv) names = NULL;
  SC_AUTOFD int fd = open_if_there (ctx, path, O_DIRECTORY, &local);

  if (local != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return NULL;
    }
  if (fd >= 0)
    {
      names = sc_fs_list_dir_at (fd, ".", error);
      if (names == NULL)
        return sc_prefix_null (error, "%s", path);
    }
  for (gsize i = 0; names != NULL && names[i] != NULL; i++)
    {
      struct stat st;

      if (g_str_has_suffix (names[i], suffix)
          && (fstatat (fd, names[i], &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR (st.st_mode)))
        g_ptr_array_add (paths, g_build_filename (path, names[i], NULL));
    }
  g_ptr_array_add (paths, NULL);
  return (char **)g_ptr_array_free (g_steal_pointer (&paths), FALSE);
}
