/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * container/run and container/container-query where systemd is not running, with real containers of this host's
 * runtimes in a root of their own.
 */
#include <fcntl.h>
#include <gio/gio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "container-query.h"
#include "fs.h"
#include "run.h"
#include "runtime-fixture.h"
#include "runtime.h"

/* Ends at once when asked to. */
#define POLITE "trap 'exit 0' TERM; while :; do sleep 0.1; done"

typedef struct
{
  char *root;
  char *checkouts; /* below the root */
  ScContext ctx;
  char *name; /* of the container, not used elsewhere on this machine */
  GString *steps;
  GString *notes;
  ScProgressSink sink;
  const char *runtime;
} Fixture;

static void
on_progress (const ScProgress *progress, gpointer data)
{
  Fixture *f = data;
  GString *lines = progress->kind == SC_PROGRESS_STEP ? f->steps : f->notes;
  g_assert_true (progress->kind == SC_PROGRESS_STEP || progress->kind == SC_PROGRESS_NOTE);
  g_string_append_printf (lines, "%s\n", progress->text);
}

static void
setup (Fixture *f, gconstpointer data)
{
  static int count;
  f->root = g_dir_make_tmp ("test-run-XXXXXX", NULL);
  g_assert_nonnull (f->root);
  f->ctx.root = f->root;
  f->ctx.checkouts = (char *)"/var/lib/containers/atomic";
  f->ctx.preinstalled = (char *)"/usr/lib/containers/atomic";
  f->ctx.unit_dir = (char *)"/etc/systemd/system";
  f->ctx.tmpfiles_dir = (char *)"/etc/tmpfiles.d";
  f->checkouts = g_build_filename (f->root, f->ctx.checkouts, NULL);
  f->name = g_strdup_printf ("sc-test-%d-%d", (int)getpid (), count++);
  f->steps = g_string_new (NULL);
  f->notes = g_string_new (NULL);
  f->sink = (ScProgressSink){ .func = on_progress, .data = f };
  f->runtime = data;
}

static void
teardown (Fixture *f, gconstpointer data)
{
  g_assert_true (sc_fs_remove_tree_at (AT_FDCWD, f->root, NULL));
  g_free (f->root);
  g_free (f->checkouts);
  g_free (f->name);
  g_string_free (f->steps, TRUE);
  g_string_free (f->notes, TRUE);
}

/* Makes the deployment of @f->name, whose program is the shell text @text. */
static void
deploy (Fixture *f, const char *text, const char *info)
{
  g_autofree char *target = g_strconcat (f->name, ".0", NULL);
  g_autofree char *link = g_build_filename (f->checkouts, f->name, NULL);
  g_autofree char *dir = fixture_make_bundle (f->checkouts, target, text);
  fixture_write_file (dir, "info", info, 0644);
  g_assert_cmpint (symlink (target, link), ==, 0);
}

/* With the runtime of the test case; FALSE after a skip. */
static gboolean
deploy_real (Fixture *f, const char *text)
{
  g_autoptr (ScRuntime) runtime = NULL;
  ScContext here = { 0 };
  if (!g_file_test (BUSYBOX, G_FILE_TEST_IS_EXECUTABLE))
    g_test_skip ("no static busybox here");
  else if (!fixture_own_namespace ())
    g_test_skip ("containers need root and a mount namespace");
  else if ((runtime = sc_runtime_find (&here, f->runtime, NULL)) == NULL)
    g_test_skip ("the runtime is not installed");
  if (runtime == NULL)
    return FALSE;
  g_autofree char *info = g_strdup_printf ("{\"image\":\"x\",\"runtime\":\"%s\"}", runtime->path);
  deploy (f, text, info);
  return TRUE;
}

static gboolean
run (Fixture *f, const char *const *args, gboolean detach, int *out_status, GError **error)
{
  ScRunOptions options = { .name = f->name, .args = args, .detach = detach };
  return sc_container_run (&f->ctx, &options, &f->sink, out_status, NULL, error);
}

static void
assert_status (Fixture *f, const char *text, int expected)
{
  g_autoptr (GError) error = NULL;
  const char *args[] = { "/bin/sh", "-c", text, NULL };
  int status = -1;
  gboolean ok = run (f, args, FALSE, &status, &error);
  g_assert_no_error (error);
  g_assert_true (ok);
  g_assert_cmpint (status, ==, expected);
}

static void
start_detached (Fixture *f)
{
  g_autoptr (GError) error = NULL;
  int status = -1;
  gboolean ok = run (f, NULL, TRUE, &status, &error);
  g_assert_no_error (error);
  g_assert_true (ok);
  g_assert_cmpint (status, ==, 0);
}

