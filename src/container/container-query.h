/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "deployment.h"
#include "progress.h"

/* A container as lists show it. */
typedef struct
{
  ScDeployment *deployment;
  const char *state; /* "running", "inactive", "failed", "no service", "unknown" */
  gboolean running;
} ScContainer;

void sc_container_free (ScContainer *container);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScContainer, sc_container_free)

/* (transfer container) (element-type ScContainer): by name. The state is systemd's; where systemd is not running, the
 * runtime's. What cannot be found out is "unknown", and a note tells why: it does not hide the others. */
GPtrArray *sc_container_list (const ScContext *ctx, const ScProgressSink *sink, GCancellable *cancellable,
                              GError **error) SC_CHECK;

/* The state of the live @deployment of a container, as above. */
gboolean sc_container_state (const ScContext *ctx, ScDeployment *deployment, const char **out_state,
                             const ScProgressSink *sink, GCancellable *cancellable, GError **error) SC_CHECK;

/* Where the unit and the tmpfiles file of @deployment are: those on the host, or, of one that is not live, in its
 * directory.  (transfer full) (nullable): NULL if it has none. */
char *sc_container_unit (const ScContext *ctx, const ScDeployment *deployment, gboolean live);
char *sc_container_tmpfiles (const ScContext *ctx, const ScDeployment *deployment, gboolean live);
