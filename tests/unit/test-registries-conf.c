/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * registries-conf and registries-lookup: files over each other, prefixes, locations, mirrors.  That the decisions are
 * those of skopeo is the business of tests/config-vs-skopeo.py.
 */

#include "registries-conf.h"

#include <string.h>
#include <unistd.h>

#include "fake-registry.h"

#define DIGEST "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

typedef struct
{
  TempDir root;
  ScContext *ctx;
} Fixture;

static void
fixture_clear (Fixture *f)
{
  temp_dir_clear (&f->root);
  sc_context_free (f->ctx);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Fixture, fixture_clear)

static Fixture
fixture_make (void)
{
  Fixture f = { .root = temp_dir_make () };
  g_autoptr (GError) error = NULL;

  f.ctx = sc_context_new (f.root.path, &error);
  g_assert_no_error (error);
  g_free (f.ctx->home);
  f.ctx->home = g_strdup ("/home/u");
  g_clear_pointer (&f.ctx->registries_conf, g_free);
  g_clear_pointer (&f.ctx->user_cache, g_free);
  return f;
}

static void
write_file (const Fixture *f, const char *path, const char *text)
{
  temp_dir_write (&f->root, path + 1, text, strlen (text));
}

static ScRegistriesConf *
load (const Fixture *f)
{
  g_autoptr (GError) error = NULL;
  ScRegistriesConf *conf = sc_registries_conf_load (f->ctx, NULL, &error);

  g_assert_no_error (error);
  return conf;
}

static ScRegistriesConf *
parse (const char *text)
{
  ScRegistriesConf *conf = sc_registries_conf_new ();
  g_autoptr (GBytes) bytes = g_bytes_new (text, strlen (text));
  g_autoptr (GError) error = NULL;
  gboolean ok = sc_registries_conf_add (conf, "conf", bytes, FALSE, &error);

  g_assert_no_error (error);
  g_assert_true (ok);
  return conf;
}

/* (transfer full): "REF[!] REF ..." of the targets, "!" for insecure, or the error's message. */
static char *
targets_of (const ScRegistriesConf *conf, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ScReference) ref = sc_reference_parse (text, &error);
  g_autoptr (GPtrArray) targets = NULL;
  GString *out = g_string_new (NULL);

  g_assert_no_error (error);
  targets = sc_registries_conf_find_targets (conf, ref, NULL, &error);
  if (targets == NULL)
    g_string_append (out, error->message);
  for (guint i = 0; targets != NULL && i < targets->len; i++)
    {
      const ScRegistryTarget *target = g_ptr_array_index (targets, i);
      g_autofree char *shown = sc_reference_format (target->ref);

      g_assert_true (target->mirror || i + 1 == targets->len);
      g_string_append_printf (out, "%s%s%s", i > 0 ? " " : "", shown, target->insecure ? "!" : "");
    }
  return g_string_free (out, FALSE);
}

static void
assert_targets (const ScRegistriesConf *conf, const char *text, const char *expected)
{
  g_autofree char *got = targets_of (conf, text);

  g_assert_cmpstr (got, ==, expected);
}

static void
test_nothing (void)
{
  g_auto (Fixture) f = fixture_make ();
  g_autoptr (ScRegistriesConf) conf = load (&f);

  g_assert_cmpuint (conf->rules->len, ==, 0);
  g_assert_null (conf->search);
  g_assert_cmpint (conf->mode, ==, SC_SHORT_NAMES_UNSET);
  assert_targets (conf, "a.test/x:1", "a.test/x:1");
}

static void
test_prefixes (void)
{
  g_autoptr (ScRegistriesConf) conf = parse ("[[registry]]\nlocation = \"a.test\"\ninsecure = true\n"
                                             "[[registry]]\nprefix = \"a.test/team\"\nlocation = \"b.test/moved/\"\n"
                                             "[[registry]]\nprefix = \"a.test/team/app\"\nlocation = \"c.test/one\"\n"
                                             "[[registry]]\nprefix = \"*.d.test\"\ninsecure = true\n"
                                             "[[registry]]\nprefix = \"*.x.d.test\"\nlocation = \"e.test/all\"\n");

  assert_targets (conf, "a.test/app:1", "a.test/app:1!");
  assert_targets (conf, "a.test/team/other", "b.test/moved/other:latest");
  assert_targets (conf, "a.test/team/app:1", "c.test/one:1");
  assert_targets (conf, "a.test/team/app/sub:1", "c.test/one/sub:1");
  assert_targets (conf, "a.test/team/app@" DIGEST, "c.test/one@" DIGEST);
  assert_targets (conf, "a.test/team/app:1@" DIGEST, "c.test/one@" DIGEST);
  assert_targets (conf, "a.test/teamwork/app:1", "a.test/teamwork/app:1!");
  assert_targets (conf, "aa.test/app:1", "aa.test/app:1");
  assert_targets (conf, "d.test/app:1", "d.test/app:1");
  assert_targets (conf, "y.d.test/app:1", "y.d.test/app:1!");
  assert_targets (conf, "y.d.test:5000/app:1", "y.d.test:5000/app:1!");
  assert_targets (conf, "z.y.d.test/app:1", "z.y.d.test/app:1!");
  assert_targets (conf, "y.x.d.test/app:1", "e.test/all/app:1");
  assert_targets (conf, "y.d.testing/app:1", "y.d.testing/app:1");
  assert_targets (conf, "b.test/y.d.test/app:1", "b.test/y.d.test/app:1");
}

