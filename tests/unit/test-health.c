/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Health checks as text: JSON and labels, what is refused, values in them, and both ways through info. */
#include "health.h"

#include <string.h>

#include "exports.h"
#include "json.h"
#include "root-fixture.h"

static ScHealth *
parse (const char *text, GError **error)
{
  g_autoptr (JsonNode) node = sc_json_parse ("test", text, strlen (text), error);

  g_assert_nonnull (node);
  return sc_health_parse (json_node_get_object (node), "test", error);
}

static void
test_json (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ScHealth) http = parse ("{\"http\": \"http://127.0.0.1:$PORT/\", \"timeout\": 7}", &error);
  g_autoptr (ScHealth) command =
      parse ("{\"start-period\": 3600, \"command\": [\"/bin/check\", \"\", \"$PORT\"], \"interval\": 2}", &error);
  g_autoptr (ScHealth) tcp = parse ("{\"tcp\": \"[::1]:80\"}", &error);
  const char *const words[] = { "/bin/check", "", "$PORT", NULL };

  g_assert_no_error (error);
  g_assert_cmpint (http->kind, ==, SC_HEALTH_HTTP);
  g_assert_cmpstr (http->words[0], ==, "http://127.0.0.1:$PORT/");
  g_assert_cmpuint (http->timeout, ==, 7);
  g_assert_cmpuint (http->interval, ==, 1);
  g_assert_cmpuint (http->start_period, ==, 30);
  g_assert_cmpint (command->kind, ==, SC_HEALTH_COMMAND);
  g_assert_cmpstrv (command->words, words);
  g_assert_cmpuint (command->timeout, ==, 5);
  g_assert_cmpuint (command->interval, ==, 2);
  g_assert_cmpuint (command->start_period, ==, 3600);
  g_assert_cmpint (tcp->kind, ==, SC_HEALTH_TCP);
  g_assert_cmpstr (tcp->words[0], ==, "[::1]:80");
}

static void
test_bad_json (void)
{
  static const struct
  {
    const char *text, *message;
  } cases[] = {
    { "{}", "test: neither command nor http nor tcp: nothing to check" },
    { "{\"timeout\": 3}", "test: neither command nor http nor tcp: nothing to check" },
    { "{\"http\": \"http://a/\", \"tcp\": \"a:1\"}", "test: both http and tcp; one check is possible" },
    { "{\"http\": 80}", "test: http: expected a string, found a number" },
    { "{\"http\": null}", NULL },
    { "{\"command\": \"/bin/check\"}", NULL },
    { "{\"command\": []}", "test: an empty command" },
    { "{\"command\": [1]}", NULL },
    { "{\"tcp\": \"a:1\", \"retries\": 3}", "test: 'retries' is not known" },
    { "{\"tcp\": \"a:1\", \"timeout\": 0}", "test: timeout: 0 is not a number of seconds from 1 to 3600" },
    { "{\"tcp\": \"a:1\", \"interval\": 3601}", "test: interval: 3601 is not a number of seconds from 1 to 3600" },
    { "{\"tcp\": \"a:1\", \"start-period\": -1}", NULL },
    { "{\"tcp\": \"a:1\", \"start-period\": \"30\"}", NULL },
    { "{\"tcp\": \"a:1\", \"start_period\": 30}", "test: 'start_period' is not known" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (parse (cases[i].text, &error));
      g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
      if (cases[i].message != NULL)
        g_assert_cmpstr (error->message, ==, cases[i].message);
    }
}

/* @text: "NAME=VALUE", separated by '|'. */
static gboolean
from_labels (const char *text, ScHealth **out, GError **error)
{
  g_autoptr (GHashTable) labels = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_auto (GStrv) pairs = g_strsplit (text, "|", -1);

  for (char **pair = pairs; *pair != NULL && **pair != '\0'; pair++)
    {
      char *equals = strchr (*pair, '=');

      g_hash_table_replace (labels, g_strndup (*pair, (gsize)(equals - *pair)), g_strdup (equals + 1));
    }
  return sc_health_from_labels (labels, out, error);
}

static void
test_labels (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ScHealth) none = NULL, command = NULL, http = NULL;
  const char *const words[] = { "/bin/check", "a b", "$(id);", "$PORT", NULL };
  static const char *const bad[] = {
    "atomic.health.timeout=3",
    "atomic.health.http=http://a/|atomic.health.tcp=a:1",
    "atomic.health.command=/bin/check 'a",
    "atomic.health.command=  ",
    "atomic.health.tcp=a:1|atomic.health.timeout=soon",
    "atomic.health.tcp=a:1|atomic.health.interval=0",
    "atomic.health.tcp=a:1|atomic.health.retries=3",
  };

  g_assert_true (from_labels ("atomic.type=system|atomic.healthy=x|atomic.health.tcp=", &none, &error));
  g_assert_no_error (error);
  g_assert_null (none);
  /* As a shell takes it apart, but nothing is run or replaced by one. */
  g_assert_true (from_labels ("atomic.health.command=/bin/check 'a b' \"\\$(id);\" $PORT|atomic.health.start-period=9",
                              &command, &error));
  g_assert_no_error (error);
  g_assert_cmpstrv (command->words, words);
  g_assert_cmpuint (command->start_period, ==, 9);
  /* What was inherited is taken back by an empty label. */
  g_assert_true (from_labels ("atomic.health.tcp=|atomic.health.http=http://a/|atomic.health.timeout=", &http, &error));
  g_assert_no_error (error);
  g_assert_cmpint (http->kind, ==, SC_HEALTH_HTTP);
  g_assert_cmpuint (http->timeout, ==, 5);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      ScHealth *health = NULL;

      g_assert_false (from_labels (bad[i], &health, &error));
      g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
      g_assert_nonnull (strstr (error->message, "label"));
      g_clear_error (&error);
    }
}

