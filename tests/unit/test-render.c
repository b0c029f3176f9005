/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* render: what is made of an image's templates or without them, whom an error blames, and published templates. */
#include "render.h"

#include "config-json.h"
#include "json.h"
#include "root-fixture.h"
#include "values.h"

typedef struct
{
  Root root, host;
  ScContext ctx;
} Fixture;

static void
setup (Fixture *f, gconstpointer data)
{
  root_init (&f->root);
  root_init (&f->host);
  f->ctx = (ScContext){ .run_dir = (char *)"/run",
                        .state_dir = (char *)"/var/lib",
                        .conf_dir = (char *)"/etc",
                        .checkouts = (char *)"/var/lib/containers/atomic",
                        .preinstalled = (char *)"/usr/lib/containers/atomic",
                        .unit_dir = (char *)"/etc/systemd/system",
                        .tmpfiles_dir = (char *)"/etc/tmpfiles.d",
                        .program = (char *)"/usr/bin/atomic" };
}

static void
teardown (Fixture *f, gconstpointer data)
{
  root_clear (&f->root);
  root_clear (&f->host);
}

static ScRendered *
render (Fixture *f, const char *name, const char *image_config, const char *const *set, GError **error)
{
  g_autofree char *text = g_strdup_printf ("{\"architecture\": \"amd64\", \"os\": \"linux\", \"config\": %s,"
                                           " \"rootfs\": {\"type\": \"layers\", \"diff_ids\": []}}",
                                           image_config);
  g_autoptr (GBytes) raw = g_bytes_new (text, strlen (text));
  g_autoptr (GError) bad = NULL;
  g_autoptr (ScImageConfig) image = sc_image_config_parse (raw, &bad);
  g_autoptr (ScExports) exports = sc_exports_load (f->root.fd, &bad);
  g_autofree char *capabilities = sc_capabilities_all ();
  g_autoptr (GHashTable) values = NULL;
  g_autoptr (ScHostPlan) host = NULL;

  g_assert_no_error (bad);
  values = sc_values_resolve (&(ScValuesInput){ .ctx = &f->ctx,
                                                .name = name,
                                                .destdir = "/tmp",
                                                .image_name = "docker.io/x/y:latest",
                                                .image_id = "0",
                                                .runtime_path = "/bin/true",
                                                .set = set,
                                                .all_capabilities = capabilities },
                              exports, &bad);
  g_assert_no_error (bad);
  host = sc_host_plan_new (
      &(ScHostPlanInput){ .ctx = &f->ctx, .name = name, .rootfs = f->root.fd, .exports = exports, .values = values },
      &bad);
  g_assert_no_error (bad);
  return sc_render (&(ScRenderInput){ .exports = exports,
                                      .image = image,
                                      .values = values,
                                      .rootfs = f->root.fd,
                                      .host_root = f->host.fd,
                                      .host = host },
                    error);
}

static void
check_config (const ScRendered *rendered)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = sc_json_parse ("config.json", rendered->config, strlen (rendered->config), &error);

  g_assert_no_error (error);
  g_assert_true (sc_config_validate (node, NULL, &error));
  g_assert_no_error (error);
}

#define GOOD "\"root\": {\"path\": \"rootfs\", \"readonly\": true}, \"process\": {\"args\": [\"/a\"], \"cwd\": \"/\"}"

static void
test_default (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  root_add (&f->root, "etc/passwd", "web:x:101:102::/:\n");
  root_add (&f->host, "var/lib/web/there", NULL);
  g_autoptr (ScRendered) rendered = render (
      f, "web", "{\"Cmd\": [\"/a\"], \"User\": \"web\", \"Volumes\": {\"/there\": {}, \"/d a\": {}}}", NULL, &error);
  g_assert_no_error (error);
  check_config (rendered);
  g_assert_true (rendered->default_config);
  g_assert_cmpstr (rendered->tmpfiles, ==, "d \"/var/lib/web/d a\" 0700 101 102 - -\n");
  g_assert_nonnull (strstr (rendered->unit, "ExecStart=/bin/true --systemd-cgroup run 'web'\n"));
  g_assert_cmpuint (rendered->notes->len, ==, 0);
}

static void
test_default_without_binds (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ScRendered) rendered = render (f, "web", "{\"Cmd\": [\"/a\"]}", NULL, &error);

  g_assert_no_error (error);
  g_assert_null (rendered->tmpfiles);
}

