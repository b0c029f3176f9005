/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "blob-source.h"
#include "context.h"
#include "image-query.h"
#include "policy.h"
#include "progress.h"
#include "pull.h"

/* An image that was pulled, and what it takes to take it back. */
typedef struct
{
  char *name; /* that it is stored under */
  ScStore *store;
  ScPullResult result;
} ScPulled;

void sc_pulled_clear (ScPulled *pulled);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ScPulled, sc_pulled_clear)

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
 * Errors: those of the steps.
 */
gboolean sc_pull_image (const ScContext *ctx, const char *text, const ScPullSettings *settings,
                        const ScProgressSink *sink, ScPulled *out_pulled, GCancellable *cancellable,
                        GError **error) SC_CHECK;

/**
 * sc_pull_look:
 * @out_source: (out) (transfer full): where the image is
 *
 * The first steps of sc_pull_image() without the last: the image's manifest, fetched and verified as for a pull.
 * Nothing is stored.
 */
ScVerifiedImage *sc_pull_look (const ScContext *ctx, const char *text, const ScPullSettings *settings,
                               const ScProgressSink *sink, ScBlobSource **out_source, GCancellable *cancellable,
                               GError **error) SC_CHECK;

/* Pulls of @image again are for the platform that it was pulled for: sets the members of @settings, which point into
 * @out_words (transfer full) (nullable) (array zero-terminated=1). */
void sc_pull_settings_same_platform (ScPullSettings *settings, const ScImage *image, char ***out_words);

/**
 * sc_pulled_undo:
 * @container: what the image was pulled for
 *
 * After a failure of that: the repository is what it was before, or a note says why not.  An image that a container is
 * made of stays, as does one whose container recovery has to do with.
 */
void sc_pulled_undo (ScPulled *pulled, const ScContext *ctx, const char *container, const ScProgressSink *sink);

/**
 * sc_pull_find:
 * @out_present: (out): whether the repository has it
 *
 * Returns: (transfer full): the name under which the repository has the image that the user calls @text, or would have
 * it after sc_pull_image().
 */
char *sc_pull_find (const ScContext *ctx, const char *text, gboolean *out_present, GCancellable *cancellable,
                    GError **error) SC_CHECK;
