/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files and directories, relative to a directory descriptor.
 *
 * Whatever replaces a file does so as a whole and flushed: temporary name beside it, fsync, rename, fsync of the
 * directory.  Opening inside a root is fs-open.c, removing trees fs-remove.c.
 */
#include "fs.h"
#include "sort.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Part of the old name that a temporary name repeats, so that it fits NAME_MAX. */
#define TEMP_STEM_MAX 200
#define TEMP_TRIES    100
#define TEMP_RANDOM   6 /* characters */

/* (transfer full): @stem with a dot and six random characters. */
static char *
random_name (const char *stem)
{
  static const char alphabet[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  char tail[TEMP_RANDOM + 2] = ".";

  for (int i = 1; i <= TEMP_RANDOM; i++)
    tail[i] = alphabet[g_random_int_range (0, (gint32)sizeof alphabet - 1)];
  return g_strconcat (stem, tail, NULL);
}

char *
sc_fs_temp_name (const char *name)
{
  g_autofree char *stem = g_strdup_printf (".%.*s", TEMP_STEM_MAX, name);

  return random_name (stem);
}

/* Is @entry a name that sc_fs_temp_name() makes of @name? */
static gboolean
is_temp_of (const char *entry, const char *name)
{
  g_autofree char *stem = g_strdup_printf (".%.*s.", TEMP_STEM_MAX, name);
  gsize length = strlen (stem);

  return strncmp (entry, stem, length) == 0 && strlen (entry) == length + TEMP_RANDOM
         && strspn (entry + length, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS) == TEMP_RANDOM;
}

/* Opens the directory of @path and points *out_name at its last part, which must be a proper name. */
static int
open_parent (int dfd, const char *path, const char **out_name, GError **error)
{
  const char *slash = strrchr (path, '/');
  const char *name = slash ? slash + 1 : path;
  g_autofree char *dir = slash ? g_strndup (path, (gsize)(slash - path + 1)) : g_strdup (".");
  int fd = -1;

  if (*name == '\0' || strcmp (name, ".") == 0 || strcmp (name, "..") == 0)
    sc_fail_errno (error, EINVAL, "%s", path);
  else if ((fd = openat (dfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
    sc_fail_errno (error, errno, "%s", path);
  *out_name = name;
  return fd;
}

#define READ_SIZE 4096

int
sc_fs_open_dir_at (int dfd, const char *path, GError **error)
{
  int fd = openat (dfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

  if (fd < 0)
    sc_fail_errno (error, errno, "%s", path);
  return fd;
}

GBytes *
sc_fs_read_fd (int fd, const char *name, gsize max, GError **error)
{
  struct stat st;
  gsize size = 0, room;

  if (fstat (fd, &st) < 0)
    return sc_fail_errno_null (error, errno, "%s", name);
  if (!S_ISREG (st.st_mode))
    return sc_fail_null (error, SC_ERROR_INVALID, "%s: not a regular file", name);
  if ((guint64)st.st_size > max)
    return sc_fail_null (error, SC_ERROR_LIMIT, "%s: larger than %" G_GSIZE_FORMAT " bytes", name, max);

  /* One byte more than announced, so that one read() sees the end; files of /proc announce nothing, and some of them
   * are at their end after any read. */
  room = MAX ((gsize)st.st_size + 1, READ_SIZE);
  g_autofree char *data = g_malloc (room);
  for (;;)
    {
      ssize_t n = read (fd, data + size, room - size);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return sc_fail_errno_null (error, errno, "%s", name);
      if (n == 0)
        break;
      size += (gsize)n;
      if (size > max)
        return sc_fail_null (error, SC_ERROR_LIMIT, "%s: larger than %" G_GSIZE_FORMAT " bytes", name, max);
      if (size == room)
        {
          room += MAX (room, 4096);
          data = g_realloc (data, room);
        }
    }
  return g_bytes_new_take (g_steal_pointer (&data), size);
}

GBytes *
sc_fs_read_file_at (int dfd, const char *path, gsize max, GError **error)
{
  /* O_NONBLOCK: opening a fifo must not wait for a writer. */
  SC_AUTOFD int fd = openat (dfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

  if (fd < 0)
    return sc_fail_errno_null (error, errno, "%s", path);
  return sc_fs_read_fd (fd, path, max, error);
}

gboolean
sc_fs_read_if_there_at (int dfd, const char *path, gsize max, GBytes **out_bytes, GError **error)
{
  g_autoptr (GError) local = NULL;

  *out_bytes = sc_fs_read_file_at (dfd, path, max, &local);
  if (*out_bytes != NULL || g_error_matches (local, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

gboolean
sc_fs_may_be_dir_at (int dfd, const char *name)
{
  struct stat st;

  return fstatat (dfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ? errno != ENOENT : S_ISDIR (st.st_mode);
}

gboolean
sc_fs_write_all (int fd, const void *data, gsize size, GError **error)
{
  const char *p = data;

  while (size > 0)
    {
      ssize_t n = write (fd, p, size);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return sc_fail_errno (error, errno, "write");
      p += n;
      size -= (gsize)n;
    }
  return TRUE;
}

/* Fills the new file @name; the caller removes it if this fails. */
static gboolean
fill_file (int fd, const char *path, const void *data, gsize size, mode_t mode, GError **error)
{
  if (!sc_fs_write_all (fd, data, size, error))
    return sc_prefix (error, "%s", path);
  /* Not by open(), whose mode the umask would change. */
  if (fchmod (fd, mode) < 0 || fsync (fd) < 0)
    return sc_fail_errno (error, errno, "%s", path);
  return TRUE;
}

/* The commit: @temp takes the place of @name in @dir. */
static gboolean
rename_into_place (int dir, const char *temp, const char *name, const char *path, GError **error)
{
  if (renameat (dir, temp, dir, name) < 0)
    {
      sc_fail_errno (error, errno, "%s", path);
      unlinkat (dir, temp, 0);
      return FALSE;
    }
  if (fsync (dir) < 0)
    return sc_fail_errno (error, errno, "%s: flushing its directory", path);
  return TRUE;
}

gboolean
sc_fs_write_file_at (int dfd, const char *path, const void *data, gsize size, mode_t mode, GError **error)
{
  const char *name;
  SC_AUTOFD int dir = open_parent (dfd, path, &name, error);
  SC_AUTOFD int fd = -1;
  g_autofree char *temp = NULL;

  if (dir < 0)
    return FALSE;
  for (int i = 0; fd < 0 && i < TEMP_TRIES; i++)
    {
      g_free (temp);
      temp = sc_fs_temp_name (name);
      fd = openat (dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
      if (fd < 0 && errno != EEXIST)
        break;
    }
  if (fd < 0)
    return sc_fail_errno (error, errno, "%s", path);
  if (!fill_file (fd, path, data, size, mode, error))
    {
      unlinkat (dir, temp, 0);
      return FALSE;
    }
  return rename_into_place (dir, temp, name, path, error);
}

gboolean
sc_fs_replace_symlink_at (int dfd, const char *target, const char *path, GError **error)
{
  const char *name;
  SC_AUTOFD int dir = open_parent (dfd, path, &name, error);
  g_autofree char *temp = NULL;
  gboolean made = FALSE;

  if (dir < 0)
    return FALSE;
  for (int i = 0; !made && i < TEMP_TRIES; i++)
    {
      g_free (temp);
      temp = sc_fs_temp_name (name);
      made = symlinkat (target, dir, temp) == 0;
      if (!made && errno != EEXIST)
        break;
    }
  if (!made)
    return sc_fail_errno (error, errno, "%s", path);
  return rename_into_place (dir, temp, name, path, error);
}

/* Creates one directory with exactly @mode; no error if it is there. */
static gboolean
ensure_dir (int dfd, const char *path, mode_t mode, GError **error)
{
  struct stat st;

  if (mkdirat (dfd, path, mode) == 0)
    {
      if (fchmodat (dfd, path, mode, 0) < 0)
        return sc_fail_errno (error, errno, "%s", path);
      return TRUE;
    }
  /* A file system may say EROFS or EACCES before it says EEXIST, so look whatever the error is. */
  int errsv = errno;
  if (fstatat (dfd, path, &st, 0) == 0)
    {
      if (S_ISDIR (st.st_mode))
        return TRUE;
      errsv = ENOTDIR;
    }
  return sc_fail_errno (error, errsv, "%s", path);
}

gboolean
sc_fs_mkdir_p_at (int dfd, const char *path, mode_t mode, GError **error)
{
  g_autofree char *prefix = g_strdup (path);
  struct stat st;

  if (fstatat (dfd, path, &st, 0) == 0 && S_ISDIR (st.st_mode))
    return TRUE;
  for (char *p = prefix + strspn (prefix, "/"); *p;)
    {
      p += strcspn (p, "/");
      char *next = p + strspn (p, "/");
      gboolean last = *next == '\0';

      *p = '\0';
      if (!ensure_dir (dfd, prefix, last ? mode : 0755, error))
        return FALSE;
      if (last)
        return TRUE;
      *p = '/';
      p = next;
    }
  return sc_fail_errno (error, ENOENT, "%s", path);
}

char *
sc_fs_first_missing (const char *path)
{
  g_autofree char *missing = g_strdup (path);

  for (;;)
    {
      g_autofree char *parent = g_path_get_dirname (missing);

      if (sc_fs_exists_at (AT_FDCWD, parent))
        return g_steal_pointer (&missing);
      g_free (missing);
      missing = g_steal_pointer (&parent);
    }
}

void
sc_fs_remove_empty_dirs (const char *path, const char *top)
{
  g_autofree char *dir = g_strdup (path);

  while (strlen (dir) >= strlen (top) && (rmdir (dir) == 0 || errno == ENOENT))
    {
      char *parent = g_path_get_dirname (dir);

      g_free (dir);
      dir = parent;
    }
}

gboolean
sc_fs_unlink_at (int dfd, const char *path, GError **error)
{
  if (unlinkat (dfd, path, 0) < 0 && errno != ENOENT)
    return sc_fail_errno (error, errno, "%s", path);
  return TRUE;
}

gboolean
sc_fs_exists_at (int dfd, const char *path)
{
  struct stat st;

  return fstatat (dfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* (transfer full): what a person knows the directory by. */
static char *
name_of_dir (int dfd, const char *path)
{
  g_autofree char *link = g_strdup_printf ("/proc/self/fd/%d", dfd);
  char *name = dfd != AT_FDCWD && strcmp (path, ".") == 0 ? sc_fs_read_link_at (AT_FDCWD, link, NULL) : NULL;

  return name != NULL ? name : g_strdup (path);
}

static gboolean
fail_dir (GError **error, int errsv, int dfd, const char *path)
{
  g_autofree char *name = name_of_dir (dfd, path);

  return sc_fail_errno (error, errsv, "%s", name);
}

gboolean
sc_fs_sync_dir_at (int dfd, const char *path, GError **error)
{
  SC_AUTOFD int fd = openat (dfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (fd < 0 || fsync (fd) < 0)
    return fail_dir (error, errno, dfd, path);
  return TRUE;
}

gboolean
sc_fs_sync_all (int fd, GError **error)
{
  if (syncfs (fd) < 0)
    return sc_fail_errno (error, errno, "flushing the file system");
  return TRUE;
}

char *
sc_fs_read_link_at (int dfd, const char *path, GError **error)
{
  for (gsize room = 256;; room *= 2)
    {
      g_autofree char *target = g_malloc (room);
      ssize_t size = readlinkat (dfd, path, target, room);

      if (size < 0)
        return sc_fail_errno_null (error, errno, "%s", path);
      if ((gsize)size < room)
        {
          target[size] = '\0';
          return g_steal_pointer (&target);
        }
    }
}

char *
sc_fs_make_temp_dir_at (int dfd, const char *prefix, GError **error)
{
  for (int i = 0; i < TEMP_TRIES; i++)
    {
      g_autofree char *name = random_name (prefix);

      if (mkdirat (dfd, name, 0700) == 0)
        return g_steal_pointer (&name);
      if (errno != EEXIST)
        break;
    }
  return sc_fail_errno_null (error, errno, "%s.XXXXXX", prefix);
}

static void
close_dir (DIR *dir)
{
  closedir (dir);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DIR, close_dir)

char **
sc_fs_list_dir_at (int dfd, const char *path, GError **error)
{
  int fd = openat (dfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_autoptr (DIR) dir = fd >= 0 ? fdopendir (fd) : NULL;
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);

  if (dir == NULL)
    {
      fail_dir (error, errno, dfd, path);
      sc_close_fd_p (&fd);
      return NULL;
    }
  for (;;)
    {
      errno = 0;
      struct dirent *entry = readdir (dir);

      if (entry == NULL && errno != 0)
        return fail_dir (error, errno, dfd, path), NULL;
      if (entry == NULL)
        break;
      if (strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0)
        g_ptr_array_add (names, g_strdup (entry->d_name));
    }
  sc_sort_strings (names);
  g_ptr_array_add (names, NULL);
  return (char **)g_ptr_array_steal (names, NULL);
}

gboolean
sc_fs_remove_temps_at (int dfd, const char *path, const char *name, mode_t kind, GError **error)
{
  SC_AUTOFD int dir = openat (dfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_auto (GStrv) entries = NULL;

  if (dir < 0)
    return errno == ENOENT || sc_fail_errno (error, errno, "%s", path);
  entries = sc_fs_list_dir_at (dir, ".", error);
  if (entries == NULL)
    return FALSE;
  for (guint i = 0; entries[i] != NULL; i++)
    {
      struct stat st;

      if (is_temp_of (entries[i], name) && fstatat (dir, entries[i], &st, AT_SYMLINK_NOFOLLOW) == 0
          && (st.st_mode & S_IFMT) == kind && unlinkat (dir, entries[i], kind == S_IFDIR ? AT_REMOVEDIR : 0) != 0
          && errno != ENOENT)
        return sc_fail_errno (error, errno, "%s: %s", path, entries[i]);
    }
  return TRUE;
}
