/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asking for a secret on a terminal: a pseudo-terminal of ours that a child process has as its own.
 */
#include <pty.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "terminal.h"

/* The child's exit statuses: it tells the outcome and whether the settings were put back. */
enum
{
  GOT_SECRET = 10,
  GOT_NOTHING,
  GOT_TOO_LONG,
  GOT_CANCELLED,
  GOT_OTHER,
  NOT_RESTORED,
};

static void
ask (GCancellable *cancellable)
{
  g_autoptr (GError) error = NULL;
  struct termios before = { 0 }, after = { 0 };
  g_autofree char *secret = NULL;

  tcgetattr (0, &before);
  secret = sc_terminal_ask_secret ("Password: ", cancellable, &error);
  tcgetattr (0, &after);
  if (before.c_lflag != after.c_lflag)
    _exit (NOT_RESTORED);
  if (g_strcmp0 (secret, "pass word") == 0)
    _exit (GOT_SECRET);
  if (g_error_matches (error, SC_ERROR, SC_ERROR_USAGE))
    _exit (GOT_NOTHING);
  if (g_error_matches (error, SC_ERROR, SC_ERROR_LIMIT))
    _exit (GOT_TOO_LONG);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    _exit (GOT_CANCELLED);
  _exit (GOT_OTHER);
}

/* Types @typed once the prompt is there; @out_shown (transfer full): all that the terminal showed. */
static int
session (const char *typed, gboolean cancel, char **out_shown)
{
  GString *shown = g_string_new (NULL);
  int master, status;
  gboolean sent = FALSE;
  pid_t pid = forkpty (&master, NULL, NULL, NULL);

  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    {
      GCancellable *cancellable = g_cancellable_new ();

      if (cancel)
        g_cancellable_cancel (cancellable);
      ask (cancellable);
    }
  for (;;)
    {
      char buffer[256];
      gssize n = read (master, buffer, sizeof buffer);

      if (n <= 0)
        break;
      g_string_append_len (shown, buffer, n);
      if (!sent && strstr (shown->str, "Password: "))
        {
          sent = TRUE;
          g_assert_cmpint (write (master, typed, strlen (typed)), ==, (gssize)strlen (typed));
        }
    }
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  close (master);
  g_assert_true (WIFEXITED (status));
  *out_shown = g_string_free (shown, FALSE);
  return WEXITSTATUS (status);
}

static void
test_ask (void)
{
  g_autofree char *shown = NULL;

  g_assert_cmpint (session ("pass word\n", FALSE, &shown), ==, GOT_SECRET);
  g_assert_null (strstr (shown, "pass"));
}

static void
test_end_of_file (void)
{
  g_autofree char *shown = NULL;

  g_assert_cmpint (session ("\004", FALSE, &shown), ==, GOT_NOTHING);
}

static void
test_too_long (void)
{
  g_autofree char *shown = NULL, *filler = g_strnfill (2000, 'x'), *typed = g_strconcat (filler, "\n", NULL);

  g_assert_cmpint (session (typed, FALSE, &shown), ==, GOT_TOO_LONG);
}

static void
test_cancelled (void)
{
  g_autofree char *shown = NULL;

  g_assert_cmpint (session ("", TRUE, &shown), ==, GOT_CANCELLED);
}

static void
test_no_terminal (void)
{
  int status;
  pid_t pid = fork ();

  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    {
      setsid ();
      ask (NULL);
    }
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, GOT_NOTHING);
}

static void
test_can_draw (void)
{
  int master, slave;

  g_assert_cmpint (openpty (&master, &slave, NULL, NULL, NULL), ==, 0);
  g_setenv ("TERM", "xterm", TRUE);
  g_assert_true (sc_terminal_can_draw (slave));
  g_setenv ("TERM", "dumb", TRUE);
  g_assert_false (sc_terminal_can_draw (slave));
  g_unsetenv ("TERM");
  g_assert_false (sc_terminal_can_draw (slave));
  close (master);
  close (slave);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/terminal/ask", test_ask);
  g_test_add_func ("/terminal/end-of-file", test_end_of_file);
  g_test_add_func ("/terminal/too-long", test_too_long);
  g_test_add_func ("/terminal/cancelled", test_cancelled);
  g_test_add_func ("/terminal/no-terminal", test_no_terminal);
  g_test_add_func ("/terminal/can-draw", test_can_draw);
  return g_test_run ();
}
