/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/systemd in three settings: without systemd; beside a manager of our own that speaks over the private socket and
 * can misbehave; and, with SC_TEST_SYSTEMD=1 in a booted system that may be thrown away, the real one, over the bus
 * and over the private socket.
 */
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "fs.h"
#include "systemd.h"

#define NO_BUS "unix:path=/nonexistent/bus"

static void
write_file (const char *dir, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (dir, name, NULL);
  g_assert_cmpint (g_mkdir_with_parents (dir, 0755), ==, 0);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

#define assert_ok(call)                                                                                                \
  G_STMT_START                                                                                                         \
  {                                                                                                                    \
    g_autoptr (GError) error_ = NULL;                                                                                  \
    GError **error = &error_;                                                                                          \
    gboolean ok_ = (call);                                                                                             \
    g_assert_no_error (error_);                                                                                        \
    g_assert_true (ok_);                                                                                               \
  }                                                                                                                    \
  G_STMT_END

#define assert_fails(call, domain, code, text)                                                                         \
  G_STMT_START                                                                                                         \
  {                                                                                                                    \
    g_autoptr (GError) error_ = NULL;                                                                                  \
    GError **error = &error_;                                                                                          \
    g_assert_false (call);                                                                                             \
    g_assert_error (error_, domain, (int)code);                                                                        \
    g_test_message ("%s", error_->message);                                                                            \
    g_assert_nonnull (strstr (error_->message, text));                                                                 \
    g_assert_null (strchr (error_->message, '\n'));                                                                    \
  }                                                                                                                    \
  G_STMT_END

static void
assert_state (ScSystemd *systemd, const char *unit, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *state = sc_systemd_active_state (systemd, unit, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (state, ==, expected);
}

static ScSystemd *
new_systemd (const ScContext *ctx)
{
  g_autoptr (GError) error = NULL;
  ScSystemd *systemd = sc_systemd_new (ctx, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (systemd);
  return systemd;
}

/* -- without systemd -- */

static void
test_root (void)
{
  g_autofree char *root = g_dir_make_tmp ("test-systemd-XXXXXX", NULL);
  g_autofree char *units = g_build_filename (root, "etc/systemd/system", NULL);
  g_autofree char *link = g_build_filename (units, "multi-user.target.wants/a.service", NULL);
  ScContext ctx = { .root = root, .unit_dir = (char *)"/etc/systemd/system" };
  write_file (units, "a.service", "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n");
  /* Not even systemd running here makes it run there. */
  g_autoptr (ScSystemd) systemd = new_systemd (&ctx);
  g_assert_false (sc_systemd_is_running (systemd));

  assert_ok (sc_systemd_reload (systemd, NULL, error));
  assert_ok (sc_systemd_enable (systemd, "a.service", NULL, error));
  g_autofree char *target = g_file_read_link (link, NULL);
  g_assert_cmpstr (target, ==, "/etc/systemd/system/a.service");
  assert_ok (sc_systemd_disable (systemd, "a.service", NULL, error));
  g_assert_false (g_file_test (link, G_FILE_TEST_IS_SYMLINK));
  assert_ok (sc_systemd_disable (systemd, "nosuch.service", NULL, error));
  assert_fails (sc_systemd_enable (systemd, "nosuch.service", NULL, error), G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                "nosuch.service");

  assert_state (systemd, "a.service", "inactive");
  g_assert_false (sc_systemd_is_stopping (systemd));
  assert_ok (sc_systemd_reset_failed (systemd, "a.service", NULL, error));
  assert_ok (sc_systemd_start_if_wanted (systemd, "a.service", NULL, error));
  assert_fails (sc_systemd_start (systemd, "a.service", NULL, error), SC_ERROR, SC_ERROR_UNAVAILABLE,
                "start a.service: systemd is not running");
  assert_fails (sc_systemd_stop (systemd, "a.service", NULL, error), SC_ERROR, SC_ERROR_UNAVAILABLE,
                "stop a.service: systemd is not running");
  assert_fails (sc_systemd_restart (systemd, "a.service", NULL, error), SC_ERROR, SC_ERROR_UNAVAILABLE,
                "restart a.service: systemd is not running");
  g_assert_true (sc_fs_remove_tree_at (AT_FDCWD, root, NULL));
}

/* -- a manager of our own -- */

static const char fake_xml[] =
    "<node><interface name='org.freedesktop.systemd1.Manager'>"
    "<method name='Reload'/>"
    "<method name='StartUnit'><arg type='s' direction='in'/><arg type='s' direction='in'/>"
    "<arg type='o' direction='out'/></method>"
    "<method name='StopUnit'><arg type='s' direction='in'/><arg type='s' direction='in'/>"
    "<arg type='o' direction='out'/></method>"
    "<method name='GetUnit'><arg type='s' direction='in'/><arg type='o' direction='out'/></method>"
    "<method name='ResetFailedUnit'><arg type='s' direction='in'/></method>"
    "<method name='EnableUnitFiles'><arg type='as' direction='in'/><arg type='b' direction='in'/>"
    "<arg type='b' direction='in'/><arg type='b' direction='out'/><arg type='a(sss)' direction='out'/></method>"
    "<method name='DisableUnitFiles'><arg type='as' direction='in'/><arg type='b' direction='in'/>"
    "<arg type='a(sss)' direction='out'/></method>"
    "<property name='SystemState' type='s' access='read'/>"
    "<signal name='JobRemoved'><arg type='u'/><arg type='o'/><arg type='s'/><arg type='s'/></signal>"
    "</interface></node>";

typedef struct
{
  GMutex mutex; /* of the rest */
  GCond cond;
  gboolean ready;
  GMainLoop *loop;
  GDBusServer *server;
  GDBusNodeInfo *node;
  GPtrArray *connections;
  GString *calls;
  char *socket;
  const char *state; /* (nullable): of the system; NULL: it cannot be asked */
} Fake;

static void
emit_removed (GDBusConnection *connection, guint id, const char *unit, const char *result)
{
  g_autofree char *job = g_strdup_printf ("/org/freedesktop/systemd1/job/%u", id);
  g_dbus_connection_emit_signal (connection, NULL, "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
                                 "JobRemoved", g_variant_new ("(uoss)", id, job, unit, result), NULL);
}

/* The unit's name says what becomes of its job: BEFORE-done.service, AFTER-failed.service, NEVER.service, ... */
static void
fake_job (GDBusConnection *connection, const char *unit, GDBusMethodInvocation *invocation)
{
  g_auto (GStrv) words = g_strsplit_set (unit, "-.", 3);
  if (g_str_equal (words[0], "MISSING"))
    {
      g_dbus_method_invocation_return_dbus_error (invocation, "org.freedesktop.systemd1.NoSuchUnit",
                                                  "Unit MISSING.service not found.");
      return;
    }
  if (g_str_equal (words[0], "DENIED"))
    {
      g_dbus_method_invocation_return_dbus_error (invocation, "org.freedesktop.DBus.Error.AccessDenied",
                                                  "Permission denied");
      return;
    }
  if (g_str_equal (words[0], "SHUTDOWN"))
    {
      g_dbus_method_invocation_return_dbus_error (invocation, "org.freedesktop.systemd1.TransactionIsDestructive",
                                                  "Transaction is destructive.");
      return;
    }
  emit_removed (connection, 6, "another.service", "failed"); /* somebody else's */
  if (g_str_equal (words[0], "BEFORE"))
    emit_removed (connection, 7, unit, words[1]);
  g_dbus_method_invocation_return_value (invocation, g_variant_new ("(o)", "/org/freedesktop/systemd1/job/7"));
  emit_removed (connection, 8, "another.service", "done");
  if (g_str_equal (words[0], "AFTER"))
    emit_removed (connection, 7, unit, words[1]);
  g_dbus_connection_flush_sync (connection, NULL, NULL);
  if (g_str_equal (words[0], "CLOSE"))
    g_dbus_connection_close_sync (connection, NULL, NULL);
}

static void
on_call (GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *method,
         GVariant *parameters, GDBusMethodInvocation *invocation, gpointer data)
{
  Fake *fake = data;
  g_autofree char *text = g_variant_print (parameters, FALSE);
  g_mutex_lock (&fake->mutex);
  g_string_append_printf (fake->calls, "%s%s;", method, text);
  g_mutex_unlock (&fake->mutex);
  if (g_str_equal (method, "StartUnit") || g_str_equal (method, "StopUnit"))
    {
      const char *unit = NULL;
      g_variant_get (parameters, "(&s&s)", &unit, NULL);
      fake_job (connection, unit, invocation);
    }
  else if (g_str_equal (method, "Reload"))
    g_dbus_method_invocation_return_value (invocation, NULL);
  else if (g_str_equal (method, "EnableUnitFiles"))
    g_dbus_method_invocation_return_value (invocation, g_variant_new ("(ba(sss))", TRUE, NULL));
  else
    g_dbus_method_invocation_return_dbus_error (invocation, "org.freedesktop.systemd1.NoSuchUnit", "not loaded.");
}

static GVariant *
on_get (GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *name,
        GError **error, gpointer data)
{
  Fake *fake = data;
  g_mutex_lock (&fake->mutex);
  GVariant *value = fake->state != NULL ? g_variant_new_string (fake->state) : NULL;
  g_mutex_unlock (&fake->mutex);
  if (value == NULL)
    g_set_error (error, G_DBUS_ERROR, G_DBUS_ERROR_FAILED, "nothing is known");
  return value;
}

/* The first message after the authentication is not noticed, as with the real one now and then. */
static GDBusMessage *
overlook_first (GDBusConnection *connection, GDBusMessage *message, gboolean incoming, gpointer data)
{
  gboolean *overlooked = data;
  if (!incoming || *overlooked)
    return message;
  *overlooked = TRUE;
  g_object_unref (message);
  return NULL;
}

static gboolean
on_connection (GDBusServer *server, GDBusConnection *connection, gpointer data)
{
  static const GDBusInterfaceVTable vtable = { .method_call = on_call, .get_property = on_get };
  Fake *fake = data;
  g_ptr_array_add (fake->connections, g_object_ref (connection));
  g_dbus_connection_add_filter (connection, overlook_first, g_new0 (gboolean, 1), g_free);
  g_assert_cmpuint (g_dbus_connection_register_object (connection, "/org/freedesktop/systemd1",
                                                       fake->node->interfaces[0], &vtable, fake, NULL, NULL),
                    >, 0);
  return TRUE;
}

/* In the loop: one that does not run yet cannot be told to quit. */
static gboolean
on_loop_runs (gpointer data)
{
  Fake *fake = data;
  g_mutex_lock (&fake->mutex);
  fake->ready = TRUE;
  g_cond_signal (&fake->cond);
  g_mutex_unlock (&fake->mutex);
  return G_SOURCE_REMOVE;
}

static gpointer
fake_thread (gpointer data)
{
  Fake *fake = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autofree char *guid = g_dbus_generate_guid ();
  g_autofree char *address = g_strconcat ("unix:path=", fake->socket, NULL);
  g_main_context_push_thread_default (context);
  fake->server = g_dbus_server_new_sync (address, G_DBUS_SERVER_FLAGS_NONE, guid, NULL, NULL, &error);
  g_assert_no_error (error);
  g_signal_connect (fake->server, "new-connection", G_CALLBACK (on_connection), fake);
  g_dbus_server_start (fake->server);
  fake->loop = g_main_loop_new (context, FALSE);
  g_autoptr (GSource) idle = g_idle_source_new ();
  g_source_set_callback (idle, on_loop_runs, fake, NULL);
  g_source_attach (idle, context);
  g_main_loop_run (fake->loop);

  g_dbus_server_stop (fake->server);
  g_object_unref (fake->server);
  for (guint i = 0; i < fake->connections->len; i++)
    (void)g_dbus_connection_close_sync (fake->connections->pdata[i], NULL, NULL);
  g_ptr_array_unref (fake->connections);
  while (g_main_context_iteration (context, FALSE))
    ;
  g_main_context_pop_thread_default (context);
  return NULL;
}

/* A /run of our own with what systemd leaves there; FALSE: skip. */
static gboolean
own_run (void)
{
  static gboolean done;
  if (done)
    return TRUE;
  if (geteuid () != 0 || unshare (CLONE_NEWNS) < 0 || mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0
      || mount ("test", "/run", "tmpfs", 0, NULL) < 0)
    {
      g_test_skip ("a mount namespace is needed for a /run of its own");
      return FALSE;
    }
  g_assert_cmpint (g_mkdir_with_parents ("/run/systemd/system", 0755), ==, 0);
  done = TRUE;
  return TRUE;
}

typedef struct
{
  Fake fake;
  GThread *thread;
  ScContext ctx;
} FakeFixture;

static void
fake_setup (FakeFixture *f, gconstpointer data)
{
  if (!own_run ())
    return;
  f->fake.socket = g_strdup ("/run/systemd/private");
  (void)unlink (f->fake.socket);
  f->fake.node = g_dbus_node_info_new_for_xml (fake_xml, NULL);
  f->fake.connections = g_ptr_array_new_with_free_func (g_object_unref);
  f->fake.calls = g_string_new (NULL);
  f->ctx.unit_dir = (char *)"/run/units";
  g_mutex_init (&f->fake.mutex);
  g_cond_init (&f->fake.cond);
  f->thread = g_thread_new ("fake-systemd", fake_thread, &f->fake);
  g_mutex_lock (&f->fake.mutex);
  while (!f->fake.ready)
    g_cond_wait (&f->fake.cond, &f->fake.mutex);
  g_mutex_unlock (&f->fake.mutex);
}

static void
fake_teardown (FakeFixture *f, gconstpointer data)
{
  if (f->thread == NULL)
    return;
  g_main_loop_quit (f->fake.loop);
  g_thread_join (f->thread);
  g_main_loop_unref (f->fake.loop);
  g_dbus_node_info_unref (f->fake.node);
  g_string_free (f->fake.calls, TRUE);
  g_free (f->fake.socket);
  g_mutex_clear (&f->fake.mutex);
  g_cond_clear (&f->fake.cond);
}

static void
test_fake_jobs (FakeFixture *f, gconstpointer data)
{
  if (f->thread == NULL)
    return;
  g_autoptr (ScSystemd) systemd = new_systemd (&f->ctx);
  g_assert_true (sc_systemd_is_running (systemd));
  for (int i = 0; i < 2; i++) /* the same job again: an old result must not count */
    {
      assert_ok (sc_systemd_start (systemd, "BEFORE-done.service", NULL, error));
      assert_ok (sc_systemd_start (systemd, "AFTER-done.service", NULL, error));
      assert_ok (sc_systemd_stop (systemd, "AFTER-skipped.service", NULL, error));
      assert_fails (sc_systemd_start (systemd, "BEFORE-failed.service", NULL, error), SC_ERROR, SC_ERROR_FAILED,
                    "start BEFORE-failed.service: the job ended with 'failed'");
      assert_fails (sc_systemd_start (systemd, "AFTER-timeout.service", NULL, error), SC_ERROR, SC_ERROR_FAILED,
                    "start AFTER-timeout.service: the job ended with 'timeout'");
    }
  assert_fails (sc_systemd_start (systemd, "MISSING.service", NULL, error), SC_ERROR, SC_ERROR_NOT_FOUND,
                "systemd: start MISSING.service: Unit MISSING.service not found.");
  assert_fails (sc_systemd_start (systemd, "DENIED.service", NULL, error), SC_ERROR, SC_ERROR_DENIED,
                "systemd: start DENIED.service: Permission denied");
  /* Nothing that the unit could be blamed for. */
  assert_fails (sc_systemd_start (systemd, "SHUTDOWN.service", NULL, error), SC_ERROR, SC_ERROR_UNAVAILABLE,
                "systemd: start SHUTDOWN.service: Transaction is destructive.");
  assert_fails (sc_systemd_start (systemd, "AFTER-canceled.service", NULL, error), SC_ERROR, SC_ERROR_UNAVAILABLE,
                "start AFTER-canceled.service: the job ended with 'canceled'");
  /* The connection ends while we wait. */
  assert_fails (sc_systemd_stop (systemd, "CLOSE.service", NULL, error), SC_ERROR, SC_ERROR_UNAVAILABLE,
                "stop CLOSE.service: the connection was closed before the job ended");
  assert_fails (sc_systemd_reload (systemd, NULL, error), SC_ERROR, SC_ERROR_UNAVAILABLE, "systemd: reload: ");
}

static void
test_fake_calls (FakeFixture *f, gconstpointer data)
{
  if (f->thread == NULL)
    return;
  g_autoptr (ScSystemd) systemd = new_systemd (&f->ctx);
  g_assert_cmpint (g_mkdir_with_parents ("/run/units", 0755), ==, 0);
  assert_ok (sc_systemd_disable (systemd, "a.service", NULL, error)); /* there is none: it is not asked */
  write_file ("/run/units", "c.service", "[Install]\nAlias=a.service\n");
  write_file ("/run/units", "a.service", "[Install]\nAlias=b.service\n");
  assert_fails (sc_systemd_enable (systemd, "c.service", NULL, error), SC_ERROR, SC_ERROR_EXISTS,
                "enable c.service: /run/units/a.service exists and is not a link");
  assert_ok (sc_systemd_reload (systemd, NULL, error));
  assert_ok (sc_systemd_enable (systemd, "a.service", NULL, error));
  assert_ok (sc_systemd_disable (systemd, "a.service", NULL, error)); /* it answers NoSuchUnit */
  assert_ok (sc_systemd_reset_failed (systemd, "a.service", NULL, error));
  assert_state (systemd, "a.service", "inactive");
  assert_ok (sc_systemd_start (systemd, "AFTER-done.service", NULL, error));
  g_mutex_lock (&f->fake.mutex);
  g_assert_cmpstr (f->fake.calls->str, ==,
                   "Reload();EnableUnitFiles(['a.service'], false, true);DisableUnitFiles(['a.service'], false);"
                   "ResetFailedUnit('a.service',);GetUnit('a.service',);"
                   "StartUnit('AFTER-done.service', 'replace');");
  g_mutex_unlock (&f->fake.mutex);
}

static void
test_fake_state (FakeFixture *f, gconstpointer data)
{
  static const struct
  {
    const char *state;
    gboolean booting, stopping;
  } cases[] = { { "initializing", TRUE, FALSE },
                { "starting", FALSE, FALSE },
                { "running", FALSE, FALSE },
                { "stopping", FALSE, TRUE },
                { NULL, TRUE, FALSE } };
  if (f->thread == NULL)
    return;
  g_autoptr (ScSystemd) systemd = new_systemd (&f->ctx);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_mutex_lock (&f->fake.mutex);
      f->fake.state = cases[i].state;
      g_mutex_unlock (&f->fake.mutex);
      g_assert_cmpint (sc_systemd_is_booting (systemd, NULL), ==, cases[i].booting);
      g_assert_cmpint (sc_systemd_is_stopping (systemd), ==, cases[i].stopping);
    }
}

static gpointer
cancel_soon (gpointer data)
{
  g_usleep (100 * 1000);
  g_cancellable_cancel (data);
  return NULL;
}

static void
test_fake_cancel (FakeFixture *f, gconstpointer data)
{
  if (f->thread == NULL)
    return;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (ScSystemd) systemd = new_systemd (&f->ctx);
  GThread *thread = g_thread_new ("cancel", cancel_soon, cancellable);
  assert_fails (sc_systemd_start (systemd, "NEVER.service", cancellable, error), G_IO_ERROR, G_IO_ERROR_CANCELLED, "");
  g_thread_join (thread);
  /* It can still be used. */
  assert_ok (sc_systemd_start (systemd, "BEFORE-done.service", NULL, error));
}

static void
test_fake_unreachable (FakeFixture *f, gconstpointer data)
{
  if (f->thread == NULL)
    return;
  g_autoptr (GError) error = NULL;
  g_autoptr (GCancellable) cancelled = g_cancellable_new ();
  g_cancellable_cancel (cancelled);
  g_assert_null (sc_systemd_new (&f->ctx, cancelled, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_cmpint (rename (f->fake.socket, "/run/systemd/elsewhere"), ==, 0);
  g_assert_null (sc_systemd_new (&f->ctx, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_UNAVAILABLE);
  g_assert_true (g_str_has_prefix (error->message, "systemd: neither the system bus ("));
  g_assert_cmpint (rename ("/run/systemd/elsewhere", f->fake.socket), ==, 0);
}

/* -- the real one -- */

#define RUN_UNITS "/run/systemd/system"
#define ETC_UNITS "/etc/systemd/system"

typedef struct
{
  ScContext ctx;
  ScSystemd *systemd;
} RealFixture;

static void
real_setup (RealFixture *f, gconstpointer data)
{
  if (data != NULL)
    g_assert_true (g_setenv ("DBUS_SYSTEM_BUS_ADDRESS", data, TRUE));
  else
    {
      g_unsetenv ("DBUS_SYSTEM_BUS_ADDRESS");
      g_assert_true (g_file_test ("/run/dbus/system_bus_socket", G_FILE_TEST_EXISTS));
    }
  write_file (ETC_UNITS, "sc-test-ok.service",
              "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n"
              "[Install]\nWantedBy=sc-test.target\nAlias=sc-test-alias.service\n");
  write_file (ETC_UNITS, "sc-test-fail.service", "[Service]\nType=oneshot\nExecStart=/bin/false\n");
  write_file (ETC_UNITS, "sc-test-slow.service", "[Service]\nType=oneshot\nExecStart=/bin/sleep 1000\n");
  write_file (
      ETC_UNITS, "sc-test-needs.service",
      "[Unit]\nRequires=sc-test-fail.service\nAfter=sc-test-fail.service\n[Service]\nExecStart=/bin/sleep 1000\n");
  f->ctx.unit_dir = (char *)ETC_UNITS;
  f->systemd = new_systemd (&f->ctx);
  g_assert_true (sc_systemd_is_running (f->systemd));
  assert_ok (sc_systemd_reload (f->systemd, NULL, error));
}

static void
real_teardown (RealFixture *f, gconstpointer data)
{
  static const char *const units[] = { "sc-test-ok", "sc-test-fail", "sc-test-slow", "sc-test-needs" };
  for (gsize i = 0; i < G_N_ELEMENTS (units); i++)
    {
      g_autofree char *unit = g_strconcat (units[i], ".service", NULL);
      assert_ok (sc_systemd_stop (f->systemd, unit, NULL, error));
      assert_ok (sc_systemd_reset_failed (f->systemd, unit, NULL, error));
      g_autofree char *path = g_build_filename (ETC_UNITS, unit, NULL);
      g_assert_cmpint (unlink (path), ==, 0);
    }
  assert_ok (sc_systemd_reload (f->systemd, NULL, error));
  sc_systemd_free (f->systemd);
}

static void
test_real_start_stop (RealFixture *f, gconstpointer data)
{
  assert_state (f->systemd, "sc-test-ok.service", "inactive");
  assert_state (f->systemd, "sc-test-nosuch.service", "inactive");
  assert_ok (sc_systemd_start (f->systemd, "sc-test-ok.service", NULL, error));
  assert_state (f->systemd, "sc-test-ok.service", "active");
  assert_ok (sc_systemd_start (f->systemd, "sc-test-ok.service", NULL, error)); /* is active already */
  assert_ok (sc_systemd_restart (f->systemd, "sc-test-ok.service", NULL, error));
  assert_state (f->systemd, "sc-test-ok.service", "active");
  assert_ok (sc_systemd_stop (f->systemd, "sc-test-ok.service", NULL, error));
  assert_state (f->systemd, "sc-test-ok.service", "inactive");
}

static void
test_real_failures (RealFixture *f, gconstpointer data)
{
  assert_fails (sc_systemd_start (f->systemd, "sc-test-fail.service", NULL, error), SC_ERROR, SC_ERROR_FAILED,
                "start sc-test-fail.service: the job ended with 'failed'");
  assert_state (f->systemd, "sc-test-fail.service", "failed");
  assert_ok (sc_systemd_reset_failed (f->systemd, "sc-test-fail.service", NULL, error));
  assert_state (f->systemd, "sc-test-fail.service", "inactive");
  assert_ok (sc_systemd_reset_failed (f->systemd, "sc-test-nosuch.service", NULL, error));
  assert_fails (sc_systemd_start (f->systemd, "sc-test-needs.service", NULL, error), SC_ERROR, SC_ERROR_FAILED,
                "the job ended with 'dependency'");
  assert_fails (sc_systemd_start (f->systemd, "sc-test-nosuch.service", NULL, error), SC_ERROR, SC_ERROR_NOT_FOUND,
                "sc-test-nosuch.service");
  assert_fails (sc_systemd_stop (f->systemd, "sc-test-nosuch.service", NULL, error), SC_ERROR, SC_ERROR_NOT_FOUND,
                "sc-test-nosuch.service");
}

static void
test_real_cancel (RealFixture *f, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  GThread *thread = g_thread_new ("cancel", cancel_soon, cancellable);
  assert_fails (sc_systemd_start (f->systemd, "sc-test-slow.service", cancellable, error), G_IO_ERROR,
                G_IO_ERROR_CANCELLED, "");
  g_thread_join (thread);
  assert_state (f->systemd, "sc-test-slow.service", "activating");
  /* A job that another one replaces. */
  assert_ok (sc_systemd_stop (f->systemd, "sc-test-slow.service", NULL, error));
  assert_state (f->systemd, "sc-test-slow.service", "failed"); /* SIGTERM is no success for a oneshot service */
}

static void
test_real_enable (RealFixture *f, gconstpointer data)
{
  const char *wants = ETC_UNITS "/sc-test.target.wants/sc-test-ok.service";
  const char *alias = ETC_UNITS "/sc-test-alias.service";
  for (int i = 0; i < 2; i++)
    {
      assert_ok (sc_systemd_enable (f->systemd, "sc-test-ok.service", NULL, error));
      g_assert_true (g_file_test (wants, G_FILE_TEST_IS_SYMLINK));
      g_assert_true (g_file_test (alias, G_FILE_TEST_IS_SYMLINK));
    }
  for (int i = 0; i < 2; i++)
    {
      assert_ok (sc_systemd_disable (f->systemd, "sc-test-ok.service", NULL, error));
      g_assert_false (g_file_test (wants, G_FILE_TEST_IS_SYMLINK));
      g_assert_false (g_file_test (alias, G_FILE_TEST_IS_SYMLINK));
    }
  assert_ok (sc_systemd_enable (f->systemd, "sc-test-slow.service", NULL, error)); /* asks for nothing */
  assert_ok (sc_systemd_disable (f->systemd, "sc-test-nosuch.service", NULL, error));
  assert_fails (sc_systemd_enable (f->systemd, "sc-test-nosuch.service", NULL, error), SC_ERROR, SC_ERROR_NOT_FOUND,
                "enable sc-test-nosuch.service");
}

/* An uninstall that was interrupted: the unit is gone, its links are not. */
static void
test_real_disable_gone (RealFixture *f, gconstpointer data)
{
  const char *wants = ETC_UNITS "/sc-test.target.wants/sc-test-gone.service";
  write_file (ETC_UNITS, "sc-test-gone.service",
              "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=sc-test.target\n");
  assert_ok (sc_systemd_reload (f->systemd, NULL, error));
  assert_ok (sc_systemd_enable (f->systemd, "sc-test-gone.service", NULL, error));
  g_assert_true (g_file_test (wants, G_FILE_TEST_IS_SYMLINK));
  g_assert_cmpint (unlink (ETC_UNITS "/sc-test-gone.service"), ==, 0);
  assert_ok (sc_systemd_disable (f->systemd, "sc-test-gone.service", NULL, error));
  g_assert_false (g_file_test (wants, G_FILE_TEST_IS_SYMLINK));
}

static void
add_real (const char *how, const char *address)
{
  static const struct
  {
    const char *name;
    void (*func) (RealFixture *f, gconstpointer data);
  } tests[] = {
    { "start-stop", test_real_start_stop }, { "failures", test_real_failures },         { "cancel", test_real_cancel },
    { "enable", test_real_enable },         { "disable-gone", test_real_disable_gone },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (tests); i++)
    {
      g_autofree char *path = g_strdup_printf ("/systemd/%s/%s", how, tests[i].name);
      g_test_add (path, RealFixture, address, real_setup, tests[i].func, real_teardown);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/systemd/root", test_root);
  if (g_strcmp0 (g_getenv ("SC_TEST_SYSTEMD"), "1") == 0 && g_file_test (RUN_UNITS, G_FILE_TEST_IS_DIR))
    {
      add_real ("bus", NULL);
      add_real ("private", NO_BUS);
      return g_test_run ();
    }
  g_assert_true (g_setenv ("DBUS_SYSTEM_BUS_ADDRESS", NO_BUS, TRUE));
#define ADD_FAKE(path, func) g_test_add (path, FakeFixture, NULL, fake_setup, func, fake_teardown)
  ADD_FAKE ("/systemd/fake/jobs", test_fake_jobs);
  ADD_FAKE ("/systemd/fake/calls", test_fake_calls);
  ADD_FAKE ("/systemd/fake/state", test_fake_state);
  ADD_FAKE ("/systemd/fake/cancel", test_fake_cancel);
  ADD_FAKE ("/systemd/fake/unreachable", test_fake_unreachable);
  return g_test_run ();
}
