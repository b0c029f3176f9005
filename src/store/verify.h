/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "image-query.h"
#include "object-check.h"

/*
 * Is an image in the repository what it was when it came?  What is looked at is below what the image's branch names:
 * commits, trees and files against their checksums, the manifest against its digest, config and layers against the
 * manifest.
 */

typedef enum
{
  SC_PROBLEM_FILE_DAMAGED,
  SC_PROBLEM_TREE_DAMAGED, /* a directory's names or metadata */
  SC_PROBLEM_COMMIT_DAMAGED,
  SC_PROBLEM_OBJECT_MISSING,
  SC_PROBLEM_LAYER_MISSING,  /* its branch */
  SC_PROBLEM_LAYER_METADATA, /* what its commit says of it is not what config and manifest say */
  SC_PROBLEM_CONFIG_MISSING, /* its branch */
  SC_PROBLEM_CONFIG_DAMAGED,
  SC_PROBLEM_MANIFEST_DAMAGED,
  SC_PROBLEM_CHECKOUT_CHANGED,
  SC_PROBLEM_CHECKOUT_MISSING,
  SC_PROBLEM_CHECKOUT_INFO,  /* what a container is made of is not known, or not there */
  SC_PROBLEM_CHECKOUT_ADDED, /* no damage: runtimes make mount points */
} ScProblemKind;

/* "file-damaged", ...: stable. */
const char *sc_problem_kind_name (ScProblemKind kind);

typedef struct
{
  ScProblemKind kind;
  char *object; /* (nullable): "<hex>.<type>" */
  char *path;   /* (nullable): one place where it is, from the top of its part: "/usr/bin/x" */
  char *text;   /* what is wrong */
} ScProblem;

typedef enum
{
  SC_PART_MANIFEST,
  SC_PART_CONFIG,
  SC_PART_LAYER,
  SC_PART_CONTAINER,
} ScPartKind;

/* "manifest", "config", "layer", "container". */
const char *sc_part_kind_name (ScPartKind kind);

typedef struct
{
  ScPartKind kind;
  char *id;            /* digest; name of a deployment; path of a preinstalled one */
  guint index;         /* of a layer: its place in the manifest, lowest first */
  GPtrArray *problems; /* ScProblem */
  guint64 damages;     /* problems that are damage, those that are not listed too */
  guint64 more;        /* problems that are not listed */
  gboolean unchecked;  /* of a layer: the repository has no digest to compare with the config's */
  gboolean read_only;  /* a preinstalled container: nobody repairs it */
} ScPart;

/* Problems beyond this number are counted, not listed. */
#define SC_VERIFY_MAX_LISTED 1000

typedef struct
{
  char *name;
  char *digest;     /* (nullable): of the manifest; what the commit says of it, if that is damaged */
  GPtrArray *parts; /* ScPart: manifest, config, layers, then containers */
  guint64 damages;  /* of all parts */
  guint listed;
  gboolean blind; /* containers of it could not be looked at: what they should be is damaged */
} ScVerifyReport;

/* Only containers hold it: it is of sc_image_of_commit(), and no ref is its own. */
gboolean sc_verify_is_untagged (const ScImage *image);

ScVerifyReport *sc_verify_report_new (const char *name);
void sc_verify_report_free (ScVerifyReport *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScVerifyReport, sc_verify_report_free)
ScPart *sc_verify_report_add_part (ScVerifyReport *report, ScPartKind kind, const char *id);
/* @path is nullable; @object too, its type is @type. */
void sc_verify_report_add (ScVerifyReport *report, ScPart *part, ScProblemKind kind, OstreeObjectType type,
                           const guint8 *object, const char *path, const char *text);

/* What is known of the repository while images are looked at; holds the repository (shared). */
typedef struct
{
  ScStore *store;
  ScStoreLock *lock;
  ScObjectCheck *check; /* (nullable): there is no repository */
} ScVerify;

ScVerify *sc_verify_new (ScStore *store, GCancellable *cancellable, GError **error) SC_CHECK;
void sc_verify_free (ScVerify *verify);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScVerify, sc_verify_free)

/* (transfer full): what was found.  Damage is no error; errors are for what keeps one from looking. */
ScVerifyReport *sc_verify_image (ScVerify *verify, const ScImage *image, const ScProgressSink *sink,
                                 GCancellable *cancellable, GError **error) SC_CHECK;
