/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Labels of an image as fields of a package.  A label is one line: rpm and dpkg take what begins a line for structure.
 * In a spec no percent sign of it is a macro, and none begins a line, where it would be a section even if it is
 * doubled.
 */
#include "package-text.h"

#include <string.h>

#include "package-manager.h"

#define NAME_PREFIX     "atomic-container-"
#define LINE_LIMIT      200
#define TEXT_LIMIT      2000
#define VERSION_LIMIT   64
#define RELATIONS_LIMIT 100
#define RELATION                                                                                                       \
  "^([A-Za-z0-9_/][A-Za-z0-9_/.+:-]*(?:\\([A-Za-z0-9_/"                                                                \
  ".+:-]*\\)){0,2})(?:\\s*\\(?\\s*(<<|>>|<=|>=|=|<|>)\\s*([A-Za-z0-9][A-Za-z0-9.+~^:_-]*)\\s*\\)?)?$"
#define DEB_NAME "^[a-z0-9][a-z0-9+.-]+$"

void
sc_package_text_free (ScPackageText *text)
{
  if (text == NULL)
    return;
  g_free (text->name);
  g_free (text->version);
  g_free (text->release);
  g_free (text->summary);
  g_free (text->description);
  g_free (text->license);
  g_free (text->url);
  g_free (text->origin);
  g_free (text->requires);
  g_free (text->provides);
  g_free (text->conflicts);
  g_free (text);
}

/* -- texts -- */

char *
sc_package_text_line (const char *text, glong max)
{
  GString *line = g_string_new (NULL);

  for (const char *p = text; *p != '\0' && max > 0; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char_validated (p, -1);

      if (c == (gunichar)-1 || c == (gunichar)-2)
        break;
      if (c == '\\')
        c = '/';
      if (!g_unichar_isprint (c) || g_unichar_isspace (c))
        {
          if (line->len == 0 || line->str[line->len - 1] == ' ')
            continue;
          c = ' ';
        }
      g_string_append_unichar (line, c);
      max--;
    }
  return g_strchomp (g_string_free (line, FALSE));
}

static const char *
label (GHashTable *labels, const char *name)
{
  g_autofree char *key = g_strconcat ("atomic.", name, NULL);
  const char *text = g_hash_table_lookup (labels, key);

  return text != NULL ? text : "";
}

static char *
line_or (GHashTable *labels, const char *name, const char *fallback)
{
  g_autofree char *line = sc_package_text_line (label (labels, name), LINE_LIMIT);

  return *line != '\0' ? g_steal_pointer (&line) : sc_package_text_line (fallback, LINE_LIMIT);
}

/* What is no letter or digit of a version becomes a dot; a digit stands first. */
static char *
version_or (GHashTable *labels, const char *name, const char *fallback)
{
  g_autofree char *text = g_strndup (label (labels, name), VERSION_LIMIT);
  const char *start;

  for (char *p = text; *p != '\0'; p++)
    if (!g_ascii_isalnum (*p) && *p != '+' && *p != '~')
      *p = '.';
  for (char *p = strstr (text, ".."); p != NULL; p = strstr (text, ".."))
    memmove (p, p + 1, strlen (p));
  while (g_str_has_suffix (text, "."))
    text[strlen (text) - 1] = '\0';
  start = text + strspn (text, ".");
  if (*start == '\0')
    return g_strdup (fallback);
  return g_ascii_isdigit (*start) ? g_strdup (start) : g_strconcat ("0.", start, NULL);
}

/* Debian's names have no capitals and no underscores: two containers must not meet in one. */
static char *
package_name (ScPackageTextKind kind, const char *container)
{
  g_autofree char *lower = g_ascii_strdown (container, -1), *sum = NULL;

  g_strdelimit (lower, "_", '-');
  if (kind == SC_PACKAGE_TEXT_RPM || strcmp (lower, container) == 0)
    return g_strconcat (NAME_PREFIX, container, NULL);
  sum = g_compute_checksum_for_string (G_CHECKSUM_SHA256, container, -1);
  return g_strdup_printf (NAME_PREFIX "%s+%.8s", lower, sum);
}

