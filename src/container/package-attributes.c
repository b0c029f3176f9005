/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Extended attributes that get lost in a package.  Reads only; no link is followed, and nothing but directories is
 * opened.
 */
#include "package-attributes.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "fs.h"
#include "object-header.h"

#define DEPTH_LIMIT 320
#define LIST_LIMIT  65536 /* of the kernel */

typedef struct
{
  guint count;
  char *first;
  char list[LIST_LIMIT];
} Found;

static gboolean
look_at (Found *found, int dir, const char *name, const char *path, GError **error)
{
  g_autofree char *place = g_strdup_printf ("/proc/self/fd/%d/%s", dir, name);
  gssize size = llistxattr (place, found->list, sizeof found->list);

  if (size < 0)
    return errno == EOPNOTSUPP || sc_fail_errno (error, errno, "%s", path);
  for (const char *one = found->list; one < found->list + size; one += strlen (one) + 1)
    if (sc_object_keeps_xattr (one))
      {
        if (found->count++ == 0)
          found->first = g_strdup (path);
        break;
      }
  return TRUE;
}

static gboolean
walk (Found *found, int dir, const char *path, guint depth, GError **error)
{
  g_auto (GStrv) names = sc_fs_list_dir_at (dir, ".", error);

  if (names == NULL)
    return FALSE;
  if (depth > DEPTH_LIMIT)
    return sc_fail (error, SC_ERROR_LIMIT, "files of a package more than %d directories deep", DEPTH_LIMIT);
  for (char **name = names; *name != NULL; name++)
    {
      g_autofree char *below = g_strconcat (path, "/", *name, NULL);
      SC_AUTOFD int sub = -1;
      struct stat st;

      if (fstatat (dir, *name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return sc_fail_errno (error, errno, "%s", below);
      if ((S_ISREG (st.st_mode) || S_ISDIR (st.st_mode)) && !look_at (found, dir, *name, below, error))
        return FALSE;
      if (!S_ISDIR (st.st_mode))
        continue;
      sub = sc_fs_open_dir_at (dir, *name, error);
      if (sub < 0 || !walk (found, sub, below, depth + 1, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
sc_package_attributes_find (int tfd, guint *out_count, char **out_first, GError **error)
{
  g_autofree Found *found = g_new0 (Found, 1);

  if (!walk (found, tfd, "", 0, error))
    {
      g_free (found->first);
      return FALSE;
    }
  *out_count = found->count;
  *out_first = found->first;
  return TRUE;
}
