/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "live.h"

/*
 * The unit of a container beside those of the host: whose name it takes, which links are the container's, and what the
 * host had before (docs/deployments.md, "The unit").
 */

/* Says which unit and which tmpfiles file that came with the host one of this name takes the place of. */
void sc_host_unit_note (const ScContext *ctx, const char *name, gboolean unit, gboolean tmpfiles,
                        const ScProgressSink *sink);

/* Says so, and fills in @d->replaced_links, when a deployment with a unit is made. @live: (nullable): the one before it
 */
gboolean sc_host_unit_record (const ScContext *ctx, const ScDeployment *live, ScDeployment *d, gboolean tmpfiles,
                              const ScProgressSink *sink, GError **error) SC_CHECK;

/**
 * sc_host_unit_check:
 * @dir: of the deployment that is to be live, in the checkouts
 * @from: the one that is, or SC_NO_DEPLOYMENT
 *
 * Before the journal: is there a file of somebody else where unit and tmpfiles file are to be, or a link where an alias
 * is?
 */
gboolean sc_host_unit_check (const ScLive *live, const char *dir, int from, GError **error) SC_CHECK;

/* Does any of the links exist that the unit of @number asks for?  One that asks for none is like one that is new: what
 * comes after it is enabled, as by an installation. */
gboolean sc_host_unit_was_enabled (const ScLive *live, int number, gboolean *out_enabled, GError **error) SC_CHECK;

/* Is it started at boot if it is enabled?  @text: (nullable): unit @unit */
gboolean sc_host_unit_starts (const char *unit, const char *text);
gboolean sc_host_unit_starts_in (const ScLive *live, int number);

/* Links of @number instead of those of @other, which may be SC_NO_DEPLOYMENT; says "systemctl enable NAME". */
gboolean sc_host_unit_enable (const ScLive *live, int number, int other, GCancellable *cancellable,
                              GError **error) SC_CHECK;

/* When the unit of @number is gone: links of the host's own unit of that name, if it still has one, as they were. */
gboolean sc_host_unit_restore (const ScLive *live, int number, GError **error) SC_CHECK;
