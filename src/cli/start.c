/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The program's entry point, apart from the rest so that tests can link with everything else.
 */
#include "main.h"

int
main (int argc, char **argv)
{
  return sc_main (argc, argv);
}
