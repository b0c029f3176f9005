/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The values of template variables: who may set what, and who wins.
 *
 * Pure: nothing of the host is read but this process's ids.  The order is laid down by filling one table from the
 * weakest source to the strongest.  What is always set cannot be set by anybody else, not even by the container that is
 * being updated.
 */
#include "values.h"

#include <string.h>
#include <unistd.h>

#include "template.h"

static const char *const always_set[] = {
  "DESTDIR",  "NAME",     "EXEC_START", "EXEC_STOP", "EXEC_STARTPRE", "EXEC_STOPPOST", "HOST_UID",
  "HOST_GID", "IMAGE_ID", "IMAGE_NAME", NULL,
};

static const char *const overridable[] = {
  "RUN_DIRECTORY", "STATE_DIRECTORY", "CONF_DIRECTORY",
  "UUID",          "PIDFILE",         "ALL_PROCESS_CAPABILITIES",
  "RUNTIME",       "ATOMIC",          NULL,
};

gboolean
sc_value_is_always_set (const char *name)
{
  return g_strv_contains (always_set, name);
}

static void
put (GHashTable *values, const char *name, const char *value)
{
  g_hash_table_replace (values, g_strdup (name), g_strdup (value));
}

static void
put_all (GHashTable *values, GHashTable *from)
{
  GHashTableIter iter;
  gpointer name, value;

  g_hash_table_iter_init (&iter, from);
  while (g_hash_table_iter_next (&iter, &name, &value))
    put (values, name, value);
}

static void
put_builtins (GHashTable *values, const ScValuesInput *input)
{
  g_autofree char *uuid = g_uuid_string_random ();
  g_autofree char *pidfile = g_strdup_printf ("%s/container-%s.pid", input->ctx->run_dir, input->name);

  put (values, "RUN_DIRECTORY", input->ctx->run_dir);
  put (values, "STATE_DIRECTORY", input->ctx->state_dir);
  put (values, "CONF_DIRECTORY", input->ctx->conf_dir);
  put (values, "UUID", uuid);
  put (values, "PIDFILE", pidfile);
  put (values, "ALL_PROCESS_CAPABILITIES", input->all_capabilities);
  put (values, "RUNTIME", input->runtime_path);
  put (values, "ATOMIC", input->ctx->program);
}

/* What the user could have meant. */
static gboolean
fail_unknown (const char *name, const char *remote, char **used, const ScExports *exports, GError **error)
{
  g_autofree char *owner = remote != NULL ? g_strdup_printf ("the root %s", remote) : g_strdup ("the image");
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GList) defaults = g_hash_table_get_keys (exports->default_values);
  g_autoptr (GString) list = g_string_new (NULL);
  g_autofree char *builtins = g_strjoinv (", ", (char **)overridable);

  for (char **p = used; *p != NULL; p++)
    defaults = g_list_prepend (defaults, *p);
  defaults = g_list_sort (defaults, (GCompareFunc)strcmp);
  for (GList *l = defaults; l != NULL; l = l->next)
    {
      if (sc_value_is_always_set (l->data) || g_strv_contains (overridable, l->data)
          || g_hash_table_contains (seen, l->data))
        continue;
      g_hash_table_add (seen, l->data);
      g_string_append_printf (list, "%s%s", list->len > 0 ? ", " : "", (char *)l->data);
    }
  if (list->len == 0)
    return sc_fail (error, SC_ERROR_USAGE, "--set %s: %s has no variables of its own; it could be one of: %s", name,
                    owner, builtins);
  return sc_fail (error, SC_ERROR_USAGE, "--set %s: %s uses no such variable; it uses: %s", name, owner, list->str);
}

/* The name of "NAME=VALUE", if that is what @set is. (transfer full) */
static char *
parse_set (const char *set, GError **error)
{
  const char *equals = strchr (set, '=');
  g_autofree char *name = NULL;

  if (!g_utf8_validate (set, -1, NULL))
    return sc_fail_null (error, SC_ERROR_USAGE, "--set: an argument that is not UTF-8 text");
  if (equals == NULL)
    return sc_fail_null (error, SC_ERROR_USAGE, "--set %s: expected NAME=VALUE", set);
  name = g_strndup (set, (gsize)(equals - set));
  if (!sc_template_is_name (name))
    return sc_fail_null (error, SC_ERROR_USAGE, "--set %s: '%s' is no name of a variable", set, name);
  if (sc_value_is_always_set (name))
    return sc_fail_null (error, SC_ERROR_USAGE, "--set %s: this variable is always set by the program", name);
  return g_steal_pointer (&name);
}

gboolean
sc_values_check_set (const char *const *set, GError **error)
{
  for (; set != NULL && *set != NULL; set++)
    {
      g_autofree char *name = parse_set (*set, error);

      if (name == NULL)
        return FALSE;
    }
  return TRUE;
}

