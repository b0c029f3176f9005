/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which layers of the repository a pull may use.  Each layer is judged once.  An object that is removed here is not
 * what its name says: nobody loses anything.
 */
#include "layer-reuse.h"

#include <string.h>

#include "blob.h"
#include "digest.h"
#include "image-query.h"
#include "object-check.h"
#include "object-walk.h"
#include "store-private.h"

struct _ScLayerReuse
{
  ScStore *store;
  GHashTable *needed; /* (nullable): hex digests of what images name */
  GHashTable *usable; /* set of digests */
  GHashTable *bad;    /* set of digests */
};

typedef struct
{
  OstreeRepo *repo;
  ScObjectCheck *check;
  gboolean again; /* everything was hashed: damaged objects are removed */
  GCancellable *cancellable;
} Look;

ScLayerReuse *
sc_layer_reuse_new (ScStore *store)
{
  ScLayerReuse *reuse = g_new0 (ScLayerReuse, 1);

  reuse->store = store;
  reuse->usable = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  reuse->bad = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return reuse;
}

void
sc_layer_reuse_free (ScLayerReuse *reuse)
{
  g_clear_pointer (&reuse->needed, g_hash_table_unref);
  g_hash_table_unref (reuse->usable);
  g_hash_table_unref (reuse->bad);
  g_free (reuse);
}

static ScWalkAnswer
visit (OstreeObjectType type, const guint8 checksum[SC_SHA256_SIZE], const char *path, gpointer data, GError **error)
{
  Look *l = data;
  ScObjectState state;
  char hex[SC_SHA256_HEX + 1];
  gboolean present;

  if (type == OSTREE_OBJECT_TYPE_FILE && !l->again)
    return sc_object_check_add (l->check, checksum, error) ? SC_WALK_DESCEND : SC_WALK_FAIL;
  if (!sc_object_check_now (l->check, type, checksum, &state, l->cancellable, error))
    return SC_WALK_FAIL;
  sc_digest_to_hex (checksum, hex);
  /* It may have several places. */
  if (l->again && state == SC_OBJECT_DAMAGED
      && (!ostree_repo_has_object (l->repo, type, hex, &present, l->cancellable, error)
          || (present && !ostree_repo_delete_object (l->repo, type, hex, l->cancellable, error))))
    return SC_WALK_FAIL;
  return state == SC_OBJECT_GOOD ? SC_WALK_DESCEND : SC_WALK_SKIP;
}

/* What is as its checksum says and still no tree is of no use either. */
static gboolean
walk (Look *l, const char *commit, gboolean *odd, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (sc_objects_walk (l->repo, commit, visit, l, l->cancellable, &local))
    return TRUE;
  *odd = g_error_matches (local, SC_ERROR, SC_ERROR_INVALID) || g_error_matches (local, SC_ERROR, SC_ERROR_LIMIT);
  if (!*odd)
    g_propagate_error (error, g_steal_pointer (&local));
  return *odd;
}

/* TRUE in @out_good if all that @commit reaches is there, and is what it should be. */
static gboolean
look_at (ScLayerReuse *reuse, const char *commit, gboolean *out_good, GCancellable *cancellable, GError **error)
{
  g_autoptr (ScObjectCheck) check = sc_object_check_new (reuse->store->repo, error);
  Look l = { .repo = reuse->store->repo, .check = check, .cancellable = cancellable };
  gboolean odd = FALSE;

  *out_good = FALSE;
  if (check == NULL || !walk (&l, commit, &odd, error)
      || !sc_object_check_run (check, commit, NULL, cancellable, error))
    return FALSE;
  *out_good = !odd && !sc_object_check_found_bad (check);
  l.again = TRUE;
  return *out_good || walk (&l, commit, &odd, error);
}

static gboolean
is_needed (ScLayerReuse *reuse, const char *digest, gboolean *out, GCancellable *cancellable, GError **error)
{
  if (reuse->needed == NULL)
    reuse->needed = sc_image_needed_blobs (reuse->store, cancellable, error);
  *out = reuse->needed != NULL && g_hash_table_contains (reuse->needed, sc_digest_hex (digest));
  return reuse->needed != NULL;
}

gboolean
sc_layer_reuse_find (ScLayerReuse *reuse, const char *digest, char **out_commit, GCancellable *cancellable,
                     GError **error)
{
  gboolean usable;

  *out_commit = NULL;
  if (g_hash_table_contains (reuse->bad, digest))
    return TRUE;
  if (!sc_blob_find_sound (reuse->store->repo, digest, out_commit, error))
    return FALSE;
  if (*out_commit == NULL || g_hash_table_contains (reuse->usable, digest))
    return TRUE;
  if (!is_needed (reuse, digest, &usable, cancellable, error)
      || (!usable && !look_at (reuse, *out_commit, &usable, cancellable, error)))
    {
      g_clear_pointer (out_commit, g_free);
      return FALSE;
    }
  g_hash_table_add (usable ? reuse->usable : reuse->bad, g_strdup (digest));
  if (!usable)
    g_clear_pointer (out_commit, g_free);
  return TRUE;
}
