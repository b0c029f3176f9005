/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which directories of the checkouts are nobody's, with a runtime that says who runs. */
#include "orphans.h"

#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "root-fixture.h"

#define BASE "var/lib/containers/atomic/"
#define INFO                                                                                                           \
  "{\"image\":\"x\",\"revision\":\"a\",\"ostree-commit\":\"b\",\"created\":1,\"values\":{},"                           \
  "\"has-container-service\":true,\"runtime\":\"/usr/bin/runc\"}"

/* Knows one container, which runs. */
#define RUNTIME                                                                                                        \
  "#!/bin/sh\n"                                                                                                        \
  "case $2 in runs | runs-run-7) echo '{\"id\":\"x\",\"status\":\"running\",\"pid\":1}';;\n"                           \
  "*) echo 'container does not exist' >&2; exit 1;; esac\n"

typedef struct
{
  Root root;
  ScContext *ctx;
  guint notes;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  g_autofree char *runtime = NULL;

  root_init (&f->root);
  root_add (&f->root, "usr/bin/runc", RUNTIME);
  runtime = g_build_filename (f->root.path, "usr/bin/runc", NULL);
  g_assert_cmpint (chmod (runtime, 0755), ==, 0);
  f->ctx = sc_context_new (f->root.path, NULL);
  g_assert_nonnull (f->ctx);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  sc_context_free (f->ctx);
  root_clear (&f->root);
}

static void
count_note (const ScProgress *progress, gpointer data)
{
  ((Fixture *)data)->notes += progress->kind == SC_PROGRESS_NOTE;
}

/* (transfer full): "a, b"; with @remove they are gone afterwards. */
static char *
orphans (Fixture *f, gboolean delete_them)
{
  g_autoptr (GError) error = NULL;
  ScProgressSink sink = { count_note, f };
  g_autoptr (ScCheckouts) checkouts = sc_checkouts_lock (f->ctx, FALSE, NULL, NULL, &error);
  g_autoptr (GPtrArray) found = NULL;

  g_assert_no_error (error);
  found = sc_orphans_find (f->ctx, checkouts, &sink, NULL, &error);
  g_assert_no_error (error);
  if (delete_them)
    g_assert_true (sc_orphans_remove (f->ctx, checkouts, found, NULL, NULL, &error));
  g_assert_no_error (error);
  g_ptr_array_add (found, NULL);
  return g_strjoinv (", ", (char **)found->pdata);
}

static gboolean
exists (Fixture *f, const char *path)
{
  return sc_fs_exists_at (f->root.fd, path);
}

static void
test_deployments (Fixture *f, gconstpointer data)
{
  g_autofree char *found = NULL, *again = NULL;

  root_add (&f->root, BASE "live.0/info", INFO);
  root_add (&f->root, BASE "live.1/info", INFO); /* the one before */
  g_assert_cmpint (symlinkat ("live.0", f->root.fd, BASE "live"), ==, 0);
  root_add (&f->root, BASE "elsewhere.0/info", INFO); /* somebody points to it */
  g_assert_cmpint (symlinkat (BASE "elsewhere.0", f->root.fd, BASE "another"), ==, 0);
  root_add (&f->root, BASE "whole.0/info", INFO);
  root_add (&f->root, BASE "half.3/rootfs/x", "");
  root_add (&f->root, BASE "backup.2023/files", "theirs");
  root_add (&f->root, BASE "plain/info", INFO);
  root_add (&f->root, BASE "runs.0/info", INFO);
  root_add (&f->root, BASE ".storage/ostree", "");
  root_add (&f->root, BASE ".tmp-x.AAAAAA/rootfs", "");
  found = orphans (f, TRUE);
  g_assert_cmpstr (found, ==, ".tmp-x.AAAAAA, half.3, whole.0");
  g_assert_cmpuint (f->notes, ==, 1);
  g_assert_false (exists (f, BASE "whole.0") || exists (f, BASE "half.3") || exists (f, BASE ".tmp-x.AAAAAA"));
  g_assert_true (exists (f, BASE "live.1/info") && exists (f, BASE "elsewhere.0/info")
                 && exists (f, BASE "backup.2023/files") && exists (f, BASE "plain/info")
                 && exists (f, BASE "runs.0/info") && exists (f, BASE ".storage/ostree"));
  again = orphans (f, FALSE);
  g_assert_cmpstr (again, ==, "");
}

