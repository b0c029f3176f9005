/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * auth and auth-helper: which entry of which file, what helpers are asked, and that no message has a secret in it.
 */

#include "auth.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake-registry.h"

typedef struct
{
  TempDir root;
  TempDir bin;
  ScContext *ctx;
  ScLoginQuery query;
} Fixture;

static void
fixture_clear (Fixture *f)
{
  temp_dir_clear (&f->root);
  temp_dir_clear (&f->bin);
  sc_context_free (f->ctx);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Fixture, fixture_clear)

static Fixture
fixture_make (void)
{
  Fixture f = { .root = temp_dir_make (), .bin = temp_dir_make () };
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_strconcat (f.bin.path, ":/usr/bin:/bin", NULL);

  f.ctx = sc_context_new (f.root.path, &error);
  g_assert_no_error (error);
  g_free (f.ctx->home);
  f.ctx->home = g_strdup ("/home/u");
  g_clear_pointer (&f.ctx->auth_file, g_free);
  g_clear_pointer (&f.ctx->docker_config, g_free);
  g_clear_pointer (&f.ctx->user_config, g_free);
  g_clear_pointer (&f.ctx->user_runtime, g_free);
  g_setenv ("PATH", path, TRUE);
  f.query = (ScLoginQuery){ .ctx = f.ctx, .registry = "a.test", .repository = "team/app" };
  return f;
}

static void
add_helper (const Fixture *f, const char *name, const char *script)
{
  g_autofree char *file = g_strconcat ("docker-credential-", name, NULL);
  g_autofree char *text = g_strdup_printf ("#!/bin/sh\n[ \"$1\" = get ] || exit 9\nread -r host\n%s\n", script);
  g_autofree char *path = g_build_filename (f->bin.path, file, NULL);

  temp_dir_write (&f->bin, file, text, strlen (text));
  g_assert_cmpint (chmod (path, 0755), ==, 0);
}

/* {"auths": {KEY: {"auth": "USER:password of USER"}}} */
static void
write_auth (const Fixture *f, const char *path, const char *key, const char *user)
{
  g_autofree char *pair = g_strdup_printf ("%s:password of %s", user, user);
  g_autofree char *encoded = g_base64_encode ((const guchar *)pair, strlen (pair));
  g_autofree char *text = g_strdup_printf ("{\"auths\": {\"%s\": {\"auth\": \"%s\"}}}", key, encoded);

  temp_dir_write (&f->root, path + 1, text, strlen (text));
}

/* (transfer full): "USER:PASSWORD", "token TOKEN", "-" for none, or the message of the error. */
static char *
format (gboolean ok, const ScLogin *login, const GError *error)
{
  g_assert_true (ok == (error == NULL));
  if (!ok)
    return g_strdup (error->message);
  if (login == NULL)
    return g_strdup ("-");
  if (login->identity_token != NULL)
    return g_strdup_printf ("token %s", login->identity_token);
  return g_strdup_printf ("%s:%s", login->user, login->password);
}

/* What the files of the root say. */
static char *
find (const Fixture *f)
{
  g_autoptr (ScLogin) login = NULL;
  g_autoptr (GError) error = NULL;
  gboolean ok = sc_login_find (&f->query, &login, NULL, &error);

  return format (ok, login, error);
}

static void
assert_user (const Fixture *f, const char *user)
{
  g_autofree char *got = find (f);
  g_autofree char *expected = g_strdup_printf ("%s:password of %s", user, user);

  g_assert_cmpstr (got, ==, expected);
}

/* What one text says. */
static void
assert_text (const Fixture *f, gboolean legacy, const char *text, const char *expected)
{
  g_autoptr (ScLogin) login = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = g_bytes_new (text, strlen (text));
  gboolean ok = sc_login_find_in (&f->query, "file", bytes, legacy, &login, NULL, &error);
  g_autofree char *got = format (ok, login, error);

  g_assert_cmpstr (got, ==, expected);
}