static char *
take_url (GHashTable *labels)
{
  g_autofree char *url = sc_package_text_line (label (labels, "url"), LINE_LIMIT);

  return g_regex_match_simple ("^[a-z]+://[^ ]+$", url, 0, 0) ? g_steal_pointer (&url) : NULL;
}

/* -- relations -- */

static const char *
family_operator (ScPackageTextKind kind, const char *op)
{
  if (kind == SC_PACKAGE_TEXT_RPM)
    return op[1] == op[0] ? (op[0] == '<' ? "<" : op[0] == '>' ? ">" : op) : op;
  return strcmp (op, "<") == 0 ? "<<" : strcmp (op, ">") == 0 ? ">>" : op;
}

static gboolean
add_relation (ScPackageTextKind kind, const char *field, const char *item, GString *list, GError **error)
{
  g_autoptr (GRegex) regex = g_regex_new (RELATION, G_REGEX_DOLLAR_ENDONLY, 0, NULL);
  g_autoptr (GMatchInfo) match = NULL;
  g_autofree char *shown = sc_package_text_line (item, LINE_LIMIT), *name = NULL, *op = NULL, *version = NULL;

  if (strlen (item) > LINE_LIMIT || !g_regex_match (regex, item, 0, &match))
    return sc_fail (error, SC_ERROR_INVALID, "label atomic.%s: '%s' is not a package with at most a version", field,
                    shown);
  name = g_match_info_fetch (match, 1);
  if (!sc_package_is_capability (item) || !sc_package_is_capability (name))
    return sc_fail (error, SC_ERROR_INVALID, "label atomic.%s: '%s' is a file or an address, not a package", field,
                    shown);
  op = g_match_info_fetch (match, 2);
  version = g_match_info_fetch (match, 3);
  if (kind == SC_PACKAGE_TEXT_DEB && !g_regex_match_simple (DEB_NAME, name, G_REGEX_DOLLAR_ENDONLY, 0))
    return sc_fail (error, SC_ERROR_INVALID, "label atomic.%s: '%s' is no name of a Debian package", field, name);
  g_string_append_printf (list, "%s%s", list->len > 0 ? ", " : "", name);
  if (op == NULL || *op == '\0')
    return TRUE;
  g_string_append_printf (list, kind == SC_PACKAGE_TEXT_RPM ? " %s %s" : " (%s %s)", family_operator (kind, op),
                          version);
  return TRUE;
}

static gboolean
take_relations (ScPackageTextKind kind, GHashTable *labels, const char *field, char **out, GError **error)
{
  g_auto (GStrv) items = g_strsplit (label (labels, field), ",", RELATIONS_LIMIT + 1);
  g_autoptr (GString) list = g_string_new (NULL);

  if (g_strv_length (items) > RELATIONS_LIMIT)
    return sc_fail (error, SC_ERROR_LIMIT, "label atomic.%s: more than %d packages", field, RELATIONS_LIMIT);
  for (char **item = items; *item != NULL; item++)
    if (*g_strstrip (*item) != '\0' && !add_relation (kind, field, *item, list, error))
      return FALSE;
  if (list->len > 0)
    *out = g_strdup (list->str);
  return TRUE;
}

ScPackageText *
sc_package_text_new (ScPackageTextKind kind, const char *container, const char *image, GHashTable *labels, int number,
                     GError **error)
{
  g_autoptr (ScPackageText) text = g_new0 (ScPackageText, 1);
  g_autofree char *origin = g_strdup_printf ("System container %s, made of the image %s.", container, image),
                  *summary = g_strdup_printf ("System container %s", container),
                  *release = version_or (labels, "release", "1");

  text->name = package_name (kind, container);
  text->version = version_or (labels, "version", "1.0");
  text->release = number < 0 ? g_strdup (release) : g_strdup_printf ("%s.%d", release, number);
  text->summary = line_or (labels, "summary", summary);
  text->license = line_or (labels, "license", "unspecified");
  text->url = take_url (labels);
  text->origin = sc_package_text_line (origin, TEXT_LIMIT);
  text->description = sc_package_text_line (label (labels, "description"), TEXT_LIMIT);
  if (*text->description == '\0')
    g_clear_pointer (&text->description, g_free);
  if (!take_relations (kind, labels, "requires", &text->requires, error)
      || !take_relations (kind, labels, "provides", &text->provides, error)
      || !take_relations (kind, labels, "conflicts", &text->conflicts, error))
    return NULL;
  return g_steal_pointer (&text);
}

