/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Containers on disk: names, links old and new, info files whole and damaged. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "checkouts.h"
#include "deployment.h"
#include "fs.h"
#include "info.h"
#include "install.h"

#define INFO                                                                                                           \
  "{\"image\":\"x/etcd:latest\",\"revision\":\"abc\",\"ostree-commit\":\"def\",\"created\":1473345540,"                \
  "\"values\":{\"NAME\":\"etcd\"},\"has-container-service\":true,\"runtime\":\"/bin/runc\"}"

typedef struct
{
  char *dir;
  ScContext *ctx;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  f->dir = g_dir_make_tmp ("atomic-deployment-XXXXXX", &error);
  g_assert_no_error (error);
  f->ctx = sc_context_new (f->dir, &error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_assert_true (sc_fs_remove_tree_at (AT_FDCWD, f->dir, NULL));
  sc_context_free (f->ctx);
  g_free (f->dir);
}

static void
put (Fixture *f, const char *base, const char *dir, const char *link, const char *target, const char *info)
{
  g_autofree char *path = g_build_filename (f->dir, base, dir, NULL), *file = g_build_filename (path, "info", NULL),
                  *config = g_build_filename (path, "config.json", NULL), *name = NULL;

  g_assert_cmpint (g_mkdir_with_parents (path, 0755), ==, 0);
  g_assert_true (g_file_set_contents (file, info, -1, NULL));
  g_assert_true (g_file_set_contents (config, "{\"process\":{\"args\":[\"/usr/bin/etcd\",\"-v\"]}}", -1, NULL));
  if (link == NULL)
    return;
  name = g_build_filename (f->dir, base, link, NULL);
  g_assert_cmpint (symlink (target, name), ==, 0);
}

static void
test_load (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ScDeployment) d = NULL;
  g_autofree char *dir = NULL;

  put (f, f->ctx->checkouts, "etcd.3", "etcd", "etcd.3", INFO);
  d = sc_deployment_load (f->ctx, "etcd", &error);
  g_assert_no_error (error);
  g_assert_cmpint (d->number, ==, 3);
  g_assert_cmpstr (d->image, ==, "x/etcd:latest");
  g_assert_cmpstr (d->revision, ==, "abc");
  g_assert_cmpstr (d->commit, ==, "def");
  g_assert_cmpint (d->created, ==, 1473345540);
  g_assert_cmpstr (d->runtime, ==, "/bin/runc");
  g_assert_cmpstr (d->command, ==, "/usr/bin/etcd -v");
  g_assert_cmpstr (g_hash_table_lookup (d->values, "NAME"), ==, "etcd");
  dir = sc_deployment_dir (f->ctx, d);
  g_assert_cmpstr (dir, ==, "/var/lib/containers/atomic/etcd.3");
}

/* The original tool's link is absolute, and its info may lack keys. */
static void
test_load_original (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ScDeployment) d = NULL;

  put (f, f->ctx->checkouts, "etcd.0", "etcd", "/var/lib/containers/atomic/etcd.0",
       "{\"image\":\"gscrivano/etcd\",\"created\":1}");
  d = sc_deployment_load (f->ctx, "etcd", &error);
  g_assert_no_error (error);
  g_assert_cmpint (d->number, ==, 0);
  g_assert_cmpstr (d->image, ==, "gscrivano/etcd");
  g_assert_true (d->has_container_service);
  g_assert_cmpuint (g_hash_table_size (d->values), ==, 0);
}

static void
assert_load_fails (Fixture *f, const char *name, int code)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (sc_deployment_load (f->ctx, name, &error));
  g_assert_error (error, SC_ERROR, code);
}

