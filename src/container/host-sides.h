/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "container-lock.h"
#include "deployment.h"
#include "put-file.h"

/*
 * The records of two deployments about files on the host, for host-files.c and host-prepare.c.
 */

/* One deployment. */
typedef struct
{
  int number;
  ScDeployment *d;          /* (nullable): it is not there, or its record is not known */
  int tree;                 /* -1: it has none */
  GHashTable *files, *dirs; /* (nullable): place -> path as recorded */
} ScHostSide;

typedef struct
{
  ScHost host;
  char *stem;
  const ScProgressSink *sink;
  ScHostSide to, from;
} ScHostSides;

#define SC_HOST_SIDES_INIT                                                                                             \
  {                                                                                                                    \
    .host = { .root = -1 }, .to = { .tree = -1 }, .from = {.tree = -1 }                                                \
  }

/* Reads both; host.root is not opened. A deployment that is not there has nothing on the host; one whose record cannot
 * be read, nothing that we know of, which @sink is told. */
gboolean sc_host_sides_load (ScHostSides *sides, const ScContext *ctx, ScContainerLock *lock, int number, int other,
                             const ScProgressSink *sink, GError **error) SC_CHECK;
void sc_host_sides_clear (ScHostSides *sides);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ScHostSides, sc_host_sides_clear)

/* Opens the tree if there is one. */
gboolean sc_host_side_open_tree (ScContainerLock *lock, ScHostSide *side, GError **error) SC_CHECK;

/* Fills in the places. */
gboolean sc_host_side_find_places (int root, ScHostSide *side, GError **error) SC_CHECK;

/* Does it have anything on the host? */
gboolean sc_host_side_has_files (const ScHostSide *side);

/* (nullable): the sum recorded for @path. */
const char *sc_host_side_sum (const ScHostSide *side, const char *path);

/* Is @file, found at @path, what @side recorded for @name? The original tool recorded of a link what it leads to, and
 * "0" for a link to nothing or an empty directory. */
gboolean sc_host_side_recorded (int root, const ScHostSide *side, const char *name, const ScHostFile *file,
                                const char *path);
