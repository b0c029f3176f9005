/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where everything is: built-in paths, /etc/atomic.conf, the environment, in this order.
 *
 * The only reader of the environment and of atomic.conf.  Unknown keys of the file are left alone, since other tools
 * read it too; a known key with a value that we cannot use is an error, never ignored.
 */
#include "context.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

#include "fs.h"

#define CONF_PATH "/etc/atomic.conf"
#define CONF_MAX  (1024 * 1024)

typedef enum
{
  SETTING_TEXT,
  SETTING_PATH,    /* absolute */
  SETTING_PROGRAM, /* a name without slash, or an absolute path */
  SETTING_STORAGE, /* "ostree" */
  SETTING_SECONDS, /* a number from 1 to 3600; the member is a guint */
  SETTING_COUNT,   /* a number from 1 to 100; the member is a guint */
  SETTING_DIR,     /* absolute; any other is taken for none (XDG base directory specification) */
} SettingType;

typedef struct
{
  const char *key;      /* (nullable): in atomic.conf */
  const char *variable; /* (nullable): in the environment */
  gsize offset;         /* in ScContext, of a char * (but see SettingType) */
  SettingType type;
  gboolean empty_variable; /* does an empty variable count? */
  gboolean place;          /* where containers are must not be guessed */
} Setting;

#define NOWHERE G_MAXSIZE

/* What the original tool reads and we have no use for. */
static const char *const foreign_keys[] = {
  "default-sigstore-path",
  "default_docker",
  "default_scanner",
  "default_signer",
  "discover_sigstores",
  "gnupg_homedir",
  "pubkeys_dir",
  "registries_binary",
  "registry_sigstore_dir",
  "scanners",
  "sigstore_metadata_image",
  NULL,
};

/* Later lines win: the lower-case names of the proxies come last. */
static const Setting settings[] = {
  { "default_storage", NULL, NOWHERE, SETTING_STORAGE, FALSE },
  { "ostree_repository", "ATOMIC_OSTREE_REPO", offsetof (ScContext, repo), SETTING_PATH, FALSE, TRUE },
  { "checkout_path", "ATOMIC_OSTREE_CHECKOUT_PATH", offsetof (ScContext, checkouts), SETTING_PATH, FALSE, TRUE },
  { "runtime", "RUNC_PATH", offsetof (ScContext, runtime), SETTING_PROGRAM, FALSE, TRUE },
  { "registry_confdir", NULL, offsetof (ScContext, registry_confdir), SETTING_PATH, FALSE },
  { "http_proxy", "HTTP_PROXY", offsetof (ScContext, http_proxy), SETTING_TEXT, TRUE },
  { "https_proxy", "HTTPS_PROXY", offsetof (ScContext, https_proxy), SETTING_TEXT, TRUE },
  { "no_proxy", "NO_PROXY", offsetof (ScContext, no_proxy), SETTING_TEXT, TRUE },
  { "network_timeout", NULL, offsetof (ScContext, network_timeout), SETTING_SECONDS, FALSE },
  { "deployments", NULL, offsetof (ScContext, deployments), SETTING_COUNT, FALSE },
  { "probation", NULL, offsetof (ScContext, probation), SETTING_SECONDS, FALSE },
  { NULL, "DOCKER_HOST", offsetof (ScContext, docker_host), SETTING_TEXT, FALSE },
  { NULL, "http_proxy", offsetof (ScContext, http_proxy), SETTING_TEXT, TRUE },
  { NULL, "https_proxy", offsetof (ScContext, https_proxy), SETTING_TEXT, TRUE },
  { NULL, "no_proxy", offsetof (ScContext, no_proxy), SETTING_TEXT, TRUE },
  { NULL, "CONTAINERS_REGISTRIES_CONF", offsetof (ScContext, registries_conf), SETTING_PATH, FALSE },
  { NULL, "REGISTRY_AUTH_FILE", offsetof (ScContext, auth_file), SETTING_PATH, FALSE },
  { NULL, "DOCKER_CONFIG", offsetof (ScContext, docker_config), SETTING_DIR, FALSE },
  { NULL, "XDG_CONFIG_HOME", offsetof (ScContext, user_config), SETTING_DIR, FALSE },
  { NULL, "XDG_CACHE_HOME", offsetof (ScContext, user_cache), SETTING_DIR, FALSE },
  { NULL, "XDG_RUNTIME_DIR", offsetof (ScContext, user_runtime), SETTING_DIR, FALSE },
};

