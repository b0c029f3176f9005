/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A TOML document: lines, keys and tables, and the tree that they make.  Reads bytes, never files.  Every key is
 * checked against what is there already, so that no two readers of one file can see different things in it.  Recursion
 * is bounded by SC_TOML_MAX_DEPTH.
 */

#include "toml-private.h"

#include <string.h>

#include "names.h"

G_GNUC_PRINTF (5, 0)
static gboolean
fail_at (const char *file, guint line, guint column, GError **error, const char *format, va_list args)
{
  g_autofree char *message = g_strdup_vprintf (format, args);

  return sc_fail (error, SC_ERROR_INVALID, "%s: line %u, column %u: %s", file, line, column, message);
}

gboolean
sc_toml_reader_fail (const ScTomlReader *reader, GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  fail_at (reader->file, reader->line, (guint)(reader->p - reader->line_start) + 1, error, format, args);
  va_end (args);
  return FALSE;
}

gboolean
sc_toml_fail (const ScToml *at, GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  fail_at (at->file, at->line, at->column, error, format, args);
  va_end (args);
  return FALSE;
}

void
sc_toml_free (ScToml *toml)
{
  if (toml == NULL)
    return;
  g_clear_pointer (&toml->items, g_ptr_array_unref);
  g_clear_pointer (&toml->names, g_ptr_array_unref);
  g_clear_pointer (&toml->members, g_hash_table_unref);
  g_free (toml->string);
  g_free (toml->owned_file);
  g_free (toml);
}

ScToml *
sc_toml_new (const ScTomlReader *reader, ScTomlType type, ScTomlOrigin origin)
{
  ScToml *toml = g_new0 (ScToml, 1);

  toml->type = type;
  toml->origin = origin;
  toml->file = reader->file;
  toml->line = reader->line;
  toml->column = (guint)(reader->p - reader->line_start) + 1;
  if (type == SC_TOML_ARRAY)
    toml->items = g_ptr_array_new_with_free_func ((GDestroyNotify)sc_toml_free);
  if (type == SC_TOML_TABLE)
    {
      toml->members = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify)sc_toml_free);
      toml->names = g_ptr_array_new ();
    }
  return toml;
}

/* Returns @value, owned by @table from now on. */
static ScToml *
add_member (ScToml *table, const char *name, ScToml *value)
{
  char *key = g_strdup (name);

  g_hash_table_insert (table->members, key, value);
  g_ptr_array_add (table->names, key);
  return value;
}

gboolean
sc_toml_at (const ScTomlReader *reader, const char *text)
{
  gsize n = strlen (text);

  return (gsize)(reader->end - reader->p) >= n && memcmp (reader->p, text, n) == 0;
}

void
sc_toml_skip_blank (ScTomlReader *reader)
{
  while (sc_toml_peek (reader) == ' ' || sc_toml_peek (reader) == '\t')
    reader->p++;
}

gboolean
sc_toml_skip_line_end (ScTomlReader *reader, gboolean *out_newline, GError **error)
{
  *out_newline = FALSE;
  if (sc_toml_peek (reader) == '#')
    for (; reader->p < reader->end && *reader->p != '\n' && !sc_toml_at (reader, "\r\n"); reader->p++)
      if (g_ascii_iscntrl (*reader->p) && *reader->p != '\t')
        return sc_toml_reader_fail (reader, error, "control character in a comment");
  if (sc_toml_at (reader, "\r\n"))
    reader->p++;
  if (sc_toml_peek (reader) == '\n')
    {
      *out_newline = TRUE;
      reader->line++;
      reader->line_start = ++reader->p;
    }
  return TRUE;
}

static gboolean
is_bare (char c)
{
  return g_ascii_isalnum (c) || c == '_' || c == '-';
}

