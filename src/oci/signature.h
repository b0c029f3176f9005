/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "gpg.h"

/*
 * "Simple signing" signatures of images: containers-signature(5).
 */

typedef struct
{
  char *manifest_digest;  /* as it stands there */
  char *docker_reference; /* as it stands there */
  char *fingerprint;      /* of the key that signed */
} ScSignature;

void sc_signature_clear (ScSignature *signature);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ScSignature, sc_signature_clear)

/**
 * sc_signature_verify:
 *
 * Is @blob a signature by one of @keys?  Its content is parsed only after that is known.  What it says is for the
 * caller to compare with what it has.
 *
 * Errors: SC_ERROR_DENIED whatever is wrong with it; SC_ERROR_UNAVAILABLE, SC_ERROR_FAILED of gpg.
 */
gboolean sc_signature_verify (ScGpgKeys *keys, GBytes *blob, ScSignature *out, GError **error) SC_CHECK;

/* The signed JSON; sets digest and reference of @out. SC_ERROR_INVALID for anything but what the format demands. */
gboolean sc_signature_parse (GBytes *payload, ScSignature *out, GError **error) SC_CHECK;
