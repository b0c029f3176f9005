/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* config-json: the default configuration, what every configuration must have, and what is changed for the host. */
#include "config-json.h"

#include <sys/stat.h>
#include <unistd.h>

#include "json.h"
#include "root-fixture.h"

typedef struct
{
  Root root, host;
} Fixture;

static void
setup (Fixture *f, gconstpointer data)
{
  root_init (&f->root);
  root_init (&f->host);
  root_add (&f->root, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\nweb:x:101:102::/srv/web:\n");
  root_add (&f->root, "etc/group", "root:x:0:\nweb:x:102:\nlog:x:7:web\n");
  root_add (&f->root, "tmp", NULL);
  root_add (&f->root, "var/tmp", NULL);
  root_add (&f->root, "run", NULL);
  root_add (&f->host, "etc/resolv.conf", "");
}

static void
teardown (Fixture *f, gconstpointer data)
{
  root_clear (&f->root);
  root_clear (&f->host);
}

static JsonNode *
make_default (Fixture *f, const char *image_config, GError **error)
{
  g_autofree char *text = g_strdup_printf ("{\"architecture\": \"amd64\", \"os\": \"linux\", \"config\": %s,"
                                           " \"rootfs\": {\"type\": \"layers\", \"diff_ids\": []}}",
                                           image_config);
  g_autoptr (GBytes) raw = g_bytes_new (text, strlen (text));
  g_autoptr (GError) bad = NULL;
  g_autoptr (ScImageConfig) image = sc_image_config_parse (raw, &bad);

  g_assert_no_error (bad);
  return sc_config_default (
      &(ScConfigInput){
          .image = image, .name = "web", .state_dir = "/var/lib", .rootfs = f->root.fd, .host_root = f->host.fd },
      error);
}

/* The value at a JSONPath, as text without the array around it. */
static char *
at (JsonNode *config, const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) found = json_path_query (path, config, &error);
  g_autofree char *text = NULL;

  g_assert_no_error (error);
  text = sc_json_to_text (found, FALSE);
  return g_strndup (text + 1, strlen (text) - 2);
}

#define EXPECT(config, path, expected)                                                                                 \
  G_STMT_START                                                                                                         \
  {                                                                                                                    \
    g_autofree char *text_ = at (config, path);                                                                        \
    g_assert_cmpstr (text_, ==, expected);                                                                             \
  }                                                                                                                    \
  G_STMT_END

static void
test_default_root (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) config = make_default (f, "{\"Entrypoint\": [\"/bin/a\"], \"Cmd\": [\"-x\", \"$Y\"]}", &error);

  g_assert_no_error (error);
  g_assert_true (sc_config_validate (config, NULL, &error));
  EXPECT (config, "$.process.args", "[\"/bin/a\",\"-x\",\"$Y\"]");
  EXPECT (config, "$.process.cwd", "\"/\"");
  EXPECT (config, "$.process.user", "{\"uid\":0,\"gid\":0}");
  EXPECT (config, "$.process.env",
          "[\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\",\"HOME=/root\"]");
  EXPECT (config, "$.process.noNewPrivileges", "true");
  EXPECT (config, "$.process.terminal", "false");
  EXPECT (config, "$.process.capabilities.effective[*]",
          "\"CAP_CHOWN\",\"CAP_DAC_OVERRIDE\",\"CAP_FOWNER\",\"CAP_FSETID\",\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\","
          "\"CAP_SETFCAP\",\"CAP_SETGID\",\"CAP_SETPCAP\",\"CAP_SETUID\",\"CAP_SYS_CHROOT\"");
  EXPECT (config, "$.process.capabilities.ambient", "");
  EXPECT (config, "$.process.capabilities.inheritable", "");
  EXPECT (config, "$.root", "{\"path\":\"rootfs\",\"readonly\":true}");
  EXPECT (config, "$.linux.namespaces[*].type", "\"pid\",\"ipc\",\"uts\",\"mount\",\"cgroup\"");
  EXPECT (config, "$.linux.cgroupsPath", "");
  EXPECT (config, "$.linux.resources.devices", "[{\"allow\":false,\"access\":\"rwm\"}]");
  EXPECT (config, "$.linux.seccomp.defaultAction", "\"SCMP_ACT_ERRNO\"");
  EXPECT (config, "$.mounts[*].destination",
          "\"/proc\",\"/dev\",\"/dev/pts\",\"/dev/shm\",\"/dev/mqueue\",\"/sys\",\"/sys/fs/cgroup\",\"/tmp\","
          "\"/var/tmp\",\"/run\",\"/etc/resolv.conf\"");
}

