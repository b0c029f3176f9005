/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The table of transports, and what is the same for all of them.  The only place that knows which transports there
 * are; knows nothing of how any of them works.
 */

#include "blob-source.h"

#include <string.h>

#include "containers-storage.h"
#include "digest.h"
#include "dir.h"
#include "docker-archive.h"
#include "docker-daemon.h"
#include "layout.h"
#include "names.h"
#include "oci-archive.h"
#include "registry.h"

#define READ_SIZE ((gsize)64 * 1024)

/* clang-format off */
static const ScBlobSourceClass *const classes[] = {
  &sc_registry_source_class,
  &sc_layout_source_class,
  &sc_oci_archive_source_class,
  &sc_docker_archive_source_class,
  &sc_docker_daemon_source_class,
  &sc_dir_source_class,
  &sc_containers_storage_source_class,
};
/* clang-format on */

ScBlobSource *
sc_blob_source_open (const ScReference *ref, const ScBlobSourceOptions *options, GCancellable *cancellable,
                     GError **error)
{
  for (gsize i = 0; i < G_N_ELEMENTS (classes); i++)
    if (classes[i]->transport == ref->transport)
      {
        ScBlobSource *source = classes[i]->open (ref, options, cancellable, error);

        if (source == NULL)
          return NULL;
        source->klass = classes[i];
        source->ref = sc_reference_copy (ref);
        return source;
      }
  return sc_fail_null (error, SC_ERROR_UNSUPPORTED, "transport '%s' is not supported",
                       sc_transport_name (ref->transport));
}

void
sc_blob_source_free (ScBlobSource *source)
{
  g_autoptr (ScReference) ref = NULL;
  g_autoptr (ScReference) resolved = NULL;
  g_autofree char *name = NULL, *signatures = NULL;

  if (source == NULL)
    return;
  ref = source->ref;
  resolved = source->resolved;
  name = source->name;
  signatures = source->signatures;
  source->klass->free (source);
}

const ScReference *
sc_blob_source_logical (const ScBlobSource *source)
{
  return source->resolved != NULL ? source->resolved : source->ref;
}

char *
sc_blob_source_store_name (ScBlobSource *source)
{
  g_autofree char *name = sc_reference_store_name (source->ref);

  if (name != NULL)
    return g_steal_pointer (&name);
  if (source->name != NULL)
    return g_strdup (source->name);
  return sc_name_from_path (source->ref->path, source->ref->tag);
}

static GBytes *
fetch_blob_once (ScBlobSource *source, const ScDescriptor *descriptor, gsize max, GCancellable *cancellable,
                 GError **error)
{
  g_autoptr (GInputStream) stream = NULL;
  g_autoptr (GByteArray) data = g_byte_array_new ();
  g_autofree guint8 *buffer = g_malloc (READ_SIZE);
  g_autofree char *digest = NULL;

  if (descriptor->size > max)
    return sc_fail_null (error, SC_ERROR_LIMIT, "blob %s: %" G_GUINT64_FORMAT " bytes, more than the %zu accepted",
                         descriptor->digest, descriptor->size, max);
  stream = source->klass->open_blob (source, descriptor, cancellable, error);
  if (stream == NULL)
    return NULL;
  for (;;)
    {
      gssize n = g_input_stream_read (stream, buffer, READ_SIZE, cancellable, error);

      if (n < 0)
        return NULL;
      if (n == 0)
        break;
      if ((guint64)n > descriptor->size - data->len)
        return sc_fail_null (error, SC_ERROR_DIGEST, "blob %s: larger than the %" G_GUINT64_FORMAT " bytes announced",
                             descriptor->digest, descriptor->size);
      g_byte_array_append (data, buffer, (guint)n);
    }
  if (data->len != descriptor->size)
    return sc_fail_null (error, SC_ERROR_DIGEST, "blob %s: %u bytes where %" G_GUINT64_FORMAT " were announced",
                         descriptor->digest, data->len, descriptor->size);
  digest = sc_digest_of (data->data, data->len);
  if (strcmp (digest, descriptor->digest) != 0)
    return sc_fail_null (error, SC_ERROR_DIGEST, "blob: digest mismatch: expected %s, got %s", descriptor->digest,
                         digest);
  return g_byte_array_free_to_bytes (g_steal_pointer (&data));
}

gboolean
sc_blob_source_use_next_place (ScBlobSource *source, const ScDescriptor *descriptor)
{
  return source->klass->use_next_place != NULL && source->klass->use_next_place (source, descriptor->digest);
}

GBytes *
sc_blob_source_fetch_blob (ScBlobSource *source, const ScDescriptor *descriptor, gsize max, GCancellable *cancellable,
                           GError **error)
{
  for (;;)
    {
      g_autoptr (GError) failure = NULL;
      GBytes *blob = fetch_blob_once (source, descriptor, max, cancellable, &failure);

      if (blob != NULL)
        return blob;
      if (g_error_matches (failure, SC_ERROR, SC_ERROR_DIGEST) && sc_blob_source_use_next_place (source, descriptor))
        continue;
      g_propagate_error (error, g_steal_pointer (&failure));
      return NULL;
    }
}

GInputStream *
sc_blob_source_open_blob (ScBlobSource *source, const ScDescriptor *descriptor, GCancellable *cancellable,
                          GError **error)
{
  return source->klass->open_blob (source, descriptor, cancellable, error);
}

gboolean
sc_blob_source_is_remote (ScBlobSource *source, guint *out_streams)
{
  *out_streams = MAX (source->klass->max_streams, 1);
  return source->klass->open_blob_at != NULL;
}

GInputStream *
sc_blob_source_open_blob_at (ScBlobSource *source, const ScDescriptor *descriptor, guint64 offset,
                             GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (source->klass->open_blob_at != NULL, NULL);
  return source->klass->open_blob_at (source, descriptor, offset, cancellable, error);
}
