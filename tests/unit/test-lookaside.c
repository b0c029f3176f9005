/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* registries.d, and the signatures that are fetched from where it says. */

#include "lookaside.h"

#include <string.h>

#include "root-fixture.h"

#define HEX    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define DIGEST "sha256:" HEX
#define DIR    "etc/containers/registries.d/"

typedef struct
{
  Root root;
  ScContext *ctx;
} Fixture;

static void
fixture_init (Fixture *f)
{
  g_autoptr (GError) error = NULL;

  root_init (&f->root);
  f->ctx = sc_context_new (f->root.path, &error);
  g_assert_no_error (error);
  g_free (f->ctx->home);
  f->ctx->home = g_strdup ("/home/u");
}

static void
fixture_clear (Fixture *f)
{
  sc_context_free (f->ctx);
  root_clear (&f->root);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Fixture, fixture_clear)

static ScFullName
name_of (const char *text)
{
  ScFullName name = { 0 };
  g_autoptr (GError) error = NULL;
  gboolean ok = sc_full_name_parse (text, &name, &error);

  g_assert_no_error (error);
  g_assert_true (ok);
  return name;
}

static void
assert_lookaside (const ScRegistriesD *conf, const char *image, const char *url)
{
  g_auto (ScFullName) name = name_of (image);

  g_assert_cmpstr (sc_registries_d_lookaside (conf, &name), ==, url);
}

static void
assert_attachments (const ScRegistriesD *conf, const char *image, gboolean use)
{
  g_auto (ScFullName) name = name_of (image);

  g_assert_cmpint (sc_registries_d_use_attachments (conf, &name), ==, use);
}

static void
test_conf (void)
{
  g_auto (Fixture) f = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (ScRegistriesD) none = NULL, conf = NULL;
  const char *file = NULL;

  fixture_init (&f);
  none = sc_registries_d_load (f.ctx, &error);
  g_assert_no_error (error);
  assert_lookaside (none, "quay.io/x:1", NULL);
  assert_attachments (none, "quay.io/x:1", FALSE);

  root_add (&f.root, DIR "a.yaml",
            "default-docker:\n  sigstore: file:///default\n  future: [1, {a: b}]\n"
            "docker:\n"
            "  quay.io:\n    lookaside: https://quay\n    use-sigstore-attachments: true\n"
            "  quay.io/x:\n    lookaside-staging: file:///staging\n"
            "  quay.io/x/y:\n    sigstore: file:///old\n    lookaside: file:///new\n    use-sigstore-attachments: no\n"
            "  quay.io/x/y:1: {lookaside: 'file:///one'}\n"
            "  '*.example.com': {lookaside: file:///wild}\n");
  root_add (&f.root, DIR "b.yaml", "---\ndocker:\n  docker.io/library: {lookaside: file:///library}\n  empty.io:\n");
  root_add (&f.root, DIR "c.yaml", "");
  root_add (&f.root, DIR "d.yaml", "future: 1\ndocker: ~\n");
  root_add (&f.root, DIR "e.yaml.bak", "]");
  conf = sc_registries_d_load (f.ctx, &error);
  g_assert_no_error (error);
  assert_lookaside (conf, "quay.io/x/y:1", "file:///one");
  assert_lookaside (conf, "quay.io/x/y:2", "file:///new");
  assert_lookaside (conf, "quay.io/x/z:1", "https://quay");
  assert_lookaside (conf, "quay.io:443/x/y:1", "file:///default");
  assert_lookaside (conf, "busybox:1", "file:///library");
  assert_lookaside (conf, "a.example.com:5000/x:1", "file:///wild");
  assert_lookaside (conf, "empty.io/x:1", "file:///default");
  assert_attachments (conf, "quay.io/x/z:1", TRUE);
  assert_attachments (conf, "quay.io/x/y:1", FALSE);
  assert_attachments (conf, "busybox:1", FALSE);
  g_assert_cmpstr (sc_registries_d_find (conf, "quay.io/x/y", &file), ==, "file:///new");
  g_assert_cmpstr (file, ==, "/" DIR "a.yaml");
  g_assert_null (sc_registries_d_find (conf, "quay.io/x", &file));
  g_assert_cmpstr (file, ==, "/" DIR "a.yaml");
  g_assert_null (sc_registries_d_find (conf, "nowhere", &file));
  g_assert_null (file);
}

static void
test_dirs (void)
{
  g_auto (Fixture) f = { 0 };
  g_autoptr (GError) error = NULL;
  g_autofree char *system = NULL, *user = NULL, *configured = NULL;

  fixture_init (&f);
  system = sc_registries_d_dir (f.ctx, &error);
  g_assert_cmpstr (system, ==, "/etc/containers/registries.d");
  root_add (&f.root, "home/u/.config/containers/registries.d", NULL);
  user = sc_registries_d_dir (f.ctx, &error);
  g_assert_cmpstr (user, ==, "/home/u/.config/containers/registries.d");
  f.ctx->registry_confdir = g_strdup ("/conf");
  configured = sc_registries_d_dir (f.ctx, &error);
  g_assert_cmpstr (configured, ==, "/conf");
  g_assert_no_error (error);
}

