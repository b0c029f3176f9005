/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Running other programs.
 *
 * Owns everything between spawn and the exit status: a clean signal state for the child (this program blocks SIGINT
 * and SIGTERM in all threads), draining its output, cancelling it, and lending it the terminal.  A child is reaped
 * here and nowhere else, and never left behind, so that its pid stays valid for kill().
 */
#include "subprocess.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs.h"

#define KEEP_MAX      ((gsize)1024 * 1024)
#define PIPE_SIZE_MAX (1024 * 1024) /* /proc/sys/fs/pipe-max-size, as it is by default */
#define RUN_GRACE     (2 * G_USEC_PER_SEC)
#define ATTACH_GRACE  (10 * G_USEC_PER_SEC)
#define POLL_MS       50 /* where the kernel has no pidfd, and while a grace period runs */
#define STOP_POLL_MS  200

typedef struct
{
  pid_t pid;
  int pidfd; /* -1: none, look every POLL_MS */
  GCancellable *cancellable;
  gint64 grace;                   /* from SIGTERM to SIGKILL, microseconds */
  gint64 deadline;                /* for SIGKILL, 0: not cancelled */
  gboolean group;                 /* it leads a process group, which is ended with it */
  void (*on_end) (gpointer data); /* (nullable): called before the first signal */
  gpointer data;
} Child;

typedef struct
{
  int fd; /* -1: closed */
  GString *text;
  gboolean keep_end; /* of a long text keep the end, else the beginning */
  gsize max;         /* of what is kept, 0: KEEP_MAX */
  gboolean over;     /* there was more */
} Stream;

typedef struct
{
  Stream of[2]; /* standard output, standard error */
} Streams;

static void
streams_clear (Streams *streams)
{
  for (int i = 0; i < 2; i++)
    {
      sc_close_fd_p (&streams->of[i].fd);
      g_string_free (streams->of[i].text, TRUE);
    }
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Streams, streams_clear)

/* How to start a child. */
typedef struct
{
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attr;
  short flags;
  char **environment; /* (nullable): NULL: ours */
} Spawn;

static void
spawn_init (Spawn *spawn, const char *cwd)
{
  sigset_t none, all;

  sigemptyset (&none);
  sigfillset (&all);
  posix_spawn_file_actions_init (&spawn->actions);
  posix_spawnattr_init (&spawn->attr);
  posix_spawnattr_setsigmask (&spawn->attr, &none);
  posix_spawnattr_setsigdefault (&spawn->attr, &all);
  spawn->flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
  spawn->environment = NULL;
  if (cwd)
    posix_spawn_file_actions_addchdir_np (&spawn->actions, cwd);
}

static void
spawn_clear (Spawn *spawn)
{
  posix_spawn_file_actions_destroy (&spawn->actions);
  posix_spawnattr_destroy (&spawn->attr);
  g_clear_pointer (&spawn->environment, g_strfreev);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Spawn, spawn_clear)

static gboolean
fail_spawn (const char *program, const char *cwd, int errsv, GError **error)
{
  struct stat st;

  /* The reason may be the directory: the child reports one number for both. */
  if (cwd && stat (cwd, &st) < 0)
    return sc_fail_errno (error, errno, "%s: cannot start in '%s'", program, cwd);
  if (cwd && !S_ISDIR (st.st_mode))
    return sc_fail_errno (error, ENOTDIR, "%s: cannot start in '%s'", program, cwd);
  if (errsv == ENOENT)
    return sc_fail (error, SC_ERROR_UNAVAILABLE, "%s: no such program", program);
  return sc_fail_errno (error, errsv, "%s: cannot start", program);
}

static gboolean
child_start (Child *child, Spawn *spawn, const char *const *argv, const char *cwd, GError **error)
{
  posix_spawnattr_setflags (&spawn->attr, spawn->flags);
  int errsv = posix_spawnp (&child->pid, argv[0], &spawn->actions, &spawn->attr, (char *const *)(gpointer)argv,
                            spawn->environment != NULL ? spawn->environment : environ);
  if (errsv != 0)
    return fail_spawn (argv[0], cwd, errsv, error);
  child->pidfd = (int)syscall (SYS_pidfd_open, child->pid, 0);
  return TRUE;
}

