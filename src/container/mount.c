/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mounting and unmounting images and containers.  Everything happens while the checkouts are held.  The order is what
 * makes a crash harmless: the private directory and what is to be shown, the tree attached nowhere, its record, the
 * mount; and backwards, the mount, the directory.
 */
#include "mount.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "checkout.h"
#include "fs.h"
#include "mount-record.h"

#define ROOTFS "rootfs"

typedef struct
{
  const ScContext *ctx;
  ScStore *store;
  const ScSubject *subject;
  const ScMountOptions *options;
  GCancellable *cancellable;
  ScCheckouts *checkouts;
  ScMountRecord *record; /* (nullable): of the private directory, once it is made */
  int private_fd;
  int dir;
  char *path; /* of @dir, without links */
} Mount;

static void
mount_clear (Mount *m)
{
  g_clear_pointer (&m->record, sc_mount_record_free);
  sc_close_fd_p (&m->private_fd);
  sc_close_fd_p (&m->dir);
  g_free (m->path);
  /* Last: the rest is of what it holds. */
  g_clear_pointer (&m->checkouts, sc_checkouts_release);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Mount, mount_clear)

/* -- options -- */

gboolean
sc_mount_options_parse (const char *text, ScMountOptions *out, GError **error)
{
  ScMountAttributes *a = &out->attributes;
  const struct
  {
    const char *name;
    gboolean *flag, value;
  } known[] = {
    { "ro", &a->read_only, TRUE },  { "rw", &a->read_only, FALSE }, { "nosuid", &a->nosuid, TRUE },
    { "suid", &a->nosuid, FALSE },  { "nodev", &a->nodev, TRUE },   { "dev", &a->nodev, FALSE },
    { "noexec", &a->noexec, TRUE }, { "exec", &a->noexec, FALSE },
  };
  g_auto (GStrv) words = g_strsplit (text != NULL ? text : "", ",", -1);

  a->read_only = !out->live;
  a->nosuid = a->nodev = TRUE;
  a->noexec = FALSE;
  for (guint i = 0; words[i] != NULL; i++)
    {
      guint k = 0;

      while (k < G_N_ELEMENTS (known) && strcmp (known[k].name, words[i]) != 0)
        k++;
      if (k == G_N_ELEMENTS (known))
        return sc_fail (error, SC_ERROR_USAGE,
                        "'%s' is no mount option: ro, rw, suid, nosuid, dev, nodev, exec and noexec are", words[i]);
      *known[k].flag = known[k].value;
    }
  if (out->live && a->read_only)
    return sc_fail (error, SC_ERROR_USAGE, "--live is writable: it cannot be 'ro'");
  if (!out->live && !a->read_only)
    return sc_fail (error, SC_ERROR_USAGE, "'rw' is for --live only: the files are those of the repository");
  return TRUE;
}

/* -- what was left -- */

static gboolean
remove_private (ScCheckouts *checkouts, const char *name, GError **error)
{
  return sc_fs_remove_tree_at (checkouts->dfd, name, error) || sc_prefix (error, "%s", checkouts->path);
}

static gboolean
remove_stale (ScCheckouts *checkouts, const ScMountRecords *records, GError **error)
{
  for (guint i = 0; i < records->stale->len; i++)
    if (!remove_private (checkouts, ((const ScMountRecord *)records->stale->pdata[i])->name, error))
      return FALSE;
  return TRUE;
}

static void
tell_problems (const ScMountRecords *records, const ScProgressSink *sink)
{
  for (guint i = 0; i < records->problems->len; i++)
    sc_progress_note (sink, "%s: left alone; remove it if nothing of it is mounted",
                      (const char *)records->problems->pdata[i]);
}

char **
sc_mounts_find_stale (ScCheckouts *checkouts, const ScProgressSink *sink, GError **error)
{
  g_auto (ScMountRecords) records = { 0 };
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);

  if (!sc_mount_records_load (checkouts, &records, error))
    return NULL;
  tell_problems (&records, sink);
  for (guint i = 0; i < records.stale->len; i++)
    g_ptr_array_add (names, g_strdup (((const ScMountRecord *)records.stale->pdata[i])->name));
  g_ptr_array_add (names, NULL);
  return (char **)g_ptr_array_free (g_steal_pointer (&names), FALSE);
}

