/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A table of objects and what they turned out to be.  Metadata is looked at as it is met, content by a pool of threads
 * that live for one run; only this module knows of them.
 */
#include "object-check.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "fs.h"

#define KEY_SIZE (SC_SHA256_SIZE + 1)

typedef struct
{
  guint8 key[KEY_SIZE];
  guint64 size;
} Job;

struct _ScObjectCheck
{
  OstreeRepo *repo;
  int objects;
  GHashTable *states;  /* key (type, checksum) -> ScObjectState */
  GHashTable *reasons; /* key -> char *, of damaged ones */
  ScObjectHasher *hasher;
  GArray *jobs; /* Job: noted */
  gboolean found_bad;

  /* of a run */
  GMutex mutex;         /* guards what follows, and the tables */
  GAsyncQueue *hashers; /* that no thread uses */
  GCancellable *cancellable;
  const char *id;
  const ScProgressSink *sink;
  guint64 done, total;
  GError *error; /* (nullable): the first */
};

static guint
key_hash (gconstpointer key)
{
  guint hash;

  memcpy (&hash, (const guint8 *)key + 1, sizeof hash);
  return hash ^ *(const guint8 *)key;
}

static gboolean
key_equal (gconstpointer a, gconstpointer b)
{
  return memcmp (a, b, KEY_SIZE) == 0;
}

static void
make_key (OstreeObjectType type, const guint8 checksum[SC_SHA256_SIZE], guint8 out[KEY_SIZE])
{
  out[0] = (guint8)type;
  memcpy (out + 1, checksum, SC_SHA256_SIZE);
}

ScObjectCheck *
sc_object_check_new (OstreeRepo *repo, GError **error)
{
  int objects = sc_fs_open_dir_at (ostree_repo_get_dfd (repo), "objects", error);
  ScObjectCheck *check;

  if (objects < 0)
    return NULL;
  check = g_new0 (ScObjectCheck, 1);
  check->repo = g_object_ref (repo);
  check->objects = objects;
  check->states = g_hash_table_new_full (key_hash, key_equal, g_free, NULL);
  check->reasons = g_hash_table_new_full (key_hash, key_equal, g_free, g_free);
  check->hasher = sc_object_hasher_new (ostree_repo_get_mode (repo));
  check->jobs = g_array_new (FALSE, FALSE, sizeof (Job));
  check->hashers = g_async_queue_new_full ((GDestroyNotify)sc_object_hasher_free);
  g_mutex_init (&check->mutex);
  return check;
}

void
sc_object_check_free (ScObjectCheck *check)
{
  g_object_unref (check->repo);
  sc_close_fd_p (&check->objects);
  g_hash_table_unref (check->states);
  g_hash_table_unref (check->reasons);
  sc_object_hasher_free (check->hasher);
  g_array_unref (check->jobs);
  g_async_queue_unref (check->hashers);
  g_mutex_clear (&check->mutex);
  g_free (check);
}

ScObjectState
sc_object_check_state (ScObjectCheck *check, OstreeObjectType type, const guint8 checksum[SC_SHA256_SIZE],
                       const char **out_reason)
{
  guint8 key[KEY_SIZE];

  make_key (type, checksum, key);
  if (out_reason != NULL)
    *out_reason = g_hash_table_lookup (check->reasons, key);
  return (ScObjectState)GPOINTER_TO_UINT (g_hash_table_lookup (check->states, key));
}

void
sc_object_check_forget (ScObjectCheck *check, OstreeObjectType type, const guint8 checksum[SC_SHA256_SIZE])
{
  guint8 key[KEY_SIZE];

  make_key (type, checksum, key);
  g_hash_table_remove (check->states, key);
  g_hash_table_remove (check->reasons, key);
}

static void
set_state (ScObjectCheck *check, const guint8 key[KEY_SIZE], ScObjectState state)
{
  check->found_bad |= state == SC_OBJECT_DAMAGED || state == SC_OBJECT_MISSING;
  g_hash_table_replace (check->states, g_memdup2 (key, KEY_SIZE), GUINT_TO_POINTER (state));
}

