/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as each document of an image: an error or a document, never both. */

#include "model.h"

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (GBytes) raw = g_bytes_new (data, size);
  g_autoptr (GError) index_error = NULL;
  g_autoptr (GError) manifest_error = NULL;
  g_autoptr (GError) config_error = NULL;
  g_autoptr (ScIndex) index = sc_index_parse (raw, &index_error);
  g_autoptr (ScManifest) manifest = sc_manifest_parse (raw, &manifest_error);
  g_autoptr (ScImageConfig) config = sc_image_config_parse (raw, &config_error);
  g_autofree char *text = g_strndup ((const char *)data, size);
  gboolean is_index = FALSE;
  guint64 sum = 0, wanted = 0;

  g_assert_true ((index == NULL) == (index_error != NULL));
  g_assert_true ((manifest == NULL) == (manifest_error != NULL));
  g_assert_true ((config == NULL) == (config_error != NULL));
  g_assert_true (index == NULL || manifest == NULL);
  if (index != NULL)
    (void)(sc_index_find (index, sc_platform_host (), NULL) == NULL);
  if (sc_document_is_index (raw, NULL, &is_index, NULL))
    g_assert_true (is_index ? manifest == NULL : index == NULL);
  for (guint i = 0; manifest != NULL && i < manifest->layers->len; i++)
    wanted += ((const ScDescriptor *)manifest->layers->pdata[i])->size;
  if (sc_manifest_sum_sizes (text, &sum) && manifest != NULL)
    g_assert_cmpuint (sum, ==, wanted);
  return 0;
}
