/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/*
 * Errors.  Every fallible function of the program takes a GError ** and returns
 * gboolean or a pointer.  What callers branch on is a code of SC_ERROR; plain
 * input/output failures keep their G_IO_ERROR code.
 */

#define SC_ERROR (sc_error_quark ())
GQuark sc_error_quark (void);

/**
 * ScError:
 * @SC_ERROR_USAGE: the caller's words are wrong; exit status 2
 * @SC_ERROR_INVALID: data from outside (image, JSON, template) is malformed
 * @SC_ERROR_NOT_FOUND: the named object does not exist
 * @SC_ERROR_EXISTS: the named object exists already
 * @SC_ERROR_DIGEST: content differs from the digest or size announced for it
 * @SC_ERROR_LIMIT: larger or deeper than what is accepted
 * @SC_ERROR_UNSUPPORTED: a known thing that this program does not do
 * @SC_ERROR_DENIED: refused by the other side or by policy
 * @SC_ERROR_UNAVAILABLE: registry, runtime or systemd cannot be reached
 * @SC_ERROR_BUSY: another process holds the lock
 * @SC_ERROR_FAILED: a program that we ran failed
 */
typedef enum
{
  SC_ERROR_USAGE,
  SC_ERROR_INVALID,
  SC_ERROR_NOT_FOUND,
  SC_ERROR_EXISTS,
  SC_ERROR_DIGEST,
  SC_ERROR_LIMIT,
  SC_ERROR_UNSUPPORTED,
  SC_ERROR_DENIED,
  SC_ERROR_UNAVAILABLE,
  SC_ERROR_BUSY,
  SC_ERROR_FAILED,
} ScError;

/* A fallible function whose result is ignored is a bug. */
#define SC_CHECK G_GNUC_WARN_UNUSED_RESULT

/* A file descriptor that closes itself at the end of its scope. */
#define SC_AUTOFD __attribute__ ((cleanup (sc_close_fd_p)))
void sc_close_fd_p (int *fd);

/* Gives up ownership: returns *fd and sets it to -1. */
static inline int
sc_steal_fd (int *fd)
{
  int r = *fd;
  *fd = -1;
  return r;
}

/* Sets @error to @code with a message; always FALSE, so that one can return it. */
gboolean sc_fail (GError **error, ScError code, const char *format, ...) G_GNUC_PRINTF (3, 4);

/* The same for functions that return a pointer. */
#define sc_fail_null(...) (sc_fail (__VA_ARGS__) ? NULL : NULL)

/* Sets @error to the G_IO_ERROR for @errsv, the message ends in ": strerror"; always FALSE. */
gboolean sc_fail_errno (GError **error, int errsv, const char *format, ...) G_GNUC_PRINTF (3, 4);
#define sc_fail_errno_null(...) (sc_fail_errno (__VA_ARGS__) ? NULL : NULL)

/* Puts "message: " before the message of @error (which is set), unless it begins so already; always FALSE. */
gboolean sc_prefix (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);
#define sc_prefix_null(...) (sc_prefix (__VA_ARGS__) ? NULL : NULL)

/* The exit status of a command that failed with @error: 2 usage, 130 cancelled, else 1. */
int sc_error_exit_status (const GError *error);
