/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A temporary directory that plays a root: files by path, removed at the end. */

#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>

#include "fs.h"

typedef struct
{
  char *path;
  int fd;
} Root;

static inline void
root_init (Root *root)
{
  root->path = g_dir_make_tmp ("test-root-XXXXXX", NULL);
  root->fd = open (root->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_assert_cmpint (root->fd, >=, 0);
}

/* Without @text: a directory. */
static inline void
root_add (Root *root, const char *path, const char *text)
{
  g_autofree char *full = g_build_filename (root->path, path, NULL);
  g_autofree char *parent = text != NULL ? g_path_get_dirname (full) : g_strdup (full);

  g_assert_cmpint (g_mkdir_with_parents (parent, 0755), ==, 0);
  if (text != NULL)
    g_assert_true (g_file_set_contents (full, text, -1, NULL));
}

static inline void
root_clear (Root *root)
{
  g_autoptr (GError) error = NULL;
  gboolean removed = sc_fs_remove_tree_at (AT_FDCWD, root->path, &error);

  g_assert_no_error (error);
  g_assert_true (removed);
  sc_close_fd_p (&root->fd);
  g_free (root->path);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Root, root_clear)
