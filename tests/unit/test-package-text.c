/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* package-text: labels become fields, and nothing else. */
#include "package-text.h"

static GHashTable *
labels_of (const char *first, ...)
{
  GHashTable *labels = g_hash_table_new (g_str_hash, g_str_equal);
  va_list list;

  va_start (list, first);
  for (const char *key = first; key != NULL; key = va_arg (list, const char *))
    g_hash_table_insert (labels, (gpointer)key, (gpointer)va_arg (list, const char *));
  va_end (list);
  return labels;
}

static ScPackageText *
text_of (ScPackageTextKind kind, const char *container, int number, const char *key, const char *value)
{
  g_autoptr (GHashTable) labels = labels_of (key, value, NULL);
  g_autoptr (GError) error = NULL;
  ScPackageText *text = sc_package_text_new (kind, container, "image:latest", labels, number, &error);

  g_assert_no_error (error);
  return text;
}

static void
test_line (void)
{
  static const struct
  {
    const char *text, *line;
  } cases[] = {
    { "plain", "plain" }, { "a\nb\r\n\tc ", "a b c" },     { " \x1b[31mred", "[31mred" },
    { "a\\", "a/" },      { "\xe2\x80\xa8sep", "sep" },    { "cut\xff off", "cut" },
    { "", "" },           { "12345678901", "1234567890" }, { "\xc3\xa4\xc3\xa4", "\xc3\xa4\xc3\xa4" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *line = sc_package_text_line (cases[i].text, 10);

      g_assert_cmpstr (line, ==, cases[i].line);
    }
}

static void
test_versions (void)
{
  static const struct
  {
    const char *label, *version;
  } cases[] = {
    { "1.2", "1.2" },  { "", "1.0" },         { "v3", "0.v3" },
    { "1-2", "1.2" },  { "...", "1.0" },      { "%(reboot)", "0.reboot" },
    { "2\n3", "2.3" }, { "1:2..3", "1.2.3" }, { "1.0~rc1+x", "1.0~rc1+x" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (ScPackageText) text = text_of (SC_PACKAGE_TEXT_RPM, "x", 3, "atomic.version", cases[i].label);

      g_assert_cmpstr (text->version, ==, cases[i].version);
      g_assert_cmpstr (text->release, ==, "1.3");
    }
}

static void
test_names (void)
{
  g_autoptr (ScPackageText) rpm = text_of (SC_PACKAGE_TEXT_RPM, "My_Box", -1, "x", "y");
  g_autoptr (ScPackageText) same = text_of (SC_PACKAGE_TEXT_DEB, "my-box", -1, "x", "y");
  g_autoptr (ScPackageText) deb = text_of (SC_PACKAGE_TEXT_DEB, "My_Box", -1, "x", "y");
  g_autoptr (ScPackageText) other = text_of (SC_PACKAGE_TEXT_DEB, "my_box", -1, "x", "y");

  g_assert_cmpstr (rpm->name, ==, "atomic-container-My_Box");
  g_assert_cmpstr (rpm->release, ==, "1");
  g_assert_cmpstr (same->name, ==, "atomic-container-my-box");
  g_assert_true (g_str_has_prefix (deb->name, "atomic-container-my-box+"));
  g_assert_true (g_str_has_prefix (other->name, "atomic-container-my-box+"));
  g_assert_cmpstr (deb->name, !=, other->name);
}

static void
test_relations (void)
{
  static const struct
  {
    const char *label, *rpm, *deb; /* NULL: refused */
  } cases[] = {
    { "bash", "bash", "bash" },
    { "a1 >= 1.2, b2 (<< 3)", "a1 >= 1.2, b2 < 3", "a1 (>= 1.2), b2 (<< 3)" },
    { "a1 > 2,", "a1 > 2", "a1 (>> 2)" },
    { "perl(Foo::Bar)", "perl(Foo::Bar)", NULL },
    { "/usr/bin/sh", "/usr/bin/sh", NULL },
    { "a1\n%post", NULL, NULL },
    { "a1\n", "a1", "a1" },
    { "%{x}", NULL, NULL },
    { "a1 == 2", NULL, NULL },
    { "(a or b)", NULL, NULL },
    { "a1 b2", NULL, NULL },
    { "http://host/x.rpm", NULL, NULL },
    { "file:/x", NULL, NULL },
    { "/tmp/x.rpm", NULL, NULL },
    { "x.deb", NULL, NULL },
    { "a1 = 1.rpm", NULL, NULL },
    { "//host/x", NULL, NULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    for (int deb = 0; deb < 2; deb++)
      {
        g_autoptr (GHashTable) labels = labels_of ("atomic.requires", cases[i].label, NULL);
        g_autoptr (GError) error = NULL;
        const char *wanted = deb ? cases[i].deb : cases[i].rpm;
        g_autoptr (ScPackageText) text =
            sc_package_text_new (deb ? SC_PACKAGE_TEXT_DEB : SC_PACKAGE_TEXT_RPM, "x", "i", labels, 0, &error);

        if (wanted != NULL)
          g_assert_no_error (error);
        else
          g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
        g_assert_cmpstr (text != NULL ? text->requires : NULL, ==, wanted);
      }
}

/* No line of what comes from labels begins with a percent sign once macros are expanded, and each macro is ours. */
static void
test_spec (void)
{
  const char *evil = "%post\n%{lua:os.exit(1)}\nPre-Depends: x\n\\";
  g_autoptr (GHashTable) labels = labels_of ("atomic.summary", evil, "atomic.description", evil, "atomic.license", evil,
                                             "atomic.url", evil, "atomic.version", evil, "atomic.release", evil, NULL);
  g_autoptr (GHashTable) none = labels_of ("x", "y", NULL);
  g_autoptr (ScPackageText) text = sc_package_text_new (SC_PACKAGE_TEXT_RPM, "x", "i", labels, 0, NULL);
  g_autoptr (ScPackageText) plain = sc_package_text_new (SC_PACKAGE_TEXT_RPM, "x", "i", none, 0, NULL);
  g_autofree char *spec = sc_package_text_spec (text, ""), *bare = sc_package_text_spec (plain, ""),
                  *control = sc_package_text_control (text, "amd64", 1);
  g_auto (GStrv) lines = g_strsplit (spec, "\n", -1), bare_lines = g_strsplit (bare, "\n", -1);
  g_auto (GStrv) fields = g_strsplit (control, "\n", -1);

  for (char **line = lines; *line != NULL; line++)
    if (**line == '%')
      g_assert_true (g_strv_contains ((const char *const *)bare_lines, *line));
    else
      {
        g_autofree char *rest = g_strdup (*line);
        GString *checked = g_string_new (rest);

        g_string_replace (checked, "%%", "", 0);
        g_assert_true (strchr (checked->str, '%') == NULL || g_strv_contains ((const char *const *)bare_lines, *line));
        g_string_free (checked, TRUE);
      }
  for (char **field = fields; *field != NULL; field++)
    g_assert_false (g_str_has_prefix (*field, "Pre-Depends"));
  g_assert_nonnull (strstr (control, "Description: %post %{lua:os.exit(1)} Pre-Depends: x /\n"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/package-text/line", test_line);
  g_test_add_func ("/package-text/versions", test_versions);
  g_test_add_func ("/package-text/names", test_names);
  g_test_add_func ("/package-text/relations", test_relations);
  g_test_add_func ("/package-text/spec", test_spec);
  return g_test_run ();
}
