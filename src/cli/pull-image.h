/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "blob-source.h"
#include "context.h"
#include "progress.h"

typedef struct
{
  ScCredentials credentials; /* of --src-creds */
  const char *auth_file;     /* (nullable): of --authfile */
  /* Of an image for several platforms, which one; each (nullable): this machine's. */
  const char *os, *architecture, *variant;
} ScPullSettings;

/**
 * sc_pull_image:
 * @text: the image as the user wrote it
 * @settings: (nullable)
 *
 * From the user's words to an image in the repository: reference, source, policy, pull; says what it does to @sink.
 *
 * Returns: (transfer full): the name that it is stored under. Errors: those of the steps.
 */
char *sc_pull_image (const ScContext *ctx, const char *text, const ScPullSettings *settings, const ScProgressSink *sink,
                     GCancellable *cancellable, GError **error) SC_CHECK;

/**
 * sc_pull_find:
 * @out_present: (out): whether the repository has it
 *
 * Returns: (transfer full): the name under which the repository has the image that the user calls @text, or would have
 * it after sc_pull_image().
 */
char *sc_pull_find (const ScContext *ctx, const char *text, gboolean *out_present, GCancellable *cancellable,
                    GError **error) SC_CHECK;
