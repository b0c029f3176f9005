/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A verified image into the repository.  Everything is written in one transaction: libostree flushes its objects,
 * then moves them into place and writes the refs of layers and config; the ref of the image is set when those are on
 * disk (architecture, invariant 2).  Whoever looks sees the image whole or not at all.
 *
 * Bytes that a killed pull has left are not trusted: if a layer that began with such bytes turns out to be wrong, the
 * transaction is thrown away, so that nothing of it stays, and done again without them.
 */
#include "pull.h"

#include <string.h>

#include "blob.h"
#include "image-commit.h"
#include "image-query.h"
#include "layer-fetch.h"
#include "layer-import.h"
#include "layer-reuse.h"
#include "names.h"
#include "refname.h"
#include "refs.h"
#include "space.h"
#include "store-private.h"

typedef struct
{
  ScStore *store;
  OstreeRepo *repo;
  const ScVerifiedImage *image;
  const ScManifest *manifest;
  ScBlobSource *source;
  const ScPlatform *wanted; /* (nullable) */
  const ScProgressSink *sink;
  ScImageConfig *config;
  gboolean config_missing; /* in the repository */
  char *config_commit;     /* (nullable): the one that was written */
  GPtrArray *commits;      /* char *: of each layer, lowest first */
  GHashTable *fetched;     /* layer digest (of the manifest) -> commit */
  guint current;           /* layer being imported */
  ScNode *lower;           /* (nullable): tree of the layers below @current */
  ScLayerReuse *reuse;
  ScPartials *partials;
  ScLayerFetch *fetch;               /* (nullable): of the missing layers */
  GHashTable *begun;                 /* layer digests that progress was told of */
  const ScDescriptor *source_failed; /* (nullable): the layer that the last try did not get from the source */
  gboolean no_room;                  /* nothing is kept any more */
  ScPullResult result;
  GCancellable *cancellable;
} Pull;

void
sc_pull_result_clear (ScPullResult *result)
{
  g_clear_pointer (&result->transaction, sc_transaction_free);
}