/* What the image has not is not made: its root stays what it is. */
static void
test_default_no_scratch (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) config = NULL;

  g_assert_cmpint (unlinkat (f->root.fd, "tmp", AT_REMOVEDIR), ==, 0);
  g_assert_cmpint (unlinkat (f->root.fd, "run", AT_REMOVEDIR), ==, 0);
  g_assert_cmpint (symlinkat ("nowhere", f->root.fd, "run"), ==, 0);
  config = make_default (f, "{\"Cmd\": [\"a\"]}", &error);
  g_assert_no_error (error);
  EXPECT (config, "$.mounts[*].destination",
          "\"/proc\",\"/dev\",\"/dev/pts\",\"/dev/shm\",\"/dev/mqueue\",\"/sys\",\"/sys/fs/cgroup\","
          "\"/var/tmp\",\"/etc/resolv.conf\"");
}

static void
test_default_user (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  guint32 uid, gid;

  root_add (&f->host, "etc/hosts", "");
  g_autoptr (JsonNode) config = make_default (f,
                                              "{\"Cmd\": [\"a\"], \"User\": \"web\", \"WorkingDir\": \"srv//x/..\","
                                              " \"Env\": [\"HOME=/h\", \"PATH=/p\", \"E=\"]}",
                                              &error);
  g_assert_no_error (error);
  EXPECT (config, "$.process.args", "[\"a\"]");
  EXPECT (config, "$.process.cwd", "\"/srv\"");
  EXPECT (config, "$.process.user", "{\"uid\":101,\"gid\":102,\"additionalGids\":[7]}");
  EXPECT (config, "$.process.env", "[\"HOME=/h\",\"PATH=/p\",\"E=\"]");
  EXPECT (config, "$.process.capabilities.effective", "");
  EXPECT (config, "$.process.capabilities.permitted", "");
  EXPECT (config, "$.mounts[10,11].destination", "\"/etc/resolv.conf\",\"/etc/hosts\"");
  EXPECT (config, "$.mounts[11].options", "[\"bind\",\"ro\",\"nosuid\",\"nodev\",\"noexec\",\"rprivate\"]");
  sc_config_user (config, &uid, &gid);
  g_assert_cmpuint (uid, ==, 101);
  g_assert_cmpuint (gid, ==, 102);
}

static void
test_default_volumes (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  const char *const expected[] = { "/etc/resolv.conf", "/var/lib/web/data", "/var/lib/web/data/sub", "/var/lib/web/tmp",
                                   NULL };

  g_autoptr (JsonNode) config = make_default (
      f, "{\"Cmd\": [\"a\"], \"Volumes\": {\"/data/sub\": {}, \"/tmp\": {}, \"/data/\": {}, \"//data\": {}}}", &error);
  g_assert_no_error (error);
  g_auto (GStrv) sources = sc_config_bind_sources (config);
  g_assert_cmpstrv (sources, expected);
  EXPECT (config, "$.mounts[*].destination",
          "\"/proc\",\"/dev\",\"/dev/pts\",\"/dev/shm\",\"/dev/mqueue\",\"/sys\",\"/sys/fs/cgroup\","
          "\"/var/tmp\",\"/run\",\"/etc/resolv.conf\",\"/data\",\"/data/sub\",\"/tmp\"");
}

