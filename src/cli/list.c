/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What lists share: the way from their options to their output.
 */
#include "list.h"

/* The JSON key of the column that --quiet prints. */
#define ID_KEY "id"

gboolean
sc_list_check (ScTable *table, const ScListOptions *options, GError **error)
{
  const GPtrArray *filters = options->filters;

  return sc_table_filter (table, filters ? (const char *const *)filters->pdata : NULL, error);
}

gboolean
sc_list_print (ScTable *table, const ScListOptions *options, GError **error)
{
  ScTableFlags flags =
      (options->no_heading ? SC_TABLE_NO_HEADING : 0) | (options->no_truncate ? SC_TABLE_NO_TRUNCATE : 0);
  g_autofree char *text = NULL;

  if (!sc_list_check (table, options, error))
    return FALSE;
  if (options->json)
    text = sc_table_format_json (table);
  else if (options->quiet)
    text = sc_table_format_column (table, ID_KEY, flags);
  else
    text = sc_table_format (table, flags);
  sc_output_print (text);
  return TRUE;
}
