/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

#include "error.h"

/*
 * JSON with errors that say where.  @where is the path of the object for messages ("config.json: process");
 * a message reads "config.json: process.args[1]: expected a string, found a number".
 * Getters return FALSE only on an error: a missing or null optional member leaves *out untouched.
 */

/* How deep arrays and objects may nest. */
#define SC_JSON_MAX_DEPTH 64

/* Parses @data, refusing NUL bytes, invalid UTF-8, nesting beyond SC_JSON_MAX_DEPTH and all that is not JSON by RFC
 * 8259 *before* the recursive and lenient parser sees it (SC_ERROR_INVALID: "WHAT: line L, column C: ...").  Integers
 * that a gint64 cannot hold are refused too, since json-glib would change them in silence.  (transfer full) */
JsonNode *sc_json_parse (const char *what, const void *data, gsize size, GError **error) SC_CHECK;

/* The same, for what is signed or decides about trust: a name given twice in one object is SC_ERROR_INVALID, so that no
 * two readers see different things. */
JsonNode *sc_json_parse_unique (const char *what, const void *data, gsize size, GError **error) SC_CHECK;

/* The object in @node, owned by it, or an error that names @where. */
JsonObject *sc_json_node_object (JsonNode *node, const char *where, GError **error) SC_CHECK;

typedef enum
{
  SC_JSON_OPTIONAL,
  SC_JSON_REQUIRED
} ScJsonNeed;

/* (transfer none) values, owned by @object. */
gboolean sc_json_get_string (JsonObject *object, const char *where, const char *key, ScJsonNeed need, const char **out,
                             GError **error) SC_CHECK;
gboolean sc_json_get_int (JsonObject *object, const char *where, const char *key, ScJsonNeed need, gint64 *out,
                          GError **error) SC_CHECK;
gboolean sc_json_get_bool (JsonObject *object, const char *where, const char *key, ScJsonNeed need, gboolean *out,
                           GError **error) SC_CHECK;
gboolean sc_json_get_object (JsonObject *object, const char *where, const char *key, ScJsonNeed need, JsonObject **out,
                             GError **error) SC_CHECK;
gboolean sc_json_get_array (JsonObject *object, const char *where, const char *key, ScJsonNeed need, JsonArray **out,
                            GError **error) SC_CHECK;
/* (transfer full) (array zero-terminated=1): an array of strings. */
gboolean sc_json_get_strv (JsonObject *object, const char *where, const char *key, ScJsonNeed need, char ***out,
                           GError **error) SC_CHECK;
/* (transfer full): an object whose members are all strings, as name -> value. */
gboolean sc_json_get_string_map (JsonObject *object, const char *where, const char *key, ScJsonNeed need,
                                 GHashTable **out, GError **error) SC_CHECK;
/* The @index-th element as an object; @where is the path of the array. */
JsonObject *sc_json_element_object (JsonArray *array, const char *where, guint index, GError **error) SC_CHECK;

/* A member of the object that is being built; @value: (nullable): NULL becomes null. */
void sc_json_add_string (JsonBuilder *builder, const char *key, const char *value);
void sc_json_add_bool (JsonBuilder *builder, const char *key, gboolean value);

/* (transfer full): text of @node, indented by two blanks if @pretty, ending in a newline if so. */
char *sc_json_to_text (JsonNode *node, gboolean pretty);
