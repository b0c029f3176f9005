/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What images there are: refs and commit metadata, nothing else is read.
 */
#include "image-query.h"

#include <string.h>

#include "blob.h"
#include "digest.h"
#include "fs.h"
#include "reference.h"
#include "refname.h"
#include "refs.h"
#include "store-private.h"

void
sc_image_free (ScImage *image)
{
  g_free (image->name);
  g_free (image->repository);
  g_free (image->tag);
  g_free (image->id);
  g_free (image->branch);
  g_free (image->commit);
  g_free (image->verification);
  g_free (image->source);
  g_free (image->platform);
  g_clear_pointer (&image->manifest, sc_manifest_free);
  g_free (image->problem);
  g_free (image);
}

/* "repository:tag" or "repository@digest": a port has a colon too, but a slash after it. */
static void
split_name (ScImage *image)
{
  const char *at = strchr (image->name, '@');
  const char *colon = strrchr (image->name, ':');

  if (at == NULL && (colon == NULL || strchr (colon, '/') != NULL))
    {
      image->repository = g_strdup (image->name);
      image->tag = g_strdup ("latest");
      return;
    }
  if (at == NULL)
    at = colon;
  image->repository = g_strndup (image->name, (gsize)(at - image->name));
  image->tag = g_strdup (at + 1);
}

/* docker.size of a blob's commit, 0 if it does not say. */
static guint64
commit_size (GVariant *commit)
{
  g_autoptr (GVariant) meta = g_variant_get_child_value (commit, 0);
  const char *text;

  return g_variant_lookup (meta, "docker.size", "&s", &text) ? g_ascii_strtoull (text, NULL, 10) : 0;
}

static guint64
layer_size (OstreeRepo *repo, const char *digest)
{
  g_autofree char *commit = NULL;
  g_autoptr (GVariant) variant = NULL;

  if (!sc_blob_find (repo, digest, &commit, NULL) || commit == NULL
      || !ostree_repo_load_commit (repo, commit, &variant, NULL, NULL))
    return 0;
  return commit_size (variant);
}

/* Fills in from the manifest that the commit holds; a repository of an older tool may have none that we understand. */
static void
read_manifest (ScImage *image, OstreeRepo *repo, const char *text)
{
  g_autoptr (GBytes) raw = g_bytes_new (text, strlen (text));

  image->manifest = sc_manifest_parse (raw, NULL);
  if (image->manifest == NULL)
    return;
  for (guint i = 0; i < image->manifest->layers->len; i++)
    {
      const ScDescriptor *layer = g_ptr_array_index (image->manifest->layers, i);
      guint64 size = layer->size > 0 ? layer->size : layer_size (repo, layer->digest);

      if (size <= G_MAXUINT64 - image->virtual_size)
        image->virtual_size += size;
    }
}

static void
set_id (ScImage *image, const char *digest)
{
  if (digest != NULL)
    image->id = g_strdup (g_str_has_prefix (digest, "sha256:") ? digest + strlen ("sha256:") : digest);
  else if (image->manifest != NULL)
    image->id = g_strdup (sc_digest_hex (image->manifest->config->digest));
  else
    image->id = g_strdup (image->commit);
}

/* What a list shows of a manifest.  Without a digest beside it the image's id is in it too. */
static gboolean
read_sizes (ScImage *image, const char *text, const char *digest)
{
  return digest != NULL && sc_manifest_sum_sizes (text, &image->virtual_size);
}

/* Fills in what the commit says. One that is damaged must not hide the others: @image->problem tells. */
static void
read_commit (ScImage *image, OstreeRepo *repo, gboolean brief)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) variant = NULL, meta = NULL;
  const char *manifest = NULL, *digest = NULL;

  if (!ostree_repo_load_commit (repo, image->commit, &variant, NULL, &error))
    {
      image->problem = g_strdup_printf ("image %s: %s", image->name, error->message);
      return;
    }
  image->created = (gint64)ostree_commit_get_timestamp (variant);
  if (sc_refname_blob (image->branch) != NULL)
    {
      image->virtual_size = commit_size (variant);
      return;
    }
  meta = g_variant_get_child_value (variant, 0);
  g_variant_lookup (meta, "docker.manifest", "&s", &manifest);
  g_variant_lookup (meta, "docker.digest", "&s", &digest);
  g_variant_lookup (meta, SC_IMAGE_VERIFICATION_KEY, "s", &image->verification);
  g_variant_lookup (meta, SC_IMAGE_SOURCE_KEY, "s", &image->source);
  g_variant_lookup (meta, SC_IMAGE_PLATFORM_KEY, "s", &image->platform);
  if (manifest != NULL && !(brief && read_sizes (image, manifest, digest)))
    read_manifest (image, repo, manifest);
  set_id (image, digest);
  if (brief)
    g_clear_pointer (&image->manifest, sc_manifest_free);
}

