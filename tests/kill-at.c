/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kill-at COUNT-FILE N [--error NAME] [--trace FILE] -- COMMAND [ARG...]
 *
 * A power switch for tests.  Runs COMMAND, all its threads and children included, and counts the system calls by which
 * they set out to change a file system.  The N-th is not made: instead every process is killed (SIGKILL), or, with
 * --error, the call fails with that error and everything goes on.  N = 0 counts only.  How many were counted (the
 * N-th included) is written to COUNT-FILE, and with --trace a line "NUMBER CALL PATH" for each to FILE.
 *
 * Exit status: COMMAND's; 128 + N if a signal ended it, so 137 for one that was killed here; 125 for an error of this
 * program.  It ends when the last of the processes has ended.
 *
 * A call is counted when it is entered, whether it succeeds or not: what creates, truncates, writes (regular files
 * only), renames, links, removes, changes the attributes of, or flushes anything.  What is written through a mapping is
 * not seen.  A filter in the kernel lets only calls of the kinds below stop.  Leak detection does not work in a traced
 * process: ASAN_OPTIONS=detect_leaks=0.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define OWN_FAILURE 125
#define OPTIONS                                                                                                        \
  (PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK          \
   | PTRACE_O_TRACEEXEC | PTRACE_O_TRACESECCOMP)

/* When a call counts. */
typedef enum
{
  ALWAYS,
  OPEN_FLAGS, /* argument N has flags that create or truncate */
  OPEN_HOW,   /* argument N points to a struct open_how with such flags */
  REGULAR,    /* argument N is a descriptor of a regular file */
  CLONES,     /* an ioctl that clones file content */
} Condition;

typedef struct
{
  long number;
  const char *name;
  Condition condition;
  int argument;
  int path; /* argument that is a path, -1: none */
} Call;

#define CALL(name, ...)                                                                                                \
  {                                                                                                                    \
    SYS_##name, #name, __VA_ARGS__                                                                                     \
  }

static const Call calls[] = {
#ifdef SYS_open
  CALL (open, OPEN_FLAGS, 1, 0),
  CALL (creat, ALWAYS, 0, 0),
  CALL (rename, ALWAYS, 0, 1),
  CALL (link, ALWAYS, 0, 1),
  CALL (symlink, ALWAYS, 0, 1),
  CALL (unlink, ALWAYS, 0, 0),
  CALL (mkdir, ALWAYS, 0, 0),
  CALL (rmdir, ALWAYS, 0, 0),
  CALL (mknod, ALWAYS, 0, 0),
  CALL (chmod, ALWAYS, 0, 0),
  CALL (chown, ALWAYS, 0, 0),
  CALL (lchown, ALWAYS, 0, 0),
  CALL (utime, ALWAYS, 0, 0),
  CALL (utimes, ALWAYS, 0, 0),
  CALL (futimesat, ALWAYS, 0, 1),
#endif
#ifdef SYS_renameat
  CALL (renameat, ALWAYS, 0, 3),
#endif
  CALL (openat, OPEN_FLAGS, 2, 1),
  CALL (openat2, OPEN_HOW, 2, 1),
  CALL (write, REGULAR, 0, -1),
  CALL (writev, REGULAR, 0, -1),
  CALL (pwrite64, REGULAR, 0, -1),
  CALL (pwritev, REGULAR, 0, -1),
  CALL (pwritev2, REGULAR, 0, -1),
  CALL (copy_file_range, REGULAR, 2, -1),
  CALL (splice, REGULAR, 2, -1),
  CALL (sendfile, REGULAR, 0, -1),
  CALL (renameat2, ALWAYS, 0, 3),
  CALL (linkat, ALWAYS, 0, 3),
  CALL (symlinkat, ALWAYS, 0, 2),
  CALL (unlinkat, ALWAYS, 0, 1),
  CALL (mkdirat, ALWAYS, 0, 1),
  CALL (mknodat, ALWAYS, 0, 1),
  CALL (fchmod, ALWAYS, 0, -1),
  CALL (fchmodat, ALWAYS, 0, 1),
#ifdef SYS_fchmodat2
  CALL (fchmodat2, ALWAYS, 0, 1),
#endif
  CALL (fchown, ALWAYS, 0, -1),
  CALL (fchownat, ALWAYS, 0, 1),
  CALL (setxattr, ALWAYS, 0, 0),
  CALL (lsetxattr, ALWAYS, 0, 0),
  CALL (fsetxattr, ALWAYS, 0, -1),
  CALL (removexattr, ALWAYS, 0, 0),
  CALL (lremovexattr, ALWAYS, 0, 0),
  CALL (fremovexattr, ALWAYS, 0, -1),
  CALL (truncate, ALWAYS, 0, 0),
  CALL (ftruncate, ALWAYS, 0, -1),
  CALL (fallocate, ALWAYS, 0, -1),
  CALL (utimensat, ALWAYS, 0, 1),
  CALL (fsync, ALWAYS, 0, -1),
  CALL (fdatasync, ALWAYS, 0, -1),
  CALL (sync_file_range, ALWAYS, 0, -1),
  CALL (syncfs, ALWAYS, 0, -1),
  CALL (sync, ALWAYS, 0, -1),
  CALL (mount, ALWAYS, 0, 1),
  CALL (umount2, ALWAYS, 0, 0),
  CALL (move_mount, ALWAYS, 0, 3),
  CALL (pivot_root, ALWAYS, 0, 0),
  CALL (ioctl, CLONES, 1, -1),
};

