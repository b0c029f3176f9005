/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The OCI runtimes of the host.  Owns where they are and their command lines; knows nothing of deployments or units.
 * A runtime is always run as a program, and its own idea of which containers exist is asked each time: nothing is
 * remembered here.
 */
#include "runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fs.h"
#include "json.h"
#include "subprocess.h"

#define LOG_MAX_SIZE (1024 * 1024)

static const char *const runc_candidates[] = { "/usr/bin/runc",       "/usr/sbin/runc",       "/bin/runc", "/sbin/runc",
                                               "/usr/local/bin/runc", "/usr/local/sbin/runc", NULL };
static const char *const crun_candidates[] = { "/usr/bin/crun",       "/usr/sbin/crun",       "/bin/crun", "/sbin/crun",
                                               "/usr/local/bin/crun", "/usr/local/sbin/crun", NULL };

static const ScRuntimeClass runtimes[] = {
  { .name = "runc", .candidates = runc_candidates, .unknown = "does not exist" },
  { .name = "crun", .candidates = crun_candidates, .unknown = "/status`: No such file or directory" },
};

static const ScRuntimeClass *
class_by_name (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (runtimes); i++)
    if (g_str_equal (name, runtimes[i].name))
      return &runtimes[i];
  return NULL;
}

/* -- finding -- */

/* (transfer full): the executable file that @path is below @root, as a path to run; NULL if there is none. Links are
 * taken from @root, so that one of a foreign tree does not lead to a program of this host. */
static char *
executable_at (int root, const char *path)
{
  struct stat st;
  SC_AUTOFD int fd = sc_fs_open_in_root (root, path, O_PATH | O_CLOEXEC, 0, NULL);
  if (fd < 0 || fstat (fd, &st) < 0 || !S_ISREG (st.st_mode) || (st.st_mode & 0111) == 0)
    return NULL;
  g_autofree char *link = g_strdup_printf ("/proc/self/fd/%d", fd);
  return g_file_read_link (link, NULL);
}

/* The runtime @path of @place; NULL if it is not there. */
static ScRuntime *
runtime_at (const ScContext *ctx, int place, const ScRuntimeClass *klass, const char *path)
{
  g_autofree char *exec = executable_at (place, path);
  if (exec == NULL)
    return NULL;
  ScRuntime *runtime = g_new0 (ScRuntime, 1);
  runtime->klass = klass;
  runtime->path = g_strdup (path);
  /* Without a root the name that was asked for is run: some programs choose what they are by it. */
  runtime->exec = ctx->root != NULL ? g_steal_pointer (&exec) : g_strdup (path);
  return runtime;
}

static ScRuntime *
class_at (const ScContext *ctx, int place, const ScRuntimeClass *klass)
{
  ScRuntime *runtime = NULL;
  for (const char *const *path = klass->candidates; *path != NULL && runtime == NULL; path++)
    runtime = runtime_at (ctx, place, klass, *path);
  return runtime;
}

/* What @asked means in @place; NULL: the first of all. */
static ScRuntime *
find_at (const ScContext *ctx, int place, const char *asked)
{
  ScRuntime *runtime = NULL;
  if (asked == NULL)
    {
      for (gsize i = 0; i < G_N_ELEMENTS (runtimes) && runtime == NULL; i++)
        runtime = class_at (ctx, place, &runtimes[i]);
      return runtime;
    }
  g_autofree char *base = g_path_get_basename (asked);
  const ScRuntimeClass *klass = class_by_name (base);
  if (g_path_is_absolute (asked))
    return runtime_at (ctx, place, klass != NULL ? klass : &runtimes[0], asked);
  if (klass != NULL && g_str_equal (base, asked))
    return class_at (ctx, place, klass);
  return NULL;
}

