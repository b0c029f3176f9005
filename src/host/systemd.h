/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "context.h"

/*
 * systemd over D-Bus: the system bus, or as root its private socket (/run/systemd/private) when there is no bus, as
 * early in boot.  Where systemd is not running (no /run/systemd/system) or @ctx has a root of its own, enabling and
 * disabling write and remove the symlinks that the unit's [Install] section asks for, and nothing is started or
 * stopped.
 */

typedef struct _ScSystemd ScSystemd;

/* Never fails because systemd is not there; sc_systemd_is_running() tells.  @ctx must outlive it. */
ScSystemd *sc_systemd_new (const ScContext *ctx, GCancellable *cancellable, GError **error) SC_CHECK;
void sc_systemd_free (ScSystemd *systemd);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScSystemd, sc_systemd_free)

gboolean sc_systemd_is_running (ScSystemd *systemd);
/* Is the machine being stopped or started again? FALSE where that is not known. */
gboolean sc_systemd_is_stopping (ScSystemd *systemd);

/* Is this early in the boot, so that a job may have to wait for whoever queues it?  TRUE too if systemd does not say.
 */
gboolean sc_systemd_is_booting (ScSystemd *systemd, GCancellable *cancellable);

/* @unit is the full name ("etcd.service"). Each is a success without effect where it does not apply (see above). */
gboolean sc_systemd_reload (ScSystemd *systemd, GCancellable *cancellable, GError **error) SC_CHECK;
/* SC_ERROR_EXISTS as sc_unit_links_check(), before anything changes. */
gboolean sc_systemd_enable (ScSystemd *systemd, const char *unit, GCancellable *cancellable, GError **error) SC_CHECK;
/* No error if it is not enabled, or not there.  Not what is of a unit of that name elsewhere only: see
 * sc_unit_links_are_of_file(). On disk when it returns. */
gboolean sc_systemd_disable (ScSystemd *systemd, const char *unit, GCancellable *cancellable, GError **error) SC_CHECK;

/* Queue the job and wait for its end; SC_ERROR_FAILED names the unit and the job's result ("failed", "timeout",
 * "dependency", ...).  SC_ERROR_UNAVAILABLE where systemd is not running, and if another job took its place or would
 * not let it, as when the machine stops. */
gboolean sc_systemd_start (ScSystemd *systemd, const char *unit, GCancellable *cancellable, GError **error) SC_CHECK;
gboolean sc_systemd_stop (ScSystemd *systemd, const char *unit, GCancellable *cancellable, GError **error) SC_CHECK;
gboolean sc_systemd_restart (ScSystemd *systemd, const char *unit, GCancellable *cancellable, GError **error) SC_CHECK;

/* What enabling @unit earlier would have done: queues its start if a unit that wants or requires it is being started,
 * as in a boot. Does not wait: the job may have to wait for the caller. */
gboolean sc_systemd_start_if_wanted (ScSystemd *systemd, const char *unit, GCancellable *cancellable,
                                     GError **error) SC_CHECK;

/* Forgets the failed state of a unit; no error if there is none. */
gboolean sc_systemd_reset_failed (ScSystemd *systemd, const char *unit, GCancellable *cancellable,
                                  GError **error) SC_CHECK;

/* (transfer full): ActiveState ("active", "inactive", "failed", "activating", ...); "inactive" where systemd is not
 * running or does not know the unit. */
char *sc_systemd_active_state (ScSystemd *systemd, const char *unit, GCancellable *cancellable,
                               GError **error) SC_CHECK;

/* Is a job queued or running for @unit? */
gboolean sc_systemd_has_job (ScSystemd *systemd, const char *unit, gboolean *out_have, GCancellable *cancellable,
                             GError **error) SC_CHECK;

/* @out_restarts: how often systemd has started the service @unit again by itself, since sc_systemd_reset_failed() and
 * since its last stop by a job; 0 if it is not known. */
gboolean sc_systemd_restarts (ScSystemd *systemd, const char *unit, guint *out_restarts, GCancellable *cancellable,
                              GError **error) SC_CHECK;

/* @out_usec: when @unit became active last, on the monotonic clock; 0 if it is not known.  One that differs from an
 * earlier one tells that the unit was started again meanwhile. */
gboolean sc_systemd_active_since (ScSystemd *systemd, const char *unit, guint64 *out_usec, GCancellable *cancellable,
                                  GError **error) SC_CHECK;
