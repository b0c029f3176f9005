/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Keys, PEM and base64 for sigstore: what is accepted as a key, and the one place where a signature is checked.  Text
 * may be hostile; each function takes one spelling of a thing where there are several, so that nothing that was
 * compared as bytes here reads differently elsewhere.
 */

#include "sigstore-private.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#define RSA_MIN_BITS 2048

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BIO, BIO_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (EVP_MD_CTX, EVP_MD_CTX_free)

static void
block_free (ScPemBlock *block)
{
  g_free (block->label);
  g_bytes_unref (block->der);
  g_free (block);
}

/* Reads the next block: FALSE without an error at the end. */
static gboolean
next_block (BIO *bio, const char *what, ScPemBlock **out, GError **error)
{
  char *label = NULL, *header = NULL;
  guint8 *data = NULL;
  long size = 0;
  gboolean plain;

  ERR_clear_error ();
  if (PEM_read_bio (bio, &label, &header, &data, &size) != 1)
    {
      if (ERR_GET_REASON (ERR_peek_last_error ()) == PEM_R_NO_START_LINE)
        return FALSE;
      return sc_fail (error, SC_ERROR_INVALID, "%s: not PEM", what);
    }
  plain = header[0] == '\0' && size > 0;
  if (plain)
    {
      *out = g_new0 (ScPemBlock, 1);
      (*out)->label = g_strdup (label);
      (*out)->der = g_bytes_new (data, (gsize)size);
    }
  OPENSSL_free (label);
  OPENSSL_free (header);
  OPENSSL_free (data);
  return plain || sc_fail (error, SC_ERROR_INVALID, "%s: encrypted or empty PEM", what);
}

GPtrArray *
sc_sigstore_pem_parse (const char *what, const void *text, gsize size, guint max, GError **error)
{
  g_autoptr (GPtrArray) blocks = g_ptr_array_new_with_free_func ((GDestroyNotify)block_free);
  g_autoptr (BIO) bio = NULL;
  g_autoptr (GError) local = NULL;
  ScPemBlock *block = NULL;

  if (size == 0 || size > G_MAXINT)
    return sc_fail_null (error, SC_ERROR_INVALID, "%s: not PEM", what);
  bio = BIO_new_mem_buf (text, (int)size);
  if (bio == NULL)
    return sc_fail_null (error, SC_ERROR_FAILED, "%s: libcrypto is out of memory", what);
  while (next_block (bio, what, &block, &local))
    {
      g_ptr_array_add (blocks, block);
      if (blocks->len > max)
        return sc_fail_null (error, SC_ERROR_LIMIT, "%s: more than %u PEM block%s", what, max, max == 1 ? "" : "s");
    }
  if (local != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return NULL;
    }
  if (blocks->len == 0)
    return sc_fail_null (error, SC_ERROR_INVALID, "%s: not PEM", what);
  return g_steal_pointer (&blocks);
}

static gboolean
check_curve (const char *what, EVP_PKEY *key, GError **error)
{
  static const char *const curves[] = { "prime256v1", "secp384r1", "secp521r1" };
  char name[64] = "";
  int explicit_parameters = 1;

  /* A curve that is spelled out in numbers may differ from the one it is taken for. */
  if (EVP_PKEY_get_int_param (key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &explicit_parameters) == 1
      && explicit_parameters == 0 && EVP_PKEY_get_group_name (key, name, sizeof name, NULL) == 1)
    for (gsize i = 0; i < G_N_ELEMENTS (curves); i++)
      if (strcmp (name, curves[i]) == 0)
        return TRUE;
  return sc_fail (error, SC_ERROR_UNSUPPORTED, "%s: an EC key of another curve than P-256, P-384 and P-521", what);
}

gboolean
sc_sigstore_key_check (const char *what, EVP_PKEY *key, GError **error)
{
  switch (EVP_PKEY_get_base_id (key))
    {
    case EVP_PKEY_EC:
      return check_curve (what, key, error);
    case EVP_PKEY_ED25519:
      return TRUE;
    case EVP_PKEY_RSA:
      if (EVP_PKEY_get_bits (key) < RSA_MIN_BITS)
        return sc_fail (error, SC_ERROR_UNSUPPORTED, "%s: an RSA key of %d bits, less than %d", what,
                        EVP_PKEY_get_bits (key), RSA_MIN_BITS);
      return TRUE;
    default:
      return sc_fail (error, SC_ERROR_UNSUPPORTED, "%s: neither an ECDSA nor an Ed25519 nor an RSA key", what);
    }
}

