/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "container-lock.h"
#include "deployment.h"
#include "exports.h"
#include "host-plan.h"
#include "image-query.h"
#include "render.h"
#include "runtime.h"

/*
 * A deployment is made whole before anything that is live is touched: root, values, configuration, unit, tmpfiles file
 * and info in a temporary directory, validated and flushed.
 */

typedef struct
{
  const ScContext *ctx;
  ScStore *store;
  const ScRuntime *runtime;
  const char *name;         /* container */
  const ScImage *image;     /* in the store */
  const char *remote;       /* (nullable): root that is used in place of one made of the image, as the host sees it */
  const char *const *set;   /* (nullable): NAME=VALUE */
  GHashTable *previous;     /* (nullable): values of the deployment before */
  const ScDeployment *live; /* (nullable): that deployment, whose files on the host it may replace */
  const char *destdir; /* (nullable): where it is going to be, if not in the checkouts: its host files stay a tree */
  const char *system_package; /* (nullable): "auto", "yes", "no", "build"; NULL: "auto" */
  const ScProgressSink *sink;
  GCancellable *cancellable;
} ScMakeInput;

/* What templates become of one root. */
typedef struct
{
  ScExports *exports;
  GHashTable *values;
  ScHostPlan *host;
  ScRendered *rendered;
  ScHealth *health;   /* (nullable) */
  GHashTable *labels; /* of the image */
} ScMadeFiles;

void sc_made_files_clear (ScMadeFiles *files);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ScMadeFiles, sc_made_files_clear)

/* (transfer full): values of the variables for a deployment in @destdir, as the host sees it. */
GHashTable *sc_make_values (const ScMakeInput *input, const char *destdir, const ScExports *exports,
                            GError **error) SC_CHECK;

/* @rootfs: descriptor of a root of the image; @destdir: directory of the deployment, as the host sees it. */
gboolean sc_made_files_render (const ScMakeInput *input, int rootfs, const char *destdir, ScMadeFiles *out_files,
                               GError **error) SC_CHECK;

/* Where its files for the host are while a deployment is made: each at its final path below. */
#define SC_HOST_TREE "hostfs"

typedef struct
{
  ScDeployment *deployment;
  ScCheckouts *checkouts;
  char *temp; /* (nullable): name in the checkouts; NULL once it has another: the directory stays then */
} ScMade;

void sc_made_clear (ScMade *made);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ScMade, sc_made_clear)

/* Says "Extracting to DIR" and the notes of rendering. @lock: the container; its checkouts must outlive @out_made.
 * Nothing is left on an error. @out_files: (out) (optional). */
gboolean sc_deployment_make (const ScMakeInput *input, ScContainerLock *lock, int number, ScMade *out_made,
                             ScMadeFiles *out_files, GError **error) SC_CHECK;

/* The number after all that the container has, and that no other container's name takes. */
gboolean sc_deployment_next_number (ScContainerLock *lock, int *out_number, GError **error) SC_CHECK;
