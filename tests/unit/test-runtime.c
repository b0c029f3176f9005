/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/runtime: which program is taken, what is made of the answers of one that misbehaves (a shell script), and real
 * containers with the runtimes of this host.
 */
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs.h"
#include "runtime-fixture.h"
#include "runtime.h"

typedef struct
{
  char *root;
  ScContext ctx;
} Fixture;

static void
setup (Fixture *f, gconstpointer data)
{
  f->root = g_dir_make_tmp ("test-runtime-XXXXXX", NULL);
  g_assert_nonnull (f->root);
  f->ctx.root = f->root;
}

static void
teardown (Fixture *f, gconstpointer data)
{
  g_assert_true (sc_fs_remove_tree_at (AT_FDCWD, f->root, NULL));
  g_free (f->root);
}

/* -- finding -- */

/* @exec is relative to the root, or absolute for a program of this host. */
static void
assert_found (Fixture *f, const char *asked, const char *name, const char *path, const char *exec)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ScRuntime) runtime = sc_runtime_find (&f->ctx, asked, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (runtime->klass->name, ==, name);
  g_assert_cmpstr (runtime->path, ==, path);
  g_autofree char *expected = exec[0] == '/' ? g_strdup (exec) : g_build_filename (f->root, exec, NULL);
  g_assert_cmpstr (runtime->exec, ==, expected);
}

static void
assert_not_found (Fixture *f, const char *asked)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *says = g_strdup_printf ("runtime '%s' is not there", asked);
  g_assert_null (sc_runtime_find (&f->ctx, asked, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_NOT_FOUND);
  g_assert_cmpstr (error->message, ==, says);
}

