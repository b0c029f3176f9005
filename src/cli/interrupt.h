/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "error.h"

/*
 * Ctrl-C and its kin.  SIGINT, SIGTERM and SIGHUP are blocked in every thread; one thread waits for them and cancels a
 * GCancellable, so that an operation ends where it can leave everything as it was.  A second signal changes nothing.
 * A signal that was ignored when the program started (nohup, a shell's background job) stays ignored.
 */

typedef struct _ScInterrupt ScInterrupt;

/* To be called before there is another thread: threads inherit what is blocked. */
ScInterrupt *sc_interrupt_start (GCancellable *cancellable, GError **error) SC_CHECK;
/* The first signal that came, 0 if none did. */
int sc_interrupt_signal (ScInterrupt *interrupt);
/* Ends the thread and puts the signal mask back. */
void sc_interrupt_stop (ScInterrupt *interrupt);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScInterrupt, sc_interrupt_stop)
