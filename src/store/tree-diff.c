/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two trees, compared.  Checksums decide; objects are looked at only where those differ, and content only where
 * nothing else tells.
 */
#include "tree-diff.h"

#include <string.h>

#include "node-info.h"
#include "sort.h"

typedef struct
{
  const ScTreeSide *a, *b;
  GPtrArray *changes;
  GString *path; /* "" for the top */
  GCancellable *cancellable;
} Diff;

void
sc_tree_change_free (ScTreeChange *change)
{
  g_free (change->path);
  g_free (change);
}

static void
report (Diff *d, ScChangeKind kind, ScDiffers differs)
{
  ScTreeChange *change = g_new0 (ScTreeChange, 1);

  change->path = g_strdup (d->path->len > 0 ? d->path->str : "/");
  change->kind = kind;
  change->differs = differs;
  g_ptr_array_add (d->changes, change);
}

static gsize
enter (Diff *d, const char *name)
{
  gsize length = d->path->len;

  g_string_append_printf (d->path, "/%s", name);
  return length;
}

/* @node and everything below it are on one side only. */
static void
report_all (Diff *d, const ScNode *node, ScChangeKind kind, gboolean itself)
{
  g_autoptr (GPtrArray) names = sc_node_sorted_names (node);

  if (itself)
    report (d, kind, 0);
  for (guint i = 0; i < names->len; i++)
    {
      gsize length = enter (d, names->pdata[i]);

      report_all (d, sc_node_child (node, names->pdata[i]), kind, TRUE);
      g_string_truncate (d->path, length);
    }
}

/* The info of @node: owned by the side, or by @out_own. */
static ScNodeInfo *
get_info (const ScTreeSide *side, const ScNode *node, ScNodeInfo **out_own, GError **error)
{
  ScNodeInfo *info = side->infos != NULL ? g_hash_table_lookup (side->infos, node) : NULL;

  if (info != NULL)
    return info;
  if (side->repo == NULL)
    return sc_fail_null (error, SC_ERROR_NOT_FOUND, "there is no repository to read it from");
  return *out_own = sc_node_info_load (side->repo, node, error);
}

static gboolean
same_xattrs (GVariant *a, GVariant *b)
{
  gsize n_a = a != NULL ? g_variant_n_children (a) : 0, n_b = b != NULL ? g_variant_n_children (b) : 0;

  return n_a == n_b && (n_a == 0 || g_variant_equal (a, b));
}

/* What the metadata alone tell. */
static ScDiffers
compare_meta (const ScNodeInfo *a, const ScNodeInfo *b)
{
  ScDiffers differs = 0;

  if (a->type != b->type || ((a->meta.mode ^ b->meta.mode) & 0170000) != 0)
    return SC_DIFFERS_TYPE;
  if (a->type != SC_NODE_SYMLINK && ((a->meta.mode ^ b->meta.mode) & 07777) != 0)
    differs |= SC_DIFFERS_MODE;
  if (a->meta.uid != b->meta.uid || a->meta.gid != b->meta.gid)
    differs |= SC_DIFFERS_OWNER;
  if (g_strcmp0 (a->target, b->target) != 0)
    differs |= SC_DIFFERS_TARGET;
  if (!same_xattrs (a->meta.xattrs, b->meta.xattrs))
    differs |= SC_DIFFERS_XATTRS;
  if (a->type == SC_NODE_FILE && a->size != b->size)
    differs |= SC_DIFFERS_CONTENT;
  return differs;
}

/* Two nodes of different checksums. */
static gboolean
compare_objects (Diff *d, const ScNode *a, const ScNode *b, ScDiffers *out, GError **error)
{
  g_autoptr (ScNodeInfo) own_a = NULL, own_b = NULL;
  ScNodeInfo *info_a = get_info (d->a, a, &own_a, error), *info_b = NULL;

  if (info_a != NULL)
    info_b = get_info (d->b, b, &own_b, error);
  if (info_b == NULL)
    return FALSE;
  *out = compare_meta (info_a, info_b);
  if (info_a->type != SC_NODE_FILE || *out & (SC_DIFFERS_TYPE | SC_DIFFERS_CONTENT))
    return TRUE;
  if (*out != 0)
    {
      if (!sc_node_info_sum (info_a, d->a->repo, a, d->cancellable, error)
          || !sc_node_info_sum (info_b, d->b->repo, b, d->cancellable, error))
        return FALSE;
      if (memcmp (info_a->content, info_b->content, SC_SHA256_SIZE) == 0)
        return TRUE;
    }
  *out |= SC_DIFFERS_CONTENT;
  return TRUE;
}

static gboolean compare (Diff *d, const ScNode *a, const ScNode *b, GError **error);

static gboolean
compare_children (Diff *d, const ScNode *a, const ScNode *b, GError **error)
{
  g_autoptr (GPtrArray) names = sc_node_sorted_names (a), more = sc_node_sorted_names (b);

  for (guint i = 0; i < more->len; i++)
    if (sc_node_child (a, more->pdata[i]) == NULL)
      g_ptr_array_add (names, more->pdata[i]);
  sc_sort_strings (names);
  for (guint i = 0; i < names->len; i++)
    {
      ScNode *in_a = sc_node_child (a, names->pdata[i]), *in_b = sc_node_child (b, names->pdata[i]);
      gsize length = enter (d, names->pdata[i]);

      if (in_b == NULL)
        report_all (d, in_a, SC_CHANGE_REMOVED, TRUE);
      else if (in_a == NULL)
        report_all (d, in_b, SC_CHANGE_ADDED, TRUE);
      else if (!compare (d, in_a, in_b, error))
        return FALSE;
      g_string_truncate (d->path, length);
    }
  return TRUE;
}

static gboolean
compare (Diff *d, const ScNode *a, const ScNode *b, GError **error)
{
  ScDiffers differs = 0;

  if (a->type == SC_NODE_DIR && g_cancellable_set_error_if_cancelled (d->cancellable, error))
    return FALSE;
  if ((a->type == SC_NODE_DIR) != (b->type == SC_NODE_DIR))
    {
      report (d, SC_CHANGE_CHANGED, SC_DIFFERS_TYPE);
      report_all (d, a, SC_CHANGE_REMOVED, FALSE);
      report_all (d, b, SC_CHANGE_ADDED, FALSE);
      return TRUE;
    }
  if (memcmp (a->checksum, b->checksum, SC_SHA256_SIZE) != 0 && !compare_objects (d, a, b, &differs, error))
    return sc_prefix (error, "%s", d->path->len > 0 ? d->path->str : "/");
  if (differs != 0)
    report (d, SC_CHANGE_CHANGED, differs);
  return a->type != SC_NODE_DIR || compare_children (d, a, b, error);
}

GPtrArray *
sc_tree_diff (const ScTreeSide *a, const ScTreeSide *b, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) changes = g_ptr_array_new_with_free_func ((GDestroyNotify)sc_tree_change_free);
  g_autoptr (GString) path = g_string_new (NULL);
  Diff d = { .a = a, .b = b, .changes = changes, .path = path, .cancellable = cancellable };

  return compare (&d, a->root, b->root, error) ? g_steal_pointer (&changes) : NULL;
}
