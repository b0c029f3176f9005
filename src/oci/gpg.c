/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Keyrings for one question.  Whatever gpg would do beyond looking at the keys it was given (start an agent, ask a key
 * server, read the user's configuration) is turned off here; what it says is believed only if it is exactly one good
 * signature by one of the keys that were added.
 */

#include "gpg.h"

#include <errno.h>
#include <fcntl.h>
#include <gpgme.h>
#include <string.h>

#include "fs.h"

static const char gpg_conf[] = "batch\n"
                               "no-tty\n"
                               "no-autostart\n"
                               "disable-dirmngr\n"
                               "no-auto-key-retrieve\n"
                               "no-auto-key-locate\n"
                               "no-auto-check-trustdb\n"
                               "trust-model always\n";

struct _ScGpgKeys
{
  char *home;
  gpgme_ctx_t ctx;
  GPtrArray *fingerprints; /* NULL-terminated */
};

static gboolean
fail_gpg (gpgme_error_t code, ScError kind, const char *what, GError **error)
{
  char reason[256];

  if (gpgme_err_code (code) == GPG_ERR_INV_ENGINE)
    return sc_fail (error, SC_ERROR_UNAVAILABLE, "gpg is not installed, it is needed to check signatures");
  gpgme_strerror_r (code, reason, sizeof reason);
  return sc_fail (error, kind, "%s: %s", what, reason);
}

static gpgme_error_t
open_context (ScGpgKeys *keys)
{
  gpgme_error_t code = gpgme_new (&keys->ctx);

  if (code == 0)
    code = gpgme_set_protocol (keys->ctx, GPGME_PROTOCOL_OpenPGP);
  if (code == 0)
    code = gpgme_ctx_set_engine_info (keys->ctx, GPGME_PROTOCOL_OpenPGP, NULL, keys->home);
  if (code == 0)
    gpgme_set_offline (keys->ctx, 1);
  return code;
}

ScGpgKeys *
sc_gpg_keys_new (GError **error)
{
  static gsize once = 0;
  g_autoptr (ScGpgKeys) keys = g_new0 (ScGpgKeys, 1);
  SC_AUTOFD int dir = -1;
  gpgme_error_t code;

  if (g_once_init_enter (&once))
    {
      gpgme_check_version (NULL);
      g_once_init_leave (&once, 1);
    }
  keys->fingerprints = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (keys->fingerprints, NULL);
  keys->home = g_dir_make_tmp ("atomic-gpg.XXXXXX", error);
  if (keys->home == NULL)
    return NULL;
  dir = sc_fs_open_dir_at (AT_FDCWD, keys->home, error);
  if (dir < 0 || !sc_fs_write_file_at (dir, "gpg.conf", gpg_conf, strlen (gpg_conf), 0600, error))
    return NULL;
  code = open_context (keys);
  if (code != 0)
    return fail_gpg (code, SC_ERROR_FAILED, "gpg", error) ? NULL : NULL;
  return g_steal_pointer (&keys);
}

void
sc_gpg_keys_free (ScGpgKeys *keys)
{
  if (keys == NULL)
    return;
  if (keys->ctx != NULL)
    gpgme_release (keys->ctx);
  if (keys->home != NULL)
    {
      g_autoptr (GError) ignored = NULL; /* nothing that the result depends on */

      if (!sc_fs_remove_tree_at (AT_FDCWD, keys->home, &ignored))
        g_debug ("%s", ignored->message);
    }
  g_free (keys->home);
  g_ptr_array_unref (keys->fingerprints);
  g_free (keys);
}

static void
add_fingerprint (ScGpgKeys *keys, const char *fingerprint)
{
  g_ptr_array_insert (keys->fingerprints, (gint)keys->fingerprints->len - 1, g_strdup (fingerprint));
}

gboolean
sc_gpg_keys_add (ScGpgKeys *keys, GBytes *blob, GError **error)
{
  gsize size = 0;
  const char *data = g_bytes_get_data (blob, &size);
  gpgme_data_t input = NULL;
  gpgme_error_t code;
  gpgme_import_result_t result;
  guint found = 0;

  code = gpgme_data_new_from_mem (&input, size > 0 ? data : "", size, 0);
  if (code == 0)
    code = gpgme_op_import (keys->ctx, input);
  gpgme_data_release (input);
  if (code != 0)
    return fail_gpg (code, SC_ERROR_INVALID, "not a keyring", error);
  result = gpgme_op_import_result (keys->ctx);
  for (gpgme_import_status_t i = result != NULL ? result->imports : NULL; i != NULL; i = i->next)
    if (i->result == 0 && i->fpr != NULL)
      {
        add_fingerprint (keys, i->fpr);
        found++;
      }
  if (found == 0)
    return sc_fail (error, SC_ERROR_INVALID, "there is no OpenPGP public key in it");
  return TRUE;
}

const char *const *
sc_gpg_keys_fingerprints (const ScGpgKeys *keys)
{
  return (const char *const *)keys->fingerprints->pdata;
}

char **
sc_gpg_keys_names (ScGpgKeys *keys)
{
  GPtrArray *names = g_ptr_array_new ();

  for (const char *const *fingerprint = sc_gpg_keys_fingerprints (keys); *fingerprint != NULL; fingerprint++)
    {
      gpgme_key_t key = NULL;
      const char *email = NULL;

      if (gpgme_get_key (keys->ctx, *fingerprint, &key, 0) == 0 && key->uids != NULL)
        email = key->uids->email;
      g_ptr_array_add (names, g_strdup (email != NULL && *email != '\0' ? email : *fingerprint));
      if (key != NULL)
        gpgme_key_unref (key);
    }
  g_ptr_array_add (names, NULL);
  return (char **)g_ptr_array_free (names, FALSE);
}

/* What is signed, as gpg gives it: it may have been compressed, so it is bounded here. */
static gssize
take_content (void *handle, const void *buffer, size_t size)
{
  GByteArray *content = handle;

  if (size > SC_GPG_MAX_CONTENT - content->len)
    {
      errno = EFBIG;
      return -1;
    }
  g_byte_array_append (content, buffer, (guint)size);
  return (gssize)size;
}

static gboolean
check_key (ScGpgKeys *keys, const char *fingerprint, char **out_fingerprint, GError **error)
{
  gpgme_key_t key = NULL;
  gpgme_error_t code = gpgme_get_key (keys->ctx, fingerprint, &key, 0);
  gboolean known, usable;

  if (code != 0)
    return fail_gpg (code, SC_ERROR_DENIED, fingerprint, error);
  known = key->fpr != NULL && g_strv_contains (sc_gpg_keys_fingerprints (keys), key->fpr);
  usable = !key->revoked && !key->expired && !key->disabled && !key->invalid;
  if (known && usable)
    *out_fingerprint = g_strdup (key->fpr);
  gpgme_key_unref (key);
  if (!known)
    return sc_fail (error, SC_ERROR_DENIED, "key %s is not one that the policy names", fingerprint);
  if (!usable)
    return sc_fail (error, SC_ERROR_DENIED, "key %s is expired, revoked or disabled", fingerprint);
  return TRUE;
}

static gboolean
check_signature (ScGpgKeys *keys, gpgme_signature_t signature, char **out_fingerprint, GError **error)
{
  const char *fingerprint = signature->fpr != NULL ? signature->fpr : "unknown";

  switch (gpgme_err_code (signature->status))
    {
    case GPG_ERR_NO_ERROR:
      break;
    case GPG_ERR_NO_PUBKEY:
      return sc_fail (error, SC_ERROR_DENIED, "made with key %s, which the policy does not name", fingerprint);
    case GPG_ERR_KEY_EXPIRED:
      return sc_fail (error, SC_ERROR_DENIED, "made with key %s, which has expired", fingerprint);
    case GPG_ERR_CERT_REVOKED:
      return sc_fail (error, SC_ERROR_DENIED, "made with key %s, which was revoked", fingerprint);
    case GPG_ERR_SIG_EXPIRED:
      return sc_fail (error, SC_ERROR_DENIED, "made with key %s, and has expired", fingerprint);
    default:
      return fail_gpg (signature->status, SC_ERROR_DENIED, "not a good signature", error);
    }
  if (signature->validity == GPGME_VALIDITY_NEVER || signature->validity_reason != 0 || signature->wrong_key_usage)
    return sc_fail (error, SC_ERROR_DENIED, "key %s is not one for signing", fingerprint);
  return check_key (keys, fingerprint, out_fingerprint, error);
}

static gpgme_error_t
run_verify (ScGpgKeys *keys, GBytes *message, GByteArray *content)
{
  struct gpgme_data_cbs callbacks = { .write = take_content };
  gsize size = 0;
  const char *data = g_bytes_get_data (message, &size);
  gpgme_data_t input = NULL, output = NULL;
  gpgme_error_t code = gpgme_data_new_from_mem (&input, size > 0 ? data : "", size, 0);

  if (code == 0)
    code = gpgme_data_new_from_cbs (&output, &callbacks, content);
  if (code == 0)
    code = gpgme_op_verify (keys->ctx, input, NULL, output);
  gpgme_data_release (output);
  gpgme_data_release (input);
  return code;
}

/* Packets, plain or armored.  gpg would also take texts that are signed in the clear, with anything around them. */
static gboolean
is_message (GBytes *message)
{
  static const char armor[] = "-----BEGIN PGP MESSAGE-----";
  gsize size = 0;
  const guint8 *data = g_bytes_get_data (message, &size);

  if (size == 0)
    return FALSE;
  return (data[0] & 0x80) != 0 || (size > strlen (armor) && memcmp (data, armor, strlen (armor)) == 0);
}

GBytes *
sc_gpg_verify (ScGpgKeys *keys, GBytes *message, char **out_fingerprint, GError **error)
{
  g_autoptr (GByteArray) content = g_byte_array_new ();
  gpgme_error_t code;
  gpgme_verify_result_t result;

  if (!is_message (message))
    return sc_fail_null (error, SC_ERROR_DENIED, "not a signed message");
  code = run_verify (keys, message, content);
  if (code != 0)
    return fail_gpg (code, SC_ERROR_DENIED, "not a signed message", error) ? NULL : NULL;
  result = gpgme_op_verify_result (keys->ctx);
  if (result == NULL || result->signatures == NULL)
    return sc_fail_null (error, SC_ERROR_DENIED, "not a signed message");
  if (result->signatures->next != NULL)
    return sc_fail_null (error, SC_ERROR_DENIED, "it has more than one signature in it");
  if (!check_signature (keys, result->signatures, out_fingerprint, error))
    return NULL;
  return g_byte_array_free_to_bytes (g_steal_pointer (&content));
}
