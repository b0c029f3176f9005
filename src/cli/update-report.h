/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "context.h"
#include "update.h"

/*
 * What became of the containers of an update, as a table or as JSON.
 */

typedef struct _ScUpdateReport ScUpdateReport;

ScUpdateReport *sc_update_report_new (void);
void sc_update_report_free (ScUpdateReport *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScUpdateReport, sc_update_report_free)

/* @failure: (nullable): why it failed; @outcome has what is known of it then. */
void sc_update_report_add (ScUpdateReport *report, const ScContext *ctx, const char *name,
                           const ScUpdateOutcome *outcome, const char *failure);

void sc_update_report_print (const ScUpdateReport *report, gboolean json);
