/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as TOML and as a registries.conf: an error or a document, never both. */

#include "registries-conf.h"
#include "toml.h"

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (GError) toml_error = NULL;
  g_autoptr (GError) conf_error = NULL;
  g_autoptr (ScToml) toml = sc_toml_parse ("conf", data, size, &toml_error);
  g_autoptr (ScRegistriesConf) conf = sc_registries_conf_new ();
  g_autoptr (GBytes) text = g_bytes_new (data, size);
  g_autoptr (ScReference) ref = sc_reference_parse ("a.test/team/app:v1", NULL);

  g_assert_true ((toml == NULL) == (toml_error != NULL));
  if (!sc_registries_conf_add (conf, "conf", text, FALSE, &conf_error))
    g_assert_nonnull (conf_error);
  else
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GPtrArray) targets = sc_registries_conf_find_targets (conf, ref, NULL, &error);

      g_assert_nonnull (toml);
      g_assert_true ((targets == NULL) == (error != NULL));
    }
  return 0;
}
