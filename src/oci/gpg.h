/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "error.h"

/*
 * OpenPGP signatures, through gpgme, the only module that sees it.  Each ScGpgKeys has a home of its own that holds the
 * keys given and nothing else, and that is removed with it: the user's keyring is neither read nor written, no key is
 * fetched, no agent is started.
 */

typedef struct _ScGpgKeys ScGpgKeys;

#define SC_GPG_MAX_CONTENT ((gsize)4 * 1024 * 1024)

/* The blobs are added with sc_gpg_keys_add(). SC_ERROR_UNAVAILABLE if there is no gpg. */
ScGpgKeys *sc_gpg_keys_new (GError **error) SC_CHECK;
void sc_gpg_keys_free (ScGpgKeys *keys);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScGpgKeys, sc_gpg_keys_free)

/* Trusts the public keys in @blob (binary or armored). SC_ERROR_INVALID if there is none in it. */
gboolean sc_gpg_keys_add (ScGpgKeys *keys, GBytes *blob, GError **error) SC_CHECK;

/* The fingerprints of the keys, in the order in which they were added; NULL-terminated, owned by @keys. */
const char *const *sc_gpg_keys_fingerprints (const ScGpgKeys *keys);

/* (transfer full) (array zero-terminated=1): for a person: the mail address of each key, or its fingerprint. */
char **sc_gpg_keys_names (ScGpgKeys *keys);

/**
 * sc_gpg_verify:
 * @message: an OpenPGP signed message (RFC 4880, section 11.3), its content inside
 * @out_fingerprint: (out) (transfer full): of the primary key that signed
 *
 * Returns: the content, at most SC_GPG_MAX_CONTENT bytes of it, if one of @keys has signed it and is neither expired,
 * revoked nor disabled, and the signature itself has not expired either; else SC_ERROR_DENIED.
 */
GBytes *sc_gpg_verify (ScGpgKeys *keys, GBytes *message, char **out_fingerprint, GError **error) SC_CHECK;
