/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * toml: every file of tests/data/toml against the ".expected" beside it, and the typed getters.
 */

#include "toml.h"

#include <string.h>

static char *
data_path (const char *kind, const char *name)
{
  return g_build_filename (g_getenv ("SC_TEST_DATA"), "toml", kind, name, NULL);
}

static void dump (const ScToml *toml, GString *out);

static void
dump_string (const char *text, GString *out)
{
  g_string_append_c (out, '"');
  for (const char *p = text; *p != '\0'; p++)
    switch (*p)
      {
      case '\n':
        g_string_append (out, "\\n");
        break;
      case '\t':
        g_string_append (out, "\\t");
        break;
      case '"':
      case '\\':
        g_string_append_printf (out, "\\%c", *p);
        break;
      default:
        g_string_append_c (out, *p);
      }
  g_string_append_c (out, '"');
}

static void
dump_table (const ScToml *toml, GString *out)
{
  g_string_append_c (out, '{');
  for (guint i = 0; i < toml->names->len; i++)
    {
      const char *name = g_ptr_array_index (toml->names, i);

      g_string_append_printf (out, "%s%s=", i > 0 ? "," : "", name);
      dump (g_hash_table_lookup (toml->members, name), out);
    }
  g_string_append_c (out, '}');
}

static void
dump (const ScToml *toml, GString *out)
{
  switch (toml->type)
    {
    case SC_TOML_STRING:
      dump_string (toml->string, out);
      break;
    case SC_TOML_INTEGER:
      g_string_append_printf (out, "%" G_GINT64_FORMAT, toml->integer);
      break;
    case SC_TOML_BOOLEAN:
      g_string_append (out, toml->boolean ? "true" : "false");
      break;
    case SC_TOML_ARRAY:
      g_string_append_c (out, '[');
      for (guint i = 0; i < toml->items->len; i++)
        {
          g_string_append (out, i > 0 ? "," : "");
          dump (g_ptr_array_index (toml->items, i), out);
        }
      g_string_append_c (out, ']');
      break;
    case SC_TOML_TABLE:
      dump_table (toml, out);
      break;
    }
}

/* (transfer full): what the file beside @path says, without its line end. */
static char *
read_expected (const char *path)
{
  g_autofree char *stem = g_strndup (path, strlen (path) - strlen (".toml"));
  g_autofree char *beside = g_strconcat (stem, ".expected", NULL);
  char *text = NULL;
  g_autoptr (GError) error = NULL;

  g_file_get_contents (beside, &text, NULL, &error);
  g_assert_no_error (error);
  return g_strchomp (text);
}

static void
test_valid (gconstpointer data)
{
  const char *path = data;
  g_autofree char *text = NULL;
  g_autofree char *expected = read_expected (path);
  g_autoptr (GString) got = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  gsize size = 0;

  g_file_get_contents (path, &text, &size, &error);
  g_assert_no_error (error);
  g_autoptr (ScToml) toml = sc_toml_parse ("conf", text, size, &error);
  g_assert_no_error (error);
  dump (toml, got);
  g_assert_cmpstr (got->str, ==, expected);
}

static void
test_should_fail (gconstpointer data)
{
  const char *path = data;
  g_autofree char *text = NULL;
  g_autofree char *part = read_expected (path);
  g_autofree char *expected = g_strconcat ("conf: ", part, NULL);
  g_autoptr (GError) error = NULL;
  gsize size = 0;

  g_file_get_contents (path, &text, &size, &error);
  g_assert_no_error (error);
  g_autoptr (ScToml) toml = sc_toml_parse ("conf", text, size, &error);
  g_assert_null (toml);
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
  if (!g_str_has_prefix (error->message, expected))
    g_error ("'%s' does not begin with '%s'", error->message, expected);
}

static void
test_limit (void)
{
  g_autofree char *text = g_strnfill (SC_TOML_MAX_SIZE + 1, '\n');
  g_autoptr (GError) error = NULL;
  g_autoptr (ScToml) whole = sc_toml_parse ("conf", text, SC_TOML_MAX_SIZE, &error);

  g_assert_no_error (error);
  g_assert_nonnull (whole);
  g_autoptr (ScToml) more = sc_toml_parse ("conf", text, SC_TOML_MAX_SIZE + 1, &error);
  g_assert_null (more);
  g_assert_error (error, SC_ERROR, SC_ERROR_LIMIT);
}

static void
test_getters (void)
{
  static const char text[] =
      "s = \"x\"\nb = true\nUpper = \"u\"\nl = [\"1\", \"2\"]\nt = {k = 1}\na = [{}, {}]\nm = [1]\n";
  g_autoptr (GError) error = NULL;
  g_autoptr (ScToml) toml = sc_toml_parse ("conf", text, strlen (text), &error);
  const char *string = "before";
  gboolean boolean = FALSE;
  const ScToml *table = NULL;
  const GPtrArray *tables = NULL;
  g_auto (GStrv) list = NULL;

  g_assert_no_error (error);
  g_assert_true (sc_toml_get_string (toml, "none", &string, &error));
  g_assert_cmpstr (string, ==, "before");
  g_assert_true (sc_toml_get_string (toml, "s", &string, &error));
  g_assert_cmpstr (string, ==, "x");
  g_assert_true (sc_toml_get_string (toml, "upper", &string, &error));
  g_assert_cmpstr (string, ==, "u");
  g_assert_true (sc_toml_get_boolean (toml, "b", &boolean, &error));
  g_assert_true (boolean);
  g_assert_true (sc_toml_get_strv (toml, "l", &list, &error));
  g_assert_cmpuint (g_strv_length (list), ==, 2);
  g_assert_true (sc_toml_get_table (toml, "t", &table, &error));
  g_assert_nonnull (table);
  g_assert_true (sc_toml_get_tables (toml, "a", &tables, &error));
  g_assert_cmpuint (tables->len, ==, 2);
  g_assert_no_error (error);

  g_assert_false (sc_toml_get_string (toml, "b", &string, &error));
  g_assert_cmpstr (error->message, ==, "conf: line 2, column 5: b must be a string");
  g_clear_error (&error);
  g_assert_false (sc_toml_get_boolean (toml, "s", &boolean, &error));
  g_clear_error (&error);
  g_assert_false (sc_toml_get_strv (toml, "m", &list, &error));
  g_assert_cmpstr (error->message, ==, "conf: line 7, column 6: m must be an array of strings");
  g_clear_error (&error);
  g_assert_false (sc_toml_get_tables (toml, "t", &tables, &error));
  g_clear_error (&error);
  g_assert_false (sc_toml_get_table (toml, "a", &table, &error));
}

static void
add_files (const char *kind, GTestDataFunc func)
{
  g_autofree char *path = data_path (kind, "");
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) dir = g_dir_open (path, 0, &error);
  const char *name = NULL;

  g_assert_no_error (error);
  while ((name = g_dir_read_name (dir)) != NULL)
    if (g_str_has_suffix (name, ".toml"))
      {
        g_autofree char *test = g_strdup_printf ("/toml/%s/%.*s", kind, (int)strlen (name) - 5, name);

        g_test_add_data_func_full (test, data_path (kind, name), func, g_free);
      }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_files ("valid", test_valid);
  add_files ("should-fail", test_should_fail);
  g_test_add_func ("/toml/limit", test_limit);
  g_test_add_func ("/toml/getters", test_getters);
  return g_test_run ();
}
