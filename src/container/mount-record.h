/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "checkouts.h"

/*
 * What we mounted: for each mount a private directory of the checkouts, SC_MOUNTS_PREFIX ".XXXXXX", with what is
 * mounted (an image's root, a writable layer) and a file that says where and for whom.  The file is written before the
 * mount can be seen, and the directory made and removed by who holds the checkouts; so a directory without the file, or
 * whose mount is not there, belongs to nobody.
 */

#define SC_MOUNTS_PREFIX ".mount"

typedef struct
{
  char *name;        /* of the private directory */
  char *directory;   /* where it is mounted, for people */
  char *view;        /* who sees it: sc_mountinfo_view() */
  guint64 mount;     /* id */
  char *mount_point; /* (nullable): of a live one, where it is now: it may have been moved */
  char *shows;       /* what the list of mounts tells of it: the end of its root, or the source of an overlay */
} ScMountRecord;

void sc_mount_record_free (ScMountRecord *record);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScMountRecord, sc_mount_record_free)

/* Writes @record, whose view is filled in, into its directory. */
gboolean sc_mount_record_save (ScCheckouts *checkouts, ScMountRecord *record, GError **error) SC_CHECK;

typedef struct
{
  GPtrArray *live;     /* (element-type ScMountRecord): mounted where this process sees them */
  GPtrArray *stale;    /* (element-type ScMountRecord): left by another boot, a crash, or umount(8); of a directory
                          without a record only @name is set */
  GPtrArray *problems; /* (element-type utf8): what cannot be told: "PATH: why" */
} ScMountRecords;

void sc_mount_records_clear (ScMountRecords *records);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ScMountRecords, sc_mount_records_clear)

/* Reads all records of the checkouts; those of other views of this boot are in neither list. */
gboolean sc_mount_records_load (ScCheckouts *checkouts, ScMountRecords *out_records, GError **error) SC_CHECK;