static gboolean
set_number (ScContext *ctx, const Setting *setting, const char *name, const char *value, GError **error)
{
  gboolean seconds = setting->type == SETTING_SECONDS;
  guint64 limit = seconds ? SC_SECONDS_MAX : SC_DEPLOYMENTS_MAX;
  guint64 number = 0;

  if (!g_ascii_string_to_unsigned (value, 10, 1, limit, &number, NULL))
    return sc_fail (error, SC_ERROR_INVALID, "%s: '%s' is not a number %sfrom 1 to %" G_GUINT64_FORMAT, name, value,
                    seconds ? "of seconds " : "", limit);
  *(guint *)(gpointer)((char *)ctx + setting->offset) = (guint)number;
  return TRUE;
}

/* @name is what the value was given as, for the message. */
static gboolean
set_value (ScContext *ctx, const Setting *setting, const char *name, const char *value, GError **error)
{
  if (setting->type == SETTING_STORAGE && strcmp (value, "ostree") != 0)
    return sc_fail (error, SC_ERROR_UNSUPPORTED, "%s: storage '%s' is not supported, only 'ostree'", name, value);
  if (setting->type == SETTING_PATH && !g_path_is_absolute (value))
    return sc_fail (error, SC_ERROR_INVALID, "%s: '%s' is not an absolute path", name, value);
  if (setting->type == SETTING_PROGRAM && strchr (value, '/') && !g_path_is_absolute (value))
    return sc_fail (error, SC_ERROR_INVALID, "%s: '%s' is neither a name nor an absolute path", name, value);
  if (setting->type == SETTING_SECONDS || setting->type == SETTING_COUNT)
    return set_number (ctx, setting, name, value, error);
  if (setting->offset == NOWHERE || (setting->type == SETTING_DIR && !g_path_is_absolute (value)))
    return TRUE;

  char **member = (char **)(gpointer)((char *)ctx + setting->offset);
  g_free (*member);
  *member = *value ? g_strdup (value) : NULL;
  return TRUE;
}

static gboolean
fail_line (gsize line, const char *reason, GError **error)
{
  return sc_fail (error, SC_ERROR_INVALID, CONF_PATH ": line %" G_GSIZE_FORMAT ": %s", line + 1, reason);
}

/* YAML writes nothing, "~" or "null" for "no value". */
static gboolean
is_null (const yaml_node_t *node)
{
  const char *text = (const char *)node->data.scalar.value;

  return node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE
         && (*text == '\0' || strcmp (text, "~") == 0 || g_ascii_strcasecmp (text, "null") == 0);
}

G_GNUC_PRINTF (2, 3)
static void
add_note (ScContext *ctx, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_ptr_array_add (ctx->notes, g_strdup_vprintf (format, args));
  va_end (args);
}

static gboolean
load_pair (ScContext *ctx, const yaml_node_t *key, const yaml_node_t *value, GError **error)
{
  for (gsize i = 0; key->type == YAML_SCALAR_NODE && i < G_N_ELEMENTS (settings); i++)
    {
      if (settings[i].key == NULL || strcmp (settings[i].key, (const char *)key->data.scalar.value) != 0)
        continue;

      g_autofree char *name =
          g_strdup_printf (CONF_PATH ": line %" G_GSIZE_FORMAT ": %s", key->start_mark.line + 1, settings[i].key);
      if (value->type != YAML_SCALAR_NODE)
        return sc_fail (error, SC_ERROR_INVALID, "%s: expected a single value, found a %s", name,
                        value->type == YAML_MAPPING_NODE ? "mapping" : "list");
      if (strlen ((const char *)value->data.scalar.value) != value->data.scalar.length)
        return sc_fail (error, SC_ERROR_INVALID, "%s: the value holds a NUL byte", name);
      if (is_null (value))
        return TRUE;
      return set_value (ctx, &settings[i], name, (const char *)value->data.scalar.value, error);
    }
  if (key->type == YAML_SCALAR_NODE && !g_strv_contains (foreign_keys, (const char *)key->data.scalar.value))
    add_note (ctx, "%s: line %" G_GSIZE_FORMAT ": nothing is called '%s'", CONF_PATH, key->start_mark.line + 1,
              (const char *)key->data.scalar.value);
  return TRUE;
}

