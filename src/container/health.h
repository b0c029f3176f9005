/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

#include "error.h"

/*
 * What an image says of how to find out whether its service does its work (docs/cli.md, "Installing"): as a template
 * in the image, with values put in in a deployment.  Pure: gate.h tries it.
 */

typedef enum
{
  SC_HEALTH_COMMAND, /* in the container: exit status 0 */
  SC_HEALTH_HTTP,    /* GET: 2xx or 3xx */
  SC_HEALTH_TCP,     /* a connection comes about */
} ScHealthKind;

typedef struct
{
  ScHealthKind kind;
  char **words;       /* the command; of the others one word, URL or HOST:PORT */
  guint timeout;      /* seconds that one try may take */
  guint interval;     /* seconds between two tries */
  guint start_period; /* seconds until it passes for the first time */
} ScHealth;

void sc_health_free (ScHealth *health);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScHealth, sc_health_free)

/* {"command": [...]} or {"http": "URL"} or {"tcp": "HOST:PORT"}, and "timeout" (5), "interval" (1), "start-period"
 * (30). SC_ERROR_INVALID names @where. (transfer full) */
ScHealth *sc_health_parse (JsonObject *object, const char *where, GError **error) SC_CHECK;

/* The same from labels "atomic.health.command", taken apart as a shell does, "atomic.health.http" and so on.  An empty
 * label is none. @out_health: (transfer full) (nullable): NULL without any. */
gboolean sc_health_from_labels (GHashTable *labels, ScHealth **out_health, GError **error) SC_CHECK;

/* Adds the variables of the templates to the set @all. SC_ERROR_INVALID as sc_template_variables(). */
gboolean sc_health_add_variables (const ScHealth *health, GHashTable *all, GError **error) SC_CHECK;

/* With the values in place of the variables. Errors: those of sc_template_expand(), SC_ERROR_INVALID for what is then
 * no URL, address or command. (transfer full) */
ScHealth *sc_health_resolve (const ScHealth *health, GHashTable *values, GError **error) SC_CHECK;

/* The object that sc_health_parse() takes. */
void sc_health_build (const ScHealth *health, JsonBuilder *builder);

/* (transfer full): for messages: "http://127.0.0.1:8080/", "/bin/check 8080". */
char *sc_health_describe (const ScHealth *health);
