/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which directories may be a container's own.  An image chooses the paths: one that every system has, one that holds
 * what is ours or another program's, and one that is in no place for state never is.
 */
#include "state-own.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config-json.h"
#include "fs.h"

/* These, and what is above them, are nobody's own, even where a small root does not have them yet. */
static const char *const everyones[] = {
  "/bin",
  "/boot",
  "/etc/opt",
  "/home",
  "/lib",
  "/lib32",
  "/lib64",
  "/libx32",
  "/media",
  "/mnt",
  "/opt",
  "/root",
  "/run/lock",
  "/run/private",
  "/run/user",
  "/sbin",
  "/srv",
  "/tmp",
  "/usr/bin",
  "/usr/lib32",
  "/usr/lib64",
  "/usr/libx32",
  "/usr/libexec",
  "/usr/local/bin",
  "/usr/local/etc",
  "/usr/local/lib",
  "/usr/local/sbin",
  "/usr/local/share",
  "/usr/sbin",
  "/usr/share",
  "/usr/src",
  "/var/cache",
  "/var/cache/private",
  "/var/lib",
  "/var/lib/private",
  "/var/local",
  "/var/lock",
  "/var/log",
  "/var/log/private",
  "/var/mail",
  "/var/opt",
  "/var/run",
  "/var/spool",
  "/var/tmp",
};

/* Nor these, with what is in them: the kernel's, and what we and other programs of the system read and write, wherever
 * it is. */
static const char *const systems[] = {
  "/dev",
  "/etc/atomic.conf",
  "/etc/atomic.d",
  "/etc/containers",
  "/etc/docker",
  "/etc/pki",
  "/etc/selinux",
  "/etc/ssh",
  "/etc/ssl",
  "/etc/systemd",
  "/etc/tmpfiles.d",
  "/ostree",
  "/proc",
  "/run/containers",
  "/run/dbus",
  "/run/lock",
  "/run/systemd",
  "/run/udev",
  "/run/user",
  "/sys",
  "/var/cache/apt",
  "/var/cache/dnf",
  "/var/lib/apt",
  "/var/lib/containers",
  "/var/lib/dbus",
  "/var/lib/dnf",
  "/var/lib/dpkg",
  "/var/lib/rpm",
  "/var/lib/selinux",
  "/var/lib/systemd",
  "/var/log/audit",
  "/var/log/journal",
  "/var/spool/cron",
};

/* What is in these may be a container's own. */
static const char *const places[] = {
  "/opt", "/run", "/srv", "/var/cache", "/var/lib", "/var/log", "/var/opt", "/var/spool",
};

/* -- the host -- */

static char *
real_path (int fd, GError **error)
{
  g_autofree char *link = g_strdup_printf ("/proc/self/fd/%d", fd);
  char *path = sc_fs_read_link_at (AT_FDCWD, link, error);

  if (path != NULL && strcmp (path, "/") == 0)
    *path = '\0';
  return path;
}

gboolean
sc_host_tree_open (const ScContext *ctx, ScHostTree *out, GError **error)
{
  g_auto (ScHostTree) host = { .ctx = ctx, .root = sc_context_open_root (ctx, error) };

  if (host.root < 0 || (host.path = real_path (host.root, error)) == NULL)
    return FALSE;
  *out = host;
  host = (ScHostTree){ .root = -1 };
  return TRUE;
}

void
sc_host_tree_clear (ScHostTree *host)
{
  sc_close_fd_p (&host->root);
  g_clear_pointer (&host->path, g_free);
}

/* (transfer full) (nullable): the path in the host of the directory @fd, "" for its root. */
static char *
path_in_host (const ScHostTree *host, int fd)
{
  g_autofree char *path = real_path (fd, NULL);
  gsize length = strlen (host->path);

  if (path == NULL || strncmp (path, host->path, length) != 0 || (path[length] != '/' && path[length] != '\0'))
    return NULL;
  return g_strdup (path + length);
}

