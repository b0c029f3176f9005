/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "blob-source.h"

/* Images of an archive that `docker save`, podman or skopeo wrote: a tar file, compressed or not, that has a
 * manifest.json.  The image gets a schema 2 manifest that follows from the archive's content alone. */
extern const ScBlobSourceClass sc_docker_archive_source_class;
