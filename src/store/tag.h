/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "image-query.h"

/**
 * sc_image_tag:
 * @source: as sc_image_find() takes it
 * @target: as the user writes it: [registry/]repository[:tag]
 * @out_name: (transfer full): the name that the image has now too
 * @out_before: (transfer full) (nullable): id of the image that had it before, NULL if there was none or it is the same
 *
 * The name is there, flushed, when this returns; before that it means what it meant. Errors: those of sc_image_find();
 * SC_ERROR_USAGE for a target that is no such name, SC_ERROR_LIMIT for one that is too long, SC_ERROR_INVALID or
 * SC_ERROR_NOT_FOUND for an image that is not whole.
 */
gboolean sc_image_tag (ScStore *store, const char *source, const char *target, char **out_name, char **out_before,
                       GCancellable *cancellable, GError **error) SC_CHECK;