static void
pull_clear (Pull *p)
{
  sc_pull_result_clear (&p->result);
  g_clear_pointer (&p->config, sc_image_config_free);
  g_clear_pointer (&p->config_commit, g_free);
  g_clear_pointer (&p->commits, g_ptr_array_unref);
  g_clear_pointer (&p->fetched, g_hash_table_unref);
  g_clear_pointer (&p->lower, sc_node_free);
  g_clear_pointer (&p->fetch, sc_layer_fetch_free);
  g_clear_pointer (&p->partials, sc_partials_free);
  g_clear_pointer (&p->reuse, sc_layer_reuse_free);
  g_clear_pointer (&p->begun, g_hash_table_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Pull, pull_clear)

/* A layer that is there must be the layer that this image means. */
static gboolean
check_stored_layer (Pull *p, const char *commit, const char *diff_id, GError **error)
{
  g_autofree char *stored = NULL;

  if (!sc_blob_commit_string (p->repo, commit, "docker.uncompressed_digest", &stored, error))
    return FALSE;
  if (stored == NULL || strcmp (stored, diff_id) == 0)
    return TRUE;
  return sc_fail (error, SC_ERROR_DIGEST, "diffID mismatch: the config says %s, the stored layer is %s", diff_id,
                  stored);
}

/* "linux/arm/v7" (transfer full) */
static char *
format_platform (const ScPlatform *platform)
{
  const char *variant = platform->variant != NULL ? platform->variant : "";

  return g_strdup_printf ("%s/%s%s%s", platform->os, platform->architecture, *variant != '\0' ? "/" : "", variant);
}

/* What the config says, not what an index promises. */
static gboolean
check_platform (Pull *p, GError **error)
{
  const ScPlatform *platform = &p->config->platform;

  if (p->wanted != NULL && !sc_platform_matches (platform, p->wanted))
    {
      g_autofree char *have = format_platform (platform), *wanted = format_platform (p->wanted);
      g_autofree char *shown = sc_name_escape (have);

      return sc_fail (error, SC_ERROR_UNSUPPORTED, "it is for %s, not for %s", shown, wanted);
    }
  if (strcmp (platform->os, "linux") != 0)
    return sc_fail (error, SC_ERROR_UNSUPPORTED, "it is for %s, not for linux", platform->os);
  if (strcmp (platform->architecture, sc_platform_host ()->architecture) != 0)
    sc_progress_note (p->sink, "image %s is for %s, this machine is %s", sc_verified_image_name (p->image),
                      platform->architecture, sc_platform_host ()->architecture);
  return TRUE;
}

static gboolean
bring_config (Pull *p, GError **error)
{
  const ScDescriptor *descriptor = p->manifest->config;
  g_autofree char *commit = NULL, *actual = NULL;
  g_autoptr (GBytes) raw = NULL;

  if (!sc_layer_reuse_find (p->reuse, descriptor->digest, &commit, p->cancellable, error))
    return FALSE;
  if (commit != NULL && (raw = sc_blob_load_config (p->repo, commit, p->cancellable, error)) == NULL)
    return FALSE;
  if (raw != NULL)
    actual = sc_digest_of (g_bytes_get_data (raw, NULL), g_bytes_get_size (raw));
  if (actual != NULL && strcmp (actual, descriptor->digest) != 0)
    return sc_fail (error, SC_ERROR_DIGEST, "the repository is damaged: its config %s is not of this digest",
                    descriptor->digest);
  if (raw == NULL)
    {
      raw = sc_blob_source_fetch_blob (p->source, descriptor, SC_CONFIG_MAX_SIZE, p->cancellable, error);
      if (raw == NULL)
        return FALSE;
      p->config_missing = TRUE;
    }
  p->config = sc_image_config_parse (raw, error);
  if (p->config == NULL)
    return FALSE;
  if (!check_platform (p, error))
    return FALSE;
  if (p->config->diff_ids->len != p->manifest->layers->len)
    return sc_fail (error, SC_ERROR_INVALID, "it has %u layers in its manifest and %u in its config",
                    p->manifest->layers->len, p->config->diff_ids->len);
  return TRUE;
}

static gboolean
write_config (Pull *p, GError **error)
{
  return !p->config_missing
         || sc_image_commit_config (p->repo, p->config->raw, &p->config_commit, p->cancellable, error);
}

/* What is below the layer that is being imported. */
static ScNode *
lower_tree (gpointer data, GError **error)
{
  Pull *p = data;
  g_autoptr (ScNode) root = NULL;

  if (p->lower != NULL)
    return p->lower;
  root = sc_node_new_dir ();
  for (guint i = 0; i < p->current; i++)
    if (!sc_tree_apply_layer (root, p->repo, g_ptr_array_index (p->commits, i), p->cancellable, error))
      return NULL;
  p->lower = g_steal_pointer (&root);
  return p->lower;
}

static gboolean
fetch_layer (Pull *p, const ScDescriptor *layer, const char *diff_id, char **out_commit, GError **error)
{
  const char *hex = sc_digest_hex (layer->digest);
  ScLayerImport import = { .repo = p->repo,
                           .lower_repo = p->repo,
                           .layer = layer,
                           .diff_id = diff_id,
                           .lower = lower_tree,
                           .lower_data = p,
                           .sink = p->sink };
  gboolean ok;

  /* Once, also if it has to be done again. */
  if (g_hash_table_add (p->begun, layer->digest))
    sc_progress_layer (p->sink, SC_PROGRESS_LAYER_BEGIN, hex, 0, layer->size);
  ok = sc_layer_import (&import, sc_layer_fetch_open (p->fetch, layer), out_commit, &p->result.left_out, p->cancellable,
                        error);
  g_clear_pointer (&p->lower, sc_node_free);
  if (ok)
    sc_progress_layer (p->sink, SC_PROGRESS_LAYER_END, hex, layer->size, layer->size);
  p->result.fetched++;
  return ok;
}

static gboolean
bring_layer (Pull *p, guint index, GError **error)
{
  const ScDescriptor *layer = g_ptr_array_index (p->manifest->layers, index);
  const char *diff_id = g_ptr_array_index (p->config->diff_ids, index);
  const char *known = g_hash_table_lookup (p->fetched, layer->digest);
  g_autofree char *commit = g_strdup (known);

  p->current = index;
  if (commit == NULL && !sc_layer_reuse_find (p->reuse, layer->digest, &commit, p->cancellable, error))
    return FALSE;
  if (commit != NULL && !check_stored_layer (p, commit, diff_id, error))
    return FALSE;
  if (commit == NULL)
    {
      if (!fetch_layer (p, layer, diff_id, &commit, error))
        return FALSE;
      g_hash_table_insert (p->fetched, layer->digest, g_strdup (commit));
    }
  g_ptr_array_add (p->commits, g_steal_pointer (&commit));
  return TRUE;
}

static void
set_blob_refs (Pull *p)
{
  GHashTableIter iter;
  gpointer digest, commit;

  g_hash_table_iter_init (&iter, p->fetched);
  while (g_hash_table_iter_next (&iter, &digest, &commit))
    {
      g_autofree char *branch = sc_refname_for_blob (digest);

      sc_transaction_set_ref (p->result.transaction, branch, commit);
    }
  if (p->config_commit != NULL)
    {
      g_autofree char *branch = sc_refname_for_blob (p->manifest->config->digest);

      sc_transaction_set_ref (p->result.transaction, branch, p->config_commit);
    }
}

/* Begins to fetch what is missing. */
static gboolean
fetch_ahead (Pull *p, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  p->fetch = sc_layer_fetch_new (p->source, p->partials);
  for (guint i = 0; i < p->manifest->layers->len; i++)
    {
      const ScDescriptor *layer = g_ptr_array_index (p->manifest->layers, i);
      g_autofree char *commit = NULL;

      if (!sc_layer_reuse_find (p->reuse, layer->digest, &commit, p->cancellable, error))
        return FALSE;
      if (commit == NULL && g_hash_table_add (seen, layer->digest))
        sc_layer_fetch_add (p->fetch, layer);
    }
  sc_layer_fetch_start (p->fetch);
  return TRUE;
}

/* Inside the transaction: everything that the image needs. */
static gboolean
bring (Pull *p, char **out_commit, GError **error)
{
  g_autofree char *platform = NULL;

  if (!fetch_ahead (p, error))
    return FALSE;
  for (guint i = 0; i < p->manifest->layers->len; i++)
    {
      const ScDescriptor *layer = g_ptr_array_index (p->manifest->layers, i);

      if (!bring_layer (p, i, error))
        return sc_prefix (error, "layer %s", layer->digest);
    }
  platform = p->wanted != NULL ? format_platform (p->wanted) : NULL;
  if (!write_config (p, error)
      || !sc_image_commit (p->repo, p->image, p->source, platform, 0, out_commit, p->cancellable, error))
    return FALSE;
  set_blob_refs (p);
  return !g_cancellable_set_error_if_cancelled (p->cancellable, error);
}

static gboolean
try_transaction (Pull *p, GError **error)
{
  g_autofree char *branch = sc_refname_encode (sc_verified_image_name (p->image)), *commit = NULL;
  gboolean ok;

  p->result.transaction = sc_transaction_begin (p->store, p->cancellable, error);
  if (p->result.transaction == NULL)
    return FALSE;
  ok = bring (p, &commit, error);
  if (!ok && p->commits->len < p->manifest->layers->len)
    {
      const ScDescriptor *layer = g_ptr_array_index (p->manifest->layers, p->current);

      p->source_failed = p->fetch != NULL && sc_layer_fetch_failed (p->fetch, layer) ? layer : NULL;
    }
  g_clear_pointer (&p->fetch, sc_layer_fetch_free);
  /* Now: what is there when everything is flushed is written to disk. */
  if (ok)
    sc_partials_drop (p->partials);
  return ok && sc_transaction_commit (p->result.transaction, branch, commit, p->cancellable, error);
}

/* Whether the file system is so full that the bytes of the layers may be what fills it. */
static gboolean
is_crowded (Pull *p, const GError *failure)
{
  guint64 kept = sc_partials_size (p->partials), room;

  if (kept == 0 || !sc_space_free (ostree_repo_get_dfd (p->repo), &room))
    return FALSE;
  return g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_NO_SPACE) || room < sc_space_reserve (p->repo) + kept;
}

