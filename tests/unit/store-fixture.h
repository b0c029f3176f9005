/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the tests of the store share: layers written with libarchive, put as images into an OCI layout, pulled from
 * there into a repository of their own and checked out.
 */
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "blob-source.h"
#include "checkout.h"
#include "digest.h"
#include "fs.h"
#include "image-query.h"
#include "policy.h"
#include "pull.h"
#include "refname.h"

typedef struct
{
  char *dir;    /* everything of the test is below it */
  char *layout; /* OCI layout */
  ScContext *ctx;
  ScStore *store;
  GString *layers; /* JSON of the image being made */
  GString *diff_ids;
  char *last_blob; /* path of the last layer's blob */
} Fixture;

/* -- archives -- */

typedef struct
{
  GByteArray *bytes;
  struct archive *archive;
} Tar;

static inline la_ssize_t
tar_write_cb (struct archive *a, void *data, const void *buffer, size_t size)
{
  g_byte_array_append (data, buffer, (guint)size);
  return (la_ssize_t)size;
}

static inline Tar
tar_new (void)
{
  Tar tar = { g_byte_array_new (), archive_write_new () };

  g_assert_cmpint (archive_write_set_format_pax_restricted (tar.archive), ==, ARCHIVE_OK);
  archive_write_set_bytes_per_block (tar.archive, 0);
  g_assert_cmpint (archive_write_open (tar.archive, tar.bytes, NULL, tar_write_cb, NULL), ==, ARCHIVE_OK);
  return tar;
}

static inline struct archive_entry *
tar_entry (const char *name, mode_t type, mode_t mode)
{
  struct archive_entry *e = archive_entry_new ();

  archive_entry_set_pathname (e, name);
  archive_entry_set_mode (e, type | mode);
  archive_entry_set_mtime (e, 1000000, 0);
  return e;
}

static inline void
tar_put (Tar *tar, struct archive_entry *e, const void *data, gsize size)
{
  if (data != NULL)
    archive_entry_set_size (e, (la_int64_t)size);
  g_assert_cmpint (archive_write_header (tar->archive, e), >=, ARCHIVE_WARN);
  if (data != NULL && size > 0)
    g_assert_cmpint (archive_write_data (tar->archive, data, size), ==, (la_ssize_t)size);
  archive_entry_free (e);
}

static inline void
tar_file (Tar *tar, const char *name, mode_t mode, const char *text)
{
  tar_put (tar, tar_entry (name, AE_IFREG, mode), text, strlen (text));
}

static inline void
tar_dir (Tar *tar, const char *name, mode_t mode)
{
  tar_put (tar, tar_entry (name, AE_IFDIR, mode), NULL, 0);
}

static inline void
tar_symlink (Tar *tar, const char *name, const char *target)
{
  struct archive_entry *e = tar_entry (name, AE_IFLNK, 0777);

  archive_entry_set_symlink (e, target);
  tar_put (tar, e, NULL, 0);
}

static inline void
tar_hardlink (Tar *tar, const char *name, const char *target)
{
  struct archive_entry *e = tar_entry (name, AE_IFREG, 0644);

  archive_entry_set_hardlink (e, target);
  tar_put (tar, e, NULL, 0);
}

static inline GByteArray *
tar_finish (Tar *tar)
{
  g_assert_cmpint (archive_write_close (tar->archive), ==, ARCHIVE_OK);
  archive_write_free (tar->archive);
  return tar->bytes;
}

static inline GByteArray *
gzip_bytes (const guint8 *data, gsize size)
{
  GByteArray *out = g_byte_array_new ();
  z_stream z = { 0 };

  g_assert_cmpint (deflateInit2 (&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), ==, Z_OK);
  g_byte_array_set_size (out, (guint)deflateBound (&z, size) + 64);
  z.next_in = (Bytef *)data;
  z.avail_in = (uInt)size;
  z.next_out = out->data;
  z.avail_out = out->len;
  g_assert_cmpint (deflate (&z, Z_FINISH), ==, Z_STREAM_END);
  g_byte_array_set_size (out, (guint)z.total_out);
  deflateEnd (&z);
  return out;
}

/* -- images -- */

static inline char *
fixture_put_blob (Fixture *f, const void *data, gsize size)
{
  g_autofree char *digest = sc_digest_of (data, size);
  char *path = g_build_filename (f->layout, "blobs", "sha256", sc_digest_hex (digest), NULL);

  g_assert_true (g_file_set_contents (path, data, (gssize)size, NULL));
  return path;
}

