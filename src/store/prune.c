/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finding and removing what nobody needs.  Nothing is removed because it looks unused: a thing goes if everything that
 * could need it was read and does not.
 */
#include "prune.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs.h"
#include "image-query.h"
#include "object-writer.h"
#include "partial.h"
#include "refname.h"
#include "refs.h"
#include "sort.h"
#include "store-private.h"

#define IMAGE_REFS "refs/heads/ociimage"

typedef struct
{
  ScStore *store;
  OstreeRepo *repo;
  const GPtrArray *in_use;
  ScTally *tally;
  const ScProgressSink *sink;
  GCancellable *cancellable;

  GHashTable *refs;      /* every ref -> commit, "" for a damaged one, those of remotes included */
  GHashTable *needed;    /* hex digests of the layers and configs that must stay, as far as known */
  GHashTable *layers;    /* those of them that are layers */
  GHashTable *going;     /* set of the refs on the list (not owned) */
  gboolean shared;       /* there are refs of others */
  gboolean keep_objects; /* what is needed is not known */
  GHashTable *reachable; /* names of objects */
  ScPruneList *list;
} Search;

void
sc_prune_list_free (ScPruneList *list)
{
  g_ptr_array_unref (list->branches);
  g_ptr_array_unref (list->strays);
  g_ptr_array_unref (list->commits);
  g_ptr_array_unref (list->objects);
  g_ptr_array_unref (list->temporaries);
  g_free (list);
}

static ScPruneList *
list_new (void)
{
  ScPruneList *list = g_new0 (ScPruneList, 1);

  list->branches = g_ptr_array_new_with_free_func (g_free);
  list->strays = g_ptr_array_new_with_free_func (g_free);
  list->commits = g_ptr_array_new_with_free_func (g_free);
  list->objects = g_ptr_array_new_with_free_func (g_free);
  list->temporaries = g_ptr_array_new_with_free_func (g_free);
  return list;
}

static void
search_clear (Search *s)
{
  g_clear_pointer (&s->refs, g_hash_table_unref);
  g_clear_pointer (&s->needed, g_hash_table_unref);
  g_clear_pointer (&s->layers, g_hash_table_unref);
  g_clear_pointer (&s->going, g_hash_table_unref);
  g_clear_pointer (&s->reachable, g_hash_table_unref);
  g_clear_pointer (&s->list, sc_prune_list_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Search, search_clear)

/* -- branches -- */

/* FALSE: what @image needs is not known. */
static gboolean
add_needs (Search *s, const ScImage *image, GHashTable *needed)
{
  for (guint i = 0; image->manifest != NULL && i < image->manifest->layers->len; i++)
    {
      const ScDescriptor *layer = g_ptr_array_index (image->manifest->layers, i);

      g_hash_table_add (s->layers, g_strdup (sc_digest_hex (layer->digest)));
    }
  if (sc_image_add_needed (image, needed))
    return TRUE;
  sc_progress_note (s->sink, "image %s: %s: what it needs is not known, so no layers are removed", image->name,
                    image->problem != NULL ? image->problem : "it has no manifest that can be read");
  return FALSE;
}

/* (transfer full): hex digests of the layers and configs that must stay; *out_known: those are all. */
static GHashTable *
needed_blobs (Search *s, gboolean *out_known, GError **error)
{
  g_autoptr (GHashTable) needed = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GPtrArray) images = sc_image_list (s->store, FALSE, s->cancellable, error);

  if (images == NULL)
    return NULL;
  *out_known = TRUE;
  for (guint i = 0; i < images->len; i++)
    *out_known &= add_needs (s, g_ptr_array_index (images, i), needed);
  for (guint i = 0; i < s->in_use->len; i++)
    {
      const char *commit = g_ptr_array_index (s->in_use, i);
      g_autoptr (GError) local = NULL;
      g_autoptr (ScImage) image = sc_image_of_commit (s->store, commit, &local);

      if (local != NULL)
        return g_propagate_error (error, g_steal_pointer (&local)), NULL;
      if (image == NULL)
        g_debug ("image %s of a container is not in the repository", commit);
      else
        *out_known &= add_needs (s, image, needed);
    }
  return g_steal_pointer (&needed);
}

