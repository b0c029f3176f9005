/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The policy file as a whole: where it is, its transports and scopes, and which rule is for an image.  What a rule
 * demands is parsed by policy-requirement.c and judged by policy-eval.c.
 */

#include "policy-private.h"

#include <fcntl.h>
#include <string.h>

#include "digest.h"
#include "fs.h"
#include "json.h"

#define USER_FILE "/.config/containers/policy.json"

static void
rule_free (ScPolicyRule *rule)
{
  if (rule == NULL)
    return;
  g_free (rule->transport);
  g_free (rule->scope);
  g_clear_pointer (&rule->requirements, g_ptr_array_unref);
  g_free (rule);
}

static ScPolicy *
policy_new (const ScContext *ctx, const char *path)
{
  ScPolicy *policy = g_new0 (ScPolicy, 1);

  policy->ctx = ctx;
  policy->path = g_strdup (path);
  policy->rules = g_ptr_array_new_with_free_func ((GDestroyNotify)rule_free);
  return policy;
}

void
sc_policy_free (ScPolicy *policy)
{
  if (policy == NULL)
    return;
  g_free (policy->path);
  g_ptr_array_unref (policy->rules);
  g_free (policy);
}

static ScPolicyRule *
add_rule (ScPolicy *policy, const char *transport, const char *scope)
{
  ScPolicyRule *rule = g_new0 (ScPolicyRule, 1);

  rule->transport = g_strdup (transport);
  rule->scope = g_strdup (scope);
  rule->requirements = g_ptr_array_new_with_free_func ((GDestroyNotify)sc_requirement_free);
  g_ptr_array_add (policy->rules, rule);
  return rule;
}

static const ScPolicyRule *
find_rule (const ScPolicy *policy, const char *transport, const char *scope)
{
  for (guint i = 0; i < policy->rules->len; i++)
    {
      const ScPolicyRule *rule = g_ptr_array_index (policy->rules, i);

      if (rule->transport != NULL && strcmp (rule->transport, transport) == 0 && strcmp (rule->scope, scope) == 0)
        return rule;
    }
  return NULL;
}

static gboolean
parse_rule (ScPolicy *policy, JsonObject *object, const char *key, const char *scope, const char *transport,
            const char *where, GError **error)
{
  ScPolicyRule *rule = add_rule (policy, transport, scope);
  g_autofree char *list_where = g_strdup_printf (transport != NULL ? "%s[\"%s\"]" : "%s: %s", where, key);
  JsonArray *list = NULL;

  if (!sc_json_get_array (object, where, key, SC_JSON_REQUIRED, &list, error))
    return FALSE;
  if (json_array_get_length (list) == 0)
    return sc_fail (error, SC_ERROR_INVALID, "%s: the list of requirements is empty", list_where);
  for (guint i = 0; i < json_array_get_length (list); i++)
    {
      g_autofree char *item_where = g_strdup_printf ("%s[%u]", list_where, i);
      JsonObject *item = sc_json_element_object (list, list_where, i, error);
      ScRequirement *requirement = item != NULL ? sc_requirement_parse (item, item_where, error) : NULL;

      if (requirement == NULL)
        return FALSE;
      g_ptr_array_add (rule->requirements, requirement);
    }
  return TRUE;
}

static gboolean
check_path_scope (const char *scope, GError **error)
{
  g_autofree char *clean = g_canonicalize_filename (scope, "/");

  if (*scope != '/' || strcmp (scope, "/") == 0)
    return sc_fail (error, SC_ERROR_INVALID, "scope '%s' is not an absolute path below '/'", scope);
  /* Two slashes at the start mean something to the function above. */
  if (strcmp (clean, scope) != 0 || scope[1] == '/')
    return sc_fail (error, SC_ERROR_INVALID, "scope '%s' must be written '%s'", scope, clean + strspn (clean, "/") - 1);
  return TRUE;
}

/* "[DRIVER@/ROOT]NAME" */
static gboolean
check_storage_scope (const char *scope, GError **error)
{
  const char *end = strchr (scope, ']');
  const char *at = strchr (scope, '@');
  const char *root = *scope == '[' && end != NULL && at != NULL && at < end ? at + 1 : scope + 1;

  if (*scope != '[' || end == NULL || *root != '/')
    return sc_fail (error, SC_ERROR_INVALID, "scope '%s' does not begin with '[DRIVER@/DIRECTORY]'", scope);
  return TRUE;
}

gboolean
sc_policy_check_scope (const char *transport, const char *scope, GError **error)
{
  static const char *const with_paths[] = { "dir", "oci", "oci-archive", "sif", NULL };
  static const char *const without[] = { "docker-archive", "tarball", NULL };

  if (*scope == '\0')
    return TRUE;
  if (g_strv_contains (with_paths, transport))
    return check_path_scope (scope, error);
  if (g_strv_contains (without, transport))
    return sc_fail (error, SC_ERROR_INVALID, "scope '%s': %s has no scope but \"\"", scope, transport);
  if (strcmp (transport, "containers-storage") == 0)
    return check_storage_scope (scope, error);
  if (strcmp (transport, "docker-daemon") == 0 && sc_digest_check (scope, NULL))
    return sc_fail (error, SC_ERROR_INVALID, "scope '%s' is an id, not a name", scope);
  return TRUE;
}

