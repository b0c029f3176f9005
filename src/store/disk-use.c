/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What images take on disk, given that they share objects.
 *
 * Owners (images, containers, branches of other programs) need commits, and commits hold objects.  Each object knows
 * the set of commits that hold it.  There are few different sets, so they are kept once: a set is a smaller set and the
 * commit that was added to it, and its number stands for it.  Commits are walked one after the other, hence the one
 * that is being walked is in an object's set if it is the last one there.
 */
#include "disk-use.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "blob.h"
#include "object-walk.h"
#include "refname.h"
#include "refs.h"
#include "store-private.h"

#define BLOCK 512

/* An owner that is none of the images: its part of the disk is not asked for. */
#define OTHER G_MAXUINT

typedef struct
{
  guint8 checksum[SC_SHA256_SIZE];
  guint8 type;
  guint32 set;
  guint64 bytes;
} Object;

typedef struct
{
  guint32 smaller; /* set */
  guint32 commit;  /* index */
  guint64 bytes;   /* of the objects whose set this is */
} Set;

typedef struct
{
  char *checksum;
  GArray *owners; /* guint: index of an image, or OTHER; each once, one after the other */
} Commit;

typedef struct
{
  ScStore *store;
  GPtrArray *commits;   /* Commit */
  GHashTable *by_name;  /* checksum -> index of the commit + 1 */
  GHashTable *objects;  /* set of Object */
  GArray *sets;         /* Set; the first one is empty */
  GHashTable *by_parts; /* smaller and commit, as one number -> set */
  guint32 current;      /* the commit that is being walked */
  GPtrArray *problems;
} DiskUse;

static guint
hash_object (gconstpointer key)
{
  guint hash;

  memcpy (&hash, ((const Object *)key)->checksum, sizeof hash);
  return hash;
}

static gboolean
equal_objects (gconstpointer a, gconstpointer b)
{
  const Object *x = a, *y = b;

  return x->type == y->type && memcmp (x->checksum, y->checksum, SC_SHA256_SIZE) == 0;
}

static void
free_commit (gpointer data)
{
  Commit *commit = data;

  g_free (commit->checksum);
  g_array_unref (commit->owners);
  g_free (commit);
}

static void
disk_use_clear (DiskUse *d)
{
  g_ptr_array_unref (d->commits);
  g_hash_table_unref (d->by_name);
  g_hash_table_unref (d->objects);
  g_array_unref (d->sets);
  g_hash_table_unref (d->by_parts);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DiskUse, disk_use_clear)

static void
disk_use_init (DiskUse *d, ScStore *store, GPtrArray *problems)
{
  Set empty = { 0 };

  d->store = store;
  d->problems = problems;
  d->commits = g_ptr_array_new_with_free_func (free_commit);
  d->by_name = g_hash_table_new (g_str_hash, g_str_equal);
  d->objects = g_hash_table_new_full (hash_object, equal_objects, g_free, NULL);
  d->sets = g_array_new (FALSE, FALSE, sizeof (Set));
  d->by_parts = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  g_array_append_val (d->sets, empty);
}

/* -- who needs which commit -- */

static void
add_owner (DiskUse *d, const char *checksum, guint owner)
{
  gpointer index = g_hash_table_lookup (d->by_name, checksum);
  Commit *commit;

  if (index == NULL)
    {
      commit = g_new0 (Commit, 1);
      commit->checksum = g_strdup (checksum);
      commit->owners = g_array_new (FALSE, FALSE, sizeof (guint));
      g_ptr_array_add (d->commits, commit);
      g_hash_table_insert (d->by_name, commit->checksum, GUINT_TO_POINTER (d->commits->len));
    }
  else
    commit = g_ptr_array_index (d->commits, GPOINTER_TO_UINT (index) - 1);
  if (commit->owners->len == 0 || g_array_index (commit->owners, guint, commit->owners->len - 1) != owner)
    g_array_append_val (commit->owners, owner);
}

static void
add_blob (DiskUse *d, const char *digest, guint owner)
{
  g_autofree char *commit = NULL;
  g_autoptr (GError) local = NULL;

  if (!sc_blob_find (d->store->repo, digest, &commit, &local))
    g_ptr_array_add (d->problems, g_strdup (local->message));
  if (commit != NULL)
    add_owner (d, commit, owner);
}

