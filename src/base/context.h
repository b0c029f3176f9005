/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "error.h"

/**
 * ScContext: where everything is.
 *
 * Every path that the program uses comes from here, so that a test, `--root` or
 * the environment redirects all of them.  Members named *_dir and checkouts are
 * paths as the host sees them once @root is its "/"; sc_context_path() makes of
 * one the path to open.  Nothing outside base reads the environment.
 */
typedef struct
{
  char *root;             /* (nullable): directory that stands for "/"; NULL: this system */
  char *checkouts;        /* deployments: /var/lib/containers/atomic */
  char *preinstalled;     /* read-only deployments: /usr/lib/containers/atomic */
  char *repo;             /* (nullable): repository, NULL: the rule of docs/formats.md */
  char *unit_dir;         /* /etc/systemd/system */
  char *tmpfiles_dir;     /* /etc/tmpfiles.d */
  char *run_dir;          /* $RUN_DIRECTORY: /run */
  char *state_dir;        /* $STATE_DIRECTORY: /var/lib */
  char *conf_dir;         /* $CONF_DIRECTORY: /etc */
  char *registry_confdir; /* (nullable): where the signature stores of registries are configured, NULL: the default */
  char *home;             /* (nullable): the user's home directory, for configuration of the user's own */
  char *registries_conf;  /* (nullable): $CONTAINERS_REGISTRIES_CONF */
  char *auth_file;        /* (nullable): $REGISTRY_AUTH_FILE */
  char *docker_config;    /* (nullable): directory, $DOCKER_CONFIG */
  char *user_config;      /* (nullable): $XDG_CONFIG_HOME */
  char *user_cache;       /* (nullable): $XDG_CACHE_HOME */
  char *user_runtime;     /* (nullable): $XDG_RUNTIME_DIR */
  char *runtime;          /* (nullable): runtime path or name that was asked for, NULL: find one */
  char *program;          /* absolute path of this program, for $ATOMIC */
  char *http_proxy;       /* (nullable) */
  char *https_proxy;      /* (nullable) */
  char *no_proxy;         /* (nullable) */
  char *docker_host;      /* (nullable): address of the Docker daemon, as it is written in $DOCKER_HOST */
  guint network_timeout;  /* seconds without an answer after which a connection is lost, 0: the built-in ones */
  guint deployments;      /* how many of a container are kept, the live one included: 2 */
  guint probation;        /* seconds that a service must run after a gated update: 5 */
  GPtrArray *notes;       /* (element-type utf8): what is odd about atomic.conf and is no reason to stop */
  gboolean debug;
} ScContext;

/* What deployments and probation can be at most, as network_timeout. */
#define SC_DEPLOYMENTS_MAX 100
#define SC_SECONDS_MAX     3600

/**
 * sc_context_new:
 * @root: (nullable): `--root`; "/" means the same as NULL
 *
 * Built-in paths, then /etc/atomic.conf of @root (YAML: default_storage,
 * ostree_repository, checkout_path, runtime, registry_confdir, http_proxy,
 * https_proxy, no_proxy, network_timeout, deployments, probation), then the environment (ATOMIC_OSTREE_REPO,
 * ATOMIC_OSTREE_CHECKOUT_PATH, RUNC_PATH, HTTP_PROXY, HTTPS_PROXY, NO_PROXY and
 * their lower-case forms, which win, DOCKER_HOST, and those named above).  Paths of both are paths inside @root.  An
 * empty variable is one that is not set, except for the proxies, where it means "no proxy" whatever the file says.
 * A key of the file that neither we nor the original tool know is a note.
 *
 * Errors: SC_ERROR_INVALID for a malformed configuration file (named with line) or a
 * relative path, SC_ERROR_UNSUPPORTED for a default_storage other than ostree,
 * G_IO_ERROR if @root is not a directory.
 */
ScContext *sc_context_new (const char *root, GError **error) SC_CHECK;

/* The same for what must not stop because of a setting that it does not use: a bad value in atomic.conf of anything but
 * checkout_path, ostree_repository and runtime is a note, and the built-in one counts. */
ScContext *sc_context_new_tolerant (const char *root, GError **error) SC_CHECK;
void sc_context_free (ScContext *ctx);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScContext, sc_context_free)

/* (transfer full): @path, an absolute path of the host, below the root of @ctx. */
char *sc_context_path (const ScContext *ctx, const char *path);

/* sc_fs_exists_at() of such a path. */
gboolean sc_context_exists (const ScContext *ctx, const char *path);

/* An O_PATH|O_DIRECTORY descriptor of the root ("/" without one), or -1 with @error set. */
int sc_context_open_root (const ScContext *ctx, GError **error) SC_CHECK;
