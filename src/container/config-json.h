/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

#include "model.h"

/*
 * config.json of the OCI runtime specification (config.md, config-linux.md).
 */

/* (transfer full): a hardened configuration for an image without one of its own, as text: its entrypoint and cmd, env,
 * user resolved in /etc/passwd and /etc/group of @rootfs (supplementary groups too), working directory; podman's
 * default capabilities, no new privileges, masked and read-only paths, seccomp, read-only root with tmpfs on /tmp,
 * /var/tmp and /run. Errors: SC_ERROR_INVALID if there is nothing to run, or the user is not known there. */
char *sc_config_default (const ScImageConfig *image, const char *name, int rootfs, GError **error) SC_CHECK;

/* Checks what must hold of any config.json: an object, root.readonly true, root.path "rootfs", process.args a
 * non-empty array of strings, process.cwd absolute, mounts well-formed: a bind mount has a source that is absolute.
 * Errors: SC_ERROR_INVALID that names file and path. */
gboolean sc_config_validate (JsonNode *config, GError **error) SC_CHECK;

/* (transfer full) (array zero-terminated=1): sources of bind mounts, each once, in order. */
char **sc_config_bind_sources (JsonNode *config);

/* (transfer full): the first words of process.args, for lists: "/usr/bin/etcd-env.sh /usr/bin/etcd". */
char *sc_config_command (JsonNode *config);

/* (transfer full): every capability that the running kernel knows (/proc/sys/kernel/cap_last_cap), as a
 * comma-separated list of JSON strings: $ALL_PROCESS_CAPABILITIES. */
char *sc_capabilities_all (void);
