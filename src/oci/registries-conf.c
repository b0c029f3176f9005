/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * registries.conf: finding its files, reading them, laying them over each other.  What the result means for an image is
 * registries-lookup.c's and short-names.c's.  Unknown keys are left alone, as newer versions may know them; what is
 * known must make sense, because a rule that is not understood may be one that forbids.
 */

#include "registries-conf.h"

#include <string.h>
#include <unistd.h>

#include "config-file.h"
#include "full-name.h"
#include "names.h"
#include "toml.h"

#define SYSTEM_CONF  "/etc/containers/registries.conf"
#define SYSTEM_DIR   "/etc/containers/registries.conf.d"
#define USER_CONF    ".config/containers/registries.conf"
#define USER_DIR     ".config/containers/registries.conf.d"
#define ALIASES_FILE "containers/short-name-aliases.conf"
#define SYSTEM_CACHE "/var/cache"

static void
mirror_free (gpointer data)
{
  ScRegistryMirror *mirror = data;

  g_free (mirror->location);
  g_free (mirror);
}

static void
rule_free (gpointer data)
{
  ScRegistryRule *rule = data;

  if (rule == NULL)
    return;
  g_free (rule->prefix);
  g_free (rule->location);
  g_free (rule->file);
  g_clear_pointer (&rule->mirrors, g_ptr_array_unref);
  g_free (rule);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScRegistryRule, rule_free)

static void
alias_free (gpointer data)
{
  ScShortNameAlias *alias = data;

  g_free (alias->value);
  g_free (alias->file);
  g_free (alias);
}

ScRegistriesConf *
sc_registries_conf_new (void)
{
  ScRegistriesConf *conf = g_new0 (ScRegistriesConf, 1);

  conf->rules = g_ptr_array_new_with_free_func (rule_free);
  conf->aliases = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, alias_free);
  return conf;
}

void
sc_registries_conf_free (ScRegistriesConf *conf)
{
  if (conf == NULL)
    return;
  g_ptr_array_unref (conf->rules);
  g_hash_table_unref (conf->aliases);
  g_strfreev (conf->search);
  g_strfreev (conf->helpers);
  g_free (conf->search_file);
  g_free (conf);
}

/* A location or prefix without the slashes at its end, its host in lower case. (transfer full) */
static char *
parse_location (const ScToml *at, const char *text, GError **error)
{
  gsize n = strlen (text);
  g_autofree char *trimmed = NULL;

  while (n > 0 && text[n - 1] == '/')
    n--;
  if (g_str_has_prefix (text, "http://") || g_str_has_prefix (text, "https://"))
    {
      g_autofree char *shown = sc_name_escape (text);

      sc_toml_fail (at, error, "'%s' must be a host without http:// or https://", shown);
      return NULL;
    }
  trimmed = g_strndup (text, n);
  return sc_full_name_fold (trimmed);
}

static gboolean
parse_mirror_use (const ScToml *table, const ScRegistryRule *rule, ScMirrorUse *out, GError **error)
{
  static const char *const words[] = { "all", "digest-only", "tag-only" };
  const char *text = "";

  if (!sc_toml_get_string (table, "pull-from-mirror", &text, error))
    return FALSE;
  if (*text == '\0')
    return TRUE;
  if (rule->mirrors_for_digests)
    return sc_toml_fail (table, error, "pull-from-mirror has no place where mirror-by-digest-only is set");
  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    if (strcmp (words[i], text) == 0)
      {
        *out = (ScMirrorUse)i;
        return TRUE;
      }
  g_autofree char *shown = sc_name_escape (text);
  return sc_toml_fail (table, error, "pull-from-mirror is '%s', not all, digest-only or tag-only", shown);
}

static gboolean
add_mirror (ScRegistryRule *rule, const ScToml *table, GError **error)
{
  ScRegistryMirror *mirror = g_new0 (ScRegistryMirror, 1);
  const char *location = "";

  g_ptr_array_add (rule->mirrors, mirror);
  if (!sc_toml_get_string (table, "location", &location, error)
      || !sc_toml_get_boolean (table, "insecure", &mirror->insecure, error)
      || !parse_mirror_use (table, rule, &mirror->use, error))
    return FALSE;
  mirror->location = parse_location (table, location, error);
  if (mirror->location == NULL)
    return FALSE;
  if (*mirror->location == '\0')
    return sc_toml_fail (table, error, "a mirror needs a location");
  return TRUE;
}

