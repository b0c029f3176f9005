/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The system calls of a container made from an image without a configuration of its own.
 *
 * Owns the tables of names, by subject, and makes the JSON that runtimes read.  A name that an architecture does not
 * have is passed over by the runtime, so the tables are the same everywhere.  The profile is for the default
 * capabilities (config-default.c): a call that needs another capability is in `refused`.
 */
#include "seccomp.h"

#include <errno.h>
#include <sched.h>
#include <sys/socket.h>

#include "json.h"

#define AUDIT_PROTOCOL 9 /* NETLINK_AUDIT */

static const char *const allowed[] = {
  /* processes and threads */
  ("fork vfork execve execveat exit exit_group wait4 waitid waitpid arch_prctl modify_ldt set_tls set_thread_area "
   "get_thread_area set_tid_address gettid getpid getppid kill tkill tgkill prctl ptrace process_vm_readv "
   "process_vm_writev pidfd_open pidfd_send_signal pidfd_getfd process_mrelease rseq membarrier restart_syscall "
   "breakpoint cacheflush riscv_flush_icache s390_runtime_instr s390_pci_mmio_read s390_pci_mmio_write seccomp "
   "landlock_create_ruleset landlock_add_rule landlock_restrict_self"),
  /* who it is and what it may use */
  ("getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getresuid getresuid32 getresgid getresgid32 "
   "setuid setuid32 setgid setgid32 setreuid setreuid32 setregid setregid32 setresuid setresuid32 setresgid "
   "setresgid32 setfsuid setfsuid32 setfsgid setfsgid32 getgroups getgroups32 setgroups setgroups32 getpgid getpgrp "
   "setpgid getsid setsid capget capset getpriority setpriority ioprio_get ioprio_set getrlimit ugetrlimit setrlimit "
   "prlimit64 getrusage times umask uname sysinfo getcpu getrandom syslog keyctl"),
  /* scheduling */
  ("sched_yield sched_getaffinity sched_setaffinity sched_getattr sched_setattr sched_getparam sched_setparam "
   "sched_getscheduler sched_setscheduler sched_get_priority_min sched_get_priority_max sched_rr_get_interval "
   "sched_rr_get_interval_time64"),
  /* memory */
  ("brk mmap mmap2 munmap mremap mprotect madvise mincore mlock mlock2 mlockall munlock munlockall msync "
   "remap_file_pages memfd_create memfd_secret pkey_alloc pkey_free pkey_mprotect get_mempolicy set_mempolicy mbind "
   "map_shadow_stack set_mempolicy_home_node cachestat mseal"),
  /* waiting and locks */
  ("futex futex_time64 futex_waitv futex_wait futex_wake futex_requeue get_robust_list set_robust_list poll ppoll "
   "ppoll_time64 select _newselect pselect6 pselect6_time64 pause nanosleep clock_nanosleep clock_nanosleep_time64 "
   "epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_wait epoll_wait_old epoll_pwait epoll_pwait2 eventfd "
   "eventfd2"),
  /* signals */
  ("rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait "
   "rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaction signal sigaltstack sigpending sigprocmask sigreturn sigsuspend "
   "signalfd signalfd4"),
  /* time */
  ("time gettimeofday clock_gettime clock_gettime64 clock_getres clock_getres_time64 clock_adjtime clock_adjtime64 "
   "adjtimex alarm getitimer setitimer timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 "
   "timer_settime timer_settime64 timerfd timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime "
   "timerfd_settime64"),
  /* open files */
  ("open openat openat2 creat close close_range read write readv writev pread64 pwrite64 preadv preadv2 pwritev "
   "pwritev2 lseek _llseek dup dup2 dup3 fcntl fcntl64 flock ioctl pipe pipe2 sendfile sendfile64 splice tee "
   "copy_file_range fsync fdatasync sync syncfs sync_file_range sync_file_range2 arm_sync_file_range fallocate "
   "fadvise64 "
   "fadvise64_64 arm_fadvise64_64 readahead ftruncate ftruncate64 truncate truncate64 inotify_init inotify_init1 "
   "inotify_add_watch inotify_rm_watch fanotify_mark io_setup io_destroy io_submit io_cancel io_getevents"),
  /* names, attributes and file systems */
  ("access faccessat faccessat2 stat stat64 lstat lstat64 fstat fstat64 fstatat64 newfstatat statx statfs statfs64 "
   "fstatfs "
   "fstatfs64 getdents getdents64 readdir getcwd chdir fchdir chroot mkdir mkdirat rmdir link linkat symlink symlinkat "
   "readlink readlinkat unlink unlinkat rename renameat renameat2 mknod mknodat chmod fchmod fchmodat fchmodat2 chown "
   "chown32 fchown fchown32 fchownat lchown lchown32 utime utimes futimesat utimensat utimensat_time64 getxattr "
   "lgetxattr fgetxattr setxattr lsetxattr fsetxattr listxattr llistxattr flistxattr removexattr lremovexattr "
   "fremovexattr name_to_handle_at"),
  /* sockets; socket itself has rules of its own */
  ("socketpair socketcall bind listen accept accept4 connect shutdown getsockname getpeername getsockopt setsockopt "
   "send "
   "sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64"),
  /* System V and POSIX IPC */
  ("ipc msgget msgctl msgsnd msgrcv semget semctl semop semtimedop semtimedop_time64 shmget shmctl shmat shmdt mq_open "
   "mq_unlink mq_getsetattr mq_notify mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64"),
};

