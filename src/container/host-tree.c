/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The prepared tree of host files in a deployment, and which of them are the container's.
 *
 * The tree is written while the deployment is made, and never after.
 */
#include "host-tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "digest.h"
#include "fs.h"
#include "host-guard.h"
#include "host-sides.h"
#include "put-file.h"

/* -- writing it -- */

typedef struct
{
  int from; /* exports/hostfs of the root */
  int to;
  gboolean copy;
} Tree;

/* The directory that @entry's source is in, no link on the way, whoever changes the root meanwhile; -1 on error, which
 * is also a source of another kind than was planned. @out_st: the source. */
static int
open_source (const Tree *tree, const ScHostEntry *entry, struct stat *out_st, GError **error)
{
  SC_AUTOFD int fd = sc_fs_open_parent_at (tree->from, entry->source + 1);

  if (fd < 0 || fstatat (fd, strrchr (entry->source, '/') + 1, out_st, AT_SYMLINK_NOFOLLOW) != 0)
    return sc_fail_errno (error, errno, "exports/hostfs%s", entry->source), -1;
  if ((out_st->st_mode & S_IFMT) != entry->kind)
    return sc_fail (error, SC_ERROR_INVALID, "exports/hostfs%s: it has become another kind of file", entry->source), -1;
  return sc_steal_fd (&fd);
}

static gboolean
write_dir (const Tree *tree, const ScHostEntry *entry, const char *path, GError **error)
{
  /* Until its content is there. */
  return mkdirat (tree->to, path, 0700) == 0 || sc_fail_errno (error, errno, "%s", path);
}

/* Owner and permissions of a directory when all is in it. */
static gboolean
finish_dir (const Tree *tree, const ScHostEntry *entry, const char *path, GError **error)
{
  struct stat st = { .st_mode = 0755 };
  SC_AUTOFD int fd = sc_fs_open_dir_at (tree->to, path, error);
  SC_AUTOFD int source = -1;

  if (fd < 0 || (entry->source != NULL && (source = open_source (tree, entry, &st, error)) < 0))
    return FALSE;
  if (fchown (fd, st.st_uid, st.st_gid) != 0 || fchmod (fd, st.st_mode & 07777) != 0)
    return sc_fail_errno (error, errno, "%s: cannot set owner and permissions", path);
  return TRUE;
}

static gboolean
write_text (const Tree *tree, const ScHostEntry *entry, const char *path, GError **error)
{
  struct stat st;
  SC_AUTOFD int source = open_source (tree, entry, &st, error);
  SC_AUTOFD int fd = -1;

  if (source < 0)
    return FALSE;
  fd = openat (tree->to, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0)
    return sc_fail_errno (error, errno, "%s", path);
  if (!sc_fs_write_all (fd, entry->text, strlen (entry->text), error))
    return sc_prefix (error, "%s", path);
  if (fchown (fd, st.st_uid, st.st_gid) != 0 || fchmod (fd, st.st_mode & 07777) != 0)
    return sc_fail_errno (error, errno, "%s: cannot set owner and permissions", path);
  return TRUE;
}

static gboolean
link_file (const Tree *tree, const ScHostEntry *entry, int root, const char *path, GError **error)
{
  ScHost host = { .root = root, .stem = "new" };
  const char *name = strrchr (entry->source, '/') + 1;
  struct stat st;
  SC_AUTOFD int source = open_source (tree, entry, &st, error);
  gboolean kept = FALSE;

  if (source < 0)
    return FALSE;
  if (!tree->copy && linkat (source, name, tree->to, path, 0) == 0)
    return TRUE;
  /* No more links to one file. */
  if (!tree->copy && errno != EMLINK && errno != EXDEV)
    return sc_fail_errno (error, errno, "%s", path);
  return sc_host_file_put (&host, entry->path, source, name, 0, &kept, error);
}

