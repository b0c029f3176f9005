/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One more name for an image: a second ref to its commit.  The image is looked up while the repository is held, so that
 * what it needs cannot go in between; only an image that is whole gets a name (architecture, invariant 2).
 */
#include "tag.h"

#include <string.h>

#include "blob.h"
#include "fs.h"
#include "reference.h"
#include "refname.h"
#include "refs.h"
#include "store-private.h"

/* (transfer full): the name that @target means. */
static char *
target_name (const char *target, GError **error)
{
  g_autoptr (ScReference) ref = sc_reference_parse (target, error);
  g_autofree char *name = NULL;

  if (ref == NULL)
    return NULL;
  if (ref->transport != SC_TRANSPORT_REGISTRY)
    return sc_fail_null (error, SC_ERROR_USAGE, "'%s' is a place of images; a new name is [REGISTRY/]NAME[:TAG]",
                         target);
  if (ref->digest != NULL)
    return sc_fail_null (error, SC_ERROR_USAGE,
                         "'%s' has a digest, which cannot be given; a new name is "
                         "[REGISTRY/]NAME[:TAG]",
                         target);
  name = sc_reference_store_name (ref);
  return sc_refname_check (name, error) ? g_steal_pointer (&name) : NULL;
}

static gboolean
check_blob (ScStore *store, const char *what, const char *digest, GError **error)
{
  g_autofree char *commit = NULL;

  return sc_blob_find (store->repo, digest, &commit, error)
         && (commit != NULL
             || sc_fail (error, SC_ERROR_NOT_FOUND, "%s %s is not in the repository: pull the image again", what,
                         digest));
}

static gboolean
check_whole (ScStore *store, const ScImage *image, GError **error)
{
  if (image->problem != NULL)
    return sc_fail (error, SC_ERROR_INVALID, "%s", image->problem);
  if (image->manifest == NULL)
    return sc_fail (error, SC_ERROR_NOT_FOUND, "image %s has no manifest in the repository: pull it again",
                    image->name);
  for (guint i = 0; i < image->manifest->layers->len; i++)
    {
      const ScDescriptor *layer = g_ptr_array_index (image->manifest->layers, i);

      if (!check_blob (store, "layer", layer->digest, error))
        return sc_prefix (error, "image %s", image->name);
    }
  return check_blob (store, "config", image->manifest->config->digest, error)
         || sc_prefix (error, "image %s", image->name);
}

/* @out (transfer full) (nullable): the id of the image of @branch if it is not @commit. */
static gboolean
find_before (ScStore *store, const char *branch, const char *commit, char **out, GError **error)
{
  g_autofree char *before = NULL;
  g_autoptr (GError) local = NULL;
  g_autoptr (ScImage) image = NULL;

  *out = NULL;
  if (!sc_ref_resolve_sound (store->repo, branch, &before, error))
    return FALSE;
  if (before == NULL || strcmp (before, commit) == 0)
    return TRUE;
  image = sc_image_of_commit (store, before, &local);
  if (local != NULL)
    return g_propagate_error (error, g_steal_pointer (&local)), FALSE;
  *out = g_strdup (image != NULL ? image->id : before);
  return TRUE;
}

gboolean
sc_image_tag (ScStore *store, const char *source, const char *target, char **out_name, char **out_before,
              GCancellable *cancellable, GError **error)
{
  g_autofree char *name = target_name (target, error), *branch = NULL, *before = NULL;
  g_autoptr (ScStoreLock) lock = NULL;
  g_autoptr (ScImage) image = NULL;

  if (name == NULL)
    return FALSE;
  if (store->repo == NULL)
    return sc_fail (error, SC_ERROR_NOT_FOUND, "no image '%s'", source);
  branch = sc_refname_encode (name);
  lock = sc_store_lock (store, FALSE, cancellable, error);
  if (lock == NULL || (image = sc_image_find (store, source, cancellable, error)) == NULL
      || !check_whole (store, image, error) || !find_before (store, branch, image->commit, &before, error))
    return FALSE;
  if (!ostree_repo_set_ref_immediate (store->repo, NULL, branch, image->commit, cancellable, error)
      || !sc_fs_sync_dir_at (ostree_repo_get_dfd (store->repo), "refs/heads/ociimage", error))
    return sc_prefix (error, "image %s", name);
  *out_name = g_steal_pointer (&name);
  *out_before = g_steal_pointer (&before);
  return TRUE;
}
