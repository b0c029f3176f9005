/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * JSON with errors that say where.
 *
 * Owns the typed access to JSON from outside; what is valid JSON is json-scan's to say, which runs before json-glib
 * sees a byte.  Of a member given twice the last one counts, unless the caller refuses that.  Values handed out stay
 * owned by their object unless the header says otherwise.
 */
#include "json.h"

#include <string.h>

#include "json-scan.h"

JsonNode *
sc_json_parse (const char *what, const void *data, gsize size, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) local = NULL;

  if (!sc_json_scan (what, data, size, error))
    return NULL;
  if (size > G_MAXINT || !json_parser_load_from_data (parser, data, (gssize)size, &local))
    return sc_fail_null (error, SC_ERROR_INVALID, "%s: %s", what, local ? local->message : "too large");
  return json_parser_steal_root (parser);
}

/* How many members the objects of a text that was scanned have. */
static guint
count_names (const char *data, gsize size)
{
  gboolean in_string = FALSE;
  guint n = 0;

  for (gsize i = 0; i < size; i++)
    if (in_string && data[i] == '\\')
      i++;
    else if (data[i] == '"')
      in_string = !in_string;
    else if (!in_string && data[i] == ':')
      n++;
  return n;
}

/* The same in what was built of it; its depth was bounded by the scan. */
static guint
count_members (JsonNode *node)
{
  guint n = 0;

  if (JSON_NODE_HOLDS_OBJECT (node))
    {
      JsonObjectIter iter;
      JsonNode *member = NULL;

      json_object_iter_init (&iter, json_node_get_object (node));
      while (json_object_iter_next (&iter, NULL, &member))
        n += 1 + count_members (member);
    }
  else if (JSON_NODE_HOLDS_ARRAY (node))
    {
      JsonArray *array = json_node_get_array (node);

      for (guint i = 0; i < json_array_get_length (array); i++)
        n += count_members (json_array_get_element (array, i));
    }
  return n;
}

JsonNode *
sc_json_parse_unique (const char *what, const void *data, gsize size, GError **error)
{
  g_autoptr (JsonNode) root = sc_json_parse (what, data, size, error);

  if (root == NULL)
    return NULL;
  /* json-glib drops all but one of the members of the same name, with what is in them. */
  if (count_members (root) != count_names (data, size))
    return sc_fail_null (error, SC_ERROR_INVALID, "%s: a name is given twice in one object", what);
  return g_steal_pointer (&root);
}

/* The path of member @key of the object at @where: "FILE: a.b", or "FILE: a" for the top one. */
static char *
member_path (const char *where, const char *key)
{
  return g_strconcat (where, strstr (where, ": ") ? "." : ": ", key, NULL);
}

static char *
element_path (const char *where, const char *key, guint index)
{
  g_autofree char *path = key ? member_path (where, key) : g_strdup (where);

  return g_strdup_printf (strstr (path, ": ") ? "%s[%u]" : "%s: [%u]", path, index);
}

static const char *
found (JsonNode *node)
{
  if (node == NULL)
    return "nothing";
  if (JSON_NODE_HOLDS_OBJECT (node))
    return "an object";
  if (JSON_NODE_HOLDS_ARRAY (node))
    return "an array";
  if (JSON_NODE_HOLDS_NULL (node))
    return "null";
  switch (json_node_get_value_type (node))
    {
    case G_TYPE_STRING:
      return "a string";
    case G_TYPE_BOOLEAN:
      return "a boolean";
    case G_TYPE_INT64:
      return "a number";
    default:
      return "a number with a fraction or an exponent";
    }
}

static gboolean
is_value (JsonNode *node, GType type)
{
  return node != NULL && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == type;
}

static gboolean
fail_type (const char *path, const char *expected, JsonNode *node, GError **error)
{
  return sc_fail (error, SC_ERROR_INVALID, "%s: expected %s, found %s", path, expected, found (node));
}

typedef gboolean (*IsType) (JsonNode *node);

static gboolean
is_string (JsonNode *node)
{
  return is_value (node, G_TYPE_STRING);
}

static gboolean
is_int (JsonNode *node)
{
  return is_value (node, G_TYPE_INT64);
}

static gboolean
is_bool (JsonNode *node)
{
  return is_value (node, G_TYPE_BOOLEAN);
}

static gboolean
is_object (JsonNode *node)
{
  return node != NULL && JSON_NODE_HOLDS_OBJECT (node);
}

static gboolean
is_array (JsonNode *node)
{
  return node != NULL && JSON_NODE_HOLDS_ARRAY (node);
}

/* *out_node is the member if it is there and of the type, NULL if it is optional and not there. */
static gboolean
get_member (JsonObject *object, const char *where, const char *key, ScJsonNeed need, IsType is_type,
            const char *expected, JsonNode **out_node, GError **error)
{
  JsonNode *node = json_object_get_member (object, key);

  *out_node = NULL;
  if (need == SC_JSON_OPTIONAL && (node == NULL || JSON_NODE_HOLDS_NULL (node)))
    return TRUE;
  if (node == NULL || !is_type (node))
    {
      g_autofree char *path = member_path (where, key);

      if (node == NULL)
        return sc_fail (error, SC_ERROR_INVALID, "%s: missing, expected %s", path, expected);
      return fail_type (path, expected, node, error);
    }
  *out_node = node;
  return TRUE;
}