static void
test_load_fails (Fixture *f, gconstpointer data)
{
  assert_load_fails (f, "nothing", SC_ERROR_NOT_FOUND);
  assert_load_fails (f, "../etc", SC_ERROR_USAGE);
  assert_load_fails (f, "", SC_ERROR_USAGE);
  put (f, f->ctx->checkouts, "a.0", "a", "b.0", INFO);
  assert_load_fails (f, "a", SC_ERROR_INVALID);
  put (f, f->ctx->checkouts, "c.0", "c", "c.0", "{\"image\":7}");
  assert_load_fails (f, "c", SC_ERROR_INVALID);
  /* a deployment is no container */
  assert_load_fails (f, "a.0", SC_ERROR_NOT_FOUND);
}

static void
test_list (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) list = NULL;
  const ScDeployment *d;

  put (f, f->ctx->checkouts, "b.0", "b", "b.0", INFO);
  put (f, f->ctx->checkouts, "a-1.0.0", "a-1.0", "a-1.0.0", INFO);
  put (f, f->ctx->checkouts, "broken.0", "broken", "broken.0", "{");
  put (f, f->ctx->checkouts, ".tmp-x", NULL, NULL, INFO);
  put (f, f->ctx->preinstalled, "pre", NULL, NULL, INFO);
  put (f, f->ctx->preinstalled, "b.0", "b", "b.0", INFO);
  list = sc_deployment_list (f->ctx, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (list->len, ==, 4);
  d = g_ptr_array_index (list, 0);
  g_assert_cmpstr (d->name, ==, "a-1.0");
  d = g_ptr_array_index (list, 1);
  g_assert_cmpstr (d->name, ==, "b");
  g_assert_false (d->preinstalled);
  d = g_ptr_array_index (list, 2);
  g_assert_cmpstr (d->name, ==, "broken");
  g_assert_true (g_str_has_prefix (d->problem, "container broken: /"));
  g_assert_nonnull (strstr (d->problem, "broken.0: info"));
  d = g_ptr_array_index (list, 3);
  g_assert_cmpstr (d->name, ==, "pre");
  g_assert_true (d->preinstalled);
}

