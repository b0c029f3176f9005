/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * OCI image layouts: a directory with "oci-layout", "index.json" and "blobs/sha256/" (OCI image specification,
 * image-layout.md).  The directory is the user's word and is opened as it is; what lies in it is only opened beneath
 * it, and only regular files.  Which image of the index is meant is decided here; that the index tells the truth about
 * its digest and size is checked here too, because nobody else sees that descriptor.
 */

#include "layout.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixinputstream.h>
#include <string.h>
#include <unistd.h>

#include "digest.h"
#include "fs.h"
#include "json.h"
#include "names.h"

#define LAYOUT_VERSION  "1.0.0"
#define LAYOUT_MAX_SIZE ((gsize)64 * 1024)

typedef struct
{
  ScBlobSource base;
  int dfd;
  char *path;
  ScDescriptor *top; /* the chosen entry of index.json */
} LayoutSource;

static void
layout_free (ScBlobSource *source)
{
  LayoutSource *self = (LayoutSource *)source;

  if (self->dfd >= 0)
    close (self->dfd);
  g_free (self->path);
  sc_descriptor_free (self->top);
  g_free (self);
}

/* Does not wait for the writer of a fifo that someone put there: what is no regular file is refused later. */
static int
open_beneath (int dfd, const char *path, GError **error)
{
  return sc_fs_open_in_root (dfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0, error);
}

static GBytes *
read_beneath (int dfd, const char *path, gsize max, GError **error)
{
  SC_AUTOFD int fd = open_beneath (dfd, path, error);

  return fd >= 0 ? sc_fs_read_fd (fd, path, max, error) : NULL;
}

