/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "error.h"
#include "progress.h"

/*
 * Locks between processes, flock(2): the kernel drops them with the last descriptor of the open file.
 */

/**
 * sc_lock_wait:
 * @fd: open file or directory
 * @how: LOCK_SH or LOCK_EX
 * @whom: who may hold it, for a note: "waiting for another atomic that WHOM"
 * @told: whether that has been said
 *
 * Until the lock is ours, there is an error, or @cancellable.
 */
gboolean sc_lock_wait (int fd, int how, const char *whom, gboolean *told, const ScProgressSink *sink,
                       GCancellable *cancellable, GError **error) SC_CHECK;

/* Is @fd what @path of @dfd names? Who held a lock before may have removed the file, and then another one has the name:
 * whoever gets a lock asks. @flags: AT_SYMLINK_NOFOLLOW or 0 */
gboolean sc_lock_is_of (int fd, int dfd, const char *path, int flags);
