/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "error.h"

/*
 * The journal of a container: CHECKOUTS/.journal-NAME, there from before anything live changes until everything live is
 * as it should be (docs/deployments.md).  Whoever reads or writes one holds the container.
 */

#define SC_JOURNAL ".journal-"

/* No deployment. */
#define SC_NO_DEPLOYMENT (-1)

typedef enum
{
  SC_OPERATION_INSTALL,
  SC_OPERATION_UPDATE,
  SC_OPERATION_ROLLBACK,
  SC_OPERATION_UNINSTALL,
} ScOperation;

typedef enum
{
  SC_PHASE_ACTIVATE,  /* the link decides which deployment counts */
  SC_PHASE_PROBATION, /* the old one counts until the new one has proved itself */
} ScPhase;

typedef struct
{
  ScOperation operation;
  ScPhase phase;
  int from, to; /* numbers, or SC_NO_DEPLOYMENT */
  gboolean was_active;
  gboolean was_enabled;
  gboolean purge; /* uninstall: the directories of its state go too */
  gboolean force; /* uninstall: whatever is wrong with it */
  guint keep;     /* how many deployments stay */
  char *boot_id;  /* (nullable): of the boot in which it was written */
  char *group;    /* (nullable): it counts only with the others of this group (group.h) */
} ScJournal;

/* Of the id of a group: lower-case hex digits. */
#define SC_GROUP_ID_LENGTH 32
gboolean sc_group_id_is_valid (const char *id);

void sc_journal_free (ScJournal *journal);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScJournal, sc_journal_free)

/* (transfer full) */
ScJournal *sc_journal_new (ScOperation operation, int from, int to);

/* (transfer full): ".journal-NAME" */
char *sc_journal_file (const char *name);

/* "update" */
const char *sc_operation_name (ScOperation operation);

/* SC_ERROR_INVALID; SC_ERROR_UNSUPPORTED for another version. (transfer full) */
ScJournal *sc_journal_parse (GBytes *bytes, GError **error) SC_CHECK;
/* (transfer full) */
char *sc_journal_format (const ScJournal *journal);

/* @dfd: the checkouts. @out_journal: (transfer full) (nullable): NULL if there is none. */
gboolean sc_journal_load (int dfd, const char *name, ScJournal **out_journal, GError **error) SC_CHECK;
/* On disk when it returns. */
gboolean sc_journal_save (int dfd, const char *name, const ScJournal *journal, GError **error) SC_CHECK;
/* The same for the first of an operation: on an error there is none, unless there was one before. */
gboolean sc_journal_begin (int dfd, const char *name, const ScJournal *journal, GError **error) SC_CHECK;
gboolean sc_journal_remove (int dfd, const char *name, GError **error) SC_CHECK;

typedef enum
{
  SC_RECOVERY_FORWARD, /* the new deployment counts: what is live becomes it */
  SC_RECOVERY_BACK,    /* the old one counts, or nothing if there was none */
  SC_RECOVERY_REMOVE,  /* the container goes */
} ScRecovery;

/* What becomes of an operation that was cut short. @live: what the link points to.  Of one in a group that is decided
 * the phase is SC_PHASE_ACTIVATE, whatever was written. Pure. */
ScRecovery sc_journal_decide (const ScJournal *journal, int live);

/* (transfer full) (nullable): the running kernel's boot id. */
char *sc_boot_id (void);
