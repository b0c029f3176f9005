/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "blob-source.h"

/* An image in a directory as skopeo's dir: transport lays it out: manifest.json, blobs under the hex digits of their
 * digests, signature-1 and so on. */
extern const ScBlobSourceClass sc_dir_source_class;
