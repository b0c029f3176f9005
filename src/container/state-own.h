/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "context.h"

/* The host, as paths are looked up in it. */
typedef struct
{
  const ScContext *ctx;
  int root;
  char *path; /* where @root really is; "" for "/" */
} ScHostTree;

gboolean sc_host_tree_open (const ScContext *ctx, ScHostTree *out, GError **error) SC_CHECK;
void sc_host_tree_clear (ScHostTree *host);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ScHostTree, sc_host_tree_clear)

/* (transfer full) (nullable): @path with links resolved in the host, so that none is in it; what does not exist stays
 * as it is. @out_there: length of that part of the result that exists. NULL if it leads through something that is no
 * directory, or a link to nothing. */
char *sc_host_tree_resolve (const ScHostTree *host, const char *path, gsize *out_there);

typedef struct
{
  const ScHostTree *host;
  const char *name;   /* of the container */
  GHashTable *values; /* (nullable): of its deployment */
} ScStateOwner;

/* May @dir, a path without links, be one that was made for the container's state, so that it may go with it? */
gboolean sc_state_may_be_own (const ScStateOwner *owner, const char *dir);