static void
test_default_refused (Fixture *f, gconstpointer data)
{
  static const struct
  {
    const char *image, *message;
  } cases[] = {
    { "{}", "the image has neither exports/config.json nor an entrypoint or command: nothing to run" },
    { "{\"Entrypoint\": [], \"Cmd\": []}",
      "the image has neither exports/config.json nor an entrypoint or command: nothing to run" },
    { "{\"Cmd\": [\"a\"], \"User\": \"ghost\"}", "user 'ghost' is not in /etc/passwd of the image" },
    { "{\"Cmd\": [\"a\"], \"Volumes\": {\"/\": {}}}", "image config: Volumes: '/' cannot be a volume" },
    { "{\"Cmd\": [\"a\"], \"Volumes\": {\"/x/..\": {}}}", "image config: Volumes: '/x/..' cannot be a volume" },
    { "{\"Cmd\": [\"a\"], \"Volumes\": {\"/sys/fs/cgroup\": {}}}",
      "image config: Volumes: '/sys/fs/cgroup' cannot be a volume" },
    { "{\"Cmd\": [\"a\"], \"Volumes\": {\"/a/../proc\": {}}}",
      "image config: Volumes: '/a/../proc' cannot be a volume" },
    { "{\"Cmd\": [\"a\"], \"Volumes\": {\"//proc\": {}}}", "image config: Volumes: '//proc' cannot be a volume" },
    { "{\"Cmd\": [\"a\"], \"Volumes\": {\"//\": {}}}", "image config: Volumes: '//' cannot be a volume" },
    { "{\"Cmd\": [\"a\"], \"Volumes\": {\"relative\": {}}}", "image config: Volumes: 'relative' cannot be a volume" },
    { "{\"Cmd\": [\"a\"], \"Volumes\": {\"/a\\nb\": {}}}", "image config: Volumes: a path with a control character" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_assert_null (make_default (f, cases[i].image, &error));
      g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
      g_assert_cmpstr (error->message, ==, cases[i].message);
    }
}

/* Spot checks of what the tables become; the decisions of the kernel are tested with a runtime. */
static void
test_seccomp (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) config = make_default (f, "{\"Cmd\": [\"a\"]}", &error);
  g_autofree char *allowed = at (config, "$.linux.seccomp.syscalls[0].names");
  g_autofree char *refused = at (config, "$.linux.seccomp.syscalls[1].names");

  g_assert_no_error (error);
  EXPECT (config, "$.linux.seccomp.defaultErrnoRet", "38");
  EXPECT (config, "$.linux.seccomp.syscalls[0].action", "\"SCMP_ACT_ALLOW\"");
  EXPECT (config, "$.linux.seccomp.syscalls[1].action", "\"SCMP_ACT_ERRNO\"");
  EXPECT (config, "$.linux.seccomp.syscalls[1].errnoRet", "1");
  EXPECT (config, "$.linux.seccomp.syscalls[2].names", "[\"clone\"]");
  EXPECT (config, "$.linux.seccomp.syscalls[2].args[0].value", "2114060288");
  g_assert_nonnull (strstr (allowed, "\"openat\""));
  g_assert_nonnull (strstr (allowed, "\"getrandom\""));
  g_assert_nonnull (strstr (refused, "\"unshare\""));
  g_assert_nonnull (strstr (refused, "\"mount\""));
  g_assert_null (strstr (allowed, "\"\""));
  g_assert_null (strstr (allowed, "clone3"));
  g_assert_null (strstr (refused, "clone3"));
}

#define GOOD_ROOT    "\"root\": {\"path\": \"rootfs\", \"readonly\": true}"
#define GOOD_PROCESS "\"process\": {\"args\": [\"/a\"], \"cwd\": \"/\"}"
#define MOUNTS(m)    "{" GOOD_ROOT ", " GOOD_PROCESS ", \"mounts\": " m "}"

