/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* References: every form of docs/cli.md, every error of reference.h, and that writing a reference out loses nothing. */

#include "reference.h"

#include <string.h>

#define HEX    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "sha256:" HEX
#define A64    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

typedef struct
{
  const char *text;
  ScTransport transport;
  const char *path, *registry, *repository, *tag, *digest;
  const char *written; /* NULL: as @text */
  const char *store_name;
  gboolean insecure;
} Valid;

#define REG SC_TRANSPORT_REGISTRY

static const Valid valid[] = {
  /* names */
  { "etcd", REG, NULL, NULL, "etcd", NULL, NULL, NULL, "etcd:latest" },
  { "gscrivano/etcd", REG, NULL, NULL, "gscrivano/etcd", NULL, NULL, NULL, "gscrivano/etcd:latest" },
  { "a/b/c/d:1.2.3-rc_1", REG, NULL, NULL, "a/b/c/d", "1.2.3-rc_1", NULL, NULL, "a/b/c/d:1.2.3-rc_1" },
  { "a.b_c__d---e:V1", REG, NULL, NULL, "a.b_c__d---e", "V1", NULL, NULL, "a.b_c__d---e:V1" },
  { "x:_hidden", REG, NULL, NULL, "x", "_hidden", NULL, NULL, "x:_hidden" },
  { "quay.io/x/y", REG, NULL, "quay.io", "x/y", NULL, NULL, NULL, "quay.io/x/y:latest" },
  { "QUAY.io/x/y:1", REG, NULL, "quay.io", "x/y", "1", NULL, "quay.io/x/y:1", "quay.io/x/y:1" },
  { "localhost/x", REG, NULL, "localhost", "x", NULL, NULL, NULL, "localhost/x:latest" },
  { "localhost:5000", REG, NULL, NULL, "localhost", "5000", NULL, NULL, "localhost:5000" },
  { "localhost:5000/x", REG, NULL, "localhost:5000", "x", NULL, NULL, NULL, "localhost:5000/x:latest" },
  { "localhost:5000/x:1.0@" DIGEST, REG, NULL, "localhost:5000", "x", "1.0", DIGEST, NULL, "localhost:5000/x@" DIGEST },
  { "host:65535/x", REG, NULL, "host:65535", "x", NULL, NULL, NULL, "host:65535/x:latest" },
  { "my-host/x", REG, NULL, NULL, "my-host/x", NULL, NULL, NULL, "my-host/x:latest" },
  { "Host/x", REG, NULL, "host", "x", NULL, NULL, "HOST/x", "HOST/x:latest" },
  { "LOCALHOST/x", REG, NULL, "localhost", "x", NULL, NULL, "localhost/x", "localhost/x:latest" },
  { "x@" DIGEST, REG, NULL, NULL, "x", NULL, DIGEST, NULL, "x@" DIGEST },
  { "[::1]:5000/x:2", REG, NULL, "[::1]:5000", "x", "2", NULL, NULL, "[::1]:5000/x:2" },
  { "[FE80::1]/x/y", REG, NULL, "[fe80::1]", "x/y", NULL, NULL, "[fe80::1]/x/y", "[fe80::1]/x/y:latest" },
  { "[::ffff:1.2.3.4]/x", REG, NULL, "[::ffff:1.2.3.4]", "x", NULL, NULL, NULL, "[::ffff:1.2.3.4]/x:latest" },
  { "127.0.0.1:80/x", REG, NULL, "127.0.0.1:80", "x", NULL, NULL, NULL, "127.0.0.1:80/x:latest" },
  /* prefixes */
  { "http:reg:5000/x:1", REG, NULL, "reg:5000", "x", "1", NULL, NULL, "reg:5000/x:1", TRUE },
  { "http:x", REG, NULL, NULL, "x", NULL, NULL, NULL, "x:latest", TRUE },
  { "oci:busybox:1", REG, NULL, NULL, "busybox", "1", NULL, "busybox:1", "busybox:1" },
  { "oci:quay.io/x@" DIGEST, REG, NULL, "quay.io", "x", NULL, DIGEST, "quay.io/x@" DIGEST, "quay.io/x@" DIGEST },
  { "docker://quay.io/x", REG, NULL, "quay.io", "x", NULL, NULL, "quay.io/x", "quay.io/x:latest" },
  { "oci:dir:1", REG, NULL, NULL, "dir", "1", NULL, "docker://dir:1", "dir:1" },
  { "docker://http:2", REG, NULL, NULL, "http", "2", NULL, NULL, "http:2" },
  { "http:docker:2", REG, NULL, NULL, "docker", "2", NULL, NULL, "docker:2", TRUE },
  { "docker:x:1", SC_TRANSPORT_DOCKER_DAEMON, NULL, NULL, "x", "1", NULL, "docker-daemon:x:1", "x:1" },
  { "docker-daemon:quay.io/x", SC_TRANSPORT_DOCKER_DAEMON, NULL, "quay.io", "x", NULL, NULL, NULL, "quay.io/x:latest" },
  { "containers-storage:x:1", SC_TRANSPORT_CONTAINERS_STORAGE, NULL, NULL, "x", "1", NULL, NULL, "x:1" },
  /* paths */
  { "oci:/DIR", SC_TRANSPORT_OCI_LAYOUT, "/DIR", NULL, NULL, NULL, NULL, NULL, NULL },
  { "oci:/", SC_TRANSPORT_OCI_LAYOUT, "/", NULL, NULL, NULL, NULL, NULL, NULL },
  { "oci:./d:1.0", SC_TRANSPORT_OCI_LAYOUT, "./d", NULL, NULL, "1.0", NULL, NULL, NULL },
  { "oci:../d", SC_TRANSPORT_OCI_LAYOUT, "../d", NULL, NULL, NULL, NULL, NULL, NULL },
  { "oci:/a:b/c", SC_TRANSPORT_OCI_LAYOUT, "/a:b/c", NULL, NULL, NULL, NULL, NULL, NULL },
  { "oci:/a:b/c:d:e", SC_TRANSPORT_OCI_LAYOUT, "/a:b/c:d", NULL, NULL, "e", NULL, NULL, NULL },
  { "oci-archive:x.tar", SC_TRANSPORT_OCI_ARCHIVE, "x.tar", NULL, NULL, NULL, NULL, NULL, NULL },
  { "oci-archive:/x.tar:1", SC_TRANSPORT_OCI_ARCHIVE, "/x.tar", NULL, NULL, "1", NULL, NULL, NULL },
  { "dir:a:b/c d", SC_TRANSPORT_DIR, "a:b/c d", NULL, NULL, NULL, NULL, NULL, NULL },
  { "docker:sha256:x", SC_TRANSPORT_DOCKER_DAEMON, NULL, NULL, "sha256", "x", NULL, "docker-daemon:sha256:x",
    "sha256:x" },
  { "docker:" DIGEST, SC_TRANSPORT_DOCKER_DAEMON, NULL, NULL, NULL, NULL, NULL, "docker-daemon:" DIGEST, NULL },
  { "docker-archive:/x.tar:@0", SC_TRANSPORT_DOCKER_ARCHIVE, "/x.tar", NULL, NULL, NULL, NULL, NULL, NULL },
  { "dockertar:/x.tar:@12", SC_TRANSPORT_DOCKER_ARCHIVE, "/x.tar", NULL, NULL, NULL, NULL, "docker-archive:/x.tar:@12",
    NULL },
  { "dockertar:/x.tar", SC_TRANSPORT_DOCKER_ARCHIVE, "/x.tar", NULL, NULL, NULL, NULL, "docker-archive:/x.tar", NULL },
  { "dockertar://x.tar", SC_TRANSPORT_DOCKER_ARCHIVE, "/x.tar", NULL, NULL, NULL, NULL, "docker-archive:/x.tar", NULL },
  { "dockertar:///d/x.tar", SC_TRANSPORT_DOCKER_ARCHIVE, "/d/x.tar", NULL, NULL, NULL, NULL, "docker-archive:/d/x.tar",
    NULL },
  { "dockertar:/x.tar:b:1", SC_TRANSPORT_DOCKER_ARCHIVE, "/x.tar", NULL, "b", "1", NULL, "docker-archive:/x.tar:b:1",
    "b:1" },
  { "docker-archive:d/x.tar", SC_TRANSPORT_DOCKER_ARCHIVE, "d/x.tar", NULL, NULL, NULL, NULL, NULL, NULL },
  { "docker-archive:x:b", SC_TRANSPORT_DOCKER_ARCHIVE, "x", NULL, "b", NULL, NULL, NULL, "b:latest" },
  { "docker-archive:x:h:5000/b:1", SC_TRANSPORT_DOCKER_ARCHIVE, "x", "h:5000", "b", "1", NULL, NULL, "h:5000/b:1" },
};