/* Whether other bytes of @layer could have saved the pull: its content is wrong, or the registry cannot give the rest.
 * A refusal of the source is none, nor is a failure to write to the repository. */
static gboolean
blames_content (Pull *p, const ScDescriptor *layer, const GError *failure)
{
  if (g_error_matches (failure, SC_ERROR, SC_ERROR_DIGEST) || g_error_matches (failure, SC_ERROR, SC_ERROR_INVALID))
    return TRUE;
  /* What damaged bytes make of a header of the archive. */
  return p->source_failed != layer
         && (g_error_matches (failure, SC_ERROR, SC_ERROR_LIMIT)
             || g_error_matches (failure, SC_ERROR, SC_ERROR_UNSUPPORTED));
}

/* The layers so far are good; the next ones may come from the same place as the bad one. */
static gboolean
ask_elsewhere (Pull *p, const GError *failure)
{
  if (!sc_blob_source_use_next_place (p->source, g_ptr_array_index (p->manifest->layers, p->current)))
    return FALSE;
  g_debug ("%s", failure->message);
  for (guint i = p->current; i < p->manifest->layers->len; i++)
    {
      ScPartial *partial = sc_partials_find (p->partials, g_ptr_array_index (p->manifest->layers, i));

      if (partial != NULL)
        sc_partial_reset (partial);
    }
  return TRUE;
}

