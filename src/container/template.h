/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "error.h"

/*
 * Templates (docs/cli.md, "Installing"): $NAME, ${NAME}, $$ for a dollar sign; an identifier is
 * [_A-Za-z][_A-Za-z0-9]*; anything else after $ is an error with file, line and column.  Substitution is textual and
 * not repeated: a value is never expanded itself.  Pure text to text: no file is touched.
 */

/* What a template may grow to. */
#define SC_TEMPLATE_MAX_RESULT (8 * 1024 * 1024)

/* TRUE if @text is the name of a variable. */
gboolean sc_template_is_name (const char *text);

/* (transfer full) (array zero-terminated=1): the variables of a template, each once, in order of appearance.
 * SC_ERROR_INVALID "FILE: line L, column C: ..." */
char **sc_template_variables (const char *file, const char *text, GError **error) SC_CHECK;

typedef struct
{
  char *text;    /* the result */
  GArray *spans; /* ScTemplateSpan, by offset: where values went */
} ScExpansion;

typedef struct
{
  gsize start, end; /* byte offsets in the result: [start, end) */
  char *variable;
} ScTemplateSpan;

/**
 * sc_template_expand:
 * @values: name -> value
 *
 * Errors: SC_ERROR_INVALID for a bad template; SC_ERROR_NOT_FOUND for a variable without a value, the first in the
 * file: "The template file 'FILE' still contains an unreplaced value for: 'X'"; SC_ERROR_LIMIT for a result of more
 * than SC_TEMPLATE_MAX_RESULT bytes.
 */
ScExpansion *sc_template_expand (const char *file, const char *text, GHashTable *values, GError **error) SC_CHECK;
void sc_expansion_free (ScExpansion *expansion);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScExpansion, sc_expansion_free)

/* (nullable): the variable whose value is at, or last before on the same line as, the 1-based @line and byte @column of
 * the result: what to blame when the result does not parse there. */
const char *sc_expansion_variable_at (const ScExpansion *expansion, guint line, guint column);

/* Refuses values that would be more than text on their line in a file of lines, such as a unit: one with a control
 * character other than a tab, or one that ends its line with a backslash. SC_ERROR_INVALID that names @file and the
 * variable. */
gboolean sc_expansion_check_lines (const ScExpansion *expansion, const char *file, GError **error) SC_CHECK;
