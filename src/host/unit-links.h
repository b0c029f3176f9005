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
  gboolean is_empty;  /* nothing at all is assigned in such a section */
} ScUnitInstall;

/* Bytes; a larger one is no unit. */
#define SC_UNIT_MAX_SIZE (1024 * 1024)

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
 * sc_unit_links_check:
 * @install: of @unit, which need not be there yet
 *
 * SC_ERROR_EXISTS if something that is not a link has the name of one that @install asks for, or one of its aliases is
 * a link to another unit.
 */
gboolean sc_unit_links_check (const ScContext *ctx, const char *unit, const ScUnitInstall *install,
                              GError **error) SC_CHECK;

/* The same of UNIT_DIR/@unit.  What cannot be read or understood is left to systemd. */
gboolean sc_unit_links_check_file (const ScContext *ctx, const char *unit, GError **error) SC_CHECK;

/**
 * sc_unit_links_enable:
 *
 * Makes the links that UNIT_DIR/@unit asks for, below the root of @ctx.  A link of the same name to a unit of the same
 * name is replaced.  Nothing is made when the unit is not acceptable.
 *
 * Errors: as sc_unit_install_parse() and sc_unit_links_check(); G_IO_ERROR_NOT_FOUND without such a unit.
 */
gboolean sc_unit_links_enable (const ScContext *ctx, const char *unit, GError **error) SC_CHECK;

/* Removes every link to @unit of UNIT_DIR: in *.wants and *.requires (which go too once that empties them), and aliases
 * with the links to them, and flushes that.  Works without the unit file; no error if there is nothing. */
gboolean sc_unit_links_disable (const ScContext *ctx, const char *unit, GError **error) SC_CHECK;

/* Is there any link to @unit in UNIT_DIR, as enabling makes them? @out_enabled */
gboolean sc_unit_links_exist (const ScContext *ctx, const char *unit, gboolean *out_enabled, GError **error) SC_CHECK;

/* Is there any that @install asks for? */
gboolean sc_unit_links_asked (const ScContext *ctx, const char *unit, const ScUnitInstall *install,
                              gboolean *out_enabled, GError **error) SC_CHECK;

/* Removes those links to @unit that @install asks for and @keep does not. @keep: (nullable) */
gboolean sc_unit_links_remove (const ScContext *ctx, const char *unit, const ScUnitInstall *install,
                               const ScUnitInstall *keep, GError **error) SC_CHECK;

/* Removes temporary links that a process which died while it enabled @unit left in UNIT_DIR. */
gboolean sc_unit_links_clean (const ScContext *ctx, const char *unit, GError **error) SC_CHECK;

/* All that changed in UNIT_DIR is on disk. */
gboolean sc_unit_links_flush (const ScContext *ctx, GError **error) SC_CHECK;

/* @out_links: (transfer full): what sc_unit_links_disable() would remove: path in UNIT_DIR -> target. */
gboolean sc_unit_links_list (const ScContext *ctx, const char *unit, GHashTable **out_links, GError **error) SC_CHECK;

/* Makes those of @links that could be of such a list and where nothing is now, and flushes that. */
gboolean sc_unit_links_restore (const ScContext *ctx, const char *unit, GHashTable *links, GError **error) SC_CHECK;

/* Is there UNIT_DIR/@unit, or a link to that, and not only a unit of the same name elsewhere? */
gboolean sc_unit_links_are_of_file (const ScContext *ctx, const char *unit, gboolean *out_are, GError **error) SC_CHECK;
