/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Counting the names of files.  Only files with several names are remembered.
 */
#include "tally.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs.h"

#define BLOCK     512
#define MAX_DEPTH 512

typedef struct
{
  dev_t dev;
  ino_t ino;
  nlink_t left; /* names that were not counted yet */
} Inode;

struct _ScTally
{
  GHashTable *inodes; /* set of Inode */
  guint64 bytes;
};

static guint
inode_hash (gconstpointer p)
{
  const Inode *inode = p;
  guint64 mixed = (guint64)inode->ino ^ ((guint64)inode->dev << 32);

  return g_int64_hash (&mixed);
}

static gboolean
inode_equal (gconstpointer a, gconstpointer b)
{
  const Inode *x = a, *y = b;

  return x->dev == y->dev && x->ino == y->ino;
}

ScTally *
sc_tally_new (void)
{
  ScTally *tally = g_new0 (ScTally, 1);

  tally->inodes = g_hash_table_new_full (inode_hash, inode_equal, g_free, NULL);
  return tally;
}

void
sc_tally_free (ScTally *tally)
{
  g_hash_table_unref (tally->inodes);
  g_free (tally);
}

static void
count (ScTally *tally, const struct stat *st)
{
  Inode key = { st->st_dev, st->st_ino, st->st_nlink };
  Inode *known = NULL;

  if (S_ISDIR (st->st_mode))
    return;
  if (st->st_nlink > 1)
    {
      known = g_hash_table_lookup (tally->inodes, &key);
      if (known == NULL)
        {
          known = g_memdup2 (&key, sizeof key);
          g_hash_table_add (tally->inodes, known);
        }
      if (known->left > 0)
        known->left--;
      else
        return;
      if (known->left > 0)
        return;
    }
  tally->bytes += (guint64)st->st_blocks * BLOCK;
}

gboolean
sc_tally_add (ScTally *tally, int dfd, const char *path, GError **error)
{
  struct stat st;

  if (fstatat (dfd, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
    return errno == ENOENT || sc_fail_errno (error, errno, "%s", path);
  count (tally, &st);
  return TRUE;
}

static gboolean
add_tree (ScTally *tally, int dfd, const char *path, guint depth, GError **error)
{
  g_auto (GStrv) names = NULL;
  SC_AUTOFD int fd = -1;
  struct stat st;

  if (fstatat (dfd, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
    return errno == ENOENT || sc_fail_errno (error, errno, "%s", path);
  count (tally, &st);
  if (!S_ISDIR (st.st_mode))
    return TRUE;
  if (depth >= MAX_DEPTH)
    return sc_fail (error, SC_ERROR_LIMIT, "%s: more than %d directories deep", path, MAX_DEPTH);
  fd = sc_fs_open_dir_at (dfd, path, error);
  names = fd < 0 ? NULL : sc_fs_list_dir_at (fd, ".", error);
  if (names == NULL)
    return FALSE;
  for (guint i = 0; names[i] != NULL; i++)
    if (!add_tree (tally, fd, names[i], depth + 1, error))
      return sc_prefix (error, "%s", path);
  return TRUE;
}

gboolean
sc_tally_add_tree (ScTally *tally, int dfd, const char *path, GError **error)
{
  return add_tree (tally, dfd, path, 0, error);
}

guint64
sc_tally_bytes (const ScTally *tally)
{
  return tally->bytes;
}
