/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the help of an image becomes text for a terminal. */
#include "image-help.h"

static void
test_clean (void)
{
  static const struct
  {
    const char *text, *clean;
  } cases[] = {
    { "", "" },
    { "a", "a\n" },
    { "a\r\nb\n", "a\nb\n" },
    { "a\n\nb", "a\n\nb\n" },
    { "a\tb\n\tc", "a       b\n        c\n" },
    { "\033[31mred\033]0;title\007", "?[31mred?]0;title?\n" },
    { "caf\xe9", "caf\xef\xbf\xbd\n" },
    { "\xe2\x80\xae"
      "x",
      "?x\n" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *clean = sc_image_help_clean (cases[i].text);

      g_assert_cmpstr (clean, ==, cases[i].clean);
    }
}

static void
test_strip_roff (void)
{
  static const struct
  {
    const char *roff, *text;
  } cases[] = {
    { "", "" },
    { ".\\\" comment\ntext", "text\n" },
    { ".SH NAME\nx \\- y\n", "\nNAME\nx - y\n" },
    { ".PP\nA \\fBbold\\fR and \\f(BIboth\\f[R] \\&.\n", "\nA bold and both .\n" },
    { ".B word\nend \\\" comment", "word\nend \n" },
    { "\\e \\q \\", "\\ q \n" },
    { "cut \\f", "cut f\n" },
    { "cut \\f[", "cut \n" },
    { "cut \\f(B", "cut \n" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = sc_image_help_strip_roff (cases[i].roff);

      g_assert_cmpstr (text, ==, cases[i].text);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/image-help/clean", test_clean);
  g_test_add_func ("/image-help/strip-roff", test_strip_roff);
  return g_test_run ();
}