/* What the prefix and the location say together. */
static gboolean
read_prefix (ScRegistryRule *rule, const ScToml *table, GError **error)
{
  const char *prefix = "", *location = "";
  g_autofree char *shown = NULL;

  if (!sc_toml_get_string (table, "prefix", &prefix, error)
      || !sc_toml_get_string (table, "location", &location, error))
    return FALSE;
  rule->location = parse_location (table, location, error);
  rule->prefix = rule->location != NULL ? parse_location (table, prefix, error) : NULL;
  if (rule->prefix == NULL)
    return FALSE;
  if (*rule->prefix == '\0')
    {
      g_free (rule->prefix);
      rule->prefix = g_strdup (rule->location);
    }
  if (*rule->prefix == '\0')
    return sc_toml_fail (table, error, "a registry needs a prefix or a location");
  shown = sc_name_escape (rule->prefix);
  if (!g_str_has_prefix (rule->prefix, "*.") && *rule->location == '\0')
    return sc_toml_fail (table, error, "the registry with prefix '%s' needs a location", shown);
  if (g_str_has_prefix (rule->prefix, "*.") && strpbrk (rule->prefix, "/@:") != NULL)
    return sc_toml_fail (table, error, "prefix '%s': after '*.' only a host's name can stand", shown);
  return TRUE;
}

static ScRegistryRule *
read_rule (const ScToml *table, GError **error)
{
  g_autoptr (ScRegistryRule) rule = g_new0 (ScRegistryRule, 1);
  const GPtrArray *mirrors = NULL;
  const char *use = "";

  rule->file = g_strdup (table->file);
  rule->mirrors = g_ptr_array_new_with_free_func (mirror_free);
  if (!read_prefix (rule, table, error) || !sc_toml_get_boolean (table, "insecure", &rule->insecure, error)
      || !sc_toml_get_boolean (table, "blocked", &rule->blocked, error)
      || !sc_toml_get_boolean (table, "mirror-by-digest-only", &rule->mirrors_for_digests, error)
      || !sc_toml_get_string (table, "pull-from-mirror", &use, error)
      || !sc_toml_get_tables (table, "mirror", &mirrors, error))
    return NULL;
  if (*use != '\0')
    {
      sc_toml_fail (table, error, "pull-from-mirror belongs to a mirror, not to a registry");
      return NULL;
    }
  for (guint i = 0; mirrors != NULL && i < mirrors->len; i++)
    if (!add_mirror (rule, g_ptr_array_index (mirrors, i), error))
      return NULL;
  return g_steal_pointer (&rule);
}

/* One place cannot be both: blocked and open, secure and not.  @places: place -> the first rule of it in this file */
static gboolean
check_conflicts (GHashTable *places, ScRegistryRule *rule, const ScToml *at, GError **error)
{
  char *place = *rule->location != '\0' ? rule->location : rule->prefix;
  const ScRegistryRule *other = g_hash_table_lookup (places, place);
  g_autofree char *shown = sc_name_escape (place);

  if (other == NULL)
    g_hash_table_insert (places, place, rule);
  else if (other->insecure != rule->insecure || other->blocked != rule->blocked)
    return sc_toml_fail (at, error, "registry '%s' is there twice, and '%s' is not the same", shown,
                         other->insecure != rule->insecure ? "insecure" : "blocked");
  return TRUE;
}

