/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A layer's archive to objects and a commit; the only file that reads tar here, with libarchive.  Entries
 * become objects as they come, whiteouts stay files named .wh.*, and what a repository cannot hold is left out
 * (devices, fifos, sockets: counted) or refused with a reason.
 */
#include "layer-import.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <string.h>

#include "blob.h"
#include "layer-stream.h"
#include "layer-tree.h"
#include "object-writer.h"
#include "sort.h"

#define WHITEOUT ".wh."
/* Holes cost nothing to announce: this many bytes of a layer's files may be holes. */
#define HOLES_LIMIT  (G_GUINT64_CONSTANT (64) * 1024 * 1024 * 1024)
#define TAR_BLOCK    512
#define XATTRS_LIMIT (64 * 1024)

typedef struct
{
  const ScLayerImport *args;
  ScLayerStream *stream;
  ScObjectWriter *writer;
  ScLayerTree *tree;
  struct archive *archive;
  GError *read_error; /* of the stream, from inside libarchive */
  guint64 read;       /* bytes of the archive */
  guint64 wanted;     /* bytes that the file on its way still lacks */
  guint64 holes;
  guint64 left_out;
  GCancellable *cancellable;
} Import;

/* umoci leaves out what fills up the last block of a file and ends the archive, and Go, in which most read layers, does
 * not miss it. What is missing of a file's own bytes is never made up. */
static gssize
fill_block (Import *im, const void **out)
{
  static const guint8 zeros[TAR_BLOCK];
  gssize n = im->wanted == 0 ? (gssize)((TAR_BLOCK - im->read % TAR_BLOCK) % TAR_BLOCK) : 0;

  *out = zeros;
  im->read += (guint64)n;
  return n;
}

static la_ssize_t
read_cb (struct archive *archive, void *data, const void **out)
{
  Import *im = data;
  gssize n = sc_layer_stream_read (im->stream, out, &im->read_error);

  if (n == 0)
    n = fill_block (im, out);
  else if (n > 0)
    im->read += (guint64)n;
  sc_progress_layer (im->args->sink, SC_PROGRESS_LAYER_ADVANCE, sc_digest_hex (im->args->layer->digest),
                     sc_layer_stream_position (im->stream), im->args->layer->size);
  if (n < 0)
    archive_set_error (archive, EIO, "%s", "read error");
  return n;
}

/* What libarchive says, or what made it fail. */
static gboolean
fail_archive (Import *im, GError **error)
{
  const char *text = archive_error_string (im->archive);

  if (im->read_error != NULL)
    return g_propagate_error (error, g_steal_pointer (&im->read_error)), FALSE;
  return sc_fail (error, SC_ERROR_INVALID, "tar: %s", text != NULL ? text : "damaged archive");
}

static gboolean
open_archive (Import *im, GError **error)
{
  im->archive = archive_read_new ();
  if (im->archive == NULL || archive_read_support_format_tar (im->archive) != ARCHIVE_OK
      || archive_read_support_format_empty (im->archive) != ARCHIVE_OK)
    return sc_fail (error, SC_ERROR_UNSUPPORTED, "tar: libarchive cannot read it");
  if (archive_read_open (im->archive, im, NULL, read_cb, NULL) != ARCHIVE_OK)
    return fail_archive (im, error);
  return TRUE;
}

/* (transfer full) (nullable): the entry's attributes that are kept, sorted, the last of a name. */
static gboolean
read_xattrs (struct archive_entry *entry, GVariant **out, GError **error)
{
  g_autoptr (GHashTable) values = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_bytes_unref);
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a(ayay)"));
  const char *name;
  const void *value;
  size_t size, total = 0;

  *out = NULL;
  archive_entry_xattr_reset (entry);
  while (archive_entry_xattr_next (entry, &name, &value, &size) == ARCHIVE_OK)
    {
      /* An empty value is none, for pax (which removes a record that way) and for OSTree (whose own reading of a file
       * passes over it, so that the object would not have its checksum). */
      if (name == NULL || size == 0 || !sc_object_keeps_xattr (name))
        continue;
      total += size + strlen (name);
      if (strlen (name) > 255 || total > XATTRS_LIMIT)
        return sc_fail (error, SC_ERROR_LIMIT, "its extended attributes are too large");
      if (!g_hash_table_contains (values, name))
        g_ptr_array_add (names, (gpointer)name);
      g_hash_table_replace (values, (gpointer)name, g_bytes_new (value, size));
    }
  if (names->len == 0)
    return TRUE;
  sc_sort_strings (names);
  for (guint i = 0; i < names->len; i++)
    {
      const char *key = g_ptr_array_index (names, i);
      GBytes *bytes = g_hash_table_lookup (values, key);

      g_variant_builder_add (&builder, "(@ay@ay)", g_variant_new_bytestring (key),
                             g_variant_new_from_bytes (G_VARIANT_TYPE ("ay"), bytes, TRUE));
    }
  *out = g_variant_ref_sink (g_variant_builder_end (&builder));
  return TRUE;
}

