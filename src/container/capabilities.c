/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * $ALL_PROCESS_CAPABILITIES: the names of what the running kernel counts.
 *
 * Owns the table of names, by number (capabilities(7)).  A kernel newer than the table has capabilities that runtimes
 * do not know either; they are left out.
 */
#include <fcntl.h>

#include "config-json.h"
#include "fs.h"

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
  g_autoptr (GBytes) bytes = sc_fs_read_file_at (AT_FDCWD, "/proc/sys/kernel/cap_last_cap", 64, NULL);
  gsize count = G_N_ELEMENTS (names);

  if (bytes != NULL)
    {
      gsize size;
      const char *data = g_bytes_get_data (bytes, &size);
      g_autofree char *text = g_strndup (data, size);
      guint64 last = g_ascii_strtoull (text, NULL, 10);
      count = (gsize)MIN (last + 1, G_N_ELEMENTS (names));
    }
  for (gsize i = 0; i < count; i++)
    g_string_append_printf (list, "%s\"CAP_%s\"", i > 0 ? ", " : "", names[i]);
  return g_string_free (g_steal_pointer (&list), FALSE);
}
