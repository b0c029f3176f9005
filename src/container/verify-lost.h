/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "context.h"
#include "verify.h"

/*
 * Containers whose image has no name any more, and containers that nobody can tell the image of.
 */

/* (transfer full): a report with a part for each container, live or not, whose info cannot be read, whose deployment is
 * gone or whose image is not in the repository. To @images (element-type ScImage) those are added that only containers
 * hold; their name is their commit. */
ScVerifyReport *sc_verify_lost (const ScContext *ctx, ScStore *store, GPtrArray *images, GError **error) SC_CHECK;

/* @out: (transfer full): the image that the container @name is made of, whatever its name is now. FALSE without an
 * error if there is no such container. */
gboolean sc_verify_image_of_container (const ScContext *ctx, ScStore *store, const char *name, ScImage **out,
                                       GCancellable *cancellable, GError **error);
