/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The files of registries.d, merged.  Reads them and finds the entry for a name; no place that they name is touched.
 */

#include "registries-d.h"

#include <fcntl.h>
#include <string.h>
#include <yaml.h>

#include "fs.h"

#define SYSTEM_DIR "/etc/containers/registries.d"
#define USER_DIR   "/.config/containers/registries.d"
#define FILE_MAX   ((gsize)1024 * 1024)
#define FILES_MAX  1000

typedef enum
{
  ATTACHMENTS_UNSET,
  ATTACHMENTS_NO,
  ATTACHMENTS_YES
} Attachments;

typedef struct
{
  char *file;
  char *scope;     /* (nullable): NULL: default-docker */
  char *lookaside; /* (nullable) */
  char *sigstore;  /* (nullable): the old name of the same */
  Attachments attachments;
} Section;

struct _ScRegistriesD
{
  GPtrArray *sections; /* Section */
};

/* The file that is being read. */
typedef struct
{
  ScRegistriesD *conf;
  const char *path;
  yaml_document_t *document;
} Reader;

static void
section_free (Section *section)
{
  g_free (section->file);
  g_free (section->scope);
  g_free (section->lookaside);
  g_free (section->sigstore);
  g_free (section);
}

void
sc_registries_d_free (ScRegistriesD *conf)
{
  if (conf == NULL)
    return;
  g_ptr_array_unref (conf->sections);
  g_free (conf);
}

static gboolean
fail_at (const Reader *reader, const yaml_node_t *node, const char *what, GError **error)
{
  return sc_fail (error, SC_ERROR_INVALID, "%s: line %zu: %s", reader->path, node->start_mark.line + 1, what);
}

/* (nullable): the text of a scalar without NUL bytes in it. */
static const char *
scalar (const yaml_node_t *node)
{
  const char *text = node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;

  return text != NULL && strlen (text) == node->data.scalar.length ? text : NULL;
}

static gboolean
is_null (const yaml_node_t *node)
{
  const char *text = scalar (node);

  return text != NULL && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE
         && (*text == '\0' || strcmp (text, "~") == 0 || g_ascii_strcasecmp (text, "null") == 0);
}

static const Section *
find_section (const ScRegistriesD *conf, const char *scope)
{
  for (guint i = 0; i < conf->sections->len; i++)
    {
      const Section *section = g_ptr_array_index (conf->sections, i);

      if (g_strcmp0 (section->scope, scope) == 0)
        return section;
    }
  return NULL;
}

static gboolean
read_text (const Reader *reader, const yaml_node_t *value, char **out, GError **error)
{
  const char *text = scalar (value);

  if (is_null (value))
    return TRUE;
  if (text == NULL)
    return fail_at (reader, value, "expected a URL", error);
  if (*out != NULL)
    return fail_at (reader, value, "this is given twice", error);
  *out = *text != '\0' ? g_strdup (text) : NULL;
  return TRUE;
}

static gboolean
read_attachments (const Reader *reader, const yaml_node_t *value, Attachments *out, GError **error)
{
  static const char *const yes[] = { "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y", NULL };
  static const char *const no[] = { "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N", NULL };
  const char *text = scalar (value);

  if (is_null (value))
    return TRUE;
  if (text == NULL || value->data.scalar.style != YAML_PLAIN_SCALAR_STYLE
      || (!g_strv_contains (yes, text) && !g_strv_contains (no, text)))
    return fail_at (reader, value, "expected true or false", error);
  *out = g_strv_contains (yes, text) ? ATTACHMENTS_YES : ATTACHMENTS_NO;
  return TRUE;
}

