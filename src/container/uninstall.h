/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "deployment.h"
#include "progress.h"

/* Stops and disables the service, and removes unit, tmpfiles file, link and deployments of @name.  Can be
 * repeated after an interruption.  @display: only says what would be done.  SC_ERROR_NOT_FOUND, SC_ERROR_DENIED for a
 * preinstalled one. */
gboolean sc_uninstall (const ScContext *ctx, const char *name, gboolean display, const ScProgressSink *sink,
                       GCancellable *cancellable, GError **error) SC_CHECK;