/* (nullable): the live record whose mount has @dir as its top. */
static gboolean
find_record (const ScMountRecords *records, int dir, const ScMountRecord **out, GError **error)
{
  gboolean is_root;
  guint64 id;

  *out = NULL;
  if (!sc_mounts_id (dir, &id, &is_root, error))
    return FALSE;
  for (guint i = 0; is_root && *out == NULL && i < records->live->len; i++)
    if (((const ScMountRecord *)records->live->pdata[i])->mount == id)
      *out = records->live->pdata[i];
  return TRUE;
}

/* -- the directory -- */

/* @out_path: without links, as the list of mounts has it. */
static int
open_dir (const char *dir, char **out_path, GError **error)
{
  SC_AUTOFD int fd = open (dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
  g_autofree char *link = NULL;

  if (fd < 0)
    return sc_fail_errno (error, errno, "%s", dir), -1;
  link = g_strdup_printf ("/proc/self/fd/%d", fd);
  *out_path = sc_fs_read_link_at (AT_FDCWD, link, error);
  return *out_path != NULL ? sc_steal_fd (&fd) : -1;
}

/* A mount over the checkouts or the repository, or above them, would hide what we need to take it away again. */
static gboolean
check_hides (Mount *m, int fd, GError **error)
{
  g_autofree char *link = g_strdup_printf ("/proc/self/fd/%d", fd), *ours = NULL;
  gsize length = strlen (m->path);

  ours = sc_fs_read_link_at (AT_FDCWD, link, error);
  if (ours == NULL)
    return FALSE;
  if (strcmp (m->path, "/") == 0
      || (strncmp (ours, m->path, length) == 0 && (ours[length] == '/' || ours[length] == '\0')))
    return sc_fail (error, SC_ERROR_USAGE, "%s: a mount there would hide %s", m->path, ours);
  return TRUE;
}

static gboolean
prepare_dir (Mount *m, const char *dir, const ScProgressSink *sink, GError **error)
{
  g_auto (ScMountRecords) records = { 0 };
  const ScMountRecord *taken;

  m->dir = open_dir (dir, &m->path, error);
  if (m->dir < 0 || !sc_mount_records_load (m->checkouts, &records, error))
    return FALSE;
  tell_problems (&records, sink);
  if (!remove_stale (m->checkouts, &records, error) || !find_record (&records, m->dir, &taken, error))
    return FALSE;
  if (taken != NULL)
    return sc_fail (error, SC_ERROR_EXISTS, "%s: something is mounted there already: 'atomic unmount' it first", dir);
  if (!check_hides (m, m->checkouts->dfd, error))
    return FALSE;
  return m->store == NULL || sc_store_repo (m->store) == NULL
         || check_hides (m, ostree_repo_get_dfd (sc_store_repo (m->store)), error);
}

/* -- what is shown -- */

static gboolean
make_private (Mount *m, GError **error)
{
  m->record = g_new0 (ScMountRecord, 1);
  m->record->name = sc_fs_make_temp_dir_at (m->checkouts->dfd, SC_MOUNTS_PREFIX, error);
  if (m->record->name == NULL)
    {
      g_clear_pointer (&m->record, sc_mount_record_free);
      return sc_prefix (error, "%s", m->checkouts->path);
    }
  m->record->directory = g_utf8_make_valid (m->path, -1);
  m->private_fd = sc_fs_open_dir_at (m->checkouts->dfd, m->record->name, error);
  return m->private_fd >= 0;
}

/* (transfer full) (nullable): "/NAME" of the directory @fd. */
static char *
last_part (int fd, GError **error)
{
  g_autofree char *link = g_strdup_printf ("/proc/self/fd/%d", fd);
  g_autofree char *path = sc_fs_read_link_at (AT_FDCWD, link, error);

  return path != NULL ? g_strdup (strrchr (path, '/')) : NULL;
}

/* A descriptor of the root to show. @out_name: the end of its path. */
static int
open_root (Mount *m, char **out_name, GError **error)
{
  const ScDeployment *deployment = m->subject->deployment;
  g_autofree char *dir = NULL;
  gboolean is_mount;
  guint64 id;
  SC_AUTOFD int fd = -1;

  if (deployment == NULL)
    {
      if (!sc_store_checkout (m->store, m->subject->image, m->private_fd, ROOTFS, m->cancellable, error))
        return -1;
      *out_name = g_strdup_printf ("/%s/" ROOTFS, m->record->name);
      return sc_fs_open_dir_at (m->private_fd, ROOTFS, error);
    }
  dir = sc_deployment_dir (m->ctx, deployment);
  fd = sc_subject_open_root (m->ctx, deployment, error);
  if (fd < 0)
    return -1;
  if (!sc_mounts_id (fd, &id, &is_mount, error))
    return sc_prefix (error, "container %s", deployment->name), -1;
  /* In the list of mounts it would not look like ours. */
  if (is_mount)
    return sc_fail (error, SC_ERROR_UNSUPPORTED, "container %s: its root is a mount point", deployment->name), -1;
  if (deployment->remote == NULL)
    *out_name = g_strconcat (strrchr (dir, '/'), "/" ROOTFS, NULL);
  else if ((*out_name = last_part (fd, error)) == NULL)
    return -1;
  return sc_steal_fd (&fd);
}

/* The top of an overlay is that of its upper directory. */
static gboolean
copy_top (int from, int to, GError **error)
{
  g_autofree char *names = g_malloc0 (XATTR_LIST_MAX + 1), *value = g_malloc (XATTR_SIZE_MAX);
  ssize_t size = flistxattr (from, names, XATTR_LIST_MAX);
  struct stat st;

  if (fstat (from, &st) != 0 || fchown (to, st.st_uid, st.st_gid) != 0 || fchmod (to, st.st_mode & 07777) != 0)
    return sc_fail_errno (error, errno, "cannot make the writable layer");
  for (const char *name = names; name < names + size; name += strlen (name) + 1)
    {
      ssize_t length;

      if (!g_str_has_prefix (name, "user."))
        continue;
      length = fgetxattr (from, name, value, XATTR_SIZE_MAX);
      if (length < 0 || fsetxattr (to, name, value, (size_t)length, 0) != 0)
        return sc_fail_errno (error, errno, "cannot make the writable layer");
    }
  return TRUE;
}

static int
open_overlay (Mount *m, int root, GError **error)
{
  SC_AUTOFD int upper = -1;
  SC_AUTOFD int work = -1;

  if (mkdirat (m->private_fd, "upper", 0700) != 0 || mkdirat (m->private_fd, "work", 0700) != 0)
    return sc_fail_errno (error, errno, "cannot make the writable layer"), -1;
  upper = sc_fs_open_dir_at (m->private_fd, "upper", error);
  if (upper < 0 || (work = sc_fs_open_dir_at (m->private_fd, "work", error)) < 0 || !copy_top (root, upper, error))
    return -1;
  return sc_mounts_overlay (root, upper, work, m->record->name, &m->options->attributes, error);
}

/* -- */

/* After a failure: our mount may be there, and only its propagation not as it should be. */
static void
take_back (Mount *m)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;
  SC_AUTOFD int fd = open_dir (m->path, &path, &error);
  guint64 id = 0;

  if (fd < 0 || !sc_mounts_id (fd, &id, NULL, &error) || id != m->record->mount)
    return;
  sc_close_fd_p (&fd);
  if (!sc_mounts_detach (path, &error))
    g_debug ("%s: %s", path, error->message);
}

