/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * short-names: what a name without a registry may mean, who is asked, and what is recorded.
 */

#include "short-names.h"

#include <string.h>
#include <unistd.h>

#include "fake-registry.h"

#define SEARCH "unqualified-search-registries = [\"a.test\", \"b.test/ns\"]\n"

typedef struct
{
  int answer; /* index, -1: the callback fails */
  guint asked;
  char *shown; /* name and candidates */
} Chooser;

static int
choose (const char *name, const char *const *candidates, gpointer data, GCancellable *cancellable, GError **error)
{
  Chooser *chooser = data;
  g_autofree char *all = g_strjoinv (" ", (char **)candidates);

  chooser->asked++;
  g_free (chooser->shown);
  chooser->shown = g_strdup_printf ("%s: %s", name, all);
  if (chooser->answer < 0)
    return sc_fail (error, SC_ERROR_USAGE, "no answer was chosen") ? 0 : -1;
  return chooser->answer;
}

/* (transfer full): the meanings of @name, and why; or the error's message. */
static char *
find (const char *conf_text, const char *name, Chooser *chooser)
{
  g_autoptr (ScRegistriesConf) conf = sc_registries_conf_new ();
  g_autoptr (GBytes) bytes = g_bytes_new (conf_text, strlen (conf_text));
  g_autoptr (GError) error = NULL;
  g_autoptr (ScReference) ref = sc_reference_parse (name, &error);
  ScBlobSourceOptions options = { .choose = chooser != NULL ? choose : NULL, .choose_data = chooser };
  g_autofree char *why = NULL;
  g_autoptr (GPtrArray) found = NULL;
  GString *out = g_string_new (NULL);

  g_assert_no_error (error);
  g_assert_true (sc_registries_conf_add (conf, "conf", bytes, FALSE, &error));
  found = sc_short_name_find (conf, ref, &options, &why, NULL, &error);
  if (found == NULL)
    g_string_append (out, error->message);
  for (guint i = 0; found != NULL && i < found->len; i++)
    {
      g_autofree char *shown = sc_reference_format (g_ptr_array_index (found, i));

      g_string_append_printf (out, "%s ", shown);
    }
  g_assert_true ((found != NULL) == (why != NULL));
  if (why != NULL)
    g_string_append_printf (out, "(%s)", why);
  return g_string_free (out, FALSE);
}

static void
assert_found (const char *conf, const char *name, Chooser *chooser, const char *expected)
{
  g_autofree char *got = find (conf, name, chooser);

  g_assert_cmpstr (got, ==, expected);
}

static void
test_docker (void)
{
  assert_found ("", "x", NULL, "docker.io/library/x (registries.conf names no registry to search)");
  assert_found ("", "team/x:1", NULL, "docker.io/team/x:1 (registries.conf names no registry to search)");
  assert_found ("[aliases]\nx = \"\"\n", "x", NULL,
                "docker.io/library/x (registries.conf names no registry to search)");
}

static void
test_alias (void)
{
  static const char conf[] = SEARCH "[aliases]\nx = \"c.test/y\"\n\"team/x\" = \"docker.io/z\"\ngone = \"\"\n";

  assert_found (conf, "x:1", NULL, "c.test/y:1 (an alias in conf)");
  assert_found (conf, "x", NULL, "c.test/y (an alias in conf)");
  assert_found (conf, "team/x", NULL, "docker.io/library/z (an alias in conf)");
  assert_found (conf, "gone", NULL, "a.test/gone b.test/ns/gone (searched as conf says)");
}

static void
test_search (void)
{
  assert_found (SEARCH, "x:1", NULL, "a.test/x:1 b.test/ns/x:1 (searched as conf says)");
  assert_found ("unqualified-search-registries = [\"docker.io\"]\nshort-name-mode = \"enforcing\"\n", "x", NULL,
                "docker.io/library/x (searched as conf says)");
  assert_found ("unqualified-search-registries = []\n", "x", NULL,
                "the name 'x' has no registry, and unqualified-search-registries of conf is empty");
  assert_found ("unqualified-search-registries = [\"nodots\"]\n", "x", NULL,
                "conf makes 'nodots/x' of x, which is no name of an image");
}

