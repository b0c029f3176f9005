/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Health checks as text.  They come from images: kinds, types, names and numbers are checked when they are read, and
 * what values make of them before anything is installed.
 */
#include "health.h"

#include <string.h>

#include "context.h"
#include "json.h"
#include "probe.h"
#include "template.h"

#define LABEL     "atomic.health."
#define FILE_NAME "manifest.json: health" /* of templates, as other members of manifest.json are called */
#define WORDS_MAX 256
#define TEXT_MAX  (64 * 1024)
#define SHOWN_MAX 200

static const char *const kinds[] = { "command", "http", "tcp", NULL }; /* by ScHealthKind */

static const struct
{
  const char *key;
  gsize offset;
  guint fallback;
} times[] = {
  { "timeout", G_STRUCT_OFFSET (ScHealth, timeout), 5 },
  { "interval", G_STRUCT_OFFSET (ScHealth, interval), 1 },
  { "start-period", G_STRUCT_OFFSET (ScHealth, start_period), 30 },
};

void
sc_health_free (ScHealth *health)
{
  if (health == NULL)
    return;
  g_strfreev (health->words);
  g_free (health);
}

static ScHealth *
new_health (void)
{
  ScHealth *health = g_new0 (ScHealth, 1);

  for (gsize i = 0; i < G_N_ELEMENTS (times); i++)
    G_STRUCT_MEMBER (guint, health, times[i].offset) = times[i].fallback;
  return health;
}

/* The index of @key in @kinds, or -1. */
static int
find_kind (const char *key)
{
  for (int i = 0; kinds[i] != NULL; i++)
    if (strcmp (kinds[i], key) == 0)
      return i;
  return -1;
}

/* The index of @key in @times, or -1. */
static int
find_time (const char *key)
{
  for (int i = 0; i < (int)G_N_ELEMENTS (times); i++)
    if (strcmp (times[i].key, key) == 0)
      return i;
  return -1;
}

/* Takes the words of one kind; there must be none yet. */
static gboolean
set_words (ScHealth *health, int kind, char **words, const char *where, GError **error)
{
  g_auto (GStrv) own = words;

  if (health->words != NULL)
    return sc_fail (error, SC_ERROR_INVALID, "%s: both %s and %s; one check is possible", where, kinds[health->kind],
                    kinds[kind]);
  if (*own == NULL)
    return sc_fail (error, SC_ERROR_INVALID, "%s: an empty command", where);
  health->kind = (ScHealthKind)kind;
  health->words = g_steal_pointer (&own);
  return TRUE;
}

static gboolean
check_complete (const ScHealth *health, const char *where, GError **error)
{
  return health->words != NULL
         || sc_fail (error, SC_ERROR_INVALID, "%s: neither command nor http nor tcp: nothing to check", where);
}

/* -- JSON -- */

static gboolean
parse_time (ScHealth *health, JsonObject *object, const char *where, int i, GError **error)
{
  gint64 number = times[i].fallback;

  if (!sc_json_get_int (object, where, times[i].key, SC_JSON_OPTIONAL, &number, error))
    return FALSE;
  if (number < 1 || number > SC_SECONDS_MAX)
    return sc_fail (error, SC_ERROR_INVALID, "%s: %s: %" G_GINT64_FORMAT " is not a number of seconds from 1 to %d",
                    where, times[i].key, number, SC_SECONDS_MAX);
  G_STRUCT_MEMBER (guint, health, times[i].offset) = (guint)number;
  return TRUE;
}

static gboolean
parse_words (ScHealth *health, JsonObject *object, const char *where, int kind, GError **error)
{
  g_auto (GStrv) words = NULL;
  const char *word = NULL;

  if (kind == SC_HEALTH_COMMAND)
    {
      if (!sc_json_get_strv (object, where, kinds[kind], SC_JSON_REQUIRED, &words, error))
        return FALSE;
    }
  else
    {
      if (!sc_json_get_string (object, where, kinds[kind], SC_JSON_REQUIRED, &word, error))
        return FALSE;
      words = g_new0 (char *, 2);
      words[0] = g_strdup (word);
    }
  return set_words (health, kind, g_steal_pointer (&words), where, error);
}

ScHealth *
sc_health_parse (JsonObject *object, const char *where, GError **error)
{
  g_autoptr (ScHealth) health = new_health ();
  JsonObjectIter iter;
  const char *key;
  JsonNode *node;

  json_object_iter_init_ordered (&iter, object);
  while (json_object_iter_next_ordered (&iter, &key, &node))
    {
      int kind = find_kind (key), time = find_time (key);

      if (kind < 0 && time < 0)
        return sc_fail_null (error, SC_ERROR_INVALID, "%s: '%s' is not known", where, key);
      if (kind >= 0 ? !parse_words (health, object, where, kind, error)
                    : !parse_time (health, object, where, time, error))
        return NULL;
    }
  return check_complete (health, where, error) ? g_steal_pointer (&health) : NULL;
}

