/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "context.h"
#include "full-name.h"

/*
 * Where the signatures of a registry's images are kept: containers-registries.d(5).
 */

typedef struct _ScRegistriesD ScRegistriesD;

/* The directory that counts, as a path inside the root: registry_confdir of @ctx, else
 * ~/.config/containers/registries.d if it is there, else /etc/containers/registries.d. (transfer full) */
char *sc_registries_d_dir (const ScContext *ctx, GError **error) SC_CHECK;

/**
 * sc_registries_d_load:
 *
 * Reads every *.yaml file of the directory; that there is none is no error.  Keys that are not known are left alone.
 *
 * Errors: SC_ERROR_INVALID for malformed YAML, values of a wrong kind, or a scope that is configured twice, with file
 * and line; SC_ERROR_LIMIT; G_IO_ERROR.
 */
ScRegistriesD *sc_registries_d_load (const ScContext *ctx, GError **error) SC_CHECK;
void sc_registries_d_free (ScRegistriesD *conf);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScRegistriesD, sc_registries_d_free)

/* (nullable): the URL below which signatures of images named @name are read, of the narrowest scope that has one; NULL:
 * the default directory. Owned by @conf. */
const char *sc_registries_d_lookaside (const ScRegistriesD *conf, const ScFullName *name);

/* May attachments in the registry be looked for? FALSE if nothing is configured. */
gboolean sc_registries_d_use_attachments (const ScRegistriesD *conf, const ScFullName *name);

/* (nullable): what is configured for exactly @scope, and in which file (inside the root); owned by @conf. */
const char *sc_registries_d_find (const ScRegistriesD *conf, const char *scope, const char **out_file);