/* In any thread: looks at an object and notes the answer. */
static gboolean
look (ScObjectCheck *check, ScObjectHasher *hasher, const guint8 key[KEY_SIZE], ScObjectState *out,
      GCancellable *cancellable, GError **error)
{
  char path[SC_OBJECT_PATH_SIZE];
  g_autofree char *reason = NULL;
  g_autoptr (GError) local = NULL;
  OstreeObjectType type = (OstreeObjectType)key[0];

  sc_object_path (type, key + 1, path);
  if (sc_object_hasher_check (hasher, type, key + 1, check->objects, path, &reason, cancellable, &local))
    *out = reason == NULL ? SC_OBJECT_GOOD : SC_OBJECT_DAMAGED;
  else if (g_error_matches (local, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    *out = SC_OBJECT_MISSING;
  else
    return g_propagate_error (error, g_steal_pointer (&local)), FALSE;
  g_mutex_lock (&check->mutex);
  set_state (check, key, *out);
  if (reason != NULL)
    g_hash_table_replace (check->reasons, g_memdup2 (key, KEY_SIZE), g_steal_pointer (&reason));
  g_mutex_unlock (&check->mutex);
  return TRUE;
}

gboolean
sc_object_check_now (ScObjectCheck *check, OstreeObjectType type, const guint8 checksum[SC_SHA256_SIZE],
                     ScObjectState *out, GCancellable *cancellable, GError **error)
{
  guint8 key[KEY_SIZE];

  make_key (type, checksum, key);
  *out = sc_object_check_state (check, type, checksum, NULL);
  return *out != SC_OBJECT_UNKNOWN || look (check, check->hasher, key, out, cancellable, error);
}

gboolean
sc_object_check_add (ScObjectCheck *check, const guint8 checksum[SC_SHA256_SIZE], GError **error)
{
  char path[SC_OBJECT_PATH_SIZE];
  Job job = { .size = 0 };
  struct stat st;

  make_key (OSTREE_OBJECT_TYPE_FILE, checksum, job.key);
  /* A state, so that it is noted once; it counts as unknown. */
  if (g_hash_table_contains (check->states, job.key))
    return TRUE;
  sc_object_path (OSTREE_OBJECT_TYPE_FILE, checksum, path);
  if (fstatat (check->objects, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
    job.size = S_ISREG (st.st_mode) ? (guint64)st.st_size : 0;
  else if (errno == ENOENT)
    {
      set_state (check, job.key, SC_OBJECT_MISSING);
      return TRUE;
    }
  else if (errno != EIO && errno != EUCLEAN)
    return sc_fail_errno (error, errno, "object %s", path);
  set_state (check, job.key, SC_OBJECT_UNKNOWN);
  g_array_append_val (check->jobs, job);
  return TRUE;
}

static void
on_bytes (guint64 bytes, gpointer data)
{
  ScObjectCheck *check = data;

  g_mutex_lock (&check->mutex);
  check->done += bytes;
  sc_progress_layer (check->sink, SC_PROGRESS_LAYER_ADVANCE, check->id, check->done, check->total);
  g_mutex_unlock (&check->mutex);
}

static void
run_job (gpointer data, gpointer user_data)
{
  ScObjectCheck *check = user_data;
  const Job *job = data;
  ScObjectHasher *hasher = g_async_queue_try_pop (check->hashers);
  g_autoptr (GError) error = NULL;
  ScObjectState state;
  gboolean stop;

  g_mutex_lock (&check->mutex);
  stop = check->error != NULL;
  g_mutex_unlock (&check->mutex);
  if (hasher == NULL)
    {
      hasher = sc_object_hasher_new (ostree_repo_get_mode (check->repo));
      sc_object_hasher_set_progress (hasher, on_bytes, check);
    }
  if (!stop && !g_cancellable_is_cancelled (check->cancellable)
      && !look (check, hasher, job->key, &state, check->cancellable, &error))
    {
      g_mutex_lock (&check->mutex);
      if (check->error == NULL)
        check->error = g_steal_pointer (&error);
      g_mutex_unlock (&check->mutex);
    }
  g_async_queue_push (check->hashers, hasher);
}

/* What was noted and not looked at is as if it had never been noted. */
static void
drop_jobs (ScObjectCheck *check)
{
  for (guint i = 0; i < check->jobs->len; i++)
    {
      const Job *job = &g_array_index (check->jobs, Job, i);

      if (GPOINTER_TO_UINT (g_hash_table_lookup (check->states, job->key)) == SC_OBJECT_UNKNOWN)
        g_hash_table_remove (check->states, job->key);
    }
  g_array_set_size (check->jobs, 0);
}

gboolean
sc_object_check_run (ScObjectCheck *check, const char *id, const ScProgressSink *sink, GCancellable *cancellable,
                     GError **error)
{
  GThreadPool *pool;

  check->cancellable = cancellable;
  check->id = id;
  check->sink = sink;
  check->done = check->total = 0;
  for (guint i = 0; i < check->jobs->len; i++)
    check->total += g_array_index (check->jobs, Job, i).size;
  sc_progress_layer (sink, SC_PROGRESS_WORK_BEGIN, id, 0, check->total);
  pool = g_thread_pool_new (run_job, check, (int)g_get_num_processors (), FALSE, NULL);
  for (guint i = 0; i < check->jobs->len; i++)
    g_thread_pool_push (pool, &g_array_index (check->jobs, Job, i), NULL);
  g_thread_pool_free (pool, FALSE, TRUE);
  sc_progress_layer (sink, SC_PROGRESS_LAYER_END, id, check->total, check->total);
  drop_jobs (check);
  if (check->error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&check->error));
      return FALSE;
    }
  return !g_cancellable_set_error_if_cancelled (cancellable, error);
}

gboolean
sc_object_check_found_bad (const ScObjectCheck *check)
{
  return check->found_bad;
}

int
sc_object_check_dfd (const ScObjectCheck *check)
{
  return check->objects;
}

ScObjectHasher *
sc_object_check_hasher (ScObjectCheck *check)
{
  return check->hasher;
}
