/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The user of an image, as numbers.
 *
 * Reads two text files of the image, which is not trusted: beneath its root, bounded in size, and a line that is not
 * well-formed is passed over as libc does.  An id is at most INT32_MAX, because runtimes take no more.
 */
#include "passwd.h"

#include <fcntl.h>
#include <string.h>

#include "fs.h"

#define ACCOUNTS_MAX_SIZE (1024 * 1024)

/* (transfer full): the lines of a file; none if it does not exist. */
static char **
load_lines (int rootfs, const char *path, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autofree char *text = NULL;
  gsize size;
  const char *data;
  SC_AUTOFD int fd = sc_fs_open_in_root (rootfs, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0, &local_error);

  if (fd < 0)
    {
      if (g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
        return g_new0 (char *, 1);
      g_propagate_prefixed_error (error, g_steal_pointer (&local_error), "%s of the image: ", path);
      return NULL;
    }
  bytes = sc_fs_read_fd (fd, path, ACCOUNTS_MAX_SIZE, error);
  if (bytes == NULL)
    return sc_prefix_null (error, "user of the image");
  data = g_bytes_get_data (bytes, &size);
  text = g_strndup (data, size);
  return g_strsplit (text, "\n", -1);
}

static gboolean
parse_id (const char *text, guint32 *out)
{
  guint64 value;

  if (!g_ascii_string_to_unsigned (text, 10, 0, G_MAXINT32, &value, NULL))
    return FALSE;
  *out = (guint32)value;
  return TRUE;
}

static gboolean
is_number (const char *text)
{
  return *text != '\0' && strspn (text, G_CSET_DIGITS) == strlen (text);
}

/* An entry is meant by its name, or by its id. */
static gboolean
entry_matches (const char *word, const char *name, guint32 id)
{
  guint32 wanted;
  return strcmp (word, name) == 0 || (is_number (word) && parse_id (word, &wanted) && wanted == id);
}

/* *out_name is set if an entry was found. */
static gboolean
find_user (char **lines, const char *word, ScUser *user, char **out_name, GError **error)
{
  for (char **line = lines; *line != NULL; line++)
    {
      g_auto (GStrv) fields = g_strsplit (*line, ":", -1);
      guint32 uid, gid;

      if (g_strv_length (fields) < 4 || *fields[0] == '\0' || !parse_id (fields[2], &uid) || !parse_id (fields[3], &gid)
          || !entry_matches (word, fields[0], uid))
        continue;
      user->uid = uid;
      user->gid = gid;
      *out_name = g_strdup (fields[0]);
      if (g_strv_length (fields) > 5 && *fields[5] == '/' && g_utf8_validate (fields[5], -1, NULL))
        user->home = g_strdup (fields[5]);
      return TRUE;
    }
  if (!is_number (word))
    return sc_fail (error, SC_ERROR_INVALID, "user '%s' is not in /etc/passwd of the image", word);
  if (!parse_id (word, &user->uid))
    return sc_fail (error, SC_ERROR_INVALID, "user '%s' of the image: an id over %d", word, G_MAXINT32);
  return TRUE;
}

static gboolean
find_group (char **lines, const char *word, ScUser *user, GError **error)
{
  for (char **line = lines; *line != NULL; line++)
    {
      g_auto (GStrv) fields = g_strsplit (*line, ":", -1);
      guint32 gid;

      if (g_strv_length (fields) < 3 || !parse_id (fields[2], &gid) || !entry_matches (word, fields[0], gid))
        continue;
      user->gid = gid;
      return TRUE;
    }
  if (!is_number (word))
    return sc_fail (error, SC_ERROR_INVALID, "group '%s' is not in /etc/group of the image", word);
  if (!parse_id (word, &user->gid))
    return sc_fail (error, SC_ERROR_INVALID, "group '%s' of the image: an id over %d", word, G_MAXINT32);
  return TRUE;
}

static void
add_member_groups (char **lines, const char *name, ScUser *user)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);

  for (char **line = lines; *line != NULL; line++)
    {
      g_auto (GStrv) fields = g_strsplit (*line, ":", -1);
      g_auto (GStrv) members = NULL;
      guint32 gid;

      if (g_strv_length (fields) < 4 || !parse_id (fields[2], &gid) || gid == user->gid
          || g_hash_table_contains (seen, GUINT_TO_POINTER (gid)))
        continue;
      members = g_strsplit (fields[3], ",", -1);
      if (!g_strv_contains ((const char *const *)members, name))
        continue;
      g_hash_table_add (seen, GUINT_TO_POINTER (gid));
      g_array_append_val (user->groups, gid);
    }
}

ScUser *
sc_user_resolve (int rootfs, const char *spec, GError **error)
{
  g_autoptr (ScUser) user = g_new0 (ScUser, 1);
  g_auto (GStrv) words = g_strsplit (spec != NULL ? spec : "", ":", 2);
  const char *name = words[0] != NULL && *words[0] != '\0' ? words[0] : "0";
  const char *group = words[0] != NULL && words[1] != NULL && *words[1] != '\0' ? words[1] : NULL;
  g_auto (GStrv) passwd_lines = load_lines (rootfs, "/etc/passwd", error);
  g_auto (GStrv) group_lines = NULL;
  g_autofree char *found = NULL;

  user->groups = g_array_new (FALSE, FALSE, sizeof (guint32));
  if (passwd_lines == NULL)
    return NULL;
  group_lines = load_lines (rootfs, "/etc/group", error);
  if (group_lines == NULL || !find_user (passwd_lines, name, user, &found, error))
    return NULL;
  if (group != NULL && !find_group (group_lines, group, user, error))
    return NULL;
  if (group == NULL && found != NULL)
    add_member_groups (group_lines, found, user);
  if (user->home == NULL)
    user->home = g_strdup ("/");
  return g_steal_pointer (&user);
}

void
sc_user_free (ScUser *user)
{
  if (user == NULL)
    return;
  g_array_unref (user->groups);
  g_free (user->home);
  g_free (user);
}
