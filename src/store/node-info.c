/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an object says of itself, for comparisons.
 */
#include "node-info.h"

#include <sys/stat.h>

#define BUFFER_SIZE (64 * 1024)

void
sc_node_info_free (ScNodeInfo *info)
{
  g_clear_pointer (&info->meta.xattrs, g_variant_unref);
  g_free (info->target);
  g_free (info);
}

static gboolean
load_dir (ScNodeInfo *info, OstreeRepo *repo, const char *hex, GError **error)
{
  g_autoptr (GVariant) variant = NULL;

  if (!ostree_repo_load_variant (repo, OSTREE_OBJECT_TYPE_DIR_META, hex, &variant, error))
    return FALSE;
  g_variant_get (variant, "(uuu@a(ayay))", &info->meta.uid, &info->meta.gid, &info->meta.mode, &info->meta.xattrs);
  info->meta.uid = GUINT32_FROM_BE (info->meta.uid);
  info->meta.gid = GUINT32_FROM_BE (info->meta.gid);
  info->meta.mode = GUINT32_FROM_BE (info->meta.mode);
  info->type = SC_NODE_DIR;
  return TRUE;
}

static gboolean
load_file (ScNodeInfo *info, OstreeRepo *repo, const char *hex, GError **error)
{
  g_autoptr (GFileInfo) file = NULL;

  if (!ostree_repo_load_file (repo, hex, NULL, &file, &info->meta.xattrs, NULL, error))
    return FALSE;
  info->meta.uid = g_file_info_get_attribute_uint32 (file, "unix::uid");
  info->meta.gid = g_file_info_get_attribute_uint32 (file, "unix::gid");
  info->meta.mode = g_file_info_get_attribute_uint32 (file, "unix::mode");
  info->type = SC_NODE_FILE;
  if (g_file_info_get_file_type (file) == G_FILE_TYPE_SYMBOLIC_LINK)
    {
      info->type = SC_NODE_SYMLINK;
      info->target = g_strdup (g_file_info_get_symlink_target (file));
    }
  else
    info->size = (guint64)g_file_info_get_size (file);
  return TRUE;
}

ScNodeInfo *
sc_node_info_load (OstreeRepo *repo, const ScNode *node, GError **error)
{
  g_autoptr (ScNodeInfo) info = g_new0 (ScNodeInfo, 1);
  char hex[SC_SHA256_HEX + 1];
  gboolean ok;

  sc_digest_to_hex (node->checksum, hex);
  ok = node->type == SC_NODE_DIR ? load_dir (info, repo, hex, error) : load_file (info, repo, hex, error);
  return ok ? g_steal_pointer (&info) : NULL;
}

gboolean
sc_node_info_sum (ScNodeInfo *info, OstreeRepo *repo, const ScNode *node, GCancellable *cancellable, GError **error)
{
  g_autoptr (ScSha256) sum = NULL;
  g_autoptr (GInputStream) in = NULL;
  g_autofree guint8 *buffer = NULL;
  char hex[SC_SHA256_HEX + 1];
  gssize got;

  if (info->has_content)
    return TRUE;
  sc_digest_to_hex (node->checksum, hex);
  if (!ostree_repo_load_file (repo, hex, &in, NULL, NULL, cancellable, error))
    return FALSE;
  sum = sc_sha256_new ();
  buffer = g_malloc (BUFFER_SIZE);
  while ((got = g_input_stream_read (in, buffer, BUFFER_SIZE, cancellable, error)) > 0)
    sc_sha256_update (sum, buffer, (gsize)got);
  if (got < 0)
    return FALSE;
  sc_sha256_finish (sum, info->content);
  info->has_content = TRUE;
  return TRUE;
}
