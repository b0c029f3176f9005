/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "container-lock.h"
#include "deployment.h"
#include "journal.h"
#include "systemd.h"

/*
 * What of a container is live: its link, and what the deployment behind the link asks for on the host - unit, tmpfiles
 * file, enablement.  The link alone says which deployment it is, everything else is derived from it and can be made
 * again from the copies in that deployment.  Each function can be repeated.  Only activate.c and uninstall.c call what
 * changes something.
 */

typedef struct
{
  const ScContext *ctx;
  ScContainerLock *lock;
  ScSystemd *systemd;
  const ScProgressSink *sink; /* (nullable): told the steps */
  gboolean resumed;           /* somebody may have been stopped in the middle of what is done now */
  gboolean force; /* host files that cannot be removed and packages are no reason to stop: a note tells what is wrong */
  gboolean recovering; /* directories that cannot be made are no reason to stop: a note tells */
} ScLive;

/* Where the unit and the tmpfiles configuration of a container are, as the host sees them. (transfer full) */
char *sc_unit_path (const ScContext *ctx, const char *name);
char *sc_tmpfiles_path (const ScContext *ctx, const char *name);
/* "NAME.service": the unit, and its copy in the deployment. (transfer full) */
char *sc_unit_name (const char *name);
/* "tmpfiles-NAME.conf": the copy in the deployment. (transfer full) */
char *sc_tmpfiles_name (const char *name);
/* "NAME.N/FILE". (transfer full) */
char *sc_deployment_file (const char *name, int number, const char *file);

/* The number in the link NAME of the directory @dfd; SC_NO_DEPLOYMENT if there is no link, or one that leads to no
 * deployment of the container. */
int sc_live_number (int dfd, const char *name);

/* The link: the commit point.  SC_NO_DEPLOYMENT removes it. */
gboolean sc_live_set_link (const ScLive *live, int number, GError **error) SC_CHECK;

/**
 * sc_live_put_files:
 * @number: deployment whose files are to be on the host, SC_NO_DEPLOYMENT for none
 * @other: deployment whose files may be there instead, SC_NO_DEPLOYMENT for none
 * @out_changed: whether the unit is another one than before
 *
 * Puts host files, unit and tmpfiles file of @number in place; those that only @other has are removed, and a unit is
 * disabled before it is, and links of the host's own unit of that name are made again after it. What neither has is not
 * the container's and stays.
 */
gboolean sc_live_put_files (const ScLive *live, int number, int other, gboolean *out_changed, GError **error) SC_CHECK;

/**
 * sc_live_tell_systemd:
 * @other: deployment whose links may be there instead, SC_NO_DEPLOYMENT for none
 * @enable: the unit is to be enabled
 *
 * Reload, directories of the tmpfiles file, enablement, and all of it on disk.
 */
gboolean sc_live_tell_systemd (const ScLive *live, int number, int other, gboolean enable, GCancellable *cancellable,
                               GError **error) SC_CHECK;

/* Removes what processes that died left of replacing host files and marks. */
gboolean sc_live_clean (const ScLive *live, const ScJournal *journal, GError **error) SC_CHECK;

/* systemd-tmpfiles --remove, which is to make no removal fail. */
void sc_live_remove_tmpfiles (const ScLive *live, int number, GCancellable *cancellable);

/* Is there a unit of the container's name where containers' units are?  If not, what runs by that name need not be it.
 */
gboolean sc_live_unit_is_there (const ScLive *live);

/* Is @file ("NAME.service") in the deployment? */
gboolean sc_live_has (const ScLive *live, int number, const char *file);