/* What an installation that died had put into the host goes, what is not its own does not. */
static void
test_host_files (Fixture *f, gconstpointer data)
{
  g_autofree char *found = NULL;

  root_add (&f->root, BASE "dead.0/info", INFO);
  root_add (&f->root, BASE "dead.0/dead.service", "[Unit]\n");
  root_add (&f->root, BASE "dead.0/tmpfiles-dead.conf", "d /x\n");
  root_add (&f->root, "etc/systemd/system/dead.service", "[Unit]\n");
  root_add (&f->root, "etc/tmpfiles.d/dead.conf", "d /changed\n");
  found = orphans (f, TRUE);
  g_assert_cmpstr (found, ==, "dead.0");
  g_assert_false (exists (f, "etc/systemd/system/dead.service"));
  g_assert_true (exists (f, "etc/tmpfiles.d/dead.conf"));
}

/* In doubt it stays, and a note says why. */
static void
test_doubt (Fixture *f, gconstpointer data)
{
  g_autofree char *found = NULL, *without = NULL;

  root_add (&f->root, BASE "unparsable.0/info", "{");
  root_add (&f->root, BASE "unreadable.0/info/x", "");
  root_add (&f->root, BASE "dead.0/info", INFO);
  found = orphans (f, FALSE);
  g_assert_cmpstr (found, ==, "dead.0");
  g_assert_cmpuint (f->notes, ==, 2);
  /* nobody to ask */
  g_assert_cmpint (unlinkat (f->root.fd, BASE "dead.0/info", 0), ==, 0);
  root_add (&f->root, BASE "dead.0/rootfs/x", "");
  g_free (f->ctx->runtime);
  f->ctx->runtime = g_strdup ("/no/runtime");
  without = orphans (f, FALSE);
  g_assert_cmpstr (without, ==, "");
  g_assert_cmpuint (f->notes, ==, 5);
}

static void
make_old (Fixture *f, const char *path)
{
  static const struct timespec old[2] = { { 1000000, 0 }, { 1000000, 0 } };

  g_assert_cmpint (utimensat (f->root.fd, path, old, 0), ==, 0);
}

static void
test_bundles (Fixture *f, gconstpointer data)
{
  g_autofree char *found = NULL;
  SC_AUTOFD int held = -1;

  root_add (&f->root, BASE ".run.dead-run-1.AAAAAA/config.json", "{}");
  root_add (&f->root, BASE ".run.held-run-2.BBBBBB/config.json", "{}");
  root_add (&f->root, BASE ".run.runs-run-7.CCCCCC/config.json", "{}");
  root_add (&f->root, BASE ".run.new-run-4.DDDDDD/config.json", "{}");
  make_old (f, BASE ".run.dead-run-1.AAAAAA");
  make_old (f, BASE ".run.held-run-2.BBBBBB");
  make_old (f, BASE ".run.runs-run-7.CCCCCC");
  held = sc_fs_open_dir_at (f->root.fd, BASE ".run.held-run-2.BBBBBB", NULL);
  g_assert_cmpint (flock (held, LOCK_EX), ==, 0);
  found = orphans (f, TRUE);
  g_assert_cmpstr (found, ==, ".run.dead-run-1.AAAAAA");
  g_assert_cmpuint (f->notes, ==, 1);
}

#define fixture_test(path, function) g_test_add (path, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  fixture_test ("/orphans/deployments", test_deployments);
  fixture_test ("/orphans/host-files", test_host_files);
  fixture_test ("/orphans/bundles", test_bundles);
  fixture_test ("/orphans/doubt", test_doubt);
  return g_test_run ();
}
