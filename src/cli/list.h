/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "command.h"
#include "output.h"

/* The options that every list has, and what they do with its table. */
typedef struct
{
  gboolean all;
  GPtrArray *filters; /* (nullable): const char * */
  gboolean no_heading;
  gboolean no_truncate;
  gboolean quiet;
  gboolean json;
} ScListOptions;

/* clang-format off */
#define SC_LIST_OPTIONS(all_help, filter_help)                                                                        \
  { "all", 'a', SC_OPTION_FLAG, G_STRUCT_OFFSET (ScListOptions, all), NULL, all_help },                               \
  { "filter", 'f', SC_OPTION_LIST, G_STRUCT_OFFSET (ScListOptions, filters), "VAR=VALUE", filter_help },              \
  { "noheading", 'n', SC_OPTION_FLAG, G_STRUCT_OFFSET (ScListOptions, no_heading), NULL, "leave out the headings" },  \
  { "no-trunc", 0, SC_OPTION_FLAG, G_STRUCT_OFFSET (ScListOptions, no_truncate), NULL, "show every column whole" },   \
  { "quiet", 'q', SC_OPTION_FLAG, G_STRUCT_OFFSET (ScListOptions, quiet), NULL, "print ids only, one a line" },       \
  { "json", 0, SC_OPTION_FLAG, G_STRUCT_OFFSET (ScListOptions, json), NULL, "print a JSON array of objects" }
/* clang-format on */

/* The filters of @options, before anything is looked for. @table: without rows yet. SC_ERROR_USAGE. */
gboolean sc_list_check (ScTable *table, const ScListOptions *options, GError **error) SC_CHECK;

/* Filters @table and prints it in the way that @options asks for: JSON wins over ids, ids over the table. */
gboolean sc_list_print (ScTable *table, const ScListOptions *options, GError **error) SC_CHECK;
