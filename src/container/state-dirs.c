/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is recorded of the directories of a container's state.  The tmpfiles file is an image's, so nothing is believed
 * of it but the paths.
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
#include "state-own.h"
#include "tmpfiles.h"

/* A path as we record it. */
static gboolean
makes_sense (const ScStateOwner *o, const char *path)
{
  g_autofree char *bare = g_strdup (path), *clean = NULL;
  gsize length = strlen (path);

  if (*path != '/' || length < 2)
    return FALSE;
  if (path[length - 1] == '/')
    bare[length - 1] = '\0';
  clean = sc_config_clean_path (bare);
  return strcmp (clean, bare) == 0 && strcmp (clean, "/") != 0 && sc_state_may_be_own (o, bare);
}

static void
add (GPtrArray *dirs, const char *path)
{
  if (!g_ptr_array_find_with_equal_func (dirs, path, g_str_equal, NULL))
    g_ptr_array_add (dirs, g_strdup (path));
}

/* @out: (nullable): NULL if there is none. */
static gboolean
read_bytes (int base, const char *deployment, const char *name, GBytes **out, GError **error)
{
  g_autofree char *file = g_build_filename (deployment, name, NULL);

  return sc_fs_read_if_there_at (base, file, SC_INFO_MAX, out, error);
}

static gboolean
add_records (const ScHostTree *host, const char *name, int base, const char *deployment, GPtrArray *dirs,
             GError **error)
{
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (ScDeployment) d = g_new0 (ScDeployment, 1);
  ScStateOwner owner = { host, name, NULL };

  if (!read_bytes (base, deployment, "info", &bytes, error))
    return FALSE;
  if (bytes == NULL)
    return TRUE;
  if (!sc_info_parse (bytes, d, error))
    return sc_prefix (error, "%s", deployment);
  owner.values = d->values;
  for (char **dir = d->created_dirs; dir != NULL && *dir != NULL; dir++)
    if (makes_sense (&owner, *dir))
      add (dirs, *dir);
  return TRUE;
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

  if (base < 0 || !add_records (host, name, base, deployment, dirs, error))
    return NULL;
  sc_sort_strings (dirs);
  return g_steal_pointer (&dirs);
}

/* A link "x.0" is another container. */
static gboolean
is_deployment (int base, const char *entry, const char *name)
{
  return sc_deployment_suffix_of (entry, name) != NULL && sc_fs_may_be_dir_at (base, entry);
}

GPtrArray *
sc_state_dirs_recorded (const ScHostTree *host, const char *name, gboolean lenient, GError **error)
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
      g_autoptr (GError) local = NULL;

      if (!is_deployment (base, names[i], name) || add_records (host, name, base, names[i], dirs, &local) || lenient)
        continue;
      g_propagate_error (error, g_steal_pointer (&local));
      return NULL;
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
add_missing (const ScStateOwner *o, const char *path, const GPtrArray *before, GPtrArray *dirs)
{
  gsize there = 0;
  g_autofree char *real = sc_host_tree_resolve (o->host, path, &there);

  if (real == NULL || there == strlen (real) || !sc_state_may_be_own (o, real))
    return;
  for (guint i = 0; i < before->len; i++)
    if (sc_config_path_is_below (real, before->pdata[i]) || sc_config_path_is_below (before->pdata[i], real))
      return;
  add (dirs, real);
  for (char *slash = strrchr (real, '/'); slash != NULL && (gsize)(slash - real) > there; slash = strrchr (real, '/'))
    {
      g_autofree char *parent = NULL;

      *slash = '\0';
      parent = g_strconcat (real, "/", NULL);
      if (sc_state_may_be_own (o, real))
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

/* Adds to @before what the deployment asked for and is not in @recorded: it was there already, even if it is not now
 * (it may be on what is not mounted). */
static gboolean
add_older (const ScStateOwner *owner, int base, const char *deployment, GPtrArray *recorded, GPtrArray *before,
           GError **error)
{
  g_autofree char *file = g_strdup_printf ("tmpfiles-%s.conf", owner->name), *text = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_auto (GStrv) made = NULL;

  if (!read_bytes (base, deployment, file, &bytes, error))
    return FALSE;
  if (bytes != NULL)
    text = g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  made = sc_tmpfiles_directories (text != NULL ? text : "");
  for (char **path = made; *path != NULL; path++)
    {
      gsize there = 0;
      char *real = sc_host_tree_resolve (owner->host, *path, &there);

      if (real == NULL)
        real = sc_config_clean_path (*path);
      if (g_ptr_array_find_with_equal_func (recorded, real, g_str_equal, NULL) || !sc_state_may_be_own (owner, real))
        g_free (real);
      else
        g_ptr_array_add (before, real);
    }
  return TRUE;
}

static GPtrArray *
find_older (const ScStateOwner *owner, GPtrArray *recorded, GError **error)
{
  g_autoptr (GPtrArray) before = g_ptr_array_new_with_free_func (g_free);
  SC_AUTOFD int base = open_checkouts (owner->host, error);
  g_auto (GStrv) names = base >= 0 ? sc_fs_list_dir_at (base, ".", error) : NULL;

  if (names == NULL)
    return NULL;
  for (guint i = 0; names[i] != NULL; i++)
    if (is_deployment (base, names[i], owner->name) && !add_older (owner, base, names[i], recorded, before, error))
      return NULL;
  return g_steal_pointer (&before);
}

gboolean
sc_state_dirs_find (const ScContext *ctx, const char *name, GHashTable *values, const char *tmpfiles, char ***out_dirs,
                    GError **error)
{
  g_auto (ScHostTree) host = { .root = -1 };
  g_autoptr (GPtrArray) dirs = NULL, before = NULL;
  g_auto (GStrv) made = sc_tmpfiles_directories (tmpfiles != NULL ? tmpfiles : "");
  const ScStateOwner owner = { &host, name, values };

  if (!sc_host_tree_open (ctx, &host, error) || (dirs = sc_state_dirs_recorded (&host, name, TRUE, error)) == NULL
      || (before = find_older (&owner, dirs, error)) == NULL)
    return FALSE;
  for (guint i = 0; i < dirs->len;)
    if (is_there (&host, dirs->pdata[i]))
      i++;
    else
      g_ptr_array_remove_index (dirs, i);
  for (char **path = made; *path != NULL; path++)
    add_missing (&owner, *path, before, dirs);
  drop_doubles (dirs);
  sc_sort_strings (dirs);
  g_ptr_array_add (dirs, NULL);
  *out_dirs = (char **)g_ptr_array_free (g_steal_pointer (&dirs), FALSE);
  return TRUE;
}
