/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "blob-source.h"

/* Images of podman's and buildah's storage, read through podman or skopeo. */
extern const ScBlobSourceClass sc_containers_storage_source_class;
