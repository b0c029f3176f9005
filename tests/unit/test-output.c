/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tables, JSON, filters and formats; the tables of docs/cli.md to the letter.
 */
#include <json-glib/json-glib.h>
#include <time.h>

#include "output.h"

static const ScColumn images[] = {
  { "REPOSITORY", "repo", "repo", SC_CELL_TEXT, 0, 0 }, { "TAG", "tag", "tag", SC_CELL_TEXT, 0, 0 },
  { "IMAGE ID", "id", "id", SC_CELL_TEXT, 12, 12 },     { "CREATED", "created", NULL, SC_CELL_TEXT, 0, 0 },
  { "VIRTUAL SIZE", NULL, NULL, SC_CELL_TEXT, 0, 0 },   { NULL, "size", NULL, SC_CELL_NUMBER, 0, 0 },
  { "TYPE", "type", NULL, SC_CELL_TEXT, 0, 0 },         { NULL, "used", NULL, SC_CELL_BOOL, 0, 0 },
  { NULL, NULL, "image", SC_CELL_TEXT, 0, 0 },
};

static const ScColumn containers[] = {
  { "CONTAINER ID", "id", NULL, SC_CELL_TEXT, 12, 0 }, { "IMAGE", NULL, NULL, SC_CELL_TEXT, 14, 13 },
  { "NAME", NULL, NULL, SC_CELL_TEXT, 8, 0 },          { "COMMAND", NULL, NULL, SC_CELL_TEXT, 10, 10 },
  { "CREATED", NULL, NULL, SC_CELL_TEXT, 16, 0 },      { "STATE", NULL, NULL, SC_CELL_TEXT, 8, 0 },
  { "BACKEND", NULL, NULL, SC_CELL_TEXT, 8, 0 },       { "RUNTIME", NULL, NULL, SC_CELL_TEXT, 0, 0 },
};

#define ETCD_ID "d7c1702506ff08af5ae5d2d1f3a27dd5ba1e0a9a2f27a2a1b4a6a7a0d6d1a2a3"

static ScTable *
image_table (void)
{
  static const char *const etcd[] = { "gscrivano/etcd", "latest", ETCD_ID, "2016-09-08 16:39",     "88.13 MB",
                                      "88130000",       "ostree", "true",  "gscrivano/etcd:latest" };
  static const char *const x[] = { "x",     "1.0",  "abcdef0123456789", "2017-01-01 00:00", NULL, "0", "ostree",
                                   "false", "x:1.0" };
  ScTable *table = sc_table_new (images, G_N_ELEMENTS (images), "   ");

  sc_table_add (table, TRUE, etcd);
  sc_table_add (table, FALSE, x);
  return table;
}

static void
test_images (void)
{
  g_autoptr (ScTable) table = image_table ();
  g_autofree char *text = sc_table_format (table, 0);

  g_assert_cmpstr (text, ==,
                   "   REPOSITORY       TAG      IMAGE ID       CREATED            VIRTUAL SIZE   TYPE\n"
                   ">  gscrivano/etcd   latest   d7c1702506ff   2016-09-08 16:39   88.13 MB       ostree\n"
                   "   x                1.0      abcdef012345   2017-01-01 00:00                  ostree\n");
}

static void
test_containers (void)
{
  static const char *const flannel[] = { "flannel",          "gscrivano/flannel", "flannel", "/usr/bin/flanneld-run.sh",
                                         "2016-09-08 14:19", "running",           "ostree",  "/bin/runc" };
  static const char *const wide[] = {
    "a-long-container-name", "x", "a-long-container-name", "", "2016-09-08 14:19", "no service", "ostree", ""
  };
  g_autoptr (ScTable) table = sc_table_new (containers, G_N_ELEMENTS (containers), " ");
  g_autofree char *one = NULL, *two = NULL, *whole = NULL;

  sc_table_add (table, FALSE, flannel);
  one = sc_table_format (table, 0);
  g_assert_cmpstr (one, ==,
                   "   CONTAINER ID IMAGE          NAME     COMMAND    CREATED          STATE    BACKEND  RUNTIME\n"
                   "   flannel      gscrivano/fla  flannel  /usr/bin/f 2016-09-08 14:19 running  ostree   /bin/runc\n");
  whole = sc_table_format (table, SC_TABLE_NO_TRUNCATE | SC_TABLE_NO_HEADING);
  g_assert_cmpstr (whole, ==,
                   "   flannel      gscrivano/flannel flannel  /usr/bin/flanneld-run.sh 2016-09-08 14:19 running  "
                   "ostree   /bin/runc\n");
  sc_table_add (table, FALSE, wide);
  two = sc_table_format (table, SC_TABLE_NO_HEADING);
  g_assert_cmpstr (two, ==,
                   "   flannel               gscrivano/fla  flannel               /usr/bin/f 2016-09-08 14:19 running "
                   "   ostree   /bin/runc\n"
                   "   a-long-container-name x              a-long-container-name            2016-09-08 14:19 no "
                   "service ostree\n");
}

