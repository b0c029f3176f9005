/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * systemd's manager over D-Bus (org.freedesktop.systemd1(5)), and links where it does not run.  The only module that
 * sees D-Bus.
 *
 * The connection is our own, not the process-wide one, and belongs to a GMainContext of ours: signals are queued there
 * by GDBus's thread from the moment we subscribe, and are looked at only while we wait for a job.  So a JobRemoved that
 * overtakes the reply that names its job is not lost, and a caller's main loop never sees anything of this.
 */
#include "systemd.h"

#include <unistd.h>

#include "unit-links.h"

#define SYSTEMD_NAME      "org.freedesktop.systemd1"
#define SYSTEMD_PATH      "/org/freedesktop/systemd1"
#define SYSTEMD_MANAGER   "org.freedesktop.systemd1.Manager"
#define SYSTEMD_UNIT      "org.freedesktop.systemd1.Unit"
#define SYSTEMD_SERVICE   SYSTEMD_NAME ".Service"
#define SYSTEMD_PRIVATE   "unix:path=/run/systemd/private"
#define SYSTEMD_RUNS_FLAG "/run/systemd/system"

/* systemd answers nothing while it reloads, which takes minutes with many units on a slow disk. */
#define CALL_TIMEOUT_MS (5 * 60 * 1000)

/* The first wait for an answer on the private socket; it doubles. */
#define PING_TIMEOUT_MS 100

struct _ScSystemd
{
  const ScContext *ctx;
  gboolean running;
  const char *destination; /* NULL on the private socket: there are no bus names */
  GMainContext *context;
  GDBusConnection *connection;
  guint job_removed;   /* signal subscription, 0 if none */
  GHashTable *results; /* object path of a job -> its result, for jobs that ended since the last one was queued */
};

static GDBusConnection *
connect_to_bus (GCancellable *cancellable, GError **error)
{
  g_autofree char *address = g_dbus_address_get_for_bus_sync (G_BUS_TYPE_SYSTEM, cancellable, error);
  if (address == NULL)
    return NULL;
  return g_dbus_connection_new_for_address_sync (
      address, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION, NULL,
      cancellable, error);
}

/*
 * systemd reads what follows the end of the authentication together with it, if it is there already, and then sleeps
 * without having looked at it until something more arrives (seen with 252: a call that is sent at once is answered
 * when the next one comes).  So this sends until it is answered.
 */
static gboolean
wake_private (GDBusConnection *connection, GCancellable *cancellable, GError **error)
{
  for (int timeout = PING_TIMEOUT_MS;; timeout *= 2)
    {
      g_autoptr (GError) local = NULL;
      g_autoptr (GVariant) reply =
          g_dbus_connection_call_sync (connection, NULL, SYSTEMD_PATH, "org.freedesktop.DBus.Peer", "Ping", NULL,
                                       G_VARIANT_TYPE_UNIT, G_DBUS_CALL_FLAGS_NONE, timeout, cancellable, &local);
      if (reply != NULL)
        return TRUE;
      if (!g_error_matches (local, G_IO_ERROR, G_IO_ERROR_TIMED_OUT) || timeout >= CALL_TIMEOUT_MS)
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
    }
}

static gboolean
connect_systemd (ScSystemd *systemd, GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) bus_error = NULL;
  g_autoptr (GError) private_error = NULL;
  systemd->connection = connect_to_bus (cancellable, &bus_error);
  if (systemd->connection != NULL)
    {
      systemd->destination = SYSTEMD_NAME;
      return TRUE;
    }
  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;
  if (geteuid () != 0)
    return sc_fail (error, SC_ERROR_UNAVAILABLE, "systemd: cannot connect to the system bus: %s", bus_error->message);

  systemd->connection = g_dbus_connection_new_for_address_sync (
      SYSTEMD_PRIVATE, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT, NULL, cancellable, &private_error);
  if (systemd->connection != NULL && wake_private (systemd->connection, cancellable, &private_error))
    return TRUE;
  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;
  return sc_fail (error, SC_ERROR_UNAVAILABLE, "systemd: neither the system bus (%s) nor its private socket (%s)",
                  bus_error->message, private_error->message);
}

