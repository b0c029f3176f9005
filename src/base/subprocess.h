/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "error.h"

/**
 * sc_subprocess_run:
 * @argv: NULL-terminated; argv[0] without a slash is looked up in PATH
 * @cwd: (nullable)
 * @out_stdout: (out) (optional) (transfer full): standard output as text
 *
 * Runs a program to its end with standard input from /dev/null, signals unblocked and at their defaults, and its
 * output captured.  Cancelling sends SIGTERM, and SIGKILL two seconds later.
 *
 * Errors: SC_ERROR_FAILED "PROGRAM: last line of its standard error" (or "exit status N", "killed by signal N"),
 * SC_ERROR_LIMIT for more than 1 MiB of standard output if it is wanted, SC_ERROR_UNAVAILABLE if there is no such
 * program, G_IO_ERROR_CANCELLED.
 */
gboolean sc_subprocess_run (const char *const *argv, const char *cwd, char **out_stdout, GCancellable *cancellable,
                            GError **error) SC_CHECK;

/**
 * sc_subprocess_read:
 * @environment: (nullable): NULL-terminated "NAME=VALUE", in addition to ours
 * @max: how much it may write, bytes
 *
 * As sc_subprocess_run(), for long output.
 */
gboolean sc_subprocess_read (const char *const *argv, const char *const *environment, gsize max, char **out_stdout,
                             GCancellable *cancellable, GError **error) SC_CHECK;

/**
 * sc_subprocess_ask:
 * @input: what it reads from standard input
 * @seconds: how long it may take
 * @out_stdout: (out) (transfer full): standard output, also if it fails with an exit status; may be a secret
 *
 * As sc_subprocess_run(), for a program that answers a question.  Our own copies of its output are wiped.
 */
gboolean sc_subprocess_ask (const char *const *argv, const char *input, guint seconds, char **out_stdout,
                            GCancellable *cancellable, GError **error) SC_CHECK;

/* As sc_subprocess_ask(), without input; of a standard output that is longer than is kept, the end. */
gboolean sc_subprocess_tail (const char *const *argv, guint seconds, char **out_stdout, GCancellable *cancellable,
                             GError **error) SC_CHECK;

/**
 * sc_subprocess_try:
 * @seconds: how long it may take; then it is ended as by cancelling
 * @on_end: (nullable): called before it is, with @data
 * @out_status: (out): its exit status, 128 + N if signal N ended it
 * @out_line: (out) (transfer full) (nullable): the last line of its standard error, or else of its standard output
 *
 * As sc_subprocess_run(), for a program whose exit status is the answer, in a process group of its own, which is ended
 * with it when it is cancelled or too late.  Errors: SC_ERROR_UNAVAILABLE if there is no
 * such program, G_IO_ERROR_TIMED_OUT, G_IO_ERROR_CANCELLED.
 */
gboolean sc_subprocess_try (const char *const *argv, guint seconds, void (*on_end) (gpointer data), gpointer data,
                            int *out_status, char **out_line, GCancellable *cancellable, GError **error) SC_CHECK;

/**
 * sc_subprocess_open:
 * @environment: (nullable): NULL-terminated "NAME=VALUE", in addition to ours
 *
 * Starts a program as sc_subprocess_run() does; its standard output is read from the stream, without bound.  A program
 * that fails ends in an error of the stream, not in an end of file.  Closing the stream, or the last reference, ends a
 * program that still runs: SIGTERM, and SIGKILL two seconds later.  Read by one thread at a time.
 *
 * Errors, of the call and of the stream: as sc_subprocess_run().
 */
GInputStream *sc_subprocess_open (const char *const *argv, const char *const *environment, GError **error) SC_CHECK;

/**
 * sc_subprocess_attach:
 * @out_status: (out): its exit status, 128 + N if signal N ended it
 *
 * Runs a program with our standard streams, signals unblocked and at their defaults, and waits for its end.  Where all
 * three streams are the terminal the program gets it to itself, so that Ctrl-C and Ctrl-\ are its own; else it shares
 * our process group.  Cancelling sends SIGTERM, and SIGKILL ten seconds later; the program's end is waited for and
 * its status reported all the same.
 *
 * Errors: SC_ERROR_UNAVAILABLE if there is no such program, G_IO_ERROR_CANCELLED if it was cancelled before the start.
 */
gboolean sc_subprocess_attach (const char *const *argv, const char *cwd, int *out_status, GCancellable *cancellable,
                               GError **error) SC_CHECK;
