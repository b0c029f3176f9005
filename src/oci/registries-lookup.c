/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What registries.conf means for one image: which rule is its own, and where that sends it.  Matching works on text, by
 * the rules of containers-registries.conf(5) ("Choosing a [[registry]] TOML table"), and agrees with skopeo where the
 * page leaves something open.
 */

#include <string.h>

#include "names.h"
#include "registries-conf.h"

void
sc_registry_target_free (ScRegistryTarget *target)
{
  if (target == NULL)
    return;
  sc_reference_free (target->ref);
  g_free (target);
}

static gboolean
ends_part (char c)
{
  return c == '\0' || c == '/' || c == ':' || c == '@';
}

/* How much of @name the prefix covers, -1: it is no prefix. */
static gssize
match (const char *name, const char *prefix)
{
  gsize n = strlen (prefix);
  const char *domain = prefix + 1;
  const char *found = NULL;

  if (!g_str_has_prefix (prefix, "*."))
    return strncmp (name, prefix, n) == 0 && ends_part (name[n]) ? (gssize)n : -1;
  found = strstr (name, domain);
  if (found == NULL || memchr (name, '/', (gsize)(found - name)) != NULL || !ends_part (found[n - 1]))
    return -1;
  return found - name + (gssize)n - 1;
}

const ScRegistryRule *
sc_registries_conf_find (const ScRegistriesConf *conf, const char *name)
{
  const ScRegistryRule *best = NULL;

  for (guint i = 0; i < conf->rules->len; i++)
    {
      const ScRegistryRule *rule = g_ptr_array_index (conf->rules, i);

      if (match (name, rule->prefix) >= 0 && (best == NULL || strlen (rule->prefix) > strlen (best->prefix)))
        best = rule;
    }
  return best;
}

/* "registry/repository" */
static char *
ref_name (const ScReference *ref)
{
  return g_strdup_printf ("%s/%s", ref->registry, ref->repository);
}

/* "registry/repository:tag", or "...@digest", which wins. */
static char *
ref_text (const ScReference *ref)
{
  if (ref->digest != NULL)
    return g_strdup_printf ("%s/%s@%s", ref->registry, ref->repository, ref->digest);
  return g_strdup_printf ("%s/%s:%s", ref->registry, ref->repository, ref->tag != NULL ? ref->tag : "latest");
}

/* The image as it is called at @location. */
static ScReference *
rewrite (const ScReference *ref, const ScRegistryRule *rule, const char *location, GError **error)
{
  g_autofree char *text = ref_text (ref);
  g_autofree char *moved = NULL;
  g_autofree char *shown = NULL;
  g_autoptr (ScReference) there = NULL;

  if (*location == '\0')
    return sc_reference_copy (ref);
  moved = g_strconcat ("docker://", location, text + match (text, rule->prefix), NULL);
  there = sc_reference_parse (moved, NULL);
  if (there != NULL && there->registry != NULL)
    return g_steal_pointer (&there);
  shown = sc_name_escape (moved + strlen ("docker://"));
  return sc_fail_null (error, SC_ERROR_INVALID, "%s: the location of prefix %s makes '%s' of it, which is no image",
                       rule->file, rule->prefix, shown);
}

static gboolean
add_target (GPtrArray *targets, const ScReference *ref, const ScRegistryRule *rule, const ScRegistryMirror *mirror,
            GError **error)
{
  ScReference *there = rewrite (ref, rule, mirror != NULL ? mirror->location : rule->location, error);
  ScRegistryTarget *target = NULL;

  if (there == NULL)
    return FALSE;
  target = g_new0 (ScRegistryTarget, 1);
  target->ref = there;
  target->insecure = mirror != NULL ? mirror->insecure : rule->insecure;
  target->mirror = mirror != NULL;
  g_ptr_array_add (targets, target);
  return TRUE;
}

static gboolean
mirror_serves (const ScRegistryRule *rule, const ScRegistryMirror *mirror, gboolean by_digest)
{
  if (rule->mirrors_for_digests || mirror->use == SC_MIRROR_FOR_DIGESTS)
    return by_digest;
  return mirror->use == SC_MIRROR_FOR_ALL || !by_digest;
}

/* The rule that forbids asking @target: its place may be blocked by a rule of its own. (nullable) */
static const ScRegistryRule *
find_block (const ScRegistriesConf *conf, const ScRegistryRule *rule, const ScRegistryTarget *target)
{
  g_autofree char *there = ref_name (target->ref);
  const ScRegistryRule *other = sc_registries_conf_find (conf, there);

  if (!target->mirror && rule != NULL && rule->blocked)
    return rule;
  return other != NULL && other->blocked ? other : NULL;
}

/* Leaves out what is blocked; an error if nothing is left. */
static gboolean
drop_blocked (const ScRegistriesConf *conf, const char *name, const ScRegistryRule *rule, GPtrArray *targets,
              const ScProgressSink *sink, GError **error)
{
  const ScRegistryRule *block = NULL;

  for (guint i = 0; i < targets->len;)
    {
      const ScRegistryTarget *target = g_ptr_array_index (targets, i);
      const ScRegistryRule *found = find_block (conf, rule, target);

      if (found == NULL)
        {
          i++;
          continue;
        }
      block = found;
      sc_progress_debug (sink, "registries: %s/%s is blocked by %s (prefix %s)", target->ref->registry,
                         target->ref->repository, block->file, block->prefix);
      g_ptr_array_remove_index (targets, i);
    }
  if (targets->len == 0 && block != NULL)
    return sc_fail (error, SC_ERROR_DENIED, "%s is blocked by %s (prefix %s)", name, block->file, block->prefix);
  return TRUE;
}

GPtrArray *
sc_registries_conf_find_targets (const ScRegistriesConf *conf, const ScReference *ref, const ScProgressSink *sink,
                                 GError **error)
{
  g_autofree char *name = ref_name (ref);
  const ScRegistryRule *rule = sc_registries_conf_find (conf, name);
  g_autoptr (GPtrArray) targets = g_ptr_array_new_with_free_func ((GDestroyNotify)sc_registry_target_free);
  ScRegistryRule none = { .prefix = (char *)"", .location = (char *)"" };

  if (rule != NULL)
    sc_progress_debug (sink, "registries: %s falls under prefix %s of %s", name, rule->prefix, rule->file);
  else
    sc_progress_debug (sink, "registries: no rule for %s", name);
  for (guint i = 0; rule != NULL && i < rule->mirrors->len; i++)
    {
      const ScRegistryMirror *mirror = g_ptr_array_index (rule->mirrors, i);

      if (mirror_serves (rule, mirror, ref->digest != NULL) && !add_target (targets, ref, rule, mirror, error))
        return NULL;
    }
  if (!add_target (targets, ref, rule != NULL ? rule : &none, NULL, error)
      || !drop_blocked (conf, name, rule, targets, sink, error))
    return NULL;
  return g_steal_pointer (&targets);
}