/* One part of a key. (transfer full) */
static char *
read_key_part (ScTomlReader *reader, GError **error)
{
  const char *start = reader->p;

  if (sc_toml_peek (reader) == '"' || sc_toml_peek (reader) == '\'')
    return sc_toml_read_string (reader, FALSE, error);
  while (is_bare (sc_toml_peek (reader)))
    reader->p++;
  if (reader->p == start)
    return sc_toml_reader_fail_null (reader, error, "a key is expected here");
  return g_strndup (start, (gsize)(reader->p - start));
}

/* (transfer full): the parts of a key, at least one. */
static GPtrArray *
read_key (ScTomlReader *reader, GError **error)
{
  g_autoptr (GPtrArray) parts = g_ptr_array_new_with_free_func (g_free);

  for (;;)
    {
      char *part = NULL;

      if (parts->len == SC_TOML_MAX_DEPTH)
        return sc_toml_reader_fail_null (reader, error, "the key has more than %d parts", SC_TOML_MAX_DEPTH);
      sc_toml_skip_blank (reader);
      part = read_key_part (reader, error);
      if (part == NULL)
        return NULL;
      g_ptr_array_add (parts, part);
      sc_toml_skip_blank (reader);
      if (sc_toml_peek (reader) != '.')
        return g_steal_pointer (&parts);
      reader->p++;
    }
}

static gboolean
fail_taken (const ScTomlReader *reader, const char *name, const ScToml *there, GError **error)
{
  g_autofree char *shown = sc_name_escape (name);

  return sc_toml_reader_fail (reader, error, "'%s' is there already, since line %u", shown, there->line);
}

gboolean
sc_toml_read_pair (ScTomlReader *reader, ScToml *table, GError **error)
{
  ScTomlReader start;
  g_autoptr (GPtrArray) key = NULL;
  ScToml *there = NULL;
  ScToml *value = NULL;
  const char *last = NULL;

  sc_toml_skip_blank (reader);
  start = *reader;
  key = read_key (reader, error);
  if (key == NULL)
    return FALSE;
  for (guint i = 0; i + 1 < key->len; i++)
    {
      const char *name = g_ptr_array_index (key, i);

      there = g_hash_table_lookup (table->members, name);
      if (there == NULL)
        there = add_member (table, name, sc_toml_new (&start, SC_TOML_TABLE, SC_TOML_ORIGIN_DOTTED));
      else if (there->type != SC_TOML_TABLE || there->origin != SC_TOML_ORIGIN_DOTTED)
        return fail_taken (&start, name, there, error);
      table = there;
    }
  last = g_ptr_array_index (key, key->len - 1);
  there = g_hash_table_lookup (table->members, last);
  if (there != NULL)
    return fail_taken (&start, last, there, error);
  if (sc_toml_peek (reader) != '=')
    return sc_toml_reader_fail (reader, error, "'=' is expected after the key");
  reader->p++;
  sc_toml_skip_blank (reader);
  value = sc_toml_read_value (reader, error);
  if (value == NULL)
    return FALSE;
  add_member (table, last, value);
  return TRUE;
}

/* The table that a header's @name means inside @table, which is made if it is not there. */
static ScToml *
enter_table (const ScTomlReader *start, ScToml *table, const char *name, GError **error)
{
  ScToml *there = g_hash_table_lookup (table->members, name);

  if (there == NULL)
    return add_member (table, name, sc_toml_new (start, SC_TOML_TABLE, SC_TOML_ORIGIN_IMPLICIT));
  if (there->type == SC_TOML_ARRAY && there->origin == SC_TOML_ORIGIN_HEADER)
    return g_ptr_array_index (there->items, there->items->len - 1);
  if (there->type == SC_TOML_TABLE && there->origin != SC_TOML_ORIGIN_VALUE)
    return there;
  fail_taken (start, name, there, error);
  return NULL;
}