/* Each file wins over those after it; made from the last one on. */
static void
test_files (void)
{
  g_auto (Fixture) f = fixture_make ();
  g_autofree char *run = g_strdup_printf ("/run/containers/%u/auth.json", (guint)getuid ());
  g_autofree char *none = find (&f);
  static const char dockercfg[] = "{\"https://a.test/v1/\": {\"auth\": \"b2xkOnBhc3N3b3JkIG9mIG9sZA==\"}}";

  g_assert_cmpstr (none, ==, "-");
  temp_dir_write (&f.root, "home/u/.dockercfg", dockercfg, strlen (dockercfg));
  assert_user (&f, "old");
  write_auth (&f, "/home/u/.docker/config.json", "a.test", "docker");
  assert_user (&f, "docker");
  f.ctx->docker_config = g_strdup ("/dc");
  assert_user (&f, "old");
  write_auth (&f, "/dc/config.json", "a.test", "env-docker");
  assert_user (&f, "env-docker");
  write_auth (&f, "/home/u/.config/containers/auth.json", "a.test", "config");
  assert_user (&f, "config");
  f.ctx->user_config = g_strdup ("/xdg");
  assert_user (&f, "env-docker");
  write_auth (&f, "/xdg/containers/auth.json", "a.test", "xdg");
  assert_user (&f, "xdg");
  write_auth (&f, run, "a.test", "run");
  assert_user (&f, "run");
  f.ctx->user_runtime = g_strdup ("/run/user/7");
  assert_user (&f, "xdg");
  write_auth (&f, "/run/user/7/containers/auth.json", "a.test", "runtime");
  assert_user (&f, "runtime");
  f.ctx->auth_file = g_strdup ("/env.json");
  assert_user (&f, "xdg");
  write_auth (&f, "/env.json", "a.test", "env");
  assert_user (&f, "env");

  /* --authfile is not below the root, and has to be there. */
  g_autofree char *outside = g_build_filename (f.root.path, "cli.json", NULL);
  f.query.auth_file = outside;
  g_autofree char *missing = find (&f);
  g_assert_nonnull (strstr (missing, "--authfile"));
  g_assert_nonnull (strstr (missing, "cli.json"));
  write_auth (&f, "/cli.json", "b.test", "cli");
  assert_user (&f, "xdg");
  write_auth (&f, "/cli.json", "a.test", "cli");
  assert_user (&f, "cli");
}

static void
test_keys (void)
{
  g_auto (Fixture) f = fixture_make ();
#define AUTHS(entries) "{\"auths\": {" entries "}}"
#define R              "\"a.test\": {\"auth\": \"cjox\"}"             /* r:1 */
#define N              "\"a.test/team\": {\"auth\": \"bjox\"}"        /* n:1 */
#define A              "\"a.test/team/app\": {\"auth\": \"YTox\"}"    /* a:1 */
#define URL            "\"https://a.test/v2/\": {\"auth\": \"dTox\"}" /* u:1 */
#define ID             "\"a.test\": {\"auth\": \"cjox\", \"identitytoken\": \"id\"}"

  assert_text (&f, FALSE, AUTHS (R "," N "," A "," URL), "a:1");
  assert_text (&f, FALSE, AUTHS (R "," N "," URL), "n:1");
  assert_text (&f, FALSE, AUTHS (URL "," R), "r:1");
  /* Hosts are the same in upper and lower case, repositories are not. */
  assert_text (&f, FALSE, AUTHS ("\"A.Test\": {\"auth\": \"cjox\"}"), "r:1");
  assert_text (&f, FALSE, AUTHS ("\"A.TEST/team\": {\"auth\": \"bjox\"}," R), "n:1");
  assert_text (&f, FALSE, AUTHS ("\"a.test/Team\": {\"auth\": \"bjox\"}," R), "r:1");
  assert_text (&f, FALSE, AUTHS ("\"HTTPS://A.test/\": {\"auth\": \"bjox\"}"), "-");
  assert_text (&f, FALSE, AUTHS ("\"https://A.test/v2/\": {\"auth\": \"dTox\"}"), "u:1");
  assert_text (&f, FALSE, AUTHS (URL), "u:1");
  assert_text (&f, FALSE, AUTHS (ID), "token id");
  assert_text (&f, FALSE, AUTHS ("\"a.test/te\": {\"auth\": \"cjox\"}"), "-");
  assert_text (&f, FALSE, AUTHS ("\"a.test/team/app/x\": {\"auth\": \"cjox\"}"), "-");
  assert_text (&f, FALSE, AUTHS ("\"a.test:5000\": {\"auth\": \"cjox\"}"), "-");
  assert_text (&f, FALSE, "{}", "-");
  assert_text (&f, FALSE, AUTHS (""), "-");
  /* An entry that has no login in it ends the search in its file. */
  assert_text (&f, FALSE, AUTHS (R ", \"a.test/team\": {}"), "-");
  assert_text (&f, FALSE, AUTHS ("\"a.test\": {\"auth\": \"bm8gY29sb24=\"}"), "-");
  assert_text (&f, FALSE, AUTHS ("\"a.test\": {\"auth\": \"dTpwOnE=\"}"), "u:p:q");
  assert_text (&f, FALSE, AUTHS ("\"a.test\": {\"auth\": \"OnA=\"}"), ":p");
  assert_text (&f, FALSE, AUTHS ("\"a.test\": {\"auth\": \"dTpwAAA=\"}"), "u:p");
  assert_text (&f, FALSE, AUTHS ("\"a.test\": {\"auth\": \"dT\\npw\\r\\nOnE=\"}"), "u:p:q");
  /* .dockercfg: no paths, URLs cut at the host. */
  assert_text (&f, TRUE, "{" A "," R "}", "r:1");
  assert_text (&f, TRUE, "{" URL "}", "u:1");
}

