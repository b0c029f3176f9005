/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "context.h"

/*
 * Certificates that the administrator keeps for one registry: containers-certs.d(5).
 */

typedef struct
{
  GBytes *ca;          /* (nullable): PEM, all CA certificates after each other */
  GBytes *client_cert; /* (nullable): PEM */
  GBytes *client_key;  /* (nullable): PEM; set if @client_cert is */
} ScCerts;

/**
 * sc_certs_find:
 * @registry: host[:port], as written in the reference
 *
 * Reads ~/.config/containers/certs.d/REGISTRY, /etc/containers/certs.d/REGISTRY and /etc/docker/certs.d/REGISTRY of
 * @ctx, as far as they are there: every *.crt is a CA certificate, and the first *.cert (by name, of the first
 * directory that has one) with the *.key of the same name is the client's certificate.  Links are resolved inside the
 * context's root.
 *
 * Errors: SC_ERROR_INVALID for a *.cert without *.key or the reverse, a file that is not PEM, or a @registry that
 * cannot be one (so that no name leads out of the directories); SC_ERROR_LIMIT; G_IO_ERROR.  All name the file.
 */
ScCerts *sc_certs_find (const ScContext *ctx, const char *registry, GError **error) SC_CHECK;
void sc_certs_free (ScCerts *certs);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScCerts, sc_certs_free)
