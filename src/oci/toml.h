/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "error.h"

/*
 * TOML 1.0 as configuration of registries uses it: strings of all four kinds, integers, booleans, arrays, tables,
 * arrays of tables, inline tables, dotted and quoted keys.  Floats and dates are an error, as nothing here means one.
 * A key that is given twice, or a table that is opened twice, is an error as the specification wants it.
 */

#define SC_TOML_MAX_SIZE  (1024 * 1024)
#define SC_TOML_MAX_DEPTH 32 /* of nested values, and of the parts of one key */

typedef enum
{
  SC_TOML_STRING,
  SC_TOML_INTEGER,
  SC_TOML_BOOLEAN,
  SC_TOML_ARRAY,
  SC_TOML_TABLE,
} ScTomlType;

/* A value; the members that its type does not use are zero. */
typedef struct
{
  ScTomlType type;
  const char *file; /* as given to sc_toml_parse() */
  guint line;       /* where it is, from 1; of the top table: 1 */
  guint column;     /* bytes, from 1 */
  char *string;     /* UTF-8, no NUL in it */
  gint64 integer;
  gboolean boolean;
  GPtrArray *items;    /* ScToml */
  GHashTable *members; /* name -> ScToml */
  GPtrArray *names;    /* const char *: of the members, in the order of the file */
  char *owned_file;    /* of the top table only */
  guint origin;        /* toml.c's own: how the table or array came about */
} ScToml;

/**
 * sc_toml_parse:
 * @file: name for messages
 *
 * Returns: the top table. Errors: SC_ERROR_INVALID "FILE: line L, column C: ...", SC_ERROR_LIMIT.
 */
ScToml *sc_toml_parse (const char *file, const void *data, gsize size, GError **error) SC_CHECK;
void sc_toml_free (ScToml *toml);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScToml, sc_toml_free)

/* Sets SC_ERROR_INVALID "FILE: line L, column C: message", of @at; always FALSE. */
gboolean sc_toml_fail (const ScToml *at, GError **error, const char *format, ...) G_GNUC_PRINTF (3, 4);

/*
 * Members of a table by name; letters may be upper or lower case, as in the other readers of these files, but the exact
 * name wins.  FALSE only for a value of another type; without such a member *out stays as it is.  Values belong to
 * @table.
 */
gboolean sc_toml_get_string (const ScToml *table, const char *name, const char **out, GError **error) SC_CHECK;
gboolean sc_toml_get_boolean (const ScToml *table, const char *name, gboolean *out, GError **error) SC_CHECK;
gboolean sc_toml_get_table (const ScToml *table, const char *name, const ScToml **out, GError **error) SC_CHECK;
/* (transfer full) (array zero-terminated=1): an array of strings. */
gboolean sc_toml_get_strv (const ScToml *table, const char *name, char ***out, GError **error) SC_CHECK;
/* An array of tables, written either way. */
gboolean sc_toml_get_tables (const ScToml *table, const char *name, const GPtrArray **out, GError **error) SC_CHECK;