/* In one file the first rule of a prefix counts; a later file's takes the place of an earlier one's. */
static gboolean
add_rules (ScRegistriesConf *conf, const GPtrArray *tables, GError **error)
{
  g_autoptr (GPtrArray) all = g_ptr_array_new_with_free_func (rule_free);
  g_autoptr (GHashTable) places = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GHashTable) prefixes = g_hash_table_new (g_str_hash, g_str_equal); /* of this file */
  g_autoptr (GPtrArray) merged = g_ptr_array_new_with_free_func (rule_free);

  for (guint i = 0; tables != NULL && i < tables->len; i++)
    {
      const ScToml *table = g_ptr_array_index (tables, i);
      ScRegistryRule *rule = read_rule (table, error);

      if (rule == NULL)
        return FALSE;
      g_ptr_array_add (all, rule);
      if (!check_conflicts (places, rule, table, error))
        return FALSE;
    }
  for (guint i = 0; i < all->len; i++)
    {
      ScRegistryRule *rule = g_ptr_array_index (all, i);

      if (!g_hash_table_add (prefixes, rule->prefix))
        continue;
      all->pdata[i] = NULL;
      g_ptr_array_add (merged, rule);
    }
  for (guint i = conf->rules->len; i > 0; i--)
    {
      ScRegistryRule *old = g_ptr_array_index (conf->rules, i - 1);

      if (g_hash_table_contains (prefixes, old->prefix))
        g_ptr_array_remove_index (conf->rules, i - 1);
    }
  g_ptr_array_extend_and_steal (conf->rules, g_steal_pointer (&merged));
  return TRUE;
}

/* An alias says which repository a name means; tags and digests come from the name as it is used. */
static gboolean
check_alias (const ScToml *at, const char *name, const char *value, GError **error)
{
  g_autofree char *name_text = g_strconcat ("docker://", name, NULL);
  g_autofree char *value_text = g_strconcat ("docker://", value, NULL);
  g_autofree char *shown = sc_name_escape (name);
  g_autoptr (ScReference) left = sc_reference_parse (name_text, NULL);
  g_autoptr (ScReference) right = *value != '\0' ? sc_reference_parse (value_text, NULL) : NULL;

  if (left == NULL || left->registry != NULL || left->tag != NULL || left->digest != NULL)
    return sc_toml_fail (at, error, "alias '%s' is no name without registry, tag and digest", shown);
  if (*value != '\0' && (right == NULL || right->registry == NULL || right->tag != NULL || right->digest != NULL))
    return sc_toml_fail (at, error, "alias '%s' must stand for REGISTRY/NAME without tag and digest", shown);
  return TRUE;
}

static gboolean
add_aliases (ScRegistriesConf *conf, const ScToml *table, GError **error)
{
  for (guint i = 0; table != NULL && i < table->names->len; i++)
    {
      const char *name = g_ptr_array_index (table->names, i);
      const ScToml *value = g_hash_table_lookup (table->members, name);
      ScShortNameAlias *alias = NULL;

      if (value->type != SC_TOML_STRING)
        return sc_toml_fail (value, error, "an alias must be a string");
      if (!check_alias (value, name, value->string, error))
        return FALSE;
      alias = g_new0 (ScShortNameAlias, 1);
      alias->value = *value->string != '\0' ? g_strdup (value->string) : NULL;
      alias->file = g_strdup (table->file);
      g_hash_table_replace (conf->aliases, g_strdup (name), alias);
    }
  return TRUE;
}

static gboolean
parse_mode (const ScToml *top, ScShortNameMode *mode, GError **error)
{
  static const char *const words[] = { "", "enforcing", "permissive", "disabled" };
  const char *text = "";

  if (!sc_toml_get_string (top, "short-name-mode", &text, error))
    return FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    if (strcmp (words[i], text) == 0)
      {
        *mode = i > 0 ? (ScShortNameMode)i : *mode;
        return TRUE;
      }
  g_autofree char *shown = sc_name_escape (text);
  return sc_toml_fail (top, error, "short-name-mode is '%s', not enforcing, permissive or disabled", shown);
}

/* Replaces the search list by @list (transfer full). */
static gboolean
set_search (ScRegistriesConf *conf, const ScToml *top, char **list, GError **error)
{
  g_strfreev (conf->search);
  conf->search = list;
  g_free (conf->search_file);
  conf->search_file = g_strdup (top->file);
  for (gsize i = 0; list[i] != NULL; i++)
    {
      g_autofree char *text = list[i];

      list[i] = parse_location (top, text, error);
      if (list[i] == NULL)
        {
          /* What is behind the hole is not reached by g_strfreev(). */
          for (gsize j = i + 1; text != NULL && list[j] != NULL; j++)
            g_clear_pointer (&list[j], g_free);
          return FALSE;
        }
    }
  return TRUE;
}

