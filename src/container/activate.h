/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "deployment.h"
#include "progress.h"
#include "systemd.h"

/*
 * The one place that changes what is live (docs/architecture.md, "activate").
 */

/* Where the unit and the tmpfiles configuration of a container are, as the host sees them. (transfer full) */
char *sc_unit_path (const ScContext *ctx, const char *name);
char *sc_tmpfiles_path (const ScContext *ctx, const char *name);
/* "NAME.service": the unit, and its copy in the deployment. (transfer full) */
char *sc_unit_name (const char *name);
/* "tmpfiles-NAME.conf": the copy in the deployment. (transfer full) */
char *sc_tmpfiles_name (const char *name);

/**
 * sc_deployment_activate:
 * @deployment: complete on disk and flushed, and not live
 * @unit, @tmpfiles: (nullable): the texts to put in place
 *
 * Puts the tmpfiles file in place, replaces the link NAME by rename, replaces the unit by rename, then tells systemd:
 * reload, tmpfiles, enable.  Each of the files is whole or absent at every moment.  On an error or cancel what was done
 * is undone.
 */
gboolean sc_deployment_activate (const ScContext *ctx, const ScDeployment *deployment, const char *unit,
                                 const char *tmpfiles, const ScProgressSink *sink, GCancellable *cancellable,
                                 GError **error) SC_CHECK;

/**
 * sc_container_deactivate:
 *
 * Disables the service, removes the unit, the tmpfiles file and what it says is to be removed, and tells systemd.  The
 * link stays, so that an interrupted removal can be repeated.
 */
gboolean sc_container_deactivate (const ScContext *ctx, const char *name, const ScProgressSink *sink,
                                  GCancellable *cancellable, GError **error) SC_CHECK;

/* Removes the host files that are to the byte those of the deployment directory @dir, in @checkouts, of @name: an
 * installation that died before the container had its link left them. */
gboolean sc_container_remove_dead (const ScContext *ctx, int checkouts, const char *name, const char *dir,
                                   GError **error) SC_CHECK;