static gboolean
is_place (const yaml_node_t *key)
{
  for (gsize i = 0; i < G_N_ELEMENTS (settings); i++)
    if (settings[i].place && key->type == YAML_SCALAR_NODE
        && g_strcmp0 (settings[i].key, (const char *)key->data.scalar.value) == 0)
      return TRUE;
  return FALSE;
}

static gboolean
try_pair (ScContext *ctx, const yaml_node_t *key, const yaml_node_t *value, gboolean tolerant, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (load_pair (ctx, key, value, &local))
    return TRUE;
  if (tolerant && !is_place (key))
    {
      add_note (ctx, "%s: the default is taken", local->message);
      return TRUE;
    }
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

static gboolean
load_document (ScContext *ctx, yaml_document_t *document, gboolean tolerant, GError **error)
{
  yaml_node_t *root = yaml_document_get_root_node (document);

  if (root == NULL || (root->type == YAML_SCALAR_NODE && is_null (root)))
    return TRUE;
  if (root->type != YAML_MAPPING_NODE)
    return fail_line (root->start_mark.line, "expected 'key: value' lines", error);
  for (yaml_node_pair_t *pair = root->data.mapping.pairs.start; pair < root->data.mapping.pairs.top; pair++)
    if (!try_pair (ctx, yaml_document_get_node (document, pair->key), yaml_document_get_node (document, pair->value),
                   tolerant, error))
      return FALSE;
  return TRUE;
}

static gboolean
load_conf (ScContext *ctx, GBytes *bytes, gboolean tolerant, GError **error)
{
  yaml_parser_t parser;
  yaml_document_t document;
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);
  gboolean ok;

  if (!yaml_parser_initialize (&parser))
    return sc_fail_errno (error, ENOMEM, CONF_PATH);
  yaml_parser_set_input_string (&parser, data, size);
  if (yaml_parser_load (&parser, &document))
    {
      ok = load_document (ctx, &document, tolerant, error);
      yaml_document_delete (&document);
    }
  else
    ok = fail_line (parser.problem_mark.line, parser.problem ? parser.problem : "malformed YAML", error);
  yaml_parser_delete (&parser);
  return ok;
}