JsonObject *
sc_json_node_object (JsonNode *node, const char *where, GError **error)
{
  if (is_object (node))
    return json_node_get_object (node);
  fail_type (where, "an object", node, error);
  return NULL;
}

gboolean
sc_json_get_string (JsonObject *object, const char *where, const char *key, ScJsonNeed need, const char **out,
                    GError **error)
{
  JsonNode *node;

  if (!get_member (object, where, key, need, is_string, "a string", &node, error))
    return FALSE;
  if (node)
    *out = json_node_get_string (node);
  return TRUE;
}

gboolean
sc_json_get_int (JsonObject *object, const char *where, const char *key, ScJsonNeed need, gint64 *out, GError **error)
{
  JsonNode *node;

  if (!get_member (object, where, key, need, is_int, "an integer", &node, error))
    return FALSE;
  if (node)
    *out = json_node_get_int (node);
  return TRUE;
}

gboolean
sc_json_get_bool (JsonObject *object, const char *where, const char *key, ScJsonNeed need, gboolean *out,
                  GError **error)
{
  JsonNode *node;

  if (!get_member (object, where, key, need, is_bool, "true or false", &node, error))
    return FALSE;
  if (node)
    *out = json_node_get_boolean (node);
  return TRUE;
}

gboolean
sc_json_get_object (JsonObject *object, const char *where, const char *key, ScJsonNeed need, JsonObject **out,
                    GError **error)
{
  JsonNode *node;

  if (!get_member (object, where, key, need, is_object, "an object", &node, error))
    return FALSE;
  if (node)
    *out = json_node_get_object (node);
  return TRUE;
}

gboolean
sc_json_get_array (JsonObject *object, const char *where, const char *key, ScJsonNeed need, JsonArray **out,
                   GError **error)
{
  JsonNode *node;

  if (!get_member (object, where, key, need, is_array, "an array", &node, error))
    return FALSE;
  if (node)
    *out = json_node_get_array (node);
  return TRUE;
}

gboolean
sc_json_get_strv (JsonObject *object, const char *where, const char *key, ScJsonNeed need, char ***out, GError **error)
{
  JsonArray *array = NULL;

  if (!sc_json_get_array (object, where, key, need, &array, error))
    return FALSE;
  if (array == NULL)
    return TRUE;

  guint n = json_array_get_length (array);
  g_autoptr (GPtrArray) strings = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < n; i++)
    {
      JsonNode *node = json_array_get_element (array, i);

      if (!is_string (node))
        {
          g_autofree char *path = element_path (where, key, i);
          return fail_type (path, "a string", node, error);
        }
      g_ptr_array_add (strings, g_strdup (json_node_get_string (node)));
    }
  g_ptr_array_add (strings, NULL);
  *out = (char **)g_ptr_array_steal (strings, NULL);
  return TRUE;
}

gboolean
sc_json_get_string_map (JsonObject *object, const char *where, const char *key, ScJsonNeed need, GHashTable **out,
                        GError **error)
{
  JsonObject *members = NULL;
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;

  if (!sc_json_get_object (object, where, key, need, &members, error))
    return FALSE;
  if (members == NULL)
    return TRUE;

  g_autoptr (GHashTable) map = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

  json_object_iter_init (&iter, members);
  while (json_object_iter_next (&iter, &name, &node))
    {
      if (!is_string (node))
        {
          g_autofree char *parent = member_path (where, key);
          g_autofree char *path = member_path (parent, name);
          return fail_type (path, "a string", node, error);
        }
      g_hash_table_insert (map, g_strdup (name), g_strdup (json_node_get_string (node)));
    }
  *out = g_steal_pointer (&map);
  return TRUE;
}

JsonObject *
sc_json_element_object (JsonArray *array, const char *where, guint index, GError **error)
{
  JsonNode *node = index < json_array_get_length (array) ? json_array_get_element (array, index) : NULL;

  if (is_object (node))
    return json_node_get_object (node);

  g_autofree char *path = element_path (where, NULL, index);
  fail_type (path, "an object", node, error);
  return NULL;
}

void
sc_json_add_string (JsonBuilder *builder, const char *key, const char *value)
{
  json_builder_set_member_name (builder, key);
  if (value != NULL)
    json_builder_add_string_value (builder, value);
  else
    json_builder_add_null_value (builder);
}

void
sc_json_add_bool (JsonBuilder *builder, const char *key, gboolean value)
{
  json_builder_set_member_name (builder, key);
  json_builder_add_boolean_value (builder, value);
}

char *
sc_json_to_text (JsonNode *node, gboolean pretty)
{
  g_autoptr (JsonGenerator) generator = json_generator_new ();

  json_generator_set_root (generator, node);
  json_generator_set_pretty (generator, pretty);
  json_generator_set_indent (generator, 2);
  g_autofree char *text = json_generator_to_data (generator, NULL);
  return pretty ? g_strconcat (text, "\n", NULL) : g_steal_pointer (&text);
}
