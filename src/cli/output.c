/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tables, JSON and the few formats that lists share.  Only this file and progress-bar write to standard output.
 */
#include "output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "sort.h"

/* Before every row: room for the mark. */
#define MARK_WIDTH 3

typedef struct
{
  gboolean marked;
  char **cells;
  char **iso; /* of those that are times, else NULL */
} Row;

struct _ScTable
{
  const ScColumn *columns;
  guint n_columns;
  const char *gap;
  GPtrArray *rows; /* Row */
};

static void
row_free (gpointer data)
{
  Row *row = data;

  for (char **cell = row->cells, **iso = row->iso; *cell; cell++, iso++)
    g_free (*iso);
  g_free (row->iso);
  g_strfreev (row->cells);
  g_free (row);
}

ScTable *
sc_table_new (const ScColumn *columns, guint n_columns, const char *gap)
{
  ScTable *table = g_new0 (ScTable, 1);

  table->columns = columns;
  table->n_columns = n_columns;
  table->gap = gap;
  table->rows = g_ptr_array_new_with_free_func (row_free);
  return table;
}

void
sc_table_free (ScTable *table)
{
  if (!table)
    return;
  g_ptr_array_unref (table->rows);
  g_free (table);
}

void
sc_table_add (ScTable *table, gboolean marked, const char *const *cells)
{
  Row *row = g_new0 (Row, 1);

  row->marked = marked;
  row->cells = g_new0 (char *, table->n_columns + 1);
  row->iso = g_new0 (char *, table->n_columns + 1);
  for (guint i = 0; i < table->n_columns; i++)
    if (table->columns[i].kind == SC_CELL_TIME)
      {
        gint64 seconds = cells[i] ? g_ascii_strtoll (cells[i], NULL, 10) : G_MAXINT64;

        row->cells[i] = sc_output_time (seconds);
        row->iso[i] = sc_output_time_iso (seconds);
      }
    else
      row->cells[i] = sc_output_clean (cells[i]);
  g_ptr_array_add (table->rows, row);
}

static gboolean
find_filter (const ScTable *table, const char *filter, guint *out_column, const char **out_value, GError **error)
{
  const char *value = strchr (filter, '=');

  if (!value)
    return sc_fail (error, SC_ERROR_USAGE, "filter '%s' is not VAR=VALUE", filter);
  for (guint i = 0; i < table->n_columns; i++)
    {
      const char *name = table->columns[i].filter;

      if (name && strlen (name) == (gsize)(value - filter) && memcmp (name, filter, strlen (name)) == 0)
        {
          *out_column = i;
          *out_value = value + 1;
          return TRUE;
        }
    }
  return sc_fail (error, SC_ERROR_USAGE, "unknown filter '%.*s'", (int)MIN (value - filter, 100), filter);
}

gboolean
sc_table_filter (ScTable *table, const char *const *filters, GError **error)
{
  for (; filters && *filters; filters++)
    {
      g_autofree char *clean = NULL, *wanted = NULL;
      const char *value = NULL;
      guint column = 0;

      if (!find_filter (table, *filters, &column, &value, error))
        return FALSE;
      clean = sc_output_clean (value);
      wanted = g_utf8_casefold (clean, -1);
      for (guint i = table->rows->len; i > 0; i--)
        {
          const Row *row = table->rows->pdata[i - 1];
          g_autofree char *cell = g_utf8_casefold (row->cells[column], -1);

          if (!strstr (cell, wanted))
            g_ptr_array_remove_index (table->rows, i - 1);
        }
    }
  return TRUE;
}

static guint
display_width (const char *text)
{
  guint width = 0;

  for (; *text; text = g_utf8_next_char (text))
    {
      gunichar c = g_utf8_get_char (text);

      width += g_unichar_iszerowidth (c) ? 0 : g_unichar_iswide (c) ? 2 : 1;
    }
  return width;
}

/* (transfer full): what the table shows of a cell. */
static char *
shown (const ScColumn *column, const char *cell, ScTableFlags flags)
{
  if (column->truncate == 0 || flags & SC_TABLE_NO_TRUNCATE)
    return g_strdup (cell);
  return g_utf8_substring (cell, 0, MIN ((glong)column->truncate, g_utf8_strlen (cell, -1)));
}

