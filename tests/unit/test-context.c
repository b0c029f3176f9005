/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The context: built-in paths < atomic.conf < environment, and what is refused in each. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "context.h"
#include "fs.h"

static const char *const variables[] = { "ATOMIC_OSTREE_REPO",
                                         "ATOMIC_OSTREE_CHECKOUT_PATH",
                                         "RUNC_PATH",
                                         "HTTP_PROXY",
                                         "HTTPS_PROXY",
                                         "NO_PROXY",
                                         "DOCKER_HOST",
                                         "http_proxy",
                                         "https_proxy",
                                         "no_proxy",
                                         "CONTAINERS_REGISTRIES_CONF",
                                         "REGISTRY_AUTH_FILE",
                                         "DOCKER_CONFIG",
                                         "XDG_CONFIG_HOME",
                                         "XDG_CACHE_HOME",
                                         "XDG_RUNTIME_DIR" };

typedef struct
{
  char *root;
} Temp;

static void
temp_setup (Temp *t, gconstpointer data)
{
  for (gsize i = 0; i < G_N_ELEMENTS (variables); i++)
    g_unsetenv (variables[i]);
  t->root = g_dir_make_tmp ("test-context-XXXXXX", NULL);
  g_assert_nonnull (t->root);
}

static void
temp_teardown (Temp *t, gconstpointer data)
{
  for (gsize i = 0; i < G_N_ELEMENTS (variables); i++)
    g_unsetenv (variables[i]);
  g_assert_true (sc_fs_remove_tree_at (AT_FDCWD, t->root, NULL));
  g_free (t->root);
}

static void
write_conf (Temp *t, const char *text)
{
  g_autofree char *dir = g_build_filename (t->root, "etc", NULL);
  g_autofree char *path = g_build_filename (dir, "atomic.conf", NULL);

  g_assert_true (sc_fs_mkdir_p_at (AT_FDCWD, dir, 0755, NULL));
  g_assert_true (sc_fs_write_file_at (AT_FDCWD, path, text, strlen (text), 0644, NULL));
}

static ScContext *
load (Temp *t)
{
  g_autoptr (GError) error = NULL;
  ScContext *ctx = sc_context_new (t->root, &error);

  g_assert_no_error (error);
  return ctx;
}

static void
test_built_in (Temp *t, gconstpointer data)
{
  g_autoptr (ScContext) ctx = load (t);
  g_autofree char *exe = g_file_read_link ("/proc/self/exe", NULL);

  g_assert_cmpstr (ctx->root, ==, t->root);
  g_assert_cmpstr (ctx->checkouts, ==, "/var/lib/containers/atomic");
  g_assert_cmpstr (ctx->preinstalled, ==, "/usr/lib/containers/atomic");
  g_assert_null (ctx->repo);
  g_assert_cmpstr (ctx->unit_dir, ==, "/etc/systemd/system");
  g_assert_cmpstr (ctx->tmpfiles_dir, ==, "/etc/tmpfiles.d");
  g_assert_cmpstr (ctx->run_dir, ==, "/run");
  g_assert_cmpstr (ctx->state_dir, ==, "/var/lib");
  g_assert_cmpstr (ctx->conf_dir, ==, "/etc");
  g_assert_null (ctx->registry_confdir);
  g_assert_null (ctx->runtime);
  g_assert_null (ctx->http_proxy);
  g_assert_null (ctx->https_proxy);
  g_assert_null (ctx->no_proxy);
  g_assert_cmpuint (ctx->network_timeout, ==, 0);
  g_assert_cmpuint (ctx->deployments, ==, 2);
  g_assert_cmpuint (ctx->probation, ==, 5);
  g_assert_cmpstr (ctx->program, ==, exe);
  g_assert_false (ctx->debug);
}

#define CONF                                                                                                           \
  "# comment\n"                                                                                                        \
  "default_storage: ostree\n"                                                                                          \
  "ostree_repository: /conf/repo\n"                                                                                    \
  "checkout_path: '/conf/checkouts'\n"                                                                                 \
  "runtime: crun\n"                                                                                                    \
  "registry_confdir: /conf/registries.d\n"                                                                             \
  "http_proxy: \"http://conf:1\"\n"                                                                                    \
  "https_proxy: http://conf:2\n"                                                                                       \
  "network_timeout: 17\n"                                                                                              \
  "deployments: 4\n"                                                                                                   \
  "probation: 9\n"                                                                                                     \
  "no_proxy: conf.example\n"

