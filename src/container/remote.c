/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The root of a container: in its deployment, or a directory of the host that it was given.  The latter is only ever
 * read.
 */
#include "remote.h"

#include <fcntl.h>
#include <string.h>

#include "config-json.h"
#include "fs.h"

char *
sc_remote_path (const char *text, GError **error)
{
  g_autofree char *path = NULL;

  if (*text != '/')
    return sc_fail_null (error, SC_ERROR_USAGE, "--rootfs %s: must be an absolute path", text);
  if (!g_utf8_validate (text, -1, NULL))
    return sc_fail_null (error, SC_ERROR_USAGE, "--rootfs: the path is not UTF-8, which config.json must be");
  for (const char *p = text; *p != '\0'; p++)
    if (g_ascii_iscntrl (*p))
      return sc_fail_null (error, SC_ERROR_USAGE, "--rootfs: a control character in the path");
  path = sc_config_clean_path (text);
  if (strcmp (path, "/") == 0)
    return sc_fail_null (error, SC_ERROR_USAGE, "--rootfs /: the root of the host cannot be that of a container");
  return g_steal_pointer (&path);
}

/* (transfer full) (nullable): where @fd really is. */
static char *
real_path (int fd, GError **error)
{
  g_autofree char *link = g_strdup_printf ("/proc/self/fd/%d", fd);

  return sc_fs_read_link_at (AT_FDCWD, link, error);
}

static gboolean
check_place (const ScContext *ctx, int fd, GError **error)
{
  g_autofree char *path = sc_context_path (ctx, ctx->checkouts), *ours = NULL, *theirs = NULL;
  SC_AUTOFD int base = open (path, O_PATH | O_DIRECTORY | O_CLOEXEC);

  if (base < 0)
    return TRUE;
  ours = real_path (base, error);
  theirs = ours != NULL ? real_path (fd, error) : NULL;
  if (theirs == NULL)
    return FALSE;
  return !sc_config_path_is_below (theirs, ours)
         || sc_fail (error, SC_ERROR_INVALID, "it is within %s, where roots come and go", ctx->checkouts);
}

int
sc_remote_open (const ScContext *ctx, const char *path, GError **error)
{
  SC_AUTOFD int root = sc_context_open_root (ctx, error);
  SC_AUTOFD int fd = root >= 0 ? sc_fs_open_in_root (root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, error) : -1;
  g_auto (GStrv) entries = NULL;

  if (root < 0)
    return -1;
  if (fd < 0 || (entries = sc_fs_list_dir_at (fd, ".", error)) == NULL || !check_place (ctx, fd, error))
    return sc_prefix (error, "root %s", path), -1;
  if (entries[0] == NULL)
    return sc_fail (error, SC_ERROR_INVALID, "root %s: it is empty", path), -1;
  return sc_steal_fd (&fd);
}

char *
sc_deployment_root_path (const ScContext *ctx, const ScDeployment *deployment)
{
  g_autofree char *dir = sc_deployment_dir (ctx, deployment);

  return deployment->remote != NULL ? g_strdup (deployment->remote) : g_build_filename (dir, "rootfs", NULL);
}

int
sc_deployment_open_root (const ScContext *ctx, const ScDeployment *deployment, GError **error)
{
  g_autofree char *root = sc_deployment_root_path (ctx, deployment), *path = sc_context_path (ctx, root);

  return deployment->remote != NULL ? sc_remote_open (ctx, root, error) : sc_fs_open_dir_at (AT_FDCWD, path, error);
}
