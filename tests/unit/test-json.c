/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* JSON: what is accepted, positions in messages, typed getters, output. */
#include <string.h>

#include "json.h"

static JsonNode *
parse (const char *text, GError **error)
{
  return sc_json_parse ("f.json", text, strlen (text), error);
}

static JsonObject *
parse_object (const char *text, JsonNode **out_node)
{
  g_autoptr (GError) error = NULL;

  *out_node = parse (text, &error);
  g_assert_no_error (error);
  return json_node_get_object (*out_node);
}

/* What is given comes out again, in json-glib's spelling. */
static void
test_valid (void)
{
  static const struct
  {
    const char *text;
    const char *expected;
  } rows[] = {
    { "{}", "{}" },
    { " \t\r\n[ ] \n", "[]" },
    { "[1,-1,0,-0,10]", "[1,-1,0,0,10]" },
    { "[9223372036854775807,-9223372036854775808]", "[9223372036854775807,-9223372036854775808]" },
    { "[0.5,1E2,1e+2,25e-1,-0.0,0e1]", "[0.5,100.0,100.0,2.5,-0.0,0.0]" },
    { "[true,false,null]", "[true,false,null]" },
    { "\"top\"", "\"top\"" },
    { "3", "3" },
    { "{\"a\":{\"b\":[{}, [], \"\"]},\"\":1}", "{\"a\":{\"b\":[{},[],\"\"]},\"\":1}" },
    { "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]", "[\"\\\"\\\\/\\b\\f\\n\\r\\t\"]" },
    { "[\"\\u00e9\\u20AC\\ud83d\\uDE00\"]", "[\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"]" },
    { "[\"// # /* ' \x7f\"]", "[\"// # /* ' \\u007f\"]" },
    { "{\"a\":1,\"a\":2}", "{\"a\":2}" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (JsonNode) node = parse (rows[i].text, &error);

      g_assert_no_error (error);
      g_autofree char *text = sc_json_to_text (node, FALSE);
      g_assert_cmpstr (text, ==, rows[i].expected);
    }
}

static const struct
{
  const char *text;
  const char *expected;
} invalid_rows[] = {
  { "", "f.json: line 1, column 1: the text ends here, expected a value" },
  { " \n ", "f.json: line 2, column 2: the text ends here, expected a value" },
  { "{\"a\":1,}", "f.json: line 1, column 8: expected a name in double quotes, found '}'" },
  { "[1,]", "f.json: line 1, column 4: expected a value, found ']'" },
  { "[1 2]", "f.json: line 1, column 4: expected ',' or ']', found '2'" },
  { "{\"a\" 1}", "f.json: line 1, column 6: expected ':', found '1'" },
  { "{\n \"a\": 1,\n \"b\": x\n}", "f.json: line 3, column 7: expected a value, found 'x'" },
  { "{\n \"a\": [1,\n  2\n", "f.json: line 4, column 1: the text ends here, expected ',' or ']'" },
  { "{\n\"\xc3\xa9\": \"\xc3\xbc\" x}", "f.json: line 2, column 10: expected ',' or '}', found 'x'" },
  { "[\n  \"abc\n", "f.json: line 2, column 7: control character 0x0a in a string" },
  { "[\n  \"abc", "f.json: line 2, column 3: this string has no end" },
  { "{} {}", "f.json: line 1, column 4: expected the end of the text, found '{'" },
  { "{\"a\":1]", "f.json: line 1, column 7: expected ',' or '}', found ']'" },
  { "[1}", "f.json: line 1, column 3: expected ',' or ']', found '}'" },
  { "]", "f.json: line 1, column 1: expected a value, found ']'" },
  { "{,}", "f.json: line 1, column 2: expected a name in double quotes or '}', found ','" },
  /* what json-glib alone would take */
  { "/* c */ {}", "f.json: line 1, column 1: expected a value, found '/'" },
  { "// c\n{}", "f.json: line 1, column 1: expected a value, found '/'" },
  { "{'a':1}", "f.json: line 1, column 2: expected a name in double quotes or '}', found '''" },
  { "var a = {};", "f.json: line 1, column 1: expected a value, found 'v'" },
  { "[01]", "f.json: line 1, column 2: a number may not begin with 0" },
  { "[0x10]", "f.json: line 1, column 3: expected ',' or ']', found 'x'" },
  { "[$10]", "f.json: line 1, column 2: expected a value, found '$'" },
  { "[1.]", "f.json: line 1, column 4: expected a digit, found ']'" },
  { "[.5]", "f.json: line 1, column 2: expected a value, found '.'" },
  { "[- 1]", "f.json: line 1, column 3: expected a digit, found ' '" },
  { "[1e]", "f.json: line 1, column 4: expected a digit, found ']'" },
  { "[trueish]", "f.json: line 1, column 6: expected the end of a word, found 'i'" },
  { "[True]", "f.json: line 1, column 2: expected a value, found 'T'" },
  { "[NaN]", "f.json: line 1, column 2: expected a value, found 'N'" },
  { "[9223372036854775808]", "f.json: line 1, column 2: the number 9223372036854775808 is out of range" },
  { "[-9223372036854775809]", "f.json: line 1, column 2: the number -9223372036854775809 is out of range" },
  { "[1e400]", "f.json: line 1, column 2: the number 1e400 is out of range" },
  { "[\"a\\u0000b\"]", "f.json: line 1, column 4: a string may not hold \\u0000" },
  { "[\"\\q\"]", "f.json: line 1, column 4: expected one of \"\\/bfnrtu after '\\', found 'q'" },
  { "[\"\\u12\"]", "f.json: line 1, column 7: expected four hex digits after '\\u', found '\"'" },
  { "[\"\\ud800\"]", "f.json: line 1, column 3: lone high surrogate" },
  { "[\"\\ud800\\u0041\"]", "f.json: line 1, column 3: lone high surrogate" },
  { "[\"\\udc00\"]", "f.json: line 1, column 3: lone low surrogate" },
  /* encoding */
  { "[\"a\xff\"]", "f.json: line 1, column 4: invalid UTF-8" },
  { "[\n\"\xc0\xaf\"]", "f.json: line 2, column 2: invalid UTF-8" },
  { "[\"\xed\xa0\x80\"]", "f.json: line 1, column 3: invalid UTF-8" },
  { "\xef\xbb\xbf{}", "f.json: line 1, column 1: expected a value, found '?'" },
};

/* Names that come twice, in whatever spelling; the same name in two objects is none of these. */
static void
test_unique (void)
{
  static const char *const good[] = {
    "{\"a\":1,\"b\":{\"a\":{\"a\":2}}}", "[{\"a\":1},{\"a\":1}]",        "{\"a\":\":\\\":\",\"\":\":\"}",
    "{\"a\":[{\"b\":[]}],\"A\":{}}",     "{\"a\\\\\":1,\"\\\"a:\":[2]}", "\":\"",
  };
  static const char *const bad[] = {
    "{\"a\":1,\"a\":1}",
    "{\"a\":1,\"\\u0061\":2}",
    "{\"b\":{\"a\":1,\"c\":2,\"a\":3}}",
    "[1,[{\"a\":{},\"a\":{}}]]",
    "{\"a\":{\"x\":1,\"y\":2},\"a\":{\"x\":1,\"y\":2}}",
    "{\"a\":1,\"a\":{\"b\":1,\"c\":2}}",
    "{\"\":1,\"\":1}",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (JsonNode) node = sc_json_parse_unique ("f.json", good[i], strlen (good[i]), &error);

      g_assert_no_error (error);
      g_assert_nonnull (node);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (JsonNode) node = sc_json_parse_unique ("f.json", bad[i], strlen (bad[i]), &error);

      g_assert_null (node);
      g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
      g_assert_cmpstr (error->message, ==, "f.json: a name is given twice in one object");
    }
}

static void
test_invalid (void)
{

  for (gsize i = 0; i < G_N_ELEMENTS (invalid_rows); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (parse (invalid_rows[i].text, &error));
      g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
      g_assert_cmpstr (error->message, ==, invalid_rows[i].expected);
    }
}

static void
test_nul (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (sc_json_parse ("f.json", "{}\n \0 x", 7, &error));
  g_assert_cmpstr (error->message, ==, "f.json: line 2, column 2: NUL byte");
}

/* The bytes need no NUL behind them; a scanner that reads on fails under ASan. */
static void
test_not_terminated (void)
{
  static const char *const rows[] = { "{",  "[",  "\"",  "\"\\", "\"\\u", "\"\\u00", "-",       "1",
                                      "1.", "1e", "1e+", "t",    "nul",   "[1",      "{\"a\":", "\"\\ud800" };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      gsize size = strlen (rows[i]);
      g_autofree char *exact = g_memdup2 (rows[i], size);
      g_autoptr (JsonNode) node = sc_json_parse ("f.json", exact, size, NULL);

      g_assert_true ((node != NULL) == (strcmp (rows[i], "1") == 0));
    }
}

