/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <ostree.h>

#include "policy.h"

/*
 * Writes the commits that stand for configs and images (docs/formats.md, "Repository"); @repo is in a transaction.
 */

/* @out_commit: (transfer full): a commit of the config whose bytes are @raw. */
gboolean sc_image_commit_config (OstreeRepo *repo, GBytes *raw, char **out_commit, GCancellable *cancellable,
                                 GError **error) SC_CHECK;

/* @out_commit: (transfer full): a commit of @image, which came from @source and was asked for @platform (nullable); of
 * the time @timestamp (seconds since the epoch), 0: now. */
gboolean sc_image_commit (OstreeRepo *repo, const ScVerifiedImage *image, const ScBlobSource *source,
                          const char *platform, guint64 timestamp, char **out_commit, GCancellable *cancellable,
                          GError **error) SC_CHECK;