static gboolean
read_meta (struct archive_entry *entry, guint32 type, ScObjectMeta *meta, GError **error)
{
  la_int64_t uid = archive_entry_uid (entry), gid = archive_entry_gid (entry);

  if (uid < 0 || gid < 0 || uid >= G_MAXUINT32 || gid >= G_MAXUINT32)
    return sc_fail (error, SC_ERROR_INVALID, "its owner %" G_GINT64_FORMAT ":%" G_GINT64_FORMAT " is out of range",
                    (gint64)uid, (gint64)gid);
  meta->uid = (guint32)uid;
  meta->gid = (guint32)gid;
  meta->mode = type | (guint32)(archive_entry_perm (entry) & 07777);
  /* The kernel has no user attributes on links. */
  return type == AE_IFLNK || read_xattrs (entry, &meta->xattrs, error);
}

static gboolean
add_hole (Import *im, guint64 size, GError **error)
{
  if (size > HOLES_LIMIT - im->holes)
    return sc_fail (error, SC_ERROR_LIMIT, "the holes of sparse files are larger than 64 GiB");
  im->holes += size;
  return sc_object_writer_zeros (im->writer, size, im->cancellable, error);
}

static gboolean
copy_content (Import *im, guint64 size, GError **error)
{
  guint64 at = 0;
  const void *data;
  size_t n;
  la_int64_t offset;
  int r;

  im->wanted = size;
  while ((r = archive_read_data_block (im->archive, &data, &n, &offset)) == ARCHIVE_OK)
    {
      if (g_cancellable_set_error_if_cancelled (im->cancellable, error))
        return FALSE;
      if (offset < 0 || (guint64)offset < at)
        return sc_fail (error, SC_ERROR_INVALID, "its sparse map is not in order");
      if ((guint64)offset > at && !add_hole (im, (guint64)offset - at, error))
        return FALSE;
      if (!sc_object_writer_data (im->writer, data, n, im->cancellable, error))
        return FALSE;
      at = (guint64)offset + n;
      im->wanted = size > at ? size - at : 0;
    }
  if (r != ARCHIVE_EOF)
    return fail_archive (im, error);
  im->wanted = 0;
  return at >= size || add_hole (im, size - at, error);
}

static gboolean
add_file (Import *im, struct archive_entry *entry, const ScLayerPlace *place, GError **error)
{
  g_autoptr (GVariant) xattrs = NULL;
  ScObjectMeta meta = { 0 };
  guint8 checksum[SC_SHA256_SIZE];
  la_int64_t size = archive_entry_size (entry);

  if (size < 0)
    return sc_fail (error, SC_ERROR_INVALID, "its size is negative");
  if (!read_meta (entry, AE_IFREG, &meta, error))
    return FALSE;
  xattrs = meta.xattrs;
  if (!sc_object_writer_begin (im->writer, &meta, (guint64)size, im->cancellable, error)
      || !copy_content (im, (guint64)size, error)
      || !sc_object_writer_end (im->writer, checksum, im->cancellable, error))
    return FALSE;
  sc_layer_tree_put (im->tree, place, sc_node_new_file (SC_NODE_FILE, checksum));
  return TRUE;
}

static gboolean
add_symlink (Import *im, struct archive_entry *entry, const ScLayerPlace *place, GError **error)
{
  const char *target = archive_entry_symlink (entry);
  ScObjectMeta meta = { 0 };
  guint8 checksum[SC_SHA256_SIZE];
  ScNode *node;

  if (target == NULL || *target == '\0' || strlen (target) > 4095)
    return sc_fail (error, SC_ERROR_INVALID, "its link target is empty or too long");
  if (!g_utf8_validate (target, -1, NULL))
    return sc_fail (error, SC_ERROR_INVALID, "its link target is not UTF-8, which an OSTree repository cannot hold");
  if (!read_meta (entry, AE_IFLNK, &meta, error))
    return FALSE;
  meta.mode = AE_IFLNK | 0777;
  if (!sc_object_writer_symlink (im->writer, &meta, target, checksum, im->cancellable, error))
    return FALSE;
  node = sc_node_new_file (SC_NODE_SYMLINK, checksum);
  node->target = g_strdup (target);
  sc_layer_tree_put (im->tree, place, node);
  return TRUE;
}

