/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The input is a template; every variable that it has gets the template itself as its value. */
#include "template.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autofree char *text = g_strndup ((const char *)data, size);
  g_autoptr (GHashTable) values = g_hash_table_new (g_str_hash, g_str_equal);
  g_auto (GStrv) names = sc_template_variables ("fuzz", text, NULL);
  g_autoptr (ScExpansion) expansion = NULL;

  for (gsize i = 0; names != NULL && names[i] != NULL; i++)
    g_hash_table_insert (values, names[i], text);
  expansion = sc_template_expand ("fuzz", text, values, NULL);
  if (expansion == NULL)
    return 0;
  for (guint i = 0; i < expansion->spans->len; i++)
    {
      const ScTemplateSpan *span = &g_array_index (expansion->spans, ScTemplateSpan, i);
      g_assert_true (span->end - span->start == strlen (text));
      g_assert_true (memcmp (expansion->text + span->start, text, span->end - span->start) == 0);
    }
  g_assert_true (sc_expansion_check_lines (expansion, "fuzz", NULL) || expansion->spans->len > 0);
  g_assert_true (sc_expansion_variable_at (expansion, 1, (guint)size) == NULL || expansion->spans->len > 0);
  return 0;
}
