/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * TOML values: what stands after "=".
 */

#include <errno.h>
#include <string.h>

#include "toml-private.h"

/* One escape of a basic string, the backslash is read. */
static gboolean
read_escape (ScTomlReader *reader, GString *out, GError **error)
{
  static const char letters[] = "btnfr\"\\";
  static const char meanings[] = "\b\t\n\f\r\"\\";
  char c = sc_toml_peek (reader);
  const char *found = c != '\0' ? strchr (letters, c) : NULL;
  gsize digits = c == 'u' ? 4 : 8;
  gunichar code = 0;

  if (found != NULL)
    {
      g_string_append_c (out, meanings[found - letters]);
      reader->p++;
      return TRUE;
    }
  if (c != 'u' && c != 'U')
    return sc_toml_reader_fail (reader, error, "unknown escape after '\\'");
  reader->p++;
  for (gsize i = 0; i < digits; i++, reader->p++)
    {
      if (!g_ascii_isxdigit (sc_toml_peek (reader)))
        return sc_toml_reader_fail (reader, error, "%zu hexadecimal digits are expected here", digits);
      code = code << 4 | (gunichar)g_ascii_xdigit_value (*reader->p);
    }
  if (code == 0 || !g_unichar_validate (code))
    return sc_toml_reader_fail (reader, error, "the escape is no character that a string can have");
  g_string_append_unichar (out, code);
  return TRUE;
}

/* A line break inside a string or after its backslash. */
static void
skip_newline (ScTomlReader *reader)
{
  if (*reader->p == '\r')
    reader->p++;
  reader->line_start = ++reader->p;
  reader->line++;
}

static gboolean
at_newline (const ScTomlReader *reader)
{
  return sc_toml_peek (reader) == '\n' || sc_toml_at (reader, "\r\n");
}

/* A backslash at the end of a line: white space up to the next text is not part of the string.  FALSE if it is not. */
static gboolean
skip_folded (ScTomlReader *reader)
{
  ScTomlReader ahead = *reader;

  sc_toml_skip_blank (&ahead);
  if (!at_newline (&ahead))
    return FALSE;
  while (at_newline (&ahead))
    {
      skip_newline (&ahead);
      sc_toml_skip_blank (&ahead);
    }
  *reader = ahead;
  return TRUE;
}

static gboolean
check_character (const ScTomlReader *reader, const ScTomlReader *start, gboolean multi, GError **error)
{
  if (reader->p == reader->end || (at_newline (reader) && !multi))
    return sc_toml_reader_fail (start, error, "the string that begins here has no end");
  if (g_ascii_iscntrl (*reader->p) && *reader->p != '\t' && !(multi && at_newline (reader)))
    return sc_toml_reader_fail (reader, error, "control character in a string");
  return TRUE;
}

/* The end of a multi-line string, which may have two quotes of its own before the three that end it. */
static gboolean
end_multi_line (ScTomlReader *reader, char quote, GString *out)
{
  gsize n = 0;

  while (n < 5 && reader->p + n < reader->end && reader->p[n] == quote)
    n++;
  if (n < 3)
    return FALSE;
  g_string_append_len (out, reader->p, (gssize)n - 3);
  reader->p += n;
  return TRUE;
}

char *
sc_toml_read_string (ScTomlReader *reader, gboolean may_be_multi_line, GError **error)
{
  ScTomlReader start = *reader;
  char quote = *reader->p;
  gboolean multi = sc_toml_at (reader, quote == '"' ? "\"\"\"" : "'''");
  g_autoptr (GString) out = g_string_new (NULL);

  if (multi && !may_be_multi_line)
    return sc_toml_reader_fail_null (reader, error, "a key cannot be a multi-line string");
  reader->p += multi ? 3 : 1;
  if (multi && at_newline (reader))
    skip_newline (reader);
  for (;;)
    {
      if (!check_character (reader, &start, multi, error))
        return NULL;
      if (*reader->p == quote && !multi)
        {
          reader->p++;
          break;
        }
      if (*reader->p == quote && end_multi_line (reader, quote, out))
        break;
      if (*reader->p == '\\' && quote == '"')
        {
          reader->p++;
          if (!(multi && skip_folded (reader)) && !read_escape (reader, out, error))
            return NULL;
        }
      else if (at_newline (reader))
        {
          g_string_append_c (out, '\n');
          skip_newline (reader);
        }
      else
        g_string_append_c (out, *reader->p++);
    }
  return g_string_free (g_steal_pointer (&out), FALSE);
}

/* Digits of @base with single underscores between them; the sign is read. */
static gboolean
parse_digits (const char *text, guint base, GString *out)
{
  for (const char *p = text; *p != '\0'; p++)
    {
      gboolean digit = base == 16 ? g_ascii_isxdigit (*p) : *p >= '0' && *p < (char)('0' + base);

      if (digit)
        g_string_append_c (out, *p);
      else if (*p != '_' || p == text || p[-1] == '_' || p[1] == '\0')
        return FALSE;
    }
  return out->len > 0;
}

