/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The checkouts are not held while they are read: what is gone when it is looked at again has been uninstalled.
 */
#include "verify-lost.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deployment.h"
#include "digest.h"
#include "fs.h"
#include "info.h"

typedef struct
{
  ScStore *store;
  GPtrArray *images;
  ScVerifyReport *report;
  const char *place; /* (nullable): of preinstalled containers */
  int base;
} Search;

static void
tell (Search *s, const char *name, const char *text)
{
  g_autofree char *id = s->place != NULL ? g_build_filename (s->place, name, NULL) : g_strdup (name);
  ScPart *part = sc_verify_report_add_part (s->report, SC_PART_CONTAINER, id);

  part->read_only = s->place != NULL;
  sc_verify_report_add (s->report, part, SC_PROBLEM_CHECKOUT_INFO, OSTREE_OBJECT_TYPE_FILE, NULL, NULL, text);
}

/* (nullable): among @images, the one that @d is made of. */
static ScImage *
find_among (const GPtrArray *images, const ScDeployment *d)
{
  for (guint i = 0; i < images->len; i++)
    {
      ScImage *image = g_ptr_array_index (images, i);

      if (g_strcmp0 (image->id, d->revision) == 0 || g_strcmp0 (image->commit, d->commit) == 0)
        return image;
    }
  return NULL;
}

/* (nullable): the commit that @d remembers. */
static ScImage *
load_untagged (ScStore *store, const ScDeployment *d, GError **error)
{
  ScImage *image = NULL;

  if (sc_store_repo (store) != NULL && d->commit != NULL && sc_digest_is_hex (d->commit))
    image = sc_image_of_commit (store, d->commit, error);
  if (image != NULL && strcmp (image->id, d->revision) != 0)
    {
      /* It is damaged; the container is of it all the same. */
      g_free (image->id);
      image->id = g_strdup (d->revision);
    }
  return image;
}

static void
search_link (Search *s, const char *name)
{
  g_autofree char *target = sc_fs_read_link_at (s->base, name, NULL), *text = NULL, *dir = NULL;
  struct stat st;

  if (target == NULL)
    return;
  dir = g_path_get_basename (target);
  if (fstatat (s->base, dir, &st, AT_SYMLINK_NOFOLLOW) == 0 || fstatat (s->base, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
    return;
  text = g_strdup_printf ("its link names %s, which is not there", dir);
  tell (s, name, text);
}

static gboolean
search_deployment (Search *s, const char *name, GError **error)
{
  g_autofree char *path = g_build_filename (name, "info", NULL), *rootfs = g_build_filename (name, "rootfs", NULL);
  g_autoptr (ScDeployment) d = g_new0 (ScDeployment, 1);
  g_autoptr (GError) local = NULL;
  g_autoptr (GBytes) bytes = NULL;
  ScImage *image;

  if (!sc_fs_exists_at (s->base, path) && !sc_fs_exists_at (s->base, rootfs))
    return TRUE;
  bytes = sc_fs_read_file_at (s->base, path, SC_INFO_MAX, &local);
  if (bytes == NULL || !sc_info_parse (bytes, d, &local) || d->revision == NULL)
    {
      if (sc_fs_exists_at (s->base, name))
        tell (s, name, local != NULL ? local->message : "its info does not say what image it is of");
      return TRUE;
    }
  if (find_among (s->images, d) != NULL)
    return TRUE;
  image = load_untagged (s->store, d, &local);
  if (image != NULL)
    g_ptr_array_add (s->images, image);
  else if (local != NULL)
    return g_propagate_error (error, g_steal_pointer (&local)), sc_prefix (error, "container %s", name);
  /* The image of a preinstalled one is in another system's repository. */
  else if (s->place == NULL && sc_fs_exists_at (s->base, name))
    tell (s, name, "its image is not in the repository: pull it again");
  return TRUE;
}

static gboolean
search_place (Search *s, const char *path, GError **error)
{
  SC_AUTOFD int base = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_auto (GStrv) names = NULL;

  if (base < 0)
    return errno == ENOENT || sc_fail_errno (error, errno, "%s", path);
  s->base = base;
  names = sc_fs_list_dir_at (base, ".", error);
  if (names == NULL)
    return sc_prefix (error, "%s", path);
  for (guint i = 0; names[i] != NULL; i++)
    {
      struct stat st;

      if (!sc_container_name_check (names[i], NULL) || fstatat (base, names[i], &st, AT_SYMLINK_NOFOLLOW) != 0)
        continue;
      if (S_ISLNK (st.st_mode))
        search_link (s, names[i]);
      else if (S_ISDIR (st.st_mode) && (s->place != NULL || sc_deployment_suffix (names[i]) != NULL)
               && !search_deployment (s, names[i], error))
        return FALSE;
    }
  return TRUE;
}

ScVerifyReport *
sc_verify_lost (const ScContext *ctx, ScStore *store, GPtrArray *images, GError **error)
{
  g_autoptr (ScVerifyReport) report = sc_verify_report_new ("containers");
  g_autofree char *checkouts = sc_context_path (ctx, ctx->checkouts);
  g_autofree char *preinstalled = sc_context_path (ctx, ctx->preinstalled);
  Search s = { .store = store, .images = images, .report = report, .base = -1 };

  if (!search_place (&s, checkouts, error))
    return NULL;
  s.place = ctx->preinstalled;
  return search_place (&s, preinstalled, error) ? g_steal_pointer (&report) : NULL;
}

gboolean
sc_verify_image_of_container (const ScContext *ctx, ScStore *store, const char *name, ScImage **out,
                              GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (ScDeployment) d = sc_deployment_load (ctx, name, &local);
  g_autoptr (GPtrArray) images = NULL;
  ScImage *image;
  guint at;

  *out = NULL;
  if (d == NULL && g_error_matches (local, SC_ERROR, SC_ERROR_NOT_FOUND))
    return FALSE;
  if (d == NULL)
    return g_propagate_error (error, g_steal_pointer (&local)), FALSE;
  if (d->revision == NULL)
    return sc_fail (error, SC_ERROR_INVALID, "container %s: its info does not say what image it is of", name);
  images = sc_image_list (store, FALSE, cancellable, error);
  if (images == NULL)
    return FALSE;
  image = find_among (images, d);
  if (image != NULL && g_ptr_array_find (images, image, &at))
    *out = g_ptr_array_steal_index (images, at);
  else if ((*out = load_untagged (store, d, &local)) == NULL)
    return sc_fail (error, SC_ERROR_NOT_FOUND, "container %s: its image is not in the repository: %s", name,
                    local != NULL ? local->message : "pull it again");
  return TRUE;
}