ScSystemd *
sc_systemd_new (const ScContext *ctx, GCancellable *cancellable, GError **error)
{
  g_autoptr (ScSystemd) systemd = g_new0 (ScSystemd, 1);
  systemd->ctx = ctx;
  systemd->running = ctx->root == NULL && g_file_test (SYSTEMD_RUNS_FLAG, G_FILE_TEST_IS_DIR);
  if (!systemd->running)
    return g_steal_pointer (&systemd);

  systemd->results = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  systemd->context = g_main_context_new ();
  g_main_context_push_thread_default (systemd->context);
  gboolean ok = connect_systemd (systemd, cancellable, error);
  g_main_context_pop_thread_default (systemd->context);
  return ok ? g_steal_pointer (&systemd) : NULL;
}

void
sc_systemd_free (ScSystemd *systemd)
{
  if (systemd == NULL)
    return;
  if (systemd->connection != NULL)
    {
      if (systemd->job_removed != 0)
        g_dbus_connection_signal_unsubscribe (systemd->connection, systemd->job_removed);
      /* An error means that the other side closed it first. */
      (void)g_dbus_connection_close_sync (systemd->connection, NULL, NULL);
      /* Queued deliveries hold references to the connection. */
      while (g_main_context_iteration (systemd->context, FALSE))
        ;
      g_object_unref (systemd->connection);
    }
  g_clear_pointer (&systemd->context, g_main_context_unref);
  g_clear_pointer (&systemd->results, g_hash_table_unref);
  g_free (systemd);
}

gboolean
sc_systemd_is_running (ScSystemd *systemd)
{
  return systemd->running;
}

/* -- calls -- */

/* TRUE if @error is the error @name of systemd. */
static gboolean
is_remote_error (const GError *error, const char *name)
{
  if (error == NULL || !g_dbus_error_is_remote_error (error))
    return FALSE;
  g_autofree char *remote = g_dbus_error_get_remote_error (error);
  return g_strcmp0 (remote, name) == 0;
}

static gboolean
is_no_such_unit (const GError *error)
{
  return is_remote_error (error, SYSTEMD_NAME ".NoSuchUnit")
         || g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_FILE_NOT_FOUND);
}

/* Hands on @local, which came from a call, as one of our errors; always FALSE. */
static gboolean
fail_call (GError **error, GError *local, const char *what)
{
  g_autoptr (GError) owned = local;
  ScError code = SC_ERROR_FAILED;
  if (g_error_matches (owned, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_propagate_error (error, g_steal_pointer (&owned));
      return FALSE;
    }
  if (is_no_such_unit (owned))
    code = SC_ERROR_NOT_FOUND;
  else if (g_error_matches (owned, G_DBUS_ERROR, G_DBUS_ERROR_ACCESS_DENIED)
           || g_error_matches (owned, G_DBUS_ERROR, G_DBUS_ERROR_AUTH_FAILED)
           || is_remote_error (owned, "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"))
    code = SC_ERROR_DENIED;
  else if (!g_dbus_error_is_remote_error (owned) || g_error_matches (owned, G_DBUS_ERROR, G_DBUS_ERROR_NO_REPLY)
           || g_error_matches (owned, G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN)
           || g_error_matches (owned, G_DBUS_ERROR, G_DBUS_ERROR_NAME_HAS_NO_OWNER)
           || g_error_matches (owned, G_DBUS_ERROR, G_DBUS_ERROR_DISCONNECTED)
           || g_error_matches (owned, G_DBUS_ERROR, G_DBUS_ERROR_NO_MEMORY)
           /* The machine is being stopped. */
           || is_remote_error (owned, SYSTEMD_NAME ".TransactionIsDestructive"))
    code = SC_ERROR_UNAVAILABLE;
  g_dbus_error_strip_remote_error (owned);
  return sc_fail (error, code, "systemd: %s: %s", what, owned->message);
}

/* Calls @method of @interface at @path. @parameters is floating. */
static GVariant *
call (ScSystemd *systemd, const char *path, const char *interface, const char *method, GVariant *parameters,
      const char *reply_type, GCancellable *cancellable, GError **error)
{
  return g_dbus_connection_call_sync (systemd->connection, systemd->destination, path, interface, method, parameters,
                                      G_VARIANT_TYPE (reply_type), G_DBUS_CALL_FLAGS_NONE, CALL_TIMEOUT_MS, cancellable,
                                      error);
}

static GVariant *
call_manager (ScSystemd *systemd, const char *method, GVariant *parameters, const char *reply_type,
              GCancellable *cancellable, GError **error)
{
  return call (systemd, SYSTEMD_PATH, SYSTEMD_MANAGER, method, parameters, reply_type, cancellable, error);
}

/* (transfer full) (nullable): of the manager; NULL where systemd is not running or does not say. */
static char *
system_state (ScSystemd *systemd, GCancellable *cancellable)
{
  g_autoptr (GVariant) reply = NULL, value = NULL;

  if (systemd->running)
    reply = call (systemd, SYSTEMD_PATH, "org.freedesktop.DBus.Properties", "Get",
                  g_variant_new ("(ss)", SYSTEMD_MANAGER, "SystemState"), "(v)", cancellable, NULL);
  if (reply != NULL)
    g_variant_get (reply, "(v)", &value);
  return value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_STRING) ? g_variant_dup_string (value, NULL)
                                                                              : NULL;
}

