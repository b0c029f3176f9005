/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pruning checkouts and repository together.  Both are held from the first look to the last removal; everything is
 * found, and counted, before anything is removed, so that what a dry run says is what happens.
 */
#include "prune-system.h"

#include "image-use.h"
#include "orphans.h"
#include "prune.h"

void
sc_pruned_clear (ScPruned *pruned)
{
  g_clear_pointer (&pruned->branches, g_ptr_array_unref);
  g_clear_pointer (&pruned->checkouts, g_ptr_array_unref);
  g_clear_pointer (&pruned->temporaries, g_ptr_array_unref);
}

/* Holds the checkouts; *out is NULL without error where there are none. */
static gboolean
lock_checkouts (const ScContext *ctx, ScCheckouts **out, const ScProgressSink *sink, GCancellable *cancellable,
                GError **error)
{
  g_autoptr (GError) local = NULL;

  *out = sc_checkouts_lock (ctx, FALSE, sink, cancellable, &local);
  if (*out != NULL || g_error_matches (local, SC_ERROR, SC_ERROR_NOT_FOUND))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

static gboolean
find_orphans (const ScContext *ctx, ScCheckouts *checkouts, GPtrArray **out, ScTally *tally, const ScProgressSink *sink,
              GCancellable *cancellable, GError **error)
{
  *out = checkouts == NULL ? g_ptr_array_new () : sc_orphans_find (ctx, checkouts, sink, cancellable, error);
  for (guint i = 0; *out != NULL && i < (*out)->len; i++)
    if (!sc_tally_add_tree (tally, checkouts->dfd, g_ptr_array_index (*out, i), error))
      return sc_prefix (error, "%s", checkouts->path);
  return *out != NULL;
}

static GPtrArray *
with_prefix (const char *prefix, const GPtrArray *names)
{
  GPtrArray *paths = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < names->len; i++)
    g_ptr_array_add (paths, g_build_filename (prefix, g_ptr_array_index (names, i), NULL));
  return paths;
}

static void
tell (const ScPruned *pruned, const ScProgressSink *sink)
{
  const GPtrArray *lists[] = { pruned->checkouts, pruned->branches };

  for (guint i = 0; i < G_N_ELEMENTS (lists); i++)
    for (guint j = 0; j < lists[i]->len; j++)
      sc_progress_step (sink, "Would delete %s", (const char *)g_ptr_array_index (lists[i], j));
}

static void
set_result (ScPruned *out, const ScCheckouts *checkouts, const GPtrArray *orphans, const ScPruneList *list,
            const ScTally *tally)
{
  out->branches = g_ptr_array_ref (list->branches);
  out->checkouts = with_prefix (checkouts != NULL ? checkouts->path : "", orphans);
  out->temporaries = with_prefix ("tmp", list->temporaries);
  for (guint i = 0; i < list->strays->len; i++)
    g_ptr_array_add (out->temporaries, g_build_filename ("refs/heads", g_ptr_array_index (list->strays, i), NULL));
  out->objects = list->commits->len + list->objects->len;
  out->bytes = sc_tally_bytes (tally);
}

gboolean
sc_prune (const ScContext *ctx, ScStore *store, gboolean dry_run, const ScProgressSink *sink, ScPruned *out_pruned,
          GCancellable *cancellable, GError **error)
{
  g_autoptr (ScCheckouts) checkouts = NULL;
  g_autoptr (ScStoreLock) lock = NULL;
  g_autoptr (ScTally) tally = sc_tally_new ();
  g_autoptr (GPtrArray) orphans = NULL, deployments = NULL, in_use = NULL;
  g_autoptr (ScPruneList) list = NULL;
  g_auto (ScPruned) pruned = { 0 };

  if (!lock_checkouts (ctx, &checkouts, sink, cancellable, error)
      || (sc_store_repo (store) != NULL && (lock = sc_store_lock (store, TRUE, cancellable, error)) == NULL)
      || !find_orphans (ctx, checkouts, &orphans, tally, sink, cancellable, error))
    return FALSE;
  deployments = sc_image_deployments (ctx, orphans, error);
  if (deployments == NULL)
    return sc_prefix (error, "what a container needs is not known");
  in_use = sc_deployments_commits (deployments);
  list = sc_prune_find (store, in_use, tally, sink, cancellable, error);
  if (list == NULL)
    return FALSE;
  set_result (&pruned, checkouts, orphans, list, tally);
  if (dry_run)
    tell (&pruned, sink);
  else if ((checkouts != NULL && !sc_orphans_remove (ctx, checkouts, orphans, sink, cancellable, error))
           || !sc_prune_remove (store, list, sink, cancellable, error))
    return FALSE;
  *out_pruned = pruned;
  pruned = (ScPruned){ 0 };
  return TRUE;
}
