/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Archives of `docker save` in a file.  What is in them is docker-tar.c's.
 */

#include "docker-archive.h"

#include "docker-tar.h"

typedef struct
{
  ScBlobSource base;
  ScDockerTar *image;
} ArchiveSource;

static void
archive_free (ScBlobSource *source)
{
  ArchiveSource *self = (ArchiveSource *)source;

  sc_docker_tar_free (self->image);
  g_free (self);
}

static ScBlobSource *
archive_open (const ScReference *ref, const ScBlobSourceOptions *options, GCancellable *cancellable, GError **error)
{
  ScTar *tar = sc_tar_open (ref->path, cancellable, error);
  g_autoptr (ScDockerTar) image = NULL;
  g_autofree char *name = NULL;
  ArchiveSource *self;

  if (tar != NULL)
    image = sc_docker_tar_new (tar, ref->path, ref, options->ctx, &name, cancellable, error);
  if (image == NULL)
    return NULL;
  self = g_new0 (ArchiveSource, 1);
  self->base.name = g_steal_pointer (&name);
  self->image = g_steal_pointer (&image);
  return &self->base;
}

static GBytes *
archive_fetch_manifest (ScBlobSource *source, const char *digest, char **out_media_type, GCancellable *cancellable,
                        GError **error)
{
  return sc_docker_tar_manifest (((ArchiveSource *)source)->image, digest, out_media_type, error);
}

static GInputStream *
archive_open_blob (ScBlobSource *source, const ScDescriptor *descriptor, GCancellable *cancellable, GError **error)
{
  return sc_docker_tar_open_blob (((ArchiveSource *)source)->image, descriptor, cancellable, error);
}

const ScBlobSourceClass sc_docker_archive_source_class = {
  .transport = SC_TRANSPORT_DOCKER_ARCHIVE,
  .open = archive_open,
  .fetch_manifest = archive_fetch_manifest,
  .open_blob = archive_open_blob,
  .free = archive_free,
};
