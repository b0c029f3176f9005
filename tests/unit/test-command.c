/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Command lines, help and completion, with a small table of our own and with the program's.
 */
#include <string.h>

#include "command.h"
#include "complete.h"
#include "help.h"
#include "main.h"

typedef struct
{
  gboolean all;
  gboolean quiet;
  const char *name;
  GPtrArray *set;
} Options;

#define MEMBER(member) G_STRUCT_OFFSET (Options, member)

static const ScOption options[] = {
  { "all", 'a', SC_OPTION_FLAG, MEMBER (all), NULL, "all of them" },
  { "quiet", 'q', SC_OPTION_FLAG, MEMBER (quiet), NULL, "less" },
  { "name", 'n', SC_OPTION_STRING, MEMBER (name), "NAME", "a name" },
  { "set", 0, SC_OPTION_LIST, MEMBER (set), "VAR=VALUE", "a value" },
  SC_OPTION_END,
};

static const ScCommand fetch = {
  .name = "fetch",
  .alias = "get",
  .args = "IMAGE",
  .min_args = 1,
  .max_args = 1,
  .summary = "fetch",
  .description = "Fetches.",
  .options = options,
  .options_size = sizeof (Options),
  .flags = SC_COMMAND_TAKES_IMAGE,
};
static const ScCommand images_list = {
  .name = "images list",
  .args = "",
  .summary = "list",
  .description = "Lists.",
  .options = options,
  .options_size = sizeof (Options),
};
static const ScCommand images_prune = { .name = "images prune", .args = "", .summary = "", .description = "" };
static const ScCommand run = {
  .name = "run",
  .args = "NAME [COMMAND...]",
  .min_args = 1,
  .max_args = G_MAXUINT,
  .summary = "run",
  .description = "Runs.",
  .options = options,
  .options_size = sizeof (Options),
  .flags = SC_COMMAND_STOPS_EARLY | SC_COMMAND_TAKES_CONTAINER,
};
static const ScCommand copy = {
  .name = "copy", .args = "FROM TO", .min_args = 2, .max_args = 2, .summary = "", .description = ""
};
static const ScCommand raw = {
  .name = "__raw",
  .args = "",
  .max_args = G_MAXUINT,
  .summary = "",
  .description = "",
  .flags = SC_COMMAND_HIDDEN | SC_COMMAND_VERBATIM,
};
static const ScCommand *const commands[] = { &fetch, &images_list, &images_prune, &run, &copy, &raw, NULL };
static const ScProgram program = { "prog", "A program.", commands };

/* A line and the words that it points into. */
typedef struct
{
  char **words;
  ScCommandLine *line;
  const Options *options;
} Parsed;

static void
parsed_clear (Parsed *parsed)
{
  g_clear_pointer (&parsed->line, sc_command_line_free);
  g_strfreev (parsed->words);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Parsed, parsed_clear)

/* The words of @text, separated by single blanks; "''" is an empty word. */
static char **
split (const char *text)
{
  char **words = g_strsplit (text, " ", -1);

  for (char **word = words; *word; word++)
    if (strcmp (*word, "''") == 0)
      **word = 0;
  return words;
}

static Parsed
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  Parsed parsed = { .words = split (text) };

  parsed.line = sc_command_line_parse (&program, (const char *const *)parsed.words, &error);
  g_assert_no_error (error);
  g_assert_nonnull (parsed.line);
  parsed.options = parsed.line->options;
  return parsed;
}

static void
assert_args (const Parsed *parsed, const char *expected)
{
  g_autofree char *args = g_strjoinv ("|", (char **)parsed->line->args->pdata);

  g_assert_cmpstr (args, ==, expected);
}

