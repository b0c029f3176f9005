/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "deployment.h"
#include "exports.h"
#include "package-manager.h"
#include "progress.h"

/*
 * Making the package of a container, from a tree of its files, by the host's own tools.  Nothing on the host is
 * changed, but for packages that it requires, which may be fetched.
 */

/* What "auto", "yes", "no" and "build" are; NULL is "auto". SC_ERROR_USAGE. */
gboolean sc_package_choice_check (const char *choice, GError **error) SC_CHECK;

/* @out_manager: (out) (nullable): NULL for no package.  "yes" and "build" fail where the host has no package manager;
 * "auto" wants a definition in the image that fits the host (@rootfs: its root). */
gboolean sc_package_choose (const ScContext *ctx, const char *choice, int rootfs, const ScExports *exports,
                            const ScPackageManager **out_manager, GError **error) SC_CHECK;

/* (transfer full) (array zero-terminated=1): what the package of @d (nullable) has installed; empty if it has none. */
char **sc_package_list_of (const ScContext *ctx, const ScDeployment *d, GCancellable *cancellable,
                           GError **error) SC_CHECK;

typedef struct
{
  const ScContext *ctx;
  const ScPackageManager *manager;
  const char *container;
  const char *image;       /* name */
  int number;              /* of the deployment, SC_NO_DEPLOYMENT: the package is of the container as a whole */
  const ScDeployment *old; /* (nullable): the live one: its files may be replaced */
  GHashTable *labels;      /* of the image */
  GHashTable *values;      /* for rpm.spec.template */
  const ScExports *exports;
  int rootfs;            /* descriptor of the image's root */
  int tree;              /* descriptor of the tree; files that the host has already are removed from it */
  const char *tree_path; /* the same as a path */
  const char *work;      /* path of an empty directory that may be filled */
  const char *whole;     /* (nullable): directory of the tree that is packed as it is */
  const ScProgressSink *sink;
  GCancellable *cancellable;
} ScPackageInput;

/**
 * sc_package_make:
 * @out_file: (out) (transfer full): the package, somewhere in @input->work
 *
 * In this order: the image's ready package, its rpm.spec or rpm.spec.template (rpm), else one generated from the
 * labels. A package as a whole is always generated.  Errors: SC_ERROR_UNAVAILABLE if the tool is missing,
 * SC_ERROR_FAILED with what it says, SC_ERROR_INVALID for labels and names that make no package, SC_ERROR_FAILED for a
 * package of the image that the host has for another reason, or that would replace a file that was changed by hand.
 */
gboolean sc_package_make (const ScPackageInput *input, char **out_file, ScPackageFile **out_package,
                          GError **error) SC_CHECK;
