/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Running programs: output, errors, signals, cancelling, and lending a terminal. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "subprocess.h"

typedef struct
{
  char *dir;
  char *ready; /* a child makes this file when it is ready to be cancelled */
} Temp;

static void
temp_setup (Temp *t, gconstpointer data)
{
  t->dir = g_dir_make_tmp ("test-subprocess-XXXXXX", NULL);
  g_assert_nonnull (t->dir);
  t->ready = g_build_filename (t->dir, "ready", NULL);
}

static void
temp_teardown (Temp *t, gconstpointer data)
{
  unlink (t->ready);
  g_assert_cmpint (rmdir (t->dir), ==, 0);
  g_free (t->ready);
  g_free (t->dir);
}

static gboolean
run_shell (const char *script, char **out, GCancellable *cancellable, GError **error)
{
  const char *const argv[] = { "sh", "-c", script, NULL };

  return sc_subprocess_run (argv, NULL, out, cancellable, error);
}

static void
assert_output (const char *script, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *out = NULL;

  g_assert_true (run_shell (script, &out, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (out, ==, expected);
}

static void
test_output (Temp *t, gconstpointer data)
{
  const char *const pwd[] = { "pwd", NULL };
  g_autofree char *out = NULL;
  g_autofree char *expected = g_strconcat (t->dir, "\n", NULL);

  assert_output ("echo out; echo err >&2", "out\n");
  assert_output (":", "");
  assert_output ("cat; readlink /proc/self/fd/0", "/dev/null\n");
  g_assert_true (sc_subprocess_run (pwd, t->dir, &out, NULL, NULL));
  g_assert_cmpstr (out, ==, expected);
  g_assert_true (sc_subprocess_run (pwd, NULL, NULL, NULL, NULL));
}

/* Both streams full at once would block a reader of one after the other; what is wanted is whole or an error. */
static void
test_large_output (Temp *t, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *out = NULL, *limit = NULL, *long_out = NULL;
  const char *script = "head -c 3000000 /dev/zero | tr '\\0' e >&2; echo first; head -c 3000000 /dev/zero |"
                       "tr '\\0' o; head -c 3000000 /dev/zero | tr '\\0' e >&2";
  const char *const argv[] = { "sh", "-c", script, NULL }, *const c[] = { "sh", "-c", "echo $LC_ALL", NULL };
  const char *const environment[] = { "LC_ALL=C", NULL };

  g_assert_false (run_shell (script, &out, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_LIMIT);
  g_assert_cmpstr (error->message, ==, "sh: its output is larger than 1048576 bytes");
  g_assert_null (out);
  g_clear_error (&error);
  g_assert_true (run_shell (script, NULL, NULL, &error));
  g_assert_true (run_shell ("head -c 1048576 /dev/zero | tr '\\0' o", &limit, NULL, &error));
  g_assert_cmpuint (strlen (limit), ==, 1048576);
  g_assert_true (sc_subprocess_read (argv, NULL, 3000006, &long_out, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (strlen (long_out), ==, 3000006);
  g_assert_true (g_str_has_prefix (long_out, "first\noooo"));
  g_assert_false (sc_subprocess_read (argv, NULL, 3000005, &out, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_LIMIT);
  g_clear_error (&error);
  g_assert_true (sc_subprocess_read (c, environment, 10, &out, NULL, &error));
  g_assert_cmpstr (out, ==, "C\n");

  /* Of a long standard error the last line is there all the same. */
  g_assert_false (run_shell ("yes noise | head -c 3000000 >&2; echo the reason >&2; exit 1", NULL, NULL, &error));
  g_assert_cmpstr (error->message, ==, "sh: the reason");
}

static void
test_failures (Temp *t, gconstpointer data)
{
  static const struct
  {
    const char *script;
    const char *expected;
  } rows[] = {
    { "exit 3", "sh: exit status 3" },
    { "echo first >&2; echo '  second  ' >&2; echo >&2; exit 1", "sh: second" },
    { "printf 'no newline' >&2; exit 1", "sh: no newline" },
    { "printf '\\033[31mred\\n' >&2; exit 1", "sh: ?[31mred" },
    { "kill -KILL $$", "sh: killed by signal 9" },
    { "echo why >&2; kill -TERM $$", "sh: killed by signal 15: why" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *out = NULL;

      g_assert_false (run_shell (rows[i].script, &out, NULL, &error));
      g_assert_error (error, SC_ERROR, SC_ERROR_FAILED);
      g_assert_cmpstr (error->message, ==, rows[i].expected);
      g_assert_null (out);
    }
}

static void
test_cannot_start (Temp *t, gconstpointer data)
{
  const char *const absent[] = { "no-such-program-here", NULL };
  const char *const directory[] = { "/", NULL };
  const char *const good[] = { "true", NULL };
  g_autoptr (GError) error = NULL;
  int status = -1;

  g_assert_false (sc_subprocess_run (absent, NULL, NULL, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_UNAVAILABLE);
  g_assert_cmpstr (error->message, ==, "no-such-program-here: no such program");
  g_clear_error (&error);
  g_assert_false (sc_subprocess_run (directory, NULL, NULL, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
  g_clear_error (&error);
  g_assert_false (sc_subprocess_run (good, t->ready, NULL, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, t->ready));
  g_clear_error (&error);
  g_assert_false (sc_subprocess_attach (absent, NULL, &status, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_UNAVAILABLE);
  g_assert_cmpint (status, ==, -1);
}

/* The child gets an empty mask and default signals whatever ours are, and none of our descriptors. */
static void
test_clean_child (Temp *t, gconstpointer data)
{
  sigset_t all, before;
  int leaky = open ("/", O_RDONLY | O_DIRECTORY);

  sigfillset (&all);
  g_assert_cmpint (pthread_sigmask (SIG_BLOCK, &all, &before), ==, 0);
  signal (SIGPIPE, SIG_IGN);
  signal (SIGTERM, SIG_IGN);
  /* Not by sh, which changes both.  Signals 32 and 33 belong to the C library, whose spawn ignores them. */
  const char *const argv[] = { "grep", "-E", "^Sig(Blk:.*[1-9a-f]|Ign:.*[1-9a-f].{0,6}$)", "/proc/self/status", NULL };
  g_autoptr (GError) error = NULL;
  gboolean found = sc_subprocess_run (argv, NULL, NULL, NULL, &error);
  signal (SIGPIPE, SIG_DFL);
  signal (SIGTERM, SIG_DFL);
  g_assert_cmpint (pthread_sigmask (SIG_SETMASK, &before, NULL), ==, 0);
  g_assert_false (found);
  g_assert_cmpstr (error->message, ==, "grep: exit status 1");

  g_autofree char *script = g_strdup_printf ("[ ! -e /proc/self/fd/%d ] && echo closed", leaky);
  assert_output (script, "closed\n");
  close (leaky);
}

/* A program that leaves a daemon behind, which holds the pipes open, has ended all the same. */
static void
test_daemon (Temp *t, gconstpointer data)
{
  g_autofree char *out = NULL;

  g_assert_true (run_shell ("sleep 1000 & echo $!", &out, NULL, NULL));
  pid_t pid = (pid_t)g_ascii_strtoll (out, NULL, 10);
  g_assert_cmpint (pid, >, 1);
  g_assert_cmpint (kill (pid, SIGKILL), ==, 0); /* so it was alive: we did not wait for it */
}

/* --- cancelling --- */

typedef struct
{
  const char *ready;
  GCancellable *cancellable;
} Cancel;

static gpointer
cancel_when_ready (gpointer data)
{
  const Cancel *cancel = data;

  while (!g_file_test (cancel->ready, G_FILE_TEST_EXISTS))
    g_usleep (10000);
  g_cancellable_cancel (cancel->cancellable);
  return NULL;
}

static void
test_cancel (Temp *t, gconstpointer data)
{
  const char *const argv[] = { "sh", "-c", data, t->ready, NULL };
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Cancel cancel = { t->ready, cancellable };
  g_autoptr (GError) error = NULL;
  g_autofree char *out = NULL;
  GThread *thread = g_thread_new ("cancel", cancel_when_ready, &cancel);

  g_assert_false (sc_subprocess_run (argv, NULL, &out, cancellable, &error));
  g_thread_join (thread);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_null (out);
  /* Nothing was left to be reaped. */
  g_assert_cmpint (waitpid (-1, NULL, WNOHANG), ==, -1);
  g_assert_cmpint (errno, ==, ECHILD);
}

static void
test_cancelled_before (Temp *t, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autofree char *script = g_strdup_printf ("touch %s", t->ready);
  const char *const argv[] = { "sh", "-c", script, NULL };
  g_autoptr (GError) error = NULL;
  int status = -1;

  g_cancellable_cancel (cancellable);
  g_assert_false (run_shell (script, NULL, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_false (sc_subprocess_attach (argv, NULL, &status, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_false (g_file_test (t->ready, G_FILE_TEST_EXISTS));
}

/* --- a stream of the output --- */

static GInputStream *
open_shell (const char *script, const char *argument, const char *const *environment)
{
  const char *const argv[] = { "sh", "-c", script, argument, NULL };
  g_autoptr (GError) error = NULL;
  GInputStream *stream = sc_subprocess_open (argv, environment, &error);

  g_assert_no_error (error);
  return stream;
}

/* Reads to the end or to an error: how much. */
static gsize
read_all (GInputStream *stream, char *start, gsize n_start, GCancellable *cancellable, GError **error)
{
  g_autofree char *buffer = g_malloc (65536);
  gsize total = 0;
  gssize n;

  while ((n = g_input_stream_read (stream, buffer, 65536, cancellable, error)) > 0)
    {
      if (total < n_start)
        memcpy (start + total, buffer, MIN ((gsize)n, n_start - total));
      total += (gsize)n;
    }
  g_assert_true (n == 0 || error == NULL || *error != NULL);
  return total;
}

static void
test_stream (Temp *t, gconstpointer data)
{
  const char *const environment[] = { "SC_WORD=a=b c", "PATH=/usr/bin:/bin", NULL };
  g_autoptr (GError) error = NULL;
  g_autoptr (GInputStream) words = open_shell ("printf '%s|' \"$SC_WORD\" \"$PATH\"; echo err >&2", NULL, environment);
  g_autoptr (GInputStream) large = open_shell (
      "yes noise | head -c 3000000 >&2; head -c 9000000 /dev/zero; yes noise | head -c 3000000 >&2", NULL, NULL);
  g_autoptr (GInputStream) missing = NULL;
  const char *const none[] = { "/nonexistent/program", NULL };
  char start[32] = "";

  g_assert_cmpuint (read_all (words, start, sizeof start, NULL, &error), ==, strlen ("a=b c|/usr/bin:/bin|"));
  g_assert_no_error (error);
  g_assert_cmpstr (start, ==, "a=b c|/usr/bin:/bin|");
  g_assert_cmpuint (read_all (large, NULL, 0, NULL, &error), ==, 9000000);
  g_assert_no_error (error);
  missing = sc_subprocess_open (none, NULL, &error);
  g_assert_null (missing);
  g_assert_error (error, SC_ERROR, SC_ERROR_UNAVAILABLE);
}

/* However much came before it, a failure is no end of file. */
static void
test_stream_failures (Temp *t, gconstpointer data)
{
  static const struct
  {
    const char *script;
    gsize size;
    const char *expected;
  } rows[] = {
    { "head -c 500000 /dev/zero; echo why >&2; exit 3", 500000, "sh: why" },
    { "exit 4", 0, "sh: exit status 4" },
    { "echo x; kill -KILL $$", 2, "sh: killed by signal 9" },
    { "exec >&-; exit 5", 0, "sh: exit status 5" },
    { "sleep 1000 & echo $!; exit 6", G_MAXSIZE, "sh: exit status 6" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GInputStream) stream = open_shell (rows[i].script, NULL, NULL);
      char start[32] = "";
      gsize n = read_all (stream, start, sizeof start - 1, NULL, &error);

      g_assert_error (error, SC_ERROR, SC_ERROR_FAILED);
      g_assert_cmpstr (error->message, ==, rows[i].expected);
      if (rows[i].size != G_MAXSIZE)
        g_assert_cmpuint (n, ==, rows[i].size);
      else
        kill ((pid_t)atoi (start), SIGKILL);
    }
}

/* Whoever closes the stream, or lets go of it, has ended the program. */
static void
test_stream_close (Temp *t, gconstpointer data)
{
  for (int i = 0; i < 2; i++)
    {
      GInputStream *stream = open_shell (data, t->ready, NULL);

      while (!g_file_test (t->ready, G_FILE_TEST_EXISTS))
        g_usleep (10000);
      if (i == 0)
        g_assert_true (g_input_stream_close (stream, NULL, NULL));
      g_object_unref (stream);
      g_assert_cmpint (waitpid (-1, NULL, WNOHANG), ==, -1);
      g_assert_cmpint (errno, ==, ECHILD);
      unlink (t->ready);
    }
}

static void
test_stream_cancel (Temp *t, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Cancel cancel = { t->ready, cancellable };
  g_autoptr (GError) error = NULL;
  GInputStream *stream = open_shell ("touch $0; exec sleep 1000", t->ready, NULL);
  GThread *thread = g_thread_new ("cancel", cancel_when_ready, &cancel);

  g_assert_cmpuint (read_all (stream, NULL, 0, cancellable, &error), ==, 0);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_thread_join (thread);
  g_object_unref (stream);
  g_assert_cmpint (waitpid (-1, NULL, WNOHANG), ==, -1);
}

/* --- attaching --- */

static int
attach_shell (const char *script, GCancellable *cancellable)
{
  const char *const argv[] = { "sh", "-c", script, NULL };
  g_autoptr (GError) error = NULL;
  int status = -1;

  g_assert_true (sc_subprocess_attach (argv, NULL, &status, cancellable, &error));
  g_assert_no_error (error);
  return status;
}

static void
test_attach_status (Temp *t, gconstpointer data)
{
  g_assert_cmpint (attach_shell ("exit 0", NULL), ==, 0);
  g_assert_cmpint (attach_shell ("exit 42", NULL), ==, 42);
  g_assert_cmpint (attach_shell ("kill -KILL $$", NULL), ==, 128 + SIGKILL);
}

/* Cancelling asks the program to end, and its own answer is what counts. */
static void
test_attach_cancel (Temp *t, gconstpointer data)
{
  g_autofree char *script = g_strdup_printf ("trap 'exit 9' TERM; touch %s; while :; do sleep 0.05; done", t->ready);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Cancel cancel = { t->ready, cancellable };
  GThread *thread = g_thread_new ("cancel", cancel_when_ready, &cancel);

  g_assert_cmpint (attach_shell (script, cancellable), ==, 9);
  g_thread_join (thread);
}

/* Nothing is started once it is ready: a shell that is stopped within its vfork() does not notice. */
#define TERMINAL_SCRIPT                                                                                                \
  "sleep 1000 & trap 'kill $!; exit 7' INT; trap 'echo resumed' CONT; echo ready; while :; do wait; done"

/* As this program runs it: SIGINT blocked; exits with the program's status, or 99 if SIGINT came to us too. */
static void
be_the_program (void)
{
  const char *const argv[] = { "sh", "-c", TERMINAL_SCRIPT, NULL };
  sigset_t set, pending;
  int status = -1;

  sigemptyset (&set);
  sigaddset (&set, SIGINT);
  sigprocmask (SIG_BLOCK, &set, NULL);
  if (!sc_subprocess_attach (argv, NULL, &status, NULL, NULL))
    _exit (98);
  sigpending (&pending);
  if (sigismember (&pending, SIGINT))
    _exit (99);
  _exit (tcgetpgrp (STDIN_FILENO) == getpgrp () ? status : 97);
}

static void
set_foreground (pid_t group)
{
  signal (SIGTTOU, SIG_IGN);
  if (tcsetpgrp (STDIN_FILENO, group) < 0)
    _exit (96);
  signal (SIGTTOU, SIG_DFL);
}

/* As a shell with job control: starts the program in its own group, continues it when it was stopped. */
static void
be_the_shell (void)
{
  int status;
  pid_t pid = fork ();

  if (pid == 0)
    {
      setpgid (0, 0);
      set_foreground (getpid ());
      be_the_program ();
    }
  setpgid (pid, pid);
  while (waitpid (pid, &status, WUNTRACED) == pid && WIFSTOPPED (status))
    {
      set_foreground (getpgrp ());
      if (write (STDOUT_FILENO, "stopped\n", 8) != 8)
        _exit (95);
      set_foreground (pid);
      kill (-pid, SIGCONT);
    }
  _exit (WIFEXITED (status) ? WEXITSTATUS (status) : 94);
}

/* Reads from the terminal until @word comes. */
static void
expect (int master, GString *seen, const char *word)
{
  char buffer[256];
  const char *at;

  while ((at = strstr (seen->str, word)) == NULL)
    {
      struct pollfd fd = { .fd = master, .events = POLLIN };

      if (poll (&fd, 1, 60000) != 1)
        g_error ("waited for '%s', have '%s'", word, seen->str);
      ssize_t n = read (master, buffer, sizeof buffer);
      if (n <= 0)
        g_error ("terminal closed before '%s', have '%s'", word, seen->str);
      g_string_append_len (seen, buffer, n);
    }
  g_string_erase (seen, 0, at - seen->str + (gssize)strlen (word));
}

static void
type_key (int master, char key)
{
  g_assert_cmpint (write (master, &key, 1), ==, 1);
}

/* Ctrl-C goes to the program and not to us; Ctrl-Z stops both, and both go on. */
static void
test_attach_terminal (Temp *t, gconstpointer data)
{
  g_autoptr (GString) seen = g_string_new (NULL);
  int master, status;
  pid_t pid = forkpty (&master, NULL, NULL, NULL);

  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    be_the_shell ();
  expect (master, seen, "ready");
  type_key (master, 'Z' & 0x1f);
  expect (master, seen, "stopped");
  expect (master, seen, "resumed");
  type_key (master, 'C' & 0x1f);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  close (master);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 7);
}

static gboolean
ask_shell (const char *script, const char *input, guint seconds, char **out, GCancellable *cancellable, GError **error)
{
  const char *const argv[] = { "sh", "-c", script, NULL };

  return sc_subprocess_ask (argv, input, seconds, out, cancellable, error);
}

/* Input to the end, output also of a program that fails. */
static void
test_ask (Temp *t, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *out = NULL, *failed = NULL, *silent = NULL;

  g_assert_true (ask_shell ("tr a-z A-Z", "name\n", 60, &out, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (out, ==, "NAME\n");
  g_assert_false (ask_shell ("cat; echo reason >&2; exit 3", "in", 60, &failed, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_FAILED);
  g_assert_cmpstr (error->message, ==, "sh: reason");
  g_assert_cmpstr (failed, ==, "in");
  g_clear_error (&error);
  /* A program need not read what it is told. */
  g_assert_true (ask_shell (":", "in", 60, &silent, NULL, &error));
  g_assert_cmpstr (silent, ==, "");
}

/* Of more than is kept the end. */
static void
test_tail (Temp *t, gconstpointer data)
{
  const char *const argv[] = { "sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x; echo end; exit 3", NULL };
  g_autofree char *out = NULL;

  g_assert_false (sc_subprocess_tail (argv, 60, &out, NULL, NULL));
  g_assert_true (g_str_has_suffix (out, "xend\n"));
  g_assert_cmpuint (strlen (out), <, 2000000);
}

static void
test_ask_no_answer (Temp *t, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autofree char *out = NULL;

  g_assert_false (ask_shell ("exec sleep 600", "", 1, &out, cancellable, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_FAILED);
  g_assert_cmpstr (error->message, ==, "sh: no answer for 1 seconds");
  g_assert_null (out);
  g_clear_error (&error);
  g_cancellable_cancel (cancellable);
  g_assert_false (ask_shell ("exec sleep 600", "", 60, &out, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

#define ADD(path, data, func) g_test_add (path, Temp, data, temp_setup, func, temp_teardown)

static void
count_end (gpointer count)
{
  ++*(guint *)count;
}

static gboolean
try_shell (const char *script, guint seconds, guint *ended, int *out_status, char **out_line, GError **error)
{
  const char *const argv[] = { "sh", "-c", script, NULL };

  g_clear_pointer (out_line, g_free);
  return sc_subprocess_try (argv, seconds, count_end, ended, out_status, out_line, NULL, error);
}

static void
test_try (Temp *t, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *line = NULL;
  guint ended = 0;
  int status = -1;

  g_assert_true (try_shell ("exit 0", 60, &ended, &status, &line, &error));
  g_assert_cmpint (status, ==, 0);
  g_assert_null (line);
  g_assert_true (try_shell ("echo a; echo b; exit 7", 60, &ended, &status, &line, &error));
  g_assert_cmpint (status, ==, 7);
  g_assert_cmpstr (line, ==, "b");
  g_assert_true (try_shell ("echo reason >&2; echo b; kill -KILL $$", 60, &ended, &status, &line, &error));
  g_assert_cmpint (status, ==, 128 + SIGKILL);
  g_assert_cmpstr (line, ==, "reason");
  g_assert_no_error (error);
  g_assert_cmpuint (ended, ==, 0);
  {
    const char *const argv[] = { "/nowhere/program", NULL };

    g_assert_false (sc_subprocess_try (argv, 60, NULL, NULL, &status, &line, NULL, &error));
    g_assert_error (error, SC_ERROR, SC_ERROR_UNAVAILABLE);
  }
}

/* Its children go with it, also those that do not mind SIGTERM. */
static void
test_try_late (Temp *t, gconstpointer data)
{
  g_autofree char *script = g_strdup_printf ("(trap '' TERM; exec sleep 600) & echo $! > %s; sleep 600", t->ready);
  g_autoptr (GError) error = NULL;
  g_autofree char *line = NULL, *pid = NULL, *cmdline = NULL;
  guint ended = 0;
  int status = -1;

  g_assert_false (try_shell (script, 3, &ended, &status, &line, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_cmpuint (ended, ==, 1);
  g_assert_true (g_file_get_contents (t->ready, &pid, NULL, NULL));
  cmdline = g_strdup_printf ("/proc/%s/cmdline", g_strstrip (pid));
  /* Of one that waits to be reaped it is empty. */
  for (;;)
    {
      g_autofree char *text = NULL;
      gsize size = 0;

      if (!g_file_get_contents (cmdline, &text, &size, NULL) || size == 0)
        break;
      g_usleep (10 * 1000);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  /* Not "/subprocess/...": GLib leaves out tests with that word in their path. */
  ADD ("/programs/output", NULL, test_output);
  ADD ("/programs/large-output", NULL, test_large_output);
  ADD ("/programs/failures", NULL, test_failures);
  ADD ("/programs/cannot-start", NULL, test_cannot_start);
  ADD ("/programs/clean-child", NULL, test_clean_child);
  ADD ("/programs/daemon", NULL, test_daemon);
  ADD ("/programs/cancel", "touch $0; exec sleep 1000", test_cancel);
  ADD ("/programs/cancel-noisy", "touch $0; exec yes", test_cancel);
  ADD ("/programs/cancel-stubborn", "trap '' TERM; touch $0; exec sleep 1000", test_cancel);
  ADD ("/programs/cancel-stopped", "touch $0; kill -STOP $$; exec sleep 1000", test_cancel);
  ADD ("/programs/cancelled-before", NULL, test_cancelled_before);
  ADD ("/programs/stream", NULL, test_stream);
  ADD ("/programs/stream-failures", NULL, test_stream_failures);
  ADD ("/programs/stream-close", "touch $0; exec sleep 1000", test_stream_close);
  ADD ("/programs/stream-close-noisy", "touch $0; exec yes", test_stream_close);
  ADD ("/programs/stream-close-stubborn", "trap '' TERM; touch $0; exec sleep 1000", test_stream_close);
  ADD ("/programs/stream-cancel", NULL, test_stream_cancel);
  ADD ("/programs/attach-status", NULL, test_attach_status);
  ADD ("/programs/attach-cancel", NULL, test_attach_cancel);
  ADD ("/programs/attach-terminal", NULL, test_attach_terminal);
  ADD ("/programs/ask", NULL, test_ask);
  ADD ("/programs/tail", NULL, test_tail);
  ADD ("/programs/ask-no-answer", NULL, test_ask_no_answer);
  ADD ("/programs/try", NULL, test_try);
  ADD ("/programs/try-late", NULL, test_try_late);
  return g_test_run ();
}