/* The transaction failed: TRUE if the bytes kept of layers may be the reason, and it is worth another try without. */
static gboolean
start_over (Pull *p, const GError *failure)
{
  const ScDescriptor *layer =
      p->commits->len < p->manifest->layers->len ? g_ptr_array_index (p->manifest->layers, p->current) : NULL;
  ScPartial *partial = layer != NULL ? sc_partials_find (p->partials, layer) : NULL;

  if (g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_CANCELLED)
      || g_error_matches (failure, SC_ERROR, SC_ERROR_UNAVAILABLE)
      || g_error_matches (failure, SC_ERROR, SC_ERROR_DENIED)
      || g_error_matches (failure, SC_ERROR, SC_ERROR_NOT_FOUND))
    return FALSE;
  if (!p->no_room && is_crowded (p, failure))
    {
      p->no_room = TRUE;
      g_debug ("%s: again, without keeping the bytes of layers", failure->message);
      sc_partials_drop (p->partials);
      return TRUE;
    }
  if (layer == NULL || !blames_content (p, layer, failure))
    return FALSE;
  if (partial == NULL || sc_partial_inherited (partial) == 0)
    return (p->source_failed != layer || g_error_matches (failure, SC_ERROR, SC_ERROR_DIGEST))
           && ask_elsewhere (p, failure);
  sc_progress_note (p->sink, "layer %s: what an interrupted pull had kept of it is of no use, it is fetched again",
                    layer->digest);
  g_debug ("%s", failure->message);
  sc_partial_reset (partial);
  return TRUE;
}

static gboolean
pull_transaction (Pull *p, GError **error)
{
  for (;;)
    {
      g_autoptr (GError) failure = NULL;

      if (try_transaction (p, &failure))
        return TRUE;
      if (!start_over (p, failure))
        {
          g_propagate_error (error, g_steal_pointer (&failure));
          return FALSE;
        }
      /* The objects of all layers are gone; what was kept of the good ones is not. */
      g_ptr_array_set_size (p->commits, 0);
      g_hash_table_remove_all (p->fetched);
      sc_pull_result_clear (&p->result);
      p->result = (ScPullResult){ 0 };
      g_clear_pointer (&p->config_commit, g_free);
    }
}

