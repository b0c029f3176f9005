/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "context.h"

/*
 * OCI runtimes: one const struct each, one table, one selector.  The command lines are those of runc(8) and crun(1).
 */

typedef struct
{
  const char *name;              /* "runc" */
  const char *const *candidates; /* absolute paths, NULL-terminated, in the order tried */
  const char *unknown; /* what its `state` says, in English whatever the locale, of a container that is not there */
} ScRuntimeClass;

typedef struct
{
  const ScRuntimeClass *klass;
  char *path; /* as the host sees it: "/usr/bin/runc" */
  char *exec; /* the file to run now: @path below the root of the context if it has one and the file is there, else
                 that of this host */
} ScRuntime;

/**
 * sc_runtime_find:
 * @asked: (nullable): path or name of --runtime or of an installed container; NULL: the context's, else
 *         the first of runc and crun that is there
 *
 * A path must be an executable file; the class is told by its base name, "runc" for an unknown one (runtimes share
 * runc's command line). Errors: SC_ERROR_NOT_FOUND "runtime 'X' is not there" / "no OCI runtime found: install runc or
 * crun".
 */
ScRuntime *sc_runtime_find (const ScContext *ctx, const char *asked, GError **error) SC_CHECK;
void sc_runtime_free (ScRuntime *runtime);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScRuntime, sc_runtime_free)

typedef enum
{
  SC_RUNTIME_STATE_NONE,
  SC_RUNTIME_STATE_CREATED,
  SC_RUNTIME_STATE_RUNNING,
  SC_RUNTIME_STATE_STOPPED
} ScRuntimeState;

/* `state ID`: NONE if the runtime does not know the container; STOPPED also if its init has ended and waits to be
 * reaped by a slow PID 1. @out_pid (optional): its init, 0 if there is none. */
gboolean sc_runtime_state (const ScRuntime *runtime, const char *id, ScRuntimeState *out_state, int *out_pid,
                           GCancellable *cancellable, GError **error) SC_CHECK;

/* The init of @id; 0 if there is none, or the runtime does not tell within @seconds. */
int sc_runtime_init_soon (const ScRuntime *runtime, const char *id, guint seconds);

/* @out_bundle: (transfer full) (nullable): the bundle that @id runs from, NULL if it does not run or the runtime does
 * not tell. */
gboolean sc_runtime_bundle (const ScRuntime *runtime, const char *id, char **out_bundle, GCancellable *cancellable,
                            GError **error) SC_CHECK;

/* `run` of the bundle directory in the foreground with our streams; @out_status as sc_subprocess_attach(). */
gboolean sc_runtime_run (const ScRuntime *runtime, const char *bundle, const char *id, int *out_status,
                         GCancellable *cancellable, GError **error) SC_CHECK;
/* `run --detach`, its streams on /dev/null. */
gboolean sc_runtime_run_detached (const ScRuntime *runtime, const char *bundle, const char *id,
                                  GCancellable *cancellable, GError **error) SC_CHECK;
/* `exec [--tty] ID ARGS...` with our streams. */
gboolean sc_runtime_exec (const ScRuntime *runtime, const char *id, const char *const *args, gboolean tty,
                          int *out_status, GCancellable *cancellable, GError **error) SC_CHECK;
/* `kill ID SIGNAL`. */
gboolean sc_runtime_kill (const ScRuntime *runtime, const char *id, const char *signal, GCancellable *cancellable,
                          GError **error) SC_CHECK;
/* `delete [--force] ID`, with --force a running one too; no error if there is none. */
gboolean sc_runtime_delete (const ScRuntime *runtime, const char *id, gboolean force, GCancellable *cancellable,
                            GError **error) SC_CHECK;

/* runc's standard error is logfmt: puts the msg of such a line alone in its place. @error: set. */
void sc_runtime_tidy_error (GError **error);