gboolean
sc_systemd_is_booting (ScSystemd *systemd, GCancellable *cancellable)
{
  g_autofree char *state = system_state (systemd, cancellable);

  return systemd->running && (state == NULL || g_str_equal (state, "initializing"));
}

gboolean
sc_systemd_is_stopping (ScSystemd *systemd)
{
  g_autofree char *state = system_state (systemd, NULL);

  return g_strcmp0 (state, "stopping") == 0;
}

gboolean
sc_systemd_reload (ScSystemd *systemd, GCancellable *cancellable, GError **error)
{
  if (!systemd->running)
    return TRUE;
  GError *local = NULL;
  g_autoptr (GVariant) reply = call_manager (systemd, "Reload", NULL, "()", cancellable, &local);
  return reply != NULL || fail_call (error, local, "reload");
}

gboolean
sc_systemd_enable (ScSystemd *systemd, const char *unit, GCancellable *cancellable, GError **error)
{
  if (!systemd->running)
    return sc_unit_links_enable (systemd->ctx, unit, error);
  if (!sc_unit_links_check_file (systemd->ctx, unit, error))
    return FALSE;
  const char *units[] = { unit, NULL };
  g_autofree char *what = g_strconcat ("enable ", unit, NULL);
  GError *local = NULL;
  /* With force, as links to a unit of this name elsewhere are to lead to this one. */
  g_autoptr (GVariant) reply = call_manager (systemd, "EnableUnitFiles", g_variant_new ("(^asbb)", units, FALSE, TRUE),
                                             "(ba(sss))", cancellable, &local);
  return reply != NULL || fail_call (error, local, what);
}

gboolean
sc_systemd_disable (ScSystemd *systemd, const char *unit, GCancellable *cancellable, GError **error)
{
  gboolean ours = FALSE;
  if (!sc_unit_links_are_of_file (systemd->ctx, unit, &ours, error))
    return FALSE;
  if (!ours)
    return TRUE;
  if (!systemd->running)
    return sc_unit_links_disable (systemd->ctx, unit, error);
  const char *units[] = { unit, NULL };
  g_autofree char *what = g_strconcat ("disable ", unit, NULL);
  GError *local = NULL;
  g_autoptr (GVariant) reply = call_manager (systemd, "DisableUnitFiles", g_variant_new ("(^asb)", units, FALSE),
                                             "(a(sss))", cancellable, &local);
  if (reply == NULL && !is_no_such_unit (local))
    return fail_call (error, local, what);
  g_clear_error (&local);
  return sc_unit_links_flush (systemd->ctx, error);
}

