/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "journal.h"

/*
 * Updates of several containers that count together or not at all (docs/deployments.md).  The file CHECKOUTS/.group-ID
 * is there as long as nothing is decided: the journals that name it go back.  Its removal decides for all of them.
 */

#define SC_GROUP ".group-"

typedef struct
{
  int dfd; /* the checkouts, the caller's */
  int fd;  /* with a lock: as long as it is held nobody else removes the file */
  char *id;
  char *file;
  gboolean decided;
} ScGroup;

/* On disk when it returns, and held. @dfd must outlive it. */
ScGroup *sc_group_new (int dfd, GError **error) SC_CHECK;

/* It counts. On an error group->decided tells: FALSE, everything can go back; TRUE, it counts but may not be on disk,
 * and no journal may be removed. */
gboolean sc_group_decide (ScGroup *group, GError **error) SC_CHECK;

/* Removes the file of a group that was not decided, unless a journal names it. */
void sc_group_free (ScGroup *group);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScGroup, sc_group_free)

/* Does the group of @journal, one that was cut short, count?  If so this is on disk, and the journal becomes one of
 * SC_PHASE_ACTIVATE. For whoever holds its container. */
gboolean sc_group_resolve (int dfd, ScJournal *journal, GError **error) SC_CHECK;

/* Removes the files of groups that nobody holds and no journal names. */
gboolean sc_group_clean (int dfd, GError **error) SC_CHECK;
