/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The root of an image on disk: its layers stacked in memory first (tree-apply.c), then laid out in one pass of
 * hard links.  Nothing that a layer hides is ever created.
 */
#include "checkout.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixoutputstream.h>
#include <unistd.h>

#include "fs.h"
#include "image-tree.h"
#include "object-hash.h"
#include "object-writer.h"
#include "store-private.h"
#include "tree.h"

/* What OSTree gives every file. */
static const struct timespec epoch[2] = { { 0, 0 }, { 0, 0 } };

typedef struct
{
  OstreeRepo *repo;
  gboolean bare; /* objects are the files themselves; else (bare-user) links are kept as files */
  int objects;
  GCancellable *cancellable;
} Checkout;

/* Where a link cannot be: an equal file of its own. */
static gboolean
copy_object (Checkout *c, const ScNode *node, int dfd, const char *name, GError **error)
{
  char hex[SC_SHA256_HEX + 1];
  g_autoptr (GInputStream) in = NULL;
  g_autoptr (GOutputStream) out = NULL;
  g_autoptr (GFileInfo) info = NULL;
  g_autoptr (GVariant) xattrs = NULL;
  SC_AUTOFD int fd = -1;

  sc_digest_to_hex (node->checksum, hex);
  if (!ostree_repo_load_file (c->repo, hex, &in, &info, &xattrs, c->cancellable, error))
    return FALSE;
  if (g_file_info_get_file_type (info) == G_FILE_TYPE_SYMBOLIC_LINK)
    {
      if (symlinkat (g_file_info_get_symlink_target (info), dfd, name) != 0)
        return sc_fail_errno (error, errno, "cannot create '%s'", name);
      if (c->bare
          && fchownat (dfd, name, g_file_info_get_attribute_uint32 (info, "unix::uid"),
                       g_file_info_get_attribute_uint32 (info, "unix::gid"), AT_SYMLINK_NOFOLLOW)
                 != 0)
        return sc_fail_errno (error, errno, "cannot set the owner of '%s'", name);
      return TRUE;
    }
  fd = openat (dfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0)
    return sc_fail_errno (error, errno, "cannot create '%s'", name);
  out = g_unix_output_stream_new (fd, FALSE);
  if (g_output_stream_splice (out, in, G_OUTPUT_STREAM_SPLICE_NONE, c->cancellable, error) < 0)
    return FALSE;
  if (c->bare
      && fchown (fd, g_file_info_get_attribute_uint32 (info, "unix::uid"),
                 g_file_info_get_attribute_uint32 (info, "unix::gid"))
             != 0)
    return sc_fail_errno (error, errno, "cannot set the owner of '%s'", name);
  if (fchmod (fd, g_file_info_get_attribute_uint32 (info, "unix::mode") & 07777) != 0)
    return sc_fail_errno (error, errno, "cannot set the mode of '%s'", name);
  if (c->bare && !sc_object_set_xattrs (fd, xattrs, error))
    return FALSE;
  return futimens (fd, epoch) == 0 || sc_fail_errno (error, errno, "cannot set the time of '%s'", name);
}

static gboolean
lay_file (Checkout *c, ScNode *node, int dfd, const char *name, GError **error)
{
  char object[SC_OBJECT_PATH_SIZE];

  if (!c->bare)
    {
      if (!sc_node_examine (node, c->repo, error))
        return FALSE;
      if (node->type == SC_NODE_SYMLINK)
        return symlinkat (node->target, dfd, name) == 0 || sc_fail_errno (error, errno, "cannot create '%s'", name);
    }
  sc_object_path (OSTREE_OBJECT_TYPE_FILE, node->checksum, object);
  if (linkat (c->objects, object, dfd, name, 0) == 0)
    return TRUE;
  if (errno == ENOENT)
    return sc_fail (error, SC_ERROR_NOT_FOUND, "object %s of '%s' is missing: the repository is damaged", object, name);
  /* The file system allows no more links to one file (ext4: 65,000), or the repository is on another one. */
  if (errno == EMLINK || errno == EXDEV)
    return copy_object (c, node, dfd, name, error);
  return sc_fail_errno (error, errno, "cannot link '%s'", name);
}