static void
test_config_as_it_is (Fixture *f, gconstpointer data)
{
  static const char text[] = "{ " GOOD ",\n \"dollar\": \"$UNSET\"}";
  g_autoptr (GError) error = NULL;

  root_add (&f->root, "exports/config.json", text);
  root_add (&f->root, "exports/config.json.template", "$UNSET");
  root_add (&f->root, "exports/manifest.json", "{\"noContainerService\": true}");
  g_autoptr (ScRendered) rendered = render (f, "web", "{}", NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (rendered->config, ==, text);
  g_assert_null (rendered->unit);
  g_assert_null (rendered->tmpfiles);
  g_assert_false (rendered->default_config);
}

/* The parser complains somewhere; the message has to name the variable that is at fault. */
static void
test_blame (Fixture *f, gconstpointer data)
{
  static const struct
  {
    const char *template, *set, *blamed;
  } cases[] = {
    { "{\"m\": \"$MSG\", \"o\": \"$OTHER\"}", "MSG=say \"hi\"", "(value of variable 'MSG')" },
    /* One quote only: everything behind it reads inside out, and the parser stumbles next to $OTHER or at the end. */
    { "{\"m\": \"$MSG\", \"o\": \"$OTHER\"}", "MSG=5\" disk", "(value of variable 'MSG')" },
    { "{\"m\": \"$MSG\", \"o\": \"$OTHER\"}", "MSG=\\", "(value of variable 'MSG')" },
    { "{\"m\": \"$MSG\",\n\"n\": 1,\n\"o\": \"$OTHER\"}", "MSG=a\nb", "(value of variable 'MSG')" },
    { "{\"m\": \"$OTHER\",\n\"p\": $MSG}", "MSG=", "(value of variable 'MSG')" },
    { "{\"m\": \"$OTHER\",\n\"p\": $MSG}", "MSG=word", "(value of variable 'MSG')" },
    { "{\"m\": [{} $MSG],\n\"p\": \"$OTHER\"}", "MSG={}", "(value of variable 'MSG')" },
    { "{\"m\": [{} $MSG],\n\"p\": \"$OTHER\"}", "MSG=,{", "(value of variable 'MSG')" },
    { "{$MSG, \"p\": \"$OTHER\"}", "MSG=\"a\" 1", "(value of variable 'MSG')" },
    { "{\"o\": \"$OTHER\", \"m\": \"$MSG $MSG\"}", "MSG=\"", "(value of variable 'MSG')" },
    /* Not the fault of one value: both are wrong, or the template is. */
    { "{\"m\": \"$MSG\", \"o\": $OTHER }", "MSG=a\"b", "(near the value of variable 'MSG')" },
    { "{\"m\": \"$MSG\" \"o\": 1}", "MSG=x", "(near the value of variable 'MSG')" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const char *const set[] = { cases[i].set, "OTHER=o", NULL };
      g_autoptr (GError) error = NULL;

      root_add (&f->root, "exports/config.json.template", cases[i].template);
      root_add (&f->root, "exports/tmpfiles.template", "$MSG $OTHER");
      g_autoptr (ScRendered) rendered = render (f, "web", "{}", set, &error);
      g_assert_null (rendered);
      g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
      g_test_message ("%s", error->message);
      g_assert_true (g_str_has_prefix (error->message, "config.json.template: line "));
      g_assert_true (g_str_has_suffix (error->message, cases[i].blamed));
      g_assert_null (strchr (error->message, '\n'));
    }
}

/* A template that is wrong without any value, and one with more variables than are worth trying. */
static void
test_blame_nobody (Fixture *f, gconstpointer data)
{
  g_autoptr (GString) many = g_string_new ("{ \"a\" \n");
  g_autoptr (GString) defaults = g_string_new ("{\"defaultValues\": {\"V\": \"\"");

  for (int i = 0; i < 2000; i++)
    {
      g_string_append_printf (many, "$V%d", i);
      g_string_append_printf (defaults, ", \"V%d\": \"\"", i);
    }
  g_string_append (defaults, "}}");
  g_string_append (many, "\n}");
  root_add (&f->root, "exports/manifest.json", defaults->str);
  const char *const templates[] = { "{ \"a\" }", many->str };
  for (gsize i = 0; i < G_N_ELEMENTS (templates); i++)
    {
      g_autoptr (GError) error = NULL;
      root_add (&f->root, "exports/config.json.template", templates[i]);
      g_assert_null (render (f, "web", "{}", NULL, &error));
      g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
      g_assert_true (g_str_has_prefix (error->message, "config.json.template: line "));
      g_assert_null (strstr (error->message, "(value of"));
    }
}

static void
test_fragment (Fixture *f, gconstpointer data)
{
  const char *const set[] = { "MORE=,{\"destination\": \"/m\", \"type\": \"bind\", \"source\": \"/srv/m\"}", NULL };
  g_autoptr (GError) error = NULL;

  root_add (&f->root, "exports/config.json.template",
            "{" GOOD ", \"mounts\": [{\"destination\": \"/t\", \"type\": \"tmpfs\"} $MORE]}");
  g_autoptr (ScRendered) rendered = render (f, "web", "{}", set, &error);
  g_assert_no_error (error);
  g_autofree char *line = g_strdup_printf ("d /srv/m 0700 %u %u - -\n", getuid (), getgid ());
  g_assert_cmpstr (rendered->tmpfiles, ==, line);
}

/* Valid JSON that must not be installed, and unset variables: nothing of it comes out. */
static void
test_refused (Fixture *f, gconstpointer data)
{
  static const struct
  {
    const char *file, *text;
    int code;
    const char *message;
  } cases[] = {
    { "config.json.template", "{}", SC_ERROR_INVALID, "config.json: root: missing, expected an object" },
    { "config.json.template", "{\"a\": \"$X\"}", SC_ERROR_NOT_FOUND,
      "The template file 'config.json.template' still contains an unreplaced value for: 'X'" },
    { "service.template", "A=$X", SC_ERROR_NOT_FOUND,
      "The template file 'service.template' still contains an unreplaced value for: 'X'" },
    { "tmpfiles.template", "d ${X}", SC_ERROR_NOT_FOUND,
      "The template file 'tmpfiles.template' still contains an unreplaced value for: 'X'" },
    { "tmpfiles.template", "d $D", SC_ERROR_INVALID,
      "tmpfiles.template: the value of variable 'D' has a control character (0x0a)" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Root) root = { 0 };
      g_autoptr (GError) error = NULL;
      g_autofree char *path = g_strconcat ("exports/", cases[i].file, NULL);
      Root saved = f->root;

      root_init (&root);
      f->root = root;
      root_add (&root, "exports/manifest.json", "{\"defaultValues\": {\"D\": \"a\\nb\"}}");
      root_add (&root, path, cases[i].text);
      g_assert_null (render (f, "web", "{\"Cmd\": [\"a\"]}", NULL, &error));
      f->root = saved;
      g_assert_error (error, SC_ERROR, cases[i].code);
      g_assert_cmpstr (error->message, ==, cases[i].message);
    }
}

static void
test_notes (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  root_add (&f->host, "srv/there", NULL);
  root_add (&f->root, "exports/config.json.template",
            "{" GOOD ", \"mounts\": ["
            "{\"destination\": \"/1\", \"type\": \"bind\", \"source\": \"/srv/there\"},"
            "{\"destination\": \"/2\", \"type\": \"bind\", \"source\": \"/srv/gone/\"},"
            "{\"destination\": \"/3\", \"type\": \"bind\", \"source\": \"/run/$NAME\"},"
            "{\"destination\": \"/4\", \"type\": \"bind\", \"source\": \"/etc/$NAME\"}]}");
  root_add (&f->root, "exports/tmpfiles.template", "d /run/$NAME\n");
  root_add (&f->root, "exports/hostfs/etc/c", "x");
  root_add (&f->root, "exports/manifest.json", "{\"renameFiles\": {\"/etc/c\": \"$CONF_DIRECTORY/$NAME/c\"}}");
  g_autoptr (ScRendered) rendered = render (f, "web", "{}", NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (rendered->notes->len, ==, 1);
  g_assert_cmpstr (rendered->notes->pdata[0], ==, "bind source '/srv/gone' does not exist on this host");
  g_assert_cmpstr (rendered->tmpfiles, ==, "d /run/web\n");
}

/* What belongs to the kernel is not for tmpfiles to make. */
static void
test_kernel_sources (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  root_add (&f->root, "exports/config.json",
            "{" GOOD ", \"mounts\": [{\"destination\": \"/1\", \"type\": \"bind\", \"source\": \"/dev/kvm\"}]}");
  g_autoptr (ScRendered) rendered = render (f, "web", "{}", NULL, &error);
  g_assert_no_error (error);
  g_assert_null (rendered->tmpfiles);
  g_assert_cmpuint (rendered->notes->len, ==, 1);
  g_assert_cmpstr (rendered->notes->pdata[0], ==, "bind source '/dev/kvm' does not exist on this host");
}

static void
run (const char *const *argv)
{
  g_autofree char *out = NULL, *err = NULL;
  int status;

  g_assert_true (g_spawn_sync (NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, &err, &status, NULL));
  g_test_message ("%s: %s%s", argv[0], out, err);
  g_assert_cmpint (status, ==, 0);
}

static void
check_with_systemd (const ScRendered *rendered, const char *name)
{
  g_auto (Root) root = { 0 };
  g_autofree char *unit_name = g_strconcat (name, ".service", NULL);
  g_autofree char *unit = NULL, *tmpfiles = NULL, *option = NULL;

  root_init (&root);
  unit = g_build_filename (root.path, unit_name, NULL);
  tmpfiles = g_build_filename (root.path, "in.conf", NULL);
  option = g_strconcat ("--root=", root.path, NULL);
  root_add (&root, unit_name, rendered->unit);
  run ((const char *const[]){ "systemd-analyze", "verify", "--man=no", "--generators=no", unit, NULL });
  if (rendered->tmpfiles == NULL)
    return;
  root_add (&root, "in.conf", rendered->tmpfiles);
  run ((const char *const[]){ "systemd-tmpfiles", option, "--create", tmpfiles, NULL });
}

/* Templates of published images, with their defaults; they are not part of this repository. */
static void
test_samples (Fixture *f, gconstpointer data)
{
  static const char *const names[] = { "docker-centos", "etcd", "flannel", "hello-world" };
  static const char *const files[] = { "config.json.template", "manifest.json", "service.template",
                                       "tmpfiles.template" };
  const char *given = g_getenv ("SC_SAMPLES"), *tests_data = g_getenv ("SC_TEST_DATA");
  g_autofree char *beside = g_build_filename (tests_data != NULL ? tests_data : ".", "../../../shared/samples", NULL);
  const char *samples = given != NULL ? given : beside;
  g_autofree char *analyze = g_find_program_in_path ("systemd-analyze");
  g_autofree char *tool = g_find_program_in_path ("systemd-tmpfiles");

  if (!g_file_test (samples, G_FILE_TEST_IS_DIR))
    {
      g_test_skip ("no published templates at $SC_SAMPLES or ../shared/samples");
      return;
    }
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_auto (Root) root = { 0 };
      g_autoptr (GError) error = NULL;
      Root saved = f->root;

      root_init (&root);
      for (gsize j = 0; j < G_N_ELEMENTS (files); j++)
        {
          g_autofree char *from = g_build_filename (samples, names[i], files[j], NULL);
          g_autofree char *to = g_build_filename ("exports", files[j], NULL);
          g_autofree char *text = NULL;
          if (g_file_get_contents (from, &text, NULL, NULL))
            root_add (&root, to, text);
        }
      f->root = root;
      g_autoptr (ScRendered) rendered = render (f, names[i], "{}", NULL, &error);
      f->root = saved;
      g_assert_no_error (error);
      check_config (rendered);
      g_assert_null (strchr (rendered->unit, '$'));
      if (analyze != NULL && tool != NULL)
        check_with_systemd (rendered, names[i]);
    }
}

static void
test_default_with_systemd (Fixture *f, gconstpointer data)
{
  g_autofree char *analyze = g_find_program_in_path ("systemd-analyze");
  g_autofree char *tool = g_find_program_in_path ("systemd-tmpfiles");
  g_autoptr (GError) error = NULL;

  if (analyze == NULL || tool == NULL)
    {
      g_test_skip ("systemd-analyze or systemd-tmpfiles is not installed");
      return;
    }
  g_autoptr (ScRendered) rendered =
      render (f, "web", "{\"Cmd\": [\"/a\"], \"Volumes\": {\"/a b%\": {}}}", NULL, &error);
  g_assert_no_error (error);
  check_with_systemd (rendered, "web");
}

#define TEST(name, func) g_test_add ("/render/" name, Fixture, NULL, setup, func, teardown)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  TEST ("default", test_default);
  TEST ("default-without-binds", test_default_without_binds);
  TEST ("default-with-systemd", test_default_with_systemd);
  TEST ("config-as-it-is", test_config_as_it_is);
  TEST ("blame", test_blame);
  TEST ("blame-nobody", test_blame_nobody);
  TEST ("fragment", test_fragment);
  TEST ("refused", test_refused);
  TEST ("notes", test_notes);
  TEST ("kernel-sources", test_kernel_sources);
  TEST ("samples", test_samples);
  return g_test_run ();
}