gboolean
sc_systemd_reset_failed (ScSystemd *systemd, const char *unit, GCancellable *cancellable, GError **error)
{
  if (!systemd->running)
    return TRUE;
  g_autofree char *what = g_strconcat ("reset-failed ", unit, NULL);
  GError *local = NULL;
  g_autoptr (GVariant) reply =
      call_manager (systemd, "ResetFailedUnit", g_variant_new ("(s)", unit), "()", cancellable, &local);
  if (reply == NULL && is_no_such_unit (local))
    {
      g_error_free (local);
      return TRUE;
    }
  return reply != NULL || fail_call (error, local, what);
}

/* @out_value: (transfer full) (nullable): the property @name of @unit, NULL if systemd does not have the unit. */
static gboolean
get_property_of (ScSystemd *systemd, const char *unit, const char *interface, const char *name, const char *type,
                 GVariant **out_value, GCancellable *cancellable, GError **error)
{
  g_autofree char *what = g_strconcat ("state of ", unit, NULL);
  GError *local = NULL;
  *out_value = NULL;
  /* GetUnit does not load: a unit that is not loaded is not active, and one that failed stays loaded. */
  g_autoptr (GVariant) found =
      call_manager (systemd, "GetUnit", g_variant_new ("(s)", unit), "(o)", cancellable, &local);
  if (found == NULL && is_no_such_unit (local))
    {
      g_error_free (local);
      return TRUE;
    }
  if (found == NULL)
    return fail_call (error, local, what);

  const char *path = NULL;
  g_variant_get (found, "(&o)", &path);
  g_autoptr (GVariant) reply = call (systemd, path, "org.freedesktop.DBus.Properties", "Get",
                                     g_variant_new ("(ss)", interface, name), "(v)", cancellable, &local);
  if (reply == NULL)
    return fail_call (error, local, what);
  g_autoptr (GVariant) value = NULL;
  g_variant_get (reply, "(v)", &value);
  if (!g_variant_is_of_type (value, G_VARIANT_TYPE (type)))
    return sc_fail (error, SC_ERROR_INVALID, "systemd: %s: %s is not of type '%s'", what, name, type);
  *out_value = g_steal_pointer (&value);
  return TRUE;
}

static gboolean
get_property (ScSystemd *systemd, const char *unit, const char *name, const char *type, GVariant **out_value,
              GCancellable *cancellable, GError **error)
{
  return get_property_of (systemd, unit, SYSTEMD_UNIT, name, type, out_value, cancellable, error);
}

/* Does the job @path start something? One that is done meanwhile does not any more. */
static gboolean
is_start (ScSystemd *systemd, const char *path, GCancellable *cancellable)
{
  g_autoptr (GVariant) reply =
      call (systemd, path, "org.freedesktop.DBus.Properties", "Get",
            g_variant_new ("(ss)", "org.freedesktop.systemd1.Job", "JobType"), "(v)", cancellable, NULL);
  g_autoptr (GVariant) value = NULL;
  const char *type;

  if (reply == NULL)
    return FALSE;
  g_variant_get (reply, "(v)", &value);
  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return FALSE;
  type = g_variant_get_string (value, NULL);
  return strcmp (type, "start") == 0 || strcmp (type, "restart") == 0;
}

/* Are there jobs that start a unit of @units? */
static gboolean
have_job (ScSystemd *systemd, const char *const *units, gboolean *out_have, GCancellable *cancellable, GError **error)
{
  for (*out_have = FALSE; *units != NULL && !*out_have; units++)
    {
      g_autoptr (GVariant) value = NULL;
      const char *job = NULL;
      guint32 id = 0;

      if (!get_property (systemd, *units, "Job", "(uo)", &value, cancellable, error))
        return FALSE;
      if (value != NULL)
        g_variant_get (value, "(u&o)", &id, &job);
      *out_have = id != 0 && is_start (systemd, job, cancellable);
    }
  return TRUE;
}

gboolean
sc_systemd_has_job (ScSystemd *systemd, const char *unit, gboolean *out_have, GCancellable *cancellable, GError **error)
{
  const char *units[] = { unit, NULL };
  *out_have = FALSE;
  return !systemd->running || have_job (systemd, units, out_have, cancellable, error);
}

