/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Draws progress.  The bars of running layers are a block of lines at the bottom of the terminal: to write anything
 * else the block is erased, the text written, and the block drawn again below it.  Used by one thread.
 */
#include "progress-bar.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "output.h"
#include "terminal.h"

#define REDRAW_USEC (G_USEC_PER_SEC / 10)
/* More bars than this at once are not drawn: a block taller than the terminal could not be erased. */
#define MAX_BARS      8
#define DEFAULT_WIDTH 80
#define ID_WIDTH      12
/* "999.99 MB of 999.99 MB" */
#define AMOUNT_WIDTH 22
#define MIN_BAR      10

typedef struct
{
  char *id;
  guint64 done;
  guint64 total;
  gboolean work; /* leaves nothing behind */
} Layer;

struct _ScProgressBar
{
  ScProgressSink sink;
  FILE *out;
  FILE *err;
  gboolean bars;
  gboolean lines;
  gboolean debug;
  GPtrArray *layers; /* Layer: those that run */
  guint drawn;       /* lines of the block on the screen */
  gint64 drawn_at;   /* monotonic */
};

static void
layer_free (gpointer data)
{
  Layer *layer = data;

  g_free (layer->id);
  g_free (layer);
}

char *
sc_progress_bar_line (const char *id, guint64 done, guint64 total, guint width)
{
  g_autofree char *done_text = sc_output_size (done), *total_text = sc_output_size (total);
  g_autofree char *amount = total > 0 ? g_strdup_printf ("%s of %s", done_text, total_text) : g_strdup (done_text);
  g_autofree char *line = NULL;
  guint space = ID_WIDTH + 2 + 2 + 2 + AMOUNT_WIDTH; /* all but the inside of the brackets */
  GString *bar = g_string_new (NULL);

  if (total > 0 && width >= space + MIN_BAR)
    {
      guint inside = width - space;
      guint filled = (guint)((double)MIN (done, total) / (double)total * inside);

      g_string_append_c (bar, '[');
      for (guint i = 0; i < inside; i++)
        g_string_append_c (bar, i < filled ? '=' : i == filled ? '>' : ' ');
      g_string_append (bar, "]  ");
    }
  line = g_strdup_printf ("%-*.*s  %s%*s", ID_WIDTH, ID_WIDTH, id, bar->str, AMOUNT_WIDTH, amount);
  g_string_free (bar, TRUE);
  return g_strndup (line, width);
}

static guint
terminal_width (FILE *stream)
{
  struct winsize size;

  if (ioctl (fileno (stream), TIOCGWINSZ, &size) != 0 || size.ws_col < 2)
    return DEFAULT_WIDTH;
  return size.ws_col;
}

/* Text that takes the block off the screen. */
static void
append_erase (ScProgressBar *bar, GString *text)
{
  if (bar->drawn > 0)
    g_string_append_printf (text, "\033[%uA\033[J", bar->drawn);
  bar->drawn = 0;
}

static void
append_layer (ScProgressBar *bar, GString *text, const Layer *layer)
{
  /* The last column stays free: a full line would make some terminals wrap. */
  g_autofree char *line = sc_progress_bar_line (layer->id, layer->done, layer->total, terminal_width (bar->err) - 1);

  g_string_append_printf (text, "%s\n", line);
}

/* Writes @text and flushes at once, so that lines of both streams appear in their order. */
static void
write_now (FILE *stream, const char *text)
{
  sc_output_write (stream, text);
  sc_output_flush (stream);
}

static void
draw (ScProgressBar *bar, GString *text)
{
  append_erase (bar, text);
  for (guint i = 0; i < MIN (bar->layers->len, MAX_BARS); i++)
    {
      append_layer (bar, text, bar->layers->pdata[i]);
      bar->drawn++;
    }
  bar->drawn_at = g_get_monotonic_time ();
  write_now (bar->err, text->str);
}

static void
say (ScProgressBar *bar, FILE *stream, const char *text)
{
  g_autofree char *clean = sc_output_clean (text);
  g_autofree char *line = g_strconcat (clean, "\n", NULL);
  g_autoptr (GString) block = g_string_new (NULL);

  if (bar->drawn > 0)
    {
      append_erase (bar, block);
      write_now (bar->err, block->str);
      g_string_truncate (block, 0);
    }
  write_now (stream, line);
  if (bar->layers->len > 0)
    draw (bar, block);
}

