/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A command in a container as a probe.  The runtime's client is not the command: ending the one does not end the other,
 * so before the client is ended the command is found by its pid file, and killed with its process group.
 */
#include "probe.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs.h"
#include "subprocess.h"

#define PID_FILE_MAX  64
#define LINE_MAX_LEN  200
#define STATE_SECONDS 3

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

static gboolean
read_pid (const char *file, pid_t *out_pid)
{
  g_autoptr (GBytes) bytes = sc_fs_read_file_at (AT_FDCWD, file, PID_FILE_MAX, NULL);
  g_autofree char *text =
      bytes != NULL ? g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes)) : g_strdup ("");
  guint64 number = 0;

  if (!g_ascii_string_to_unsigned (g_strstrip (text), 10, 2, G_MAXINT, &number, NULL))
    return FALSE;
  *out_pid = (pid_t)number;
  return TRUE;
}

typedef struct
{
  const ScRuntime *runtime;
  const char *id;
  const char *pid_file;
} Command;

/* The command, while it is not known to have ended, and the rest of its group: runtimes put it into one, which is not
 * always its own.  Only what is in the container: a pid may be another's by now. */
static void
kill_command (gpointer data)
{
  const Command *c = data;
  g_autoptr (GDir) proc = g_dir_open ("/proc", 0, NULL);
  pid_t command = 0, group;
  int init = 0;

  if (proc == NULL || !read_pid (c->pid_file, &command))
    return;
  /* The runtime may be what hangs. */
  init = sc_runtime_init_soon (c->runtime, c->id, STATE_SECONDS);
  if (init <= 1 || command == init || same_mounts (init, getpid ()) || !same_mounts (command, init))
    return;
  group = getpgid (command);
  for (const char *entry = g_dir_read_name (proc); entry != NULL; entry = g_dir_read_name (proc))
    {
      guint64 number = 0;
      pid_t pid;

      if (!g_ascii_string_to_unsigned (entry, 10, 2, G_MAXINT, &number, NULL))
        continue;
      pid = (pid_t)number;
      if ((pid == command || getpgid (pid) == group) && pid != init && same_mounts (pid, init))
        (void)kill (pid, SIGKILL);
    }
}

gboolean
sc_probe_command (const ScRuntime *runtime, const char *id, const char *const *words, const char *pid_file,
                  guint seconds, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_autoptr (GError) local = NULL;
  g_autofree char *line = NULL, *text = NULL;
  const char *start[] = { runtime->exec, "exec", "--pid-file", pid_file, id };
  Command command = { runtime, id, pid_file };
  int status = 0;

  for (guint i = 0; i < G_N_ELEMENTS (start); i++)
    g_ptr_array_add (argv, (gpointer)start[i]);
  for (; *words != NULL; words++)
    g_ptr_array_add (argv, (gpointer)*words);
  g_ptr_array_add (argv, NULL);
  if (!sc_subprocess_try ((const char *const *)argv->pdata, seconds, kill_command, &command, &status, &line,
                          cancellable, &local))
    {
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