static void
test_resolve (void)
{
  static const struct
  {
    const char *text, *port;
    int code; /* -1: none */
    const char *message;
  } cases[] = {
    { "{\"tcp\": \"127.0.0.1:$PORT\"}", "80", -1, "127.0.0.1:80" },
    { "{\"tcp\": \"$PORT\"}", "localhost:80", -1, "localhost:80" },
    { "{\"http\": \"http://[::1]:${PORT}/x?y=$$\"}", "80", -1, "http://[::1]:80/x?y=$" },
    { "{\"command\": [\"/bin/check\", \"$PORT\"]}", "a b; c", -1, "/bin/check a b; c" },
    { "{\"tcp\": \"127.0.0.1:$PORT\"}", "http", SC_ERROR_INVALID,
      "health check tcp: '127.0.0.1:http': not an address HOST:PORT" },
    { "{\"tcp\": \"127.0.0.1:$PORT\"}", "0", SC_ERROR_INVALID, NULL },
    { "{\"tcp\": \"127.0.0.1:$PORT\"}", "65536", SC_ERROR_INVALID, NULL },
    { "{\"tcp\": \"127.0.0.1$PORT\"}", "", SC_ERROR_INVALID, NULL },
    { "{\"tcp\": \":$PORT\"}", "80", SC_ERROR_INVALID, NULL },
    { "{\"tcp\": \"[::1]$PORT\"}", "", SC_ERROR_INVALID, NULL },
    { "{\"http\": \"https://127.0.0.1:$PORT/\"}", "80", SC_ERROR_INVALID, NULL },
    { "{\"http\": \"http://127.0.0.1:80/$PORT\"}", "a b", SC_ERROR_INVALID, NULL },
    { "{\"http\": \"http://127.0.0.1:80/$PORT\"}", " HTTP/1.1\r\nX: y", SC_ERROR_INVALID, NULL },
    { "{\"http\": \"http://$PORT/\"}", "a%0d%0ab", SC_ERROR_INVALID, NULL },
    { "{\"http\": \"http://$PORT/\"}", "user@host", SC_ERROR_INVALID, NULL },
    { "{\"http\": \"http://127.0.0.1:$PORT/\"}", "99999", SC_ERROR_INVALID, NULL },
    { "{\"http\": \"http:$PORT\"}", "/x", SC_ERROR_INVALID, NULL },
    { "{\"command\": [\"$PORT\"]}", "", SC_ERROR_INVALID, "health check command: an empty command" },
    { "{\"command\": [\"$PORT\", \"$OTHER\"]}", "x", SC_ERROR_NOT_FOUND,
      "The template file 'manifest.json: health' still contains an unreplaced value for: 'OTHER'" },
    { "{\"tcp\": \"a:$1\"}", "x", SC_ERROR_INVALID, NULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GHashTable) values = g_hash_table_new (g_str_hash, g_str_equal);
      g_autoptr (ScHealth) template = parse (cases[i].text, &error), resolved = NULL;
      g_autofree char *text = NULL;

      g_assert_no_error (error);
      g_hash_table_insert (values, (char *)"PORT", (char *)cases[i].port);
      resolved = sc_health_resolve (template, values, &error);
      if (cases[i].code < 0)
        {
          g_assert_no_error (error);
          text = sc_health_describe (resolved);
          g_assert_cmpstr (text, ==, cases[i].message);
          continue;
        }
      if (resolved != NULL)
        g_error ("%s", cases[i].text);
      g_assert_error (error, SC_ERROR, cases[i].code);
      if (cases[i].message != NULL)
        g_assert_cmpstr (error->message, ==, cases[i].message);
    }
}