static gboolean
put_set (GHashTable *values, const ScValuesInput *input, const ScExports *exports, GError **error)
{
  g_auto (GStrv) used = sc_exports_variables (exports, error);

  if (used == NULL)
    return FALSE;
  for (const char *const *set = input->set; set != NULL && *set != NULL; set++)
    {
      g_autofree char *name = parse_set (*set, error);

      if (name == NULL)
        return FALSE;
      if (!g_strv_contains ((const char *const *)used, name) && !g_strv_contains (overridable, name)
          && !g_hash_table_contains (exports->default_values, name))
        return fail_unknown (name, input->remote, used, exports, error);
      put (values, name, *set + strlen (name) + 1);
    }
  return TRUE;
}

static gboolean
uses_detached (const ScExports *exports, gboolean *out, GError **error)
{
  g_auto (GStrv) names = NULL;

  *out = FALSE;
  if (exports->service_template == NULL)
    return TRUE;
  names = sc_template_variables ("service.template", exports->service_template, error);
  if (names == NULL)
    return FALSE;
  *out = g_strv_contains ((const char *const *)names, "EXEC_STOPPOST")
         && g_strv_contains ((const char *const *)names, "PIDFILE");
  return TRUE;
}

static gboolean
put_exec (GHashTable *values, const ScValuesInput *input, const ScExports *exports, GError **error)
{
  const char *runtime = input->runtime_path;
  gboolean detached;
  g_autofree char *start = NULL;
  g_autofree char *stop = g_strdup_printf ("%s --systemd-cgroup kill '%s'", runtime, input->name);
  g_autofree char *clean = g_strdup_printf ("%s delete --force '%s'", runtime, input->name);
  g_autofree char *delete = g_strdup_printf ("%s delete '%s'", runtime, input->name);

  if (!uses_detached (exports, &detached, error))
    return FALSE;
  if (detached)
    start = g_strdup_printf ("%s --systemd-cgroup run -d --pid-file %s '%s'", runtime,
                             (char *)g_hash_table_lookup (values, "PIDFILE"), input->name);
  else
    start = g_strdup_printf ("%s --systemd-cgroup run '%s'", runtime, input->name);
  put (values, "EXEC_START", start);
  put (values, "EXEC_STOP", stop);
  put (values, "EXEC_STARTPRE", clean);
  put (values, "EXEC_STOPPOST", detached ? delete : clean);
  return TRUE;
}

GHashTable *
sc_values_resolve (const ScValuesInput *input, const ScExports *exports, GError **error)
{
  g_autoptr (GHashTable) values = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autofree char *uid = g_strdup_printf ("%u", (guint)getuid ());
  g_autofree char *gid = g_strdup_printf ("%u", (guint)getgid ());

  /* The path becomes words of a unit, where blanks, quotes, '%' and '$' mean something. */
  if (strspn (input->runtime_path, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "/._+-@") != strlen (input->runtime_path))
    return sc_fail_null (error, SC_ERROR_USAGE,
                         "runtime '%s': a unit takes letters, digits and /._+-@ in the path of a program only",
                         input->runtime_path);

  put_all (values, exports->default_values);
  put_builtins (values, input);
  if (input->previous != NULL)
    put_all (values, input->previous);
  if (!put_set (values, input, exports, error))
    return NULL;

  if (!put_exec (values, input, exports, error))
    return NULL;
  put (values, "DESTDIR", input->destdir);
  put (values, "NAME", input->name);
  put (values, "HOST_UID", uid);
  put (values, "HOST_GID", gid);
  put (values, "IMAGE_ID", input->image_id);
  put (values, "IMAGE_NAME", input->image_name);
  return g_steal_pointer (&values);
}

gboolean
sc_values_describe (const ScContext *ctx, const ScExports *exports, GHashTable **out_defaults, char ***out_required,
                    GError **error)
{
  const struct
  {
    const char *name, *value;
  } fixed[] = {
    { "RUN_DIRECTORY", ctx->run_dir },
    { "STATE_DIRECTORY", ctx->state_dir },
    { "CONF_DIRECTORY", ctx->conf_dir },
    { "ATOMIC", ctx->program },
  };
  g_autoptr (GHashTable) values = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (GHashTable) defaults = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (GStrvBuilder) required = g_strv_builder_new ();
  g_auto (GStrv) used = sc_exports_variables (exports, error);

  if (used == NULL)
    return FALSE;
  put_all (values, exports->default_values);
  for (const char *const *name = overridable; *name != NULL; name++)
    put (values, *name, SC_VALUE_BY_SYSTEM);
  for (gsize i = 0; i < G_N_ELEMENTS (fixed); i++)
    put (values, fixed[i].name, fixed[i].value);
  for (char **name = used; *name != NULL; name++)
    {
      const char *value = g_hash_table_lookup (values, *name);

      if (sc_value_is_always_set (*name))
        continue;
      if (value != NULL)
        put (defaults, *name, value);
      else
        g_strv_builder_add (required, *name);
    }
  *out_defaults = g_steal_pointer (&defaults);
  *out_required = g_strv_builder_end (required);
  return TRUE;
}
