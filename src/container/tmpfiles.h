/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/**
 * sc_tmpfiles_default:
 * @paths: absolute paths without control characters
 * @uid, @gid: who gets them
 *
 * Returns: (transfer full) (nullable): a tmpfiles.d(5) file with one line "d PATH 0700 UID GID - -" for each of @paths,
 * quoted and escaped where the path needs it; NULL if there are none.
 */
char *sc_tmpfiles_default (const char *const *paths, guint32 uid, guint32 gid);

/* (transfer full) (array zero-terminated=1): the directories that lines of the types d, D, v, q and Q of a
 * tmpfiles.d(5) file make, clean, each once.  Left out are lines that are malformed, and paths with specifiers other
 * than "%%", with escapes other than those of quotes, blanks and backslashes, and with "..". */
char **sc_tmpfiles_directories (const char *text);