static const ScRegistryRule *
find_prefix (const GPtrArray *rules, const char *prefix, guint *out_index)
{
  for (guint i = 0; i < rules->len; i++)
    {
      const ScRegistryRule *rule = g_ptr_array_index (rules, i);

      if (strcmp (rule->prefix, prefix) == 0)
        {
          *out_index = i;
          return rule;
        }
    }
  return NULL;
}

/* The lists of version 1: [registries.search], [registries.insecure] and [registries.block]. */
static gboolean
read_v1_list (const ScToml *top, const char *kind, char ***out, GError **error)
{
  const ScToml *registries = NULL;
  const ScToml *list = NULL;

  return sc_toml_get_table (top, "registries", &registries, error)
         && (registries == NULL || sc_toml_get_table (registries, kind, &list, error))
         && (list == NULL || sc_toml_get_strv (list, "registries", out, error));
}

static gboolean
add_v1_rules (ScRegistriesConf *conf, const ScToml *top, char **list, gboolean blocked, GError **error)
{
  for (gsize i = 0; list != NULL && list[i] != NULL; i++)
    {
      g_autofree char *place = parse_location (top, list[i], error);
      guint index = 0;
      ScRegistryRule *rule = NULL;

      if (place == NULL)
        return FALSE;
      if (*place == '\0')
        return sc_toml_fail (top, error, "the name of a registry is empty");
      if (find_prefix (conf->rules, place, &index) == NULL)
        {
          rule = g_new0 (ScRegistryRule, 1);
          rule->prefix = g_strdup (place);
          rule->location = g_strdup (place);
          rule->file = g_strdup (top->file);
          rule->mirrors = g_ptr_array_new_with_free_func (mirror_free);
          index = conf->rules->len;
          g_ptr_array_add (conf->rules, rule);
        }
      rule = g_ptr_array_index (conf->rules, index);
      *(blocked ? &rule->blocked : &rule->insecure) = TRUE;
    }
  return TRUE;
}

static gboolean
is_empty (char **list)
{
  return list == NULL || list[0] == NULL;
}

/* *out_v1: the file is one of version 1, and has been added. */
static gboolean
add_v1 (ScRegistriesConf *conf, const ScToml *top, gboolean addition, gboolean has_v2, gboolean *out_v1, GError **error)
{
  g_auto (GStrv) search = NULL;
  g_auto (GStrv) insecure = NULL;
  g_auto (GStrv) block = NULL;

  if (!read_v1_list (top, "search", &search, error) || !read_v1_list (top, "insecure", &insecure, error)
      || !read_v1_list (top, "block", &block, error))
    return FALSE;
  *out_v1 = !is_empty (search) || !is_empty (insecure) || !is_empty (block);
  if (!*out_v1)
    return TRUE;
  if (addition)
    return sc_fail (error, SC_ERROR_INVALID,
                    "%s: [registries.search], [registries.insecure] and [registries.block] are version 1 of the "
                    "format: only registries.conf itself may still use it",
                    top->file);
  if (has_v2)
    return sc_fail (error, SC_ERROR_INVALID,
                    "%s: mixes version 1 of the format ([registries.search] and the like) with version 2", top->file);
  return (search == NULL || set_search (conf, top, g_steal_pointer (&search), error))
         && add_v1_rules (conf, top, block, TRUE, error) && add_v1_rules (conf, top, insecure, FALSE, error);
}

gboolean
sc_registries_conf_add (ScRegistriesConf *conf, const char *file, GBytes *text, gboolean addition, GError **error)
{
  gsize size = 0;
  const void *data = g_bytes_get_data (text, &size);
  g_autoptr (ScToml) top = sc_toml_parse (file, data, size, error);
  g_auto (GStrv) search = NULL;
  g_auto (GStrv) helpers = NULL;
  const GPtrArray *rules = NULL;
  const ScToml *aliases = NULL;
  ScShortNameMode mode = SC_SHORT_NAMES_UNSET;
  gboolean v1 = FALSE;

  if (top == NULL || !sc_toml_get_strv (top, "unqualified-search-registries", &search, error)
      || !sc_toml_get_strv (top, "credential-helpers", &helpers, error) || !parse_mode (top, &mode, error)
      || !sc_toml_get_tables (top, "registry", &rules, error) || !sc_toml_get_table (top, "aliases", &aliases, error)
      || !add_v1 (conf, top, addition,
                  search != NULL || helpers != NULL || rules != NULL || aliases != NULL || mode != SC_SHORT_NAMES_UNSET,
                  &v1, error))
    return FALSE;
  if (v1)
    return TRUE;
  if (!add_rules (conf, rules, error) || !add_aliases (conf, aliases, error)
      || (search != NULL && !set_search (conf, top, g_steal_pointer (&search), error)))
    return FALSE;
  if (mode != SC_SHORT_NAMES_UNSET)
    conf->mode = mode;
  if (helpers != NULL)
    {
      g_strfreev (conf->helpers);
      conf->helpers = g_steal_pointer (&helpers);
    }
  return TRUE;
}

