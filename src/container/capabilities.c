/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * $ALL_PROCESS_CAPABILITIES: the names of what the running kernel counts.
 *
 * Owns the table of names, by number (capabilities(7)).  A kernel newer than the table has capabilities that runtimes
 * do not know either; they are left out.
 */
#include "config-json.h"

static const char *const names[] = {
  "CHOWN",
  "DAC_OVERRIDE",
  "DAC_READ_SEARCH",
  "FOWNER",
  "FSETID",
  "KILL",
  "SETGID",
  "SETUID",
  "SETPCAP",
  "LINUX_IMMUTABLE",
  "NET_BIND_SERVICE",
  "NET_BROADCAST",
  "NET_ADMIN",
  "NET_RAW",
  "IPC_LOCK",
  "IPC_OWNER",
  "SYS_MODULE",
  "SYS_RAWIO",
  "SYS_CHROOT",
  "SYS_PTRACE",
  "SYS_PACCT",
  "SYS_ADMIN",
  "SYS_BOOT",
  "SYS_NICE",
  "SYS_RESOURCE",
  "SYS_TIME",
  "SYS_TTY_CONFIG",
  "MKNOD",
  "LEASE",
  "AUDIT_WRITE",
  "AUDIT_CONTROL",
  "SETFCAP",
  "MAC_OVERRIDE",
  "MAC_ADMIN",
  "SYSLOG",
  "WAKE_ALARM",
  "BLOCK_SUSPEND",
  "AUDIT_READ",
  "PERFMON",
  "BPF",
  "CHECKPOINT_RESTORE",
};

char *
sc_capabilities_all (void)
{
  g_autoptr (GString) list = g_string_new (NULL);
  g_autofree char *last = NULL;
  gsize count = G_N_ELEMENTS (names);

  if (g_file_get_contents ("/proc/sys/kernel/cap_last_cap", &last, NULL, NULL))
    count = (gsize)MIN (g_ascii_strtoull (last, NULL, 10) + 1, G_N_ELEMENTS (names));
  for (gsize i = 0; i < count; i++)
    g_string_append_printf (list, "%s\"CAP_%s\"", i > 0 ? ", " : "", names[i]);
  return g_string_free (g_steal_pointer (&list), FALSE);
}