static void
test_options (void)
{
  static const char *const lines[] = {
    "fetch --all --name=X --set A=1 --set=B=2 img",
    "fetch img -a -nX --set A=1 --set B=2",
    "fetch -an X --set A=1 img --set B=2",
    "fetch -a --name Y --name X --set A=1 --set B=2 -- img",
    "get --set A=1 --set B=2 -anX img",
  };

  for (guint i = 0; i < G_N_ELEMENTS (lines); i++)
    {
      g_auto (Parsed) p = parse (lines[i]);

      g_test_message ("%s", lines[i]);
      g_assert_true (p.line->command == &fetch);
      g_assert_true (p.options->all);
      g_assert_false (p.options->quiet);
      g_assert_cmpstr (p.options->name, ==, "X");
      g_assert_cmpuint (p.options->set->len, ==, 2);
      g_assert_cmpstr (p.options->set->pdata[0], ==, "A=1");
      g_assert_cmpstr (p.options->set->pdata[1], ==, "B=2");
      assert_args (&p, "img");
    }
}

static void
test_operands (void)
{
  g_auto (Parsed) dash = parse ("fetch -");
  g_auto (Parsed) ended = parse ("fetch -- --all");
  g_auto (Parsed) empty = parse ("fetch --name= ''");
  g_auto (Parsed) dashed_value = parse ("fetch --name --all img");
  g_auto (Parsed) early = parse ("run -a name sh -c --name -- -q");
  g_auto (Parsed) early_ended = parse ("run -- name -a");
  g_auto (Parsed) verbatim = parse ("__raw --foo -- -h ''");

  assert_args (&dash, "-");
  assert_args (&ended, "--all");
  g_assert_false (ended.options->all);
  assert_args (&empty, "");
  g_assert_cmpuint (empty.line->args->len, ==, 1);
  g_assert_cmpstr (empty.options->name, ==, "");
  g_assert_cmpstr (dashed_value.options->name, ==, "--all");
  g_assert_false (dashed_value.options->all);
  assert_args (&early, "name|sh|-c|--name|--|-q");
  g_assert_true (early.options->all);
  g_assert_false (early.options->quiet);
  assert_args (&early_ended, "name|-a");
  g_assert_false (early_ended.options->all);
  assert_args (&verbatim, "--foo|--|-h|");
  g_assert_false (verbatim.line->global.help);
}

static void
test_global (void)
{
  g_auto (Parsed) before = parse ("--root /a --debug fetch img");
  g_auto (Parsed) after = parse ("fetch img --debug --root=/a --storage ostree");
  g_auto (Parsed) between = parse ("images --debug list --root /a -q");
  g_auto (Parsed) version = parse ("-v");
  g_auto (Parsed) help = parse ("--help");
  g_auto (Parsed) help_before = parse ("-h fetch");
  g_auto (Parsed) help_after = parse ("fetch -h");
  g_auto (Parsed) help_group = parse ("images --help");
  g_auto (Parsed) help_verb = parse ("images list --help");

  g_assert_true (before.line->global.debug && after.line->global.debug && between.line->global.debug);
  g_assert_cmpstr (before.line->global.root, ==, "/a");
  g_assert_cmpstr (after.line->global.root, ==, "/a");
  g_assert_cmpstr (between.line->global.root, ==, "/a");
  g_assert_true (between.line->command == &images_list);
  g_assert_true (between.options->quiet);
  g_assert_true (version.line->global.version && !version.line->command);
  g_assert_true (help.line->global.help && !help.line->command && !help.line->group);
  g_assert_true (help_before.line->global.help && help_before.line->command == &fetch);
  g_assert_true (help_after.line->global.help && help_after.line->command == &fetch);
  g_assert_true (help_group.line->global.help && !help_group.line->command);
  g_assert_cmpstr (help_group.line->group, ==, "images");
  g_assert_true (help_verb.line->global.help && help_verb.line->command == &images_list);
}