static gboolean
write_entry (const Tree *tree, const ScHostEntry *entry, GError **error)
{
  const char *path = entry->path + 1;

  if (entry->kind == S_IFDIR)
    return write_dir (tree, entry, path, error);
  if (entry->text != NULL)
    return write_text (tree, entry, path, error);
  return link_file (tree, entry, tree->to, path, error);
}

gboolean
sc_host_tree_write (const ScHostPlan *plan, int rootfs, int dfd, const char *name, GError **error)
{
  SC_AUTOFD int from = -1;
  SC_AUTOFD int to = -1;

  if (plan->entries->len == 0)
    return TRUE;
  if (mkdirat (dfd, name, 0700) != 0)
    return sc_fail_errno (error, errno, "%s", name);
  from = sc_host_plan_open (rootfs, error);
  to = from >= 0 ? sc_fs_open_dir_at (dfd, name, error) : -1;
  if (to < 0)
    return FALSE;
  for (guint i = 0; i < plan->entries->len; i++)
    if (!write_entry (&(Tree){ from, to, plan->copy }, g_ptr_array_index (plan->entries, i), error))
      return sc_prefix (error, "%s", name);
  for (guint i = plan->entries->len; i-- > 0;)
    {
      const ScHostEntry *entry = g_ptr_array_index (plan->entries, i);

      if (entry->kind == S_IFDIR && !finish_dir (&(Tree){ from, to, plan->copy }, entry, entry->path + 1, error))
        return sc_prefix (error, "%s", name);
    }
  return fchmod (to, 0755) == 0 || sc_fail_errno (error, errno, "%s", name);
}

/* -- comparing -- */

static gboolean
is_text_of (const char *checksum, const char *text)
{
  g_autofree char *digest = sc_digest_of (text, strlen (text));

  return g_strcmp0 (checksum, sc_digest_hex (digest)) == 0;
}

static gboolean
is_in_tree (const ScHostEntry *entry, int tree, gboolean *out, GError **error)
{
  g_auto (ScHostFile) file = { 0 };
  struct stat st;

  *out = FALSE;
  if (fstatat (tree, entry->path + 1, &st, AT_SYMLINK_NOFOLLOW) != 0)
    return errno == ENOENT || errno == ENOTDIR || sc_fail_errno (error, errno, "%s", entry->path);
  *out = (st.st_mode & S_IFMT) == entry->kind;
  if (!*out || entry->text == NULL)
    return TRUE;
  if (!sc_host_file_look_at (tree, entry->path + 1, &file, error))
    return FALSE;
  *out = is_text_of (file.checksum, entry->text);
  return TRUE;
}

/* What is not in the record was not the container's, and says nothing. */
static gboolean
is_in_record (const ScHostEntry *entry, const ScDeployment *d)
{
  const char *checksum =
      d->installed_checksums != NULL ? g_hash_table_lookup (d->installed_checksums, entry->path) : NULL;

  return entry->text == NULL || checksum == NULL || is_text_of (checksum, entry->text);
}

gboolean
sc_host_tree_is (const ScHostPlan *plan, int dfd, const ScDeployment *d, gboolean *out, GError **error)
{
  SC_AUTOFD int tree = -1;

  *out = TRUE;
  if (sc_fs_exists_at (dfd, SC_HOST_TREE))
    {
      tree = sc_fs_open_dir_at (dfd, SC_HOST_TREE, error);
      if (tree < 0)
        return FALSE;
    }
  for (guint i = 0; i < plan->entries->len && *out; i++)
    {
      const ScHostEntry *entry = g_ptr_array_index (plan->entries, i);

      if (tree < 0)
        *out = is_in_record (entry, d);
      else if (!is_in_tree (entry, tree, out, error))
        return FALSE;
    }
  return TRUE;
}

/* -- the record -- */

