/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "deployment.h"
#include "image-query.h"

/* TRUE if one of @deployments (element-type ScDeployment) was made of @image. */
gboolean sc_image_is_used (const ScImage *image, const GPtrArray *deployments);

/* (transfer container) (element-type ScDeployment): every deployment, those that are not live and preinstalled ones
 * included, with name, number (-1: none) and what info says. @except (nullable) (element-type utf8): directories of the
 * checkouts that do not count. Errors as sc_image_commits_in_use(). */
GPtrArray *sc_image_deployments (const ScContext *ctx, const GPtrArray *except, GError **error) SC_CHECK;

/* The same without those that cannot be read: for lists. */
GPtrArray *sc_image_deployments_known (const ScContext *ctx, GError **error) SC_CHECK;

/* (transfer full): names of the containers among @deployments that were made of @image, "a, b"; NULL if there are
 * none. */
char *sc_image_users (const ScImage *image, const GPtrArray *deployments);

/* (transfer full) (element-type utf8): commits of @deployments, each once. */
GPtrArray *sc_deployments_commits (const GPtrArray *deployments);

/* (transfer full) (element-type utf8): commits of the images that deployments were made of, those that are not live and
 * preinstalled ones included, each once. Errors, for a deployment whose info is missing or cannot be read:
 * SC_ERROR_INVALID that names it, because what it needs is not known. */
GPtrArray *sc_image_commits_in_use (const ScContext *ctx, GError **error) SC_CHECK;
