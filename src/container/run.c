/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Running and stopping an installed container: its service through systemd, the container itself through its runtime
 * where systemd does not run, and single commands in it.  Owns the temporary bundle of a single command, which goes
 * with the command whatever happens; never changes a deployment.
 */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "checkouts.h"
#include "fs.h"
#include "json.h"
#include "remote.h"
#include "runtime.h"
#include "systemd.h"
#include "tmpfiles-run.h"

#define CONFIG_MAX_SIZE (4 * 1024 * 1024)

/* After SIGTERM, and again after SIGKILL. */
#define STOP_WAIT_SECONDS 10
#define STOP_POLL_MS      100

/* An installed container and what is needed to do something with it. */
typedef struct
{
  const ScContext *ctx;
  const ScProgressSink *sink;
  GCancellable *cancellable;
  ScDeployment *deployment;
  ScSystemd *systemd;
  ScRuntime *runtime; /* (nullable): found when it is needed */
  char *unit;
  char *dir; /* of the deployment, as the host sees it */
} Target;

static void
target_clear (Target *target)
{
  g_clear_pointer (&target->deployment, sc_deployment_free);
  sc_systemd_free (target->systemd);
  sc_runtime_free (target->runtime);
  g_free (target->unit);
  g_free (target->dir);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Target, target_clear)

static gboolean
target_init (Target *target, const char *name, GError **error)
{
  if (!sc_container_name_check (name, error))
    return FALSE;
  target->deployment = sc_deployment_load (target->ctx, name, error);
  if (target->deployment == NULL)
    return FALSE;
  target->systemd = sc_systemd_new (target->ctx, target->cancellable, error);
  if (target->systemd == NULL)
    return FALSE;
  target->unit = g_strconcat (name, ".service", NULL);
  target->dir = sc_deployment_dir (target->ctx, target->deployment);
  return TRUE;
}

static gboolean
target_find_runtime (Target *target, const char *asked, GError **error)
{
  const char *name = target->deployment->name;
  target->runtime = sc_runtime_find (target->ctx, asked != NULL ? asked : target->deployment->runtime, error);
  return target->runtime != NULL || sc_prefix (error, "container %s", name);
}

/* Says @argv as a line that a shell would take. */
static void
say_command (const ScProgressSink *sink, const char *const *argv)
{
  g_autoptr (GString) line = g_string_new (NULL);
  for (; *argv != NULL; argv++)
    {
      gboolean plain = **argv != '\0';
      for (const char *p = *argv; *p != '\0' && plain; p++)
        plain = g_ascii_isalnum (*p) || strchr ("_-./:=@%+,", *p) != NULL;
      g_autofree char *quoted = plain ? g_strdup (*argv) : g_shell_quote (*argv);
      g_string_append_printf (line, "%s%s", line->len > 0 ? " " : "", quoted);
    }
  sc_progress_step (sink, "%s", line->str);
}

/* With a stream that goes elsewhere a terminal in between would only change what passes through. */
static gboolean
on_terminal (void)
{
  return isatty (STDIN_FILENO) && isatty (STDOUT_FILENO);
}

/* (transfer full): config.json of the deployment. */
static JsonNode *
load_config (const Target *target, GError **error)
{
  SC_AUTOFD int root = sc_context_open_root (target->ctx, error);
  if (root < 0)
    return NULL;
  g_autofree char *path = g_build_filename (target->dir, "config.json", NULL);
  SC_AUTOFD int fd = sc_fs_open_in_root (root, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0, error);
  if (fd < 0)
    return NULL;
  g_autoptr (GBytes) text = sc_fs_read_fd (fd, path, CONFIG_MAX_SIZE, error);
  if (text == NULL)
    return NULL;
  gsize size = 0;
  const char *data = g_bytes_get_data (text, &size);
  return sc_json_parse (path, data != NULL ? data : "", size, error);
}

