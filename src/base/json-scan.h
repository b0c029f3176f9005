/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "error.h"

/**
 * sc_json_scan:
 *
 * Is @data one JSON text as RFC 8259 defines it, nested at most SC_JSON_MAX_DEPTH deep, with numbers that fit a
 * 64-bit integer or a double and strings that a C string can hold?  Used by sc_json_parse().
 *
 * Errors: SC_ERROR_INVALID "WHAT: line L, column C: reason", both from 1, columns in characters.
 */
gboolean sc_json_scan (const char *what, const char *data, gsize size, GError **error) SC_CHECK;