void
sc_health_build (const ScHealth *health, JsonBuilder *b)
{
  json_builder_begin_object (b);
  json_builder_set_member_name (b, kinds[health->kind]);
  if (health->kind == SC_HEALTH_COMMAND)
    json_builder_begin_array (b);
  for (char **word = health->words; *word != NULL; word++)
    json_builder_add_string_value (b, *word);
  if (health->kind == SC_HEALTH_COMMAND)
    json_builder_end_array (b);
  for (gsize i = 0; i < G_N_ELEMENTS (times); i++)
    {
      json_builder_set_member_name (b, times[i].key);
      json_builder_add_int_value (b, G_STRUCT_MEMBER (guint, health, times[i].offset));
    }
  json_builder_end_object (b);
}

/* -- labels -- */

static gboolean
take_label (ScHealth *health, const char *name, const char *value, GError **error)
{
  const char *key = name + strlen (LABEL);
  int kind = find_kind (key), time = find_time (key);
  g_autofree char *where = g_strconcat ("label ", name, NULL);
  g_autoptr (GError) local = NULL;
  char **words = NULL;
  guint64 number = 0;

  if (time >= 0)
    {
      if (!g_ascii_string_to_unsigned (value, 10, 1, SC_SECONDS_MAX, &number, NULL))
        return sc_fail (error, SC_ERROR_INVALID, "%s: '%s' is not a number of seconds from 1 to %d", where, value,
                        SC_SECONDS_MAX);
      G_STRUCT_MEMBER (guint, health, times[time].offset) = (guint)number;
      return TRUE;
    }
  if (kind < 0)
    return sc_fail (error, SC_ERROR_INVALID, "%s: '%s' is not known", where, key);
  if (kind == SC_HEALTH_COMMAND)
    {
      if (!g_shell_parse_argv (value, NULL, &words, &local))
        return sc_fail (error, SC_ERROR_INVALID, "%s: %s", where, local->message);
    }
  else
    {
      words = g_new0 (char *, 2);
      words[0] = g_strdup (value);
    }
  return set_words (health, kind, words, where, error);
}

gboolean
sc_health_from_labels (GHashTable *labels, ScHealth **out_health, GError **error)
{
  g_autoptr (ScHealth) health = new_health ();
  g_autoptr (GList) names = labels != NULL ? g_list_sort (g_hash_table_get_keys (labels), (GCompareFunc)strcmp) : NULL;
  gboolean any = FALSE;

  for (GList *l = names; l != NULL; l = l->next)
    {
      const char *value = g_hash_table_lookup (labels, l->data);

      /* Labels are inherited: an empty one takes back what the image has from the one below. */
      if (!g_str_has_prefix (l->data, LABEL) || value == NULL || *value == '\0')
        continue;
      any = TRUE;
      if (!take_label (health, l->data, value, error))
        return FALSE;
    }
  if (any && !check_complete (health, "labels " LABEL "*", error))
    return FALSE;
  *out_health = any ? g_steal_pointer (&health) : NULL;
  return TRUE;
}

/* -- values -- */

gboolean
sc_health_add_variables (const ScHealth *health, GHashTable *all, GError **error)
{
  for (char **word = health->words; *word != NULL; word++)
    {
      g_auto (GStrv) names = sc_template_variables (FILE_NAME, *word, error);

      if (names == NULL)
        return FALSE;
      for (char **name = names; *name != NULL; name++)
        g_hash_table_add (all, g_strdup (*name));
    }
  return TRUE;
}

static gboolean
check_words (const ScHealth *health, GError **error)
{
  gsize size = 0;

  for (char **word = health->words; *word != NULL; word++)
    size += strlen (*word);
  if (size > TEXT_MAX || g_strv_length (health->words) > WORDS_MAX)
    return sc_fail (error, SC_ERROR_LIMIT, "more than %d KiB or %d words", TEXT_MAX / 1024, WORDS_MAX);
  switch (health->kind)
    {
    case SC_HEALTH_HTTP:
      return sc_probe_check_url (health->words[0], error);
    case SC_HEALTH_TCP:
      return sc_probe_check_address (health->words[0], error);
    case SC_HEALTH_COMMAND:
      break;
    }
  return *health->words[0] != '\0' || sc_fail (error, SC_ERROR_INVALID, "an empty command");
}

ScHealth *
sc_health_resolve (const ScHealth *health, GHashTable *values, GError **error)
{
  g_autoptr (ScHealth) resolved = g_memdup2 (health, sizeof *health);
  g_autoptr (GPtrArray) words = g_ptr_array_new_with_free_func (g_free);

  resolved->words = NULL;
  for (char **word = health->words; *word != NULL; word++)
    {
      g_autoptr (ScExpansion) expansion = sc_template_expand (FILE_NAME, *word, values, error);

      if (expansion == NULL)
        return NULL;
      g_ptr_array_add (words, g_steal_pointer (&expansion->text));
    }
  g_ptr_array_add (words, NULL);
  resolved->words = (char **)g_ptr_array_free (g_steal_pointer (&words), FALSE);
  if (!check_words (resolved, error))
    return sc_prefix_null (error, "health check %s", kinds[health->kind]);
  return g_steal_pointer (&resolved);
}

char *
sc_health_describe (const ScHealth *health)
{
  g_autofree char *text = g_strjoinv (" ", health->words), *valid = g_utf8_make_valid (text, -1);

  if (g_utf8_strlen (valid, -1) > SHOWN_MAX)
    *g_utf8_offset_to_pointer (valid, SHOWN_MAX) = '\0';
  return g_steal_pointer (&valid);
}