static void
test_mirrors (void)
{
  g_autoptr (ScRegistriesConf) conf =
      parse ("[[registry]]\nlocation = \"a.test\"\n"
             "mirror = [{location = \"m.test\"}, {location = \"d.test/x\", pull-from-mirror = \"digest-only\"},"
             "  {location = \"t.test:5000\", insecure = true, pull-from-mirror = \"tag-only\"}]\n"
             "[[registry]]\nlocation = \"b.test\"\nmirror-by-digest-only = true\nmirror = [{location = \"m.test\"}]\n");

  assert_targets (conf, "a.test/app:1", "m.test/app:1 t.test:5000/app:1! a.test/app:1");
  assert_targets (conf, "a.test/app@" DIGEST, "m.test/app@" DIGEST " d.test/x/app@" DIGEST " a.test/app@" DIGEST);
  assert_targets (conf, "b.test/app:1", "b.test/app:1");
  assert_targets (conf, "b.test/app@" DIGEST, "m.test/app@" DIGEST " b.test/app@" DIGEST);
}

static void
test_blocked (void)
{
  g_autoptr (ScRegistriesConf) conf =
      parse ("[[registry]]\nlocation = \"a.test\"\nblocked = true\n"
             "[[registry]]\nprefix = \"a.test/open\"\nlocation = \"o.test\"\n"
             "[[registry]]\nprefix = \"b.test\"\nlocation = \"elsewhere.test\"\nblocked = true\n"
             "[[registry]]\nlocation = \"c.test\"\nblocked = true\nmirror = [{location = \"m.test\"}]\n"
             "[[registry]]\nprefix = \"d.test\"\nlocation = \"a.test/x\"\n"
             "[[registry]]\nlocation = \"e.test\"\nmirror = [{location = \"a.test\"}, {location = \"m.test\"}]\n"
             "[[registry]]\nprefix = \"*.f.test\"\nblocked = true\n");

  assert_targets (conf, "a.test/app:1", "a.test/app is blocked by conf (prefix a.test)");
  assert_targets (conf, "a.test/open/app:1", "o.test/app:1");
  assert_targets (conf, "b.test/app:1", "b.test/app is blocked by conf (prefix b.test)");
  assert_targets (conf, "d.test/app:1", "d.test/app is blocked by conf (prefix a.test)");
  assert_targets (conf, "x.f.test/app:1", "x.f.test/app is blocked by conf (prefix *.f.test)");
  assert_targets (conf, "e.test/app:1", "m.test/app:1 e.test/app:1");

  /* "From the mirrors alone": the last target is a mirror then. */
  g_autoptr (GError) error = NULL;
  g_autoptr (ScReference) ref = sc_reference_parse ("c.test/app:1", &error);
  g_autoptr (GPtrArray) targets = sc_registries_conf_find_targets (conf, ref, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (targets->len, ==, 1);
  g_assert_cmpstr (((const ScRegistryTarget *)g_ptr_array_index (targets, 0))->ref->registry, ==, "m.test");
}

static void
test_bad_location (void)
{
  g_autoptr (ScRegistriesConf) conf = parse ("[[registry]]\nprefix = \"a.test/app\"\nlocation = \"b.test\"\n"
                                             "[[registry]]\nprefix = \"c.test\"\nlocation = \"Team/X\"\n"
                                             "[[registry]]\nprefix = \"d.test\"\nlocation = \"nodots\"\n");

  assert_targets (conf, "a.test/app:1",
                  "conf: the location of prefix a.test/app makes 'b.test:1' of it, which is no image");
  assert_targets (conf, "c.test/app:1",
                  "conf: the location of prefix c.test makes 'team/X/app:1' of it, which is no image");
  assert_targets (conf, "d.test/app:1",
                  "conf: the location of prefix d.test makes 'nodots/app:1' of it, which is no image");
}

static void
test_merge (void)
{
  g_auto (Fixture) f = fixture_make ();
  const ScShortNameAlias *alias = NULL;

  write_file (&f, "/etc/containers/registries.conf",
              "unqualified-search-registries = [\"one.test\"]\nshort-name-mode = \"enforcing\"\n"
              "[[registry]]\nlocation = \"a.test\"\nblocked = true\n[[registry]]\nlocation = \"b.test\"\n"
              "[aliases]\nx = \"one.test/x\"\ny = \"one.test/y\"\n");
  write_file (&f, "/etc/containers/registries.conf.d/20.conf", "unqualified-search-registries = [\"two.test\"]\n");
  write_file (&f, "/etc/containers/registries.conf.d/10.conf",
              "unqualified-search-registries = [\"three.test\"]\n[[registry]]\nlocation = \"a.test\"\n"
              "[aliases]\nx = \"\"\n");
  write_file (&f, "/etc/containers/registries.conf.d/README", "this is no TOML\n");
  write_file (&f, "/etc/containers/registries.conf.d/sub.conf/30.conf", "nor is this\n");
  write_file (&f, "/home/u/.config/containers/registries.conf.d/05.conf",
              "short-name-mode = \"disabled\"\ncredential-helpers = [\"a\", \"b\"]\n");
  g_autoptr (ScRegistriesConf) conf = load (&f);

  g_assert_cmpuint (conf->rules->len, ==, 2);
  assert_targets (conf, "a.test/app:1", "a.test/app:1");
  g_assert_cmpstr (conf->search[0], ==, "two.test");
  g_assert_null (conf->search[1]);
  g_assert_cmpstr (conf->search_file, ==, "/etc/containers/registries.conf.d/20.conf");
  g_assert_cmpint (conf->mode, ==, SC_SHORT_NAMES_DISABLED);
  g_assert_cmpstr (conf->helpers[1], ==, "b");
  alias = g_hash_table_lookup (conf->aliases, "x");
  g_assert_null (alias->value);
  alias = g_hash_table_lookup (conf->aliases, "y");
  g_assert_cmpstr (alias->value, ==, "one.test/y");
}

/* The user's own file keeps the system's away, additions and all; the environment's only the main files. */
static void
test_which_files (void)
{
  g_auto (Fixture) f = fixture_make ();

  write_file (&f, "/etc/containers/registries.conf", "unqualified-search-registries = [\"system.test\"]\n");
  write_file (&f, "/etc/containers/registries.conf.d/10.conf", "[[registry]]\nlocation = \"system-d.test\"\n");
  write_file (&f, "/home/u/.config/containers/registries.conf.d/10.conf", "[[registry]]\nlocation = \"user-d.test\"\n");
  write_file (&f, "/env.conf", "unqualified-search-registries = [\"env.test\"]\n");
  g_autoptr (ScRegistriesConf) system = load (&f);
  g_assert_cmpstr (system->search[0], ==, "system.test");
  g_assert_cmpuint (system->rules->len, ==, 2);

  write_file (&f, "/home/u/.config/containers/registries.conf", "unqualified-search-registries = [\"user.test\"]\n");
  g_autoptr (ScRegistriesConf) user = load (&f);
  g_assert_cmpstr (user->search[0], ==, "user.test");
  g_assert_cmpuint (user->rules->len, ==, 1);
  g_assert_nonnull (sc_registries_conf_find (user, "user-d.test/x"));

  f.ctx->registries_conf = g_strdup ("/env.conf");
  g_autoptr (ScRegistriesConf) env = load (&f);
  g_assert_cmpstr (env->search[0], ==, "env.test");
  g_assert_cmpuint (env->rules->len, ==, 2);

  g_autoptr (GError) error = NULL;
  g_free (f.ctx->registries_conf);
  f.ctx->registries_conf = g_strdup ("/none.conf");
  g_autoptr (ScRegistriesConf) none = sc_registries_conf_load (f.ctx, NULL, &error);
  g_assert_null (none);
  g_assert_error (error, SC_ERROR, SC_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, "/none.conf"));
}

