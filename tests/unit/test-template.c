/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* template: the grammar, what an unset variable says, and which value is blamed for a place in the result. */
#include "template.h"

#include <string.h>

static GHashTable *
make_values (const char *first, ...)
{
  GHashTable *values = g_hash_table_new (g_str_hash, g_str_equal);
  va_list args;

  va_start (args, first);
  for (const char *name = first; name != NULL; name = va_arg (args, const char *))
    g_hash_table_insert (values, (char *)name, va_arg (args, char *));
  va_end (args);
  return values;
}

static void
test_variables (void)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) names = sc_template_variables ("f", "a $B ${_c1}x $$D $B\n$E-$F.g", &error);

  g_assert_no_error (error);
  const char *const expected[] = { "B", "_c1", "E", "F", NULL };
  g_assert_cmpstrv (names, expected);
}

static void
test_expand (void)
{
  static const struct
  {
    const char *text, *expected;
  } cases[] = {
    { "", "" },
    { "no variable", "no variable" },
    { "$A", "1" },
    { "${A}", "1" },
    { "${A}${B}$A", "1two1" },
    { "$$A $$$A $$", "$A $1 $" },
    { "a${E}b", "ab" },
    { "$A_ ${A}_", "under 1_" },
    { "$R", "$A ${B} $$ $" },
    { "x$A\xc3\xa4", "x1\xc3\xa4" },
    { "{${A}}", "{1}" },
  };
  g_autoptr (GHashTable) values = make_values ("A", "1", "B", "two", "E", "", "A_", "under", "R", "$A ${B} $$ $", NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (ScExpansion) result = sc_template_expand ("f", cases[i].text, values, &error);
      g_assert_no_error (error);
      g_assert_cmpstr (result->text, ==, cases[i].expected);
    }
}

static void
test_bad (void)
{
  static const struct
  {
    const char *text, *message;
  } cases[] = {
    { "$", "f: line 1, column 1: no variable name after '$' (a dollar sign is '$$')" },
    { "ab$ c", "f: line 1, column 3: no variable name after '$' (a dollar sign is '$$')" },
    { "\n\n  $1", "f: line 3, column 3: no variable name after '$' (a dollar sign is '$$')" },
    { "$$$", "f: line 1, column 3: no variable name after '$' (a dollar sign is '$$')" },
    { "x\n${}", "f: line 2, column 1: no variable name after '${'" },
    { "${1}", "f: line 1, column 1: no variable name after '${'" },
    { "${A", "f: line 1, column 1: no '}' after the variable name of '${'" },
    { "${A-b}", "f: line 1, column 1: no '}' after the variable name of '${'" },
    { "${", "f: line 1, column 1: no variable name after '${'" },
    { "$\xc3\xa4", "f: line 1, column 1: no variable name after '$' (a dollar sign is '$$')" },
  };
  g_autoptr (GHashTable) values = make_values ("A", "1", NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GError) again = NULL;

      g_assert_null (sc_template_variables ("f", cases[i].text, &error));
      g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
      g_assert_cmpstr (error->message, ==, cases[i].message);
      g_assert_null (sc_template_expand ("f", cases[i].text, values, &again));
      g_assert_cmpstr (again->message, ==, cases[i].message);
    }
}

static void
test_unset (void)
{
  g_autoptr (GHashTable) values = make_values ("A", "1", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_null (sc_template_expand ("config.json.template", "$A $X $Y", values, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_NOT_FOUND);
  g_assert_cmpstr (error->message, ==,
                   "The template file 'config.json.template' still contains an unreplaced value for: 'X'");
}

static void
test_limit (void)
{
  g_autofree char *big = g_strnfill (SC_TEMPLATE_MAX_RESULT / 2 + 1, 'x');
  g_autoptr (GHashTable) values = make_values ("A", big, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_null (sc_template_expand ("f", "$A$A", values, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_LIMIT);
}

static void
test_variable_at (void)
{
  g_autoptr (GHashTable) values = make_values ("A", "aaa", "M", "1\n2", "E", "", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (ScExpansion) result = sc_template_expand ("f", "x\n$A-$A,$E;\nplain\n$M end\n", values, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (result->spans->len, ==, 4);
  g_assert_cmpstr (result->text, ==, "x\naaa-aaa,;\nplain\n1\n2 end\n");
  g_assert_null (sc_expansion_variable_at (result, 1, 1));
  g_assert_cmpstr (sc_expansion_variable_at (result, 2, 1), ==, "A");
  g_assert_cmpstr (sc_expansion_variable_at (result, 2, 4), ==, "A");
  g_assert_cmpstr (sc_expansion_variable_at (result, 2, 9), ==, "E");
  g_assert_cmpstr (sc_expansion_variable_at (result, 2, 10), ==, "E");
  g_assert_null (sc_expansion_variable_at (result, 3, 3));
  g_assert_cmpstr (sc_expansion_variable_at (result, 4, 1), ==, "M");
  g_assert_cmpstr (sc_expansion_variable_at (result, 5, 1), ==, "M");
  g_assert_cmpstr (sc_expansion_variable_at (result, 5, 4), ==, "M");
  g_assert_null (sc_expansion_variable_at (result, 99, 1));
}

static void
test_check_lines (void)
{
  static const struct
  {
    const char *value, *text, *message;
  } cases[] = {
    { "fine\ttab $ %", "D=$V\n", NULL },
    { "a\\", "D=$V b\n", NULL },
    { "a\nExecStart=/bin/evil", "D=$V\n", "u: the value of variable 'V' has a control character (0x0a)" },
    { "a\r", "D=$V\n", "u: the value of variable 'V' has a control character (0x0d)" },
    { "\x1b[1m", "D=$V\n", "u: the value of variable 'V' has a control character (0x1b)" },
    { "\x7f", "D=$V\n", "u: the value of variable 'V' has a control character (0x7f)" },
    { "a\\", "D=$V\nE=1\n", "u: the value of variable 'V' ends in a backslash, which would join the next line" },
    { "a\\", "D=$V", "u: the value of variable 'V' ends in a backslash, which would join the next line" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GHashTable) values = make_values ("V", cases[i].value, NULL);
      g_autoptr (GError) error = NULL;
      g_autoptr (ScExpansion) result = sc_template_expand ("u", cases[i].text, values, NULL);
      gboolean good = sc_expansion_check_lines (result, "u", &error);

      g_assert_cmpint (good, ==, cases[i].message == NULL);
      if (cases[i].message != NULL)
        {
          g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
          g_assert_cmpstr (error->message, ==, cases[i].message);
        }
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/template/variables", test_variables);
  g_test_add_func ("/template/expand", test_expand);
  g_test_add_func ("/template/bad", test_bad);
  g_test_add_func ("/template/unset", test_unset);
  g_test_add_func ("/template/limit", test_limit);
  g_test_add_func ("/template/variable-at", test_variable_at);
  g_test_add_func ("/template/check-lines", test_check_lines);
  return g_test_run ();
}
