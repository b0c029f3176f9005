/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "context.h"

/*
 * The [Install] section of a unit and the symlinks it asks for, as systemctl(1) makes them: what enabling is where
 * no systemd runs to be asked.
 */

typedef struct
{
  char **wanted_by;   /* unit names, each once; never NULL */
  char **required_by; /* the same */
  char **alias;       /* the same: other names of the unit itself */
} ScUnitInstall;

/**
 * sc_unit_install_parse:
 * @unit: full name of the unit ("etcd.service"), for messages and for specifiers
 * @text: the unit file, @size bytes
 *
 * systemd.syntax(7) and systemd.unit(5), "[INSTALL] SECTION OPTIONS": comments, continued lines, quoted words, several
 * values, an empty assignment that takes back the earlier ones, the specifiers %n %N %p %i %j %%.  Also=,
 * DefaultInstance= and keys that Debian 12's systemd does not know are left alone, as are drop-ins.
 *
 * Errors, that name unit and line: SC_ERROR_INVALID for a value that is no unit name, an alias of another type, or
 * quotes that do not end; SC_ERROR_UNSUPPORTED for another specifier.
 */
ScUnitInstall *sc_unit_install_parse (const char *unit, const char *text, gsize size, GError **error) SC_CHECK;
void sc_unit_install_free (ScUnitInstall *install);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScUnitInstall, sc_unit_install_free)

/* A unit name as systemd accepts it: [A-Za-z0-9:_.\@-]+ with a type it knows, 255 characters at most; so neither a
 * path nor "..". */
gboolean sc_unit_name_is_valid (const char *name);

/**
 * sc_unit_links_enable:
 *
 * Makes the links that UNIT_DIR/@unit asks for, below the root of @ctx.  A link of the same name is replaced.  Nothing
 * is made when the unit is not acceptable.
 *
 * Errors: as sc_unit_install_parse(); G_IO_ERROR_NOT_FOUND without such a unit; SC_ERROR_EXISTS if something that is
 * not a link has the name of one.
 */
gboolean sc_unit_links_enable (const ScContext *ctx, const char *unit, GError **error) SC_CHECK;

/* Removes every link to @unit of UNIT_DIR: in *.wants and *.requires (which go too once that empties them), and aliases
 * with the links to them.  Works without the unit file; no error if there is nothing. */
gboolean sc_unit_links_disable (const ScContext *ctx, const char *unit, GError **error) SC_CHECK;

/* Is there any link to @unit in UNIT_DIR, as enabling makes them? @out_enabled */
gboolean sc_unit_links_exist (const ScContext *ctx, const char *unit, gboolean *out_enabled, GError **error) SC_CHECK;

/* Removes temporary links that a process which died while it enabled @unit left in UNIT_DIR. */
gboolean sc_unit_links_clean (const ScContext *ctx, const char *unit, GError **error) SC_CHECK;