static void
assert_same (const ScReference *a, const ScReference *b)
{
  g_assert_cmpint (a->transport, ==, b->transport);
  g_assert_cmpint (a->insecure, ==, b->insecure);
  g_assert_cmpstr (a->path, ==, b->path);
  g_assert_cmpstr (a->registry, ==, b->registry);
  g_assert_cmpstr (a->repository, ==, b->repository);
  g_assert_cmpstr (a->tag, ==, b->tag);
  g_assert_cmpstr (a->digest, ==, b->digest);
}

static void
test_valid (gconstpointer data)
{
  const Valid *v = data;
  const ScReference expected = { v->transport,          v->insecure,    (char *)v->path,  (char *)v->registry,
                                 (char *)v->repository, (char *)v->tag, (char *)v->digest };
  g_autoptr (GError) error = NULL;
  g_autoptr (ScReference) ref = sc_reference_parse (v->text, &error);
  g_autoptr (ScReference) copy = NULL;
  g_autoptr (ScReference) again = NULL;
  g_autofree char *written = NULL;
  g_autofree char *store_name = NULL;

  g_assert_no_error (error);
  assert_same (ref, &expected);
  copy = sc_reference_copy (ref);
  assert_same (copy, &expected);

  written = sc_reference_format (ref);
  g_assert_cmpstr (written, ==, v->written != NULL ? v->written : v->text);
  again = sc_reference_parse (written, &error);
  g_assert_no_error (error);
  assert_same (again, ref);

  store_name = sc_reference_store_name (ref);
  g_assert_cmpstr (store_name, ==, v->store_name);
}

