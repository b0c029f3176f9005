/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "context.h"
#include "progress.h"

/*
 * Commands as data.  One ScCommand says everything about a command; what words are accepted, dispatch, --help, shell
 * completion and the check of the man pages all derive from it, so none of them can drift from the others.
 */

typedef enum
{
  SC_OPTION_FLAG,   /* gboolean: becomes TRUE */
  SC_OPTION_STRING, /* const char *: the last one given */
  SC_OPTION_LIST,   /* GPtrArray * (const char *), NULL if none was given; freed with the rest */
} ScOptionKind;

typedef struct
{
  const char *name; /* without the dashes; NULL ends a table */
  char letter;      /* 0: none */
  ScOptionKind kind;
  gsize offset;      /* of the member of the options structure that takes it */
  const char *value; /* what help calls the value; NULL for a flag */
  const char *help;
} ScOption;

#define SC_OPTION_END                                                                                                  \
  {                                                                                                                    \
    NULL, 0, SC_OPTION_FLAG, 0, NULL, NULL                                                                             \
  }

/* Accepted before the command and, but for --version, after it too. */
typedef struct
{
  gboolean assume_yes;
  gboolean debug;
  gboolean version;
  gboolean help;
  const char *root;
  const char *storage;
} ScGlobalOptions;

extern const ScOption sc_global_options[];
#define SC_OPTION_VERSION "version"

typedef enum
{
  SC_COMMAND_NEEDS_ROOT = 1 << 0,  /* without privileges it is likely to be refused: said with such a refusal */
  SC_COMMAND_HIDDEN = 1 << 1,      /* for our own scripts: not in help, no man page */
  SC_COMMAND_STOPS_EARLY = 1 << 2, /* the first operand ends the options: the rest is somebody else's */
  SC_COMMAND_VERBATIM = 1 << 3,    /* no options at all: every word is an operand */
  SC_COMMAND_TAKES_IMAGE = 1 << 4, /* what the first operand names, for completion */
  SC_COMMAND_TAKES_CONTAINER = 1 << 5,
  SC_COMMAND_NO_CONTEXT = 1 << 6, /* looks at nothing but the table of commands */
  SC_COMMAND_TOLERANT = 1 << 7,   /* sc_context_new_tolerant() */
} ScCommandFlags;

typedef struct _ScProgram ScProgram;

/* What a command is given.  @context, @sink and @cancellable are NULL with NO_CONTEXT. */
typedef struct
{
  const ScProgram *program;
  const ScContext *context;
  const ScGlobalOptions *global;
  const void *options;     /* the command's own structure, filled */
  const char *const *args; /* operands, NULL-terminated */
  guint n_args;
  gboolean assume_yes; /* do not ask */
  const ScProgressSink *sink;
  GCancellable *cancellable;
  int status; /* exit status on success, 0 unless the command sets it; then also of a failure that is no usage error */
} ScInvocation;

typedef struct
{
  const char *name;        /* one word, or two: "images list" */
  const char *alias;       /* (nullable): one word that means the same */
  const char *args;        /* synopsis of the operands, "" if there are none */
  guint min_args;          /* operands */
  guint max_args;          /* G_MAXUINT: any number */
  const char *summary;     /* a few words, for lists of commands */
  const char *description; /* paragraphs, separated by "\n" */
  const ScOption *options; /* (nullable): ends with SC_OPTION_END */
  gsize options_size;      /* of the structure that they fill */
  ScCommandFlags flags;
  gboolean (*run) (ScInvocation *invocation, GError **error);
} ScCommand;

struct _ScProgram
{
  const char *name;                 /* "atomic" */
  const char *summary;              /* what the program is for */
  const ScCommand *const *commands; /* NULL-terminated, in the order of help */
};

/* A command line, taken apart.  Strings point into the arguments that it was made from. */
typedef struct
{
  ScGlobalOptions global;
  const ScCommand *command; /* (nullable): NULL for --version and for --help without a whole command */
  const char *group;        /* (nullable): "images" of "images --help" */
  void *options;            /* of @command */
  GPtrArray *args;          /* const char *; NULL-terminated beyond its length */
} ScCommandLine;

/**
 * sc_command_line_parse:
 * @argv: NULL-terminated, without the program's name
 *
 * Options are accepted as --name=X, --name X, -nX and -n X; single flags can be bundled; "--" ends options; long names
 * are matched whole.  An empty path (DIR, FILE, PATH) is no value.  The number of operands is checked unless --help was
 * given.
 *
 * Errors: SC_ERROR_USAGE, with a message that begins with the program and, if it is known, the command:
 * "atomic pull: unknown option '--foo'".
 */
ScCommandLine *sc_command_line_parse (const ScProgram *program, const char *const *argv, GError **error) SC_CHECK;
void sc_command_line_free (ScCommandLine *line);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScCommandLine, sc_command_line_free)

/* (transfer full): the message of @error, why @command failed, with a hint for a user who is not root. */
char *sc_command_explain (const ScProgram *program, const ScCommand *command, const GError *error);

/* (nullable): the command called @first, or "@first @second" (@second nullable); @out_words: how many were used. */
const ScCommand *sc_command_find (const ScProgram *program, const char *first, const char *second, guint *out_words);

/* TRUE if @word begins two-word commands. */
gboolean sc_command_is_group (const ScProgram *program, const char *word);

/* (nullable): the entry of @options (nullable) called @name, or @letter if @name is NULL. */
const ScOption *sc_option_find (const ScOption *options, const char *name, gsize name_length, char letter);