/* Owner, mode and attributes of a directory, when its content is there. */
static gboolean
finish_dir (Checkout *c, const ScNode *node, int fd, GError **error)
{
  char hex[SC_SHA256_HEX + 1];
  g_autoptr (GVariant) meta = NULL, xattrs = NULL;
  guint32 uid, gid, mode;

  sc_digest_to_hex (node->checksum, hex);
  if (!ostree_repo_load_variant (c->repo, OSTREE_OBJECT_TYPE_DIR_META, hex, &meta, error))
    return FALSE;
  g_variant_get (meta, "(uuu@a(ayay))", &uid, &gid, &mode, &xattrs);
  if (c->bare && fchown (fd, GUINT32_FROM_BE (uid), GUINT32_FROM_BE (gid)) != 0)
    return sc_fail_errno (error, errno, "cannot set the owner");
  if (fchmod (fd, GUINT32_FROM_BE (mode) & 07777) != 0)
    return sc_fail_errno (error, errno, "cannot set the mode");
  if (c->bare && !sc_object_set_xattrs (fd, xattrs, error))
    return FALSE;
  return futimens (fd, epoch) == 0 || sc_fail_errno (error, errno, "cannot set the time");
}

static gboolean
lay_dir (Checkout *c, const ScNode *dir, int parent, const char *name, GError **error)
{
  g_autoptr (GPtrArray) names = sc_node_sorted_names (dir);
  SC_AUTOFD int fd = -1;

  if (g_cancellable_set_error_if_cancelled (c->cancellable, error))
    return FALSE;
  if (mkdirat (parent, name, 0700) != 0)
    return sc_fail_errno (error, errno, "cannot create directory '%s'", name);
  fd = sc_fs_open_dir_at (parent, name, error);
  if (fd < 0)
    return FALSE;
  for (guint i = 0; i < names->len; i++)
    {
      const char *child_name = g_ptr_array_index (names, i);
      ScNode *child = sc_node_child (dir, child_name);
      gboolean ok = child->type == SC_NODE_DIR ? lay_dir (c, child, fd, child_name, error)
                                               : lay_file (c, child, fd, child_name, error);

      if (!ok)
        return FALSE;
    }
  return finish_dir (c, dir, fd, error) || sc_prefix (error, "directory '%s'", name);
}

static gboolean
open_objects (Checkout *c, ScStore *store, GError **error)
{
  c->repo = store->repo;
  c->bare = ostree_repo_get_mode (store->repo) == OSTREE_REPO_MODE_BARE;
  c->objects = sc_fs_open_dir_at (ostree_repo_get_dfd (store->repo), "objects", error);
  return c->objects >= 0;
}

gboolean
sc_checkout_lay (ScStore *store, ScNode *node, int dfd, const char *name, GCancellable *cancellable, GError **error)
{
  Checkout c = { .objects = -1, .cancellable = cancellable };
  gboolean ok;

  if (!open_objects (&c, store, error))
    return FALSE;
  ok = node->type == SC_NODE_DIR ? lay_dir (&c, node, dfd, name, error) : lay_file (&c, node, dfd, name, error);
  sc_close_fd_p (&c.objects);
  return ok;
}

gboolean
sc_checkout_finish_dir (ScStore *store, const ScNode *dir, int fd, GError **error)
{
  Checkout c = { .repo = store->repo, .bare = ostree_repo_get_mode (store->repo) == OSTREE_REPO_MODE_BARE };

  return finish_dir (&c, dir, fd, error);
}

gboolean
sc_store_checkout (ScStore *store, const ScImage *image, int dfd, const char *name, GCancellable *cancellable,
                   GError **error)
{
  g_autoptr (ScStoreLock) lock = NULL;
  g_autoptr (ScNode) root = NULL;
  Checkout c = { .objects = -1, .cancellable = cancellable };
  gboolean ok;

  lock = sc_store_lock (store, FALSE, cancellable, error);
  if (lock == NULL)
    return FALSE;
  root = sc_image_tree (store, image, cancellable, error);
  if (root == NULL)
    return FALSE;
  if (!open_objects (&c, store, error))
    return FALSE;
  ok = lay_dir (&c, root, dfd, name, error);
  sc_close_fd_p (&c.objects);
  if (!ok)
    {
      g_autoptr (GError) ignored = NULL;

      if (!sc_fs_remove_tree_at (dfd, name, &ignored))
        g_debug ("%s", ignored->message);
      return sc_prefix (error, "image %s: checkout", image->name);
    }
  return TRUE;
}
