/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The journal as text and on disk, and the one rule by which an interrupted operation ends.
 */
#include "journal.h"

#include <string.h>

#include "context.h"
#include "fs.h"
#include "json.h"

#define VERSION       1
#define VERSION_GROUP 2 /* with a group: who does not know of it would take one back when all are decided */
#define SIZE_LIMIT    (64 * 1024)
#define WHERE         "journal"
#define BOOT_ID       "/proc/sys/kernel/random/boot_id"

static const char *const operations[] = { "install", "update", "rollback", "uninstall", NULL };
static const char *const phases[] = { "activate", "probation", NULL };

void
sc_journal_free (ScJournal *journal)
{
  if (journal == NULL)
    return;
  g_free (journal->boot_id);
  g_free (journal->group);
  g_free (journal);
}

static ScJournal *
empty_journal (void)
{
  ScJournal *journal = g_new0 (ScJournal, 1);

  journal->from = journal->to = SC_NO_DEPLOYMENT;
  return journal;
}

ScJournal *
sc_journal_new (ScOperation operation, int from, int to)
{
  ScJournal *journal = g_new0 (ScJournal, 1);

  journal->operation = operation;
  journal->from = from;
  journal->to = to;
  journal->keep = SC_DEPLOYMENTS_MAX;
  journal->boot_id = sc_boot_id ();
  return journal;
}

char *
sc_journal_file (const char *name)
{
  return g_strconcat (SC_JOURNAL, name, NULL);
}

const char *
sc_operation_name (ScOperation operation)
{
  return operations[operation];
}

char *
sc_boot_id (void)
{
  char *text = NULL;

  return g_file_get_contents (BOOT_ID, &text, NULL, NULL) ? g_strstrip (text) : NULL;
}

/* The index of the member @key in @names. */
static gboolean
get_choice (JsonObject *object, const char *key, const char *const *names, guint *out, GError **error)
{
  const char *text = NULL;

  if (!sc_json_get_string (object, WHERE, key, SC_JSON_REQUIRED, &text, error))
    return FALSE;
  for (guint i = 0; names[i] != NULL; i++)
    if (strcmp (names[i], text) == 0)
      return *out = i, TRUE;
  return sc_fail (error, SC_ERROR_INVALID, WHERE ".%s: '%s' is not known", key, text);
}

static gboolean
get_number (JsonObject *object, const char *key, int *out, GError **error)
{
  gint64 number = SC_NO_DEPLOYMENT;

  if (!sc_json_get_int (object, WHERE, key, SC_JSON_OPTIONAL, &number, error))
    return FALSE;
  if (number < SC_NO_DEPLOYMENT || number > G_MAXINT)
    return sc_fail (error, SC_ERROR_INVALID, WHERE ".%s: %" G_GINT64_FORMAT " is out of range", key, number);
  *out = (int)number;
  return TRUE;
}

gboolean
sc_group_id_is_valid (const char *id)
{
  return strlen (id) == SC_GROUP_ID_LENGTH && strspn (id, "0123456789abcdef") == SC_GROUP_ID_LENGTH;
}

/* Versions and groups go together. */
static gboolean
parse_group (JsonObject *object, ScJournal *journal, GError **error)
{
  gint64 version = 0;
  const char *group = NULL;

  if (!sc_json_get_int (object, WHERE, "version", SC_JSON_REQUIRED, &version, error))
    return FALSE;
  if (version != VERSION && version != VERSION_GROUP)
    return sc_fail (error, SC_ERROR_UNSUPPORTED, WHERE ": version %" G_GINT64_FORMAT " is of another atomic", version);
  if (!sc_json_get_string (object, WHERE, "group", version == VERSION_GROUP ? SC_JSON_REQUIRED : SC_JSON_OPTIONAL,
                           &group, error))
    return FALSE;
  if (group != NULL && (version != VERSION_GROUP || !sc_group_id_is_valid (group)))
    return sc_fail (error, SC_ERROR_INVALID, WHERE ".group: '%s' is not the id of a group", group);
  journal->group = g_strdup (group);
  return TRUE;
}

