/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Certificates that Fulcio gives to whom an OpenID provider vouches for: was this one given to the e-mail address that
 * the policy names, by the CA that it names, and was it valid at a given time?  The time is the log's, never the
 * clock's, as such a certificate lives for minutes.  libcrypto builds and checks the path; what it would let pass and
 * Go's X.509 or common sense would not is refused here.
 */

#include "sigstore-private.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "names.h"

#define CHAIN_MAX      10
#define CHAIN_MAX_SIZE ((gsize)256 * 1024)
#define PATH_MAX_CAS   6
/* 112 bits: no SHA-1, no RSA below 2048 bits. */
#define AUTH_LEVEL    2
#define OID_ISSUER    "1.3.6.1.4.1.57264.1.1" /* the text itself */
#define OID_ISSUER_V2 "1.3.6.1.4.1.57264.1.8" /* a UTF8String */

typedef STACK_OF (X509) CertStack;

static void
cert_stack_free (CertStack *stack)
{
  sk_X509_pop_free (stack, X509_free);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CertStack, cert_stack_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (X509_STORE, X509_STORE_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (X509_STORE_CTX, X509_STORE_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ASN1_OBJECT, ASN1_OBJECT_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ASN1_UTF8STRING, ASN1_UTF8STRING_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GENERAL_NAMES, GENERAL_NAMES_free)

static X509 *
parse_block (const char *what, const ScPemBlock *block, GError **error)
{
  gsize size = 0;
  const guint8 *start = g_bytes_get_data (block->der, &size), *p = start;
  g_autoptr (X509) cert = NULL;

  if (strcmp (block->label, "CERTIFICATE") != 0)
    return sc_fail_null (error, SC_ERROR_INVALID, "%s: not a certificate in PEM", what);
  cert = d2i_X509 (NULL, &p, (long)size);
  if (cert == NULL || p != start + size)
    return sc_fail_null (error, SC_ERROR_INVALID, "%s: a broken certificate", what);
  return g_steal_pointer (&cert);
}

GPtrArray *
sc_sigstore_certs_parse (const char *what, const void *pem, gsize size, guint max, GError **error)
{
  g_autoptr (GPtrArray) certs = g_ptr_array_new_with_free_func ((GDestroyNotify)X509_free);
  g_autoptr (GPtrArray) blocks = sc_sigstore_pem_parse (what, pem, size, max, error);

  if (blocks == NULL)
    return NULL;
  for (guint i = 0; i < blocks->len; i++)
    {
      X509 *cert = parse_block (what, g_ptr_array_index (blocks, i), error);

      if (cert == NULL)
        return NULL;
      g_ptr_array_add (certs, cert);
    }
  return g_steal_pointer (&certs);
}

X509 *
sc_sigstore_cert_parse (const char *what, const char *pem, GBytes **out_der, GError **error)
{
  g_autoptr (GPtrArray) blocks = NULL;
  X509 *cert;

  if (strlen (pem) > CHAIN_MAX_SIZE)
    return sc_fail_null (error, SC_ERROR_LIMIT, "%s: larger than %zu bytes", what, CHAIN_MAX_SIZE);
  blocks = sc_sigstore_pem_parse (what, pem, strlen (pem), 1, error);
  if (blocks == NULL)
    return NULL;
  cert = parse_block (what, g_ptr_array_index (blocks, 0), error);
  if (cert != NULL)
    *out_der = g_bytes_ref (((ScPemBlock *)g_ptr_array_index (blocks, 0))->der);
  return cert;
}

static gboolean
fail_memory (GError **error)
{
  return sc_fail (error, SC_ERROR_FAILED, "certificate: libcrypto is out of memory");
}

/* libcrypto takes some critical extensions for handled that nothing looks at without further flags. */
static gboolean
is_handled (int nid)
{
  return nid == NID_key_usage || nid == NID_basic_constraints || nid == NID_subject_alt_name || nid == NID_ext_key_usage
         || nid == NID_name_constraints;
}

static gboolean
check_extensions (X509 *cert, GError **error)
{
  for (int i = 0; i < X509_get_ext_count (cert); i++)
    {
      X509_EXTENSION *extension = X509_get_ext (cert, i);
      ASN1_OBJECT *object = X509_EXTENSION_get_object (extension);
      char oid[80] = "";

      OBJ_obj2txt (oid, sizeof oid, object, 1);
      if (X509_get_ext_by_OBJ (cert, object, i) >= 0)
        return sc_fail (error, SC_ERROR_DENIED, "certificate: has the extension %s twice", oid);
      if (X509_EXTENSION_get_critical (extension) && !is_handled (OBJ_obj2nid (object)))
        return sc_fail (error, SC_ERROR_DENIED, "certificate: has the critical extension %s, which is not known", oid);
    }
  return TRUE;
}

/* A certificate of the path, the leaf's or a CA's. */
static gboolean
check_member (X509 *cert, gboolean leaf, GError **error)
{
  guint32 usage = X509_get_extended_key_usage (cert);
  EVP_PKEY *key = X509_get0_pubkey (cert);

  if (!check_extensions (cert, error))
    return FALSE;
  if (key == NULL)
    return sc_fail (error, SC_ERROR_DENIED, "certificate: its key cannot be read");
  if (!sc_sigstore_key_check ("certificate", key, error))
    return FALSE;
  /* A CA may leave its usage open (all bits are set then), but not exclude this one. */
  if ((usage & (leaf ? XKU_CODE_SIGN : XKU_CODE_SIGN | XKU_ANYEKU)) == 0 || (leaf && usage == UINT32_MAX))
    return sc_fail (error, SC_ERROR_DENIED, "certificate: it is not for code signing");
  if (leaf && (X509_get_extension_flags (cert) & EXFLAG_CA) != 0)
    return sc_fail (error, SC_ERROR_DENIED, "certificate: it is that of a CA");
  if (leaf && (X509_get_key_usage (cert) & KU_DIGITAL_SIGNATURE) == 0)
    return sc_fail (error, SC_ERROR_DENIED, "certificate: it is not for digital signatures");
  if (!leaf && X509_check_ca (cert) != 1)
    return sc_fail (error, SC_ERROR_DENIED, "certificate: its issuer is not a CA");
  return TRUE;
}

static CertStack *
make_stack (const GPtrArray *certs, GError **error)
{
  g_autoptr (CertStack) stack = sk_X509_new_null ();

  for (guint i = 0; stack != NULL && certs != NULL && i < certs->len; i++)
    {
      X509 *cert = g_ptr_array_index (certs, i);

      X509_up_ref (cert);
      if (sk_X509_push (stack, cert) <= 0)
        {
          X509_free (cert);
          cert_stack_free (g_steal_pointer (&stack));
        }
    }
  if (stack == NULL)
    fail_memory (error);
  return g_steal_pointer (&stack);
}

static X509_STORE *
make_store (const GPtrArray *roots, GError **error)
{
  g_autoptr (X509_STORE) store = X509_STORE_new ();

  if (store == NULL)
    return fail_memory (error) ? NULL : NULL;
  for (guint i = 0; i < roots->len; i++)
    if (X509_STORE_add_cert (store, g_ptr_array_index (roots, i)) != 1)
      return fail_memory (error) ? NULL : NULL;
  return g_steal_pointer (&store);
}

static gboolean
check_path (X509 *leaf, const GPtrArray *chain, const GPtrArray *roots, gint64 time, GError **error)
{
  g_autoptr (X509_STORE) store = make_store (roots, error);
  g_autoptr (CertStack) untrusted = store != NULL ? make_stack (chain, error) : NULL;
  g_autoptr (X509_STORE_CTX) ctx = untrusted != NULL ? X509_STORE_CTX_new () : NULL;
  X509_VERIFY_PARAM *param;
  const CertStack *path;

  if (untrusted == NULL)
    return FALSE;
  if (ctx == NULL || X509_STORE_CTX_init (ctx, store, leaf, untrusted) != 1)
    return fail_memory (error);
  param = X509_STORE_CTX_get0_param (ctx);
  X509_VERIFY_PARAM_set_time (param, (time_t)time);
  X509_VERIFY_PARAM_set_depth (param, PATH_MAX_CAS);
  X509_VERIFY_PARAM_set_auth_level (param, AUTH_LEVEL);
  /* What the policy names is trusted, be it the top of a hierarchy or not. */
  X509_VERIFY_PARAM_set_flags (param, X509_V_FLAG_PARTIAL_CHAIN);
  if (X509_verify_cert (ctx) != 1)
    return sc_fail (error, SC_ERROR_DENIED, "certificate: %s, at the time that Rekor states",
                    X509_verify_cert_error_string (X509_STORE_CTX_get_error (ctx)));
  path = X509_STORE_CTX_get0_chain (ctx);
  if (sk_X509_num (path) < 2)
    return sc_fail (error, SC_ERROR_DENIED, "certificate: it is that of a CA");
  for (int i = 0; i < sk_X509_num (path); i++)
    if (!check_member (sk_X509_value (path, i), i == 0, error))
      return FALSE;
  return TRUE;
}

/* The contents of @extension, whose form is of Fulcio's making, are the text @wanted. */
static gboolean
is_text (X509_EXTENSION *extension, gboolean utf8_string, const char *wanted)
{
  const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data (extension);
  const guint8 *start = ASN1_STRING_get0_data (value), *p = start;
  gsize size = (gsize)ASN1_STRING_length (value);
  g_autoptr (ASN1_UTF8STRING) inner = NULL;

  if (utf8_string)
    {
      inner = d2i_ASN1_UTF8STRING (NULL, &p, (long)size);
      if (inner == NULL || p != start + size)
        return FALSE;
      start = ASN1_STRING_get0_data (inner);
      size = (gsize)ASN1_STRING_length (inner);
    }
  return size == strlen (wanted) && memcmp (start, wanted, size) == 0;
}

/* Every statement of the issuer that there is must be the one wanted, and there must be one. */
static gboolean
check_issuer (X509 *leaf, const char *issuer, GError **error)
{
  static const char *const oids[] = { OID_ISSUER, OID_ISSUER_V2 };
  gboolean found = FALSE;

  for (gsize i = 0; i < G_N_ELEMENTS (oids); i++)
    {
      g_autoptr (ASN1_OBJECT) object = OBJ_txt2obj (oids[i], 1);
      int at;

      if (object == NULL)
        return fail_memory (error);
      at = X509_get_ext_by_OBJ (leaf, object, -1);
      if (at < 0)
        continue;
      if (!is_text (X509_get_ext (leaf, at), i == 1, issuer))
        return sc_fail (error, SC_ERROR_DENIED, "certificate: its OIDC issuer is not '%s'", issuer);
      found = TRUE;
    }
  if (!found)
    return sc_fail (error, SC_ERROR_DENIED, "certificate: it names no OIDC issuer");
  return TRUE;
}

static gboolean
check_email (X509 *leaf, const char *email, GError **error)
{
  int critical = -1;
  g_autoptr (GENERAL_NAMES) names = X509_get_ext_d2i (leaf, NID_subject_alt_name, &critical, NULL);
  g_autofree char *found = NULL;
  g_autofree char *shown = NULL;

  for (int i = 0; names != NULL && i < sk_GENERAL_NAME_num (names); i++)
    {
      const GENERAL_NAME *name = sk_GENERAL_NAME_value (names, i);
      const char *text;
      gsize size;

      if (name->type != GEN_EMAIL)
        continue;
      text = (const char *)ASN1_STRING_get0_data (name->d.rfc822Name);
      size = (gsize)ASN1_STRING_length (name->d.rfc822Name);
      if (size == strlen (email) && memcmp (text, email, size) == 0)
        return TRUE;
      if (found == NULL)
        found = g_strndup (text, size);
    }
  shown = sc_name_escape (found != NULL ? found : "");
  return sc_fail (error, SC_ERROR_DENIED, "certificate: it is for '%s', not for '%s'", shown, email);
}

gboolean
sc_sigstore_cert_verify (X509 *leaf, const char *chain, const GPtrArray *roots, const char *issuer, const char *email,
                         gint64 time, GError **error)
{
  g_autoptr (GPtrArray) certs = NULL;

  if (chain != NULL && *chain != '\0')
    {
      if (strlen (chain) > CHAIN_MAX_SIZE)
        return sc_fail (error, SC_ERROR_LIMIT, "chain: larger than %zu bytes", CHAIN_MAX_SIZE);
      certs = sc_sigstore_certs_parse ("chain", chain, strlen (chain), CHAIN_MAX, error);
      if (certs == NULL)
        return FALSE;
    }
  return check_path (leaf, certs, roots, time, error) && check_issuer (leaf, issuer, error)
         && check_email (leaf, email, error);
}
