/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Progress as lines and as bars; the streams are memory.
 */
#include <string.h>

#include "progress-bar.h"

#define ID  "e4410b03d7db030dba502fef7bfd1dae56a6c48faae63a80fd82450322def2c5"
#define ID2 "0000000000000000000000000000000000000000000000000000000000000000"

typedef struct
{
  char *out, *err;
  gsize out_size, err_size;
  FILE *out_file, *err_file;
  ScProgressBar *bar;
  const ScProgressSink *sink;
} Fixture;

static void
fixture_init (Fixture *f, gboolean bars, gboolean lines)
{
  memset (f, 0, sizeof *f);
  f->out_file = open_memstream (&f->out, &f->out_size);
  f->err_file = open_memstream (&f->err, &f->err_size);
  f->bar = sc_progress_bar_new (f->out_file, f->err_file, bars, lines);
  f->sink = sc_progress_bar_sink (f->bar);
}

/* Ends the progress; then out and err are complete. */
static void
fixture_end (Fixture *f)
{
  g_clear_pointer (&f->bar, sc_progress_bar_free);
  fflush (f->out_file);
  fflush (f->err_file);
}

static void
fixture_clear (Fixture *f)
{
  fclose (f->out_file);
  fclose (f->err_file);
  free (f->out);
  free (f->err);
}

static void
pull (const ScProgressSink *sink)
{
  sc_progress_step (sink, "Image x is being pulled to ostree ...");
  sc_progress_layer (sink, SC_PROGRESS_LAYER_BEGIN, ID, 0, 1000);
  sc_progress_layer (sink, SC_PROGRESS_LAYER_BEGIN, ID2, 0, 2000);
  sc_progress_layer (sink, SC_PROGRESS_LAYER_ADVANCE, ID, 500, 1000);
  sc_progress_note (sink, "image x: a note");
  sc_progress_layer (sink, SC_PROGRESS_LAYER_END, ID, 1000, 1000);
  sc_progress_layer (sink, SC_PROGRESS_LAYER_END, ID2, 2000, 2000);
}

static void
test_lines (void)
{
  Fixture f;

  fixture_init (&f, FALSE, TRUE);
  pull (f.sink);
  fixture_end (&f);
  g_assert_cmpstr (f.out, ==,
                   "Image x is being pulled to ostree ...\n"
                   "Pulling layer " ID "\n"
                   "Pulling layer " ID2 "\n");
  g_assert_cmpstr (f.err, ==, "image x: a note\n");
  fixture_clear (&f);
}

/* Plays @text on a terminal that knows what we send: newline, cursor up, erase below. (transfer full): what is seen. */
static char *
play (const char *text)
{
  g_autoptr (GPtrArray) rows = g_ptr_array_new_with_free_func (g_free);
  guint row = 0;

  while (*text)
    {
      const char *end;

      if (text[0] == '\033')
        {
          guint64 n = g_ascii_strtoull (text + 2, (char **)&end, 10);

          g_assert_cmpint (text[1], ==, '[');
          g_assert_true (*end == 'A' || *end == 'J');
          if (*end == 'A')
            {
              g_assert_cmpuint (n, <=, row);
              row -= (guint)n;
            }
          else
            g_ptr_array_set_size (rows, (int)row);
          text = end + 1;
          continue;
        }
      /* Lines are only ever written below what is there. */
      g_assert_cmpuint (row, ==, rows->len);
      end = strchr (text, '\n');
      g_assert_nonnull (end);
      g_ptr_array_add (rows, g_strndup (text, (gsize)(end - text)));
      row++;
      text = end + 1;
    }
  g_ptr_array_add (rows, NULL);
  return g_strjoinv ("\n", (char **)rows->pdata);
}

static void
test_bars (void)
{
  Fixture f;
  g_autofree char *seen = NULL, *expected = NULL;
  g_autofree char *first = sc_progress_bar_line (ID, 1000, 1000, 79);
  g_autofree char *second = sc_progress_bar_line (ID2, 2000, 2000, 79);

  fixture_init (&f, TRUE, FALSE);
  pull (f.sink);
  fixture_end (&f);
  g_assert_cmpstr (f.out, ==, "Image x is being pulled to ostree ...\n");
  seen = play (f.err);
  expected = g_strconcat ("image x: a note\n", first, "\n", second, NULL);
  g_assert_cmpstr (seen, ==, expected);
  fixture_clear (&f);
}

/* Standard output goes to a file, standard error to the terminal: each has what it needs. */
static void
test_bars_and_lines (void)
{
  Fixture f;

  fixture_init (&f, TRUE, TRUE);
  pull (f.sink);
  fixture_end (&f);
  g_assert_nonnull (strstr (f.out, "Pulling layer " ID "\nPulling layer " ID2 "\n"));
  g_assert_nonnull (strstr (f.err, "=="));
  fixture_clear (&f);
}

