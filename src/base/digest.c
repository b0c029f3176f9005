/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SHA-256 over libcrypto, and the text form of OCI digests.
 *
 * Only this file knows libcrypto.  GLib's GChecksum is several times slower where the processor has SHA
 * instructions.  libcrypto fails here only without memory or without its default provider; like GLib, that ends
 * the program.
 */
#include "digest.h"

#include <openssl/evp.h>
#include <string.h>

#define PREFIX "sha256:"

struct _ScSha256
{
  EVP_MD_CTX *ctx;
};

/* Looking an algorithm up costs more than hashing a small file, so it is done once for the process. */
static const EVP_MD *
sha256_algorithm (void)
{
  static gsize algorithm;

  if (g_once_init_enter (&algorithm))
    {
      EVP_MD *md = EVP_MD_fetch (NULL, "SHA2-256", NULL);
      if (md == NULL)
        g_error ("libcrypto has no SHA-256");
      g_once_init_leave (&algorithm, (gsize)md);
    }
  return (const EVP_MD *)algorithm;
}

ScSha256 *
sc_sha256_new (void)
{
  ScSha256 *sum = g_new0 (ScSha256, 1);

  sum->ctx = EVP_MD_CTX_new ();
  if (sum->ctx == NULL || EVP_DigestInit_ex2 (sum->ctx, sha256_algorithm (), NULL) != 1)
    g_error ("libcrypto cannot start a SHA-256");
  return sum;
}

void
sc_sha256_update (ScSha256 *sum, const void *data, gsize size)
{
  if (size > 0 && EVP_DigestUpdate (sum->ctx, data, size) != 1)
    g_error ("libcrypto cannot continue a SHA-256");
}

void
sc_sha256_finish (ScSha256 *sum, guint8 out[SC_SHA256_SIZE])
{
  unsigned size = 0;

  if (EVP_DigestFinal_ex (sum->ctx, out, &size) != 1 || size != SC_SHA256_SIZE)
    g_error ("libcrypto cannot finish a SHA-256");
}

void
sc_sha256_reset (ScSha256 *sum)
{
  /* With no algorithm given, the one of the context stays and only its state is cleared. */
  if (EVP_DigestInit_ex2 (sum->ctx, NULL, NULL) != 1)
    g_error ("libcrypto cannot restart a SHA-256");
}

void
sc_sha256_free (ScSha256 *sum)
{
  if (sum == NULL)
    return;
  EVP_MD_CTX_free (sum->ctx);
  g_free (sum);
}

void
sc_digest_to_hex (const guint8 sum[SC_SHA256_SIZE], char out[SC_SHA256_HEX + 1])
{
  static const char digits[] = "0123456789abcdef";

  for (gsize i = 0; i < SC_SHA256_SIZE; i++)
    {
      out[2 * i] = digits[sum[i] >> 4];
      out[2 * i + 1] = digits[sum[i] & 15];
    }
  out[SC_SHA256_HEX] = '\0';
}

char *
sc_digest_of (const void *data, gsize size)
{
  g_autoptr (ScSha256) sum = sc_sha256_new ();
  guint8 raw[SC_SHA256_SIZE];
  char hex[SC_SHA256_HEX + 1];

  sc_sha256_update (sum, data, size);
  sc_sha256_finish (sum, raw);
  sc_digest_to_hex (raw, hex);
  return g_strconcat (PREFIX, hex, NULL);
}

gboolean
sc_digest_is_hex (const char *text)
{
  gsize n = 0;

  for (; text[n] != '\0'; n++)
    if (n >= SC_SHA256_HEX || !(g_ascii_isdigit (text[n]) || (text[n] >= 'a' && text[n] <= 'f')))
      return FALSE;
  return n == SC_SHA256_HEX;
}

/* Is @text, up to its colon, an algorithm as the grammar of OCI digests has it? */
static gboolean
names_an_algorithm (const char *text, const char *colon)
{
  gboolean separated = TRUE; /* a component must come next */

  for (const char *p = text; p < colon; p++)
    {
      gboolean separator = strchr ("+._-", *p) != NULL;

      if (separator ? separated : !(g_ascii_islower (*p) || g_ascii_isdigit (*p)))
        return FALSE;
      separated = separator;
    }
  return !separated;
}

gboolean
sc_digest_check (const char *digest, GError **error)
{
  const char *colon = digest ? strchr (digest, ':') : NULL;

  if (digest == NULL)
    return sc_fail (error, SC_ERROR_INVALID, "digest is missing");
  if (colon == NULL || !names_an_algorithm (digest, colon))
    return sc_fail (error, SC_ERROR_INVALID, "'%s' is not a digest, expected sha256:<64 hex digits>", digest);
  if (!g_str_has_prefix (digest, PREFIX))
    return sc_fail (error, SC_ERROR_UNSUPPORTED, "digest '%s': algorithm '%.*s' is not supported, only sha256", digest,
                    (int)MIN (colon - digest, 64), digest);
  if (!sc_digest_is_hex (digest + strlen (PREFIX)))
    return sc_fail (error, SC_ERROR_INVALID, "digest '%s': expected 64 lower-case hex digits after 'sha256:'", digest);
  return TRUE;
}

const char *
sc_digest_hex (const char *digest)
{
  return digest + strlen (PREFIX);
}
