/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "store.h"

struct _ScStore
{
  OstreeRepo *repo; /* (nullable) */
  char *path;
  char *created;              /* (nullable): the topmost directory that opening made */
  gboolean used;              /* an image came in */
  guint holds;                /* locks that are held now */
  const ScProgressSink *sink; /* (nullable) */
};
