/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * certs: which files of certs.d are taken, and what is said of those that cannot be.
 */

#include "certs.h"

#include <unistd.h>

#include "fake-registry.h"

#define CERT "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
#define KEY  "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
#define HERE "etc/containers/certs.d/registry.example:5000/"
#define OLD  "etc/docker/certs.d/registry.example:5000/"

static void
put (const TempDir *dir, const char *name, const char *text)
{
  temp_dir_write (dir, name, text, strlen (text));
}

static ScCerts *
find (const TempDir *dir, const char *registry, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  g_autoptr (ScContext) ctx = sc_context_new (dir->path, &local_error);

  g_assert_no_error (local_error);
  return sc_certs_find (ctx, registry, error);
}

static void
assert_text (GBytes *bytes, const char *expected)
{
  g_assert_nonnull (bytes);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), expected, strlen (expected));
}

static void
assert_fails (const TempDir *dir, const char *registry, GQuark domain, int code, const char *part)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ScCerts) certs = find (dir, registry, &error);

  g_assert_null (certs);
  g_assert_error (error, domain, code);
  if (strstr (error->message, part) == NULL)
    g_error ("'%s' is not in '%s'", part, error->message);
}

static void
test_none (void)
{
  g_auto (TempDir) dir = temp_dir_make ();
  g_autoptr (GError) error = NULL;
  g_autoptr (ScCerts) nothing = find (&dir, "registry.example:5000", &error);

  g_assert_no_error (error);
  g_assert_null (nothing->ca);
  g_assert_null (nothing->client_cert);

  /* Another port is another registry; other files say nothing. */
  put (&dir, "etc/containers/certs.d/registry.example/ca.crt", CERT);
  put (&dir, "etc/containers/certs.d/registry.example:5001/ca.crt", CERT);
  put (&dir, HERE "README", "hello");
  g_autoptr (ScCerts) certs = find (&dir, "registry.example:5000", &error);
  g_assert_no_error (error);
  g_assert_null (certs->ca);
}

static void
test_all (void)
{
  g_auto (TempDir) dir = temp_dir_make ();
  g_autoptr (GError) error = NULL;

  put (&dir, HERE "b.crt", "# two\n" CERT);
  put (&dir, HERE "a.crt", CERT);
  put (&dir, HERE "client.cert", "# chain\n" CERT);
  put (&dir, HERE "client.key", KEY);
  put (&dir, HERE "later.cert", "# other\n" CERT);
  put (&dir, HERE "later.key", KEY);
  put (&dir, OLD "ca.crt", "# docker\n" CERT);
  put (&dir, OLD "a.cert", "# docker\n" CERT);
  put (&dir, OLD "a.key", KEY);
  g_autoptr (ScCerts) certs = find (&dir, "registry.example:5000", &error);
  g_assert_no_error (error);
  assert_text (certs->ca, CERT "\n# two\n" CERT "\n# docker\n" CERT "\n");
  assert_text (certs->client_cert, "# chain\n" CERT);
  assert_text (certs->client_key, KEY);
}

static void
test_half_pairs (void)
{
  g_auto (TempDir) dir = temp_dir_make ();
  g_auto (TempDir) other = temp_dir_make ();

  put (&dir, HERE "client.cert", CERT);
  put (&dir, HERE "other.key", KEY);
  put (&dir, HERE "other.cert", CERT);
  assert_fails (&dir, "registry.example:5000", SC_ERROR, SC_ERROR_INVALID, HERE "client.cert: its key client.key");
  put (&other, OLD "client.key", KEY);
  assert_fails (&other, "registry.example:5000", SC_ERROR, SC_ERROR_INVALID,
                OLD "client.key: its certificate client.cert");
}

static void
test_not_pem (void)
{
  g_auto (TempDir) dir = temp_dir_make ();
  g_autofree char *name = g_build_filename (dir.path, HERE "ca.crt", NULL);

  put (&dir, HERE "ca.crt", "\x30\x82 DER");
  assert_fails (&dir, "registry.example:5000", SC_ERROR, SC_ERROR_INVALID, HERE "ca.crt: there is no");
  put (&dir, HERE "ca.crt", KEY);
  assert_fails (&dir, "registry.example:5000", SC_ERROR, SC_ERROR_INVALID, HERE "ca.crt: there is no");
  put (&dir, HERE "ca.crt", "");
  assert_fails (&dir, "registry.example:5000", SC_ERROR, SC_ERROR_INVALID, HERE "ca.crt: there is no");
  g_assert_cmpint (unlink (name), ==, 0);
  g_assert_cmpint (mkdir (name, 0755), ==, 0);
  assert_fails (&dir, "registry.example:5000", SC_ERROR, SC_ERROR_INVALID, HERE "ca.crt: not a regular file");
}

/* The user's own comes first; CA certificates add up. */
static void
test_user (void)
{
  g_auto (TempDir) dir = temp_dir_make ();
  g_autoptr (GError) error = NULL;

  put (&dir, HERE "ca.crt", CERT);
  put (&dir, HERE "client.cert", CERT "system\n");
  put (&dir, HERE "client.key", KEY "system\n");
  put (&dir, "home/u/.config/containers/certs.d/registry.example:5000/ca.crt", CERT);
  put (&dir, "home/u/.config/containers/certs.d/registry.example:5000/client.cert", CERT "user\n");
  put (&dir, "home/u/.config/containers/certs.d/registry.example:5000/client.key", KEY "user\n");
  g_autoptr (ScCerts) certs = find (&dir, "registry.example:5000", &error);
  g_assert_no_error (error);
  assert_text (certs->ca, CERT "\n" CERT "\n");
  assert_text (certs->client_cert, CERT "user\n");
  assert_text (certs->client_key, KEY "user\n");
}

/* A link leads to where it would in the root, and a dangling one is no certificate. */
static void
test_links (void)
{
  g_auto (TempDir) dir = temp_dir_make ();
  g_autofree char *link = g_build_filename (dir.path, HERE "ca.crt", NULL);
  g_autoptr (GError) error = NULL;

  put (&dir, "etc/pki/ours.pem", CERT);
  put (&dir, HERE "README", "");
  g_assert_cmpint (symlink ("/etc/pki/ours.pem", link), ==, 0);
  g_autoptr (ScCerts) certs = find (&dir, "registry.example:5000", &error);
  g_assert_no_error (error);
  assert_text (certs->ca, CERT "\n");

  g_assert_cmpint (unlink (link), ==, 0);
  g_assert_cmpint (symlink ("../../../../../../../../../etc/ssl/certs/ca-certificates.crt", link), ==, 0);
  assert_fails (&dir, "registry.example:5000", G_IO_ERROR, G_IO_ERROR_NOT_FOUND, HERE "ca.crt");
}

static void
test_bad_names (void)
{
  static const char *const names[] = { "", ".", "..", "a/b", "../certs.d", "a\nb", "\xff", "a b", "a%2fb" };
  g_auto (TempDir) dir = temp_dir_make ();

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    assert_fails (&dir, names[i], SC_ERROR, SC_ERROR_INVALID, "is no name of a registry");
}

int
main (int argc, char **argv)
{
  g_setenv ("HOME", "/home/u", TRUE);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/certs/none", test_none);
  g_test_add_func ("/certs/all", test_all);
  g_test_add_func ("/certs/half-pairs", test_half_pairs);
  g_test_add_func ("/certs/not-pem", test_not_pem);
  g_test_add_func ("/certs/user", test_user);
  g_test_add_func ("/certs/links", test_links);
  g_test_add_func ("/certs/bad-names", test_bad_names);
  return g_test_run ();
}