/* Where nothing could be read something might be forbidden. */
static void
test_unreadable (void)
{
  static const char *const paths[] = { "/etc/containers/registries.conf", "/etc/containers/registries.conf.d/1.conf",
                                       "/home/u/.config/containers/registries.conf",
                                       "/home/u/.config/containers/registries.conf.d/1.conf" };

  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      g_auto (Fixture) f = fixture_make ();
      g_autoptr (GError) error = NULL;
      g_autofree char *expected = g_strconcat (paths[i], ": line 2, column 1: ", NULL);

      write_file (&f, paths[i], "\n!\n");
      g_autoptr (ScRegistriesConf) conf = sc_registries_conf_load (f.ctx, NULL, &error);
      g_assert_null (conf);
      g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
      g_assert_true (g_str_has_prefix (error->message, expected));
    }
}

static void
test_links (void)
{
  g_auto (Fixture) f = fixture_make ();
  g_autofree char *link = g_build_filename (f.root.path, "etc/containers/registries.conf", NULL);

  write_file (&f, "/etc/containers/real.conf", "unqualified-search-registries = [\"linked.test\"]\n");
  g_assert_cmpint (symlink ("/etc/containers/real.conf", link), ==, 0);
  g_autoptr (ScRegistriesConf) conf = load (&f);
  g_assert_cmpstr (conf->search[0], ==, "linked.test");
}