/* Calls that programs know may be denied. */
static const char *const refused[] = {
  /* of other machines than this container: mounts, namespaces, the host's name */
  ("mount umount umount2 pivot_root move_mount open_tree mount_setattr fsopen fsconfig fsmount fspick unshare setns "
   "sethostname setdomainname"),
  /* of the kernel itself */
  ("init_module finit_module delete_module create_module get_kernel_syms query_module kexec_load kexec_file_load "
   "reboot "
   "swapon swapoff bpf perf_event_open userfaultfd ioperm iopl acct quotactl quotactl_fd vhangup lookup_dcookie "
   "fanotify_init open_by_handle_at settimeofday stime clock_settime clock_settime64 nfsservctl pciconfig_iobase "
   "pciconfig_read pciconfig_write"),
  /* of other processes */
  "kcmp process_madvise migrate_pages move_pages",
  /* outdated, or of use to attackers mostly */
  ("_sysctl sysfs uselib ustat bdflush vm86 vm86old swapcontext sgetmask ssetmask nice oldstat oldlstat oldfstat "
   "olduname "
   "oldolduname vmsplice io_pgetevents io_pgetevents_time64"),
};

/* The personalities that change nothing for others: Linux and 32-bit Linux, with and without the 2.6 version number,
 * and the question which it is. */
static const guint32 personalities[] = { 0x0, 0x8, 0x20000, 0x20008, 0xffffffff };

/* The calls of these are judged too; elsewhere those of the native one alone. */
static const char *const architectures[] = {
#if defined(__x86_64__)
  "SCMP_ARCH_X86_64",
  "SCMP_ARCH_X86",
  "SCMP_ARCH_X32",
#elif defined(__aarch64__)
  "SCMP_ARCH_AARCH64",
  "SCMP_ARCH_ARM",
#endif
  NULL,
};

#if defined(__s390__)
#define CLONE_FLAGS_ARG 1
#else
#define CLONE_FLAGS_ARG 0
#endif

static const guint32 namespaces[] = { CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                      CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET };

typedef struct
{
  int index;
  const char *op;
  guint64 value;
  guint64 second; /* what is compared with, for SCMP_CMP_MASKED_EQ, where @value is the mask */
} Condition;

static void
add_int (JsonBuilder *builder, const char *name, gint64 value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_int_value (builder, value);
}

/* @denied: an errno, 0 to allow. */
static void
begin_rule (JsonBuilder *builder, int denied)
{
  json_builder_begin_object (builder);
  sc_json_add_string (builder, "action", denied == 0 ? "SCMP_ACT_ALLOW" : "SCMP_ACT_ERRNO");
  if (denied != 0)
    add_int (builder, "errnoRet", denied);
  json_builder_set_member_name (builder, "names");
  json_builder_begin_array (builder);
}

