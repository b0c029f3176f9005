/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "exports.h"
#include "model.h"

/**
 * sc_unit_render:
 *
 * The systemd unit as text: the image's service.template, or data/default.service, which stops the container by the
 * image's StopSignal and within about ten seconds.
 *
 * @out_unit: (transfer full): NULL for noContainerService
 *
 * Errors: as sc_template_expand() and sc_expansion_check_lines(); SC_ERROR_INVALID for a StopSignal that is none,
 * and a template without a [Service] section.
 */
gboolean sc_unit_render (const ScExports *exports, const ScImageConfig *image, GHashTable *values, char **out_unit,
                         GError **error) SC_CHECK;

/* (transfer full): a StopSignal of an image ("SIGTERM", "TERM", "15", "SIGRTMIN+3"; NULL: "TERM") in a form that every
 * runtime's `kill` takes. */
char *sc_unit_stop_signal (const char *text, GError **error) SC_CHECK;
