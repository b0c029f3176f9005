/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "image-query.h"
#include "values.h"

/*
 * What an image of the repository says of itself: its version, its template variables, its help.  Of its tree only what
 * is asked for is read.  The caller holds the repository (shared).
 */

/* (transfer full) (nullable): "NAME-VERSION-RELEASE" of the labels with these names, as far as there are any, if the
 * first two are; else the label org.opencontainers.image.version, version, Version or atomic.version. */
char *sc_image_version (GHashTable *labels);

/* TRUE if the layers of @image are those of @base and more on top of them. */
gboolean sc_image_is_built_on (const ScImage *image, const ScImage *base);

/* (transfer full): as sc_exports_load(), of an image that is not laid out. Errors: those of sc_image_files_read() too.
 */
ScExports *sc_image_exports (ScStore *store, const ScImage *image, GCancellable *cancellable, GError **error) SC_CHECK;

/* As sc_values_describe(), for an image that is not laid out. @labels: (nullable): of its config. Errors: those of
 * sc_image_files_read() too. */
gboolean sc_image_variables (const ScContext *ctx, ScStore *store, const ScImage *image, GHashTable *labels,
                             GHashTable **out_defaults, char ***out_required, GCancellable *cancellable,
                             GError **error) SC_CHECK;

typedef enum
{
  SC_HELP_ROFF, /* a manual page */
  SC_HELP_TEXT,
} ScHelpForm;

/**
 * sc_image_help:
 * @labels: (nullable): of the image's config
 *
 * Returns: (transfer full): /help.1 of the image, else /help.md, else the label "help"; as the image has it.  Errors:
 * SC_ERROR_NOT_FOUND "image X has no help", SC_ERROR_LIMIT, those of sc_image_files_read().
 */
GBytes *sc_image_help (ScStore *store, const ScImage *image, GHashTable *labels, ScHelpForm *out_form,
                       GCancellable *cancellable, GError **error) SC_CHECK;
