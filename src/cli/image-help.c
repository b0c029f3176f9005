/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Showing the help of an image.
 *
 * The text is the image's word.  It is formatted by man, which is given it on its standard input, runs in an
 * environment of its own, has a pager that only copies, and a time limit; groff's safe mode, the default, runs no
 * commands for a page.  Pages that want other files read are not given to it.  Whatever comes out is cleaned before it
 * is shown.
 */
#include "image-help.h"

#include <string.h>

#include "image-info.h"
#include "output.h"
#include "subprocess.h"

#define MAN_SECONDS 30
#define TAB_WIDTH   8

char *
sc_image_help_clean (const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  GString *out = g_string_new (NULL);

  for (char **line = lines; *line; line++)
    {
      g_autoptr (GString) plain = g_string_new (NULL);
      g_autofree char *clean = NULL;

      g_strchomp (*line);
      for (const char *p = *line; *p; p++)
        if (*p == '\t')
          g_string_append_printf (plain, "%*s", (int)(TAB_WIDTH - plain->len % TAB_WIDTH), "");
        else
          g_string_append_c (plain, *p);
      clean = sc_output_clean (plain->str);
      if (*clean || line[1])
        g_string_append_printf (out, "%s\n", clean);
    }
  return g_string_free (out, FALSE);
}

/* Appends what a line says but for its escapes; @p begins it. */
static void
strip_escapes (GString *out, const char *p)
{
  for (; *p; p++)
    if (*p != '\\')
      g_string_append_c (out, *p);
    else if (p[1] == 'f' && p[2])
      p += p[2] == '[' ? strcspn (p, "]") - (strchr (p, ']') == NULL) : p[2] == '(' ? MIN (4, strlen (p) - 1) : 2;
    else if (p[1] == '"')
      return;
    else if (p[1] == '&' || p[1] == '/' || p[1] == ',')
      p++;
    else if (p[1] == '-' || p[1] == ' ' || p[1] == '.')
      g_string_append_c (out, *++p);
    else if (p[1] == 'e')
      {
        g_string_append_c (out, '\\');
        p++;
      }
}

char *
sc_image_help_strip_roff (const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  GString *out = g_string_new (NULL);

  for (char **line = lines; *line; line++)
    {
      const char *p = *line;
      gboolean request = *p == '.' || *p == '\'';

      if (request && (g_str_has_prefix (p + 1, "\\\"") || p[1] == '\0'))
        continue;
      if (request)
        {
          gboolean heading = g_str_has_prefix (p + 1, "SH") || g_str_has_prefix (p + 1, "SS");

          p += strcspn (p, " \t");
          p += strspn (p, " \t");
          if (heading || !*p)
            g_string_append_c (out, '\n');
        }
      if (!*p && request)
        continue;
      strip_escapes (out, p);
      if (*p || line[1])
        g_string_append_c (out, '\n');
    }
  return g_string_free (out, FALSE);
}

/* TRUE if the page asks for other files: an image's page stands alone.  (It could still get at some by a detour, but
 * what it shows of them goes to this terminal and nowhere else.) */
static gboolean
wants_files (const char *text)
{
  static const char *const requests[] = { "so", "mso", "cf",   "trf", "open", "opena", "nx",
                                          "rd", "hpf", "psbb", "sy",  "pi",   "pso",   NULL };
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  for (char **line = lines; *line; line++)
    if (**line == '.' || **line == '\'')
      {
        const char *name = *line + 1 + strspn (*line + 1, " \t");
        g_autofree char *request = g_strndup (name, strcspn (name, " \t\r"));

        if (g_strv_contains (requests, request))
          return TRUE;
      }
  return FALSE;
}

/* (transfer full): the page as man shows it, or without the program as well as it goes. */
static char *
format_page (const char *text, GCancellable *cancellable, GError **error)
{
  g_autofree char *man = wants_files (text) ? NULL : g_find_program_in_path ("man");
  const char *const argv[] = { "env",
                               "-i",
                               "PATH=/usr/local/bin:/usr/bin:/bin",
                               "PAGER=cat",
                               "MANPAGER=cat",
                               "LESSSECURE=1",
                               "MANWIDTH=80",
                               "LC_ALL=C.UTF-8",
                               man,
                               "-P",
                               "cat",
                               "-l",
                               "-",
                               NULL };
  g_autoptr (GError) local = NULL;
  char *out = NULL;

  if (man && sc_subprocess_ask (argv, text, MAN_SECONDS, &out, cancellable, &local) && *out)
    return out;
  g_free (out);
  if (g_error_matches (local, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return g_propagate_error (error, g_steal_pointer (&local)), NULL;
  if (local)
    g_debug ("%s", local->message);
  return sc_image_help_strip_roff (text);
}

gboolean
sc_image_help_print (const ScContext *ctx, const char *text, GCancellable *cancellable, GError **error)
{
  g_auto (ScLocalImage) local = { 0 };
  g_autoptr (ScImageConfig) config = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autofree char *help = NULL, *clean = NULL;
  ScHelpForm form;

  if (!sc_local_image_open (ctx, text, &local, cancellable, error))
    return FALSE;
  /* Without a config there are no labels; the files are there all the same. */
  config = sc_image_load_config (local.store, local.image, cancellable, NULL);
  bytes = sc_image_help (local.store, local.image, config ? config->labels : NULL, &form, cancellable, error);
  if (!bytes)
    return FALSE;
  help = g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  if (form == SC_HELP_ROFF)
    {
      char *page = format_page (help, cancellable, error);

      if (!page)
        return FALSE;
      g_free (help);
      help = page;
    }
  clean = sc_image_help_clean (help);
  sc_output_print (clean);
  return TRUE;
}