static gboolean
mount_it (Mount *m, GError **error)
{
  g_autofree char *root_name = NULL;
  SC_AUTOFD int root = -1;
  SC_AUTOFD int tree = -1;
  g_autoptr (GError) local = NULL;

  if (!make_private (m, error) || (root = open_root (m, &root_name, error)) < 0)
    return FALSE;
  tree = m->options->live ? open_overlay (m, root, error) : sc_mounts_bind (root, &m->options->attributes, error);
  if (tree < 0 || !sc_mounts_id (tree, &m->record->mount, NULL, error))
    return FALSE;
  m->record->shows = m->options->live ? g_strdup (m->record->name) : g_steal_pointer (&root_name);
  if (g_cancellable_set_error_if_cancelled (m->cancellable, error)
      || !sc_mount_record_save (m->checkouts, m->record, error))
    return FALSE;
  if (sc_mounts_attach (tree, m->dir, &m->options->attributes, &local))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  sc_close_fd_p (&tree);
  take_back (m);
  return FALSE;
}

gboolean
sc_mount (const ScContext *ctx, ScStore *store, const ScSubject *subject, const char *dir,
          const ScMountOptions *options, const ScProgressSink *sink, GCancellable *cancellable, GError **error)
{
  g_auto (Mount) m = { .ctx = ctx,
                       .store = store,
                       .subject = subject,
                       .options = options,
                       .cancellable = cancellable,
                       .private_fd = -1,
                       .dir = -1 };
  g_autoptr (GError) local = NULL;

  m.checkouts = sc_checkouts_hold (ctx, TRUE, sink, cancellable, error);
  if (m.checkouts == NULL || !prepare_dir (&m, dir, sink, error))
    return FALSE;
  if (mount_it (&m, error))
    return TRUE;
  sc_close_fd_p (&m.private_fd);
  if (m.record != NULL && !remove_private (m.checkouts, m.record->name, &local))
    g_debug ("undo: %s", local->message);
  return sc_prefix (error, "%s", dir);
}

