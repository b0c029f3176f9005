/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * OCI image layouts in a tar file, as skopeo, podman and buildah write them.  Nothing is unpacked: the members are read
 * where they are (tar-member.h), and what the index says is layout-index.c's.
 */

#include "oci-archive.h"

#include <string.h>

#include "digest.h"
#include "layout-index.h"
#include "tar-member.h"

typedef struct
{
  ScBlobSource base;
  const ScContext *ctx;
  char *path;
  ScTar *tar;
  ScDescriptor *top; /* the chosen entry of index.json */
} OciArchiveSource;

static void
oci_archive_free (ScBlobSource *source)
{
  OciArchiveSource *self = (OciArchiveSource *)source;

  sc_tar_free (self->tar);
  sc_descriptor_free (self->top);
  g_free (self->path);
  g_free (self);
}

static GBytes *
read_member (OciArchiveSource *self, const char *path, gsize max, GCancellable *cancellable, GError **error)
{
  const ScTarMember *member = sc_tar_find (self->tar, path, error);

  return member != NULL ? sc_tar_read_member (self->tar, member, max, cancellable, error) : NULL;
}

static const ScTarMember *
find_blob (OciArchiveSource *self, const char *digest, GError **error)
{
  g_autofree char *path = NULL;

  if (!sc_digest_check (digest, NULL))
    return sc_fail_null (error, SC_ERROR_NOT_FOUND, "archive %s: it has no '%s'", self->path, digest);
  path = g_strconcat (SC_LAYOUT_BLOBS, sc_digest_hex (digest), NULL);
  return sc_tar_find (self->tar, path, error);
}

static gboolean
load (OciArchiveSource *self, const ScReference *ref, GCancellable *cancellable, GError **error)
{
  g_autoptr (GBytes) version = NULL;
  g_autoptr (GBytes) index = NULL;

  if (sc_tar_find (self->tar, SC_LAYOUT_VERSION_FILE, NULL) == NULL)
    {
      if (sc_tar_find (self->tar, "manifest.json", NULL) != NULL)
        return sc_fail (error, SC_ERROR_INVALID,
                        "archive %s: it is not an OCI image layout but one of docker save: docker-archive:%s",
                        self->path, self->path);
      return sc_fail (error, SC_ERROR_INVALID,
                      "archive %s: it is not an OCI image layout: it has no file " SC_LAYOUT_VERSION_FILE, self->path);
    }
  version = read_member (self, SC_LAYOUT_VERSION_FILE, SC_LAYOUT_VERSION_MAX_SIZE, cancellable, error);
  if (version == NULL)
    return FALSE;
  if (!sc_layout_check_version (version, error))
    return sc_prefix (error, "archive %s", self->path);
  index = read_member (self, SC_LAYOUT_INDEX_FILE, SC_MANIFEST_MAX_SIZE, cancellable, error);
  if (index == NULL)
    return FALSE;
  self->top = sc_layout_choose (index, ref, &self->base.name, error);
  return self->top != NULL || sc_prefix (error, "archive %s", self->path);
}

static ScBlobSource *
oci_archive_open (const ScReference *ref, const ScBlobSourceOptions *options, GCancellable *cancellable, GError **error)
{
  g_autoptr (ScTar) tar = sc_tar_open (ref->path, cancellable, error);
  OciArchiveSource *self;

  if (tar == NULL)
    return NULL;
  self = g_new0 (OciArchiveSource, 1);
  self->ctx = options->ctx;
  self->path = g_strdup (ref->path);
  self->tar = g_steal_pointer (&tar);
  if (!load (self, ref, cancellable, error))
    {
      g_free (self->base.name);
      oci_archive_free (&self->base);
      return NULL;
    }
  return &self->base;
}

/* If @raw is a manifest, its layers will be asked for in its order; their own is that of their digests. */
static void
plan (OciArchiveSource *self, GBytes *raw)
{
  g_autoptr (ScManifest) manifest = sc_manifest_parse (raw, NULL);
  g_autoptr (GPtrArray) members = g_ptr_array_new ();

  for (guint i = 0; manifest != NULL && i < manifest->layers->len; i++)
    {
      const ScDescriptor *layer = g_ptr_array_index (manifest->layers, i);
      const ScTarMember *member = find_blob (self, layer->digest, NULL);

      if (member != NULL)
        g_ptr_array_add (members, (gpointer)member);
    }
  if (members->len > 0)
    sc_tar_plan (self->tar, self->ctx, (const ScTarMember *const *)members->pdata, members->len);
}

static GBytes *
oci_archive_fetch_manifest (ScBlobSource *source, const char *digest, char **out_media_type, GCancellable *cancellable,
                            GError **error)
{
  OciArchiveSource *self = (OciArchiveSource *)source;
  const ScTarMember *member = find_blob (self, digest != NULL ? digest : self->top->digest, error);
  g_autoptr (GBytes) data = NULL;

  if (member != NULL)
    data = sc_tar_read_member (self->tar, member, SC_MANIFEST_MAX_SIZE, cancellable, error);
  if (data == NULL)
    return NULL;
  if (digest == NULL && !sc_layout_check_top (data, self->top, error))
    return sc_prefix_null (error, "archive %s", self->path);
  plan (self, data);
  *out_media_type = digest == NULL ? g_strdup (self->top->media_type) : NULL;
  return g_steal_pointer (&data);
}

static GInputStream *
oci_archive_open_blob (ScBlobSource *source, const ScDescriptor *descriptor, GCancellable *cancellable, GError **error)
{
  OciArchiveSource *self = (OciArchiveSource *)source;
  const ScTarMember *member = find_blob (self, descriptor->digest, error);

  return member != NULL ? sc_tar_open_member (self->tar, member, cancellable, error) : NULL;
}

const ScBlobSourceClass sc_oci_archive_source_class = {
  .transport = SC_TRANSPORT_OCI_ARCHIVE,
  .open = oci_archive_open,
  .fetch_manifest = oci_archive_fetch_manifest,
  .open_blob = oci_archive_open_blob,
  .free = oci_archive_free,
};
