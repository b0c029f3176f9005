/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "runtime.h"

/*
 * Does a service answer?  One try each.  What answers is not trusted: time and size are bounded, and nothing of an
 * answer is used but its status.
 *
 * Errors of a try: SC_ERROR_FAILED, which says what happened and leaves it to the caller to say where ("connection
 * refused", "status 503", "no answer within 5 s"); G_IO_ERROR_CANCELLED.
 */

/* What a header of an answer may have at most. */
#define SC_PROBE_HEADER_MAX (64 * 1024)

/* "HOST:PORT", "[IPV6]:PORT". SC_ERROR_INVALID "'X': ...". */
gboolean sc_probe_check_address (const char *address, GError **error) SC_CHECK;
/* "http://HOST[:PORT][/PATH][?QUERY]", of printable ASCII without blanks. SC_ERROR_INVALID "'X': ...". */
gboolean sc_probe_check_url (const char *url, GError **error) SC_CHECK;

/* A connection to @address comes about, and is closed. @seconds: all of it. Errors also as sc_probe_check_address(). */
gboolean sc_probe_tcp (const char *address, guint seconds, GCancellable *cancellable, GError **error) SC_CHECK;

/* GET of @url (RFC 9110, 9112), no proxy; redirections are not followed.  The status is 2xx or 3xx, and the header has
 * an end. Errors also as sc_probe_check_url(). */
gboolean sc_probe_http (const char *url, guint seconds, GCancellable *cancellable, GError **error) SC_CHECK;

/**
 * sc_probe_command:
 * @id: container that runs
 * @words: NULL-terminated
 * @pid_file: a file that can be made, in a directory that nobody else uses; its removal is the caller's
 *
 * Runs a command in the container and takes its exit status 0 for yes.  At the timeout and when it is cancelled its
 * process group in the container is killed. SC_ERROR_FAILED "status 1: LAST LINE OF OUTPUT".
 */
gboolean sc_probe_command (const ScRuntime *runtime, const char *id, const char *const *words, const char *pid_file,
                           guint seconds, GCancellable *cancellable, GError **error) SC_CHECK;