static gboolean
read_section (const Reader *reader, const char *scope, const yaml_node_t *node, GError **error)
{
  Section *section;
  const Section *old = find_section (reader->conf, scope);

  if (old != NULL)
    return sc_fail (error, SC_ERROR_INVALID, "%s: line %zu: '%s' is configured in %s already", reader->path,
                    node->start_mark.line + 1, scope != NULL ? scope : "default-docker", old->file);
  section = g_new0 (Section, 1);
  section->file = g_strdup (reader->path);
  section->scope = g_strdup (scope);
  g_ptr_array_add (reader->conf->sections, section);
  if (is_null (node))
    return TRUE;
  if (node->type != YAML_MAPPING_NODE)
    return fail_at (reader, node, "expected 'key: value' lines", error);
  for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++)
    {
      const char *key = scalar (yaml_document_get_node (reader->document, pair->key));
      const yaml_node_t *value = yaml_document_get_node (reader->document, pair->value);
      gboolean ok = TRUE;

      if (g_strcmp0 (key, "lookaside") == 0)
        ok = read_text (reader, value, &section->lookaside, error);
      else if (g_strcmp0 (key, "sigstore") == 0)
        ok = read_text (reader, value, &section->sigstore, error);
      else if (g_strcmp0 (key, "use-sigstore-attachments") == 0)
        ok = read_attachments (reader, value, &section->attachments, error);
      if (!ok)
        return FALSE;
    }
  return TRUE;
}

