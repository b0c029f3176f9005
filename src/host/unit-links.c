/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Enabling and disabling a unit without systemd.  Owns the links in UNIT_DIR and its *.wants and *.requires
 * directories; never touches a unit file or anything else that is not a symlink.  All work is relative to a descriptor
 * of UNIT_DIR, opened beneath the root of the context; names from the unit file are checked before any becomes a path.
 */
#include "unit-links.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "fs.h"

#define UNIT_MAX_SIZE (1024 * 1024)
#define UNIT_NAME_MAX 255

static const char *const unit_types[] = { ".service", ".socket", ".target", ".device", ".mount", ".automount",
                                          ".swap",    ".timer",  ".path",   ".slice",  ".scope" };

static const char *
unit_type (const char *name)
{
  const char *dot = strrchr (name, '.');
  if (dot == NULL || dot == name)
    return NULL;
  for (gsize i = 0; i < G_N_ELEMENTS (unit_types); i++)
    if (g_str_equal (dot, unit_types[i]))
      return unit_types[i];
  return NULL;
}

gboolean
sc_unit_name_is_valid (const char *name)
{
  if (strlen (name) > UNIT_NAME_MAX || name[0] == '@' || unit_type (name) == NULL)
    return FALSE;
  for (const char *p = name; *p != '\0'; p++)
    if (!g_ascii_isalnum (*p) && strchr (":_.\\@-", *p) == NULL)
      return FALSE;
  return TRUE;
}

/* -- the [Install] section -- */

typedef struct
{
  const char *unit;
  guint line; /* of the text, where the assignment ended */
  GPtrArray *wanted_by;
  GPtrArray *required_by;
  GPtrArray *alias;
} Parser;

/* Appends what the specifier %@c stands for; FALSE for one that is not ours to resolve. */
static gboolean
append_specifier (GString *out, const char *unit, char c)
{
  g_autofree char *prefix = g_strndup (unit, (gsize)(strrchr (unit, '.') - unit)); /* %N */
  g_autofree char *name = g_strndup (prefix, strcspn (prefix, "@"));               /* %p */
  const char *at = strchr (prefix, '@');
  const char *dash = strrchr (name, '-');
  switch (c)
    {
    case '%':
      g_string_append_c (out, '%');
      return TRUE;
    case 'n':
      g_string_append (out, unit);
      return TRUE;
    case 'N':
      g_string_append (out, prefix);
      return TRUE;
    case 'p':
      g_string_append (out, name);
      return TRUE;
    case 'i':
      g_string_append (out, at != NULL ? at + 1 : "");
      return TRUE;
    case 'j':
      g_string_append (out, dash != NULL ? dash + 1 : name);
      return TRUE;
    default:
      return FALSE;
    }
}

static gboolean
expand_specifiers (const Parser *parser, const char *word, char **out_text, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);
  for (const char *p = word; *p != '\0'; p++)
    {
      if (*p != '%')
        g_string_append_c (text, *p);
      else if (p[1] == '\0')
        return sc_fail (error, SC_ERROR_INVALID, "%s: line %u: '%s' ends in a single %%", parser->unit, parser->line,
                        word);
      else if (!append_specifier (text, parser->unit, *++p))
        return sc_fail (error, SC_ERROR_UNSUPPORTED, "%s: line %u: '%s': specifier %%%c is not supported in [Install]",
                        parser->unit, parser->line, word, *p);
    }
  *out_text = g_string_free (g_steal_pointer (&text), FALSE);
  return TRUE;
}

