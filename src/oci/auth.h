/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "context.h"
#include "progress.h"

/*
 * Logins that other tools have left for registries: containers-auth.json(5), Docker's config.json and .dockercfg, and
 * credential helpers ("docker-credential-NAME get").  No secret is ever part of a message.
 */

#define SC_AUTH_FILES "containers-auth.json" /* the helper of registries.conf that means the files */

/* Wiped when it is freed. */
typedef struct
{
  char *user;           /* (nullable) */
  char *password;       /* (nullable) */
  char *identity_token; /* (nullable): to be exchanged for a token; @user may then be NULL */
  char *origin;         /* file or helper, for messages */
} ScLogin;

void sc_login_free (ScLogin *login);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScLogin, sc_login_free)

/* Wipes and frees; (nullable) */
void sc_secret_free (char *secret);

typedef struct
{
  const ScContext *ctx;
  const char *registry;       /* host[:port] */
  const char *repository;     /* in full: "library/busybox" */
  const char *auth_file;      /* (nullable): of --authfile */
  const char *const *helpers; /* (nullable): credential-helpers of registries.conf; NULL: the files alone */
  const ScProgressSink *sink; /* (nullable) */
} ScLoginQuery;

/**
 * sc_login_find:
 * @out: (out) (transfer full): NULL if nobody knows a login
 *
 * Asks the helpers of @query in their order; SC_AUTH_FILES among them stands for the files, which are: --authfile, or
 * else $REGISTRY_AUTH_FILE, or else $XDG_RUNTIME_DIR/containers/auth.json, or else /run/containers/UID/auth.json; then
 * $XDG_CONFIG_HOME (~/.config)/containers/auth.json, $DOCKER_CONFIG (~/.docker)/config.json and ~/.dockercfg.  The
 * first file that has a login for the registry counts.  In one file: the registry's helper (credHelpers), the entries
 * of the repository and of the namespaces above it down to the registry, entries that are written as URLs, the store
 * (credsStore).
 *
 * Errors: SC_ERROR_INVALID for a file that is malformed, SC_ERROR_NOT_FOUND if @auth_file is not there, SC_ERROR_FAILED
 * for a helper that fails if nobody after it knows better; all name the file or the program.
 */
gboolean sc_login_find (const ScLoginQuery *query, ScLogin **out, GCancellable *cancellable, GError **error) SC_CHECK;

/* What the text of one file says; see sc_login_find(). @name: for messages. @legacy: it is a .dockercfg */
gboolean sc_login_find_in (const ScLoginQuery *query, const char *name, GBytes *text, gboolean legacy, ScLogin **out,
                           GCancellable *cancellable, GError **error) SC_CHECK;

/**
 * sc_login_ask:
 * @helper: the NAME of docker-credential-NAME
 *
 * What one helper says of @server; *out is NULL if it knows none.
 */
gboolean sc_login_ask (const char *helper, const char *server, ScLogin **out, GCancellable *cancellable,
                       GError **error) SC_CHECK;
