/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is new in libostree's staging directory right before the commit is what the commit adds: that list, and the
 * refs, are the record.  Undoing never takes what somebody else came to need in between.
 */
#include "transaction.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fs.h"
#include "image-query.h"
#include "object-writer.h"
#include "refname.h"
#include "refs.h"
#include "store-private.h"

struct _ScTransaction
{
  ScStore *store;
  OstreeRepo *repo;
  gboolean open;    /* neither committed nor aborted */
  char *staging;    /* (nullable): name of libostree's directory, below tmp/ */
  GHashTable *refs; /* branch -> commit */
  char *branch;     /* (nullable): of the image, once it may have been set */
  char *commit;
  char *previous;     /* (nullable): what @branch was before */
  GPtrArray *objects; /* char *: "<hex>.<type>" of objects that the commit added */
};

static void
abort_open (ScTransaction *t)
{
  g_autoptr (GError) ignored = NULL; /* the error that led here is the one to tell */

  if (!t->open)
    return;
  t->open = FALSE;
  if (!ostree_repo_abort_transaction (t->repo, NULL, &ignored) || !sc_object_writer_clean (t->repo, &ignored))
    g_debug ("%s", ignored->message);
}

void
sc_transaction_free (ScTransaction *t)
{
  abort_open (t);
  g_object_unref (t->repo);
  g_free (t->staging);
  g_hash_table_unref (t->refs);
  g_free (t->branch);
  g_free (t->commit);
  g_free (t->previous);
  g_ptr_array_unref (t->objects);
  g_free (t);
}

/* Begins, and finds out which staging directory is ours: the one that is there after and was not before. */
static gboolean
begin (ScTransaction *t, GCancellable *cancellable, GError **error)
{
  SC_AUTOFD int guard = sc_object_writer_guard (t->repo, error);
  g_auto (GStrv) before = NULL, after = NULL;

  if (guard < 0 || !sc_object_writer_clean_guarded (t->repo, guard, error)
      || (before = sc_fs_list_dir_at (guard, ".", error)) == NULL
      || !ostree_repo_prepare_transaction (t->repo, NULL, cancellable, error))
    return FALSE;
  t->open = TRUE;
  after = sc_fs_list_dir_at (guard, ".", error);
  for (guint i = 0; after != NULL && after[i] != NULL; i++)
    if (g_str_has_prefix (after[i], "staging-") && !g_str_has_suffix (after[i], "-lock")
        && !g_strv_contains ((const char *const *)before, after[i]))
      t->staging = g_strdup (after[i]);
  return after != NULL;
}

ScTransaction *
sc_transaction_begin (ScStore *store, GCancellable *cancellable, GError **error)
{
  g_autoptr (ScTransaction) t = g_new0 (ScTransaction, 1);

  t->store = store;
  t->repo = g_object_ref (store->repo);
  t->refs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  t->objects = g_ptr_array_new_with_free_func (g_free);
  if (!begin (t, cancellable, error))
    return NULL;
  return g_steal_pointer (&t);
}

void
sc_transaction_set_ref (ScTransaction *t, const char *branch, const char *commit)
{
  g_hash_table_replace (t->refs, g_strdup (branch), g_strdup (commit));
  ostree_repo_transaction_set_ref (t->repo, NULL, branch, commit);
}

static gboolean
record_objects (ScTransaction *t, GError **error)
{
  g_autofree char *path = g_strdup_printf ("tmp/%s", t->staging);
  SC_AUTOFD int staging = -1;
  g_auto (GStrv) dirs = NULL;

  if (t->staging == NULL)
    return TRUE;
  staging = sc_fs_open_dir_at (ostree_repo_get_dfd (t->repo), path, error);
  if (staging < 0 || (dirs = sc_fs_list_dir_at (staging, ".", error)) == NULL)
    return FALSE;
  for (guint i = 0; dirs[i] != NULL; i++)
    {
      g_auto (GStrv) files = sc_fs_list_dir_at (staging, dirs[i], error);

      if (files == NULL)
        return FALSE;
      for (guint j = 0; files[j] != NULL; j++)
        g_ptr_array_add (t->objects, g_strconcat (dirs[i], files[j], NULL));
    }
  return TRUE;
}

