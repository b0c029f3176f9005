/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The configuration of an image that brings none: its own program under a set of restrictions that most programs can
 * live with.
 *
 * Owns the tables of mounts, paths and capabilities.  Of the host it asks only which of two files exist, of the
 * image's root which directories; nothing is written.  cgroupsPath is left out on purpose: the same file is run
 * with --systemd-cgroup, where it would be "slice:prefix:name", and without, where it is a path.  Limits are left out
 * too: a caller with less could not start the container.
 */
#include <fcntl.h>
#include <string.h>

#include "config-json.h"
#include "fs.h"
#include "json.h"
#include "passwd.h"
#include "seccomp.h"
#include "sort.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

typedef struct
{
  const char *destination;
  const char *type;
  const char *source;
  const char *options; /* by comma */
} Mount;

static const Mount system_mounts[] = {
  { "/proc", "proc", "proc", "nosuid,noexec,nodev" },
  { "/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k" },
  { "/dev/pts", "devpts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5" },
  { "/dev/shm", "tmpfs", "shm", "nosuid,noexec,nodev,mode=1777,size=65536k" },
  { "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev" },
  { "/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro" },
  { "/sys/fs/cgroup", "cgroup", "cgroup", "nosuid,noexec,nodev,relatime,ro" },
};

/* Where the image has these: a mount point that the runtime had to make would change the root, and runc 1.1 gives the
 * tmpfs on it the mode of what it made.  A volume of the image at one of these takes its place. */
static const Mount scratch_mounts[] = {
  { "/tmp", "tmpfs", "tmpfs", "nosuid,nodev,mode=1777" },
  { "/var/tmp", "tmpfs", "tmpfs", "nosuid,nodev,mode=1777" },
  /* What the image has in /run goes along: services expect the directories that their package made there. */
  { "/run", "tmpfs", "tmpfs", "nosuid,nodev,mode=755,tmpcopyup" },
};

/* The network is the host's, and so is what its names mean. */
static const char *const host_files[] = { "/etc/resolv.conf", "/etc/hosts" };

static const char *const masked_paths[] = {
  "/proc/acpi",    "/proc/kcore",      "/proc/keys",        "/proc/latency_stats", "/proc/sched_debug",
  "/proc/scsi",    "/proc/timer_list", "/proc/timer_stats", "/sys/dev/block",      "/sys/devices/virtual/powercap",
  "/sys/firmware", "/sys/fs/selinux",
};

static const char *const readonly_paths[] = {
  "/proc/asound", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
};

static const char *const namespaces[] = { "pid", "ipc", "uts", "mount", "cgroup" };

static const char *const default_capabilities[] = {
  "CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FOWNER",  "CAP_FSETID", "CAP_KILL",       "CAP_NET_BIND_SERVICE",
  "CAP_SETFCAP", "CAP_SETGID",       "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
};

static void
add_strings (JsonBuilder *builder, const char *name, const char *const *values, gsize n)
{
  json_builder_set_member_name (builder, name);
  json_builder_begin_array (builder);
  for (gsize i = 0; i < n; i++)
    json_builder_add_string_value (builder, values[i]);
  json_builder_end_array (builder);
}

static void
add_mount (JsonBuilder *builder, const Mount *mount)
{
  g_auto (GStrv) options = g_strsplit (mount->options, ",", -1);

  json_builder_begin_object (builder);
  sc_json_add_string (builder, "destination", mount->destination);
  sc_json_add_string (builder, "type", mount->type);
  sc_json_add_string (builder, "source", mount->source);
  add_strings (builder, "options", (const char *const *)options, g_strv_length (options));
  json_builder_end_object (builder);
}

