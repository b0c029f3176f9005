/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Removing refs of images, and nothing but refs: each goes by one unlink, so that an image is there whole or not at
 * all.
 */
#include "delete.h"

#include <string.h>

#include "digest.h"
#include "fs.h"
#include "reference.h"
#include "refs.h"
#include "store-private.h"

#define SHORT_ID 12

/* Moves the image called @name from @from to @to. */
static gboolean
take_name (GPtrArray *from, const char *name, GPtrArray *to)
{
  for (guint i = 0; i < from->len; i++)
    if (strcmp (((const ScImage *)g_ptr_array_index (from, i))->name, name) == 0)
      {
        g_ptr_array_add (to, g_ptr_array_steal_index (from, i));
        return TRUE;
      }
  return FALSE;
}

static gboolean
has_name (const GPtrArray *images, const char *name)
{
  for (guint i = 0; i < images->len; i++)
    if (strcmp (((const ScImage *)g_ptr_array_index (images, i))->name, name) == 0)
      return TRUE;
  return FALSE;
}

/* What is said of @matches: one id, or several. */
static gboolean
check_matches (const char *text, const GPtrArray *matches, gboolean all_names, GError **error)
{
  g_autoptr (GString) names = g_string_new (NULL);
  gboolean several_ids = FALSE;

  for (guint i = 0; i < matches->len; i++)
    {
      const ScImage *image = g_ptr_array_index (matches, i), *first = g_ptr_array_index (matches, 0);

      several_ids |= strcmp (image->id, first->id) != 0;
      g_string_append_printf (names, "%s%.*s (%s)", i > 0 ? ", " : "", SHORT_ID, image->id, image->name);
    }
  if (matches->len == 0)
    return sc_fail (error, SC_ERROR_NOT_FOUND, "no image '%s'", text);
  if (several_ids)
    return sc_fail (error, SC_ERROR_USAGE, "'%s' begins the id of several images: %s", text, names->str);
  if (matches->len > 1 && !all_names)
    return sc_fail (error, SC_ERROR_DENIED, "'%s' is an image with several names: %s; name one, or use --force for all",
                    text, names->str);
  return TRUE;
}

/* By id; @rest and @chosen together are all images. */
static gboolean
select_by_id (const char *text, GPtrArray *rest, GPtrArray *chosen, gboolean all_names, GError **error)
{
  g_autoptr (GPtrArray) matches = g_ptr_array_new ();
  gboolean hex = *text != '\0' && strspn (text, "0123456789abcdef") == strlen (text) && strlen (text) <= SC_SHA256_HEX;
  GPtrArray *sets[] = { chosen, rest };

  for (guint s = 0; hex && s < G_N_ELEMENTS (sets); s++)
    for (guint i = 0; i < sets[s]->len; i++)
      if (g_str_has_prefix (((const ScImage *)g_ptr_array_index (sets[s], i))->id, text))
        g_ptr_array_add (matches, g_ptr_array_index (sets[s], i));
  if (!check_matches (text, matches, all_names, error))
    return FALSE;
  for (guint i = 0; i < matches->len; i++)
    {
      const ScImage *image = g_ptr_array_index (matches, i);

      if (!has_name (chosen, image->name))
        take_name (rest, image->name, chosen);
    }
  return TRUE;
}

GPtrArray *
sc_image_select (ScStore *store, const char *const *texts, gboolean all_names, GCancellable *cancellable,
                 GError **error)
{
  g_autoptr (GPtrArray) rest = sc_image_list (store, FALSE, cancellable, error);
  g_autoptr (GPtrArray) chosen = g_ptr_array_new_with_free_func ((GDestroyNotify)sc_image_free);

  if (rest == NULL)
    return NULL;
  if (texts == NULL)
    return g_steal_pointer (&rest);
  for (; *texts != NULL; texts++)
    {
      g_autoptr (ScReference) ref = sc_reference_parse (*texts, NULL);
      g_autofree char *name = ref != NULL ? sc_reference_store_name (ref) : NULL;

      if (name != NULL && (has_name (chosen, name) || take_name (rest, name, chosen)))
        continue;
      if (!select_by_id (*texts, rest, chosen, all_names, error))
        return NULL;
    }
  return g_steal_pointer (&chosen);
}