char *
sc_host_tree_resolve (const ScHostTree *host, const char *path, gsize *out_there)
{
  g_autofree char *clean = sc_config_clean_path (path), *there = g_strdup (clean), *real = NULL;
  SC_AUTOFD int fd = -1;
  const char *rest;
  struct stat st;

  for (;;)
    {
      g_autoptr (GError) local = NULL;
      char *slash = strrchr (there, '/');

      fd = sc_fs_open_in_root (host->root, *there != '\0' ? there : "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0, &local);
      if (fd >= 0)
        break;
      if (slash == NULL || !g_error_matches (local, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
        return NULL;
      *slash = '\0';
    }
  rest = clean + strlen (there);
  rest += strspn (rest, "/");
  if (*rest != '\0')
    {
      g_autofree char *next = g_strndup (rest, strcspn (rest, "/"));

      if (fstatat (fd, next, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return NULL;
    }
  real = path_in_host (host, fd);
  if (real == NULL)
    return NULL;
  *out_there = strlen (real);
  return *rest != '\0' ? g_strconcat (real, "/", rest, NULL) : g_steal_pointer (&real);
}

/* -- what is nobody's own -- */

/* TRUE if @dir is @path, which is not resolved yet, or above it, or, if @within, below it. */
static gboolean
touches (const ScHostTree *host, const char *dir, const char *path, gboolean within)
{
  gsize there = 0;
  g_autofree char *real = path != NULL ? sc_host_tree_resolve (host, path, &there) : NULL;

  if (real == NULL)
    return FALSE;
  return sc_config_path_is_below (real, dir) || (within && sc_config_path_is_below (dir, real));
}

static gboolean
is_nobodys_own (const ScHostTree *host, const char *dir)
{
  const ScContext *ctx = host->ctx;
  const char *const settings[] = { ctx->unit_dir,  ctx->tmpfiles_dir, ctx->run_dir,
                                   ctx->state_dir, ctx->conf_dir,     ctx->home };
  const char *const ours[] = { ctx->checkouts,       ctx->preinstalled, ctx->repo,          ctx->registry_confdir,
                               ctx->registries_conf, ctx->auth_file,    ctx->docker_config, ctx->user_config,
                               ctx->user_cache,      ctx->user_runtime };

  for (guint i = 0; i < G_N_ELEMENTS (everyones); i++)
    if (touches (host, dir, everyones[i], FALSE))
      return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (settings); i++)
    if (touches (host, dir, settings[i], FALSE))
      return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (systems); i++)
    if (touches (host, dir, systems[i], TRUE))
      return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (ours); i++)
    if (touches (host, dir, ours[i], TRUE))
      return TRUE;
  return FALSE;
}

/* -- what may be a container's own -- */

/* (nullable): what of @dir is below @place, which is not resolved yet. */
static const char *
below (const ScStateOwner *o, const char *dir, const char *place)
{
  gsize there = 0;
  g_autofree char *real = place != NULL && *place == '/' ? sc_host_tree_resolve (o->host, place, &there) : NULL;

  /* Of all that there is nothing may be said. */
  if (real == NULL || *real == '\0' || strcmp (real, "/") == 0 || strcmp (real, dir) == 0
      || !sc_config_path_is_below (dir, real))
    return NULL;
  return dir + strlen (real) + 1;
}

/* TRUE if @dir is in @place under the name of the container, or one that begins with it. */
static gboolean
is_named_in (const ScStateOwner *o, const char *dir, const char *place)
{
  const char *rest = below (o, dir, place);
  gsize length = strlen (o->name);

  return rest != NULL && strncmp (rest, o->name, length) == 0 && strchr ("/.-_", rest[length]) != NULL;
}

static const char *
value_of (const ScStateOwner *o, const char *key)
{
  return o->values != NULL ? g_hash_table_lookup (o->values, key) : NULL;
}

gboolean
sc_state_may_be_own (const ScStateOwner *o, const char *dir)
{
  const ScContext *ctx = o->host->ctx;
  const char *const set[] = { ctx->run_dir, ctx->state_dir, value_of (o, "RUN_DIRECTORY"),
                              value_of (o, "STATE_DIRECTORY") };

  if (is_nobodys_own (o->host, dir))
    return FALSE;
  if (is_named_in (o, dir, "/etc") || is_named_in (o, dir, ctx->conf_dir)
      || is_named_in (o, dir, value_of (o, "CONF_DIRECTORY")))
    return TRUE;
  if (below (o, dir, "/etc") != NULL)
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (places); i++)
    if (below (o, dir, places[i]) != NULL)
      return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (set); i++)
    if (below (o, dir, set[i]) != NULL)
      return TRUE;
  return FALSE;
}