static void
stop (Fixture *f)
{
  g_autoptr (GError) error = NULL;
  gboolean ok = sc_container_stop (&f->ctx, f->name, FALSE, &f->sink, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (ok);
}

static void
assert_listed (Fixture *f, const char *state, gboolean running)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) list = sc_container_list (&f->ctx, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (list->len, ==, 1);
  const ScContainer *container = g_ptr_array_index (list, 0);
  g_assert_cmpstr (container->deployment->name, ==, f->name);
  g_assert_cmpstr (container->state, ==, state);
  g_assert_true (container->running == running);
}

/* Nothing but the deployment is in the checkouts, and the runtime knows of no container. */
static void
assert_clean (Fixture *f)
{
  g_autoptr (ScRuntime) runtime = sc_runtime_find (&f->ctx, f->runtime, NULL);
  g_assert_nonnull (runtime);
  g_auto (GStrv) names = sc_fs_list_dir_at (AT_FDCWD, f->checkouts, NULL);
  g_assert_nonnull (names);
  g_assert_cmpuint (g_strv_length (names), ==, 2);
  g_autofree char *state_dir = g_build_filename ("/run", f->runtime, NULL);
  g_auto (GStrv) states = sc_fs_list_dir_at (AT_FDCWD, state_dir, NULL);
  g_assert_true (states == NULL || g_strv_length (states) == 0);
}

/* -- with real containers -- */

static void
test_command (Fixture *f, gconstpointer data)
{
  if (!deploy_real (f, POLITE))
    return;
  assert_listed (f, "inactive", FALSE);
  assert_status (f, "exit 5", 5);
  assert_status (f, "[ $$ = 1 ]", 0); /* a container of its own */
  assert_status (f, "kill -9 $$; exit 3", 3);
  assert_clean (f);

  start_detached (f);
  assert_listed (f, "running", TRUE);
  assert_status (f, "[ $$ != 1 ] && kill -0 1", 0); /* in that one */
  stop (f);
  assert_listed (f, "inactive", FALSE);
  assert_clean (f);
}

