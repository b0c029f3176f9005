/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "package-manager.h"

/* Of package-manager.c and the two families. */

/* "NAME\tVERSION\tARCHITECTURE" of a package that somebody else made; its id is to be set. (transfer full) */
ScPackageFile *sc_package_from_line (const char *line, GError **error) SC_CHECK;

/* (transfer full) (nullable): the directory of the host's rpm database, as the host sees it; NULL: there is none. */
char *sc_rpm_database (const ScContext *ctx);

/* Runs a tool of packages to its end, its two outputs as one. @out_text: (out) (optional) (transfer full).
 * SC_ERROR_FAILED with the one line of its output that tells most; SC_ERROR_UNAVAILABLE if there is no such program. */
gboolean sc_package_run (const char *const *argv, char **out_text, GCancellable *cancellable, GError **error) SC_CHECK;

/* Asks a tool of packages; @out_text is its standard output. Errors: as sc_subprocess_run(), SC_ERROR_LIMIT for more
 * than 64 MiB. */
gboolean sc_package_ask (const char *const *argv, char **out_text, GCancellable *cancellable, GError **error) SC_CHECK;

/* What is told of a failure: of all that a tool has said the line that names the cause. (transfer full) */
char *sc_package_cause (const char *text);