static gboolean
find_layer (ScProgressBar *bar, const char *id, guint *out_index)
{
  for (guint i = 0; i < bar->layers->len; i++)
    {
      const Layer *layer = bar->layers->pdata[i];

      if (strcmp (layer->id, id) == 0)
        {
          *out_index = i;
          return TRUE;
        }
    }
  return FALSE;
}

static void
layer_begin (ScProgressBar *bar, const ScProgress *progress)
{
  g_autoptr (GString) text = g_string_new (NULL);
  Layer *layer;

  if (bar->lines && progress->kind == SC_PROGRESS_LAYER_BEGIN)
    {
      g_autofree char *line = g_strdup_printf ("Pulling layer %s", progress->id);

      say (bar, bar->out, line);
    }
  if (!bar->bars)
    return;
  layer = g_new0 (Layer, 1);
  layer->id = g_strdup (progress->id);
  layer->total = progress->total;
  layer->work = progress->kind == SC_PROGRESS_WORK_BEGIN;
  g_ptr_array_add (bar->layers, layer);
  draw (bar, text);
}

static void
layer_advance (ScProgressBar *bar, const ScProgress *progress)
{
  g_autoptr (GString) text = NULL;
  Layer *layer;
  guint index;

  if (!find_layer (bar, progress->id, &index))
    return;
  layer = bar->layers->pdata[index];
  layer->done = progress->done;
  if (progress->total > 0)
    layer->total = progress->total;
  if (g_get_monotonic_time () - bar->drawn_at < REDRAW_USEC)
    return;
  text = g_string_new (NULL);
  draw (bar, text);
}

/* A layer's line stays, above the block. */
static void
layer_end (ScProgressBar *bar, const ScProgress *progress)
{
  g_autoptr (GString) text = g_string_new (NULL);
  Layer *layer;
  guint index;

  if (!find_layer (bar, progress->id, &index))
    return;
  layer = bar->layers->pdata[index];
  layer->done = MAX (layer->done, layer->total);
  append_erase (bar, text);
  if (!layer->work)
    append_layer (bar, text, layer);
  g_ptr_array_remove_index (bar->layers, index);
  draw (bar, text);
}

static void
on_progress (const ScProgress *progress, gpointer data)
{
  ScProgressBar *bar = data;

  switch (progress->kind)
    {
    case SC_PROGRESS_STEP:
      say (bar, bar->out, progress->text);
      break;
    case SC_PROGRESS_NOTE:
      say (bar, bar->err, progress->text);
      break;
    case SC_PROGRESS_DEBUG:
      if (bar->debug)
        say (bar, bar->err, progress->text);
      break;
    case SC_PROGRESS_LAYER_BEGIN:
    case SC_PROGRESS_WORK_BEGIN:
      layer_begin (bar, progress);
      break;
    case SC_PROGRESS_LAYER_ADVANCE:
      layer_advance (bar, progress);
      break;
    case SC_PROGRESS_LAYER_END:
      layer_end (bar, progress);
      break;
    }
}

ScProgressBar *
sc_progress_bar_new (FILE *out, FILE *err, gboolean bars, gboolean lines)
{
  ScProgressBar *bar = g_new0 (ScProgressBar, 1);

  bar->sink.func = on_progress;
  bar->sink.data = bar;
  bar->out = out;
  bar->err = err;
  bar->bars = bars;
  bar->lines = lines;
  bar->layers = g_ptr_array_new_with_free_func (layer_free);
  return bar;
}

ScProgressBar *
sc_progress_bar_new_standard (void)
{
  gboolean bars = sc_terminal_can_draw (STDERR_FILENO);

  return sc_progress_bar_new (stdout, stderr, bars, !bars || !isatty (STDOUT_FILENO));
}

void
sc_progress_bar_set_debug (ScProgressBar *bar, gboolean debug)
{
  bar->debug = debug;
}

void
sc_progress_bar_free (ScProgressBar *bar)
{
  g_autoptr (GString) text = g_string_new (NULL);

  if (!bar)
    return;
  append_erase (bar, text);
  if (text->len > 0)
    write_now (bar->err, text->str);
  g_ptr_array_unref (bar->layers);
  g_free (bar);
}

const ScProgressSink *
sc_progress_bar_sink (ScProgressBar *bar)
{
  return &bar->sink;
}
