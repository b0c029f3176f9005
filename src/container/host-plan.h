/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sys/stat.h>

#include "context.h"
#include "exports.h"

/*
 * What an image wants on the host: its exports/hostfs with names and templates filled in.  Reads the root only; what
 * the host has is not asked.
 */

/* Files and directories together; depth of exports/hostfs. */
#define SC_HOST_FILES_MAX 20000
#define SC_HOST_DEPTH_MAX 64

typedef struct
{
  char *path;   /* on the host: absolute, clean, UTF-8 */
  char *source; /* (nullable): below exports/hostfs; NULL for a directory that only the new name of a file needs */
  mode_t kind;  /* S_IFREG, S_IFLNK, S_IFDIR */
  char *text;   /* (nullable): of a template, filled in */
} ScHostEntry;

typedef struct
{
  GPtrArray *entries; /* ScHostEntry by path, so that a directory stands before what is in it */
  gboolean copy;      /* the files may change: none is shared with the root */
} ScHostPlan;

typedef struct
{
  const ScContext *ctx;
  const char *name; /* container */
  int rootfs;
  gboolean copy; /* of the plan */
  const ScExports *exports;
  GHashTable *values;
} ScHostPlanInput;

/**
 * sc_host_plan_new:
 *
 * Every file and link below exports/hostfs, and the directories that they are in and empty ones.  renameFiles: a key is
 * a path below exports/hostfs or what became of one, of a file or a directory; with a directory all in it moves.  A
 * file is a template if installedFilesTemplate has its path below exports/hostfs or on the host.
 *
 * Errors: SC_ERROR_INVALID "exports/hostfs: ..." for anything but files, links and directories, a name that is not
 * printable UTF-8, a target that is no clean absolute path, or is in a place that is not for files of images, and two
 * files of one name; SC_ERROR_LIMIT; those of sc_template_expand().
 */
ScHostPlan *sc_host_plan_new (const ScHostPlanInput *input, GError **error) SC_CHECK;
void sc_host_plan_free (ScHostPlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScHostPlan, sc_host_plan_free)

/* Is there going to be something at the clean @path? */
gboolean sc_host_plan_makes (const ScHostPlan *plan, const char *path);

/* A descriptor of exports/hostfs of @rootfs; -1 on error. */
int sc_host_plan_open (int rootfs, GError **error) SC_CHECK;
