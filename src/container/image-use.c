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

#include "digest.h"
#include "fs.h"
#include "info.h"
#include "reference.h"
#include "sort.h"

/* A container remembers the name as it was written when it was installed, maybe by an older tool: without its tag. */
static gboolean
is_made_of (const ScDeployment *deployment, const ScImage *image)
{
  g_autoptr (ScReference) ref = NULL;
  g_autofree char *name = NULL;

  if (g_strcmp0 (deployment->revision, image->id) != 0 || deployment->image == NULL)
    return FALSE;
  if (strcmp (deployment->image, image->name) == 0)
    return TRUE;
  ref = sc_reference_parse (deployment->image, NULL);
  name = ref != NULL ? sc_reference_store_name (ref) : NULL;
  return g_strcmp0 (name, image->name) == 0;
}

gboolean
sc_image_is_used (const ScImage *image, const GPtrArray *deployments)
{
  for (guint i = 0; i < deployments->len; i++)
    if (is_made_of (deployments->pdata[i], image))
      return TRUE;
  return FALSE;
}

char *
sc_image_users (const ScImage *image, const GPtrArray *deployments)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();

  for (guint i = 0; i < deployments->len; i++)
    {
      const ScDeployment *d = deployments->pdata[i];

      if (is_made_of (d, image) && !g_ptr_array_find_with_equal_func (names, d->name, g_str_equal, NULL))
        g_ptr_array_add (names, d->name);
    }
  sc_sort_strings (names);
  g_ptr_array_add (names, NULL);
  return names->len == 1 ? NULL : g_strjoinv (", ", (char **)names->pdata);
}

/* Whether the directory @name, without an info file, is or was a deployment all the same: a link points to it, or it
 * has a root. */
static gboolean
is_deployment (int base, const char *name, const char *suffix)
{
  g_autofree char *rootfs = g_build_filename (name, "rootfs", NULL);
  g_autofree char *link = g_strndup (name, (gsize)(suffix - name));
  g_autofree char *target = sc_fs_read_link_at (base, link, NULL);
  g_autofree char *pointed_at = target != NULL ? g_path_get_basename (target) : NULL;

  return sc_fs_exists_at (base, rootfs) || g_strcmp0 (pointed_at, name) == 0;
}

/* Adds the deployment in the directory @name, if it is one. */
static gboolean
add_deployment (int base, gboolean preinstalled, const char *name, GPtrArray *deployments, GError **error)
{
  g_autofree char *path = g_build_filename (name, "info", NULL);
  const char *suffix = sc_deployment_suffix (name);
  g_autoptr (ScDeployment) d = g_new0 (ScDeployment, 1);
  g_autoptr (GBytes) bytes = NULL;
  struct stat st;

  if (fstatat (base, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR (st.st_mode))
    return TRUE;
  if (!sc_fs_exists_at (base, path))
    return suffix == NULL || !is_deployment (base, name, suffix)
           || sc_fail (error, SC_ERROR_INVALID, "it has no info, so what it needs is not known");
  bytes = sc_fs_read_file_at (base, path, SC_INFO_MAX, error);
  if (bytes == NULL || !sc_info_parse (bytes, d, error))
    return FALSE;
  d->preinstalled = preinstalled;
  d->number = suffix != NULL ? (int)g_ascii_strtoll (suffix + 1, NULL, 10) : -1;
  d->name = suffix != NULL ? g_strndup (name, (gsize)(suffix - name)) : g_strdup (name);
  g_ptr_array_add (deployments, g_steal_pointer (&d));
  return TRUE;
}

/* @known_only: leaves out what cannot be read. */
static gboolean
add_deployments (const char *path, gboolean preinstalled, const GPtrArray *except, gboolean known_only,
                 GPtrArray *deployments, GError **error)
{
  SC_AUTOFD int base = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_auto (GStrv) names = NULL;

  if (base < 0)
    return errno == ENOENT || sc_fail_errno (error, errno, "%s", path);
  names = sc_fs_list_dir_at (base, ".", error);
  if (names == NULL)
    return FALSE;
  for (guint i = 0; names[i] != NULL; i++)
    {
      if (names[i][0] == '.'
          || (except != NULL && g_ptr_array_find_with_equal_func ((GPtrArray *)except, names[i], g_str_equal, NULL)))
        continue;
      if (!add_deployment (base, preinstalled, names[i], deployments, known_only ? NULL : error) && !known_only)
        return sc_prefix (error, "%s/%s", path, names[i]);
    }
  return TRUE;
}

static GPtrArray *
find (const ScContext *ctx, const GPtrArray *except, gboolean known_only, GError **error)
{
  g_autoptr (GPtrArray) deployments = g_ptr_array_new_with_free_func ((GDestroyNotify)sc_deployment_free);
  g_autofree char *checkouts = sc_context_path (ctx, ctx->checkouts);
  g_autofree char *preinstalled = sc_context_path (ctx, ctx->preinstalled);

  if (!add_deployments (checkouts, FALSE, except, known_only, deployments, error)
      || !add_deployments (preinstalled, TRUE, NULL, known_only, deployments, error))
    return NULL;
  return g_steal_pointer (&deployments);
}

GPtrArray *
sc_image_deployments (const ScContext *ctx, const GPtrArray *except, GError **error)
{
  return find (ctx, except, FALSE, error);
}

GPtrArray *
sc_image_deployments_known (const ScContext *ctx, GError **error)
{
  return find (ctx, NULL, TRUE, error);
}

GPtrArray *
sc_deployments_commits (const GPtrArray *deployments)
{
  GPtrArray *commits = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < deployments->len; i++)
    {
      const ScDeployment *d = deployments->pdata[i];

      /* What is no checksum is no commit of ours. */
      if (d->commit != NULL && sc_digest_is_hex (d->commit)
          && !g_ptr_array_find_with_equal_func (commits, d->commit, g_str_equal, NULL))
        g_ptr_array_add (commits, g_strdup (d->commit));
    }
  sc_sort_strings (commits);
  return commits;
}

GPtrArray *
sc_image_commits_in_use (const ScContext *ctx, GError **error)
{
  g_autoptr (GPtrArray) deployments = sc_image_deployments (ctx, NULL, error);

  return deployments != NULL ? sc_deployments_commits (deployments) : NULL;
}
