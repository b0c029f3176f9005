/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Passing progress to a sink.
 *
 * Owns nothing: formats one line, or fills one struct, and calls the sink.  Never prints.
 */
#include "progress.h"

/* A sink is called by one thread at a time, whichever it is. */
static void
call (const ScProgressSink *sink, const ScProgress *progress)
{
  static GMutex mutex;

  g_mutex_lock (&mutex);
  sink->func (progress, sink->data);
  g_mutex_unlock (&mutex);
}

G_GNUC_PRINTF (3, 0)
static void
say (const ScProgressSink *sink, ScProgressKind kind, const char *format, va_list args)
{
  g_autofree char *text = g_strdup_vprintf (format, args);
  ScProgress progress = { .kind = kind, .text = text };

  call (sink, &progress);
}

void
sc_progress_step (const ScProgressSink *sink, const char *format, ...)
{
  if (sink == NULL)
    return;

  va_list args;
  va_start (args, format);
  say (sink, SC_PROGRESS_STEP, format, args);
  va_end (args);
}

void
sc_progress_note (const ScProgressSink *sink, const char *format, ...)
{
  if (sink == NULL)
    return;

  va_list args;
  va_start (args, format);
  say (sink, SC_PROGRESS_NOTE, format, args);
  va_end (args);
}

void
sc_progress_debug (const ScProgressSink *sink, const char *format, ...)
{
  if (sink == NULL)
    return;

  va_list args;
  va_start (args, format);
  say (sink, SC_PROGRESS_DEBUG, format, args);
  va_end (args);
}

void
sc_progress_layer (const ScProgressSink *sink, ScProgressKind kind, const char *id, guint64 done, guint64 total)
{
  if (sink == NULL)
    return;

  ScProgress progress = { .kind = kind, .id = id, .done = done, .total = total };
  call (sink, &progress);
}
