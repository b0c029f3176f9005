/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "deployment-make.h"

/**
 * sc_install_display:
 *
 * Says as steps what an installation of @input would do, and changes nothing; nothing is laid out.  Errors: those that
 * the installation would end with for its values, for a variable that has none, and for a host without package manager.
 */
gboolean sc_install_display (const ScMakeInput *input, GError **error) SC_CHECK;