/* (transfer full): the image's volumes as clean paths, each once, parents first. */
static GPtrArray *
list_volumes (const ScImageConfig *image, GError **error)
{
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);

  for (char **volume = image->volumes; volume != NULL && *volume != NULL; volume++)
    {
      char *path = sc_config_clean_path (*volume);
      g_ptr_array_add (paths, path);
      for (const char *p = path; *p != '\0'; p++)
        if (g_ascii_iscntrl (*p))
          return sc_fail_null (error, SC_ERROR_INVALID, "image config: Volumes: a path with a control character");
      if (**volume != '/' || strcmp (path, "/") == 0 || sc_config_path_is_below (path, "/proc")
          || sc_config_path_is_below (path, "/sys") || sc_config_path_is_below (path, "/dev"))
        return sc_fail_null (error, SC_ERROR_INVALID, "image config: Volumes: '%s' cannot be a volume", *volume);
    }
  sc_sort_strings (paths);
  for (guint i = paths->len; i-- > 1;)
    if (strcmp (paths->pdata[i], paths->pdata[i - 1]) == 0)
      g_ptr_array_remove_index (paths, i);
  return g_steal_pointer (&paths);
}

static gboolean
has_directory (int rootfs, const char *path)
{
  SC_AUTOFD int fd = sc_fs_open_in_root (rootfs, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0, NULL);

  return fd >= 0;
}

static void
add_mounts (JsonBuilder *builder, const ScConfigInput *input, GPtrArray *volumes)
{
  json_builder_set_member_name (builder, "mounts");
  json_builder_begin_array (builder);
  for (gsize i = 0; i < G_N_ELEMENTS (system_mounts); i++)
    add_mount (builder, &system_mounts[i]);
  for (gsize i = 0; i < G_N_ELEMENTS (scratch_mounts); i++)
    if (!g_ptr_array_find_with_equal_func (volumes, scratch_mounts[i].destination, g_str_equal, NULL)
        && has_directory (input->rootfs, scratch_mounts[i].destination))
      add_mount (builder, &scratch_mounts[i]);
  for (gsize i = 0; i < G_N_ELEMENTS (host_files); i++)
    {
      SC_AUTOFD int fd = sc_fs_open_in_root (input->host_root, host_files[i], O_PATH | O_CLOEXEC, 0, NULL);
      Mount mount = { host_files[i], "bind", host_files[i], "bind,ro,nosuid,nodev,noexec,rprivate" };
      if (fd >= 0)
        add_mount (builder, &mount);
    }
  for (guint i = 0; i < volumes->len; i++)
    {
      g_autofree char *source = g_strconcat (input->state_dir, "/", input->name, volumes->pdata[i], NULL);
      Mount mount = { volumes->pdata[i], "bind", source, "rbind,rw,nosuid,nodev,rprivate" };
      add_mount (builder, &mount);
    }
  json_builder_end_array (builder);
}

static gboolean
has_variable (char **env, const char *name)
{
  return env != NULL && g_environ_getenv (env, name) != NULL;
}

static void
add_env (JsonBuilder *builder, char **env, const ScUser *user)
{
  g_autofree char *home = g_strconcat ("HOME=", user->home, NULL);

  json_builder_set_member_name (builder, "env");
  json_builder_begin_array (builder);
  if (!has_variable (env, "PATH"))
    json_builder_add_string_value (builder, "PATH=" DEFAULT_PATH);
  if (!has_variable (env, "HOME"))
    json_builder_add_string_value (builder, home);
  for (char **variable = env; variable != NULL && *variable != NULL; variable++)
    json_builder_add_string_value (builder, *variable);
  json_builder_end_array (builder);
}

static void
add_user (JsonBuilder *builder, const ScUser *user)
{
  json_builder_set_member_name (builder, "user");
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "uid");
  json_builder_add_int_value (builder, user->uid);
  json_builder_set_member_name (builder, "gid");
  json_builder_add_int_value (builder, user->gid);
  if (user->groups->len > 0)
    {
      json_builder_set_member_name (builder, "additionalGids");
      json_builder_begin_array (builder);
      for (guint i = 0; i < user->groups->len; i++)
        json_builder_add_int_value (builder, g_array_index (user->groups, guint32, i));
      json_builder_end_array (builder);
    }
  json_builder_end_object (builder);
}

/* Root gets the capabilities; any other user could only get them through a setuid program, which no_new_privs rules
 * out. */
