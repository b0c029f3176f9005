/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "error.h"

/*
 * Branch names (docs/formats.md, "Repository").  A name is encoded bytewise: [A-Za-z0-9.-] as they are, every other
 * byte as _XX, upper-case hex.
 */

#define SC_REF_PREFIX "ociimage/"

/* (transfer full): "ociimage/<encoded name>". */
char *sc_refname_encode (const char *name);

/* Can an image of that name be stored?  A branch is a file name. SC_ERROR_LIMIT, which names the image. */
gboolean sc_refname_check (const char *name, GError **error) SC_CHECK;

/* TRUE for the branch that libostree leaves behind when it is killed while it sets one: no name of an image has that
 * form, for each has a tag or a digest. */
gboolean sc_refname_is_temporary (const char *branch);

/* (transfer full): the name of an image branch; SC_ERROR_INVALID for a branch that sc_refname_encode() cannot have
 * made.  @branch has the prefix. */
char *sc_refname_decode (const char *branch, GError **error) SC_CHECK;

/* (transfer full): "ociimage/<hex>" for "sha256:<hex>" or "<hex>". */
char *sc_refname_for_blob (const char *digest);

/* (nullable): the 64 hex digits if @branch is that of a layer or a config; points into it. */
const char *sc_refname_blob (const char *branch);
