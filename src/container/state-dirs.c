/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which directories are a container's own.  The tmpfiles file is an image's, so nothing is believed of it but the
 * paths: one that the host has already, one that every system has, and one that holds what is ours is never recorded.
 */
#include "state-dirs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config-json.h"
#include "deployment.h"
#include "fs.h"
#include "info.h"
#include "sort.h"
#include "tmpfiles.h"

#define INFO_LIMIT (4 * 1024 * 1024)

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
  "/var/lib",
  "/var/local",
  "/var/lock",
  "/var/log",
  "/var/mail",
  "/var/opt",
  "/var/run",
  "/var/spool",
  "/var/tmp",
};

/* These, what is above them and what is in them. */
static const char *const kernels[] = { "/dev", "/ostree", "/proc", "/sys" };

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
  const char *const settings[] = { ctx->unit_dir, ctx->tmpfiles_dir, ctx->run_dir, ctx->state_dir, ctx->conf_dir };
  const char *const ours[] = { ctx->checkouts, ctx->preinstalled, ctx->repo };

  for (guint i = 0; i < G_N_ELEMENTS (everyones); i++)
    if (touches (host, dir, everyones[i], FALSE))
      return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (settings); i++)
    if (touches (host, dir, settings[i], FALSE))
      return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (kernels); i++)
    if (touches (host, dir, kernels[i], TRUE))
      return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (ours); i++)
    if (touches (host, dir, ours[i], TRUE))
      return TRUE;
  return FALSE;
}

/* -- records -- */

/* A path as we record it. */
static gboolean
makes_sense (const ScHostTree *host, const char *path)
{
  g_autofree char *bare = g_strdup (path), *clean = NULL;
  gsize length = strlen (path);

  if (*path != '/' || length < 2)
    return FALSE;
  if (path[length - 1] == '/')
    bare[length - 1] = '\0';
  clean = sc_config_clean_path (bare);
  return strcmp (clean, bare) == 0 && strcmp (clean, "/") != 0 && !is_nobodys_own (host, bare);
}

static void
add (GPtrArray *dirs, const char *path)
{
  if (!g_ptr_array_find_with_equal_func (dirs, path, g_str_equal, NULL))
    g_ptr_array_add (dirs, g_strdup (path));
}

static void
add_records (const ScHostTree *host, int base, const char *deployment, GPtrArray *dirs)
{
  g_autofree char *file = g_build_filename (deployment, "info", NULL);
  g_autoptr (GBytes) bytes = sc_fs_read_file_at (base, file, INFO_LIMIT, NULL);
  g_autoptr (ScDeployment) d = g_new0 (ScDeployment, 1);

  if (bytes == NULL || !sc_info_parse (bytes, d, NULL))
    return;
  for (char **dir = d->created_dirs; dir != NULL && *dir != NULL; dir++)
    if (makes_sense (host, *dir))
      add (dirs, *dir);
}

static int
open_checkouts (const ScHostTree *host, GError **error)
{
  g_autofree char *path = sc_context_path (host->ctx, host->ctx->checkouts);
  int fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (fd < 0)
    sc_fail_errno (error, errno, "%s", host->ctx->checkouts);
  return fd;
}

GPtrArray *
sc_state_dirs_recorded_by (const ScHostTree *host, const char *name, int number, GError **error)
{
  g_autoptr (GPtrArray) dirs = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *deployment = g_strdup_printf ("%s.%d", name, number);
  SC_AUTOFD int base = open_checkouts (host, error);

  if (base < 0)
    return NULL;
  add_records (host, base, deployment, dirs);
  sc_sort_strings (dirs);
  return g_steal_pointer (&dirs);
}

GPtrArray *
sc_state_dirs_recorded (const ScHostTree *host, const char *name, GError **error)
{
  g_autoptr (GPtrArray) dirs = g_ptr_array_new_with_free_func (g_free);
  SC_AUTOFD int base = open_checkouts (host, error);
  g_auto (GStrv) names = NULL;

  if (base < 0)
    return NULL;
  names = sc_fs_list_dir_at (base, ".", error);
  if (names == NULL)
    return NULL;
  for (guint i = 0; names[i] != NULL; i++)
    {
      const char *suffix = sc_deployment_suffix (names[i]);

      if (suffix != NULL && (gsize)(suffix - names[i]) == strlen (name) && g_str_has_prefix (names[i], name))
        add_records (host, base, names[i], dirs);
    }
  sc_sort_strings (dirs);
  return g_steal_pointer (&dirs);
}

static gboolean
is_there (const ScHostTree *host, const char *path)
{
  gsize there = 0;
  g_autofree char *clean = sc_config_clean_path (path), *real = sc_host_tree_resolve (host, path, &there);

  return g_strcmp0 (real, clean) == 0 && there == strlen (real);
}

/* The directory @path, and what is missing above it. */
static void
add_missing (const ScHostTree *host, const char *path, GPtrArray *dirs)
{
  gsize there = 0;
  g_autofree char *real = sc_host_tree_resolve (host, path, &there);

  if (real == NULL || there == strlen (real) || is_nobodys_own (host, real))
    return;
  add (dirs, real);
  for (char *slash = strrchr (real, '/'); slash != NULL && (gsize)(slash - real) > there; slash = strrchr (real, '/'))
    {
      g_autofree char *parent = NULL;

      *slash = '\0';
      parent = g_strconcat (real, "/", NULL);
      if (!is_nobodys_own (host, real))
        add (dirs, parent);
    }
}

/* What is a directory of its own needs not be one above another too. */
static void
drop_doubles (GPtrArray *dirs)
{
  for (guint i = 0; i < dirs->len;)
    {
      const char *path = dirs->pdata[i];
      g_autofree char *bare = g_str_has_suffix (path, "/") ? g_strndup (path, strlen (path) - 1) : NULL;

      if (bare != NULL && g_ptr_array_find_with_equal_func (dirs, bare, g_str_equal, NULL))
        g_ptr_array_remove_index (dirs, i);
      else
        i++;
    }
}

gboolean
sc_state_dirs_find (const ScContext *ctx, const char *name, const char *tmpfiles, char ***out_dirs, GError **error)
{
  g_auto (ScHostTree) host = { .root = -1 };
  g_autoptr (GPtrArray) dirs = NULL;
  g_auto (GStrv) made = sc_tmpfiles_directories (tmpfiles != NULL ? tmpfiles : "");

  if (!sc_host_tree_open (ctx, &host, error) || (dirs = sc_state_dirs_recorded (&host, name, error)) == NULL)
    return FALSE;
  for (guint i = 0; i < dirs->len;)
    if (is_there (&host, dirs->pdata[i]))
      i++;
    else
      g_ptr_array_remove_index (dirs, i);
  for (char **path = made; *path != NULL; path++)
    add_missing (&host, *path, dirs);
  drop_doubles (dirs);
  sc_sort_strings (dirs);
  g_ptr_array_add (dirs, NULL);
  *out_dirs = (char **)g_ptr_array_free (g_steal_pointer (&dirs), FALSE);
  return TRUE;
}
