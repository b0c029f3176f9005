/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "state-dirs.h"

/*
 * Places of the host where no file of an image may be: where it could break the system, or forge what is ours.
 */

/* (transfer full) (element-type utf8): those for files of the container @name, as they are called. */
GPtrArray *sc_host_forbidden (const ScContext *ctx, const char *name);

/* (nullable): which of @forbidden the clean @path is in; one that is no directory must not be above one either. */
const char *sc_host_forbids (const GPtrArray *forbidden, const char *path, gboolean is_dir);

/* The same for what links of the host make of a path. */
typedef struct
{
  ScHostTree host;
  GPtrArray *forbidden; /* as they are called, and as they really are */
} ScHostGuard;

#define SC_HOST_GUARD_INIT                                                                                             \
  {                                                                                                                    \
    .host = {.root = -1 }                                                                                              \
  }

gboolean sc_host_guard_open (const ScContext *ctx, const char *name, ScHostGuard *out, GError **error) SC_CHECK;
void sc_host_guard_clear (ScHostGuard *guard);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ScHostGuard, sc_host_guard_clear)

/* (transfer full) (nullable): where @path really is, if no file of an image may be there. */
char *sc_host_guard_refuses (const ScHostGuard *guard, const char *path, gboolean is_dir);
