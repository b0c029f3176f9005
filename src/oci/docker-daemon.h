/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "blob-source.h"

/* Images of the Docker daemon of this machine, over its socket. */
extern const ScBlobSourceClass sc_docker_daemon_source_class;
