/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "store.h"

/*
 * A change of the repository that can be taken back: libostree's transaction, and a record of the objects and refs that
 * came with it.
 */

typedef struct _ScTransaction ScTransaction;

/* Removes what transactions of dead processes left, and begins one. The caller holds the repository (shared). */
ScTransaction *sc_transaction_begin (ScStore *store, GCancellable *cancellable, GError **error) SC_CHECK;
/* Aborts if it was not committed: nothing of it stays. */
void sc_transaction_free (ScTransaction *transaction);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScTransaction, sc_transaction_free)

/* Refs of layers and configs, set by the commit. */
void sc_transaction_set_ref (ScTransaction *transaction, const char *branch, const char *commit);

/**
 * sc_transaction_commit:
 * @branch, @commit: the image's ref
 *
 * Flushes the objects and makes them visible, then the refs of sc_transaction_set_ref(), and last, when those are on
 * disk, that of the image. On failure the caller releases the repository and calls sc_transaction_undo().
 */
gboolean sc_transaction_commit (ScTransaction *transaction, const char *branch, const char *commit,
                                GCancellable *cancellable, GError **error) SC_CHECK;

/**
 * sc_transaction_undo:
 *
 * Takes back what a commit, whole or in part, did: the image's ref is what it was, refs of blobs that no image names
 * are removed, and so are objects that came with the transaction and that no ref reaches. Holds the repository
 * exclusively, so the caller must not hold it; waits for others who do.
 */
gboolean sc_transaction_undo (ScTransaction *transaction, GError **error) SC_CHECK;
