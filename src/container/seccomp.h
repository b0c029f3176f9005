/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

/* (transfer full): linux.seccomp of an OCI runtime configuration (config-linux.md, "Seccomp") for a container that has
 * the default capabilities, on this machine's architecture: system calls that programs use are allowed; those that only
 * a privileged or an outdated program uses are EPERM; what is not known here is ENOSYS, so that a libc falls back to an
 * older call. New namespaces are EPERM. */
JsonNode *sc_seccomp_default (void);
