/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mounts: open_tree(2), fsopen(2), mount_setattr(2), move_mount(2), umount2(2).
 */
#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static gboolean
fail (GError **error, int errsv, const char *what)
{
  if (errsv == ENOSYS)
    return sc_fail (error, SC_ERROR_UNSUPPORTED, "%s: the kernel is too old: Linux 5.12 is needed", what);
  return sc_fail_errno (error, errsv, "%s", what);
}

static guint64
attribute_flags (const ScMountAttributes *attributes)
{
  return (attributes->read_only ? MOUNT_ATTR_RDONLY : 0) | (attributes->nosuid ? MOUNT_ATTR_NOSUID : 0)
         | (attributes->nodev ? MOUNT_ATTR_NODEV : 0) | (attributes->noexec ? MOUNT_ATTR_NOEXEC : 0);
}

/* Gives the mount @fd its flags, and its propagation: a copy of a shared mount would be one with it. */
static gboolean
set_attributes (int fd, const ScMountAttributes *attributes, gboolean shared, GError **error)
{
  struct mount_attr attr = { .attr_set = attribute_flags (attributes) };

  attr.propagation = shared ? MS_SHARED : MS_PRIVATE;
  return mount_setattr (fd, "", AT_EMPTY_PATH, &attr, sizeof attr) == 0
         || fail (error, errno, "cannot set the mount's attributes");
}

int
sc_mounts_bind (int dir, const ScMountAttributes *attributes, GError **error)
{
  SC_AUTOFD int fd = open_tree (dir, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);

  if (fd < 0)
    return fail (error, errno, "cannot mount"), -1;
  return set_attributes (fd, attributes, FALSE, error) ? sc_steal_fd (&fd) : -1;
}

/* What the kernel says beyond the number: the last of the messages that @fs has, "e overlay: ...". */
static gboolean
fail_overlay (int fs, int errsv, GError **error)
{
  char line[1024] = "", next[sizeof line];
  ssize_t got;

  while ((got = read (fs, next, sizeof next - 1)) > 0)
    {
      next[got] = '\0';
      if (g_str_has_prefix (next, "e "))
        memcpy (line, next, sizeof line);
    }
  g_strchomp (line);
  if (errsv == EPERM || errsv == ENOMEM)
    return sc_fail_errno (error, errsv, "cannot mount a writable overlay");
  return sc_fail (error, SC_ERROR_UNSUPPORTED, "the kernel cannot make a writable overlay there: %s%s%s",
                  g_strerror (errsv), line[0] != '\0' ? ": " : "", line[0] != '\0' ? line + 2 : "");
}

static int
set_directory (int fs, const char *key, int dir)
{
  char path[sizeof "/proc/self/fd/" + 12];

  /* A path of its own could have characters that mean something here. */
  g_snprintf (path, sizeof path, "/proc/self/fd/%d", dir);
  return fsconfig (fs, FSCONFIG_SET_STRING, key, path, 0);
}

int
sc_mounts_overlay (int lower, int upper, int work, const char *source, const ScMountAttributes *attributes,
                   GError **error)
{
  SC_AUTOFD int fs = fsopen ("overlay", FSOPEN_CLOEXEC);
  SC_AUTOFD int fd = -1;

  if (fs < 0 && errno == ENODEV)
    return sc_fail (error, SC_ERROR_UNSUPPORTED, "the kernel has no overlay file system"), -1;
  if (fs < 0)
    return fail (error, errno, "cannot mount an overlay"), -1;
  if (fsconfig (fs, FSCONFIG_SET_STRING, "source", source, 0) != 0 || set_directory (fs, "lowerdir", lower) != 0
      || set_directory (fs, "upperdir", upper) != 0 || set_directory (fs, "workdir", work) != 0
      || fsconfig (fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) != 0)
    return fail_overlay (fs, errno, error), -1;
  fd = fsmount (fs, FSMOUNT_CLOEXEC, (unsigned int)attribute_flags (attributes));
  if (fd < 0)
    return fail_overlay (fs, errno, error), -1;
  return sc_steal_fd (&fd);
}

gboolean
sc_mounts_id (int fd, guint64 *out_id, gboolean *out_is_root, GError **error)
{
  struct statx st;

  if (statx (fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_MNT_ID, &st) != 0)
    return sc_fail_errno (error, errno, "cannot look");
  if (!(st.stx_mask & STATX_MNT_ID) || !(st.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT))
    return fail (error, ENOSYS, "cannot tell mounts apart");
  *out_id = st.stx_mnt_id;
  if (out_is_root != NULL)
    *out_is_root = (st.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
  return TRUE;
}

gboolean
sc_mounts_attach (int tree, int dir, const ScMountAttributes *attributes, GError **error)
{
  if (move_mount (tree, "", dir, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0)
    return fail (error, errno, "cannot mount");
  /* In a shared place the kernel has just made it shared. */
  return set_attributes (tree, attributes, attributes->shared, error);
}

gboolean
sc_mounts_detach (const char *path, GError **error)
{
  if (umount2 (path, UMOUNT_NOFOLLOW) == 0)
    return TRUE;
  if (errno == EBUSY)
    return sc_fail (error, SC_ERROR_BUSY, "a process is using it, or something is mounted in it");
  return sc_fail_errno (error, errno, "cannot unmount");
}