ScRuntime *
sc_runtime_find (const ScContext *ctx, const char *asked, GError **error)
{
  SC_AUTOFD int root = sc_context_open_root (ctx, error);
  if (root < 0)
    return NULL;
  if (asked == NULL)
    asked = ctx->runtime;

  ScRuntime *runtime = find_at (ctx, root, asked);
  if (runtime == NULL && ctx->root != NULL)
    {
      SC_AUTOFD int host = open ("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
      if (host < 0)
        return sc_fail_errno_null (error, errno, "/");
      runtime = find_at (ctx, host, asked);
    }
  if (runtime == NULL && asked == NULL)
    return sc_fail_null (error, SC_ERROR_NOT_FOUND, "no OCI runtime found: install runc or crun");
  if (runtime == NULL)
    return sc_fail_null (error, SC_ERROR_NOT_FOUND, "runtime '%s' is not there", asked);
  return runtime;
}

void
sc_runtime_free (ScRuntime *runtime)
{
  if (runtime == NULL)
    return;
  g_free (runtime->path);
  g_free (runtime->exec);
  g_free (runtime);
}

/* -- running -- */

void
sc_runtime_tidy_error (GError **error)
{
  char *end = NULL;
  char *begin = strstr ((*error)->message, "time=\"");
  char *msg = begin != NULL ? strstr (begin, " msg=\"") : NULL;
  if (msg == NULL || (end = strrchr (msg + 6, '"')) == NULL)
    return;
  g_autofree char *escaped = g_strndup (msg + 6, (gsize)(end - msg - 6));
  g_autofree char *text = g_strcompress (escaped);
  g_strdelimit (text, "\n", ' ');
  *begin = '\0';
  char *message = g_strconcat ((*error)->message, text, NULL);
  g_free ((*error)->message);
  (*error)->message = message;
}

static gboolean
run_captured (const char *const *argv, char **out_stdout, GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) local = NULL;
  if (sc_subprocess_run (argv, NULL, out_stdout, cancellable, &local))
    return TRUE;
  sc_runtime_tidy_error (&local);
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

/* Has @pid ended, and only waits to be reaped? */
static gboolean
is_zombie (gint64 pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%" G_GINT64_FORMAT "/stat", pid);
  g_autofree char *text = NULL;
  if (!g_file_get_contents (path, &text, NULL, NULL))
    return FALSE;
  const char *name_end = strrchr (text, ')'); /* the name may hold anything */
  return name_end != NULL && (g_str_has_prefix (name_end, ") Z") || g_str_has_prefix (name_end, ") X"));
}

static gboolean
parse_state (const char *what, const char *text, ScRuntimeState *out_state, int *out_pid, char **out_bundle,
             GError **error)
{
  JsonObject *object = NULL;
  const char *status = NULL;
  const char *bundle = NULL;
  gint64 pid = 0;
  g_autoptr (JsonNode) node = sc_json_parse (what, text, strlen (text), error);
  if (node == NULL || (object = sc_json_node_object (node, what, error)) == NULL
      || !sc_json_get_string (object, what, "status", SC_JSON_REQUIRED, &status, error)
      || !sc_json_get_int (object, what, "pid", SC_JSON_OPTIONAL, &pid, error)
      || !sc_json_get_string (object, what, "bundle", SC_JSON_OPTIONAL, &bundle, error))
    return FALSE;
  if (pid < 0 || pid > G_MAXINT)
    return sc_fail (error, SC_ERROR_INVALID, "%s: pid %" G_GINT64_FORMAT " is out of range", what, pid);

  if (g_str_equal (status, "creating") || g_str_equal (status, "created"))
    *out_state = SC_RUNTIME_STATE_CREATED;
  else if (g_str_equal (status, "running") || g_str_equal (status, "paused") || g_str_equal (status, "pausing"))
    *out_state = pid > 0 && is_zombie (pid) ? SC_RUNTIME_STATE_STOPPED : SC_RUNTIME_STATE_RUNNING;
  else if (g_str_equal (status, "stopped"))
    *out_state = SC_RUNTIME_STATE_STOPPED;
  else
    return sc_fail (error, SC_ERROR_INVALID, "%s: unknown status '%s'", what, status);
  if (out_pid != NULL)
    *out_pid = *out_state == SC_RUNTIME_STATE_STOPPED ? 0 : (int)pid;
  if (out_bundle != NULL)
    *out_bundle = *out_state == SC_RUNTIME_STATE_RUNNING ? g_strdup (bundle) : NULL;
  return TRUE;
}

static gboolean
query_state (const ScRuntime *runtime, const char *id, ScRuntimeState *out_state, int *out_pid, char **out_bundle,
             guint seconds, GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autofree char *text = NULL;
  g_autofree char *what = g_strdup_printf ("%s state %s", runtime->klass->name, id);
  const char *argv[] = { runtime->exec, "state", id, NULL };
  gboolean ok = seconds > 0 ? sc_subprocess_ask (argv, "", seconds, &text, cancellable, &local)
                            : run_captured (argv, &text, cancellable, &local);
  if (ok)
    return parse_state (what, text, out_state, out_pid, out_bundle, error);
  if (g_error_matches (local, SC_ERROR, SC_ERROR_FAILED) && strstr (local->message, runtime->klass->unknown) != NULL)
    {
      *out_state = SC_RUNTIME_STATE_NONE;
      if (out_pid != NULL)
        *out_pid = 0;
      if (out_bundle != NULL)
        *out_bundle = NULL;
      return TRUE;
    }
  g_propagate_error (error, g_steal_pointer (&local));
  return sc_prefix (error, "container %s", id);
}

gboolean
sc_runtime_state (const ScRuntime *runtime, const char *id, ScRuntimeState *out_state, int *out_pid,
                  GCancellable *cancellable, GError **error)
{
  return query_state (runtime, id, out_state, out_pid, NULL, 0, cancellable, error);
}

int
sc_runtime_init_soon (const ScRuntime *runtime, const char *id, guint seconds)
{
  ScRuntimeState state = SC_RUNTIME_STATE_NONE;
  int pid = 0;

  return query_state (runtime, id, &state, &pid, NULL, seconds, NULL, NULL) ? pid : 0;
}

gboolean
sc_runtime_bundle (const ScRuntime *runtime, const char *id, char **out_bundle, GCancellable *cancellable,
                   GError **error)
{
  ScRuntimeState state = SC_RUNTIME_STATE_NONE;

  return query_state (runtime, id, &state, NULL, out_bundle, 0, cancellable, error);
}

gboolean
sc_runtime_run (const ScRuntime *runtime, const char *bundle, const char *id, int *out_status,
                GCancellable *cancellable, GError **error)
{
  const char *argv[] = { runtime->exec, "run", "--bundle", bundle, id, NULL };
  return sc_subprocess_attach (argv, NULL, out_status, cancellable, error);
}

/* (transfer full) (nullable): the last message of a log in JSON lines; hostile only as far as the runtime is. */
static char *
last_log_message (int fd)
{
  g_autofree char *message = NULL;
  g_autoptr (GBytes) log = sc_fs_read_fd (fd, "log", LOG_MAX_SIZE, NULL);
  if (log == NULL)
    return NULL;
  g_autofree char *text = g_strndup (g_bytes_get_data (log, NULL), g_bytes_get_size (log));
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    {
      const char *msg = NULL;
      JsonObject *object = NULL;
      g_autoptr (JsonNode) node = **line != '\0' ? sc_json_parse ("log", *line, strlen (*line), NULL) : NULL;
      if (node == NULL || (object = sc_json_node_object (node, "log", NULL)) == NULL
          || !sc_json_get_string (object, "log", "msg", SC_JSON_REQUIRED, &msg, NULL))
        continue;
      g_free (message);
      message = g_strdelimit (g_strdup (msg), "\n", ' ');
    }
  return g_steal_pointer (&message);
}

gboolean
sc_runtime_run_detached (const ScRuntime *runtime, const char *bundle, const char *id, GCancellable *cancellable,
                         GError **error)
{
  g_autoptr (GError) local = NULL;
  SC_AUTOFD int fd = memfd_create ("runtime-log", MFD_CLOEXEC);
  if (fd < 0)
    return sc_fail_errno (error, errno, "container %s: log", id);
  g_autofree char *log = g_strdup_printf ("/proc/%d/fd/%d", (int)getpid (), fd);

  /* The container inherits the runtime's streams and outlives it, so they must not be pipes to us; what went wrong
   * comes by way of the log. */
  const char *argv[] = { "/bin/sh",
                         "-c",
                         "exec \"$0\" \"$@\" </dev/null >/dev/null 2>&1",
                         runtime->exec,
                         "--log",
                         log,
                         "--log-format",
                         "json",
                         "run",
                         "--detach",
                         "--bundle",
                         bundle,
                         id,
                         NULL };
  gboolean ok = sc_subprocess_run (argv, NULL, NULL, cancellable, &local);
  g_autofree char *message = ok ? NULL : last_log_message (fd);
  if (ok)
    return TRUE;
  if (g_error_matches (local, SC_ERROR, SC_ERROR_FAILED))
    return sc_fail (error, SC_ERROR_FAILED, "container %s: %s run: %s", id, runtime->klass->name,
                    message != NULL ? message : local->message);
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

gboolean
sc_runtime_exec (const ScRuntime *runtime, const char *id, const char *const *args, gboolean tty, int *out_status,
                 GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_ptr_array_add (argv, runtime->exec);
  g_ptr_array_add (argv, (gpointer) "exec");
  if (tty)
    g_ptr_array_add (argv, (gpointer) "--tty");
  g_ptr_array_add (argv, (gpointer)id);
  for (; *args != NULL; args++)
    g_ptr_array_add (argv, (gpointer)*args);
  g_ptr_array_add (argv, NULL);
  return sc_subprocess_attach ((const char *const *)argv->pdata, NULL, out_status, cancellable, error);
}

gboolean
sc_runtime_kill (const ScRuntime *runtime, const char *id, const char *signal, GCancellable *cancellable,
                 GError **error)
{
  const char *argv[] = { runtime->exec, "kill", id, signal, NULL };
  return run_captured (argv, NULL, cancellable, error) || sc_prefix (error, "container %s", id);
}

gboolean
sc_runtime_delete (const ScRuntime *runtime, const char *id, gboolean force, GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) local = NULL;
  ScRuntimeState state;
  const char *forced[] = { runtime->exec, "delete", "--force", id, NULL };
  const char *plain[] = { runtime->exec, "delete", id, NULL };
  if (run_captured (force ? forced : plain, NULL, cancellable, &local))
    return TRUE;
  if (g_error_matches (local, SC_ERROR, SC_ERROR_FAILED)
      && sc_runtime_state (runtime, id, &state, NULL, cancellable, NULL) && state == SC_RUNTIME_STATE_NONE)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return sc_prefix (error, "container %s", id);
}
