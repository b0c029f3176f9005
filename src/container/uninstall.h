/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "live.h"
#include "progress.h"

/* Stops and disables the service, and removes unit, tmpfiles file, link and deployments of @name.  Once its journal is
 * written, a removal that is cut short is completed by recovery.  @display: only says what would be done.
 * SC_ERROR_NOT_FOUND, SC_ERROR_DENIED for a preinstalled one. */
gboolean sc_uninstall (const ScContext *ctx, const char *name, gboolean display, const ScProgressSink *sink,
                       GCancellable *cancellable, GError **error) SC_CHECK;

/* What comes after the journal; for recovery. */
gboolean sc_uninstall_continue (const ScLive *live, const ScJournal *journal, GCancellable *cancellable,
                                GError **error) SC_CHECK;
