/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Changes to the policy file: what they write, what they keep, and what they do not touch. */

#include "policy-edit.h"

#include <string.h>
#include <sys/stat.h>

#include "root-fixture.h"

#define POLICY "etc/containers/policy.json"

typedef struct
{
  Root root;
  ScContext *ctx;
} Fixture;

static void
fixture_init (Fixture *f)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *key = g_build_filename (g_getenv ("SC_TEST_DATA"), "signatures", "good.asc", NULL);
  g_autofree char *text = NULL;

  root_init (&f->root);
  f->ctx = sc_context_new (f->root.path, &error);
  g_assert_no_error (error);
  g_assert_true (g_file_get_contents (key, &text, NULL, NULL));
  root_add (&f->root, "keys/good.asc", text);
  root_add (&f->root, "keys/again.asc", text);
  root_add (&f->root, "keys/none.asc", "no key");
}

static void
fixture_clear (Fixture *f)
{
  sc_context_free (f->ctx);
  root_clear (&f->root);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Fixture, fixture_clear)

/* The file without white space. */
static char *
policy_text (Fixture *f, const char *path)
{
  g_autofree char *full = g_build_filename (f->root.path, path, NULL);
  g_autofree char *text = NULL;
  GString *out = g_string_new (NULL);

  g_assert_true (g_file_get_contents (full, &text, NULL, NULL));
  for (const char *p = text; *p != '\0'; p++)
    if (!g_ascii_isspace (*p))
      g_string_append_c (out, *p);
  return g_string_free (out, FALSE);
}

static void
assert_policy (Fixture *f, const char *expected)
{
  g_autofree char *text = policy_text (f, POLICY);

  g_assert_cmpstr (text, ==, expected);
}

static void
add (Fixture *f, const ScTrust *trust, gboolean replaced)
{
  g_auto (ScTrustChange) change = { 0 };
  g_autoptr (GError) error = NULL;
  gboolean ok = sc_trust_add (f->ctx, trust, &change, NULL, &error);

  g_assert_no_error (error);
  g_assert_true (ok);
  g_assert_cmpstr (change.policy, ==, "/" POLICY);
  g_assert_cmpint (change.replaced, ==, replaced);
  g_assert_cmpint (change.lookaside != NULL, ==, trust->lookaside != NULL);
}

