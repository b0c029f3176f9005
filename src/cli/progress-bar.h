/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdio.h>

#include "progress.h"

/*
 * How progress looks.  Steps are lines of standard output and notes lines of standard error.  A layer is the line
 * "Pulling layer <hex>" of standard output; where standard error is a terminal it is a bar there, which takes the place
 * of the line if standard output is a terminal too.  Bars are drawn again at most ten times a second.
 */

typedef struct _ScProgressBar ScProgressBar;

/* @bars: @err is a terminal that can move its cursor. @lines: layers have their lines on @out (bars or not). */
ScProgressBar *sc_progress_bar_new (FILE *out, FILE *err, gboolean bars, gboolean lines);

/* For standard output and standard error as they are. */
ScProgressBar *sc_progress_bar_new_standard (void);

/* Whether SC_PROGRESS_DEBUG is shown; at first it is not. */
void sc_progress_bar_set_debug (ScProgressBar *bar, gboolean debug);

/* Removes the bars of layers that did not end, and frees. */
void sc_progress_bar_free (ScProgressBar *bar);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScProgressBar, sc_progress_bar_free)

/* Owned by @bar. */
const ScProgressSink *sc_progress_bar_sink (ScProgressBar *bar);

/* (transfer full): one line of at most @width columns for a layer; @total 0: not known, no bar. */
char *sc_progress_bar_line (const char *id, guint64 done, guint64 total, guint width);