/* (nullable): NULL for a branch that is not ours. */
static ScImage *
load_image (OstreeRepo *repo, const char *branch, const char *commit, gboolean brief)
{
  g_autoptr (ScImage) image = g_new0 (ScImage, 1);
  const char *blob = sc_refname_blob (branch);

  image->name = blob != NULL ? g_strdup (blob) : sc_refname_decode (branch, NULL);
  if (image->name == NULL)
    return NULL;
  image->branch = g_strdup (branch);
  image->damaged = *commit == '\0';
  image->commit = g_strdup (image->damaged ? SC_IMAGE_NO_COMMIT : commit);
  if (blob != NULL)
    {
      image->repository = g_strdup (blob);
      image->tag = g_strdup ("<none>");
      image->id = g_strdup (blob);
    }
  else
    split_name (image);
  if (image->damaged)
    image->problem = g_strdup_printf ("image %s: branch %s is damaged: it names no commit", image->name, branch);
  else
    read_commit (image, repo, brief);
  if (image->id == NULL)
    image->id = g_strdup (commit);
  return g_steal_pointer (&image);
}

ScImage *
sc_image_of_commit (ScStore *store, const char *commit, GError **error)
{
  g_autoptr (ScImage) image = g_new0 (ScImage, 1);
  gboolean present;

  if (!ostree_repo_has_object (store->repo, OSTREE_OBJECT_TYPE_COMMIT, commit, &present, NULL, error) || !present)
    return NULL;
  image->name = g_strdup (commit);
  image->repository = g_strdup (commit);
  image->tag = g_strdup ("<none>");
  image->branch = g_strdup (SC_REF_PREFIX);
  image->commit = g_strdup (commit);
  read_commit (image, store->repo, FALSE);
  if (image->id == NULL)
    image->id = g_strdup (commit);
  return g_steal_pointer (&image);
}

static gboolean
is_image_branch (const char *branch)
{
  return sc_refname_blob (branch) == NULL;
}

/* @out (transfer full) (nullable): our branches -> commits: those of images, and with @blobs those of layers and
 * configs. Of those there are many more, and for the others alone their files stay closed.  Other programs may have
 * branches in the same repository; names of ours have no slash, and are all in one directory. */
static gboolean
list_branches (ScStore *store, gboolean blobs, GHashTable **out, GError **error)
{
  *out = store->repo != NULL ? sc_refs_list_dir (store->repo, "ociimage", blobs ? NULL : is_image_branch, error) : NULL;
  return store->repo == NULL || *out != NULL;
}

static int
compare_images (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(const ScImage *const *)a)->name, (*(const ScImage *const *)b)->name);
}

gboolean
sc_image_add_needed (const ScImage *image, GHashTable *needed)
{
  if (image->manifest == NULL)
    return FALSE;
  g_hash_table_add (needed, g_strdup (sc_digest_hex (image->manifest->config->digest)));
  for (guint i = 0; i < image->manifest->layers->len; i++)
    {
      const ScDescriptor *layer = g_ptr_array_index (image->manifest->layers, i);

      g_hash_table_add (needed, g_strdup (sc_digest_hex (layer->digest)));
    }
  return TRUE;
}

static void
mark_needed (GPtrArray *images, GHashTable *needed)
{
  for (guint i = 0; i < images->len; i++)
    sc_image_add_needed (g_ptr_array_index (images, i), needed);
}

/* Layers that no tag needs; @images has the tags. */
static void
add_dangling (OstreeRepo *repo, GHashTable *branches, GPtrArray *images)
{
  g_autoptr (GHashTable) needed = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  GHashTableIter iter;
  gpointer branch, commit;

  mark_needed (images, needed);
  g_hash_table_iter_init (&iter, branches);
  while (g_hash_table_iter_next (&iter, &branch, &commit))
    {
      const char *blob = sc_refname_blob (branch);
      ScImage *image;

      if (blob == NULL || g_hash_table_contains (needed, blob))
        continue;
      image = load_image (repo, branch, commit, FALSE);
      image->dangling = TRUE;
      g_ptr_array_add (images, image);
    }
}

static GPtrArray *
list_images (ScStore *store, gboolean all, gboolean brief, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) images = g_ptr_array_new_with_free_func ((GDestroyNotify)sc_image_free);
  g_autoptr (GHashTable) branches = NULL;
  GHashTableIter iter;
  gpointer branch, commit;

  if (!list_branches (store, !brief, &branches, error))
    return sc_prefix_null (error, "repository %s", store->path);
  if (branches == NULL)
    return g_steal_pointer (&images);
  g_hash_table_iter_init (&iter, branches);
  while (g_hash_table_iter_next (&iter, &branch, &commit))
    {
      ScImage *image = sc_refname_blob (branch) == NULL ? load_image (store->repo, branch, commit, brief) : NULL;

      if (image != NULL)
        g_ptr_array_add (images, image);
    }
  if (all)
    add_dangling (store->repo, branches, images);
  g_ptr_array_sort (images, compare_images);
  return g_steal_pointer (&images);
}

