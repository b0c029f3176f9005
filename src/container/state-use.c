/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What containers use on the host.  Read only.  A deployment of another that cannot be read uses everything.
 *
 * The lock is on the directory above the checkouts, so that no file of it stays.
 */
#include "state-use.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "checkouts.h"
#include "config-json.h"
#include "fs.h"
#include "host-package.h"
#include "info.h"
#include "json.h"
#include "lock.h"
#include "package-build.h"
#include "put-file.h"
#include "tmpfiles.h"

#define FILE_LIMIT (8 * 1024 * 1024)

int
sc_state_lock (const ScContext *ctx, int how, const ScProgressSink *sink, GCancellable *cancellable, GError **error)
{
  g_autofree char *above = g_path_get_dirname (ctx->checkouts), *path = sc_context_path (ctx, above);
  SC_AUTOFD int fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const char *whom = how == LOCK_EX ? "records a deployment" : "removes directories of a container's state";
  gboolean told = FALSE;

  if (fd < 0)
    return sc_fail_errno (error, errno, "%s", above), -1;
  if (!sc_lock_wait (fd, how, whom, &told, sink, cancellable, error))
    return sc_prefix (error, "%s", above), -1;
  return sc_steal_fd (&fd);
}

void
sc_state_use_clear (ScStateUse *use)
{
  g_clear_pointer (&use->reasons, g_hash_table_unref);
  g_clear_pointer (&use->blind, g_free);
}

/* Takes @reason. */
static void
add (ScStateUse *use, const char *path, char *reason)
{
  gsize there = 0;
  char *real = sc_host_tree_resolve (use->host, path, &there);

  g_hash_table_replace (use->reasons, real != NULL ? real : sc_config_clean_path (path), reason);
}

static void
add_all (ScStateUse *use, char **paths, const char *owner)
{
  for (char **path = paths; path != NULL && *path != NULL; path++)
    if (**path == '/' && !g_str_has_suffix (*path, "/"))
      add (use, *path, g_strdup_printf ("container %s uses", owner));
}

/* -- one deployment -- */

/* @out: (nullable): NULL if there is none. */
static gboolean
read_text (int dfd, const char *file, char **out, GError **error)
{
  g_autoptr (GBytes) bytes = NULL;

  *out = NULL;
  if (!sc_fs_read_if_there_at (dfd, file, FILE_LIMIT, &bytes, error))
    return FALSE;
  if (bytes != NULL)
    *out = g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  return TRUE;
}

/* @out: (nullable): NULL if there is none. */
static gboolean
read_info (int dfd, ScDeployment **out, GError **error)
{
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (ScDeployment) d = NULL;

  *out = NULL;
  if (!sc_fs_read_if_there_at (dfd, "info", SC_INFO_MAX, &bytes, error))
    return FALSE;
  if (bytes == NULL)
    return TRUE;
  d = g_new0 (ScDeployment, 1);
  if (!sc_info_parse (bytes, d, error))
    return FALSE;
  *out = g_steal_pointer (&d);
  return TRUE;
}

static gboolean
add_bind_sources (ScStateUse *use, int dfd, const char *owner, GError **error)
{
  g_autofree char *text = NULL;
  g_autoptr (JsonNode) config = NULL;
  g_auto (GStrv) sources = NULL;

  if (!read_text (dfd, "config.json", &text, error))
    return FALSE;
  if (text == NULL)
    return TRUE;
  config = sc_json_parse ("config.json", text, strlen (text), error);
  if (config == NULL)
    return FALSE;
  sources = sc_config_bind_sources (config);
  add_all (use, sources, owner);
  return TRUE;
}

/* @number: (nullable): text; NULL: of one that has no place yet, or that is preinstalled */
static gboolean
add_info (ScStateUse *use, int dfd, const char *owner, const char *number, GError **error)
{
  g_autoptr (ScDeployment) d = NULL;
  g_auto (GStrv) packaged = NULL;
  guint64 n = 0;

  if (!read_info (dfd, &d, error))
    return FALSE;
  if (d == NULL)
    return TRUE;
  if (d->remote != NULL)
    add (use, d->remote, g_strdup_printf ("container %s uses", owner));
  add_all (use, d->created_dirs, owner);
  add_all (use, d->installed_files, owner);
  add_all (use, d->installed_dirs, owner);
  if (d->package == NULL || number == NULL || !g_ascii_string_to_unsigned (number, 10, 0, G_MAXINT, &n, NULL))
    return TRUE;
  d->name = g_strdup (owner);
  d->number = (int)n;
  packaged = sc_package_list_of (use->host->ctx, d, use->cancellable, error);
  add_all (use, packaged, owner);
  return packaged != NULL;
}

static gboolean
add_deployment (ScStateUse *use, int dfd, const char *owner, const char *number, GError **error)
{
  g_autofree char *file = g_strdup_printf ("tmpfiles-%s.conf", owner), *tmpfiles = NULL;
  g_auto (GStrv) made = NULL;

  if (!read_text (dfd, file, &tmpfiles, error))
    return FALSE;
  made = sc_tmpfiles_directories (tmpfiles != NULL ? tmpfiles : "");
  add_all (use, made, owner);
  return add_bind_sources (use, dfd, owner, error) && add_info (use, dfd, owner, number, error);
}

/* What its package manager has kept of the package; while the package is there nobody knows.  Where its list is lost,
 * everything stays. */