static void
test_precedence (Temp *t, gconstpointer data)
{
  write_conf (t, CONF);
  g_autoptr (ScContext) conf = load (t);
  g_assert_cmpstr (conf->repo, ==, "/conf/repo");
  g_assert_cmpstr (conf->checkouts, ==, "/conf/checkouts");
  g_assert_cmpstr (conf->runtime, ==, "crun");
  g_assert_cmpstr (conf->registry_confdir, ==, "/conf/registries.d");
  g_assert_cmpstr (conf->http_proxy, ==, "http://conf:1");
  g_assert_cmpstr (conf->https_proxy, ==, "http://conf:2");
  g_assert_cmpstr (conf->no_proxy, ==, "conf.example");
  g_assert_cmpuint (conf->network_timeout, ==, 17);
  g_assert_cmpuint (conf->deployments, ==, 4);
  g_assert_cmpuint (conf->probation, ==, 9);

  g_setenv ("ATOMIC_OSTREE_REPO", "/env/repo", TRUE);
  g_setenv ("ATOMIC_OSTREE_CHECKOUT_PATH", "/env/checkouts", TRUE);
  g_setenv ("RUNC_PATH", "/env/runc", TRUE);
  g_setenv ("HTTP_PROXY", "http://env:1", TRUE);
  g_setenv ("HTTPS_PROXY", "http://env:2", TRUE);
  g_setenv ("NO_PROXY", "env.example", TRUE);
  g_autoptr (ScContext) env = load (t);
  g_assert_cmpstr (env->repo, ==, "/env/repo");
  g_assert_cmpstr (env->checkouts, ==, "/env/checkouts");
  g_assert_cmpstr (env->runtime, ==, "/env/runc");
  g_assert_cmpstr (env->http_proxy, ==, "http://env:1");
  g_assert_cmpstr (env->https_proxy, ==, "http://env:2");
  g_assert_cmpstr (env->no_proxy, ==, "env.example");

  g_assert_null (env->docker_host);
  g_setenv ("DOCKER_HOST", "unix:///env/docker.sock", TRUE);
  g_setenv ("http_proxy", "http://lower:1", TRUE);
  g_setenv ("https_proxy", "http://lower:2", TRUE);
  g_setenv ("no_proxy", "lower.example", TRUE);
  g_autoptr (ScContext) lower = load (t);
  g_assert_cmpstr (lower->http_proxy, ==, "http://lower:1");
  g_assert_cmpstr (lower->https_proxy, ==, "http://lower:2");
  g_assert_cmpstr (lower->no_proxy, ==, "lower.example");
  g_assert_cmpstr (lower->docker_host, ==, "unix:///env/docker.sock");
}

static void
test_empty_variables (Temp *t, gconstpointer data)
{
  write_conf (t, CONF);
  for (gsize i = 0; i < G_N_ELEMENTS (variables); i++)
    g_setenv (variables[i], "", TRUE);
  g_autoptr (ScContext) ctx = load (t);
  g_assert_cmpstr (ctx->repo, ==, "/conf/repo");
  g_assert_cmpstr (ctx->checkouts, ==, "/conf/checkouts");
  g_assert_cmpstr (ctx->runtime, ==, "crun");
  g_assert_null (ctx->http_proxy);
  g_assert_null (ctx->https_proxy);
  g_assert_null (ctx->no_proxy);
  g_assert_null (ctx->docker_host);
}

static void
test_tolerated (Temp *t, gconstpointer data)
{
  static const char *const rows[] = {
    "",
    "# only a comment\n",
    "---\n",
    "null\n",
    "{}\n",
    "default_storage:\nruntime: ~\nhttp_proxy: null\n",
    "default_scanner: x\nsigstores: [a, {b: c}]\n? [odd, key]\n: value\n",
    "http_proxy: ''\n",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      write_conf (t, rows[i]);
      g_autoptr (ScContext) ctx = load (t);
      g_assert_null (ctx->runtime);
      g_assert_null (ctx->http_proxy);
      g_assert_cmpstr (ctx->checkouts, ==, "/var/lib/containers/atomic");
    }
}

