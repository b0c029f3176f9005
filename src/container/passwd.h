/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "error.h"

/*
 * Users of an image: its /etc/passwd and /etc/group, read beneath its root.  The host's users are never asked.
 */

typedef struct
{
  guint32 uid;
  guint32 gid;
  GArray *groups; /* guint32: supplementary groups, each once, in the order of /etc/group */
  char *home;     /* "/" if there is none */
} ScUser;

/**
 * sc_user_resolve:
 * @rootfs: descriptor of the image's root
 * @spec: (nullable): "user", "uid", "user:group", "uid:gid", ... (OCI image specification, config.md, "User"); NULL or
 *        empty: root
 *
 * A user without a group gets the one of its passwd entry (0 for a uid that has none) and the groups that list it; a
 * user with a group gets that group alone.
 *
 * Errors: SC_ERROR_INVALID for a name that is not there, or an id over 2147483647; SC_ERROR_LIMIT for a file over 1
 * MiB.
 */
ScUser *sc_user_resolve (int rootfs, const char *spec, GError **error) SC_CHECK;
void sc_user_free (ScUser *user);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScUser, sc_user_free)