static void
add_capabilities (JsonBuilder *builder, const ScUser *user)
{
  gsize n = G_N_ELEMENTS (default_capabilities);

  json_builder_set_member_name (builder, "capabilities");
  json_builder_begin_object (builder);
  add_strings (builder, "bounding", default_capabilities, n);
  if (user->uid == 0)
    {
      add_strings (builder, "effective", default_capabilities, n);
      add_strings (builder, "permitted", default_capabilities, n);
    }
  json_builder_end_object (builder);
}

static void
add_process (JsonBuilder *builder, const ScImageConfig *image, const ScUser *user)
{
  g_autofree char *cwd = sc_config_clean_path (image->working_dir != NULL ? image->working_dir : "/");

  json_builder_set_member_name (builder, "process");
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "terminal");
  json_builder_add_boolean_value (builder, FALSE);
  add_user (builder, user);
  json_builder_set_member_name (builder, "args");
  json_builder_begin_array (builder);
  for (char **arg = image->entrypoint; arg != NULL && *arg != NULL; arg++)
    json_builder_add_string_value (builder, *arg);
  for (char **arg = image->cmd; arg != NULL && *arg != NULL; arg++)
    json_builder_add_string_value (builder, *arg);
  json_builder_end_array (builder);
  add_env (builder, image->env, user);
  sc_json_add_string (builder, "cwd", cwd);
  add_capabilities (builder, user);
  json_builder_set_member_name (builder, "noNewPrivileges");
  json_builder_add_boolean_value (builder, TRUE);
  json_builder_end_object (builder);
}

static void
add_linux (JsonBuilder *builder)
{
  g_autoptr (JsonNode) seccomp = sc_seccomp_default ();

  json_builder_set_member_name (builder, "linux");
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "resources");
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "devices");
  json_builder_begin_array (builder);
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "allow");
  json_builder_add_boolean_value (builder, FALSE);
  sc_json_add_string (builder, "access", "rwm");
  json_builder_end_object (builder);
  json_builder_end_array (builder);
  json_builder_end_object (builder);

  json_builder_set_member_name (builder, "namespaces");
  json_builder_begin_array (builder);
  for (gsize i = 0; i < G_N_ELEMENTS (namespaces); i++)
    {
      json_builder_begin_object (builder);
      sc_json_add_string (builder, "type", namespaces[i]);
      json_builder_end_object (builder);
    }
  json_builder_end_array (builder);
  add_strings (builder, "maskedPaths", masked_paths, G_N_ELEMENTS (masked_paths));
  add_strings (builder, "readonlyPaths", readonly_paths, G_N_ELEMENTS (readonly_paths));
  json_builder_set_member_name (builder, "seccomp");
  json_builder_add_value (builder, g_steal_pointer (&seccomp));
  json_builder_end_object (builder);
}

JsonNode *
sc_config_default (const ScConfigInput *input, GError **error)
{
  const ScImageConfig *image = input->image;
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (ScUser) user = NULL;
  g_autoptr (GPtrArray) volumes = NULL;

  if ((image->entrypoint == NULL || image->entrypoint[0] == NULL) && (image->cmd == NULL || image->cmd[0] == NULL))
    return sc_fail_null (error, SC_ERROR_INVALID,
                         "the image has neither exports/config.json nor an entrypoint or command: nothing to run");
  user = sc_user_resolve (input->rootfs, image->user, error);
  volumes = user != NULL ? list_volumes (image, error) : NULL;
  if (volumes == NULL)
    return NULL;

  json_builder_begin_object (builder);
  sc_json_add_string (builder, "ociVersion", "1.0.2");
  add_process (builder, image, user);
  json_builder_set_member_name (builder, "root");
  json_builder_begin_object (builder);
  sc_json_add_string (builder, "path", "rootfs");
  json_builder_set_member_name (builder, "readonly");
  json_builder_add_boolean_value (builder, TRUE);
  json_builder_end_object (builder);
  add_mounts (builder, input, volumes);
  add_linux (builder);
  json_builder_end_object (builder);
  return json_builder_get_root (builder);
}
