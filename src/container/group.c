/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The file of a group.  Whoever removes it holds its lock, and has seen that the file still has its name and, but for
 * the decision, that no journal names it.  A journal that names a group whose maker is gone is never written again, so
 * "no journal names it" stays true.
 */
#include "group.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs.h"
#include "lock.h"

#define TRIES 16

/* (transfer full) */
static char *
random_id (void)
{
  GString *id = g_string_new (NULL);

  while (id->len < SC_GROUP_ID_LENGTH)
    g_string_append_printf (id, "%08x", g_random_int ());
  return g_string_free (id, FALSE);
}

/* Is there a journal that names the group @id, or one of which nobody knows? */
static gboolean
is_named (int dfd, const char *id, gboolean *out, GError **error)
{
  g_auto (GStrv) entries = sc_fs_list_dir_at (dfd, ".", error);

  *out = FALSE;
  for (guint i = 0; entries != NULL && entries[i] != NULL && !*out; i++)
    {
      g_autoptr (ScJournal) journal = NULL;

      if (!g_str_has_prefix (entries[i], SC_JOURNAL))
        continue;
      if (!sc_journal_load (dfd, entries[i] + strlen (SC_JOURNAL), &journal, NULL))
        *out = TRUE;
      else
        *out = journal != NULL && g_strcmp0 (journal->group, id) == 0;
    }
  return entries != NULL;
}

/* For whoever holds the file. */
static gboolean
remove_unnamed (int dfd, const char *file, GError **error)
{
  gboolean named = FALSE;

  if (!is_named (dfd, file + strlen (SC_GROUP), &named, error))
    return FALSE;
  return named || (sc_fs_unlink_at (dfd, file, error) && sc_fs_sync_dir_at (dfd, ".", error));
}

ScGroup *
sc_group_new (int dfd, GError **error)
{
  for (guint i = 0; i < TRIES; i++)
    {
      g_autoptr (ScGroup) group = g_new0 (ScGroup, 1);

      group->dfd = dfd;
      group->id = random_id ();
      group->file = g_strconcat (SC_GROUP, group->id, NULL);
      group->fd = openat (dfd, group->file, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
      if (group->fd < 0)
        return sc_fail_errno_null (error, errno, "cannot make %s", group->file);
      /* Before it is held somebody else may take it for one that was left, and remove it. */
      if (flock (group->fd, LOCK_EX | LOCK_NB) != 0
          || !sc_lock_is_of (group->fd, dfd, group->file, AT_SYMLINK_NOFOLLOW))
        {
          group->decided = TRUE;
          continue;
        }
      if (!sc_fs_sync_dir_at (dfd, ".", error))
        return NULL;
      return g_steal_pointer (&group);
    }
  return sc_fail_null (error, SC_ERROR_BUSY, "cannot make a file " SC_GROUP "*: others remove it");
}

gboolean
sc_group_decide (ScGroup *group, GError **error)
{
  if (unlinkat (group->dfd, group->file, 0) != 0)
    return sc_fail_errno (error, errno, "cannot remove %s", group->file);
  group->decided = TRUE;
  return sc_fs_sync_dir_at (group->dfd, ".", error);
}

void
sc_group_free (ScGroup *group)
{
  g_autoptr (GError) local = NULL;

  if (group->fd >= 0 && !group->decided && !remove_unnamed (group->dfd, group->file, &local))
    g_debug ("%s stays until the next command: %s", group->file, local->message);
  sc_close_fd_p (&group->fd);
  g_free (group->file);
  g_free (group->id);
  g_free (group);
}

gboolean
sc_group_resolve (int dfd, ScJournal *journal, GError **error)
{
  g_autofree char *file = NULL;
  struct stat st;

  if (journal->group == NULL)
    return TRUE;
  file = g_strconcat (SC_GROUP, journal->group, NULL);
  if (fstatat (dfd, file, &st, AT_SYMLINK_NOFOLLOW) == 0)
    return TRUE;
  if (errno != ENOENT)
    return sc_fail_errno (error, errno, "%s", file);
  /* Nothing may be built on it before it is on disk. */
  if (!sc_fs_sync_dir_at (dfd, ".", error))
    return FALSE;
  journal->phase = SC_PHASE_ACTIVATE;
  g_clear_pointer (&journal->group, g_free);
  return TRUE;
}

gboolean
sc_group_clean (int dfd, GError **error)
{
  g_auto (GStrv) entries = sc_fs_list_dir_at (dfd, ".", error);

  for (guint i = 0; entries != NULL && entries[i] != NULL; i++)
    {
      SC_AUTOFD int fd = -1;

      if (!g_str_has_prefix (entries[i], SC_GROUP) || !sc_group_id_is_valid (entries[i] + strlen (SC_GROUP)))
        continue;
      fd = openat (dfd, entries[i], O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
      if (fd < 0 || flock (fd, LOCK_EX | LOCK_NB) != 0 || !sc_lock_is_of (fd, dfd, entries[i], AT_SYMLINK_NOFOLLOW))
        continue;
      if (!remove_unnamed (dfd, entries[i], error))
        return FALSE;
    }
  return entries != NULL;
}
