/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The directory is locked as those of the object writer are, and found by the same name.
 */
#include "scratch.h"

#include <errno.h>
#include <sys/file.h>

#include "fs.h"
#include "object-writer.h"

struct _ScScratch
{
  OstreeRepo *parent;
  OstreeRepo *repo; /* (nullable) */
  char *name;       /* (nullable): below the parent */
  int lock;         /* the directory itself */
  int objects;
  gboolean open; /* a transaction */
};

/* How much of the file system is kept free is the parent's to say. */
static gboolean
copy_settings (ScScratch *s, GError **error)
{
  static const char *const keys[] = { "min-free-space-size", "min-free-space-percent" };
  GKeyFile *from = ostree_repo_get_config (s->parent);
  g_autoptr (GKeyFile) to = ostree_repo_copy_config (s->repo);

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autofree char *value = g_key_file_get_value (from, "core", keys[i], NULL);

      if (value != NULL)
        g_key_file_set_value (to, "core", keys[i], value);
    }
  g_key_file_set_boolean (to, "core", "fsync", FALSE);
  return ostree_repo_write_config (s->repo, to, error) && ostree_repo_reload_config (s->repo, NULL, error);
}

static gboolean
set_up (ScScratch *s, GCancellable *cancellable, GError **error)
{
  int dfd = ostree_repo_get_dfd (s->parent);
  SC_AUTOFD int guard = sc_object_writer_guard (s->parent, error);

  if (guard < 0 || !sc_object_writer_clean_guarded (s->parent, guard, error)
      || (s->name = sc_fs_make_temp_dir_at (dfd, "tmp/" SC_OBJECT_PRIVATE_PREFIX, error)) == NULL
      || (s->lock = sc_fs_open_dir_at (dfd, s->name, error)) < 0)
    return FALSE;
  if (flock (s->lock, LOCK_EX | LOCK_NB) != 0)
    return sc_fail_errno (error, errno, "cannot lock %s", s->name);
  s->repo = ostree_repo_create_at (dfd, s->name, ostree_repo_get_mode (s->parent), NULL, cancellable, error);
  return s->repo != NULL && copy_settings (s, error)
         && (s->objects = sc_fs_open_dir_at (s->lock, "objects", error)) >= 0;
}

ScScratch *
sc_scratch_new (OstreeRepo *repo, GCancellable *cancellable, GError **error)
{
  g_autoptr (ScScratch) s = g_new0 (ScScratch, 1);

  s->parent = g_object_ref (repo);
  s->lock = s->objects = -1;
  return set_up (s, cancellable, error) ? g_steal_pointer (&s) : NULL;
}

static void
abort_open (ScScratch *s)
{
  g_autoptr (GError) ignored = NULL; /* all of it goes */

  if (s->open && !ostree_repo_abort_transaction (s->repo, NULL, &ignored))
    g_debug ("%s", ignored->message);
  s->open = FALSE;
}

void
sc_scratch_free (ScScratch *s)
{
  g_autoptr (GError) ignored = NULL; /* sc_object_writer_clean() comes by again */

  abort_open (s);
  g_clear_object (&s->repo);
  sc_close_fd_p (&s->objects);
  if (s->name != NULL && !sc_fs_remove_tree_at (ostree_repo_get_dfd (s->parent), s->name, &ignored))
    g_debug ("%s", ignored->message);
  sc_close_fd_p (&s->lock);
  g_free (s->name);
  g_object_unref (s->parent);
  g_free (s);
}

OstreeRepo *
sc_scratch_repo (ScScratch *s)
{
  return s->repo;
}

int
sc_scratch_objects (ScScratch *s)
{
  return s->objects;
}

gboolean
sc_scratch_begin (ScScratch *s, GCancellable *cancellable, GError **error)
{
  abort_open (s);
  s->open = ostree_repo_prepare_transaction (s->repo, NULL, cancellable, error);
  return s->open;
}

gboolean
sc_scratch_commit (ScScratch *s, GCancellable *cancellable, GError **error)
{
  s->open = FALSE;
  return ostree_repo_commit_transaction (s->repo, NULL, cancellable, error);
}
