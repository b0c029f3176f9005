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

static inline void
tar_fixture_add (TarFixture *t, const char *path, const char *text)
{
  gsize size = strlen (text);
  struct archive_entry *entry = archive_entry_new ();

  archive_entry_set_pathname (entry, path);
  archive_entry_set_filetype (entry, AE_IFREG);
  archive_entry_set_perm (entry, 0644);
  archive_entry_set_size (entry, (la_int64_t)size);
  g_assert_cmpint (archive_write_header (t->archive, entry), ==, ARCHIVE_OK);
  g_assert_cmpint (archive_write_data (t->archive, text, size), ==, (la_ssize_t)size);
  archive_entry_free (entry);
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

/* (transfer full): the header of a member of 2^55 bytes, and one byte of it: libarchive itself does not stop there. */
static inline GBytes *
tar_fixture_huge (const char *path, char first)
{
  guint8 data[513] = { 0 };
  guint sum = 8 * ' ';

  g_assert_cmpuint (strlen (path), <, 100);
  memcpy (data, path, strlen (path));
  memcpy (data + 100, "0000644", 7);
  data[124] = 0x80; /* the size in base 256: its last byte is 135 */
  data[135 - 6] = 0x80;
  data[156] = '0';
  memcpy (data + 257, "ustar\00000", 8);
  for (gsize i = 0; i < 512; i++)
    sum += data[i];
  g_snprintf ((char *)data + 148, 8, "%06o", sum);
  data[512] = (guint8)first;
  return g_bytes_new (data, sizeof data);
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
