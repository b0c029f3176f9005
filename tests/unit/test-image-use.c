/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which images containers were made of: live, not live, preinstalled, damaged. */
#include "image-use.h"

#include "root-fixture.h"

#define REVISION "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define COMMIT_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define COMMIT_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define INFO(image, commit)                                                                                            \
  "{\"image\":\"" image "\",\"revision\":\"" REVISION "\",\"ostree-commit\":\"" commit "\",\"created\":1,"             \
  "\"values\":{},\"has-container-service\":false}"

static void
test_deployments (void)
{
  g_auto (Root) root = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (ScContext) ctx = NULL;
  g_autoptr (GPtrArray) all = NULL, some = NULL, commits = NULL, except = g_ptr_array_new ();
  g_autofree char *users = NULL, *none = NULL;
  ScImage image = { .name = (char *)"x/etcd:latest", .id = (char *)REVISION };
  ScImage other = { .name = (char *)"x/etcd:1", .id = (char *)REVISION };

  root_init (&root);
  root_add (&root, "var/lib/containers/atomic/one.0/info", INFO ("x/etcd", COMMIT_A));
  root_add (&root, "var/lib/containers/atomic/one.1/info", INFO ("x/etcd:latest", COMMIT_B));
  root_add (&root, "var/lib/containers/atomic/two.0/info", INFO ("x/etcd:latest", "../../not/a/commit"));
  root_add (&root, "var/lib/containers/atomic/.storage/info", "no");
  root_add (&root, "var/lib/containers/atomic/files/readme", "");
  root_add (&root, "usr/lib/containers/atomic/pre/info", INFO ("x/etcd:latest", COMMIT_A));
  ctx = sc_context_new (root.path, &error);
  g_assert_no_error (error);

  all = sc_image_deployments (ctx, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (all->len, ==, 4);
  g_assert_true (sc_image_is_used (&image, all));
  users = sc_image_users (&image, all);
  g_assert_cmpstr (users, ==, "one, pre, two");
  none = sc_image_users (&other, all);
  g_assert_null (none);
  commits = sc_deployments_commits (all);
  g_assert_cmpuint (commits->len, ==, 2);
  g_assert_cmpstr (commits->pdata[0], ==, COMMIT_A);

  g_ptr_array_add (except, (gpointer) "one.0");
  some = sc_image_deployments (ctx, except, &error);
  g_assert_cmpuint (some->len, ==, 3);
}

static void
test_damaged (void)
{
  g_auto (Root) root = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (ScContext) ctx = NULL;

  root_init (&root);
  root_add (&root, "var/lib/containers/atomic/one.0/info", "{");
  ctx = sc_context_new (root.path, &error);
  g_assert_null (sc_image_deployments (ctx, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
  g_assert_nonnull (strstr (error->message, "one.0"));
}

/* A deployment that has lost its info may need anything; what is none needs nothing. */
static void
test_no_info (void)
{
  static const char *const deployments[] = { "rootfs/x", "x" };

  for (guint i = 0; i < G_N_ELEMENTS (deployments); i++)
    {
      g_auto (Root) root = { 0 };
      g_autoptr (GError) error = NULL;
      g_autoptr (ScContext) ctx = NULL;
      g_autoptr (GPtrArray) without = NULL, except = g_ptr_array_new ();
      g_autofree char *file = g_strconcat ("var/lib/containers/atomic/one.0/", deployments[i], NULL);

      root_init (&root);
      root_add (&root, "var/lib/containers/atomic/notes.2024/text", "");
      root_add (&root, file, "");
      if (i == 1)
        g_assert_cmpint (symlinkat ("one.0", root.fd, "var/lib/containers/atomic/one"), ==, 0);
      ctx = sc_context_new (root.path, &error);
      g_assert_null (sc_image_deployments (ctx, NULL, &error));
      g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
      g_assert_nonnull (strstr (error->message, "one.0"));
      g_clear_error (&error);
      g_ptr_array_add (except, (gpointer) "one.0");
      without = sc_image_deployments (ctx, except, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (without->len, ==, 0);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/image-use/deployments", test_deployments);
  g_test_add_func ("/image-use/damaged", test_damaged);
  g_test_add_func ("/image-use/no-info", test_no_info);
  return g_test_run ();
}