static void
test_find (Fixture *f, gconstpointer data)
{
  fixture_write_file (f->root, "usr/local/bin/crun", "#!/bin/sh\n", 0755);
  fixture_write_file (f->root, "opt/own-runtime", "#!/bin/sh\n", 0755);
  fixture_write_file (f->root, "opt/plain", "text", 0644);
  fixture_write_file (f->root, "opt/crun", "#!/bin/sh\n", 0755);
  assert_found (f, "crun", "crun", "/usr/local/bin/crun", "usr/local/bin/crun");
  assert_found (f, "/usr/local/bin/crun", "crun", "/usr/local/bin/crun", "usr/local/bin/crun");
  assert_found (f, "/opt/own-runtime", "runc", "/opt/own-runtime", "opt/own-runtime");
  assert_found (f, "/opt/crun", "crun", "/opt/crun", "opt/crun");
  assert_not_found (f, "/opt/plain");
  assert_not_found (f, "/opt");
  assert_not_found (f, "/opt/nosuch");
  assert_not_found (f, "own-runtime");
  assert_not_found (f, "opt/crun");
  assert_not_found (f, "");

  /* The root's crun comes before this host's runc. */
  assert_found (f, NULL, "crun", "/usr/local/bin/crun", "usr/local/bin/crun");
  /* runc comes before crun, and an earlier directory before a later one. */
  fixture_write_file (f->root, "usr/sbin/runc", "#!/bin/sh\n", 0755);
  assert_found (f, NULL, "runc", "/usr/sbin/runc", "usr/sbin/runc");
  fixture_write_file (f->root, "usr/bin/runc", "#!/bin/sh\n", 0755);
  assert_found (f, NULL, "runc", "/usr/bin/runc", "usr/bin/runc");
  /* The context's comes before both, and what is asked for before that. */
  f->ctx.runtime = (char *)"crun";
  assert_found (f, NULL, "crun", "/usr/local/bin/crun", "usr/local/bin/crun");
  assert_found (f, "runc", "runc", "/usr/bin/runc", "usr/bin/runc");
  f->ctx.runtime = (char *)"/opt/nosuch";
  g_autoptr (GError) error = NULL;
  g_assert_null (sc_runtime_find (&f->ctx, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_NOT_FOUND);
}

/* Links are those of the root, also absolute ones. */
static void
test_find_link (Fixture *f, gconstpointer data)
{
  fixture_write_file (f->root, "opt/sc-test/real", "#!/bin/sh\n", 0755);
  fixture_write_file (f->root, "usr/bin/other", "", 0644);
  g_autofree char *link = g_build_filename (f->root, "usr/bin/runc", NULL);
  g_assert_cmpint (symlink ("/opt/sc-test/real", link), ==, 0);
  assert_found (f, "/usr/bin/runc", "runc", "/usr/bin/runc", "opt/sc-test/real");
}

static void
test_find_on_host (Fixture *f, gconstpointer data)
{
  g_autofree char *host = g_find_program_in_path ("sh");
  g_assert_nonnull (host);
  /* The root has none: this host's, by the same path. */
  g_autoptr (GError) error = NULL;
  g_autoptr (ScRuntime) runtime = sc_runtime_find (&f->ctx, host, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (runtime->path, ==, host);
  g_assert_true (g_file_test (runtime->exec, G_FILE_TEST_IS_EXECUTABLE));
  g_assert_false (g_str_has_prefix (runtime->exec, f->root));
  /* Without a root the path is run as it was given. */
  ScContext here = { 0 };
  g_autoptr (ScRuntime) direct = sc_runtime_find (&here, host, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (direct->exec, ==, host);
}

/* -- a runtime that misbehaves -- */

static const char script[] =
    "#!/bin/sh\n"
    "echo \"$@\" >> \"$(dirname \"$0\")/calls\"\n"
    "verb=$1; shift\n"
    "case \"$verb $1\" in\n"
    "'state running') echo '{\"status\":\"running\",\"bundle\":\"/b/running.1\",\"pid\":'$PPID'}' ;;\n"
    "'state paused') echo '{\"status\":\"paused\",\"pid\":1}' ;;\n"
    "'state created') echo '{\"status\":\"created\",\"pid\":1}' ;;\n"
    "'state stopped') echo '{\"status\":\"stopped\",\"bundle\":\"/b\",\"pid\":1}' ;;\n"
    "'state no-pid') echo '{\"status\":\"running\"}' ;;\n"
    "'state odd') echo '{\"status\":\"levitating\"}' ;;\n"
    "'state number') echo '{\"status\":1}' ;;\n"
    "'state huge') echo '{\"status\":\"running\",\"pid\":4294967297}' ;;\n"
    "'state text') echo 'up and running' ;;\n"
    "'state empty') ;;\n"
    "'state broken') echo 'time=\"now\" level=error msg=\"cannot read \\\"x\\\"\"' >&2; exit 1 ;;\n"
    "'state '*) echo 'time=\"now\" level=error msg=\"container does not exist\"' >&2; exit 1 ;;\n"
    "'delete --force') ;;\n"
    "'delete running') echo 'is running' >&2; exit 1 ;;\n"
    "'delete '*) echo 'cannot' >&2; exit 1 ;;\n"
    "'kill none') echo 'no such thing' >&2; exit 1 ;;\n"
    "'exec running') exit 42 ;;\n"
    "esac\n";

static ScRuntime *
fake_runtime (Fixture *f)
{
  g_autoptr (GError) error = NULL;
  fixture_write_file (f->root, "usr/bin/runc", script, 0755);
  ScRuntime *runtime = sc_runtime_find (&f->ctx, "runc", &error);
  g_assert_no_error (error);
  return runtime;
}

static void
test_state (Fixture *f, gconstpointer data)
{
  static const struct
  {
    const char *id;
    ScRuntimeState state;
    int pid; /* -1: ours */
  } valid[] = {
    { "running", SC_RUNTIME_STATE_RUNNING, -1 }, { "paused", SC_RUNTIME_STATE_RUNNING, 1 },
    { "created", SC_RUNTIME_STATE_CREATED, 1 },  { "stopped", SC_RUNTIME_STATE_STOPPED, 0 },
    { "no-pid", SC_RUNTIME_STATE_RUNNING, 0 },   { "none", SC_RUNTIME_STATE_NONE, 0 },
  };
  g_autoptr (ScRuntime) runtime = fake_runtime (f);
  for (gsize i = 0; i < G_N_ELEMENTS (valid); i++)
    {
      g_autoptr (GError) error = NULL;
      ScRuntimeState state = 99;
      int pid = -2;
      gboolean ok = sc_runtime_state (runtime, valid[i].id, &state, &pid, NULL, &error);
      g_assert_no_error (error);
      g_assert_true (ok);
      g_assert_cmpint (state, ==, valid[i].state);
      g_assert_cmpint (pid, ==, valid[i].pid == -1 ? getpid () : valid[i].pid);
    }
}

static void
test_bundle (Fixture *f, gconstpointer data)
{
  static const struct
  {
    const char *id, *bundle;
  } cases[] = { { "running", "/b/running.1" }, { "stopped", NULL }, { "no-pid", NULL }, { "none", NULL } };
  g_autoptr (ScRuntime) runtime = fake_runtime (f);
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *bundle = NULL;
      gboolean ok = sc_runtime_bundle (runtime, cases[i].id, &bundle, NULL, &error);
      g_assert_no_error (error);
      g_assert_true (ok);
      g_assert_cmpstr (bundle, ==, cases[i].bundle);
    }
  g_autoptr (GError) error = NULL;
  char *none = NULL;
  g_assert_false (sc_runtime_bundle (runtime, "text", &none, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
}

static void
test_state_should_fail (Fixture *f, gconstpointer data)
{
  static const struct
  {
    const char *id;
    ScError code;
    const char *says;
  } bad[] = {
    { "odd", SC_ERROR_INVALID, "runc state odd: unknown status 'levitating'" },
    { "number", SC_ERROR_INVALID, "runc state number" },
    { "huge", SC_ERROR_INVALID, "runc state huge: pid 4294967297 is out of range" },
    { "text", SC_ERROR_INVALID, "runc state text" },
    { "empty", SC_ERROR_INVALID, "runc state empty" },
    { "broken", SC_ERROR_FAILED, "cannot read \"x\"" },
  };
  g_autoptr (ScRuntime) runtime = fake_runtime (f);
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      ScRuntimeState state = 99;
      g_assert_false (sc_runtime_state (runtime, bad[i].id, &state, NULL, NULL, &error));
      g_assert_error (error, SC_ERROR, (int)bad[i].code);
      g_assert_nonnull (strstr (error->message, bad[i].says));
      g_assert_null (strstr (error->message, "level="));
      g_assert_cmpint (state, ==, 99);
    }

  /* A program that went away is not a container that is not there. */
  g_autoptr (GError) error = NULL;
  ScRuntimeState state = 99;
  g_assert_cmpint (unlink (runtime->exec), ==, 0);
  g_assert_false (sc_runtime_state (runtime, "none", &state, NULL, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_UNAVAILABLE);
}

static void
test_commands (Fixture *f, gconstpointer data)
{
  g_autoptr (ScRuntime) runtime = fake_runtime (f);
  g_autoptr (GError) error = NULL;
  const char *args[] = { "ls", "-l", NULL };
  int status = -1;
  g_assert_true (sc_runtime_exec (runtime, "running", args, FALSE, &status, NULL, &error));
  g_assert_cmpint (status, ==, 42);
  g_assert_true (sc_runtime_exec (runtime, "running", args, TRUE, &status, NULL, &error));
  g_assert_true (sc_runtime_run (runtime, "/b", "x", &status, NULL, &error));
  g_assert_cmpint (status, ==, 0);
  g_assert_true (sc_runtime_run_detached (runtime, "/b", "x", NULL, &error));
  g_assert_true (sc_runtime_kill (runtime, "running", "TERM", NULL, &error));
  g_assert_true (sc_runtime_delete (runtime, "x", TRUE, NULL, &error));
  g_assert_true (sc_runtime_delete (runtime, "none", FALSE, NULL, &error)); /* fails, but there is none */
  g_assert_no_error (error);

  g_assert_false (sc_runtime_delete (runtime, "running", FALSE, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_FAILED);
  g_assert_true (g_str_has_prefix (error->message, "container running: "));
  g_clear_error (&error);
  g_assert_false (sc_runtime_kill (runtime, "none", "KILL", NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "no such thing"));

  g_autofree char *path = g_build_filename (f->root, "usr/bin/calls", NULL);
  g_autofree char *calls = NULL;
  g_assert_true (g_file_get_contents (path, &calls, NULL, NULL));
  g_auto (GStrv) lines = g_strsplit (calls, "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), >, 6);
  g_assert_cmpstr (lines[0], ==, "exec running ls -l");
  g_assert_cmpstr (lines[1], ==, "exec --tty running ls -l");
  g_assert_cmpstr (lines[2], ==, "run --bundle /b x");
  g_assert_true (g_str_has_prefix (lines[3], "--log "));
  g_assert_true (g_str_has_suffix (lines[3], " --log-format json run --detach --bundle /b x"));
  g_assert_cmpstr (lines[4], ==, "kill running TERM");
  g_assert_cmpstr (lines[5], ==, "delete --force x");
  g_assert_cmpstr (lines[6], ==, "delete none");
}

static void
test_cancelled (Fixture *f, gconstpointer data)
{
  g_autoptr (ScRuntime) runtime = fake_runtime (f);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  ScRuntimeState state = 99;
  int status = -1;
  g_cancellable_cancel (cancellable);
  g_assert_false (sc_runtime_state (runtime, "none", &state, NULL, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_false (sc_runtime_run (runtime, "/b", "x", &status, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_false (sc_runtime_run_detached (runtime, "/b", "x", cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

/* -- real containers -- */

/* (nullable): NULL after a skip. */
static ScRuntime *
real_runtime (const char *name)
{
  ScContext here = { 0 };
  ScRuntime *runtime = NULL;
  if (!g_file_test (BUSYBOX, G_FILE_TEST_IS_EXECUTABLE))
    g_test_skip ("no static busybox here");
  else if (!fixture_own_namespace ())
    g_test_skip ("containers need root and a mount namespace");
  else if ((runtime = sc_runtime_find (&here, name, NULL)) == NULL)
    g_test_skip ("the runtime is not installed");
  return runtime;
}

static void
assert_container (const ScRuntime *runtime, const char *id, ScRuntimeState expected, gboolean expect_pid)
{
  g_autoptr (GError) error = NULL;
  ScRuntimeState state = 99;
  int pid = -1;
  gboolean ok = sc_runtime_state (runtime, id, &state, &pid, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (ok);
  g_assert_cmpint (state, ==, expected);
  g_assert_true ((pid > 0) == expect_pid);
}

/* Waits until the container has ended; it is not reaped. */
static void
wait_stopped (const ScRuntime *runtime, const char *id)
{
  ScRuntimeState state = SC_RUNTIME_STATE_RUNNING;
  for (int i = 0; i < 600 && state == SC_RUNTIME_STATE_RUNNING; i++)
    {
      g_assert_true (sc_runtime_state (runtime, id, &state, NULL, NULL, NULL));
      g_usleep (50 * 1000);
    }
  g_assert_cmpint (state, ==, SC_RUNTIME_STATE_STOPPED);
}

static void
test_real (Fixture *f, gconstpointer data)
{
  g_autoptr (ScRuntime) runtime = real_runtime (data);
  if (runtime == NULL)
    return;
  g_autoptr (GError) error = NULL;
  g_autofree char *id = g_strdup_printf ("sc-test-%d", (int)getpid ());
  g_autofree char *bundle = fixture_make_bundle (f->root, "long", "trap 'exit 0' TERM; while :; do sleep 0.1; done");
  const char *args[] = { "/bin/sh", "-c", "exit 5", NULL };
  int status = -1;

  assert_container (runtime, id, SC_RUNTIME_STATE_NONE, FALSE);
  g_assert_true (sc_runtime_delete (runtime, id, TRUE, NULL, &error));
  g_assert_true (sc_runtime_delete (runtime, id, FALSE, NULL, &error));
  g_assert_no_error (error);

  gboolean ok = sc_runtime_run_detached (runtime, bundle, id, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (ok);
  assert_container (runtime, id, SC_RUNTIME_STATE_RUNNING, TRUE);
  g_assert_true (sc_runtime_exec (runtime, id, args, FALSE, &status, NULL, &error));
  g_assert_cmpint (status, ==, 5);
  g_assert_false (sc_runtime_run_detached (runtime, bundle, id, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "exists"));
  g_assert_null (strchr (error->message, '\n'));
  g_clear_error (&error);
  g_assert_false (sc_runtime_delete (runtime, id, FALSE, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_FAILED);
  g_clear_error (&error);

  g_assert_true (sc_runtime_kill (runtime, id, "TERM", NULL, &error));
  wait_stopped (runtime, id);
  assert_container (runtime, id, SC_RUNTIME_STATE_STOPPED, FALSE);
  g_assert_true (sc_runtime_delete (runtime, id, TRUE, NULL, &error));
  g_assert_no_error (error);
  assert_container (runtime, id, SC_RUNTIME_STATE_NONE, FALSE);
  while (waitpid (-1, NULL, WNOHANG) > 0)
    ;
}

static void
test_real_foreground (Fixture *f, gconstpointer data)
{
  g_autoptr (ScRuntime) runtime = real_runtime (data);
  if (runtime == NULL)
    return;
  g_autoptr (GError) error = NULL;
  g_autofree char *id = g_strdup_printf ("sc-test-%d", (int)getpid ());
  g_autofree char *bundle = fixture_make_bundle (f->root, "short", "exit 7");
  g_autofree char *broken = fixture_make_bundle (f->root, "broken", "exit 0");
  int status = -1;
  gboolean ok = sc_runtime_run (runtime, bundle, id, &status, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (ok);
  g_assert_cmpint (status, ==, 7);
  assert_container (runtime, id, SC_RUNTIME_STATE_NONE, FALSE);

  g_autofree char *sh = g_build_filename (broken, "rootfs/bin/sh", NULL);
  g_assert_cmpint (unlink (sh), ==, 0);
  g_assert_false (sc_runtime_run_detached (runtime, broken, id, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "/bin/sh"));
  g_assert_null (strchr (error->message, '\n'));
  assert_container (runtime, id, SC_RUNTIME_STATE_NONE, FALSE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(path, data, func) g_test_add (path, Fixture, data, setup, func, teardown)
  ADD ("/runtime/find", NULL, test_find);
  ADD ("/runtime/find/link", NULL, test_find_link);
  ADD ("/runtime/find/on-host", NULL, test_find_on_host);
  ADD ("/runtime/state", NULL, test_state);
  ADD ("/runtime/bundle", NULL, test_bundle);
  ADD ("/runtime/state/should-fail", NULL, test_state_should_fail);
  ADD ("/runtime/commands", NULL, test_commands);
  ADD ("/runtime/cancelled", NULL, test_cancelled);
  ADD ("/runtime/runc", "runc", test_real);
  ADD ("/runtime/runc/foreground", "runc", test_real_foreground);
  ADD ("/runtime/crun", "crun", test_real);
  ADD ("/runtime/crun/foreground", "crun", test_real_foreground);
  return g_test_run ();
}
