/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Trees are read as they are met; their depth is bounded, so that a hostile repository cannot exhaust the stack.
 */
#include "object-walk.h"

#include <string.h>

#include "tree.h"

typedef struct
{
  OstreeRepo *repo;
  ScObjectVisitor visit;
  gpointer data;
  GString *path;
  guint depth;
  GCancellable *cancellable;
} Walk;

static gboolean
get_checksum (GVariant *variant, guint8 out[SC_SHA256_SIZE], GError **error)
{
  gsize size;
  gconstpointer data = g_variant_get_fixed_array (variant, &size, 1);

  if (size != SC_SHA256_SIZE)
    return sc_fail (error, SC_ERROR_INVALID, "it has a checksum of %" G_GSIZE_FORMAT " bytes", size);
  memcpy (out, data, SC_SHA256_SIZE);
  return TRUE;
}

static gboolean
check_name (const char *name, GError **error)
{
  if (*name == '\0' || strcmp (name, ".") == 0 || strcmp (name, "..") == 0 || strchr (name, '/') != NULL)
    return sc_fail (error, SC_ERROR_INVALID, "it has an entry called '%s'", name);
  return TRUE;
}

/* TRUE in @out_down: go below it. */
static gboolean
call (Walk *w, OstreeObjectType type, const guint8 checksum[SC_SHA256_SIZE], gboolean *out_down, GError **error)
{
  ScWalkAnswer answer = w->visit (type, checksum, w->path->str, w->data, error);

  *out_down = answer == SC_WALK_DESCEND;
  return answer != SC_WALK_FAIL;
}

static gboolean walk_tree (Walk *w, const guint8 checksum[SC_SHA256_SIZE], GError **error);

static gboolean
walk_files (Walk *w, GVariant *files, GError **error)
{
  gsize length = w->path->len;

  for (gsize i = 0; i < g_variant_n_children (files); i++)
    {
      g_autoptr (GVariant) csum = NULL;
      guint8 checksum[SC_SHA256_SIZE];
      const char *name;
      gboolean down;

      g_variant_get_child (files, i, "(&s@ay)", &name, &csum);
      if (!check_name (name, error) || !get_checksum (csum, checksum, error))
        return FALSE;
      g_string_append_printf (w->path, "/%s", name);
      if (!call (w, OSTREE_OBJECT_TYPE_FILE, checksum, &down, error))
        return FALSE;
      g_string_truncate (w->path, length);
    }
  return TRUE;
}

/* A directory is its metadata and its tree. */
static gboolean
walk_dir (Walk *w, GVariant *tree_csum, GVariant *meta_csum, GError **error)
{
  guint8 tree[SC_SHA256_SIZE], meta[SC_SHA256_SIZE];
  gboolean down;

  return get_checksum (tree_csum, tree, error) && get_checksum (meta_csum, meta, error)
         && call (w, OSTREE_OBJECT_TYPE_DIR_META, meta, &down, error) && walk_tree (w, tree, error);
}

static gboolean
walk_dirs (Walk *w, GVariant *dirs, GError **error)
{
  gsize length = w->path->len;

  if (w->depth >= SC_TREE_MAX_DEPTH && g_variant_n_children (dirs) > 0)
    return sc_fail (error, SC_ERROR_LIMIT, "its directories are more than %d deep", SC_TREE_MAX_DEPTH);
  w->depth++;
  for (gsize i = 0; i < g_variant_n_children (dirs); i++)
    {
      g_autoptr (GVariant) tree = NULL, meta = NULL;
      const char *name;

      g_variant_get_child (dirs, i, "(&s@ay@ay)", &name, &tree, &meta);
      if (!check_name (name, error))
        return FALSE;
      g_string_append_printf (w->path, "/%s", name);
      if (!walk_dir (w, tree, meta, error))
        return FALSE;
      g_string_truncate (w->path, length);
    }
  w->depth--;
  return TRUE;
}

static gboolean
walk_tree (Walk *w, const guint8 checksum[SC_SHA256_SIZE], GError **error)
{
  g_autoptr (GVariant) tree = NULL, files = NULL, dirs = NULL;
  char hex[SC_SHA256_HEX + 1];
  gboolean down;

  if (g_cancellable_set_error_if_cancelled (w->cancellable, error)
      || !call (w, OSTREE_OBJECT_TYPE_DIR_TREE, checksum, &down, error))
    return FALSE;
  if (!down)
    return TRUE;
  sc_digest_to_hex (checksum, hex);
  if (!ostree_repo_load_variant (w->repo, OSTREE_OBJECT_TYPE_DIR_TREE, hex, &tree, error))
    return FALSE;
  if (!g_variant_is_normal_form (tree))
    return sc_fail (error, SC_ERROR_INVALID, "object %s.dirtree is damaged", hex);
  files = g_variant_get_child_value (tree, 0);
  dirs = g_variant_get_child_value (tree, 1);
  return walk_files (w, files, error) && walk_dirs (w, dirs, error);
}

static gboolean
walk_commit (Walk *w, const char *commit, GError **error)
{
  g_autoptr (GVariant) variant = NULL, tree = NULL, meta = NULL;
  guint8 checksum[SC_SHA256_SIZE];
  gboolean down;

  if (!sc_digest_is_hex (commit))
    return sc_fail (error, SC_ERROR_INVALID, "'%s' is not the checksum of a commit", commit);
  ostree_checksum_inplace_to_bytes (commit, checksum);
  if (!call (w, OSTREE_OBJECT_TYPE_COMMIT, checksum, &down, error))
    return FALSE;
  if (!down)
    return TRUE;
  if (!ostree_repo_load_variant (w->repo, OSTREE_OBJECT_TYPE_COMMIT, commit, &variant, error))
    return FALSE;
  if (!g_variant_is_normal_form (variant))
    return sc_fail (error, SC_ERROR_INVALID, "object %s.commit is damaged", commit);
  tree = g_variant_get_child_value (variant, 6);
  meta = g_variant_get_child_value (variant, 7);
  return walk_dir (w, tree, meta, error);
}

gboolean
sc_objects_walk (OstreeRepo *repo, const char *commit, ScObjectVisitor visit, gpointer data, GCancellable *cancellable,
                 GError **error)
{
  g_autoptr (GString) path = g_string_new (NULL);
  Walk w = { .repo = repo, .visit = visit, .data = data, .path = path, .cancellable = cancellable };

  return walk_commit (&w, commit, error);
}