static ScToml *
open_table (const ScTomlReader *start, ScToml *table, const char *name, GError **error)
{
  ScToml *there = g_hash_table_lookup (table->members, name);

  if (there == NULL)
    return add_member (table, name, sc_toml_new (start, SC_TOML_TABLE, SC_TOML_ORIGIN_HEADER));
  if (there->type != SC_TOML_TABLE || there->origin != SC_TOML_ORIGIN_IMPLICIT)
    {
      fail_taken (start, name, there, error);
      return NULL;
    }
  there->origin = SC_TOML_ORIGIN_HEADER;
  there->line = start->line;
  return there;
}

static ScToml *
open_array_table (const ScTomlReader *start, ScToml *table, const char *name, GError **error)
{
  ScToml *there = g_hash_table_lookup (table->members, name);
  ScToml *item = NULL;

  if (there == NULL)
    there = add_member (table, name, sc_toml_new (start, SC_TOML_ARRAY, SC_TOML_ORIGIN_HEADER));
  if (there->type != SC_TOML_ARRAY || there->origin != SC_TOML_ORIGIN_HEADER)
    {
      fail_taken (start, name, there, error);
      return NULL;
    }
  item = sc_toml_new (start, SC_TOML_TABLE, SC_TOML_ORIGIN_HEADER);
  g_ptr_array_add (there->items, item);
  return item;
}

/* "[name]" or "[[name]]"; the table that the lines after it belong to. */
static ScToml *
read_header (ScTomlReader *reader, ScToml *top, GError **error)
{
  ScTomlReader start = *reader;
  gboolean array = sc_toml_at (reader, "[[");
  const char *close = array ? "]]" : "]";
  g_autoptr (GPtrArray) key = NULL;
  const char *last = NULL;
  ScToml *table = top;

  reader->p += strlen (close);
  key = read_key (reader, error);
  if (key == NULL)
    return NULL;
  if (!sc_toml_at (reader, close))
    return sc_toml_reader_fail_null (reader, error, "'%s' is expected after the table's name", close);
  reader->p += strlen (close);
  for (guint i = 0; i + 1 < key->len && table != NULL; i++)
    table = enter_table (&start, table, g_ptr_array_index (key, i), error);
  if (table == NULL)
    return NULL;
  last = g_ptr_array_index (key, key->len - 1);
  return array ? open_array_table (&start, table, last, error) : open_table (&start, table, last, error);
}

static gboolean
read_document (ScTomlReader *reader, ScToml *top, GError **error)
{
  ScToml *table = top;

  while (reader->p < reader->end)
    {
      gboolean newline = FALSE;

      sc_toml_skip_blank (reader);
      if (sc_toml_peek (reader) == '[')
        table = read_header (reader, top, error);
      else if (reader->p < reader->end && strchr ("#\r\n", *reader->p) == NULL
               && !sc_toml_read_pair (reader, table, error))
        return FALSE;
      if (table == NULL)
        return FALSE;
      sc_toml_skip_blank (reader);
      if (!sc_toml_skip_line_end (reader, &newline, error))
        return FALSE;
      if (!newline && reader->p < reader->end)
        return sc_toml_reader_fail (reader, error, "the end of the line is expected here");
    }
  return TRUE;
}

/* TOML is UTF-8; a NUL would end our strings. */
static gboolean
check_text (ScTomlReader *reader, GError **error)
{
  const char *bad = NULL;
  const char *p = reader->p;

  if (g_utf8_validate (p, reader->end - p, &bad))
    return TRUE;
  for (; p < bad; p++)
    if (*p == '\n')
      {
        reader->line++;
        reader->line_start = p + 1;
      }
  reader->p = bad;
  return sc_toml_reader_fail (reader, error, *bad == '\0' ? "NUL byte" : "the text is not UTF-8");
}

