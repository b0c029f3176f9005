/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "error.h"

/*
 * Members of a tar file, which may be compressed with gzip, zstd or xz.  Internal to oci.
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
void sc_tar_free (ScTar *tar);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScTar, sc_tar_free)

/* The regular file at @path, links followed inside the archive only (at most 40). SC_ERROR_NOT_FOUND,
 * SC_ERROR_INVALID if it is something else. Owned by @tar. */
const ScTarMember *sc_tar_find (ScTar *tar, const char *path, GError **error) SC_CHECK;

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
