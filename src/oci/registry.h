/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "blob-source.h"

/* Images of a registry, over the pull half of the distribution specification 1.1. */
extern const ScBlobSourceClass sc_registry_source_class;
