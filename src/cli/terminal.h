/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "error.h"

/* TRUE if @fd is a terminal whose cursor can be moved (TERM is set and not "dumb"). */
gboolean sc_terminal_can_draw (int fd);

/**
 * sc_terminal_ask_secret:
 *
 * Asks @prompt on the controlling terminal, whatever the standard streams are, and reads one line without echo.
 *
 * Returns: (transfer full): the line, at most 1024 bytes. Errors: SC_ERROR_USAGE if there is no terminal,
 * G_IO_ERROR_CANCELLED; the terminal's settings are back as they were in every case.
 */
char *sc_terminal_ask_secret (const char *prompt, GCancellable *cancellable, GError **error) SC_CHECK;

/**
 * sc_terminal_confirm:
 *
 * Asks @question, "[y/N]" after it, on the controlling terminal; an answer other than y or yes is a no.
 *
 * Errors: SC_ERROR_DENIED that tells of --assumeyes if there is no terminal; G_IO_ERROR_CANCELLED.
 */
gboolean sc_terminal_confirm (const char *question, gboolean *out_yes, GCancellable *cancellable,
                              GError **error) SC_CHECK;

/**
 * sc_terminal_choose:
 * @answers: NULL-terminated
 *
 * Asks @question on the controlling terminal, with the numbered @answers, until one is chosen, three times at most.
 *
 * Returns: the index of the answer, or -1. Errors: as sc_terminal_ask_secret(); SC_ERROR_USAGE if none is chosen.
 */
int sc_terminal_choose (const char *question, const char *const *answers, GCancellable *cancellable,
                        GError **error) SC_CHECK;