/* /run is volatile, and nothing applied the container's tmpfiles file at this boot where systemd does not run. */
static gboolean
apply_tmpfiles (const Target *target, gboolean display, GError **error)
{
  g_autofree char *file = g_strconcat (target->deployment->name, ".conf", NULL);
  g_autofree char *path = g_build_filename (target->ctx->tmpfiles_dir, file, NULL);
  g_autofree char *here = sc_context_path (target->ctx, path);
  if (!g_file_test (here, G_FILE_TEST_EXISTS))
    return TRUE;
  if (!display)
    return sc_tmpfiles_create (target->ctx, path, target->cancellable, error);
  const char *argv[] = { "systemd-tmpfiles", "--create", path, NULL };
  say_command (target->sink, argv);
  return TRUE;
}

/* -- the service -- */

static gboolean
check_detachable (const Target *target, GError **error)
{
  g_autoptr (JsonNode) config = load_config (target, error);
  JsonObject *object = config != NULL ? sc_json_node_object (config, "config.json", error) : NULL;
  JsonObject *process = NULL;
  gboolean terminal = FALSE;
  if (object == NULL || !sc_json_get_object (object, "config.json", "process", SC_JSON_REQUIRED, &process, error)
      || !sc_json_get_bool (process, "config.json: process", "terminal", SC_JSON_OPTIONAL, &terminal, error))
    return sc_prefix (error, "container %s", target->deployment->name);
  if (terminal)
    return sc_fail (error, SC_ERROR_USAGE, "container '%s' wants a terminal and cannot be detached",
                    target->deployment->name);
  return TRUE;
}

/* Removes what is left of an earlier run; one that is still there is an error. */
static gboolean
clear_stopped (const Target *target, GError **error)
{
  const char *name = target->deployment->name;
  ScRuntimeState state = SC_RUNTIME_STATE_NONE;
  if (!sc_runtime_state (target->runtime, name, &state, NULL, target->cancellable, error))
    return FALSE;
  if (state == SC_RUNTIME_STATE_NONE)
    return TRUE;
  if (state == SC_RUNTIME_STATE_STOPPED)
    return sc_runtime_delete (target->runtime, name, TRUE, target->cancellable, error);
  return sc_fail (error, SC_ERROR_EXISTS, "container '%s' is already running", name);
}

/* The service's container without systemd. */
static gboolean
run_directly (Target *target, const ScRunOptions *options, int *out_status, GError **error)
{
  const char *name = target->deployment->name;
  g_autofree char *bundle = sc_context_path (target->ctx, target->dir);
  /* Its configuration names a path of that system. */
  if (target->deployment->remote != NULL && target->ctx->root != NULL)
    return sc_fail (error, SC_ERROR_UNSUPPORTED, "container '%s': its root is %s, which cannot be run below --root",
                    name, target->deployment->remote);
  if (!target_find_runtime (target, options->runtime, error) || (options->detach && !check_detachable (target, error)))
    return FALSE;
  if (!options->display && !clear_stopped (target, error))
    return FALSE;
  sc_progress_note (target->sink, "systemd is not running: %s is run directly by %s", name, target->runtime->path);
  if (!apply_tmpfiles (target, options->display, error))
    return FALSE;
  if (options->display)
    {
      const char *detached[] = { target->runtime->path, "run", "--detach", "--bundle", bundle, name, NULL };
      const char *attached[] = { target->runtime->path, "run", "--bundle", bundle, name, NULL };
      say_command (target->sink, options->detach ? detached : attached);
      return TRUE;
    }
  if (options->detach)
    return sc_runtime_run_detached (target->runtime, bundle, name, target->cancellable, error);

  gboolean ok = sc_runtime_run (target->runtime, bundle, name, out_status, target->cancellable, error);
  /* The runtime removes the container at its end, unless it had to be killed itself. */
  if (g_cancellable_is_cancelled (target->cancellable))
    ok = sc_runtime_delete (target->runtime, name, TRUE, NULL, ok ? error : NULL) && ok;
  return ok;
}

