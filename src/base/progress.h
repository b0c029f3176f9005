/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/*
 * What a long operation says while it runs.  Library code never prints: it calls the sink, and the
 * command line decides how it looks.  Calls come one at a time, but not all from the thread that started the operation;
 * a sink calls no sink.
 */

/**
 * ScProgressKind:
 * @SC_PROGRESS_STEP: a line that scripts may read (standard output), @text
 * @SC_PROGRESS_NOTE: a line for a person (standard error), @text
 * @SC_PROGRESS_DEBUG: a line for a person who asked for details (standard error with --debug), @text
 * @SC_PROGRESS_LAYER_BEGIN: a layer starts, @id, @total
 * @SC_PROGRESS_LAYER_ADVANCE: @done compressed bytes of @total have arrived
 * @SC_PROGRESS_LAYER_END: the layer is complete
 * @SC_PROGRESS_WORK_BEGIN: as a layer, but of work on this machine that needs no line of its own; @id is any name, and
 *   the others of a layer go on
 */
typedef enum
{
  SC_PROGRESS_STEP,
  SC_PROGRESS_NOTE,
  SC_PROGRESS_DEBUG,
  SC_PROGRESS_LAYER_BEGIN,
  SC_PROGRESS_LAYER_ADVANCE,
  SC_PROGRESS_LAYER_END,
  SC_PROGRESS_WORK_BEGIN,
} ScProgressKind;

typedef struct
{
  ScProgressKind kind;
  const char *text; /* (nullable) */
  const char *id;   /* (nullable): layer digest, hex, or name of some work */
  guint64 done;     /* bytes */
  guint64 total;    /* bytes, 0 if not known */
} ScProgress;

typedef struct
{
  void (*func) (const ScProgress *progress, gpointer data);
  gpointer data;
} ScProgressSink;

/* Each accepts a NULL @sink. */
void sc_progress_step (const ScProgressSink *sink, const char *format, ...) G_GNUC_PRINTF (2, 3);
void sc_progress_note (const ScProgressSink *sink, const char *format, ...) G_GNUC_PRINTF (2, 3);
void sc_progress_debug (const ScProgressSink *sink, const char *format, ...) G_GNUC_PRINTF (2, 3);
void sc_progress_layer (const ScProgressSink *sink, ScProgressKind kind, const char *id, guint64 done, guint64 total);
