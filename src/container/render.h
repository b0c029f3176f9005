/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "exports.h"
#include "host-plan.h"
#include "model.h"

/*
 * The three files of a deployment as text: from the image's templates and values, or from defaults
 * made of the image's own config.  Nothing is written here.
 */

typedef struct
{
  char *config;            /* (nullable): config.json; NULL with noContainerService and nothing to run */
  char *unit;              /* (nullable): NULL with noContainerService */
  char *tmpfiles;          /* (nullable): NULL if there is nothing to create */
  gboolean default_config; /* the image brings no configuration */
  GPtrArray *notes;        /* char *: lines for the user, e.g. a bind source that does not exist */
} ScRendered;

typedef struct
{
  const ScExports *exports;
  const ScImageConfig *image;
  GHashTable *values;
  int rootfs;             /* the checked-out root: user names are resolved in its /etc/passwd and /etc/group */
  int host_root;          /* the host's root: which bind sources exist */
  const ScHostPlan *host; /* (nullable): what is going to */
  const char *remote;     /* (nullable): path of @rootfs if it is not in the deployment */
} ScRenderInput;

/* Errors: as sc_template_expand(), sc_config_validate(); a JSON error names the variable that made it. */
ScRendered *sc_render (const ScRenderInput *input, GError **error) SC_CHECK;
void sc_rendered_free (ScRendered *rendered);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScRendered, sc_rendered_free)
