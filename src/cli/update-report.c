/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The report of an update: a table for people, an array of objects for programs, with the same containers in the same
 * order.
 */
#include "update-report.h"

#include <json-glib/json-glib.h>

#include "deployment.h"
#include "json.h"
#include "output.h"

static const ScColumn columns[] = {
  { "CONTAINER", NULL, NULL, SC_CELL_TEXT, 0, 0 },
  { "RESULT", NULL, NULL, SC_CELL_TEXT, 0, 0 },
};

struct _ScUpdateReport
{
  ScTable *table;
  JsonNode *json; /* array */
};

ScUpdateReport *
sc_update_report_new (void)
{
  ScUpdateReport *report = g_new0 (ScUpdateReport, 1);

  report->table = sc_table_new (columns, G_N_ELEMENTS (columns), "  ");
  report->json = json_node_new (JSON_NODE_ARRAY);
  json_node_take_array (report->json, json_array_new ());
  return report;
}

void
sc_update_report_free (ScUpdateReport *report)
{
  sc_table_free (report->table);
  json_node_unref (report->json);
  g_free (report);
}

/* (transfer full): for people. */
static char *
describe (const ScUpdateOutcome *outcome, const char *failure)
{
  if (failure != NULL)
    return g_strconcat ("failed: ", failure, NULL);
  switch (outcome->result)
    {
    case SC_UPDATE_UNCHANGED:
      break;
    case SC_UPDATE_HELD:
      return g_strdup_printf ("held back: it failed before, as deployment %d: %s", outcome->number, outcome->reason);
    case SC_UPDATE_DONE:
      return g_strdup_printf ("updated to deployment %d", outcome->number);
    }
  return g_strdup ("latest version already installed");
}

static const char *
result_word (const ScUpdateOutcome *outcome, const char *failure)
{
  static const char *const words[] = {
    [SC_UPDATE_DONE] = "updated",
    [SC_UPDATE_UNCHANGED] = "unchanged",
    [SC_UPDATE_HELD] = "held",
  };

  return failure != NULL ? "failed" : words[outcome->result];
}

static void
set_number (JsonObject *object, const char *member, int number)
{
  if (number < 0)
    json_object_set_null_member (object, member);
  else
    json_object_set_int_member (object, member, number);
}

/* A failure leaves the old one or the new one live: that is looked up. */
static int
find_live (const ScContext *ctx, const char *name)
{
  g_autoptr (ScDeployment) deployment = sc_deployment_load (ctx, name, NULL);

  return deployment != NULL ? deployment->number : -1;
}

void
sc_update_report_add (ScUpdateReport *report, const ScContext *ctx, const char *name, const ScUpdateOutcome *outcome,
                      const char *failure)
{
  g_autofree char *text = describe (outcome, failure);
  const char *cells[] = { name, text };
  const char *message = failure != NULL ? failure : outcome->reason;
  g_autofree char *clean = sc_output_clean (message);
  JsonObject *object = json_object_new ();
  int live = failure != NULL                     ? find_live (ctx, name)
             : outcome->result == SC_UPDATE_HELD ? outcome->previous
                                                 : outcome->number;

  sc_table_add (report->table, FALSE, cells);
  json_object_set_string_member (object, "name", name);
  json_object_set_string_member (object, "result", result_word (outcome, failure));
  set_number (object, "deployment", live);
  set_number (object, "previous", outcome->previous >= 0 ? outcome->previous : live);
  json_object_set_string_member (object, "message", clean);
  json_array_add_object_element (json_node_get_array (report->json), object);
}

void
sc_update_report_print (const ScUpdateReport *report, gboolean json)
{
  g_autofree char *text = json ? sc_json_to_text (report->json, TRUE) : sc_table_format (report->table, 0);

  sc_output_print (text);
}