static gboolean
start_service (Target *target, const ScRunOptions *options, int *out_status, GError **error)
{
  const char *name = target->deployment->name;
  *out_status = 0;
  if (!target->deployment->has_container_service)
    return sc_fail (error, SC_ERROR_UNSUPPORTED, "container '%s' has no service", name);
  if (!sc_systemd_is_running (target->systemd))
    return run_directly (target, options, out_status, error);
  if (options->runtime != NULL)
    return sc_fail (error, SC_ERROR_USAGE, "container '%s': the runtime of its service was set when it was installed",
                    name);
  if (!options->display)
    return sc_systemd_start (target->systemd, target->unit, target->cancellable, error);
  const char *argv[] = { "systemctl", "start", name, NULL };
  say_command (target->sink, argv);
  return TRUE;
}

/* -- one command -- */

/* (transfer full): the deployment's configuration for @args instead of its own program. */
static char *
command_config (const Target *target, const char *const *args, gboolean tty, GError **error)
{
  const char *where = "config.json";
  JsonObject *object = NULL;
  JsonObject *process = NULL;
  JsonObject *root = NULL;
  JsonObject *linux_object = NULL;
  g_autoptr (JsonNode) config = load_config (target, error);
  if (config == NULL || (object = sc_json_node_object (config, where, error)) == NULL
      || !sc_json_get_object (object, where, "process", SC_JSON_REQUIRED, &process, error)
      || !sc_json_get_object (object, where, "root", SC_JSON_REQUIRED, &root, error)
      || !sc_json_get_object (object, where, "linux", SC_JSON_OPTIONAL, &linux_object, error))
    return NULL;

  JsonArray *array = json_array_new ();
  for (; *args != NULL; args++)
    json_array_add_string_element (array, *args);
  json_object_set_array_member (process, "args", array);
  json_object_set_boolean_member (process, "terminal", tty);
  g_autofree char *rootfs = sc_deployment_root_path (target->ctx, target->deployment);
  g_autofree char *here = sc_context_path (target->ctx, rootfs);
  json_object_set_string_member (root, "path", here);
  /* That one is the service's, which may start while the command runs. */
  if (linux_object != NULL)
    json_object_remove_member (linux_object, "cgroupsPath");
  return sc_json_to_text (config, TRUE);
}

/* Runs @bundle, a directory with a config.json, and leaves nothing of the container. */
static gboolean
run_bundle (const Target *target, const char *bundle, const char *id, int *out_status, GError **error)
{
  gboolean ok = sc_runtime_run (target->runtime, bundle, id, out_status, target->cancellable, error);
  /* Not cancellable: it must be gone all the more then. */
  return sc_runtime_delete (target->runtime, id, TRUE, NULL, ok ? error : NULL) && ok;
}

