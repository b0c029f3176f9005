/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "toml.h"

/*
 * What toml.c (the document: lines, keys, tables) and toml-value.c (what stands after "=") share.
 */

/* How a table or array came about, which decides what may be added to it later. */
typedef enum
{
  SC_TOML_ORIGIN_IMPLICIT, /* a header named a table in it */
  SC_TOML_ORIGIN_HEADER,   /* [name]; for an array: [[name]] */
  SC_TOML_ORIGIN_DOTTED,   /* a dotted key put something into it */
  SC_TOML_ORIGIN_VALUE,    /* written after "=": complete */
} ScTomlOrigin;

typedef struct
{
  const char *file;
  const char *p; /* what is read next */
  const char *end;
  const char *line_start;
  guint line;
  guint depth;
} ScTomlReader;

/* Always FALSE: "FILE: line L, column C: ..." of where @reader is. */
gboolean sc_toml_reader_fail (const ScTomlReader *reader, GError **error, const char *format, ...) G_GNUC_PRINTF (3, 4);
#define sc_toml_reader_fail_null(...) (sc_toml_reader_fail (__VA_ARGS__) ? NULL : NULL)

/* A new value that begins where @reader is. */
ScToml *sc_toml_new (const ScTomlReader *reader, ScTomlType type, ScTomlOrigin origin);

/* The next byte, 0 at the end. */
static inline char
sc_toml_peek (const ScTomlReader *reader)
{
  return reader->p < reader->end ? *reader->p : '\0';
}

/* TRUE if @text comes next. */
gboolean sc_toml_at (const ScTomlReader *reader, const char *text);

/* Blanks and tabs. */
void sc_toml_skip_blank (ScTomlReader *reader);

/* A comment, if one comes, and the end of the line, if it comes; *out_newline says whether it did. */
gboolean sc_toml_skip_line_end (ScTomlReader *reader, gboolean *out_newline, GError **error) SC_CHECK;

/* "key = value" or a part of an inline table, into @table. */
gboolean sc_toml_read_pair (ScTomlReader *reader, ScToml *table, GError **error) SC_CHECK;

/* A string of any of the four kinds; (transfer full): its text. */
char *sc_toml_read_string (ScTomlReader *reader, gboolean may_be_multi_line, GError **error) SC_CHECK;

ScToml *sc_toml_read_value (ScTomlReader *reader, GError **error) SC_CHECK;
