/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "blob-source.h"
#include "http.h"

/*
 * Who we are to a registry, for one repository: nobody, Basic credentials, or the bearer token of a token server
 * (distribution specification, "Authentication"; the token protocol of Docker's registry).  Internal to oci.
 */

typedef struct _ScRegistryAuth ScRegistryAuth;

/**
 * sc_registry_auth_new:
 * @registry: the name shown in messages
 * @repository: what the token is asked for
 * @credentials: (nullable user)
 * @http: how to reach a token server; used later, so what it points to must stay; its client certificate is shown only
 *        to a token server that is the registry itself
 * @insecure: credentials may go over plain HTTP
 */
ScRegistryAuth *sc_registry_auth_new (const char *registry, const char *repository, const ScCredentials *credentials,
                                      const ScHttpOptions *http, gboolean insecure);
void sc_registry_auth_free (ScRegistryAuth *auth);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScRegistryAuth, sc_registry_auth_free)

/* Sets *out_header (transfer full) (nullable) to the value of the Authorization header for the next request; a token
 * that has expired is replaced first. */
gboolean sc_registry_auth_prepare (ScRegistryAuth *auth, char **out_header, GCancellable *cancellable,
                                   GError **error) SC_CHECK;

/**
 * sc_registry_auth_answer:
 * @root_url: "https://HOST" of the registry
 * @challenge: (nullable): WWW-Authenticate of the 401 that the last request got
 * @again: the request was already an answer to a challenge
 *
 * Makes ready for one more try.
 *
 * Errors: SC_ERROR_DENIED "REGISTRY asks for a user name: use --src-creds", "REGISTRY refused the user name or
 * password" and the like; SC_ERROR_UNSUPPORTED for a challenge of another kind; those of the token server, which is
 * named.
 */
gboolean sc_registry_auth_answer (ScRegistryAuth *auth, const char *root_url, const char *challenge, gboolean again,
                                  GCancellable *cancellable, GError **error) SC_CHECK;
