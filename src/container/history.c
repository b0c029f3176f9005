/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Deployments of one container: their list, their marks, and which of them go.
 */
#include "history.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs.h"
#include "live.h"
#include "recover.h"
#include "running.h"

#define PINNED       "pinned"
#define FAILED       "failed"
#define REASON_LIMIT (64 * 1024)

static void
entry_free (ScHistoryEntry *entry)
{
  g_clear_pointer (&entry->deployment, sc_deployment_free);
  g_free (entry->failed);
  g_free (entry);
}

static gboolean
has_mark (int dfd, const char *name, int number, const char *mark)
{
  g_autofree char *path = sc_deployment_file (name, number, mark);

  return sc_fs_exists_at (dfd, path);
}

static char *
load_reason (int dfd, const char *name, int number)
{
  g_autofree char *path = sc_deployment_file (name, number, FAILED);
  g_autoptr (GBytes) text = NULL;
  gsize size = 0;
  const char *data;

  if (!sc_fs_exists_at (dfd, path))
    return NULL;
  text = sc_fs_read_file_at (dfd, path, REASON_LIMIT, NULL);
  data = text != NULL ? g_bytes_get_data (text, &size) : NULL;
  return data != NULL ? g_strchomp (g_strndup (data, size)) : g_strdup ("");
}

/* Does @error say that it will be the same the next time? */
static gboolean
is_lasting (const GError *error)
{
  return g_error_matches (error, SC_ERROR, SC_ERROR_INVALID) || g_error_matches (error, SC_ERROR, SC_ERROR_LIMIT)
         || g_error_matches (error, SC_ERROR, SC_ERROR_NOT_FOUND)
         || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
}

static ScHistoryEntry *
load_entry (const ScContext *ctx, int dfd, const char *name, int number, int live)
{
  g_autoptr (GError) local = NULL;
  ScHistoryEntry *entry = g_new0 (ScHistoryEntry, 1);

  entry->deployment = sc_deployment_load_number (ctx, name, number, &local);
  if (entry->deployment == NULL)
    {
      entry->deployment = g_new0 (ScDeployment, 1);
      entry->deployment->name = g_strdup (name);
      entry->deployment->image = g_strdup ("");
      entry->deployment->number = number;
      entry->deployment->problem = g_strdup (local->message);
      entry->damaged = is_lasting (local);
    }
  entry->live = number == live;
  entry->pinned = has_mark (dfd, name, number, PINNED);
  entry->failed = load_reason (dfd, name, number);
  return entry;
}

static int
compare_newest_first (gconstpointer a, gconstpointer b)
{
  const ScHistoryEntry *const *x = a, *const *y = b;
  int m = (*x)->deployment->number, n = (*y)->deployment->number;

  return m < n ? 1 : m > n ? -1 : 0;
}

static GPtrArray *
load_all (const ScContext *ctx, ScCheckouts *checkouts, const char *name, int live, GError **error)
{
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func ((GDestroyNotify)entry_free);
  g_auto (GStrv) dirs = sc_checkouts_deployments (checkouts, name, error);

  if (dirs == NULL)
    return NULL;
  for (guint i = 0; dirs[i] != NULL; i++)
    {
      guint64 number = 0;

      /* A number beyond all is nobody's of ours. */
      if (g_ascii_string_to_unsigned (sc_deployment_suffix (dirs[i]) + 1, 10, 0, G_MAXINT, &number, NULL))
        g_ptr_array_add (list, load_entry (ctx, checkouts->dfd, name, (int)number, live));
    }
  g_ptr_array_sort (list, compare_newest_first);
  return g_steal_pointer (&list);
}

GPtrArray *
sc_history_load (const ScContext *ctx, ScContainerLock *lock, int live, GError **error)
{
  return load_all (ctx, lock->checkouts, lock->name, live, error);
}

GPtrArray *
sc_history_list (const ScContext *ctx, const char *name, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (ScDeployment) live = sc_deployment_load (ctx, name, &local);
  g_autofree char *path = sc_context_path (ctx, ctx->checkouts);
  ScCheckouts unlocked = { .dfd = -1, .path = path };
  SC_AUTOFD int dfd = -1;

  /* Of one that is damaged the others are all the more of interest. */
  if (live == NULL && !g_error_matches (local, SC_ERROR, SC_ERROR_INVALID)
      && !g_error_matches (local, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return NULL;
    }
  if (live != NULL && live->preinstalled)
    {
      GPtrArray *list = g_ptr_array_new_with_free_func ((GDestroyNotify)entry_free);
      ScHistoryEntry *entry = g_new0 (ScHistoryEntry, 1);

      entry->deployment = g_steal_pointer (&live);
      entry->live = TRUE;
      g_ptr_array_add (list, entry);
      return list;
    }
  dfd = sc_fs_open_dir_at (AT_FDCWD, path, error);
  if (dfd < 0)
    return NULL;
  unlocked.dfd = dfd;
  return load_all (ctx, &unlocked, name, sc_live_number (dfd, name), error);
}

char *
sc_history_describe (const ScHistoryEntry *entry)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new ();
  g_autofree char *failed = entry->failed != NULL ? g_strconcat ("failed: ", entry->failed, NULL) : NULL;

  if (entry->live)
    g_ptr_array_add (words, (gpointer) "live");
  if (entry->pinned)
    g_ptr_array_add (words, (gpointer) "pinned");
  if (entry->deployment->problem != NULL)
    g_ptr_array_add (words, (gpointer) "damaged");
  if (failed != NULL)
    g_ptr_array_add (words, failed);
  g_ptr_array_add (words, NULL);
  return g_strjoinv (", ", (char **)words->pdata);
}

