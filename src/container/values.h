/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "context.h"
#include "exports.h"

/*
 * The values of template variables and who wins (docs/cli.md, "Installing").  Pure: nothing is read or written.
 */

typedef struct
{
  const ScContext *ctx;
  const char *name;    /* container */
  const char *destdir; /* deployment directory, as the host sees it */
  const char *image_name;
  const char *image_id;     /* hex */
  const char *runtime_path; /* as the host sees it */
  const char *remote;       /* (nullable): root that the templates are in, in place of the image's */
  const char *const *set;   /* (nullable): "NAME=VALUE" of --set, in order; the last of a name wins */
  GHashTable *previous; /* (nullable): values of the installed container, for an update: below --set, above the rest */
  const char *all_capabilities; /* $ALL_PROCESS_CAPABILITIES: sc_capabilities_all() */
} ScValuesInput;

/* TRUE for a variable that nobody but the program sets. */
gboolean sc_value_is_always_set (const char *name);

/* The form of "NAME=VALUE" arguments alone; @set (nullable) is NULL-terminated. SC_ERROR_USAGE. */
gboolean sc_values_check_set (const char *const *set, GError **error) SC_CHECK;

/**
 * sc_values_resolve:
 *
 * Returns: (transfer full): name -> value of every variable: always set DESTDIR NAME EXEC_START EXEC_STOP EXEC_STARTPRE
 * EXEC_STOPPOST HOST_UID HOST_GID IMAGE_ID IMAGE_NAME; then --set; then @previous; then RUN_DIRECTORY STATE_DIRECTORY
 * CONF_DIRECTORY UUID PIDFILE ALL_PROCESS_CAPABILITIES RUNTIME ATOMIC; then defaultValues.  A unit template with both
 * $EXEC_STOPPOST and $PIDFILE gets the detached forms.
 *
 * Errors (SC_ERROR_USAGE): --set without "=", a name that is no identifier, one that is always set, one that nothing in
 * the image uses, a value that is not UTF-8, a runtime path that cannot stand in a unit; SC_ERROR_INVALID for a
 * template that does not parse.
 */
GHashTable *sc_values_resolve (const ScValuesInput *input, const ScExports *exports, GError **error) SC_CHECK;

/* In place of a default that is found out at installation only. */
#define SC_VALUE_BY_SYSTEM "{SET_BY_OS}"

/**
 * sc_values_describe:
 * @out_defaults: (out): name -> value of the variables that the templates use and that need not be set
 * @out_required: (out) (transfer full) (array zero-terminated=1): names of those that must be, sorted
 *
 * What sc_values_resolve() would do without --set; variables that nobody can set are left out.  Errors:
 * SC_ERROR_INVALID for a template that does not parse.
 */
gboolean sc_values_describe (const ScContext *ctx, const ScExports *exports, GHashTable **out_defaults,
                             char ***out_required, GError **error) SC_CHECK;