static gboolean
run_one_off (const Target *target, const ScRunOptions *options, int *out_status, GError **error)
{
  const char *checkouts = target->ctx->checkouts;
  g_autofree char *id = g_strdup_printf ("%s-run-%d", target->deployment->name, (int)getpid ());
  g_autofree char *config = command_config (target, options->args, on_terminal (), error);
  if (config == NULL)
    return sc_prefix (error, "container %s", target->deployment->name);
  if (!sc_systemd_is_running (target->systemd) && !apply_tmpfiles (target, options->display, error))
    return FALSE;
  if (options->display)
    {
      g_autofree char *dir = g_strdup_printf ("%s/" SC_CHECKOUTS_RUN "%s", checkouts, id);
      const char *argv[] = { target->runtime->path, "run", "--bundle", dir, id, NULL };
      say_command (target->sink, argv);
      sc_progress_note (target->sink, "the bundle is %s with the command as process.args", target->dir);
      return TRUE;
    }

  SC_AUTOFD int root = sc_context_open_root (target->ctx, error);
  if (root < 0)
    return FALSE;
  SC_AUTOFD int dfd = sc_fs_open_in_root (root, checkouts, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, error);
  if (dfd < 0)
    return FALSE;
  g_autofree char *prefix = g_strconcat (SC_CHECKOUTS_RUN, id, NULL);
  g_autofree char *name = sc_fs_make_temp_dir_at (dfd, prefix, error);
  if (name == NULL)
    return sc_prefix (error, "%s", checkouts);
  /* So that nobody takes it for one of a process that died. */
  SC_AUTOFD int lock = sc_fs_open_dir_at (dfd, name, error);
  if (lock < 0)
    return FALSE;
  if (flock (lock, LOCK_EX | LOCK_NB) != 0)
    return sc_fail_errno (error, errno, "%s/%s: cannot lock", checkouts, name);
  g_autofree char *below = sc_context_path (target->ctx, checkouts);
  g_autofree char *bundle = g_build_filename (below, name, NULL);
  g_autofree char *file = g_build_filename (name, "config.json", NULL);
  gboolean ok = sc_fs_write_file_at (dfd, file, config, strlen (config), 0600, error)
                && run_bundle (target, bundle, id, out_status, error);
  return sc_fs_remove_tree_at (dfd, name, ok ? error : NULL) && ok;
}

static gboolean
run_command (Target *target, const ScRunOptions *options, int *out_status, GError **error)
{
  const char *name = target->deployment->name;
  ScRuntimeState state = SC_RUNTIME_STATE_NONE;
  *out_status = 0;
  if (options->detach)
    return sc_fail (error, SC_ERROR_USAGE, "--detach is for the service of '%s': a command runs in the foreground",
                    name);
  if (!target_find_runtime (target, options->runtime, error)
      || !sc_runtime_state (target->runtime, name, &state, NULL, target->cancellable, error))
    return FALSE;
  if (state != SC_RUNTIME_STATE_RUNNING)
    return run_one_off (target, options, out_status, error);

  gboolean tty = on_terminal ();
  if (!options->display)
    return sc_runtime_exec (target->runtime, name, options->args, tty, out_status, target->cancellable, error);
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_ptr_array_add (argv, target->runtime->path);
  g_ptr_array_add (argv, (gpointer) "exec");
  if (tty)
    g_ptr_array_add (argv, (gpointer) "--tty");
  g_ptr_array_add (argv, (gpointer)name);
  for (const char *const *arg = options->args; *arg != NULL; arg++)
    g_ptr_array_add (argv, (gpointer)*arg);
  g_ptr_array_add (argv, NULL);
  say_command (target->sink, (const char *const *)argv->pdata);
  return TRUE;
}

gboolean
sc_container_run (const ScContext *ctx, const ScRunOptions *options, const ScProgressSink *sink, int *out_status,
                  GCancellable *cancellable, GError **error)
{
  g_auto (Target) target = { .ctx = ctx, .sink = sink, .cancellable = cancellable };
  int status = 0;
  if (!target_init (&target, options->name, error))
    return FALSE;
  /* Better said by us than by the runtime. */
  SC_AUTOFD int root = target.deployment->remote != NULL ? sc_deployment_open_root (ctx, target.deployment, error) : -1;
  if (target.deployment->remote != NULL && root < 0)
    return sc_prefix (error, "container %s", options->name);
  gboolean command = options->args != NULL && options->args[0] != NULL;
  if (!(command ? run_command (&target, options, &status, error) : start_service (&target, options, &status, error)))
    return FALSE;
  *out_status = status;
  return TRUE;
}

/* -- stopping -- */

static gboolean
is_gone (ScRuntimeState state)
{
  return state == SC_RUNTIME_STATE_NONE || state == SC_RUNTIME_STATE_STOPPED;
}