static void
test_empty (void)
{
  g_autoptr (ScTable) table = sc_table_new (images, G_N_ELEMENTS (images), "   ");
  g_autofree char *text = sc_table_format (table, 0);
  g_autofree char *bare = sc_table_format (table, SC_TABLE_NO_HEADING);
  g_autofree char *ids = sc_table_format_column (table, "id", 0);
  g_autofree char *json = sc_table_format_json (table);
  g_autoptr (JsonNode) node = json_from_string (json, NULL);

  g_assert_cmpstr (text, ==, "   REPOSITORY   TAG   IMAGE ID       CREATED   VIRTUAL SIZE   TYPE\n");
  g_assert_cmpstr (bare, ==, "");
  g_assert_cmpstr (ids, ==, "");
  g_assert_cmpuint (json_array_get_length (json_node_get_array (node)), ==, 0);
}

static void
test_column (void)
{
  g_autoptr (ScTable) table = image_table ();
  g_autofree char *ids = sc_table_format_column (table, "id", 0);
  g_autofree char *whole = sc_table_format_column (table, "id", SC_TABLE_NO_TRUNCATE);

  g_assert_cmpstr (ids, ==, "d7c1702506ff\nabcdef012345\n");
  g_assert_cmpstr (whole, ==, ETCD_ID "\nabcdef0123456789\n");
}

static void
test_json (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ScTable) table = image_table ();
  g_autofree char *json = sc_table_format_json (table);
  g_autoptr (JsonNode) node = json_from_string (json, &error);
  g_autoptr (GList) members = NULL;
  JsonObject *first;
  GString *names = g_string_new (NULL);

  g_assert_no_error (error);
  g_assert_true (g_str_has_suffix (json, "]\n"));
  g_assert_cmpuint (json_array_get_length (json_node_get_array (node)), ==, 2);
  first = json_array_get_object_element (json_node_get_array (node), 0);
  g_assert_cmpstr (json_object_get_string_member (first, "id"), ==, ETCD_ID);
  g_assert_cmpint (json_node_get_value_type (json_object_get_member (first, "size")), ==, G_TYPE_INT64);
  g_assert_cmpint (json_object_get_int_member (first, "size"), ==, 88130000);
  g_assert_cmpint (json_node_get_value_type (json_object_get_member (first, "used")), ==, G_TYPE_BOOLEAN);
  g_assert_true (json_object_get_boolean_member (first, "used"));
  g_assert_false (
      json_object_get_boolean_member (json_array_get_object_element (json_node_get_array (node), 1), "used"));
  members = json_object_get_members (first);
  for (const GList *m = members; m; m = m->next)
    g_string_append_printf (names, "%s ", (const char *)m->data);
  g_assert_cmpstr (names->str, ==, "repo tag id created size type used ");
  g_string_free (names, TRUE);
}

static void
assert_filtered (const char *filters, const char *expected_ids)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ScTable) table = image_table ();
  g_auto (GStrv) list = g_strsplit (filters, " ", -1);
  g_autofree char *ids = NULL;
  gboolean ok = sc_table_filter (table, (const char *const *)list, &error);

  g_assert_no_error (error);
  g_assert_true (ok);
  ids = sc_table_format_column (table, "id", 0);
  g_strdelimit (ids, "\n", ' ');
  g_assert_cmpstr (ids, ==, expected_ids);
}

static void
test_filter (void)
{
  assert_filtered ("", "d7c1702506ff abcdef012345 ");
  assert_filtered ("repo=ETCD", "d7c1702506ff ");
  assert_filtered ("tag=1", "abcdef012345 ");
  assert_filtered ("repo=e tag=1", "");
  assert_filtered ("repo=e tag=Lat", "d7c1702506ff ");
  assert_filtered ("repo=", "d7c1702506ff abcdef012345 ");
  assert_filtered ("image=x:1", "abcdef012345 ");
  assert_filtered ("id=456789", "abcdef012345 ");
}

static void
test_filter_errors (void)
{
  static const char *const bad[][2] = {
    { "repo", "filter 'repo' is not VAR=VALUE" }, { "color=red", "unknown filter 'color'" },
    { "rep=x", "unknown filter 'rep'" },          { "=x", "unknown filter ''" },
    { "type=ostree", "unknown filter 'type'" }, /* a column that cannot be filtered */
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (ScTable) table = image_table ();
      const char *filters[] = { bad[i][0], NULL };

      g_assert_false (sc_table_filter (table, filters, &error));
      g_assert_error (error, SC_ERROR, SC_ERROR_USAGE);
      g_assert_cmpstr (error->message, ==, bad[i][1]);
    }
}

