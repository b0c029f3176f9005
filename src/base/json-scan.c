/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The grammar of JSON, checked over the bytes.
 *
 * Stands before json-glib, whose parser recurses without a bound and which (1.6) also takes comments, single quotes,
 * hexadecimal and octal numbers, raw newlines in strings and several values in a row, wraps integers beyond 64 bits
 * around in silence, cuts strings at \u0000, and reports an error one or more tokens too early.  Builds no
 * values, allocates nothing, does not recurse.
 */
#include "json-scan.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "json.h"

typedef struct
{
  const char *what;
  const char *start;
  const char *p;
  const char *end;
  GError **error;
} Scan;

/* What may stand next. */
typedef enum
{
  EXPECT_VALUE,
  EXPECT_VALUE_OR_END, /* after "[" */
  EXPECT_NAME,
  EXPECT_NAME_OR_END, /* after "{" */
  EXPECT_COMMA_OR_END,
} Expect;

G_GNUC_PRINTF (3, 4)
static gboolean
fail_at (Scan *s, const char *at, const char *format, ...)
{
  guint line = 1;
  const char *begin = s->start;
  va_list args;

  for (const char *p = s->start; p < at; p++)
    if (*p == '\n')
      {
        line++;
        begin = p + 1;
      }
  /* Count characters, not bytes; what stands before @at is known to be valid. */
  glong column = g_utf8_strlen (begin, at - begin) + 1;

  va_start (args, format);
  g_autofree char *reason = g_strdup_vprintf (format, args);
  va_end (args);
  return sc_fail (s->error, SC_ERROR_INVALID, "%s: line %u, column %ld: %s", s->what, line, column, reason);
}

/* The character at s->p does not belong there. */
static gboolean
fail_here (Scan *s, const char *expected)
{
  if (s->p >= s->end)
    return fail_at (s, s->end, "the text ends here, expected %s", expected);

  char c[7] = { 0 };
  g_unichar_to_utf8 (g_utf8_get_char (s->p), c);
  return fail_at (s, s->p, "expected %s, found '%s'", expected, c);
}

static gboolean
at_char (const Scan *s, char c)
{
  return s->p < s->end && *s->p == c;
}

static gboolean
at_digit (const Scan *s)
{
  return s->p < s->end && g_ascii_isdigit (*s->p);
}

static void
skip_digits (Scan *s)
{
  while (at_digit (s))
    s->p++;
}

static void
skip_blanks (Scan *s)
{
  while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
    s->p++;
}

/* Reads four hex digits at s->p. */
static gboolean
scan_hex4 (Scan *s, guint *out)
{
  guint value = 0;

  for (int i = 0; i < 4; i++, s->p++)
    {
      if (s->p >= s->end || !g_ascii_isxdigit (*s->p))
        return fail_here (s, "four hex digits after '\\u'");
      value = value * 16 + (guint)g_ascii_xdigit_value (*s->p);
    }
  *out = value;
  return TRUE;
}

/* s->p stands behind a backslash. */
static gboolean
scan_escape (Scan *s)
{
  const char *at = s->p - 1;
  guint unit = 0, low = 0;

  if (s->p >= s->end || strchr ("\"\\/bfnrtu", *s->p) == NULL)
    return fail_here (s, "one of \"\\/bfnrtu after '\\'");
  if (*s->p++ != 'u')
    return TRUE;
  if (!scan_hex4 (s, &unit))
    return FALSE;
  if (unit == 0)
    return fail_at (s, at, "a string may not hold \\u0000");
  if (unit >= 0xdc00 && unit <= 0xdfff)
    return fail_at (s, at, "lone low surrogate");
  if (unit < 0xd800 || unit > 0xdbff)
    return TRUE;
  if (s->end - s->p < 2 || s->p[0] != '\\' || s->p[1] != 'u')
    return fail_at (s, at, "lone high surrogate");
  s->p += 2;
  if (!scan_hex4 (s, &low))
    return FALSE;
  if (low < 0xdc00 || low > 0xdfff)
    return fail_at (s, at, "lone high surrogate");
  return TRUE;
}

/* s->p stands on the opening quote. */
static gboolean
scan_string (Scan *s)
{
  const char *at = s->p++;

  while (s->p < s->end)
    {
      guchar c = (guchar)*s->p;

      if (c < 0x20)
        return fail_at (s, s->p, "control character 0x%02x in a string", c);
      s->p++;
      if (c == '"')
        return TRUE;
      if (c == '\\' && !scan_escape (s))
        return FALSE;
    }
  return fail_at (s, at, "this string has no end");
}

