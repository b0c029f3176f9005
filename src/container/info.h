/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "deployment.h"
#include "exports.h"

/*
 * The info file of a deployment as text (docs/formats.md, "Checkouts").  Pure.
 */

/* Longer is none: nobody writes it, nobody reads it. */
#define SC_INFO_MAX (32 * 1024 * 1024)

/* Fills in the members of @deployment that info has. SC_ERROR_INVALID "info: ...". Keys of other tools are ignored. */
gboolean sc_info_parse (GBytes *bytes, ScDeployment *deployment, GError **error) SC_CHECK;

/* (transfer full): the text for @deployment; the keys about host files and packages have the values of a container that
 * has none.  SC_ERROR_LIMIT. */
char *sc_info_format (const ScDeployment *deployment, const ScExports *exports, GError **error) SC_CHECK;
