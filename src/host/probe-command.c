/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A command in a container as a probe.  The runtime's client is not the command: ending the one does not end the other,
 * so the command's own process is found by its pid file, and only killed if it is in the container.
 */
#include "probe.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs.h"
#include "subprocess.h"

#define PID_FILE_MAX 64
#define LINE_MAX_LEN 200

/* Do both see the same file systems?  The processes of a container have mounts of their own. */
static gboolean
same_mounts (pid_t a, pid_t b)
{
  g_autofree char *path_a = g_strdup_printf ("/proc/%d/ns/mnt", (int)a),
                  *path_b = g_strdup_printf ("/proc/%d/ns/mnt", (int)b);
  struct stat st_a, st_b;

  return stat (path_a, &st_a) == 0 && stat (path_b, &st_b) == 0 && st_a.st_dev == st_b.st_dev
         && st_a.st_ino == st_b.st_ino;
}

/* The pid may be another's by now. */
static void
kill_command (const ScRuntime *runtime, const char *id, const char *pid_file)
{
  g_autoptr (GBytes) bytes = sc_fs_read_file_at (AT_FDCWD, pid_file, PID_FILE_MAX, NULL);
  g_autofree char *text = NULL;
  ScRuntimeState state = SC_RUNTIME_STATE_NONE;
  guint64 number = 0;
  int init = 0;
  pid_t pid;

  if (bytes == NULL)
    return;
  text = g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  if (!g_ascii_string_to_unsigned (g_strstrip (text), 10, 2, G_MAXINT, &number, NULL)
      || !sc_runtime_state (runtime, id, &state, &init, NULL, NULL) || init <= 1)
    return;
  pid = (pid_t)number;
  if (pid == init || same_mounts (pid, getpid ()) || !same_mounts (pid, init))
    return;
  (void)kill (getpgid (pid) == pid ? -pid : pid, SIGKILL);
}

gboolean
sc_probe_command (const ScRuntime *runtime, const char *id, const char *const *words, const char *pid_file,
                  guint seconds, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_autoptr (GError) local = NULL;
  g_autofree char *line = NULL, *text = NULL;
  const char *start[] = { runtime->exec, "exec", "--pid-file", pid_file, id };
  int status = 0;

  for (guint i = 0; i < G_N_ELEMENTS (start); i++)
    g_ptr_array_add (argv, (gpointer)start[i]);
  for (; *words != NULL; words++)
    g_ptr_array_add (argv, (gpointer)*words);
  g_ptr_array_add (argv, NULL);
  if (!sc_subprocess_try ((const char *const *)argv->pdata, seconds, &status, &line, cancellable, &local))
    {
      kill_command (runtime, id, pid_file);
      if (g_error_matches (local, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
        return sc_fail (error, SC_ERROR_FAILED, "no answer within %u s", seconds);
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  if (status == 0)
    return TRUE;
  if (line == NULL)
    return sc_fail (error, SC_ERROR_FAILED, "status %d", status);
  sc_fail (&local, SC_ERROR_FAILED, "%s", line);
  sc_runtime_tidy_error (&local);
  text = g_utf8_make_valid (local->message, -1);
  if (g_utf8_strlen (text, -1) > LINE_MAX_LEN)
    *g_utf8_offset_to_pointer (text, LINE_MAX_LEN) = '\0';
  return sc_fail (error, SC_ERROR_FAILED, "status %d: %s", status, text);
}
