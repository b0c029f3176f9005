/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "context.h"

/*
 * Places for what cannot be held in memory while an image is on its way.
 */

/**
 * sc_spool_open:
 *
 * A file for reading and writing that has no name and is gone with its last descriptor, however this process ends.  It
 * lies beside the repository: in the directory of a repository that was asked for, else in that of the checkouts, or in
 * /var/tmp while there is neither.
 *
 * Returns: the descriptor (O_CLOEXEC), or -1.
 */
int sc_spool_open (const ScContext *ctx, GError **error) SC_CHECK;

/**
 * sc_spool_make_dir:
 * @out_lock: (out): a descriptor (O_CLOEXEC) whose lock says that the directory is in use; closed when it is removed
 *
 * Returns: (transfer full): the path of a new directory, mode 0700, in the same place; the caller removes it.
 */
char *sc_spool_make_dir (const ScContext *ctx, int *out_lock, GError **error) SC_CHECK;

/* Removes directories of sc_spool_make_dir() that nobody uses any more: of processes that were killed.  What cannot be
 * removed stays. */
void sc_spool_clean (const ScContext *ctx);