static void
test_depth (void)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GError) error = NULL;

  for (int i = 0; i < SC_JSON_MAX_DEPTH; i++)
    g_string_append (text, i % 2 ? "{\"a\":" : "[");
  for (int i = SC_JSON_MAX_DEPTH; i > 0; i--)
    {
      if (i == SC_JSON_MAX_DEPTH)
        g_string_append (text, "1");
      g_string_append (text, i % 2 ? "]" : "}");
    }
  g_autoptr (JsonNode) good = parse (text->str, &error);
  g_assert_no_error (error);
  g_assert_nonnull (good);

  g_string_prepend_c (text, '[');
  g_string_append_c (text, ']');
  g_assert_null (parse (text->str, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
  g_assert_nonnull (strstr (error->message, "nested deeper than 64 levels"));
  g_clear_error (&error);

  g_autofree char *bomb = g_strnfill (1000000, '[');
  g_assert_null (parse (bomb, &error));
  g_assert_cmpstr (error->message, ==, "f.json: line 1, column 65: nested deeper than 64 levels");
}

#define DOCUMENT                                                                                                       \
  "{\"s\":\"text\",\"i\":42,\"d\":4.5,\"e\":1e2,\"b\":true,\"o\":{\"x\":\"y\",\"z\":\"\"},\"a\":[\"p\",\"q\"],"        \
  "\"n\":null,\"mixed\":[\"p\",7],\"nulls\":[null],\"map\":{\"ok\":\"1\",\"bad\":[]},\"objects\":[{\"k\":1},2]}"

static void
test_getters (void)
{
  g_autoptr (JsonNode) node = NULL;
  JsonObject *object = parse_object (DOCUMENT, &node);
  g_autoptr (GError) error = NULL;
  const char *s = NULL;
  gint64 i = 0;
  gboolean b = FALSE;
  JsonObject *o = NULL;
  JsonArray *a = NULL;
  g_auto (GStrv) strv = NULL;
  g_autoptr (GHashTable) map = NULL;

  g_assert_true (sc_json_get_string (object, "f", "s", SC_JSON_REQUIRED, &s, &error));
  g_assert_cmpstr (s, ==, "text");
  g_assert_true (sc_json_get_int (object, "f", "i", SC_JSON_REQUIRED, &i, &error));
  g_assert_cmpint (i, ==, 42);
  g_assert_true (sc_json_get_bool (object, "f", "b", SC_JSON_OPTIONAL, &b, &error));
  g_assert_true (b);
  g_assert_true (sc_json_get_object (object, "f", "o", SC_JSON_OPTIONAL, &o, &error));
  g_assert_cmpuint (json_object_get_size (o), ==, 2);
  g_assert_true (sc_json_get_array (object, "f", "a", SC_JSON_OPTIONAL, &a, &error));
  g_assert_cmpuint (json_array_get_length (a), ==, 2);
  g_assert_true (sc_json_get_strv (object, "f", "a", SC_JSON_OPTIONAL, &strv, &error));
  g_assert_cmpuint (g_strv_length (strv), ==, 2);
  g_assert_cmpstr (strv[1], ==, "q");
  g_assert_true (sc_json_get_string_map (object, "f", "o", SC_JSON_OPTIONAL, &map, &error));
  g_assert_cmpuint (g_hash_table_size (map), ==, 2);
  g_assert_cmpstr (g_hash_table_lookup (map, "x"), ==, "y");
  g_assert_no_error (error);
}

/* A missing and a null optional member leave the variable alone. */
static void
test_optional (void)
{
  g_autoptr (JsonNode) node = NULL;
  JsonObject *object = parse_object (DOCUMENT, &node);
  static const char *const keys[] = { "absent", "n" };

  for (gsize k = 0; k < G_N_ELEMENTS (keys); k++)
    {
      const char *s = "untouched";
      gint64 i = 77;
      gboolean b = TRUE;
      char **strv = NULL;
      GHashTable *map = NULL;
      JsonObject *o = NULL;
      JsonArray *a = NULL;

      g_assert_true (sc_json_get_string (object, "f", keys[k], SC_JSON_OPTIONAL, &s, NULL));
      g_assert_true (sc_json_get_int (object, "f", keys[k], SC_JSON_OPTIONAL, &i, NULL));
      g_assert_true (sc_json_get_bool (object, "f", keys[k], SC_JSON_OPTIONAL, &b, NULL));
      g_assert_true (sc_json_get_strv (object, "f", keys[k], SC_JSON_OPTIONAL, &strv, NULL));
      g_assert_true (sc_json_get_string_map (object, "f", keys[k], SC_JSON_OPTIONAL, &map, NULL));
      g_assert_true (sc_json_get_object (object, "f", keys[k], SC_JSON_OPTIONAL, &o, NULL));
      g_assert_true (sc_json_get_array (object, "f", keys[k], SC_JSON_OPTIONAL, &a, NULL));
      g_assert_cmpstr (s, ==, "untouched");
      g_assert_cmpint (i, ==, 77);
      g_assert_true (b);
      g_assert_true (strv == NULL && map == NULL && o == NULL && a == NULL);
    }
}

#define ASSERT_REFUSED(call, text)                                                                                     \
  G_STMT_START                                                                                                         \
  {                                                                                                                    \
    g_autoptr (GError) error = NULL;                                                                                   \
    g_assert_false (call);                                                                                             \
    g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);                                                                \
    g_assert_cmpstr (error->message, ==, text);                                                                        \
  }                                                                                                                    \
  G_STMT_END