static void
test_limits (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GHashTable) values = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (ScHealth) template = parse ("{\"command\": [\"/bin/check\", \"$BIG\"]}", &error);
  g_autofree char *big = g_strnfill (65536, 'x'), *less = g_strnfill (60000, 'x'), *text = NULL;
  g_autoptr (ScHealth) resolved = NULL;

  g_hash_table_insert (values, (char *)"BIG", big);
  g_assert_null (sc_health_resolve (template, values, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_LIMIT);
  g_clear_error (&error);
  g_hash_table_insert (values, (char *)"BIG", less);
  resolved = sc_health_resolve (template, values, &error);
  g_assert_no_error (error);
  text = sc_health_describe (resolved);
  g_assert_cmpuint (strlen (text), ==, 200);
}

static void
test_both_ways (void)
{
  static const char *const texts[] = { "{\"tcp\":\"a:1\",\"timeout\":2,\"interval\":3,\"start-period\":4}",
                                       "{\"http\":\"http://a/\",\"timeout\":5,\"interval\":1,\"start-period\":30}",
                                       "{\"command\":[\"a\",\"b\"],\"timeout\":5,\"interval\":1,\"start-period\":30}" };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (ScHealth) health = parse (texts[i], &error);
      g_autoptr (JsonBuilder) builder = json_builder_new ();
      g_autoptr (JsonNode) node = NULL;
      g_autofree char *text = NULL;

      sc_health_build (health, builder);
      node = json_builder_get_root (builder);
      text = sc_json_to_text (node, FALSE);
      g_assert_cmpstr (text, ==, texts[i]);
    }
}

/* manifest.json wins; the variables count. */
static void
test_exports (void)
{
  g_auto (Root) root = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (GHashTable) labels = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (ScExports) with = NULL, without = NULL, bad = NULL;
  g_auto (GStrv) names = NULL, more = NULL;
  const char *const expected[] = { "PORT", NULL }, *const other[] = { "OTHER", NULL };

  root_init (&root);
  g_hash_table_insert (labels, (char *)"atomic.health.tcp", (char *)"127.0.0.1:$OTHER");
  without = sc_exports_load (root.fd, &error);
  g_assert_no_error (error);
  g_assert_true (sc_exports_add_labels (without, labels, &error));
  g_assert_no_error (error);
  more = sc_exports_variables (without, &error);
  g_assert_cmpstrv (more, other);

  root_add (&root, "exports/manifest.json", "{\"health\": {\"http\": \"http://127.0.0.1:$PORT/\"}}");
  with = sc_exports_load (root.fd, &error);
  g_assert_no_error (error);
  g_assert_true (sc_exports_add_labels (with, labels, &error));
  g_assert_cmpint (with->health->kind, ==, SC_HEALTH_HTTP);
  names = sc_exports_variables (with, &error);
  g_assert_cmpstrv (names, expected);

  root_add (&root, "exports/manifest.json", "{\"health\": {\"https\": \"https://127.0.0.1/\"}}");
  bad = sc_exports_load (root.fd, &error);
  g_assert_null (bad);
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
  g_assert_cmpstr (error->message, ==, "exports/manifest.json: health: 'https' is not known");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/health/json", test_json);
  g_test_add_func ("/health/bad-json", test_bad_json);
  g_test_add_func ("/health/labels", test_labels);
  g_test_add_func ("/health/resolve", test_resolve);
  g_test_add_func ("/health/limits", test_limits);
  g_test_add_func ("/health/both-ways", test_both_ways);
  g_test_add_func ("/health/exports", test_exports);
  return g_test_run ();
}
