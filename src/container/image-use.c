/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which images containers need: what may not be taken from under them.
 */
#include "image-use.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs.h"
#include "info.h"
#include "reference.h"
#include "sort.h"

#define INFO_LIMIT (4 * 1024 * 1024)

/* A container remembers the name as it was written when it was installed, maybe by an older tool: without its tag. */
gboolean
sc_image_is_used (const ScImage *image, const GPtrArray *deployments)
{
  for (guint i = 0; i < deployments->len; i++)
    {
      const ScDeployment *deployment = deployments->pdata[i];
      g_autoptr (ScReference) ref = NULL;
      g_autofree char *name = NULL;

      if (g_strcmp0 (deployment->revision, image->id) != 0 || deployment->image == NULL)
        continue;
      if (strcmp (deployment->image, image->name) == 0)
        return TRUE;
      ref = sc_reference_parse (deployment->image, NULL);
      name = ref != NULL ? sc_reference_store_name (ref) : NULL;
      if (g_strcmp0 (name, image->name) == 0)
        return TRUE;
    }
  return FALSE;
}

/* What the deployment in the directory @name was made of; a directory without an info file is none. */
static gboolean
add_commit (int base, const char *name, GPtrArray *commits, GError **error)
{
  g_autofree char *path = g_build_filename (name, "info", NULL);
  g_autoptr (ScDeployment) d = g_new0 (ScDeployment, 1);
  g_autoptr (GBytes) bytes = NULL;
  struct stat st;

  if (fstatat (base, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR (st.st_mode) || !sc_fs_exists_at (base, path))
    return TRUE;
  bytes = sc_fs_read_file_at (base, path, INFO_LIMIT, error);
  if (bytes == NULL || !sc_info_parse (bytes, d, error))
    return FALSE;
  if (d->commit != NULL && !g_ptr_array_find_with_equal_func (commits, d->commit, g_str_equal, NULL))
    g_ptr_array_add (commits, g_steal_pointer (&d->commit));
  return TRUE;
}

static gboolean
add_commits (const char *path, GPtrArray *commits, GError **error)
{
  SC_AUTOFD int base = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_auto (GStrv) names = NULL;

  if (base < 0)
    return errno == ENOENT || sc_fail_errno (error, errno, "%s", path);
  names = sc_fs_list_dir_at (base, ".", error);
  if (names == NULL)
    return FALSE;
  for (guint i = 0; names[i] != NULL; i++)
    if (names[i][0] != '.' && !add_commit (base, names[i], commits, error))
      return sc_prefix (error, "%s/%s", path, names[i]);
  return TRUE;
}

GPtrArray *
sc_image_commits_in_use (const ScContext *ctx, GError **error)
{
  g_autoptr (GPtrArray) commits = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *checkouts = sc_context_path (ctx, ctx->checkouts);
  g_autofree char *preinstalled = sc_context_path (ctx, ctx->preinstalled);

  if (!add_commits (checkouts, commits, error) || !add_commits (preinstalled, commits, error))
    return NULL;
  sc_sort_strings (commits);
  return g_steal_pointer (&commits);
}
