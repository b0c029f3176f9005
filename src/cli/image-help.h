/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "local-image.h"

/* Prints the help that the image @text has: its manual page, or its text. Errors: those of sc_image_help(). */
gboolean sc_image_help_print (const ScContext *ctx, const char *text, GCancellable *cancellable,
                              GError **error) SC_CHECK;

/* (transfer full): a manual page as text without the program man: requests lose their names and escapes their codes. */
char *sc_image_help_strip_roff (const char *text);

/* (transfer full): @text with tabs as blanks and, line by line, nothing in it that could steer a terminal. */
char *sc_image_help_clean (const char *text);
