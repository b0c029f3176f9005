/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Sorts an array of strings bytewise, in place. */
void sc_sort_strings (GPtrArray *strings);
