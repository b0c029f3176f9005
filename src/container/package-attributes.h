/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "error.h"

/* What of the tree @tfd a package cannot hold: how many files and directories have capabilities or attributes of users.
 * @out_first: (out) (transfer full) (nullable): absolute path in it of the first one. */
gboolean sc_package_attributes_find (int tfd, guint *out_count, char **out_first, GError **error) SC_CHECK;
