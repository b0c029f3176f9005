/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Deployments on disk: names, directories, and the info file (docs/formats.md, "Checkouts").  Reading only what is
 * asked for; making one live is activate.c.
 */
#include "deployment.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "config-json.h"
#include "fs.h"
#include "info.h"
#include "json.h"
#include "sort.h"

#define NAME_LIMIT 128
#define FILE_LIMIT (4 * 1024 * 1024)

void
sc_deployment_free (ScDeployment *d)
{
  if (d == NULL)
    return;
  g_free (d->name);
  g_free (d->image);
  g_free (d->revision);
  g_free (d->commit);
  g_clear_pointer (&d->values, g_hash_table_unref);
  g_free (d->runtime);
  g_strfreev (d->installed_files);
  g_clear_pointer (&d->installed_checksums, g_hash_table_unref);
  g_strfreev (d->installed_dirs);
  g_clear_pointer (&d->replaced_links, g_hash_table_unref);
  g_strfreev (d->created_dirs);
  g_free (d->package);
  g_free (d->package_manager);
  g_free (d->package_name);
  g_free (d->package_version);
  g_free (d->system_package);
  g_free (d->remote);
  sc_health_free (d->health);
  g_free (d->command);
  g_free (d->problem);
  g_free (d);
}

const char *
sc_deployment_suffix (const char *name)
{
  const char *dot = strrchr (name, '.');

  return dot != NULL && dot[1] != '\0' && strspn (dot + 1, "0123456789") == strlen (dot + 1) ? dot : NULL;
}

const char *
sc_deployment_suffix_of (const char *name, const char *container)
{
  const char *suffix = sc_deployment_suffix (name);
  gsize length = strlen (container);

  return suffix != NULL && (gsize)(suffix - name) == length && strncmp (name, container, length) == 0 ? suffix : NULL;
}

gboolean
sc_container_name_check (const char *name, GError **error)
{
  static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

  if (!g_ascii_isalnum (name[0]) || strspn (name, allowed) != strlen (name))
    return sc_fail (error, SC_ERROR_USAGE,
                    "'%s' is not a container name: letters, digits, '_', '.' and '-' make one, a letter or digit first",
                    name);
  if (strlen (name) > NAME_LIMIT)
    return sc_fail (error, SC_ERROR_USAGE, "the container name is longer than %d characters", NAME_LIMIT);
  return TRUE;
}

gboolean
sc_deployment_parse_number (const char *text, int *out_number, GError **error)
{
  guint64 number = 0;

  if (!g_ascii_string_to_unsigned (text, 10, 0, G_MAXINT, &number, NULL))
    return sc_fail (error, SC_ERROR_USAGE, "'%s' is not the number of a deployment", text);
  *out_number = (int)number;
  return TRUE;
}

char *
sc_deployment_dir (const ScContext *ctx, const ScDeployment *d)
{
  const char *base = d->preinstalled ? ctx->preinstalled : ctx->checkouts;

  return d->number < 0 ? g_strdup_printf ("%s/%s", base, d->name)
                       : g_strdup_printf ("%s/%s.%d", base, d->name, d->number);
}

/* "NAME.N" (a path before it, as the original tool writes, is passed over). */
static gboolean
parse_target (ScDeployment *d, const char *target, GError **error)
{
  g_autofree char *base = g_path_get_basename (target);
  const char *suffix = sc_deployment_suffix_of (base, d->name);
  guint64 number = 0;

  if (suffix == NULL || !g_ascii_string_to_unsigned (suffix + 1, 10, 0, G_MAXINT, &number, NULL))
    return sc_fail (error, SC_ERROR_INVALID, "its link points to '%s', which is not a deployment of it", target);
  d->number = (int)number;
  return TRUE;
}

static void
load_command (ScDeployment *d, int dfd)
{
  g_autoptr (GBytes) bytes = sc_fs_read_file_at (dfd, "config.json", FILE_LIMIT, NULL);
  g_autoptr (JsonNode) node = NULL;

  if (bytes != NULL)
    node = sc_json_parse ("config.json", g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), NULL);
  if (node != NULL)
    d->command = sc_config_command (node);
}

static gboolean
load_files (ScDeployment *d, int dfd, GError **error)
{
  g_autoptr (GBytes) bytes = sc_fs_read_file_at (dfd, "info", SC_INFO_MAX, error);

  if (bytes == NULL || !sc_info_parse (bytes, d, error))
    return FALSE;
  load_command (d, dfd);
  return TRUE;
}

