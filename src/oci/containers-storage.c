/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Images of containers-storage, which podman, buildah and CRI-O share.  Its format on disk is its own programs' affair,
 * so one of them reads it: podman or else skopeo, made to write an archive in the format of `docker save` to a pipe. As
 * the archive of the Docker daemon it is asked for twice, once to learn what there is and once for the layers, which
 * come in their order.  The program's own temporary files are in a directory made for it, which is removed however it
 * ended.
 *
 * The program is not asked to judge the image: that is oci/policy's part.
 */

#include "containers-storage.h"

#include <fcntl.h>

#include "docker-tar.h"
#include "fs.h"
#include "spool.h"
#include "subprocess.h"

typedef struct
{
  ScBlobSource base;
  const ScContext *ctx;
  char *what; /* "containers-storage:NAME", for messages */
  char **argv;
  char *temp_dir;     /* (nullable) */
  int temp_lock;      /* of @temp_dir, or -1 */
  ScDockerTar *image; /* (nullable): NULL: not yet read */
} StorageSource;

static void
storage_free (ScBlobSource *source)
{
  StorageSource *self = (StorageSource *)source;

  /* Ends the program. */
  sc_docker_tar_free (self->image);
  if (self->temp_dir != NULL && !sc_fs_remove_tree_at (AT_FDCWD, self->temp_dir, NULL))
    g_debug ("%s stays", self->temp_dir);
  sc_close_fd_p (&self->temp_lock);
  g_free (self->temp_dir);
  g_strfreev (self->argv);
  g_free (self->what);
  g_free (self);
}

/* (transfer full) (nullable): how to have @name written to standard output. */
static char **
find_tool (const char *name)
{
  g_autoptr (GStrvBuilder) argv = g_strv_builder_new ();
  g_autofree char *podman = g_find_program_in_path ("podman");
  g_autofree char *skopeo = g_find_program_in_path ("skopeo");
  g_autofree char *from = g_strconcat ("containers-storage:", name, NULL);

  if (podman != NULL)
    g_strv_builder_add_many (argv, "podman", "save", "--quiet", "--format", "docker-archive", "--", name, NULL);
  else if (skopeo != NULL)
    g_strv_builder_add_many (argv, "skopeo", "--insecure-policy", "copy", "--quiet", from, "docker-archive:/dev/stdout",
                             NULL);
  else
    return NULL;
  return g_strv_builder_end (argv);
}

static ScBlobSource *
storage_open (const ScReference *ref, const ScBlobSourceOptions *options, GCancellable *cancellable, GError **error)
{
  g_autofree char *name = sc_reference_store_name (ref);
  char **argv;
  StorageSource *self;

  if (ref->digest != NULL)
    return sc_fail_null (error, SC_ERROR_UNSUPPORTED,
                         "containers-storage: it has no layers as the manifest %s describes them: "
                         "name the image by its tag",
                         ref->digest);
  argv = find_tool (name);
  if (argv == NULL)
    return sc_fail_null (error, SC_ERROR_UNAVAILABLE,
                         "containers-storage: needs podman or skopeo, and neither is installed");
  self = g_new0 (StorageSource, 1);
  self->ctx = options->ctx;
  self->temp_lock = -1;
  self->what = sc_reference_format (ref);
  self->argv = argv;
  return &self->base;
}

static GInputStream *
open_archive (gpointer data, GCancellable *cancellable, GError **error)
{
  StorageSource *self = data;
  g_autofree char *variable = g_strconcat ("TMPDIR=", self->temp_dir, NULL);
  const char *environment[] = { variable, NULL };
  GInputStream *stream = sc_subprocess_open ((const char *const *)self->argv, environment, error);

  return stream != NULL ? stream : sc_prefix_null (error, "%s", self->what);
}

static GBytes *
storage_fetch_manifest (ScBlobSource *source, const char *digest, char **out_media_type, GCancellable *cancellable,
                        GError **error)
{
  StorageSource *self = (StorageSource *)source;

  if (self->temp_dir == NULL)
    self->temp_dir = sc_spool_make_dir (self->ctx, &self->temp_lock, error);
  if (self->temp_dir == NULL)
    return NULL;
  if (self->image == NULL)
    {
      ScTar *tar = sc_tar_open_stream (self->what, open_archive, self, cancellable, error);

      if (tar != NULL)
        self->image = sc_docker_tar_new (tar, self->what, NULL, self->ctx, NULL, cancellable, error);
      if (self->image == NULL)
        return NULL;
    }
  return sc_docker_tar_manifest (self->image, digest, out_media_type, error);
}

static GInputStream *
storage_open_blob (ScBlobSource *source, const ScDescriptor *descriptor, GCancellable *cancellable, GError **error)
{
  StorageSource *self = (StorageSource *)source;

  if (self->image == NULL)
    return sc_fail_null (error, SC_ERROR_NOT_FOUND, "%s: it has no blob %s", self->what, descriptor->digest);
  return sc_docker_tar_open_blob (self->image, descriptor, cancellable, error);
}

const ScBlobSourceClass sc_containers_storage_source_class = {
  .transport = SC_TRANSPORT_CONTAINERS_STORAGE,
  .open = storage_open,
  .fetch_manifest = storage_fetch_manifest,
  .open_blob = storage_open_blob,
  .free = storage_free,
};
