/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Tar files in memory, member by member, and the documents of an image.  For unit tests: every failure here ends the
 * program.
 */

#include <archive.h>
#include <archive_entry.h>
#include <gio/gio.h>
#include <string.h>

#include "digest.h"

typedef struct
{
  struct archive *archive;
  GByteArray *bytes;
} TarFixture;

static la_ssize_t
tar_fixture_on_write (struct archive *archive, void *data, const void *buffer, size_t size)
{
  g_byte_array_append (data, buffer, (guint)size);
  return (la_ssize_t)size;
}

static inline TarFixture
tar_fixture_begin (int filter)
{
  TarFixture t = { archive_write_new (), g_byte_array_new () };

  g_assert_cmpint (archive_write_set_format_pax_restricted (t.archive), ==, ARCHIVE_OK);
  g_assert_cmpint (archive_write_add_filter (t.archive, filter), ==, ARCHIVE_OK);
  archive_write_set_bytes_per_block (t.archive, 0);
  g_assert_cmpint (archive_write_open (t.archive, t.bytes, NULL, tar_fixture_on_write, NULL), ==, ARCHIVE_OK);
  return t;
}

/* Begins a member of @size bytes, of which @n at @data are written; more can follow. */
static inline void
tar_fixture_add_sized (TarFixture *t, const char *path, gint64 size, const void *data, gsize n)
{
  struct archive_entry *entry = archive_entry_new ();

  archive_entry_set_pathname (entry, path);
  archive_entry_set_filetype (entry, AE_IFREG);
  archive_entry_set_perm (entry, 0644);
  archive_entry_set_size (entry, size);
  g_assert_cmpint (archive_write_header (t->archive, entry), ==, ARCHIVE_OK);
  g_assert_cmpint (archive_write_data (t->archive, data, n), ==, (la_ssize_t)n);
  archive_entry_free (entry);
}

static inline void
tar_fixture_add (TarFixture *t, const char *path, const char *text)
{
  tar_fixture_add_sized (t, path, (gint64)strlen (text), text, strlen (text));
}

/* As blobs/sha256/HEX; (transfer full): the digest. */
static inline char *
tar_fixture_add_blob (TarFixture *t, const char *text)
{
  char *digest = sc_digest_of (text, strlen (text));
  g_autofree char *path = g_strconcat ("blobs/sha256/", sc_digest_hex (digest), NULL);

  tar_fixture_add (t, path, text);
  return digest;
}

static inline void
tar_fixture_add_symlink (TarFixture *t, const char *path, const char *target)
{
  struct archive_entry *entry = archive_entry_new ();

  archive_entry_set_pathname (entry, path);
  archive_entry_set_filetype (entry, AE_IFLNK);
  archive_entry_set_symlink (entry, target);
  g_assert_cmpint (archive_write_header (t->archive, entry), ==, ARCHIVE_OK);
  archive_entry_free (entry);
}

/* (transfer full) */
static inline GBytes *
tar_fixture_end (TarFixture *t)
{
  archive_write_close (t->archive);
  archive_write_free (t->archive);
  return g_byte_array_free_to_bytes (t->bytes);
}

/* (transfer full): what there is so far of a file that is not compressed. */
static inline GBytes *
tar_fixture_cut (TarFixture *t)
{
  GBytes *bytes = g_bytes_new (t->bytes->data, t->bytes->len);

  archive_write_fail (t->archive);
  archive_write_free (t->archive);
  g_byte_array_unref (t->bytes);
  return bytes;
}

/* (transfer full): an image config with the diffIDs of @layers. */
static inline char *
tar_fixture_config (const char *const *layers)
{
  GString *out = g_string_new ("{\"os\":\"linux\",\"architecture\":\"amd64\",\"rootfs\":{\"diff_ids\":[");

  for (gsize i = 0; layers[i] != NULL; i++)
    {
      g_autofree char *digest = sc_digest_of (layers[i], strlen (layers[i]));
      g_string_append_printf (out, "%s\"%s\"", i > 0 ? "," : "", digest);
    }
  g_string_append (out, "]}}");
  return g_string_free (out, FALSE);
}

/* (transfer full): a descriptor of @text. */
static inline char *
tar_fixture_descriptor (const char *media_type, const char *text, const char *more)
{
  g_autofree char *digest = sc_digest_of (text, strlen (text));

  return g_strdup_printf ("{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu%s}", media_type, digest, strlen (text),
                          more);
}

/* (transfer full): an OCI manifest of uncompressed layers. */
static inline char *
tar_fixture_manifest (const char *config, const char *const *layers)
{
  g_autofree char *config_entry = tar_fixture_descriptor ("application/vnd.oci.image.config.v1+json", config, "");
  GString *out = g_string_new (NULL);

  g_string_append_printf (out, "{\"schemaVersion\":2,\"config\":%s,\"layers\":[", config_entry);
  for (gsize i = 0; layers[i] != NULL; i++)
    {
      g_autofree char *entry = tar_fixture_descriptor ("application/vnd.oci.image.layer.v1.tar", layers[i], "");
      g_string_append_printf (out, "%s%s", i > 0 ? "," : "", entry);
    }
  g_string_append (out, "]}");
  return g_string_free (out, FALSE);
}
