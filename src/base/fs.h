/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <sys/stat.h>

#include "error.h"

/*
 * File system helpers, all relative to a directory descriptor.  Names in messages
 * are the ones given; callers prefix them with the object.
 */

/**
 * sc_fs_open_in_root:
 * @root: a directory that @path cannot leave
 * @path: relative or absolute; both are taken from @root
 *
 * Opens as if @root were "/": "..", absolute links and links in the middle are resolved
 * inside it (openat2 with RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS, a walk of our own where the
 * kernel has none; the walk never follows a link out of @root and stops after 40 links).
 *
 * Returns: the descriptor (O_CLOEXEC), or -1; G_IO_ERROR_NOT_FOUND if there is nothing.
 */
int sc_fs_open_in_root (int root, const char *path, int flags, mode_t mode, GError **error) SC_CHECK;

/* The walk alone, for its test. */
int sc_fs_open_in_root_walk (int root, const char *path, int flags, mode_t mode, GError **error) SC_CHECK;

/* Opens a directory O_RDONLY|O_DIRECTORY|O_CLOEXEC|O_NOFOLLOW; -1 on error. */
int sc_fs_open_dir_at (int dfd, const char *path, GError **error) SC_CHECK;

/* A descriptor (O_PATH) of the directory that the last part of @path is in, from @dfd on and through no link; -1 with
 * errno. */
int sc_fs_open_parent_at (int dfd, const char *path);

/* FALSE if it is known that @name in @dfd is no directory, or a link. */
gboolean sc_fs_may_be_dir_at (int dfd, const char *name);

/* Reads a regular file whole; larger than @max is SC_ERROR_LIMIT, not regular is SC_ERROR_INVALID. */
GBytes *sc_fs_read_file_at (int dfd, const char *path, gsize max, GError **error) SC_CHECK;

/* The same of a file that may not be there: *out_bytes is NULL then. */
gboolean sc_fs_read_if_there_at (int dfd, const char *path, gsize max, GBytes **out_bytes, GError **error) SC_CHECK;
/* The same from an open descriptor. */
GBytes *sc_fs_read_fd (int fd, const char *name, gsize max, GError **error) SC_CHECK;

/**
 * sc_fs_write_file_at:
 * @path: relative to @dfd; its directory exists
 *
 * Replaces the file as a whole: a temporary file beside it (".NAME.XXXXXX"), fsync, rename, fsync of
 * the directory.  On failure the old file stays and nothing else is left.
 */
gboolean sc_fs_write_file_at (int dfd, const char *path, const void *data, gsize size, mode_t mode,
                              GError **error) SC_CHECK;

/* (transfer full): a name ".NAME.XXXXXX" for what is to take the place of @name; it may be taken. */
char *sc_fs_temp_name (const char *name);

/* Removes from the directory @path of @dfd what a process that died left of replacing @name there: files (@kind
 * S_IFREG), symlinks (S_IFLNK) or empty directories (S_IFDIR) ".NAME.XXXXXX".  Nobody else may be replacing it. */
gboolean sc_fs_remove_temps_at (int dfd, const char *path, const char *name, mode_t kind, GError **error) SC_CHECK;

/* Creates or replaces a symlink by rename, and flushes the directory. */
gboolean sc_fs_replace_symlink_at (int dfd, const char *target, const char *path, GError **error) SC_CHECK;

/* Creates @path and its missing parents with @mode (0755 for parents); no error if it is a directory. */
gboolean sc_fs_mkdir_p_at (int dfd, const char *path, mode_t mode, GError **error) SC_CHECK;

/* (transfer full): the topmost directory of the absolute @path that is missing; @path itself if none is. */
char *sc_fs_first_missing (const char *path);

/* Removes the empty directories from @path up to @top; stops without error at the first that is not empty. */
void sc_fs_remove_empty_dirs (const char *path, const char *top);

/* Removes a file or a whole tree without following links; no error if it does not exist.  A mount point, @path itself
 * or within it, is G_IO_ERROR_BUSY: nothing on it is touched, but what came before it may be gone.  Directories without
 * write or search permission are removed too when the kernel lets the caller. */
gboolean sc_fs_remove_tree_at (int dfd, const char *path, GError **error) SC_CHECK;

/* Unlinks a file; no error if it does not exist. */
gboolean sc_fs_unlink_at (int dfd, const char *path, GError **error) SC_CHECK;

/* lstat; FALSE without error if nothing is there. */
gboolean sc_fs_exists_at (int dfd, const char *path);

/* fsync of the directory @path of @dfd ("." for itself). */
gboolean sc_fs_sync_dir_at (int dfd, const char *path, GError **error) SC_CHECK;

/* syncfs: everything of the file system of @fd. */
gboolean sc_fs_sync_all (int fd, GError **error) SC_CHECK;

/* (transfer full): the target of a symlink, or NULL. */
char *sc_fs_read_link_at (int dfd, const char *path, GError **error) SC_CHECK;

/* Creates a directory "PREFIX.XXXXXX" (mode 0700); (transfer full): its name. */
char *sc_fs_make_temp_dir_at (int dfd, const char *prefix, GError **error) SC_CHECK;

/* Writes all of @data to @fd, through short writes and EINTR. */
gboolean sc_fs_write_all (int fd, const void *data, gsize size, GError **error) SC_CHECK;

/* (transfer full) (array zero-terminated=1): names in a directory, sorted bytewise, without "." and "..". */
char **sc_fs_list_dir_at (int dfd, const char *path, GError **error) SC_CHECK;