static gboolean
read_scopes (const Reader *reader, const yaml_node_t *node, GError **error)
{
  if (is_null (node))
    return TRUE;
  if (node->type != YAML_MAPPING_NODE)
    return fail_at (reader, node, "expected registries and what is configured for them", error);
  for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++)
    {
      const yaml_node_t *key = yaml_document_get_node (reader->document, pair->key);
      const char *scope = scalar (key);
      g_autofree char *folded = NULL;

      if (scope == NULL)
        return fail_at (reader, key, "expected the name of a registry or namespace", error);
      folded = sc_full_name_fold (scope);
      if (!read_section (reader, folded, yaml_document_get_node (reader->document, pair->value), error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
read_document (const Reader *reader, GError **error)
{
  const yaml_node_t *root = yaml_document_get_root_node (reader->document);

  if (root == NULL || is_null (root))
    return TRUE;
  if (root->type != YAML_MAPPING_NODE)
    return fail_at (reader, root, "expected 'docker:' or 'default-docker:'", error);
  for (yaml_node_pair_t *pair = root->data.mapping.pairs.start; pair < root->data.mapping.pairs.top; pair++)
    {
      const char *key = scalar (yaml_document_get_node (reader->document, pair->key));
      const yaml_node_t *value = yaml_document_get_node (reader->document, pair->value);

      if (g_strcmp0 (key, "default-docker") == 0 && !is_null (value) && !read_section (reader, NULL, value, error))
        return FALSE;
      if (g_strcmp0 (key, "docker") == 0 && !read_scopes (reader, value, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
read_yaml (ScRegistriesD *conf, const char *path, GBytes *bytes, GError **error)
{
  yaml_document_t document;
  Reader reader = { conf, path, &document };
  yaml_parser_t parser;
  gsize size = 0;
  const guint8 *data = g_bytes_get_data (bytes, &size);
  gboolean ok;

  if (!yaml_parser_initialize (&parser))
    return sc_fail (error, SC_ERROR_FAILED, "%s: out of memory", path);
  yaml_parser_set_input_string (&parser, data != NULL ? data : (const guint8 *)"", size);
  if (yaml_parser_load (&parser, &document))
    {
      ok = read_document (&reader, error);
      yaml_document_delete (&document);
    }
  else
    ok = sc_fail (error, SC_ERROR_INVALID, "%s: line %zu: %s", path, parser.problem_mark.line + 1,
                  parser.problem != NULL ? parser.problem : "malformed YAML");
  yaml_parser_delete (&parser);
  return ok;
}

static int
open_dir (int root, const char *path, GError **error)
{
  return sc_fs_open_in_root (root, path, O_RDONLY | O_DIRECTORY, 0, error);
}

/* *@out_fd is -1 if the directory is not there. */
static gboolean
find_dir (const ScContext *ctx, int root, char **out_path, int *out_fd, GError **error)
{
  g_autofree char *user = ctx->home != NULL ? g_strconcat (ctx->home, USER_DIR, NULL) : NULL;
  const char *system = ctx->registry_confdir != NULL ? ctx->registry_confdir : SYSTEM_DIR;
  const char *const paths[] = { ctx->registry_confdir != NULL ? NULL : user, system };

  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      g_autoptr (GError) local = NULL;

      if (paths[i] == NULL)
        continue;
      g_free (*out_path);
      *out_path = g_strdup (paths[i]);
      *out_fd = open_dir (root, paths[i], &local);
      if (*out_fd >= 0)
        return TRUE;
      if (!g_error_matches (local, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
    }
  return TRUE;
}

char *
sc_registries_d_dir (const ScContext *ctx, GError **error)
{
  SC_AUTOFD int root = sc_context_open_root (ctx, error);
  SC_AUTOFD int dir = -1;
  g_autofree char *path = NULL;

  if (root < 0 || !find_dir (ctx, root, &path, &dir, error))
    return NULL;
  return g_steal_pointer (&path);
}

ScRegistriesD *
sc_registries_d_load (const ScContext *ctx, GError **error)
{
  g_autoptr (ScRegistriesD) conf = g_new0 (ScRegistriesD, 1);
  SC_AUTOFD int root = sc_context_open_root (ctx, error);
  SC_AUTOFD int dir = -1;
  g_autofree char *dir_path = NULL;
  g_auto (GStrv) names = NULL;

  conf->sections = g_ptr_array_new_with_free_func ((GDestroyNotify)section_free);
  if (root < 0 || !find_dir (ctx, root, &dir_path, &dir, error))
    return NULL;
  if (dir < 0)
    return g_steal_pointer (&conf);
  names = sc_fs_list_dir_at (dir, ".", error);
  if (names == NULL)
    return sc_prefix_null (error, "%s", dir_path);
  if (g_strv_length (names) > FILES_MAX)
    return sc_fail_null (error, SC_ERROR_LIMIT, "%s: more than %d files", dir_path, FILES_MAX);
  for (char **name = names; *name != NULL; name++)
    {
      g_autofree char *path = g_build_filename (dir_path, *name, NULL);
      g_autoptr (GBytes) bytes = NULL;
      SC_AUTOFD int fd = -1;

      if (!g_str_has_suffix (*name, ".yaml"))
        continue;
      fd = sc_fs_open_in_root (root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, error);
      bytes = fd >= 0 ? sc_fs_read_fd (fd, path, FILE_MAX, error) : NULL;
      if (bytes == NULL || !read_yaml (conf, path, bytes, error))
        return NULL;
    }
  return g_steal_pointer (&conf);
}

static const char *
section_url (const Section *section)
{
  return section->lookaside != NULL ? section->lookaside : section->sigstore;
}

/* The section of the narrowest scope of @name that sets what is asked for; NULL: none does. */
static const Section *
narrowest (const ScRegistriesD *conf, const ScFullName *name, gboolean attachments)
{
  g_autoptr (GPtrArray) scopes = sc_full_name_scopes (name);

  for (guint i = 0; i <= scopes->len; i++)
    {
      const Section *section = find_section (conf, i < scopes->len ? g_ptr_array_index (scopes, i) : NULL);

      if (section != NULL && (attachments ? section->attachments != ATTACHMENTS_UNSET : section_url (section) != NULL))
        return section;
    }
  return NULL;
}

const char *
sc_registries_d_lookaside (const ScRegistriesD *conf, const ScFullName *name)
{
  const Section *section = narrowest (conf, name, FALSE);

  if (section == NULL)
    return NULL;
  g_debug ("signatures of %s: %s says %s", name->name, section->file, section_url (section));
  return section_url (section);
}

gboolean
sc_registries_d_use_attachments (const ScRegistriesD *conf, const ScFullName *name)
{
  const Section *section = narrowest (conf, name, TRUE);

  if (section != NULL)
    g_debug ("signatures attached to %s: %s says %s", name->name, section->file,
             section->attachments == ATTACHMENTS_YES ? "yes" : "no");
  return section != NULL && section->attachments == ATTACHMENTS_YES;
}

const char *
sc_registries_d_find (const ScRegistriesD *conf, const char *scope, const char **out_file)
{
  g_autofree char *folded = scope != NULL ? sc_full_name_fold (scope) : NULL;
  const Section *section = find_section (conf, folded);

  *out_file = section != NULL ? section->file : NULL;
  return section != NULL ? section_url (section) : NULL;
}
