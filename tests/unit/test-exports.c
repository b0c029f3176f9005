/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* exports: what is read of /exports, the types in manifest.json, and what a hostile root cannot do. */
#include "exports.h"

#include <sys/stat.h>
#include <unistd.h>

#include "root-fixture.h"

static void
test_none (void)
{
  g_auto (Root) root = { 0 };
  g_autoptr (GError) error = NULL;

  root_init (&root);
  g_autoptr (ScExports) exports = sc_exports_load (root.fd, &error);
  g_assert_no_error (error);
  g_assert_null (exports->config);
  g_assert_null (exports->config_template);
  g_assert_null (exports->service_template);
  g_assert_null (exports->tmpfiles_template);
  g_assert_false (exports->has_manifest);
  g_assert_false (exports->has_hostfs);
  g_assert_false (exports->no_container_service);
  g_assert_true (exports->use_links);
  g_auto (GStrv) names = sc_exports_variables (exports, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_strv_length (names), ==, 0);
}

static void
test_all (void)
{
  g_auto (Root) root = { 0 };
  g_autoptr (GError) error = NULL;

  root_init (&root);
  root_add (&root, "exports/config.json.template", "{\"a\": \"$Z $NAME\"}");
  root_add (&root, "exports/config.json", "{}");
  root_add (&root, "exports/service.template", "$EXEC_START $B");
  root_add (&root, "exports/tmpfiles.template", "d $C");
  root_add (&root, "exports/hostfs/etc/x.conf", "port=$P");
  root_add (&root, "exports/manifest.json",
            "{\"version\": 2, \"defaultValues\": {\"P\": \"8081\", \"N\": 17, \"EMPTY\": \"\"},"
            " \"renameFiles\": {\"/etc/x.conf\": \"$CONF_DIRECTORY/$R\"},"
            " \"installedFilesTemplate\": [\"/etc/x.conf\", \"/etc/$Q\"],"
            " \"noContainerService\": true, \"useLinks\": \"false\", \"unknown\": null}");
  g_autoptr (ScExports) exports = sc_exports_load (root.fd, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (exports->config, ==, "{}");
  g_assert_cmpstr (exports->tmpfiles_template, ==, "d $C");
  g_assert_true (exports->has_manifest);
  g_assert_true (exports->has_hostfs);
  g_assert_true (exports->no_container_service);
  g_assert_false (exports->use_links);
  g_assert_cmpstr (g_hash_table_lookup (exports->default_values, "P"), ==, "8081");
  g_assert_cmpstr (g_hash_table_lookup (exports->default_values, "N"), ==, "17");
  g_assert_cmpstr (g_hash_table_lookup (exports->default_values, "EMPTY"), ==, "");
  g_assert_cmpstr (g_hash_table_lookup (exports->hostfs_templates, "/etc/x.conf"), ==, "port=$P");

  g_auto (GStrv) names = sc_exports_variables (exports, &error);
  const char *const expected[] = { "B", "C", "CONF_DIRECTORY", "EXEC_START", "NAME", "P", "Q", "R", "Z", NULL };
  g_assert_no_error (error);
  g_assert_cmpstrv (names, expected);
}

static void
test_bad_manifest (void)
{
  static const struct
  {
    const char *text, *message;
  } cases[] = {
    { "[]", "exports/manifest.json: expected an object" },
    { "{", "exports/manifest.json: line 1" },
    { "{\"defaultValues\": []}", "exports/manifest.json: defaultValues: expected an object" },
    { "{\"defaultValues\": {\"A\": true}}",
      "exports/manifest.json: defaultValues.A: expected a string, found a boolean" },
    { "{\"defaultValues\": {\"A\": 1.5}}", "exports/manifest.json: defaultValues.A: expected a string" },
    { "{\"defaultValues\": {\"A\": null}}", "exports/manifest.json: defaultValues.A: expected a string, found null" },
    { "{\"defaultValues\": {\"A\": [\"x\"]}}", "exports/manifest.json: defaultValues.A: expected a string" },
    { "{\"defaultValues\": {\"A-B\": \"x\"}}", "exports/manifest.json: defaultValues: 'A-B' is no name of a variable" },
    { "{\"renameFiles\": {\"/a\": 1}}", "exports/manifest.json: renameFiles" },
    { "{\"installedFilesTemplate\": \"/a\"}", "exports/manifest.json: installedFilesTemplate: expected an array" },
    { "{\"noContainerService\": \"perhaps\"}",
      "exports/manifest.json: noContainerService: expected true or false, found 'perhaps'" },
    { "{\"useLinks\": 1}", "exports/manifest.json: useLinks: expected true or false" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Root) root = { 0 };
      g_autoptr (GError) error = NULL;

      root_init (&root);
      root_add (&root, "exports/manifest.json", cases[i].text);
      g_assert_null (sc_exports_load (root.fd, &error));
      g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
      g_test_message ("%s", error->message);
      g_assert_true (g_str_has_prefix (error->message, cases[i].message));
    }
}

static void
test_bad_file (void)
{
  g_autofree char *big = g_strnfill (1024 * 1024 + 1, ' ');
  static const char *const file = "exports/service.template";
  struct
  {
    const char *text;
    int code;
  } cases[] = { { "caf\xe9", SC_ERROR_INVALID }, { big, SC_ERROR_LIMIT } };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Root) root = { 0 };
      g_autoptr (GError) error = NULL;

      root_init (&root);
      root_add (&root, file, cases[i].text);
      g_assert_null (sc_exports_load (root.fd, &error));
      g_assert_error (error, SC_ERROR, cases[i].code);
      g_assert_true (g_str_has_prefix (error->message, file));
    }
}

