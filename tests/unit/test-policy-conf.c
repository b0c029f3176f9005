/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The policy file: what is one and what is not, which rule is for an image, which names a signature may be for. */

#include "policy-conf.h"

#include <string.h>

#include "root-fixture.h"

#define DIGEST "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static ScPolicy *
parse (const char *text, GError **error)
{
  g_autoptr (GBytes) bytes = g_bytes_new (text, strlen (text));

  return sc_policy_parse (NULL, "policy.json", bytes, error);
}

static char *
read_fixture (const char *dir, const char *name)
{
  g_autofree char *path = g_build_filename (g_getenv ("SC_TEST_DATA"), "policy", dir, name, NULL);
  char *text = NULL;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  return text;
}

static void
test_fixtures (gconstpointer data)
{
  const char *which = data;
  gboolean valid = strcmp (which, "valid") == 0;
  g_autofree char *path = g_build_filename (g_getenv ("SC_TEST_DATA"), "policy", which, NULL);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;
  guint n = 0;

  g_assert_nonnull (dir);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *text = read_fixture (which, name);
      g_autoptr (GError) error = NULL;
      g_autoptr (ScPolicy) policy = parse (text, &error);

      n++;
      if (valid && policy == NULL)
        g_error ("%s: %s", name, error->message);
      if (valid)
        continue;
      if (policy != NULL)
        g_error ("%s is accepted", name);
      g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
      if (!g_str_has_prefix (error->message, "policy.json: "))
        g_error ("%s: %s", name, error->message);
      g_assert_null (strchr (error->message, '\n'));
    }
  g_assert_cmpuint (n, >=, valid ? 3 : 60);
}

static void
test_members (void)
{
  g_autofree char *text = read_fixture ("valid", "sigstore.json");
  g_autoptr (GError) error = NULL;
  g_autoptr (ScPolicy) policy = parse (text, &error);
  const ScPolicyRule *rule;
  const ScRequirement *requirement;

  g_assert_no_error (error);
  rule = g_ptr_array_index (policy->rules, 3);
  g_assert_cmpstr (rule->scope, ==, "c.example.com");
  requirement = g_ptr_array_index (rule->requirements, 0);
  g_assert_cmpint (requirement->kind, ==, SC_REQUIREMENT_SIGSTORE);
  g_assert_cmpuint (requirement->keys.data->len, ==, 2);
  g_assert_cmpmem (g_bytes_get_data (g_ptr_array_index (requirement->keys.data, 0), NULL),
                   g_bytes_get_size (g_ptr_array_index (requirement->keys.data, 0)), "hello", 5);
  g_assert_cmpuint (requirement->rekor.data->len, ==, 1);
  g_assert_cmpint (requirement->identity.kind, ==, SC_IDENTITY_REPO_DIGEST_OR_EXACT);
  rule = g_ptr_array_index (policy->rules, 4);
  requirement = g_ptr_array_index (rule->requirements, 0);
  g_assert_true (requirement->fulcio);
  g_assert_cmpstr (requirement->oidc_issuer, ==, "https://issuer");
  g_assert_cmpstr (requirement->subject_email, ==, "a@b");
  g_assert_cmpstr (g_ptr_array_index (requirement->ca.paths, 0), ==, "/k/ca");
  rule = g_ptr_array_index (policy->rules, 6);
  requirement = g_ptr_array_index (rule->requirements, 0);
  g_assert_cmpint (requirement->kind, ==, SC_REQUIREMENT_UNSUPPORTED);
}