static gboolean
add_dir (Import *im, struct archive_entry *entry, const ScLayerPlace *place, GError **error)
{
  g_autoptr (GVariant) xattrs = NULL;
  ScObjectMeta meta = { 0 };
  guint8 checksum[SC_SHA256_SIZE];

  if (!read_meta (entry, AE_IFDIR, &meta, error))
    return FALSE;
  xattrs = meta.xattrs;
  if (!sc_object_writer_dirmeta (im->writer, &meta, checksum, im->cancellable, error))
    return FALSE;
  sc_layer_tree_put_dir (im->tree, place, checksum);
  return TRUE;
}

/* A whiteout is an empty file, whatever the archive made of it. */
static gboolean
write_whiteout (Import *im, const ScLayerPlace *place, GError **error)
{
  ScObjectMeta meta = { .mode = AE_IFREG | 0644 };
  guint8 checksum[SC_SHA256_SIZE];

  if (!sc_object_writer_begin (im->writer, &meta, 0, im->cancellable, error)
      || !sc_object_writer_end (im->writer, checksum, im->cancellable, error))
    return FALSE;
  sc_layer_tree_put (im->tree, place, sc_node_new_file (SC_NODE_FILE, checksum));
  return TRUE;
}

/* What cannot be stored still takes the place of what was there, in this layer and below it. */
static gboolean
leave_out (Import *im, const ScLayerPlace *place, GError **error)
{
  g_auto (ScLayerPlace) whiteout = { .dir = place->dir, .name = g_strconcat (WHITEOUT, place->name, NULL) };
  gsize parent = strlen (place->path) - strlen (place->name);

  whiteout.path = g_strdup_printf ("%.*s%s", (int)parent, place->path, whiteout.name);
  sc_node_remove_child (place->dir, place->name);
  sc_layer_tree_note_left_out (im->tree, place);
  im->left_out++;
  return strlen (whiteout.name) > 255 || write_whiteout (im, &whiteout, error);
}

/* A hard link is the same object under another name; of this layer, or of one below. */
static gboolean
add_hardlink (Import *im, const char *target, const ScLayerPlace *place, GError **error)
{
  ScNode *node = NULL, *copy;
  gboolean lower = FALSE;

  if (!sc_layer_path_check (target, error))
    return sc_prefix (error, "the target '%s' of its hard link", target);
  if (sc_layer_tree_is_left_out (im->tree, target))
    return leave_out (im, place, error);
  node = sc_layer_tree_find (im->tree, target);
  if (node == NULL && im->args->lower != NULL)
    {
      g_autoptr (GError) local = NULL;
      ScNode *root = im->args->lower (im->args->lower_data, error);

      if (root == NULL)
        return FALSE;
      lower = TRUE;
      node = sc_tree_resolve (root, im->args->lower_repo, target, FALSE, &local);
      if (local != NULL)
        return g_propagate_error (error, g_steal_pointer (&local)), FALSE;
    }
  if (node == NULL)
    return sc_fail (error, SC_ERROR_INVALID, "it is a hard link to '%s', which does not exist", target);
  if (node->type == SC_NODE_DIR)
    return sc_fail (error, SC_ERROR_INVALID, "it is a hard link to the directory '%s'", target);
  copy = sc_node_new_file (node->type, node->checksum);
  copy->target = g_strdup (node->target);
  sc_layer_tree_put (im->tree, place, copy);
  if (lower)
    sc_layer_tree_note_link (im->tree, place, target);
  return TRUE;
}

static gboolean
add_whiteout (Import *im, const ScLayerPlace *place, GError **error)
{
  if (strlen (place->name) == strlen (WHITEOUT) || strcmp (place->name, WHITEOUT ".") == 0
      || strcmp (place->name, WHITEOUT "..") == 0)
    return sc_fail (error, SC_ERROR_INVALID, "it is a whiteout of nothing");
  return write_whiteout (im, place, error);
}

/* What AUFS kept for itself, in layers made on it: ".wh..wh.plnk" and the like, but not ".wh..wh..opq". */
static gboolean
is_aufs_metadata (const char *path)
{
  for (const char *p = path; (p = strstr (p, WHITEOUT WHITEOUT)) != NULL; p++)
    if ((p == path || p[-1] == '/') && strcmp (p, WHITEOUT WHITEOUT ".opq") != 0)
      return TRUE;
  return FALSE;
}

static gboolean
add_entry (Import *im, struct archive_entry *entry, const char *path, GError **error)
{
  g_auto (ScLayerPlace) place = { 0 };
  const char *hardlink = archive_entry_hardlink (entry);
  mode_t type = archive_entry_filetype (entry);

  if (!sc_layer_tree_place (im->tree, path, &place, error))
    return FALSE;
  if (*place.name == '\0' && type != AE_IFDIR)
    return sc_fail (error, SC_ERROR_INVALID, "the top must be a directory");
  if (g_str_has_prefix (place.name, WHITEOUT))
    return add_whiteout (im, &place, error);
  if (hardlink != NULL)
    return add_hardlink (im, hardlink, &place, error);
  switch (type)
    {
    case AE_IFREG:
      return add_file (im, entry, &place, error);
    case AE_IFLNK:
      return add_symlink (im, entry, &place, error);
    case AE_IFDIR:
      return add_dir (im, entry, &place, error);
    case AE_IFCHR:
    case AE_IFBLK:
    case AE_IFIFO:
    case AE_IFSOCK:
      return leave_out (im, &place, error);
    default:
      return sc_fail (error, SC_ERROR_INVALID, "it is of an unknown type");
    }
}

