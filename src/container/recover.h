/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "container-lock.h"

/*
 * Ending what was cut short (docs/deployments.md).  Done by the next command that changes the container, by
 * `atomic recover`, and at boot; never by one that only reads.
 */

/**
 * sc_container_begin:
 *
 * How a command that changes an installed container begins: holds it, and ends what an earlier one has left.
 * Errors: SC_ERROR_NOT_FOUND "no container 'X'", SC_ERROR_DENIED for a preinstalled one.
 */
ScContainerLock *sc_container_begin (const ScContext *ctx, const char *name, const ScProgressSink *sink,
                                     GCancellable *cancellable, GError **error) SC_CHECK;

/* Is @name installed, so that it can be changed?  With @journal_too a change of it that was cut short is enough.
 * SC_ERROR_NOT_FOUND "no container 'X'", SC_ERROR_DENIED for a preinstalled one. */
gboolean sc_container_check_there (const ScContext *ctx, const char *name, gboolean journal_too,
                                   GError **error) SC_CHECK;

/* Is there a journal of @name? For commands that look before they hold anything. */
gboolean sc_container_is_interrupted (const ScContext *ctx, const char *name);

/* For whoever holds the container already; whether there is one is not asked.  A note tells what was done. */
gboolean sc_container_recover (const ScContext *ctx, ScContainerLock *lock, const ScProgressSink *sink,
                               GCancellable *cancellable, GError **error) SC_CHECK;

/* @names: (nullable): containers, SC_ERROR_NOT_FOUND for one that is not there and has left nothing; NULL: all of which
 * something is left.  One that fails is told in a note and does not
 * keep the others; SC_ERROR_FAILED at the end. */
gboolean sc_recover (const ScContext *ctx, const char *const *names, const ScProgressSink *sink,
                     GCancellable *cancellable, GError **error) SC_CHECK;