/* The next word of *@p without its quotes, NULL at the end. A backslash stays: it is part of escaped names. */
static gboolean
next_word (const Parser *parser, const char **p, char **out_word, GError **error)
{
  const char *s = *p + strspn (*p, " \t\r");
  *out_word = NULL;
  if (*s == '\0')
    return TRUE;

  g_autoptr (GString) word = g_string_new (NULL);
  char quote = '\0';
  for (; *s != '\0' && (quote != '\0' || strchr (" \t\r", *s) == NULL); s++)
    {
      if (quote == '\0' && (*s == '"' || *s == '\''))
        quote = *s;
      else if (quote != '\0' && *s == quote)
        quote = '\0';
      else
        {
          g_string_append_c (word, *s);
          if (*s == '\\' && s[1] != '\0')
            g_string_append_c (word, *++s);
        }
    }
  if (quote != '\0')
    return sc_fail (error, SC_ERROR_INVALID, "%s: line %u: a quote is not closed", parser->unit, parser->line);
  *p = s;
  *out_word = g_string_free (g_steal_pointer (&word), FALSE);
  return TRUE;
}

static gboolean
add_values (const Parser *parser, const char *key, const char *value, GPtrArray *list, GError **error)
{
  if (*value == '\0')
    {
      g_ptr_array_set_size (list, 0);
      return TRUE;
    }
  for (;;)
    {
      g_autofree char *word = NULL;
      g_autofree char *name = NULL;
      if (!next_word (parser, &value, &word, error))
        return FALSE;
      if (word == NULL)
        return TRUE;
      if (!expand_specifiers (parser, word, &name, error))
        return FALSE;
      if (!sc_unit_name_is_valid (name))
        return sc_fail (error, SC_ERROR_INVALID, "%s: line %u: %s: '%s' is not the name of a unit", parser->unit,
                        parser->line, key, name);
      if (list == parser->alias && unit_type (name) != unit_type (parser->unit))
        return sc_fail (error, SC_ERROR_INVALID, "%s: line %u: alias '%s' is a unit of another type", parser->unit,
                        parser->line, name);
      /* An alias that is the unit's own name would replace the unit by a link to itself. */
      if (list == parser->alias && g_str_equal (name, parser->unit))
        continue;
      if (!g_ptr_array_find_with_equal_func (list, name, g_str_equal, NULL))
        g_ptr_array_add (list, g_steal_pointer (&name));
    }
}

/* One complete logical line. */
static gboolean
parse_line (const Parser *parser, char *line, gboolean *in_install, GError **error)
{
  line = g_strstrip (line);
  if (*line == '[')
    {
      *in_install = g_str_equal (line, "[Install]");
      return TRUE;
    }
  char *equals = strchr (line, '=');
  if (!*in_install || equals == NULL)
    return TRUE;

  *equals = '\0';
  const char *key = g_strstrip (line);
  const char *value = g_strstrip (equals + 1);
  if (g_str_equal (key, "WantedBy"))
    return add_values (parser, key, value, parser->wanted_by, error);
  if (g_str_equal (key, "RequiredBy"))
    return add_values (parser, key, value, parser->required_by, error);
  if (g_str_equal (key, "Alias"))
    return add_values (parser, key, value, parser->alias, error);
  return TRUE;
}

/* TRUE if @line ends in a backslash that is not itself escaped. */
static gboolean
is_continued (const char *line)
{
  gsize n = strlen (line);
  gsize slashes = 0;
  while (slashes < n && line[n - 1 - slashes] == '\\')
    slashes++;
  return slashes % 2 == 1;
}

static gboolean
parse_lines (Parser *parser, char **lines, GError **error)
{
  g_autoptr (GString) logical = g_string_new (NULL);
  gboolean in_install = FALSE;
  for (guint i = 0; lines[i] != NULL; i++)
    {
      parser->line = i + 1;
      const char *line = g_strchug (lines[i]);
      if (*line == '#' || *line == ';') /* also between the parts of a continued line */
        continue;
      g_string_append (logical, line);
      if (is_continued (line))
        {
          logical->str[logical->len - 1] = ' ';
          continue;
        }
      if (!parse_line (parser, logical->str, &in_install, error))
        return FALSE;
      g_string_truncate (logical, 0);
    }
  return parse_line (parser, logical->str, &in_install, error);
}