/* Reads the files of the deployment that @base/NAME is or points to. */
static gboolean
load_from (ScDeployment *d, int base, GError **error)
{
  SC_AUTOFD int dfd = -1;
  struct stat st;

  if (fstatat (base, d->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
    return sc_fail_errno (error, errno, "cannot look");
  d->number = -1;
  if (S_ISLNK (st.st_mode))
    {
      g_autofree char *target = sc_fs_read_link_at (base, d->name, error), *dir = NULL;

      if (target == NULL || !parse_target (d, target, error))
        return FALSE;
      dir = g_strdup_printf ("%s.%d", d->name, d->number);
      dfd = sc_fs_open_dir_at (base, dir, error);
    }
  else
    dfd = sc_fs_open_dir_at (base, d->name, error);
  return dfd >= 0 && load_files (d, dfd, error);
}

/* A descriptor of the directory of deployments, -1 without error if there is none. */
static gboolean
open_base (const ScContext *ctx, gboolean preinstalled, int *out, GError **error)
{
  g_autofree char *path = sc_context_path (ctx, preinstalled ? ctx->preinstalled : ctx->checkouts);

  *out = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return *out >= 0 || errno == ENOENT || sc_fail_errno (error, errno, "%s", path);
}

static gboolean
is_link (int base, const char *name)
{
  struct stat st;

  return fstatat (base, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK (st.st_mode);
}

/* A container is a link.  A directory is a deployment ("x-1.0" is the first one of "x-1", and a good name for a
 * container); in the read-only place one that no link is for is a container too. */
static gboolean
is_container (int base, const char *name, gboolean preinstalled)
{
  const char *suffix = sc_deployment_suffix (name);
  g_autofree char *owner = suffix == NULL ? NULL : g_strndup (name, (gsize)(suffix - name));
  struct stat st;

  if (is_link (base, name))
    return TRUE;
  return preinstalled && (owner == NULL || !is_link (base, owner))
         && fstatat (base, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR (st.st_mode);
}

/* Says of which container, and where it is. */
static ScDeployment *
fail_load (const ScContext *ctx, const ScDeployment *d, GError **error)
{
  g_autofree char *dir = sc_deployment_dir (ctx, d), *base = g_path_get_basename (dir),
                  *relative = g_strconcat (base, ": ", NULL);

  if (error != NULL && g_str_has_prefix ((*error)->message, relative))
    {
      g_autofree char *message = g_steal_pointer (&(*error)->message);

      (*error)->message = g_strdup (message + strlen (relative));
    }
  return sc_prefix_null (error, "container %s: %s", d->name, dir);
}

ScDeployment *
sc_deployment_load (const ScContext *ctx, const char *name, GError **error)
{
  if (!sc_container_name_check (name, error))
    return NULL;
  for (int preinstalled = 0; preinstalled < 2; preinstalled++)
    {
      g_autoptr (ScDeployment) d = g_new0 (ScDeployment, 1);
      SC_AUTOFD int base = -1;

      if (!open_base (ctx, preinstalled, &base, error))
        return NULL;
      if (base < 0 || !is_container (base, name, preinstalled))
        continue;
      d->name = g_strdup (name);
      d->preinstalled = preinstalled;
      if (!load_from (d, base, error))
        return fail_load (ctx, d, error);
      return g_steal_pointer (&d);
    }
  return sc_fail_null (error, SC_ERROR_NOT_FOUND, "no container '%s'", name);
}

ScDeployment *
sc_deployment_load_number (const ScContext *ctx, const char *name, int number, GError **error)
{
  g_autoptr (ScDeployment) d = g_new0 (ScDeployment, 1);
  g_autofree char *dir = NULL;
  SC_AUTOFD int base = -1;
  SC_AUTOFD int dfd = -1;
  struct stat st;

  if (!sc_container_name_check (name, error) || !open_base (ctx, FALSE, &base, error))
    return NULL;
  d->name = g_strdup (name);
  d->number = number;
  dir = g_strdup_printf ("%s.%d", name, number);
  if (base < 0 || fstatat (base, dir, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR (st.st_mode))
    return sc_fail_null (error, SC_ERROR_NOT_FOUND, "container %s has no deployment %d", name, number);
  dfd = sc_fs_open_dir_at (base, dir, error);
  if (dfd < 0 || !load_files (d, dfd, error))
    return fail_load (ctx, d, error);
  return g_steal_pointer (&d);
}

/* Names that stand for containers: links, and in the read-only place directories too. */
static gboolean
add_names (const ScContext *ctx, gboolean preinstalled, GPtrArray *names, GError **error)
{
  SC_AUTOFD int base = -1;
  g_auto (GStrv) all = NULL;

  if (!open_base (ctx, preinstalled, &base, error))
    return FALSE;
  if (base < 0)
    return TRUE;
  all = sc_fs_list_dir_at (base, ".", error);
  if (all == NULL)
    return FALSE;
  for (guint i = 0; all[i] != NULL; i++)
    {
      if (sc_container_name_check (all[i], NULL) && is_container (base, all[i], preinstalled)
          && !g_ptr_array_find_with_equal_func (names, all[i], g_str_equal, NULL))
        g_ptr_array_add (names, g_strdup (all[i]));
    }
  return TRUE;
}

GPtrArray *
sc_deployment_list (const ScContext *ctx, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) deployments = g_ptr_array_new_with_free_func ((GDestroyNotify)sc_deployment_free);

  if (!add_names (ctx, FALSE, names, error) || !add_names (ctx, TRUE, names, error))
    return NULL;
  sc_sort_strings (names);
  for (guint i = 0; i < names->len; i++)
    {
      g_autoptr (GError) local = NULL;
      ScDeployment *d = sc_deployment_load (ctx, g_ptr_array_index (names, i), &local);

      if (d == NULL)
        {
          /* One that is damaged must not hide the others. */
          d = g_new0 (ScDeployment, 1);
          d->name = g_strdup (g_ptr_array_index (names, i));
          d->image = g_strdup ("");
          d->problem = g_strdup (local->message);
        }
      g_ptr_array_add (deployments, d);
    }
  return g_steal_pointer (&deployments);
}