/* After an error nothing of an unfinished bar is left. */
static void
test_unfinished (void)
{
  Fixture f;
  g_autofree char *seen = NULL;

  fixture_init (&f, TRUE, FALSE);
  sc_progress_layer (f.sink, SC_PROGRESS_LAYER_BEGIN, ID, 0, 1000);
  sc_progress_layer (f.sink, SC_PROGRESS_LAYER_BEGIN, ID2, 0, 1000);
  fixture_end (&f);
  seen = play (f.err);
  g_assert_cmpstr (seen, ==, "");
  fixture_clear (&f);
}

/* More layers than bars fit: those that are drawn can all be erased. */
static void
test_many (void)
{
  Fixture f;
  g_autofree char *seen = NULL;
  g_auto (GStrv) lines = NULL;

  fixture_init (&f, TRUE, FALSE);
  for (guint i = 0; i < 100; i++)
    {
      g_autofree char *id = g_strdup_printf ("%064u", i);

      sc_progress_layer (f.sink, SC_PROGRESS_LAYER_BEGIN, id, 0, 1000);
    }
  for (guint i = 0; i < 100; i++)
    {
      g_autofree char *id = g_strdup_printf ("%064u", 99 - i);

      sc_progress_layer (f.sink, SC_PROGRESS_LAYER_END, id, 1000, 1000);
    }
  fixture_end (&f);
  seen = play (f.err);
  lines = g_strsplit (seen, "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, 100);
  fixture_clear (&f);
}

static void
test_not_every_byte_is_drawn (void)
{
  Fixture f;
  guint drawn = 0;

  fixture_init (&f, TRUE, FALSE);
  sc_progress_layer (f.sink, SC_PROGRESS_LAYER_BEGIN, ID, 0, 1000000);
  for (guint i = 0; i < 100000; i++)
    sc_progress_layer (f.sink, SC_PROGRESS_LAYER_ADVANCE, ID, i, 1000000);
  fixture_end (&f);
  for (const char *p = f.err; (p = strstr (p, "\033[J")); p++)
    drawn++;
  g_assert_cmpuint (drawn, <, 50000);
  fixture_clear (&f);
}

/* A layer's end without its beginning, text that could steer the terminal. */
static void
test_odd (void)
{
  Fixture f;

  fixture_init (&f, TRUE, FALSE);
  sc_progress_layer (f.sink, SC_PROGRESS_LAYER_ADVANCE, ID, 1, 2);
  sc_progress_layer (f.sink, SC_PROGRESS_LAYER_END, ID, 2, 2);
  sc_progress_step (f.sink, "a\033[2J\nb");
  fixture_end (&f);
  g_assert_cmpstr (f.err ? f.err : "", ==, "");
  g_assert_cmpstr (f.out, ==, "a?[2J?b\n");
  fixture_clear (&f);
}

static void
test_debug (void)
{
  Fixture f;

  fixture_init (&f, FALSE, TRUE);
  sc_progress_debug (f.sink, "%s", "unseen");
  sc_progress_bar_set_debug (f.bar, TRUE);
  sc_progress_debug (f.sink, "seen %d", 1);
  fixture_end (&f);
  g_assert_cmpstr (f.err, ==, "seen 1\n");
  g_assert_cmpstr (f.out ? f.out : "", ==, "");
  fixture_clear (&f);
}

static void
test_line (void)
{
  g_autofree char *none = sc_progress_bar_line (ID, 0, 1000, 60);
  g_autofree char *half = sc_progress_bar_line (ID, 500, 1000, 60);
  g_autofree char *all = sc_progress_bar_line (ID, 1000, 1000, 60);
  g_autofree char *more = sc_progress_bar_line (ID, 5000, 1000, 60);
  g_autofree char *narrow = sc_progress_bar_line (ID, 500, 1000, 45);
  g_autofree char *tiny = sc_progress_bar_line (ID, 500, 1000, 5);
  g_autofree char *unknown = sc_progress_bar_line (ID, 88130000, 0, 60);

  g_assert_cmpstr (none, ==, "e4410b03d7db  [>                   ]          0 B of 1.00 KB");
  g_assert_cmpstr (half, ==, "e4410b03d7db  [==========>         ]        500 B of 1.00 KB");
  g_assert_cmpstr (all, ==, "e4410b03d7db  [====================]      1.00 KB of 1.00 KB");
  g_assert_nonnull (strstr (more, "[====================]"));
  g_assert_cmpstr (narrow, ==, "e4410b03d7db        500 B of 1.00 KB");
  g_assert_cmpstr (tiny, ==, "e4410");
  g_assert_cmpstr (unknown, ==, "e4410b03d7db                88.13 MB");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/progress-bar/lines", test_lines);
  g_test_add_func ("/progress-bar/bars", test_bars);
  g_test_add_func ("/progress-bar/bars-and-lines", test_bars_and_lines);
  g_test_add_func ("/progress-bar/unfinished", test_unfinished);
  g_test_add_func ("/progress-bar/many", test_many);
  g_test_add_func ("/progress-bar/not-every-byte-is-drawn", test_not_every_byte_is_drawn);
  g_test_add_func ("/progress-bar/odd", test_odd);
  g_test_add_func ("/progress-bar/debug", test_debug);
  g_test_add_func ("/progress-bar/line", test_line);
  return g_test_run ();
}