static gboolean
parse_transport (ScPolicy *policy, JsonNode *node, const char *transport, GError **error)
{
  g_autofree char *where = g_strdup_printf ("%s: transports.%s", policy->path, transport);
  JsonObject *scopes = sc_json_node_object (node, where, error);
  gboolean hosts = strcmp (transport, "docker") == 0 || strcmp (transport, "docker-daemon") == 0;
  JsonObjectIter iter;
  const char *key;

  if (scopes == NULL)
    return FALSE;
  json_object_iter_init_ordered (&iter, scopes);
  while (json_object_iter_next_ordered (&iter, &key, NULL))
    {
      g_autofree char *scope = hosts ? sc_full_name_fold (key) : g_strdup (key);

      if (!sc_policy_check_scope (transport, scope, error))
        return sc_prefix (error, "%s", where);
      if (find_rule (policy, transport, scope) != NULL)
        return sc_fail (error, SC_ERROR_INVALID, "%s: scope '%s' is given twice, in upper and lower case", where, key);
      if (!parse_rule (policy, scopes, key, scope, transport, where, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
parse_policy (ScPolicy *policy, JsonNode *root, GError **error)
{
  static const char *const members[] = { "default", "transports", NULL };
  JsonObject *top = sc_json_node_object (root, policy->path, error);
  JsonObject *transports = NULL;
  JsonObjectIter iter;
  const char *transport;
  JsonNode *node;

  if (top == NULL || !sc_policy_check_members (top, policy->path, members, error)
      || !parse_rule (policy, top, "default", "", NULL, policy->path, error)
      || !sc_json_get_object (top, policy->path, "transports", SC_JSON_OPTIONAL, &transports, error))
    return FALSE;
  if (transports == NULL)
    return TRUE;
  json_object_iter_init_ordered (&iter, transports);
  while (json_object_iter_next_ordered (&iter, &transport, &node))
    if (!parse_transport (policy, node, transport, error))
      return FALSE;
  return TRUE;
}

ScPolicy *
sc_policy_parse (const ScContext *ctx, const char *path, GBytes *text, GError **error)
{
  g_autoptr (ScPolicy) policy = policy_new (ctx, path);
  gsize size = 0;
  const void *data = g_bytes_get_data (text, &size);
  g_autoptr (JsonNode) root = sc_json_parse_unique (path, data != NULL ? data : "", size, error);

  if (root == NULL || !parse_policy (policy, root, error))
    return NULL;
  return g_steal_pointer (&policy);
}

/* -1 without @error: there is none.  A link that leads nowhere is not none: somebody wanted a policy. */
static int
open_policy (int root, const char *path, GError **error)
{
  g_autoptr (GError) local = NULL;
  int fd = sc_fs_open_in_root (root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &local);
  SC_AUTOFD int link = -1;

  if (fd >= 0)
    return fd;
  if (g_error_matches (local, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    link = sc_fs_open_in_root (root, path, O_PATH | O_NOFOLLOW, 0, NULL);
  if (link >= 0 || !g_error_matches (local, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    g_propagate_error (error, g_steal_pointer (&local));
  return -1;
}

/* *@out_fd is -1 and *@out_path NULL if there is no policy. */
static gboolean
find_policy (const ScContext *ctx, char **out_path, int *out_fd, GError **error)
{
  g_autofree char *user = ctx->home != NULL ? g_strconcat (ctx->home, USER_FILE, NULL) : NULL;
  const char *const paths[] = { user, SC_POLICY_PATH };
  SC_AUTOFD int root = sc_context_open_root (ctx, error);

  *out_fd = -1;
  if (root < 0)
    return FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      g_autoptr (GError) local = NULL;

      if (paths[i] == NULL)
        continue;
      *out_fd = open_policy (root, paths[i], &local);
      if (*out_fd < 0 && local == NULL)
        continue;
      if (local != NULL)
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
      *out_path = g_strdup (paths[i]);
      return TRUE;
    }
  *out_path = NULL;
  return TRUE;
}

gboolean
sc_policy_find_file (const ScContext *ctx, char **out, GError **error)
{
  SC_AUTOFD int fd = -1;

  return find_policy (ctx, out, &fd, error);
}

ScPolicy *
sc_policy_load (const ScContext *ctx, GError **error)
{
  g_autofree char *path = NULL;
  g_autoptr (GBytes) text = NULL;
  SC_AUTOFD int fd = -1;

  if (!find_policy (ctx, &path, &fd, error))
    return sc_prefix_null (error, "trust policy");
  if (path == NULL)
    {
      ScPolicy *policy = policy_new (ctx, NULL);
      ScPolicyRule *rule = add_rule (policy, NULL, "");

      g_debug ("trust policy: there is no " SC_POLICY_PATH ", any image is accepted");
      g_ptr_array_add (rule->requirements, g_new0 (ScRequirement, 1));
      return policy;
    }
  g_debug ("trust policy: %s", path);
  text = sc_fs_read_fd (fd, path, SC_POLICY_MAX_SIZE, error);
  return text != NULL ? sc_policy_parse (ctx, path, text, error) : NULL;
}

const ScPolicyRule *
sc_policy_find (const ScPolicy *policy, const char *transport, const GPtrArray *scopes)
{
  const ScPolicyRule *rule = NULL;

  for (guint i = 0; rule == NULL && i < scopes->len; i++)
    rule = find_rule (policy, transport, g_ptr_array_index (scopes, i));
  if (rule == NULL)
    rule = find_rule (policy, transport, "");
  return rule != NULL ? rule : g_ptr_array_index (policy->rules, 0);
}

char *
sc_policy_rule_name (const ScPolicyRule *rule)
{
  if (rule->transport == NULL)
    return g_strdup ("default");
  return g_strdup_printf ("%s %s", rule->transport, *rule->scope != '\0' ? rule->scope : "default");
}