static const struct
{
  const char *name;
  int number;
} errors[] = { { "EIO", EIO }, { "ENOSPC", ENOSPC }, { "EDQUOT", EDQUOT }, { "EROFS", EROFS }, { "EACCES", EACCES } };

typedef struct
{
  const char *count_file;
  const char *trace_file;
  unsigned long at;
  int error; /* 0: kill */
  char **command;
} Settings;

typedef struct
{
  Settings settings;
  FILE *trace;
  unsigned long count;
  bool killing;
  pid_t failing; /* whose call is failed when it returns, 0: nobody's */
  pid_t *tasks;  /* every thread that was seen and has not ended */
  size_t n_tasks;
} Run;

static void
die (const char *what)
{
  fprintf (stderr, "kill-at: %s: %s\n", what, strerror (errno));
  exit (OWN_FAILURE);
}

static void
usage (const char *problem)
{
  fprintf (stderr, "kill-at: %s\nusage: kill-at COUNT-FILE N [--error NAME] [--trace FILE] -- COMMAND [ARG...]\n",
           problem);
  exit (OWN_FAILURE);
}

static int
error_number (const char *name)
{
  for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
    if (strcmp (errors[i].name, name) == 0)
      return errors[i].number;
  usage ("unknown error");
  return 0;
}

static Settings
parse (int argc, char **argv)
{
  Settings s = { 0 };
  char *end;
  int i = 3;

  if (argc < 5)
    usage ("too few arguments");
  s.count_file = argv[1];
  errno = 0;
  s.at = strtoul (argv[2], &end, 10);
  if (errno != 0 || *end != '\0' || end == argv[2])
    usage ("N is no number");
  for (; i + 1 < argc && strcmp (argv[i], "--") != 0; i += 2)
    {
      if (strcmp (argv[i], "--error") == 0)
        s.error = error_number (argv[i + 1]);
      else if (strcmp (argv[i], "--trace") == 0)
        s.trace_file = argv[i + 1];
      else
        usage ("unknown option");
    }
  if (i + 1 >= argc || strcmp (argv[i], "--") != 0)
    usage ("no command");
  s.command = argv + i + 1;
  return s;
}

/* -- what a call is -- */

static bool
read_memory (pid_t task, unsigned long long address, void *to, size_t size)
{
  struct iovec local = { to, size }, remote = { (void *)(uintptr_t)address, size };

  return process_vm_readv (task, &local, 1, &remote, 1, 0) == (ssize_t)size;
}

static bool
flags_change (unsigned long long flags)
{
  return (flags & (O_CREAT | O_TRUNC)) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
}

static bool
is_regular (pid_t task, int fd)
{
  char path[64];
  struct stat st;

  snprintf (path, sizeof path, "/proc/%d/fd/%d", (int)task, fd);
  return stat (path, &st) == 0 && S_ISREG (st.st_mode);
}

static bool
is_clone (unsigned long long request)
{
  return request == FICLONE || request == FICLONERANGE || request == FIDEDUPERANGE;
}

static bool
counts (const Call *call, pid_t task, const struct __ptrace_syscall_info *info)
{
  unsigned long long argument = info->entry.args[call->argument];
  unsigned long long flags = 0;

  switch (call->condition)
    {
    case ALWAYS:
      return true;
    case OPEN_FLAGS:
      return flags_change (argument);
    case OPEN_HOW: /* its flags stand first */
      return read_memory (task, argument, &flags, sizeof flags) && flags_change (flags);
    case REGULAR:
      return is_regular (task, (int)argument);
    case CLONES:
      return is_clone (argument);
    }
  return false;
}

