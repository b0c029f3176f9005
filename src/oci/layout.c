/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * OCI image layouts: a directory with "oci-layout", "index.json" and "blobs/sha256/" (OCI image specification,
 * image-layout.md).  The directory is the user's word and is opened as it is; what lies in it is only opened beneath
 * it, and only regular files.  Which image of the index is meant is layout-index.c's.
 */

#include "layout.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixinputstream.h>
#include <string.h>
#include <unistd.h>

#include "digest.h"
#include "fs.h"
#include "layout-index.h"

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
  g_autoptr (GBytes) data = read_beneath (dfd, SC_LAYOUT_VERSION_FILE, SC_LAYOUT_VERSION_MAX_SIZE, &reason);

  if (data != NULL)
    return sc_layout_check_version (data, error);
  if (g_error_matches (reason, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    return sc_fail (error, SC_ERROR_NOT_FOUND, "it is not an OCI image layout: it has no file " SC_LAYOUT_VERSION_FILE);
  g_propagate_error (error, g_steal_pointer (&reason));
  return FALSE;
}

static gboolean
load (LayoutSource *self, const ScReference *ref, GError **error)
{
  g_autoptr (GBytes) data = NULL;

  if (!check_version (self->dfd, error))
    return FALSE;
  data = read_beneath (self->dfd, SC_LAYOUT_INDEX_FILE, SC_MANIFEST_MAX_SIZE, error);
  if (data == NULL)
    return FALSE;
  self->top = sc_layout_choose (data, ref, &self->base.name, error);
  return self->top != NULL;
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
  g_autofree char *path = g_strconcat (SC_LAYOUT_BLOBS, sc_digest_hex (digest), NULL);
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
  if (!sc_layout_check_top (data, self->top, error))
    return sc_prefix_null (error, "OCI layout %s", self->path);
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
