/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signals become a cancel, once; ignored ones stay ignored.
 */
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "interrupt.h"

/* Waits until @cancellable is cancelled; the test's own time limit ends an endless wait. */
static void
wait_cancelled (GCancellable *cancellable)
{
  GPollFD fd;

  g_assert_true (g_cancellable_make_pollfd (cancellable, &fd));
  while (!g_cancellable_is_cancelled (cancellable))
    g_poll (&fd, 1, -1);
  g_cancellable_release_fd (cancellable);
}

static void
test_signal (gconstpointer data)
{
  int number = GPOINTER_TO_INT (data);
  g_autoptr (GError) error = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  ScInterrupt *interrupt = sc_interrupt_start (cancellable, &error);

  g_assert_no_error (error);
  g_assert_nonnull (interrupt);
  g_assert_cmpint (sc_interrupt_signal (interrupt), ==, 0);
  kill (getpid (), number);
  wait_cancelled (cancellable);
  g_assert_cmpint (sc_interrupt_signal (interrupt), ==, number);
  /* More of them change nothing and do not kill. */
  kill (getpid (), SIGINT);
  kill (getpid (), SIGTERM);
  g_assert_cmpint (sc_interrupt_signal (interrupt), ==, number);
  sc_interrupt_stop (interrupt);
}

static void
test_no_signal (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  ScInterrupt *interrupt;
  sigset_t before, after;

  pthread_sigmask (SIG_SETMASK, NULL, &before);
  interrupt = sc_interrupt_start (cancellable, &error);
  g_assert_no_error (error);
  sc_interrupt_stop (interrupt);
  pthread_sigmask (SIG_SETMASK, NULL, &after);
  g_assert_false (g_cancellable_is_cancelled (cancellable));
  g_assert_cmpint (sigismember (&before, SIGINT), ==, sigismember (&after, SIGINT));
  g_assert_cmpint (sigismember (&after, SIGTERM), ==, 0);
}

static void
test_ignored (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  ScInterrupt *interrupt;

  g_assert_true (signal (SIGHUP, SIG_IGN) != SIG_ERR);
  interrupt = sc_interrupt_start (cancellable, &error);
  g_assert_no_error (error);
  kill (getpid (), SIGHUP);
  kill (getpid (), SIGTERM);
  wait_cancelled (cancellable);
  g_assert_cmpint (sc_interrupt_signal (interrupt), ==, SIGTERM);
  sc_interrupt_stop (interrupt);
  g_assert_true (signal (SIGHUP, SIG_DFL) != SIG_ERR);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/interrupt/int", GINT_TO_POINTER (SIGINT), test_signal);
  g_test_add_data_func ("/interrupt/term", GINT_TO_POINTER (SIGTERM), test_signal);
  g_test_add_data_func ("/interrupt/hup", GINT_TO_POINTER (SIGHUP), test_signal);
  g_test_add_func ("/interrupt/no-signal", test_no_signal);
  g_test_add_func ("/interrupt/ignored", test_ignored);
  return g_test_run ();
}
