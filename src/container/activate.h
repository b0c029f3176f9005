/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "live.h"

/*
 * The one place that makes deployments live: install, update and rollback go through it, and so does what completes or
 * takes back one of them that was cut short (docs/deployments.md).
 */

/**
 * sc_activate:
 * @journal: what is to be done; written first
 * @temp: (nullable): directory in the checkouts, complete and flushed, that becomes the deployment journal->to; NULL:
 * it is one
 *
 * Journal, directory, link (the commit point), host files, systemd.  Nothing is started; a service that runs is stopped
 * only if the new deployment has none. The journal stays until sc_activation_finish() or sc_activation_drop(). On an
 * error or cancel everything is as before.
 */
gboolean sc_activate (const ScLive *live, const ScJournal *journal, const char *temp, GCancellable *cancellable,
                      GError **error) SC_CHECK;

/* Makes the link decide if it was on probation. */
gboolean sc_activation_commit (const ScLive *live, ScJournal *journal, GError **error) SC_CHECK;

/* It is done: that, and then deployments that are one too many go, and the journal. */
gboolean sc_activation_finish (const ScLive *live, ScJournal *journal, GError **error) SC_CHECK;

/* Takes it back: link, host files and systemd's view are as they were before.  Nothing is started or stopped, and the
 * new directory, which may be in use, stays. */
gboolean sc_activation_back (const ScLive *live, const ScJournal *journal, GError **error) SC_CHECK;

/* After that: removes the new directory, or, if it is marked as failed, those that failed earlier; and the journal. */
gboolean sc_activation_drop (const ScLive *live, const ScJournal *journal, GError **error) SC_CHECK;

/* For one that was cut short after its commit point: host files and systemd's view once more. */
gboolean sc_activation_forward (const ScLive *live, const ScJournal *journal, GError **error) SC_CHECK;
