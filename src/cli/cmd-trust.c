/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trust show, trust add, trust delete, trust default.
 */
#include <string.h>

#include "commands.h"
#include "json.h"
#include "output.h"
#include "policy-conf.h"
#include "policy-edit.h"
#include "registries-d.h"

#define NAME_WIDTH 35

/* ---- show */

typedef struct
{
  gboolean json;
} ShowOptions;

static const char *
kind_name (ScRequirementKind kind)
{
  switch (kind)
    {
    case SC_REQUIREMENT_ACCEPT:
      return "accept";
    case SC_REQUIREMENT_REJECT:
      return "reject";
    case SC_REQUIREMENT_SIGNED_BY:
      return "signed";
    case SC_REQUIREMENT_SIGSTORE:
      return "sigstore";
    case SC_REQUIREMENT_UNSUPPORTED:
      break;
    }
  return "unsupported";
}

/* (transfer full): as the original shows them: scopes of registries bare, of others with their transport. */
static char *
rule_name (const ScPolicyRule *rule)
{
  if (!rule->transport)
    return g_strdup ("* (default)");
  if (strcmp (rule->transport, "docker") == 0 && *rule->scope)
    return g_strdup (rule->scope);
  return g_strdup_printf ("%s:%s", rule->transport, rule->scope);
}

/* A line for each requirement: what it is for, what it wants, of whom, and where signatures are. */
static void
show_rule (const ScPolicy *policy, const ScRegistriesD *conf, const ScPolicyRule *rule)
{
  g_autofree char *name = rule_name (rule);
  const char *file = NULL;
  const char *place = NULL;

  if (!rule->transport)
    place = sc_registries_d_find (conf, NULL, &file);
  else if (strcmp (rule->transport, "docker") == 0)
    place = sc_registries_d_find (conf, rule->scope, &file);
  for (guint i = 0; i < rule->requirements->len; i++)
    {
      const ScRequirement *requirement = rule->requirements->pdata[i];
      g_auto (GStrv) names = sc_policy_trusted_names (policy, requirement);
      g_autofree char *keys = g_strjoinv (",", names);
      g_autoptr (GString) line = g_string_new (NULL);
      g_autofree char *clean = NULL, *text = NULL;

      g_string_append_printf (line, "%-*s %s", NAME_WIDTH, name, kind_name (requirement->kind));
      if (*keys)
        g_string_append_printf (line, " %s", keys);
      if (place)
        g_string_append_printf (line, " %s", place);
      clean = sc_output_clean (line->str);
      text = g_strconcat (clean, "\n", NULL);
      sc_output_print (text);
    }
}

static gboolean
run_show (ScInvocation *invocation, GError **error)
{
  const ShowOptions *options = invocation->options;
  g_autoptr (ScPolicy) policy = NULL;
  g_autoptr (ScRegistriesD) conf = NULL;

  if (options->json)
    {
      g_autoptr (JsonNode) json = sc_trust_load (invocation->context, error);
      g_autofree char *text = json ? sc_json_to_text (json, TRUE) : NULL;

      if (!text)
        return FALSE;
      sc_output_print (text);
      return TRUE;
    }
  policy = sc_policy_load (invocation->context, error);
  conf = policy ? sc_registries_d_load (invocation->context, error) : NULL;
  if (!conf)
    return FALSE;
  if (!policy->path)
    sc_progress_note (invocation->sink, "there is no %s: every image is accepted", SC_POLICY_PATH);
  for (guint i = 0; i < policy->rules->len; i++)
    show_rule (policy, conf, policy->rules->pdata[i]);
  return TRUE;
}

static const ScOption show_options[] = {
  { "json", 'j', SC_OPTION_FLAG, G_STRUCT_OFFSET (ShowOptions, json), NULL, "print the policy file itself" },
  SC_OPTION_END,
};

const ScCommand sc_cmd_trust_show = {
  .name = "trust show",
  .args = "",
  .summary = "show which images are trusted",
  .description =
      "Shows the trust policy: for the default and for each scope whether images are accepted, rejected, or must "
      "be signed and by whom, and where their signatures are looked for.",
  .options = show_options,
  .options_size = sizeof (ShowOptions),
  .run = run_show,
};

/* ---- add */

typedef struct
{
  GPtrArray *keys;
  const char *sigstore;
  const char *type;
} AddOptions;

static gboolean
parse_type (const char *text, ScTrustType *out, GError **error)
{
  if (!text || strcmp (text, "signedBy") == 0)
    *out = SC_TRUST_SIGNED_BY;
  else if (strcmp (text, "insecureAcceptAnything") == 0)
    *out = SC_TRUST_ACCEPT;
  else if (strcmp (text, "reject") == 0)
    *out = SC_TRUST_REJECT;
  else
    return sc_fail (error, SC_ERROR_USAGE, "--type '%s' is neither signedBy, insecureAcceptAnything nor reject", text);
  return TRUE;
}