static void
test_usage_errors (void)
{
  static const struct
  {
    const char *line;
    const char *message;
  } cases[] = {
    { "", "prog: unknown command ''; 'prog --help' lists them" },
    { "--all", "prog: unknown option '--all'" },
    { "nothing", "prog: unknown command 'nothing'; 'prog --help' lists them" },
    { "fetc img", "prog: unknown command 'fetc'; 'prog --help' lists them" },
    { "images", "prog images: needs one more word: list, prune" },
    { "images delete", "prog: unknown command 'images delete'" },
    { "images --all list", "prog images: unknown option '--all'" },
    { "fetch", "prog fetch: IMAGE is missing" },
    { "copy a", "prog copy: TO is missing" },
    { "fetch a b", "prog fetch: unexpected argument 'b'" },
    { "images list x", "prog images list: unexpected argument 'x'" },
    { "fetch img --foo", "prog fetch: unknown option '--foo'" },
    { "fetch img --foo=secret", "prog fetch: unknown option '--foo'" },
    { "fetch img --nam X", "prog fetch: unknown option '--nam'" },
    { "fetch img -ax", "prog fetch: unknown option '-x'" },
    { "fetch img --version", "prog fetch: unknown option '--version'" },
    { "fetch img -v", "prog fetch: unknown option '-v'" },
    { "fetch img --name", "prog fetch: option '--name' needs a value" },
    { "fetch img -n", "prog fetch: option '-n' needs a value" },
    { "fetch img --all=1", "prog fetch: option '--all' takes no value" },
    { "fetch img --", NULL },
    { "fetch img --storage docker", "prog: storage 'docker' is not supported: only ostree is" },
    { "--root", "prog: option '--root' needs a value" },
    { "run --", "prog run: NAME is missing" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_auto (GStrv) words = cases[i].line[0] ? split (cases[i].line) : split ("''");
      g_autoptr (ScCommandLine) line = sc_command_line_parse (&program, (const char *const *)words, &error);

      g_test_message ("%s", cases[i].line);
      if (!cases[i].message)
        {
          g_assert_no_error (error);
          continue;
        }
      g_assert_error (error, SC_ERROR, SC_ERROR_USAGE);
      g_assert_null (line);
      g_assert_cmpstr (error->message, ==, cases[i].message);
    }
}

static void
test_usage_no_words (void)
{
  static const char *const none[] = { NULL };
  static const char *const two_in_one[] = { "images list", NULL };
  g_autoptr (GError) error = NULL, error2 = NULL;

  g_assert_null (sc_command_line_parse (&program, none, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_USAGE);
  g_assert_cmpstr (error->message, ==, "prog: no command was given; 'prog --help' lists them");
  g_assert_null (sc_command_line_parse (&program, two_in_one, &error2));
  g_assert_error (error2, SC_ERROR, SC_ERROR_USAGE);
}

/* Options that were taken before an error are freed with the rest (a leak check sees it). */
static void
test_error_frees (void)
{
  static const char *const words[] = { "fetch", "--set", "A=1", "--set", "B=1", "--bad", NULL };
  g_autoptr (GError) error = NULL;

  g_assert_null (sc_command_line_parse (&program, words, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_USAGE);
}

static void
assert_complete (const char *line, const char *expected, const ScCommand *expected_operand)
{
  const ScCommand *operand = NULL;
  g_auto (GStrv) words = split (line);
  g_auto (GStrv) found = sc_complete (&program, (const char *const *)words, &operand);
  g_autofree char *joined = g_strjoinv (" ", found);

  g_test_message ("%s", line);
  g_assert_cmpstr (joined, ==, expected);
  g_assert_true (operand == expected_operand);
}

static void
test_complete (void)
{
  assert_complete ("''", "fetch images run copy", NULL);
  assert_complete ("f", "fetch", NULL);
  assert_complete ("--root / --debug i", "images", NULL);
  assert_complete ("--r", "--root", NULL);
  assert_complete ("--v", "--version", NULL);
  assert_complete ("images ''", "list prune", NULL);
  assert_complete ("images p", "prune", NULL);
  assert_complete ("images list --a", "--all --assumeyes", NULL);
  assert_complete ("fetch --", "--all --quiet --name --set --root --storage --assumeyes --debug --help", NULL);
  assert_complete ("fetch --name ''", "", NULL);
  assert_complete ("fetch -an ''", "", NULL);
  assert_complete ("fetch -nX ''", "", &fetch);
  assert_complete ("fetch i", "", &fetch);
  assert_complete ("fetch img ''", "", NULL);
  assert_complete ("fetch -- --", "", &fetch);
  assert_complete ("run name --", "", NULL);
  assert_complete ("run -a n", "", &run);
  assert_complete ("nothing ''", "fetch images run copy", NULL);
}

static void
test_help (void)
{
  g_autofree char *all = sc_help_program (&program);
  g_autofree char *group = sc_help_group (&program, "images");
  g_autofree char *one = sc_help_command (&program, &fetch);
  g_autofree char *list = sc_help_list (&program);

  g_assert_nonnull (strstr (all, "images list"));
  g_assert_nonnull (strstr (all, "--root DIR"));
  g_assert_null (strstr (all, "__raw"));
  g_assert_nonnull (strstr (group, "images prune"));
  g_assert_null (strstr (group, "fetch"));
  g_assert_nonnull (strstr (one, "Usage: prog fetch [OPTION...] IMAGE\n"));
  g_assert_nonnull (strstr (one, "  -n, --name NAME       a name\n"));
  g_assert_nonnull (strstr (one, "      --set VAR=VALUE   a value\n"));
  g_assert_nonnull (strstr (one, "'prog get' is another spelling"));
  g_assert_nonnull (strstr (list, "option\t-\t-h\t--help\t-\n"));
  g_assert_nonnull (strstr (list, "command\timages list\noption\timages list\t-a\t--all\t-\n"));
  g_assert_nonnull (strstr (list, "option\tfetch\t-\t--set\tVAR=VALUE\n"));
  g_assert_null (strstr (list, "__raw"));
}

static void
assert_fits (const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  for (char **line = lines; *line; line++)
    {
      g_assert_cmpint (g_utf8_strlen (*line, -1), <=, SC_HELP_COLUMNS);
      g_assert_false (g_str_has_suffix (*line, " "));
    }
}

/* What must hold of every entry of the program's own table. */
static void
check_command (const ScCommand *command)
{
  g_autofree char *help = sc_help_command (sc_program (), command);
  g_auto (GStrv) words = g_strsplit (command->name, " ", -1), operands = g_strsplit (command->args, " ", -1);
  guint used = 0;

  g_test_message ("%s", command->name);
  assert_fits (help);
  g_assert_cmpuint (command->min_args, <=, command->max_args);
  g_assert_nonnull (command->run);
  g_assert_cmpuint (g_strv_length (operands), >=, command->min_args);
  g_assert_true (*command->summary && *command->description);
  g_assert_true (sc_command_find (sc_program (), words[0], words[1], &used) == command);
  g_assert_cmpuint (used, ==, g_strv_length (words));
  for (const ScOption *o = command->options; o && o->name; o++)
    {
      g_assert_cmpuint (o->offset, <, command->options_size);
      g_assert_true ((o->kind == SC_OPTION_FLAG) == (o->value == NULL));
      g_assert_true (sc_option_find (command->options, o->name, strlen (o->name), 0) == o);
      g_assert_true (!o->letter || sc_option_find (command->options, NULL, 0, o->letter) == o);
      g_assert_null (sc_option_find (sc_global_options, o->name, strlen (o->name), 0));
      g_assert_true (!o->letter || !sc_option_find (sc_global_options, NULL, 0, o->letter) || o->letter == 'v');
    }
}

static void
test_program (void)
{
  g_autofree char *help = sc_help_program (sc_program ());
  g_autofree char *images = sc_help_group (sc_program (), "images");
  g_autofree char *containers = sc_help_group (sc_program (), "containers");

  assert_fits (help);
  assert_fits (images);
  assert_fits (containers);
  for (const ScCommand *const *c = sc_program ()->commands; *c; c++)
    check_command (*c);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/command/options", test_options);
  g_test_add_func ("/command/operands", test_operands);
  g_test_add_func ("/command/global", test_global);
  g_test_add_func ("/command/usage-errors", test_usage_errors);
  g_test_add_func ("/command/usage-no-words", test_usage_no_words);
  g_test_add_func ("/command/error-frees", test_error_frees);
  g_test_add_func ("/command/complete", test_complete);
  g_test_add_func ("/command/help", test_help);
  g_test_add_func ("/command/program", test_program);
  return g_test_run ();
}