static gboolean
add_entries (Import *im, GError **error)
{
  struct archive_entry *entry;
  int r;

  while ((r = archive_read_next_header (im->archive, &entry)) != ARCHIVE_EOF)
    {
      const char *path;

      if (g_cancellable_set_error_if_cancelled (im->cancellable, error))
        return FALSE;
      /* A warning is a header that was not understood whole: what it would become is not what it says. */
      if (r != ARCHIVE_OK)
        return fail_archive (im, error);
      path = archive_entry_pathname (entry);
      if (path == NULL)
        return sc_fail (error, SC_ERROR_INVALID, "tar: an entry has no name");
      if (is_aufs_metadata (path))
        continue;
      if (!add_entry (im, entry, path, error))
        return sc_prefix (error, "'%s'", path);
    }
  return TRUE;
}

static gboolean
write_commit (Import *im, guint64 uncompressed, char **out_commit, GError **error)
{
  ScObjectMeta implied = { .mode = AE_IFDIR | 0755 };
  g_autoptr (GVariantDict) meta = g_variant_dict_new (NULL);
  g_autofree char *size = g_strdup_printf ("%" G_GUINT64_FORMAT, im->args->layer->size);
  g_autofree char *full = g_strdup_printf ("%" G_GUINT64_FORMAT, uncompressed);
  GVariant *notes;
  guint8 checksum[SC_SHA256_SIZE];

  if (!sc_object_writer_dirmeta (im->writer, &implied, checksum, im->cancellable, error))
    return FALSE;
  sc_layer_tree_finish (im->tree, checksum);
  g_variant_dict_insert (meta, "docker.size", "s", size);
  g_variant_dict_insert (meta, "docker.uncompressed_size", "s", full);
  g_variant_dict_insert (meta, "docker.uncompressed_digest", "s", im->args->diff_id);
  if ((notes = sc_layer_tree_implied_dirs (im->tree)) != NULL)
    g_variant_dict_insert_value (meta, SC_META_IMPLIED_DIRS, notes);
  if ((notes = sc_layer_tree_lower_links (im->tree)) != NULL)
    g_variant_dict_insert_value (meta, SC_META_LOWER_LINKS, notes);
  return sc_tree_commit (sc_layer_tree_root (im->tree), im->args->repo, g_variant_dict_end (meta), 0, out_commit,
                         im->cancellable, error);
}

static void
on_cancelled (GCancellable *cancellable, gpointer data)
{
  sc_layer_stream_cancel (data);
}

static gboolean
run (Import *im, char **out_commit, GError **error)
{
  guint64 uncompressed;

  return open_archive (im, error) && add_entries (im, error)
         && sc_layer_stream_finish (im->stream, im->args->diff_id, &uncompressed, error)
         && write_commit (im, uncompressed, out_commit, error);
}

gboolean
sc_layer_import (const ScLayerImport *import, GInputStream *blob, char **out_commit, guint64 *out_left_out,
                 GCancellable *cancellable, GError **error)
{
  g_autoptr (ScLayerStream) stream = sc_layer_stream_new (blob, import->layer, error);
  g_autoptr (ScObjectWriter) writer = NULL;
  g_autoptr (ScLayerTree) tree = NULL;
  Import im = { .args = import, .stream = stream, .cancellable = cancellable };
  gulong handler;
  locale_t utf8, before;
  gboolean ok;

  if (stream == NULL)
    return FALSE;
  /* In any other locale libarchive mangles names that are not ASCII. */
  utf8 = newlocale (LC_ALL_MASK, "C.UTF-8", (locale_t)0);
  if (utf8 == (locale_t)0)
    return sc_fail_errno (error, errno, "locale C.UTF-8");
  before = uselocale (utf8);
  im.writer = writer = sc_object_writer_new (import->repo);
  im.tree = tree = sc_layer_tree_new ();
  handler = cancellable == NULL ? 0 : g_cancellable_connect (cancellable, G_CALLBACK (on_cancelled), stream, NULL);
  ok = run (&im, out_commit, error);
  g_cancellable_disconnect (cancellable, handler);
  archive_read_free (im.archive);
  g_clear_error (&im.read_error);
  uselocale (before);
  freelocale (utf8);
  if (ok)
    *out_left_out += im.left_out;
  return ok;
}