/* A typing error is told; what the original tool reads is none. */
static void
test_unknown_keys (Temp *t, gconstpointer data)
{
  write_conf (t, "default_docker: docker\nscanners: [a]\nruntim: runc\n");
  g_autoptr (ScContext) ctx = load (t);
  g_assert_cmpuint (ctx->notes->len, ==, 1);
  g_assert_cmpstr (ctx->notes->pdata[0], ==, "/etc/atomic.conf: line 3: nothing is called 'runtim'");
}

static void
test_tolerant (Temp *t, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  write_conf (t, "probation: soon\ncheckout_path: /srv/c\ndefault_storage: docker\n");
  g_autoptr (ScContext) ctx = sc_context_new_tolerant (t->root, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (ctx->checkouts, ==, "/srv/c");
  g_assert_cmpuint (ctx->probation, ==, 5);
  g_assert_cmpuint (ctx->notes->len, ==, 2);
  g_assert_nonnull (strstr (ctx->notes->pdata[0], "line 1: probation"));

  write_conf (t, "checkout_path: srv/c\n");
  g_assert_null (sc_context_new_tolerant (t->root, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
}

static void
test_conf_refused (Temp *t, gconstpointer data)
{
  static const struct
  {
    const char *text;
    ScError code;
    const char *expected;
  } rows[] = {
    { "network_timeout: 0\n", SC_ERROR_INVALID,
      "/etc/atomic.conf: line 1: network_timeout: '0' is not a number of seconds from 1 to 3600" },
    { "deployments: 101\n", SC_ERROR_INVALID,
      "/etc/atomic.conf: line 1: deployments: '101' is not a number from 1 to 100" },
    { "probation: -1\n", SC_ERROR_INVALID,
      "/etc/atomic.conf: line 1: probation: '-1' is not a number of seconds from 1 to 3600" },
    { "network_timeout: soon\n", SC_ERROR_INVALID,
      "/etc/atomic.conf: line 1: network_timeout: 'soon' is not a number of seconds from 1 to 3600" },
    { "default_storage: docker\n", SC_ERROR_UNSUPPORTED,
      "/etc/atomic.conf: line 1: default_storage: storage 'docker' is not supported, only 'ostree'" },
    { "# c\n\ncheckout_path: var/lib\n", SC_ERROR_INVALID,
      "/etc/atomic.conf: line 3: checkout_path: 'var/lib' is not an absolute path" },
    { "ostree_repository: ''\n", SC_ERROR_INVALID,
      "/etc/atomic.conf: line 1: ostree_repository: '' is not an absolute path" },
    { "runtime: bin/runc\n", SC_ERROR_INVALID,
      "/etc/atomic.conf: line 1: runtime: 'bin/runc' is neither a name nor an absolute path" },
    { "a: b\nruntime:\n  - runc\n  - crun\n", SC_ERROR_INVALID,
      "/etc/atomic.conf: line 2: runtime: expected a single value, found a list" },
    { "runtime: {a: b}\n", SC_ERROR_INVALID,
      "/etc/atomic.conf: line 1: runtime: expected a single value, found a mapping" },
    { "\n- list\n", SC_ERROR_INVALID, "/etc/atomic.conf: line 2: expected 'key: value' lines" },
    { "just text\n", SC_ERROR_INVALID, "/etc/atomic.conf: line 1: expected 'key: value' lines" },
    { "http_proxy: \"a\\0b\"\n", SC_ERROR_INVALID, "/etc/atomic.conf: line 1: http_proxy: the value holds a NUL byte" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;

      write_conf (t, rows[i].text);
      g_assert_null (sc_context_new (t->root, &error));
      g_assert_error (error, SC_ERROR, (int)rows[i].code);
      g_assert_cmpstr (error->message, ==, rows[i].expected);
    }
}

/* What libyaml itself refuses comes with its line too. */
static void
test_conf_malformed (Temp *t, gconstpointer data)
{
  static const struct
  {
    const char *text;
    const char *prefix;
  } rows[] = {
    { "a: b\n\tc: d\n", "/etc/atomic.conf: line 2: " }, { "a: [b\nc: d\n", "/etc/atomic.conf: line 2: " },
    { "a: *nobody\n", "/etc/atomic.conf: line 1: " },   { "a: \"open\n", "/etc/atomic.conf: line " },
    { "a: \xff\n", "/etc/atomic.conf: line " },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;

      write_conf (t, rows[i].text);
      g_assert_null (sc_context_new (t->root, &error));
      g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
      g_test_message ("%s", error->message);
      g_assert_true (g_str_has_prefix (error->message, rows[i].prefix));
    }
}

static void
test_conf_hostile (Temp *t, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *big = g_strnfill (2 * 1024 * 1024, '#');
  g_autofree char *deep = g_strnfill (10000, '[');
  /* Each line refers to the one before it nine times. */
  g_autoptr (GString) bomb = g_string_new ("a0: &a0 [x]\n");

  write_conf (t, big);
  g_assert_null (sc_context_new (t->root, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_LIMIT);
  g_assert_true (g_str_has_prefix (error->message, "/etc/atomic.conf: "));
  g_clear_error (&error);

  write_conf (t, deep);
  g_assert_null (sc_context_new (t->root, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
  g_clear_error (&error);

  for (int i = 1; i < 30; i++)
    {
      g_string_append_printf (bomb, "a%d: &a%d [", i, i);
      for (int k = 0; k < 9; k++)
        g_string_append_printf (bomb, "*a%d,", i - 1);
      g_string_append (bomb, "]\n");
    }
  g_string_append (bomb, "runtime: crun\n");
  write_conf (t, bomb->str);
  g_autoptr (ScContext) ctx = load (t);
  g_assert_cmpstr (ctx->runtime, ==, "crun");
}

/* A link to an absolute path stays inside the root; a directory is an error and not "no file". */
static void
test_conf_file_types (Temp *t, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *etc = g_build_filename (t->root, "etc", NULL);
  g_autofree char *real = g_build_filename (etc, "real.conf", NULL);
  g_autofree char *conf = g_build_filename (etc, "atomic.conf", NULL);

  g_assert_true (sc_fs_mkdir_p_at (AT_FDCWD, etc, 0755, NULL));
  g_assert_true (sc_fs_write_file_at (AT_FDCWD, real, "runtime: crun\n", 14, 0644, NULL));
  g_assert_cmpint (symlink ("/etc/real.conf", conf), ==, 0);
  g_autoptr (ScContext) linked = load (t);
  g_assert_cmpstr (linked->runtime, ==, "crun");

  g_assert_cmpint (unlink (conf), ==, 0);
  g_assert_cmpint (mkdir (conf, 0755), ==, 0);
  g_assert_null (sc_context_new (t->root, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
  g_assert_cmpstr (error->message, ==, "/etc/atomic.conf: not a regular file");
}

static void
test_environment_refused (Temp *t, gconstpointer data)
{
  static const char *const paths[] = { "ATOMIC_OSTREE_REPO", "ATOMIC_OSTREE_CHECKOUT_PATH", "RUNC_PATH" };

  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      g_autoptr (GError) error = NULL;

      g_setenv (paths[i], "relative/path", TRUE);
      g_assert_null (sc_context_new (t->root, &error));
      g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
      g_assert_nonnull (strstr (error->message, paths[i]));
      g_assert_nonnull (strstr (error->message, "'relative/path'"));
      g_unsetenv (paths[i]);
    }
}

static void
test_root (Temp *t, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *file = g_build_filename (t->root, "file", NULL);
  g_autofree char *absent = g_build_filename (t->root, "absent", NULL);
  g_autofree char *odd = g_strdup_printf ("/%s/./x/../", t->root);
  struct stat a, b;

  g_assert_null (sc_context_new (absent, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, absent));
  g_clear_error (&error);
  g_assert_true (sc_fs_write_file_at (AT_FDCWD, file, "", 0, 0644, NULL));
  g_assert_null (sc_context_new (file, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_DIRECTORY);
  g_clear_error (&error);

  g_autoptr (ScContext) ctx = sc_context_new (odd, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (ctx->root, ==, t->root);
  g_autofree char *path = sc_context_path (ctx, "/etc/x");
  g_autofree char *expected = g_strconcat (t->root, "/etc/x", NULL);
  g_assert_cmpstr (path, ==, expected);
  SC_AUTOFD int fd = sc_context_open_root (ctx, &error);
  g_assert_no_error (error);
  g_assert_true (fstat (fd, &a) == 0 && stat (t->root, &b) == 0);
  g_assert_true (a.st_dev == b.st_dev && a.st_ino == b.st_ino);
}

/* "/", however it is written, is no root at all.  Fails where this machine's own atomic.conf is malformed. */
static void
test_root_slash (Temp *t, gconstpointer data)
{
  static const char *const rows[] = { NULL, "/", "//", "///", "/..", "/tmp/.." };
  struct stat a, b;

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (ScContext) ctx = sc_context_new (rows[i], &error);

      g_assert_no_error (error);
      g_assert_null (ctx->root);
      g_autofree char *path = sc_context_path (ctx, "/etc/x");
      g_assert_cmpstr (path, ==, "/etc/x");
      SC_AUTOFD int fd = sc_context_open_root (ctx, &error);
      g_assert_true (fstat (fd, &a) == 0 && stat ("/", &b) == 0);
      g_assert_true (a.st_dev == b.st_dev && a.st_ino == b.st_ino);
    }
}

/* Where other tools look for the configuration of registries. */
static void
test_tools (Temp *t, gconstpointer data)
{
  g_autoptr (ScContext) none = load (t);

  g_assert_null (none->registries_conf);
  g_assert_null (none->auth_file);
  g_assert_null (none->docker_config);
  g_assert_null (none->user_config);
  g_assert_null (none->user_cache);
  g_assert_null (none->user_runtime);
  g_setenv ("CONTAINERS_REGISTRIES_CONF", "/c/registries.conf", TRUE);
  g_setenv ("REGISTRY_AUTH_FILE", "/c/auth.json", TRUE);
  g_setenv ("DOCKER_CONFIG", "/c/docker", TRUE);
  g_setenv ("XDG_CONFIG_HOME", "/c/config", TRUE);
  g_setenv ("XDG_CACHE_HOME", "/c/cache", TRUE);
  g_setenv ("XDG_RUNTIME_DIR", "/c/run", TRUE);
  g_autoptr (ScContext) all = load (t);
  g_assert_cmpstr (all->registries_conf, ==, "/c/registries.conf");
  g_assert_cmpstr (all->auth_file, ==, "/c/auth.json");
  g_assert_cmpstr (all->docker_config, ==, "/c/docker");
  g_assert_cmpstr (all->user_config, ==, "/c/config");
  g_assert_cmpstr (all->user_cache, ==, "/c/cache");
  g_assert_cmpstr (all->user_runtime, ==, "/c/run");

  /* A relative base directory counts as none; a relative file is a mistake. */
  g_setenv ("XDG_CONFIG_HOME", "config", TRUE);
  g_autoptr (ScContext) relative = load (t);
  g_assert_null (relative->user_config);
  g_autoptr (GError) error = NULL;
  g_setenv ("REGISTRY_AUTH_FILE", "auth.json", TRUE);
  g_assert_null (sc_context_new (t->root, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
  g_assert_cmpstr (error->message, ==, "environment variable REGISTRY_AUTH_FILE: 'auth.json' is not an absolute path");
}

#define ADD(path, func) g_test_add (path, Temp, NULL, temp_setup, func, temp_teardown)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/context/built-in", test_built_in);
  ADD ("/context/precedence", test_precedence);
  ADD ("/context/empty-variables", test_empty_variables);
  ADD ("/context/tolerated", test_tolerated);
  ADD ("/context/unknown-keys", test_unknown_keys);
  ADD ("/context/tolerant", test_tolerant);
  ADD ("/context/conf-refused", test_conf_refused);
  ADD ("/context/conf-malformed", test_conf_malformed);
  ADD ("/context/conf-hostile", test_conf_hostile);
  ADD ("/context/conf-file-types", test_conf_file_types);
  ADD ("/context/environment-refused", test_environment_refused);
  ADD ("/context/tools", test_tools);
  ADD ("/context/root", test_root);
  ADD ("/context/root-slash", test_root_slash);
  return g_test_run ();
}
