/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one order that names are shown and stored in: bytewise, whatever the locale.
 */
#include "sort.h"

#include <string.h>

static int
compare (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

void
sc_sort_strings (GPtrArray *strings)
{
  g_ptr_array_sort (strings, compare);
}
