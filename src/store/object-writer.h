/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <ostree.h>

#include "digest.h"
#include "object-header.h"

/*
 * Writes OSTree objects, hashed here and handed to libostree with their checksum, so that nothing is hashed twice.
 * Must be used inside a transaction of the repository: nothing is visible before that is committed.
 *
 * A large file streams into its object: memory stays bounded by SC_OBJECT_BUFFER.
 */

#define SC_OBJECT_BUFFER (1024 * 1024)
/* Of private directories below tmp/, PREFIX.XXXXXX; each is locked (flock) by the process that uses it. */
#define SC_OBJECT_PRIVATE_PREFIX "atomic-import"

typedef struct _ScObjectWriter ScObjectWriter;

ScObjectWriter *sc_object_writer_new (OstreeRepo *repo);
void sc_object_writer_free (ScObjectWriter *writer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScObjectWriter, sc_object_writer_free)

gboolean sc_object_writer_dirmeta (ScObjectWriter *writer, const ScObjectMeta *meta, guint8 out[SC_SHA256_SIZE],
                                   GCancellable *cancellable, GError **error) SC_CHECK;
gboolean sc_object_writer_symlink (ScObjectWriter *writer, const ScObjectMeta *meta, const char *target,
                                   guint8 out[SC_SHA256_SIZE], GCancellable *cancellable, GError **error) SC_CHECK;

/* A regular file of @size bytes: begin, then its bytes in order, then end. Less or more bytes than @size are
 * SC_ERROR_INVALID. */
gboolean sc_object_writer_begin (ScObjectWriter *writer, const ScObjectMeta *meta, guint64 size,
                                 GCancellable *cancellable, GError **error) SC_CHECK;
gboolean sc_object_writer_data (ScObjectWriter *writer, const void *data, gsize size, GCancellable *cancellable,
                                GError **error) SC_CHECK;
/* A hole of @size bytes. */
gboolean sc_object_writer_zeros (ScObjectWriter *writer, guint64 size, GCancellable *cancellable,
                                 GError **error) SC_CHECK;
gboolean sc_object_writer_end (ScObjectWriter *writer, guint8 out[SC_SHA256_SIZE], GCancellable *cancellable,
                               GError **error) SC_CHECK;

/* A hold on the repository's tmp/, for the moment between making a directory there and locking it; every process of
 * this program takes it. Returns a descriptor of tmp/, -1 on error. */
int sc_object_writer_guard (OstreeRepo *repo, GError **error) SC_CHECK;

/* Removes what writers and transactions of dead processes left in the repository's tmp/: the private directories of
 * this module and libostree's staging directories that nobody holds. */
gboolean sc_object_writer_clean (OstreeRepo *repo, GError **error) SC_CHECK;
/* The same under @guard. */
gboolean sc_object_writer_clean_guarded (OstreeRepo *repo, int guard, GError **error) SC_CHECK;

/* Adds to @out (element-type utf8) the names in tmp/ that cleaning would remove, what belongs to a staging directory
 * included; changes nothing.  @guard: of sc_object_writer_guard(). */
gboolean sc_object_writer_find_stale (int guard, GPtrArray *out, GError **error) SC_CHECK;

/* Sets attributes, an "a(ayay)" as objects have them, on an open file or directory. */
gboolean sc_object_set_xattrs (int fd, GVariant *xattrs, GError **error) SC_CHECK;