static void
test_messages (void)
{
  static const struct
  {
    const char *text, *message;
  } cases[] = {
    { "{\"default\": []}", "policy.json: default: the list of requirements is empty" },
    { "{\"default\": [{\"type\": \"x\"}]}", "policy.json: default[0].type: unknown 'x'" },
    { "{\"default\": [{\"type\": \"reject\"}], \"transports\": {\"docker\": {\"a/b\": [{\"type\": \"reject\", \"y\": "
      "1}]}}}",
      "policy.json: transports.docker[\"a/b\"][0]: unknown member 'y'" },
    { "{\"default\": [{\"type\": \"reject\"}], \"transports\": {\"dir\": {\"/a/\": [{\"type\": \"reject\"}]}}}",
      "policy.json: transports.dir: scope '/a/' must be written '/a'" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (parse (cases[i].text, &error));
      g_assert_cmpstr (error->message, ==, cases[i].message);
    }
}

static void
test_scopes (void)
{
  static const struct
  {
    const char *image, *scopes;
  } cases[] = {
    { "busybox", "docker.io/library/busybox:latest docker.io/library/busybox docker.io/library docker.io *.io" },
    { "docker.io/a/b/c:1", "docker.io/a/b/c:1 docker.io/a/b/c docker.io/a/b docker.io/a docker.io *.io" },
    { "index.docker.io/busybox:1", "docker.io/library/busybox:1 docker.io/library/busybox docker.io/library docker.io "
                                   "*.io" },
    { "a.b.example.com:5000/x@" DIGEST, "a.b.example.com:5000/x@" DIGEST " a.b.example.com:5000/x a.b.example.com:5000 "
                                        "*.b.example.com *.example.com *.com" },
    { "quay.io/x:1@" DIGEST, "quay.io/x@" DIGEST " quay.io/x quay.io *.io" },
    { "localhost/x", "localhost/x:latest localhost/x localhost" },
    { "[::1]:5000/x:1", "[::1]:5000/x:1 [::1]:5000/x [::1]:5000" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (ScReference) ref = sc_reference_parse (cases[i].image, NULL);
      g_auto (ScFullName) name = { 0 };
      g_autoptr (GPtrArray) scopes = NULL;
      g_autofree char *joined = NULL;

      g_assert_true (sc_full_name_of (ref, &name));
      scopes = sc_full_name_scopes (&name);
      g_ptr_array_add (scopes, NULL);
      joined = g_strjoinv (" ", (char **)scopes->pdata);
      g_assert_cmpstr (joined, ==, cases[i].scopes);
    }
}

static void
test_find (void)
{
  static const struct
  {
    const char *image, *rule;
  } cases[] = {
    { "quay.io/x/y:1", "docker quay.io/x/y:1" },
    { "quay.io/x/y:2", "docker quay.io/x/y" },
    { "quay.io/x/y@" DIGEST, "docker quay.io/x/y" },
    { "quay.io/x/yy:1", "docker quay.io/x" },
    { "quay.io/x/y/z:1", "docker quay.io/x/y" },
    { "quay.io/xx", "docker quay.io" },
    { "quay.io:443/x/y:1", "docker default" },
    { "a.example.com:5000/x", "docker *.example.com" },
    { "a.b.example.com/x", "docker *.example.com" },
    { "example.com/x", "docker *.com" },
    { "busybox@" DIGEST, "docker docker.io/library/busybox@" DIGEST },
    { "busybox", "docker default" },
  };
  g_autofree char *text = read_fixture ("valid", "everything.json");
  g_autoptr (GError) error = NULL;
  g_autoptr (ScPolicy) policy = parse (text, &error);
  g_autoptr (GPtrArray) none = g_ptr_array_new ();
  g_autofree char *fallback = NULL, *layout = NULL;

  g_assert_no_error (error);
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (ScReference) ref = sc_reference_parse (cases[i].image, NULL);
      g_auto (ScFullName) name = { 0 };
      g_autoptr (GPtrArray) scopes = NULL;
      g_autofree char *rule = NULL;

      g_assert_true (sc_full_name_of (ref, &name));
      scopes = sc_full_name_scopes (&name);
      rule = sc_policy_rule_name (sc_policy_find (policy, "docker", scopes));
      g_assert_cmpstr (rule, ==, cases[i].rule);
    }
  fallback = sc_policy_rule_name (sc_policy_find (policy, "oci-archive", none));
  g_assert_cmpstr (fallback, ==, "default");
  layout = sc_policy_rule_name (sc_policy_find (policy, "oci", none));
  g_assert_cmpstr (layout, ==, "oci default");
}

typedef struct
{
  const char *identity; /* members of the JSON object */
  const char *image;    /* NULL: one without name */
  const char *signature;
  gboolean matches;
} IdentityCase;

#define EXACT               "\"type\": \"matchExact\""
#define DIGEST_OR_EXACT     "\"type\": \"matchRepoDigestOrExact\""
#define REPOSITORY          "\"type\": \"matchRepository\""
#define REFERENCE(r)        "\"type\": \"exactReference\", \"dockerReference\": \"" r "\""
#define EXACT_REPOSITORY(r) "\"type\": \"exactRepository\", \"dockerRepository\": \"" r "\""
#define REMAP(a, b)         "\"type\": \"remapIdentity\", \"prefix\": \"" a "\", \"signedPrefix\": \"" b "\""

static const IdentityCase identity_cases[] = {
  { EXACT, "quay.io/x:1", "quay.io/x:1", TRUE },
  { EXACT, "busybox", "docker.io/library/busybox:latest", TRUE },
  { EXACT, "docker.io/library/busybox:latest", "busybox:latest", TRUE },
  { EXACT, "busybox", "busybox", FALSE },
  { EXACT, "quay.io/x:1", "quay.io/x:2", FALSE },
  { EXACT, "quay.io/x:1", "quay.io/y:1", FALSE },
  { EXACT, "quay.io/x@" DIGEST, "quay.io/x:1", FALSE },
  { EXACT, "quay.io/x@" DIGEST, "quay.io/x@" DIGEST, TRUE },
  { EXACT, NULL, "quay.io/x:1", FALSE },
  { EXACT, "quay.io/x:1", "", FALSE },
  { EXACT, "quay.io/x:1", "quay.io/X:1", FALSE },
  { EXACT, "quay.io/x:1", "docker://quay.io/x:1", FALSE },
  { EXACT, "quay.io/x:1", "http:quay.io/x:1", FALSE },
  { DIGEST_OR_EXACT, "quay.io/x:1", "quay.io/x:1", TRUE },
  { DIGEST_OR_EXACT, "quay.io/x:1", "quay.io/x:2", FALSE },
  { DIGEST_OR_EXACT, "quay.io/x@" DIGEST, "quay.io/x:1", TRUE },
  { DIGEST_OR_EXACT, "quay.io/x@" DIGEST, "quay.io/x", FALSE },
  { DIGEST_OR_EXACT, "quay.io/x@" DIGEST, "quay.io/y:1", FALSE },
  { DIGEST_OR_EXACT, "quay.io/x:1@" DIGEST, "quay.io/x:2", TRUE },
  { DIGEST_OR_EXACT, "quay.io/x:1", "quay.io/x:1@" DIGEST, FALSE },
  { DIGEST_OR_EXACT, NULL, "quay.io/x:1", FALSE },
  { REPOSITORY, "quay.io/x:1", "quay.io/x:2", TRUE },
  { REPOSITORY, "quay.io/x:1", "quay.io/x", TRUE },
  { REPOSITORY, "quay.io/x:1", "quay.io/x/y:1", FALSE },
  { REPOSITORY, NULL, "quay.io/x:1", FALSE },
  { REFERENCE ("busybox:1"), NULL, "docker.io/library/busybox:1", TRUE },
  { REFERENCE ("busybox:1"), "quay.io/x:1", "busybox:2", FALSE },
  { REFERENCE ("busybox:1"), "quay.io/x:1", "busybox", FALSE },
  { EXACT_REPOSITORY ("busybox"), NULL, "docker.io/library/busybox:7", TRUE },
  { EXACT_REPOSITORY ("busybox:1"), NULL, "busybox", TRUE },
  { EXACT_REPOSITORY ("busybox"), NULL, "quay.io/busybox:7", FALSE },
  { REMAP ("a.com", "b.com"), "a.com/x:1", "b.com/x:1", TRUE },
  { REMAP ("a.com", "b.com"), "a.com/x:1", "a.com/x:1", FALSE },
  { REMAP ("a.com", "b.com"), "c.com/x:1", "c.com/x:1", TRUE },
  { REMAP ("a.com", "b.com"), "a.com:5000/x:1", "a.com:5000/x:1", TRUE },
  { REMAP ("a.com", "b.com"), "a.com:5000/x:1", "b.com:5000/x:1", FALSE },
  { REMAP ("a.com/x", "b.com/y/z"), "a.com/x:1", "b.com/y/z:1", TRUE },
  { REMAP ("a.com/x", "b.com/y"), "a.com/x/q:1", "b.com/y/q:1", TRUE },
  { REMAP ("a.com/x", "b.com/y"), "a.com/xx:1", "b.com/yx:1", FALSE },
  { REMAP ("a.com/x", "b.com/y"), "a.com/x@" DIGEST, "b.com/y:3", TRUE },
  { REMAP ("a.com", "docker.io"), "a.com/x:1", "docker.io/library/x:1", FALSE },
  { REMAP ("a.com", "docker.io/library"), "a.com/x:1", "docker.io/library/x:1", TRUE },
  { REMAP ("a.com", "ns"), "a.com/x:1", "docker.io/ns/x:1", FALSE },
};

static void
test_identities (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (identity_cases); i++)
    {
      const IdentityCase *c = &identity_cases[i];
      g_autofree char *text = g_strdup_printf ("{\"default\": [{\"type\": \"signedBy\", \"keyType\": \"GPGKeys\", "
                                               "\"keyPath\": \"/k\", \"signedIdentity\": {%s}}]}",
                                               c->identity);
      g_autoptr (GError) error = NULL;
      g_autoptr (ScPolicy) policy = parse (text, &error);
      g_autoptr (ScReference) ref = c->image != NULL ? sc_reference_parse (c->image, NULL) : NULL;
      g_auto (ScFullName) name = { 0 };
      const ScPolicyRule *rule;
      const ScRequirement *requirement;

      g_assert_no_error (error);
      rule = g_ptr_array_index (policy->rules, 0);
      requirement = g_ptr_array_index (rule->requirements, 0);
      if (ref != NULL)
        g_assert_true (sc_full_name_of (ref, &name));
      if (sc_signed_identity_matches (&requirement->identity, ref != NULL ? &name : NULL, c->signature) != c->matches)
        g_error ("%s: image %s, signature '%s': expected %s", c->identity, c->image, c->signature,
                 c->matches ? "a match" : "no match");
    }
}

