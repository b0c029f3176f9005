/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "checkouts.h"

/*
 * Holding one container: an exclusive flock on CHECKOUTS/.lock-NAME, with the directory of deployments shared.  Two
 * containers are changed side by side, one by one process at a time.  The hold ends with the process at the latest.
 */

#define SC_CONTAINER_LOCK ".lock-"

typedef struct
{
  ScCheckouts *checkouts;
  char *name; /* of the container */
  char *file;
  int fd;
} ScContainerLock;

/* Waits for whoever holds the container or all of them, saying so once, until cancelled. @create as
 * sc_checkouts_hold(). Whether there is such a container is not asked. */
ScContainerLock *sc_container_lock (const ScContext *ctx, const char *name, gboolean create, const ScProgressSink *sink,
                                    GCancellable *cancellable, GError **error) SC_CHECK;
/* The lock file of a container that is not there goes too. */
void sc_container_unlock (ScContainerLock *lock);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScContainerLock, sc_container_unlock)
