/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "blob-source.h"

/* Images of an OCI image layout, a directory (OCI image specification, image-layout.md). */
extern const ScBlobSourceClass sc_layout_source_class;
