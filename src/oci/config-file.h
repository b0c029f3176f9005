/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "context.h"

/*
 * Configuration files of the system and of the user, which need not be there.  Paths are those of the host and are
 * resolved, with the links in them, inside the root of the context.  Internal to oci.
 */

/* Reads @path; *out (transfer full) is NULL if there is no such file. Errors: SC_ERROR_LIMIT (more than @max bytes),
 * SC_ERROR_INVALID (not a regular file), G_IO_ERROR; all name the file. */
gboolean sc_config_file_read (const ScContext *ctx, const char *path, gsize max, GBytes **out, GError **error) SC_CHECK;

/* (transfer full) (array zero-terminated=1): the paths of the files in the directory @path whose names end in @suffix,
 * by name; none if there is no such directory.  Directories in it are left out. */
char **sc_config_dir_list (const ScContext *ctx, const char *path, const char *suffix, GError **error) SC_CHECK;
