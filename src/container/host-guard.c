/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where no file of an image may be, by name and by place.  Reads only.
 */
#include "host-guard.h"

#include <string.h>

#include "config-json.h"
#include "fs.h"
#include "live.h"

GPtrArray *
sc_host_forbidden (const ScContext *ctx, const char *name)
{
  GPtrArray *forbidden = g_ptr_array_new_with_free_func (g_free);
  const char *const places[] = { "/proc", "/sys", "/dev", "/ostree", ctx->checkouts, ctx->preinstalled };

  for (gsize i = 0; i < G_N_ELEMENTS (places); i++)
    g_ptr_array_add (forbidden, sc_config_clean_path (places[i]));
  if (ctx->repo != NULL)
    g_ptr_array_add (forbidden, sc_config_clean_path (ctx->repo));
  g_ptr_array_add (forbidden, sc_unit_path (ctx, name));
  g_ptr_array_add (forbidden, sc_tmpfiles_path (ctx, name));
  return forbidden;
}

const char *
sc_host_forbids (const GPtrArray *forbidden, const char *path, gboolean is_dir)
{
  for (guint i = 0; i < forbidden->len; i++)
    {
      const char *place = g_ptr_array_index (forbidden, i);

      if (sc_config_path_is_below (path, place) || (!is_dir && sc_config_path_is_below (place, path)))
        return place;
    }
  return NULL;
}

/* (transfer full) (nullable): @path with what is above it resolved; NULL if nothing can be there. */
static char *
find_real (const ScHostTree *host, const char *path)
{
  g_autofree char *above = g_path_get_dirname (path);
  gsize there = 0;
  g_autofree char *real = sc_host_tree_resolve (host, above, &there);

  return real != NULL ? g_strconcat (strcmp (real, "/") != 0 ? real : "", strrchr (path, '/'), NULL) : NULL;
}

gboolean
sc_host_guard_open (const ScContext *ctx, const char *name, ScHostGuard *out, GError **error)
{
  guint named;

  if (!sc_host_tree_open (ctx, &out->host, error))
    return FALSE;
  out->forbidden = sc_host_forbidden (ctx, name);
  named = out->forbidden->len;
  for (guint i = 0; i < named; i++)
    {
      const char *path = g_ptr_array_index (out->forbidden, i);
      gsize there = 0;
      char *real = find_real (&out->host, path), *followed = sc_host_tree_resolve (&out->host, path, &there);

      if (real != NULL)
        g_ptr_array_add (out->forbidden, real);
      if (followed != NULL && *followed == '/')
        g_ptr_array_add (out->forbidden, followed);
      else
        g_free (followed);
    }
  return TRUE;
}

void
sc_host_guard_clear (ScHostGuard *guard)
{
  sc_host_tree_clear (&guard->host);
  g_clear_pointer (&guard->forbidden, g_ptr_array_unref);
}

char *
sc_host_guard_refuses (const ScHostGuard *guard, const char *path, gboolean is_dir)
{
  g_autofree char *real = find_real (&guard->host, path);

  return real != NULL && sc_host_forbids (guard->forbidden, real, is_dir) != NULL ? g_steal_pointer (&real) : NULL;
}
