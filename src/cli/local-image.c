/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An image of the repository, held while a command looks into it.
 */
#include "local-image.h"

void
sc_local_image_clear (ScLocalImage *local)
{
  g_clear_pointer (&local->image, sc_image_free);
  g_clear_pointer (&local->lock, sc_store_unlock);
  g_clear_pointer (&local->store, sc_store_free);
}

gboolean
sc_local_image_hold (ScStore *store, ScStoreLock **out, GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) local = NULL;

  *out = NULL;
  if (!sc_store_repo (store))
    return TRUE;
  *out = sc_store_lock (store, FALSE, cancellable, &local);
  if (*out || g_error_matches (local, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED)
      || g_error_matches (local, G_IO_ERROR, G_IO_ERROR_READ_ONLY))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

gboolean
sc_local_image_open (const ScContext *ctx, const char *text, ScLocalImage *out, GCancellable *cancellable,
                     GError **error)
{
  g_auto (ScLocalImage) local = { .store = sc_store_open (ctx, SC_STORE_READ, cancellable, error) };

  if (!local.store || !sc_local_image_hold (local.store, &local.lock, cancellable, error))
    return FALSE;
  local.image = sc_image_find (local.store, text, cancellable, error);
  if (!local.image)
    return FALSE;
  *out = local;
  local = (ScLocalImage){ 0 };
  return TRUE;
}
