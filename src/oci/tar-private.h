/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include "tar-member.h"

/*
 * The way through a tar file from its start to its end, again and again.  Shared by tar-reader.c, which knows where the
 * bytes come from, and tar-member.c, which knows what the members are for.
 */

typedef struct
{
  char *name; /* for messages */
  int fd;     /* of a file, or -1 */
  guint64 size;
  ScTarOpenFunc open; /* of a stream, or NULL */
  gpointer open_data;
  GInputStream *stream; /* (nullable) */
  GError *failure;      /* (nullable): of @stream, until it is told */
  guint8 *buffer;
  GCancellable *cancellable; /* of the call that is under way; set by the caller */

  struct archive *archive; /* (nullable): NULL after an error too */
  guint at;                /* index of the member that comes next */
} ScTarReader;

gboolean sc_tar_reader_init_file (ScTarReader *reader, const char *path, GError **error) SC_CHECK;
void sc_tar_reader_init_stream (ScTarReader *reader, const char *name, ScTarOpenFunc open, gpointer data);
void sc_tar_reader_clear (ScTarReader *reader);

/* Back to the start of the archive. */
gboolean sc_tar_reader_rewind (ScTarReader *reader, GError **error) SC_CHECK;

/* TRUE if going back means that everything up to a member has to be made once more. */
gboolean sc_tar_reader_is_costly (const ScTarReader *reader);

/* Goes to the next member; *out_entry is NULL at the end. */
gboolean sc_tar_reader_next (ScTarReader *reader, struct archive_entry **out_entry, GError **error) SC_CHECK;

/* Bytes of the current member: 0 at its end, -1 on an error, which ends the reader. */
gssize sc_tar_reader_read (ScTarReader *reader, void *buffer, gsize count, GError **error) SC_CHECK;

/* At the end: reads what follows the last member, so that the other side can end well, or say what went wrong. */
gboolean sc_tar_reader_finish (ScTarReader *reader, GError **error) SC_CHECK;
