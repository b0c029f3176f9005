/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "context.h"
#include "progress.h"

/*
 * The directory of deployments, held by whoever changes what is in it.  The hold ends with the process at the latest.
 */

/* ".tmp-NAME.XXXXXX": a directory of container NAME that is being made or removed by whoever holds the container. */
#define SC_CHECKOUTS_TEMP ".tmp-"
/* Prefix of the bundle ".run.CONTAINER-ID.XXXXXX" of a command; whoever runs it has a flock on the directory. */
#define SC_CHECKOUTS_RUN ".run."

typedef struct
{
  int dfd;
  char *created; /* (nullable): topmost directory that we made: given back empty if nothing comes of it */
  char *path;
} ScCheckouts;

/**
 * sc_checkouts_hold:
 *
 * Opens the directory, creating it if @create, waits for whoever holds or shares it (saying so once, until cancelled),
 * and removes what a process that died there left half made. Errors: SC_ERROR_NOT_FOUND if it does not exist and
 * @create is FALSE.
 */
ScCheckouts *sc_checkouts_hold (const ScContext *ctx, gboolean create, const ScProgressSink *sink,
                                GCancellable *cancellable, GError **error) SC_CHECK;
/* The same, but removes nothing. */
ScCheckouts *sc_checkouts_lock (const ScContext *ctx, gboolean create, const ScProgressSink *sink,
                                GCancellable *cancellable, GError **error) SC_CHECK;
/* The same, shared with others who change containers of their own; removes nothing. For sc_container_lock(). */
ScCheckouts *sc_checkouts_share (const ScContext *ctx, gboolean create, const ScProgressSink *sink,
                                 GCancellable *cancellable, GError **error) SC_CHECK;
void sc_checkouts_release (ScCheckouts *checkouts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScCheckouts, sc_checkouts_release)

/* (transfer full) (array zero-terminated=1): directories NAME.<number> of @name. */
char **sc_checkouts_deployments (ScCheckouts *checkouts, const char *name, GError **error) SC_CHECK;

/* Removes the directory NAME.NUMBER, which is no deployment any more from the first moment on; no error if there is
 * none. */
gboolean sc_checkouts_remove (ScCheckouts *checkouts, const char *name, int number, GError **error) SC_CHECK;
