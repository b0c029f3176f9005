/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Templates: reads the grammar of docs/cli.md ("Templates") and puts values in.
 *
 * Owns nothing but text.  It must not open a file, and a value is never looked at: what is put in may be a
 * fragment of JSON.  Every place where a value went is kept as a span, because only that tells later which
 * value made a result that does not parse.
 */
#include "template.h"

#include <string.h>

typedef enum
{
  TOKEN_LITERAL,
  TOKEN_DOLLAR,
  TOKEN_VARIABLE,
  TOKEN_END,
} TokenKind;

typedef struct
{
  TokenKind kind;
  const char *start; /* of the literal text, or of the name */
  gsize size;
} Token;

typedef struct
{
  const char *file;
  const char *text;
  const char *next;
} Scanner;

static gboolean
is_name_start (char c)
{
  return g_ascii_isalpha (c) || c == '_';
}

static gsize
name_size (const char *p)
{
  gsize n = 0;
  if (!is_name_start (p[0]))
    return 0;
  while (g_ascii_isalnum (p[n]) || p[n] == '_')
    n++;
  return n;
}

gboolean
sc_template_is_name (const char *text)
{
  gsize n = name_size (text);
  return n > 0 && text[n] == '\0';
}

static gboolean
fail_at (const Scanner *scanner, const char *where, const char *what, GError **error)
{
  guint line = 1;
  const char *line_start = scanner->text;

  for (const char *p = scanner->text; p < where; p++)
    if (*p == '\n')
      {
        line++;
        line_start = p + 1;
      }
  return sc_fail (error, SC_ERROR_INVALID, "%s: line %u, column %" G_GSIZE_FORMAT ": %s", scanner->file, line,
                  (gsize)(where - line_start) + 1, what);
}

/* scanner->next is at a dollar sign. */
static gboolean
scan_dollar (Scanner *scanner, Token *token, GError **error)
{
  const char *dollar = scanner->next;
  const char *p = dollar + 1;
  gboolean braces = *p == '{';

  if (*p == '$')
    {
      *token = (Token){ TOKEN_DOLLAR, dollar, 1 };
      scanner->next = p + 1;
      return TRUE;
    }
  if (braces)
    p++;
  *token = (Token){ TOKEN_VARIABLE, p, name_size (p) };
  if (token->size == 0)
    return fail_at (scanner, dollar,
                    braces ? "no variable name after '${'" : "no variable name after '$' (a dollar sign is '$$')",
                    error);
  p += token->size;
  if (braces && *p != '}')
    return fail_at (scanner, dollar, "no '}' after the variable name of '${'", error);
  scanner->next = braces ? p + 1 : p;
  return TRUE;
}

static gboolean
scan (Scanner *scanner, Token *token, GError **error)
{
  if (*scanner->next == '\0')
    {
      *token = (Token){ TOKEN_END, scanner->next, 0 };
      return TRUE;
    }
  if (*scanner->next == '$')
    return scan_dollar (scanner, token, error);

  *token = (Token){ TOKEN_LITERAL, scanner->next, strcspn (scanner->next, "$") };
  scanner->next += token->size;
  return TRUE;
}

char **
sc_template_variables (const char *file, const char *text, GError **error)
{
  Scanner scanner = { file, text, text };
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  Token token;

  do
    {
      if (!scan (&scanner, &token, error))
        return NULL;
      if (token.kind != TOKEN_VARIABLE)
        continue;
      g_autofree char *name = g_strndup (token.start, token.size);
      if (g_hash_table_contains (seen, name))
        continue;
      g_hash_table_add (seen, name);
      g_ptr_array_add (names, g_steal_pointer (&name));
    }
  while (token.kind != TOKEN_END);

  g_ptr_array_add (names, NULL);
  return (char **)g_ptr_array_steal (names, NULL);
}

static void
span_clear (gpointer span)
{
  g_free (((ScTemplateSpan *)span)->variable);
}