gboolean
sc_systemd_start_if_wanted (ScSystemd *systemd, const char *unit, GCancellable *cancellable, GError **error)
{
  static const char *const properties[] = { "WantedBy", "RequiredBy" };
  g_autofree char *what = g_strconcat ("start ", unit, NULL);
  g_autoptr (GVariant) loaded = NULL, reply = NULL;
  gboolean wanted = FALSE;
  GError *local = NULL;

  if (!systemd->running)
    return TRUE;
  /* Enabling makes links, which are read by this. */
  if (!sc_systemd_reload (systemd, cancellable, error))
    return FALSE;
  loaded = call_manager (systemd, "LoadUnit", g_variant_new ("(s)", unit), "(o)", cancellable, &local);
  if (loaded == NULL)
    return fail_call (error, local, what);
  for (guint i = 0; i < G_N_ELEMENTS (properties) && !wanted; i++)
    {
      g_autoptr (GVariant) value = NULL;
      g_autofree const char **units = NULL;

      if (!get_property (systemd, unit, properties[i], "as", &value, cancellable, error))
        return FALSE;
      units = value != NULL ? g_variant_get_strv (value, NULL) : NULL;
      if (units != NULL && !have_job (systemd, units, &wanted, cancellable, error))
        return FALSE;
    }
  if (!wanted)
    return TRUE;
  reply = call_manager (systemd, "StartUnit", g_variant_new ("(ss)", unit, "replace"), "(o)", cancellable, &local);
  return reply != NULL || fail_call (error, local, what);
}

char *
sc_systemd_active_state (ScSystemd *systemd, const char *unit, GCancellable *cancellable, GError **error)
{
  g_autoptr (GVariant) value = NULL;
  if (systemd->running && !get_property (systemd, unit, "ActiveState", "s", &value, cancellable, error))
    return NULL;
  return value != NULL ? g_variant_dup_string (value, NULL) : g_strdup ("inactive");
}

gboolean
sc_systemd_active_since (ScSystemd *systemd, const char *unit, guint64 *out_usec, GCancellable *cancellable,
                         GError **error)
{
  g_autoptr (GVariant) value = NULL;
  if (systemd->running
      && !get_property (systemd, unit, "ActiveEnterTimestampMonotonic", "t", &value, cancellable, error))
    return FALSE;
  *out_usec = value != NULL ? g_variant_get_uint64 (value) : 0;
  return TRUE;
}

gboolean
sc_systemd_restarts (ScSystemd *systemd, const char *unit, guint *out_restarts, GCancellable *cancellable,
                     GError **error)
{
  g_autoptr (GVariant) value = NULL;
  if (systemd->running
      && !get_property_of (systemd, unit, SYSTEMD_SERVICE, "NRestarts", "u", &value, cancellable, error))
    return FALSE;
  *out_restarts = value != NULL ? g_variant_get_uint32 (value) : 0;
  return TRUE;
}

/* -- jobs -- */

static void
on_job_removed (GDBusConnection *connection, const char *sender, const char *path, const char *interface,
                const char *signal, GVariant *parameters, gpointer data)
{
  ScSystemd *systemd = data;
  const char *job = NULL;
  const char *result = NULL;
  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(uoss)")))
    return;
  g_variant_get (parameters, "(u&o&s&s)", NULL, &job, NULL, &result);
  g_hash_table_replace (systemd->results, g_strdup (job), g_strdup (result));
}