/* TRUE in @out if @commit tells what was found out about the image now.  What the policy lets through unseen needs no
 * word: other tools write none. */
static gboolean
verdict_unchanged (Pull *p, const char *commit, gboolean *out, GError **error)
{
  g_autofree char *stored = NULL;

  if (!sc_blob_commit_string (p->repo, commit, SC_IMAGE_VERIFICATION_KEY, &stored, error))
    return FALSE;
  *out = stored == NULL ? !sc_verified_image_is_signed (p->image)
                        : strcmp (stored, sc_verified_image_verification (p->image)) == 0;
  return TRUE;
}

/* TRUE in @out if the image's ref is of this manifest, all that it names is there, and the verdict on it is the same.
 */
static gboolean
is_unchanged (Pull *p, gboolean *out, GError **error)
{
  g_autofree char *branch = sc_refname_encode (sc_verified_image_name (p->image));
  g_autofree char *commit = NULL, *digest = NULL, *config = NULL;

  *out = FALSE;
  if (!sc_ref_resolve_sound (p->repo, branch, &commit, error))
    return FALSE;
  if (commit == NULL)
    return TRUE;
  if (!sc_blob_commit_string (p->repo, commit, "docker.digest", &digest, error)
      || !sc_blob_find_sound (p->repo, p->manifest->config->digest, &config, error))
    return FALSE;
  if (g_strcmp0 (digest, p->manifest->digest) != 0 || config == NULL)
    return TRUE;
  for (guint i = 0; i < p->manifest->layers->len; i++)
    {
      const ScDescriptor *layer = g_ptr_array_index (p->manifest->layers, i);
      g_autofree char *layer_commit = NULL;

      if (!sc_blob_find_sound (p->repo, layer->digest, &layer_commit, error))
        return FALSE;
      if (layer_commit == NULL)
        return TRUE;
    }
  return verdict_unchanged (p, commit, out, error);
}

/* After a failure: what had come into the repository leaves it. */
static void
take_back (Pull *p)
{
  g_autoptr (GError) ignored = NULL; /* the first error is the one to tell */

  if (p->result.transaction != NULL && !sc_transaction_undo (p->result.transaction, &ignored))
    g_debug ("undo: %s", ignored->message);
}

gboolean
sc_pull (ScStore *store, const ScVerifiedImage *image, ScBlobSource *source, const ScPlatform *wanted,
         const ScProgressSink *sink, ScPullResult *out_result, GCancellable *cancellable, GError **error)
{
  g_autoptr (ScStoreLock) lock = NULL;
  g_auto (Pull) p = { .store = store,
                      .repo = store->repo,
                      .image = image,
                      .manifest = sc_verified_image_manifest (image),
                      .source = source,
                      .wanted = wanted,
                      .sink = sink,
                      .commits = g_ptr_array_new_with_free_func (g_free),
                      .fetched = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free),
                      .reuse = sc_layer_reuse_new (store),
                      .partials = sc_partials_new (store->repo),
                      .begun = g_hash_table_new (g_str_hash, g_str_equal),
                      .cancellable = cancellable };

  lock = sc_store_lock (store, FALSE, cancellable, error);
  if (lock == NULL || !sc_refname_check (sc_verified_image_name (image), error)
      || !is_unchanged (&p, &p.result.unchanged, error))
    return FALSE;
  sc_partials_clean (p.repo);
  if (p.result.unchanged && wanted != NULL && !bring_config (&p, error))
    return sc_prefix (error, "image %s", sc_verified_image_name (image));
  if (!p.result.unchanged && (!bring_config (&p, error) || !pull_transaction (&p, error)))
    {
      g_clear_pointer (&lock, sc_store_unlock);
      take_back (&p);
      return sc_prefix (error, "image %s", sc_verified_image_name (image));
    }
  store->used = TRUE;
  if (out_result != NULL)
    {
      *out_result = p.result;
      p.result.transaction = NULL;
    }
  return TRUE;
}
