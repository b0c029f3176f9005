/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Deleting images with an eye on the containers.
 */
#include "image-remove.h"

#include <string.h>

#include "checkouts.h"
#include "delete.h"
#include "image-use.h"

gboolean
sc_images_check_unused (const ScContext *ctx, const GPtrArray *images, GError **error)
{
  g_autoptr (GPtrArray) deployments = sc_image_deployments (ctx, NULL, error);

  if (deployments == NULL)
    return FALSE;
  for (guint i = 0; i < images->len; i++)
    {
      const ScImage *image = g_ptr_array_index (images, i);
      g_autofree char *users = sc_image_users (image, deployments);

      if (users != NULL)
        return sc_fail (error, SC_ERROR_DENIED, "image %s is used by container%s %s: uninstall %s or use --force",
                        image->name, strchr (users, ',') != NULL ? "s" : "", users,
                        strchr (users, ',') != NULL ? "them" : "it");
    }
  return TRUE;
}

gboolean
sc_images_remove (const ScContext *ctx, ScStore *store, const GPtrArray *images, gboolean force, guint *out_unneeded,
                  const ScProgressSink *sink, GCancellable *cancellable, GError **error)
{
  g_autoptr (ScCheckouts) checkouts = sc_checkouts_hold (ctx, TRUE, sink, cancellable, error);

  if (checkouts == NULL || (!force && !sc_images_check_unused (ctx, images, error)))
    return FALSE;
  return sc_image_delete (store, images, out_unneeded, sink, cancellable, error);
}
