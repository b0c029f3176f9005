/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What tests of real containers need: a /run that is theirs, and bundles made of this host's busybox.
 */
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#define BUSYBOX "/bin/busybox"

static inline void
fixture_write_file (const char *root, const char *name, const char *text, int mode)
{
  g_autofree char *path = g_build_filename (root, name, NULL);
  g_autofree char *dir = g_path_get_dirname (path);
  g_assert_cmpint (g_mkdir_with_parents (dir, 0755), ==, 0);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  g_assert_cmpint (g_chmod (path, mode), ==, 0);
}

/* A /run of our own, where runtimes keep their state, and no cgroup2 hierarchy beside the others, which crun refuses;
 * containers that end become our children and stay zombies until we look. */
static inline gboolean
fixture_own_namespace (void)
{
  static gboolean done;
  if (done)
    return TRUE;
  if (geteuid () != 0 || unshare (CLONE_NEWNS) < 0 || mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0
      || mount ("test", "/run", "tmpfs", 0, NULL) < 0 || prctl (PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
    return FALSE;
  (void)umount2 ("/sys/fs/cgroup/unified", MNT_DETACH);
  done = TRUE;
  return TRUE;
}

/* (transfer full): a bundle whose container runs the shell text @text. */
static inline char *
fixture_make_bundle (const char *root, const char *name, const char *text)
{
  g_autofree char *dir = g_build_filename (root, name, NULL);
  g_autofree char *busybox = NULL;
  gsize size = 0;
  g_assert_true (g_file_get_contents (BUSYBOX, &busybox, &size, NULL));
  g_autofree char *bin = g_build_filename (dir, "rootfs/bin", NULL);
  g_autofree char *proc = g_build_filename (dir, "rootfs/proc", NULL);
  g_autofree char *dev = g_build_filename (dir, "rootfs/dev", NULL);
  g_autofree char *sh = g_build_filename (bin, "sh", NULL);
  g_assert_cmpint (g_mkdir_with_parents (bin, 0755), ==, 0);
  g_assert_cmpint (g_mkdir_with_parents (dev, 0755), ==, 0);
  g_assert_cmpint (g_mkdir_with_parents (proc, 0755), ==, 0);
  g_assert_true (g_file_set_contents (sh, busybox, (gssize)size, NULL));
  g_assert_cmpint (g_chmod (sh, 0755), ==, 0);
  g_autofree char *config =
      g_strdup_printf ("{\"ociVersion\":\"1.0.2\",\"process\":{\"terminal\":false,\"user\":{\"uid\":0,\"gid\":0},"
                       "\"args\":[\"/bin/sh\",\"-c\",\"%s\"],\"env\":[\"PATH=/bin\"],\"cwd\":\"/\"},"
                       "\"root\":{\"path\":\"rootfs\",\"readonly\":true},"
                       "\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
                       "{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\"}],"
                       "\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"mount\"}]}}",
                       text);
  fixture_write_file (dir, "config.json", config, 0644);
  return g_steal_pointer (&dir);
}
