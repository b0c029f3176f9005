/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <sys/types.h>

/*
 * SELinux labels of files.  Where SELinux is off nothing has one.
 */

/* (transfer full) (nullable): what the policy wants for a file of type and permissions @mode at @path of the host;
 * NULL: SELinux is off, or the policy does not care. */
char *sc_selinux_wanted (const char *path, mode_t mode);

/* (transfer full) (nullable): the label of the open file. */
char *sc_selinux_label (int fd);

/* Do both give the same access? Their type and level count, not which user made the file. */
gboolean sc_selinux_is_same (const char *a, const char *b);

/* FALSE: it was not possible. */
gboolean sc_selinux_set (int fd, const char *label);
