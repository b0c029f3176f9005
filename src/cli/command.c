/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Takes a command line apart, driven by the table of commands alone.  It knows no command by name, runs nothing and
 * prints nothing; a line that it accepts has known options only and the right number of operands.
 */
#include "command.h"

#include <string.h>
#include <unistd.h>

#define GLOBAL(member) G_STRUCT_OFFSET (ScGlobalOptions, member)

const ScOption sc_global_options[] = {
  { "root", 0, SC_OPTION_STRING, GLOBAL (root), "DIR", "work on the system below DIR instead of this one" },
  { "storage", 0, SC_OPTION_STRING, GLOBAL (storage), "NAME", "where images are kept: ostree, the only one there is" },
  { "assumeyes", 'y', SC_OPTION_FLAG, GLOBAL (assume_yes), NULL, "answer yes to every question" },
  { "debug", 0, SC_OPTION_FLAG, GLOBAL (debug), NULL, "say more, on standard error" },
  { SC_OPTION_VERSION, 'v', SC_OPTION_FLAG, GLOBAL (version), NULL, "print the version and exit" },
  { "help", 'h', SC_OPTION_FLAG, GLOBAL (help), NULL, "print help and exit" },
  SC_OPTION_END,
};

/* One set of options and the structure that it fills. */
typedef struct
{
  const ScOption *options;
  void *target;
} OptionSet;

/* The state of one pass over the words. */
typedef struct
{
  const char *const *next; /* the next word */
  OptionSet own;           /* of the command; may be empty */
  OptionSet global;
  gboolean has_command; /* --version is not accepted any more */
  gboolean stop_early;
  gboolean ended; /* "--" was seen */
  GPtrArray *operands;
} Parser;

const ScOption *
sc_option_find (const ScOption *options, const char *name, gsize name_length, char letter)
{
  for (; options && options->name; options++)
    if (name ? strlen (options->name) == name_length && memcmp (options->name, name, name_length) == 0
             : options->letter == letter)
      return options;
  return NULL;
}

static const ScOption *
find_option (Parser *parser, const char *name, gsize name_length, char letter, void **out_target)
{
  const ScOption *option = sc_option_find (parser->own.options, name, name_length, letter);

  *out_target = parser->own.target;
  if (option)
    return option;
  *out_target = parser->global.target;
  option = sc_option_find (parser->global.options, name, name_length, letter);
  if (option && parser->has_command && strcmp (option->name, SC_OPTION_VERSION) == 0)
    return NULL;
  return option;
}

static gboolean
is_path (const ScOption *option)
{
  static const char *const paths[] = { "DIR", "FILE", "PATH", NULL };

  return option->kind != SC_OPTION_FLAG && g_strv_contains (paths, option->value);
}

static gboolean
set_option (const ScOption *option, void *target, const char *value, GError **error)
{
  void *member = G_STRUCT_MEMBER_P (target, option->offset);

  /* An empty path would be the current directory, or none, whatever the variable of a script was to hold. */
  if (is_path (option) && !*value)
    return sc_fail (error, SC_ERROR_USAGE, "option '--%s' needs a value, not an empty one", option->name);
  switch (option->kind)
    {
    case SC_OPTION_FLAG:
      *(gboolean *)member = TRUE;
      break;
    case SC_OPTION_STRING:
      *(const char **)member = value;
      break;
    case SC_OPTION_LIST:
      {
        GPtrArray **list = member;

        if (!*list)
          *list = g_ptr_array_new_null_terminated (4, NULL, TRUE);
        g_ptr_array_add (*list, (gpointer)value);
        break;
      }
    }
  return TRUE;
}

static gboolean
parse_long (Parser *parser, const char *word, GError **error)
{
  const char *name = word + 2, *value = strchr (name, '=');
  gsize length = value ? (gsize)(value - name) : strlen (name);
  void *target;
  const ScOption *option = find_option (parser, name, length, 0, &target);

  if (!option)
    return sc_fail (error, SC_ERROR_USAGE, "unknown option '--%.*s'", (int)MIN (length, 100), name);
  if (option->kind == SC_OPTION_FLAG)
    {
      if (value)
        return sc_fail (error, SC_ERROR_USAGE, "option '--%s' takes no value", option->name);
    }
  else if (value)
    value++;
  else if (*parser->next)
    value = *parser->next++;
  else
    return sc_fail (error, SC_ERROR_USAGE, "option '--%s' needs a value", option->name);
  return set_option (option, target, value, error);
}

