/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "container-lock.h"
#include "deployment.h"
#include "host-guard.h"
#include "put-file.h"

/*
 * The records of two deployments about files on the host, for host-files.c and host-prepare.c.
 */

/* One deployment. */
typedef struct
{
  int number;
  ScDeployment *d;          /* (nullable): it is not there, or its record is not known */
  gboolean unknown;         /* its record cannot be read */
  int tree;                 /* -1: it has none */
  GHashTable *files, *dirs; /* (nullable): place -> path as recorded */
  GHashTable *links;        /* (nullable): places of its links that are on the host as recorded */
} ScHostSide;

typedef struct
{
  ScHost host;
  char *stem;
  const char *name; /* of the container: whatever is told begins with it */
  const ScProgressSink *sink;
  ScHostSide to, from;
  ScHostGuard guard;
  GHashTable *obstacles; /* (nullable): paths that were told of */
  GHashTable *others;    /* (nullable): places of files of other live containers -> name */
} ScHostSides;

#define SC_HOST_SIDES_INIT                                                                                             \
  {                                                                                                                    \
    .host = { .root = -1 }, .to = { .tree = -1 }, .from = { .tree = -1 }, .guard = SC_HOST_GUARD_INIT                  \
  }

/* Reads both; host.root is not opened. A deployment that is not there has nothing on the host; one whose record cannot
 * be read, nothing that we know of, which @sink is told; but if the record of @number is @needed, that is an error. */
gboolean sc_host_sides_load (ScHostSides *sides, const ScContext *ctx, ScContainerLock *lock, int number, int other,
                             gboolean needed, const ScProgressSink *sink, GError **error) SC_CHECK;
void sc_host_sides_clear (ScHostSides *sides);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ScHostSides, sc_host_sides_clear)

/* Opens the tree if there is one. */
gboolean sc_host_side_open_tree (ScContainerLock *lock, ScHostSide *side, GError **error) SC_CHECK;

/* (transfer full) (nullable): place -> path, each as sc_host_side_place() with @other, or where it is if that is NULL.
 */
GHashTable *sc_host_places (int root, const ScHostSide *other, char **paths, GError **error) SC_CHECK;

/* Fills in the links. */
gboolean sc_host_side_find_links (int root, ScHostSide *side, GError **error) SC_CHECK;

/* Fills in the places of both, each as if the links of the other were not there. */
gboolean sc_host_sides_find_places (ScHostSides *sides, GError **error) SC_CHECK;

/**
 * sc_host_side_place:
 * @other: the links of this one go, or have come after what was at @path went
 * @out_behind: @path leads through one of them: nothing is there
 *
 * (transfer full) (nullable): sc_host_place() of @path as if those links were not there, NULL on error.
 */
char *sc_host_side_place (int root, const ScHostSide *other, const char *path, gboolean *out_behind,
                          GError **error) SC_CHECK;

/* Does it have anything on the host? */
gboolean sc_host_side_has_files (const ScHostSide *side);

/* (nullable): the sum recorded for @path. */
const char *sc_host_side_sum (const ScHostSide *side, const char *path);

/* Is @file, found at @path, what @side recorded for @name? The original tool recorded of a link what it leads to, and
 * "0" for a link to nothing or an empty directory. */
gboolean sc_host_side_recorded (int root, const ScHostSide *side, const char *name, const ScHostFile *file,
                                const char *path);