static const struct
{
  const char *text, *reason;
} invalid[] = {
  { "", "is empty" },
  { "oci:", "the name is empty" },
  { "docker://", "the name is empty" },
  { ":tag", "the repository name is empty" },
  { "@" DIGEST, "the repository name is empty" },
  { "quay.io/", "the repository name is empty" },
  { "Etcd", "the repository name must be in lower case" },
  { "quay.io/X/y", "the repository name must be in lower case" },
  { "a//b", "the name has an empty component" },
  { "/a", "the name has an empty component" },
  { "a/", "the name has an empty component" },
  { "http://quay.io/x", "the name has an empty component" },
  { "a b", "bad character in the repository name 'a b', at position 2" },
  { "a/b..c", "bad character in the repository name 'b..c', at position 2" },
  { "a/b___c", "bad character in the repository name 'b___c', at position 2" },
  { "a/-b", "bad character in the repository name '-b', at position 1" },
  { "a/b-", "bad character in the repository name 'b-', at position 2" },
  { "a/b\xc3\xa4", "bad character in the repository name" },
  { "../x", "bad character in the registry's host name '..'" },
  { "-h.io/x", "bad character in the registry's host name '-h.io'" },
  { "h-.io/x", "bad character in the registry's host name 'h-.io'" },
  { "h.io./x", "bad character in the registry's host name 'h.io.'" },
  { "a_b.io/x", "bad character in the registry's host name 'a_b.io'" },
  { ":5000/x", "the registry's host name is empty" },
  { "h:/x", "invalid port ''" },
  { "h:0/x", "invalid port '0'" },
  { "h:65536/x", "invalid port '65536'" },
  { "h:99999999999999999999/x", "invalid port" },
  { "h:80a/x", "invalid port '80a'" },
  { "h:1:2/x", "invalid port '1:2'" },
  { "[::1/x", "not closed by ']'" },
  { "[::1", "not closed by ']'" },
  { "[1.2.3.4]/x", "'1.2.3.4' is not an IPv6 address" },
  { "[]/x", "'' is not an IPv6 address" },
  { "[fe80::1%eth0]/x", "'fe80::1%eth0' is not an IPv6 address" },
  { "[::1]5000/x", "bad character after the IPv6 address [::1]" },
  { "[::1]:x/x", "invalid port 'x'" },
  { "[::1]:5000", "names a registry but no repository" },
  { "x:", "the tag after ':' is empty" },
  { "x:@" DIGEST, "the tag after ':' is empty" },
  { "x:.a", "invalid tag '.a'" },
  { "x:-a", "invalid tag '-a'" },
  { "x:a b", "invalid tag 'a b'" },
  { "x:a:b", "invalid tag 'a:b'" },
  { "x:" A64 A64 "a", "the tag is longer than 128 characters" },
  { "x@", "invalid digest ''" },
  { "x@sha256:abc", "invalid digest 'sha256:abc'" },
  { "x@sha256:" A64 "a", "invalid digest" },
  { "x@" DIGEST "@" DIGEST, "invalid digest" },
  { "x@sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef", "invalid digest" },
  { "x@sha512:" A64 A64, "digest algorithm 'sha512' is not supported" },
  { A64 A64 A64 A64, "the name is longer than 255 characters" },
  { "quay.io/" A64 A64 A64 "/" A64, "the name is longer than 255 characters" },
  { "oci:/d:", "the tag after ':' is empty" },
  { "oci:/d:a b", "invalid tag 'a b'" },
  { "oci-archive:", "the path is empty" },
  { "oci-archive::1", "the path is empty" },
  { "dir:", "the path is empty" },
  { "docker-archive:", "the path is empty" },
  { "docker-archive::x", "the path is empty" },
  { "docker-archive:/x:", "the name is empty" },
  { "docker-archive:/x:@", "'@' is not the number of an image" },
  { "docker-archive:/x:@-1", "'@-1' is not the number of an image" },
  { "docker-archive:/x:@01", "'@01' is not the number of an image" },
  { "docker-archive:/x:@1a", "'@1a' is not the number of an image" },
  { "docker-archive:/x:@1234567", "'@1234567' is not the number of an image" },
  { "docker-archive:/x:b@" DIGEST, "not by a digest" },
  { "dockertar:", "the path is empty" },
  { "dockertar:x.tar", "the path must be absolute" },
};

