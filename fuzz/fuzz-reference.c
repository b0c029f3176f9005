/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any text: it is refused with an error, or what is written out of it parses to the same again. */

#include "reference.h"

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autofree char *text = g_strndup ((const char *)data, size);
  g_autoptr (GError) error = NULL;
  g_autoptr (ScReference) ref = sc_reference_parse (text, &error);

  g_assert_true ((ref == NULL) == (error != NULL));
  if (ref != NULL)
    {
      g_autofree char *written = sc_reference_format (ref);
      g_autofree char *store_name = sc_reference_store_name (ref);
      g_autoptr (ScReference) again = sc_reference_parse (written, &error);
      g_autofree char *rewritten = again != NULL ? sc_reference_format (again) : NULL;
      g_autofree char *same_name = again != NULL ? sc_reference_store_name (again) : NULL;

      g_assert_no_error (error);
      g_assert_cmpstr (rewritten, ==, written);
      g_assert_cmpstr (same_name, ==, store_name);
      if (ref->registry != NULL)
        (void)sc_registry_is_loopback (ref->registry);
    }
  return 0;
}
