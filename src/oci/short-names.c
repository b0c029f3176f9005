/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Names without a registry.  Decides, asks through a callback where a person must decide, and keeps what was decided.
 * Never prints.
 */

#include "short-names.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "config-file.h"
#include "fs.h"
#include "names.h"
#include "toml.h"

#define DOCKER_OLD "index.docker.io"
#define OFFICIAL   "library/"

ScReference *
sc_reference_normalize (const ScReference *ref)
{
  ScReference *full = sc_reference_copy (ref);

  if (full->registry == NULL || strcmp (full->registry, DOCKER_OLD) == 0)
    {
      g_free (full->registry);
      full->registry = g_strdup (SC_DOCKER_REGISTRY);
    }
  if (strcmp (full->registry, SC_DOCKER_REGISTRY) == 0 && strchr (full->repository, '/') == NULL)
    {
      g_autofree char *bare = full->repository;

      full->repository = g_strconcat (OFFICIAL, bare, NULL);
    }
  return full;
}

/* @ref under @name, "registry[/namespace...]/repository", with the tag and digest that it has. */
static ScReference *
with_name (const ScReference *ref, const char *name, const char *file, GError **error)
{
  g_autofree char *text = g_strconcat ("docker://", name, NULL);
  g_autoptr (ScReference) named = sc_reference_parse (text, NULL);
  g_autoptr (ScReference) full = NULL;
  g_autofree char *shown = sc_name_escape (name);

  if (named == NULL || named->registry == NULL || named->tag != NULL || named->digest != NULL)
    return sc_fail_null (error, SC_ERROR_INVALID, "%s makes '%s' of %s, which is no name of an image", file, shown,
                         ref->repository);
  named->tag = g_strdup (ref->tag);
  named->digest = g_strdup (ref->digest);
  full = sc_reference_normalize (named);
  return g_steal_pointer (&full);
}

/* The user's choice alone is left of @found. */
static gboolean
choose (GPtrArray *found, const ScReference *ref, const ScBlobSourceOptions *options, GCancellable *cancellable,
        GError **error)
{
  g_autoptr (GPtrArray) texts = g_ptr_array_new_with_free_func (g_free);
  int index = -1;

  for (guint i = 0; i < found->len; i++)
    g_ptr_array_add (texts, sc_reference_format (g_ptr_array_index (found, i)));
  g_ptr_array_add (texts, NULL);
  index =
      options->choose (ref->repository, (const char *const *)texts->pdata, options->choose_data, cancellable, error);
  if (index < 0)
    return FALSE;
  g_return_val_if_fail ((guint)index < found->len, FALSE);
  if ((guint)index + 1 < found->len)
    g_ptr_array_remove_range (found, (guint)index + 1, found->len - (guint)index - 1);
  if (index > 0)
    g_ptr_array_remove_range (found, 0, (guint)index);
  return TRUE;
}

static gboolean
fail_ambiguous (const ScRegistriesConf *conf, const ScReference *ref, GError **error)
{
  g_autofree char *all = g_strjoinv (", ", conf->search);
  g_autofree char *shown = sc_name_escape (all);

  return sc_fail (
      error, SC_ERROR_USAGE,
      "the name '%s' may mean an image of %s (%s), and there is no terminal to ask which: write the registry "
      "before it",
      ref->repository, shown, conf->search_file);
}

GPtrArray *
sc_short_name_find (const ScRegistriesConf *conf, const ScReference *ref, const ScBlobSourceOptions *options,
                    char **out_why, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func ((GDestroyNotify)sc_reference_free);
  const ScShortNameAlias *alias = g_hash_table_lookup (conf->aliases, ref->repository);

  if (alias != NULL && alias->value != NULL)
    {
      ScReference *full = with_name (ref, alias->value, alias->file, error);

      if (full == NULL)
        return NULL;
      g_ptr_array_add (found, full);
      *out_why = g_strdup_printf ("an alias in %s", alias->file);
      return g_steal_pointer (&found);
    }
  if (conf->search == NULL)
    {
      g_ptr_array_add (found, sc_reference_normalize (ref));
      *out_why = g_strdup ("registries.conf names no registry to search");
      return g_steal_pointer (&found);
    }
  if (conf->search[0] == NULL)
    return sc_fail_null (error, SC_ERROR_DENIED,
                         "the name '%s' has no registry, and unqualified-search-registries of %s is empty",
                         ref->repository, conf->search_file);
  for (gsize i = 0; conf->search[i] != NULL; i++)
    {
      g_autofree char *name = g_strdup_printf ("%s/%s", conf->search[i], ref->repository);
      ScReference *full = with_name (ref, name, conf->search_file, error);

      if (full == NULL)
        return NULL;
      g_ptr_array_add (found, full);
    }
  if (found->len > 1 && conf->mode != SC_SHORT_NAMES_DISABLED && options->choose != NULL)
    {
      if (!choose (found, ref, options, cancellable, error))
        return NULL;
      *out_why = g_strdup ("as was chosen");
      return g_steal_pointer (&found);
    }
  if (found->len > 1 && conf->mode == SC_SHORT_NAMES_ENFORCING)
    return fail_ambiguous (conf, ref, error) ? NULL : NULL;
  *out_why = g_strdup_printf ("searched as %s says", conf->search_file);
  return g_steal_pointer (&found);
}