static void
test_service (Fixture *f, gconstpointer data)
{
  if (!deploy_real (f, POLITE))
    return;
  g_autoptr (GError) error = NULL;
  int status = -1;
  fixture_write_file (f->root, "etc/tmpfiles.d/unrelated.conf", "d /var/unrelated 0755 - - -\n", 0644);
  start_detached (f);
  g_autofree char *note = g_strdup_printf ("systemd is not running: %s is run directly by ", f->name);
  g_assert_true (g_str_has_prefix (f->notes->str, note));
  g_assert_cmpuint (f->steps->len, ==, 0);
  g_assert_false (run (f, NULL, TRUE, &status, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_EXISTS);
  g_assert_nonnull (strstr (error->message, "is already running"));
  g_assert_cmpint (status, ==, -1);

  stop (f);
  assert_clean (f);
  g_string_truncate (f->notes, 0);
  stop (f);
  g_autofree char *stopped = g_strdup_printf ("%s is not running\n", f->name);
  g_assert_cmpstr (f->notes->str, ==, stopped);
  while (waitpid (-1, NULL, WNOHANG) > 0)
    ;
}

static void
test_foreground (Fixture *f, gconstpointer data)
{
  if (!deploy_real (f, "exit 9"))
    return;
  g_autoptr (GError) error = NULL;
  int status = -1;
  g_autofree char *conf = g_strdup_printf ("etc/tmpfiles.d/%s.conf", f->name);
  g_autofree char *made = g_build_filename (f->root, "var/made", NULL);
  fixture_write_file (f->root, conf, "d /var/made 0750 0 0 -\n", 0644);
  gboolean ok = run (f, NULL, FALSE, &status, &error);
  g_assert_no_error (error);
  g_assert_true (ok);
  g_assert_cmpint (status, ==, 9);
  g_assert_true (g_file_test (made, G_FILE_TEST_IS_DIR));
  assert_clean (f);
}

/* One that ended in another way leaves its state with the runtime. */
static void
test_stale (Fixture *f, gconstpointer data)
{
  if (!deploy_real (f, POLITE))
    return;
  g_autoptr (ScRuntime) runtime = sc_runtime_find (&f->ctx, f->runtime, NULL);
  g_assert_nonnull (runtime);
  start_detached (f);
  ScRuntimeState state = SC_RUNTIME_STATE_NONE;
  int pid = 0;
  g_assert_true (sc_runtime_state (runtime, f->name, &state, &pid, NULL, NULL));
  g_assert_cmpint (pid, >, 1);
  g_assert_cmpint (kill (pid, SIGKILL), ==, 0);
  /* It becomes our child when the runtime's own processes have ended, maybe a moment from now. */
  for (int i = 0; i < 1000 && waitpid (pid, NULL, 0) != pid && kill (pid, 0) == 0; i++)
    g_usleep (10 * 1000);
  g_assert_cmpint (kill (pid, 0), ==, -1);
  assert_listed (f, "inactive", FALSE);
  start_detached (f);
  assert_listed (f, "running", TRUE);
  stop (f);
  assert_clean (f);
}

/* A first process without a handler for SIGTERM does not notice it. */
static void
test_deaf (Fixture *f, gconstpointer data)
{
  if (!deploy_real (f, "sleep 1000; :"))
    return;
  start_detached (f);
  stop (f);
  assert_listed (f, "inactive", FALSE);
  assert_clean (f);
}

static gpointer
cancel_soon (gpointer data)
{
  g_usleep (500 * 1000);
  g_cancellable_cancel (data);
  return NULL;
}

static void
test_cancel (Fixture *f, gconstpointer data)
{
  if (!deploy_real (f, POLITE))
    return;
  g_autoptr (GError) error = NULL;
  const char *args[] = { "/bin/sh", "-c", POLITE, NULL };
  for (int command = 0; command < 2; command++)
    {
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      ScRunOptions options = { .name = f->name, .args = command ? args : NULL };
      int status = -1;
      GThread *thread = g_thread_new ("cancel", cancel_soon, cancellable);
      if (!sc_container_run (&f->ctx, &options, &f->sink, &status, cancellable, &error))
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      g_clear_error (&error);
      g_thread_join (thread);
      assert_clean (f);
    }
}

/* A command that cannot be started fails and leaves nothing. */
static void
test_bad_command (Fixture *f, gconstpointer data)
{
  if (!deploy_real (f, POLITE))
    return;
  g_autoptr (GError) error = NULL;
  const char *args[] = { "/bin/nosuch", NULL };
  int status = 0;
  gboolean ok = run (f, args, FALSE, &status, &error);
  g_assert_no_error (error);
  g_assert_true (ok);
  g_assert_cmpint (status, !=, 0);
  assert_clean (f);
}

/* -- without -- */

#define PRETENDED "#!/bin/sh\necho 'container does not exist' >&2\nexit 1\n"

static void
assert_refused (Fixture *f, const char *const *args, gboolean detach, ScError code, const char *says)
{
  g_autoptr (GError) error = NULL;
  int status = -1;
  g_assert_false (run (f, args, detach, &status, &error));
  g_assert_error (error, SC_ERROR, (int)code);
  g_assert_nonnull (strstr (error->message, says));
  g_assert_cmpint (status, ==, -1);
}

static void
test_refused (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  const char *args[] = { "true", NULL };
  g_autofree char *missing = g_strdup_printf ("no container '%s'", f->name);
  assert_refused (f, NULL, FALSE, SC_ERROR_NOT_FOUND, missing);
  assert_refused (f, args, FALSE, SC_ERROR_NOT_FOUND, missing);
  g_assert_false (sc_container_stop (&f->ctx, f->name, FALSE, NULL, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_false (sc_container_stop (&f->ctx, "../x", FALSE, NULL, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_USAGE);
  g_clear_error (&error);

  deploy (f, "exit 0", "{\"image\":\"x\",\"runtime\":\"/usr/bin/runc\",\"has-container-service\":false}");
  fixture_write_file (f->root, "usr/bin/runc", PRETENDED, 0755);
  assert_refused (f, NULL, FALSE, SC_ERROR_UNSUPPORTED, "has no service");
  assert_refused (f, args, TRUE, SC_ERROR_USAGE, "--detach");
  g_assert_false (sc_container_stop (&f->ctx, f->name, FALSE, NULL, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_UNSUPPORTED);
  assert_listed (f, "no service", FALSE);
}

static void
test_terminal (Fixture *f, gconstpointer data)
{
  deploy (f, "exit 0", "{\"image\":\"x\",\"runtime\":\"/usr/bin/runc\"}");
  fixture_write_file (f->root, "usr/bin/runc", PRETENDED, 0755);
  g_autofree char *config = g_build_filename (f->name, "config.json", NULL);
  fixture_write_file (f->checkouts, config, "{\"process\":{\"terminal\":true}}", 0644);
  assert_refused (f, NULL, TRUE, SC_ERROR_USAGE, "wants a terminal and cannot be detached");
  fixture_write_file (f->checkouts, config, "{\"process\":[]}", 0644);
  assert_refused (f, NULL, TRUE, SC_ERROR_INVALID, "process");
}

/* Says everything, does nothing. */
static void
test_display (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  const char *args[] = { "echo", "it's", NULL };
  int status = -1;
  deploy (f, "exit 0", "{\"image\":\"x\",\"runtime\":\"/usr/bin/runc\"}");
  fixture_write_file (f->root, "usr/bin/runc", "#!/bin/sh\n[ $1 = state ] && echo '{\"status\":\"running\"}'\n", 0755);
  g_autofree char *conf = g_strdup_printf ("etc/tmpfiles.d/%s.conf", f->name);
  fixture_write_file (f->root, conf, "d /var/made 0750 0 0 -\n", 0644);

  ScRunOptions options = { .name = f->name, .display = TRUE, .detach = TRUE };
  g_assert_true (sc_container_run (&f->ctx, &options, &f->sink, &status, NULL, &error));
  g_assert_no_error (error);
  g_autofree char *direct = g_strdup_printf ("systemd-tmpfiles --create /etc/tmpfiles.d/%s.conf\n"
                                             "/usr/bin/runc run --detach --bundle %s/%s.0 %s\n",
                                             f->name, f->checkouts, f->name, f->name);
  g_assert_cmpstr (f->steps->str, ==, direct);
  g_autofree char *made = g_build_filename (f->root, "var/made", NULL);
  g_assert_false (g_file_test (made, G_FILE_TEST_EXISTS));

  g_string_truncate (f->steps, 0);
  options.args = args;
  options.detach = FALSE;
  g_assert_true (sc_container_run (&f->ctx, &options, &f->sink, &status, NULL, &error));
  g_assert_true (sc_container_stop (&f->ctx, f->name, TRUE, &f->sink, NULL, &error));
  g_assert_no_error (error);
  g_autofree char *in_it =
      g_strdup_printf ("/usr/bin/runc exec %s echo 'it'\\''s'\n/usr/bin/runc kill %s TERM\n", f->name, f->name);
  g_assert_cmpstr (f->steps->str, ==, in_it);

  g_string_truncate (f->steps, 0);
  fixture_write_file (f->root, "usr/bin/runc", PRETENDED, 0755);
  g_assert_true (sc_container_run (&f->ctx, &options, &f->sink, &status, NULL, &error));
  g_assert_no_error (error);
  g_assert_nonnull (strstr (f->steps->str, "\n/usr/bin/runc run --bundle "));
  g_auto (GStrv) names = sc_fs_list_dir_at (AT_FDCWD, f->checkouts, NULL);
  g_assert_cmpuint (g_strv_length (names), ==, 2);
}

static void
keep_text (const ScProgress *progress, gpointer data)
{
  char **told = data;

  g_free (*told);
  *told = g_strdup (progress->text);
}

static void
test_list (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) none = sc_container_list (&f->ctx, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (none->len, ==, 0);

  /* A runtime that is gone runs nothing; one that cannot tell hides nothing. */
  deploy (f, "exit 0", "{\"image\":\"x\",\"runtime\":\"/opt/sc-test/gone\"}");
  assert_listed (f, "inactive", FALSE);
  fixture_write_file (f->root, "opt/sc-test/gone", "#!/bin/sh\necho 'disk on fire' >&2\nexit 1\n", 0755);
  assert_listed (f, "unknown", FALSE);

  g_autofree char *told = NULL;
  const ScProgressSink sink = { keep_text, &told };
  g_autoptr (GPtrArray) list = sc_container_list (&f->ctx, &sink, NULL, &error);
  g_assert_nonnull (list);
  g_assert_nonnull (strstr (told, f->name));
  g_assert_nonnull (strstr (told, "disk on fire"));
}

int
main (int argc, char **argv)
{
  static const char *const runtimes[] = { "runc", "crun" };
  static const struct
  {
    const char *name;
    void (*func) (Fixture *f, gconstpointer data);
  } tests[] = {
    { "command", test_command },
    { "service", test_service },
    { "foreground", test_foreground },
    { "stale", test_stale },
    { "deaf", test_deaf },
    { "cancel", test_cancel },
    { "bad-command", test_bad_command },
  };
  g_test_init (&argc, &argv, NULL);
  for (gsize r = 0; r < G_N_ELEMENTS (runtimes); r++)
    for (gsize i = 0; i < G_N_ELEMENTS (tests); i++)
      {
        g_autofree char *path = g_strdup_printf ("/run/%s/%s", runtimes[r], tests[i].name);
        g_test_add (path, Fixture, runtimes[r], setup, tests[i].func, teardown);
      }
  g_test_add ("/run/refused", Fixture, "runc", setup, test_refused, teardown);
  g_test_add ("/run/terminal", Fixture, "runc", setup, test_terminal, teardown);
  g_test_add ("/run/display", Fixture, "runc", setup, test_display, teardown);
  g_test_add ("/run/list", Fixture, "runc", setup, test_list, teardown);
  return g_test_run ();
}
