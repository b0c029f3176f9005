/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two walks.  The first hashes: metadata as it is met, so that nothing damaged is descended into, and content in
 * parallel after it.  Only if something is damaged the second one finds out where that is.  Nothing is changed.
 */
#include "verify.h"

#include <string.h>

#include "blob.h"
#include "object-walk.h"
#include "store-private.h"

/* One part of the image being looked at. */
typedef struct
{
  ScVerify *verify;
  ScVerifyReport *report;
  ScPart *part;
  gboolean odd;     /* a tree could not be walked */
  GHashTable *told; /* (nullable): objects that the report has, as "<hex>.<type>"; NULL in the first walk */
  GCancellable *cancellable;
} Look;

const char *
sc_problem_kind_name (ScProblemKind kind)
{
  static const char *const names[] = {
    [SC_PROBLEM_FILE_DAMAGED] = "file-damaged",         [SC_PROBLEM_TREE_DAMAGED] = "tree-damaged",
    [SC_PROBLEM_COMMIT_DAMAGED] = "commit-damaged",     [SC_PROBLEM_OBJECT_MISSING] = "object-missing",
    [SC_PROBLEM_LAYER_MISSING] = "layer-missing",       [SC_PROBLEM_LAYER_METADATA] = "layer-metadata",
    [SC_PROBLEM_CONFIG_MISSING] = "config-missing",     [SC_PROBLEM_CONFIG_DAMAGED] = "config-damaged",
    [SC_PROBLEM_MANIFEST_DAMAGED] = "manifest-damaged", [SC_PROBLEM_CHECKOUT_CHANGED] = "checkout-changed",
    [SC_PROBLEM_CHECKOUT_INFO] = "checkout-info",       [SC_PROBLEM_CHECKOUT_MISSING] = "checkout-missing",
    [SC_PROBLEM_CHECKOUT_ADDED] = "checkout-added",
  };

  return names[kind];
}

const char *
sc_part_kind_name (ScPartKind kind)
{
  static const char *const names[] = { "manifest", "config", "layer", "container" };

  return names[kind];
}

static void
problem_free (gpointer data)
{
  ScProblem *problem = data;

  g_free (problem->object);
  g_free (problem->path);
  g_free (problem->text);
  g_free (problem);
}

static void
part_free (gpointer data)
{
  ScPart *part = data;

  g_free (part->id);
  g_ptr_array_unref (part->problems);
  g_free (part);
}

gboolean
sc_verify_is_untagged (const ScImage *image)
{
  return strcmp (image->name, image->commit) == 0;
}

ScVerifyReport *
sc_verify_report_new (const char *name)
{
  ScVerifyReport *report = g_new0 (ScVerifyReport, 1);

  report->name = g_strdup (name);
  report->parts = g_ptr_array_new_with_free_func (part_free);
  return report;
}

void
sc_verify_report_free (ScVerifyReport *report)
{
  g_free (report->name);
  g_free (report->digest);
  g_ptr_array_unref (report->parts);
  g_free (report);
}

ScPart *
sc_verify_report_add_part (ScVerifyReport *report, ScPartKind kind, const char *id)
{
  ScPart *part = g_new0 (ScPart, 1);

  part->kind = kind;
  part->id = g_strdup (id);
  part->problems = g_ptr_array_new_with_free_func (problem_free);
  g_ptr_array_add (report->parts, part);
  return part;
}

static char *
object_name (OstreeObjectType type, const guint8 checksum[SC_SHA256_SIZE])
{
  char hex[SC_SHA256_HEX + 1];

  sc_digest_to_hex (checksum, hex);
  return ostree_object_to_string (hex, type);
}

void
sc_verify_report_add (ScVerifyReport *report, ScPart *part, ScProblemKind kind, OstreeObjectType type,
                      const guint8 *object, const char *path, const char *text)
{
  ScProblem *problem;

  if (kind != SC_PROBLEM_CHECKOUT_ADDED)
    {
      part->damages++;
      report->damages++;
    }
  if (report->listed >= SC_VERIFY_MAX_LISTED)
    {
      part->more++;
      return;
    }
  report->listed++;
  problem = g_new0 (ScProblem, 1);
  problem->kind = kind;
  problem->object = object != NULL ? object_name (type, object) : NULL;
  problem->path = g_strdup (path);
  problem->text = g_strdup (text);
  g_ptr_array_add (part->problems, problem);
}

