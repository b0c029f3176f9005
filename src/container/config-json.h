/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

#include "model.h"

/*
 * config.json of the OCI runtime specification (config.md, config-linux.md).
 */

typedef struct
{
  const ScImageConfig *image;
  const char *name;      /* container */
  const char *state_dir; /* $STATE_DIRECTORY: the image's volumes are in state_dir/name */
  int rootfs;            /* descriptor of the checked-out root */
  int host_root;         /* descriptor of the host's root */
} ScConfigInput;

/**
 * sc_config_default:
 *
 * A hardened configuration for an image without one of its own: its entrypoint and cmd, env (PATH and HOME added where
 * it has none), user resolved in /etc/passwd and /etc/group of its root (supplementary groups too), working directory;
 * podman's default capabilities, no new privileges, masked and read-only paths, seccomp, read-only root with tmpfs on
 * those of /tmp, /var/tmp and /run that it has. Processes, IPC, host name, mounts and cgroups are the container's own;
 * the network is the host's, whose /etc/resolv.conf and /etc/hosts are shown if they exist. A volume of the image is
 * the directory state_dir/name/VOLUME of the host.
 *
 * Returns: (transfer full). Errors: SC_ERROR_INVALID if there is nothing to run, the user is not known there, or a
 * volume is where none can be.
 */
JsonNode *sc_config_default (const ScConfigInput *input, GError **error) SC_CHECK;

/* Checks what must hold of any config.json: an object, root.readonly true, root.path "rootfs", or @remote (nullable)
 * if the root is not in the deployment, process.args a non-empty array of strings, process.cwd absolute, mounts
 * well-formed: a bind mount has a source that is absolute.
 * Errors: SC_ERROR_INVALID that names file and path. */
gboolean sc_config_validate (JsonNode *config, const char *remote, GError **error) SC_CHECK;

/* Makes @remote the root.path of a valid configuration. */
void sc_config_set_root (JsonNode *config, const char *remote);

/* Makes a valid configuration of an image fit this host and today's runtimes: SELinux labels go where SELinux is not in
 * use (runtimes refuse them there), and an ociVersion before 1.0 becomes 1.0.0. TRUE if something was changed; what the
 * user should know is added to @notes (char *). */
gboolean sc_config_adapt (JsonNode *config, int host_root, GPtrArray *notes);

/* (transfer full) (array zero-terminated=1): sources of bind mounts, each once, in order. */
char **sc_config_bind_sources (JsonNode *config);

/* (transfer full): @path, absolute or taken from "/", without ".", "..", doubled and trailing slashes. */
char *sc_config_clean_path (const char *path);

/* TRUE if the clean @path is the clean @directory or below it. */
gboolean sc_config_path_is_below (const char *path, const char *directory);

/* process.user as numbers, 0 where the configuration says nothing. */
void sc_config_user (JsonNode *config, guint32 *out_uid, guint32 *out_gid);

/* (transfer full): the first words of process.args, for lists: "/usr/bin/etcd-env.sh /usr/bin/etcd". */
char *sc_config_command (JsonNode *config);

/* (transfer full): every capability that the running kernel knows (/proc/sys/kernel/cap_last_cap), as a
 * comma-separated list of JSON strings: $ALL_PROCESS_CAPABILITIES. */
char *sc_capabilities_all (void);
