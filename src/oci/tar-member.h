/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "context.h"
#include "error.h"

/*
 * Members of a tar file, which may be compressed with gzip, zstd or xz.  The file is on disk, or is made by somebody
 * who sends it whole as often as he is asked.  Internal to oci.
 */

typedef struct _ScTar ScTar;

#define SC_TAR_MAX_MEMBERS 20000
#define SC_TAR_START_SIZE  8

typedef struct
{
  guint index;                     /* place in the archive */
  char *path;                      /* "a/b": without leading "./" or "/", without "." and ".." */
  char *target;                    /* (nullable): path in the archive that a symlink or hard link leads to */
  gboolean data;                   /* a regular file that can be read */
  guint64 size;                    /* bytes */
  guint8 start[SC_TAR_START_SIZE]; /* the first bytes of a regular file */
  guint n_start;
} ScTarMember;

/**
 * sc_tar_open:
 * @path: the user's word, opened as it is
 *
 * Reads the archive once and lists its members.  Of members with the same path the last one counts, as it does when an
 * archive is unpacked.
 *
 * Errors: G_IO_ERROR for the file, SC_ERROR_INVALID for something that is no tar file or is cut off, SC_ERROR_LIMIT for
 * more than SC_TAR_MAX_MEMBERS members.
 */
ScTar *sc_tar_open (const char *path, GCancellable *cancellable, GError **error) SC_CHECK;

/* Gives the archive once more from its start.  The stream given before is closed by then. (transfer full) */
typedef GInputStream *(*ScTarOpenFunc) (gpointer data, GCancellable *cancellable, GError **error);

/**
 * sc_tar_open_stream:
 * @name: for messages
 * @open: called now, and again each time that going back is not to be avoided
 *
 * As sc_tar_open(), for an archive without random access.  It is read through to its end; of its data only short
 * members that may be JSON are kept.  See sc_tar_plan().
 *
 * Errors: as sc_tar_open(), and those of @open and its streams.
 */
ScTar *sc_tar_open_stream (const char *name, ScTarOpenFunc open, gpointer data, GCancellable *cancellable,
                           GError **error) SC_CHECK;
void sc_tar_free (ScTar *tar);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScTar, sc_tar_free)

/* The regular file at @path, links followed inside the archive only (at most 40). SC_ERROR_NOT_FOUND,
 * SC_ERROR_INVALID if it is something else. Owned by @tar. */
const ScTarMember *sc_tar_find (ScTar *tar, const char *path, GError **error) SC_CHECK;

/**
 * sc_tar_plan:
 * @members: those that will be opened, in this order; each is opened once, and some may be left out
 *
 * Of an archive that is compressed or has no random access: makes one more pass over it do, whatever the order of its
 * members is.  What comes before its turn is kept meanwhile in a file without a name (sc_spool_open()), and what is
 * already behind the member that is opened is passed over.  Of any other archive: nothing.
 */
void sc_tar_plan (ScTar *tar, const ScContext *ctx, const ScTarMember *const *members, guint n);

/**
 * sc_tar_open_member:
 *
 * The bytes of a regular file, decompressed as far as the archive as a whole is compressed.  Reading on in the order of
 * the archive costs no second pass over it.  One stream of an archive is open at a time: opening another one ends it.
 * The stream must not be used after @tar is gone.
 */
GInputStream *sc_tar_open_member (ScTar *tar, const ScTarMember *member, GCancellable *cancellable,
                                  GError **error) SC_CHECK;

/* A regular file whole; more than @max bytes is SC_ERROR_LIMIT. */
GBytes *sc_tar_read_member (ScTar *tar, const ScTarMember *member, gsize max, GCancellable *cancellable,
                            GError **error) SC_CHECK;
