/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "context.h"
#include "progress.h"
#include "reference.h"

/*
 * containers-registries.conf(5), version 2, with its directories of additions: what is known of registries (rules by
 * prefix: location, mirrors, blocked, insecure) and of names without a registry (search list, aliases, mode).  A main
 * file in the old version 1 is understood as if it were version 2; an addition in it is an error.
 */

#define SC_DOCKER_REGISTRY "docker.io"

typedef enum
{
  SC_MIRROR_FOR_ALL,
  SC_MIRROR_FOR_DIGESTS,
  SC_MIRROR_FOR_TAGS,
} ScMirrorUse;

typedef struct
{
  char *location; /* "host[:port][/namespace...]" */
  gboolean insecure;
  ScMirrorUse use;
} ScRegistryMirror;

typedef struct
{
  char *prefix;
  char *location; /* "" with a prefix "*.host": names stay as they are */
  gboolean insecure;
  gboolean blocked;
  gboolean mirrors_for_digests; /* mirror-by-digest-only */
  GPtrArray *mirrors;           /* ScRegistryMirror */
  char *file;                   /* that says so */
} ScRegistryRule;

typedef enum
{
  SC_SHORT_NAMES_UNSET,
  SC_SHORT_NAMES_ENFORCING,
  SC_SHORT_NAMES_PERMISSIVE,
  SC_SHORT_NAMES_DISABLED,
} ScShortNameMode;

typedef struct
{
  char *value; /* (nullable): "registry/repository"; NULL: an earlier alias is taken back */
  char *file;
} ScShortNameAlias;

typedef struct
{
  GPtrArray *rules;     /* ScRegistryRule, no prefix twice */
  char **search;        /* (nullable): unqualified-search-registries; NULL: nothing said */
  char *search_file;    /* (nullable) */
  ScShortNameMode mode; /* UNSET counts as PERMISSIVE */
  char **helpers;       /* (nullable): credential-helpers */
  GHashTable *aliases;  /* name -> ScShortNameAlias */
} ScRegistriesConf;

/**
 * sc_registries_conf_load:
 * @sink: (nullable): hears which files were read
 *
 * Reads $CONTAINERS_REGISTRIES_CONF, or else ~/.config/containers/registries.conf, or else
 * /etc/containers/registries.conf; then, in the order of their names, the files *.conf of
 * /etc/containers/registries.conf.d (not if the user's own file was read) and of
 * ~/.config/containers/registries.conf.d; last the aliases that podman has written itself.  What a later file says
 * replaces what an earlier one said: rules by prefix, aliases by name, everything else as a whole.
 *
 * Errors: SC_ERROR_INVALID with file, line and column; SC_ERROR_NOT_FOUND if the file of the environment is missing;
 * SC_ERROR_LIMIT; G_IO_ERROR. A file that cannot be read is never passed over.
 */
ScRegistriesConf *sc_registries_conf_load (const ScContext *ctx, const ScProgressSink *sink, GError **error) SC_CHECK;

ScRegistriesConf *sc_registries_conf_new (void);
void sc_registries_conf_free (ScRegistriesConf *conf);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScRegistriesConf, sc_registries_conf_free)

/* Adds one file's text to @conf. @addition: it comes from a directory of additions, so version 1 is an error. */
gboolean sc_registries_conf_add (ScRegistriesConf *conf, const char *file, GBytes *text, gboolean addition,
                                 GError **error) SC_CHECK;

/* One place to ask for an image. */
typedef struct
{
  ScReference *ref; /* there */
  gboolean insecure;
  gboolean mirror;
} ScRegistryTarget;

void sc_registry_target_free (ScRegistryTarget *target);

/**
 * sc_registries_conf_find_targets:
 * @ref: with registry; "library/" is in its repository where it belongs
 *
 * Returns: (element-type ScRegistryTarget): the mirrors that serve @ref, then its own location; at least one.  A rule
 * that is blocked forbids its location, whatever that is, but not the mirrors that it names: "from the mirrors alone"
 * is written so.
 *
 * Errors: SC_ERROR_DENIED "REGISTRY/REPOSITORY is blocked by FILE"; SC_ERROR_INVALID if a location of the rule does not
 * make a reference.
 */
GPtrArray *sc_registries_conf_find_targets (const ScRegistriesConf *conf, const ScReference *ref,
                                            const ScProgressSink *sink, GError **error) SC_CHECK;

/* The rule with the longest prefix of @name ("registry/repository"), or NULL. */
const ScRegistryRule *sc_registries_conf_find (const ScRegistriesConf *conf, const char *name);

/* (transfer full) (nullable): the path of the aliases that are recorded, not written by hand: of the system for root,
 * of the user for others. */
char *sc_short_name_aliases_path (const ScContext *ctx);
