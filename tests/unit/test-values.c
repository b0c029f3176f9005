/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* values: who wins, what cannot be set, and the forms of the EXEC_ variables. */
#include "values.h"

#include <string.h>
#include <unistd.h>

typedef struct
{
  ScContext ctx;
  ScExports exports;
  ScValuesInput input;
  char *no_paths[1];
} Fixture;

static GHashTable *
new_table (void)
{
  return g_hash_table_new (g_str_hash, g_str_equal);
}

static void
setup (Fixture *f, gconstpointer data)
{
  f->ctx = (ScContext){ .run_dir = (char *)"/run",
                        .state_dir = (char *)"/var/lib",
                        .conf_dir = (char *)"/etc",
                        .program = (char *)"/usr/bin/atomic" };
  f->exports = (ScExports){ .default_values = new_table (),
                            .rename_files = new_table (),
                            .hostfs_templates = new_table (),
                            .installed_files_template = f->no_paths,
                            .config_template = (char *)"$PORT $NAME $RECEIVER $PIDFILE",
                            .service_template = (char *)"$EXEC_START" };
  f->input = (ScValuesInput){ .ctx = &f->ctx,
                              .name = "web",
                              .destdir = "/var/lib/containers/atomic/web.0",
                              .image_name = "docker.io/x/web:latest",
                              .image_id = "0123",
                              .runtime_path = "/usr/bin/runc",
                              .all_capabilities = "\"CAP_CHOWN\"" };
  g_hash_table_insert (f->exports.default_values, (char *)"PORT", (char *)"80");
  g_hash_table_insert (f->exports.default_values, (char *)"UNUSED", (char *)"u");
}

static void
teardown (Fixture *f, gconstpointer data)
{
  g_hash_table_unref (f->exports.default_values);
  g_hash_table_unref (f->exports.rename_files);
  g_hash_table_unref (f->exports.hostfs_templates);
}

static void
expect (GHashTable *values, const char *name, const char *value)
{
  g_assert_cmpstr (g_hash_table_lookup (values, name), ==, value);
}

static void
test_defaults (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GHashTable) values = sc_values_resolve (&f->input, &f->exports, &error);
  g_autofree char *uid = g_strdup_printf ("%u", getuid ()), *gid = g_strdup_printf ("%u", getgid ());
  const char *uuid;

  g_assert_no_error (error);
  expect (values, "NAME", "web");
  expect (values, "DESTDIR", "/var/lib/containers/atomic/web.0");
  expect (values, "IMAGE_NAME", "docker.io/x/web:latest");
  expect (values, "IMAGE_ID", "0123");
  expect (values, "HOST_UID", uid);
  expect (values, "HOST_GID", gid);
  expect (values, "EXEC_START", "/usr/bin/runc --systemd-cgroup run 'web'");
  expect (values, "EXEC_STOP", "/usr/bin/runc --systemd-cgroup kill 'web'");
  expect (values, "EXEC_STARTPRE", "/usr/bin/runc delete --force 'web'");
  expect (values, "EXEC_STOPPOST", "/usr/bin/runc delete --force 'web'");
  expect (values, "RUN_DIRECTORY", "/run");
  expect (values, "STATE_DIRECTORY", "/var/lib");
  expect (values, "CONF_DIRECTORY", "/etc");
  expect (values, "PIDFILE", "/run/container-web.pid");
  expect (values, "ALL_PROCESS_CAPABILITIES", "\"CAP_CHOWN\"");
  expect (values, "RUNTIME", "/usr/bin/runc");
  expect (values, "ATOMIC", "/usr/bin/atomic");
  expect (values, "PORT", "80");
  expect (values, "RECEIVER", NULL);
  uuid = g_hash_table_lookup (values, "UUID");
  g_assert_true (g_uuid_string_is_valid (uuid));
  g_assert_cmpint (uuid[14], ==, '4');
}

static void
test_detached (Fixture *f, gconstpointer data)
{
  const char *const set[] = { "PIDFILE=/run/x.pid", NULL };
  g_autoptr (GError) error = NULL;

  f->exports.service_template = (char *)"PIDFile=$PIDFILE\nExecStopPost=${EXEC_STOPPOST}\n";
  f->input.set = set;
  g_autoptr (GHashTable) values = sc_values_resolve (&f->input, &f->exports, &error);
  g_assert_no_error (error);
  expect (values, "EXEC_START", "/usr/bin/runc --systemd-cgroup run -d --pid-file /run/x.pid 'web'");
  expect (values, "EXEC_STOP", "/usr/bin/runc --systemd-cgroup kill 'web'");
  expect (values, "EXEC_STOPPOST", "/usr/bin/runc delete 'web'");
}

/* Only one of the two, or both but escaped, is not the detached form. */
static void
test_not_detached (Fixture *f, gconstpointer data)
{
  static const char *const templates[] = { "$PIDFILE $EXEC_START", "$EXEC_STOPPOST", "$PIDFILE $$EXEC_STOPPOST" };

  for (gsize i = 0; i < G_N_ELEMENTS (templates); i++)
    {
      g_autoptr (GError) error = NULL;
      f->exports.service_template = (char *)templates[i];
      g_autoptr (GHashTable) values = sc_values_resolve (&f->input, &f->exports, &error);
      g_assert_no_error (error);
      expect (values, "EXEC_START", "/usr/bin/runc --systemd-cgroup run 'web'");
    }
}

