/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Turns signals into cancellation.  No signal handler runs: the signals stay blocked and a thread takes them.
 */
#include "interrupt.h"

#include <pthread.h>
#include <signal.h>

static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

/* Ends the thread; it has no meaning to anybody else while it is blocked. */
#define SIGNAL_STOP SIGUSR1

struct _ScInterrupt
{
  GCancellable *cancellable;
  sigset_t waited;
  sigset_t before;
  pthread_t thread;
  int first; /* atomic: the first signal, 0 before it */
  int stop;  /* atomic */
};

static void *
wait_for_signals (void *data)
{
  ScInterrupt *interrupt = data;
  int signal;

  while (sigwait (&interrupt->waited, &signal) == 0)
    {
      if (signal != SIGNAL_STOP)
        {
          if (g_atomic_int_compare_and_exchange (&interrupt->first, 0, signal))
            g_cancellable_cancel (interrupt->cancellable);
        }
      else if (g_atomic_int_get (&interrupt->stop))
        break;
    }
  return NULL;
}

ScInterrupt *
sc_interrupt_start (GCancellable *cancellable, GError **error)
{
  ScInterrupt *interrupt = g_new0 (ScInterrupt, 1);
  int r;

  sigemptyset (&interrupt->waited);
  sigaddset (&interrupt->waited, SIGNAL_STOP);
  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    {
      struct sigaction action;

      /* A blocked signal would be taken even though it is ignored. */
      if (sigaction (signals[i], NULL, &action) != 0 || action.sa_handler != SIG_IGN)
        sigaddset (&interrupt->waited, signals[i]);
    }
  interrupt->cancellable = g_object_ref (cancellable);
  r = pthread_sigmask (SIG_BLOCK, &interrupt->waited, &interrupt->before);
  if (r == 0)
    r = pthread_create (&interrupt->thread, NULL, wait_for_signals, interrupt);
  if (r == 0)
    return interrupt;
  (void)!pthread_sigmask (SIG_SETMASK, &interrupt->before, NULL);
  g_object_unref (interrupt->cancellable);
  g_free (interrupt);
  return sc_fail_errno_null (error, r, "cannot wait for signals");
}

int
sc_interrupt_signal (ScInterrupt *interrupt)
{
  return g_atomic_int_get (&interrupt->first);
}

void
sc_interrupt_stop (ScInterrupt *interrupt)
{
  const struct timespec now = { 0 };

  if (!interrupt)
    return;
  g_atomic_int_set (&interrupt->stop, 1);
  pthread_kill (interrupt->thread, SIGNAL_STOP);
  pthread_join (interrupt->thread, NULL);
  /* Those that came while it ended would kill us now. */
  while (sigtimedwait (&interrupt->waited, NULL, &now) > 0)
    ;
  (void)!pthread_sigmask (SIG_SETMASK, &interrupt->before, NULL);
  g_object_unref (interrupt->cancellable);
  g_free (interrupt);
}