static guint
column_width (const ScTable *table, guint i, ScTableFlags flags)
{
  const ScColumn *column = &table->columns[i];
  guint width = column->min_width;

  if (!(flags & SC_TABLE_NO_HEADING))
    width = MAX (width, display_width (column->title));
  for (guint r = 0; r < table->rows->len; r++)
    {
      const Row *row = table->rows->pdata[r];
      g_autofree char *text = shown (column, row->cells[i], flags);

      width = MAX (width, display_width (text));
    }
  return width;
}

/* Appends a cell and pads it; blanks at the end of a line are taken off by end_line(). */
static void
append_cell (GString *out, const char *text, guint width, const char *gap)
{
  g_string_append (out, text);
  for (guint w = display_width (text); w < width; w++)
    g_string_append_c (out, ' ');
  g_string_append (out, gap);
}

static void
end_line (GString *out)
{
  while (out->len > 0 && out->str[out->len - 1] == ' ')
    g_string_truncate (out, out->len - 1);
  g_string_append_c (out, '\n');
}

char *
sc_table_format (const ScTable *table, ScTableFlags flags)
{
  g_autofree guint *widths = g_new0 (guint, table->n_columns);
  GString *out = g_string_new (NULL);

  for (guint i = 0; i < table->n_columns; i++)
    if (table->columns[i].title)
      widths[i] = column_width (table, i, flags);
  if (!(flags & SC_TABLE_NO_HEADING))
    {
      append_cell (out, "", MARK_WIDTH, "");
      for (guint i = 0; i < table->n_columns; i++)
        if (table->columns[i].title)
          append_cell (out, table->columns[i].title, widths[i], table->gap);
      end_line (out);
    }
  for (guint r = 0; r < table->rows->len; r++)
    {
      const Row *row = table->rows->pdata[r];

      append_cell (out, row->marked ? ">" : "", MARK_WIDTH, "");
      for (guint i = 0; i < table->n_columns; i++)
        if (table->columns[i].title)
          {
            g_autofree char *text = shown (&table->columns[i], row->cells[i], flags);

            append_cell (out, text, widths[i], table->gap);
          }
      end_line (out);
    }
  return g_string_free (out, FALSE);
}

static void
set_member (JsonObject *object, const ScColumn *column, const char *cell)
{
  JsonNode *node = NULL;

  switch (column->kind)
    {
    case SC_CELL_BOOL:
      json_object_set_boolean_member (object, column->key, strcmp (cell, "true") == 0);
      return;
    case SC_CELL_NUMBER:
      json_object_set_int_member (object, column->key, g_ascii_strtoll (cell, NULL, 10));
      return;
    case SC_CELL_JSON:
      node = json_from_string (*cell ? cell : "null", NULL);
      json_object_set_member (object, column->key, node ? node : json_node_new (JSON_NODE_NULL));
      return;
    case SC_CELL_OPTIONAL:
      if (!*cell)
        {
          json_object_set_null_member (object, column->key);
          return;
        }
      break;
    case SC_CELL_TEXT:
    case SC_CELL_TIME:
      break;
    }
  json_object_set_string_member (object, column->key, cell);
}

char *
sc_table_format_json (const ScTable *table)
{
  g_autoptr (JsonNode) root = json_node_new (JSON_NODE_ARRAY);
  JsonArray *array = json_array_new ();

  json_node_take_array (root, array);
  for (guint r = 0; r < table->rows->len; r++)
    {
      const Row *row = table->rows->pdata[r];
      JsonObject *object = json_object_new ();

      for (guint i = 0; i < table->n_columns; i++)
        {
          if (table->columns[i].key)
            set_member (object, &table->columns[i], row->iso[i] ? row->iso[i] : row->cells[i]);
        }
      json_array_add_object_element (array, object);
    }
  return sc_json_to_text (root, TRUE);
}

