/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * exports/hostfs of an image as a list of what is to be where.
 *
 * All of it is the image's word.  Below exports/hostfs no link is followed; a path of the result is absolute, has
 * neither
 * ".." nor doubled slashes, and is in no place where a file of an image could break the system or us.
 */
#include "host-plan.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "config-json.h"
#include "fs.h"
#include "host-guard.h"
#include "template.h"

#define HOSTFS       "exports/hostfs"
#define TEMPLATE_MAX (1024 * 1024)

typedef struct
{
  const ScHostPlanInput *input;
  GHashTable *renames;   /* clean path -> expanded target */
  GHashTable *templates; /* set of clean paths, as they are written and expanded */
  GPtrArray *forbidden;  /* char * */
  GHashTable *found;     /* path on the host -> ScHostEntry, owned */
  guint count;
  gsize text_size; /* of templates, filled in */
} Planner;

static void
entry_free (ScHostEntry *entry)
{
  g_free (entry->path);
  g_free (entry->source);
  g_free (entry->text);
  g_free (entry);
}

void
sc_host_plan_free (ScHostPlan *plan)
{
  if (plan == NULL)
    return;
  g_clear_pointer (&plan->entries, g_ptr_array_unref);
  g_free (plan);
}

static void
planner_clear (Planner *p)
{
  g_clear_pointer (&p->renames, g_hash_table_unref);
  g_clear_pointer (&p->templates, g_hash_table_unref);
  g_clear_pointer (&p->forbidden, g_ptr_array_unref);
  g_clear_pointer (&p->found, g_hash_table_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Planner, planner_clear)

int
sc_host_plan_open (int rootfs, GError **error)
{
  /* exports may be a link, as /lib is. */
  int fd = sc_fs_open_in_root (rootfs, HOSTFS, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, error);

  return fd;
}

/* -- manifest.json -- */

static gboolean
is_printable (const char *text)
{
  if (!g_utf8_validate (text, -1, NULL))
    return FALSE;
  for (const char *c = text; *c != '\0'; c = g_utf8_next_char (c))
    if (g_unichar_iscntrl (g_utf8_get_char (c)))
      return FALSE;
  return TRUE;
}

static gboolean
has_dots (const char *path)
{
  g_auto (GStrv) parts = g_strsplit (path, "/", -1);

  for (char **part = parts; *part != NULL; part++)
    if (strcmp (*part, "..") == 0 || strcmp (*part, ".") == 0 || strlen (*part) > NAME_MAX)
      return TRUE;
  return FALSE;
}

static gboolean
check_target (const char *key, const char *target, GError **error)
{
  if (target[0] != '/' || has_dots (target) || !is_printable (target) || strlen (target) >= PATH_MAX
      || target[strspn (target, "/")] == '\0')
    return sc_fail (error, SC_ERROR_INVALID, "exports/manifest.json: renameFiles: '%s': '%s' is no clean absolute path",
                    key, target);
  return TRUE;
}

/* Such a path is no file's, and need not be kept. */
static gboolean
check_length (const char *key, const char *path, GError **error)
{
  return strlen (path) < PATH_MAX
         || sc_fail (error, SC_ERROR_LIMIT, "exports/manifest.json: %s: a path of more than %d bytes", key,
                     PATH_MAX - 1);
}

static gboolean
read_renames (Planner *p, GError **error)
{
  GHashTableIter iter;
  gpointer key, text;

  g_hash_table_iter_init (&iter, p->input->exports->rename_files);
  while (g_hash_table_iter_next (&iter, &key, &text))
    {
      g_autoptr (ScExpansion) from = sc_template_expand ("manifest.json: renameFiles", key, p->input->values, error);
      g_autoptr (ScExpansion) to =
          from != NULL ? sc_template_expand ("manifest.json: renameFiles", text, p->input->values, error) : NULL;

      if (to == NULL || !check_length ("renameFiles", from->text, error) || !check_target (key, to->text, error))
        return FALSE;
      g_hash_table_replace (p->renames, sc_config_clean_path (from->text), sc_config_clean_path (to->text));
    }
  return TRUE;
}

static gboolean
read_templates (Planner *p, GError **error)
{
  for (char **path = p->input->exports->installed_files_template; *path != NULL; path++)
    {
      g_autoptr (ScExpansion) expanded =
          sc_template_expand ("manifest.json: installedFilesTemplate", *path, p->input->values, error);

      if (expanded == NULL || !check_length ("installedFilesTemplate", expanded->text, error))
        return FALSE;
      g_hash_table_add (p->templates, sc_config_clean_path (*path));
      g_hash_table_add (p->templates, sc_config_clean_path (expanded->text));
    }
  return TRUE;
}

/* -- names -- */

/* (transfer full): where the file @source ("/etc/x") goes.  Each directory on the way down, by its own name or the one
 * that it got, may have another one. */
static char *
find_target (Planner *p, const char *source)
{
  g_autofree char *target = g_strdup ("");
  g_auto (GStrv) parts = g_strsplit (source + 1, "/", -1);
  g_autoptr (GString) walked = g_string_new (NULL);

  for (char **part = parts; *part != NULL; part++)
    {
      g_autofree char *next = g_strconcat (target, "/", *part, NULL);
      const char *renamed;

      g_string_append_printf (walked, "/%s", *part);
      renamed = g_hash_table_lookup (p->renames, walked->str);
      if (renamed == NULL)
        renamed = g_hash_table_lookup (p->renames, next);
      g_free (target);
      target = renamed != NULL ? g_strdup (renamed) : g_steal_pointer (&next);
    }
  return g_steal_pointer (&target);
}

/* @path as it is, and the file @source for the message. */
static gboolean
check_place (Planner *p, const char *source, const char *path, mode_t kind, GError **error)
{
  guint depth = 0;

  for (const char *c = path; *c != '\0'; c++)
    depth += *c == '/';
  if (strlen (path) >= PATH_MAX || depth > 2 * SC_HOST_DEPTH_MAX)
    return sc_fail (error, SC_ERROR_LIMIT, HOSTFS "%s: its path on the host is too long", source);
  return sc_host_forbids (p->forbidden, path, kind == S_IFDIR) == NULL
         || sc_fail (error, SC_ERROR_INVALID, HOSTFS "%s: no file of an image may be at %s", source, path);
}

static gboolean
add_entry (Planner *p, const char *path, const char *source, mode_t kind, char *text, GError **error)
{
  ScHostEntry *entry = g_hash_table_lookup (p->found, path);
  g_autofree char *owned = text;

  if (entry != NULL && (entry->kind != S_IFDIR || kind != S_IFDIR))
    return sc_fail (error, SC_ERROR_INVALID, HOSTFS ": '%s' and '%s' would both be %s on the host",
                    entry->source != NULL ? entry->source : path, source != NULL ? source : path, path);
  if (entry != NULL)
    {
      if (entry->source == NULL)
        entry->source = g_strdup (source);
      return TRUE;
    }
  if (g_hash_table_size (p->found) >= SC_HOST_FILES_MAX)
    return sc_fail (error, SC_ERROR_LIMIT, HOSTFS ": more than %d files and directories on the host",
                    SC_HOST_FILES_MAX);
  entry = g_new0 (ScHostEntry, 1);
  entry->path = g_strdup (path);
  entry->source = g_strdup (source);
  entry->kind = kind;
  entry->text = g_steal_pointer (&owned);
  g_hash_table_insert (p->found, entry->path, entry);
  return TRUE;
}

/* (transfer full) (nullable): the directory of exports/hostfs that is @path on the host, if one has that name there. */
static char *
source_of_parent (Planner *p, const char *source, const char *path)
{
  g_autofree char *above = g_path_get_dirname (source);
  g_autofree char *target = strcmp (above, "/") != 0 ? find_target (p, above) : NULL;

  return g_strcmp0 (target, path) == 0 ? g_steal_pointer (&above) : NULL;
}

/* The directories that @path is in, and that came with it. */
static gboolean
add_parents (Planner *p, const char *source, const char *path, GError **error)
{
  g_autofree char *from = g_strdup (source), *at = g_path_get_dirname (path);

  while (strcmp (at, "/") != 0)
    {
      const ScHostEntry *known = g_hash_table_lookup (p->found, at);
      g_autofree char *above = from != NULL ? source_of_parent (p, from, at) : NULL;

      /* Those above it are, too. */
      if (known != NULL && known->kind == S_IFDIR && (known->source != NULL || above == NULL))
        return TRUE;
      if (!add_entry (p, at, above, S_IFDIR, NULL, error))
        return FALSE;
      g_free (from);
      from = g_steal_pointer (&above);
      char *parent = g_path_get_dirname (at);
      g_free (at);
      at = parent;
    }
  return TRUE;
}

/* -- the walk -- */

/* *out_text: (nullable): what the file becomes, if it is a template. */
static gboolean
fill_in (Planner *p, int dir, const char *name, const char *source, const char *path, char **out_text, GError **error)
{
  g_autofree char *label = g_strconcat ("hostfs", source, NULL), *text = NULL;
  g_autoptr (ScExpansion) expansion = NULL;
  g_autoptr (GBytes) bytes = NULL;
  SC_AUTOFD int fd = -1;
  gsize size = 0;
  const char *data;

  *out_text = NULL;
  if (!g_hash_table_contains (p->templates, source) && !g_hash_table_contains (p->templates, path))
    return TRUE;
  fd = openat (dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0)
    return sc_fail_errno (error, errno, HOSTFS "%s", source);
  bytes = sc_fs_read_fd (fd, label, TEMPLATE_MAX, error);
  if (bytes == NULL)
    return FALSE;
  data = g_bytes_get_data (bytes, &size);
  if (size > 0 && (memchr (data, '\0', size) != NULL || !g_utf8_validate (data, (gssize)size, NULL)))
    return sc_fail (error, SC_ERROR_INVALID, HOSTFS "%s: a template that is not UTF-8 text", source);
  text = g_strndup (data != NULL ? data : "", size);
  expansion = sc_template_expand (label, text, p->input->values, error);
  if (expansion == NULL)
    return FALSE;
  p->text_size += strlen (expansion->text);
  if (p->text_size > SC_TEMPLATES_MAX_SIZE)
    return sc_fail (error, SC_ERROR_LIMIT, HOSTFS ": templates of more than %d MiB in all, filled in",
                    SC_TEMPLATES_MAX_SIZE / 1024 / 1024);
  *out_text = g_steal_pointer (&expansion->text);
  return TRUE;
}

static gboolean
add_file (Planner *p, int dir, const char *name, const char *source, mode_t kind, GError **error)
{
  g_autofree char *path = find_target (p, source);
  char *text = NULL;

  return check_place (p, source, path, kind, error)
         && (kind != S_IFREG || fill_in (p, dir, name, source, path, &text, error))
         && add_entry (p, path, source, kind, text, error) && add_parents (p, source, path, error);
}

static gboolean walk (Planner *p, int dir, const char *source, guint depth, GError **error);

static gboolean
visit (Planner *p, int dir, const char *name, const char *source, guint depth, GError **error)
{
  struct stat st;
  SC_AUTOFD int child = -1;

  if (!is_printable (name))
    {
      g_autofree char *shown = g_strescape (source, NULL);

      return sc_fail (error, SC_ERROR_INVALID, HOSTFS "%s: a name that is not printable UTF-8 text", shown);
    }
  if (++p->count > SC_HOST_FILES_MAX)
    return sc_fail (error, SC_ERROR_LIMIT, HOSTFS ": more than %d files", SC_HOST_FILES_MAX);
  if (depth > SC_HOST_DEPTH_MAX)
    return sc_fail (error, SC_ERROR_LIMIT, HOSTFS "%s: more than %d directories deep", source, SC_HOST_DEPTH_MAX);
  if (fstatat (dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
    return sc_fail_errno (error, errno, HOSTFS "%s", source);
  if (S_ISREG (st.st_mode) || S_ISLNK (st.st_mode))
    return add_file (p, dir, name, source, st.st_mode & S_IFMT, error);
  if (!S_ISDIR (st.st_mode))
    return sc_fail (error, SC_ERROR_INVALID, HOSTFS "%s: neither a file nor a link nor a directory", source);
  child = sc_fs_open_dir_at (dir, name, error);
  return child >= 0 && walk (p, child, source, depth, error);
}

static gboolean
walk (Planner *p, int dir, const char *source, guint depth, GError **error)
{
  g_auto (GStrv) names = sc_fs_list_dir_at (dir, ".", error);

  if (names == NULL)
    return FALSE;
  /* Others are made for what is in them, under whatever name that has. */
  if (names[0] == NULL && *source != '\0')
    return add_file (p, dir, ".", source, S_IFDIR, error);
  for (char **name = names; *name != NULL; name++)
    {
      g_autofree char *path = g_strconcat (source, "/", *name, NULL);

      if (!visit (p, dir, *name, path, depth + 1, error))
        return FALSE;
    }
  return TRUE;
}

static int
compare_paths (gconstpointer a, gconstpointer b)
{
  const ScHostEntry *const *x = a, *const *y = b;

  return strcmp ((*x)->path, (*y)->path);
}

ScHostPlan *
sc_host_plan_new (const ScHostPlanInput *input, GError **error)
{
  g_autoptr (ScHostPlan) plan = g_new0 (ScHostPlan, 1);
  g_auto (Planner) p = { .input = input };
  SC_AUTOFD int dir = -1;
  GHashTableIter iter;
  gpointer entry;

  plan->entries = g_ptr_array_new_with_free_func ((GDestroyNotify)entry_free);
  plan->copy = input->copy;
  if (!input->exports->has_hostfs)
    return g_steal_pointer (&plan);
  p.renames = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  p.templates = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  p.forbidden = sc_host_forbidden (input->ctx, input->name);
  p.found = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify)entry_free);
  dir = sc_host_plan_open (input->rootfs, error);
  if (dir < 0 || !read_renames (&p, error) || !read_templates (&p, error) || !walk (&p, dir, "", 0, error))
    return NULL;
  g_hash_table_iter_init (&iter, p.found);
  while (g_hash_table_iter_next (&iter, NULL, &entry))
    {
      g_ptr_array_add (plan->entries, entry);
      g_hash_table_iter_steal (&iter);
    }
  g_ptr_array_sort (plan->entries, compare_paths);
  return g_steal_pointer (&plan);
}

gboolean
sc_host_plan_makes (const ScHostPlan *plan, const char *path)
{
  for (guint i = 0; plan != NULL && i < plan->entries->len; i++)
    {
      const ScHostEntry *entry = g_ptr_array_index (plan->entries, i);

      if (strcmp (entry->path, path) == 0)
        return TRUE;
    }
  return FALSE;
}
