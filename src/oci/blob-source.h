/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "context.h"
#include "model.h"
#include "progress.h"
#include "reference.h"

/*
 * A blob source is a place that images come from.  A transport is one file with one const ScBlobSourceClass
 * and one line in the table of blob-source.c; nothing else knows which transports there are.
 *
 * Nothing that a source returns is trusted: callers check digests and sizes.
 */

typedef struct _ScBlobSource ScBlobSource;

typedef struct
{
  const char *user;           /* (nullable) */
  const char *password;       /* (nullable) */
  const char *identity_token; /* (nullable): to be exchanged for the token of a registry */
} ScCredentials;

/* Asks the user which of @candidates ("registry/repository:tag", NULL-terminated) is meant by @name: its index, or -1
 * with @error set. */
typedef int (*ScChooseFunc) (const char *name, const char *const *candidates, gpointer data, GCancellable *cancellable,
                             GError **error);

typedef struct
{
  const ScContext *ctx;
  ScCredentials credentials; /* of --src-creds */
  const char *auth_file;     /* (nullable): of --authfile, as the caller's working directory sees it */
  const ScProgressSink
      *sink;           /* (nullable): hears of decisions: notes, and SC_PROGRESS_DEBUG with the file behind each */
  ScChooseFunc choose; /* (nullable): NULL: there is nobody to ask */
  gpointer choose_data;
} ScBlobSourceOptions;

#define SC_SIGNATURES_MAX       128
#define SC_SIGNATURE_MAX_SIZE   (4 * 1024 * 1024)
#define SC_SIGNATURES_MAX_TOTAL (16 * 1024 * 1024)
#define SC_REFERRERS_MAX_PAGES  16

typedef struct
{
  ScTransport transport;
  /* Opens the place that @ref names; fetches nothing from a network yet. sc_blob_source_open() fills in klass and ref.
   */
  ScBlobSource *(*open) (const ScReference *ref, const ScBlobSourceOptions *options, GCancellable *cancellable,
                         GError **error);
  /* The top document (@digest NULL) or the manifest @digest, which may be another tag of the same repository too (it
   * has no ':' then; SC_ERROR_NOT_FOUND if the place has no such tag, or knows no tags).  *out_media_type may be set to
   * NULL. At most SC_MANIFEST_MAX_SIZE bytes. */
  GBytes *(*fetch_manifest) (ScBlobSource *source, const char *digest, char **out_media_type, GCancellable *cancellable,
                             GError **error);
  /* A stream of the blob's bytes as stored; the stream may outlive no source. It is read by one thread, which
   * need not be the one that opened it; a source is used for one blob at a time. */
  GInputStream *(*open_blob) (ScBlobSource *source, const ScDescriptor *descriptor, GCancellable *cancellable,
                              GError **error);
  /* (nullable): NULL if a blob can be read from its start only, which is then near by.  As open_blob, from byte
   * @offset (at most the blob's size) on; may be called in several threads, and @max_streams of the streams may be open
   * at once. */
  GInputStream *(*open_blob_at) (ScBlobSource *source, const ScDescriptor *descriptor, guint64 offset,
                                 GCancellable *cancellable, GError **error);
  guint max_streams; /* of open_blob_at; 0: one */
  /* (nullable): NULL if the transport keeps no signatures.  The signatures (GBytes, containers-signature(5)) that are
   * kept for the manifest @manifest_digest, in the order of the place; an empty array if there are none.  At most
   * SC_SIGNATURES_MAX of at most SC_SIGNATURE_MAX_SIZE bytes each, more is SC_ERROR_LIMIT.  They are as the place has
   * them: only oci/policy judges them. (transfer full) */
  GPtrArray *(*fetch_signatures) (ScBlobSource *source, const char *manifest_digest, GCancellable *cancellable,
                                  GError **error);
  /* (nullable): NULL if there are no sigstore signatures but those of fetch_signatures.  Sets *@out to whether the
   * administrator lets signatures that are attached to the image be looked for (sc_sigstore_fetch()). */
  gboolean (*use_attachments) (ScBlobSource *source, gboolean *out, GError **error);
  /* (nullable): NULL if fetch_manifest does.  As that, for the manifest of something that is attached to the image
   * (@which: tag or digest): from the very place that gave the image, and no other. (transfer full) */
  GBytes *(*fetch_attached) (ScBlobSource *source, const char *which, char **out_media_type, GCancellable *cancellable,
                             GError **error);
  /* (nullable): NULL if the transport has no lists of referrers.  The pages (GBytes), each an index, of what refers to
   * @digest and is of @artifact_type; what is of another type may be in them too (distribution specification 1.1,
   * "Listing Referrers").  At most SC_REFERRERS_MAX_PAGES of SC_MANIFEST_MAX_SIZE bytes each, more is SC_ERROR_LIMIT;
   * SC_ERROR_NOT_FOUND if the place does not know such lists. (transfer full) */
  GPtrArray *(*fetch_referrers) (ScBlobSource *source, const char *digest, const char *artifact_type,
                                 GCancellable *cancellable, GError **error);
  /* Frees the source itself, but not the ref and name of its base. */
  void (*free) (ScBlobSource *source);
} ScBlobSourceClass;

/* Embedded as the first member by every transport. */
struct _ScBlobSource
{
  const ScBlobSourceClass *klass;
  ScReference *ref;      /* owned by the base */
  ScReference *resolved; /* (nullable): owned by the base; see sc_blob_source_logical() */
  char *name;            /* (nullable): store name the transport found (tag in an archive, ref.name in a layout) */
  char *signatures;      /* (nullable): where fetch_signatures() looked, for messages */
};

/* SC_ERROR_UNSUPPORTED "transport 'dir' is not supported" if no class serves it. */
ScBlobSource *sc_blob_source_open (const ScReference *ref, const ScBlobSourceOptions *options,
                                   GCancellable *cancellable, GError **error) SC_CHECK;
void sc_blob_source_free (ScBlobSource *source);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScBlobSource, sc_blob_source_free)

/* The reference that policy, signatures and messages go by: @ref, or what a name without a registry turned out to mean
 * once the top document was fetched.  Mirrors and rewritten locations do not change it.  Owned by @source. */
const ScReference *sc_blob_source_logical (const ScBlobSource *source);

/* (transfer full): the name to store the image under: what the reference says, else what the transport found,
 * else "<file or directory name>:latest" made to fit the grammar. */
char *sc_blob_source_store_name (ScBlobSource *source);

/* Reads a small blob whole and checks its size and digest against @descriptor (SC_ERROR_DIGEST, SC_ERROR_LIMIT). */
GBytes *sc_blob_source_fetch_blob (ScBlobSource *source, const ScDescriptor *descriptor, gsize max,
                                   GCancellable *cancellable, GError **error) SC_CHECK;

/* A stream of the blob's bytes as stored, not checked; see ScBlobSourceClass. */
GInputStream *sc_blob_source_open_blob (ScBlobSource *source, const ScDescriptor *descriptor, GCancellable *cancellable,
                                        GError **error) SC_CHECK;

/* Tells whether blobs come from afar, so that it pays to keep what has arrived: sc_blob_source_open_blob_at() then
 * asks for the rest only.  *out_streams: how many may be open at once. */
gboolean sc_blob_source_is_remote (ScBlobSource *source, guint *out_streams);

/* As sc_blob_source_open_blob(), from byte @offset on, for a remote source; see ScBlobSourceClass. */
GInputStream *sc_blob_source_open_blob_at (ScBlobSource *source, const ScDescriptor *descriptor, guint64 offset,
                                           GCancellable *cancellable, GError **error) SC_CHECK;
