/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tmpfiles.d file of an image that brings none, as text, and what such files make.
 *
 * Pure.  A path is written so that systemd-tmpfiles reads back exactly that path: '%' would begin a specifier, and
 * blanks, quotes and backslashes are syntax there.
 */
#include "tmpfiles.h"

#include <string.h>

#include "config-json.h"

static void
append_path (GString *text, const char *path)
{
  gboolean quote = strpbrk (path, " \t\"'\\") != NULL;

  if (quote)
    g_string_append_c (text, '"');
  for (const char *p = path; *p != '\0'; p++)
    {
      if (*p == '%')
        g_string_append_c (text, '%');
      else if (*p == '"' || *p == '\\')
        g_string_append_c (text, '\\');
      g_string_append_c (text, *p);
    }
  if (quote)
    g_string_append_c (text, '"');
}

char *
sc_tmpfiles_default (const char *const *paths, guint32 uid, guint32 gid)
{
  GString *text;

  if (*paths == NULL)
    return NULL;
  text = g_string_new (NULL);
  for (const char *const *path = paths; *path != NULL; path++)
    {
      g_string_append (text, "d ");
      append_path (text, *path);
      g_string_append_printf (text, " 0700 %u %u - -\n", uid, gid);
    }
  return g_string_free (text, FALSE);
}

/* -- reading -- */

/* (transfer full) (nullable): the next field of a line, without its quotes; NULL for the end, and for one that we do
 * not read. */
static char *
next_field (const char **at)
{
  g_autoptr (GString) field = g_string_new (NULL);
  const char *p = *at + strspn (*at, " \t");
  char quote = '\0';

  if (*p == '\0')
    return NULL;
  for (; *p != '\0' && (quote != '\0' || (*p != ' ' && *p != '\t')); p++)
    {
      if (quote != '\0' ? *p == quote : (*p == '"' || *p == '\''))
        quote = quote != '\0' ? '\0' : *p;
      else if (*p != '\\')
        g_string_append_c (field, *p);
      else if (p[1] != '\0' && strchr ("\"'\\ ", p[1]) != NULL)
        g_string_append_c (field, *++p);
      else
        return NULL;
    }
  *at = p;
  return quote == '\0' ? g_string_free (g_steal_pointer (&field), FALSE) : NULL;
}

static gboolean
makes_directory (const char *type)
{
  return *type != '\0' && strchr ("dDvqQ", *type) != NULL && strspn (type + 1, "!+-=~^$") == strlen (type + 1);
}

/* (transfer full) (nullable) */
static char *
read_path (const char *text)
{
  g_autoptr (GString) path = g_string_new (NULL);
  g_auto (GStrv) names = g_strsplit (text, "/", -1);

  if (*text != '/' || g_strv_contains ((const char *const *)names, "..") || !g_utf8_validate (text, -1, NULL))
    return NULL;
  for (const char *p = text; *p != '\0'; p++)
    {
      if (g_ascii_iscntrl (*p) || (*p == '%' && *++p != '%'))
        return NULL;
      g_string_append_c (path, *p);
    }
  return sc_config_clean_path (path->str);
}

char **
sc_tmpfiles_directories (const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  g_autoptr (GPtrArray) paths = g_ptr_array_new ();

  for (char **line = lines; *line != NULL; line++)
    {
      const char *at = g_strstrip (*line);
      g_autofree char *type = *at != '#' ? next_field (&at) : NULL;
      g_autofree char *word = type != NULL && makes_directory (type) ? next_field (&at) : NULL;
      char *path = word != NULL ? read_path (word) : NULL;

      if (path != NULL && !g_ptr_array_find_with_equal_func (paths, path, g_str_equal, NULL))
        g_ptr_array_add (paths, path);
      else
        g_free (path);
    }
  g_ptr_array_add (paths, NULL);
  return (char **)g_ptr_array_free (g_steal_pointer (&paths), FALSE);
}