/* The number from @at to s->p must be one that json-glib can represent. */
static gboolean
check_range (Scan *s, const char *at, gboolean integer)
{
  char text[400];
  gsize size = (gsize)(s->p - at);

  if (size >= sizeof text)
    return fail_at (s, at, "this number is too long");
  memcpy (text, at, size);
  text[size] = '\0';
  errno = 0;
  if (integer)
    (void)g_ascii_strtoll (text, NULL, 10);
  else if (isfinite (g_ascii_strtod (text, NULL)))
    errno = 0; /* an underflow to zero is none of our business */
  if (errno == ERANGE)
    return fail_at (s, at, "the number %s is out of range", text);
  return TRUE;
}

static gboolean
scan_number (Scan *s)
{
  const char *at = s->p;
  gboolean integer = TRUE;

  if (at_char (s, '-'))
    s->p++;
  if (!at_digit (s))
    return fail_here (s, "a digit");
  if (at_char (s, '0'))
    s->p++;
  else
    skip_digits (s);
  if (at_digit (s))
    return fail_at (s, at, "a number may not begin with 0");
  if (at_char (s, '.'))
    {
      integer = FALSE;
      s->p++;
      if (!at_digit (s))
        return fail_here (s, "a digit");
      skip_digits (s);
    }
  if (at_char (s, 'e') || at_char (s, 'E'))
    {
      integer = FALSE;
      s->p++;
      if (at_char (s, '+') || at_char (s, '-'))
        s->p++;
      if (!at_digit (s))
        return fail_here (s, "a digit");
      skip_digits (s);
    }
  return check_range (s, at, integer);
}

/* A value that is neither an object nor an array. */
static gboolean
scan_scalar (Scan *s)
{
  static const char *const words[] = { "true", "false", "null" };

  if (at_char (s, '"'))
    return scan_string (s);
  if (at_char (s, '-') || at_digit (s))
    return scan_number (s);
  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    {
      gsize size = strlen (words[i]);

      if ((gsize)(s->end - s->p) < size || memcmp (s->p, words[i], size) != 0)
        continue;
      s->p += size;
      if (s->p < s->end && (g_ascii_isalnum (*s->p) || *s->p == '_'))
        return fail_here (s, "the end of a word");
      return TRUE;
    }
  return fail_here (s, "a value");
}

/* A member's name and its colon. */
static gboolean
scan_name (Scan *s, const char *expected)
{
  if (!at_char (s, '"'))
    return fail_here (s, expected);
  if (!scan_string (s))
    return FALSE;
  skip_blanks (s);
  if (!at_char (s, ':'))
    return fail_here (s, "':'");
  s->p++;
  return TRUE;
}

/* One value with everything in it. */
static gboolean
scan_text (Scan *s)
{
  char ends[SC_JSON_MAX_DEPTH]; /* how each open object or array has to end */
  guint depth = 0;
  Expect expect = EXPECT_VALUE;

  for (;;)
    {
      skip_blanks (s);
      if (expect != EXPECT_VALUE && expect != EXPECT_NAME && at_char (s, ends[depth - 1]))
        {
          s->p++;
          depth--;
          expect = EXPECT_COMMA_OR_END;
        }
      else if (expect == EXPECT_COMMA_OR_END)
        {
          if (!at_char (s, ','))
            return fail_here (s, ends[depth - 1] == '}' ? "',' or '}'" : "',' or ']'");
          s->p++;
          expect = ends[depth - 1] == '}' ? EXPECT_NAME : EXPECT_VALUE;
          continue;
        }
      else if (expect == EXPECT_NAME || expect == EXPECT_NAME_OR_END)
        {
          if (!scan_name (s, expect == EXPECT_NAME ? "a name in double quotes" : "a name in double quotes or '}'"))
            return FALSE;
          expect = EXPECT_VALUE;
          continue;
        }
      else if (at_char (s, '{') || at_char (s, '['))
        {
          if (depth == SC_JSON_MAX_DEPTH)
            return fail_at (s, s->p, "nested deeper than %d levels", SC_JSON_MAX_DEPTH);
          expect = *s->p == '{' ? EXPECT_NAME_OR_END : EXPECT_VALUE_OR_END;
          ends[depth++] = *s->p++ == '{' ? '}' : ']';
          continue;
        }
      else if (!scan_scalar (s))
        return FALSE;

      if (depth == 0)
        return TRUE;
      expect = EXPECT_COMMA_OR_END;
    }
}

gboolean
sc_json_scan (const char *what, const char *data, gsize size, GError **error)
{
  Scan s = { .what = what, .start = data, .p = data, .end = data + size, .error = error };
  const char *bad = data;

  if (size > 0 && !g_utf8_validate_len (data, size, &bad))
    return fail_at (&s, bad, *bad == '\0' ? "NUL byte" : "invalid UTF-8");
  if (!scan_text (&s))
    return FALSE;
  skip_blanks (&s);
  return s.p == s.end ? TRUE : fail_here (&s, "the end of the text");
}
