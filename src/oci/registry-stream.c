/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A blob on its way: one stream to the reader, as many requests to the endpoints as it takes.  What was given to the
 * reader is never taken back, so another answer than the rest of the same blob is an error; whether all of it is the
 * blob that was meant is for the reader to check.
 *
 * The tries are bounded: SC_RETRY_TRIES rounds of the endpoints in a row that bring less than PROGRESS bytes,
 * SHORT_TRIES bodies in a row that bring less than SHORT, and OPENS_MAX requests in all.
 */

#include "registry-stream.h"

#include <string.h>

#include "http-retry.h"
#include "registry-private.h"

#define PROGRESS    ((guint64)64 * 1024)
#define SHORT       ((guint64)1024 * 1024)
#define SHORT_TRIES 20
#define OPENS_MAX   2000
#define SKIP_SIZE   ((gsize)64 * 1024)

#define SC_TYPE_REGISTRY_STREAM (sc_registry_stream_get_type ())
G_DECLARE_FINAL_TYPE (ScRegistryStream, sc_registry_stream, SC, REGISTRY_STREAM, GInputStream)

struct _ScRegistryStream
{
  GInputStream parent;

  ScBlobSource *source;
  ScDescriptor *blob;
  GInputStream *body; /* (nullable): NULL: to be opened at @position */
  guint64 position;   /* of the next byte for the reader */
  guint64 opened_at;  /* @position when @body was opened */
  guint endpoint;
  guint opens;
  guint shorts;     /* bodies in a row that broke off before SHORT */
  gboolean seen;    /* an answer came: the place is there, and what fails now may pass */
  gboolean checked; /* nothing follows the last byte */
  gboolean clean;   /* the last body came to its end without an error */
  ScRetry retry;
};

G_DEFINE_FINAL_TYPE (ScRegistryStream, sc_registry_stream, G_TYPE_INPUT_STREAM)

/* The length of the whole blob that the answer tells of, -1 if it does not. RFC 9110, 14.4. */
static gint64
announced_size (const ScHttpResponse *response)
{
  const char *slash = response->content_range != NULL ? strrchr (response->content_range, '/') : NULL;

  if (response->status != 206)
    return response->content_length;
  return slash != NULL && g_ascii_isdigit (slash[1]) ? (gint64)g_ascii_strtoull (slash + 1, NULL, 10) : -1;
}

/* Reads what comes before @position of the answer of a registry that knows no ranges. */
static gboolean
skip (ScRegistryStream *self, GInputStream *body, guint64 count, GCancellable *cancellable, GError **error)
{
  g_autofree guint8 *buffer = g_malloc (SKIP_SIZE);

  while (count > 0)
    {
      gssize n = g_input_stream_read (body, buffer, (gsize)MIN (count, SKIP_SIZE), cancellable, error);

      if (n < 0)
        return FALSE;
      if (n == 0)
        return sc_fail (error, SC_ERROR_UNAVAILABLE, "%s sends less of it than before",
                        sc_registry_endpoint_name (sc_registry_endpoint (self->source, self->endpoint)));
      count -= (guint64)n;
    }
  return TRUE;
}

/* One request to the current endpoint. */
static gboolean
open_once (ScRegistryStream *self, ScHttpResponse *response, GCancellable *cancellable, GError **error)
{
  const char *name = sc_registry_endpoint_name (sc_registry_endpoint (self->source, self->endpoint));
  g_autoptr (GInputStream) body = NULL;
  guint64 start = 0;
  gint64 size = -1;

  if (++self->opens > OPENS_MAX)
    return sc_fail (error, SC_ERROR_INVALID, "%s was asked %d times for the rest of it", name, OPENS_MAX);
  body = sc_registry_open_blob_at (self->source, self->endpoint, self->blob, self->position, &start, response,
                                   cancellable, error);
  if (body == NULL)
    {
      if (self->clean && response->status == 416)
        {
          g_clear_error (error);
          return sc_fail (error, SC_ERROR_DIGEST,
                          "truncated: %s has %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " bytes", name,
                          self->position, self->blob->size);
        }
      return FALSE;
    }
  size = announced_size (response);
  if (size >= 0 && (guint64)size != self->blob->size)
    return sc_fail (
        error, SC_ERROR_DIGEST, "%s: %s has %" G_GINT64_FORMAT " bytes where %" G_GUINT64_FORMAT " were announced",
        (guint64)size < self->blob->size ? "truncated" : "larger than announced", name, size, self->blob->size);
  if (!skip (self, body, self->position - start, cancellable, error))
    return FALSE;
  self->body = g_steal_pointer (&body);
  self->opened_at = self->position;
  self->seen = TRUE;
  return TRUE;
}

/* A place that was there before may come back too. */
static gboolean
may_pass (const ScRegistryStream *self, const ScHttpResponse *response, const GError *failure)
{
  return sc_retry_may_pass (response, failure)
         || (self->seen && response->status == 0 && g_error_matches (failure, SC_ERROR, SC_ERROR_UNAVAILABLE));
}

/*
 * Opens the body at @position: one endpoint after the other from the current one on, and again as long as one of them
 * may still help.
 */
