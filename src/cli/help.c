/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Help, made of the table of commands and nothing else: there is no other text to keep in step.
 */
#include "help.h"

#include <string.h>

/* The column where explanations begin. */
#define TEXT_COLUMN 24

/* Appends @text, which ends its lines before column 80 and continues them at @indent; @column is where we are. */
static void
append_wrapped (GString *out, const char *text, guint column, guint indent)
{
  g_auto (GStrv) words = g_strsplit (text, " ", -1);
  gboolean first = TRUE;

  for (char **word = words; *word; word++)
    {
      guint length = (guint)g_utf8_strlen (*word, -1);

      if (!first && column + 1 + length >= SC_HELP_COLUMNS)
        {
          g_string_append_printf (out, "\n%*s", (int)indent, "");
          column = indent;
        }
      else if (!first)
        {
          g_string_append_c (out, ' ');
          column++;
        }
      g_string_append (out, *word);
      column += length;
      first = FALSE;
    }
  g_string_append_c (out, '\n');
}

static void
append_paragraphs (GString *out, const char *text)
{
  g_auto (GStrv) paragraphs = g_strsplit (text, "\n", -1);

  for (char **p = paragraphs; *p; p++)
    {
      g_string_append_c (out, '\n');
      append_wrapped (out, *p, 0, 0);
    }
}

/* "  LEFT     text", the text on a line of its own if LEFT is too long. */
static void
append_entry (GString *out, const char *left, const char *text)
{
  guint width = 2 + (guint)g_utf8_strlen (left, -1);

  g_string_append_printf (out, "  %s", left);
  if (width + 2 > TEXT_COLUMN)
    {
      g_string_append_c (out, '\n');
      width = 0;
    }
  g_string_append_printf (out, "%*s", (int)(TEXT_COLUMN - width), "");
  append_wrapped (out, text, TEXT_COLUMN, TEXT_COLUMN);
}

static void
append_options (GString *out, const ScOption *options)
{
  for (; options && options->name; options++)
    {
      g_autofree char *letter = options->letter ? g_strdup_printf ("-%c, ", options->letter) : g_strdup ("    ");
      g_autofree char *left =
          g_strconcat (letter, "--", options->name, options->value ? " " : "", options->value, NULL);

      append_entry (out, left, options->help);
    }
}

static void
append_commands (GString *out, const ScProgram *program, const char *group)
{
  for (const ScCommand *const *c = program->commands; *c; c++)
    if (!((*c)->flags & SC_COMMAND_HIDDEN)
        && (!group || (g_str_has_prefix ((*c)->name, group) && (*c)->name[strlen (group)] == ' ')))
      append_entry (out, (*c)->name, (*c)->summary);
}

char *
sc_help_program (const ScProgram *program)
{
  GString *out = g_string_new (NULL);

  g_string_append_printf (out, "Usage: %s [GLOBAL OPTION...] COMMAND [OPTION...] [ARGUMENT...]\n", program->name);
  append_paragraphs (out, program->summary);
  g_string_append (out, "\nCommands:\n");
  append_commands (out, program, NULL);
  g_string_append (out, "\nGlobal options:\n");
  append_options (out, sc_global_options);
  g_string_append_printf (out, "\n'%s COMMAND --help' tells more about a command.\n", program->name);
  return g_string_free (out, FALSE);
}

char *
sc_help_group (const ScProgram *program, const char *group)
{
  GString *out = g_string_new (NULL);

  g_string_append_printf (out, "Usage: %s %s COMMAND [OPTION...] [ARGUMENT...]\n\nCommands:\n", program->name, group);
  append_commands (out, program, group);
  return g_string_free (out, FALSE);
}

char *
sc_help_command (const ScProgram *program, const ScCommand *command)
{
  GString *out = g_string_new (NULL);

  g_string_append_printf (out, "Usage: %s %s%s%s%s\n", program->name, command->name,
                          command->options ? " [OPTION...]" : "", command->args[0] ? " " : "", command->args);
  append_paragraphs (out, command->description);
  if (command->alias)
    g_string_append_printf (out, "\n'%s %s' is another spelling of this command.\n", program->name, command->alias);
  if (command->options)
    {
      g_string_append (out, "\nOptions:\n");
      append_options (out, command->options);
    }
  g_string_append_printf (out, "\n'%s --help' lists the global options.\n", program->name);
  return g_string_free (out, FALSE);
}

static void
list_options (GString *out, const char *command, const ScOption *options)
{
  for (; options && options->name; options++)
    {
      const char letter[] = { '-', options->letter, 0 };

      g_string_append_printf (out, "option\t%s\t%s\t--%s\t%s\n", command, letter, options->name,
                              options->value ? options->value : "-");
    }
}

char *
sc_help_list (const ScProgram *program)
{
  GString *out = g_string_new (NULL);

  list_options (out, "-", sc_global_options);
  for (const ScCommand *const *c = program->commands; *c; c++)
    if (!((*c)->flags & SC_COMMAND_HIDDEN))
      {
        g_string_append_printf (out, "command\t%s\n", (*c)->name);
        list_options (out, (*c)->name, (*c)->options);
      }
  return g_string_free (out, FALSE);
}
