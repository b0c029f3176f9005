/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "context.h"
#include "progress.h"

/*
 * The package manager of a host: rpm, or dpkg.  The programs of this system are run, also for another root.  Package
 * files are named as this system sees them.
 */

typedef struct
{
  char *name;
  char *version;      /* with release or revision */
  char *architecture; /* in the manager's words */
  char *id;           /* what the manager calls this very package: "NAME-VERSION" with rpm, "NAME" with dpkg */
} ScPackageFile;

void sc_package_file_free (ScPackageFile *package);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScPackageFile, sc_package_file_free)

typedef enum
{
  SC_PACKAGE_ABSENT, /* or nothing but configuration that somebody changed */
  SC_PACKAGE_BROKEN, /* being installed or removed, by somebody who was stopped */
  SC_PACKAGE_INSTALLED,
} ScPackageState;

/* How to install. */
typedef enum
{
  SC_PACKAGE_CAREFULLY,   /* dependencies must be there */
  SC_PACKAGE_WHATEVER_IS, /* it was installed before, or ought to be: dependencies are not asked for */
  SC_PACKAGE_COMPLETE,    /* only if somebody was stopped in the middle: so that the manager knows all its files */
} ScPackageMode;

/* What is to be done with a package. */
typedef struct
{
  const char *replaces; /* (nullable): a package of another name that goes before it comes */
  gboolean fetch;       /* what it requires may be fetched */
} ScPackagePlan;

typedef struct _ScPackageManager ScPackageManager;

struct _ScPackageManager
{
  const char *name;       /* "rpm" */
  const char *suffix;     /* "rpm" */
  const char *image_file; /* a ready package in an image */
  const char *builder;    /* program that builds */
  const char *comes_with; /* packages of distributions that have it, for people */

  ScPackageFile *(*describe) (const ScContext *ctx, const char *file, GCancellable *cancellable, GError **error);
  char **(*contents) (const char *file, GCancellable *cancellable, GError **error);
  gboolean (*is_busy) (const ScContext *ctx); /* (nullable): it waits itself */
  gboolean (*find) (const ScContext *ctx, const char *name, ScPackageState *out_state, char **out_version,
                    GCancellable *cancellable, GError **error);
  char **(*list) (const ScContext *ctx, const char *name, GCancellable *cancellable, GError **error);
  gboolean (*prepare) (const ScContext *ctx, const char *file, const ScPackagePlan *plan, GCancellable *cancellable,
                       GError **error);
  gboolean (*install) (const ScContext *ctx, const char *file, ScPackageMode mode, GCancellable *cancellable,
                       GError **error);
  gboolean (*can_remove) (const ScContext *ctx, const char *name, GCancellable *cancellable, GError **error);
  gboolean (*remove) (const ScContext *ctx, const char *name, char **out_kept, GCancellable *cancellable,
                      GError **error);
  gboolean (*clean) (const ScContext *ctx, const char *file, GError **error);
};

extern const ScPackageManager sc_package_rpm, sc_package_dpkg;

/* All there are, NULL at the end. */
extern const ScPackageManager *const sc_package_managers[];

/* (nullable): the one whose packages the host is made of: dpkg if its list of packages is not empty, else rpm if there
 * is a database of it; and of both the programs.  NULL: neither. */
const ScPackageManager *sc_package_manager_find (const ScContext *ctx);

/* Runs a program that makes packages to its end. Errors: SC_ERROR_FAILED with the one line of its output that names the
 * cause; SC_ERROR_UNAVAILABLE if there is no such program, with the packages that have it. */
gboolean sc_package_build (const ScPackageManager *manager, const char *const *argv, GCancellable *cancellable,
                           GError **error) SC_CHECK;

/* Whether scripts of packages are told (SYSTEMD_OFFLINE) to let what runs be; of the process. */
void sc_package_set_offline (gboolean offline);

/* What package the file @file is. SC_ERROR_INVALID for names and versions that are none. (transfer full) */
ScPackageFile *sc_package_describe (const ScPackageManager *manager, const ScContext *ctx, const char *file,
                                    GCancellable *cancellable, GError **error) SC_CHECK;

/* (transfer full) (array zero-terminated=1): absolute paths of what is in the file @file, directories too. */
char **sc_package_contents (const ScPackageManager *manager, const char *file, GCancellable *cancellable,
                            GError **error) SC_CHECK;

/* Which state @name is in. @out_version: (out) (optional) (transfer full) (nullable): NULL unless it is installed. */
gboolean sc_package_find (const ScPackageManager *manager, const ScContext *ctx, const char *name,
                          ScPackageState *out_state, char **out_version, GCancellable *cancellable,
                          GError **error) SC_CHECK;

/* (transfer full) (array zero-terminated=1): the files and directories of the package @name as installed; none if it is
 * not. */
char **sc_package_list (const ScPackageManager *manager, const ScContext *ctx, const char *name,
                        GCancellable *cancellable, GError **error) SC_CHECK;

/* Before anything changes: fetches what @file requires, with @plan->fetch and where the host has a program for that and
 * is the running system, and asks whether it could be installed, as far as the manager tells. */
gboolean sc_package_prepare (const ScPackageManager *manager, const ScContext *ctx, const char *file,
                             const ScPackagePlan *plan, GCancellable *cancellable, GError **error) SC_CHECK;

/* Waits, minutes at most, while somebody else changes the host's packages; @sink (nullable) is told once.
 * SC_ERROR_BUSY. */
gboolean sc_package_wait (const ScPackageManager *manager, const ScContext *ctx, const ScProgressSink *sink,
                          GCancellable *cancellable, GError **error) SC_CHECK;

/* (transfer full): a package of which only this is known. SC_ERROR_INVALID for what can be none. */
ScPackageFile *sc_package_known (const char *name, const char *version, GError **error) SC_CHECK;

/* Is @text, a capability maybe with a version, nothing but that to programs that also take files and addresses? */
gboolean sc_package_is_capability (const char *text);

/* Installs, in place of any other version, older or newer; or once more, if the same is there: so it repairs. */
gboolean sc_package_install (const ScPackageManager *manager, const ScContext *ctx, const char *file,
                             ScPackageMode mode, GCancellable *cancellable, GError **error) SC_CHECK;

/* SC_ERROR_FAILED if other packages need it. */
gboolean sc_package_can_remove (const ScPackageManager *manager, const ScContext *ctx, const char *name,
                                GCancellable *cancellable, GError **error) SC_CHECK;

/* Removes all versions of @name, whoever needs it; no error if there is none.
 * @out_kept: (out) (transfer full) (nullable): a file that somebody changed and that stays, with others like it */
gboolean sc_package_remove (const ScPackageManager *manager, const ScContext *ctx, const char *name, char **out_kept,
                            GCancellable *cancellable, GError **error) SC_CHECK;

/* Removes what a manager that was killed while it installed @file left beside its files and does not know of. */
gboolean sc_package_clean (const ScPackageManager *manager, const ScContext *ctx, const char *file,
                           GError **error) SC_CHECK;
