/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* host-plan: names, templates, and what an image may not want. */
#include "host-plan.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host-tree.h"
#include "root-fixture.h"

typedef struct
{
  Root root;
  ScContext *ctx;
  GHashTable *values;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  root_init (&f->root);
  f->ctx = sc_context_new (f->root.path, NULL);
  g_assert_nonnull (f->ctx);
  f->values = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_hash_table_insert (f->values, g_strdup ("NAME"), g_strdup ("box"));
  g_hash_table_insert (f->values, g_strdup ("UP"), g_strdup ("a/.."));
  root_add (&f->root, "exports/hostfs", NULL);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_hash_table_unref (f->values);
  sc_context_free (f->ctx);
  root_clear (&f->root);
}

static ScHostPlan *
plan (Fixture *f, const char *manifest, GError **error)
{
  g_autoptr (GError) bad = NULL;
  g_autoptr (ScExports) exports = NULL;

  root_add (&f->root, "exports/manifest.json", manifest);
  exports = sc_exports_load (f->root.fd, &bad);
  g_assert_no_error (bad);
  return sc_host_plan_new (
      &(ScHostPlanInput){ .ctx = f->ctx, .name = "box", .rootfs = f->root.fd, .exports = exports, .values = f->values },
      error);
}

/* "PATH=SOURCE" of each, "d" before directories. */
static void
check (Fixture *f, const char *manifest, const char *wanted)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ScHostPlan) made = plan (f, manifest, &error);
  g_autoptr (GString) text = g_string_new (NULL);

  g_assert_no_error (error);
  for (guint i = 0; i < made->entries->len; i++)
    {
      const ScHostEntry *entry = g_ptr_array_index (made->entries, i);

      g_string_append_printf (text, "%s%s%s=%s%s%s", i > 0 ? " " : "", entry->kind == S_IFDIR ? "d" : "", entry->path,
                              entry->source != NULL ? entry->source : "", entry->text != NULL ? ":" : "",
                              entry->text != NULL ? entry->text : "");
    }
  g_assert_cmpstr (text->str, ==, wanted);
}

static void
refuse (Fixture *f, const char *manifest, const char *message)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ScHostPlan) made = plan (f, manifest, &error);

  g_assert_null (made);
  g_assert_nonnull (error);
  if (strstr (error->message, message) == NULL)
    g_error ("'%s' instead of '%s'", error->message, message);
}

static void
test_names (Fixture *f, gconstpointer data)
{
  check (f, "{}", "");
  root_add (&f->root, "exports/hostfs/a/b/c", "$NAME");
  root_add (&f->root, "exports/hostfs/a/empty", NULL);
  check (f, "{}", "d/a=/a d/a/b=/a/b /a/b/c=/a/b/c d/a/empty=/a/empty");
  /* A directory stays for what stays in it. */
  check (f, "{\"renameFiles\": {\"/a/b/c\": \"/x/$NAME\"}}", "d/a=/a d/a/empty=/a/empty d/x= /x/box=/a/b/c");
  check (f, "{\"renameFiles\": {\"/a\": \"//x/\"}}", "d/x=/a d/x/b=/a/b /x/b/c=/a/b/c d/x/empty=/a/empty");
  check (f, "{\"renameFiles\": {\"a/\": \"/x\", \"/a/b\": \"/y\"}}", "d/x=/a d/x/empty=/a/empty d/y=/a/b /y/c=/a/b/c");
  check (f, "{\"renameFiles\": {\"/a\": \"/x\", \"/x/b/c\": \"/z\"}}", "d/x=/a d/x/empty=/a/empty /z=/a/b/c");
  check (f, "{\"renameFiles\": {\"/a\": \"/x\", \"/x/b/c\": \"/x/b/a\"}}",
         "d/x=/a d/x/b=/a/b /x/b/a=/a/b/c d/x/empty=/a/empty");
}