/* A word that is neither a string nor a boolean. */
static gboolean
parse_integer (const char *word, gint64 *out)
{
  g_autoptr (GString) digits = g_string_new (NULL);
  gboolean sign = word[0] == '-' || word[0] == '+';
  guint base = 10;
  const char *p = word + (sign ? 1 : 0);

  if (!sign && p[0] == '0' && p[1] != '\0' && strchr ("xob", p[1]) != NULL)
    {
      base = p[1] == 'x' ? 16 : p[1] == 'o' ? 8 : 2;
      p += 2;
    }
  if (word[0] == '-')
    g_string_append_c (digits, '-');
  g_autoptr (GString) plain = g_string_new (NULL);
  if (!parse_digits (p, base, plain) || (base == 10 && plain->len > 1 && plain->str[0] == '0'))
    return FALSE;
  g_string_append (digits, plain->str);
  errno = 0;
  *out = g_ascii_strtoll (digits->str, NULL, base);
  return errno == 0;
}

static ScToml *
read_word (ScTomlReader *reader, GError **error)
{
  g_autoptr (ScToml) value = sc_toml_new (reader, SC_TOML_BOOLEAN, SC_TOML_ORIGIN_VALUE);
  const char *end = reader->p;
  g_autofree char *word = NULL;

  while (end < reader->end && (g_ascii_isalnum (*end) || strchr ("+-_.:", *end) != NULL))
    end++;
  word = g_strndup (reader->p, (gsize)(end - reader->p));
  value->boolean = strcmp (word, "true") == 0;
  if (!value->boolean && strcmp (word, "false") != 0)
    {
      value->type = SC_TOML_INTEGER;
      if (!parse_integer (word, &value->integer))
        return sc_toml_reader_fail_null (reader, error,
                                         "a value is expected here: \"text\", true, false, an integer, [...] or {...}");
    }
  reader->p = end;
  return g_steal_pointer (&value);
}

/* Blanks, line breaks and comments between the items of an array. */
static gboolean
skip_space (ScTomlReader *reader, GError **error)
{
  gboolean newline = FALSE;

  do
    {
      sc_toml_skip_blank (reader);
      if (!sc_toml_skip_line_end (reader, &newline, error))
        return FALSE;
    }
  while (newline);
  return TRUE;
}

static gboolean
read_items (ScTomlReader *reader, ScToml *array, GError **error)
{
  reader->p++;
  for (;;)
    {
      ScToml *item = NULL;

      if (!skip_space (reader, error))
        return FALSE;
      if (sc_toml_peek (reader) == ']')
        break;
      item = sc_toml_read_value (reader, error);
      if (item == NULL)
        return FALSE;
      g_ptr_array_add (array->items, item);
      if (!skip_space (reader, error))
        return FALSE;
      if (sc_toml_peek (reader) == ']')
        break;
      if (sc_toml_peek (reader) != ',')
        return sc_toml_reader_fail (reader, error, "',' or ']' is expected here");
      reader->p++;
    }
  reader->p++;
  return TRUE;
}

static gboolean
read_members (ScTomlReader *reader, ScToml *table, GError **error)
{
  reader->p++;
  sc_toml_skip_blank (reader);
  while (sc_toml_peek (reader) != '}' || table->names->len > 0)
    {
      if (!sc_toml_read_pair (reader, table, error))
        return FALSE;
      sc_toml_skip_blank (reader);
      if (sc_toml_peek (reader) == '}')
        break;
      if (sc_toml_peek (reader) != ',')
        return sc_toml_reader_fail (reader, error, "',' or '}' is expected here");
      reader->p++;
    }
  reader->p++;
  return TRUE;
}

ScToml *
sc_toml_read_value (ScTomlReader *reader, GError **error)
{
  char c = sc_toml_peek (reader);
  g_autoptr (ScToml) value = NULL;
  gboolean ok = FALSE;

  if (c == '"' || c == '\'')
    {
      value = sc_toml_new (reader, SC_TOML_STRING, SC_TOML_ORIGIN_VALUE);
      value->string = sc_toml_read_string (reader, TRUE, error);
      return value->string != NULL ? g_steal_pointer (&value) : NULL;
    }
  if (c != '[' && c != '{')
    return read_word (reader, error);
  if (reader->depth == SC_TOML_MAX_DEPTH)
    return sc_toml_reader_fail_null (reader, error, "more than %d arrays and tables in each other", SC_TOML_MAX_DEPTH);
  value = sc_toml_new (reader, c == '[' ? SC_TOML_ARRAY : SC_TOML_TABLE, SC_TOML_ORIGIN_VALUE);
  reader->depth++;
  ok = c == '[' ? read_items (reader, value, error) : read_members (reader, value, error);
  reader->depth--;
  return ok ? g_steal_pointer (&value) : NULL;
}