static void
test_modes (void)
{
  static const char enforcing[] = SEARCH "short-name-mode = \"enforcing\"\n";
  static const char permissive[] = SEARCH "short-name-mode = \"permissive\"\n";
  static const char disabled[] = SEARCH "short-name-mode = \"disabled\"\n";
  Chooser chooser = { .answer = 1 };

  assert_found (enforcing, "x", NULL,
                "the name 'x' may mean an image of a.test, b.test/ns (conf), and there is no terminal to ask which: "
                "write the registry before it");
  assert_found (permissive, "x", NULL, "a.test/x b.test/ns/x (searched as conf says)");
  assert_found (disabled, "x", &chooser, "a.test/x b.test/ns/x (searched as conf says)");
  g_assert_cmpuint (chooser.asked, ==, 0);

  assert_found (enforcing, "x:1", &chooser, "b.test/ns/x:1 (as was chosen)");
  g_assert_cmpstr (chooser.shown, ==, "x: a.test/x:1 b.test/ns/x:1");
  chooser.answer = 0;
  assert_found (permissive, "x:1", &chooser, "a.test/x:1 (as was chosen)");
  assert_found (SEARCH, "x:1", &chooser, "a.test/x:1 (as was chosen)");
  g_assert_cmpuint (chooser.asked, ==, 3);
  chooser.answer = -1;
  assert_found (permissive, "x:1", &chooser, "no answer was chosen");
  assert_found ("unqualified-search-registries = [\"a.test\"]\n", "x", &chooser, "a.test/x (searched as conf says)");
  g_assert_cmpuint (chooser.asked, ==, 4);
  g_free (chooser.shown);
}

static void
test_record (void)
{
  g_auto (TempDir) root = temp_dir_make ();
  g_autoptr (GError) error = NULL;
  g_autoptr (ScContext) ctx = sc_context_new (root.path, &error);
  g_autoptr (ScReference) x = sc_reference_parse ("x:1", &error);
  g_autoptr (ScReference) meant = sc_reference_parse ("b.test/ns/x:1", &error);
  g_autoptr (ScReference) other = sc_reference_parse ("a.test/x", &error);
  g_autoptr (ScReference) y = sc_reference_parse ("team/y", &error);
  const ScShortNameAlias *alias = NULL;

  g_free (ctx->home);
  ctx->home = g_strdup ("/home/u");
  g_clear_pointer (&ctx->user_cache, g_free);
  g_autofree char *path = sc_short_name_aliases_path (ctx);
  if (geteuid () == 0)
    g_assert_cmpstr (path, ==, "/var/cache/containers/short-name-aliases.conf");
  else
    g_assert_cmpstr (path, ==, "/home/u/.cache/containers/short-name-aliases.conf");

  g_assert_true (sc_short_name_record (ctx, x, meant, &error));
  g_assert_true (sc_short_name_record (ctx, y, other, &error));
  g_assert_true (sc_short_name_record (ctx, x, other, &error));
  g_assert_no_error (error);
  g_autofree char *text = temp_dir_read (&root, path);
  g_assert_cmpstr (text, ==, "[aliases]\n  \"team/y\" = \"a.test/x\"\n  \"x\" = \"a.test/x\"\n");

  /* It wins over what is written by hand. */
  temp_dir_write (&root, "etc/containers/registries.conf", "[aliases]\nx = \"c.test/x\"\n", 25);
  g_autoptr (ScRegistriesConf) conf = sc_registries_conf_load (ctx, NULL, &error);
  g_assert_no_error (error);
  alias = g_hash_table_lookup (conf->aliases, "x");
  g_assert_cmpstr (alias->value, ==, "a.test/x");
  g_assert_cmpstr (alias->file, ==, path);
}

static void
test_normalize (void)
{
  static const char *const cases[][2] = { { "x", "docker.io/library/x" },
                                          { "team/x:1", "docker.io/team/x:1" },
                                          { "docker.io/x", "docker.io/library/x" },
                                          { "index.docker.io/x", "docker.io/library/x" },
                                          { "a.test/x", "a.test/x" } };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (ScReference) ref = sc_reference_parse (cases[i][0], NULL);
      g_autoptr (ScReference) full = sc_reference_normalize (ref);
      g_autofree char *text = sc_reference_format (full);

      g_assert_cmpstr (text, ==, cases[i][1]);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/short-names/docker", test_docker);
  g_test_add_func ("/short-names/alias", test_alias);
  g_test_add_func ("/short-names/search", test_search);
  g_test_add_func ("/short-names/modes", test_modes);
  g_test_add_func ("/short-names/record", test_record);
  g_test_add_func ("/short-names/normalize", test_normalize);
  return g_test_run ();
}
