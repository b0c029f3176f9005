/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shell completion: what the word being typed can become, told by the table of commands.  The words before it are read
 * leniently, since a line that is still being typed need not be right.
 */
#include "complete.h"

#include <string.h>

typedef struct
{
  const ScProgram *program;
  const char *typed; /* the last word */
  const char *group; /* (nullable): first word of a two-word command */
  const ScCommand *command;
  guint operands; /* seen so far */
  gboolean ended; /* no options any more */
  gboolean value; /* the last word is an option's value */
  GPtrArray *found;
} State;

static void
offer (State *state, const char *prefix, const char *word, gsize length)
{
  g_autofree char *candidate = g_strdup_printf ("%s%.*s", prefix, (int)length, word);

  if (g_str_has_prefix (candidate, state->typed)
      && !g_ptr_array_find_with_equal_func (state->found, candidate, g_str_equal, NULL))
    g_ptr_array_add (state->found, g_steal_pointer (&candidate));
}

static void
offer_options (State *state, const ScOption *options)
{
  for (; options && options->name; options++)
    if (strcmp (options->name, SC_OPTION_VERSION) != 0 || (!state->command && !state->group))
      offer (state, "--", options->name, strlen (options->name));
}

static void
offer_commands (State *state)
{
  gsize skip = state->group ? strlen (state->group) + 1 : 0;

  for (const ScCommand *const *c = state->program->commands; *c; c++)
    {
      const char *name = (*c)->name;

      if ((*c)->flags & SC_COMMAND_HIDDEN
          || (state->group && !(g_str_has_prefix (name, state->group) && name[skip - 1] == ' ')))
        continue;
      name += skip;
      offer (state, "", name, strcspn (name, " "));
    }
}

static const ScOption *
find_option (State *state, const char *name, gsize length, char letter)
{
  const ScOption *option = sc_option_find (state->command ? state->command->options : NULL, name, length, letter);

  return option ? option : sc_option_find (sc_global_options, name, length, letter);
}

/* TRUE if the option @word takes the word after it. */
static gboolean
takes_next (State *state, const char *word)
{
  const ScOption *option;

  if (word[1] == '-')
    {
      option = strchr (word, '=') ? NULL : find_option (state, word + 2, strlen (word + 2), 0);
      return option && option->kind != SC_OPTION_FLAG;
    }
  for (const char *letter = word + 1; *letter; letter++)
    {
      option = find_option (state, NULL, 0, *letter);
      if (option && option->kind != SC_OPTION_FLAG)
        return !letter[1];
    }
  return FALSE;
}

static void
take_operand (State *state, const char *word)
{
  guint used;

  if (state->command)
    {
      state->operands++;
      if (state->command->flags & SC_COMMAND_STOPS_EARLY)
        state->ended = TRUE;
      return;
    }
  state->command =
      sc_command_find (state->program, state->group ? state->group : word, state->group ? word : NULL, &used);
  if (!state->command && !state->group && sc_command_is_group (state->program, word))
    state->group = word;
}

char **
sc_complete (const ScProgram *program, const char *const *words, const ScCommand **out_operand_of)
{
  State state = { .program = program, .typed = "", .found = g_ptr_array_new () };

  *out_operand_of = NULL;
  for (; *words && words[1]; words++)
    {
      if (state.value)
        state.value = FALSE;
      else if (state.ended || words[0][0] != '-' || !words[0][1])
        take_operand (&state, *words);
      else if (strcmp (*words, "--") == 0)
        state.ended = TRUE;
      else
        state.value = takes_next (&state, *words);
    }
  if (*words)
    state.typed = *words;

  if (state.value)
    ; /* a value: the shell offers file names */
  else if (state.typed[0] == '-' && !state.ended)
    {
      offer_options (&state, state.command ? state.command->options : NULL);
      offer_options (&state, sc_global_options);
    }
  else if (!state.command)
    offer_commands (&state);
  else if (state.operands == 0)
    *out_operand_of = state.command;
  g_ptr_array_add (state.found, NULL);
  return (char **)g_ptr_array_free (state.found, FALSE);
}
