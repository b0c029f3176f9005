/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Headers of content objects and metadata of directories (OSTree, "Anatomy of an OSTree repository"), for those who
 * write objects and those who tell which object a file would be.
 */
#include "object-header.h"

#include <string.h>

#define HEADER_MAX (256 * 1024) /* xattrs of an inode are 64 KiB at most */

static GVariant *
xattrs_or_empty (const ScObjectMeta *meta)
{
  if (meta->xattrs != NULL)
    return meta->xattrs;
  return g_variant_new_array (G_VARIANT_TYPE ("(ayay)"), NULL, 0);
}

gboolean
sc_object_header (GByteArray *buffer, const ScObjectMeta *meta, const char *target, GError **error)
{
  g_autoptr (GVariant) header = g_variant_ref_sink (
      g_variant_new ("(uuuus@a(ayay))", GUINT32_TO_BE (meta->uid), GUINT32_TO_BE (meta->gid),
                     GUINT32_TO_BE (meta->mode), GUINT32_TO_BE (0), target, xattrs_or_empty (meta)));
  gsize size = g_variant_get_size (header);
  guint32 prefix[2] = { GUINT32_TO_BE ((guint32)size), 0 };

  if (size > HEADER_MAX)
    return sc_fail (error, SC_ERROR_LIMIT, "extended attributes of %" G_GSIZE_FORMAT " bytes are too large", size);
  g_byte_array_set_size (buffer, 0);
  g_byte_array_append (buffer, (const guint8 *)prefix, sizeof prefix);
  g_byte_array_append (buffer, g_variant_get_data (header), (guint)size);
  return TRUE;
}

GVariant *
sc_object_dirmeta (const ScObjectMeta *meta)
{
  return g_variant_ref_sink (g_variant_new ("(uuu@a(ayay))", GUINT32_TO_BE (meta->uid), GUINT32_TO_BE (meta->gid),
                                            GUINT32_TO_BE (meta->mode), xattrs_or_empty (meta)));
}

/* File capabilities and what users put there. SELinux labels are the host's business, other system and trusted ones
 * must not come from an image, and user.ostreemeta is how a bare-user repository keeps owner and mode. */
gboolean
sc_object_keeps_xattr (const char *name)
{
  return strcmp (name, "security.capability") == 0
         || (g_str_has_prefix (name, "user.") && name[5] != '\0' && !g_str_has_prefix (name, "user.overlay.")
             && strcmp (name, "user.ostreemeta") != 0);
}