char *
sc_table_format_column (const ScTable *table, const char *key, ScTableFlags flags)
{
  GString *out = g_string_new (NULL);
  guint i = 0;

  while (i < table->n_columns && g_strcmp0 (table->columns[i].key, key) != 0)
    i++;
  g_assert (i < table->n_columns);
  for (guint r = 0; r < table->rows->len; r++)
    {
      const Row *row = table->rows->pdata[r];
      g_autofree char *text = shown (&table->columns[i], row->cells[i], flags);

      g_string_append_printf (out, "%s\n", text);
    }
  return g_string_free (out, FALSE);
}

GPtrArray *
sc_output_names (GHashTable *map)
{
  GPtrArray *names = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer name;

  g_hash_table_iter_init (&iter, map);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    g_ptr_array_add (names, name);
  sc_sort_strings (names);
  return names;
}

JsonNode *
sc_output_map (GHashTable *map)
{
  g_autoptr (GPtrArray) names = sc_output_names (map);
  JsonNode *node = json_node_new (JSON_NODE_OBJECT);
  JsonObject *object = json_object_new ();

  for (guint i = 0; i < names->len; i++)
    json_object_set_string_member (object, names->pdata[i], g_hash_table_lookup (map, names->pdata[i]));
  json_node_take_object (node, object);
  return node;
}

char *
sc_output_clean (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text ? text : "", -1);
  GString *out = g_string_sized_new (strlen (valid));

  for (const char *p = valid; *p; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);
      GUnicodeType type = g_unichar_type (c);

      /* FORMAT holds the marks that turn the direction of writing. */
      if (g_unichar_iscntrl (c) || type == G_UNICODE_FORMAT || type == G_UNICODE_LINE_SEPARATOR
          || type == G_UNICODE_PARAGRAPH_SEPARATOR)
        g_string_append_c (out, '?');
      else
        g_string_append_unichar (out, c);
    }
  return g_string_free (out, FALSE);
}

char *
sc_output_size (guint64 bytes)
{
  static const char *const units[] = { "KB", "MB", "GB", "TB", "PB", "EB" };
  double size = (double)bytes / 1000;
  guint unit = 0;
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  if (bytes < 1000)
    return g_strdup_printf ("%u B", (guint)bytes);
  /* What would be written as 1000.00 is 1.00 of the next unit. */
  while (size >= 999.995 && unit < G_N_ELEMENTS (units) - 1)
    {
      size /= 1000;
      unit++;
    }
  return g_strdup_printf ("%s %s", g_ascii_formatd (text, sizeof text, "%.2f", size), units[unit]);
}

char *
sc_output_time (gint64 seconds)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_local (seconds);
  char *text = time ? g_date_time_format (time, "%Y-%m-%d %H:%M") : NULL;

  return text ? text : g_strdup ("");
}

char *
sc_output_time_iso (gint64 seconds)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (seconds);
  char *text = time ? g_date_time_format (time, "%Y-%m-%dT%H:%M:%SZ") : NULL;

  return text ? text : g_strdup ("");
}

char *
sc_output_seconds (gint64 seconds)
{
  return g_strdup_printf ("%" G_GINT64_FORMAT, seconds);
}

void
sc_output_append_line (GString *out, const char *name, const char *text)
{
  g_autofree char *clean_name = sc_output_clean (name), *clean = sc_output_clean (text);

  if (text)
    g_string_append_printf (out, "%s: %s\n", clean_name, clean);
}

/* Why standard output could not be written first: what is tried later may fail for another reason, or not at all. */
static int first_errno;

static void
check (FILE *stream, int result)
{
  if (result == EOF && stream == stdout && first_errno == 0)
    first_errno = errno;
}

void
sc_output_write (FILE *stream, const char *text)
{
  check (stream, fputs (text, stream));
}

void
sc_output_flush (FILE *stream)
{
  check (stream, fflush (stream));
}

void
sc_output_print (const char *text)
{
  sc_output_write (stdout, text);
}

gboolean
sc_output_finish (GError **error)
{
  sc_output_flush (stdout);
  if (first_errno == 0 && !ferror (stdout))
    return TRUE;
  return sc_fail_errno (error, first_errno ? first_errno : EIO, "standard output");
}
