/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <ostree.h>

#include "context.h"
#include "progress.h"

/*
 * The OSTree repository: docs/formats.md says what is in it.  An ScStore is one open repository; it is used by
 * one thread.
 */

typedef struct _ScStore ScStore;

typedef enum
{
  SC_STORE_READ,   /* a repository that does not exist is an empty one: nothing is created */
  SC_STORE_CREATE, /* create it if it is missing */
} ScStoreFlags;

/* Errors: G_IO_ERROR_PERMISSION_DENIED that names the repository when it cannot be read or written,
 * SC_ERROR_INVALID for something that is no repository. */
ScStore *sc_store_open (const ScContext *ctx, ScStoreFlags flags, GCancellable *cancellable, GError **error) SC_CHECK;
/* A repository that was created by opening it, and into which nothing came, is removed again. */
void sc_store_free (ScStore *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScStore, sc_store_free)

/* Whom to tell when @store has to wait; @sink (nullable) lives as long as @store. */
void sc_store_set_sink (ScStore *store, const ScProgressSink *sink);

/* (nullable): NULL if there is no repository yet (SC_STORE_READ). */
OstreeRepo *sc_store_repo (ScStore *store);

/**
 * ScStoreLock: a hold on the repository, by OSTree's own lock file, so that other programs that use the repository take
 * part. Shared: whoever reads or adds and must not have layers removed from under it.  Exclusive: whoever removes.
 * Waits for other processes, however long they take, until cancelled, and says so once. Holds of one ScStore can be
 * nested; an exclusive one within a shared one waits for the repository's core.lock-timeout-secs only (SC_ERROR_BUSY).
 */
typedef struct _ScStoreLock ScStoreLock;
void sc_store_unlock (ScStoreLock *lock);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScStoreLock, sc_store_unlock)
ScStoreLock *sc_store_lock (ScStore *store, gboolean exclusive, GCancellable *cancellable, GError **error) SC_CHECK;