static void
test_nul (void)
{
  g_auto (Root) root = { 0 };
  g_autoptr (GError) error = NULL;

  root_init (&root);
  root_add (&root, "exports", NULL);
  g_autofree char *path = g_build_filename (root.path, "exports/tmpfiles.template", NULL);
  g_assert_true (g_file_set_contents (path, "a\0b", 3, NULL));
  g_assert_null (sc_exports_load (root.fd, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
  g_assert_cmpstr (error->message, ==, "exports/tmpfiles.template: a NUL byte in a text file");
}

/* What stands in for a file: a fifo, a directory, a link to nothing. */
static void
test_no_file (void)
{
  for (int i = 0; i < 3; i++)
    {
      g_auto (Root) root = { 0 };
      g_autoptr (GError) error = NULL;
      g_autofree char *path = NULL;

      root_init (&root);
      root_add (&root, "exports", NULL);
      path = g_build_filename (root.path, "exports/service.template", NULL);
      if (i == 0)
        g_assert_cmpint (mkfifo (path, 0600), ==, 0);
      else if (i == 1)
        g_assert_cmpint (mkdir (path, 0700), ==, 0);
      else
        g_assert_cmpint (symlink ("/nothing", path), ==, 0);
      g_assert_null (sc_exports_load (root.fd, &error));
      g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
      g_assert_true (g_str_has_prefix (error->message, "exports/service.template: "));
    }
}

/* An absolute link means a file of the image, never of the host. */
static void
test_link_inside (void)
{
  g_auto (Root) root = { 0 };
  g_autoptr (GError) error = NULL;

  root_init (&root);
  root_add (&root, "etc/hostname", "inside");
  root_add (&root, "exports", NULL);
  g_autofree char *path = g_build_filename (root.path, "exports/service.template", NULL);
  g_assert_cmpint (symlink ("/../../../../../etc/hostname", path), ==, 0);
  g_autoptr (ScExports) exports = sc_exports_load (root.fd, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (exports->service_template, ==, "inside");
}

static void
test_bad_template (void)
{
  g_auto (Root) root = { 0 };
  g_autoptr (GError) error = NULL;

  root_init (&root);
  root_add (&root, "exports/manifest.json", "{\"renameFiles\": {\"/a\": \"/b/$\"}}");
  g_autoptr (ScExports) exports = sc_exports_load (root.fd, &error);
  g_assert_no_error (error);
  g_assert_null (sc_exports_variables (exports, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
  g_assert_true (g_str_has_prefix (error->message, "manifest.json: renameFiles: line 1, column 4: "));
}

/* A small image must not become a large program. */
static void
test_too_much (void)
{
  g_auto (Root) root = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (GString) names = g_string_new (NULL), renames = g_string_new (NULL);
  g_autofree char *manifest = NULL, *many = NULL, *mebi = g_strnfill (1024 * 1024, 'x'), *path = NULL;

  root_init (&root);
  root_add (&root, "exports/hostfs/0", mebi);
  path = g_build_filename (root.path, "exports/hostfs/0", NULL);
  for (guint i = 0; i <= SC_EXPORTS_MAX; i++)
    {
      g_autofree char *other = g_strdup_printf ("%s/exports/hostfs/%u", root.path, i);

      g_string_append_printf (names, "%s\"/%u\"", i > 0 ? ", " : "", i);
      g_string_append_printf (renames, "%s\"/%u\": \"/x/%u\"", i > 0 ? ", " : "", i, i);
      if (i == 16)
        manifest = g_strdup_printf ("{\"installedFilesTemplate\": [%s]}", names->str);
      if (i > 0 && i <= 16)
        g_assert_cmpint (link (path, other), ==, 0);
    }
  root_add (&root, "exports/manifest.json", manifest);
  g_assert_null (sc_exports_load (root.fd, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_LIMIT);
  g_assert_cmpstr (error->message, ==,
                   "exports/manifest.json: installedFilesTemplate: files of more than 16 MiB in all");
  for (guint i = 0; i < 2; i++)
    {
      g_clear_error (&error);
      g_free (many);
      many = g_strdup_printf (i == 0 ? "{\"installedFilesTemplate\": [%s]}" : "{\"renameFiles\": {%s}}",
                              i == 0 ? names->str : renames->str);
      root_add (&root, "exports/manifest.json", many);
      g_assert_null (sc_exports_load (root.fd, &error));
      g_assert_error (error, SC_ERROR, SC_ERROR_LIMIT);
      g_assert_true (g_str_has_suffix (error->message, ": more than 1000 entries"));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/exports/none", test_none);
  g_test_add_func ("/exports/all", test_all);
  g_test_add_func ("/exports/bad-manifest", test_bad_manifest);
  g_test_add_func ("/exports/bad-file", test_bad_file);
  g_test_add_func ("/exports/nul", test_nul);
  g_test_add_func ("/exports/no-file", test_no_file);
  g_test_add_func ("/exports/link-inside", test_link_inside);
  g_test_add_func ("/exports/bad-template", test_bad_template);
  g_test_add_func ("/exports/too-much", test_too_much);
  return g_test_run ();
}
