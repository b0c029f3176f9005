/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "blob-source.h"
#include "registries-conf.h"

/*
 * Names without a registry: what they may stand for, as containers-registries.conf(5) has it ("Short-Name Aliasing").
 * Where it says nothing they are taken from docker.io.
 */

/**
 * sc_short_name_find:
 * @ref: without registry
 * @options: its callback is asked where the mode wants that and there are several registries
 * @out_why: (out) (transfer full): the reason, in a few words with the file behind it
 *
 * Returns: (element-type ScReference): @ref with each registry that it may be taken from, in order; at least one.
 *
 * Errors: SC_ERROR_USAGE if nobody can be asked and the mode is "enforcing"; SC_ERROR_DENIED if the search list is
 * empty on purpose; SC_ERROR_INVALID for a search list that does not make names; those of the callback.
 */
GPtrArray *sc_short_name_find (const ScRegistriesConf *conf, const ScReference *ref, const ScBlobSourceOptions *options,
                               char **out_why, GCancellable *cancellable, GError **error) SC_CHECK;

/**
 * sc_short_name_record:
 * @chosen: what it was found to stand for
 *
 * Notes for all later uses that the name of @ref stands for that of @chosen, in the file that podman uses too.
 */
gboolean sc_short_name_record (const ScContext *ctx, const ScReference *ref, const ScReference *chosen,
                               GError **error) SC_CHECK;

/* @ref as the registry calls it: its registry written out ("docker.io" for none), "library/" put before a name of one
 * part there. (transfer full) */
ScReference *sc_reference_normalize (const ScReference *ref);