static void
test_templates (Fixture *f, gconstpointer data)
{
  root_add (&f->root, "exports/hostfs/box", "$NAME $$");
  root_add (&f->root, "exports/hostfs/other", "$NAME");
  check (f, "{}", "/box=/box /other=/other");
  check (f, "{\"installedFilesTemplate\": [\"/box\", \"/none\"]}", "/box=/box:box $ /other=/other");
  check (f, "{\"installedFilesTemplate\": [\"/$NAME\"]}", "/box=/box:box $ /other=/other");
  check (f, "{\"installedFilesTemplate\": [\"/new\"], \"renameFiles\": {\"/other\": \"/new\"}}",
         "/box=/box /new=/other:box");
  refuse (f, "{\"installedFilesTemplate\": [\"/$X\"]}", "unreplaced value for: 'X'");
  root_add (&f->root, "exports/hostfs/other", "$");
  refuse (f, "{\"installedFilesTemplate\": [\"/other\"]}", "hostfs/other: line 1");
}

static void
test_refused (Fixture *f, gconstpointer data)
{
  g_autofree char *fifo = g_build_filename (f->root.path, "exports/hostfs/fifo", NULL);
  g_autofree char *bytes = g_build_filename (f->root.path, "exports/hostfs/\xff", NULL);
  g_autofree char *link = g_build_filename (f->root.path, "exports/hostfs/link", NULL);

  root_add (&f->root, "exports/hostfs/x", "x");
  root_add (&f->root, "exports/hostfs/d/y", "y");
  refuse (f, "{\"renameFiles\": {\"/x\": \"/a/../b\"}}", "no clean absolute path");
  refuse (f, "{\"renameFiles\": {\"/x\": \"/$UP/b\"}}", "no clean absolute path");
  refuse (f, "{\"renameFiles\": {\"/none\": \"b\"}}", "no clean absolute path");
  refuse (f, "{\"renameFiles\": {\"/x\": \"/\"}}", "no clean absolute path");
  refuse (f, "{\"renameFiles\": {\"/x\": \"/a\\u0007\"}}", "no clean absolute path");
  refuse (f, "{\"renameFiles\": {\"/x\": \"/d\"}}", "would both be /d");
  refuse (f, "{\"renameFiles\": {\"/x\": \"/d/y\"}}", "would both be /d/y");
  refuse (f, "{\"renameFiles\": {\"/d\": \"/x\"}}", "would both be /x");
  refuse (f, "{\"renameFiles\": {\"/d\": \"/proc/d\"}}", "may be at /proc/d/y");
  refuse (f, "{\"renameFiles\": {\"/x\": \"/dev\"}}", "may be at /dev");
  refuse (f, "{\"renameFiles\": {\"/x\": \"/var\"}}", "may be at /var");
  refuse (f, "{\"renameFiles\": {\"/x\": \"/etc/systemd/system/$NAME.service\"}}", "may be at /etc/systemd");
  /* A link is not gone through. */
  g_assert_cmpint (symlink ("d", link), ==, 0);
  check (f, "{}", "d/d=/d /d/y=/d/y /link=/link /x=/x");
  refuse (f, "{\"renameFiles\": {\"/x\": \"/link/x\"}}", "would both be /link");
  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  refuse (f, "{}", "hostfs/fifo: neither a file nor a link nor a directory");
  g_assert_cmpint (rename (fifo, bytes), ==, 0);
  refuse (f, "{}", "not printable UTF-8");
}