static char **
list_to_strv (GPtrArray *list)
{
  g_autoptr (GPtrArray) owned = list;
  g_ptr_array_set_free_func (owned, NULL);
  g_ptr_array_add (owned, NULL);
  return (char **)g_ptr_array_steal (owned, NULL);
}

ScUnitInstall *
sc_unit_install_parse (const char *unit, const char *text, gsize size, GError **error)
{
  if (!sc_unit_name_is_valid (unit))
    return sc_fail_null (error, SC_ERROR_INVALID, "'%s' is not the name of a unit", unit);
  if (size > UNIT_MAX_SIZE)
    return sc_fail_null (error, SC_ERROR_LIMIT, "%s: larger than %d bytes", unit, UNIT_MAX_SIZE);
  if (memchr (text, '\0', size) != NULL)
    return sc_fail_null (error, SC_ERROR_INVALID, "%s: holds a NUL byte", unit);

  g_autofree char *copy = g_strndup (text, size);
  g_auto (GStrv) lines = g_strsplit (copy, "\n", -1);
  g_autoptr (GPtrArray) wanted_by = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) required_by = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) alias = g_ptr_array_new_with_free_func (g_free);
  Parser parser = { .unit = unit, .wanted_by = wanted_by, .required_by = required_by, .alias = alias };
  if (!parse_lines (&parser, lines, error))
    return NULL;

  ScUnitInstall *install = g_new0 (ScUnitInstall, 1);
  install->wanted_by = list_to_strv (g_steal_pointer (&wanted_by));
  install->required_by = list_to_strv (g_steal_pointer (&required_by));
  install->alias = list_to_strv (g_steal_pointer (&alias));
  return install;
}

void
sc_unit_install_free (ScUnitInstall *install)
{
  if (install == NULL)
    return;
  g_strfreev (install->wanted_by);
  g_strfreev (install->required_by);
  g_strfreev (install->alias);
  g_free (install);
}

/* -- links -- */

/* UNIT_DIR, or @unit in it if that is not NULL; -1 on error. */
static int
open_unit_dir (const ScContext *ctx, const char *unit, int flags, GError **error)
{
  g_autofree char *path = g_build_filename (ctx->unit_dir, unit, NULL);
  SC_AUTOFD int root = sc_context_open_root (ctx, error);
  if (root < 0)
    return -1;
  return sc_fs_open_in_root (root, path, flags | O_RDONLY | O_CLOEXEC, 0, error);
}

static ScUnitInstall *
load_install (const ScContext *ctx, const char *unit, GError **error)
{
  gsize size = 0;
  SC_AUTOFD int fd = open_unit_dir (ctx, unit, O_NONBLOCK, error);
  if (fd < 0)
    return NULL;
  g_autoptr (GBytes) text = sc_fs_read_fd (fd, unit, UNIT_MAX_SIZE, error);
  if (text == NULL)
    return NULL;
  const char *data = g_bytes_get_data (text, &size);
  return sc_unit_install_parse (unit, data != NULL ? data : "", size, error);
}

