/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Files of layers on their way: who has one, how many bytes are in it, and when it goes.  A file belongs to whoever
 * holds its lock; a file without a holder is what a killed pull left.  Knows nothing of networks or archives.
 */

#include "partial.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "digest.h"
#include "fs.h"
#include "space.h"

#define DIRECTORY  "tmp/" SC_PARTIALS_NAME
#define MAX_AGE    (24 * 60 * 60) /* seconds */
#define OPEN_TRIES 5
/* Room for the layer's bytes, and for what becomes of them. */
#define SPACE_FACTOR 4

struct _ScPartial
{
  char *name;
  int fd; /* locked */
  guint64 size;
  guint64 inherited;
  guint64 reserve; /* bytes of the file system that are not for us */
};

struct _ScPartials
{
  OstreeRepo *repo;
  GHashTable *files; /* digest -> ScPartial, or NULL for a layer that is not kept */
  guint64 promised;  /* bytes that the layers of @files have, or will have */
  gboolean dropped;
};

ScPartials *
sc_partials_new (OstreeRepo *repo)
{
  ScPartials *self = g_new0 (ScPartials, 1);

  self->repo = g_object_ref (repo);
  self->files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return self;
}

static int
open_directory (OstreeRepo *repo, gboolean create, GError **error)
{
  int dfd = ostree_repo_get_dfd (repo);

  if (create && mkdirat (dfd, DIRECTORY, 0700) != 0 && errno != EEXIST)
    {
      sc_fail_errno (error, errno, "cannot create %s", DIRECTORY);
      return -1;
    }
  return sc_fs_open_dir_at (dfd, DIRECTORY, error);
}

void
sc_partials_drop (ScPartials *self)
{
  SC_AUTOFD int dir = open_directory (self->repo, FALSE, NULL);
  GHashTableIter iter;
  gpointer value;

  self->dropped = TRUE;
  g_hash_table_iter_init (&iter, self->files);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      ScPartial *partial = value;

      if (partial == NULL)
        continue;
      if (dir >= 0 && unlinkat (dir, partial->name, 0) != 0)
        g_debug ("cannot remove %s/%s: %s", DIRECTORY, partial->name, g_strerror (errno));
      close (partial->fd);
      g_free (partial->name);
      g_free (partial);
    }
  g_hash_table_remove_all (self->files);
  /* Not empty: another pull is there too, or was killed. */
  (void)unlinkat (ostree_repo_get_dfd (self->repo), DIRECTORY, AT_REMOVEDIR);
}

void
sc_partials_free (ScPartials *self)
{
  if (self == NULL)
    return;
  sc_partials_drop (self);
  g_hash_table_unref (self->files);
  g_object_unref (self->repo);
  g_free (self);
}

/* Bytes of the file system of @fd beside @reserve. */
static guint64
free_room (int fd, guint64 reserve)
{
  guint64 room = 0;

  if (!sc_space_free (fd, &room))
    return 0;
  return room > reserve ? room - reserve : 0;
}

/* Room for the layer beside those that are kept already, of which nothing may have come yet. */
static gboolean
has_room (const ScPartials *self, guint64 size)
{
  guint64 layers = free_room (ostree_repo_get_dfd (self->repo), sc_space_reserve (self->repo)) / SPACE_FACTOR;

  return layers >= self->promised && layers - self->promised >= size;
}

