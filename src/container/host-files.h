/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "container-lock.h"
#include "deployment.h"

/*
 * Files of containers on the host: from those of one deployment to those of another, by what both have recorded and
 * prepared (host-tree.h).  Each function can be repeated.
 */

/**
 * sc_host_files_put:
 * @number: deployment whose files are to be on the host, SC_NO_DEPLOYMENT for none
 * @other: deployment whose files may be there instead, SC_NO_DEPLOYMENT for none
 * @force: what cannot be removed stays, which @sink is told
 * @sink: (nullable): told what was changed by hand, and stays
 *
 * A file that is neither what @number nor what @other recorded stays as it is, and so does one where a directory has
 * to be: what belongs in it is left out.
 */
gboolean sc_host_files_put (const ScContext *ctx, ScContainerLock *lock, int number, int other, gboolean force,
                            const ScProgressSink *sink, GError **error) SC_CHECK;

/* Removes temporary names that were given for these deployments, each SC_NO_DEPLOYMENT for none. */
gboolean sc_host_files_clean (const ScContext *ctx, ScContainerLock *lock, int a, int b, GError **error) SC_CHECK;

/**
 * sc_host_files_prepare:
 * @other: deployment that is live, SC_NO_DEPLOYMENT: @d itself is
 *
 * Makes sure, before anything live changes, that the files of @d can be put again: that the tree has each that it
 * recorded and that is not on the host.  A deployment that the original tool made has no tree: it gets one, made anew
 * from its root and its values. SC_ERROR_INVALID "deployment N: ..." if it cannot be done.
 */
gboolean sc_host_files_prepare (const ScContext *ctx, ScContainerLock *lock, const ScDeployment *d, int other,
                                GError **error) SC_CHECK;
