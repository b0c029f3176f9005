/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "context.h"
#include "model.h"
#include "reference.h"
#include "tar-member.h"

/*
 * One image of an archive in the format of `docker save`, wherever it comes from: a file, the Docker daemon, podman.
 * Internal to oci.
 */

typedef struct _ScDockerTar ScDockerTar;

/**
 * sc_docker_tar_new:
 * @tar: (transfer full)
 * @name: of the archive, for messages
 * @ref: (nullable): names one of several images, by name or by place; NULL: there is only one
 * @out_name: (optional) (transfer full): the name to store the image under, unset if the archive gives none
 *
 * Errors: SC_ERROR_INVALID; SC_ERROR_NOT_FOUND and SC_ERROR_USAGE with the images that there are; SC_ERROR_UNSUPPORTED
 * for what Docker wrote before it had a manifest.json; those of @tar.
 */
ScDockerTar *sc_docker_tar_new (ScTar *tar, const char *name, const ScReference *ref, const ScContext *ctx,
                                char **out_name, GCancellable *cancellable, GError **error) SC_CHECK;
void sc_docker_tar_free (ScDockerTar *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScDockerTar, sc_docker_tar_free)

/* As ScBlobSourceClass has them. */
GBytes *sc_docker_tar_manifest (ScDockerTar *self, const char *digest, char **out_media_type, GError **error) SC_CHECK;
GInputStream *sc_docker_tar_open_blob (ScDockerTar *self, const ScDescriptor *descriptor, GCancellable *cancellable,
                                       GError **error) SC_CHECK;

/* (transfer full) (nullable): the store name of a tag, NULL if it is none.  @familiar: without what docker.io's own
 * images may be written with. */
char *sc_docker_tar_plain_name (const char *tag, gboolean familiar);