static gboolean
is_link (int dfd, const char *path, gboolean *out_other)
{
  struct stat st;
  if (fstatat (dfd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
    return FALSE;
  if (out_other != NULL)
    *out_other = !S_ISLNK (st.st_mode);
  return S_ISLNK (st.st_mode);
}

/* (transfer full): paths of the links of @install, relative to UNIT_DIR. */
static char **
link_paths (const ScUnitInstall *install, const char *unit)
{
  GPtrArray *paths = g_ptr_array_new ();
  for (char **name = install->alias; *name != NULL; name++)
    g_ptr_array_add (paths, g_strdup (*name));
  for (char **name = install->wanted_by; *name != NULL; name++)
    g_ptr_array_add (paths, g_strdup_printf ("%s.wants/%s", *name, unit));
  for (char **name = install->required_by; *name != NULL; name++)
    g_ptr_array_add (paths, g_strdup_printf ("%s.requires/%s", *name, unit));
  return list_to_strv (paths);
}

gboolean
sc_unit_links_enable (const ScContext *ctx, const char *unit, GError **error)
{
  if (!sc_unit_name_is_valid (unit))
    return sc_fail (error, SC_ERROR_INVALID, "'%s' is not the name of a unit", unit);
  g_autoptr (ScUnitInstall) install = load_install (ctx, unit, error);
  if (install == NULL)
    return sc_prefix (error, "enable %s", unit);
  SC_AUTOFD int dfd = open_unit_dir (ctx, NULL, O_DIRECTORY, error);
  if (dfd < 0)
    return sc_prefix (error, "enable %s", unit);

  g_auto (GStrv) paths = link_paths (install, unit);
  for (char **path = paths; *path != NULL; path++)
    {
      gboolean other = FALSE;
      if (!is_link (dfd, *path, &other) && other)
        return sc_fail (error, SC_ERROR_EXISTS, "enable %s: %s/%s exists and is not a link", unit, ctx->unit_dir,
                        *path);
    }

  g_autofree char *target = g_build_filename (ctx->unit_dir, unit, NULL);
  for (char **path = paths; *path != NULL; path++)
    {
      g_autofree char *dir = g_path_get_dirname (*path);
      if (!sc_fs_mkdir_p_at (dfd, dir, 0755, error) || !sc_fs_replace_symlink_at (dfd, target, *path, error))
        return sc_prefix (error, "enable %s", unit);
    }
  return sc_fs_sync_dir_at (dfd, ".", error) || sc_prefix (error, "enable %s", unit);
}

/* Removes from the directory @dir of @dfd what links to one of @names; aliases found (@dir is ".") join @names.
 * A dependency directory that this empties is removed. */
static gboolean
remove_links_in (int dfd, const char *dir, const char *unit, GHashTable *names, guint *inout_removed, GError **error)
{
  gboolean top = g_str_equal (dir, ".");
  guint removed = 0;
  guint left = 0;
  g_auto (GStrv) entries = sc_fs_list_dir_at (dfd, dir, error);
  if (entries == NULL)
    return FALSE;
  for (char **entry = entries; *entry != NULL; entry++)
    {
      g_autofree char *path = g_build_filename (dir, *entry, NULL);
      left++;
      if (!is_link (dfd, path, NULL) || (top && g_str_equal (*entry, unit)))
        continue;
      g_autofree char *target = sc_fs_read_link_at (dfd, path, error);
      if (target == NULL)
        return FALSE;
      g_autofree char *base = g_path_get_basename (target);
      if (!g_hash_table_contains (names, base) && (top || !g_hash_table_contains (names, *entry)))
        continue;
      if (!sc_fs_unlink_at (dfd, path, error))
        return FALSE;
      if (top)
        g_hash_table_add (names, g_strdup (*entry));
      removed++;
      left--;
    }
  *inout_removed += removed;
  if (!top && removed > 0 && left == 0 && unlinkat (dfd, dir, AT_REMOVEDIR) < 0 && errno != ENOENT && errno != ENOTEMPTY
      && errno != EEXIST)
    return sc_fail_errno (error, errno, "%s", dir);
  return TRUE;
}

/* One pass over UNIT_DIR and its dependency directories. */
static gboolean
remove_links (int dfd, const char *unit, GHashTable *names, guint *out_removed, GError **error)
{
  *out_removed = 0;
  if (!remove_links_in (dfd, ".", unit, names, out_removed, error))
    return FALSE;
  g_auto (GStrv) entries = sc_fs_list_dir_at (dfd, ".", error);
  if (entries == NULL)
    return FALSE;
  for (char **entry = entries; *entry != NULL; entry++)
    {
      struct stat st;
      if (!g_str_has_suffix (*entry, ".wants") && !g_str_has_suffix (*entry, ".requires"))
        continue;
      if (fstatat (dfd, *entry, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR (st.st_mode))
        continue;
      if (!remove_links_in (dfd, *entry, unit, names, out_removed, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
sc_unit_links_disable (const ScContext *ctx, const char *unit, GError **error)
{
  g_autoptr (GError) local = NULL;
  if (!sc_unit_name_is_valid (unit))
    return sc_fail (error, SC_ERROR_INVALID, "'%s' is not the name of a unit", unit);
  SC_AUTOFD int dfd = open_unit_dir (ctx, NULL, O_DIRECTORY, &local);
  if (dfd < 0 && g_error_matches (local, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    return TRUE;
  if (dfd < 0)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return sc_prefix (error, "disable %s", unit);
    }

  g_autoptr (GHashTable) names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_hash_table_add (names, g_strdup (unit));
  /* Until a pass finds nothing: an alias can have aliases of its own, in any order. Each pass removes something. */
  for (guint removed = 1; removed > 0;)
    if (!remove_links (dfd, unit, names, &removed, error))
      return sc_prefix (error, "disable %s", unit);
  return sc_fs_sync_dir_at (dfd, ".", error) || sc_prefix (error, "disable %s", unit);
}

/* What to do with each directory of links, UNIT_DIR itself included. */
typedef gboolean (*VisitFunc) (int dfd, const char *dir, const char *unit, gpointer data, GError **error);

static gboolean
visit_link_dirs (const ScContext *ctx, const char *unit, VisitFunc visit, gpointer data, GError **error)
{
  g_autoptr (GError) local = NULL;
  SC_AUTOFD int dfd = open_unit_dir (ctx, NULL, O_DIRECTORY, &local);
  if (dfd < 0 && g_error_matches (local, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    return TRUE;
  if (dfd < 0)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  g_auto (GStrv) entries = sc_fs_list_dir_at (dfd, ".", error);
  if (entries == NULL || !visit (dfd, ".", unit, data, error))
    return FALSE;
  for (char **entry = entries; *entry != NULL; entry++)
    {
      struct stat st;
      if (!g_str_has_suffix (*entry, ".wants") && !g_str_has_suffix (*entry, ".requires"))
        continue;
      if (fstatat (dfd, *entry, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR (st.st_mode)
          && !visit (dfd, *entry, unit, data, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
find_link (int dfd, const char *dir, const char *unit, gpointer data, GError **error)
{
  gboolean *found = data;
  g_auto (GStrv) entries = sc_fs_list_dir_at (dfd, dir, error);
  if (entries == NULL)
    return FALSE;
  for (char **entry = entries; *entry != NULL && !*found; entry++)
    {
      g_autofree char *path = g_build_filename (dir, *entry, NULL);
      if (**entry == '.' || !is_link (dfd, path, NULL))
        continue;
      g_autofree char *target = sc_fs_read_link_at (dfd, path, error);
      if (target == NULL)
        return FALSE;
      g_autofree char *base = g_path_get_basename (target);
      *found = g_str_equal (base, unit) && (!g_str_equal (dir, ".") || !g_str_equal (*entry, unit));
    }
  return TRUE;
}

gboolean
sc_unit_links_exist (const ScContext *ctx, const char *unit, gboolean *out_enabled, GError **error)
{
  gboolean found = FALSE;
  if (!visit_link_dirs (ctx, unit, find_link, &found, error))
    return sc_prefix (error, "is %s enabled", unit);
  *out_enabled = found;
  return TRUE;
}

static gboolean
clean_links (int dfd, const char *dir, const char *unit, gpointer data, GError **error)
{
  return sc_fs_remove_temps_at (dfd, dir, unit, S_IFLNK, error);
}

gboolean
sc_unit_links_clean (const ScContext *ctx, const char *unit, GError **error)
{
  return visit_link_dirs (ctx, unit, clean_links, NULL, error);
}
