/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "error.h"

/*
 * What an object's checksum covers besides content.
 */

typedef struct
{
  guint32 uid, gid;
  guint32 mode;     /* with file type */
  GVariant *xattrs; /* (nullable): a(ayay), sorted by name */
} ScObjectMeta;

/* Sets @buffer to the header that the checksum of a content object begins with: the variant, after its size in four
 * bytes and four of padding. @target: of a symlink, "" for a file. SC_ERROR_LIMIT for attributes that are too large. */
gboolean sc_object_header (GByteArray *buffer, const ScObjectMeta *meta, const char *target, GError **error) SC_CHECK;

/* (transfer full): the dirmeta object of a directory; its checksum is over its bytes. */
GVariant *sc_object_dirmeta (const ScObjectMeta *meta);

/* Whether an extended attribute is part of an image (docs/formats.md, "Repository"). */
gboolean sc_object_keeps_xattr (const char *name);