/* What an image says must not reach the terminal as it is. */
static void
test_clean (void)
{
  static const char *const cases[][2] = {
    { "plain", "plain" },
    { "a\033[2Jb\n", "a?[2Jb?" },
    { "\xc2\x9b"
      "1m",
      "?1m" },
    { "a\xff", "a\xef\xbf\xbd" },
    { "a\xe2\x80\xae"
      "b",
      "a?b" },
    { "\xc3\xa9\xe6\xbc\xa2", "\xc3\xa9\xe6\xbc\xa2" },
    { NULL, "" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *clean = sc_output_clean (cases[i][0]);

      g_assert_cmpstr (clean, ==, cases[i][1]);
    }
}

static void
test_wide_characters (void)
{
  static const ScColumn columns[] = { { "A", NULL, NULL, SC_CELL_TEXT, 0, 2 },
                                      { "B", NULL, NULL, SC_CELL_TEXT, 0, 0 } };
  /* Three Chinese characters, two columns each; e with an accent of its own. */
  static const char *const chinese[] = { "\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2", "1" };
  static const char *const accent[] = { "e\xcc\x81", "2" };
  g_autoptr (ScTable) table = sc_table_new (columns, 2, " ");
  g_autofree char *text = NULL;

  sc_table_add (table, FALSE, chinese);
  sc_table_add (table, FALSE, accent);
  text = sc_table_format (table, 0);
  g_assert_cmpstr (text, ==,
                   "   A    B\n"
                   "   \xe6\xbc\xa2\xe5\xad\x97 1\n"
                   "   e\xcc\x81    2\n");
}

static void
test_size (void)
{
  static const struct
  {
    guint64 bytes;
    const char *text;
  } cases[] = {
    { 0, "0 B" },
    { 999, "999 B" },
    { 1000, "1.00 KB" },
    { 1234, "1.23 KB" },
    { 999994, "999.99 KB" },
    { 999996, "1.00 MB" },
    { 88130000, "88.13 MB" },
    { G_GUINT64_CONSTANT (2000000000), "2.00 GB" },
    { G_MAXUINT64, "18.45 EB" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = sc_output_size (cases[i].bytes);

      g_assert_cmpstr (text, ==, cases[i].text);
    }
}

static void
test_time (void)
{
  g_autofree char *text = sc_output_time (1473352740);
  g_autofree char *never = sc_output_time (G_MAXINT64);
  g_autofree char *iso = sc_output_time_iso (1473352740);
  static const ScColumn columns[] = { { "WHEN", "when", "when", SC_CELL_TIME, 0, 0 } };
  const char *cells[] = { "1473352740" }, *nothing[] = { NULL };
  const char *filters[] = { "when=18:39", NULL };
  g_autoptr (ScTable) table = sc_table_new (columns, 1, " ");
  g_autofree char *shown = NULL, *json = NULL;

  g_assert_cmpstr (text, ==, "2016-09-08 18:39");
  g_assert_cmpstr (iso, ==, "2016-09-08T16:39:00Z");
  sc_table_add (table, FALSE, cells);
  sc_table_add (table, FALSE, nothing);
  json = sc_table_format_json (table);
  g_assert_nonnull (strstr (json, "\"2016-09-08T16:39:00Z\""));
  g_assert_nonnull (strstr (json, "\"\""));
  g_assert_true (sc_table_filter (table, filters, NULL));
  shown = sc_table_format (table, SC_TABLE_NO_HEADING);
  g_assert_cmpstr (shown, ==, "   2016-09-08 18:39\n");
  g_assert_cmpstr (never, ==, "");
}

static void
test_json_kinds (void)
{
  static const ScColumn columns[] = { { "A", "a", NULL, SC_CELL_OPTIONAL, 0, 0 },
                                      { NULL, "b", NULL, SC_CELL_JSON, 0, 0 } };
  const char *empty[] = { NULL, NULL }, *full[] = { "why", "{\"X\":\"1\"}" };
  g_autoptr (ScTable) table = sc_table_new (columns, 2, " ");
  g_autofree char *text = NULL;

  sc_table_add (table, FALSE, empty);
  sc_table_add (table, FALSE, full);
  text = sc_table_format_json (table);
  g_strdelimit (text, "\n", ' ');
  g_autoptr (GRegex) blanks = g_regex_new (" +", 0, 0, NULL);
  g_autofree char *dense = g_regex_replace_literal (blanks, text, -1, 0, "", 0, NULL);
  g_assert_cmpstr (dense, ==, "[{\"a\":null,\"b\":null},{\"a\":\"why\",\"b\":{\"X\":\"1\"}}]");
}

int
main (int argc, char **argv)
{
  g_setenv ("TZ", "Etc/GMT-2", TRUE);
  tzset ();
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/output/images", test_images);
  g_test_add_func ("/output/containers", test_containers);
  g_test_add_func ("/output/empty", test_empty);
  g_test_add_func ("/output/column", test_column);
  g_test_add_func ("/output/json", test_json);
  g_test_add_func ("/output/filter", test_filter);
  g_test_add_func ("/output/filter-errors", test_filter_errors);
  g_test_add_func ("/output/clean", test_clean);
  g_test_add_func ("/output/wide-characters", test_wide_characters);
  g_test_add_func ("/output/size", test_size);
  g_test_add_func ("/output/time", test_time);
  g_test_add_func ("/output/json-kinds", test_json_kinds);
  return g_test_run ();
}
