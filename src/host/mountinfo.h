/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "error.h"

/*
 * What is mounted where, as this process sees it (proc(5), "/proc/pid/mountinfo").
 */

typedef struct
{
  guint64 id;        /* unique among the mounts that there are; given again to later ones */
  char *root;        /* what of the file system is mounted; a path of it, bytes */
  char *mount_point; /* bytes */
  char *type;        /* of the file system */
  char *source;
} ScMount;

void sc_mount_free (ScMount *mount);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScMount, sc_mount_free)

/* (transfer full) (element-type ScMount): the mounts that @text, @size bytes, tells of, escapes decoded.
 * SC_ERROR_INVALID "mountinfo: line N: ...". */
GPtrArray *sc_mountinfo_parse (const char *text, gsize size, GError **error) SC_CHECK;

/* The same of this process. */
GPtrArray *sc_mountinfo_load (GError **error) SC_CHECK;

/**
 * sc_mountinfo_view:
 *
 * Returns: (transfer full): a text that is the same for all processes of this boot that see the same list: those of one
 * mount namespace with one root directory.
 */
char *sc_mountinfo_view (GError **error) SC_CHECK;