/* -- unmount -- */

/* Whether one of @records, which are gone, was mounted on @path. */
static gboolean
was_mounted (const GPtrArray *records, const char *path)
{
  g_autofree char *shown = g_utf8_make_valid (path, -1);

  for (guint i = 0; i < records->len; i++)
    if (g_strcmp0 (((const ScMountRecord *)records->pdata[i])->directory, shown) == 0)
      return TRUE;
  return FALSE;
}

static gboolean
detach (ScCheckouts *checkouts, const ScMountRecord *record, GError **error)
{
  return sc_mounts_detach (record->mount_point, error) && remove_private (checkouts, record->name, error);
}

gboolean
sc_unmount (const ScContext *ctx, const char *dir, const ScProgressSink *sink, GCancellable *cancellable,
            GError **error)
{
  g_autoptr (ScCheckouts) checkouts = NULL;
  g_auto (ScMountRecords) records = { 0 };
  g_autoptr (GError) local = NULL;
  g_autofree char *path = NULL;
  const ScMountRecord *record;
  SC_AUTOFD int fd = -1;

  checkouts = sc_checkouts_hold (ctx, FALSE, sink, cancellable, &local);
  if (g_error_matches (local, SC_ERROR, SC_ERROR_NOT_FOUND))
    return sc_fail (error, SC_ERROR_NOT_FOUND, "%s is not mounted by atomic", dir);
  if (checkouts == NULL)
    return g_propagate_error (error, g_steal_pointer (&local)), FALSE;
  if (!sc_mount_records_load (checkouts, &records, error))
    return FALSE;
  tell_problems (&records, sink);
  if (!remove_stale (checkouts, &records, error) || (fd = open_dir (dir, &path, error)) < 0
      || !find_record (&records, fd, &record, error))
    return FALSE;
  if (record == NULL && was_mounted (records.stale, path))
    return sc_fail (error, SC_ERROR_NOT_FOUND, "%s is not mounted any more; what was left of it is removed", dir);
  if (record == NULL)
    return sc_fail (error, SC_ERROR_NOT_FOUND, "%s is not mounted by atomic", dir);
  /* A descriptor in it would keep it busy. */
  sc_close_fd_p (&fd);
  return detach (checkouts, record, error) || sc_prefix (error, "%s", dir);
}