ScToml *
sc_toml_parse (const char *file, const void *data, gsize size, GError **error)
{
  static const char bom[] = "\xEF\xBB\xBF";
  ScTomlReader reader = { .p = size > 0 ? data : "", .line = 1 };
  g_autoptr (ScToml) top = NULL;
  g_autofree char *name = g_strdup (file);

  reader.end = reader.p + size;
  reader.line_start = reader.p;
  reader.file = name;
  if (size > SC_TOML_MAX_SIZE)
    return sc_fail_null (error, SC_ERROR_LIMIT, "%s: more than %d bytes", file, SC_TOML_MAX_SIZE);
  if (!check_text (&reader, error))
    return NULL;
  if (sc_toml_at (&reader, bom))
    reader.p += strlen (bom);
  top = sc_toml_new (&reader, SC_TOML_TABLE, SC_TOML_ORIGIN_HEADER);
  top->column = 1;
  if (!read_document (&reader, top, error))
    return NULL;
  top->owned_file = g_steal_pointer (&name);
  return g_steal_pointer (&top);
}

/* (nullable) */
static const ScToml *
find_member (const ScToml *table, const char *name)
{
  const ScToml *exact = g_hash_table_lookup (table->members, name);

  for (guint i = 0; exact == NULL && i < table->names->len; i++)
    if (g_ascii_strcasecmp (g_ptr_array_index (table->names, i), name) == 0)
      return g_hash_table_lookup (table->members, g_ptr_array_index (table->names, i));
  return exact;
}

/* The member, if it is there, and of @type; @wanted is the type in words. */
static gboolean
get_member (const ScToml *table, const char *name, ScTomlType type, const char *wanted, const ScToml **out,
            GError **error)
{
  *out = find_member (table, name);
  if (*out != NULL && (*out)->type != type)
    return sc_toml_fail (*out, error, "%s must be %s", name, wanted);
  return TRUE;
}

gboolean
sc_toml_get_string (const ScToml *table, const char *name, const char **out, GError **error)
{
  const ScToml *value = NULL;

  if (!get_member (table, name, SC_TOML_STRING, "a string", &value, error))
    return FALSE;
  if (value != NULL)
    *out = value->string;
  return TRUE;
}

gboolean
sc_toml_get_boolean (const ScToml *table, const char *name, gboolean *out, GError **error)
{
  const ScToml *value = NULL;

  if (!get_member (table, name, SC_TOML_BOOLEAN, "true or false", &value, error))
    return FALSE;
  if (value != NULL)
    *out = value->boolean;
  return TRUE;
}

gboolean
sc_toml_get_table (const ScToml *table, const char *name, const ScToml **out, GError **error)
{
  const ScToml *value = NULL;

  if (!get_member (table, name, SC_TOML_TABLE, "a table", &value, error))
    return FALSE;
  if (value != NULL)
    *out = value;
  return TRUE;
}

/* The member as an array whose items are all of @type. */
static gboolean
get_array (const ScToml *table, const char *name, ScTomlType type, const char *wanted, const GPtrArray **out,
           GError **error)
{
  const ScToml *value = NULL;

  if (!get_member (table, name, SC_TOML_ARRAY, wanted, &value, error))
    return FALSE;
  for (guint i = 0; value != NULL && i < value->items->len; i++)
    {
      const ScToml *item = g_ptr_array_index (value->items, i);

      if (item->type != type)
        return sc_toml_fail (item, error, "%s must be %s", name, wanted);
    }
  if (value != NULL)
    *out = value->items;
  return TRUE;
}

gboolean
sc_toml_get_strv (const ScToml *table, const char *name, char ***out, GError **error)
{
  const GPtrArray *items = NULL;

  if (!get_array (table, name, SC_TOML_STRING, "an array of strings", &items, error))
    return FALSE;
  if (items == NULL)
    return TRUE;
  *out = g_new0 (char *, items->len + 1);
  for (guint i = 0; i < items->len; i++)
    (*out)[i] = g_strdup (((const ScToml *)g_ptr_array_index (items, i))->string);
  return TRUE;
}

gboolean
sc_toml_get_tables (const ScToml *table, const char *name, const GPtrArray **out, GError **error)
{
  return get_array (table, name, SC_TOML_TABLE, "an array of tables", out, error);
}
