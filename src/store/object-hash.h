/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <ostree.h>

#include "digest.h"
#include "object-header.h"

/*
 * The checksums of objects ("Anatomy of an OSTree repository" of OSTree's manual): of one that is being made, and of
 * one that is on disk.
 */

/* Told of bytes that were read, now and then. */
typedef void (*ScHashProgress) (guint64 bytes, gpointer data);

/* One thread's tools for hashing. */
typedef struct _ScObjectHasher ScObjectHasher;

ScObjectHasher *sc_object_hasher_new (OstreeRepoMode mode);
void sc_object_hasher_free (ScObjectHasher *hasher);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScObjectHasher, sc_object_hasher_free)
void sc_object_hasher_set_progress (ScObjectHasher *hasher, ScHashProgress progress, gpointer data);

/**
 * sc_object_hasher_check:
 * @dfd, @path: a file that should be the object @checksum of @type, in the form that objects have in the repository
 * @out_reason: (out) (transfer full) (nullable): why it is not; NULL: it is
 *
 * Bytes, owner, mode, link target and attributes are looked at, labels of SELinux where the object has them.  What is
 * wrong with the file, and that it cannot be read from the disk, is a reason; FALSE is for what keeps one from looking.
 * G_IO_ERROR_NOT_FOUND: there is no such file.
 */
gboolean sc_object_hasher_check (ScObjectHasher *hasher, OstreeObjectType type, const guint8 checksum[SC_SHA256_SIZE],
                                 int dfd, const char *path, char **out_reason, GCancellable *cancellable,
                                 GError **error) SC_CHECK;

/* The same of the open directory @fd, whose owner, mode and attributes should be the metadata object @checksum. */
gboolean sc_object_hasher_check_dir (ScObjectHasher *hasher, const guint8 checksum[SC_SHA256_SIZE], int fd,
                                     char **out_reason, GError **error) SC_CHECK;

/* The path of an object below objects/: "ab/cdef.file". */
#define SC_OBJECT_PATH_SIZE (SC_SHA256_HEX + sizeof "/.dirmeta" + 8)
void sc_object_path (OstreeObjectType type, const guint8 checksum[SC_SHA256_SIZE], char out[SC_OBJECT_PATH_SIZE]);
