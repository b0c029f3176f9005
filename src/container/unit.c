/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The systemd unit of a container, as text.
 *
 * Our own program never stands in it: a service starts, stops and cleans up by the runtime and what every host has
 * (sh, timeout, tail).  Values are text on their line and nothing more; what would start another directive is refused.
 */
#include "unit.h"

#include <signal.h>
#include <string.h>

#include "default-unit.h"
#include "template.h"

static const char *const signals[] = {
  "HUP",  "INT",  "QUIT", "ILL",    "TRAP",   "ABRT",  "BUS",  "FPE",  "KILL", "USR1", "SEGV",
  "USR2", "PIPE", "ALRM", "TERM",   "STKFLT", "CHLD",  "CONT", "STOP", "TSTP", "TTIN", "TTOU",
  "URG",  "XCPU", "XFSZ", "VTALRM", "PROF",   "WINCH", "IO",   "PWR",  "SYS",  NULL,
};

/* "RTMIN", "RTMIN+3", "RTMAX-1": as a number, 0 if it is none of them. */
static int
realtime_signal (const char *name)
{
  gboolean from_min = g_str_has_prefix (name, "RTMIN");
  const char *rest = name + strlen ("RTMIN");
  guint64 offset = 0;

  if (!from_min && !g_str_has_prefix (name, "RTMAX"))
    return 0;
  if (*rest != '\0'
      && (*rest != (from_min ? '+' : '-')
          || !g_ascii_string_to_unsigned (rest + 1, 10, 0, (guint64)(SIGRTMAX - SIGRTMIN), &offset, NULL)))
    return 0;
  return from_min ? SIGRTMIN + (int)offset : SIGRTMAX - (int)offset;
}

char *
sc_unit_stop_signal (const char *text, GError **error)
{
  guint64 number;
  const char *name = text;
  int realtime;

  if (text == NULL || *text == '\0')
    return g_strdup ("TERM");
  if (g_ascii_string_to_unsigned (text, 10, 1, (guint64)SIGRTMAX, &number, NULL))
    return g_strdup_printf ("%u", (guint)number);
  if (g_str_has_prefix (name, "SIG"))
    name += strlen ("SIG");
  if (g_strv_contains (signals, name))
    return g_strdup (name);
  realtime = realtime_signal (name);
  if (realtime == 0)
    return sc_fail_null (error, SC_ERROR_INVALID, "image config: StopSignal: '%s' is no signal", text);
  return g_strdup_printf ("%d", realtime);
}

/* What only the default unit knows, over the container's values. */
static GHashTable *
default_unit_values (const ScImageConfig *image, GHashTable *values, GError **error)
{
  g_autoptr (GHashTable) own = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  const char *destdir = g_hash_table_lookup (values, "DESTDIR");
  GString *escaped = g_string_new (destdir != NULL ? destdir : "");
  GHashTableIter iter;
  gpointer name, value;
  char *stop_signal;

  g_hash_table_iter_init (&iter, values);
  while (g_hash_table_iter_next (&iter, &name, &value))
    g_hash_table_replace (own, g_strdup (name), g_strdup (value));
  g_string_replace (escaped, "%", "%%", 0);
  g_hash_table_replace (own, g_strdup ("DESTDIR"), g_string_free (escaped, FALSE));

  stop_signal = sc_unit_stop_signal (image->stop_signal, error);
  if (stop_signal == NULL)
    return NULL;
  g_hash_table_replace (own, g_strdup ("STOP_SIGNAL"), stop_signal);
  return g_steal_pointer (&own);
}

/* Without that systemd takes nothing for a service. */
static gboolean
has_service_section (const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  for (guint i = 0; lines[i] != NULL; i++)
    if (strcmp (g_strstrip (lines[i]), "[Service]") == 0)
      return TRUE;
  return FALSE;
}

gboolean
sc_unit_render (const ScExports *exports, const ScImageConfig *image, GHashTable *values, char **out_unit,
                GError **error)
{
  const char *file = exports->service_template != NULL ? "service.template" : "default.service";
  const char *text = exports->service_template != NULL ? exports->service_template : SC_DEFAULT_UNIT;
  g_autoptr (GHashTable) used = NULL;
  g_autoptr (ScExpansion) unit = NULL;

  *out_unit = NULL;
  if (exports->no_container_service)
    return TRUE;
  used = exports->service_template != NULL ? g_hash_table_ref (values) : default_unit_values (image, values, error);
  if (used == NULL)
    return FALSE;
  unit = sc_template_expand (file, text, used, error);
  if (unit == NULL || !sc_expansion_check_lines (unit, file, error))
    return FALSE;
  if (!has_service_section (unit->text))
    return sc_fail (error, SC_ERROR_INVALID, "%s: it has no [Service] section", file);
  *out_unit = g_steal_pointer (&unit->text);
  return TRUE;
}
