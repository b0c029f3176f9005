/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is free, and what of it must stay so.
 */
#include "space.h"

#include <sys/statvfs.h>

gboolean
sc_space_free (int fd, guint64 *out)
{
  struct statvfs st;

  if (fstatvfs (fd, &st) != 0)
    return FALSE;
  *out = (guint64)st.f_bavail * st.f_frsize;
  return TRUE;
}

guint64
sc_space_reserve (OstreeRepo *repo)
{
  guint64 reserve = 0;

  return ostree_repo_get_min_free_space_bytes (repo, &reserve, NULL) ? reserve : 0;
}