static void
add_image (DiskUse *d, const char *commit, const ScManifest *manifest, guint owner)
{
  add_owner (d, commit, owner);
  for (guint i = 0; manifest != NULL && i < manifest->layers->len; i++)
    add_blob (d, ((const ScDescriptor *)g_ptr_array_index (manifest->layers, i))->digest, owner);
  if (manifest != NULL)
    add_blob (d, manifest->config->digest, owner);
}

/* The image of a container; its commit may be gone, if another tool removed the image. */
static void
add_pinned (DiskUse *d, const char *commit)
{
  g_autoptr (GVariant) variant = NULL, meta = NULL;
  g_autoptr (ScManifest) manifest = NULL;
  const char *text;

  if (!ostree_validate_checksum_string (commit, NULL)
      || !ostree_repo_load_commit (d->store->repo, commit, &variant, NULL, NULL))
    return;
  meta = g_variant_get_child_value (variant, 0);
  if (g_variant_lookup (meta, "docker.manifest", "&s", &text))
    {
      g_autoptr (GBytes) raw = g_bytes_new (text, strlen (text));

      manifest = sc_manifest_parse (raw, NULL);
    }
  add_image (d, commit, manifest, OTHER);
}

/* What other programs have in the repository. */
static gboolean
add_other_branches (DiskUse *d, GError **error)
{
  g_autoptr (GHashTable) refs = sc_refs_list (d->store->repo, error);
  GHashTableIter iter;
  gpointer ref, commit;

  if (refs == NULL)
    return FALSE;
  g_hash_table_iter_init (&iter, refs);
  while (g_hash_table_iter_next (&iter, &ref, &commit))
    {
      g_autofree char *name = NULL;

      if (sc_refname_blob (ref) != NULL || sc_refname_is_temporary (ref))
        continue;
      if (g_str_has_prefix (ref, SC_REF_PREFIX))
        name = sc_refname_decode (ref, NULL);
      if (name == NULL && *(const char *)commit == '\0')
        g_ptr_array_add (d->problems, g_strdup_printf ("branch %s is damaged: it names no commit", (const char *)ref));
      else if (name == NULL)
        add_owner (d, commit, OTHER);
    }
  return TRUE;
}

/* -- what the commits hold -- */

static guint64
stat_object (DiskUse *d, const char *hex, const char *suffix, gboolean *missing)
{
  char path[SC_SHA256_HEX + 40];
  struct stat st;

  (void)g_snprintf (path, sizeof path, "objects/%.2s/%s.%s", hex, hex + 2, suffix);
  *missing = fstatat (ostree_repo_get_dfd (d->store->repo), path, &st, AT_SYMLINK_NOFOLLOW) != 0;
  return *missing ? 0 : (guint64)st.st_blocks * BLOCK;
}

static gboolean
object_size (DiskUse *d, OstreeObjectType type, const guint8 checksum[SC_SHA256_SIZE], guint64 *out, GError **error)
{
  const char *suffix = ostree_object_type_to_string (type);
  char hex[SC_SHA256_HEX + 1];
  gboolean missing, absent;

  sc_digest_to_hex (checksum, hex);
  *out = stat_object (d, hex, suffix, &missing);
  if (missing)
    return sc_fail (error, SC_ERROR_NOT_FOUND, "object %s.%s is missing", hex, suffix);
  if (type == OSTREE_OBJECT_TYPE_COMMIT)
    *out += stat_object (d, hex, "commitmeta", &absent);
  return TRUE;
}

/* The set @set and the commit that is being walked. */
static guint32
enlarge (DiskUse *d, guint32 set)
{
  gint64 parts = (gint64)((guint64)set << 32 | d->current);
  gpointer known = g_hash_table_lookup (d->by_parts, &parts);
  Set larger = { .smaller = set, .commit = d->current };
  gint64 *key;

  if (known != NULL)
    return GPOINTER_TO_UINT (known);
  key = g_new (gint64, 1);
  *key = parts;
  g_array_append_val (d->sets, larger);
  g_hash_table_insert (d->by_parts, key, GUINT_TO_POINTER (d->sets->len - 1));
  return d->sets->len - 1;
}

