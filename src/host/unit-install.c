/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The [Install] section of a unit.  Every name in it is checked: it may become a path.
 */
#include "unit-links.h"

#include <string.h>

#define UNIT_NAME_MAX 255

static const char *const unit_types[] = { ".service", ".socket", ".target", ".device", ".mount", ".automount",
                                          ".swap",    ".timer",  ".path",   ".slice",  ".scope" };

static const char *
unit_type (const char *name)
{
  const char *dot = strrchr (name, '.');
  if (dot == NULL || dot == name)
    return NULL;
  for (gsize i = 0; i < G_N_ELEMENTS (unit_types); i++)
    if (g_str_equal (dot, unit_types[i]))
      return unit_types[i];
  return NULL;
}

gboolean
sc_unit_name_is_valid (const char *name)
{
  if (strlen (name) > UNIT_NAME_MAX || name[0] == '@' || unit_type (name) == NULL)
    return FALSE;
  for (const char *p = name; *p != '\0'; p++)
    if (!g_ascii_isalnum (*p) && strchr (":_.\\@-", *p) == NULL)
      return FALSE;
  return TRUE;
}

typedef struct
{
  const char *unit;
  guint line; /* of the text, where the assignment ended */
  GPtrArray *wanted_by;
  GPtrArray *required_by;
  GPtrArray *alias;
  gboolean has_any; /* assignment, also one that is not ours to look at */
} Parser;

/* Appends what the specifier %@c stands for; FALSE for one that is not ours to resolve. */
static gboolean
append_specifier (GString *out, const char *unit, char c)
{
  g_autofree char *prefix = g_strndup (unit, (gsize)(strrchr (unit, '.') - unit)); /* %N */
  g_autofree char *name = g_strndup (prefix, strcspn (prefix, "@"));               /* %p */
  const char *at = strchr (prefix, '@');
  const char *dash = strrchr (name, '-');
  switch (c)
    {
    case '%':
      g_string_append_c (out, '%');
      return TRUE;
    case 'n':
      g_string_append (out, unit);
      return TRUE;
    case 'N':
      g_string_append (out, prefix);
      return TRUE;
    case 'p':
      g_string_append (out, name);
      return TRUE;
    case 'i':
      g_string_append (out, at != NULL ? at + 1 : "");
      return TRUE;
    case 'j':
      g_string_append (out, dash != NULL ? dash + 1 : name);
      return TRUE;
    default:
      return FALSE;
    }
}

static gboolean
expand_specifiers (const Parser *parser, const char *word, char **out_text, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);
  for (const char *p = word; *p != '\0'; p++)
    {
      if (*p != '%')
        g_string_append_c (text, *p);
      else if (p[1] == '\0')
        return sc_fail (error, SC_ERROR_INVALID, "%s: line %u: '%s' ends in a single %%", parser->unit, parser->line,
                        word);
      else if (!append_specifier (text, parser->unit, *++p))
        return sc_fail (error, SC_ERROR_UNSUPPORTED, "%s: line %u: '%s': specifier %%%c is not supported in [Install]",
                        parser->unit, parser->line, word, *p);
    }
  *out_text = g_string_free (g_steal_pointer (&text), FALSE);
  return TRUE;
}

/* The next word of *@p without its quotes, NULL at the end. A backslash stays: it is part of escaped names. */
static gboolean
next_word (const Parser *parser, const char **p, char **out_word, GError **error)
{
  const char *s = *p + strspn (*p, " \t\r");
  *out_word = NULL;
  if (*s == '\0')
    return TRUE;

  g_autoptr (GString) word = g_string_new (NULL);
  char quote = '\0';
  for (; *s != '\0' && (quote != '\0' || strchr (" \t\r", *s) == NULL); s++)
    {
      if (quote == '\0' && (*s == '"' || *s == '\''))
        quote = *s;
      else if (quote != '\0' && *s == quote)
        quote = '\0';
      else
        {
          g_string_append_c (word, *s);
          if (*s == '\\' && s[1] != '\0')
            g_string_append_c (word, *++s);
        }
    }
  if (quote != '\0')
    return sc_fail (error, SC_ERROR_INVALID, "%s: line %u: a quote is not closed", parser->unit, parser->line);
  *p = s;
  *out_word = g_string_free (g_steal_pointer (&word), FALSE);
  return TRUE;
}

