/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One image in a directory, as skopeo's dir: transport keeps it: "version", "manifest.json" (of several platforms: the
 * list, with each manifest as "HEX.manifest.json"), each blob as "HEX", and the signatures as "signature-N" and
 * "HEX-signature-N", N from 1.  The directory is the user's word and is opened as it is; what lies in it is only opened
 * beneath it, and only regular files.  Nothing here says what the digest of manifest.json is: a reference of this kind
 * names a place, and what is in it is judged by oci/policy.
 */

#include "dir.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixinputstream.h>
#include <string.h>
#include <unistd.h>

#include "digest.h"
#include "fs.h"
#include "names.h"

#define VERSION_FILE     "version"
#define VERSION_MAX_SIZE ((gsize)1024)
#define VERSION          "Directory Transport Version: 1.1"
#define TOP_FILE         "manifest.json"

typedef struct
{
  ScBlobSource base;
  int dfd;
  char *path;
} DirSource;

static void
dir_free (ScBlobSource *source)
{
  DirSource *self = (DirSource *)source;

  sc_close_fd_p (&self->dfd);
  g_free (self->path);
  g_free (self);
}

/* The open regular file, or -1.  Does not wait for the writer of a fifo that someone put there. */
static int
open_file (DirSource *self, const char *name, GError **error)
{
  SC_AUTOFD int fd =
      sc_fs_open_in_root (self->dfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0, error);
  struct stat st;

  if (fd < 0)
    return -1;
  if (fstat (fd, &st) < 0)
    return sc_fail_errno (error, errno, "%s", name) ? 0 : -1;
  if (!S_ISREG (st.st_mode))
    return sc_fail (error, SC_ERROR_INVALID, "%s is not a regular file", name) ? 0 : -1;
  return sc_steal_fd (&fd);
}

static GBytes *
read_file (DirSource *self, const char *name, gsize max, GError **error)
{
  SC_AUTOFD int fd = open_file (self, name, error);

  return fd >= 0 ? sc_fs_read_fd (fd, name, max, error) : NULL;
}

/* Early writers had no such file; their blobs, which had other names, are then not found. */
static gboolean
check_version (DirSource *self, GError **error)
{
  g_autoptr (GError) reason = NULL;
  g_autoptr (GBytes) data = read_file (self, VERSION_FILE, VERSION_MAX_SIZE, &reason);
  g_autofree char *text = NULL;
  g_autofree char *shown = NULL;

  if (data == NULL && g_error_matches (reason, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    return TRUE;
  if (data == NULL)
    {
      g_propagate_error (error, g_steal_pointer (&reason));
      return FALSE;
    }
  text = g_strndup (g_bytes_get_data (data, NULL), g_bytes_get_size (data));
  if (strcmp (g_strchomp (text), VERSION) == 0)
    return TRUE;
  shown = sc_name_escape (text);
  return sc_fail (error, SC_ERROR_UNSUPPORTED, VERSION_FILE ": it says '%s', only '" VERSION "' is supported", shown);
}

static ScBlobSource *
dir_open (const ScReference *ref, const ScBlobSourceOptions *options, GCancellable *cancellable, GError **error)
{
  int dfd = open (ref->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DirSource *self;

  if (dfd < 0)
    return sc_fail_errno_null (error, errno, "image directory %s", ref->path);
  self = g_new0 (DirSource, 1);
  self->dfd = dfd;
  self->path = g_strdup (ref->path);
  if (!check_version (self, error))
    {
      dir_free (&self->base);
      return sc_prefix_null (error, "image directory %s", ref->path);
    }
  return &self->base;
}

static GBytes *
read_manifest (DirSource *self, const char *digest, GError **error)
{
  g_autofree char *name = NULL;

  if (digest == NULL)
    return read_file (self, TOP_FILE, SC_MANIFEST_MAX_SIZE, error);
  if (!sc_digest_check (digest, NULL))
    return sc_fail_null (error, SC_ERROR_NOT_FOUND, "it has no '%s'", digest);
  name = g_strconcat (sc_digest_hex (digest), ".manifest.json", NULL);
  return read_file (self, name, SC_MANIFEST_MAX_SIZE, error);
}

/* The manifest of @digest may be the top one, which has no name of its own. */
static gboolean
is_top (DirSource *self, const char *digest)
{
  g_autoptr (GBytes) top = read_manifest (self, NULL, NULL);
  g_autofree char *found = NULL;

  if (top != NULL)
    found = sc_digest_of (g_bytes_get_data (top, NULL), g_bytes_get_size (top));
  return g_strcmp0 (found, digest) == 0;
}

static GBytes *
dir_fetch_manifest (ScBlobSource *source, const char *digest, char **out_media_type, GCancellable *cancellable,
                    GError **error)
{
  DirSource *self = (DirSource *)source;
  GBytes *data = read_manifest (self, digest != NULL && is_top (self, digest) ? NULL : digest, error);

  if (data == NULL)
    return sc_prefix_null (error, "image directory %s", self->path);
  *out_media_type = NULL;
  return data;
}

static GInputStream *
dir_open_blob (ScBlobSource *source, const ScDescriptor *descriptor, GCancellable *cancellable, GError **error)
{
  DirSource *self = (DirSource *)source;
  int fd = open_file (self, sc_digest_hex (descriptor->digest), error);

  if (fd < 0)
    return sc_prefix_null (error, "image directory %s", self->path);
  return g_unix_input_stream_new (fd, TRUE);
}

/* Reads "PREFIXsignature-N" for N from 1 until there is none. */
static GPtrArray *
read_signatures (DirSource *self, const char *prefix, GError **error)
{
  g_autoptr (GPtrArray) all = g_ptr_array_new_with_free_func ((GDestroyNotify)g_bytes_unref);

  while (TRUE)
    {
      g_autoptr (GError) reason = NULL;
      g_autofree char *name = g_strdup_printf ("%ssignature-%u", prefix, all->len + 1);
      GBytes *data = read_file (self, name, SC_SIGNATURE_MAX_SIZE, &reason);

      if (data == NULL && g_error_matches (reason, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
        return g_steal_pointer (&all);
      if (data == NULL)
        {
          g_propagate_error (error, g_steal_pointer (&reason));
          return NULL;
        }
      g_ptr_array_add (all, data);
      if (all->len > SC_SIGNATURES_MAX)
        return sc_fail_null (error, SC_ERROR_LIMIT, "more than %d signatures", SC_SIGNATURES_MAX);
    }
}

static GPtrArray *
dir_fetch_signatures (ScBlobSource *source, const char *manifest_digest, GCancellable *cancellable, GError **error)
{
  DirSource *self = (DirSource *)source;
  g_autofree char *prefix = NULL;
  GPtrArray *all;

  prefix = is_top (self, manifest_digest) ? g_strdup ("") : g_strconcat (sc_digest_hex (manifest_digest), "-", NULL);
  all = read_signatures (self, prefix, error);
  return all != NULL ? all : sc_prefix_null (error, "image directory %s", self->path);
}

const ScBlobSourceClass sc_dir_source_class = {
  .transport = SC_TRANSPORT_DIR,
  .open = dir_open,
  .fetch_manifest = dir_fetch_manifest,
  .open_blob = dir_open_blob,
  .fetch_signatures = dir_fetch_signatures,
  .free = dir_free,
};
