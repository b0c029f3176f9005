/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a directory on disk to the tree of objects that it would be.  Reads relative to descriptors, follows no link,
 * opens nothing but directories and regular files, and never crosses into another file system.
 */
#include "tree-scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fs.h"
#include "sort.h"

#define BUFFER_SIZE  (128 * 1024)
#define XATTRS_LIMIT (64 * 1024) /* the kernel's, of the list of names and of a value */
#define TARGET_LIMIT (64 * 1024)

typedef struct
{
  OstreeRepo *repo; /* (nullable) */
  int objects;      /* of @repo, -1 without one */
  gboolean owners;  /* owners and attributes are on disk */
  dev_t device;
  guint32 names;
  GHashTable *infos;
  GString *path; /* of what is being looked at, below the top; after an error, where it was */
  GByteArray *header;
  ScSha256 *whole, *content;
  guint8 *buffer;
  GCancellable *cancellable;
} Scan;

/* -- metadata -- */

static gboolean
has_xattr (GVariant *xattrs, const char *name)
{
  for (gsize i = 0; xattrs != NULL && i < g_variant_n_children (xattrs); i++)
    {
      const char *key;

      g_variant_get_child (xattrs, i, "(^&ay@ay)", &key, NULL);
      if (strcmp (key, name) == 0)
        return TRUE;
    }
  return FALSE;
}

/* Adds the attribute @name of @fd; OSTree does not count empty ones. */
static gboolean
add_xattr (int fd, const char *name, GVariantBuilder *builder, GError **error)
{
  g_autofree guint8 *value = g_malloc (XATTRS_LIMIT);
  ssize_t size = fgetxattr (fd, name, value, XATTRS_LIMIT);

  if (size < 0)
    return sc_fail_errno (error, errno, "cannot read %s", name);
  if (size > 0)
    g_variant_builder_add (builder, "(^ay@ay)", name,
                           g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, value, (gsize)size, 1));
  return TRUE;
}

static gboolean
read_xattrs (int fd, GVariant *like, GVariant **out, GError **error)
{
  g_autofree char *list = g_malloc (XATTRS_LIMIT + 1);
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a(ayay)"));
  ssize_t size = flistxattr (fd, list, XATTRS_LIMIT);

  if (size < 0 && errno != ENOTSUP)
    return sc_fail_errno (error, errno, "cannot list the extended attributes");
  list[MAX (size, 0)] = '\0';
  for (char *name = list; name < list + size; name += strlen (name) + 1)
    if (sc_object_keeps_xattr (name) || has_xattr (like, name))
      g_ptr_array_add (names, name);
  sc_sort_strings (names);
  for (guint i = 0; i < names->len; i++)
    if (!add_xattr (fd, names->pdata[i], &builder, error))
      return FALSE;
  *out = g_variant_ref_sink (g_variant_builder_end (&builder));
  return TRUE;
}

/* (transfer full) (nullable): what the repository says of @like; an object that it lacks is no error here: whoever
 * compares will find it missing. */
static ScNodeInfo *
like_info (Scan *s, const ScNode *like)
{
  return s->repo != NULL && like != NULL ? sc_node_info_load (s->repo, like, NULL) : NULL;
}

static ScNodeInfo *
info_new (Scan *s, ScNodeType type, const struct stat *st, const ScNodeInfo *like)
{
  ScNodeInfo *info = g_new0 (ScNodeInfo, 1);

  info->type = type;
  info->meta.mode = st->st_mode;
  if (s->owners)
    {
      info->meta.uid = st->st_uid;
      info->meta.gid = st->st_gid;
    }
  else if (like != NULL && like->type == type)
    {
      info->meta.uid = like->meta.uid;
      info->meta.gid = like->meta.gid;
      info->meta.xattrs = like->meta.xattrs != NULL ? g_variant_ref (like->meta.xattrs) : NULL;
    }
  return info;
}

/* Keeps @info (taken over) for @node unless @node is the object @like. */
static void
keep_info (Scan *s, ScNode *node, const ScNode *like, ScNodeInfo *info)
{
  if (like != NULL && memcmp (node->checksum, like->checksum, SC_SHA256_SIZE) == 0)
    sc_node_info_free (info);
  else
    g_hash_table_insert (s->infos, node, info);
}

/* -- files -- */

/* Objects are of 1970: one that was written to in a container is not what it was any more. (That it was given another
 * mode or owner cannot be seen without reading it: that is for verify.) */
static gboolean
is_object (Scan *s, const ScNode *like, const struct stat *st)
{
  char hex[SC_SHA256_HEX + 1], path[SC_SHA256_HEX + sizeof "/.file"];
  struct stat object;

  if (s->objects < 0 || like == NULL || like->type == SC_NODE_DIR
      || (S_ISREG (st->st_mode) && (st->st_mtim.tv_sec != 0 || st->st_mtim.tv_nsec != 0)))
    return FALSE;
  sc_digest_to_hex (like->checksum, hex);
  g_snprintf (path, sizeof path, "%.2s/%s.file", hex, hex + 2);
  return fstatat (s->objects, path, &object, AT_SYMLINK_NOFOLLOW) == 0 && object.st_ino == st->st_ino
         && object.st_dev == st->st_dev;
}