static gboolean
add_values (const Parser *parser, const char *key, const char *value, GPtrArray *list, GError **error)
{
  if (*value == '\0')
    {
      g_ptr_array_set_size (list, 0);
      return TRUE;
    }
  for (;;)
    {
      g_autofree char *word = NULL;
      g_autofree char *name = NULL;
      if (!next_word (parser, &value, &word, error))
        return FALSE;
      if (word == NULL)
        return TRUE;
      if (!expand_specifiers (parser, word, &name, error))
        return FALSE;
      if (!sc_unit_name_is_valid (name))
        return sc_fail (error, SC_ERROR_INVALID, "%s: line %u: %s: '%s' is not the name of a unit", parser->unit,
                        parser->line, key, name);
      if (list == parser->alias && unit_type (name) != unit_type (parser->unit))
        return sc_fail (error, SC_ERROR_INVALID, "%s: line %u: alias '%s' is a unit of another type", parser->unit,
                        parser->line, name);
      /* An alias that is the unit's own name would replace the unit by a link to itself. */
      if (list == parser->alias && g_str_equal (name, parser->unit))
        continue;
      if (!g_ptr_array_find_with_equal_func (list, name, g_str_equal, NULL))
        g_ptr_array_add (list, g_steal_pointer (&name));
    }
}

/* One complete logical line. */
static gboolean
parse_line (Parser *parser, char *line, gboolean *in_install, GError **error)
{
  line = g_strstrip (line);
  if (*line == '[')
    {
      *in_install = g_str_equal (line, "[Install]");
      return TRUE;
    }
  char *equals = strchr (line, '=');
  if (!*in_install || equals == NULL)
    return TRUE;

  *equals = '\0';
  const char *key = g_strstrip (line);
  const char *value = g_strstrip (equals + 1);
  parser->has_any |= *value != '\0';
  if (g_str_equal (key, "WantedBy"))
    return add_values (parser, key, value, parser->wanted_by, error);
  if (g_str_equal (key, "RequiredBy"))
    return add_values (parser, key, value, parser->required_by, error);
  if (g_str_equal (key, "Alias"))
    return add_values (parser, key, value, parser->alias, error);
  return TRUE;
}

/* TRUE if @line ends in a backslash that is not itself escaped. */
static gboolean
is_continued (const char *line)
{
  gsize n = strlen (line);
  gsize slashes = 0;
  while (slashes < n && line[n - 1 - slashes] == '\\')
    slashes++;
  return slashes % 2 == 1;
}

static gboolean
parse_lines (Parser *parser, char **lines, GError **error)
{
  g_autoptr (GString) logical = g_string_new (NULL);
  gboolean in_install = FALSE;
  for (guint i = 0; lines[i] != NULL; i++)
    {
      parser->line = i + 1;
      const char *line = g_strchug (lines[i]);
      if (*line == '#' || *line == ';') /* also between the parts of a continued line */
        continue;
      g_string_append (logical, line);
      if (is_continued (line))
        {
          logical->str[logical->len - 1] = ' ';
          continue;
        }
      if (!parse_line (parser, logical->str, &in_install, error))
        return FALSE;
      g_string_truncate (logical, 0);
    }
  return parse_line (parser, logical->str, &in_install, error);
}

static char **
list_to_strv (GPtrArray *list)
{
  g_autoptr (GPtrArray) owned = list;
  g_ptr_array_set_free_func (owned, NULL);
  g_ptr_array_add (owned, NULL);
  return (char **)g_ptr_array_steal (owned, NULL);
}

ScUnitInstall *
sc_unit_install_parse (const char *unit, const char *text, gsize size, GError **error)
{
  if (!sc_unit_name_is_valid (unit))
    return sc_fail_null (error, SC_ERROR_INVALID, "'%s' is not the name of a unit", unit);
  if (size > SC_UNIT_MAX_SIZE)
    return sc_fail_null (error, SC_ERROR_LIMIT, "%s: larger than %d bytes", unit, SC_UNIT_MAX_SIZE);
  if (memchr (text, '\0', size) != NULL)
    return sc_fail_null (error, SC_ERROR_INVALID, "%s: holds a NUL byte", unit);

  g_autofree char *copy = g_strndup (text, size);
  g_auto (GStrv) lines = g_strsplit (copy, "\n", -1);
  g_autoptr (GPtrArray) wanted_by = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) required_by = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) alias = g_ptr_array_new_with_free_func (g_free);
  Parser parser = { .unit = unit, .wanted_by = wanted_by, .required_by = required_by, .alias = alias };
  if (!parse_lines (&parser, lines, error))
    return NULL;

  ScUnitInstall *install = g_new0 (ScUnitInstall, 1);
  install->wanted_by = list_to_strv (g_steal_pointer (&wanted_by));
  install->required_by = list_to_strv (g_steal_pointer (&required_by));
  install->alias = list_to_strv (g_steal_pointer (&alias));
  install->is_empty = !parser.has_any;
  return install;
}

void
sc_unit_install_free (ScUnitInstall *install)
{
  if (install == NULL)
    return;
  g_strfreev (install->wanted_by);
  g_strfreev (install->required_by);
  g_strfreev (install->alias);
  g_free (install);
}