static gboolean
find_branches (Search *s, GError **error)
{
  gboolean known = FALSE;
  GHashTableIter iter;
  gpointer ref;

  s->needed = needed_blobs (s, &known, error);
  if (s->needed == NULL)
    return FALSE;
  g_hash_table_iter_init (&iter, s->refs);
  while (g_hash_table_iter_next (&iter, &ref, NULL))
    {
      const char *blob = sc_refname_blob (ref);

      s->shared |= !g_str_has_prefix (ref, SC_REF_PREFIX);
      if (sc_refname_is_temporary (ref))
        g_ptr_array_add (s->list->strays, g_strdup (ref));
      else if (blob != NULL && known && !g_hash_table_contains (s->needed, blob))
        g_ptr_array_add (s->list->branches, g_strdup (ref));
      else
        continue;
      g_hash_table_add (s->going, ref);
    }
  sc_sort_strings (s->list->branches);
  sc_sort_strings (s->list->strays);
  return TRUE;
}

/* -- objects -- */

/* All that @commit, a thing called @name, reaches stays. One that is damaged reaches what nobody knows. */
static gboolean
keep_commit (Search *s, const char *name, const char *commit, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (s->keep_objects || ostree_repo_traverse_commit_union (s->repo, commit, -1, s->reachable, s->cancellable, &local))
    return TRUE;
  if (g_error_matches (local, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  sc_progress_note (s->sink, "%s: %s: what it needs is not known, so no objects are removed", name, local->message);
  s->keep_objects = TRUE;
  return TRUE;
}

/* A ref that names no commit, or a layer that has no ref: what was below it nobody knows. Configs may be missing: the
 * original tool pruned those of images that had a name. */
static void
check_refs (Search *s)
{
  GHashTableIter iter;
  gpointer ref, commit, blob;

  g_hash_table_iter_init (&iter, s->refs);
  while (!s->keep_objects && g_hash_table_iter_next (&iter, &ref, &commit))
    if (*(const char *)commit == '\0' && !g_hash_table_contains (s->going, ref))
      {
        sc_progress_note (s->sink, "branch %s is damaged: it names no commit, so no objects are removed",
                          (const char *)ref);
        s->keep_objects = TRUE;
      }
  g_hash_table_iter_init (&iter, s->layers);
  while (!s->keep_objects && g_hash_table_iter_next (&iter, &blob, NULL))
    {
      g_autofree char *branch = sc_refname_for_blob (blob);

      if (g_hash_table_contains (s->refs, branch))
        continue;
      sc_progress_note (s->sink, "branch %s is missing, and an image needs it, so no objects are removed", branch);
      s->keep_objects = TRUE;
    }
}

static gboolean
keep_refs (Search *s, GError **error)
{
  g_autoptr (GHashTable) collections = NULL;
  GHashTableIter iter;
  gpointer ref, commit;

  check_refs (s);
  if (s->keep_objects)
    return TRUE;
  g_hash_table_iter_init (&iter, s->refs);
  while (g_hash_table_iter_next (&iter, &ref, &commit))
    if (!g_hash_table_contains (s->going, ref) && !keep_commit (s, ref, commit, error))
      return FALSE;
  for (guint i = 0; i < s->in_use->len; i++)
    if (!keep_commit (s, "image of a container", g_ptr_array_index (s->in_use, i), error))
      return FALSE;

  if (!ostree_repo_list_collection_refs (s->repo, NULL, &collections, OSTREE_REPO_LIST_REFS_EXT_NONE, s->cancellable,
                                         error))
    return FALSE;
  g_hash_table_iter_init (&iter, collections);
  while (g_hash_table_iter_next (&iter, &ref, &commit))
    {
      const OstreeCollectionRef *of = ref;

      /* With a collection of its own the repository's refs are listed again. */
      s->shared |= !g_str_has_prefix (of->ref_name, SC_REF_PREFIX);
      if (!g_hash_table_contains (s->going, of->ref_name) && !keep_commit (s, of->ref_name, commit, error))
        return FALSE;
    }
  return TRUE;
}

/* Did this program, or another that stores images in its way, make the commit?  One that cannot be read may be a host's
 * where there are refs of others. */
static gboolean
is_of_image (Search *s, const char *commit)
{
  g_autoptr (GVariant) variant = NULL, meta = NULL;
  static const char *const keys[] = { "docker.size", "docker.manifest", "docker.digest" };

  if (!ostree_repo_load_commit (s->repo, commit, &variant, NULL, NULL))
    return !s->shared;
  meta = g_variant_get_child_value (variant, 0);
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autoptr (GVariant) value = g_variant_lookup_value (meta, keys[i], NULL);

      if (value != NULL)
        return TRUE;
    }
  return FALSE;
}

/* Others write commits first and refer to them later, a host its own trees: what is not of an image stays. */
static gboolean
keep_others (Search *s, GHashTable *objects, GError **error)
{
  GHashTableIter iter;
  gpointer key;

  g_hash_table_iter_init (&iter, objects);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    {
      const char *checksum;
      OstreeObjectType type;

      ostree_object_name_deserialize (key, &checksum, &type);
      if (type == OSTREE_OBJECT_TYPE_COMMIT && !g_hash_table_contains (s->reachable, key) && !is_of_image (s, checksum)
          && !keep_commit (s, checksum, checksum, error))
        return FALSE;
    }
  return TRUE;
}

static char *
object_path (const char *checksum, const char *type)
{
  return g_strdup_printf ("objects/%.2s/%s.%s", checksum, checksum + 2, type);
}

static gboolean
add_object (Search *s, const char *checksum, OstreeObjectType type, GError **error)
{
  int dfd = ostree_repo_get_dfd (s->repo);
  g_autofree char *path = object_path (checksum, ostree_object_type_to_string (type));
  g_autofree char *detached = object_path (checksum, "commitmeta");

  if (type == OSTREE_OBJECT_TYPE_COMMIT)
    g_ptr_array_add (s->list->commits, g_strdup (checksum));
  else
    g_ptr_array_add (s->list->objects, ostree_object_to_string (checksum, type));
  return sc_tally_add (s->tally, dfd, path, error)
         && (type != OSTREE_OBJECT_TYPE_COMMIT || sc_tally_add (s->tally, dfd, detached, error));
}

static gboolean
find_objects (Search *s, GError **error)
{
  g_autoptr (GHashTable) objects = NULL;
  GHashTableIter iter;
  gpointer key;

  if (!keep_refs (s, error))
    return FALSE;
  if (s->keep_objects)
    return TRUE;
  if (!ostree_repo_list_objects (s->repo, OSTREE_REPO_LIST_OBJECTS_LOOSE | OSTREE_REPO_LIST_OBJECTS_NO_PARENTS,
                                 &objects, s->cancellable, error)
      || !keep_others (s, objects, error))
    return FALSE;
  if (s->keep_objects)
    return TRUE;
  g_hash_table_iter_init (&iter, objects);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    {
      const char *checksum;
      OstreeObjectType type;

      ostree_object_name_deserialize (key, &checksum, &type);
      if (!g_hash_table_contains (s->reachable, key) && !add_object (s, checksum, type, error))
        return FALSE;
    }
  sc_sort_strings (s->list->commits);
  sc_sort_strings (s->list->objects);
  return TRUE;
}

/* -- temporaries -- */

static gboolean
find_temporaries (Search *s, GError **error)
{
  SC_AUTOFD int guard = sc_object_writer_guard (s->repo, error);

  if (guard < 0 || !sc_object_writer_find_stale (guard, s->list->temporaries, error))
    return FALSE;
  /* Whoever pulls holds the repository, and so do we, alone. */
  if (sc_fs_exists_at (guard, SC_PARTIALS_NAME))
    g_ptr_array_add (s->list->temporaries, g_strdup (SC_PARTIALS_NAME));
  for (guint i = 0; i < s->list->temporaries->len; i++)
    if (!sc_tally_add_tree (s->tally, guard, g_ptr_array_index (s->list->temporaries, i), error))
      return FALSE;
  return TRUE;
}

/* Refs are small files of their own. */
static gboolean
tally_refs (Search *s, GError **error)
{
  const GPtrArray *lists[] = { s->list->branches, s->list->strays };

  for (guint i = 0; i < G_N_ELEMENTS (lists); i++)
    for (guint j = 0; j < lists[i]->len; j++)
      {
        g_autofree char *path = g_build_filename ("refs/heads", g_ptr_array_index (lists[i], j), NULL);

        if (!sc_tally_add (s->tally, ostree_repo_get_dfd (s->repo), path, error))
          return FALSE;
      }
  return TRUE;
}

ScPruneList *
sc_prune_find (ScStore *store, const GPtrArray *in_use, ScTally *tally, const ScProgressSink *sink,
               GCancellable *cancellable, GError **error)
{
  g_auto (Search) s = { .store = store,
                        .repo = store->repo,
                        .in_use = in_use,
                        .tally = tally,
                        .sink = sink,
                        .cancellable = cancellable,
                        .going = g_hash_table_new (g_str_hash, g_str_equal),
                        .layers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL),
                        .reachable = ostree_repo_traverse_new_reachable (),
                        .list = list_new () };

  if (s.repo == NULL)
    return g_steal_pointer (&s.list);
  if ((s.refs = sc_refs_list (s.repo, error)) == NULL || !find_branches (&s, error) || !find_objects (&s, error)
      || !find_temporaries (&s, error) || !tally_refs (&s, error))
    return sc_prefix_null (error, "repository %s", store->path);
  return g_steal_pointer (&s.list);
}