static void
test_validate (Fixture *f, gconstpointer data)
{
  static const struct
  {
    const char *text, *message;
  } cases[] = {
    { "{" GOOD_ROOT ", " GOOD_PROCESS "}", NULL },
    { MOUNTS ("null"), NULL },
    { MOUNTS ("[{\"destination\": \"/a\", \"type\": \"tmpfs\", \"source\": \"x\"}]"), NULL },
    { MOUNTS ("[{\"destination\": \"/a\", \"type\": \"bind\", \"source\": \"/x\"}]"), NULL },
    { "[]", "config.json: expected an object, found an array" },
    { "{" GOOD_PROCESS "}", "config.json: root: missing, expected an object" },
    { "{\"root\": {\"path\": \"/\", \"readonly\": true}, " GOOD_PROCESS "}",
      "config.json: root.path: must be 'rootfs', is '/'" },
    { "{\"root\": {\"path\": \"rootfs\"}, " GOOD_PROCESS "}", "config.json: root.readonly: must be true" },
    { "{\"root\": {\"path\": \"rootfs\", \"readonly\": \"true\"}, " GOOD_PROCESS "}",
      "config.json: root.readonly: expected true or false, found a string" },
    { "{" GOOD_ROOT "}", "config.json: process: missing, expected an object" },
    { "{" GOOD_ROOT ", \"process\": {\"args\": [], \"cwd\": \"/\"}}", "config.json: process.args: no program to run" },
    { "{" GOOD_ROOT ", \"process\": {\"args\": [\"\"], \"cwd\": \"/\"}}",
      "config.json: process.args: no program to run" },
    { "{" GOOD_ROOT ", \"process\": {\"args\": [\"a\", 1], \"cwd\": \"/\"}}",
      "config.json: process.args[1]: expected a string, found a number" },
    { "{" GOOD_ROOT ", \"process\": {\"args\": [\"a\"], \"cwd\": \"x\"}}",
      "config.json: process.cwd: must be absolute, is 'x'" },
    { MOUNTS ("{}"), "config.json: mounts: expected an array, found an object" },
    { MOUNTS ("[1]"), "config.json: mounts[0]: expected an object, found a number" },
    { MOUNTS ("[{\"type\": \"tmpfs\"}]"), "config.json: mounts[0].destination: missing, expected a string" },
    { MOUNTS ("[{\"destination\": \"a\"}]"), "config.json: mounts[0].destination: must be absolute, is 'a'" },
    { MOUNTS ("[{\"destination\": \"/a\", \"type\": \"bind\"}]"),
      "config.json: mounts[0].source: must be absolute for a bind mount, is ''" },
    { MOUNTS ("[{\"destination\": \"/a\", \"type\": \"none\", \"options\": [\"rbind\"], \"source\": \"x\"}]"),
      "config.json: mounts[0].source: must be absolute for a bind mount, is 'x'" },
    { MOUNTS ("[{\"destination\": \"/a\", \"type\": \"bind\", \"source\": \"/x\\ny\"}]"),
      "config.json: mounts[0].source: a control character in a path" },
    { MOUNTS ("[{\"destination\": \"/a\", \"options\": \"ro\"}]"),
      "config.json: mounts[0].options: expected an array, found a string" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (JsonNode) config = sc_json_parse ("t", cases[i].text, strlen (cases[i].text), &error);
      g_assert_no_error (error);
      g_assert_cmpint (sc_config_validate (config, NULL, &error), ==, cases[i].message == NULL);
      if (cases[i].message != NULL)
        {
          g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
          g_test_message ("%s", error->message);
          g_assert_true (g_str_has_prefix (error->message, cases[i].message));
        }
    }
}

static void
test_remote (Fixture *f, gconstpointer data)
{
  static const char text[] = "{" GOOD_ROOT ", \"process\": {\"args\": [\"a\"], \"cwd\": \"/\"}}";
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) config = sc_json_parse ("t", text, strlen (text), NULL);

  (void)f;
  (void)data;
  g_assert_false (sc_config_validate (config, "/srv/x", &error));
  g_assert_cmpstr (error->message, ==, "config.json: root.path: must be '/srv/x', is 'rootfs'");
  g_clear_error (&error);
  sc_config_set_root (config, "/srv/x");
  g_assert_true (sc_config_validate (config, "/srv/x", &error));
  g_assert_no_error (error);
  g_assert_false (sc_config_validate (config, NULL, &error));
  EXPECT (config, "$.root.readonly", "true");
}

static const char labelled[] = "{\"ociVersion\": \"0.3.0\", \"process\": {\"selinuxLabel\": \"a:b:c:s0\"},"
                               " \"linux\": {\"mountLabel\": \"a:b:c:s0\", \"other\": 1}}";

static void
test_adapt (Fixture *f, gconstpointer data)
{
  g_autoptr (GPtrArray) notes = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (JsonNode) config = sc_json_parse ("t", labelled, strlen (labelled), NULL);

  root_add (&f->host, "sys/kernel", NULL);
  g_assert_true (sc_config_adapt (config, f->host.fd, notes));
  g_assert_cmpuint (notes->len, ==, 2);
  g_assert_cmpstr (notes->pdata[0], ==, "config.json: process.selinuxLabel left out: this host does not use SELinux");
  EXPECT (config, "$.process", "{}");
  EXPECT (config, "$.linux", "{\"other\":1}");
  EXPECT (config, "$.ociVersion", "\"1.0.0\"");
  g_assert_false (sc_config_adapt (config, f->host.fd, notes));
  g_assert_cmpuint (notes->len, ==, 2);
}

