/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "error.h"

/*
 * Mounting, in two steps: a tree is mounted nowhere, with all its attributes, and then attached to a directory.  So
 * nothing is ever visible with other attributes than those asked for.  Linux 5.12 or later; SC_ERROR_UNSUPPORTED
 * without.
 */

typedef struct
{
  gboolean read_only, nosuid, nodev, noexec;
  gboolean shared; /* what is mounted inside is seen where the tree is seen; else nowhere but there */
} ScMountAttributes;

/* A descriptor of a detached tree that shows the directory @dir, without what is mounted in it; -1 on error. */
int sc_mounts_bind (int dir, const ScMountAttributes *attributes, GError **error) SC_CHECK;

/* The same of an overlay: what is written goes to @upper, an empty directory beside the empty directory @work.
 * @source: what the list of mounts calls it. SC_ERROR_UNSUPPORTED with the kernel's reason. */
int sc_mounts_overlay (int lower, int upper, int work, const char *source, const ScMountAttributes *attributes,
                       GError **error) SC_CHECK;

/* The id of the mount that @fd is in; @out_is_root (optional): whether @fd is its top. */
gboolean sc_mounts_id (int fd, guint64 *out_id, gboolean *out_is_root, GError **error) SC_CHECK;

/* Attaches @tree to the directory @dir. */
gboolean sc_mounts_attach (int tree, int dir, const ScMountAttributes *attributes, GError **error) SC_CHECK;

/* Takes what is mounted on @path away. SC_ERROR_BUSY if somebody uses it. */
gboolean sc_mounts_detach (const char *path, GError **error) SC_CHECK;
