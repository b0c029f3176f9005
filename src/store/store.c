/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening, creating and locking the repository.  Where it is and in which mode is the
 * rule of docs/formats.md; nothing is created for a reader.
 */
#include "store-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "fs.h"
#include "refs.h"

#define SYSTEM_REPO    "/ostree/repo"
#define TEMP           ".ostree" /* ".ostree.XXXXXX": a repository that is being created */
#define LOCK_POLL_USEC (50 * 1000)

/* Does any ref of any program name anything here? */
static gboolean
has_refs (OstreeRepo *repo)
{
  g_autoptr (GHashTable) refs = sc_refs_list (repo, NULL);

  return refs == NULL || g_hash_table_size (refs) > 0;
}

/* A repository that was made for a pull that failed goes again, with the directories made for it, unless somebody else
 * holds it by now, or has put something there. */
static void
discard (ScStore *store)
{
  g_autofree char *lock = g_build_filename (store->path, ".lock", NULL), *parent = g_path_get_dirname (store->path);
  struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
  g_autoptr (GError) error = NULL;
  SC_AUTOFD int fd = open (lock, O_RDWR | O_CLOEXEC);

  if (fd < 0 || fcntl (fd, F_OFD_SETLK, &fl) != 0 || has_refs (store->repo))
    return;
  if (!sc_fs_remove_tree_at (AT_FDCWD, store->path, &error))
    g_debug ("%s: %s", store->path, error->message);
  sc_fs_remove_empty_dirs (parent, store->created);
}

void
sc_store_free (ScStore *store)
{
  if (store->created != NULL && !store->used)
    discard (store);
  g_clear_object (&store->repo);
  g_free (store->created);
  g_free (store->path);
  g_free (store);
}

OstreeRepo *
sc_store_repo (ScStore *store)
{
  return store->repo;
}

/* The device of @path or of its nearest parent that exists. */
static gboolean
device_of (const char *path, dev_t *out)
{
  g_autofree char *missing = sc_fs_first_missing (path), *parent = g_path_get_dirname (missing);
  struct stat st;

  if (stat (path, &st) != 0 && stat (parent, &st) != 0)
    return FALSE;
  *out = st.st_dev;
  return TRUE;
}

/* The system's own repository serves if hard links from it can reach the checkouts. */
static gboolean
system_repo_serves (const char *repo, const char *checkouts)
{
  dev_t a, b;

  return g_file_test (repo, G_FILE_TEST_IS_DIR) && device_of (repo, &a) && device_of (checkouts, &b) && a == b;
}

static char *
find_path (const ScContext *ctx)
{
  g_autofree char *checkouts = sc_context_path (ctx, ctx->checkouts);
  g_autofree char *system_repo = sc_context_path (ctx, SYSTEM_REPO);

  if (ctx->repo != NULL)
    return sc_context_path (ctx, ctx->repo);
  if (system_repo_serves (system_repo, checkouts))
    return g_steal_pointer (&system_repo);
  return g_build_filename (checkouts, ".storage", "ostree", NULL);
}

/* A repository in @temp, which becomes @path when it is whole: a crash in between leaves no half of one. */
static gboolean
create_in (const char *parent, const char *temp, const char *path, GCancellable *cancellable, GError **error)
{
  OstreeRepoMode mode = geteuid () == 0 ? OSTREE_REPO_MODE_BARE : OSTREE_REPO_MODE_BARE_USER;
  g_autofree char *full = g_build_filename (parent, temp, NULL);
  g_autoptr (OstreeRepo) repo = ostree_repo_create_at (AT_FDCWD, full, mode, NULL, cancellable, error);
  g_autoptr (OstreeRepoAutoLock) lock = NULL;
  SC_AUTOFD int fd = -1;

  if (repo == NULL)
    return FALSE;
  /* libostree makes its lock file when it is first used: that is now, not in the middle of something that may fail. */
  lock = ostree_repo_auto_lock_push (repo, OSTREE_REPO_LOCK_SHARED, cancellable, error);
  fd = lock == NULL ? -1 : sc_fs_open_dir_at (AT_FDCWD, full, error);
  if (fd < 0 || !sc_fs_sync_all (fd, error))
    return FALSE;
  /* Onto nothing, or an empty directory; somebody else's repository is as good as ours. */
  if (rename (full, path) != 0 && errno != ENOTEMPTY && errno != EEXIST)
    return sc_fail_errno (error, errno, "cannot create");
  return sc_fs_sync_dir_at (AT_FDCWD, parent, error);
}