gboolean
sc_transaction_commit (ScTransaction *t, const char *branch, const char *commit, GCancellable *cancellable,
                       GError **error)
{
  int dfd = ostree_repo_get_dfd (t->repo);

  if (g_cancellable_set_error_if_cancelled (cancellable, error) || !record_objects (t, error)
      || !sc_ref_resolve_sound (t->repo, branch, &t->previous, error))
    return FALSE;
  t->branch = g_strdup (branch);
  t->commit = g_strdup (commit);
  if (!ostree_repo_commit_transaction (t->repo, NULL, NULL, error))
    return FALSE;
  t->open = FALSE;
  return sc_fs_sync_all (dfd, error) && ostree_repo_set_ref_immediate (t->repo, NULL, branch, commit, NULL, error)
         && sc_fs_sync_dir_at (dfd, "refs/heads/ociimage", error) && sc_fs_sync_dir_at (dfd, "refs/heads", error);
}

/* Sets @branch to @to (NULL: removes it) if it is still what we set it to. */
static gboolean
restore_ref (ScTransaction *t, const char *branch, const char *ours, const char *to, GError **error)
{
  g_autofree char *now = NULL;

  if (!sc_ref_resolve_sound (t->repo, branch, &now, error))
    return FALSE;
  return g_strcmp0 (now, ours) != 0 || ostree_repo_set_ref_immediate (t->repo, NULL, branch, to, NULL, error);
}

static gboolean
undo_refs (ScTransaction *t, GError **error)
{
  g_autoptr (GHashTable) needed = NULL;
  GHashTableIter iter;
  gpointer branch, commit;

  if (!restore_ref (t, t->branch, t->commit, t->previous, error)
      || (needed = sc_image_needed_blobs (t->store, NULL, error)) == NULL)
    return FALSE;
  g_hash_table_iter_init (&iter, t->refs);
  while (g_hash_table_iter_next (&iter, &branch, &commit))
    if (!g_hash_table_contains (needed, sc_refname_blob (branch)) && !restore_ref (t, branch, commit, NULL, error))
      return FALSE;
  /* Empty directories are what they were. */
  if (unlinkat (ostree_repo_get_dfd (t->repo), "refs/heads/ociimage", AT_REMOVEDIR) != 0)
    g_debug ("refs/heads/ociimage: %s", g_strerror (errno));
  return TRUE;
}

static gboolean
undo_objects (ScTransaction *t, GError **error)
{
  g_autoptr (GHashTable) reachable = NULL, refs = sc_refs_list (t->repo, error);
  GHashTableIter iter;
  gpointer commit;

  if (refs == NULL)
    return FALSE;
  /* What a damaged ref reaches nobody knows: prune tells of it. */
  g_hash_table_iter_init (&iter, refs);
  while (g_hash_table_iter_next (&iter, NULL, &commit))
    if (*(const char *)commit == '\0')
      return TRUE;
  if (!ostree_repo_traverse_reachable_refs (t->repo, (guint)-1, reachable = ostree_repo_traverse_new_reachable (), NULL,
                                            error))
    return FALSE;
  for (guint i = 0; i < t->objects->len; i++)
    {
      const char *object = g_ptr_array_index (t->objects, i);
      g_autofree char *checksum = NULL;
      g_autoptr (GVariant) key = NULL;
      OstreeObjectType type;
      gboolean present;
      char dir[sizeof "objects/00"];

      ostree_object_from_string (object, &checksum, &type);
      key = g_variant_ref_sink (ostree_object_name_serialize (checksum, type));
      if (g_hash_table_contains (reachable, key))
        continue;
      if (!ostree_repo_has_object (t->repo, type, checksum, &present, NULL, error)
          || (present && !ostree_repo_delete_object (t->repo, type, checksum, NULL, error)))
        return FALSE;
      g_snprintf (dir, sizeof dir, "objects/%.2s", checksum);
      if (unlinkat (ostree_repo_get_dfd (t->repo), dir, AT_REMOVEDIR) != 0 && errno != ENOTEMPTY && errno != EEXIST)
        g_debug ("%s: %s", dir, g_strerror (errno));
    }
  return TRUE;
}

gboolean
sc_transaction_undo (ScTransaction *t, GError **error)
{
  g_autoptr (ScStoreLock) lock = NULL;

  abort_open (t);
  if (t->branch == NULL)
    return TRUE; /* it did not come to the commit */
  lock = sc_store_lock (t->store, TRUE, NULL, error);
  if (lock == NULL || !undo_refs (t, error) || !undo_objects (t, error))
    return FALSE;
  t->store->used = FALSE;
  return TRUE;
}
