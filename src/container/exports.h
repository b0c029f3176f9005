/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "error.h"
#include "health.h"

/*
 * What an image has in /exports (docs/cli.md, "Installing"), read from a checked-out root, beneath it, or from where an
 * image is before that.
 */

/* Of renameFiles, and of installedFilesTemplate. */
#define SC_EXPORTS_MAX 1000
/* Files that are templates, together; filled in, too. */
#define SC_TEMPLATES_MAX_SIZE (16 * 1024 * 1024)

typedef struct
{
  /* Texts of the files, NULL for one that the image lacks; at most 1 MiB each. */
  char *config_template;   /* config.json.template */
  char *config;            /* config.json, used as it is */
  char *service_template;  /* service.template */
  char *tmpfiles_template; /* tmpfiles.template */
  gboolean has_hostfs;     /* hostfs/ exists */
  char *rpm_spec;          /* rpm.spec */
  char *rpm_spec_template; /* rpm.spec.template */
  /* manifest.json */
  gboolean has_manifest;
  GHashTable *default_values;      /* name -> value, never NULL */
  GHashTable *rename_files;        /* from -> to (templates), never NULL */
  char **installed_files_template; /* paths, never NULL */
  GHashTable *hostfs_templates;    /* those of installedFilesTemplate that hostfs/ has: path -> text, never NULL */
  gboolean no_container_service;
  gboolean use_links; /* default TRUE */
  ScHealth *health;   /* (nullable) */
} ScExports;

/* @rootfs: descriptor of the checked-out root. Errors: SC_ERROR_INVALID "exports/manifest.json: ..." (wrong types, a
 * variable name that is no identifier), SC_ERROR_LIMIT, I/O. A file that is a link is followed inside the root.
 * defaultValues are strings, or whole numbers, which become strings; noContainerService and useLinks are booleans, or
 * the strings "true" and "false". */
ScExports *sc_exports_load (int rootfs, GError **error) SC_CHECK;
/* Where /exports is read from; links are followed inside the image's root. */
typedef struct
{
  /* (transfer full) (nullable): the content of the regular file @path; NULL without error if there is none. Errors name
   * @path; SC_ERROR_LIMIT for more than @max bytes. */
  GBytes *(*read) (gpointer data, const char *path, gsize max, GError **error);
  /* @out: whether @path is a directory. */
  gboolean (*has_dir) (gpointer data, const char *path, gboolean *out, GError **error);
  gpointer data;
} ScExportsReader;

/* The same from anywhere. */
ScExports *sc_exports_read (const ScExportsReader *reader, GError **error) SC_CHECK;
/* What the image's config says in labels and manifest.json does not: the health check. SC_ERROR_INVALID "label X: ...".
 */
gboolean sc_exports_add_labels (ScExports *exports, GHashTable *labels, GError **error) SC_CHECK;
void sc_exports_free (ScExports *exports);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScExports, sc_exports_free)

/* (transfer full) (array zero-terminated=1): every variable of every template, the targets of renameFiles and the paths
 * and texts of installedFilesTemplate and the health check included, each once, sorted. */
char **sc_exports_variables (const ScExports *exports, GError **error) SC_CHECK;