static ScWalkAnswer
visit (OstreeObjectType type, const guint8 checksum[SC_SHA256_SIZE], const char *path, gpointer data, GError **error)
{
  DiskUse *d = data;
  Object wanted = { .type = (guint8)type };
  Object *object;

  memcpy (wanted.checksum, checksum, SC_SHA256_SIZE);
  object = g_hash_table_lookup (d->objects, &wanted);
  if (object != NULL && g_array_index (d->sets, Set, object->set).commit == d->current)
    return SC_WALK_SKIP;
  if (object == NULL)
    {
      if (!object_size (d, type, checksum, &wanted.bytes, error))
        return SC_WALK_FAIL;
      object = g_new (Object, 1);
      *object = wanted;
      g_hash_table_add (d->objects, object);
    }
  else
    g_array_index (d->sets, Set, object->set).bytes -= object->bytes;
  object->set = enlarge (d, object->set);
  g_array_index (d->sets, Set, object->set).bytes += object->bytes;
  return SC_WALK_DESCEND;
}

static gboolean
walk_commits (DiskUse *d, GCancellable *cancellable, GError **error)
{
  for (guint i = 0; i < d->commits->len; i++)
    {
      const Commit *commit = g_ptr_array_index (d->commits, i);
      g_autoptr (GError) local = NULL;

      /* The empty set has commit 0. */
      d->current = i + 1;
      if (sc_objects_walk (d->store->repo, commit->checksum, visit, d, cancellable, &local))
        continue;
      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return FALSE;
      g_ptr_array_add (d->problems, g_strdup_printf ("commit %s: %s", commit->checksum, local->message));
    }
  return TRUE;
}

/* -- the sums -- */

/* Adds the owners of all commits of @set to @owners, each once. */
static void
collect_owners (DiskUse *d, guint32 set, GHashTable *owners)
{
  g_hash_table_remove_all (owners);
  for (; set != 0; set = g_array_index (d->sets, Set, set).smaller)
    {
      const Commit *commit = g_ptr_array_index (d->commits, g_array_index (d->sets, Set, set).commit - 1);

      for (guint i = 0; i < commit->owners->len; i++)
        g_hash_table_add (owners, GUINT_TO_POINTER (g_array_index (commit->owners, guint, i)));
    }
}

/* The bytes of one set: used by all its owners, freed by the only one; layers that no tag needs go with a prune. */
static void
add_set (guint64 bytes, GHashTable *owners, const GPtrArray *images, ScDiskUse *out)
{
  guint needed = 0, dangling = 0, last = OTHER, last_dangling = OTHER;
  GHashTableIter iter;
  gpointer key;

  g_hash_table_iter_init (&iter, owners);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    {
      guint owner = GPOINTER_TO_UINT (key);

      if (owner != OTHER && ((const ScImage *)g_ptr_array_index (images, owner))->dangling)
        {
          dangling++;
          last_dangling = owner;
        }
      else
        {
          needed++;
          last = owner;
        }
      if (owner != OTHER)
        out[owner].disk_use += bytes;
    }
  if (needed == 1 && last != OTHER)
    out[last].frees += bytes;
  else if (needed == 0 && dangling == 1)
    out[last_dangling].frees += bytes;
}

ScDiskUse *
sc_disk_use (ScStore *store, const GPtrArray *images, const GPtrArray *pinned, GPtrArray *problems,
             GCancellable *cancellable, GError **error)
{
  g_auto (DiskUse) d = { 0 };
  g_autofree ScDiskUse *out = g_new0 (ScDiskUse, images->len + 1);
  g_autoptr (GHashTable) owners = g_hash_table_new (NULL, NULL);

  disk_use_init (&d, store, problems);
  if (store->repo == NULL)
    return g_steal_pointer (&out);
  for (guint i = 0; i < images->len; i++)
    {
      const ScImage *image = g_ptr_array_index (images, i);

      /* The list tells of a damaged one. */
      if (!image->damaged)
        add_image (&d, image->commit, image->manifest, i);
    }
  for (guint i = 0; i < pinned->len; i++)
    add_pinned (&d, g_ptr_array_index (pinned, i));
  if (!add_other_branches (&d, error) || !walk_commits (&d, cancellable, error))
    return NULL;
  for (guint32 set = 1; set < d.sets->len; set++)
    {
      guint64 bytes = g_array_index (d.sets, Set, set).bytes;

      if (bytes == 0)
        continue;
      collect_owners (&d, set, owners);
      add_set (bytes, owners, images, out);
    }
  return g_steal_pointer (&out);
}
