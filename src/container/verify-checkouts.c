/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A root on disk beside the image's tree in memory.  A file that is its object's inode is as good as the object, every
 * other one is hashed.  New things are made in a directory that whoever holds the checkouts next removes if we die, and
 * are renamed from there.
 */
#include "verify-checkouts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkout.h"
#include "fs.h"
#include "image-tree.h"
#include "info.h"
#include "json.h"

#define ROOTFS    "rootfs"
#define NEW       "new"
#define READ_SIZE ((gsize)64 * 1024)

typedef struct
{
  ScVerify *verify;
  const ScImage *image;
  gboolean bare;
  ScNode *root;           /* (nullable): read when the first deployment is met */
  ScVerifyReport *report; /* (nullable): repair instead */
  ScPart *part;           /* of @report */
  GString *path;
  const char *preinstalled; /* (nullable): where it is that is being looked at: of another system */
  int temp;                 /* directory for new things, of a repair */
  GCancellable *cancellable;
} Look;

static void
tell (Look *l, ScProblemKind kind, const char *text)
{
  sc_verify_report_add (l->report, l->part, kind, OSTREE_OBJECT_TYPE_FILE, NULL, l->path->len > 0 ? l->path->str : "/",
                        text);
}

/* -- repair -- */

/* Makes @node as @name of @dfd, in place of what is there. */
static gboolean
put (Look *l, ScNode *node, int dfd, const char *name, GError **error)
{
  struct stat st;
  gboolean there = fstatat (dfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
  /* A rename replaces a file by a file; what is of another kind changes places, and goes then. */
  gboolean exchange = there && (S_ISDIR (st.st_mode) || node->type == SC_NODE_DIR);

  if (!sc_fs_remove_tree_at (l->temp, NEW, error)
      || !sc_checkout_lay (l->verify->store, node, l->temp, NEW, l->cancellable, error))
    return FALSE;
  if (renameat2 (l->temp, NEW, dfd, name, exchange ? RENAME_EXCHANGE : 0) != 0)
    return sc_fail_errno (error, errno, "cannot put it in place");
  /* If both were the same inode the rename did nothing. */
  return sc_fs_remove_tree_at (l->temp, NEW, error);
}

/* -- comparing -- */

/* Content of an object and of a file, where there is no hash of the file alone. */
static gboolean
same_bytes (Look *l, const char *hex, int dfd, const char *name, gboolean *out, GError **error)
{
  g_autoptr (GInputStream) in = NULL;
  g_autofree char *a = g_malloc (READ_SIZE), *b = g_malloc (READ_SIZE);
  SC_AUTOFD int fd = openat (dfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  gsize n;

  *out = FALSE;
  if (fd < 0)
    return sc_fail_errno (error, errno, "cannot read");
  if (!ostree_repo_load_file (sc_store_repo (l->verify->store), hex, &in, NULL, NULL, l->cancellable, error))
    return FALSE;
  do
    {
      gsize got = 0;
      gssize m = 1;

      if (!g_input_stream_read_all (in, a, READ_SIZE, &n, l->cancellable, error))
        return FALSE;
      while (got < READ_SIZE && m > 0)
        {
          m = read (fd, b + got, READ_SIZE - got);
          got += m > 0 ? (gsize)m : 0;
        }
      if (got != n || memcmp (a, b, n) != 0)
        return TRUE;
    }
  while (n > 0);
  *out = TRUE;
  return TRUE;
}

/* A file of a bare-user repository's image that is not its object: links are made anew, and there may be copies. */
static gboolean
look_at_user_file (Look *l, ScNode *node, int dfd, const char *name, const struct stat *st, gboolean *out_same,
                   GError **error)
{
  char hex[SC_SHA256_HEX + 1];
  g_autofree char *target = NULL;

  *out_same = FALSE;
  sc_digest_to_hex (node->checksum, hex);
  if (!sc_node_examine (node, sc_store_repo (l->verify->store), error))
    return FALSE;
  if (node->type != SC_NODE_SYMLINK)
    return !S_ISREG (st->st_mode) || same_bytes (l, hex, dfd, name, out_same, error);
  if (!S_ISLNK (st->st_mode))
    return TRUE;
  target = sc_fs_read_link_at (dfd, name, error);
  *out_same = g_strcmp0 (target, node->target) == 0;
  return target != NULL;
}

/* @out_reason: (nullable): why it is not what the image has. */
static gboolean
look_at_file (Look *l, ScNode *node, int dfd, const char *name, const struct stat *st, char **out_reason,
              GError **error)
{
  ScObjectCheck *check = l->verify->check;
  char path[SC_OBJECT_PATH_SIZE];
  ScObjectState state;
  struct stat object;
  gboolean same = FALSE;

  sc_object_path (OSTREE_OBJECT_TYPE_FILE, node->checksum, path);
  if (!sc_object_check_now (check, OSTREE_OBJECT_TYPE_FILE, node->checksum, &state, l->cancellable, error))
    return FALSE;
  if (fstatat (sc_object_check_dfd (check), path, &object, AT_SYMLINK_NOFOLLOW) == 0 && object.st_ino == st->st_ino
      && object.st_dev == st->st_dev)
    {
      if (state != SC_OBJECT_GOOD)
        *out_reason = g_strdup ("it is the repository's damaged file");
      return TRUE;
    }
  if (l->bare)
    return sc_object_hasher_check (sc_object_check_hasher (check), OSTREE_OBJECT_TYPE_FILE, node->checksum, dfd, name,
                                   out_reason, l->cancellable, error);
  if (state == SC_OBJECT_GOOD && !look_at_user_file (l, node, dfd, name, st, &same, error))
    return FALSE;
  if (!same)
    *out_reason =
        g_strdup (state == SC_OBJECT_GOOD ? "it is not what the image has" : "there is nothing to compare it to");
  return TRUE;
}

/* Owner, mode and attributes. */
static gboolean
look_at_dir_meta (Look *l, const ScNode *dir, int fd, char **out_reason, GError **error)
{
  char hex[SC_SHA256_HEX + 1];
  g_autoptr (GVariant) meta = NULL;
  guint32 mode;
  struct stat st;

  if (l->bare)
    return sc_object_hasher_check_dir (sc_object_check_hasher (l->verify->check), dir->checksum, fd, out_reason, error);
  sc_digest_to_hex (dir->checksum, hex);
  if (!ostree_repo_load_variant (sc_store_repo (l->verify->store), OSTREE_OBJECT_TYPE_DIR_META, hex, &meta, error))
    return FALSE;
  g_variant_get_child (meta, 2, "u", &mode);
  if (fstat (fd, &st) != 0)
    return sc_fail_errno (error, errno, "cannot look");
  if ((GUINT32_FROM_BE (mode) & 07777) != (st.st_mode & 07777))
    *out_reason = g_strdup ("its mode is not that of the image");
  return TRUE;
}

static gboolean look_at_dir (Look *l, ScNode *dir, int fd, GError **error);

/* What is there is not what should be. */
static gboolean
found (Look *l, ScNode *node, int dfd, const char *name, ScProblemKind kind, const char *reason, GError **error)
{
  if (l->report == NULL)
    return put (l, node, dfd, name, error);
  tell (l, kind, reason);
  return TRUE;
}

static gboolean
look_at_child (Look *l, ScNode *node, int dfd, const char *name, GError **error)
{
  g_autofree char *reason = NULL;
  SC_AUTOFD int fd = -1;
  struct stat st;

  if (fstatat (dfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
    return errno == ENOENT ? found (l, node, dfd, name, SC_PROBLEM_CHECKOUT_MISSING, "it is missing", error)
                           : sc_fail_errno (error, errno, "cannot look");
  if (S_ISDIR (st.st_mode) != (node->type == SC_NODE_DIR))
    return found (l, node, dfd, name, SC_PROBLEM_CHECKOUT_CHANGED, "it is of another type", error);
  if (node->type == SC_NODE_DIR)
    {
      fd = sc_fs_open_dir_at (dfd, name, error);
      return fd >= 0 && look_at_dir (l, node, fd, error);
    }
  if (!look_at_file (l, node, dfd, name, &st, &reason, error))
    return FALSE;
  return reason == NULL || found (l, node, dfd, name, SC_PROBLEM_CHECKOUT_CHANGED, reason, error);
}

static void
tell_added (Look *l, ScNode *dir, char **names)
{
  gsize length = l->path->len;

  for (guint i = 0; names[i] != NULL; i++)
    if (sc_node_child (dir, names[i]) == NULL)
      {
        g_autofree char *valid = g_utf8_make_valid (names[i], -1);

        g_string_append_printf (l->path, "/%s", valid);
        tell (l, SC_PROBLEM_CHECKOUT_ADDED, "the image does not have it");
        g_string_truncate (l->path, length);
      }
}

static gboolean
look_at_dir (Look *l, ScNode *dir, int fd, GError **error)
{
  g_auto (GStrv) there = sc_fs_list_dir_at (fd, ".", error);
  g_autoptr (GPtrArray) names = sc_node_sorted_names (dir);
  g_autofree char *reason = NULL;
  gsize length = l->path->len;

  if (there == NULL || g_cancellable_set_error_if_cancelled (l->cancellable, error)
      || !look_at_dir_meta (l, dir, fd, &reason, error))
    return FALSE;
  if (l->report != NULL)
    tell_added (l, dir, there);
  if (reason != NULL && l->report != NULL)
    tell (l, SC_PROBLEM_CHECKOUT_CHANGED, reason);
  else if (reason != NULL && !sc_checkout_finish_dir (l->verify->store, dir, fd, error))
    return FALSE;
  for (guint i = 0; i < names->len; i++)
    {
      const char *name = g_ptr_array_index (names, i);

      g_string_append_printf (l->path, "/%s", name);
      if (!look_at_child (l, sc_node_child (dir, name), fd, name, error))
        return sc_prefix (error, "%s", name);
      g_string_truncate (l->path, length);
    }
  return TRUE;
}

/* -- deployments -- */

/* TRUE: it was made of the image; of that commit (@out_commit, nullable).  One whose info cannot be read is nobody's,
 * and a root that came from elsewhere is to be like no image. */
static gboolean
is_of_image (Look *l, int base, const char *name, char **out_commit)
{
  g_autofree char *path = g_build_filename (name, "info", NULL);
  g_autoptr (ScDeployment) d = g_new0 (ScDeployment, 1);
  g_autoptr (GBytes) bytes = NULL;
  struct stat st;

  if ((sc_deployment_suffix (name) == NULL && l->preinstalled == NULL) || name[0] == '.'
      || fstatat (base, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR (st.st_mode))
    return FALSE;
  bytes = sc_fs_read_file_at (base, path, SC_INFO_MAX, NULL);
  if (bytes == NULL || !sc_info_parse (bytes, d, NULL) || g_strcmp0 (d->revision, l->image->id) != 0
      || d->remote != NULL)
    return FALSE;
  *out_commit = g_steal_pointer (&d->commit);
  return TRUE;
}

/* Another commit of the same manifest serves as well. */
static gboolean
rewrite_commit (Look *l, int base, const char *name, GError **error)
{
  g_autofree char *path = g_build_filename (name, "info", NULL), *text = NULL;
  g_autoptr (GBytes) bytes = sc_fs_read_file_at (base, path, SC_INFO_MAX, error);
  g_autoptr (JsonNode) node = NULL;
  JsonObject *object = NULL;

  if (bytes != NULL)
    node = sc_json_parse ("info", g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), error);
  if (node != NULL)
    object = sc_json_node_object (node, "info", error);
  if (object == NULL)
    return FALSE;
  json_object_set_string_member (object, "ostree-commit", l->image->commit);
  text = sc_json_to_text (node, TRUE);
  return sc_fs_write_file_at (base, path, text, strlen (text), 0644, error);
}

/* What keeps the image when its name goes to another one: the commit that the deployment remembers. */
static gboolean
look_at_commit (Look *l, int base, const char *name, const char *commit, GError **error)
{
  g_autofree char *text = NULL;
  guint8 checksum[SC_SHA256_SIZE];
  ScObjectState state;

  if (commit == NULL || !sc_digest_is_hex (commit) || l->preinstalled != NULL)
    return TRUE;
  ostree_checksum_inplace_to_bytes (commit, checksum);
  if (!sc_object_check_now (l->verify->check, OSTREE_OBJECT_TYPE_COMMIT, checksum, &state, l->cancellable, error))
    return FALSE;
  if (state == SC_OBJECT_GOOD)
    return TRUE;
  if (l->report == NULL)
    return rewrite_commit (l, base, name, error);
  text = g_strdup_printf ("its info names commit %s, which the repository does not have", commit);
  sc_verify_report_add (l->report, l->part, SC_PROBLEM_CHECKOUT_CHANGED, OSTREE_OBJECT_TYPE_COMMIT, NULL, NULL, text);
  return TRUE;
}

static gboolean
look_at_deployment (Look *l, int base, const char *name, const char *commit, GError **error)
{
  SC_AUTOFD int dfd = sc_fs_open_dir_at (base, name, error);

  if (dfd < 0)
    return FALSE;
  g_string_truncate (l->path, 0);
  return look_at_commit (l, base, name, commit, error) && look_at_child (l, l->root, dfd, ROOTFS, error);
}

/* Somebody may have uninstalled it while it was looked at. */
static gboolean
is_gone (int base, const char *name, const struct stat *before)
{
  struct stat st;

  return fstatat (base, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || st.st_ino != before->st_ino;
}

static gboolean
report_deployment (Look *l, int base, const char *name, const char *commit, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autofree char *id = NULL;
  struct stat before;

  if (fstatat (base, name, &before, AT_SYMLINK_NOFOLLOW) != 0)
    return TRUE;
  id = l->preinstalled != NULL ? g_build_filename (l->preinstalled, name, NULL) : g_strdup (name);
  l->part = sc_verify_report_add_part (l->report, SC_PART_CONTAINER, id);
  l->part->read_only = l->preinstalled != NULL;
  if (!look_at_deployment (l, base, name, commit, &local) && !is_gone (base, name, &before))
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return sc_prefix (error, "container %s", name);
    }
  if (is_gone (base, name, &before))
    {
      l->report->damages -= l->part->damages;
      l->report->listed -= l->part->problems->len;
      g_ptr_array_set_size (l->report->parts, (int)l->report->parts->len - 1);
    }
  return TRUE;
}

static void
look_init (Look *l, ScVerify *verify, const ScImage *image, GCancellable *cancellable)
{
  *l = (Look){ .verify = verify, .image = image, .path = g_string_new (NULL), .temp = -1, .cancellable = cancellable };
  l->bare = ostree_repo_get_mode (sc_store_repo (verify->store)) == OSTREE_REPO_MODE_BARE;
}

static void
look_clear (Look *l)
{
  g_clear_pointer (&l->root, sc_node_free);
  g_string_free (l->path, TRUE);
  sc_close_fd_p (&l->temp);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Look, look_clear)

/* Whether only files of the image are damaged, so that it is known what a root should be. */
static gboolean
trees_are_good (const ScVerifyReport *report)
{
  for (guint i = 0; i < report->parts->len; i++)
    {
      const ScPart *part = g_ptr_array_index (report->parts, i);

      if (part->more > 0)
        return FALSE;
      for (guint j = 0; j < part->problems->len; j++)
        {
          const ScProblem *problem = g_ptr_array_index (part->problems, j);

          if (problem->object == NULL || !g_str_has_suffix (problem->object, ".file"))
            return FALSE;
        }
    }
  return TRUE;
}

/* What a root should be, if anybody knows: a link to follow may be damaged too. */
static gboolean
load_tree (Look *l, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (l->root == NULL && trees_are_good (l->report))
    l->root = sc_image_tree (l->verify->store, l->image, l->cancellable, &local);
  l->report->blind = l->root == NULL;
  if (local == NULL || (l->report->damages > 0 && !g_error_matches (local, G_IO_ERROR, G_IO_ERROR_CANCELLED)))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

static gboolean
report_deployments (Look *l, const char *path, GError **error)
{
  SC_AUTOFD int base = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_auto (GStrv) names = NULL;

  if (base < 0)
    return errno == ENOENT || sc_fail_errno (error, errno, "%s", path);
  names = sc_fs_list_dir_at (base, ".", error);
  if (names == NULL)
    return sc_prefix (error, "%s", path);
  for (guint i = 0; names[i] != NULL && !l->report->blind; i++)
    {
      g_autofree char *commit = NULL;

      if (is_of_image (l, base, names[i], &commit)
          && ((l->root == NULL && !load_tree (l, error))
              || (l->root != NULL && !report_deployment (l, base, names[i], commit, error))))
        return FALSE;
    }
  return TRUE;
}

gboolean
sc_verify_checkouts (const ScContext *ctx, ScVerify *verify, const ScImage *image, ScVerifyReport *report,
                     GCancellable *cancellable, GError **error)
{
  g_autofree char *path = sc_context_path (ctx, ctx->checkouts);
  g_autofree char *preinstalled = sc_context_path (ctx, ctx->preinstalled);
  g_auto (Look) l;

  look_init (&l, verify, image, cancellable);
  l.report = report;
  if (!report_deployments (&l, path, error))
    return FALSE;
  l.preinstalled = ctx->preinstalled;
  return report_deployments (&l, preinstalled, error);
}

gboolean
sc_verify_repair_checkouts (ScCheckouts *checkouts, ScVerify *verify, const ScImage *image, GCancellable *cancellable,
                            GError **error)
{
  g_auto (GStrv) names = sc_fs_list_dir_at (checkouts->dfd, ".", error);
  g_autofree char *temp = NULL;
  g_auto (Look) l;
  gboolean ok = TRUE;

  look_init (&l, verify, image, cancellable);
  if (names == NULL || (l.root = sc_image_tree (verify->store, image, cancellable, error)) == NULL)
    return FALSE;
  if ((temp = sc_fs_make_temp_dir_at (checkouts->dfd, SC_CHECKOUTS_TEMP "repair", error)) == NULL
      || (l.temp = sc_fs_open_dir_at (checkouts->dfd, temp, error)) < 0)
    return sc_prefix (error, "%s", checkouts->path);
  for (guint i = 0; ok && names[i] != NULL; i++)
    {
      g_autofree char *commit = NULL;

      if (is_of_image (&l, checkouts->dfd, names[i], &commit))
        ok = look_at_deployment (&l, checkouts->dfd, names[i], commit, error)
             || sc_prefix (error, "container %s", names[i]);
    }
  if (!ok)
    {
      g_autoptr (GError) ignored = NULL;

      if (!sc_fs_remove_tree_at (checkouts->dfd, temp, &ignored))
        g_debug ("%s", ignored->message);
      return FALSE;
    }
  return sc_fs_remove_tree_at (checkouts->dfd, temp, error) && sc_fs_sync_all (checkouts->dfd, error);
}