static gboolean
parse_members (JsonObject *object, ScJournal *journal, GError **error)
{
  guint operation = 0, phase = 0;
  gint64 keep = SC_DEPLOYMENTS_MAX;
  const char *boot_id = NULL;

  if (!parse_group (object, journal, error) || !get_choice (object, "operation", operations, &operation, error)
      || !get_choice (object, "phase", phases, &phase, error) || !get_number (object, "from", &journal->from, error)
      || !get_number (object, "to", &journal->to, error)
      || !sc_json_get_bool (object, WHERE, "was-active", SC_JSON_OPTIONAL, &journal->was_active, error)
      || !sc_json_get_bool (object, WHERE, "was-enabled", SC_JSON_OPTIONAL, &journal->was_enabled, error)
      || !sc_json_get_bool (object, WHERE, "purge", SC_JSON_OPTIONAL, &journal->purge, error)
      || !sc_json_get_bool (object, WHERE, "force", SC_JSON_OPTIONAL, &journal->force, error)
      || !sc_json_get_int (object, WHERE, "keep", SC_JSON_OPTIONAL, &keep, error)
      || !sc_json_get_string (object, WHERE, "boot-id", SC_JSON_OPTIONAL, &boot_id, error))
    return FALSE;
  if (keep < 1 || keep > SC_DEPLOYMENTS_MAX)
    return sc_fail (error, SC_ERROR_INVALID, WHERE ".keep: %" G_GINT64_FORMAT " is out of range", keep);
  if (operation != SC_OPERATION_UNINSTALL && (journal->to == SC_NO_DEPLOYMENT || journal->to == journal->from))
    return sc_fail (error, SC_ERROR_INVALID, WHERE ": %s leads nowhere", operations[operation]);
  if (journal->group != NULL && (operation != SC_OPERATION_UPDATE || phase != SC_PHASE_PROBATION))
    return sc_fail (error, SC_ERROR_INVALID, WHERE ".group: only of an update on probation");
  journal->operation = operation;
  journal->phase = phase;
  journal->keep = (guint)keep;
  journal->boot_id = g_strdup (boot_id);
  return TRUE;
}

ScJournal *
sc_journal_parse (GBytes *bytes, GError **error)
{
  gsize size = 0;
  const char *data = g_bytes_get_data (bytes, &size);
  g_autoptr (ScJournal) journal = empty_journal ();
  g_autoptr (JsonNode) node = sc_json_parse (WHERE, data != NULL ? data : "", size, error);
  JsonObject *object = node != NULL ? sc_json_node_object (node, WHERE, error) : NULL;

  return object != NULL && parse_members (object, journal, error) ? g_steal_pointer (&journal) : NULL;
}

static void
add_number (JsonBuilder *b, const char *key, int number)
{
  json_builder_set_member_name (b, key);
  if (number == SC_NO_DEPLOYMENT)
    json_builder_add_null_value (b);
  else
    json_builder_add_int_value (b, number);
}

char *
sc_journal_format (const ScJournal *journal)
{
  g_autoptr (JsonBuilder) b = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;

  json_builder_begin_object (b);
  add_number (b, "version", journal->group != NULL ? VERSION_GROUP : VERSION);
  sc_json_add_string (b, "operation", operations[journal->operation]);
  add_number (b, "from", journal->from);
  add_number (b, "to", journal->to);
  sc_json_add_bool (b, "was-active", journal->was_active);
  sc_json_add_bool (b, "was-enabled", journal->was_enabled);
  sc_json_add_bool (b, "purge", journal->purge);
  sc_json_add_bool (b, "force", journal->force);
  sc_json_add_string (b, "phase", phases[journal->phase]);
  add_number (b, "keep", (int)journal->keep);
  sc_json_add_string (b, "boot-id", journal->boot_id);
  if (journal->group != NULL)
    sc_json_add_string (b, "group", journal->group);
  json_builder_end_object (b);
  root = json_builder_get_root (b);
  return sc_json_to_text (root, TRUE);
}

gboolean
sc_journal_load (int dfd, const char *name, ScJournal **out_journal, GError **error)
{
  g_autofree char *file = sc_journal_file (name);
  g_autoptr (GBytes) bytes = NULL;
  ScJournal *journal;

  if (!sc_fs_read_if_there_at (dfd, file, SIZE_LIMIT, &bytes, error))
    return FALSE;
  journal = bytes != NULL ? sc_journal_parse (bytes, error) : NULL;
  if (bytes != NULL && journal == NULL)
    return sc_prefix (error, "%s", file);
  *out_journal = journal;
  return TRUE;
}

gboolean
sc_journal_save (int dfd, const char *name, const ScJournal *journal, GError **error)
{
  g_autofree char *file = sc_journal_file (name), *text = sc_journal_format (journal);

  return sc_fs_write_file_at (dfd, file, text, strlen (text), 0600, error);
}

gboolean
sc_journal_begin (int dfd, const char *name, const ScJournal *journal, GError **error)
{
  g_autofree char *file = sc_journal_file (name);
  gboolean was_there = sc_fs_exists_at (dfd, file);

  if (sc_journal_save (dfd, name, journal, error))
    return TRUE;
  /* It may have its name, and not be known to be on disk. */
  if (!was_there && !sc_journal_remove (dfd, name, NULL) && sc_fs_exists_at (dfd, file))
    return sc_prefix (error, "its journal was begun and cannot be removed, 'atomic recover' ends it");
  return FALSE;
}

gboolean
sc_journal_remove (int dfd, const char *name, GError **error)
{
  g_autofree char *file = sc_journal_file (name);

  return sc_fs_unlink_at (dfd, file, error) && sc_fs_sync_dir_at (dfd, ".", error);
}

ScRecovery
sc_journal_decide (const ScJournal *journal, int live)
{
  if (journal->operation == SC_OPERATION_UNINSTALL)
    return SC_RECOVERY_REMOVE;
  return live == journal->to && journal->phase == SC_PHASE_ACTIVATE ? SC_RECOVERY_FORWARD : SC_RECOVERY_BACK;
}
