/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The root of a container: in its deployment, or a directory of the host that it was given.  The latter is only ever
 * read.
 */
#include "remote.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "config-json.h"
#include "fs.h"

#define SYSTEM_REPO "/ostree/repo"

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

/* Is the directory @fd that of @outer, or within it?  By what they are, whatever names lead there. */
static gboolean
is_within (int fd, const struct stat *outer, gboolean *out, GError **error)
{
  SC_AUTOFD int at = openat (fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  struct stat st, below = { 0 };

  for (*out = FALSE; at >= 0 && fstat (at, &st) == 0; below = st)
    {
      int above;

      *out = st.st_dev == outer->st_dev && st.st_ino == outer->st_ino;
      if (*out || (st.st_dev == below.st_dev && st.st_ino == below.st_ino))
        return TRUE;
      above = openat (at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
      sc_close_fd_p (&at);
      at = above;
    }
  return sc_fail_errno (error, errno, "cannot find out where it is");
}

/* The place @ours, which may not exist, and @fd have nothing in common. */
static gboolean
check_apart (const ScContext *ctx, int fd, const struct stat *st, const char *ours, GError **error)
{
  g_autofree char *path = sc_context_path (ctx, ours);
  SC_AUTOFD int base = open (path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  gboolean within = FALSE, around = FALSE;
  struct stat place;

  if (base < 0)
    return errno == ENOENT || errno == ENOTDIR || sc_fail_errno (error, errno, "%s", ours);
  if (fstat (base, &place) != 0)
    return sc_fail_errno (error, errno, "%s", ours);
  if (!is_within (fd, &place, &within, error) || !is_within (base, st, &around, error))
    return FALSE;
  if (within)
    return sc_fail (error, SC_ERROR_INVALID, "it is within %s, where roots come and go", ours);
  return !around || sc_fail (error, SC_ERROR_INVALID, "it contains %s, which is no container's to see", ours);
}

static gboolean
check_place (const ScContext *ctx, int root, int fd, GError **error)
{
  const char *const ours[] = { ctx->checkouts, ctx->repo, SYSTEM_REPO };
  struct stat st, host;

  if (fstat (fd, &st) != 0 || fstat (root, &host) != 0)
    return sc_fail_errno (error, errno, "cannot find out where it is");
  if (st.st_dev == host.st_dev && st.st_ino == host.st_ino)
    return sc_fail (error, SC_ERROR_INVALID, "it is the root of the host, which cannot be that of a container");
  for (guint i = 0; i < G_N_ELEMENTS (ours); i++)
    if (ours[i] != NULL && !check_apart (ctx, fd, &st, ours[i], error))
      return FALSE;
  return TRUE;
}

int
sc_remote_open (const ScContext *ctx, const char *path, GError **error)
{
  SC_AUTOFD int root = sc_context_open_root (ctx, error);
  SC_AUTOFD int fd = root >= 0 ? sc_fs_open_in_root (root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, error) : -1;
  g_auto (GStrv) entries = NULL;

  if (root < 0)
    return -1;
  if (fd < 0 || (entries = sc_fs_list_dir_at (fd, ".", error)) == NULL || !check_place (ctx, root, fd, error))
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
