/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owners of files as a scriptlet.  Names are the image's: each of their bytes that is no letter or digit is written as
 * a number.  Links are left alone, since they would be followed.
 */
#include "package-owners.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "fs.h"

#define DEPTH_LIMIT 256
#define SIZE_LIMIT  ((gsize)64 * 1024 * 1024)

#define SCRIPT                                                                                                         \
  "\n%post -p <lua>\n"                                                                                                 \
  "local function own (path, uid, gid, mode)\n"                                                                        \
  "  posix.chown (path, uid, gid)\n"                                                                                   \
  "  if mode then posix.chmod (path, mode) end\n"                                                                      \
  "end\n"

static void
append_quoted (GString *out, const char *text)
{
  g_string_append_c (out, '"');
  for (const guchar *p = (const guchar *)text; *p != '\0'; p++)
    if (g_ascii_isalnum (*p) || *p == '/' || *p == '.' || *p == '-' || *p == '_')
      g_string_append_c (out, (char)*p);
    else
      g_string_append_printf (out, "\\%03u", *p);
  g_string_append_c (out, '"');
}

/* A change of owner takes set-id bits away. */
static void
append_mode (GString *out, mode_t mode)
{
  char text[] = "---------";

  for (guint i = 0; i < 9; i++)
    if ((mode >> (8 - i)) & 1)
      text[i] = "rwx"[i % 3];
  if ((mode & S_ISUID) && (mode & S_IXUSR))
    text[2] = 's';
  if ((mode & S_ISGID) && (mode & S_IXGRP))
    text[5] = 's';
  g_string_append_printf (out, ", \"%s\"", text);
}

static void
append_file (GString *out, const char *path, const struct stat *st)
{
  if (out->len == 0)
    g_string_append (out, SCRIPT);
  g_string_append (out, "own (");
  append_quoted (out, path);
  g_string_append_printf (out, ", %u, %u", st->st_uid, st->st_gid);
  if (S_ISREG (st->st_mode) && (st->st_mode & (S_ISUID | S_ISGID)) != 0)
    append_mode (out, st->st_mode);
  g_string_append (out, ")\n");
}

static gboolean
walk (GString *out, int dir, const char *path, guint depth, GError **error)
{
  g_auto (GStrv) names = sc_fs_list_dir_at (dir, ".", error);

  if (names == NULL)
    return FALSE;
  if (depth > DEPTH_LIMIT || out->len > SIZE_LIMIT)
    return sc_fail (error, SC_ERROR_LIMIT, "too many files that are not root's for a package");
  for (char **name = names; *name != NULL; name++)
    {
      g_autofree char *below = g_strconcat (path, "/", *name, NULL);
      struct stat st;

      if (fstatat (dir, *name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return sc_fail_errno (error, errno, "%s", below);
      if ((st.st_uid != 0 || st.st_gid != 0) && (S_ISREG (st.st_mode) || S_ISDIR (st.st_mode)))
        append_file (out, below, &st);
      if (S_ISDIR (st.st_mode))
        {
          SC_AUTOFD int sub = sc_fs_open_dir_at (dir, *name, error);

          if (sub < 0 || !walk (out, sub, below, depth + 1, error))
            return FALSE;
        }
    }
  return TRUE;
}

char *
sc_package_owners_script (int tfd, const char *place, GError **error)
{
  g_autoptr (GString) out = g_string_new (NULL);

  return walk (out, tfd, place, 0, error) ? g_strdup (out->str) : NULL;
}
