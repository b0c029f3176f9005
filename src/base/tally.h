/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "error.h"

/*
 * What removing files would free.  A file with several names goes with the last of them, so names are counted until
 * all of a file's are among those that go.
 */

typedef struct _ScTally ScTally;

ScTally *sc_tally_new (void);
void sc_tally_free (ScTally *tally);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScTally, sc_tally_free)

/* Counts a name; what is no file (a directory) or is not there counts nothing. */
gboolean sc_tally_add (ScTally *tally, int dfd, const char *path, GError **error) SC_CHECK;

/* Counts every name below @path, itself included; follows no links. */
gboolean sc_tally_add_tree (ScTally *tally, int dfd, const char *path, GError **error) SC_CHECK;

/* Bytes on disk of the files that have no other names. */
guint64 sc_tally_bytes (const ScTally *tally);
