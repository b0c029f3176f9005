/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The list of mounts of this process.  Paths in it are bytes, with blanks, tabs, newlines and backslashes as \ooo.
 */
#include "mountinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "fs.h"

#define FILE_LIMIT (64 * 1024 * 1024)

void
sc_mount_free (ScMount *mount)
{
  g_free (mount->root);
  g_free (mount->mount_point);
  g_free (mount->type);
  g_free (mount->source);
  g_free (mount);
}

static gboolean
is_octal (const char *text)
{
  for (guint i = 0; i < 3; i++)
    if (text[i] < '0' || text[i] > (i == 0 ? '3' : '7'))
      return FALSE;
  return TRUE;
}

/* (transfer full) */
static char *
decode (const char *text)
{
  GString *out = g_string_new (NULL);

  for (; *text != '\0'; text++)
    if (*text == '\\' && is_octal (text + 1))
      {
        g_string_append_c (out, (char)((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0')));
        text += 3;
      }
    else
      g_string_append_c (out, *text);
  return g_string_free (out, FALSE);
}

/* "36 35 98:0 /root /mount/point options optional-fields - type source super-options" */
static ScMount *
parse_line (const char *line)
{
  g_auto (GStrv) words = g_strsplit (line, " ", -1);
  g_autoptr (ScMount) mount = g_new0 (ScMount, 1);
  guint n = g_strv_length (words), dash = 6;

  while (dash < n && strcmp (words[dash], "-") != 0)
    dash++;
  if (n < 6 || dash + 2 >= n || !g_ascii_string_to_unsigned (words[0], 10, 0, G_MAXUINT64, &mount->id, NULL))
    return NULL;
  mount->root = decode (words[3]);
  mount->mount_point = decode (words[4]);
  mount->type = decode (words[dash + 1]);
  mount->source = decode (words[dash + 2]);
  return g_steal_pointer (&mount);
}

GPtrArray *
sc_mountinfo_parse (const char *text, gsize size, GError **error)
{
  g_autoptr (GPtrArray) mounts = g_ptr_array_new_with_free_func ((GDestroyNotify)sc_mount_free);
  const char *end = text + size;

  for (guint number = 1; text < end; number++)
    {
      const char *newline = memchr (text, '\n', (gsize)(end - text));
      g_autofree char *line = g_strndup (text, (gsize)((newline != NULL ? newline : end) - text));
      ScMount *mount = parse_line (line);

      if (mount == NULL)
        return sc_fail_null (error, SC_ERROR_INVALID, "mountinfo: line %u: not a mount", number);
      g_ptr_array_add (mounts, mount);
      text = newline != NULL ? newline + 1 : end;
    }
  return g_steal_pointer (&mounts);
}

GPtrArray *
sc_mountinfo_load (GError **error)
{
  SC_AUTOFD int fd = open ("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
  g_autoptr (GBytes) bytes = NULL;
  const char *text;
  gsize size;

  if (fd < 0)
    return sc_fail_errno_null (error, errno, "/proc/self/mountinfo");
  bytes = sc_fs_read_fd (fd, "/proc/self/mountinfo", FILE_LIMIT, error);
  if (bytes == NULL)
    return NULL;
  text = g_bytes_get_data (bytes, &size);
  return sc_mountinfo_parse (text != NULL ? text : "", size, error);
}

char *
sc_mountinfo_view (GError **error)
{
  g_autoptr (GBytes) boot = sc_fs_read_file_at (AT_FDCWD, "/proc/sys/kernel/random/boot_id", 4096, error);
  g_autofree char *id = NULL;
  struct stat ns;
  struct statx root;

  if (boot == NULL)
    return NULL;
  if (stat ("/proc/self/ns/mnt", &ns) != 0)
    return sc_fail_errno_null (error, errno, "/proc/self/ns/mnt");
  if (statx (AT_FDCWD, "/", 0, STATX_INO | STATX_MNT_ID, &root) != 0)
    return sc_fail_errno_null (error, errno, "/");
  id = g_strndup (g_bytes_get_data (boot, NULL), g_bytes_get_size (boot));
  return g_strdup_printf ("%s %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT, g_strstrip (id),
                          (guint64)ns.st_ino, (guint64)root.stx_mnt_id, (guint64)root.stx_ino);
}
