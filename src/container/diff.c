/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Images and containers, compared.  The repository is held while their trees are looked at; the checkouts are not:
 * what changes meanwhile may be an error, and nothing worse.
 */
#include "diff.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "fs.h"
#include "image-tree.h"
#include "tree-scan.h"

/* One of the two. */
typedef struct
{
  const char *name;
  ScStore *store;
  ScSubject subject;
  ScNode *image; /* (nullable): tree of the image, or of a container of its own image */
  int rootfs;    /* of a container */
  ScNode *scanned;
  GHashTable *infos;
} Side;

static void
side_clear (Side *side)
{
  g_clear_pointer (&side->infos, g_hash_table_unref);
  g_clear_pointer (&side->scanned, sc_node_free);
  g_clear_pointer (&side->image, sc_node_free);
  sc_close_fd_p (&side->rootfs);
  sc_subject_clear (&side->subject);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Side, side_clear)

void
sc_diff_clear (ScDiff *diff)
{
  g_clear_pointer (&diff->files, g_ptr_array_unref);
  g_clear_pointer (&diff->packages, g_ptr_array_unref);
}

static gboolean
is_container (const Side *side)
{
  return side->subject.deployment != NULL;
}

/* Opens what @side's subject is. A container's own image may be gone or damaged: it only saves reading. */
static gboolean
open_side (Side *side, const ScContext *ctx, GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (side->subject.image != NULL)
    side->image = sc_image_tree (side->store, side->subject.image, cancellable, &local);
  if (!is_container (side) && local != NULL)
    return g_propagate_error (error, g_steal_pointer (&local)), FALSE;
  if (local != NULL)
    g_debug ("%s", local->message);
  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;
  if (is_container (side))
    side->rootfs = sc_subject_open_root (ctx, side->subject.deployment, error);
  return !is_container (side) || side->rootfs >= 0;
}

/* -- files -- */

/* The tree to compare. @other: may know more of a container than its own image. */
static gboolean
make_tree (Side *side, const Side *other, ScTreeSide *out, GCancellable *cancellable, GError **error)
{
  out->repo = sc_store_repo (side->store);
  out->root = side->image;
  if (!is_container (side))
    return TRUE;
  side->scanned = sc_tree_scan (out->repo, side->image != NULL ? side->image : other->image, side->rootfs, ".",
                                &side->infos, cancellable, error);
  if (side->scanned == NULL)
    return sc_prefix (error, "container %s", side->name);
  out->root = side->scanned;
  out->infos = side->infos;
  return TRUE;
}

static gboolean
compare_files (Side *a, Side *b, ScDiff *diff, GCancellable *cancellable, GError **error)
{
  ScTreeSide tree_a = { 0 }, tree_b = { 0 };

  if (!make_tree (a, b, &tree_a, cancellable, error) || !make_tree (b, a, &tree_b, cancellable, error))
    return FALSE;
  diff->files = sc_tree_diff (&tree_a, &tree_b, cancellable, error);
  return diff->files != NULL;
}

/* -- packages -- */

static GBytes *
read_image (gpointer data, const char *path, gsize max, GCancellable *cancellable, GError **error)
{
  Side *side = data;

  return sc_image_tree_read (side->store, side->image, path, max, cancellable, error);
}

static char **
list_image (gpointer data, const char *path, GError **error)
{
  Side *side = data;
  g_autoptr (GError) local = NULL;
  ScNode *node = sc_tree_resolve (side->image, sc_store_repo (side->store), path, TRUE, &local);
  g_autoptr (GPtrArray) names = NULL;
  g_autoptr (GPtrArray) copies = g_ptr_array_new ();

  if (local != NULL)
    return g_propagate_error (error, g_steal_pointer (&local)), NULL;
  if (node == NULL || node->type != SC_NODE_DIR)
    return NULL;
  names = sc_node_sorted_names (node);
  for (guint i = 0; i < names->len; i++)
    g_ptr_array_add (copies, g_strdup (names->pdata[i]));
  g_ptr_array_add (copies, NULL);
  return (char **)g_ptr_array_free (g_steal_pointer (&copies), FALSE);
}

static gboolean
is_absent (const GError *error)
{
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND)
         || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_DIRECTORY);
}

static GBytes *
read_container (gpointer data, const char *path, gsize max, GCancellable *cancellable, GError **error)
{
  Side *side = data;
  g_autoptr (GError) local = NULL;
  struct stat st;
  SC_AUTOFD int fd = sc_fs_open_in_root (side->rootfs, path, O_PATH | O_CLOEXEC, 0, &local);

  if (fd < 0 && !is_absent (local))
    return g_propagate_error (error, g_steal_pointer (&local)), NULL;
  /* A fifo or a device would do something when it is opened. */
  if (fd < 0 || fstat (fd, &st) != 0 || !S_ISREG (st.st_mode))
    return NULL;
  sc_close_fd_p (&fd);
  fd = sc_fs_open_in_root (side->rootfs, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0, error);
  return fd >= 0 ? sc_fs_read_fd (fd, path, max, error) : NULL;
}

