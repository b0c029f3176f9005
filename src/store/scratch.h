/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <ostree.h>

#include "error.h"

/*
 * A small repository of its own below another one's tmp/, on the same file system and of the same mode: for objects
 * that must be whole before they take the place of others.  It goes with its owner; what a process that died has left
 * sc_object_writer_clean() removes.
 */

typedef struct _ScScratch ScScratch;

/* Removes what dead processes left, too. */
ScScratch *sc_scratch_new (OstreeRepo *repo, GCancellable *cancellable, GError **error) SC_CHECK;
void sc_scratch_free (ScScratch *scratch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScScratch, sc_scratch_free)

OstreeRepo *sc_scratch_repo (ScScratch *scratch);
/* Descriptor of its objects/. */
int sc_scratch_objects (ScScratch *scratch);

/* A transaction of it.  Nothing is flushed: whoever takes objects from here does that. One that is open is aborted. */
gboolean sc_scratch_begin (ScScratch *scratch, GCancellable *cancellable, GError **error) SC_CHECK;
gboolean sc_scratch_commit (ScScratch *scratch, GCancellable *cancellable, GError **error) SC_CHECK;
