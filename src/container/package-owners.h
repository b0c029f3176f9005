/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "error.h"

/* (transfer full): a scriptlet of a spec, in the Lua that is part of rpm, that gives each file of the tree @tfd the
 * owner that it has there; they are installed below @place as root's.  rpm knows owners by name only.  Empty if all are
 * root's. */
char *sc_package_owners_script (int tfd, const char *place, GError **error) SC_CHECK;