/* Waits for the end of the container; *out_gone: it came in time. */
static gboolean
wait_gone (const Target *target, gboolean *out_gone, GError **error)
{
  gint64 deadline = g_get_monotonic_time () + STOP_WAIT_SECONDS * G_USEC_PER_SEC;
  GPollFD poll_fd = { .fd = -1 };
  gboolean has_fd = g_cancellable_make_pollfd (target->cancellable, &poll_fd);
  gboolean ok = TRUE;
  for (*out_gone = FALSE; ok && !*out_gone && g_get_monotonic_time () < deadline;)
    {
      ScRuntimeState state = SC_RUNTIME_STATE_RUNNING;
      ok = sc_runtime_state (target->runtime, target->deployment->name, &state, NULL, target->cancellable, error);
      *out_gone = ok && is_gone (state);
      if (ok && !*out_gone)
        (void)g_poll (&poll_fd, has_fd ? 1 : 0, STOP_POLL_MS);
    }
  if (has_fd)
    g_cancellable_release_fd (target->cancellable);
  return ok;
}

/* Sends @signal and waits; a container that ends on its own at the same moment is as good. */
static gboolean
kill_and_wait (const Target *target, const char *signal, gboolean *out_gone, GError **error)
{
  const char *name = target->deployment->name;
  g_autoptr (GError) local = NULL;
  ScRuntimeState state = SC_RUNTIME_STATE_RUNNING;
  if (sc_runtime_kill (target->runtime, name, signal, target->cancellable, &local))
    return wait_gone (target, out_gone, error);
  if (!g_error_matches (local, G_IO_ERROR, G_IO_ERROR_CANCELLED)
      && sc_runtime_state (target->runtime, name, &state, NULL, target->cancellable, NULL) && is_gone (state))
    {
      *out_gone = TRUE;
      return TRUE;
    }
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

static gboolean
stop_directly (Target *target, gboolean display, GError **error)
{
  const char *name = target->deployment->name;
  ScRuntimeState state = SC_RUNTIME_STATE_NONE;
  gboolean gone = FALSE;
  if (!target_find_runtime (target, NULL, error)
      || !sc_runtime_state (target->runtime, name, &state, NULL, target->cancellable, error))
    return FALSE;
  if (is_gone (state))
    sc_progress_note (target->sink, "%s is not running", name);
  if (display)
    {
      const char *argv[] = { target->runtime->path, "kill", name, "TERM", NULL };
      if (!is_gone (state))
        say_command (target->sink, argv);
      return TRUE;
    }
  if (!is_gone (state))
    {
      if (!kill_and_wait (target, "TERM", &gone, error) || (!gone && !kill_and_wait (target, "KILL", &gone, error)))
        return FALSE;
      if (!gone)
        return sc_fail (error, SC_ERROR_FAILED, "container '%s' still runs %d seconds after SIGKILL", name,
                        STOP_WAIT_SECONDS);
    }
  return sc_runtime_delete (target->runtime, name, TRUE, target->cancellable, error);
}

gboolean
sc_container_stop (const ScContext *ctx, const char *name, gboolean display, const ScProgressSink *sink,
                   GCancellable *cancellable, GError **error)
{
  g_auto (Target) target = { .ctx = ctx, .sink = sink, .cancellable = cancellable };
  if (!target_init (&target, name, error))
    return FALSE;
  if (!target.deployment->has_container_service)
    return sc_fail (error, SC_ERROR_UNSUPPORTED, "container '%s' has no service", name);
  if (!sc_systemd_is_running (target.systemd))
    return stop_directly (&target, display, error);

  g_autofree char *state = sc_systemd_active_state (target.systemd, target.unit, cancellable, error);
  if (state == NULL)
    return FALSE;
  if (g_str_equal (state, "inactive") || g_str_equal (state, "failed"))
    {
      sc_progress_note (sink, "%s is not running", name);
      return TRUE;
    }
  if (!display)
    return sc_systemd_stop (target.systemd, target.unit, cancellable, error);
  const char *argv[] = { "systemctl", "stop", name, NULL };
  say_command (sink, argv);
  return TRUE;
}
