/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "packages.h"
#include "progress.h"
#include "subject.h"
#include "tree-diff.h"

/* How two images or containers differ. */
typedef struct
{
  GPtrArray *files;    /* (nullable) (element-type ScTreeChange) */
  GPtrArray *packages; /* (nullable) (element-type ScPackageChange) */
} ScDiff;

void sc_diff_clear (ScDiff *diff);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ScDiff, sc_diff_clear)

typedef struct
{
  const char *from; /* image or container, as sc_subject_find() takes it */
  const char *to;   /* (nullable): NULL: @from is a container, and its own image is compared with it */
  gboolean files, packages;
} ScDiffOptions;

/* Compares. Notes of what could not be compared go to @sink. Errors: those of finding, reading and scanning;
 * SC_ERROR_USAGE if @to is missing and @from is an image. */
gboolean sc_diff (const ScContext *ctx, const ScDiffOptions *options, const ScProgressSink *sink, ScDiff *out_diff,
                  GCancellable *cancellable, GError **error) SC_CHECK;
