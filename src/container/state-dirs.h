/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "context.h"
#include "progress.h"
#include "state-own.h"

/*
 * Directories for the state of containers: those of a container's tmpfiles file that the host did not have before.
 * They are recorded with the deployment (docs/formats.md, "atomic.created-dirs"), and `uninstall --purge` removes what
 * is recorded and nothing else.  A path that ends in a slash is of a directory that was missing above one of them; it
 * goes only if it is empty.
 */

/**
 * sc_state_dirs_find:
 * @values: (nullable): of the new deployment
 * @tmpfiles: (nullable): text of the container's tmpfiles file
 * @out_dirs: (out) (transfer full) (array zero-terminated=1): what to record for a new deployment, sorted
 *
 * What the deployments of @name that are there have recorded and what still exists of it, and what @tmpfiles will make.
 * Recorded is only what is in a place for state, /var/lib, /var/cache, /var/log, /var/spool, /var/opt, /srv, /opt,
 * /run, those that the context names, and those that @values do (RUN_DIRECTORY, STATE_DIRECTORY, CONF_DIRECTORY; of
 * /etc and of the last what is named after the container alone), and never what we or other programs need there.  What
 * a deployment of @name asks for already without having recorded it was there before it, and is not recorded either.
 */
gboolean sc_state_dirs_find (const ScContext *ctx, const char *name, GHashTable *values, const char *tmpfiles,
                             char ***out_dirs, GError **error) SC_CHECK;

/* (transfer full) (element-type utf8): what the deployments of @name have recorded, sorted; what may not be one is
 * left out; with @lenient also a deployment that cannot be read. */
GPtrArray *sc_state_dirs_recorded (const ScHostTree *host, const char *name, gboolean lenient, GError **error) SC_CHECK;

/* The same of deployment @number alone; nothing if there is none. */
GPtrArray *sc_state_dirs_recorded_by (const ScHostTree *host, const char *name, int number, GError **error) SC_CHECK;

/* After a deployment @to of @name that did not come to anything: removes the directories that it recorded and @from,
 * which is live as before, did not, as far as they are empty, so that the next one finds what this one found.  Can be
 * repeated. */
gboolean sc_state_dirs_take_back (const ScContext *ctx, const char *name, int from, int to, GError **error) SC_CHECK;

typedef struct
{
  gboolean dry_run; /* only say it */
  gboolean force;   /* what cannot be removed stays, whatever the reason */
} ScPurgeOptions;

/**
 * sc_state_dirs_purge:
 *
 * Removes what is recorded for @name, and flushes; can be repeated. Says "Removing DIR".  A directory stays, and a note
 * says why, if another container uses it or something in it, or cannot be read, if something in it was put there by the
 * container and changed by hand, if something is mounted in it, if a link has taken its
 * place or that of one above it, or if the system forbids to remove it.
 */
gboolean sc_state_dirs_purge (const ScContext *ctx, const char *name, const ScPurgeOptions *options,
                              const ScProgressSink *sink, GCancellable *cancellable, GError **error) SC_CHECK;