static void
test_docker_io (void)
{
  g_auto (Fixture) f = fixture_make ();
  static const char *const keys[] = { "docker.io", "docker.io/library", "https://index.docker.io/v1/",
                                      "index.docker.io", "registry-1.docker.io" };

  f.query.registry = "docker.io";
  f.query.repository = "library/busybox";
  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autofree char *text = g_strdup_printf ("{\"auths\": {\"%s\": {\"auth\": \"dTox\"}}}", keys[i]);

      assert_text (&f, FALSE, text, "u:1");
    }
  assert_text (&f, FALSE, AUTHS ("\"hub.docker.io\": {\"auth\": \"dTox\"}"), "-");
}

/* c2VjcmV0: "secret" */
static void
test_malformed (void)
{
  g_auto (Fixture) f = fixture_make ();

  assert_text (&f, FALSE, "{\"auths\": {\"a.test\": {\"auth\": c2VjcmV0}}}", "file: line 1, column 31: not valid JSON");
  assert_text (&f, FALSE, "", "file: line 1, column 1: not valid JSON");
  assert_text (&f, FALSE, "[]", "file: expected an object, found an array");
  assert_text (&f, FALSE, AUTHS ("\"a.test\": \"c2VjcmV0\""), "file: auths[\"a.test\"]: expected an object");
  assert_text (&f, FALSE, AUTHS ("\"b.test\": \"c2VjcmV0\""), "file: auths[\"b.test\"]: expected an object");
  assert_text (&f, FALSE, AUTHS ("\"a.test\": {\"auth\": \"c2VjcmV0!\"}"), "file: auths[\"a.test\"].auth: not base64");
  assert_text (&f, FALSE, AUTHS ("\"a.test\": {\"auth\": \"c2VjcmV\"}"), "file: auths[\"a.test\"].auth: not base64");
  assert_text (&f, FALSE, AUTHS ("\"a.test\": {\"auth\": \"c===\"}"), "file: auths[\"a.test\"].auth: not base64");
  assert_text (&f, FALSE, AUTHS ("\"a.test\": {\"auth\": \"dQA6cA==\"}"),
               "file: auths[\"a.test\"].auth: NUL byte in it");
  assert_text (&f, FALSE, AUTHS ("\"b.test\": {\"auth\": \"!\"}"), "-");

  /* A file that is malformed is never passed over. */
  temp_dir_write (&f.root, "home/u/.docker/config.json", "{", 1);
  g_autofree char *got = find (&f);
  g_assert_true (g_str_has_prefix (got, "/home/u/.docker/config.json: "));
}

static void
test_helpers_in_file (void)
{
  g_auto (Fixture) f = fixture_make ();

  add_helper (
      &f, "good",
      "echo \"{\\\"ServerURL\\\": \\\"$host\\\", \\\"Username\\\": \\\"u\\\", \\\"Secret\\\": \\\"of $host\\\"}\"");
  add_helper (&f, "token", "echo '{\"ServerURL\": \"x\", \"Username\": \"<token>\", \"Secret\": \"idt\"}'");
  add_helper (&f, "none", "echo credentials not found in native keychain; exit 1");
  add_helper (
      &f, "old-docker",
      "[ \"$host\" = https://index.docker.io/v1/ ] || { echo credentials not found in native keychain; exit 1; }\n"
      "echo '{\"Username\": \"hub\", \"Secret\": \"x\"}'");
  assert_text (&f, FALSE, "{\"credHelpers\": {\"a.test\": \"good\"}, \"auths\": {" R "}}", "u:of a.test");
  assert_text (&f, FALSE, "{\"credHelpers\": {\"a.test\": \"token\"}}", "token idt");
  assert_text (&f, FALSE, "{\"credHelpers\": {\"a.test\": \"none\"}, \"auths\": {" R "}}", "-");
  assert_text (&f, FALSE, "{\"credHelpers\": {\"b.test\": \"good\"}, \"auths\": {" R "}}", "r:1");
  assert_text (&f, FALSE, "{\"credHelpers\": {\"a.test/team\": \"good\"}}", "-");
  assert_text (&f, FALSE, "{\"credsStore\": \"good\", \"auths\": {" R "}}", "r:1");
  assert_text (&f, FALSE, "{\"credsStore\": \"good\", \"auths\": {\"a.test\": {}}}", "u:of a.test");
  assert_text (&f, FALSE, "{\"credsStore\": \"none\"}", "-");

  f.query.registry = "docker.io";
  assert_text (&f, FALSE, "{\"credsStore\": \"old-docker\"}", "hub:x");
  assert_text (&f, FALSE, "{\"credHelpers\": {\"https://index.docker.io/v1/\": \"old-docker\"}}", "hub:x");
  assert_text (&f, FALSE, "{\"credHelpers\": {\"docker.io\": \"good\"}}", "u:of docker.io");
}