static void
test_info_both_ways (void)
{
  g_autoptr (GHashTable) values = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GHashTable) rename = g_hash_table_new (g_str_hash, g_str_equal);
  char *templates[] = { (char *)"/etc/x", NULL };
  ScExports exports = { .rename_files = rename, .installed_files_template = templates, .use_links = TRUE };
  char *words[] = { (char *)"/bin/check", (char *)"8080", NULL };
  ScHealth health = { .kind = SC_HEALTH_COMMAND, .words = words, .timeout = 2, .interval = 3, .start_period = 4 };
  ScDeployment d = { .image = (char *)"i:t",
                     .revision = (char *)"r",
                     .commit = (char *)"c",
                     .created = 5,
                     .values = values,
                     .runtime = (char *)"/usr/bin/crun",
                     .health = &health };
  g_autoptr (ScDeployment) again = g_new0 (ScDeployment, 1);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autofree char *text = NULL;
  static const char *const keys[] = { "image",
                                      "revision",
                                      "ostree-commit",
                                      "created",
                                      "values",
                                      "has-container-service",
                                      "installed-files",
                                      "installed-files-checksum",
                                      "installed-files-template",
                                      "rename-installed-files",
                                      "rpm-installed",
                                      "system-package",
                                      "remote",
                                      "use-links",
                                      "runtime",
                                      "atomic.health" };

  g_hash_table_insert (values, (char *)"Q", (char *)"say \"hi\"");
  text = sc_info_format (&d, &exports, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autofree char *quoted = g_strdup_printf ("\"%s\"", keys[i]);

      g_assert_nonnull (strstr (text, quoted));
    }
  bytes = g_bytes_new (text, strlen (text));
  g_assert_true (sc_info_parse (bytes, again, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (again->image, ==, "i:t");
  g_assert_false (again->has_container_service);
  g_assert_cmpstr (g_hash_table_lookup (again->values, "Q"), ==, "say \"hi\"");
  g_assert_cmpint (again->health->kind, ==, SC_HEALTH_COMMAND);
  g_assert_cmpstrv (again->health->words, words);
  g_assert_cmpuint (again->health->start_period, ==, 4);
}

/* Nothing depends on it. */
static void
test_info_other_health (void)
{
  static const char text[] = "{\"image\": \"i:t\", \"atomic.health\": {\"newer\": true}}";
  g_autoptr (ScDeployment) d = g_new0 (ScDeployment, 1);
  g_autoptr (GBytes) bytes = g_bytes_new_static (text, strlen (text));
  g_autoptr (GError) error = NULL;

  g_assert_true (sc_info_parse (bytes, d, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (d->image, ==, "i:t");
  g_assert_null (d->health);
}

/* What nobody could read again. */
static void
test_info_too_long (void)
{
  g_autoptr (GHashTable) values = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);
  ScExports exports = { .rename_files = values, .installed_files_template = (char *[]){ NULL } };
  ScDeployment d = { .image = (char *)"i:t", .values = values };
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;

  g_hash_table_insert (values, (char *)"X", g_strnfill (SC_INFO_MAX / 2 + 1, 'x'));
  text = sc_info_format (&d, &exports, &error);
  g_assert_null (text);
  g_assert_error (error, SC_ERROR, SC_ERROR_LIMIT);
}

static void
test_default_name (void)
{
  static const struct
  {
    const char *image, *name;
  } cases[] = {
    { "gscrivano/etcd:latest", "etcd" },
    { "etcd:latest", "etcd" },
    { "localhost:5000/x/etcd:3.5", "etcd-3.5" },
    { "quay.io/a/b/flannel", "flannel" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *name = sc_install_default_name (cases[i].image, &error);

      g_assert_no_error (error);
      g_assert_cmpstr (name, ==, cases[i].name);
    }
}

static void
test_hold (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = sc_context_path (f->ctx, f->ctx->checkouts),
                  *stale = g_build_filename (path, ".tmp-x.AAAAAA", NULL);
  g_autoptr (ScCheckouts) held = NULL;
  g_auto (GStrv) deployments = NULL;

  g_assert_null (sc_checkouts_hold (f->ctx, FALSE, NULL, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_NOT_FOUND);
  g_clear_error (&error);
  /* made for nothing: gone again */
  held = sc_checkouts_hold (f->ctx, TRUE, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_file_test (path, G_FILE_TEST_IS_DIR));
  g_clear_pointer (&held, sc_checkouts_release);
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));

  put (f, f->ctx->checkouts, "x.0", "x", "x.0", INFO);
  put (f, f->ctx->checkouts, "x.1", NULL, NULL, INFO);
  put (f, f->ctx->checkouts, "x.2.0", "x.2", "x.2.0", INFO);
  g_assert_cmpint (g_mkdir (stale, 0700), ==, 0);
  held = sc_checkouts_hold (f->ctx, FALSE, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_false (g_file_test (stale, G_FILE_TEST_EXISTS));
  deployments = sc_checkouts_deployments (held, "x", &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_strv_length (deployments), ==, 2);
  g_assert_cmpstr (deployments[0], ==, "x.0");
  g_assert_cmpstr (deployments[1], ==, "x.1");
}

#define fixture_test(path, function) g_test_add (path, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  fixture_test ("/deployment/load", test_load);
  fixture_test ("/deployment/load-original", test_load_original);
  fixture_test ("/deployment/load-fails", test_load_fails);
  fixture_test ("/deployment/list", test_list);
  g_test_add_func ("/deployment/info-both-ways", test_info_both_ways);
  g_test_add_func ("/deployment/info-other-health", test_info_other_health);
  g_test_add_func ("/deployment/info-too-long", test_info_too_long);
  g_test_add_func ("/deployment/default-name", test_default_name);
  fixture_test ("/deployment/hold", test_hold);
  return g_test_run ();
}
