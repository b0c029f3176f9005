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

static void
choose (GCancellable *cancellable)
{
  static const char *const answers[] = { "one", "two", "three", NULL };
  g_autoptr (GError) error = NULL;
  int index = sc_terminal_choose ("Which?", answers, cancellable, &error);

  if (index >= 0)
    _exit (index);
  if (g_error_matches (error, SC_ERROR, SC_ERROR_USAGE))
    _exit (GOT_NOTHING);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    _exit (GOT_CANCELLED);
  _exit (GOT_OTHER);
}

static void
confirm (GCancellable *cancellable)
{
  g_autoptr (GError) error = NULL;
  gboolean yes = 2;

  if (sc_terminal_confirm ("Sure?", &yes, cancellable, &error))
    _exit (yes);
  if (g_error_matches (error, SC_ERROR, SC_ERROR_DENIED) && strstr (error->message, "--assumeyes"))
    _exit (GOT_NOTHING);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    _exit (GOT_CANCELLED);
  _exit (GOT_OTHER);
}

/* Types @typed when the terminal shows @prompt; @out_shown (transfer full): all that it showed. */
static int
session (void (*child) (GCancellable *cancellable), const char *prompt, const char *typed, gboolean cancel,
         char **out_shown)
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
      child (cancellable);
    }
  for (;;)
    {
      char buffer[256];
      gssize n = read (master, buffer, sizeof buffer);

      if (n <= 0)
        break;
      g_string_append_len (shown, buffer, n);
      if (!sent && strstr (shown->str, prompt))
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

  g_assert_cmpint (session (ask, "Password: ", "pass word\n", FALSE, &shown), ==, GOT_SECRET);
  g_assert_null (strstr (shown, "pass"));
}

static void
test_end_of_file (void)
{
  g_autofree char *shown = NULL;

  g_assert_cmpint (session (ask, "Password: ", "\004", FALSE, &shown), ==, GOT_NOTHING);
}

static void
test_too_long (void)
{
  g_autofree char *shown = NULL, *filler = g_strnfill (2000, 'x'), *typed = g_strconcat (filler, "\n", NULL);

  g_assert_cmpint (session (ask, "Password: ", typed, FALSE, &shown), ==, GOT_TOO_LONG);
}

static void
test_cancelled (void)
{
  g_autofree char *shown = NULL;

  g_assert_cmpint (session (ask, "Password: ", "", TRUE, &shown), ==, GOT_CANCELLED);
}

static void
test_no_terminal (void)
{
  static void (*const questions[]) (GCancellable *) = { ask, confirm };

  for (guint i = 0; i < G_N_ELEMENTS (questions); i++)
    {
      int status;
      pid_t pid = fork ();

      g_assert_cmpint (pid, >=, 0);
      if (pid == 0)
        {
          setsid ();
          questions[i](NULL);
        }
      g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
      g_assert_true (WIFEXITED (status));
      g_assert_cmpint (WEXITSTATUS (status), ==, GOT_NOTHING);
    }
}

static void
test_confirm (void)
{
  static const struct
  {
    const char *typed;
    int status;
  } cases[] = { { "y\n", TRUE }, { " YES \n", TRUE },  { "n\n", FALSE },
                { "\n", FALSE }, { "yesno\n", FALSE }, { "\004", GOT_OTHER } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *shown = NULL;

      g_assert_cmpint (session (confirm, "Sure? [y/N] ", cases[i].typed, FALSE, &shown), ==, cases[i].status);
    }
}

static void
test_choose (void)
{
  g_autofree char *first = NULL, *last = NULL, *third = NULL, *never = NULL, *ended = NULL, *cancelled = NULL;

  g_assert_cmpint (session (choose, "(1-3): ", "1\n", FALSE, &first), ==, 0);
  g_assert_nonnull (strstr (first, "Which?\r\n  1) one\r\n  2) two\r\n  3) three\r\nNumber (1-3): "));
  g_assert_cmpint (session (choose, "(1-3): ", " 3 \n", FALSE, &last), ==, 2);
  g_assert_cmpint (session (choose, "(1-3): ", "0\nx\n2\n", FALSE, &third), ==, 1);
  g_assert_cmpint (session (choose, "(1-3): ", "4\n-1\n\n1\n", FALSE, &never), ==, GOT_NOTHING);
  g_assert_cmpint (session (choose, "(1-3): ", "\004", FALSE, &ended), ==, GOT_NOTHING);
  g_assert_cmpint (session (choose, "(1-3): ", "", TRUE, &cancelled), ==, GOT_CANCELLED);
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
  g_test_add_func ("/terminal/choose", test_choose);
  g_test_add_func ("/terminal/confirm", test_confirm);
  g_test_add_func ("/terminal/can-draw", test_can_draw);
  return g_test_run ();
}
