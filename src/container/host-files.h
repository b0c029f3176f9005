/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "container-lock.h"
#include "deployment.h"
#include "live.h"

/*
 * Files of containers on the host: from those of one deployment to those of another, by what both have recorded and
 * prepared (host-tree.h).  Each function can be repeated.
 */

/**
 * sc_host_files_put:
 * @number: deployment whose files are to be on the host, SC_NO_DEPLOYMENT for none
 * @other: deployment whose files may be there instead, SC_NO_DEPLOYMENT for none
 * @live: @force: what cannot be removed stays, which the sink is told
 *
 * A file that is neither what @number nor what @other recorded stays as it is, and so does one where a directory has
 * to be: what belongs in it is left out.  If the record of @number cannot be read that is an error, and what is on the
 * host stays; one that was resumed goes on so, which the sink is told.
 */
gboolean sc_host_files_put (const ScLive *live, int number, int other, GError **error) SC_CHECK;

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