static gboolean
check_version (int dfd, GError **error)
{
  g_autoptr (GError) reason = NULL;
  g_autoptr (GBytes) data = read_beneath (dfd, "oci-layout", LAYOUT_MAX_SIZE, &reason);
  g_autoptr (JsonNode) root = NULL;
  JsonObject *object;
  const char *version = NULL;

  if (g_error_matches (reason, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    return sc_fail (error, SC_ERROR_NOT_FOUND, "it is not an OCI image layout: it has no file oci-layout");
  if (data == NULL)
    {
      g_propagate_error (error, g_steal_pointer (&reason));
      return FALSE;
    }
  root = sc_json_parse ("oci-layout", g_bytes_get_data (data, NULL), g_bytes_get_size (data), error);
  object = root != NULL ? sc_json_node_object (root, "oci-layout", error) : NULL;
  if (object == NULL
      || !sc_json_get_string (object, "oci-layout", "imageLayoutVersion", SC_JSON_REQUIRED, &version, error))
    return FALSE;
  if (strcmp (version, LAYOUT_VERSION) != 0)
    return sc_fail (error, SC_ERROR_UNSUPPORTED, "oci-layout: layout version '%s' is not supported, only %s is",
                    version, LAYOUT_VERSION);
  return TRUE;
}

/* An entry's name may be a tag alone or a whole reference that ends in it. */
static gboolean
has_tag (const char *ref_name, const char *tag)
{
  gsize n = strlen (ref_name), t = strlen (tag);

  return n > t && ref_name[n - t - 1] == ':' && strcmp (ref_name + n - t, tag) == 0;
}

/* (transfer full): the entry that @tag names. */
static ScDescriptor *
choose (const ScIndex *index, const char *tag, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  g_autofree char *list = NULL;
  const ScDescriptor *found = NULL;
  guint n_found = 0;

  for (guint i = 0; i < index->manifests->len; i++)
    {
      const ScDescriptor *entry = g_ptr_array_index (index->manifests, i);

      if (tag != NULL && g_strcmp0 (entry->ref_name, tag) == 0)
        return sc_descriptor_copy (entry);
      if (tag == NULL || (entry->ref_name != NULL && has_tag (entry->ref_name, tag)))
        {
          found = entry;
          n_found++;
        }
      g_ptr_array_add (names, entry->ref_name);
    }
  if (n_found == 1)
    return sc_descriptor_copy (found);

  list = sc_name_list (names);
  if (names->len == 0)
    return sc_fail_null (error, SC_ERROR_NOT_FOUND, "it has no image");
  if (n_found == 0)
    return sc_fail_null (error, SC_ERROR_NOT_FOUND, "it has no image '%s', only: %s", tag, list);
  if (tag != NULL)
    return sc_fail_null (error, SC_ERROR_USAGE, "several of its images have the tag '%s': %s", tag, list);
  return sc_fail_null (error, SC_ERROR_USAGE, "it has %u images, say which by :TAG: %s", names->len, list);
}

/* (transfer full): a whole reference in the index names the image, else the directory does. */
static char *
choose_name (const ScReference *ref, const ScDescriptor *top)
{
  if (top->ref_name != NULL && strpbrk (top->ref_name, "/:") != NULL)
    {
      g_autoptr (ScReference) named = sc_reference_parse (top->ref_name, NULL);

      if (named != NULL && named->transport == SC_TRANSPORT_REGISTRY && !named->insecure)
        return sc_reference_store_name (named);
    }
  return sc_name_from_path (ref->path, ref->tag);
}

static gboolean
load (LayoutSource *self, const ScReference *ref, GError **error)
{
  g_autoptr (GBytes) data = NULL;
  g_autoptr (ScIndex) index = NULL;

  if (!check_version (self->dfd, error))
    return FALSE;
  data = read_beneath (self->dfd, "index.json", SC_MANIFEST_MAX_SIZE, error);
  if (data == NULL)
    return FALSE;
  index = sc_index_parse (data, error);
  if (index == NULL)
    return sc_prefix (error, "index.json");
  self->top = choose (index, ref->tag, error);
  if (self->top == NULL)
    return FALSE;
  self->base.name = choose_name (ref, self->top);
  return TRUE;
}

static ScBlobSource *
layout_open (const ScReference *ref, const ScBlobSourceOptions *options, GCancellable *cancellable, GError **error)
{
  LayoutSource *self;
  int dfd = open (ref->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (dfd < 0)
    return sc_fail_errno_null (error, errno, "OCI layout %s", ref->path);
  self = g_new0 (LayoutSource, 1);
  self->dfd = dfd;
  self->path = g_strdup (ref->path);
  if (!load (self, ref, error))
    {
      g_free (self->base.name);
      layout_free (&self->base);
      return sc_prefix_null (error, "OCI layout %s", ref->path);
    }
  return &self->base;
}

/* The open file of a blob, or -1. */
static int
open_blob_fd (LayoutSource *self, const char *digest, struct stat *st, GError **error)
{
  g_autofree char *path = g_strconcat ("blobs/sha256/", sc_digest_hex (digest), NULL);
  SC_AUTOFD int fd = open_beneath (self->dfd, path, error);

  if (fd < 0)
    {
      sc_prefix (error, "OCI layout %s", self->path);
      return -1;
    }
  if (fstat (fd, st) < 0)
    {
      sc_fail_errno (error, errno, "OCI layout %s: %s", self->path, path);
      return -1;
    }
  if (!S_ISREG (st->st_mode))
    {
      sc_fail (error, SC_ERROR_INVALID, "OCI layout %s: %s is not a regular file", self->path, path);
      return -1;
    }
  return sc_steal_fd (&fd);
}

static GBytes *
read_manifest (LayoutSource *self, const char *digest, GError **error)
{
  struct stat st;
  SC_AUTOFD int fd = open_blob_fd (self, digest, &st, error);
  GBytes *data = fd >= 0 ? sc_fs_read_fd (fd, digest, SC_MANIFEST_MAX_SIZE, error) : NULL;

  if (fd >= 0 && data == NULL)
    return sc_prefix_null (error, "OCI layout %s", self->path);
  return data;
}

/* (transfer full): the digest of the entry that is called @tag, and nothing else. */
static char *
find_tag (LayoutSource *self, const char *tag, GError **error)
{
  g_autoptr (GBytes) data = read_beneath (self->dfd, "index.json", SC_MANIFEST_MAX_SIZE, error);
  g_autoptr (ScIndex) index = data != NULL ? sc_index_parse (data, error) : NULL;

  if (index == NULL)
    return sc_prefix_null (error, "OCI layout %s: index.json", self->path);
  for (guint i = 0; i < index->manifests->len; i++)
    {
      const ScDescriptor *entry = g_ptr_array_index (index->manifests, i);

      if (g_strcmp0 (entry->ref_name, tag) == 0)
        return g_strdup (entry->digest);
    }
  return sc_fail_null (error, SC_ERROR_NOT_FOUND, "OCI layout %s: it has no image '%s'", self->path, tag);
}

static GBytes *
layout_fetch_manifest (ScBlobSource *source, const char *digest, char **out_media_type, GCancellable *cancellable,
                       GError **error)
{
  LayoutSource *self = (LayoutSource *)source;
  g_autoptr (GBytes) data = NULL;
  g_autofree char *found = NULL;

  if (digest != NULL)
    {
      g_autofree char *found_tag = NULL;

      if (strchr (digest, ':') == NULL)
        {
          digest = found_tag = find_tag (self, digest, error);
          if (digest == NULL)
            return NULL;
        }
      data = read_manifest (self, digest, error);
      if (data != NULL)
        *out_media_type = NULL;
      return g_steal_pointer (&data);
    }
  data = read_manifest (self, self->top->digest, error);
  if (data == NULL)
    return NULL;
  found = sc_digest_of (g_bytes_get_data (data, NULL), g_bytes_get_size (data));
  if (g_bytes_get_size (data) != self->top->size)
    return sc_fail_null (error, SC_ERROR_DIGEST,
                         "OCI layout %s: manifest %s has %zu bytes where index.json announces %" G_GUINT64_FORMAT,
                         self->path, self->top->digest, g_bytes_get_size (data), self->top->size);
  if (strcmp (found, self->top->digest) != 0)
    return sc_fail_null (error, SC_ERROR_DIGEST, "OCI layout %s: manifest: digest mismatch: expected %s, got %s",
                         self->path, self->top->digest, found);
  *out_media_type = g_strdup (self->top->media_type);
  return g_steal_pointer (&data);
}

static GInputStream *
layout_open_blob (ScBlobSource *source, const ScDescriptor *descriptor, GCancellable *cancellable, GError **error)
{
  LayoutSource *self = (LayoutSource *)source;
  struct stat st;
  int fd = open_blob_fd (self, descriptor->digest, &st, error);

  if (fd < 0)
    return NULL;
  return g_unix_input_stream_new (fd, TRUE);
}

const ScBlobSourceClass sc_layout_source_class = {
  .transport = SC_TRANSPORT_OCI_LAYOUT,
  .open = layout_open,
  .fetch_manifest = layout_fetch_manifest,
  .open_blob = layout_open_blob,
  .free = layout_free,
};