/* -- which go -- */

/* The numbers that @keep allows besides the live one. */
static GHashTable *
choose_kept (const GPtrArray *list, int previous, guint keep)
{
  GHashTable *kept = g_hash_table_new (g_direct_hash, g_direct_equal);
  guint room = keep - 1;

  for (guint pass = 0; pass < 2; pass++)
    for (guint i = 0; i < list->len && room > 0; i++)
      {
        const ScHistoryEntry *entry = g_ptr_array_index (list, i);
        int number = entry->deployment->number;

        if (entry->live || entry->pinned || entry->failed != NULL || entry->deployment->problem != NULL
            || (pass == 0 && number != previous))
          continue;
        if (g_hash_table_add (kept, GINT_TO_POINTER (number)))
          room--;
      }
  return kept;
}

void
sc_history_prune (const ScContext *ctx, ScContainerLock *lock, int live, int previous, guint keep,
                  const ScProgressSink *sink)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (GPtrArray) list = sc_history_load (ctx, lock, live, &local);
  g_autoptr (GHashTable) kept = list != NULL ? choose_kept (list, previous, keep) : NULL;
  gboolean failed_seen = FALSE;

  for (guint i = 0; list != NULL && i < list->len; i++)
    {
      const ScHistoryEntry *entry = g_ptr_array_index (list, i);
      int number = entry->deployment->number;
      gboolean newest_failed = entry->failed != NULL && !failed_seen;

      failed_seen |= entry->failed != NULL;
      if (entry->live || entry->pinned || newest_failed || g_hash_table_contains (kept, GINT_TO_POINTER (number))
          || sc_running_is_in (ctx, lock, entry->deployment->runtime, number))
        continue;
      if (entry->deployment->problem != NULL)
        sc_progress_note (sink, "%s.%d %s: %s", lock->name, number,
                          entry->damaged ? "is damaged, it is removed" : "stays", entry->deployment->problem);
      if (entry->deployment->problem != NULL && !entry->damaged)
        continue;
      if (!sc_checkouts_remove (lock->checkouts, lock->name, number, &local))
        {
          sc_progress_note (sink, "%s.%d stays: %s", lock->name, number, local->message);
          g_clear_error (&local);
        }
    }
  if (list == NULL)
    sc_progress_note (sink, "%s: older deployments stay: %s", lock->name, local->message);
}

/* -- marks -- */

gboolean
sc_history_has_failed (ScContainerLock *lock, int number)
{
  return has_mark (lock->checkouts->dfd, lock->name, number, FAILED);
}

gboolean
sc_history_set_failed (ScContainerLock *lock, int number, const char *reason, GError **error)
{
  g_autofree char *path = sc_deployment_file (lock->name, number, FAILED);
  g_autofree char *line = g_strconcat (reason, "\n", NULL);

  return sc_fs_write_file_at (lock->checkouts->dfd, path, line, strlen (line), 0644, error);
}

static gboolean
set_pinned (ScContainerLock *lock, int number, gboolean pinned, GError **error)
{
  g_autofree char *path = sc_deployment_file (lock->name, number, PINNED), *dir = g_path_get_dirname (path);
  int dfd = lock->checkouts->dfd;
  SC_AUTOFD int fd = -1;

  if (!pinned)
    return sc_fs_unlink_at (dfd, path, error) && sc_fs_sync_dir_at (dfd, dir, error);
  /* Empty: it is there, or not. */
  fd = openat (dfd, path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (fd < 0 || fsync (fd) != 0)
    return sc_fail_errno (error, errno, "%s", path);
  return sc_fs_sync_dir_at (dfd, dir, error);
}

gboolean
sc_history_pin (const ScContext *ctx, const char *name, int number, gboolean pinned, const ScProgressSink *sink,
                GCancellable *cancellable, GError **error)
{
  g_autoptr (ScContainerLock) lock = sc_container_begin (ctx, name, sink, cancellable, error);
  g_autofree char *dir = NULL;
  struct stat st;

  if (lock == NULL)
    return FALSE;
  if (number == SC_NO_DEPLOYMENT)
    number = sc_live_number (lock->checkouts->dfd, name);
  dir = g_strdup_printf ("%s.%d", name, number);
  if (fstatat (lock->checkouts->dfd, dir, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR (st.st_mode))
    return sc_fail (error, SC_ERROR_NOT_FOUND, "container %s has no deployment %d", name, number);
  return set_pinned (lock, number, pinned, error) || sc_prefix (error, "container %s", name);
}
