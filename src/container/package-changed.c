/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From files for the host to a package that has the same: package managers replace what is there, whoever made it.
 * Reads only.
 */
#include "package-changed.h"

#include "host-sides.h"

/* (transfer full): set of places of files that @d recorded and somebody has changed. */
static GHashTable *
changed_files (int root, const ScDeployment *d, GError **error)
{
  g_autoptr (GHashTable) changed = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  const ScHostSide side = { .d = (ScDeployment *)d, .tree = -1 };

  for (char **path = d != NULL && !d->preinstalled ? d->installed_files : NULL; path != NULL && *path != NULL; path++)
    {
      g_auto (ScHostFile) file = { 0 };
      char *place;

      /* Of what has no checksum nobody knows. */
      if (sc_host_side_sum (&side, *path) == NULL)
        continue;
      if (!sc_host_file_look (root, *path, &file, error))
        return NULL;
      if (file.st.st_mode == 0 || S_ISDIR (file.st.st_mode) || sc_host_side_recorded (root, &side, *path, &file, *path))
        continue;
      place = sc_host_place (root, *path, error);
      if (place == NULL)
        return NULL;
      g_hash_table_add (changed, place);
    }
  return g_steal_pointer (&changed);
}

gboolean
sc_package_check_changed (const ScContext *ctx, const ScPackageManager *manager, const char *file,
                          const ScDeployment *d, GCancellable *cancellable, GError **error)
{
  SC_AUTOFD int root = sc_context_open_root (ctx, error);
  g_autoptr (GHashTable) changed = root >= 0 ? changed_files (root, d, error) : NULL;
  g_auto (GStrv) paths = NULL;

  if (changed == NULL)
    return FALSE;
  if (g_hash_table_size (changed) == 0)
    return TRUE;
  paths = sc_package_contents (manager, file, cancellable, error);
  for (char **path = paths; path != NULL && *path != NULL; path++)
    {
      g_autofree char *place = sc_host_place (root, *path, error);

      if (place == NULL)
        return FALSE;
      if (g_hash_table_contains (changed, place))
        return sc_fail (error, SC_ERROR_FAILED, "%s was changed by hand, and its package would replace it", *path);
    }
  return paths != NULL;
}
