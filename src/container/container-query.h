/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "deployment.h"

/* A container as lists show it. */
typedef struct
{
  ScDeployment *deployment;
  const char *state; /* "running", "inactive", "failed", "no service" */
  gboolean running;
} ScContainer;

void sc_container_free (ScContainer *container);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScContainer, sc_container_free)

/* (transfer container) (element-type ScContainer): by name. The state is systemd's; where systemd is not running, the
 * runtime's. */
GPtrArray *sc_container_list (const ScContext *ctx, GCancellable *cancellable, GError **error) SC_CHECK;