static const char accept_text[] = "{\"default\": [{\"type\": \"insecureAcceptAnything\"}]}";

/* A context of a root, with a home in it. */
static ScContext *
make_context (const Root *root)
{
  g_autoptr (GError) error = NULL;
  ScContext *ctx = sc_context_new (root->path, &error);

  g_assert_no_error (error);
  g_free (ctx->home);
  ctx->home = g_strdup ("/home/u");
  return ctx;
}

static void
test_files (void)
{
  g_auto (Root) root = { 0 };
  g_autoptr (ScContext) ctx = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (ScPolicy) none = NULL, system = NULL, user = NULL;
  g_autofree char *rule = NULL;
  int r;

  root_init (&root);
  ctx = make_context (&root);
  none = sc_policy_load (ctx, &error);
  g_assert_no_error (error);
  g_assert_null (none->path);
  g_assert_cmpuint (none->rules->len, ==, 1);
  rule = sc_policy_rule_name (g_ptr_array_index (none->rules, 0));
  g_assert_cmpstr (rule, ==, "default");

  root_add (&root, "etc/containers/policy.json", accept_text);
  system = sc_policy_load (ctx, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (system->path, ==, "/etc/containers/policy.json");

  root_add (&root, "home/u/.config/containers/policy.json", accept_text);
  user = sc_policy_load (ctx, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (user->path, ==, "/home/u/.config/containers/policy.json");

  /* Nothing that is there and wrong is passed over. */
  root_add (&root, "home/u/.config/containers/policy.json", "{");
  g_assert_null (sc_policy_load (ctx, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
  g_clear_error (&error);
  r = unlinkat (root.fd, "home/u/.config/containers/policy.json", 0);
  g_assert_cmpint (r, ==, 0);
  r = symlinkat ("nowhere", root.fd, "home/u/.config/containers/policy.json");
  g_assert_cmpint (r, ==, 0);
  g_assert_null (sc_policy_load (ctx, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/policy-conf/valid", "valid", test_fixtures);
  g_test_add_data_func ("/policy-conf/should-fail", "should-fail", test_fixtures);
  g_test_add_func ("/policy-conf/members", test_members);
  g_test_add_func ("/policy-conf/messages", test_messages);
  g_test_add_func ("/policy-conf/scopes", test_scopes);
  g_test_add_func ("/policy-conf/find", test_find);
  g_test_add_func ("/policy-conf/identities", test_identities);
  g_test_add_func ("/policy-conf/files", test_files);
  return g_test_run ();
}
