/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making and reading errors.
 *
 * Owns the form of messages: one line of printable UTF-8 of bounded length, whatever hostile text (names in an
 * image, replies of a registry) was put into them, so that every caller may print a message as it is.  Must not
 * print anything itself.
 */
#include "error.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

/* Longer messages are cut: the text of the other side must not fill a terminal. */
#define MAX_MESSAGE 2000

G_DEFINE_QUARK (sc - error - quark, sc_error)

void
sc_close_fd_p (int *fd)
{
  if (*fd < 0)
    return;
  int errsv = errno;
  close (*fd);
  errno = errsv;
  *fd = -1;
}

/* Can a terminal be steered, or a reader fooled, by this character? */
static gboolean
is_unsafe (gunichar c)
{
  switch (g_unichar_type (c))
    {
    case G_UNICODE_CONTROL:
    case G_UNICODE_FORMAT: /* among them the switches of writing direction */
    case G_UNICODE_LINE_SEPARATOR:
    case G_UNICODE_PARAGRAPH_SEPARATOR:
      return TRUE;
    default:
      return FALSE;
    }
}

/* (transfer full): @text as one line; white space becomes a blank, anything else unsafe a '?'. */
static char *
one_line (const char *text)
{
  GString *line = g_string_new (NULL);

  for (const char *p = text; *p;)
    {
      gunichar c = g_utf8_get_char_validated (p, -1);
      gboolean broken = c == (gunichar)-1 || c == (gunichar)-2;

      if (line->len >= MAX_MESSAGE)
        {
          g_string_append (line, "...");
          break;
        }
      if (broken)
        g_string_append_c (line, '?');
      else if (c == '\n' || c == '\t' || c == '\r')
        g_string_append_c (line, ' ');
      else if (is_unsafe (c))
        g_string_append_c (line, '?');
      else
        g_string_append_unichar (line, c);
      p = broken ? p + 1 : g_utf8_next_char (p);
    }
  while (line->len > 0 && line->str[line->len - 1] == ' ')
    g_string_truncate (line, line->len - 1);
  return g_string_free (line, FALSE);
}

G_GNUC_PRINTF (1, 0)
static char *
format_line (const char *format, va_list args)
{
  g_autofree char *text = g_strdup_vprintf (format, args);

  return one_line (text);
}

gboolean
sc_fail (GError **error, ScError code, const char *format, ...)
{
  if (error == NULL)
    return FALSE;

  va_list args;
  va_start (args, format);
  g_autofree char *line = format_line (format, args);
  va_end (args);
  g_set_error_literal (error, SC_ERROR, (int)code, line);
  return FALSE;
}

gboolean
sc_fail_errno (GError **error, int errsv, const char *format, ...)
{
  if (error == NULL)
    return FALSE;

  va_list args;
  va_start (args, format);
  g_autofree char *line = format_line (format, args);
  va_end (args);
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errsv), "%s: %s", line, g_strerror (errsv));
  return FALSE;
}

gboolean
sc_prefix (GError **error, const char *format, ...)
{
  if (error == NULL || *error == NULL)
    return FALSE;

  va_list args;
  va_start (args, format);
  g_autofree char *line = format_line (format, args);
  va_end (args);
  /* The message may come from a library that did not go through sc_fail(). */
  g_autofree char *rest = one_line ((*error)->message);
  gsize length = strlen (line);
  /* Said already: "container x: ..." or "container x has ...". */
  if (g_str_has_prefix (rest, line) && (rest[length] == ':' || rest[length] == ' '))
    return FALSE;
  /* "root /x", and "/x: ..." */
  const char *blank = strrchr (line, ' ');
  const char *object = blank != NULL ? blank + 1 : "";
  const char *tail = rest;
  if (*object != '\0' && g_str_has_prefix (rest, object) && g_str_has_prefix (rest + strlen (object), ": "))
    tail += strlen (object) + strlen (": ");
  g_free ((*error)->message);
  (*error)->message = g_strconcat (line, ": ", tail, NULL);
  return FALSE;
}

int
sc_error_exit_status (const GError *error)
{
  if (g_error_matches (error, SC_ERROR, SC_ERROR_USAGE))
    return 2;
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return 130;
  return 1;
}