GPtrArray *
sc_image_list (ScStore *store, gboolean all, GCancellable *cancellable, GError **error)
{
  return list_images (store, all, FALSE, cancellable, error);
}

GPtrArray *
sc_image_list_brief (ScStore *store, GCancellable *cancellable, GError **error)
{
  return list_images (store, FALSE, TRUE, cancellable, error);
}

GHashTable *
sc_image_needed_blobs (ScStore *store, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) images = sc_image_list (store, FALSE, cancellable, error);
  GHashTable *needed;

  if (images == NULL)
    return NULL;
  needed = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  mark_needed (images, needed);
  return needed;
}

static gboolean
is_hex_prefix (const char *text)
{
  return *text != '\0' && strspn (text, "0123456789abcdef") == strlen (text) && strlen (text) <= SC_SHA256_HEX;
}

/* (transfer none): several names of one image are one image, the first by name serves. */
static const ScImage *
find_by_id (GPtrArray *images, const char *text, GError **error)
{
  g_autoptr (GString) names = g_string_new (NULL);
  const ScImage *found = NULL;
  gboolean several = FALSE;

  for (guint i = 0; is_hex_prefix (text) && i < images->len; i++)
    {
      const ScImage *image = g_ptr_array_index (images, i);

      if (!g_str_has_prefix (image->id, text))
        continue;
      g_string_append_printf (names, "%s%s", names->len > 0 ? ", " : "", image->name);
      if (found == NULL)
        found = image;
      else if (strcmp (found->id, image->id) != 0)
        several = TRUE;
    }
  if (several)
    return sc_fail_null (error, SC_ERROR_USAGE, "'%s' begins the id of several images: %s", text, names->str);
  if (found == NULL)
    return sc_fail_null (error, SC_ERROR_NOT_FOUND, "no image '%s'", text);
  return found;
}

ScImage *
sc_image_find (ScStore *store, const char *text, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) images = sc_image_list_brief (store, cancellable, error);
  g_autoptr (ScReference) ref = NULL;
  g_autofree char *wanted = NULL;
  const ScImage *found = NULL;

  if (images == NULL)
    return NULL;
  ref = sc_reference_parse (text, NULL);
  if (ref != NULL)
    wanted = sc_reference_store_name (ref);
  for (guint i = 0; found == NULL && i < images->len; i++)
    if (g_strcmp0 (((ScImage *)g_ptr_array_index (images, i))->name, wanted) == 0)
      found = g_ptr_array_index (images, i);
  if (found == NULL)
    found = find_by_id (images, text, error);
  return found != NULL ? load_image (store->repo, found->branch, found->damaged ? "" : found->commit, FALSE) : NULL;
}

ScImageConfig *
sc_image_load_config (ScStore *store, const ScImage *image, GCancellable *cancellable, GError **error)
{
  g_autofree char *commit = NULL;
  g_autoptr (GBytes) raw = NULL;

  if (image->problem != NULL)
    return sc_fail_null (error, SC_ERROR_INVALID, "%s", image->problem);
  if (image->manifest == NULL)
    return sc_fail_null (error, SC_ERROR_NOT_FOUND, "image %s has no manifest in the repository: pull it again",
                         image->name);
  if (!sc_blob_find (store->repo, image->manifest->config->digest, &commit, error))
    return sc_prefix_null (error, "image %s", image->name);
  if (commit == NULL)
    return sc_fail_null (error, SC_ERROR_NOT_FOUND, "image %s has no config in the repository: pull it again",
                         image->name);
  raw = sc_blob_load_config (store->repo, commit, cancellable, error);
  if (raw == NULL)
    return sc_prefix_null (error, "image %s: config", image->name);
  return sc_image_config_parse (raw, error);
}

ScImage *
sc_image_find_commit (ScStore *store, const char *name, const char *commit, GError **error)
{
  g_autofree char *branch = sc_refname_encode (name);
  g_autoptr (ScImage) image = NULL;
  gboolean present = FALSE;

  if (!sc_digest_is_hex (commit))
    return sc_fail_null (error, SC_ERROR_INVALID, "image %s: '%s' is not a commit", name, commit);
  if (store->repo != NULL
      && !ostree_repo_has_object (store->repo, OSTREE_OBJECT_TYPE_COMMIT, commit, &present, NULL, error))
    return sc_prefix_null (error, "image %s", name);
  if (!present)
    return sc_fail_null (error, SC_ERROR_NOT_FOUND, "image %s: commit %s is not in the repository", name, commit);
  image = load_image (store->repo, branch, commit, FALSE);
  if (image == NULL || image->problem != NULL)
    return sc_fail_null (error, SC_ERROR_INVALID, "%s", image != NULL ? image->problem : name);
  return g_steal_pointer (&image);
}
