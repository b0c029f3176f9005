/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model.h"
#include "reference.h"

/*
 * What the files "oci-layout" and "index.json" of an image layout say (OCI image specification, image-layout.md), from
 * their bytes: the same for a directory and for an archive.  Internal to oci.
 */

#define SC_LAYOUT_VERSION_FILE     "oci-layout"
#define SC_LAYOUT_VERSION_MAX_SIZE ((gsize)64 * 1024)
#define SC_LAYOUT_INDEX_FILE       "index.json"
#define SC_LAYOUT_BLOBS            "blobs/sha256/"

/* SC_ERROR_UNSUPPORTED for another version. */
gboolean sc_layout_check_version (GBytes *oci_layout, GError **error) SC_CHECK;

/**
 * sc_layout_choose:
 * @out_name: (transfer full): the name to store the image under
 *
 * (transfer full): the entry of @index_json that the tag of @ref names, or the only one.
 * Errors: SC_ERROR_INVALID, SC_ERROR_NOT_FOUND and SC_ERROR_USAGE with the names that there are.
 */
ScDescriptor *sc_layout_choose (GBytes *index_json, const ScReference *ref, char **out_name, GError **error) SC_CHECK;

/* Is @manifest what the chosen entry announces?  Nobody else sees that descriptor. SC_ERROR_DIGEST. */
gboolean sc_layout_check_top (GBytes *manifest, const ScDescriptor *top, GError **error) SC_CHECK;