static void
test_version_1 (void)
{
  static const char text[] = "[registries.search]\nregistries = ['s.test']\n[registries.insecure]\n"
                             "registries = ['i.test', 'b.test/']\n[registries.block]\nregistries = ['b.test']\n";
  g_autoptr (ScRegistriesConf) conf = parse (text);
  g_autoptr (GBytes) bytes = g_bytes_new (text, strlen (text));
  g_autoptr (GError) error = NULL;

  g_assert_cmpstr (conf->search[0], ==, "s.test");
  g_assert_cmpuint (conf->rules->len, ==, 2);
  assert_targets (conf, "i.test/x:1", "i.test/x:1!");
  assert_targets (conf, "b.test/x:1", "b.test/x is blocked by conf (prefix b.test)");
  g_assert_false (sc_registries_conf_add (conf, "conf.d/x.conf", bytes, TRUE, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
  g_assert_nonnull (strstr (error->message, "conf.d/x.conf: [registries.search]"));
}

/* In one file the first of a prefix counts. */
static void
test_prefix_twice (void)
{
  g_autoptr (ScRegistriesConf) conf = parse ("[[registry]]\nprefix = \"a.test\"\nlocation = \"one.test\"\n"
                                             "[[registry]]\nprefix = \"a.test\"\nlocation = \"two.test\"\n");

  assert_targets (conf, "a.test/x:1", "one.test/x:1");
}

static void
test_should_fail (gconstpointer data)
{
  const char *path = data;
  g_autofree char *stem = g_strndup (path, strlen (path) - strlen (".conf"));
  g_autofree char *beside = g_strconcat (stem, ".expected", NULL);
  g_autofree char *text = NULL;
  g_autofree char *part = NULL;
  g_autofree char *expected = NULL;
  g_autoptr (ScRegistriesConf) conf = sc_registries_conf_new ();
  g_autoptr (GError) error = NULL;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_assert_true (g_file_get_contents (beside, &part, NULL, NULL));
  expected = g_strconcat ("conf: ", g_strchomp (part), NULL);
  g_autoptr (GBytes) bytes = g_bytes_new (text, strlen (text));
  g_assert_false (sc_registries_conf_add (conf, "conf", bytes, FALSE, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
  if (!g_str_has_prefix (error->message, expected))
    g_error ("'%s' does not begin with '%s'", error->message, expected);
}

static void
add_should_fail (void)
{
  g_autofree char *path = g_build_filename (g_getenv ("SC_TEST_DATA"), "registries-conf", "should-fail", NULL);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name = NULL;

  g_assert_nonnull (dir);
  while ((name = g_dir_read_name (dir)) != NULL)
    if (g_str_has_suffix (name, ".conf"))
      {
        g_autofree char *test = g_strdup_printf ("/registries-conf/should-fail/%.*s", (int)strlen (name) - 5, name);

        g_test_add_data_func_full (test, g_build_filename (path, name, NULL), test_should_fail, g_free);
      }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/registries-conf/nothing", test_nothing);
  g_test_add_func ("/registries-conf/prefixes", test_prefixes);
  g_test_add_func ("/registries-conf/mirrors", test_mirrors);
  g_test_add_func ("/registries-conf/blocked", test_blocked);
  g_test_add_func ("/registries-conf/bad-location", test_bad_location);
  g_test_add_func ("/registries-conf/merge", test_merge);
  g_test_add_func ("/registries-conf/which-files", test_which_files);
  g_test_add_func ("/registries-conf/unreadable", test_unreadable);
  g_test_add_func ("/registries-conf/links", test_links);
  g_test_add_func ("/registries-conf/version-1", test_version_1);
  g_test_add_func ("/registries-conf/prefix-twice", test_prefix_twice);
  add_should_fail ();
  return g_test_run ();
}