static gboolean
parse_short (Parser *parser, const char *word, GError **error)
{
  for (const char *letter = word + 1; *letter; letter++)
    {
      void *target;
      const ScOption *option = find_option (parser, NULL, 0, *letter, &target);
      const char *value = NULL;

      if (!option)
        return sc_fail (error, SC_ERROR_USAGE, "unknown option '-%c'", g_ascii_isprint (*letter) ? *letter : '?');
      if (option->kind != SC_OPTION_FLAG)
        {
          value = letter[1] ? letter + 1 : *parser->next ? *parser->next++ : NULL;
          if (!value)
            return sc_fail (error, SC_ERROR_USAGE, "option '-%c' needs a value", *letter);
        }
      if (!set_option (option, target, value, error))
        return FALSE;
      if (value)
        break;
    }
  return TRUE;
}

/* Goes over the words until they end or, with stop_early, just after the first operand. */
static gboolean
parse_words (Parser *parser, GError **error)
{
  while (*parser->next)
    {
      const char *word = *parser->next++;
      gboolean ok = TRUE;

      if (parser->ended || word[0] != '-' || !word[1])
        {
          g_ptr_array_add (parser->operands, (gpointer)word);
          if (parser->stop_early)
            return TRUE;
        }
      else if (strcmp (word, "--") == 0)
        parser->ended = TRUE;
      else
        ok = word[1] == '-' ? parse_long (parser, word, error) : parse_short (parser, word, error);
      if (!ok)
        return FALSE;
    }
  return TRUE;
}

/* A program that was run tells in words only. */
static gboolean
is_denied (const GError *error)
{
  g_autofree char *text = g_ascii_strdown (error->message, -1);

  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED)
         || (g_error_matches (error, SC_ERROR, SC_ERROR_FAILED)
             && (strstr (text, "permission denied") || strstr (text, "operation not permitted")
                 || strstr (text, "interactive authentication required")));
}

char *
sc_command_explain (const ScProgram *program, const ScCommand *command, const GError *error)
{
  if (geteuid () == 0 || !is_denied (error))
    return g_strdup (error->message);
  return g_strdup_printf ("%s ('%s %s' %s root)", error->message, program->name, command->name,
                          command->flags & SC_COMMAND_NEEDS_ROOT ? "needs" : "may need");
}

gboolean
sc_command_is_group (const ScProgram *program, const char *word)
{
  gsize length = strlen (word);

  for (const ScCommand *const *c = program->commands; *c; c++)
    if (length > 0 && g_str_has_prefix ((*c)->name, word) && (*c)->name[length] == ' ')
      return TRUE;
  return FALSE;
}

const ScCommand *
sc_command_find (const ScProgram *program, const char *first, const char *second, guint *out_words)
{
  g_autofree char *both = second ? g_strconcat (first, " ", second, NULL) : NULL;

  for (const ScCommand *const *c = program->commands; *c; c++)
    {
      gboolean one = strcmp ((*c)->name, first) == 0 || g_strcmp0 ((*c)->alias, first) == 0;

      /* A word with a blank in it is not two words. */
      if (strchr (first, ' ') || (!one && g_strcmp0 ((*c)->name, both) != 0))
        continue;
      *out_words = one ? 1 : 2;
      return *c;
    }
  return NULL;
}

/* What can follow @group: "list, delete". */
static char *
group_verbs (const ScProgram *program, const char *group)
{
  GString *verbs = g_string_new (NULL);
  gsize length = strlen (group);

  for (const ScCommand *const *c = program->commands; *c; c++)
    if (g_str_has_prefix ((*c)->name, group) && (*c)->name[length] == ' ')
      g_string_append_printf (verbs, "%s%s", verbs->len ? ", " : "", (*c)->name + length + 1);
  return g_string_free (verbs, FALSE);
}

