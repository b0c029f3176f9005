/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Names that come from outside, made fit to be shown in a message of one line or to be a name in the store.
 * Knows nothing of what the names stand for.
 */

#include "names.h"

#include <string.h>

#define NAME_SHOWN   300
#define LIST_SHOWN   10
#define NAME_FIT_MAX 128

char *
sc_name_escape (const char *text)
{
  g_autoptr (GString) out = g_string_new (NULL);
  const char *p = text;
  gsize left = strlen (text);

  while (left > 0)
    {
      gunichar c = g_utf8_get_char_validated (p, (gssize)left);
      gsize n = 1;

      if (out->len >= NAME_SHOWN)
        {
          g_string_append (out, "...");
          break;
        }
      if (c == (gunichar)-1 || c == (gunichar)-2 || !g_unichar_isprint (c))
        g_string_append_printf (out, "\\x%02X", (guint) * (const guint8 *)p);
      else
        {
          n = (gsize)(g_utf8_next_char (p) - p);
          g_string_append_len (out, p, (gssize)n);
        }
      p += n;
      left -= n;
    }
  return g_string_free (g_steal_pointer (&out), FALSE);
}

char *
sc_name_list (const GPtrArray *names)
{
  GString *out = g_string_new (NULL);

  for (guint i = 0; i < names->len && i < LIST_SHOWN; i++)
    {
      const char *name = g_ptr_array_index (names, i);
      g_autofree char *shown = sc_name_escape (name != NULL ? name : "(no name)");

      g_string_append_printf (out, "%s%s", i > 0 ? ", " : "", shown);
    }
  if (names->len > LIST_SHOWN)
    g_string_append_printf (out, " and %u more", names->len - LIST_SHOWN);
  return g_string_free (out, FALSE);
}

char *
sc_name_from_path (const char *path, const char *tag)
{
  g_autofree char *whole = g_canonicalize_filename (path, NULL);
  g_autofree char *base = g_path_get_basename (whole);
  g_autoptr (GString) out = g_string_new (NULL);
  char separator = 0;

  for (const char *p = base; *p != '\0' && out->len < NAME_FIT_MAX; p++)
    {
      if (g_ascii_isalnum (*p))
        {
          if (separator != 0 && out->len > 0)
            g_string_append_c (out, separator);
          g_string_append_c (out, g_ascii_tolower (*p));
          separator = 0;
        }
      else if (separator == 0 && (*p == '.' || *p == '_'))
        separator = *p;
      else
        separator = '-';
    }
  if (out->len == 0)
    g_string_append (out, "image");
  g_string_append_printf (out, ":%s", tag != NULL ? tag : "latest");
  return g_string_free (g_steal_pointer (&out), FALSE);
}
