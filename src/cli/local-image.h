/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "context.h"
#include "image-query.h"
#include "store.h"

/* An image of the repository that a command looks into. */
typedef struct
{
  ScStore *store;
  ScStoreLock *lock; /* (nullable): shared */
  ScImage *image;
} ScLocalImage;

void sc_local_image_clear (ScLocalImage *local);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ScLocalImage, sc_local_image_clear)

/* Finds the image that the user calls @text and sees to it that nothing of it is removed until @out is cleared. Errors:
 * sc_image_find()'s. */
gboolean sc_local_image_open (const ScContext *ctx, const char *text, ScLocalImage *out, GCancellable *cancellable,
                              GError **error) SC_CHECK;

/* Holds @store shared, for reading.  *out is NULL if there is no repository, or if this user cannot lock it: then
 * something may be removed meanwhile, which is an error of its own when it is met. */
gboolean sc_local_image_hold (ScStore *store, ScStoreLock **out, GCancellable *cancellable, GError **error) SC_CHECK;
