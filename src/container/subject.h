/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "deployment.h"
#include "image-query.h"

/* What commands that take "an image or a container" were given. */
typedef struct
{
  ScDeployment *deployment; /* (nullable): of a container */
  ScImage *image;           /* an image; of a container the one that it was made of, NULL if that is not there */
} ScSubject;

void sc_subject_clear (ScSubject *subject);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ScSubject, sc_subject_clear)

/**
 * sc_subject_find:
 * @text: name of a container, which comes first, else an image as sc_image_find() takes it
 *
 * Errors: those of loading a container that is there; SC_ERROR_NOT_FOUND "no container and no image 'X'"; those of
 * sc_image_find().
 */
gboolean sc_subject_find (const ScContext *ctx, ScStore *store, const char *text, ScSubject *out_subject,
                          GCancellable *cancellable, GError **error) SC_CHECK;

/* A descriptor of the root of @deployment, -1 on error. */
int sc_subject_open_root (const ScContext *ctx, const ScDeployment *deployment, GError **error) SC_CHECK;