/* Sends what cancelling asks for at this moment. */
static void
child_check_cancelled (Child *child)
{
  gint64 now = g_get_monotonic_time ();
  pid_t pid = child->group ? -child->pid : child->pid;

  if (child->deadline == 0 && g_cancellable_is_cancelled (child->cancellable))
    {
      if (child->on_end != NULL)
        child->on_end (child->data);
      kill (pid, SIGTERM);
      /* A stopped program gets SIGTERM only when it goes on. */
      kill (pid, SIGCONT);
      child->deadline = now + child->grace;
    }
  else if (child->deadline != 0 && now >= child->deadline)
    kill (pid, SIGKILL);
}

/* Of a group that is being ended, those that outlive its leader; while that is not reaped the group is nobody else's.
 */
static void
child_end_group (const Child *child)
{
  siginfo_t info = { .si_pid = 0 };

  if (child->group && child->deadline != 0 && waitid (P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0
      && info.si_pid == child->pid)
    kill (-child->pid, SIGKILL);
}

/* Has it ended, or, with WUNTRACED in @flags, stopped?  Sets *out_status if so, as waitpid() does. */
static gboolean
child_poll_status (const Child *child, int flags, int *out_status)
{
  pid_t pid;

  do
    pid = waitpid (child->pid, out_status, flags | WNOHANG);
  while (pid < 0 && errno == EINTR);
  if (pid < 0)
    *out_status = W_EXITCODE (255, 0); /* somebody has SIGCHLD ignored: it ended, nobody knows how */
  return pid != 0;
}

/* Waits until something may have happened to the child, its output or the cancellable. */
static void
child_wait_event (const Child *child, int timeout, const Streams *streams)
{
  struct pollfd fds[4];
  nfds_t n = 0;
  GPollFD cancel;
  gboolean watch_cancel = child->deadline == 0 && g_cancellable_make_pollfd (child->cancellable, &cancel);

  for (int i = 0; streams && i < 2; i++)
    if (streams->of[i].fd >= 0)
      fds[n++] = (struct pollfd){ .fd = streams->of[i].fd, .events = POLLIN };
  if (watch_cancel)
    fds[n++] = (struct pollfd){ .fd = cancel.fd, .events = POLLIN };
  if (child->pidfd >= 0)
    fds[n++] = (struct pollfd){ .fd = child->pidfd, .events = POLLIN };
  else
    timeout = POLL_MS;
  if (child->deadline != 0)
    timeout = POLL_MS;
  (void)poll (fds, n, timeout);
  if (watch_cancel)
    g_cancellable_release_fd (child->cancellable);
}

static void
stream_keep (Stream *stream, const char *data, gsize size)
{
  GString *text = stream->text;
  gsize max = stream->max != 0 ? stream->max : KEEP_MAX;

  stream->over |= size > max - text->len;
  if (stream->keep_end)
    {
      g_string_append_len (text, data, (gssize)size);
      if (text->len > max)
        g_string_erase (text, 0, (gssize)(max / 2));
    }
  else
    g_string_append_len (text, data, (gssize)MIN (size, max - text->len));
}

/* Reads what is there now, but no more than a pipe can hold, so that an endless writer cannot keep us here. */
static void
stream_drain (Stream *stream)
{
  char buffer[16384];

  for (gsize total = 0; stream->fd >= 0 && total < PIPE_SIZE_MAX;)
    {
      ssize_t n = read (stream->fd, buffer, sizeof buffer);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0 && errno == EAGAIN)
        break;
      if (n <= 0)
        sc_close_fd_p (&stream->fd);
      else
        {
          stream_keep (stream, buffer, (gsize)n);
          total += (gsize)n;
        }
    }
}

static void
streams_drain (Streams *streams)
{
  for (int i = 0; i < 2; i++)
    stream_drain (&streams->of[i]);
}

/* (transfer full): the last line of @text that is not blank, or NULL. */
static char *
last_line (const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  for (guint i = g_strv_length (lines); i > 0; i--)
    if (*g_strstrip (lines[i - 1]))
      return g_strdup (lines[i - 1]);
  return NULL;
}