static void
test_bad_helpers (void)
{
  g_auto (Fixture) f = fixture_make ();

  add_helper (&f, "fire", "echo the keychain is on fire; exit 3");
  add_helper (&f, "stderr", "echo out of keys >&2; exit 3");
  add_helper (&f, "text", "echo secret");
  add_helper (&f, "half", "echo '{\"Username\": \"secret\"}'");
  add_helper (&f, "leak", "echo '{\"Username\": \"u\", \"Secret\": \"secret\"}'; exit 1");
  add_helper (&f, "empty", "echo '{\"Username\": \"\", \"Secret\": \"\"}'");
#define HELPER(name) "{\"credHelpers\": {\"a.test\": \"" name "\"}}"
  assert_text (&f, FALSE, HELPER ("fire"), "file: docker-credential-fire: the keychain is on fire");
  assert_text (&f, FALSE, HELPER ("stderr"), "file: docker-credential-stderr: out of keys");
  assert_text (&f, FALSE, HELPER ("text"), "file: docker-credential-text: its answer is not a login in JSON");
  assert_text (&f, FALSE, HELPER ("half"), "file: docker-credential-half: its answer is not a login in JSON");
  assert_text (&f, FALSE, HELPER ("leak"), "file: docker-credential-leak: exit status 1");
  assert_text (&f, FALSE, HELPER ("empty"), "-");
  assert_text (&f, FALSE, HELPER ("missing"), "file: docker-credential-missing: no such program");
  assert_text (&f, FALSE, HELPER ("../fire"), "file: '../fire' is no name of a credential helper");
  assert_text (&f, FALSE, HELPER ("x/../../fire"), "file: 'x/../../fire' is no name of a credential helper");
  assert_text (&f, FALSE, HELPER (""), "file: '' is no name of a credential helper");
  assert_text (&f, FALSE, HELPER (".fire"), "file: '.fire' is no name of a credential helper");
  assert_text (&f, FALSE, HELPER ("fire\\nx"), "file: 'fire\\x0Ax' is no name of a credential helper");
}

/* credential-helpers of registries.conf */
static void
test_order (void)
{
  static const char *const good_first[] = { "good", SC_AUTH_FILES, NULL };
  static const char *const files_first[] = { SC_AUTH_FILES, "good", NULL };
  static const char *const fire_first[] = { "fire", "good", NULL };
  static const char *const fire_only[] = { "fire", NULL };
  static const char *const nothing[] = { NULL };
  g_auto (Fixture) f = fixture_make ();

  add_helper (&f, "good", "echo '{\"Username\": \"helper\", \"Secret\": \"password of helper\"}'");
  add_helper (&f, "fire", "echo the keychain is on fire; exit 3");
  f.query.helpers = files_first;
  assert_user (&f, "helper");
  write_auth (&f, "/home/u/.docker/config.json", "a.test", "file");
  assert_user (&f, "file");
  f.query.helpers = good_first;
  assert_user (&f, "helper");
  f.query.helpers = fire_first;
  assert_user (&f, "helper");
  f.query.helpers = nothing;
  assert_user (&f, "file");
  f.query.helpers = fire_only;
  g_autofree char *got = find (&f);
  g_assert_cmpstr (got, ==, "docker-credential-fire: the keychain is on fire");
}

static void
collect (const ScProgress *progress, gpointer data)
{
  g_string_append_printf (data, "%s\n", progress->text);
}

/* --debug tells where a login comes from, and not what it is. */
static void
test_debug (void)
{
  g_auto (Fixture) f = fixture_make ();
  g_autoptr (GString) said = g_string_new (NULL);
  ScProgressSink sink = { collect, said };

  f.query.sink = &sink;
  write_auth (&f, "/home/u/.config/containers/auth.json", "b.test", "other");
  write_auth (&f, "/home/u/.docker/config.json", "a.test/team", "me");
  assert_user (&f, "me");
  g_assert_cmpstr (said->str, ==,
                   "credentials: none for a.test/team/app in /home/u/.config/containers/auth.json\n"
                   "credentials: for a.test/team/app from /home/u/.docker/config.json (a.test/team)\n");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/auth/files", test_files);
  g_test_add_func ("/auth/keys", test_keys);
  g_test_add_func ("/auth/docker.io", test_docker_io);
  g_test_add_func ("/auth/malformed", test_malformed);
  g_test_add_func ("/auth/helpers-in-file", test_helpers_in_file);
  g_test_add_func ("/auth/bad-helpers", test_bad_helpers);
  g_test_add_func ("/auth/order", test_order);
  g_test_add_func ("/auth/debug", test_debug);
  return g_test_run ();
}