/* Reads global options and the command's words.  Without an error, @line has a command, or --help or --version. */
static gboolean
parse_command (const ScProgram *program, ScCommandLine *line, Parser *parser, GError **error)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new ();
  const char *first, *second;
  guint used;

  parser->operands = words;
  parser->stop_early = TRUE;
  if (!parse_words (parser, error))
    return sc_prefix (error, "%s", program->name);
  if (line->global.version || (line->global.help && words->len == 0))
    return TRUE;
  if (words->len == 0)
    return sc_fail (error, SC_ERROR_USAGE, "%s: no command was given; '%s --help' lists them", program->name,
                    program->name);
  parser->has_command = TRUE;
  first = words->pdata[0];
  line->command = sc_command_find (program, first, NULL, &used);
  if (line->command)
    return TRUE;
  if (!sc_command_is_group (program, first))
    return sc_fail (error, SC_ERROR_USAGE, "%s: unknown command '%s'; '%s --help' lists them", program->name, first,
                    program->name);

  line->group = first;
  if (!parse_words (parser, error))
    return sc_prefix (error, "%s %s", program->name, first);
  if (words->len == 1)
    {
      g_autofree char *verbs = group_verbs (program, first);

      return line->global.help
             || sc_fail (error, SC_ERROR_USAGE, "%s %s: needs one more word: %s", program->name, first, verbs);
    }
  second = words->pdata[1];
  line->command = sc_command_find (program, first, second, &used);
  if (!line->command)
    return sc_fail (error, SC_ERROR_USAGE, "%s: unknown command '%s %s'", program->name, first, second);
  return TRUE;
}

static gboolean
check_arity (const ScCommand *command, const GPtrArray *args, GError **error)
{
  if (args->len < command->min_args)
    {
      g_auto (GStrv) names = g_strsplit (command->args, " ", -1);

      /* The table names every operand that must be there. */
      return sc_fail (error, SC_ERROR_USAGE, "%s is missing", names[args->len]);
    }
  if (args->len > command->max_args)
    return sc_fail (error, SC_ERROR_USAGE, "unexpected argument '%s'", (char *)args->pdata[command->max_args]);
  return TRUE;
}

static gboolean
parse_rest (ScCommandLine *line, Parser *parser, GError **error)
{
  const ScCommand *command = line->command;

  line->options = g_malloc0 (MAX (command->options_size, 1));
  parser->own = (OptionSet){ command->options, line->options };
  parser->operands = line->args;
  parser->stop_early = (command->flags & SC_COMMAND_STOPS_EARLY) != 0;
  parser->ended = (command->flags & SC_COMMAND_VERBATIM) != 0;
  if (!parse_words (parser, error))
    return FALSE;
  while (*parser->next)
    g_ptr_array_add (line->args, (gpointer)*parser->next++);
  return line->global.help || check_arity (command, line->args, error);
}

ScCommandLine *
sc_command_line_parse (const ScProgram *program, const char *const *argv, GError **error)
{
  g_autoptr (ScCommandLine) line = g_new0 (ScCommandLine, 1);
  Parser parser = { .next = argv, .global = { sc_global_options, &line->global } };

  line->args = g_ptr_array_new_null_terminated (4, NULL, TRUE);
  if (!parse_command (program, line, &parser, error))
    return NULL;
  if (line->command && !parse_rest (line, &parser, error))
    return sc_prefix_null (error, "%s %s", program->name, line->command->name);
  if (line->global.storage && strcmp (line->global.storage, "ostree") != 0)
    return sc_fail_null (error, SC_ERROR_USAGE, "%s: storage '%s' is not supported: only ostree is", program->name,
                         line->global.storage);
  return g_steal_pointer (&line);
}

void
sc_command_line_free (ScCommandLine *line)
{
  if (!line)
    return;
  for (const ScOption *o = line->command && line->options ? line->command->options : NULL; o && o->name; o++)
    if (o->kind == SC_OPTION_LIST)
      {
        GPtrArray **list = G_STRUCT_MEMBER_P (line->options, o->offset);

        g_clear_pointer (list, g_ptr_array_unref);
      }
  g_free (line->options);
  g_ptr_array_unref (line->args);
  g_free (line);
}