static gboolean
fail_status (const char *program, int status, const char *errors, GError **error)
{
  g_autofree char *line = last_line (errors);

  if (WIFSIGNALED (status))
    return sc_fail (error, SC_ERROR_FAILED, "%s: killed by signal %d%s%s", program, WTERMSIG (status), line ? ": " : "",
                    line ? line : "");
  if (line)
    return sc_fail (error, SC_ERROR_FAILED, "%s: %s", program, line);
  return sc_fail (error, SC_ERROR_FAILED, "%s: exit status %d", program, WEXITSTATUS (status));
}

/* Starts @argv with its output in our two pipes. @environment: (nullable): "NAME=VALUE", added to ours. @input: its
 * standard input, -1: /dev/null */
static gboolean
start_captured (Child *child, Streams *streams, const char *const *argv, const char *const *environment, int input,
                const char *cwd, GError **error)
{
  g_auto (Spawn) spawn;
  SC_AUTOFD int out = -1, err = -1;
  int pipes[2];

  spawn_init (&spawn, cwd);
  if (environment != NULL)
    spawn.environment = g_get_environ ();
  for (gsize i = 0; environment != NULL && environment[i] != NULL; i++)
    {
      g_autofree char *name = g_strndup (environment[i], strcspn (environment[i], "="));

      spawn.environment = g_environ_setenv (spawn.environment, name, environment[i] + strlen (name) + 1, TRUE);
    }
  for (int i = 0; i < 2; i++)
    {
      if (pipe2 (pipes, O_CLOEXEC) < 0)
        return sc_fail_errno (error, errno, "%s: cannot make a pipe", argv[0]);
      streams->of[i].fd = pipes[0];
      *(i == 0 ? &out : &err) = pipes[1];
      if (fcntl (pipes[0], F_SETFL, O_NONBLOCK) < 0)
        return sc_fail_errno (error, errno, "%s: cannot make a pipe", argv[0]);
    }
  if (input >= 0)
    posix_spawn_file_actions_adddup2 (&spawn.actions, input, STDIN_FILENO);
  else
    posix_spawn_file_actions_addopen (&spawn.actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2 (&spawn.actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2 (&spawn.actions, err, STDERR_FILENO);
  posix_spawn_file_actions_addclosefrom_np (&spawn.actions, STDERR_FILENO + 1);
  if (child->group)
    spawn.flags |= POSIX_SPAWN_SETPGROUP;
  return child_start (child, &spawn, argv, cwd, error);
}

/* @max: of the standard output, 0: KEEP_MAX */
static gboolean
run (const char *const *argv, const char *cwd, const char *const *environment, gsize max, char **out_stdout,
     GCancellable *cancellable, GError **error)
{
  g_auto (Streams) streams = { { { .fd = -1, .text = g_string_new (NULL), .max = max },
                                 { .fd = -1, .text = g_string_new (NULL), .keep_end = TRUE } } };
  Child child = { .pidfd = -1, .cancellable = cancellable, .grace = RUN_GRACE };
  int status = 0;

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;
  if (!start_captured (&child, &streams, argv, environment, -1, cwd, error))
    return FALSE;
  for (;;)
    {
      child_check_cancelled (&child);
      if (child_poll_status (&child, 0, &status))
        break;
      child_wait_event (&child, -1, &streams);
      streams_drain (&streams);
    }
  sc_close_fd_p (&child.pidfd);
  /* What the child wrote is in the pipes by now; do not wait for descendants that hold them open. */
  streams_drain (&streams);

  if (child.deadline != 0 && g_cancellable_set_error_if_cancelled (cancellable, error))
    return sc_prefix (error, "%s", argv[0]);
  if (!WIFEXITED (status) || WEXITSTATUS (status) != 0)
    return fail_status (argv[0], status, streams.of[1].text->str, error);
  if (out_stdout && streams.of[0].over)
    return sc_fail (error, SC_ERROR_LIMIT, "%s: its output is larger than %" G_GSIZE_FORMAT " bytes", argv[0],
                    max != 0 ? max : KEEP_MAX);
  if (out_stdout)
    *out_stdout = g_strdup (streams.of[0].text->str);
  return TRUE;
}

gboolean
sc_subprocess_run (const char *const *argv, const char *cwd, char **out_stdout, GCancellable *cancellable,
                   GError **error)
{
  return run (argv, cwd, NULL, 0, out_stdout, cancellable, error);
}

gboolean
sc_subprocess_read (const char *const *argv, const char *const *environment, gsize max, char **out_stdout,
                    GCancellable *cancellable, GError **error)
{
  return run (argv, NULL, environment, max, out_stdout, cancellable, error);
}

/* A descriptor to read @text from. */
static int
input_of (const char *program, const char *text, GError **error)
{
  SC_AUTOFD int fd = memfd_create ("input", MFD_CLOEXEC);

  if (fd < 0 || !sc_fs_write_all (fd, text, strlen (text), NULL) || lseek (fd, 0, SEEK_SET) != 0)
    {
      sc_fail_errno (error, errno, "%s: cannot prepare its input", program);
      return -1;
    }
  return sc_steal_fd (&fd);
}

/* Waits for the end of @child, which is ended after @seconds or when it is cancelled. @out_late: the first of these. */
static void
wait_limited (Child *child, Streams *streams, guint seconds, gboolean *out_late, int *out_status)
{
  g_autoptr (GCancellable) stop = g_cancellable_new ();
  gint64 limit = g_get_monotonic_time () + (gint64)seconds * G_USEC_PER_SEC;

  *out_late = FALSE;
  for (;;)
    {
      gint64 left = limit - g_get_monotonic_time ();

      if (left <= 0 && child->deadline == 0)
        {
          *out_late = TRUE;
          g_cancellable_cancel (stop);
          child->cancellable = stop;
        }
      child_check_cancelled (child);
      child_end_group (child);
      if (child_poll_status (child, 0, out_status))
        break;
      child_wait_event (child, (int)CLAMP (left / 1000 + 1, 1, 1000), streams);
      streams_drain (streams);
    }
  child->cancellable = NULL;
  sc_close_fd_p (&child->pidfd);
  streams_drain (streams);
}

/* @keep_end: of a long output keep the end */
static gboolean
ask (const char *const *argv, const char *input, guint seconds, gboolean keep_end, char **out_stdout,
     GCancellable *cancellable, GError **error)
{
  g_auto (Streams) streams = { { { .fd = -1, .text = g_string_new (NULL), .keep_end = keep_end },
                                 { .fd = -1, .text = g_string_new (NULL), .keep_end = TRUE } } };
  Child child = { .pidfd = -1, .cancellable = cancellable, .grace = RUN_GRACE };
  SC_AUTOFD int input_fd = -1;
  gboolean late = FALSE;
  int status = 0;

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;
  input_fd = input_of (argv[0], input, error);
  if (input_fd < 0 || !start_captured (&child, &streams, argv, NULL, input_fd, NULL, error))
    return FALSE;
  wait_limited (&child, &streams, seconds, &late, &status);

  if (!late && child.deadline != 0 && g_cancellable_set_error_if_cancelled (cancellable, error))
    return sc_prefix (error, "%s", argv[0]);
  if (late)
    return sc_fail (error, SC_ERROR_FAILED, "%s: no answer for %u seconds", argv[0], seconds);
  if (out_stdout)
    *out_stdout = g_strdup (streams.of[0].text->str);
  explicit_bzero (streams.of[0].text->str, streams.of[0].text->allocated_len);
  if (!WIFEXITED (status) || WEXITSTATUS (status) != 0)
    return fail_status (argv[0], status, streams.of[1].text->str, error);
  return TRUE;
}

gboolean
sc_subprocess_ask (const char *const *argv, const char *input, guint seconds, char **out_stdout,
                   GCancellable *cancellable, GError **error)
{
  return ask (argv, input, seconds, FALSE, out_stdout, cancellable, error);
}

gboolean
sc_subprocess_tail (const char *const *argv, guint seconds, char **out_stdout, GCancellable *cancellable,
                    GError **error)
{
  return ask (argv, "", seconds, TRUE, out_stdout, cancellable, error);
}

gboolean
sc_subprocess_try (const char *const *argv, guint seconds, void (*on_end) (gpointer data), gpointer data,
                   int *out_status, char **out_line, GCancellable *cancellable, GError **error)
{
  g_auto (Streams) streams = { { { .fd = -1, .text = g_string_new (NULL), .keep_end = TRUE },
                                 { .fd = -1, .text = g_string_new (NULL), .keep_end = TRUE } } };
  Child child = {
    .pidfd = -1, .cancellable = cancellable, .grace = RUN_GRACE, .group = TRUE, .on_end = on_end, .data = data
  };
  gboolean late = FALSE;
  int status = 0;

  if (g_cancellable_set_error_if_cancelled (cancellable, error)
      || !start_captured (&child, &streams, argv, NULL, -1, NULL, error))
    return FALSE;
  wait_limited (&child, &streams, seconds, &late, &status);
  if (late)
    return sc_fail_errno (error, ETIMEDOUT, "%s", argv[0]);
  if (child.deadline != 0 && g_cancellable_set_error_if_cancelled (cancellable, error))
    return sc_prefix (error, "%s", argv[0]);
  *out_status = WIFSIGNALED (status) ? 128 + WTERMSIG (status) : WEXITSTATUS (status);
  *out_line = last_line (streams.of[1].text->str);
  if (*out_line == NULL)
    *out_line = last_line (streams.of[0].text->str);
  return TRUE;
}

/* Gives the terminal to the process group @group, from the background too. */
static void
set_foreground (pid_t group)
{
  sigset_t mask, old;

  sigemptyset (&mask);
  sigaddset (&mask, SIGTTOU);
  pthread_sigmask (SIG_BLOCK, &mask, &old);
  (void)tcsetpgrp (STDIN_FILENO, group);
  pthread_sigmask (SIG_SETMASK, &old, NULL);
}

static gboolean
in_foreground (void)
{
  return tcgetpgrp (STDIN_FILENO) == getpgrp ();
}

/* The program was stopped (Ctrl-Z): stop with it, and go on with it when the shell lets us. */
static void
stop_together (const Child *child)
{
  set_foreground (getpgrp ());
  kill (0, SIGTSTP);
  raise (SIGTSTP); /* kill() may have chosen another thread, and this one would run on for a moment */
  if (in_foreground ())
    set_foreground (child->pid);
  kill (-child->pid, SIGCONT);
}

gboolean
sc_subprocess_attach (const char *const *argv, const char *cwd, int *out_status, GCancellable *cancellable,
                      GError **error)
{
  g_auto (Spawn) spawn;
  Child child = { .pidfd = -1, .cancellable = cancellable, .grace = ATTACH_GRACE };
  gboolean lend_terminal =
      isatty (STDIN_FILENO) && isatty (STDOUT_FILENO) && isatty (STDERR_FILENO) && in_foreground ();
  int status = 0;

  spawn_init (&spawn, cwd);
  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;
  if (lend_terminal)
    {
      spawn.flags |= POSIX_SPAWN_SETPGROUP;
      posix_spawn_file_actions_addtcsetpgrp_np (&spawn.actions, STDIN_FILENO);
    }
  gboolean started = child_start (&child, &spawn, argv, cwd, error);
  while (started)
    {
      child_check_cancelled (&child);
      if (!child_poll_status (&child, lend_terminal ? WUNTRACED : 0, &status))
        /* No descriptor tells of a stop. */
        child_wait_event (&child, lend_terminal ? STOP_POLL_MS : -1, NULL);
      else if (WIFSTOPPED (status))
        stop_together (&child);
      else
        break;
    }
  sc_close_fd_p (&child.pidfd);
  if (lend_terminal)
    set_foreground (getpgrp ());
  if (started)
    *out_status = WIFSIGNALED (status) ? 128 + WTERMSIG (status) : WEXITSTATUS (status);
  return started;
}

/* The output of a program that runs. */
typedef struct
{
  GInputStream parent;
  char *program;
  Child child;
  Streams streams;
  gboolean ended; /* the child is reaped: @status */
  int status;
} ScSubprocessStream;

typedef GInputStreamClass ScSubprocessStreamClass;

static GType sc_subprocess_stream_get_type (void);
G_DEFINE_TYPE (ScSubprocessStream, sc_subprocess_stream, G_TYPE_INPUT_STREAM)

/* The end of the output is an end of file only after a program that succeeded. */
static gssize
subprocess_stream_end (ScSubprocessStream *self, GCancellable *cancellable, GError **error)
{
  while (!self->ended)
    {
      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return -1;
      self->ended = child_poll_status (&self->child, 0, &self->status);
      if (!self->ended)
        child_wait_event (&self->child, -1, &self->streams);
      stream_drain (&self->streams.of[1]);
    }
  if (!WIFEXITED (self->status) || WEXITSTATUS (self->status) != 0)
    return fail_status (self->program, self->status, self->streams.of[1].text->str, error) ? 0 : -1;
  return 0;
}

static gssize
subprocess_stream_read (GInputStream *stream, void *buffer, gsize count, GCancellable *cancellable, GError **error)
{
  ScSubprocessStream *self = (ScSubprocessStream *)stream;
  Stream *out = &self->streams.of[0];

  self->child.cancellable = cancellable;
  while (out->fd >= 0)
    {
      ssize_t n;

      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return -1;
      stream_drain (&self->streams.of[1]);
      n = read (out->fd, buffer, count);
      if (n > 0)
        return n;
      if (n == 0)
        sc_close_fd_p (&out->fd);
      else if (errno == EAGAIN && self->ended)
        return subprocess_stream_end (self, cancellable, error); /* only a descendant holds the pipe open */
      else if (errno == EAGAIN)
        {
          child_wait_event (&self->child, -1, &self->streams);
          self->ended = child_poll_status (&self->child, 0, &self->status);
        }
      else if (errno != EINTR)
        return sc_fail_errno (error, errno, "%s: reading its output", self->program) ? 0 : -1;
    }
  return subprocess_stream_end (self, cancellable, error);
}

static gboolean
subprocess_stream_close (GInputStream *stream, GCancellable *cancellable, GError **error)
{
  ScSubprocessStream *self = (ScSubprocessStream *)stream;
  g_autoptr (GCancellable) stop = g_cancellable_new ();

  g_cancellable_cancel (stop);
  self->child.cancellable = stop;
  sc_close_fd_p (&self->streams.of[0].fd);
  while (!self->ended)
    {
      child_check_cancelled (&self->child);
      self->ended = child_poll_status (&self->child, 0, &self->status);
      if (!self->ended)
        child_wait_event (&self->child, -1, &self->streams);
      stream_drain (&self->streams.of[1]);
    }
  self->child.cancellable = NULL;
  sc_close_fd_p (&self->child.pidfd);
  return TRUE;
}

static void
subprocess_stream_finalize (GObject *object)
{
  ScSubprocessStream *self = (ScSubprocessStream *)object;

  streams_clear (&self->streams);
  g_free (self->program);
  G_OBJECT_CLASS (sc_subprocess_stream_parent_class)->finalize (object);
}

static void
sc_subprocess_stream_class_init (ScSubprocessStreamClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = subprocess_stream_finalize;
  klass->read_fn = subprocess_stream_read;
  klass->close_fn = subprocess_stream_close;
}

static void
sc_subprocess_stream_init (ScSubprocessStream *self)
{
  self->child = (Child){ .pidfd = -1, .grace = RUN_GRACE };
  self->ended = TRUE;
  for (int i = 0; i < 2; i++)
    self->streams.of[i] = (Stream){ .fd = -1, .text = g_string_new (NULL), .keep_end = i == 1 };
}

GInputStream *
sc_subprocess_open (const char *const *argv, const char *const *environment, GError **error)
{
  ScSubprocessStream *self = g_object_new (sc_subprocess_stream_get_type (), NULL);

  self->program = g_strdup (argv[0]);
  if (!start_captured (&self->child, &self->streams, argv, environment, -1, NULL, error))
    {
      g_object_unref (self);
      return NULL;
    }
  self->ended = FALSE;
  return G_INPUT_STREAM (self);
}