static void
test_precedence (Fixture *f, gconstpointer data)
{
  const char *const set[] = { "PORT=first", "PORT=a=b", "RUN_DIRECTORY=/run/user/0", "RECEIVER=", NULL };
  g_autoptr (GHashTable) previous = new_table ();
  g_autoptr (GError) error = NULL;

  g_hash_table_insert (f->exports.default_values, (char *)"CONF_DIRECTORY", (char *)"/default");
  g_hash_table_insert (f->exports.default_values, (char *)"NAME", (char *)"evil");
  g_hash_table_insert (previous, (char *)"PORT", (char *)"old");
  g_hash_table_insert (previous, (char *)"UNUSED", (char *)"kept");
  g_hash_table_insert (previous, (char *)"STATE_DIRECTORY", (char *)"/kept");
  g_hash_table_insert (previous, (char *)"UUID", (char *)"old-uuid");
  g_hash_table_insert (previous, (char *)"DESTDIR", (char *)"/old");
  g_hash_table_insert (previous, (char *)"EXEC_START", (char *)"old");
  f->input.set = set;
  f->input.previous = previous;
  g_autoptr (GHashTable) values = sc_values_resolve (&f->input, &f->exports, &error);
  g_assert_no_error (error);
  expect (values, "PORT", "a=b");
  expect (values, "RECEIVER", "");
  expect (values, "RUN_DIRECTORY", "/run/user/0");
  expect (values, "STATE_DIRECTORY", "/kept");
  expect (values, "CONF_DIRECTORY", "/etc");
  expect (values, "UNUSED", "kept");
  expect (values, "UUID", "old-uuid");
  expect (values, "DESTDIR", "/var/lib/containers/atomic/web.0");
  expect (values, "NAME", "web");
  expect (values, "EXEC_START", "/usr/bin/runc --systemd-cgroup run 'web'");
}

static void
test_refused (Fixture *f, gconstpointer data)
{
  static const struct
  {
    const char *set, *message;
  } cases[] = {
    { "PORT", "--set PORT: expected NAME=VALUE" },
    { "=x", "--set =x: '' is no name of a variable" },
    { "9X=x", "--set 9X=x: '9X' is no name of a variable" },
    { "P-T=x", "--set P-T=x: 'P-T' is no name of a variable" },
    { "NAME=x", "--set NAME: this variable is always set by the program" },
    { "EXEC_STOPPOST=x", "--set EXEC_STOPPOST: this variable is always set by the program" },
    { "PROT=x", "--set PROT: the image uses no such variable; it uses: PORT, RECEIVER, UNUSED" },
    { "PORT=\xff", "--set: an argument that is not UTF-8 text" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const char *const set[] = { cases[i].set, NULL };
      g_autoptr (GError) error = NULL;
      f->input.set = set;
      g_assert_null (sc_values_resolve (&f->input, &f->exports, &error));
      g_assert_error (error, SC_ERROR, SC_ERROR_USAGE);
      g_assert_cmpstr (error->message, ==, cases[i].message);
    }
}

static void
test_refused_without_variables (Fixture *f, gconstpointer data)
{
  const char *const set[] = { "X=1", NULL };
  g_autoptr (GError) error = NULL;

  g_hash_table_remove_all (f->exports.default_values);
  f->exports.config_template = NULL;
  f->input.set = set;
  g_assert_null (sc_values_resolve (&f->input, &f->exports, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_USAGE);
  g_assert_true (g_str_has_prefix (error->message, "--set X: the image has no variables of its own; "));
  g_assert_nonnull (strstr (error->message, "STATE_DIRECTORY"));
}

/* Variables in the targets of renameFiles count as used. */
static void
test_used_elsewhere (Fixture *f, gconstpointer data)
{
  const char *const set[] = { "TARGET=/x", NULL };
  g_autoptr (GError) error = NULL;

  g_hash_table_insert (f->exports.rename_files, (char *)"/etc/a", (char *)"$TARGET/a");
  f->input.set = set;
  g_autoptr (GHashTable) values = sc_values_resolve (&f->input, &f->exports, &error);
  g_assert_no_error (error);
  expect (values, "TARGET", "/x");
}

static void
test_runtime_path (Fixture *f, gconstpointer data)
{
  static const char *const paths[] = { "/opt/my runc", "/opt/run%c", "/opt/'runc'", "/opt/$runc", "/opt/a\nb" };

  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      g_autoptr (GError) error = NULL;
      f->input.runtime_path = paths[i];
      g_assert_null (sc_values_resolve (&f->input, &f->exports, &error));
      g_assert_error (error, SC_ERROR, SC_ERROR_USAGE);
    }
}

#define TEST(name, func) g_test_add ("/values/" name, Fixture, NULL, setup, func, teardown)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  TEST ("defaults", test_defaults);
  TEST ("detached", test_detached);
  TEST ("not-detached", test_not_detached);
  TEST ("precedence", test_precedence);
  TEST ("refused", test_refused);
  TEST ("refused-without-variables", test_refused_without_variables);
  TEST ("used-elsewhere", test_used_elsewhere);
  TEST ("runtime-path", test_runtime_path);
  return g_test_run ();
}