/* -- files -- */

char *
sc_package_text_escape (const char *text)
{
  GString *escaped = g_string_new (text);

  g_string_replace (escaped, "%", "%%", 0);
  return g_string_free (escaped, FALSE);
}

static void
add_field (GString *out, const char *name, const char *value, gboolean escape)
{
  g_autofree char *escaped = value != NULL && escape ? sc_package_text_escape (value) : g_strdup (value);

  if (escaped != NULL)
    g_string_append_printf (out, "%s: %s\n", name, escaped);
}

/* Nothing is compiled, stripped or scanned: the files are the container's as they are. */
#define SPEC_HEAD                                                                                                      \
  "%global debug_package %{nil}\n"                                                                                     \
  "%global __os_install_post %{nil}\n"                                                                                 \
  "%global __arch_install_post %{nil}\n"                                                                               \
  "%global __spec_install_post %{nil}\n"                                                                               \
  "%global _build_id_links none\n"

#define SPEC_INSTALL                                                                                                   \
  "mkdir -p \"%{buildroot}\"\n"                                                                                        \
  "cp -al \"%{atomic_hostfs}/.\" \"%{buildroot}/\" 2>/dev/null || cp -a \"%{atomic_hostfs}/.\" \"%{buildroot}/\"\n"

char *
sc_package_text_spec (const ScPackageText *text, const char *files)
{
  GString *out = g_string_new (SPEC_HEAD);
  g_autofree char *origin = sc_package_text_escape (text->origin),
                  *description = text->description != NULL ? sc_package_text_escape (text->description) : NULL;

  add_field (out, "Name", text->name, TRUE);
  add_field (out, "Version", text->version, TRUE);
  add_field (out, "Release", text->release, TRUE);
  add_field (out, "Summary", text->summary, TRUE);
  add_field (out, "License", text->license, TRUE);
  add_field (out, "URL", text->url, TRUE);
  add_field (out, "AutoReqProv", "no", FALSE);
  add_field (out, "Requires", text->requires, TRUE);
  add_field (out, "Provides", text->provides, TRUE);
  add_field (out, "Conflicts", text->conflicts, TRUE);
  g_string_append_printf (out, "\n%%description\n%s\n", origin);
  if (description != NULL)
    g_string_append_printf (out, "\nDescription: %s\n", description);
  g_string_append (out, "\n%install\n" SPEC_INSTALL "\n%files\n");
  g_string_append (out, files);
  return g_string_free (out, FALSE);
}

char *
sc_package_text_control (const ScPackageText *text, const char *architecture, guint64 size)
{
  GString *out = g_string_new (NULL);

  add_field (out, "Package", text->name, FALSE);
  g_string_append_printf (out, "Version: %s-%s\n", text->version, text->release);
  add_field (out, "Architecture", architecture, FALSE);
  add_field (out, "Maintainer", "atomic <root@localhost>", FALSE);
  g_string_append_printf (out, "Installed-Size: %" G_GUINT64_FORMAT "\n", size);
  add_field (out, "Depends", text->requires, FALSE);
  add_field (out, "Provides", text->provides, FALSE);
  add_field (out, "Conflicts", text->conflicts, FALSE);
  add_field (out, "Homepage", text->url, FALSE);
  g_string_append_printf (out, "Description: %s\n %s\n", text->summary, text->origin);
  g_string_append_printf (out, " License: %s\n", text->license);
  if (text->description != NULL)
    g_string_append_printf (out, " .\n %s\n", text->description);
  return g_string_free (out, FALSE);
}
