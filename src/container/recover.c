/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Recovery of containers: the journal and the link say what is to be; host files, systemd and the service are made so,
 * and only then the journal goes.  Being killed on the way is as good as not having begun.
 */
#include "recover.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "activate.h"
#include "deployment.h"
#include "fs.h"
#include "group.h"
#include "host-tree.h"
#include "running.h"
#include "uninstall.h"
#include "unit-links.h"

#define RANDOM_LENGTH 6 /* of "NAME.XXXXXX" */

/* -- leftovers without a journal -- */

static gboolean
has_kind (int dfd, const char *name, mode_t kind)
{
  struct stat st;

  return fstatat (dfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && (st.st_mode & S_IFMT) == kind;
}

/* (transfer full) (nullable): NAME of PREFIX "NAME.XXXXXX". */
static char *
name_of_temp (const char *entry, const char *prefix)
{
  const char *name = entry + strlen (prefix), *dot = strrchr (entry, '.');

  if (!g_str_has_prefix (entry, prefix) || dot <= name || strlen (dot + 1) != RANDOM_LENGTH)
    return NULL;
  return g_strndup (name, (gsize)(dot - name));
}

/* Directories that were being made or removed, and temporary names of link and journal. */
static gboolean
remove_temps (ScContainerLock *lock, GError **error)
{
  int dfd = lock->checkouts->dfd;
  g_autofree char *journal = sc_journal_file (lock->name);
  g_auto (GStrv) entries = sc_fs_list_dir_at (dfd, ".", error);

  if (entries == NULL)
    return FALSE;
  for (guint i = 0; entries[i] != NULL; i++)
    {
      g_autofree char *name = name_of_temp (entries[i], SC_CHECKOUTS_TEMP);

      if (g_strcmp0 (name, lock->name) == 0 && has_kind (dfd, entries[i], S_IFDIR)
          && !sc_fs_remove_tree_at (dfd, entries[i], error))
        return FALSE;
    }
  return sc_fs_remove_temps_at (dfd, ".", lock->name, S_IFLNK, error)
         && sc_fs_remove_temps_at (dfd, ".", journal, S_IFREG, error);
}

static gboolean
remove_marks (ScContainerLock *lock, GError **error)
{
  g_auto (GStrv) dirs = sc_checkouts_deployments (lock->checkouts, lock->name, error);

  for (guint i = 0; dirs != NULL && dirs[i] != NULL; i++)
    if (!sc_fs_remove_temps_at (lock->checkouts->dfd, dirs[i], "failed", S_IFREG, error))
      return FALSE;
  return dirs != NULL;
}

/* Those are made without a journal. */
static gboolean
remove_trees (ScContainerLock *lock, GError **error)
{
  g_auto (GStrv) dirs = sc_checkouts_deployments (lock->checkouts, lock->name, error);

  for (guint i = 0; dirs != NULL && dirs[i] != NULL; i++)
    {
      g_autofree char *tree = g_build_filename (dirs[i], SC_HOST_TREE_UNFINISHED, NULL);

      if (!sc_fs_remove_tree_at (lock->checkouts->dfd, tree, error))
        return FALSE;
    }
  return dirs != NULL;
}

/* -- one container -- */

static gboolean
has_directory (ScContainerLock *lock, int number)
{
  g_autofree char *dir = g_strdup_printf ("%s.%d", lock->name, number);

  return number != SC_NO_DEPLOYMENT && has_kind (lock->checkouts->dfd, dir, S_IFDIR);
}

/* The service runs what the link says, or not if that has none, if it ran before and the machine was not started again
 * since. If it was, the boot starts it, unless there was no link to the unit yet when the boot looked for them.  One
 * that is still on its way up may come from either directory. */
static gboolean
settle_service (const ScLive *live, const ScJournal *journal, int number, gboolean *out_down, GError **error)
{
  g_autofree char *unit = sc_unit_name (live->lock->name), *boot_id = sc_boot_id ();
  g_autoptr (ScDeployment) deployment = NULL;
  g_autoptr (GError) local = NULL;
  gboolean has_unit = sc_live_has (live, number, unit);
  gboolean active = FALSE, here = FALSE, elsewhere = FALSE, restart = FALSE;
  gboolean rebooted = g_strcmp0 (boot_id, journal->boot_id) != 0, ran;
  const char *runtime;

  if (!sc_systemd_is_running (live->systemd))
    return TRUE;
  /* The kernel may be the same, as in a container that is started again: no job can be waited for so early. */
  rebooted = rebooted || sc_systemd_is_booting (live->systemd, NULL);
  ran = journal->was_active && !rebooted;
  deployment = sc_deployment_load_number (live->ctx, live->lock->name, number, NULL);
  if (!sc_running_service (live, &active, NULL, error))
    return FALSE;
  runtime = deployment != NULL ? deployment->runtime : NULL;
  here = active && sc_running_is_in (live->ctx, live->lock, runtime, number);
  elsewhere = active && !here && sc_running_is_elsewhere (live->ctx, live->lock, runtime, number);
  if (!has_unit && elsewhere && !sc_running_stop (live, runtime, error))
    return FALSE;
  /* If the old one has no service, what ran was the host's own of that name. */
  restart = has_unit ? elsewhere || (ran && !here) : elsewhere && ran && number == journal->from;
  if (restart)
    *out_down = !sc_running_restart (live, NULL, &local);
  else if (!active && rebooted && has_unit)
    (void)!sc_systemd_start_if_wanted (live->systemd, unit, NULL, &local);
  if (local != NULL)
    sc_progress_note (live->sink, "%s", local->message);
  return TRUE;
}

static gboolean
recover_forward (const ScLive *live, ScJournal *journal, gboolean *out_down, GError **error)
{
  if (!sc_activation_forward (live, journal, error) || !settle_service (live, journal, journal->to, out_down, error)
      || !sc_activation_finish (live, journal, error))
    return FALSE;
  sc_progress_note (live->sink, "%s: %s to deployment %d was cut short and is completed now", live->lock->name,
                    sc_operation_name (journal->operation), journal->to);
  return TRUE;
}

static gboolean
recover_back (const ScLive *live, const ScJournal *journal, gboolean *out_down, GError **error)
{
  if (!sc_activation_back (live, journal, error) || !settle_service (live, journal, journal->from, out_down, error)
      || !sc_activation_drop (live, journal, error))
    return FALSE;
  if (journal->from == SC_NO_DEPLOYMENT)
    sc_progress_note (live->sink, "%s: its installation was cut short and is taken back now", live->lock->name);
  else
    sc_progress_note (live->sink, "%s: %s to deployment %d was cut short, it is deployment %d as before",
                      live->lock->name, sc_operation_name (journal->operation), journal->to, journal->from);
  return TRUE;
}

static gboolean
run_journal (const ScLive *live, ScJournal *journal, gboolean *out_down, GError **error)
{
  switch (sc_journal_decide (journal, sc_live_number (live->lock->checkouts->dfd, live->lock->name)))
    {
    case SC_RECOVERY_REMOVE:
      if (!sc_uninstall_continue (live, journal, NULL, error))
        return FALSE;
      sc_progress_note (live->sink, "%s: its removal was cut short and is completed now", live->lock->name);
      return TRUE;
    case SC_RECOVERY_FORWARD:
      return recover_forward (live, journal, out_down, error);
    case SC_RECOVERY_BACK:
      break;
    }
  /* Without the old one there is no way back. */
  if (journal->from != SC_NO_DEPLOYMENT && !has_directory (live->lock, journal->from)
      && has_directory (live->lock, journal->to))
    return sc_live_set_link (live, journal->to, error) && recover_forward (live, journal, out_down, error);
  return recover_back (live, journal, out_down, error);
}

/* What can be said without the journal: the link counts. (transfer full) (nullable): NULL if there is nothing to do. */
static ScJournal *
guess_journal (const ScContext *ctx, ScContainerLock *lock, GError **error)
{
  g_autofree char *unit = sc_unit_name (lock->name);
  int live = sc_live_number (lock->checkouts->dfd, lock->name);
  g_autoptr (ScJournal) journal = sc_journal_new (SC_OPERATION_ROLLBACK, SC_NO_DEPLOYMENT, live);

  return sc_unit_links_exist (ctx, unit, &journal->was_enabled, error) ? g_steal_pointer (&journal) : NULL;
}

static gboolean
load_journal (const ScContext *ctx, ScContainerLock *lock, ScJournal **out, const ScProgressSink *sink, GError **error)
{
  g_autoptr (GError) local = NULL;
  int dfd = lock->checkouts->dfd;

  if (sc_journal_load (dfd, lock->name, out, &local))
    return TRUE;
  if (!g_error_matches (local, SC_ERROR, SC_ERROR_INVALID) && !g_error_matches (local, SC_ERROR, SC_ERROR_LIMIT))
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  sc_progress_note (sink, "%s: %s: what the link says counts", lock->name, local->message);
  if (sc_live_number (dfd, lock->name) == SC_NO_DEPLOYMENT)
    return *out = NULL, sc_journal_remove (dfd, lock->name, error);
  *out = guess_journal (ctx, lock, error);
  return *out != NULL;
}

/* @out_down: it ran before, and did not start. */
static gboolean
recover_held (const ScContext *ctx, ScContainerLock *lock, gboolean *out_down, const ScProgressSink *sink,
              GCancellable *cancellable, GError **error)
{
  g_autoptr (ScJournal) journal = NULL;
  g_autoptr (ScSystemd) systemd = NULL;
  ScLive live = { .ctx = ctx, .lock = lock, .sink = sink, .recovering = TRUE };

  *out_down = FALSE;

  if (!remove_temps (lock, error) || !remove_trees (lock, error) || !load_journal (ctx, lock, &journal, sink, error))
    return sc_prefix (error, "container %s", lock->name);
  if (journal != NULL)
    {
      systemd = sc_systemd_new (ctx, cancellable, error);
      live.systemd = systemd;
      if (systemd == NULL || !sc_group_resolve (lock->checkouts->dfd, journal, error)
          || !sc_live_clean (&live, journal, error) || !remove_marks (lock, error)
          || !run_journal (&live, journal, out_down, error))
        return sc_prefix (error, "container %s: cannot recover", lock->name);
    }
  return sc_group_clean (lock->checkouts->dfd, error) || sc_prefix (error, "container %s", lock->name);
}

gboolean
sc_container_recover (const ScContext *ctx, ScContainerLock *lock, const ScProgressSink *sink,
                      GCancellable *cancellable, GError **error)
{
  gboolean down = FALSE;

  return recover_held (ctx, lock, &down, sink, cancellable, error);
}

/* -- the beginning of a command -- */

gboolean
sc_container_is_interrupted (const ScContext *ctx, const char *name)
{
  g_autofree char *file = sc_journal_file (name), *there = g_build_filename (ctx->checkouts, file, NULL);

  return sc_container_name_check (name, NULL) && sc_context_exists (ctx, there);
}

gboolean
sc_container_check_there (const ScContext *ctx, const char *name, gboolean journal_too, GError **error)
{
  g_autofree char *path = sc_context_path (ctx, ctx->checkouts), *link = g_build_filename (path, name, NULL);
  g_autofree char *there = g_strdup_printf ("%s/%s", ctx->preinstalled, name);

  if (!sc_container_name_check (name, error))
    return FALSE;
  if (g_file_test (link, G_FILE_TEST_IS_SYMLINK) || (journal_too && sc_container_is_interrupted (ctx, name)))
    return TRUE;
  if (sc_context_exists (ctx, there))
    return sc_fail (error, SC_ERROR_DENIED, "container %s is preinstalled: it cannot be changed", name);
  return sc_fail (error, SC_ERROR_NOT_FOUND, "no container '%s'", name);
}

ScContainerLock *
sc_container_begin (const ScContext *ctx, const char *name, const ScProgressSink *sink, GCancellable *cancellable,
                    GError **error)
{
  g_autoptr (ScContainerLock) lock = NULL;

  if (!sc_container_check_there (ctx, name, TRUE, error))
    return NULL;
  lock = sc_container_lock (ctx, name, FALSE, sink, cancellable, error);
  /* Somebody may have removed it while we waited. */
  if (lock == NULL || !sc_container_recover (ctx, lock, sink, cancellable, error)
      || !sc_container_check_there (ctx, name, FALSE, error))
    return NULL;
  return g_steal_pointer (&lock);
}

/* -- all -- */

static void
add_name (GPtrArray *names, const char *name)
{
  if (name != NULL && sc_container_name_check (name, NULL)
      && !g_ptr_array_find_with_equal_func (names, name, g_str_equal, NULL))
    g_ptr_array_add (names, g_strdup (name));
}

/* (transfer full) (nullable): whose something is left. */
static GPtrArray *
find_names (int dfd, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_auto (GStrv) entries = sc_fs_list_dir_at (dfd, ".", error);

  if (entries == NULL)
    return NULL;
  for (guint i = 0; entries[i] != NULL; i++)
    {
      g_autofree char *made = name_of_temp (entries[i], SC_CHECKOUTS_TEMP);
      g_autofree char *link = name_of_temp (entries[i], ".");

      if (g_str_has_prefix (entries[i], SC_JOURNAL))
        add_name (names, entries[i] + strlen (SC_JOURNAL));
      else if (g_str_has_prefix (entries[i], SC_CONTAINER_LOCK) && has_kind (dfd, entries[i], S_IFREG))
        add_name (names, entries[i] + strlen (SC_CONTAINER_LOCK));
      else if (has_kind (dfd, entries[i], S_IFDIR))
        add_name (names, made);
      else if (has_kind (dfd, entries[i], S_IFLNK))
        add_name (names, link);
    }
  return g_steal_pointer (&names);
}

static gboolean
recover_one (const ScContext *ctx, const char *name, gboolean *out_down, const ScProgressSink *sink,
             GCancellable *cancellable, GError **error)
{
  g_autoptr (ScContainerLock) lock = NULL;

  lock = sc_container_lock (ctx, name, FALSE, sink, cancellable, error);
  return lock != NULL && recover_held (ctx, lock, out_down, sink, cancellable, error);
}

/* What did not start may have needed another that was not recovered yet. */
static void
start_down (const ScContext *ctx, const GPtrArray *down, const ScProgressSink *sink, GCancellable *cancellable)
{
  for (guint i = 0; i < down->len; i++)
    {
      const char *name = g_ptr_array_index (down, i);
      g_autofree char *unit = sc_unit_name (name);
      g_autoptr (ScContainerLock) lock = sc_container_lock (ctx, name, FALSE, sink, cancellable, NULL);
      g_autoptr (ScSystemd) systemd = lock != NULL ? sc_systemd_new (ctx, NULL, NULL) : NULL;

      if (systemd != NULL && sc_systemd_reset_failed (systemd, unit, NULL, NULL)
          && sc_systemd_start (systemd, unit, NULL, NULL))
        sc_progress_note (sink, "%s: it is started now, after the others", name);
    }
}

/* A typing error must not look like success. */
static gboolean
check_names (const ScContext *ctx, int dfd, const char *const *names, GError **error)
{
  g_autoptr (GPtrArray) found = dfd >= 0 ? find_names (dfd, error) : g_ptr_array_new ();

  if (found == NULL)
    return sc_prefix (error, "%s", ctx->checkouts);
  for (; *names != NULL; names++)
    if (!g_ptr_array_find_with_equal_func (found, *names, g_str_equal, NULL)
        && !sc_container_check_there (ctx, *names, FALSE, error))
      return FALSE;
  return TRUE;
}

gboolean
sc_recover (const ScContext *ctx, const char *const *names, const ScProgressSink *sink, GCancellable *cancellable,
            GError **error)
{
  g_autofree char *path = sc_context_path (ctx, ctx->checkouts);
  g_autoptr (GPtrArray) found = NULL, down = g_ptr_array_new ();
  SC_AUTOFD int dfd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  guint failed = 0;

  if (dfd < 0 && errno != ENOENT)
    return sc_fail_errno (error, errno, "%s", path);
  if (names != NULL && !check_names (ctx, dfd, names, error))
    return FALSE;
  if (dfd < 0)
    return TRUE;
  if (names == NULL)
    {
      found = find_names (dfd, error);
      if (found == NULL)
        return sc_prefix (error, "%s", path);
      g_ptr_array_add (found, NULL);
      names = (const char *const *)found->pdata;
    }
  for (; *names != NULL; names++)
    {
      g_autoptr (GError) local = NULL;
      gboolean is_down = FALSE;

      if (recover_one (ctx, *names, &is_down, sink, cancellable, &local))
        {
          if (is_down)
            g_ptr_array_add (down, (gpointer)*names);
          continue;
        }
      if (g_error_matches (local, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
      sc_progress_note (sink, "%s", local->message);
      failed++;
    }
  start_down (ctx, down, sink, cancellable);
  if (!sc_group_clean (dfd, error))
    return sc_prefix (error, "%s", path);
  return failed == 0
         || sc_fail (error, SC_ERROR_FAILED, "%u container%s could not be recovered", failed, failed > 1 ? "s" : "");
}
