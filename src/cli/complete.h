/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "command.h"

/**
 * sc_complete:
 * @words: NULL-terminated, without the program's name; the last one is being typed (it may be "")
 * @out_operand_of: (out): the command if the last word is its first operand, else NULL: the caller
 *                  adds the names that it can take
 *
 * Returns: (transfer full) (array zero-terminated=1): the commands and options that the last word can become.
 */
char **sc_complete (const ScProgram *program, const char *const *words, const ScCommand **out_operand_of);
