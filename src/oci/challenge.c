/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reads WWW-Authenticate headers.  Pure text; never fails, because what it cannot read is simply no challenge that it
 * knows.  A header may hold several challenges, each a scheme with name=value pairs, all separated by commas, so a word
 * is a scheme if no "=" follows it.
 */

#include "challenge.h"

#include <string.h>

#define IS_SPACE(c) ((c) == ' ' || (c) == '\t')

static gboolean
is_token_char (char c)
{
  return g_ascii_isalnum (c) || (c != '\0' && strchr ("!#$%&'*+-.^_`|~", c) != NULL);
}

static const char *
skip_space (const char *p)
{
  while (IS_SPACE (*p))
    p++;
  return p;
}

/* (transfer full): the token at *p, "" if there is none. */
static char *
read_token (const char **p)
{
  const char *begin = *p;

  while (is_token_char (**p))
    (*p)++;
  return g_strndup (begin, (gsize)(*p - begin));
}

/* (transfer full): the token or quoted string at *p. */
static char *
read_value (const char **p)
{
  g_autoptr (GString) value = NULL;

  if (**p != '"')
    return read_token (p);
  value = g_string_new (NULL);
  for ((*p)++; **p != '\0' && **p != '"'; (*p)++)
    {
      if (**p == '\\' && (*p)[1] != '\0')
        (*p)++;
      g_string_append_c (value, **p);
    }
  if (**p == '"')
    (*p)++;
  return g_string_free (g_steal_pointer (&value), FALSE);
}

/* Past whatever cannot be read, to the next comma. */
static const char *
skip_item (const char *p)
{
  while (*p != '\0' && *p != ',')
    p++;
  return p;
}

/* Takes @from as the result if it is better than what is there. */
static void
keep_better (ScChallenge *best, ScChallenge *from)
{
  gboolean usable = from->scheme != SC_CHALLENGE_BEARER || from->realm != NULL;

  if (usable && from->scheme > best->scheme)
    {
      sc_challenge_clear (best);
      *best = *from;
      *from = (ScChallenge){ 0 };
    }
  sc_challenge_clear (from);
}

static ScChallengeScheme
scheme_of (const char *word)
{
  if (g_ascii_strcasecmp (word, "Bearer") == 0)
    return SC_CHALLENGE_BEARER;
  if (g_ascii_strcasecmp (word, "Basic") == 0)
    return SC_CHALLENGE_BASIC;
  return SC_CHALLENGE_NONE;
}

static void
set_parameter (ScChallenge *challenge, const char *name, char *value)
{
  char **slot = NULL;

  if (g_ascii_strcasecmp (name, "realm") == 0)
    slot = &challenge->realm;
  else if (g_ascii_strcasecmp (name, "service") == 0)
    slot = &challenge->service;
  else if (g_ascii_strcasecmp (name, "scope") == 0)
    slot = &challenge->scope;
  else if (g_ascii_strcasecmp (name, "error") == 0)
    slot = &challenge->error;
  if (slot == NULL || *slot != NULL)
    {
      g_free (value);
      return;
    }
  *slot = value;
}

void
sc_challenge_parse (const char *header, ScChallenge *out)
{
  g_auto (ScChallenge) current = { 0 };
  const char *p = header;

  *out = (ScChallenge){ 0 };
  while (*(p = skip_space (p)) != '\0')
    {
      g_autofree char *word = NULL;
      const char *after = NULL;

      if (*p == ',')
        {
          p++;
          continue;
        }
      word = read_token (&p);
      after = skip_space (p);
      if (word[0] == '\0')
        p = skip_item (p + 1);
      else if (*after == '=')
        {
          p = skip_space (after + 1);
          set_parameter (&current, word, read_value (&p));
          p = skip_item (p);
        }
      else
        {
          keep_better (out, &current);
          current.scheme = scheme_of (word);
        }
    }
  keep_better (out, &current);
}

void
sc_challenge_clear (ScChallenge *challenge)
{
  g_clear_pointer (&challenge->realm, g_free);
  g_clear_pointer (&challenge->service, g_free);
  g_clear_pointer (&challenge->scope, g_free);
  g_clear_pointer (&challenge->error, g_free);
  challenge->scheme = SC_CHALLENGE_NONE;
}
