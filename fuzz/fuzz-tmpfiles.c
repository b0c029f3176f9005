/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The input is a tmpfiles.d file; what it makes is written as one of ours and read again. */
#include "tmpfiles.h"

#include "config-json.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autofree char *text = g_strndup ((const char *)data, size);
  g_auto (GStrv) paths = sc_tmpfiles_directories (text);
  g_autofree char *ours = sc_tmpfiles_default ((const char *const *)paths, 0, 0);
  g_auto (GStrv) again = sc_tmpfiles_directories (ours != NULL ? ours : "");

  g_assert_true (g_strv_equal ((const char *const *)paths, (const char *const *)again));
  for (char **path = paths; *path != NULL; path++)
    {
      g_autofree char *clean = sc_config_clean_path (*path);

      g_assert_cmpstr (clean, ==, *path);
    }
  return 0;
}
