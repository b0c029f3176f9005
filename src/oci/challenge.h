/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/*
 * The challenges of a WWW-Authenticate header (RFC 9110, section 11.6.1), as far as registries use them.
 */

typedef enum
{
  SC_CHALLENGE_NONE, /* no scheme that this program knows */
  SC_CHALLENGE_BASIC,
  SC_CHALLENGE_BEARER,
} ScChallengeScheme;

typedef struct
{
  ScChallengeScheme scheme;
  char *realm;   /* (nullable): of Bearer: URL of the token server */
  char *service; /* (nullable) */
  char *scope;   /* (nullable): what the request needs */
  char *error;   /* (nullable): what was wrong with the token that was sent */
} ScChallenge;

/* Fills @out with the best of the challenges in @header, of any form: Bearer with a realm, else Basic, else none. */
void sc_challenge_parse (const char *header, ScChallenge *out);
void sc_challenge_clear (ScChallenge *challenge);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ScChallenge, sc_challenge_clear)