/* TRUE in @out if the name of @image still means that image. */
static gboolean
is_same (ScStore *store, const ScImage *image, const ScProgressSink *sink, gboolean *out, GError **error)
{
  g_autofree char *commit = NULL;
  g_autoptr (ScImage) now = NULL;
  g_autoptr (GError) local = NULL;

  *out = FALSE;
  if (!sc_ref_resolve (store->repo, image->branch, &commit, &local) && image->damaged
      && g_error_matches (local, SC_ERROR, SC_ERROR_INVALID))
    return *out = TRUE; /* still */
  if (local != NULL)
    return g_propagate_error (error, g_steal_pointer (&local)), FALSE;
  if (commit == NULL)
    return TRUE; /* somebody was faster */
  *out = strcmp (commit, image->commit) == 0;
  if (*out)
    return TRUE;
  now = sc_image_of_commit (store, commit, &local);
  if (local != NULL)
    return g_propagate_error (error, g_steal_pointer (&local)), FALSE;
  *out = now != NULL && strcmp (now->id, image->id) == 0;
  if (!*out)
    sc_progress_note (sink, "%s has become another image meanwhile: it stays", image->name);
  return TRUE;
}

/* @deleted: names, as they go */
static gboolean
delete_names (ScStore *store, const GPtrArray *images, GPtrArray *deleted, const ScProgressSink *sink,
              GCancellable *cancellable, GError **error)
{
  for (guint i = 0; i < images->len; i++)
    {
      const ScImage *image = g_ptr_array_index (images, i);
      gboolean same;

      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return FALSE;
      if (!is_same (store, image, sink, &same, error)
          || (same && !ostree_repo_set_ref_immediate (store->repo, NULL, image->branch, NULL, NULL, error)))
        return sc_prefix (error, "image %s", image->name);
      if (same)
        g_ptr_array_add (deleted, image->name);
    }
  return TRUE;
}

static gboolean
count_unneeded (ScStore *store, const GPtrArray *images, guint *out, GCancellable *cancellable, GError **error)
{
  g_autoptr (GHashTable) needed = sc_image_needed_blobs (store, cancellable, error);
  g_autoptr (GHashTable) blobs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  GHashTableIter iter;
  gpointer blob;

  if (needed == NULL)
    return FALSE;
  for (guint i = 0; i < images->len; i++)
    sc_image_add_needed (g_ptr_array_index (images, i), blobs);
  *out = 0;
  g_hash_table_iter_init (&iter, blobs);
  while (g_hash_table_iter_next (&iter, &blob, NULL))
    *out += !g_hash_table_contains (needed, blob);
  return TRUE;
}

gboolean
sc_image_delete (ScStore *store, const GPtrArray *images, guint *out_unneeded, const ScProgressSink *sink,
                 GCancellable *cancellable, GError **error)
{
  g_autoptr (ScStoreLock) lock = NULL;
  g_autoptr (GPtrArray) deleted = g_ptr_array_new ();
  gboolean ok;

  *out_unneeded = 0;
  if (images->len == 0)
    return TRUE;
  lock = sc_store_lock (store, FALSE, cancellable, error);
  if (lock == NULL)
    return FALSE;
  ok = delete_names (store, images, deleted, sink, cancellable, error);
  /* What is said to be gone is, whatever became of the others. */
  if (!sc_fs_sync_dir_at (ostree_repo_get_dfd (store->repo), "refs/heads/ociimage", ok ? error : NULL))
    return FALSE;
  for (guint i = 0; i < deleted->len; i++)
    sc_progress_step (sink, "%s", (const char *)g_ptr_array_index (deleted, i));
  return ok && count_unneeded (store, images, out_unneeded, cancellable, error);
}