static void
test_invalid (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (invalid); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (ScReference) ref = sc_reference_parse (invalid[i].text, &error);

      if (ref != NULL)
        g_error ("'%s' was accepted", invalid[i].text);
      g_assert_error (error, SC_ERROR, SC_ERROR_USAGE);
      if (strstr (error->message, invalid[i].reason) == NULL)
        g_error ("'%s': %s", invalid[i].text, error->message);
      if (g_utf8_validate (invalid[i].text, -1, NULL) && strlen (invalid[i].text) < 250)
        g_assert_nonnull (strstr (error->message, invalid[i].text));
    }
}

/* Limits to the character. */
static void
test_lengths (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *name = g_strnfill (255, 'a');
  g_autofree char *text = g_strconcat (name, ":" A64 A64 "@" DIGEST, NULL);
  g_autoptr (ScReference) ref = sc_reference_parse (text, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (strlen (ref->repository), ==, 255);
  g_assert_cmpuint (strlen (ref->tag), ==, 128);
}

static void
test_hostile_message (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *long_text = g_strnfill (100000, 'A');

  g_assert_null (sc_reference_parse ("a\n\x1b[31mb", &error));
  g_assert_null (strpbrk (error->message, "\n\x1b"));
  g_clear_error (&error);
  g_assert_null (sc_reference_parse (long_text, &error));
  g_assert_cmpuint (strlen (error->message), <, 1000);
  g_assert_nonnull (strstr (error->message, "longer than 255"));
}

static void
test_loopback (void)
{
  static const char *const yes[] = { "localhost", "localhost:5000", "127.0.0.1", "127.255.1.2:80",
                                     "[::1]",     "[::1]:5000",     "[0:0::1]" };
  static const char *const no[] = {
    "localhost.example.org", "128.0.0.1", "127.0.0.1.example.org", "[::2]:5000", "[::1", "127", "quay.io", ""
  };

  for (gsize i = 0; i < G_N_ELEMENTS (yes); i++)
    g_assert_true (sc_registry_is_loopback (yes[i]));
  for (gsize i = 0; i < G_N_ELEMENTS (no); i++)
    g_assert_false (sc_registry_is_loopback (no[i]));
}

static void
test_transport_names (void)
{
  g_assert_cmpstr (sc_transport_name (SC_TRANSPORT_REGISTRY), ==, "registry");
  g_assert_cmpstr (sc_transport_name (SC_TRANSPORT_OCI_LAYOUT), ==, "oci");
  g_assert_cmpstr (sc_transport_name (SC_TRANSPORT_DOCKER_ARCHIVE), ==, "docker-archive");
  g_assert_cmpstr (sc_transport_name (SC_TRANSPORT_CONTAINERS_STORAGE), ==, "containers-storage");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (valid); i++)
    {
      g_autofree char *path = g_strdup_printf ("/reference/valid/%02zu", i);
      g_test_add_data_func (path, &valid[i], test_valid);
    }
  g_test_add_func ("/reference/invalid", test_invalid);
  g_test_add_func ("/reference/lengths", test_lengths);
  g_test_add_func ("/reference/hostile-message", test_hostile_message);
  g_test_add_func ("/reference/loopback", test_loopback);
  g_test_add_func ("/reference/transport-names", test_transport_names);
  return g_test_run ();
}
