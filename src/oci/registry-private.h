/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "blob-source.h"
#include "http.h"

/*
 * What the files of the registry transport share: registry.c (the source: which endpoints there are, and in which order
 * they are asked), registry-endpoint.c (one endpoint: its address, its logins, single requests) and registry-stream.c
 * (blobs that survive a lost connection).  Internal to them.
 *
 * An endpoint is one place that may have the image: a mirror that registries.conf names, or the registry itself, always
 * the last.
 */

typedef struct _ScRegistryEndpoint ScRegistryEndpoint;

/* What an endpoint is made of; everything is copied but the context. */
typedef struct
{
  const char *registry;      /* host[:port] as it is called; certificates and credentials are found under it */
  const char *repository;    /* there; "library/" is put before a name of one part on docker.io */
  const char *tag;           /* (nullable) */
  const char *digest;        /* (nullable): wins over @tag */
  gboolean insecure;         /* TLS is not verified, plain HTTP will do */
  ScCredentials credentials; /* (nullable user): NULL: those that sc_login_find() knows */
  const char *const *credential_helpers; /* (nullable): for sc_login_find() */
} ScRegistryPlace;

/* Looks nothing up; what can fail does so in the first request. */
ScRegistryEndpoint *sc_registry_endpoint_new (const ScRegistryPlace *place, const ScBlobSourceOptions *options);
void sc_registry_endpoint_free (ScRegistryEndpoint *endpoint);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScRegistryEndpoint, sc_registry_endpoint_free)

/* "REGISTRY/REPOSITORY" with "library/" where it belongs, for messages and lookups; owned by @endpoint. */
const char *sc_registry_endpoint_name (const ScRegistryEndpoint *endpoint);

/* The repository there; owned by @endpoint. */
const char *sc_registry_endpoint_repository (const ScRegistryEndpoint *endpoint);

/* Tag or digest of the image there; owned by @endpoint. */
const char *sc_registry_endpoint_top (const ScRegistryEndpoint *endpoint);

/**
 * sc_registry_endpoint_get:
 * @path: below "/v2/REPOSITORY/", or from the top of the host if it begins with "/"
 * @headers: (nullable): as for sc_http_open()
 * @what: the thing that is asked for, for messages: "blob sha256:... of REPOSITORY"
 *
 * GET; a challenge is answered once.
 *
 * Returns: the body of a 200 or, if a header asked for a range, a 206. Errors: SC_ERROR_NOT_FOUND (404),
 * SC_ERROR_DENIED (401, 403), SC_ERROR_UNAVAILABLE (429, 5xx, no connection), SC_ERROR_INVALID (any other status).
 */
GInputStream *sc_registry_endpoint_get (ScRegistryEndpoint *endpoint, const char *path, const char *const *headers,
                                        const char *what, ScHttpResponse *response, GCancellable *cancellable,
                                        GError **error) SC_CHECK;

/* How many endpoints @source, which is of this transport, has. */
guint sc_registry_n_endpoints (ScBlobSource *source);

/* Owned by @source. */
ScRegistryEndpoint *sc_registry_endpoint (ScBlobSource *source, guint index);

/* The endpoint that gave the last manifest, 0 before the first one: the one to ask for blobs first. */
guint sc_registry_current_endpoint (ScBlobSource *source);

/**
 * sc_registry_open_blob_at:
 * @index: which endpoint
 * @offset: of the first byte that is wanted
 * @out_start: (out): offset of the first byte that the stream gives: @offset, or 0 from a registry that knows no ranges
 *
 * One request to one endpoint: no retry, no other endpoint.  Opening a blob makes the last stream of the same endpoint
 * unusable.
 *
 * Errors: those of sc_registry_endpoint_get(); SC_ERROR_INVALID for an answer with another range than the one asked
 * for.
 */
GInputStream *sc_registry_open_blob_at (ScBlobSource *source, guint index, const ScDescriptor *descriptor,
                                        guint64 offset, guint64 *out_start, ScHttpResponse *response,
                                        GCancellable *cancellable, GError **error) SC_CHECK;

/* The class's fetch_referrers, from the endpoint that gave the last manifest. */
GPtrArray *sc_registry_fetch_referrers (ScBlobSource *source, const char *digest, const char *artifact_type,
                                        GCancellable *cancellable, GError **error) SC_CHECK;

/* As ScBlobSourceClass.fetch_signatures: from the endpoint that gave the last manifest if it keeps signatures itself,
 * else from where registries.d says. */
GPtrArray *sc_registry_fetch_signatures (ScBlobSource *source, const char *manifest_digest, GCancellable *cancellable,
                                         GError **error) SC_CHECK;

/* As ScBlobSourceClass.use_attachments: as registries.d says for that endpoint. */
gboolean sc_registry_use_attachments (ScBlobSource *source, gboolean *out, GError **error) SC_CHECK;

/* What the endpoint was made with. */
const ScContext *sc_registry_endpoint_context (const ScRegistryEndpoint *endpoint);