static gboolean
open_body (ScRegistryStream *self, GCancellable *cancellable, GError **error)
{
  guint n = sc_registry_n_endpoints (self->source);

  for (;;)
    {
      g_autoptr (GError) hope = NULL;
      g_autoptr (GError) last = NULL;
      g_autofree char *retry_after = NULL;

      for (guint i = 0; i < n; i++)
        {
          g_auto (ScHttpResponse) response = { 0 };

          g_clear_error (&last);
          if (open_once (self, &response, cancellable, &last))
            return TRUE;
          if (g_error_matches (last, G_IO_ERROR, G_IO_ERROR_CANCELLED))
            {
              g_propagate_error (error, g_steal_pointer (&last));
              return FALSE;
            }
          g_debug ("%s", last->message);
          if (hope == NULL && may_pass (self, &response, last))
            {
              hope = g_error_copy (last);
              retry_after = g_strdup (response.retry_after);
            }
          self->endpoint = (self->endpoint + 1) % n;
        }
      if (hope != NULL)
        {
          g_autoptr (GError) cancelled = NULL;

          if (sc_retry_wait (&self->retry, retry_after, hope->message, cancellable, &cancelled))
            continue;
          if (cancelled != NULL)
            {
              g_propagate_error (error, g_steal_pointer (&cancelled));
              return FALSE;
            }
        }
      g_propagate_error (error, g_steal_pointer (&last));
      return FALSE;
    }
}

/* The body ended before the blob did: @failure says how, NULL if it looked like an end. */
static gboolean
lost_body (ScRegistryStream *self, GError **failure, GCancellable *cancellable)
{
  const char *name = sc_registry_endpoint_name (sc_registry_endpoint (self->source, self->endpoint));

  self->clean = *failure == NULL;
  if (self->clean)
    sc_fail (failure, SC_ERROR_UNAVAILABLE, "truncated: %s sent %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " bytes",
             name, self->position, self->blob->size);
  if (self->position - self->opened_at >= PROGRESS)
    self->retry.failures = 0;
  self->shorts = self->position - self->opened_at < SHORT ? self->shorts + 1 : 0;
  g_clear_object (&self->body);
  if (self->shorts >= SHORT_TRIES && g_error_matches (*failure, SC_ERROR, SC_ERROR_UNAVAILABLE))
    return sc_prefix (failure, "%s broke off %u times in a row", name, self->shorts);
  return sc_retry_failure (&self->retry, failure, cancellable);
}

/* Whether the body goes on after the last byte: nobody would see it. */
static gboolean
check_end (ScRegistryStream *self, GCancellable *cancellable, GError **error)
{
  guint8 byte = 0;

  if (self->body == NULL || self->checked)
    return TRUE;
  self->checked = TRUE;
  if (g_input_stream_read (self->body, &byte, 1, cancellable, NULL) > 0)
    return sc_fail (error, SC_ERROR_DIGEST, "larger than announced: more than %" G_GUINT64_FORMAT " bytes",
                    self->blob->size);
  return !g_cancellable_set_error_if_cancelled (cancellable, error);
}

static gssize
stream_read (GInputStream *stream, void *buffer, gsize count, GCancellable *cancellable, GError **error)
{
  ScRegistryStream *self = SC_REGISTRY_STREAM (stream);

  for (;;)
    {
      g_autoptr (GError) failure = NULL;
      guint64 left = self->blob->size - self->position;
      gssize n = 0;

      if (left == 0)
        return check_end (self, cancellable, error) ? 0 : -1;
      if (self->body == NULL && !open_body (self, cancellable, error))
        return -1;
      n = g_input_stream_read (self->body, buffer, (gsize)MIN (count, left), cancellable, &failure);
      if (n > 0)
        {
          self->position += (guint64)n;
          return n;
        }
      if (!lost_body (self, &failure, cancellable))
        {
          g_propagate_error (error, g_steal_pointer (&failure));
          return -1;
        }
    }
}

static void
stream_finalize (GObject *object)
{
  ScRegistryStream *self = SC_REGISTRY_STREAM (object);

  g_clear_object (&self->body);
  sc_descriptor_free (self->blob);
  G_OBJECT_CLASS (sc_registry_stream_parent_class)->finalize (object);
}

static void
sc_registry_stream_class_init (ScRegistryStreamClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = stream_finalize;
  G_INPUT_STREAM_CLASS (klass)->read_fn = stream_read;
}

static void
sc_registry_stream_init (ScRegistryStream *self)
{
}

GInputStream *
sc_registry_stream_open (ScBlobSource *source, const ScDescriptor *descriptor, guint64 offset,
                         GCancellable *cancellable, GError **error)
{
  g_autoptr (ScRegistryStream) self = g_object_new (SC_TYPE_REGISTRY_STREAM, NULL);

  g_return_val_if_fail (offset <= descriptor->size, NULL);
  self->source = source;
  self->blob = sc_descriptor_copy (descriptor);
  self->position = offset;
  self->endpoint = sc_registry_current_endpoint (source);
  if (offset < descriptor->size && !open_body (self, cancellable, error))
    return NULL;
  return G_INPUT_STREAM (g_steal_pointer (&self));
}
