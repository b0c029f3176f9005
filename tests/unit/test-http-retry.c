/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * http-retry: what a Retry-After says, what may pass, how many tries there are, and that a wait can be cancelled.
 */

#include "http-retry.h"

#define NOW G_GINT64_CONSTANT (1700000000) /* Tue, 14 Nov 2023 22:13:20 GMT */

static void
test_parse (void)
{
  static const struct
  {
    const char *header;
    int seconds;
  } cases[] = {
    { "0", 0 },
    { "1", 1 },
    { " 17 ", 17 },
    { "59", 59 },
    { "60", 60 },
    { "61", SC_RETRY_MAX_WAIT },
    { "99999999999999999999999999", SC_RETRY_MAX_WAIT },
    { "Tue, 14 Nov 2023 22:13:25 GMT", 5 },
    { "Tuesday, 14-Nov-23 22:13:25 GMT", 5 },
    { "Tue Nov 14 22:13:25 2023", 5 },
    { "Tue, 14 Nov 2023 22:13:20 GMT", 0 },
    { "Tue, 14 Nov 2023 22:13:10 GMT", 0 },
    { "Wed, 14 Nov 2096 22:13:10 GMT", SC_RETRY_MAX_WAIT },
    { "", -1 },
    { " ", -1 },
    { "-1", -1 },
    { "1.5", -1 },
    { "0x10", -1 },
    { "soon", -1 },
    { "5 minutes", -1 },
    { "Tue, 14 Nov", -1 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    if (sc_retry_parse_after (cases[i].header, NOW) != cases[i].seconds)
      g_error ("'%s': %d, not %d", cases[i].header, sc_retry_parse_after (cases[i].header, NOW), cases[i].seconds);
}

static void
test_may_pass (void)
{
  static const long passes[] = { 408, 429, 500, 502, 503, 504 };
  static const long final[] = { 400, 401, 403, 404, 410, 416, 418, 451, 501, 505, 511 };
  g_autoptr (GError) unavailable = g_error_new (SC_ERROR, SC_ERROR_UNAVAILABLE, "x");
  g_autoptr (GError) denied = g_error_new (SC_ERROR, SC_ERROR_DENIED, "x");
  ScHttpResponse response = { .reached = TRUE };

  for (gsize i = 0; i < G_N_ELEMENTS (passes); i++)
    {
      response.status = passes[i];
      g_assert_true (sc_retry_status_passes (passes[i]));
      g_assert_true (sc_retry_may_pass (&response, unavailable));
      g_assert_false (sc_retry_may_pass (&response, denied));
    }
  for (gsize i = 0; i < G_N_ELEMENTS (final); i++)
    {
      response.status = final[i];
      g_assert_false (sc_retry_status_passes (final[i]));
      g_assert_false (sc_retry_may_pass (&response, unavailable));
    }
  /* A connection that was lost, before the answer or in its body, and one that never was. */
  response.status = 0;
  g_assert_true (sc_retry_may_pass (&response, unavailable));
  response.status = 200;
  g_assert_true (sc_retry_may_pass (&response, unavailable));
  response = (ScHttpResponse){ 0 };
  g_assert_false (sc_retry_may_pass (&response, unavailable));
}

static void
test_tries (void)
{
  ScHttpResponse response = { .status = 503, .reached = TRUE, .retry_after = (char *)"0" };
  ScRetry retry = { 0 };
  guint again = 0;

  for (;;)
    {
      g_autoptr (GError) failure = g_error_new (SC_ERROR, SC_ERROR_UNAVAILABLE, "busy");

      if (!sc_retry_response (&retry, &response, &failure, NULL))
        {
          g_assert_error (failure, SC_ERROR, SC_ERROR_UNAVAILABLE);
          break;
        }
      g_assert_no_error (failure);
      again++;
    }
  g_assert_cmpuint (again, ==, SC_RETRY_TRIES - 1);
}

static gpointer
cancel_soon (gpointer data)
{
  g_usleep (50 * 1000);
  g_cancellable_cancel (data);
  return NULL;
}

static void
test_cancel (void)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  ScRetry retry = { 0 };
  GThread *thread = g_thread_new ("cancel", cancel_soon, cancellable);

  /* A minute, if it were not cancelled: the harness would not wait for several of them. */
  for (int i = 0; i < 100; i++)
    {
      retry.failures = 0;
      g_clear_error (&error);
      g_assert_false (sc_retry_wait (&retry, "3600", "x", cancellable, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    }
  g_thread_join (thread);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/retry/parse", test_parse);
  g_test_add_func ("/retry/may-pass", test_may_pass);
  g_test_add_func ("/retry/tries", test_tries);
  g_test_add_func ("/retry/cancel", test_cancel);
  return g_test_run ();
}