EVP_PKEY *
sc_sigstore_key_parse (const char *what, GBytes *pem, GError **error)
{
  g_autoptr (GPtrArray) blocks =
      sc_sigstore_pem_parse (what, g_bytes_get_data (pem, NULL), g_bytes_get_size (pem), 1, error);
  g_autoptr (EVP_PKEY) key = NULL;
  const ScPemBlock *block;
  const guint8 *start, *p;
  gsize size = 0;

  if (blocks == NULL)
    return NULL;
  block = g_ptr_array_index (blocks, 0);
  start = p = g_bytes_get_data (block->der, &size);
  if (strcmp (block->label, "PUBLIC KEY") == 0)
    key = d2i_PUBKEY (NULL, &p, (long)size);
  else if (strcmp (block->label, "RSA PUBLIC KEY") == 0)
    key = d2i_PublicKey (EVP_PKEY_RSA, NULL, &p, (long)size);
  else
    return sc_fail_null (error, SC_ERROR_INVALID, "%s: not a public key in PEM", what);
  if (key == NULL || p != start + size)
    return sc_fail_null (error, SC_ERROR_INVALID, "%s: a broken public key", what);
  return sc_sigstore_key_check (what, key, error) ? g_steal_pointer (&key) : NULL;
}

GBytes *
sc_sigstore_key_der (EVP_PKEY *key, GError **error)
{
  guint8 *der = NULL;
  int size = i2d_PUBKEY (key, &der);
  GBytes *bytes;

  if (size <= 0)
    return sc_fail_null (error, SC_ERROR_FAILED, "libcrypto cannot encode a public key");
  bytes = g_bytes_new (der, (gsize)size);
  OPENSSL_free (der);
  return bytes;
}

gboolean
sc_sigstore_key_verify (EVP_PKEY *key, GBytes *signature, const void *data, gsize size, GError **error)
{
  g_autoptr (EVP_MD_CTX) ctx = EVP_MD_CTX_new ();
  const EVP_MD *hash = EVP_PKEY_get_base_id (key) == EVP_PKEY_ED25519 ? NULL : EVP_sha256 ();
  gsize signature_size = 0;
  const guint8 *bytes = g_bytes_get_data (signature, &signature_size);

  if (ctx == NULL || EVP_DigestVerifyInit (ctx, NULL, hash, NULL, key) != 1)
    return sc_fail (error, SC_ERROR_FAILED, "libcrypto cannot check a signature");
  if (EVP_DigestVerify (ctx, bytes, signature_size, data, size) != 1)
    return sc_fail (error, SC_ERROR_DENIED, "not made with this key over these bytes");
  return TRUE;
}

GBytes *
sc_sigstore_base64_decode (const char *what, const char *text, gsize max, GError **error)
{
  g_autofree guint8 *data = NULL;
  g_autofree char *again = NULL;
  gsize size = 0;

  if (strlen (text) > max)
    return sc_fail_null (error, SC_ERROR_LIMIT, "%s: more than %zu characters", what, max);
  data = g_base64_decode (text, &size);
  again = g_base64_encode (data, size);
  if (size == 0 || strcmp (text, again) != 0)
    return sc_fail_null (error, SC_ERROR_INVALID, "%s: %s", what, *text == '\0' ? "empty" : "not base64");
  return g_bytes_new_take (g_steal_pointer (&data), size);
}

gboolean
sc_sigstore_check_members (JsonObject *object, const char *where, const char *const *names, GError **error)
{
  guint n = 0;

  for (; names[n] != NULL; n++)
    if (!json_object_has_member (object, names[n]))
      return sc_fail (error, SC_ERROR_INVALID, "%s: has no member '%s'", where, names[n]);
  if (json_object_get_size (object) != n)
    return sc_fail (error, SC_ERROR_INVALID, "%s: has a member that does not belong there", where);
  return TRUE;
}
