/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A part is brought again as a pull brings it, but into a small repository of its own below tmp/, so that what is
 * damaged stays where it is until it can be replaced.  Then objects move over, each by one rename.
 */
#include "repair.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "blob.h"
#include "fs.h"
#include "image-commit.h"
#include "layer-fetch.h"
#include "layer-import.h"
#include "object-walk.h"
#include "refname.h"
#include "scratch.h"
#include "store-private.h"

typedef struct
{
  ScVerify *verify;
  OstreeRepo *repo;
  const ScImage *image;
  const ScVerifiedImage *good;
  const ScManifest *manifest;
  ScImageConfig *config;
  ScBlobSource *source;
  const ScProgressSink *sink;
  ScScratch *scratch;
  ScPartials *partials; /* of the scratch repository: they go with it */
  GHashTable *brought;  /* digests of layers: one may be in an image twice */
  ScNode *lower;        /* (nullable): tree of the layers below @current */
  guint current;        /* layer being brought */
  guint fetched;
  GCancellable *cancellable;
} Repair;

static void
repair_clear (Repair *r)
{
  g_clear_pointer (&r->config, sc_image_config_free);
  g_clear_pointer (&r->lower, sc_node_free);
  g_clear_pointer (&r->partials, sc_partials_free);
  g_clear_pointer (&r->scratch, sc_scratch_free);
  g_clear_pointer (&r->brought, g_hash_table_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Repair, repair_clear)

/* -- putting in place -- */

typedef struct
{
  OstreeObjectType type;
  guint8 checksum[SC_SHA256_SIZE];
} Object;

typedef struct
{
  Repair *repair;
  GArray *objects; /* Object: to be moved, parents first */
  GHashTable *seen;
  gboolean with_commit;
} Choice;

/* Notes what the repository has not, or not as it should be. */
static ScWalkAnswer
choose (OstreeObjectType type, const guint8 checksum[SC_SHA256_SIZE], const char *path, gpointer data, GError **error)
{
  Choice *c = data;
  Object object = { .type = type };
  char name[SC_OBJECT_PATH_SIZE];
  ScObjectState state;

  memcpy (object.checksum, checksum, SC_SHA256_SIZE);
  if (type == OSTREE_OBJECT_TYPE_COMMIT && !c->with_commit)
    return SC_WALK_DESCEND;
  if (!sc_object_check_now (c->repair->verify->check, type, checksum, &state, c->repair->cancellable, error))
    return SC_WALK_FAIL;
  sc_object_path (type, checksum, name);
  if (state != SC_OBJECT_GOOD && g_hash_table_add (c->seen, g_strdup (name)))
    g_array_append_val (c->objects, object);
  return SC_WALK_DESCEND;
}

static gboolean
move_object (Repair *r, const Object *object, GError **error)
{
  char path[SC_OBJECT_PATH_SIZE], dir[3];
  int objects = sc_object_check_dfd (r->verify->check);
  gboolean exchange;
  struct stat st;

  sc_object_path (object->type, object->checksum, path);
  g_snprintf (dir, sizeof dir, "%.2s", path);
  if (mkdirat (objects, dir, 0755) != 0 && errno != EEXIST)
    return sc_fail_errno (error, errno, "cannot create objects/%s", dir);
  /* A file takes the place of a file; with a directory it changes places, and that goes. */
  exchange = fstatat (objects, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR (st.st_mode);
  if (renameat2 (sc_scratch_objects (r->scratch), path, objects, path, exchange ? RENAME_EXCHANGE : 0) != 0)
    return sc_fail_errno (error, errno, "cannot put object %s in place", path);
  sc_object_check_forget (r->verify->check, object->type, object->checksum);
  return !exchange || sc_fs_remove_tree_at (sc_scratch_objects (r->scratch), path, error);
}

/* Whether what is stored as @stored is the same tree, so that its commit can stay. */
static gboolean
same_tree (Repair *r, const char *stored, const char *commit, gboolean *out, GError **error)
{
  g_autoptr (GVariant) a = NULL, b = NULL;
  guint8 checksum[SC_SHA256_SIZE];
  ScObjectState state;

  *out = FALSE;
  ostree_checksum_inplace_to_bytes (stored, checksum);
  if (!sc_object_check_now (r->verify->check, OSTREE_OBJECT_TYPE_COMMIT, checksum, &state, r->cancellable, error))
    return FALSE;
  if (state != SC_OBJECT_GOOD)
    return TRUE;
  if (!ostree_repo_load_commit (r->repo, stored, &a, NULL, error)
      || !ostree_repo_load_commit (sc_scratch_repo (r->scratch), commit, &b, NULL, error))
    return FALSE;
  *out = TRUE;
  for (gsize i = 6; i <= 7; i++) /* tree, and metadata of the top */
    {
      g_autoptr (GVariant) x = g_variant_get_child_value (a, i), y = g_variant_get_child_value (b, i);

      *out = *out && g_variant_equal (x, y);
    }
  return TRUE;
}

static gboolean
set_ref (Repair *r, const char *branch, const char *commit, GError **error)
{
  int dfd = ostree_repo_get_dfd (r->repo);

  return ostree_repo_set_ref_immediate (r->repo, NULL, branch, commit, r->cancellable, error)
         && sc_fs_sync_dir_at (dfd, "refs/heads/ociimage", error) && sc_fs_sync_dir_at (dfd, "refs/heads", error);
}

/* A damaged commit that another one takes the place of would stay for ever: nobody can make it again. What it was for
 * is complete by now, but for the ref. */
static gboolean
drop_damaged_commit (Repair *r, const char *commit, GError **error)
{
  guint8 checksum[SC_SHA256_SIZE];
  char path[SC_OBJECT_PATH_SIZE];

  ostree_checksum_inplace_to_bytes (commit, checksum);
  sc_object_path (OSTREE_OBJECT_TYPE_COMMIT, checksum, path);
  if (sc_object_check_state (r->verify->check, OSTREE_OBJECT_TYPE_COMMIT, checksum, NULL) != SC_OBJECT_DAMAGED)
    return TRUE;
  sc_object_check_forget (r->verify->check, OSTREE_OBJECT_TYPE_COMMIT, checksum);
  return sc_fs_remove_tree_at (sc_object_check_dfd (r->verify->check), path, error);
}

/* Moves what @commit of the scratch repository reaches, where the repository has it not, or not as it should be. */
static gboolean
put_objects (Repair *r, const char *commit, gboolean with_commit, GError **error)
{
  g_autoptr (GArray) objects = g_array_new (FALSE, FALSE, sizeof (Object));
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  Choice choice = { .repair = r, .objects = objects, .seen = seen, .with_commit = with_commit };
  int dfd = ostree_repo_get_dfd (r->repo);

  if (!sc_objects_walk (sc_scratch_repo (r->scratch), commit, choose, &choice, r->cancellable, error)
      || !sc_fs_sync_all (dfd, error))
    return FALSE;
  for (guint i = objects->len; i > 0; i--)
    if (!move_object (r, &g_array_index (objects, Object, i - 1), error))
      return FALSE;
  return objects->len == 0 || sc_fs_sync_all (dfd, error);
}

/* The same object as before, of which no ref is known. */
static gboolean
put_untagged (Repair *r, const char *commit, GError **error)
{
  return put_objects (r, commit, TRUE, error) && ostree_repo_mark_commit_partial (r->repo, commit, FALSE, error);
}

/* Puts @commit of the scratch repository, with all that it reaches, where @branch is and @stored (nullable) was; of a
 * stored one that can stay (@keep) only what it reaches. */
static gboolean
put_in_place (Repair *r, const char *branch, const char *commit, const char *stored, gboolean keep, GError **error)
{
  if (!put_objects (r, commit, !keep, error))
    return FALSE;
  /* 'ostree fsck' puts such a mark on a commit when it finds something missing. */
  if (!ostree_repo_mark_commit_partial (r->repo, keep ? stored : commit, FALSE, error)
      || (!keep && stored != NULL && !ostree_repo_mark_commit_partial (r->repo, stored, FALSE, error)))
    return FALSE;
  return keep || ((stored == NULL || drop_damaged_commit (r, stored, error)) && set_ref (r, branch, commit, error));
}

/* -- parts -- */

static gboolean
bring_config (Repair *r, const ScPart *part, GError **error)
{
  const ScDescriptor *descriptor = r->manifest->config;
  g_autofree char *branch = sc_refname_for_blob (descriptor->digest), *stored = NULL, *commit = NULL;
  g_autoptr (GBytes) raw = NULL;
  gboolean keep = FALSE, damaged;

  /* No part: nobody has looked at it. */
  if (part != NULL && part->damages == 0 && !sc_blob_find (r->repo, descriptor->digest, &stored, error))
    return FALSE;
  damaged = stored == NULL;
  if (!damaged)
    raw = sc_blob_load_config (r->repo, stored, r->cancellable, error);
  else
    {
      raw = sc_blob_source_fetch_blob (r->source, descriptor, SC_CONFIG_MAX_SIZE, r->cancellable, error);
      r->fetched++;
    }
  if (raw == NULL || (r->config = sc_image_config_parse (raw, error)) == NULL)
    return FALSE;
  if (r->config->diff_ids->len != r->manifest->layers->len)
    return sc_fail (error, SC_ERROR_INVALID, "it is of %u layers, the manifest of %u", r->config->diff_ids->len,
                    r->manifest->layers->len);
  if (!damaged)
    return TRUE;
  if (!sc_scratch_begin (r->scratch, r->cancellable, error)
      || !sc_image_commit_config (sc_scratch_repo (r->scratch), raw, &commit, r->cancellable, error)
      || !sc_scratch_commit (r->scratch, r->cancellable, error))
    return FALSE;
  if (sc_blob_find (r->repo, descriptor->digest, &stored, NULL) && stored != NULL
      && !same_tree (r, stored, commit, &keep, error))
    return FALSE;
  return put_in_place (r, branch, commit, stored, keep, error);
}

/* What is below the layer that is being brought; those layers are good by now. */
static ScNode *
lower_tree (gpointer data, GError **error)
{
  Repair *r = data;
  g_autoptr (ScNode) root = NULL;

  if (r->lower != NULL)
    return r->lower;
  root = sc_node_new_dir ();
  for (guint i = 0; i < r->current; i++)
    {
      const ScDescriptor *layer = g_ptr_array_index (r->manifest->layers, i);
      g_autofree char *commit = NULL;

      if (!sc_blob_find (r->repo, layer->digest, &commit, error)
          || !sc_tree_apply_layer (root, r->repo, commit, r->cancellable, error))
        return NULL;
    }
  r->lower = g_steal_pointer (&root);
  return r->lower;
}

static gboolean
fetch_layer (Repair *r, const ScDescriptor *layer, const char *diff_id, char **out_commit, GError **error)
{
  const char *hex = sc_digest_hex (layer->digest);
  g_autoptr (ScLayerFetch) fetch = sc_layer_fetch_new (r->source, r->partials);
  ScLayerImport import = { .repo = sc_scratch_repo (r->scratch),
                           .lower_repo = r->repo,
                           .layer = layer,
                           .diff_id = diff_id,
                           .lower = lower_tree,
                           .lower_data = r,
                           .sink = r->sink };
  guint64 left_out = 0; /* the first pull has told */
  gboolean ok;

  r->fetched++;
  if (!sc_scratch_begin (r->scratch, r->cancellable, error))
    return FALSE;
  sc_progress_layer (r->sink, SC_PROGRESS_LAYER_BEGIN, hex, 0, layer->size);
  sc_layer_fetch_add (fetch, layer);
  sc_layer_fetch_start (fetch);
  ok = sc_layer_import (&import, sc_layer_fetch_open (fetch, layer), out_commit, &left_out, r->cancellable, error);
  g_clear_pointer (&r->lower, sc_node_free);
  if (!ok)
    return FALSE;
  sc_progress_layer (r->sink, SC_PROGRESS_LAYER_END, hex, layer->size, layer->size);
  return sc_scratch_commit (r->scratch, r->cancellable, error);
}

/* What the config says of a layer. */
static gboolean
metadata_is_right (Repair *r, const char *commit, const ScDescriptor *layer, const char *diff_id, gboolean *out,
                   GError **error)
{
  g_autofree char *stored = NULL, *size = NULL;
  g_autofree char *wanted = g_strdup_printf ("%" G_GUINT64_FORMAT, layer->size);

  if (!sc_blob_commit_string (r->repo, commit, "docker.uncompressed_digest", &stored, error)
      || !sc_blob_commit_string (r->repo, commit, "docker.size", &size, error))
    return FALSE;
  *out = (stored == NULL || strcmp (stored, diff_id) == 0) && (size == NULL || strcmp (size, wanted) == 0);
  return TRUE;
}

static gboolean
bring_layer (Repair *r, guint index, GError **error)
{
  const ScDescriptor *layer = g_ptr_array_index (r->manifest->layers, index);
  const char *diff_id = g_ptr_array_index (r->config->diff_ids, index);
  g_autofree char *branch = sc_refname_for_blob (layer->digest), *stored = NULL, *commit = NULL;
  gboolean keep = FALSE;

  r->current = index;
  if (!fetch_layer (r, layer, diff_id, &commit, error))
    return FALSE;
  if (sc_blob_find (r->repo, layer->digest, &stored, NULL) && stored != NULL
      && (!same_tree (r, stored, commit, &keep, error)
          || (keep && !metadata_is_right (r, stored, layer, diff_id, &keep, error))))
    return FALSE;
  return put_in_place (r, branch, commit, stored, keep, error);
}

/* A part that is whole again with others. */
static gboolean
unmark (Repair *r, const char *digest, GError **error)
{
  g_autofree char *commit = NULL;

  return sc_blob_find (r->repo, digest, &commit, error)
         && ostree_repo_mark_commit_partial (r->repo, commit, FALSE, error);
}

/* TRUE in @out: a layer that has been brought for this image has mended this part too. */
static gboolean
is_mended (Repair *r, const ScPart *part, gboolean *out, GError **error)
{
  *out = part->more == 0;
  for (guint i = 0; *out && i < part->problems->len; i++)
    {
      const ScProblem *problem = g_ptr_array_index (part->problems, i);
      g_autofree char *hex = NULL;
      guint8 checksum[SC_SHA256_SIZE];
      OstreeObjectType type;
      ScObjectState state;

      /* What is below a damaged tree nobody has seen. */
      if (problem->object == NULL || !g_str_has_suffix (problem->object, ".file"))
        {
          *out = FALSE;
          break;
        }
      ostree_object_from_string (problem->object, &hex, &type);
      ostree_checksum_inplace_to_bytes (hex, checksum);
      if (!sc_object_check_now (r->verify->check, type, checksum, &state, r->cancellable, error))
        return FALSE;
      *out = state == SC_OBJECT_GOOD;
    }
  return TRUE;
}

/* The time that the damaged commit was of, if it can still be read: with it the new one may be the same to the byte,
 * and whoever remembers it finds it. */
static guint64
stored_time (Repair *r)
{
  g_autoptr (GVariant) variant = NULL;
  guint64 time;

  if (!ostree_repo_load_variant (r->repo, OSTREE_OBJECT_TYPE_COMMIT, r->image->commit, &variant, NULL)
      || !g_variant_is_normal_form (variant))
    return 0;
  time = ostree_commit_get_timestamp (variant);
  return time <= (guint64)g_get_real_time () / G_USEC_PER_SEC ? time : 0;
}

static gboolean
bring_image (Repair *r, GError **error)
{
  g_autofree char *commit = NULL, *digest = NULL;
  gboolean keep = FALSE;

  if (!sc_scratch_begin (r->scratch, r->cancellable, error)
      || !sc_image_commit (sc_scratch_repo (r->scratch), r->good, r->source, r->image->platform, stored_time (r),
                           &commit, r->cancellable, error)
      || !sc_scratch_commit (r->scratch, r->cancellable, error))
    return FALSE;
  if (!same_tree (r, r->image->commit, commit, &keep, error))
    return FALSE;
  if (keep)
    {
      g_autofree char *manifest = NULL;

      if (!sc_blob_commit_string (r->repo, r->image->commit, "docker.digest", &digest, error)
          || !sc_blob_commit_string (r->repo, r->image->commit, "docker.manifest", &manifest, error))
        return FALSE;
      keep = manifest != NULL && r->image->manifest != NULL
             && strcmp (r->image->manifest->digest, r->manifest->digest) == 0
             && (digest == NULL || strcmp (digest, r->manifest->digest) == 0);
    }
  /* Without a name nothing but the containers' info says which commit it is. */
  if (!keep && sc_verify_is_untagged (r->image))
    return strcmp (commit, r->image->commit) == 0
               ? put_untagged (r, commit, error)
               : sc_fail (error, SC_ERROR_FAILED, "its commit cannot be made again: pull the image again");
  return put_in_place (r, r->image->branch, commit, r->image->commit, keep, error);
}

/* (nullable): what was found out about @digest. The manifest that is stored may be that of another image. */
static const ScPart *
find_part (const ScVerifyReport *report, ScPartKind kind, guint index, const char *digest)
{
  for (guint i = 0; i < report->parts->len; i++)
    {
      const ScPart *part = g_ptr_array_index (report->parts, i);

      if (part->kind == kind && part->index == index && g_strcmp0 (part->id, digest) == 0)
        return part;
    }
  return NULL;
}

/* Config and layers first: the image's ref never names what is not there. */
static gboolean
bring_parts (Repair *r, const ScVerifyReport *report, GError **error)
{
  const ScPart *manifest = find_part (report, SC_PART_MANIFEST, 0, report->digest);

  if (!bring_config (r, find_part (report, SC_PART_CONFIG, 0, r->manifest->config->digest), error))
    return sc_prefix (error, "config %s", r->manifest->config->digest);
  for (guint i = 0; i < r->manifest->layers->len; i++)
    {
      const ScDescriptor *layer = g_ptr_array_index (r->manifest->layers, i);
      const ScPart *part = find_part (report, SC_PART_LAYER, i, layer->digest);
      gboolean mended = FALSE;

      if ((part != NULL && part->damages == 0) || g_hash_table_contains (r->brought, layer->digest))
        continue;
      if ((part != NULL && !is_mended (r, part, &mended, error))
          || !(mended ? unmark (r, layer->digest, error) : bring_layer (r, i, error)))
        return sc_prefix (error, "layer %s", layer->digest);
      g_hash_table_add (r->brought, layer->digest);
    }
  return (manifest != NULL && manifest->damages == 0) || bring_image (r, error);
}

static gboolean
same_blobs (const ScManifest *a, const ScManifest *b)
{
  gboolean same = strcmp (a->config->digest, b->config->digest) == 0 && a->layers->len == b->layers->len;

  for (guint i = 0; same && i < a->layers->len; i++)
    {
      const ScDescriptor *x = g_ptr_array_index (a->layers, i), *y = g_ptr_array_index (b->layers, i);

      same = strcmp (x->digest, y->digest) == 0;
    }
  return same;
}

static gboolean
has_blob (Repair *r, const char *digest)
{
  g_autofree char *commit = NULL;

  return sc_blob_find (r->repo, digest, &commit, NULL) && commit != NULL;
}

/* What was fetched is the image that is stored: of its digest, or of its config and layers; if nobody can tell which
 * those were, all of them are in the repository. */
static gboolean
check_identity (Repair *r, const ScVerifyReport *report, GError **error)
{
  const ScManifest *stored = r->image->manifest;
  gboolean same = g_strcmp0 (report->digest, r->manifest->digest) == 0;

  if (!same && stored != NULL)
    same = same_blobs (stored, r->manifest);
  else if (!same)
    {
      same = has_blob (r, r->manifest->config->digest);
      for (guint i = 0; same && i < r->manifest->layers->len; i++)
        same = has_blob (r, ((ScDescriptor *)g_ptr_array_index (r->manifest->layers, i))->digest);
    }
  return same || sc_fail (error, SC_ERROR_NOT_FOUND, "its source has another image by now: pull it again");
}

gboolean
sc_repair_image (ScVerify *verify, const ScImage *image, const ScVerifyReport *report, const ScVerifiedImage *good,
                 ScBlobSource *source, const ScProgressSink *sink, guint *out_fetched, GCancellable *cancellable,
                 GError **error)
{
  g_auto (Repair) r = { .verify = verify,
                        .repo = verify->store->repo,
                        .image = image,
                        .good = good,
                        .manifest = sc_verified_image_manifest (good),
                        .source = source,
                        .sink = sink,
                        .brought = g_hash_table_new (g_str_hash, g_str_equal),
                        .cancellable = cancellable };
  gboolean ok;

  ok = check_identity (&r, report, error) && (r.scratch = sc_scratch_new (r.repo, cancellable, error)) != NULL
       && (r.partials = sc_partials_new (sc_scratch_repo (r.scratch))) != NULL && bring_parts (&r, report, error);
  *out_fetched += r.fetched;
  return ok || sc_prefix (error, "image %s", image->name);
}
