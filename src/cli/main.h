/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "command.h"

/* The whole program: every command is in its table. */
const ScProgram *sc_program (void);

/* Runs a command line to its end; returns the exit status: 0, 1 for a failure, 2 for wrong usage, 128 + N after signal
 * N, or the status of the program that was run. */
int sc_main (int argc, char **argv);