static inline void
fixture_begin (Fixture *f)
{
  g_string_set_size (f->layers, 0);
  g_string_set_size (f->diff_ids, 0);
}

/* A layer whose blob is @blob, saying that its uncompressed bytes are of @diff_id. */
static inline void
fixture_add_blob (Fixture *f, const GByteArray *blob, const char *media_type, const char *diff_id)
{
  g_autofree char *digest = sc_digest_of (blob->data, blob->len);

  g_free (f->last_blob);
  f->last_blob = fixture_put_blob (f, blob->data, blob->len);
  g_string_append_printf (f->layers, "%s{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%u}",
                          f->layers->len > 0 ? "," : "", media_type, digest, blob->len);
  g_string_append_printf (f->diff_ids, "%s\"%s\"", f->diff_ids->len > 0 ? "," : "", diff_id);
}

static inline void
fixture_add_layer (Fixture *f, Tar *tar)
{
  g_autoptr (GByteArray) plain = tar_finish (tar);
  g_autoptr (GByteArray) packed = gzip_bytes (plain->data, plain->len);
  g_autofree char *diff_id = sc_digest_of (plain->data, plain->len);

  fixture_add_blob (f, packed, SC_MT_OCI_LAYER "+gzip", diff_id);
}

/* A layer of one file. */
static inline void
fixture_add_simple_layer (Fixture *f, const char *text)
{
  Tar tar = tar_new ();

  tar_file (&tar, "file", 0644, text);
  fixture_add_layer (f, &tar);
}

static inline void
fixture_finish (Fixture *f, const char *tag)
{
  g_autofree char *config = g_strdup_printf ("{\"architecture\":\"%s\",\"os\":\"linux\",\"config\":{\"Cmd\":[\"/x\"]},"
                                             "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[%s]}}",
                                             sc_platform_host ()->architecture, f->diff_ids->str);
  g_autofree char *config_digest = sc_digest_of (config, strlen (config));
  g_autofree char *manifest = g_strdup_printf (
      "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"config\":{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu},"
      "\"layers\":[%s]}",
      SC_MT_OCI_MANIFEST, SC_MT_OCI_CONFIG, config_digest, strlen (config), f->layers->str);
  g_autofree char *digest = sc_digest_of (manifest, strlen (manifest));
  g_autofree char *index =
      g_strdup_printf ("{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu,"
                       "\"annotations\":{\"org.opencontainers.image.ref.name\":\"%s\"}}]}",
                       SC_MT_OCI_MANIFEST, digest, strlen (manifest), tag);
  g_autofree char *index_path = g_build_filename (f->layout, "index.json", NULL);

  g_free (fixture_put_blob (f, config, strlen (config)));
  g_free (fixture_put_blob (f, manifest, strlen (manifest)));
  g_assert_true (g_file_set_contents (index_path, index, -1, NULL));
}

static inline gboolean
fixture_pull (Fixture *f, const char *tag, ScPullResult *result, const ScProgressSink *sink, GCancellable *cancellable,
              GError **error)
{
  g_autofree char *text = g_strdup_printf ("oci:%s:%s", f->layout, tag);
  g_autoptr (ScReference) ref = sc_reference_parse (text, error);
  ScBlobSourceOptions options = { .ctx = f->ctx };
  g_autoptr (ScPolicy) policy = sc_policy_load (f->ctx, error);
  g_autoptr (ScBlobSource) source = NULL;
  g_autoptr (ScVerifiedImage) image = NULL;

  if (ref == NULL || policy == NULL)
    return FALSE;
  source = sc_blob_source_open (ref, &options, cancellable, error);
  if (source == NULL)
    return FALSE;
  image = sc_policy_verify (source, policy, NULL, cancellable, error);
  return image != NULL && sc_pull (f->store, image, source, NULL, sink, result, cancellable, error);
}

/* Pulls and checks out as DIR/root; returns its path. */
static inline char *
fixture_checkout (Fixture *f, const char *tag)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *name = g_strdup_printf ("layout:%s", tag);
  g_autoptr (ScImage) image = NULL;
  SC_AUTOFD int dfd = sc_fs_open_dir_at (AT_FDCWD, f->dir, &error);

  g_assert_no_error (error);
  if (!fixture_pull (f, tag, NULL, NULL, NULL, &error))
    g_error ("pull: %s", error->message);
  image = sc_image_find (f->store, name, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (sc_fs_remove_tree_at (dfd, "root", &error));
  if (!sc_store_checkout (f->store, image, dfd, "root", NULL, &error))
    g_error ("checkout: %s", error->message);
  return g_build_filename (f->dir, "root", NULL);
}