static const Call *
find_call (pid_t task, const struct __ptrace_syscall_info *info)
{
  for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
    if (calls[i].number == (long)info->entry.nr)
      return counts (&calls[i], task, info) ? &calls[i] : NULL;
  return NULL;
}

static void
write_trace (Run *run, pid_t task, const Call *call, const struct __ptrace_syscall_info *info)
{
  char path[PATH_MAX] = "", link[64];
  size_t n = 0;

  if (run->trace == NULL)
    return;
  if (call->path >= 0)
    {
      unsigned long long address = info->entry.args[call->path];

      while (n < sizeof path - 1 && read_memory (task, address + n, path + n, 1) && path[n] != '\0')
        n++;
      path[n] = '\0';
    }
  else
    {
      /* The descriptor that the call is about. */
      int argument = call->condition == REGULAR ? call->argument : 0;
      ssize_t length;

      snprintf (link, sizeof link, "/proc/%d/fd/%d", (int)task, (int)info->entry.args[argument]);
      length = readlink (link, path, sizeof path - 1);
      path[length > 0 ? length : 0] = '\0';
    }
  fprintf (run->trace, "%lu %s %s\n", run->count, call->name, path);
}

/* -- what is done to it -- */

/* Makes a call that is being entered no call at all. */
static void
skip_call (pid_t task)
{
#if defined(__x86_64__)
  struct user_regs_struct regs;
  struct iovec iov = { &regs, sizeof regs };

  if (ptrace (PTRACE_GETREGSET, task, NT_PRSTATUS, &iov) != 0)
    die ("cannot read registers");
  regs.orig_rax = (unsigned long long)-1;
  if (ptrace (PTRACE_SETREGSET, task, NT_PRSTATUS, &iov) != 0)
    die ("cannot set registers");
#elif defined(__aarch64__)
  int none = -1;
  struct iovec iov = { &none, sizeof none };

  if (ptrace (PTRACE_SETREGSET, task, NT_ARM_SYSTEM_CALL, &iov) != 0)
    die ("cannot set the system call");
#else
#error "kill-at: unknown machine"
#endif
}

/* The result of a call that returns. */
static void
set_result (pid_t task, long result)
{
  struct user_regs_struct regs;
  struct iovec iov = { &regs, sizeof regs };

  if (ptrace (PTRACE_GETREGSET, task, NT_PRSTATUS, &iov) != 0)
    die ("cannot read registers");
#if defined(__x86_64__)
  regs.rax = (unsigned long long)result;
#elif defined(__aarch64__)
  regs.regs[0] = (unsigned long long)result;
#endif
  if (ptrace (PTRACE_SETREGSET, task, NT_PRSTATUS, &iov) != 0)
    die ("cannot set registers");
}

static void
kill_all (Run *run)
{
  run->killing = true;
  for (size_t i = 0; i < run->n_tasks; i++)
    kill (run->tasks[i], SIGKILL);
}

static void
enter_call (Run *run, pid_t task, const struct __ptrace_syscall_info *info)
{
  const Call *call = run->killing ? NULL : find_call (task, info);

  if (call == NULL)
    return;
  run->count++;
  write_trace (run, task, call, info);
  if (run->count != run->settings.at)
    return;
  skip_call (task);
  if (run->settings.error != 0)
    run->failing = task;
  else
    kill_all (run);
}

/* FALSE: the task is dying. */
static bool
at_call (Run *run, pid_t task)
{
  struct __ptrace_syscall_info info;

  if (ptrace (PTRACE_GET_SYSCALL_INFO, task, sizeof info, &info) <= 0)
    return false;
  if (info.op == PTRACE_SYSCALL_INFO_SECCOMP) /* begins like "entry" */
    enter_call (run, task, &info);
  else if (info.op == PTRACE_SYSCALL_INFO_EXIT && run->failing == task)
    {
      set_result (task, -run->settings.error);
      run->failing = 0;
    }
  return true;
}

/* -- the processes -- */

static void
add_task (Run *run, pid_t task)
{
  for (size_t i = 0; i < run->n_tasks; i++)
    if (run->tasks[i] == task)
      return;
  run->tasks = realloc (run->tasks, (run->n_tasks + 1) * sizeof *run->tasks);
  if (run->tasks == NULL)
    die ("memory");
  run->tasks[run->n_tasks++] = task;
}

static void
remove_task (Run *run, pid_t task)
{
  for (size_t i = 0; i < run->n_tasks; i++)
    if (run->tasks[i] == task)
      {
        run->tasks[i] = run->tasks[--run->n_tasks];
        return;
      }
}