static void
add_names_rule (JsonBuilder *builder, const char *const *subjects, gsize n_subjects, int denied)
{
  begin_rule (builder, denied);
  for (gsize i = 0; i < n_subjects; i++)
    {
      g_auto (GStrv) names = g_strsplit (subjects[i], " ", -1);
      for (char **name = names; *name != NULL; name++)
        json_builder_add_string_value (builder, *name);
    }
  json_builder_end_array (builder);
  json_builder_end_object (builder);
}

static void
add_rule (JsonBuilder *builder, const char *name, int denied, const Condition *conditions, gsize n_conditions)
{
  begin_rule (builder, denied);
  json_builder_add_string_value (builder, name);
  json_builder_end_array (builder);
  json_builder_set_member_name (builder, "args");
  json_builder_begin_array (builder);
  for (gsize i = 0; i < n_conditions; i++)
    {
      json_builder_begin_object (builder);
      add_int (builder, "index", conditions[i].index);
      sc_json_add_string (builder, "op", conditions[i].op);
      add_int (builder, "value", (gint64)conditions[i].value);
      add_int (builder, "valueTwo", (gint64)conditions[i].second);
      json_builder_end_object (builder);
    }
  json_builder_end_array (builder);
  json_builder_end_object (builder);
}

/* clone makes threads and processes, but no namespace.  clone3 has its flags in memory, where a filter cannot look:
 * it stays unknown, and libc uses clone. */
static void
add_clone_rules (JsonBuilder *builder)
{
  Condition condition = { CLONE_FLAGS_ARG, "SCMP_CMP_MASKED_EQ", 0, 0 };

  for (gsize i = 0; i < G_N_ELEMENTS (namespaces); i++)
    condition.value |= namespaces[i];
  add_rule (builder, "clone", 0, &condition, 1);
  for (gsize i = 0; i < G_N_ELEMENTS (namespaces); i++)
    {
      condition.value = condition.second = namespaces[i];
      add_rule (builder, "clone", EPERM, &condition, 1);
    }
}

/* Every socket but the kernel's audit, which needs a capability; EINVAL is what a kernel without audit says. */
static void
add_socket_rules (JsonBuilder *builder)
{
  const Condition audit[] = { { 0, "SCMP_CMP_EQ", AF_NETLINK, 0 }, { 2, "SCMP_CMP_EQ", AUDIT_PROTOCOL, 0 } };
  const Condition no_netlink = { 0, "SCMP_CMP_NE", AF_NETLINK, 0 };
  const Condition no_audit = { 2, "SCMP_CMP_NE", AUDIT_PROTOCOL, 0 };

  add_rule (builder, "socket", EINVAL, audit, G_N_ELEMENTS (audit));
  add_rule (builder, "socket", 0, &no_netlink, 1);
  add_rule (builder, "socket", 0, &no_audit, 1);
}

JsonNode *
sc_seccomp_default (void)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  sc_json_add_string (builder, "defaultAction", "SCMP_ACT_ERRNO");
  add_int (builder, "defaultErrnoRet", ENOSYS);
  if (architectures[0] != NULL)
    {
      json_builder_set_member_name (builder, "architectures");
      json_builder_begin_array (builder);
      for (const char *const *name = architectures; *name != NULL; name++)
        json_builder_add_string_value (builder, *name);
      json_builder_end_array (builder);
    }
  json_builder_set_member_name (builder, "syscalls");
  json_builder_begin_array (builder);
  add_names_rule (builder, allowed, G_N_ELEMENTS (allowed), 0);
  add_names_rule (builder, refused, G_N_ELEMENTS (refused), EPERM);
  add_clone_rules (builder);
  add_socket_rules (builder);
  for (gsize i = 0; i < G_N_ELEMENTS (personalities); i++)
    {
      Condition condition = { 0, "SCMP_CMP_EQ", personalities[i], 0 };
      add_rule (builder, "personality", 0, &condition, 1);
    }
  json_builder_end_array (builder);
  json_builder_end_object (builder);
  return json_builder_get_root (builder);
}