static void
test_conf_refused (void)
{
  static const struct
  {
    const char *text, *message;
  } cases[] = {
    { "docker: [", "/" DIR "b.yaml: line " },
    { "docker: 5\n", "/" DIR "b.yaml: line 1: expected registries" },
    { "[]", "/" DIR "b.yaml: line 1: expected 'docker:' or 'default-docker:'" },
    { "docker:\n  x.io: 5\n", "line 2: expected 'key: value' lines" },
    { "docker:\n  x.io:\n    lookaside: [a]\n", "line 3: expected a URL" },
    { "docker:\n  x.io:\n    lookaside: a\n    lookaside: b\n", "line 4: this is given twice" },
    { "docker:\n  x.io:\n    use-sigstore-attachments: 1\n", "line 3: expected true or false" },
    { "docker:\n  x.io:\n    use-sigstore-attachments: \"true\"\n", "line 3: expected true or false" },
    { "docker:\n  [a]: {}\n", "line 2: expected the name" },
    { "docker:\n  x.io: {}\n  x.io: {}\n", "line 3: 'x.io' is configured in /" DIR "b.yaml already" },
    { "docker:\n  quay.io: {}\n", "line 2: 'quay.io' is configured in /" DIR "a.yaml already" },
    { "default-docker: {}\n", "line 1: 'default-docker' is configured in /" DIR "a.yaml already" },
  };
  g_auto (Fixture) f = { 0 };

  fixture_init (&f);
  root_add (&f.root, DIR "a.yaml", "default-docker: {lookaside: a}\ndocker: {quay.io: {lookaside: b}}\n");
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;

      root_add (&f.root, DIR "b.yaml", cases[i].text);
      g_assert_null (sc_registries_d_load (f.ctx, &error));
      g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
      if (strstr (error->message, cases[i].message) == NULL)
        g_error ("%s: %s", cases[i].text, error->message);
    }
}

static GPtrArray *
fetch (Fixture *f, const char *url, char **place, GError **error)
{
  g_auto (ScFullName) name = name_of ("quay.io/x/y:1");
  g_autofree char *text = g_strdup_printf ("default-docker: {lookaside: '%s'}\n", url);

  if (url != NULL)
    root_add (&f->root, DIR "a.yaml", text);
  return sc_lookaside_fetch (f->ctx, &name, DIGEST, place, NULL, error);
}

static void
test_files (void)
{
  g_auto (Fixture) f = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) none = NULL, two = NULL, fallback = NULL;
  g_autofree char *place = NULL;

  fixture_init (&f);
  none = fetch (&f, "file:///sigs", &place, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (none->len, ==, 0);
  g_assert_cmpstr (place, ==, "file:///sigs/x/y@sha256=" HEX);
  root_add (&f.root, "sigs/x/y@sha256=" HEX "/signature-1", "one");
  root_add (&f.root, "sigs/x/y@sha256=" HEX "/signature-2", "two");
  root_add (&f.root, "sigs/x/y@sha256=" HEX "/signature-4", "four");
  two = fetch (&f, "file:///sigs", NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (two->len, ==, 2);
  g_assert_cmpmem (g_bytes_get_data (g_ptr_array_index (two, 1), NULL), 3, "two", 3);

  root_add (&f.root, DIR "a.yaml", "");
  root_add (&f.root, "var/lib/containers/sigstore/x/y@sha256=" HEX "/signature-1", "default");
  root_add (&f.root, "home/u/.local/share/containers/sigstore/x/y@sha256=" HEX "/signature-1", "default");
  fallback = fetch (&f, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (fallback->len, ==, 1);
}

static void
test_refused (void)
{
  static const struct
  {
    const char *url, *message;
  } cases[] = {
    { "file:///unreadable", "signature file:///unreadable/x/y@sha256=" HEX "/signature-1: " },
    { "file:///large", "signature file:///large/x/y@sha256=" HEX "/signature-1: " },
    { "file:///many", "more than 128 signatures" },
    { "file://host/sigs", "is neither file:///, http:// nor https://" },
    { "ftp://host/", "is neither file:///, http:// nor https://" },
    { "https://", "is neither file:///, http:// nor https://" },
    { "sigs", "is not a URL" },
    { "http://user:secret@127.0.0.1:1/s?token=secret",
      "signature http://127.0.0.1:1/s/x/y@sha256=" HEX "/signature-1: " },
  };
  g_auto (Fixture) f = { 0 };
  g_autofree char *large = g_strnfill (4 * 1024 * 1024 + 1, 'x');

  fixture_init (&f);
  root_add (&f.root, "unreadable/x/y@sha256=" HEX "/signature-1", NULL);
  root_add (&f.root, "large/x/y@sha256=" HEX "/signature-1", large);
  for (guint i = 1; i <= 129; i++)
    {
      g_autofree char *path = g_strdup_printf ("many/x/y@sha256=" HEX "/signature-%u", i);

      root_add (&f.root, path, "x");
    }
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (fetch (&f, cases[i].url, NULL, &error));
      if (strstr (error->message, cases[i].message) == NULL || strstr (error->message, "secret") != NULL)
        g_error ("%s: %s", cases[i].url, error->message);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/lookaside/conf", test_conf);
  g_test_add_func ("/lookaside/dirs", test_dirs);
  g_test_add_func ("/lookaside/conf-refused", test_conf_refused);
  g_test_add_func ("/lookaside/files", test_files);
  g_test_add_func ("/lookaside/refused", test_refused);
  return g_test_run ();
}
