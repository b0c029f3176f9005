/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "error.h"

/*
 * Image references as docs/cli.md lists them, and nothing else: no file or network is touched here.
 * The grammar of registry names is that of the distribution specification ("Pulling manifests") and
 * of the reference grammar that Docker and skopeo share.
 */

typedef enum
{
  SC_TRANSPORT_REGISTRY,           /* NAME, http:NAME, oci:NAME, docker://NAME */
  SC_TRANSPORT_OCI_LAYOUT,         /* oci:/DIR[:TAG] (also oci:./DIR, oci:../DIR) */
  SC_TRANSPORT_OCI_ARCHIVE,        /* oci-archive:PATH[:TAG] */
  SC_TRANSPORT_DOCKER_ARCHIVE,     /* dockertar:/PATH, dockertar://PATH, docker-archive:PATH[:NAME[:TAG]|:@N] */
  SC_TRANSPORT_DOCKER_DAEMON,      /* docker:NAME[:TAG], docker-daemon:NAME[:TAG], docker:sha256:ID */
  SC_TRANSPORT_DIR,                /* dir:PATH */
  SC_TRANSPORT_CONTAINERS_STORAGE, /* containers-storage:NAME[:TAG] */
} ScTransport;

typedef struct
{
  ScTransport transport;
  gboolean insecure; /* written with http: : plain HTTP, or TLS that is not verified */
  char *path;        /* (nullable): file or directory of the transports that have one */
  char *registry;    /* (nullable): host[:port], lower-cased host; NULL: none was written */
  char *repository;  /* (nullable): path components joined by "/" */
  char *tag;         /* (nullable): as written; NULL: none */
  char *digest;      /* (nullable): "sha256:..." */
  char *id;  /* (nullable): "sha256:...": an image of the Docker daemon by its id; then there is no repository */
  guint nth; /* image of an archive by its place, from 1; 0: not named so */
} ScReference;

/**
 * sc_reference_parse:
 *
 * Errors (SC_ERROR_USAGE), each with a message of its own that quotes @text: empty; upper-case letter in the
 * repository; empty path component; bad character; bad port; unclosed or invalid IPv6 literal; empty or
 * invalid tag; tag over 128 characters; invalid digest; digest algorithm other than sha256; name over 255
 * characters; relative path where one must be absolute; empty path.
 */
ScReference *sc_reference_parse (const char *text, GError **error) SC_CHECK;
void sc_reference_free (ScReference *ref);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScReference, sc_reference_free)
ScReference *sc_reference_copy (const ScReference *ref);

/* (transfer full): the reference written out in full, as it would be parsed again. */
char *sc_reference_format (const ScReference *ref);

/* (transfer full) (nullable): the name an image is stored under: "[registry/]repository:tag" or
 * "[registry/]repository@sha256:...", tag "latest" if neither was written, and the digest when both were.
 * NULL if the reference has no repository (the transport then names the image). */
char *sc_reference_store_name (const ScReference *ref);

/* "registry", "oci", "docker-archive", ... for messages. */
const char *sc_transport_name (ScTransport transport);

/* TRUE for localhost, 127.0.0.0/8 and [::1], with or without a port. */
gboolean sc_registry_is_loopback (const char *registry);
