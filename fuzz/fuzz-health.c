/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The input is "health" of a manifest.json, and a label with a command; "$X" stands for the input itself. */
#include "health.h"

#include <string.h>

#include "json.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static void
use (const ScHealth *health, GHashTable *values)
{
  g_autoptr (ScHealth) resolved = sc_health_resolve (health, values, NULL);
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonNode) node = NULL;
  g_autoptr (ScHealth) again = NULL;

  if (resolved == NULL)
    return;
  sc_health_build (resolved, builder);
  node = json_builder_get_root (builder);
  again = sc_health_parse (json_node_get_object (node), "fuzz", NULL);
  g_assert_nonnull (again);
  g_assert_true (g_strv_equal ((const char *const *)again->words, (const char *const *)resolved->words));
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autofree char *text = g_strndup ((const char *)data, size);
  g_autoptr (GHashTable) values = g_hash_table_new (g_str_hash, g_str_equal),
                         labels = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (JsonNode) node = sc_json_parse ("fuzz", data, size, NULL);
  JsonObject *object = node != NULL ? sc_json_node_object (node, "fuzz", NULL) : NULL;
  g_autoptr (ScHealth) health = object != NULL ? sc_health_parse (object, "fuzz", NULL) : NULL, label = NULL;

  g_hash_table_insert (values, (char *)"X", text);
  if (health != NULL)
    use (health, values);
  g_hash_table_insert (labels, (char *)"atomic.health.command", text);
  if (g_utf8_validate (text, -1, NULL) && sc_health_from_labels (labels, &label, NULL) && label != NULL)
    use (label, values);
  return 0;
}