/* "docker.io/busybox" looks like the image that everybody calls "busybox", and is not. */
static void
warn_official (const ScInvocation *invocation, const char *scope)
{
  static const char docker[] = "docker.io/";

  if (g_str_has_prefix (scope, docker) && !strchr (scope + strlen (docker), '/')
      && strcmp (scope, "docker.io/library") != 0)
    sc_progress_note (invocation->sink,
                      "%s is the scope of images in that namespace; the image '%s' is docker.io/library/%s", scope,
                      scope + strlen (docker), scope + strlen (docker));
}

static gboolean
run_add (ScInvocation *invocation, GError **error)
{
  const AddOptions *options = invocation->options;
  g_autoptr (GPtrArray) keys = g_ptr_array_new ();
  g_auto (ScTrustChange) change = { 0 };
  ScTrust trust = { .scope = invocation->args[0], .lookaside = options->sigstore };

  if (!parse_type (options->type, &trust.type, error))
    return FALSE;
  if (trust.type != SC_TRUST_SIGNED_BY && options->keys)
    return sc_fail (error, SC_ERROR_USAGE, "--pubkeys goes with --type signedBy only");
  for (guint i = 0; options->keys && i < options->keys->len; i++)
    g_ptr_array_add (keys, options->keys->pdata[i]);
  g_ptr_array_add (keys, NULL);
  trust.keys = (const char *const *)keys->pdata;
  if (!sc_trust_add (invocation->context, &trust, &change, invocation->cancellable, error))
    return FALSE;
  warn_official (invocation, trust.scope);
  if (change.replaced)
    sc_progress_note (invocation->sink, "%s: the rule for %s was replaced", change.policy, trust.scope);
  if (change.lookaside)
    sc_progress_note (invocation->sink, "%s: signatures of %s are at %s", change.lookaside, trust.scope,
                      trust.lookaside);
  return TRUE;
}

static const ScOption add_options[] = {
  { "pubkeys", 'k', SC_OPTION_LIST, G_STRUCT_OFFSET (AddOptions, keys), "FILE",
    "public GPG key that must have signed, as an absolute path; can be repeated, then one of them must" },
  { "sigstore", 's', SC_OPTION_STRING, G_STRUCT_OFFSET (AddOptions, sigstore), "URL",
    "where signatures are: file:///DIRECTORY, http://... or https://..." },
  { "type", 't', SC_OPTION_STRING, G_STRUCT_OFFSET (AddOptions, type), "TYPE",
    "signedBy (the default), insecureAcceptAnything or reject" },
  SC_OPTION_END,
};

const ScCommand sc_cmd_trust_add = {
  .name = "trust add",
  .args = "REGISTRY[/REPOSITORY]",
  .min_args = 1,
  .max_args = 1,
  .summary = "say which images of a registry are trusted",
  .description =
      "Sets the rule of the trust policy for a registry, a namespace or repository in it, or an image, in place "
      "of the one that there was. What else is in the policy file stays as it is.",
  .options = add_options,
  .options_size = sizeof (AddOptions),
  .flags = SC_COMMAND_NEEDS_ROOT,
  .run = run_add,
};

/* ---- delete */

static gboolean
run_delete (ScInvocation *invocation, GError **error)
{
  const char *scope = invocation->args[0];
  g_auto (ScTrustChange) change = { 0 };
  g_autoptr (ScRegistriesD) conf = NULL;
  const char *file = NULL, *place;

  if (!sc_trust_delete (invocation->context, scope, &change, invocation->cancellable, error))
    return FALSE;
  conf = sc_registries_d_load (invocation->context, NULL);
  place = conf ? sc_registries_d_find (conf, scope, &file) : NULL;
  if (place)
    sc_progress_note (invocation->sink, "%s still says that signatures of %s are at %s", file, scope, place);
  return TRUE;
}

const ScCommand sc_cmd_trust_delete = {
  .name = "trust delete",
  .args = "REGISTRY[/REPOSITORY]",
  .min_args = 1,
  .max_args = 1,
  .summary = "forget what was said about a registry",
  .description =
      "Removes the rule for a registry, a namespace or repository in it, or an image from the trust policy. The "
      "next wider rule holds from then on.",
  .flags = SC_COMMAND_NEEDS_ROOT,
  .run = run_delete,
};

/* ---- default */

static gboolean
run_default (ScInvocation *invocation, GError **error)
{
  const char *word = invocation->args[0];
  gboolean accept = strcmp (word, "accept") == 0;
  g_auto (ScTrustChange) change = { 0 };

  if (!accept && strcmp (word, "reject") != 0)
    return sc_fail (error, SC_ERROR_USAGE, "'%s' is neither accept nor reject", word);
  return sc_trust_set_default (invocation->context, accept ? SC_TRUST_ACCEPT : SC_TRUST_REJECT, &change,
                               invocation->cancellable, error);
}

const ScCommand sc_cmd_trust_default = {
  .name = "trust default",
  .args = "accept|reject",
  .min_args = 1,
  .max_args = 1,
  .summary = "say whether all other images are trusted",
  .description = "Sets what the trust policy does with images that no rule is for.",
  .flags = SC_COMMAND_NEEDS_ROOT,
  .run = run_default,
};