/* A small image must not become a large program, or many files. */
static void
test_too_much (Fixture *f, gconstpointer data)
{
  g_autoptr (GString) renames = g_string_new (NULL), down = g_string_new ("/d");
  g_autofree char *manifest = NULL;

  g_hash_table_insert (f->values, g_strdup ("MEBI"), g_strnfill (1024 * 1024, 'x'));
  root_add (&f->root, "exports/hostfs/a", "$MEBI$MEBI$MEBI$MEBI$MEBI$MEBI");
  root_add (&f->root, "exports/hostfs/b", "$MEBI$MEBI$MEBI$MEBI$MEBI$MEBI");
  root_add (&f->root, "exports/hostfs/c", "$MEBI$MEBI$MEBI$MEBI$MEBI$MEBI");
  refuse (f, "{\"installedFilesTemplate\": [\"/a\", \"/b\", \"/c\"]}", "templates of more than 16 MiB in all");
  refuse (f, "{\"installedFilesTemplate\": [\"/$MEBI\"]}", "installedFilesTemplate: a path of more than 4095 bytes");
  refuse (f, "{\"renameFiles\": {\"/$MEBI\": \"/x\"}}", "renameFiles: a path of more than 4095 bytes");
  for (guint i = 0; i < 100; i++)
    g_string_append (down, "/d");
  g_hash_table_insert (f->values, g_strdup ("DOWN"), g_string_free (g_steal_pointer (&down), FALSE));
  for (guint i = 0; i < 200; i++)
    {
      g_autofree char *path = g_strdup_printf ("exports/hostfs/%u", i);

      root_add (&f->root, path, "");
      g_string_append_printf (renames, "%s\"/%u\": \"/%u$DOWN/x\"", i > 0 ? ", " : "", i, i);
    }
  manifest = g_strdup_printf ("{\"renameFiles\": {%s}}", renames->str);
  refuse (f, manifest, "more than 20000 files and directories on the host");
}

/* Whoever can write to the root changes it while it is read. */
static void
test_changed_meanwhile (Fixture *f, gconstpointer data)
{
  g_auto (Root) out = { 0 };
  g_autofree char *dir = g_build_filename (f->root.path, "exports/hostfs/d", NULL),
                  *away = g_build_filename (f->root.path, "exports/hostfs/away", NULL),
                  *file = g_build_filename (dir, "x", NULL);
  g_autoptr (ScHostPlan) made = NULL;
  g_autoptr (GError) error = NULL;

  root_init (&out);
  root_add (&f->root, "exports/hostfs/d/x", "x");
  made = plan (f, "{}", &error);
  g_assert_no_error (error);
  g_assert_true (sc_host_tree_write (made, f->root.fd, out.fd, "good", &error));
  g_assert_no_error (error);
  g_assert_cmpint (rename (dir, away), ==, 0);
  g_assert_cmpint (symlink ("away", dir), ==, 0);
  g_assert_false (sc_host_tree_write (made, f->root.fd, out.fd, "link", &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_DIRECTORY);
  g_clear_error (&error);
  g_assert_cmpint (unlink (dir), ==, 0);
  g_assert_cmpint (rename (away, dir), ==, 0);
  g_assert_cmpint (unlink (file), ==, 0);
  g_assert_cmpint (symlink ("/etc/shadow", file), ==, 0);
  g_assert_false (sc_host_tree_write (made, f->root.fd, out.fd, "kind", &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
  g_assert_nonnull (strstr (error->message, "exports/hostfs/d/x: it has become another kind of file"));
}

static void
test_hostfs_is_a_link (Fixture *f, gconstpointer data)
{
  g_autofree char *hostfs = g_build_filename (f->root.path, "exports/hostfs", NULL);

  /* Inside the root, as any link of an image. */
  root_add (&f->root, "usr/files/x", "x");
  g_assert_cmpint (rmdir (hostfs), ==, 0);
  g_assert_cmpint (symlink ("../../../../../../usr/files", hostfs), ==, 0);
  check (f, "{}", "/x=/x");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/host-plan/names", Fixture, NULL, set_up, test_names, tear_down);
  g_test_add ("/host-plan/templates", Fixture, NULL, set_up, test_templates, tear_down);
  g_test_add ("/host-plan/refused", Fixture, NULL, set_up, test_refused, tear_down);
  g_test_add ("/host-plan/too-much", Fixture, NULL, set_up, test_too_much, tear_down);
  g_test_add ("/host-plan/changed-meanwhile", Fixture, NULL, set_up, test_changed_meanwhile, tear_down);
  g_test_add ("/host-plan/hostfs-is-a-link", Fixture, NULL, set_up, test_hostfs_is_a_link, tear_down);
  return g_test_run ();
}
