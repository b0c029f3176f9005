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
 * output captured (at most 1 MiB of each stream is kept).  Cancelling sends SIGTERM, and SIGKILL two seconds later.
 *
 * Errors: SC_ERROR_FAILED "PROGRAM: last line of its standard error" (or "exit status N", "killed by signal N"),
 * SC_ERROR_UNAVAILABLE if there is no such program, G_IO_ERROR_CANCELLED.
 */
gboolean sc_subprocess_run (const char *const *argv, const char *cwd, char **out_stdout, GCancellable *cancellable,
                            GError **error) SC_CHECK;

/**
 * sc_subprocess_attach:
 *
 * Runs a program with our standard streams and waits for its end, leaving terminal signals to it; SIGTERM to us is
 * handed on.  @out_status is the exit status, 128 + N if signal N ended it.
 */
gboolean sc_subprocess_attach (const char *const *argv, const char *cwd, int *out_status, GError **error) SC_CHECK;
