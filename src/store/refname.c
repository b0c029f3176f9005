/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Branch names of images, layers and configs: encoding, decoding, telling them apart.
 * Pure text; no repository is touched.
 */
#include "refname.h"

#include <limits.h>
#include <string.h>

#include "digest.h"

static gboolean
is_plain (char c)
{
  return g_ascii_isalnum (c) || c == '.' || c == '-';
}

char *
sc_refname_encode (const char *name)
{
  GString *branch = g_string_new (SC_REF_PREFIX);

  for (const char *p = name; *p != '\0'; p++)
    {
      if (is_plain (*p))
        g_string_append_c (branch, *p);
      else
        g_string_append_printf (branch, "_%02X", (guchar)*p);
    }
  return g_string_free (branch, FALSE);
}

gboolean
sc_refname_check (const char *name, GError **error)
{
  g_autofree char *branch = sc_refname_encode (name);

  return strlen (branch) - strlen (SC_REF_PREFIX) <= NAME_MAX
         || sc_fail (error, SC_ERROR_LIMIT, "image %s: its name is too long for a branch of the repository", name);
}

gboolean
sc_refname_is_temporary (const char *branch)
{
  static const char prefix[] = SC_REF_PREFIX "tmp.";
  const char *random = branch + strlen (prefix);

  if (!g_str_has_prefix (branch, prefix) || strlen (random) != 6)
    return FALSE;
  while (g_ascii_isalnum (*random))
    random++;
  return *random == '\0';
}

/* The value of two upper-case hex digits, or -1. */
static int
hex_byte (const char *p)
{
  int high = g_ascii_xdigit_value (p[0]);
  int low = high < 0 ? -1 : g_ascii_xdigit_value (p[1]);

  if (low < 0 || g_ascii_islower (p[0]) || g_ascii_islower (p[1]))
    return -1;
  return high * 16 + low;
}

char *
sc_refname_decode (const char *branch, GError **error)
{
  g_autoptr (GString) name = g_string_new (NULL);

  if (!g_str_has_prefix (branch, SC_REF_PREFIX) || branch[strlen (SC_REF_PREFIX)] == '\0')
    return sc_fail_null (error, SC_ERROR_INVALID, "branch '%s' is not an image", branch);
  for (const char *p = branch + strlen (SC_REF_PREFIX); *p != '\0'; p++)
    {
      if (*p == '_')
        {
          int byte = hex_byte (p + 1);

          if (byte <= 0 || is_plain ((char)byte))
            return sc_fail_null (error, SC_ERROR_INVALID, "branch '%s' is not an encoded image name", branch);
          g_string_append_c (name, (char)byte);
          p += 2;
        }
      else if (is_plain (*p))
        g_string_append_c (name, *p);
      else
        return sc_fail_null (error, SC_ERROR_INVALID, "branch '%s' is not an encoded image name", branch);
    }
  if (!g_utf8_validate (name->str, (gssize)name->len, NULL))
    return sc_fail_null (error, SC_ERROR_INVALID, "branch '%s' is not an encoded image name", branch);
  return g_string_free (g_steal_pointer (&name), FALSE);
}

char *
sc_refname_for_blob (const char *digest)
{
  return g_strconcat (SC_REF_PREFIX, strchr (digest, ':') != NULL ? sc_digest_hex (digest) : digest, NULL);
}

const char *
sc_refname_blob (const char *branch)
{
  const char *hex = branch + strlen (SC_REF_PREFIX);

  return g_str_has_prefix (branch, SC_REF_PREFIX) && sc_digest_is_hex (hex) ? hex : NULL;
}