/* -- removal -- */

static gboolean
remove_refs (ScStore *store, const ScPruneList *list, GError **error)
{
  int dfd = ostree_repo_get_dfd (store->repo);

  for (guint i = 0; i < list->strays->len; i++)
    {
      g_autofree char *path = g_build_filename ("refs/heads", g_ptr_array_index (list->strays, i), NULL);

      if (!sc_fs_unlink_at (dfd, path, error))
        return FALSE;
    }
  for (guint i = 0; i < list->branches->len; i++)
    if (!ostree_repo_set_ref_immediate (store->repo, NULL, g_ptr_array_index (list->branches, i), NULL, NULL, error))
      return FALSE;
  return (list->strays->len == 0 && list->branches->len == 0) || sc_fs_sync_dir_at (dfd, IMAGE_REFS, error);
}

/* Commits first, and that on disk: one whose trees are gone would be damage. */
static gboolean
remove_objects (ScStore *store, const ScPruneList *list, GCancellable *cancellable, GError **error)
{
  for (guint i = 0; i < list->commits->len; i++)
    if (g_cancellable_set_error_if_cancelled (cancellable, error)
        || !ostree_repo_delete_object (store->repo, OSTREE_OBJECT_TYPE_COMMIT, g_ptr_array_index (list->commits, i),
                                       NULL, error))
      return FALSE;
  if (list->commits->len > 0 && !sc_fs_sync_all (ostree_repo_get_dfd (store->repo), error))
    return FALSE;
  for (guint i = 0; i < list->objects->len; i++)
    {
      g_autofree char *checksum = NULL;
      OstreeObjectType type;

      ostree_object_from_string (g_ptr_array_index (list->objects, i), &checksum, &type);
      if (g_cancellable_set_error_if_cancelled (cancellable, error)
          || !ostree_repo_delete_object (store->repo, type, checksum, NULL, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
remove_temporaries (ScStore *store, const ScPruneList *list, GError **error)
{
  SC_AUTOFD int guard = list->temporaries->len > 0 ? sc_object_writer_guard (store->repo, error) : -1;

  if (list->temporaries->len > 0 && guard < 0)
    return FALSE;
  for (guint i = 0; i < list->temporaries->len; i++)
    if (!sc_fs_remove_tree_at (guard, g_ptr_array_index (list->temporaries, i), error))
      return FALSE;
  return TRUE;
}

gboolean
sc_prune_remove (ScStore *store, const ScPruneList *list, const ScProgressSink *sink, GCancellable *cancellable,
                 GError **error)
{
  if (store->repo == NULL)
    return TRUE;
  if (!remove_refs (store, list, error))
    return sc_prefix (error, "repository %s", store->path);
  for (guint i = 0; i < list->branches->len; i++)
    sc_progress_step (sink, "Deleting %s", (const char *)g_ptr_array_index (list->branches, i));
  return (remove_objects (store, list, cancellable, error) && remove_temporaries (store, list, error))
         || sc_prefix (error, "repository %s", store->path);
}