/* Asks for JobRemoved, once. */
static gboolean
subscribe (ScSystemd *systemd, GCancellable *cancellable, GError **error)
{
  if (systemd->job_removed != 0)
    return TRUE;
  GError *local = NULL;
  g_main_context_push_thread_default (systemd->context);
  systemd->job_removed =
      g_dbus_connection_signal_subscribe (systemd->connection, systemd->destination, SYSTEMD_MANAGER, "JobRemoved",
                                          SYSTEMD_PATH, NULL, G_DBUS_SIGNAL_FLAGS_NONE, on_job_removed, systemd, NULL);
  g_main_context_pop_thread_default (systemd->context);
  /* On the bus systemd says nothing until somebody asked it to. On the private socket it always does. */
  if (systemd->destination == NULL)
    return TRUE;
  g_autoptr (GVariant) reply = call_manager (systemd, "Subscribe", NULL, "()", cancellable, &local);
  if (reply != NULL)
    return TRUE;
  g_dbus_connection_signal_unsubscribe (systemd->connection, systemd->job_removed);
  systemd->job_removed = 0;
  return fail_call (error, local, "subscribe");
}

static void
on_cancelled (GCancellable *cancellable, gpointer context)
{
  g_main_context_wakeup (context);
}

/* Waits until @job is removed; (transfer none): its result. */
static const char *
wait_for_job (ScSystemd *systemd, const char *job, const char *what, GCancellable *cancellable, GError **error)
{
  /* Not a cancellable source: GLib 2.74 leaks one that is destroyed while another thread cancels. */
  gulong wake = 0;
  if (cancellable != NULL)
    wake = g_cancellable_connect (cancellable, G_CALLBACK (on_cancelled), systemd->context, NULL);
  const char *result = NULL;
  gboolean cancelled = g_cancellable_is_cancelled (cancellable);
  gboolean closed = FALSE;
  while ((result = g_hash_table_lookup (systemd->results, job)) == NULL && !cancelled && !closed)
    {
      g_main_context_iteration (systemd->context, TRUE);
      cancelled = g_cancellable_is_cancelled (cancellable);
      closed = g_dbus_connection_is_closed (systemd->connection);
    }
  g_cancellable_disconnect (cancellable, wake);
  if (result == NULL && g_cancellable_set_error_if_cancelled (cancellable, error))
    return NULL;
  if (result == NULL)
    return sc_fail_null (error, SC_ERROR_UNAVAILABLE, "systemd: %s: the connection was closed before the job ended",
                         what);
  return result;
}

static gboolean
run_job (ScSystemd *systemd, const char *verb, const char *method, const char *unit, GCancellable *cancellable,
         GError **error)
{
  g_autofree char *what = g_strdup_printf ("%s %s", verb, unit);
  if (!systemd->running)
    return sc_fail (error, SC_ERROR_UNAVAILABLE, "%s: systemd is not running", what);
  if (!subscribe (systemd, cancellable, error))
    return FALSE;

  GError *local = NULL;
  g_hash_table_remove_all (systemd->results);
  g_autoptr (GVariant) reply =
      call_manager (systemd, method, g_variant_new ("(ss)", unit, "replace"), "(o)", cancellable, &local);
  if (reply == NULL)
    return fail_call (error, local, what);
  const char *job = NULL;
  g_variant_get (reply, "(&o)", &job);
  const char *result = wait_for_job (systemd, job, what, cancellable, error);
  if (result == NULL)
    return FALSE;
  /* "skipped": a condition of the unit says that there is nothing to do, which systemctl takes for success too. */
  if (g_str_equal (result, "done") || g_str_equal (result, "skipped"))
    return TRUE;
  /* Somebody wanted something else of the unit meanwhile, which says nothing of the unit. */
  return sc_fail (error, g_str_equal (result, "canceled") ? SC_ERROR_UNAVAILABLE : SC_ERROR_FAILED,
                  "systemd: %s: the job ended with '%s', see 'journalctl -u %s'", what, result, unit);
}

gboolean
sc_systemd_start (ScSystemd *systemd, const char *unit, GCancellable *cancellable, GError **error)
{
  return run_job (systemd, "start", "StartUnit", unit, cancellable, error);
}

gboolean
sc_systemd_stop (ScSystemd *systemd, const char *unit, GCancellable *cancellable, GError **error)
{
  return run_job (systemd, "stop", "StopUnit", unit, cancellable, error);
}

gboolean
sc_systemd_restart (ScSystemd *systemd, const char *unit, GCancellable *cancellable, GError **error)
{
  return run_job (systemd, "restart", "RestartUnit", unit, cancellable, error);
}
