/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "blob-source.h"

/* Images of an OCI image layout in a tar file, compressed or not. */
extern const ScBlobSourceClass sc_oci_archive_source_class;