ScVerify *
sc_verify_new (ScStore *store, GCancellable *cancellable, GError **error)
{
  g_autoptr (ScVerify) verify = g_new0 (ScVerify, 1);

  verify->store = store;
  if (store->repo == NULL)
    return g_steal_pointer (&verify);
  verify->lock = sc_store_lock (store, FALSE, cancellable, error);
  if (verify->lock == NULL)
    return NULL;
  verify->check = sc_object_check_new (store->repo, error);
  if (verify->check == NULL)
    return sc_prefix_null (error, "repository %s", store->path);
  return g_steal_pointer (&verify);
}

void
sc_verify_free (ScVerify *verify)
{
  g_clear_pointer (&verify->check, sc_object_check_free);
  g_clear_pointer (&verify->lock, sc_store_unlock);
  g_free (verify);
}

/* -- objects -- */

static void
tell (Look *l, ScProblemKind kind, const char *path, const char *text)
{
  sc_verify_report_add (l->report, l->part, kind, OSTREE_OBJECT_TYPE_FILE, NULL, path, text);
}

static void
tell_object (Look *l, OstreeObjectType type, const guint8 checksum[SC_SHA256_SIZE], const char *path)
{
  const char *reason = NULL;
  ScObjectState state = sc_object_check_state (l->verify->check, type, checksum, &reason);
  ScProblemKind kind = type == OSTREE_OBJECT_TYPE_FILE     ? SC_PROBLEM_FILE_DAMAGED
                       : type == OSTREE_OBJECT_TYPE_COMMIT ? SC_PROBLEM_COMMIT_DAMAGED
                                                           : SC_PROBLEM_TREE_DAMAGED;

  if (state == SC_OBJECT_GOOD || !g_hash_table_add (l->told, object_name (type, checksum)))
    return;
  if (state == SC_OBJECT_MISSING)
    sc_verify_report_add (l->report, l->part, SC_PROBLEM_OBJECT_MISSING, type, checksum, path, "it is missing");
  else
    sc_verify_report_add (l->report, l->part, kind, type, checksum, path,
                          reason != NULL ? reason : "nobody knows whether it is good");
}

static ScWalkAnswer
visit (OstreeObjectType type, const guint8 checksum[SC_SHA256_SIZE], const char *path, gpointer data, GError **error)
{
  Look *l = data;
  ScObjectState state;

  if (type == OSTREE_OBJECT_TYPE_FILE && l->told == NULL)
    return sc_object_check_add (l->verify->check, checksum, error) ? SC_WALK_DESCEND : SC_WALK_FAIL;
  if (type == OSTREE_OBJECT_TYPE_FILE)
    state = sc_object_check_state (l->verify->check, type, checksum, NULL);
  else if (!sc_object_check_now (l->verify->check, type, checksum, &state, l->cancellable, error))
    return SC_WALK_FAIL;
  if (l->told != NULL)
    tell_object (l, type, checksum, type == OSTREE_OBJECT_TYPE_COMMIT ? NULL : *path == '\0' ? "/" : path);
  return state == SC_OBJECT_GOOD ? SC_WALK_DESCEND : SC_WALK_SKIP;
}

/* Everything that @commit reaches.  What is as its checksum says and still no tree is damage too. */
static gboolean
walk (Look *l, const char *commit, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (sc_objects_walk (l->verify->store->repo, commit, visit, l, l->cancellable, &local))
    return TRUE;
  if (!g_error_matches (local, SC_ERROR, SC_ERROR_INVALID) && !g_error_matches (local, SC_ERROR, SC_ERROR_LIMIT))
    return g_propagate_error (error, g_steal_pointer (&local)), FALSE;
  l->odd = TRUE;
  if (l->told != NULL)
    tell (l, SC_PROBLEM_TREE_DAMAGED, NULL, local->message);
  return TRUE;
}

/* Hashes what the commits reach. */
static gboolean
hash_objects (Look *l, const char *id, const GPtrArray *commits, const ScProgressSink *sink, GError **error)
{
  for (guint i = 0; i < commits->len; i++)
    if (g_ptr_array_index (commits, i) != NULL && !walk (l, g_ptr_array_index (commits, i), error))
      return FALSE;
  return sc_object_check_run (l->verify->check, id, sink, l->cancellable, error);
}

