/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What comes in: everything that tar can hold is stored right or refused with its reason, and a layer that is not what
 * it should be leaves nothing behind. */
#include <sys/sysmacros.h>

#include "store-fixture.h"

static void
test_kinds (Fixture *f, gconstpointer data)
{
  static const guint8 capability[] = { 1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
  g_autofree char *root = NULL, *path = NULL, *link = NULL, *long_dir = g_strnfill (200, 'd'),
                  *long_name = g_strdup_printf ("%s/%s", long_dir, long_dir);
  struct archive_entry *e;
  char buffer[64];
  struct stat a, b;
  Tar tar = tar_new ();

  tar_dir (&tar, "etc/", 0711);
  tar_file (&tar, "./etc/plain", 0640, "hello");
  e = tar_entry ("etc/suid", AE_IFREG, 06755);
  archive_entry_set_uid (e, 1234);
  archive_entry_set_gid (e, 99);
  archive_entry_xattr_add_entry (e, "security.capability", capability, sizeof capability);
  archive_entry_xattr_add_entry (e, "user.note", "n", 1);
  archive_entry_xattr_add_entry (e, "trusted.evil", "x", 1);
  tar_put (&tar, e, "program", 7);
  tar_symlink (&tar, "etc/link", "../nowhere");
  tar_hardlink (&tar, "etc/hard", "etc/suid");
  tar_dir (&tar, long_dir, 01777);
  tar_file (&tar, long_name, 0644, "long");
  tar_file (&tar, "etc/ümläut\n", 0644, "newline");
  tar_file (&tar, "etc/empty", 0600, "");
  fixture_begin (f);
  fixture_add_layer (f, &tar);
  fixture_finish (f, "t");
  root = fixture_checkout (f, "t");

  assert_text (root, "etc/plain", "hello");
  assert_text (root, "etc/hard", "program");
  assert_text (root, long_name, "long");
  assert_text (root, "etc/ümläut\n", "newline");
  assert_text (root, "etc/empty", "");
  g_assert_cmpint (assert_stat (root, "etc").st_mode, ==, S_IFDIR | 0711);
  g_assert_cmpint (assert_stat (root, long_dir).st_mode, ==, S_IFDIR | 01777);
  g_assert_cmpint (assert_stat (root, "etc/plain").st_mode, ==, S_IFREG | 0640);
  a = assert_stat (root, "etc/suid");
  b = assert_stat (root, "etc/hard");
  g_assert_cmpint (a.st_mode, ==, S_IFREG | 06755);
  g_assert_cmpint (a.st_uid, ==, 1234);
  g_assert_cmpint (a.st_gid, ==, 99);
  g_assert_cmpint (a.st_ino, ==, b.st_ino);
  path = g_build_filename (root, "etc/suid", NULL);
  g_assert_cmpint (getxattr (path, "security.capability", buffer, sizeof buffer), ==, sizeof capability);
  g_assert_cmpmem (buffer, sizeof capability, capability, sizeof capability);
  g_assert_cmpint (getxattr (path, "user.note", buffer, sizeof buffer), ==, 1);
  g_assert_cmpint (getxattr (path, "trusted.evil", buffer, sizeof buffer), ==, -1);
  g_free (path);
  path = g_build_filename (root, "etc/link", NULL);
  link = g_file_read_link (path, NULL);
  g_assert_cmpstr (link, ==, "../nowhere");
}

static void
test_devices_are_counted (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *root = NULL;
  g_auto (ScPullResult) result = { 0 };
  struct archive_entry *e;
  Tar tar = tar_new ();

  e = tar_entry ("dev/null", AE_IFCHR, 0666);
  archive_entry_set_rdev (e, makedev (1, 3));
  tar_put (&tar, e, NULL, 0);
  tar_put (&tar, tar_entry ("fifo", AE_IFIFO, 0600), NULL, 0);
  tar_file (&tar, "file", 0644, "x");
  fixture_begin (f);
  fixture_add_layer (f, &tar);
  fixture_finish (f, "t");
  g_assert_true (fixture_pull (f, "t", &result, NULL, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (result.left_out, ==, 2);
  g_assert_cmpuint (result.fetched, ==, 1);
  root = fixture_checkout (f, "t");
  assert_missing (root, "dev/null");
  assert_missing (root, "fifo");
  assert_text (root, "file", "x");
}

/* Larger than what is gathered in memory, with a hole in the middle and one at the end. */
static void
test_large_and_sparse (Fixture *f, gconstpointer data)
{
  const gsize size = 9 * 1024 * 1024 + 123;
  g_autofree guint8 *content = g_malloc0 (size);
  g_autofree char *root = NULL, *path = NULL, *text = NULL;
  struct archive_entry *e = tar_entry ("big", AE_IFREG, 04755);
  gsize length;
  Tar tar = tar_new ();

  memset (content, 'a', 3 * 1024 * 1024);
  memset (content + 7 * 1024 * 1024, 'b', 4096);
  archive_entry_set_uid (e, 5);
  archive_entry_sparse_add_entry (e, 0, 3 * 1024 * 1024);
  archive_entry_sparse_add_entry (e, 7 * 1024 * 1024, 4096);
  tar_put (&tar, e, content, size);
  tar_put (&tar, tar_entry ("dense", AE_IFREG, 0600), content, 2 * 1024 * 1024);
  fixture_begin (f);
  fixture_add_layer (f, &tar);
  fixture_finish (f, "t");
  root = fixture_checkout (f, "t");
  path = g_build_filename (root, "big", NULL);
  g_assert_true (g_file_get_contents (path, &text, &length, NULL));
  g_assert_cmpmem (text, length, content, size);
  g_assert_cmpint (assert_stat (root, "big").st_mode, ==, S_IFREG | 04755);
  g_assert_cmpint (assert_stat (root, "big").st_uid, ==, 5);
  g_assert_cmpint (assert_stat (root, "dense").st_size, ==, 2 * 1024 * 1024);
}

static void
test_repeated (Fixture *f, gconstpointer data)
{
  g_autofree char *root = NULL;
  Tar tar = tar_new ();

  tar_file (&tar, "a", 0644, "first");
  tar_file (&tar, "a", 0600, "second");
  tar_dir (&tar, "d", 0700);
  tar_file (&tar, "d/x", 0644, "kept");
  tar_dir (&tar, "d", 0755);
  tar_dir (&tar, "gone", 0755);
  tar_file (&tar, "gone/y", 0644, "y");
  tar_file (&tar, "gone", 0644, "a file now");
  tar_file (&tar, "deep/without/parents", 0644, "z");
  fixture_begin (f);
  fixture_add_layer (f, &tar);
  fixture_finish (f, "t");
  root = fixture_checkout (f, "t");
  assert_text (root, "a", "second");
  assert_text (root, "d/x", "kept");
  assert_text (root, "gone", "a file now");
  assert_text (root, "deep/without/parents", "z");
  g_assert_cmpint (assert_stat (root, "d").st_mode, ==, S_IFDIR | 0755);
  g_assert_cmpint (assert_stat (root, "deep").st_mode, ==, S_IFDIR | 0755);
}

typedef struct
{
  const char *name;
  void (*fill) (Tar *tar);
  int code;
  const char *text; /* in the message */
} Refused;

static void
fill_dotdot (Tar *tar)
{
  tar_file (tar, "a/../../etc/passwd", 0644, "x");
}

static void
fill_absolute (Tar *tar)
{
  tar_file (tar, "/etc/passwd", 0644, "x");
}

static void
fill_absolute_link (Tar *tar)
{
  tar_symlink (tar, "esc", "/etc");
  tar_file (tar, "esc/passwd", 0644, "x");
}

static void
fill_climbing_link (Tar *tar)
{
  tar_symlink (tar, "a/esc", "../../etc");
  tar_file (tar, "a/esc/passwd", 0644, "x");
}

static void
fill_link_loop (Tar *tar)
{
  tar_symlink (tar, "a", "b");
  tar_symlink (tar, "b", "a");
  tar_file (tar, "a/x", 0644, "x");
}

static void
fill_through_file (Tar *tar)
{
  tar_file (tar, "a", 0644, "x");
  tar_file (tar, "a/b", 0644, "x");
}

static void
fill_hardlink_missing (Tar *tar)
{
  tar_hardlink (tar, "a", "etc/nothing");
}

static void
fill_hardlink_out (Tar *tar)
{
  tar_hardlink (tar, "a", "../../etc/passwd");
}

static void
fill_hardlink_dir (Tar *tar)
{
  tar_dir (tar, "d", 0755);
  tar_hardlink (tar, "a", "d");
}

static void
fill_not_utf8 (Tar *tar)
{
  tar_file (tar, "bad\xff", 0644, "x");
}

static void
fill_link_not_utf8 (Tar *tar)
{
  tar_symlink (tar, "bad", "\xff\xfe");
}

static void
fill_long_name (Tar *tar)
{
  g_autofree char *name = g_strnfill (256, 'n');

  tar_file (tar, name, 0644, "x");
}

static void
fill_deep (Tar *tar)
{
  g_autoptr (GString) path = g_string_new (NULL);

  for (int i = 0; i < 300; i++)
    g_string_append (path, "d/");
  g_string_append (path, "f");
  tar_file (tar, path->str, 0644, "x");
}

/* Few entries, each with directories of its own on the way. */
static void
fill_too_many_names (Tar *tar)
{
  g_autoptr (GString) way = g_string_new (NULL);

  for (int i = 0; i < 240; i++)
    g_string_append (way, "d/");
  for (int i = 0; i < 5000; i++)
    {
      g_autofree char *path = g_strdup_printf ("%d/%sf", i, way->str);

      tar_file (tar, path, 0644, "");
    }
}

static void
fill_whiteout_of_nothing (Tar *tar)
{
  tar_file (tar, "a/.wh...", 0644, "");
}

static const Refused refused[] = {
  { "dotdot", fill_dotdot, SC_ERROR_INVALID, "'..'" },
  { "absolute", fill_absolute, SC_ERROR_INVALID, "absolute" },
  { "absolute-link", fill_absolute_link, SC_ERROR_INVALID, "absolute link" },
  { "climbing-link", fill_climbing_link, SC_ERROR_INVALID, "leaves the root" },
  { "link-loop", fill_link_loop, SC_ERROR_INVALID, "too many links" },
  { "through-file", fill_through_file, SC_ERROR_INVALID, "not a directory" },
  { "hardlink-missing", fill_hardlink_missing, SC_ERROR_INVALID, "does not exist" },
  { "hardlink-out", fill_hardlink_out, SC_ERROR_INVALID, "'..'" },
  { "hardlink-dir", fill_hardlink_dir, SC_ERROR_INVALID, "directory" },
  { "not-utf8", fill_not_utf8, SC_ERROR_INVALID, "UTF-8" },
  { "link-not-utf8", fill_link_not_utf8, SC_ERROR_INVALID, "UTF-8" },
  { "long-name", fill_long_name, SC_ERROR_LIMIT, "255" },
  { "deep", fill_deep, SC_ERROR_LIMIT, "nest deeper" },
  { "too-many-names", fill_too_many_names, SC_ERROR_LIMIT, "1000000 names" },
  { "whiteout-of-nothing", fill_whiteout_of_nothing, SC_ERROR_INVALID, "whiteout" },
};

/* Refused, and the repository is to the name what it was. */
static void
assert_refused (Fixture *f, int code, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *before = fixture_list_repo (f), *after = NULL;

  g_assert_false (fixture_pull (f, "t", NULL, NULL, NULL, &error));
  g_assert_error (error, SC_ERROR, code);
  if (strstr (error->message, text) == NULL || strchr (error->message, '\n') != NULL)
    g_error ("message: %s", error->message);
  after = fixture_list_repo (f);
  g_assert_cmpstr (before, ==, after);
}

static void
test_refused (Fixture *f, gconstpointer data)
{
  for (guint i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      Tar tar = tar_new ();

      g_test_message ("%s", refused[i].name);
      tar_file (&tar, "before", 0644, "something that was stored already");
      refused[i].fill (&tar);
      fixture_begin (f);
      fixture_add_layer (f, &tar);
      fixture_finish (f, "t");
      assert_refused (f, refused[i].code, refused[i].text);
    }
}

static GByteArray *
some_layer (void)
{
  g_autofree char *text = g_strnfill (3000000, 'q');
  Tar tar = tar_new ();

  tar_file (&tar, "one", 0644, text);
  for (int i = 0; i < 100; i++)
    {
      g_autofree char *name = g_strdup_printf ("file-%d", i);

      tar_file (&tar, name, 0644, name);
    }
  return tar_finish (&tar);
}

/* The blob is changed after its descriptor was written. */
static void
damage (Fixture *f, void (*how) (GByteArray *blob), int code, const char *text)
{
  g_autoptr (GByteArray) plain = some_layer ();
  g_autoptr (GByteArray) packed = gzip_bytes (plain->data, plain->len);
  g_autofree char *diff_id = sc_digest_of (plain->data, plain->len);

  fixture_begin (f);
  fixture_add_blob (f, packed, SC_MT_OCI_LAYER "+gzip", diff_id);
  fixture_finish (f, "t");
  how (packed);
  g_assert_true (g_file_set_contents (f->last_blob, (const char *)packed->data, packed->len, NULL));
  assert_refused (f, code, text);
}

static void
flip_trailer (GByteArray *blob)
{
  blob->data[4] ^= 1; /* the time in the header: it still decompresses to the same */
}

static void
cut (GByteArray *blob)
{
  g_byte_array_set_size (blob, blob->len - 10);
}

static void
lengthen (GByteArray *blob)
{
  g_byte_array_append (blob, (const guint8 *)"x", 1);
}

static void
test_damaged_blob (Fixture *f, gconstpointer data)
{
  damage (f, flip_trailer, SC_ERROR_DIGEST, "digest mismatch");
  damage (f, cut, SC_ERROR_DIGEST, "truncated");
  damage (f, lengthen, SC_ERROR_DIGEST, "larger than");
}

/* An archive may end where the bytes of its last file end, and not one byte before. */
static void
test_no_padding (Fixture *f, gconstpointer data)
{
  static const gsize over[] = { 0, 1, 411, 412, 924, 1436 };

  for (gsize i = 0; i < G_N_ELEMENTS (over); i++)
    {
      Tar tar = tar_new ();
      g_autoptr (GByteArray) plain = NULL;
      g_autofree char *text = g_strnfill (612, 'a'), *diff_id = NULL;

      tar_file (&tar, "a", 0644, text);
      plain = tar_finish (&tar);
      g_byte_array_set_size (plain, (guint)(512 + 612 + over[i]));
      diff_id = sc_digest_of (plain->data, plain->len);
      fixture_begin (f);
      fixture_add_blob (f, plain, SC_MT_OCI_LAYER, diff_id);
      fixture_finish (f, "t");
      {
        g_autofree char *root = fixture_checkout (f, "t");

        assert_text (root, "a", text);
      }
      g_byte_array_set_size (plain, 512 + 611);
      g_free (diff_id);
      diff_id = sc_digest_of (plain->data, plain->len);
      fixture_begin (f);
      fixture_add_blob (f, plain, SC_MT_OCI_LAYER, diff_id);
      fixture_finish (f, "t");
      assert_refused (f, SC_ERROR_INVALID, "runcated");
    }
}

/* The descriptor is right, what it describes is not. */
static void
test_wrong_content (Fixture *f, gconstpointer data)
{
  g_autoptr (GByteArray) plain = some_layer ();
  g_autoptr (GByteArray) packed = gzip_bytes (plain->data, plain->len);
  g_autofree char *diff_id = sc_digest_of (plain->data, plain->len), *other = sc_digest_of ("x", 1);

  fixture_begin (f);
  fixture_add_blob (f, packed, SC_MT_OCI_LAYER "+gzip", other);
  fixture_finish (f, "t");
  assert_refused (f, SC_ERROR_DIGEST, "diffID mismatch");

  g_byte_array_set_size (packed, packed->len - 20);
  fixture_begin (f);
  fixture_add_blob (f, packed, SC_MT_OCI_LAYER "+gzip", diff_id);
  fixture_finish (f, "t");
  assert_refused (f, SC_ERROR_INVALID, "ends too early");

  g_byte_array_set_size (plain, 3000100);
  fixture_begin (f);
  g_free (diff_id);
  diff_id = sc_digest_of (plain->data, plain->len);
  fixture_add_blob (f, plain, SC_MT_OCI_LAYER, diff_id);
  fixture_finish (f, "t");
  assert_refused (f, SC_ERROR_INVALID, "tar");
}

static void
test_compressions (Fixture *f, gconstpointer data)
{
  g_autoptr (GByteArray) plain = some_layer ();
  g_autoptr (GByteArray) zstd = g_byte_array_new ();
  g_autoptr (GByteArray) first = gzip_bytes (plain->data, 1000000);
  g_autoptr (GByteArray) second = gzip_bytes (plain->data + 1000000, plain->len - 1000000);
  g_autofree char *diff_id = sc_digest_of (plain->data, plain->len);
  g_autofree guint8 *zeros = g_malloc0 (512);

  g_byte_array_set_size (zstd, (guint)ZSTD_compressBound (plain->len));
  g_byte_array_set_size (zstd, (guint)ZSTD_compress (zstd->data, zstd->len, plain->data, plain->len, 3));
  /* Two gzip members and zeros after them: what some builders and tapes leave. */
  g_byte_array_append (first, second->data, second->len);
  g_byte_array_append (first, zeros, 512);
  for (int i = 0; i < 3; i++)
    {
      g_autofree char *root = NULL;
      const GByteArray *blobs[] = { plain, zstd, first };
      static const char *const types[] = { SC_MT_OCI_LAYER, SC_MT_OCI_LAYER "+zstd", SC_MT_DOCKER_LAYER ".gzip" };
      static const char *const tags[] = { "plain", "zstd", "gzip" };

      fixture_begin (f);
      fixture_add_blob (f, blobs[i], types[i], diff_id);
      fixture_finish (f, tags[i]);
      root = fixture_checkout (f, tags[i]);
      assert_text (root, "file-99", "file-99");
      g_assert_cmpint (assert_stat (root, "one").st_size, ==, 3000000);
    }
}

/* What the highest levels and zstd:chunked make: a window of 32 MiB and more that is used. */
static void
test_large_window (Fixture *f, gconstpointer data)
{
  for (int log = 25; log <= 28; log++)
    {
      g_autoptr (GByteArray) plain = some_layer (), zstd = g_byte_array_new ();
      g_autofree char *diff_id = sc_digest_of (plain->data, plain->len), *root = NULL;
      ZSTD_CCtx *context = ZSTD_createCCtx ();
      ZSTD_inBuffer in = { plain->data, plain->len, 0 };
      ZSTD_outBuffer out;

      g_byte_array_set_size (zstd, (guint)ZSTD_compressBound (plain->len));
      out = (ZSTD_outBuffer){ zstd->data, zstd->len, 0 };
      ZSTD_CCtx_setParameter (context, ZSTD_c_windowLog, log);
      /* In pieces, so that the frame cannot say how little it is. */
      g_assert_cmpuint (ZSTD_isError (ZSTD_compressStream2 (context, &out, &in, ZSTD_e_flush)), ==, 0);
      g_assert_cmpuint (ZSTD_compressStream2 (context, &out, &in, ZSTD_e_end), ==, 0);
      g_byte_array_set_size (zstd, (guint)out.pos);
      ZSTD_freeCCtx (context);
      fixture_begin (f);
      fixture_add_blob (f, zstd, SC_MT_OCI_LAYER "+zstd", diff_id);
      fixture_finish (f, "t");
      if (log == 28)
        {
          assert_refused (f, SC_ERROR_INVALID, "zstd: ");
          continue;
        }
      root = fixture_checkout (f, "t");
      assert_text (root, "file-99", "file-99");
    }
}

/* podman calls the layers of a directory gzip whatever they are. */
static void
test_called_compressed (Fixture *f, gconstpointer data)
{
  g_autoptr (GByteArray) plain = some_layer ();
  g_autofree char *diff_id = sc_digest_of (plain->data, plain->len);
  g_autofree char *root = NULL;

  fixture_begin (f);
  fixture_add_blob (f, plain, SC_MT_DOCKER_LAYER ".gzip", diff_id);
  fixture_finish (f, "t");
  root = fixture_checkout (f, "t");
  assert_text (root, "file-99", "file-99");
}

static void
cancel_on_progress (const ScProgress *progress, gpointer data)
{
  if (progress->kind == SC_PROGRESS_LAYER_ADVANCE)
    g_cancellable_cancel (data);
}

static void
test_cancel (Fixture *f, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  ScProgressSink sink = { cancel_on_progress, cancellable };
  g_autoptr (GByteArray) plain = some_layer ();
  g_autofree char *diff_id = sc_digest_of (plain->data, plain->len), *before = fixture_list_repo (f), *after = NULL;
  g_autoptr (GError) error = NULL;

  fixture_begin (f);
  fixture_add_blob (f, plain, SC_MT_OCI_LAYER, diff_id);
  fixture_finish (f, "t");
  g_assert_false (fixture_pull (f, "t", NULL, &sink, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  after = fixture_list_repo (f);
  g_assert_cmpstr (before, ==, after);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (geteuid () != 0)
    {
      g_print ("1..0 # SKIP a bare repository needs root\n");
      return 0;
    }
  fixture_test ("/layer-import/kinds", test_kinds);
  fixture_test ("/layer-import/devices-are-counted", test_devices_are_counted);
  fixture_test ("/layer-import/large-and-sparse", test_large_and_sparse);
  fixture_test ("/layer-import/repeated", test_repeated);
  fixture_test ("/layer-import/refused", test_refused);
  fixture_test ("/layer-import/damaged-blob", test_damaged_blob);
  fixture_test ("/layer-import/no-padding", test_no_padding);
  fixture_test ("/layer-import/wrong-content", test_wrong_content);
  fixture_test ("/layer-import/compressions", test_compressions);
  fixture_test ("/layer-import/large-window", test_large_window);
  fixture_test ("/layer-import/called-compressed", test_called_compressed);
  fixture_test ("/layer-import/cancel", test_cancel);
  return g_test_run ();
}
