/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "command.h"

/* What the table of commands says, as text for people and for scripts: at most 80 columns, except the list. */
#define SC_HELP_COLUMNS 80

/* (transfer full): the program's help: its commands and the global options. */
char *sc_help_program (const ScProgram *program);
/* (transfer full): the commands that begin with the word @group. */
char *sc_help_group (const ScProgram *program, const char *group);
/* (transfer full) */
char *sc_help_command (const ScProgram *program, const ScCommand *command);

/* (transfer full): one line for each command and option, for scripts, its fields separated by tabs:
 * "command" NAME, "option" NAME -LETTER --LONG VALUE; NAME is "-" for the global options, an empty field is "-".
 * Hidden commands are left out. */
char *sc_help_list (const ScProgram *program);