/* (nullable): of a branch. */
static inline char *
fixture_commit_of (Fixture *f, const char *branch)
{
  char *commit = NULL;

  g_assert_true (ostree_repo_resolve_rev (sc_store_repo (f->store), branch, TRUE, &commit, NULL));
  return commit;
}

/* What a power failure leaves of the file of a ref ("heads/x"), or of a new one. */
static inline void
fixture_break_ref (Fixture *f, const char *ref, const char *text)
{
  g_autofree char *path = g_build_filename (f->ctx->repo, "refs", ref, NULL), *dir = g_path_get_dirname (path);

  g_assert_cmpint (g_mkdir_with_parents (dir, 0755), ==, 0);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

/* Every name of the repository, and what its refs say: equal before and after a failed operation. */
static inline char *
fixture_list_repo (Fixture *f)
{
  g_autofree char *command = g_strdup_printf (
      "cd %s/repo && find . -printf '%%p %%y %%m %%s\\n' | sort; grep -r . %s/repo/refs", f->dir, f->dir);
  g_auto (GStrv) argv = g_strdupv ((char *[]){ (char *)"sh", (char *)"-c", command, NULL });
  char *out = NULL;

  g_assert_true (g_spawn_sync (NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, NULL, NULL, NULL));
  return out;
}

static inline void
fixture_set_up (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *blobs = NULL, *marker = NULL;

  f->dir = g_dir_make_tmp ("atomic-store-XXXXXX", &error);
  g_assert_no_error (error);
  f->layout = g_build_filename (f->dir, "layout", NULL);
  blobs = g_build_filename (f->layout, "blobs", "sha256", NULL);
  g_assert_cmpint (g_mkdir_with_parents (blobs, 0755), ==, 0);
  marker = g_build_filename (f->layout, "oci-layout", NULL);
  g_assert_true (g_file_set_contents (marker, "{\"imageLayoutVersion\":\"1.0.0\"}", -1, NULL));
  f->layers = g_string_new (NULL);
  f->diff_ids = g_string_new (NULL);
  f->ctx = sc_context_new (NULL, &error);
  g_assert_no_error (error);
  g_free (f->ctx->repo);
  f->ctx->repo = g_build_filename (f->dir, "repo", NULL);
  f->store = sc_store_open (f->ctx, SC_STORE_CREATE, NULL, &error);
  g_assert_no_error (error);
  {
    g_autofree char *config = g_build_filename (f->ctx->repo, "config", NULL);

    /* The free space of the machine that runs the tests is not their matter. */
    g_assert_true (
        g_file_set_contents (config, "[core]\nrepo_version=1\nmode=bare\nmin-free-space-size=1MB\n", -1, NULL));
    sc_store_free (f->store);
    f->store = sc_store_open (f->ctx, SC_STORE_CREATE, NULL, &error);
    g_assert_no_error (error);
  }
}

static inline void
fixture_tear_down (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  sc_store_free (f->store);
  sc_context_free (f->ctx);
  g_assert_true (sc_fs_remove_tree_at (AT_FDCWD, f->dir, &error));
  g_string_free (f->layers, TRUE);
  g_string_free (f->diff_ids, TRUE);
  g_free (f->layout);
  g_free (f->last_blob);
  g_free (f->dir);
}

#define fixture_test(path, function) g_test_add (path, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

/* -- looking at a checkout -- */

static inline void
assert_text (const char *root, const char *name, const char *expected)
{
  g_autofree char *path = g_build_filename (root, name, NULL), *text = NULL;
  g_autoptr (GError) error = NULL;

  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (text, ==, expected);
}

static inline struct stat
assert_stat (const char *root, const char *name)
{
  g_autofree char *path = g_build_filename (root, name, NULL);
  struct stat st;

  if (lstat (path, &st) != 0)
    g_error ("%s: %s", path, g_strerror (errno));
  return st;
}

static inline void
assert_missing (const char *root, const char *name)
{
  g_autofree char *path = g_build_filename (root, name, NULL);
  struct stat st;

  g_assert_cmpint (lstat (path, &st), ==, -1);
}
