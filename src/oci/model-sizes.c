/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the layers of a manifest add up to, without building the document: a list of hundreds of images wants no more of
 * each.
 *
 * Walks over text that sc_json_scan() has found to be JSON, so that every token ends where it should.  It answers for
 * plain manifests only; whatever is unusual is left to the parser, which then decides.
 */
#include "model.h"

#include <string.h>

#include "json-scan.h"

static const char *
skip_blanks (const char *p)
{
  return p + strspn (p, " \t\r\n");
}

/* @p stands on the opening quote. */
static const char *
skip_string (const char *p)
{
  for (p++; *p != '"'; p++)
    if (*p == '\\')
      p++;
  return p + 1;
}

/* To the next "," or closing bracket of the array or object that @p is in. */
static const char *
skip_value (const char *p)
{
  guint depth = 0;

  for (;; p++)
    if (*p == '"')
      p = skip_string (p) - 1;
    else if (depth == 0 && (*p == ',' || *p == '}' || *p == ']'))
      return p;
    else if (*p == '{' || *p == '[')
      depth++;
    else if (*p == '}' || *p == ']')
      depth--;
}

/* Steps to the next member of the object that *p is in; FALSE at its end, which is then passed. A name with an escape
 * in it is as good as any other that is not looked for. */
static gboolean
next_member (const char **p, const char **out_name, gsize *out_length, gboolean *escaped)
{
  const char *q = skip_blanks (*p);

  if (*q == '{' || *q == ',')
    q = skip_blanks (q + 1);
  if (*q == '}')
    {
      *p = q + 1;
      return FALSE;
    }
  *out_name = q + 1;
  q = skip_string (q);
  *out_length = (gsize)(q - 1 - *out_name);
  *escaped = *escaped || memchr (*out_name, '\\', *out_length) != NULL;
  *p = skip_blanks (skip_blanks (q) + 1);
  return TRUE;
}

static gboolean
is_name (const char *name, gsize length, const char *wanted)
{
  return length == strlen (wanted) && memcmp (name, wanted, length) == 0;
}

/* A whole number from 1 to SC_BLOB_MAX_SIZE. */
static gboolean
read_size (const char *p, guint64 *out)
{
  gsize digits = strspn (p, "0123456789");

  if (digits == 0 || digits > 18 || strchr (" \t\r\n,}", p[digits]) == NULL)
    return FALSE;
  *out = g_ascii_strtoull (p, NULL, 10);
  return *out > 0 && *out <= (guint64)SC_BLOB_MAX_SIZE;
}

/* *p stands on the "[" of the layers, afterwards behind their "]". */
static gboolean
add_layers (const char **p, guint64 *total)
{
  gboolean escaped = FALSE;
  guint n = 0;

  for (*p = skip_blanks (*p + 1); **p == '{'; n++)
    {
      const char *name;
      gsize length;
      guint64 size = 0;

      while (next_member (p, &name, &length, &escaped))
        {
          if (is_name (name, length, "size") && (size != 0 || !read_size (*p, &size)))
            return FALSE;
          *p = skip_value (*p);
        }
      *p = skip_blanks (*p);
      if (**p == ',')
        *p = skip_blanks (*p + 1);
      if (size == 0)
        return FALSE;
      *total += size;
    }
  return *(*p)++ == ']' && n > 0 && n <= SC_MANIFEST_MAX_LAYERS && !escaped;
}

gboolean
sc_manifest_sum_sizes (const char *text, guint64 *out)
{
  const char *p = text, *name;
  gsize length;
  gboolean version = FALSE, layers = FALSE, escaped = FALSE;
  guint64 total = 0;

  if (!sc_json_scan ("manifest", text, strlen (text), NULL))
    return FALSE;
  p = skip_blanks (p);
  if (*p != '{')
    return FALSE;
  while (next_member (&p, &name, &length, &escaped))
    {
      if (is_name (name, length, "schemaVersion"))
        version = *p == '2' && strchr (" \t\r\n,}", p[1]) != NULL;
      else if (is_name (name, length, "manifests"))
        return FALSE;
      else if (is_name (name, length, "layers"))
        {
          if (layers || *p != '[' || !add_layers (&p, &total))
            return FALSE;
          layers = TRUE;
          p = skip_blanks (p);
          continue;
        }
      p = skip_value (p);
    }
  if (!version || !layers || escaped)
    return FALSE;
  *out = total;
  return TRUE;
}
