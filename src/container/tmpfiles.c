/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tmpfiles.d file of an image that brings none, as text.
 *
 * Pure.  A path is written so that systemd-tmpfiles reads back exactly that path: '%' would begin a specifier, and
 * blanks, quotes and backslashes are syntax there.
 */
#include "tmpfiles.h"

#include <string.h>

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
