/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* unit: stop signals, the default unit, and values that would be more than text on their line. */
#include "unit.h"

#include <signal.h>
#include <string.h>

static void
test_stop_signal (void)
{
  g_autofree char *min3 = g_strdup_printf ("%d", SIGRTMIN + 3);
  g_autofree char *min = g_strdup_printf ("%d", SIGRTMIN);
  g_autofree char *max1 = g_strdup_printf ("%d", SIGRTMAX - 1);
  const struct
  {
    const char *text, *expected;
  } cases[] = {
    { NULL, "TERM" },       { "", "TERM" },
    { "SIGTERM", "TERM" },  { "INT", "INT" },
    { "SIGQUIT", "QUIT" },  { "15", "15" },
    { "64", "64" },         { "SIGRTMIN+3", min3 },
    { "RTMIN", min },       { "SIGRTMAX-1", max1 },
    { "0", NULL },          { "65", NULL },
    { "SIGNOTHING", NULL }, { "TERM; rm -rf /", NULL },
    { "sigterm", NULL },    { "SIGRTMIN+99", NULL },
    { "RTMIN-1", NULL },    { "RTMIN+", NULL },
    { "RTMAX+1", NULL },    { "SIG", NULL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *name = sc_unit_stop_signal (cases[i].text, &error);
      g_assert_cmpstr (name, ==, cases[i].expected);
      if (cases[i].expected == NULL)
        g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
    }
}

static GHashTable *
make_values (void)
{
  GHashTable *values = g_hash_table_new (g_str_hash, g_str_equal);
  static const char *const pairs[][2] = {
    { "NAME", "web" },
    { "IMAGE_NAME", "docker.io/x/web:latest" },
    { "DESTDIR", "/var/lib/100%/web.0" },
    { "EXEC_START", "/usr/bin/runc --systemd-cgroup run 'web'" },
    { "EXEC_STOP", "/usr/bin/runc --systemd-cgroup kill 'web'" },
    { "EXEC_STARTPRE", "/usr/bin/runc delete --force 'web'" },
    { "EXEC_STOPPOST", "/usr/bin/runc delete --force 'web'" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (pairs); i++)
    g_hash_table_insert (values, (char *)pairs[i][0], (char *)pairs[i][1]);
  return values;
}

static gboolean
has_line (const char *text, const char *line)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  return g_strv_contains ((const char *const *)lines, line);
}

static void
test_default (void)
{
  const ScExports exports = { 0 };
  const ScImageConfig image = { .stop_signal = (char *)"SIGQUIT" };
  g_autoptr (GHashTable) values = make_values ();
  g_autoptr (GError) error = NULL;
  g_autofree char *unit = NULL;

  g_assert_true (sc_unit_render (&exports, &image, values, &unit, &error));
  g_assert_no_error (error);
  g_assert_true (has_line (unit, "Description=web, container of docker.io/x/web:latest"));
  g_assert_true (has_line (unit, "WorkingDirectory=/var/lib/100%%/web.0"));
  g_assert_true (has_line (unit, "ExecStartPre=-/usr/bin/runc delete --force 'web'"));
  g_assert_true (has_line (unit, "ExecStart=/usr/bin/runc --systemd-cgroup run 'web'"));
  g_assert_true (has_line (unit, "ExecStopPost=-/usr/bin/runc delete --force 'web'"));
  g_assert_true (has_line (unit, "WantedBy=multi-user.target"));
  g_assert_nonnull (strstr (unit, "test -n '${MAINPID}' || exit 0; /usr/bin/runc --systemd-cgroup kill 'web' QUIT; "));
  g_assert_nonnull (strstr (unit, "|| /usr/bin/runc --systemd-cgroup kill 'web' KILL\"\n"));
  g_assert_null (strstr (unit, "atomic"));
}

static void
test_default_bad_signal (void)
{
  const ScExports exports = { 0 };
  const ScImageConfig image = { .stop_signal = (char *)"SIGTERM\nExecStartPre=/bin/evil" };
  g_autoptr (GHashTable) values = make_values ();
  g_autoptr (GError) error = NULL;
  g_autofree char *unit = NULL;

  g_assert_false (sc_unit_render (&exports, &image, values, &unit, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
}

static void
test_no_service (void)
{
  const ScExports exports = { .no_container_service = TRUE, .service_template = (char *)"$UNSET" };
  const ScImageConfig image = { 0 };
  g_autoptr (GHashTable) values = make_values ();
  g_autoptr (GError) error = NULL;
  g_autofree char *unit = NULL;

  g_assert_true (sc_unit_render (&exports, &image, values, &unit, &error));
  g_assert_null (unit);
}

static void
test_template (void)
{
  ScExports exports = { .service_template = (char *)"[Service]\nExecStart=$EXEC_START\nEnvironment=X=$X\n" };
  const ScImageConfig image = { .stop_signal = (char *)"nothing that matters here" };
  g_autoptr (GHashTable) values = make_values ();
  g_autoptr (GError) error = NULL;
  g_autofree char *unit = NULL;

  g_assert_false (sc_unit_render (&exports, &image, values, &unit, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_NOT_FOUND);
  g_clear_error (&error);

  g_hash_table_insert (values, (char *)"X", (char *)"a\nExecStartPre=/bin/evil");
  g_assert_false (sc_unit_render (&exports, &image, values, &unit, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
  g_assert_cmpstr (error->message, ==, "service.template: the value of variable 'X' has a control character (0x0a)");
  g_clear_error (&error);

  g_hash_table_insert (values, (char *)"X", (char *)"1");
  g_assert_true (sc_unit_render (&exports, &image, values, &unit, &error));
  g_assert_cmpstr (unit, ==, "[Service]\nExecStart=/usr/bin/runc --systemd-cgroup run 'web'\nEnvironment=X=1\n");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/unit/stop-signal", test_stop_signal);
  g_test_add_func ("/unit/default", test_default);
  g_test_add_func ("/unit/default-bad-signal", test_default_bad_signal);
  g_test_add_func ("/unit/no-service", test_no_service);
  g_test_add_func ("/unit/template", test_template);
  return g_test_run ();
}