static void
test_changes (void)
{
  static const char *const one_key[] = { "/keys/good.asc", NULL };
  static const char *const two_keys[] = { "/keys/good.asc", "/keys/again.asc", NULL };
  g_auto (Fixture) f = { 0 };
  ScTrust trust = { .scope = "quay.io/x", .type = SC_TRUST_REJECT };
  g_auto (ScTrustChange) deleted = { 0 }, changed = { 0 };
  g_autoptr (GError) error = NULL;
  g_autofree char *lookaside = NULL;

  fixture_init (&f);
  add (&f, &trust, FALSE);
  assert_policy (&f, "{\"default\":[{\"type\":\"insecureAcceptAnything\"}],\"transports\":{\"docker\":{\"quay.io/x\":"
                     "[{\"type\":\"reject\"}]}}}");
  trust = (ScTrust){ "quay.io/x", SC_TRUST_SIGNED_BY, one_key, "https://sigs.example.com/s" };
  add (&f, &trust, TRUE);
  trust = (ScTrust){ "*.example.com", SC_TRUST_SIGNED_BY, two_keys, NULL };
  add (&f, &trust, FALSE);
  assert_policy (&f, "{\"default\":[{\"type\":\"insecureAcceptAnything\"}],\"transports\":{\"docker\":{\"quay.io/x\":"
                     "[{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\",\"keyPath\":\"/keys/good.asc\"}],"
                     "\"*.example.com\":[{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\",\"keyPaths\":"
                     "[\"/keys/good.asc\",\"/keys/again.asc\"]}]}}}");
  lookaside = policy_text (&f, "etc/containers/registries.d/quay.io-x.yaml");
  g_assert_cmpstr (lookaside, ==,
                   "#writtenby:atomictrustadddocker:\"quay.io/x\":lookaside:\"https://sigs.example.com/s\"");
  g_assert_true (sc_trust_delete (f.ctx, "quay.io/x", &deleted, NULL, &error));
  g_assert_true (sc_trust_set_default (f.ctx, SC_TRUST_REJECT, &changed, NULL, &error));
  g_assert_no_error (error);
  assert_policy (&f, "{\"default\":[{\"type\":\"reject\"}],\"transports\":{\"docker\":{\"*.example.com\":[{\"type\":"
                     "\"signedBy\",\"keyType\":\"GPGKeys\",\"keyPaths\":[\"/keys/good.asc\",\"/keys/again.asc\"]}]}}}");
  g_assert_false (sc_trust_delete (f.ctx, "quay.io/x", &deleted, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_NOT_FOUND);
}

static void
test_kept (void)
{
  static const char before[] =
      "{\"z\":[null],\"default\":[{\"type\":\"later\",\"b\":1,\"a\":{}}],\"transports\":{\"y\":"
      "{},\"docker\":{\"c\":[],\"b.io\":[{\"type\":\"reject\"}],\"a\":\"x\"},\"dir\":5}}";
  g_auto (Fixture) f = { 0 };
  g_autofree char *path = NULL;
  struct stat st;

  fixture_init (&f);
  root_add (&f.root, POLICY, before);
  path = g_build_filename (f.root.path, POLICY, NULL);
  g_assert_cmpint (chmod (path, 0640), ==, 0);
  add (&f, &(ScTrust){ .scope = "b.io", .type = SC_TRUST_ACCEPT }, TRUE);
  assert_policy (&f, "{\"z\":[null],\"default\":[{\"type\":\"later\",\"b\":1,\"a\":{}}],\"transports\":{\"y\":{},"
                     "\"docker\":{\"c\":[],\"b.io\":[{\"type\":\"insecureAcceptAnything\"}],\"a\":\"x\"},\"dir\":5}}");
  g_assert_cmpint (stat (path, &st), ==, 0);
  g_assert_cmpuint (st.st_mode & 07777, ==, 0640);
}

static void
test_refused (void)
{
  static const char *const none[] = { NULL }, *const relative[] = { "keys/good.asc", NULL };
  static const char *const bad[] = { "/keys/none.asc", NULL }, *const missing[] = { "/keys/x", NULL };
  static const struct
  {
    ScTrust trust;
    const char *message;
  } cases[] = {
    { { "busybox", SC_TRUST_REJECT, NULL, NULL }, "does not begin with a registry" },
    { { "library/busybox", SC_TRUST_REJECT, NULL, NULL }, "does not begin with a registry" },
    { { "", SC_TRUST_REJECT, NULL, NULL }, "does not begin with a registry" },
    { { "quay.io/", SC_TRUST_REJECT, NULL, NULL }, "is not a registry" },
    { { "quay.io/A", SC_TRUST_REJECT, NULL, NULL }, "is not a registry" },
    { { "*.quay.io/x", SC_TRUST_REJECT, NULL, NULL }, "is not a registry" },
    { { "*.", SC_TRUST_REJECT, NULL, NULL }, "is not a registry" },
    { { "quay.io/x", SC_TRUST_SIGNED_BY, NULL, NULL }, "needs a public key" },
    { { "quay.io/x", SC_TRUST_SIGNED_BY, none, NULL }, "needs a public key" },
    { { "quay.io/x", SC_TRUST_SIGNED_BY, relative, NULL }, "is not absolute" },
    { { "quay.io/x", SC_TRUST_SIGNED_BY, bad, NULL }, "key /keys/none.asc: " },
    { { "quay.io/x", SC_TRUST_SIGNED_BY, missing, NULL }, "key: /keys/x: " },
    { { "quay.io/x", SC_TRUST_REJECT, NULL, "ftp://x/" }, "is neither file:///" },
    { { "quay.io/x", SC_TRUST_REJECT, NULL, "https://x/\"" }, "is not a URL" },
    { { "quay.io/y", SC_TRUST_REJECT, NULL, "https://x/" }, "configures 'quay.io/y' already" },
    { { "quay.io/z", SC_TRUST_REJECT, NULL, "https://x/" }, "is for something else" },
  };
  g_auto (Fixture) f = { 0 };

  fixture_init (&f);
  root_add (&f.root, POLICY, "{\"default\":[{\"type\":\"reject\"}]}");
  root_add (&f.root, "etc/containers/registries.d/mine.yaml", "docker: {quay.io/y: {lookaside: https://y}}\n");
  root_add (&f.root, "etc/containers/registries.d/quay.io-z.yaml", "docker: {}\n");
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (ScTrustChange) change = { 0 };
      g_autoptr (GError) error = NULL;

      g_assert_false (sc_trust_add (f.ctx, &cases[i].trust, &change, NULL, &error));
      if (strstr (error->message, cases[i].message) == NULL)
        g_error ("%s: %s", cases[i].trust.scope, error->message);
      assert_policy (&f, "{\"default\":[{\"type\":\"reject\"}]}");
    }
}

static void
test_not_touched (void)
{
  static const char *const texts[] = {
    "", "{", "[]", "{\"transports\": []}", "{\"transports\": {\"docker\": 1}}", "{\"default\": [], \"default\": []}"
  };
  g_auto (Fixture) f = { 0 };
  const ScTrust trust = { .scope = "quay.io/x", .type = SC_TRUST_REJECT };
  g_autofree char *path = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (ScTrustChange) change = { 0 };

  fixture_init (&f);
  path = g_build_filename (f.root.path, POLICY, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autofree char *after = NULL;

      root_add (&f.root, POLICY, texts[i]);
      g_assert_false (sc_trust_add (f.ctx, &trust, &change, NULL, &error));
      g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
      g_clear_error (&error);
      g_assert_true (g_file_get_contents (path, &after, NULL, NULL));
      g_assert_cmpstr (after, ==, texts[i]);
    }
  g_assert_cmpint (unlink (path), ==, 0);
  root_add (&f.root, "etc/containers/real.json", "{}");
  g_assert_cmpint (symlink ("real.json", path), ==, 0);
  g_assert_false (sc_trust_add (f.ctx, &trust, &change, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_UNSUPPORTED);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/policy-edit/changes", test_changes);
  g_test_add_func ("/policy-edit/kept", test_kept);
  g_test_add_func ("/policy-edit/refused", test_refused);
  g_test_add_func ("/policy-edit/not-touched", test_not_touched);
  return g_test_run ();
}