/* *out_found: (optional) */
static gboolean
load_file (ScRegistriesConf *conf, const ScContext *ctx, const char *path, gboolean addition, gboolean *out_found,
           const ScProgressSink *sink, GError **error)
{
  g_autoptr (GBytes) text = NULL;

  if (!sc_config_file_read (ctx, path, SC_TOML_MAX_SIZE, &text, error))
    return FALSE;
  if (out_found != NULL)
    *out_found = text != NULL;
  if (text == NULL)
    return TRUE;
  sc_progress_debug (sink, "registries: reading %s", path);
  return sc_registries_conf_add (conf, path, text, addition, error);
}

static int
compare_rules (gconstpointer a, gconstpointer b)
{
  const ScRegistryRule *const *left = a;
  const ScRegistryRule *const *right = b;

  return strcmp ((*left)->prefix, (*right)->prefix);
}

static gboolean
load_dir (ScRegistriesConf *conf, const ScContext *ctx, const char *path, const ScProgressSink *sink, GError **error)
{
  g_auto (GStrv) files = sc_config_dir_list (ctx, path, ".conf", error);

  if (files == NULL)
    return FALSE;
  for (gsize i = 0; files[i] != NULL; i++)
    if (!load_file (conf, ctx, files[i], TRUE, NULL, sink, error))
      return FALSE;
  return TRUE;
}

char *
sc_short_name_aliases_path (const ScContext *ctx)
{
  if (geteuid () == 0)
    return g_build_filename (SYSTEM_CACHE, ALIASES_FILE, NULL);
  if (ctx->user_cache != NULL)
    return g_build_filename (ctx->user_cache, ALIASES_FILE, NULL);
  return ctx->home != NULL ? g_build_filename (ctx->home, ".cache", ALIASES_FILE, NULL) : NULL;
}

ScRegistriesConf *
sc_registries_conf_load (const ScContext *ctx, const ScProgressSink *sink, GError **error)
{
  g_autoptr (ScRegistriesConf) conf = sc_registries_conf_new ();
  g_autofree char *user_file = ctx->home != NULL ? g_build_filename (ctx->home, USER_CONF, NULL) : NULL;
  g_autofree char *user_dir = ctx->home != NULL ? g_build_filename (ctx->home, USER_DIR, NULL) : NULL;
  g_autofree char *aliases = sc_short_name_aliases_path (ctx);
  gboolean found = FALSE, own = FALSE;

  if (ctx->registries_conf != NULL)
    {
      if (!load_file (conf, ctx, ctx->registries_conf, FALSE, &found, sink, error))
        return NULL;
      if (!found)
        return sc_fail_null (error, SC_ERROR_NOT_FOUND, "%s, which CONTAINERS_REGISTRIES_CONF names, is not there",
                             ctx->registries_conf);
    }
  else if (user_file != NULL && !load_file (conf, ctx, user_file, FALSE, &own, sink, error))
    return NULL;
  if (ctx->registries_conf == NULL && !own && !load_file (conf, ctx, SYSTEM_CONF, FALSE, NULL, sink, error))
    return NULL;
  if ((!own && !load_dir (conf, ctx, SYSTEM_DIR, sink, error))
      || (user_dir != NULL && !load_dir (conf, ctx, user_dir, sink, error))
      || (aliases != NULL && !load_file (conf, ctx, aliases, TRUE, NULL, sink, error)))
    return NULL;
  /* Where two prefixes are equally long the first one counts, in this order, as skopeo has it. */
  g_ptr_array_sort (conf->rules, compare_rules);
  return g_steal_pointer (&conf);
}