static gboolean
append_value (GString *result, GArray *spans, const Scanner *scanner, const Token *token, GHashTable *values,
              GError **error)
{
  g_autofree char *name = g_strndup (token->start, token->size);
  const char *value = g_hash_table_lookup (values, name);
  ScTemplateSpan span = { result->len, 0, NULL };

  if (value == NULL)
    return sc_fail (error, SC_ERROR_NOT_FOUND, "The template file '%s' still contains an unreplaced value for: '%s'",
                    scanner->file, name);
  if (strlen (value) > SC_TEMPLATE_MAX_RESULT - result->len)
    return sc_fail (error, SC_ERROR_LIMIT, "%s: larger than %d bytes with the value of '%s'", scanner->file,
                    SC_TEMPLATE_MAX_RESULT, name);
  g_string_append (result, value);
  span.end = result->len;
  span.variable = g_steal_pointer (&name);
  g_array_append_val (spans, span);
  return TRUE;
}

ScExpansion *
sc_template_expand (const char *file, const char *text, GHashTable *values, GError **error)
{
  Scanner scanner = { file, text, text };
  g_autoptr (GString) result = g_string_new (NULL);
  g_autoptr (GArray) spans = g_array_new (FALSE, FALSE, sizeof (ScTemplateSpan));
  ScExpansion *expansion;
  Token token;

  g_array_set_clear_func (spans, span_clear);
  do
    {
      if (!scan (&scanner, &token, error))
        return NULL;
      if (token.kind == TOKEN_VARIABLE)
        {
          if (!append_value (result, spans, &scanner, &token, values, error))
            return NULL;
          continue;
        }
      if (token.size > SC_TEMPLATE_MAX_RESULT - result->len)
        return sc_fail_null (error, SC_ERROR_LIMIT, "%s: larger than %d bytes", file, SC_TEMPLATE_MAX_RESULT);
      g_string_append_len (result, token.start, (gssize)token.size);
    }
  while (token.kind != TOKEN_END);

  expansion = g_new0 (ScExpansion, 1);
  expansion->text = g_string_free (g_steal_pointer (&result), FALSE);
  expansion->spans = g_steal_pointer (&spans);
  return expansion;
}

void
sc_expansion_free (ScExpansion *expansion)
{
  if (expansion == NULL)
    return;
  g_free (expansion->text);
  g_array_unref (expansion->spans);
  g_free (expansion);
}

const char *
sc_expansion_variable_at (const ScExpansion *expansion, guint line, guint column)
{
  const char *start = expansion->text;
  const char *found = NULL;
  gsize line_start, offset;

  for (guint i = 1; i < line; i++)
    {
      const char *newline = strchr (start, '\n');
      if (newline == NULL)
        return NULL;
      start = newline + 1;
    }
  line_start = (gsize)(start - expansion->text);
  offset = line_start + (column > 0 ? column - 1 : 0);

  for (guint i = 0; i < expansion->spans->len; i++)
    {
      const ScTemplateSpan *span = &g_array_index (expansion->spans, ScTemplateSpan, i);
      if (span->start > offset)
        break;
      if (span->end >= line_start)
        found = span->variable;
      if (offset < span->end)
        break;
    }
  return found;
}

gboolean
sc_expansion_check_lines (const ScExpansion *expansion, const char *file, GError **error)
{
  for (guint i = 0; i < expansion->spans->len; i++)
    {
      const ScTemplateSpan *span = &g_array_index (expansion->spans, ScTemplateSpan, i);
      const char *end = expansion->text + span->end;

      for (const char *p = expansion->text + span->start; p < end; p++)
        if (g_ascii_iscntrl (*p) && *p != '\t')
          return sc_fail (error, SC_ERROR_INVALID, "%s: the value of variable '%s' has a control character (0x%02x)",
                          file, span->variable, (guint)*p);
      if (span->end > span->start && end[-1] == '\\' && (*end == '\n' || *end == '\0'))
        return sc_fail (error, SC_ERROR_INVALID,
                        "%s: the value of variable '%s' ends in a backslash, which would join the next line", file,
                        span->variable);
    }
  return TRUE;
}
