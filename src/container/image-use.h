/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "deployment.h"
#include "image-query.h"

/* TRUE if one of @deployments (element-type ScDeployment) was made of @image. */
gboolean sc_image_is_used (const ScImage *image, const GPtrArray *deployments);

/* (transfer full) (element-type utf8): commits of the images that deployments were made of, those that are not live and
 * preinstalled ones included, each once. Errors, for a deployment whose info cannot be read: SC_ERROR_INVALID that
 * names it, because what it needs is not known. */
GPtrArray *sc_image_commits_in_use (const ScContext *ctx, GError **error) SC_CHECK;