/* Opens the file's directory, and holds podman's lock on the file until the descriptor *out_lock is closed. */
static int
open_locked (const ScContext *ctx, const char *path, int *out_lock, GError **error)
{
  g_autofree char *dir = g_path_get_dirname (path);
  g_autofree char *base = g_path_get_basename (path);
  g_autofree char *lock_name = g_strconcat (base, ".lock", NULL);
  struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
  SC_AUTOFD int root = sc_context_open_root (ctx, error);
  SC_AUTOFD int fd = -1;
  int r = 0;

  if (root < 0 || !sc_fs_mkdir_p_at (root, dir + strspn (dir, "/"), 0700, error))
    return -1;
  fd = sc_fs_open_in_root (root, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, error);
  if (fd < 0)
    return -1;
  *out_lock = openat (fd, lock_name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (*out_lock < 0)
    {
      sc_fail_errno (error, errno, "%s.lock", path);
      return -1;
    }
  do
    r = fcntl (*out_lock, F_OFD_SETLKW, &lock);
  while (r < 0 && errno == EINTR);
  if (r < 0)
    {
      sc_fail_errno (error, errno, "%s.lock", path);
      return -1;
    }
  return sc_steal_fd (&fd);
}

/* Names and values are of the grammar of references: nothing in them needs an escape. */
static char *
format_aliases (const ScRegistriesConf *conf)
{
  GString *text = g_string_new ("[aliases]\n");
  g_autoptr (GList) names = g_list_sort (g_hash_table_get_keys (conf->aliases), (GCompareFunc)strcmp);

  for (GList *l = names; l != NULL; l = l->next)
    {
      const ScShortNameAlias *alias = g_hash_table_lookup (conf->aliases, l->data);

      g_string_append_printf (text, "  \"%s\" = \"%s\"\n", (const char *)l->data,
                              alias->value != NULL ? alias->value : "");
    }
  return g_string_free (text, FALSE);
}

static gboolean
add_alias (ScRegistriesConf *conf, const ScReference *ref, const ScReference *chosen, const char *path, GError **error)
{
  g_autofree char *text =
      g_strdup_printf ("[aliases]\n\"%s\" = \"%s/%s\"\n", ref->repository, chosen->registry, chosen->repository);
  g_autoptr (GBytes) bytes = g_bytes_new (text, strlen (text));

  return sc_registries_conf_add (conf, path, bytes, TRUE, error);
}

gboolean
sc_short_name_record (const ScContext *ctx, const ScReference *ref, const ScReference *chosen, GError **error)
{
  g_autofree char *path = sc_short_name_aliases_path (ctx);
  g_autofree char *base = path != NULL ? g_path_get_basename (path) : NULL;
  g_autoptr (ScRegistriesConf) conf = sc_registries_conf_new ();
  g_autoptr (GBytes) old = NULL;
  g_autofree char *text = NULL;
  SC_AUTOFD int lock = -1;
  SC_AUTOFD int dir = -1;

  if (path == NULL)
    return TRUE;
  dir = open_locked (ctx, path, &lock, error);
  if (dir < 0 || !sc_config_file_read (ctx, path, SC_TOML_MAX_SIZE, &old, error))
    return FALSE;
  if (old != NULL && !sc_registries_conf_add (conf, path, old, TRUE, error))
    return FALSE;
  if (!add_alias (conf, ref, chosen, path, error))
    return FALSE;
  text = format_aliases (conf);
  return sc_fs_write_file_at (dir, base, text, strlen (text), 0644, error);
}