/* The file, locked; -1 with @error set or, if the file went away meanwhile, without. */
static int
open_locked (OstreeRepo *repo, const char *name, struct stat *st, GError **error)
{
  SC_AUTOFD int dir = open_directory (repo, TRUE, error);
  SC_AUTOFD int fd = -1;
  struct stat named;

  if (dir < 0)
    return -1;
  fd = openat (dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
  if (fd < 0)
    return errno == ENOENT ? -1 : (sc_fail_errno (error, errno, "cannot open"), -1);
  if (flock (fd, LOCK_EX | LOCK_NB) != 0)
    return sc_fail_errno (error, errno, "cannot lock"), -1;
  if (fstat (fd, st) != 0 || !S_ISREG (st->st_mode))
    return sc_fail (error, SC_ERROR_INVALID, "it is no regular file"), -1;
  /* Its last holder may have removed it between the two. */
  if (fstatat (dir, name, &named, AT_SYMLINK_NOFOLLOW) != 0 || named.st_ino != st->st_ino)
    return -1;
  return sc_steal_fd (&fd);
}

static ScPartial *
open_partial (ScPartials *self, const ScDescriptor *layer, GError **error)
{
  const char *name = sc_digest_hex (layer->digest);
  g_autoptr (GError) local = NULL;
  struct stat st = { 0 };
  int fd = -1;
  ScPartial *partial = NULL;

  if (!has_room (self, layer->size))
    return sc_fail_null (error, SC_ERROR_LIMIT, "the file system is too full");
  for (int i = 0; i < OPEN_TRIES && fd < 0 && local == NULL; i++)
    fd = open_locked (self->repo, name, &st, &local);
  if (fd < 0)
    {
      if (local == NULL)
        sc_fail (&local, SC_ERROR_BUSY, "it comes and goes");
      g_propagate_error (error, g_steal_pointer (&local));
      return NULL;
    }
  partial = g_new0 (ScPartial, 1);
  partial->name = g_strdup (name);
  partial->fd = fd;
  partial->reserve = sc_space_reserve (self->repo);
  partial->size = partial->inherited = (guint64)st.st_size;
  if (partial->size > layer->size)
    sc_partial_reset (partial);
  self->promised += layer->size;
  return partial;
}

ScPartial *
sc_partials_get (ScPartials *self, const ScDescriptor *layer)
{
  g_autoptr (GError) error = NULL;
  gpointer known = NULL;

  if (self->dropped)
    return NULL;
  if (g_hash_table_lookup_extended (self->files, layer->digest, NULL, &known))
    return known;
  known = open_partial (self, layer, &error);
  if (known == NULL)
    g_debug ("layer %s: its bytes are not kept: %s", layer->digest, error->message);
  else if (sc_partial_size (known) > 0)
    g_debug ("layer %s: an earlier pull left %" G_GUINT64_FORMAT " of its %" G_GUINT64_FORMAT " bytes", layer->digest,
             sc_partial_size (known), layer->size);
  g_hash_table_insert (self->files, g_strdup (layer->digest), known);
  return known;
}

ScPartial *
sc_partials_find (ScPartials *self, const ScDescriptor *layer)
{
  return g_hash_table_lookup (self->files, layer->digest);
}

guint64
sc_partials_size (const ScPartials *self)
{
  GHashTableIter iter;
  gpointer value;
  guint64 sum = 0;

  g_hash_table_iter_init (&iter, self->files);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (value != NULL)
      sum += sc_partial_size (value);
  return sum;
}

/* Removes @name of @dir if it is old and nobody holds it. */
static void
clean_one (int dir, const char *name)
{
  g_autoptr (GError) error = NULL;
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  struct stat st, named;
  SC_AUTOFD int fd = openat (dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

  /* What is no file of ours goes at once. */
  if (fd < 0 && errno == ENOENT)
    return;
  if (fd < 0 || !sc_digest_is_hex (name) || fstat (fd, &st) != 0 || !S_ISREG (st.st_mode))
    {
      if (!sc_fs_remove_tree_at (dir, name, &error))
        g_debug ("%s/%s stays: %s", DIRECTORY, name, error->message);
      return;
    }
  if ((st.st_mtime <= now && now - st.st_mtime < MAX_AGE) || flock (fd, LOCK_EX | LOCK_NB) != 0)
    return;
  if (fstatat (dir, name, &named, AT_SYMLINK_NOFOLLOW) != 0 || named.st_ino != st.st_ino)
    return;
  if (unlinkat (dir, name, 0) != 0)
    g_debug ("%s/%s stays: %s", DIRECTORY, name, g_strerror (errno));
}

void
sc_partials_clean (OstreeRepo *repo)
{
  int dfd = ostree_repo_get_dfd (repo);
  g_autoptr (GError) error = NULL;
  struct stat st;
  SC_AUTOFD int dir = -1;
  g_auto (GStrv) names = NULL;

  if (fstatat (dfd, DIRECTORY, &st, AT_SYMLINK_NOFOLLOW) != 0)
    return;
  /* Nothing of ours, and in the way of what is. */
  if (!S_ISDIR (st.st_mode))
    {
      if (unlinkat (dfd, DIRECTORY, 0) != 0)
        g_debug ("%s is no directory, and stays: %s", DIRECTORY, g_strerror (errno));
      return;
    }
  dir = open_directory (repo, FALSE, &error);
  names = dir >= 0 ? sc_fs_list_dir_at (dir, ".", &error) : NULL;
  if (names == NULL)
    {
      g_debug ("what earlier pulls have kept stays: %s", error->message);
      return;
    }
  for (guint i = 0; names[i] != NULL; i++)
    clean_one (dir, names[i]);
  (void)unlinkat (dfd, DIRECTORY, AT_REMOVEDIR);
}

guint64
sc_partial_size (const ScPartial *partial)
{
  return partial->size;
}

guint64
sc_partial_inherited (const ScPartial *partial)
{
  return partial->inherited;
}

gboolean
sc_partial_append (ScPartial *partial, const void *data, gsize size)
{
  const guint8 *p = data;
  guint64 at = partial->size;

  if (free_room (partial->fd, partial->reserve) < size)
    {
      g_debug ("cannot keep more of layer %s: the file system is too full", partial->name);
      return FALSE;
    }
  while (size > 0)
    {
      gssize n = pwrite (partial->fd, p, size, (off_t)at);

      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        {
          g_debug ("cannot keep more of layer %s: %s", partial->name, g_strerror (n < 0 ? errno : ENOSPC));
          return FALSE;
        }
      p += n;
      size -= (gsize)n;
      at += (guint64)n;
    }
  partial->size = at;
  return TRUE;
}

gssize
sc_partial_read (const ScPartial *partial, guint64 offset, void *buffer, gsize size, GError **error)
{
  for (;;)
    {
      gssize n = pread (partial->fd, buffer, size, (off_t)offset);

      if (n >= 0)
        return n;
      if (errno != EINTR)
        return sc_fail_errno (error, errno, "the bytes kept of it cannot be read") ? 0 : -1;
    }
}

void
sc_partial_truncate (ScPartial *partial)
{
  if (ftruncate (partial->fd, 0) != 0)
    g_debug ("cannot truncate %s: %s", partial->name, g_strerror (errno));
  partial->size = 0;
}

void
sc_partial_reset (ScPartial *partial)
{
  sc_partial_truncate (partial);
  partial->inherited = 0;
}