/* Says what is damaged below @commit. */
static gboolean
tell_objects (Look *l, const char *commit, GError **error)
{
  gboolean ok;

  if (!l->odd && !sc_object_check_found_bad (l->verify->check))
    return TRUE;
  l->told = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  ok = walk (l, commit, error);
  g_clear_pointer (&l->told, g_hash_table_unref);
  return ok;
}

/* -- parts -- */

/* (nullable): of a branch that is not there, or that cannot be read as one. */
static char *
find_blob (Look *l, const char *digest)
{
  char *commit = NULL;

  return sc_blob_find (l->verify->store->repo, digest, &commit, NULL) ? commit : NULL;
}

static gboolean
commit_is_good (Look *l, const char *commit)
{
  guint8 checksum[SC_SHA256_SIZE];

  ostree_checksum_inplace_to_bytes (commit, checksum);
  return sc_object_check_state (l->verify->check, OSTREE_OBJECT_TYPE_COMMIT, checksum, NULL) == SC_OBJECT_GOOD;
}

static gboolean
commit_text (Look *l, const char *commit, const char *key, char **out)
{
  return sc_blob_commit_string (l->verify->store->repo, commit, key, out, NULL) && *out != NULL;
}

/* /manifest.json, if the tree has it, is the manifest. */
static void
look_at_manifest_file (Look *l, const ScImage *image, const char *manifest)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (GBytes) file =
      sc_blob_load_file (l->verify->store->repo, image->commit, "manifest.json", l->cancellable, &local);
  gsize size = 0;
  const char *data = file != NULL ? g_bytes_get_data (file, &size) : NULL;

  if (file == NULL && g_error_matches (local, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    return;
  if (file == NULL)
    tell (l, SC_PROBLEM_MANIFEST_DAMAGED, "/manifest.json", local->message);
  else if (size != strlen (manifest) || memcmp (data, manifest, size) != 0)
    tell (l, SC_PROBLEM_MANIFEST_DAMAGED, "/manifest.json", "it is not what docker.manifest says");
}

static gboolean
look_at_manifest (Look *l, const ScImage *image, GError **error)
{
  g_autofree char *manifest = NULL, *digest = NULL, *found = NULL, *text = NULL;

  l->part = sc_verify_report_add_part (l->report, SC_PART_MANIFEST, l->report->digest);
  if (!tell_objects (l, image->commit, error))
    return FALSE;
  if (l->part->damages == 0 && !commit_text (l, image->commit, "docker.manifest", &manifest))
    tell (l, SC_PROBLEM_MANIFEST_DAMAGED, NULL, "its commit has no docker.manifest");
  else if (manifest == NULL)
    return TRUE;
  if (manifest == NULL)
    return TRUE;
  found = sc_digest_of (manifest, strlen (manifest));
  if (commit_text (l, image->commit, "docker.digest", &digest) && strcmp (digest, found) != 0)
    {
      text = g_strdup_printf ("docker.manifest is of digest %s, docker.digest says %s", found, digest);
      tell (l, SC_PROBLEM_MANIFEST_DAMAGED, NULL, text);
    }
  else if (image->manifest == NULL)
    tell (l, SC_PROBLEM_MANIFEST_DAMAGED, NULL, "docker.manifest is not a manifest that is understood");
  look_at_manifest_file (l, image, manifest);
  return TRUE;
}

/* @out: (nullable): a config that can be relied on. */
static gboolean
look_at_config (Look *l, const ScDescriptor *descriptor, const char *commit, ScImageConfig **out, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (GBytes) raw = NULL;
  g_autofree char *digest = NULL;

  l->part = sc_verify_report_add_part (l->report, SC_PART_CONFIG, descriptor->digest);
  if (commit == NULL)
    {
      tell (l, SC_PROBLEM_CONFIG_MISSING, NULL, "its branch is missing");
      return TRUE;
    }
  if (!tell_objects (l, commit, error))
    return FALSE;
  if (l->part->damages > 0)
    return TRUE;
  raw = sc_blob_load_config (l->verify->store->repo, commit, l->cancellable, &local);
  if (raw != NULL)
    digest = sc_digest_of (g_bytes_get_data (raw, NULL), g_bytes_get_size (raw));
  if (raw == NULL)
    tell (l, SC_PROBLEM_CONFIG_DAMAGED, "/content", local->message);
  else if (strcmp (digest, descriptor->digest) != 0)
    tell (l, SC_PROBLEM_CONFIG_DAMAGED, "/content", "its content is not of the digest of the config");
  else if ((*out = sc_image_config_parse (raw, &local)) == NULL)
    tell (l, SC_PROBLEM_CONFIG_DAMAGED, "/content", local->message);
  return TRUE;
}

static void
look_at_metadata (Look *l, const char *commit, const ScDescriptor *layer, const char *diff_id)
{
  g_autofree char *stored = NULL, *known = NULL, *size = NULL, *text = NULL;
  g_autofree char *wanted = g_strdup_printf ("%" G_GUINT64_FORMAT, layer->size);

  if (diff_id != NULL && commit_text (l, commit, "docker.uncompressed_digest", &stored)
      && strcmp (stored, diff_id) != 0)
    {
      text = g_strdup_printf ("docker.uncompressed_digest is %s, the config says %s", stored, diff_id);
      tell (l, SC_PROBLEM_LAYER_METADATA, NULL, text);
    }
  g_clear_pointer (&text, g_free);
  if (commit_text (l, commit, "docker.size", &size) && strcmp (size, wanted) != 0)
    {
      text = g_strdup_printf ("docker.size is %s, the manifest says %s", size, wanted);
      tell (l, SC_PROBLEM_LAYER_METADATA, NULL, text);
    }
  l->part->unchecked = !commit_text (l, commit, "docker.uncompressed_digest", &known) && size == NULL;
}

static gboolean
look_at_layer (Look *l, const ScDescriptor *layer, guint index, const char *commit, const char *diff_id, GError **error)
{
  l->part = sc_verify_report_add_part (l->report, SC_PART_LAYER, layer->digest);
  l->part->index = index;
  if (commit == NULL)
    {
      tell (l, SC_PROBLEM_LAYER_MISSING, NULL, "its branch is missing");
      return TRUE;
    }
  if (!tell_objects (l, commit, error))
    return FALSE;
  if (commit_is_good (l, commit))
    look_at_metadata (l, commit, layer, diff_id);
  return TRUE;
}

static gboolean
look_at_parts (Look *l, const ScManifest *manifest, const GPtrArray *commits, GError **error)
{
  g_autoptr (ScImageConfig) config = NULL;

  if (!look_at_config (l, manifest->config, g_ptr_array_index (commits, 1), &config, error))
    return FALSE;
  if (config != NULL && config->diff_ids->len != manifest->layers->len)
    {
      tell (l, SC_PROBLEM_CONFIG_DAMAGED, "/content", "it is of another number of layers than the manifest");
      g_clear_pointer (&config, sc_image_config_free);
    }
  for (guint i = 0; i < manifest->layers->len; i++)
    if (!look_at_layer (l, g_ptr_array_index (manifest->layers, i), i, g_ptr_array_index (commits, 2 + i),
                        config != NULL ? g_ptr_array_index (config->diff_ids, i) : NULL, error))
      return FALSE;
  return TRUE;
}

static gboolean
look_at_image (Look *l, const ScImage *image, const ScProgressSink *sink, GError **error)
{
  const ScManifest *manifest = image->manifest;
  /* Of the image, of its config and of its layers; NULL where there is none. */
  g_autoptr (GPtrArray) commits = g_ptr_array_new_with_free_func (g_free);

  g_ptr_array_add (commits, g_strdup (image->commit));
  if (manifest != NULL)
    g_ptr_array_add (commits, find_blob (l, manifest->config->digest));
  for (guint i = 0; manifest != NULL && i < manifest->layers->len; i++)
    g_ptr_array_add (commits, find_blob (l, ((ScDescriptor *)g_ptr_array_index (manifest->layers, i))->digest));
  return hash_objects (l, image->id, commits, sink, error) && look_at_manifest (l, image, error)
         && (manifest == NULL || look_at_parts (l, manifest, commits, error));
}

ScVerifyReport *
sc_verify_image (ScVerify *verify, const ScImage *image, const ScProgressSink *sink, GCancellable *cancellable,
                 GError **error)
{
  g_autoptr (ScVerifyReport) report = sc_verify_report_new (image->name);
  Look l = { .verify = verify, .report = report, .cancellable = cancellable };

  if (!commit_text (&l, image->commit, "docker.digest", &report->digest) && image->manifest != NULL)
    report->digest = g_strdup (image->manifest->digest);
  if (!look_at_image (&l, image, sink, error))
    return sc_prefix_null (error, "image %s", image->name);
  return g_steal_pointer (&report);
}