static void
test_wrong_types (void)
{
  g_autoptr (JsonNode) node = NULL;
  JsonObject *object = parse_object (DOCUMENT, &node);
  const char *s = NULL;
  gint64 i = 0;
  gboolean b = FALSE;
  JsonObject *o = NULL;
  JsonArray *a = NULL;
  char **strv = NULL;
  GHashTable *map = NULL;

  ASSERT_REFUSED (sc_json_get_string (object, "f", "absent", SC_JSON_REQUIRED, &s, &error),
                  "f: absent: missing, expected a string");
  ASSERT_REFUSED (sc_json_get_string (object, "f", "n", SC_JSON_REQUIRED, &s, &error),
                  "f: n: expected a string, found null");
  ASSERT_REFUSED (sc_json_get_string (object, "f: process", "i", SC_JSON_OPTIONAL, &s, &error),
                  "f: process.i: expected a string, found a number");
  ASSERT_REFUSED (sc_json_get_int (object, "f", "d", SC_JSON_OPTIONAL, &i, &error),
                  "f: d: expected an integer, found a number with a fraction or an exponent");
  ASSERT_REFUSED (sc_json_get_int (object, "f", "e", SC_JSON_OPTIONAL, &i, &error),
                  "f: e: expected an integer, found a number with a fraction or an exponent");
  ASSERT_REFUSED (sc_json_get_int (object, "f", "b", SC_JSON_OPTIONAL, &i, &error),
                  "f: b: expected an integer, found a boolean");
  ASSERT_REFUSED (sc_json_get_bool (object, "f", "s", SC_JSON_OPTIONAL, &b, &error),
                  "f: s: expected true or false, found a string");
  ASSERT_REFUSED (sc_json_get_object (object, "f", "a", SC_JSON_OPTIONAL, &o, &error),
                  "f: a: expected an object, found an array");
  ASSERT_REFUSED (sc_json_get_array (object, "f", "o", SC_JSON_OPTIONAL, &a, &error),
                  "f: o: expected an array, found an object");
  ASSERT_REFUSED (sc_json_get_strv (object, "f: process", "mixed", SC_JSON_OPTIONAL, &strv, &error),
                  "f: process.mixed[1]: expected a string, found a number");
  ASSERT_REFUSED (sc_json_get_strv (object, "f", "nulls", SC_JSON_OPTIONAL, &strv, &error),
                  "f: nulls[0]: expected a string, found null");
  ASSERT_REFUSED (sc_json_get_string_map (object, "f", "map", SC_JSON_OPTIONAL, &map, &error),
                  "f: map.bad: expected a string, found an array");
  g_assert_true (s == NULL && i == 0 && o == NULL && a == NULL && strv == NULL && map == NULL);
}