typedef struct
{
  int root; /* of the host */
  int tree;
  ScHostSide previous;
  GHashTable *packaged; /* places of what its package has */
  ScHostGuard guard;
  GPtrArray *own_files, *own_dirs; /* char * */
  GHashTable *checksums;
  GPtrArray *notes;
} Record;

static void
record_clear (Record *r)
{
  sc_close_fd_p (&r->root);
  sc_close_fd_p (&r->tree);
  sc_host_guard_clear (&r->guard);
  g_clear_pointer (&r->previous.files, g_hash_table_unref);
  g_clear_pointer (&r->previous.dirs, g_hash_table_unref);
  g_clear_pointer (&r->previous.links, g_hash_table_unref);
  g_clear_pointer (&r->packaged, g_hash_table_unref);
  g_clear_pointer (&r->own_files, g_ptr_array_unref);
  g_clear_pointer (&r->own_dirs, g_ptr_array_unref);
  g_clear_pointer (&r->checksums, g_hash_table_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Record, record_clear)

/* What is on the host where an entry is to be, as if the links of the previous deployment had gone. */
typedef struct
{
  char *place;
  mode_t kind;      /* of it itself; 0 for nothing */
  gboolean is_dir;  /* it is one, or a link to one */
  gboolean is_file; /* the previous deployment or its package has it as a file */
  gboolean goes;    /* and it is as recorded, so that it makes way */
} There;

static void
there_clear (There *there)
{
  g_clear_pointer (&there->place, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (There, there_clear)

/* *out: was @there recorded by the previous deployment, or is it of its package? */
static gboolean
find_owner (Record *r, const char *path, There *there, GError **error)
{
  const char *name = g_hash_table_lookup (r->previous.files, there->place);
  g_auto (ScHostFile) file = { 0 };

  there->goes = g_hash_table_contains (r->packaged, there->place);
  there->is_file = there->goes || name != NULL;
  if (name == NULL || there->goes)
    return TRUE;
  if (!sc_host_file_look (r->root, path, &file, error))
    return FALSE;
  there->goes = sc_host_side_recorded (r->root, &r->previous, name, &file, path);
  return TRUE;
}

static gboolean
look_at (Record *r, const char *path, There *out, GError **error)
{
  g_autoptr (GError) local = NULL;
  SC_AUTOFD int fd = -1;
  SC_AUTOFD int dir = -1;
  gboolean behind = FALSE;
  struct stat st;

  out->place = sc_host_side_place (r->root, &r->previous, path, &behind, error);
  if (out->place == NULL || behind)
    return out->place != NULL;
  fd = sc_fs_open_in_root (r->root, path, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0, &local);
  if (fd < 0
      && (g_error_matches (local, G_IO_ERROR, G_IO_ERROR_NOT_FOUND)
          || g_error_matches (local, G_IO_ERROR, G_IO_ERROR_NOT_DIRECTORY)))
    return TRUE;
  if (fd < 0)
    return g_propagate_error (error, g_steal_pointer (&local)), FALSE;
  if (fstat (fd, &st) != 0)
    return sc_fail_errno (error, errno, "%s", path);
  out->kind = st.st_mode & S_IFMT;
  dir = sc_fs_open_in_root (r->root, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0, NULL);
  out->is_dir = dir >= 0;
  return find_owner (r, path, out, error);
}

static gboolean
check_real_place (Record *r, const ScHostEntry *entry, GError **error)
{
  g_autofree char *real = sc_host_guard_refuses (&r->guard, entry->path, entry->kind == S_IFDIR);

  return real == NULL
         || sc_fail (error, SC_ERROR_INVALID, "%s is %s on this host: no file of an image may be there", entry->path,
                     real);
}

static gboolean
record_dir (Record *r, const ScHostEntry *entry, GError **error)
{
  g_auto (There) there = { 0 };

  if (!look_at (r, entry->path, &there, error))
    return FALSE;
  if (there.kind != 0 && !there.is_dir && !there.goes)
    return sc_fail (error, SC_ERROR_FAILED, "%s is no directory on this host: a file of the image has to be in it",
                    entry->path);
  /* The original tool counted empty ones as files. */
  if (!there.is_dir || there.goes || g_hash_table_contains (r->previous.dirs, there.place))
    g_ptr_array_add (r->own_dirs, g_strdup (entry->path));
  return TRUE;
}

static gboolean
record_file (Record *r, const ScHostEntry *entry, GError **error)
{
  g_auto (ScHostFile) file = { 0 };
  g_auto (There) there = { 0 };
  gboolean ours;

  if (!look_at (r, entry->path, &there, error))
    return FALSE;
  ours = there.kind == S_IFDIR ? there.goes || g_hash_table_contains (r->previous.dirs, there.place) : there.is_file;
  if (there.kind != 0 && !ours)
    {
      g_ptr_array_add (r->notes, g_strdup_printf ("File %s already exists: it is kept", entry->path));
      return TRUE;
    }
  if (!sc_host_file_look_at (r->tree, entry->path + 1, &file, error))
    return FALSE;
  if (file.checksum == NULL)
    return sc_fail (error, SC_ERROR_INVALID, SC_HOST_TREE "%s is no file", entry->path);
  g_ptr_array_add (r->own_files, g_strdup (entry->path));
  g_hash_table_replace (r->checksums, g_strdup (entry->path), g_steal_pointer (&file.checksum));
  return TRUE;
}

static char **
take_strv (GPtrArray **array)
{
  g_ptr_array_add (*array, NULL);
  return (char **)g_ptr_array_free (g_steal_pointer (array), FALSE);
}

static gboolean
begin_record (Record *r, const ScContext *ctx, const char *name, int dfd, const ScDeployment *previous, char **packaged,
              GError **error)
{
  r->root = sc_context_open_root (ctx, error);
  r->tree = r->root >= 0 ? sc_fs_open_dir_at (dfd, SC_HOST_TREE, error) : -1;
  if (r->tree < 0)
    return FALSE;
  r->previous.d = (ScDeployment *)previous;
  r->previous.files = sc_host_places (r->root, NULL, previous != NULL ? previous->installed_files : NULL, error);
  if (r->previous.files == NULL || !sc_host_side_find_links (r->root, &r->previous, error)
      || !sc_host_guard_open (ctx, name, &r->guard, error))
    return FALSE;
  r->previous.dirs = sc_host_places (r->root, NULL, previous != NULL ? previous->installed_dirs : NULL, error);
  r->packaged = r->previous.dirs != NULL ? sc_host_places (r->root, NULL, packaged, error) : NULL;
  r->own_files = g_ptr_array_new_with_free_func (g_free);
  r->own_dirs = g_ptr_array_new_with_free_func (g_free);
  r->checksums = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return r->packaged != NULL;
}

gboolean
sc_host_tree_record (const ScContext *ctx, const ScHostPlan *plan, int dfd, const ScDeployment *previous,
                     char **packaged, ScDeployment *d, GPtrArray *notes, GError **error)
{
  g_auto (Record)
      r = { .root = -1, .tree = -1, .previous = { .tree = -1 }, .guard = SC_HOST_GUARD_INIT, .notes = notes };

  if (plan->entries->len == 0)
    return TRUE;
  if (!begin_record (&r, ctx, d->name, dfd, previous, packaged, error))
    return FALSE;
  for (guint i = 0; i < plan->entries->len; i++)
    {
      const ScHostEntry *entry = g_ptr_array_index (plan->entries, i);

      if (!check_real_place (&r, entry, error)
          || !(entry->kind == S_IFDIR ? record_dir : record_file) (&r, entry, error))
        return FALSE;
    }
  d->installed_files = take_strv (&r.own_files);
  d->installed_dirs = take_strv (&r.own_dirs);
  d->installed_checksums = g_steal_pointer (&r.checksums);
  return TRUE;
}
