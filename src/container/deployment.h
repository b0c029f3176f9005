/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "context.h"
#include "health.h"

/*
 * A deployment: one directory NAME.N of the checkouts, with its files and its info (docs/formats.md, "Checkouts").
 */

typedef struct
{
  char *name; /* container */
  int number; /* N */
  gboolean preinstalled;
  /* info */
  char *image;    /* name */
  char *revision; /* manifest digest, hex */
  char *commit;   /* ostree-commit */
  gint64 created; /* seconds since the epoch */
  GHashTable *values;
  gboolean has_container_service;
  char *runtime; /* as the host sees it */
  /* Host files, each (nullable) for none.  Those of @installed_files with their sha256 (of a link: of its target); what
   * has another one by now was changed by hand. */
  char **installed_files;
  GHashTable *installed_checksums;
  char **installed_dirs; /* that were made for them */
  gboolean use_links;    /* those under /usr may be links to the deployment's */
  char **created_dirs;   /* for its state, missing before: what --purge removes */
  char *package;         /* (nullable): installed for it, in the words of the package manager */
  char *package_manager; /* (nullable): "rpm", "dpkg": whose it is; with name and version */
  char *package_name;
  char *package_version;
  char *system_package; /* (nullable): "auto", "yes", "no", "build" */
  char *remote;         /* (nullable): root outside the repository, as the host sees it */
  ScHealth *health;     /* (nullable): as it is tried */
  /* (nullable): links to the host's own unit of that name, as they were: path in UNIT_DIR -> target */
  GHashTable *replaced_links;
  char *problem; /* (nullable): why it could not be read (lists only) */
  /* config.json */
  char *command; /* (nullable): of process.args */
} ScDeployment;

void sc_deployment_free (ScDeployment *deployment);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScDeployment, sc_deployment_free)

/* A container's name: [A-Za-z0-9][A-Za-z0-9_.-]*, at most 128 characters.  SC_ERROR_USAGE. */
gboolean sc_container_name_check (const char *name, GError **error) SC_CHECK;

/* (nullable): the ".<digits>" that the name of a deployment ends in; points into @name. */
const char *sc_deployment_suffix (const char *name);
/* The same if what is before it is @container. (nullable) */
const char *sc_deployment_suffix_of (const char *name, const char *container);

/* A number as users write it. SC_ERROR_USAGE. */
gboolean sc_deployment_parse_number (const char *text, int *out_number, GError **error) SC_CHECK;

/* The live deployment of @name; SC_ERROR_NOT_FOUND "no container 'X'". Reads info, and config.json for the command. */
ScDeployment *sc_deployment_load (const ScContext *ctx, const char *name, GError **error) SC_CHECK;

/* The deployment @number of @name in the checkouts, live or not. SC_ERROR_NOT_FOUND if it is not there. */
ScDeployment *sc_deployment_load_number (const ScContext *ctx, const char *name, int number, GError **error) SC_CHECK;

/* (transfer full): "CHECKOUTS/NAME.N", as the host sees it. */
char *sc_deployment_dir (const ScContext *ctx, const ScDeployment *deployment);

/* A container whose files cannot be read has @problem set, and of the rest its name only.
 * (transfer container) (element-type ScDeployment): live deployments of all containers, preinstalled ones too, by name.
 */
GPtrArray *sc_deployment_list (const ScContext *ctx, GError **error) SC_CHECK;
