/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "deployment.h"
#include "progress.h"
#include "store.h"

typedef struct
{
  const char *name;        /* container */
  const char *const *args; /* (nullable): command; NULL: the service */
  gboolean detach;
  const char *runtime; /* (nullable) */
  gboolean display;
} ScRunOptions;

/**
 * sc_container_run:
 *
 * Without a command: starts the unit; where systemd is not running, the runtime runs the container directly, in the
 * foreground or detached.  With a command: in the running container, else in a container of the same root and
 * configuration made for this one command and removed after it.  @out_status: the program's exit status (0 when a
 * service was started).
 */
gboolean sc_container_run (const ScContext *ctx, const ScRunOptions *options, const ScProgressSink *sink,
                           int *out_status, GCancellable *cancellable, GError **error) SC_CHECK;

/* Stops the service; where systemd is not running, SIGTERM to the container, SIGKILL after ten seconds. */
gboolean sc_container_stop (const ScContext *ctx, const char *name, gboolean display, const ScProgressSink *sink,
                            GCancellable *cancellable, GError **error) SC_CHECK;
