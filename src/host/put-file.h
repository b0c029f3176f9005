/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <sys/stat.h>

#include "error.h"

/*
 * Files and directories on the host, one at a time.  Each is whole or absent at every moment, and on disk when a
 * function returns.  A path is absolute and taken from a descriptor of the host's root, which links in the middle
 * cannot leave; the last part of it is never followed.  A file that exists is never written to.
 */

typedef struct
{
  int root;         /* of the host */
  const char *stem; /* temporary names are ".STEM.XXXXXX" */
} ScHost;

/* What is at a path. */
typedef struct
{
  struct stat st;   /* st_mode 0: nothing is there */
  char *checksum;   /* (nullable): SHA-256, hex, of a file's content or a link's target; NULL for anything else */
  char *attributes; /* owner, permissions and capabilities as text, to be compared */
} ScHostFile;

void sc_host_file_clear (ScHostFile *file);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ScHostFile, sc_host_file_clear)

gboolean sc_host_file_look (int root, const char *path, ScHostFile *out, GError **error) SC_CHECK;
/* The same for a path relative to @dfd that has no link in the middle. */
gboolean sc_host_file_look_at (int dfd, const char *path, ScHostFile *out, GError **error) SC_CHECK;

/* (transfer full) (nullable): SHA-256, hex, of the regular file that @path leads to, links followed in the root; NULL
 * if there is none. */
char *sc_host_file_sum_followed (int root, const char *path);

/* (transfer full): says where @path is, whatever links of the host lead there: equal for two names of one place, be
 * there something or not. */
char *sc_host_place (int root, const char *path, GError **error) SC_CHECK;

typedef enum
{
  SC_PUT_LINK = 1 << 0,    /* a hard link to the source will do */
  SC_PUT_REPLACE = 1 << 1, /* what is there goes; else it stays */
} ScPutFlags;

/**
 * sc_host_file_put:
 * @dfd, @source: a regular file or link
 * @out_kept: without %SC_PUT_REPLACE: something was there already
 *
 * Puts a file equal to the source at @path, whose directory exists: a hard link, if it may be one, the file system is
 * the same and SELinux wants the label that the source has; a clone where the file system makes one; else a copy.
 * Owner, permissions, capabilities and the user's attributes are those of the source.
 */
gboolean sc_host_file_put (const ScHost *host, const char *path, int dfd, const char *source, ScPutFlags flags,
                           gboolean *out_kept, GError **error) SC_CHECK;

/* No error if nothing is there. */
gboolean sc_host_file_remove (int root, const char *path, GError **error) SC_CHECK;

/* Makes the directory with owner and permissions of @like; no error if there is one, or a link to one. */
gboolean sc_host_dir_make (const ScHost *host, const char *path, const struct stat *like, GError **error) SC_CHECK;

/* Gives the directory what @like has and @before has not, if it has what @before has; nothing to a link. */
gboolean sc_host_dir_adapt (int root, const char *path, const struct stat *before, const struct stat *like,
                            GError **error) SC_CHECK;

/* Removes an empty directory; no error if it is not empty, none, or not there. */
gboolean sc_host_dir_remove (int root, const char *path, GError **error) SC_CHECK;

/* Removes what a process that died left in the directory of @path. */
gboolean sc_host_clean (const ScHost *host, const char *path, GError **error) SC_CHECK;