static gboolean
add_kept (ScStateUse *use, int number, GError **error)
{
  static const char *const names[] = { "", ".rpmsave" };
  g_auto (ScHostPackage) package = { 0 };
  g_auto (GStrv) paths = NULL;

  if (use->going)
    return TRUE;
  if (!sc_host_package_load (use->host->ctx, use->name, number, &package, error))
    return FALSE;
  if (package.manager != NULL && package.file == NULL && !use->force && use->blind == NULL)
    use->blind = g_strdup_printf ("what of its package was changed by hand is not known: %s", package.problem);
  if (package.file == NULL)
    return TRUE;
  paths = sc_package_contents (package.manager, package.file, use->cancellable, error);
  for (char **path = paths; path != NULL && *path != NULL; path++)
    for (guint i = 0; i < G_N_ELEMENTS (names); i++)
      {
        g_autofree char *kept = g_strconcat (*path, names[i], NULL);
        g_auto (ScHostFile) file = { 0 };

        if (!sc_host_file_look (use->host->root, kept, &file, error))
          return FALSE;
        if (file.st.st_mode != 0 && !S_ISDIR (file.st.st_mode))
          add (use, kept, g_strdup ("it was changed by hand:"));
      }
  return paths != NULL;
}

/* Files for the host go before the directories of the state: what is there still was changed by hand. */
static gboolean
add_own (ScStateUse *use, int dfd, const char *number, GError **error)
{
  g_autoptr (ScDeployment) d = NULL;
  guint64 n = 0;

  if (!read_info (dfd, &d, error))
    return FALSE;
  if (d != NULL && d->package != NULL && g_ascii_string_to_unsigned (number, 10, 0, G_MAXINT, &n, NULL)
      && !add_kept (use, (int)n, error))
    return FALSE;
  for (char **path = d != NULL ? d->installed_files : NULL; path != NULL && *path != NULL; path++)
    {
      g_auto (ScHostFile) file = { 0 };
      const char *sum = d->installed_checksums != NULL ? g_hash_table_lookup (d->installed_checksums, *path) : NULL;

      if (!sc_host_file_look (use->host->root, *path, &file, error))
        return FALSE;
      if (file.st.st_mode == 0 || S_ISDIR (file.st.st_mode) || (use->going && g_strcmp0 (file.checksum, sum) == 0))
        continue;
      add (use, *path, g_strdup ("it was changed by hand:"));
    }
  return TRUE;
}

/* -- all -- */

/* (transfer full): the container of the directory @dir. @out_number: (nullable): in @dir. */
static char *
find_owner (const char *dir, const char **out_number)
{
  const char *suffix = NULL;

  *out_number = NULL;
  if (g_str_has_prefix (dir, SC_CHECKOUTS_TEMP))
    {
      dir += strlen (SC_CHECKOUTS_TEMP);
      suffix = strrchr (dir, '.');
    }
  else if ((suffix = sc_deployment_suffix (dir)) != NULL)
    *out_number = suffix + 1;
  return suffix != NULL ? g_strndup (dir, (gsize)(suffix - dir)) : g_strdup (dir);
}

/* What of others cannot be read is told, and everything stays. */
static gboolean
look_at (ScStateUse *use, int base, const char *dir, gboolean preinstalled, GError **error)
{
  const char *number = NULL;
  g_autofree char *owner = find_owner (dir, &number);
  gboolean own = strcmp (owner, use->name) == 0, done;
  g_autoptr (GError) local = NULL;
  SC_AUTOFD int dfd = -1;

  if ((own && (preinstalled || number == NULL)) || !sc_fs_may_be_dir_at (base, dir))
    return TRUE;
  dfd = sc_fs_open_dir_at (base, dir, &local);
  if (dfd < 0 && g_error_matches (local, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    return TRUE;
  if (own)
    done = dfd >= 0 && add_own (use, dfd, number, &local);
  else
    done = dfd >= 0 && add_deployment (use, dfd, owner, preinstalled ? NULL : number, &local);
  if (done)
    return TRUE;
  g_prefix_error (&local, "%s: ", dir);
  if (g_error_matches (local, G_IO_ERROR, G_IO_ERROR_CANCELLED) || (own && !use->force))
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  if (use->force)
    sc_progress_note (use->sink, "%s", local->message);
  else if (use->blind == NULL)
    use->blind = g_strdup_printf ("what container %s uses cannot be read: %s", owner, local->message);
  return TRUE;
}

static gboolean
look_in (ScStateUse *use, const char *place, gboolean preinstalled, GError **error)
{
  g_autofree char *path = sc_context_path (use->host->ctx, place);
  SC_AUTOFD int base = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_auto (GStrv) dirs = NULL;

  if (base < 0)
    return errno == ENOENT || sc_fail_errno (error, errno, "%s", place);
  dirs = sc_fs_list_dir_at (base, ".", error);
  if (dirs == NULL)
    return sc_prefix (error, "%s", place);
  for (guint i = 0; dirs[i] != NULL; i++)
    if ((dirs[i][0] != '.' || g_str_has_prefix (dirs[i], SC_CHECKOUTS_TEMP))
        && !look_at (use, base, dirs[i], preinstalled, error))
      return FALSE;
  return TRUE;
}

gboolean
sc_state_use_find (ScStateUse *use, GError **error)
{
  use->reasons = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return look_in (use, use->host->ctx->checkouts, FALSE, error)
         && look_in (use, use->host->ctx->preinstalled, TRUE, error);
}

char *
sc_state_use_reason (const ScStateUse *use, const char *dir)
{
  GHashTableIter iter;
  gpointer path, reason;

  if (use->blind != NULL)
    return g_strdup (use->blind);
  g_hash_table_iter_init (&iter, use->reasons);
  while (g_hash_table_iter_next (&iter, &path, &reason))
    if (sc_config_path_is_below (path, dir))
      return g_strdup_printf ("%s %s", (char *)reason, strcmp (path, dir) == 0 ? "it" : (char *)path);
  return NULL;
}