static char **
list_container (gpointer data, const char *path, GError **error)
{
  Side *side = data;
  g_autoptr (GError) local = NULL;
  SC_AUTOFD int fd = sc_fs_open_in_root (side->rootfs, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, &local);

  if (fd >= 0)
    return sc_fs_list_dir_at (fd, ".", error);
  if (!is_absent (local))
    g_propagate_error (error, g_steal_pointer (&local));
  return NULL;
}

static GPtrArray *
list_packages (Side *side, gboolean *rpm, const ScProgressSink *sink, GCancellable *cancellable, GError **error)
{
  gboolean container = is_container (side);
  ScPackageRoot root = { container ? read_container : read_image, container ? list_container : list_image, side };
  g_autofree char *problem = NULL;
  GPtrArray *packages = sc_packages_list (&root, &problem, cancellable, error);

  if (packages == NULL)
    return sc_prefix_null (error, "%s", side->name);
  if (problem != NULL)
    {
      *rpm = FALSE;
      sc_progress_note (sink, "%s: packages of rpm are not compared: %s", side->name, problem);
    }
  return packages;
}

static void
drop_rpm (GPtrArray *packages)
{
  for (guint i = packages->len; i > 0; i--)
    if (strcmp (((const ScPackage *)packages->pdata[i - 1])->type, "rpm") == 0)
      g_ptr_array_remove_index (packages, i - 1);
}

static gboolean
compare_packages (Side *a, Side *b, ScDiff *diff, const ScProgressSink *sink, GCancellable *cancellable, GError **error)
{
  gboolean rpm = TRUE;
  g_autoptr (GPtrArray) old = list_packages (a, &rpm, sink, cancellable, error), new = NULL;

  if (old != NULL)
    new = list_packages (b, &rpm, sink, cancellable, error);
  if (new == NULL)
    return FALSE;
  /* What only one of them tells would look like a difference. */
  if (!rpm)
    {
      drop_rpm (old);
      drop_rpm (new);
    }
  diff->packages = sc_packages_diff (old, new);
  return TRUE;
}

/* -- */

/* With one name only: that container, and its image. */
static gboolean
find_own_image (Side *image, Side *container, GError **error)
{
  const ScDeployment *deployment = container->subject.deployment;

  if (deployment == NULL)
    return sc_fail (error, SC_ERROR_USAGE, "'%s' is not a container: say with what to compare it", container->name);
  if (container->subject.image == NULL)
    return sc_fail (error, SC_ERROR_NOT_FOUND,
                    "container %s: the image that it was made of, %s, is not in the repository any more",
                    container->name, deployment->image != NULL ? deployment->image : "without a name");
  image->name = container->subject.image->name;
  image->subject.image = g_steal_pointer (&container->subject.image);
  return TRUE;
}

gboolean
sc_diff (const ScContext *ctx, const ScDiffOptions *options, const ScProgressSink *sink, ScDiff *out_diff,
         GCancellable *cancellable, GError **error)
{
  g_autoptr (ScStore) store = sc_store_open (ctx, SC_STORE_READ, cancellable, error);
  g_autoptr (ScStoreLock) lock = NULL;
  g_auto (Side) a = { .name = options->from, .store = store, .rootfs = -1 };
  g_auto (Side) b = { .name = options->to != NULL ? options->to : options->from, .store = store, .rootfs = -1 };
  g_auto (ScDiff) diff = { 0 };

  if (store == NULL)
    return FALSE;
  if (sc_store_repo (store) != NULL && (lock = sc_store_lock (store, FALSE, cancellable, error)) == NULL)
    return FALSE;
  if (!sc_subject_find (ctx, store, b.name, &b.subject, cancellable, error))
    return FALSE;
  if (options->to == NULL ? !find_own_image (&a, &b, error)
                          : !sc_subject_find (ctx, store, a.name, &a.subject, cancellable, error))
    return FALSE;
  if (!open_side (&a, ctx, cancellable, error) || !open_side (&b, ctx, cancellable, error))
    return FALSE;
  if ((options->files && !compare_files (&a, &b, &diff, cancellable, error))
      || (options->packages && !compare_packages (&a, &b, &diff, sink, cancellable, error)))
    return FALSE;
  *out_diff = diff;
  diff = (ScDiff){ 0 };
  return TRUE;
}
