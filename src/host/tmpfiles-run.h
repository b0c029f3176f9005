/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "context.h"

/* systemd-tmpfiles, of the host: applies the one file @path (as the host sees it) with --create or --remove, in the
 * root of @ctx.  SC_ERROR_UNAVAILABLE if the host has none. */
gboolean sc_tmpfiles_create (const ScContext *ctx, const char *path, GCancellable *cancellable,
                             GError **error) SC_CHECK;
gboolean sc_tmpfiles_remove (const ScContext *ctx, const char *path, GCancellable *cancellable,
                             GError **error) SC_CHECK;
