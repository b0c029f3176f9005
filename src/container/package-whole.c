/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A package of a whole container.  It is a deployment that is made for another place: its directory is moved into the
 * tree of its own files for the host, and that is packed.  The tree has the image's links: none is followed.
 */
#include "package-whole.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs.h"
#include "live.h"
#include "package-build.h"
#include "template.h"

#define UNITS    "/usr/lib/systemd/system"
#define TMPFILES "/usr/lib/tmpfiles.d"

#define DEPTH_LIMIT 300

typedef struct
{
  const ScMakeInput *input;
  ScCheckouts *checkouts;
  char *top; /* (nullable): directory in the checkouts with all that is made here */
} Whole;

static void
whole_clear (Whole *whole)
{
  g_autoptr (GError) local = NULL;

  if (whole->top != NULL && !sc_fs_remove_tree_at (whole->checkouts->dfd, whole->top, &local))
    g_debug ("undo: %s", local->message);
  g_clear_pointer (&whole->top, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Whole, whole_clear)

/* A descriptor of the directory @path of @tree, made if it is missing. */
static int
open_made (int tree, const char *path, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (path, "/", -1);
  SC_AUTOFD int dir = sc_fs_open_dir_at (tree, ".", error);

  for (char **part = parts; dir >= 0 && *part != NULL; part++)
    {
      SC_AUTOFD int above = -1;

      if (**part == '\0')
        continue;
      above = sc_steal_fd (&dir);
      if (mkdirat (above, *part, 0755) != 0 && errno != EEXIST)
        return sc_fail_errno (error, errno, "%s", path), -1;
      dir = sc_fs_open_dir_at (above, *part, error);
    }
  if (dir < 0)
    sc_prefix (error, "files for the host: %s", path);
  return sc_steal_fd (&dir);
}

/* @file of the container's directory @from, if it is there, as @name of @path. */
static gboolean
copy_text (int tree, int from, const char *file, const char *path, const char *name, GError **error)
{
  g_autoptr (GBytes) text = NULL;
  SC_AUTOFD int dir = -1;
  gsize size = 0;
  const char *data;

  if (!sc_fs_exists_at (from, file))
    return TRUE;
  text = sc_fs_read_file_at (from, file, SC_TEMPLATE_MAX_RESULT, error);
  dir = text != NULL ? open_made (tree, path, error) : -1;
  if (dir < 0)
    return FALSE;
  if (sc_fs_exists_at (dir, name))
    return sc_fail (error, SC_ERROR_FAILED, "its files for the host have %s/%s, which is made for it", path, name);
  data = g_bytes_get_data (text, &size);
  return sc_fs_write_file_at (dir, name, data != NULL ? data : "", size, 0644, error);
}

static gboolean
renew_link (int dir, const char *name, const struct stat *st, GError **error)
{
  g_autofree char *target = sc_fs_read_link_at (dir, name, error);

  if (target == NULL)
    return FALSE;
  if (unlinkat (dir, name, 0) != 0 || symlinkat (target, dir, name) != 0
      || fchownat (dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) != 0)
    return sc_fail_errno (error, errno, "%s", name);
  return TRUE;
}

/* In a checkout links with the same target are one inode, as the repository has them.  dpkg cannot unpack such. */
static gboolean
part_links (int dir, guint depth, GError **error)
{
  g_auto (GStrv) names = sc_fs_list_dir_at (dir, ".", error);

  if (names == NULL)
    return FALSE;
  if (depth > DEPTH_LIMIT)
    return sc_fail (error, SC_ERROR_LIMIT, "its root is more than %d directories deep", DEPTH_LIMIT);
  for (char **name = names; *name != NULL; name++)
    {
      SC_AUTOFD int sub = -1;
      struct stat st;

      if (fstatat (dir, *name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return sc_fail_errno (error, errno, "%s", *name);
      if (S_ISLNK (st.st_mode) && st.st_nlink > 1 && !renew_link (dir, *name, &st, error))
        return FALSE;
      if (!S_ISDIR (st.st_mode))
        continue;
      sub = sc_fs_open_dir_at (dir, *name, error);
      if (sub < 0 || !part_links (sub, depth + 1, error))
        return FALSE;
    }
  return TRUE;
}

/* Out of a deployment: the tree with everything at its final path, as "tree" of the top directory. */
static gboolean
lay_out (const Whole *whole, ScMade *made, int top, GError **error)
{
  const char *name = whole->input->name;
  g_autofree char *unit = sc_unit_name (name), *tmpfiles = sc_tmpfiles_name (name),
                  *conf = g_strconcat (name, ".conf", NULL);
  SC_AUTOFD int made_fd = sc_fs_open_dir_at (whole->checkouts->dfd, made->temp, error);
  SC_AUTOFD int tree = -1;
  SC_AUTOFD int place = -1;

  if (made_fd < 0 || !part_links (made_fd, 0, error))
    return FALSE;
  if (renameat (made_fd, SC_HOST_TREE, top, "tree") != 0)
    return sc_fail_errno (error, errno, "%s", SC_HOST_TREE);
  tree = sc_fs_open_dir_at (top, "tree", error);
  if (tree < 0)
    return FALSE;
  if (!copy_text (tree, made_fd, unit, UNITS, unit, error)
      || !copy_text (tree, made_fd, tmpfiles, TMPFILES, conf, error)
      || (place = open_made (tree, whole->input->ctx->preinstalled, error)) < 0)
    return FALSE;
  if (renameat2 (whole->checkouts->dfd, made->temp, place, name, RENAME_NOREPLACE) != 0)
    return sc_fail_errno (error, errno, "cannot move it to %s/%s", whole->input->ctx->preinstalled, name);
  g_clear_pointer (&made->temp, g_free);
  return TRUE;
}

/* (transfer full): what the file is called where everybody sees it. */
static char *
file_name (const ScPackageManager *manager, const ScPackageFile *package)
{
  const char *join = manager == &sc_package_dpkg ? "_" : "-", *arch = manager == &sc_package_dpkg ? "_" : ".";

  return g_strconcat (package->name, join, package->version, arch, package->architecture, ".", manager->suffix, NULL);
}

/* Whole or not at all; a link that is there already is not followed. */
static gboolean
hand_over (const char *file, const char *path, GError **error)
{
  g_autofree char *part = g_strconcat (path, ".XXXXXX", NULL), *dir = g_path_get_dirname (path),
                  *buffer = g_malloc (1 << 16);
  SC_AUTOFD int in = open (file, O_RDONLY | O_CLOEXEC);
  SC_AUTOFD int out = in >= 0 ? g_mkstemp_full (part, O_RDWR | O_CLOEXEC, 0600) : -1;
  gboolean done = TRUE;
  gssize n = 0;

  if (out < 0)
    return sc_fail_errno (error, errno, "%s", in < 0 ? file : path);
  while (done && ((n = read (in, buffer, 1 << 16)) > 0 || (n < 0 && errno == EINTR)))
    if (n > 0)
      done = sc_fs_write_all (out, buffer, (gsize)n, error) || sc_prefix (error, "%s", path);
  if (done && (n < 0 || fchmod (out, 0644) != 0 || fsync (out) != 0 || rename (part, path) != 0))
    done = sc_fail_errno (error, errno, "%s", path);
  if (!done)
    unlink (part);
  return done && sc_fs_sync_dir_at (AT_FDCWD, dir, error);
}

static gboolean
pack (const Whole *whole, const ScMadeFiles *files, const ScPackageManager *manager, int top, const char *dir,
      char **out_path, GError **error)
{
  const ScMakeInput *in = whole->input;
  g_autofree char *checkouts = sc_context_path (in->ctx, in->ctx->checkouts),
                  *tree_path = g_build_filename (checkouts, whole->top, "tree", NULL),
                  *work = g_build_filename (checkouts, whole->top, "work", NULL), *file = NULL, *name = NULL,
                  *path = NULL, *place = g_build_filename (in->ctx->preinstalled, in->name, NULL);
  SC_AUTOFD int tree = sc_fs_open_dir_at (top, "tree", error);
  g_autoptr (ScPackageFile) package = NULL;
  ScPackageInput input = { .ctx = in->ctx,
                           .manager = manager,
                           .container = in->name,
                           .image = in->image->name,
                           .number = SC_NO_DEPLOYMENT,
                           .labels = files->labels,
                           .values = files->values,
                           .exports = files->exports,
                           .rootfs = -1,
                           .tree = tree,
                           .tree_path = tree_path,
                           .work = work,
                           .whole = place,
                           .sink = in->sink,
                           .cancellable = in->cancellable };

  if (tree < 0 || !sc_fs_mkdir_p_at (top, "work", 0700, error) || !sc_package_make (&input, &file, &package, error))
    return FALSE;
  name = file_name (manager, package);
  path = g_build_filename (dir, name, NULL);
  if (!hand_over (file, path, error))
    return FALSE;
  *out_path = g_steal_pointer (&path);
  return TRUE;
}

gboolean
sc_package_whole (const ScMakeInput *input, ScContainerLock *lock, const char *dir, char **out_path, GError **error)
{
  g_autofree char *destdir = g_build_filename (input->ctx->preinstalled, input->name, NULL),
                  *prefix = g_strconcat (SC_CHECKOUTS_TEMP, input->name, NULL);
  const ScPackageManager *manager = sc_package_manager_find (input->ctx);
  g_auto (Whole) whole = { .input = input, .checkouts = lock->checkouts };
  g_auto (ScMadeFiles) files = { 0 };
  g_auto (ScMade) made = { 0 };
  ScMakeInput for_there = *input;
  SC_AUTOFD int top = -1;

  for_there.destdir = destdir;
  if (!sc_deployment_make (&for_there, lock, SC_NO_DEPLOYMENT, &made, &files, error))
    return FALSE;
  whole.top = sc_fs_make_temp_dir_at (lock->checkouts->dfd, prefix, error);
  top = whole.top != NULL ? sc_fs_open_dir_at (lock->checkouts->dfd, whole.top, error) : -1;
  return top >= 0 && lay_out (&whole, &made, top, error) && pack (&whole, &files, manager, top, dir, out_path, error);
}
