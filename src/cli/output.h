/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>
#include <stdio.h>

#include "error.h"

/*
 * Results.  A list builds its rows once, as an ScTable; one renderer makes a table, JSON or the bare ids of it, and
 * filters work on the same cells.  Text is data from images and files, so whatever could steer a terminal is replaced
 * before it is shown.
 */

typedef enum
{
  SC_CELL_TEXT,
  SC_CELL_BOOL,     /* "true" or "false" */
  SC_CELL_NUMBER,   /* decimal digits */
  SC_CELL_TIME,     /* of sc_output_seconds(): local time in the table and for filters, ISO 8601 in JSON */
  SC_CELL_OPTIONAL, /* text; an empty one is null */
  SC_CELL_JSON,     /* JSON; an empty one is null */
} ScCellKind;

typedef struct
{
  const char *title;  /* (nullable): heading; NULL: not in the table */
  const char *key;    /* (nullable): of JSON; NULL: not there */
  const char *filter; /* (nullable): what --filter calls it; NULL: it cannot be filtered */
  ScCellKind kind;    /* in JSON */
  guint min_width;    /* in columns of the terminal */
  guint truncate;     /* in the table and in bare lists: show at most so many characters; 0: all */
} ScColumn;

typedef struct _ScTable ScTable;

/* @columns is used, not copied. @gap: what stands between two columns. */
ScTable *sc_table_new (const ScColumn *columns, guint n_columns, const char *gap);
void sc_table_free (ScTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScTable, sc_table_free)

/* Adds a row; @cells has a text (nullable: empty) for each column. @marked: ">" before it. */
void sc_table_add (ScTable *table, gboolean marked, const char *const *cells);

/* Keeps the rows that match all of @filters (nullable; "VAR=VALUE": VALUE is part of the cell, upper and lower case
 * being the same). SC_ERROR_USAGE for one without "=", or with a VAR that no column has. */
gboolean sc_table_filter (ScTable *table, const char *const *filters, GError **error) SC_CHECK;

typedef enum
{
  SC_TABLE_NO_HEADING = 1 << 0,
  SC_TABLE_NO_TRUNCATE = 1 << 1,
} ScTableFlags;

/* (transfer full): the table as lines; headings even if there are no rows. */
char *sc_table_format (const ScTable *table, ScTableFlags flags);
/* (transfer full): an array of objects, with all cells whole. */
char *sc_table_format_json (const ScTable *table);
/* (transfer full): the cells of the column whose JSON key is @key, one a line. */
char *sc_table_format_column (const ScTable *table, const char *key, ScTableFlags flags);

/* (transfer container): the keys of @map, which are strings, sorted. */
GPtrArray *sc_output_names (GHashTable *map);
/* (transfer full): an object of the strings in @map, sorted by name. */
JsonNode *sc_output_map (GHashTable *map);

/* (transfer full): @text (nullable: empty) as valid UTF-8 without control characters, each of which becomes "?": one
 * line whatever is in it. */
char *sc_output_clean (const char *text);

/* (transfer full): "88.13 MB": decimal units, two digits. */
char *sc_output_size (guint64 bytes);
/* (transfer full): "2016-09-08 16:39", local time; "" if @seconds (since the epoch) is no time. */
char *sc_output_time (gint64 seconds);

/* (transfer full): "2016-09-08T14:39:00Z"; "" as above. */
char *sc_output_time_iso (gint64 seconds);
/* (transfer full): a cell of SC_CELL_TIME. */
char *sc_output_seconds (gint64 seconds);
/* Adds the line "NAME: TEXT", both cleaned; nothing if there is no text. */
void sc_output_append_line (GString *out, const char *name, const char *text);

/* To a stream that may be standard output: the first failure of that is told by sc_output_finish(). */
void sc_output_write (FILE *stream, const char *text);
void sc_output_flush (FILE *stream);

/* Writes @text to standard output. Failures are told by sc_output_finish(). */
void sc_output_print (const char *text);
/* Flushes standard output: FALSE if anything could not be written, an error that says why. */
gboolean sc_output_finish (GError **error) SC_CHECK;
