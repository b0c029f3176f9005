/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The terminal.
 */
#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "fs.h"

#define SECRET_MAX   1024
#define CHOOSE_TRIES 3

gboolean
sc_terminal_can_draw (int fd)
{
  const char *term = g_getenv ("TERM");

  return isatty (fd) && term && *term && strcmp (term, "dumb") != 0;
}

/* Waits until @fd can be read; our signals are blocked, so only @cancellable tells of a Ctrl-C. */
static gboolean
wait_readable (int fd, GCancellable *cancellable, GError **error)
{
  GPollFD polls[2] = { { .fd = fd, .events = G_IO_IN } };
  gboolean cancel = cancellable && g_cancellable_make_pollfd (cancellable, &polls[1]);
  int r;

  do
    r = g_poll (polls, cancel ? 2 : 1, -1);
  while (r < 0 && errno == EINTR);
  if (cancel)
    g_cancellable_release_fd (cancellable);
  return !g_cancellable_set_error_if_cancelled (cancellable, error);
}

/* In the terminal's line mode a read gives a line at most. @what: "password", for messages */
static char *
read_line (int fd, const char *what, GCancellable *cancellable, GError **error)
{
  char line[SECRET_MAX + 1];
  gssize n;
  char *secret;

  if (!wait_readable (fd, cancellable, error))
    return NULL;
  n = read (fd, line, sizeof line);
  if (n < 0)
    return sc_fail_errno_null (error, errno, "terminal");
  if (n == 0)
    return sc_fail_null (error, SC_ERROR_USAGE, "no %s was given", what);
  if (line[n - 1] != '\n')
    {
      explicit_bzero (line, sizeof line);
      return sc_fail_null (error, SC_ERROR_LIMIT, "a %s of more than %d bytes", what, SECRET_MAX);
    }
  secret = g_strndup (line, (gsize)n - 1);
  explicit_bzero (line, sizeof line);
  return secret;
}

char *
sc_terminal_ask_secret (const char *prompt, GCancellable *cancellable, GError **error)
{
  SC_AUTOFD int fd = open ("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  struct termios before, quiet;
  char *secret;

  if (fd < 0 || tcgetattr (fd, &before) != 0)
    return sc_fail_null (error, SC_ERROR_USAGE, "no password was given, and there is no terminal to ask for it");
  quiet = before;
  quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
  quiet.c_lflag |= ICANON;
  if (tcsetattr (fd, TCSAFLUSH, &quiet) != 0)
    return sc_fail_errno_null (error, errno, "terminal");
  secret = sc_fs_write_all (fd, prompt, strlen (prompt), error) ? read_line (fd, "password", cancellable, error) : NULL;
  (void)!tcsetattr (fd, TCSAFLUSH, &before);
  (void)!write (fd, "\n", 1);
  return secret;
}

gboolean
sc_terminal_confirm (const char *question, gboolean *out_yes, GCancellable *cancellable, GError **error)
{
  SC_AUTOFD int fd = open ("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  g_autofree char *prompt = g_strdup_printf ("%s [y/N] ", question);
  g_autofree char *line = NULL;

  if (fd < 0)
    return sc_fail (error, SC_ERROR_DENIED, "there is no terminal to ask on; -y (--assumeyes) answers yes");
  if (!sc_fs_write_all (fd, prompt, strlen (prompt), error)
      || (line = read_line (fd, "answer", cancellable, error)) == NULL)
    return FALSE;
  g_strstrip (line);
  *out_yes = g_ascii_strcasecmp (line, "y") == 0 || g_ascii_strcasecmp (line, "yes") == 0;
  return TRUE;
}

int
sc_terminal_choose (const char *question, const char *const *answers, GCancellable *cancellable, GError **error)
{
  SC_AUTOFD int fd = open ("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  g_autoptr (GString) text = g_string_new (NULL);
  guint n = g_strv_length ((char **)answers);

  if (fd < 0)
    return sc_fail (error, SC_ERROR_USAGE, "there is no terminal to ask on") ? 0 : -1;
  g_string_append_printf (text, "%s\n", question);
  for (guint i = 0; i < n; i++)
    g_string_append_printf (text, "  %u) %s\n", i + 1, answers[i]);
  for (guint try = 0; try < CHOOSE_TRIES; try++)
    {
      g_autofree char *line = NULL;
      guint64 number = 0;

      g_string_append_printf (text, "Number (1-%u): ", n);
      line = sc_fs_write_all (fd, text->str, text->len, error) ? read_line (fd, "answer", cancellable, error) : NULL;
      if (!line)
        return -1;
      if (g_ascii_string_to_unsigned (g_strstrip (line), 10, 1, n, &number, NULL))
        return (int)number - 1;
      g_string_truncate (text, 0);
    }
  return sc_fail (error, SC_ERROR_USAGE, "no answer was chosen") ? 0 : -1;
}
