/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "live.h"
#include "progress.h"

typedef struct
{
  gboolean display;      /* only say what would be done */
  gboolean purge;        /* the directories of its state go too: sc_state_dirs_purge() */
  gboolean force;        /* whatever is wrong with it, it goes */
  gboolean keep_running; /* refuse one that runs */
} ScUninstallOptions;

/**
 * sc_uninstall:
 *
 * Stops and disables the service, and removes unit, tmpfiles file, link and deployments of @name.  Once its journal is
 * written, a removal that is cut short is completed by recovery.  One that was cut short before is completed with
 * @options->purge, if that is asked for now.
 *
 * With @options->force, notes tell what is damaged, and that the service could not be stopped; where there is no
 * deployment to tell what of the host is the container's, that are the unit and the tmpfiles file of its name.
 *
 * Errors: SC_ERROR_NOT_FOUND, SC_ERROR_DENIED for a preinstalled one; without @options->force those of loading it, and
 * SC_ERROR_BUSY with @options->keep_running.
 */
gboolean sc_uninstall (const ScContext *ctx, const char *name, const ScUninstallOptions *options,
                       const ScProgressSink *sink, GCancellable *cancellable, GError **error) SC_CHECK;

/* What comes after the journal; for recovery. */
gboolean sc_uninstall_continue (const ScLive *live, const ScJournal *journal, GCancellable *cancellable,
                                GError **error) SC_CHECK;