/* Removes what processes that died left of creating a repository: one that lives holds its directory. */
static void
remove_dead (int dfd)
{
  g_auto (GStrv) names = sc_fs_list_dir_at (dfd, ".", NULL);

  for (guint i = 0; names != NULL && names[i] != NULL; i++)
    {
      g_autoptr (GError) local = NULL;
      SC_AUTOFD int fd = -1;

      if (!g_str_has_prefix (names[i], TEMP ".") || strlen (names[i]) != strlen (TEMP ".XXXXXX"))
        continue;
      fd = sc_fs_open_dir_at (dfd, names[i], NULL);
      if (fd >= 0 && flock (fd, LOCK_EX | LOCK_NB) == 0 && !sc_fs_remove_tree_at (dfd, names[i], &local))
        g_debug ("%s: %s", names[i], local->message);
    }
}

/* A new directory, held by @out_lock. (transfer full) (nullable) */
static char *
make_temp (int dfd, int *out_lock, GError **error)
{
  for (;;)
    {
      g_autofree char *temp = sc_fs_make_temp_dir_at (dfd, TEMP, error);
      SC_AUTOFD int fd = temp != NULL ? openat (dfd, temp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;

      if (temp == NULL)
        return NULL;
      if (fd < 0 && errno != ENOENT)
        return sc_fail_errno_null (error, errno, "%s", temp);
      /* Where there are no locks, nobody removes anything either. */
      if (fd >= 0 && flock (fd, LOCK_EX) != 0)
        g_debug ("%s: %s", temp, g_strerror (errno));
      /* Before we held it, somebody may have taken it for one of the dead. */
      if (fd < 0 || !sc_fs_exists_at (dfd, temp))
        continue;
      *out_lock = sc_steal_fd (&fd);
      return g_steal_pointer (&temp);
    }
}

/* Creates a repository and the directories above it; on failure they are gone again. */
static gboolean
create (ScStore *store, GCancellable *cancellable, GError **error)
{
  g_autofree char *parent = g_path_get_dirname (store->path), *missing = sc_fs_first_missing (store->path),
                  *temp = NULL;
  g_autoptr (GError) ignored = NULL;
  SC_AUTOFD int dfd = -1;
  SC_AUTOFD int lock = -1;
  gboolean ok = FALSE;

  if (sc_fs_mkdir_p_at (AT_FDCWD, parent, 0755, error) && (dfd = sc_fs_open_dir_at (AT_FDCWD, parent, error)) >= 0)
    {
      remove_dead (dfd);
      temp = make_temp (dfd, &lock, error);
      ok = temp != NULL && create_in (parent, temp, store->path, cancellable, error);
    }
  if (temp != NULL && !sc_fs_remove_tree_at (dfd, temp, &ignored))
    g_debug ("%s: %s", temp, ignored->message);
  if (ok)
    store->created = g_steal_pointer (&missing);
  else
    sc_fs_remove_empty_dirs (parent, missing);
  return ok;
}

static gboolean
check_mode (OstreeRepo *repo, GError **error)
{
  OstreeRepoMode mode = ostree_repo_get_mode (repo);

  if (mode == OSTREE_REPO_MODE_BARE || mode == OSTREE_REPO_MODE_BARE_USER)
    return TRUE;
  return sc_fail (error, SC_ERROR_UNSUPPORTED, "its mode is neither bare nor bare-user");
}

static gboolean
open_or_create (ScStore *store, ScStoreFlags flags, GCancellable *cancellable, GError **error)
{
  g_autofree char *objects = g_build_filename (store->path, "objects", NULL);

  if (!g_file_test (objects, G_FILE_TEST_IS_DIR) && flags == SC_STORE_CREATE && !create (store, cancellable, error))
    return FALSE;
  if (g_file_test (objects, G_FILE_TEST_IS_DIR))
    store->repo = ostree_repo_open_at (AT_FDCWD, store->path, cancellable, error);
  else
    {
      /* "There is none" is not "we may not look". */
      struct stat st;

      if (stat (objects, &st) == 0 || errno == ENOENT)
        return stat (store->path, &st) != 0
               || sc_fail (error, SC_ERROR_INVALID, "there is no OSTree repository in this directory");
      return sc_fail_errno (error, errno, "cannot open");
    }
  return store->repo != NULL && check_mode (store->repo, error);
}

ScStore *
sc_store_open (const ScContext *ctx, ScStoreFlags flags, GCancellable *cancellable, GError **error)
{
  g_autoptr (ScStore) store = g_new0 (ScStore, 1);

  store->path = find_path (ctx);
  if (!open_or_create (store, flags, cancellable, error))
    return sc_prefix_null (error, "repository %s", store->path);
  return g_steal_pointer (&store);
}

struct _ScStoreLock
{
  ScStore *store;
  OstreeRepoAutoLock *lock;
};

void
sc_store_set_sink (ScStore *store, const ScProgressSink *sink)
{
  store->sink = sink;
}

void
sc_store_unlock (ScStoreLock *lock)
{
  ostree_repo_auto_lock_cleanup (lock->lock);
  lock->store->holds--;
  g_free (lock);
}

/* Would a hold be given now?  What cannot be found out libostree will say. */
static gboolean
is_free (ScStore *store, gboolean exclusive)
{
  struct flock fl = { .l_type = exclusive ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET };
  SC_AUTOFD int fd = openat (ostree_repo_get_dfd (store->repo), ".lock", O_RDWR | O_CLOEXEC);

  return fd < 0 || fcntl (fd, F_OFD_GETLK, &fl) != 0 || fl.l_type == F_UNLCK;
}

/* libostree waits too, but for half a minute, in silence, and whatever the user wants. */
static gboolean
wait_until_free (ScStore *store, gboolean exclusive, gboolean *told, GCancellable *cancellable, GError **error)
{
  while (!is_free (store, exclusive))
    {
      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return FALSE;
      if (!*told)
        sc_progress_note (store->sink, "waiting for another program that uses repository %s", store->path);
      *told = TRUE;
      g_usleep (LOCK_POLL_USEC);
    }
  return TRUE;
}

ScStoreLock *
sc_store_lock (ScStore *store, gboolean exclusive, GCancellable *cancellable, GError **error)
{
  gboolean told = FALSE;

  g_return_val_if_fail (store->repo != NULL, NULL);
  for (;;)
    {
      g_autoptr (GError) local = NULL;
      OstreeRepoAutoLock *lock;

      /* Our own hold is in nobody's way but seems to be in ours. */
      if (store->holds == 0 && !wait_until_free (store, exclusive, &told, cancellable, error))
        return NULL;
      lock = ostree_repo_auto_lock_push (store->repo, exclusive ? OSTREE_REPO_LOCK_EXCLUSIVE : OSTREE_REPO_LOCK_SHARED,
                                         cancellable, &local);
      if (lock != NULL)
        {
          ScStoreLock *hold = g_new (ScStoreLock, 1);

          *hold = (ScStoreLock){ store, lock };
          store->holds++;
          return hold;
        }
      if (!g_error_matches (local, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return sc_prefix_null (error, "repository %s", store->path);
        }
      if (store->holds > 0)
        return sc_fail_null (error, SC_ERROR_BUSY, "repository %s: another process holds it", store->path);
      /* Somebody was faster, and is slow. */
    }
}