/* A running kernel with SELinux, and a tree that is not running but is configured for it. */
static void
test_adapt_selinux (Fixture *f, gconstpointer data)
{
  static const char *const files[] = { "sys/fs/selinux/enforce", "etc/selinux/config" };

  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_auto (Root) host = { 0 };
      g_autoptr (GPtrArray) notes = g_ptr_array_new_with_free_func (g_free);
      g_autoptr (JsonNode) config = sc_json_parse ("t", labelled, strlen (labelled), NULL);

      root_init (&host);
      if (i == 0)
        root_add (&host, "sys/kernel", NULL);
      root_add (&host, files[i], "1");
      g_assert_true (sc_config_adapt (config, host.fd, notes));
      g_assert_cmpuint (notes->len, ==, 0);
      EXPECT (config, "$.process.selinuxLabel", "\"a:b:c:s0\"");
      EXPECT (config, "$.ociVersion", "\"1.0.0\"");
    }
}

static void
test_queries (Fixture *f, gconstpointer data)
{
  static const char text[] = "{\"process\": {\"args\": [\"/usr/bin/x\", \"-a b\"]}, \"mounts\": ["
                             "{\"destination\": \"/1\", \"type\": \"bind\", \"source\": \"/b\"},"
                             "{\"destination\": \"/2\", \"type\": \"tmpfs\", \"source\": \"/t\"},"
                             "{\"destination\": \"/3\", \"options\": [\"ro\", \"rbind\"], \"source\": \"/a\"},"
                             "7,"
                             "{\"destination\": \"/4\", \"type\": \"bind\", \"source\": \"/b\"}]}";
  g_autoptr (JsonNode) config = sc_json_parse ("t", text, strlen (text), NULL);
  g_autoptr (JsonNode) other = sc_json_parse ("t", "[1]", 3, NULL);
  g_auto (GStrv) sources = sc_config_bind_sources (config);
  g_auto (GStrv) none = sc_config_bind_sources (other);
  g_autofree char *command = sc_config_command (config);
  g_autofree char *nothing = sc_config_command (other);
  const char *const expected[] = { "/b", "/a", NULL };
  guint32 uid = 1, gid = 1;

  g_assert_cmpstrv (sources, expected);
  g_assert_cmpuint (g_strv_length (none), ==, 0);
  g_assert_cmpstr (command, ==, "/usr/bin/x -a b");
  g_assert_cmpstr (nothing, ==, "");
  sc_config_user (other, &uid, &gid);
  g_assert_cmpuint (uid, ==, 0);
  g_assert_cmpuint (gid, ==, 0);
}

static void
test_capabilities (Fixture *f, gconstpointer data)
{
  g_autofree char *list = sc_capabilities_all ();
  g_autofree char *text = g_strdup_printf ("[%s]", list);
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = sc_json_parse ("capabilities", text, strlen (text), &error);

  g_assert_no_error (error);
  g_assert_true (g_str_has_prefix (list, "\"CAP_CHOWN\", \"CAP_DAC_OVERRIDE\", "));
  g_assert_nonnull (strstr (list, "\"CAP_AUDIT_READ\""));
  g_assert_cmpuint (json_array_get_length (json_node_get_array (node)), >=, 38);
}

#define TEST(name, func) g_test_add ("/config-json/" name, Fixture, NULL, setup, func, teardown)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  TEST ("default/root", test_default_root);
  TEST ("default/no-scratch", test_default_no_scratch);
  TEST ("default/user", test_default_user);
  TEST ("default/volumes", test_default_volumes);
  TEST ("default/refused", test_default_refused);
  TEST ("default/seccomp", test_seccomp);
  TEST ("validate", test_validate);
  TEST ("remote", test_remote);
  TEST ("adapt", test_adapt);
  TEST ("adapt-selinux", test_adapt_selinux);
  TEST ("queries", test_queries);
  TEST ("capabilities", test_capabilities);
  return g_test_run ();
}