static void
test_node_and_element (void)
{
  g_autoptr (JsonNode) node = NULL;
  JsonObject *object = parse_object (DOCUMENT, &node);
  JsonArray *array = json_object_get_array_member (object, "objects");

  g_assert_true (sc_json_node_object (node, "f", NULL) == object);
  g_assert_nonnull (sc_json_element_object (array, "f: objects", 0, NULL));
  ASSERT_REFUSED (sc_json_element_object (array, "f: objects", 1, &error),
                  "f: objects[1]: expected an object, found a number");
  ASSERT_REFUSED (sc_json_element_object (array, "f: objects", 2, &error),
                  "f: objects[2]: expected an object, found nothing");
  ASSERT_REFUSED (sc_json_node_object (NULL, "f", &error), "f: expected an object, found nothing");
  ASSERT_REFUSED (sc_json_node_object (json_object_get_member (object, "n"), "f: n", &error),
                  "f: n: expected an object, found null");
}

static void
test_to_text (void)
{
  g_autoptr (JsonNode) node = NULL;

  parse_object ("{\"a\":[1,{\"b\":\"x\\u0001\\u001b\\n\"}]}", &node);
  g_autofree char *pretty = sc_json_to_text (node, TRUE);
  g_autofree char *plain = sc_json_to_text (node, FALSE);
  g_assert_cmpstr (plain, ==, "{\"a\":[1,{\"b\":\"x\\u0001\\u001b\\n\"}]}");
  g_assert_cmpstr (pretty, ==, "{\n  \"a\" : [\n    1,\n    {\n      \"b\" : \"x\\u0001\\u001b\\n\"\n    }\n  ]\n}\n");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/json/valid", test_valid);
  g_test_add_func ("/json/invalid", test_invalid);
  g_test_add_func ("/json/unique", test_unique);
  g_test_add_func ("/json/nul", test_nul);
  g_test_add_func ("/json/not-terminated", test_not_terminated);
  g_test_add_func ("/json/depth", test_depth);
  g_test_add_func ("/json/getters", test_getters);
  g_test_add_func ("/json/optional", test_optional);
  g_test_add_func ("/json/wrong-types", test_wrong_types);
  g_test_add_func ("/json/node-and-element", test_node_and_element);
  g_test_add_func ("/json/to-text", test_to_text);
  return g_test_run ();
}