static bool
is_stopping (int signal)
{
  return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

/* A task has stopped: looks why, and lets it go on. */
static void
at_stop (Run *run, pid_t task, int status)
{
  int signal = WSTOPSIG (status), event = status >> 16;
  enum __ptrace_request request = PTRACE_CONT;
  int pass = 0;
  bool listen = false;

  add_task (run, task);
  if (run->killing)
    kill (task, SIGKILL);
  if (signal == (SIGTRAP | 0x80) || event == PTRACE_EVENT_SECCOMP)
    {
      if (!at_call (run, task))
        return;
    }
  else if (event == PTRACE_EVENT_STOP)
    listen = is_stopping (signal);
  else if (event == 0)
    pass = signal;
  else if (event == PTRACE_EVENT_CLONE || event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK)
    {
      unsigned long child;

      /* Known before it is seen. */
      if (ptrace (PTRACE_GETEVENTMSG, task, 0, &child) == 0)
        add_task (run, (pid_t)child);
    }
  if (listen)
    request = PTRACE_LISTEN;
  else if (run->failing == task) /* stops again when the call returns */
    request = PTRACE_SYSCALL;
  /* ESRCH: it has been killed meanwhile. */
  if (ptrace (request, task, 0, pass) != 0 && errno != ESRCH)
    die ("cannot continue a process");
}

/* From now on the calls of the table stop; others, which are most, are as fast as ever. */
static bool
filter_calls (void)
{
  enum
  {
    N = sizeof calls / sizeof calls[0],
    HEAD = 3
  };
#if defined(__x86_64__)
  const unsigned machine = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
  const unsigned machine = AUDIT_ARCH_AARCH64;
#endif
  struct sock_filter filter[HEAD + N + 2] = {
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, arch)),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, machine, 0, N + 1),
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, nr)),
  };
  struct sock_fprog program = { .len = HEAD + N + 2, .filter = filter };

  _Static_assert(N < 250, "jumps are short");
  for (int i = 0; i < N; i++)
    filter[HEAD + i] =
        (struct sock_filter)BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i].number, (unsigned char)(N - i), 0);
  filter[HEAD + N] = (struct sock_filter)BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  filter[HEAD + N + 1] = (struct sock_filter)BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_TRACE);
  if (prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0)
    return true;
  return errno == EACCES && prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
         && prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* A child that waits until it is traced. */
static pid_t
start (char **command)
{
  int gate[2];
  char go;
  pid_t pid = -1;

  if (pipe2 (gate, O_CLOEXEC) != 0 || (pid = fork ()) < 0)
    die ("cannot start a process");
  if (pid == 0)
    {
      close (gate[1]);
      if (read (gate[0], &go, 1) == 1 && filter_calls ())
        execvp (command[0], command);
      fprintf (stderr, "kill-at: cannot run %s: %s\n", command[0], strerror (errno));
      _exit (OWN_FAILURE);
    }
  close (gate[0]);
  if (ptrace (PTRACE_SEIZE, pid, 0, OPTIONS) != 0 || ptrace (PTRACE_INTERRUPT, pid, 0, 0) != 0)
    {
      kill (pid, SIGKILL);
      die ("cannot trace");
    }
  if (write (gate[1], "", 1) != 1)
    die ("cannot start a process");
  close (gate[1]);
  return pid;
}

static int
watch (Run *run, pid_t first)
{
  int result = OWN_FAILURE;

  for (;;)
    {
      int status;
      pid_t task = waitpid (-1, &status, __WALL);

      if (task < 0 && errno == EINTR)
        continue;
      if (task < 0)
        return result;
      if (WIFSTOPPED (status))
        {
          at_stop (run, task, status);
          continue;
        }
      remove_task (run, task);
      if (task == first)
        result = WIFEXITED (status) ? WEXITSTATUS (status) : 128 + WTERMSIG (status);
    }
}

int
main (int argc, char **argv)
{
  Run run = { .settings = parse (argc, argv) };
  FILE *count = fopen (run.settings.count_file, "we");
  pid_t first;
  int result;

  if (count == NULL)
    die (run.settings.count_file);
  if (run.settings.trace_file != NULL && (run.trace = fopen (run.settings.trace_file, "we")) == NULL)
    die (run.settings.trace_file);
  first = start (run.settings.command);
  add_task (&run, first);
  result = watch (&run, first);
  fprintf (count, "%lu\n", run.count);
  if (fclose (count) != 0 || (run.trace != NULL && fclose (run.trace) != 0))
    die (run.settings.count_file);
  free (run.tasks);
  return result;
}