static gboolean
sum_content (Scan *s, int fd, ScNodeInfo *info, guint8 out[SC_SHA256_SIZE], GError **error)
{
  ssize_t got;

  if (!sc_object_header (s->header, &info->meta, "", error))
    return FALSE;
  sc_sha256_reset (s->whole);
  sc_sha256_reset (s->content);
  sc_sha256_update (s->whole, s->header->data, s->header->len);
  while ((got = read (fd, s->buffer, BUFFER_SIZE)) != 0)
    {
      if (got < 0 && errno == EINTR)
        continue;
      if (got < 0)
        return sc_fail_errno (error, errno, "cannot read");
      if (g_cancellable_set_error_if_cancelled (s->cancellable, error))
        return FALSE;
      sc_sha256_update (s->whole, s->buffer, (gsize)got);
      sc_sha256_update (s->content, s->buffer, (gsize)got);
      info->size += (guint64)got;
    }
  sc_sha256_finish (s->whole, out);
  sc_sha256_finish (s->content, info->content);
  info->has_content = TRUE;
  return TRUE;
}

static ScNode *
scan_file (Scan *s, int dfd, const char *name, const ScNode *like, GError **error)
{
  SC_AUTOFD int fd = openat (dfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  g_autoptr (ScNodeInfo) known = like_info (s, like), info = NULL;
  guint8 checksum[SC_SHA256_SIZE];
  struct stat st;
  ScNode *node;

  if (fd < 0 || fstat (fd, &st) != 0)
    return sc_fail_errno_null (error, errno, "cannot open");
  if (!S_ISREG (st.st_mode))
    return sc_fail_null (error, SC_ERROR_INVALID, "it is being changed");
  info = info_new (s, SC_NODE_FILE, &st, known);
  if ((s->owners && !read_xattrs (fd, known != NULL ? known->meta.xattrs : NULL, &info->meta.xattrs, error))
      || !sum_content (s, fd, info, checksum, error))
    return NULL;
  node = sc_node_new_file (SC_NODE_FILE, checksum);
  keep_info (s, node, like, g_steal_pointer (&info));
  return node;
}

static ScNode *
scan_symlink (Scan *s, int dfd, const char *name, const struct stat *st, const ScNode *like, GError **error)
{
  g_autoptr (ScNodeInfo) known = like_info (s, like), info = info_new (s, SC_NODE_SYMLINK, st, known);
  guint8 checksum[SC_SHA256_SIZE];
  ScNode *node;

  /* What OSTree has for every link. */
  info->meta.mode = S_IFLNK | 0777;
  info->target = sc_fs_read_link_at (dfd, name, error);
  if (info->target == NULL)
    return NULL;
  if (s->owners && known != NULL && known->type == SC_NODE_SYMLINK && known->meta.xattrs != NULL)
    info->meta.xattrs = g_variant_ref (known->meta.xattrs); /* no link has any that count: not looked at */
  if (!sc_object_header (s->header, &info->meta, info->target, error))
    return NULL;
  sc_sha256_reset (s->whole);
  sc_sha256_update (s->whole, s->header->data, s->header->len);
  sc_sha256_finish (s->whole, checksum);
  node = sc_node_new_file (SC_NODE_SYMLINK, checksum);
  node->target = g_strdup (info->target);
  keep_info (s, node, like, g_steal_pointer (&info));
  return node;
}

/* What no image has. Its checksum is of a description, which no object's can be. */
static ScNode *
scan_other (Scan *s, const struct stat *st)
{
  g_autofree char *text = NULL;
  ScNodeInfo *info = info_new (s, SC_NODE_OTHER, st, NULL);
  guint8 checksum[SC_SHA256_SIZE];
  ScNode *node;

  if (S_ISCHR (st->st_mode) || S_ISBLK (st->st_mode))
    info->target = g_strdup_printf ("%u,%u", major (st->st_rdev), minor (st->st_rdev));
  text = g_strdup_printf ("%o %u %u %s", st->st_mode, info->meta.uid, info->meta.gid, info->target ? info->target : "");
  sc_sha256_reset (s->whole);
  sc_sha256_update (s->whole, text, strlen (text));
  sc_sha256_finish (s->whole, checksum);
  node = sc_node_new_file (SC_NODE_OTHER, checksum);
  keep_info (s, node, NULL, info);
  return node;
}

/* -- directories -- */

static ScNode *scan_dir (Scan *s, int dfd, const char *name, const ScNode *like, guint depth, GError **error);

static ScNode *
scan_entry (Scan *s, int dfd, const char *name, const ScNode *like, guint depth, GError **error)
{
  struct stat st;

  if (fstatat (dfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
    return sc_fail_errno_null (error, errno, "cannot look");
  if (++s->names > SC_TREE_MAX_NAMES)
    return sc_fail_null (error, SC_ERROR_LIMIT, "more than %d files", SC_TREE_MAX_NAMES);
  if (S_ISDIR (st.st_mode))
    return scan_dir (s, dfd, name, like != NULL && like->type == SC_NODE_DIR ? like : NULL, depth, error);
  if (is_object (s, like, &st))
    return sc_node_new_file (S_ISLNK (st.st_mode) ? SC_NODE_SYMLINK : SC_NODE_FILE, like->checksum);
  if (like != NULL && like->type == SC_NODE_DIR)
    like = NULL;
  if (S_ISREG (st.st_mode))
    return scan_file (s, dfd, name, like, error);
  if (S_ISLNK (st.st_mode))
    return scan_symlink (s, dfd, name, &st, like, error);
  return scan_other (s, &st);
}

/* Owner, mode and attributes of the directory @fd, and the checksum that they make. */
static gboolean
sum_dir (Scan *s, int fd, const struct stat *st, ScNode *node, const ScNode *like, GError **error)
{
  g_autoptr (ScNodeInfo) known = like_info (s, like), info = info_new (s, SC_NODE_DIR, st, known);
  g_autoptr (GVariant) variant = NULL;

  if (s->owners && !read_xattrs (fd, known != NULL ? known->meta.xattrs : NULL, &info->meta.xattrs, error))
    return FALSE;
  variant = sc_object_dirmeta (&info->meta);
  sc_sha256_reset (s->whole);
  sc_sha256_update (s->whole, g_variant_get_data (variant), g_variant_get_size (variant));
  sc_sha256_finish (s->whole, node->checksum);
  node->has_checksum = TRUE;
  keep_info (s, node, like, g_steal_pointer (&info));
  return TRUE;
}

static ScNode *
scan_dir (Scan *s, int dfd, const char *name, const ScNode *like, guint depth, GError **error)
{
  g_autoptr (ScNode) node = sc_node_new_dir ();
  SC_AUTOFD int fd = openat (dfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  g_auto (GStrv) names = NULL;
  struct stat st;

  if (fd < 0 || fstat (fd, &st) != 0)
    return sc_fail_errno_null (error, errno, "cannot open");
  if (depth > SC_TREE_MAX_DEPTH)
    return sc_fail_null (error, SC_ERROR_LIMIT, "directories nest deeper than %d", SC_TREE_MAX_DEPTH);
  if (depth == 0)
    s->device = st.st_dev;
  if (st.st_dev != s->device)
    return sc_fail_null (error, SC_ERROR_UNSUPPORTED, "another file system is mounted there");
  if (g_cancellable_set_error_if_cancelled (s->cancellable, error))
    return NULL;
  if (!sum_dir (s, fd, &st, node, like, error) || (names = sc_fs_list_dir_at (fd, ".", error)) == NULL)
    return NULL;
  for (guint i = 0; names[i] != NULL; i++)
    {
      const ScNode *child_like = like != NULL ? sc_node_child (like, names[i]) : NULL;
      gsize length = s->path->len;
      ScNode *child;

      g_string_append_printf (s->path, "/%s", names[i]);
      child = scan_entry (s, fd, names[i], child_like, depth + 1, error);
      if (child == NULL)
        return NULL;
      sc_node_set_child (node, names[i], child);
      g_string_truncate (s->path, length);
    }
  return g_steal_pointer (&node);
}

ScNode *
sc_tree_scan (OstreeRepo *repo, const ScNode *like, int dfd, const char *name, GHashTable **out_infos,
              GCancellable *cancellable, GError **error)
{
  g_autoptr (GHashTable) infos =
      g_hash_table_new_full (g_direct_hash, g_direct_equal, NULL, (GDestroyNotify)sc_node_info_free);
  g_autoptr (GString) path = g_string_new (NULL);
  g_autoptr (GByteArray) header = g_byte_array_new ();
  g_autoptr (ScSha256) whole = sc_sha256_new (), content = sc_sha256_new ();
  g_autofree guint8 *buffer = g_malloc (BUFFER_SIZE);
  SC_AUTOFD int objects = -1;
  Scan s = { .repo = repo,
             .owners = repo == NULL || ostree_repo_get_mode (repo) == OSTREE_REPO_MODE_BARE,
             .infos = infos,
             .path = path,
             .header = header,
             .whole = whole,
             .content = content,
             .buffer = buffer,
             .cancellable = cancellable };
  ScNode *root;

  if (repo != NULL)
    {
      objects = sc_fs_open_dir_at (ostree_repo_get_dfd (repo), "objects", error);
      if (objects < 0)
        return NULL;
    }
  s.objects = objects;
  root = scan_dir (&s, dfd, name, like, 0, error);
  if (root == NULL)
    return sc_prefix_null (error, "%s%s", name, path->str);
  *out_infos = g_steal_pointer (&infos);
  return root;
}