/* Reads atomic.conf if there is one. */
static gboolean
read_conf (ScContext *ctx, gboolean tolerant, GError **error)
{
  g_autoptr (GError) local = NULL;
  SC_AUTOFD int root = sc_context_open_root (ctx, error);
  SC_AUTOFD int fd = -1;

  if (root < 0)
    return FALSE;
  fd = sc_fs_open_in_root (root, CONF_PATH, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &local);
  if (fd < 0 && g_error_matches (local, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    return TRUE;
  if (fd < 0)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  g_autoptr (GBytes) bytes = sc_fs_read_fd (fd, CONF_PATH, CONF_MAX, error);
  return bytes != NULL && load_conf (ctx, bytes, tolerant, error);
}

static gboolean
read_environment (ScContext *ctx, GError **error)
{
  for (gsize i = 0; i < G_N_ELEMENTS (settings); i++)
    {
      const char *name = settings[i].variable;
      const char *value = name ? g_getenv (name) : NULL;

      if (value == NULL || (*value == '\0' && !settings[i].empty_variable))
        continue;
      g_autofree char *label = g_strdup_printf ("environment variable %s", name);
      if (!set_value (ctx, &settings[i], label, value, error))
        return FALSE;
    }
  return TRUE;
}

/* (transfer full): @root as an absolute path, NULL if it is "/". */
static char *
canonical_root (const char *root)
{
  g_autofree char *path = g_canonicalize_filename (root, NULL);
  const char *p = path;

  /* Two leading slashes are kept by the above; here they mean nothing special. */
  while (p[0] == '/' && p[1] == '/')
    p++;
  return strcmp (p, "/") == 0 ? NULL : g_strdup (p);
}

/* (transfer full): the path of this program. */
static char *
find_program (void)
{
  static const char deleted[] = " (deleted)";
  char *path = g_file_read_link ("/proc/self/exe", NULL);

  if (path == NULL)
    return g_strdup ("/usr/bin/atomic");
  /* The kernel adds this when the file was replaced by an upgrade meanwhile. */
  if (g_str_has_suffix (path, deleted))
    path[strlen (path) - strlen (deleted)] = '\0';
  return path;
}

static ScContext *
make (const char *root, gboolean tolerant, GError **error)
{
  g_autoptr (ScContext) ctx = g_new0 (ScContext, 1);

  ctx->root = root ? canonical_root (root) : NULL;
  ctx->checkouts = g_strdup ("/var/lib/containers/atomic");
  ctx->preinstalled = g_strdup ("/usr/lib/containers/atomic");
  ctx->unit_dir = g_strdup ("/etc/systemd/system");
  ctx->tmpfiles_dir = g_strdup ("/etc/tmpfiles.d");
  ctx->run_dir = g_strdup ("/run");
  ctx->state_dir = g_strdup ("/var/lib");
  ctx->conf_dir = g_strdup ("/etc");
  ctx->notes = g_ptr_array_new_with_free_func (g_free);
  ctx->deployments = 2;
  ctx->probation = 5;
  ctx->program = find_program ();
  if (g_path_is_absolute (g_get_home_dir ()))
    ctx->home = g_strdup (g_get_home_dir ());
  if (!read_conf (ctx, tolerant, error) || !read_environment (ctx, error))
    return NULL;
  return g_steal_pointer (&ctx);
}

ScContext *
sc_context_new (const char *root, GError **error)
{
  return make (root, FALSE, error);
}

ScContext *
sc_context_new_tolerant (const char *root, GError **error)
{
  return make (root, TRUE, error);
}

void
sc_context_free (ScContext *ctx)
{
  if (ctx == NULL)
    return;
  g_free (ctx->root);
  g_free (ctx->checkouts);
  g_free (ctx->preinstalled);
  g_free (ctx->repo);
  g_free (ctx->unit_dir);
  g_free (ctx->tmpfiles_dir);
  g_free (ctx->run_dir);
  g_free (ctx->state_dir);
  g_free (ctx->conf_dir);
  g_free (ctx->registry_confdir);
  g_free (ctx->home);
  g_free (ctx->registries_conf);
  g_free (ctx->auth_file);
  g_free (ctx->docker_config);
  g_free (ctx->user_config);
  g_free (ctx->user_cache);
  g_free (ctx->user_runtime);
  g_free (ctx->runtime);
  g_free (ctx->program);
  g_free (ctx->http_proxy);
  g_free (ctx->https_proxy);
  g_free (ctx->no_proxy);
  g_free (ctx->docker_host);
  g_ptr_array_unref (ctx->notes);
  g_free (ctx);
}

char *
sc_context_path (const ScContext *ctx, const char *path)
{
  return g_strconcat (ctx->root ? ctx->root : "", path, NULL);
}

gboolean
sc_context_exists (const ScContext *ctx, const char *path)
{
  g_autofree char *real = sc_context_path (ctx, path);

  return sc_fs_exists_at (AT_FDCWD, real);
}

int
sc_context_open_root (const ScContext *ctx, GError **error)
{
  const char *path = ctx->root ? ctx->root : "/";
  int fd = open (path, O_PATH | O_DIRECTORY | O_CLOEXEC);

  if (fd < 0)
    sc_fail_errno (error, errno, "root directory '%s'", path);
  return fd;
}
