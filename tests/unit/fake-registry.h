/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Runs tests/fakes/registry.py for a test, and makes the blobs that it serves.  The registry ends with the test, even
 * if the test dies.  For unit tests: every failure here ends the program.
 */

#include <gio/gio.h>
#include <string.h>

#include "digest.h"
#include "fs.h"

typedef struct
{
  GSubprocess *process;
  guint port;
  guint second_port; /* 0 without --redirect */
  char *host;        /* "127.0.0.1:PORT" */
} FakeRegistry;

/* A directory that is removed at the end of the test. */
typedef struct
{
  char *path;
} TempDir;

static inline void
temp_dir_clear (TempDir *dir)
{
  g_autoptr (GError) error = NULL;

  if (dir->path != NULL)
    g_assert_true (sc_fs_remove_tree_at (-1, dir->path, &error));
  g_assert_no_error (error);
  g_clear_pointer (&dir->path, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TempDir, temp_dir_clear)

static inline TempDir
temp_dir_make (void)
{
  g_autoptr (GError) error = NULL;
  TempDir dir = { g_dir_make_tmp ("atomic-test-XXXXXX", &error) };

  g_assert_no_error (error);
  return dir;
}

/* Writes DIR/NAME with its directories. */
static inline void
temp_dir_write (const TempDir *dir, const char *name, const void *data, gsize size)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_build_filename (dir->path, name, NULL);
  g_autofree char *parent = g_path_get_dirname (path);

  g_assert_cmpint (g_mkdir_with_parents (parent, 0755), ==, 0);
  g_file_set_contents (path, data, (gssize)size, &error);
  g_assert_no_error (error);
}

/* (transfer full): "" if it is not there. */
static inline char *
temp_dir_read (const TempDir *dir, const char *name)
{
  g_autofree char *path = g_build_filename (dir->path, name, NULL);
  char *text = NULL;

  return g_file_get_contents (path, &text, NULL, NULL) ? text : g_strdup ("");
}

/* (transfer full): the digest of a new blob of the layout in @dir. */
static inline char *
fake_blob (const TempDir *dir, const void *data, gsize size)
{
  char *digest = sc_digest_of (data, size);
  g_autofree char *name = g_build_filename ("blobs/sha256", sc_digest_hex (digest), NULL);

  temp_dir_write (dir, name, data, size);
  return digest;
}

/* Bytes without a pattern that a mistake could repeat. */
static inline GBytes *
fake_random_bytes (gsize size)
{
  guint8 *data = g_malloc (size);
  guint32 x = 2463534242u;

  for (gsize i = 0; i < size; i++)
    {
      x ^= x << 13;
      x ^= x >> 17;
      x ^= x << 5;
      data[i] = (guint8)(x >> 8);
    }
  return g_bytes_new_take (data, size);
}

static inline void
fake_registry_stop (FakeRegistry *fake)
{
  if (fake == NULL)
    return;
  g_subprocess_force_exit (fake->process);
  g_assert_true (g_subprocess_wait (fake->process, NULL, NULL));
  g_clear_object (&fake->process);
  g_free (fake->host);
  g_free (fake);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FakeRegistry, fake_registry_stop)

static inline guint
fake_registry_read_port (GDataInputStream *out)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *line = g_data_input_stream_read_line (out, NULL, NULL, &error);

  g_assert_no_error (error);
  g_assert_nonnull (line);
  return (guint)g_ascii_strtoull (line, NULL, 10);
}

/* NULL-terminated options; NULL, with the test marked as skipped, if there is no python3. */
G_GNUC_NULL_TERMINATED static inline FakeRegistry *
fake_registry_start (const TempDir *layout, ...)
{
  g_autofree char *python = g_find_program_in_path ("python3");
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GDataInputStream) out = NULL;
  g_autofree char *script = g_build_filename (g_getenv ("SC_TEST_DATA"), "..", "fakes", "registry.py", NULL);
  FakeRegistry *fake = NULL;
  gboolean redirect = FALSE;
  const char *option = NULL;
  va_list options;

  g_assert_nonnull (g_getenv ("SC_TEST_DATA"));
  if (python == NULL)
    {
      g_test_skip ("python3 is not installed");
      return NULL;
    }
  g_ptr_array_add (argv, python);
  g_ptr_array_add (argv, script);
  g_ptr_array_add (argv, (gpointer) "--until-eof");
  va_start (options, layout);
  while ((option = va_arg (options, const char *)) != NULL)
    {
      redirect |= strcmp (option, "--redirect") == 0;
      g_ptr_array_add (argv, (gpointer)option);
    }
  va_end (options);
  g_ptr_array_add (argv, layout->path);
  g_ptr_array_add (argv, NULL);

  fake = g_new0 (FakeRegistry, 1);
  fake->process = g_subprocess_newv ((const char *const *)argv->pdata,
                                     G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error);
  g_assert_no_error (error);
  out = g_data_input_stream_new (g_subprocess_get_stdout_pipe (fake->process));
  g_filter_input_stream_set_close_base_stream (G_FILTER_INPUT_STREAM (out), FALSE);
  fake->port = fake_registry_read_port (out);
  if (redirect)
    fake->second_port = fake_registry_read_port (out);
  fake->host = g_strdup_printf ("127.0.0.1:%u", fake->port);
  return fake;
}
