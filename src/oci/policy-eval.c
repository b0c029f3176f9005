/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A policy's judgement of one image.  Fails closed: what cannot be read, fetched or understood is an error, and no
 * error here ever lets an image through.  A signature counts only if it is good, is for this very manifest, and is for
 * a name that the policy wants.
 */

#include "policy-eval.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "policy-private.h"
#include "signature.h"
#include "sigstore.h"

#define REASONS_MAX 5

/* One image and what was found out about it so far. */
typedef struct
{
  const ScPolicy *policy;
  ScBlobSource *source;
  const ScManifest *manifest;
  GCancellable *cancellable;
  const ScPolicyRule *rule;
  char *rule_name;
  ScFullName name;     /* as the user means it */
  gboolean has_name;   /* it is set */
  GPtrArray *files;    /* (nullable): GBytes: signatures kept beside the image; NULL: not fetched yet */
  GPtrArray *sigstore; /* (nullable): ScSigstoreSignature; NULL: not fetched yet */
  GPtrArray *signers;  /* char *: for the verdict */
  GPtrArray *accepted; /* GBytes: simple signatures */
} Evaluation;

static void
evaluation_clear (Evaluation *e)
{
  g_clear_pointer (&e->rule_name, g_free);
  sc_full_name_clear (&e->name);
  g_clear_pointer (&e->files, g_ptr_array_unref);
  g_clear_pointer (&e->sigstore, g_ptr_array_unref);
  g_clear_pointer (&e->signers, g_ptr_array_unref);
  g_clear_pointer (&e->accepted, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Evaluation, evaluation_clear)

void
sc_verdict_clear (ScVerdict *verdict)
{
  g_clear_pointer (&verdict->text, g_free);
  g_clear_pointer (&verdict->signatures, g_ptr_array_unref);
}

/* ---- the rule */

static const char *
policy_transport (ScTransport transport)
{
  return transport == SC_TRANSPORT_REGISTRY ? "docker" : sc_transport_name (transport);
}

/* @path:@tag (nullable) first, then the file or directory and those above it, without links: that is how scopes are
 * written. */
static GPtrArray *
path_scopes (const char *path, const char *tag, GError **error)
{
  g_autoptr (GPtrArray) scopes = g_ptr_array_new_with_free_func (g_free);
  char *resolved = realpath (path, NULL);
  char *slash;

  if (resolved == NULL)
    return sc_fail_errno_null (error, errno, "%s", path);
  if (tag != NULL)
    g_ptr_array_add (scopes, g_strconcat (resolved, ":", tag, NULL));
  while (resolved[0] == '/' && resolved[1] != '\0' && (slash = strrchr (resolved, '/')) != NULL)
    {
      g_ptr_array_add (scopes, g_strdup (resolved));
      *slash = '\0';
      if (slash == resolved)
        break;
    }
  free (resolved);
  return g_steal_pointer (&scopes);
}

/* Scopes of containers-storage name its driver and directory, which only the tool that reads it knows. */
static gboolean
check_storage (const ScPolicy *policy, GError **error)
{
  for (guint i = 0; i < policy->rules->len; i++)
    {
      const ScPolicyRule *rule = g_ptr_array_index (policy->rules, i);

      if (g_strcmp0 (rule->transport, "containers-storage") == 0 && *rule->scope != '\0')
        return sc_fail (error, SC_ERROR_UNSUPPORTED, "%s: scopes of containers-storage are not supported: '%s'",
                        policy->path, rule->scope);
    }
  return TRUE;
}

static GPtrArray *
image_scopes (Evaluation *e, const ScReference *ref, GError **error)
{
  switch (ref->transport)
    {
    case SC_TRANSPORT_REGISTRY:
    case SC_TRANSPORT_DOCKER_DAEMON:
      if (e->has_name)
        return sc_full_name_scopes (&e->name);
      break;
    case SC_TRANSPORT_OCI_LAYOUT:
    case SC_TRANSPORT_OCI_ARCHIVE:
      return path_scopes (ref->path, ref->tag, error);
    case SC_TRANSPORT_DIR:
      return path_scopes (ref->path, NULL, error);
    case SC_TRANSPORT_CONTAINERS_STORAGE:
      if (!check_storage (e->policy, error))
        return NULL;
      break;
    case SC_TRANSPORT_DOCKER_ARCHIVE:
      break;
    }
  return g_ptr_array_new_with_free_func (g_free);
}

static gboolean
find_rule (Evaluation *e, GError **error)
{
  const ScReference *ref = sc_blob_source_logical (e->source);
  const char *transport = policy_transport (ref->transport);
  g_autoptr (GPtrArray) scopes = NULL;

  e->has_name = sc_full_name_of (ref, &e->name);
  scopes = image_scopes (e, ref, error);
  if (scopes == NULL)
    return FALSE;
  e->rule = sc_policy_find (e->policy, transport, scopes);
  e->rule_name = sc_policy_rule_name (e->rule);
  if (e->policy->path != NULL)
    g_debug ("trust policy: %s: the rule is that of: %s", e->policy->path, e->rule_name);
  return TRUE;
}

/* ---- keys */

static ScGpgKeys *
load_gpg_keys (Evaluation *e, const ScRequirement *requirement, GError **error)
{
  g_autoptr (GPtrArray) blobs = sc_key_sources_read (e->policy->ctx, &requirement->keys, error);
  g_autoptr (ScGpgKeys) keys = NULL;

  if (blobs == NULL)
    return NULL;
  if (blobs->len == 0)
    return sc_fail_null (error, SC_ERROR_DENIED, "the rule names no key (%s)", e->rule_name);
  keys = sc_gpg_keys_new (error);
  if (keys == NULL)
    return NULL;
  for (guint i = 0; i < blobs->len; i++)
    {
      const ScKeySources *sources = &requirement->keys;
      const char *name = i < sources->paths->len ? g_ptr_array_index (sources->paths, i) : "keyData";

      if (!sc_gpg_keys_add (keys, g_ptr_array_index (blobs, i), error))
        return sc_prefix_null (error, "trust policy: key %s", name);
    }
  return g_steal_pointer (&keys);
}

/* ---- signatures */

static gboolean
fetch_files (Evaluation *e, GError **error)
{
  if (e->files != NULL)
    return TRUE;
  if (e->source->klass->fetch_signatures == NULL)
    {
      e->files = g_ptr_array_new_with_free_func ((GDestroyNotify)g_bytes_unref);
      return TRUE;
    }
  e->files = e->source->klass->fetch_signatures (e->source, e->manifest->digest, e->cancellable, error);
  return e->files != NULL;
}

/* Sigstore signatures are attached to the image in its registry, if that may be looked at, or kept beside it. */
static gboolean
fetch_sigstore (Evaluation *e, GError **error)
{
  const ScBlobSourceClass *klass = e->source->klass;
  gboolean attachments = FALSE;

  if (e->sigstore != NULL)
    return TRUE;
  if (!fetch_files (e, error)
      || (klass->use_attachments != NULL && !klass->use_attachments (e->source, &attachments, error)))
    return FALSE;
  if (attachments)
    e->sigstore = sc_sigstore_fetch (e->source, e->manifest->digest, e->cancellable, error);
  else
    e->sigstore = g_ptr_array_new_with_free_func ((GDestroyNotify)sc_sigstore_signature_free);
  if (e->sigstore == NULL)
    return FALSE;
  if (klass->use_attachments != NULL && !attachments)
    g_debug ("trust policy: registries.d has no 'use-sigstore-attachments: true' for %s", e->name.name);
  for (guint i = 0; i < e->files->len; i++)
    {
      GBytes *file = g_ptr_array_index (e->files, i);
      ScSigstoreSignature *signature;

      if (!sc_sigstore_is_file (file))
        continue;
      signature = sc_sigstore_signature_parse (file, error);
      if (signature == NULL)
        return sc_prefix (error, "signature %u", i + 1);
      g_ptr_array_add (e->sigstore, signature);
    }
  return TRUE;
}

/* What a good signature says must be about this image. */
static gboolean
check_claims (Evaluation *e, const ScSignedIdentity *identity, const char *digest, const char *reference,
              GError **error)
{
  g_autofree char *shown = sc_name_escape (reference), *shown_digest = sc_name_escape (digest);

  if (strcmp (digest, e->manifest->digest) != 0)
    return sc_fail (error, SC_ERROR_DENIED, "it is for another image, %s", shown_digest);
  if (!sc_signed_identity_matches (identity, e->has_name ? &e->name : NULL, reference))
    return sc_fail (error, SC_ERROR_DENIED, "it is for the name %s, which the policy does not want here", shown);
  return TRUE;
}

/* Errors that are about the signature, not about our means to check it. */
static gboolean
is_refusal (const GError *error)
{
  return g_error_matches (error, SC_ERROR, SC_ERROR_DENIED);
}

static void
add_reason (GString *reasons, guint *n, const char *reason)
{
  (*n)++;
  if (*n <= REASONS_MAX)
    g_string_append_printf (reasons, "%s%s", *n > 1 ? "; " : "", reason);
}

static gboolean
fail_signatures (Evaluation *e, guint n, const GString *reasons, GError **error)
{
  const char *place = e->source->signatures;
  ScTransport transport = e->source->klass->transport;

  if (n == 0 && e->source->klass->fetch_signatures == NULL)
    return sc_fail (error, SC_ERROR_DENIED, "the trust policy wants a signature (%s), and images from %s have none",
                    e->rule_name, sc_transport_name (transport));
  if (n == 0)
    return sc_fail (error, SC_ERROR_DENIED, "the trust policy wants a signature (%s), and there is none%s%s",
                    e->rule_name, place != NULL ? " at " : "", place != NULL ? place : "");
  return sc_fail (error, SC_ERROR_DENIED, "the trust policy (%s) accepts none of its %u signatures: %s%s", e->rule_name,
                  n, reasons->str, n > REASONS_MAX ? "; ..." : "");
}

/* ---- requirements */

static gboolean
check_signed_by (Evaluation *e, const ScRequirement *requirement, GError **error)
{
  g_autoptr (ScGpgKeys) keys = load_gpg_keys (e, requirement, error);
  g_autoptr (GString) reasons = g_string_new (NULL);
  guint n = 0;

  if (keys == NULL || !fetch_files (e, error))
    return FALSE;
  for (guint i = 0; i < e->files->len; i++)
    {
      GBytes *file = g_ptr_array_index (e->files, i);
      g_auto (ScSignature) signature = { 0 };
      g_autoptr (GError) local = NULL;

      if (sc_sigstore_is_file (file))
        continue;
      if (g_cancellable_set_error_if_cancelled (e->cancellable, error))
        return FALSE;
      if (sc_signature_verify (keys, file, &signature, &local)
          && check_claims (e, &requirement->identity, signature.manifest_digest, signature.docker_reference, &local))
        {
          g_ptr_array_add (e->signers, g_strdup_printf ("signed by key %s", signature.fingerprint));
          if (!g_ptr_array_find (e->accepted, file, NULL))
            g_ptr_array_add (e->accepted, g_bytes_ref (file));
          return TRUE;
        }
      if (!is_refusal (local))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
      add_reason (reasons, &n, local->message);
    }
  return fail_signatures (e, n, reasons, error);
}

static ScSigstoreTrust *
load_trust (Evaluation *e, const ScRequirement *requirement, GError **error)
{
  g_autoptr (ScSigstoreTrust) trust = sc_sigstore_trust_new ();
  const ScContext *ctx = e->policy->ctx;

  if (requirement->fulcio)
    {
      g_autoptr (GPtrArray) ca = sc_key_sources_read (ctx, &requirement->ca, error);

      if (ca == NULL)
        return NULL;
      trust->fulcio_ca = g_bytes_ref (g_ptr_array_index (ca, 0));
      trust->oidc_issuer = g_strdup (requirement->oidc_issuer);
      trust->subject_email = g_strdup (requirement->subject_email);
    }
  else
    {
      trust->public_keys = sc_key_sources_read (ctx, &requirement->keys, error);
      if (trust->public_keys == NULL)
        return NULL;
    }
  if (requirement->rekor.paths->len + requirement->rekor.data->len > 0)
    {
      trust->rekor_public_keys = sc_key_sources_read (ctx, &requirement->rekor, error);
      if (trust->rekor_public_keys == NULL)
        return NULL;
    }
  if (!sc_sigstore_trust_check (trust, error))
    return sc_prefix_null (error, "trust policy (%s)", e->rule_name);
  return g_steal_pointer (&trust);
}

static gboolean
check_sigstore (Evaluation *e, const ScRequirement *requirement, GError **error)
{
  g_autoptr (ScSigstoreTrust) trust = load_trust (e, requirement, error);
  g_autoptr (GString) reasons = g_string_new (NULL);
  guint n = 0;

  if (trust == NULL || !fetch_sigstore (e, error))
    return FALSE;
  for (guint i = 0; i < e->sigstore->len; i++)
    {
      g_autofree char *reference = NULL, *digest = NULL, *signer = NULL;
      g_autoptr (GError) local = NULL;

      if (sc_sigstore_verify (trust, g_ptr_array_index (e->sigstore, i), &reference, &digest, &signer, &local)
          && check_claims (e, &requirement->identity, digest, reference, &local))
        {
          g_ptr_array_add (e->signers, g_strdup_printf ("signed (sigstore) by %s", signer));
          return TRUE;
        }
      if (!is_refusal (local))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
      add_reason (reasons, &n, local->message);
    }
  return fail_signatures (e, n, reasons, error);
}

static gboolean
check_requirement (Evaluation *e, const ScRequirement *requirement, GError **error)
{
  switch (requirement->kind)
    {
    case SC_REQUIREMENT_ACCEPT:
      return TRUE;
    case SC_REQUIREMENT_REJECT:
      return sc_fail (error, SC_ERROR_DENIED, "the trust policy rejects it (%s)", e->rule_name);
    case SC_REQUIREMENT_SIGNED_BY:
      return check_signed_by (e, requirement, error);
    case SC_REQUIREMENT_SIGSTORE:
      return check_sigstore (e, requirement, error);
    case SC_REQUIREMENT_UNSUPPORTED:
      return sc_fail (error, SC_ERROR_UNSUPPORTED, "the trust policy (%s) wants %s, which is not supported",
                      e->rule_name, requirement->unsupported);
    }
  return sc_fail (error, SC_ERROR_DENIED, "the trust policy (%s) has an unknown requirement", e->rule_name);
}

/* (transfer full) */
static char *
verdict_text (const Evaluation *e)
{
  g_autoptr (GString) text = g_string_new (NULL);

  if (e->policy->path == NULL)
    return g_strdup (SC_VERIFICATION_NONE ": there is no trust policy");
  if (e->signers->len == 0)
    return g_strdup_printf (SC_VERIFICATION_NONE ": the policy accepts anything (%s)", e->rule_name);
  for (guint i = 0; i < e->signers->len; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? ", " : "", (const char *)g_ptr_array_index (e->signers, i));
  g_string_append_printf (text, " (policy: %s)", e->rule_name);
  return sc_name_escape (text->str);
}

gboolean
sc_policy_evaluate (const ScPolicy *policy, ScBlobSource *source, const ScManifest *manifest, ScVerdict *out,
                    GCancellable *cancellable, GError **error)
{
  g_auto (Evaluation) e = { .policy = policy,
                            .source = source,
                            .manifest = manifest,
                            .cancellable = cancellable,
                            .signers = g_ptr_array_new_with_free_func (g_free),
                            .accepted = g_ptr_array_new_with_free_func ((GDestroyNotify)g_bytes_unref) };

  if (!find_rule (&e, error))
    return FALSE;
  for (guint i = 0; i < e.rule->requirements->len; i++)
    if (!check_requirement (&e, g_ptr_array_index (e.rule->requirements, i), error))
      return FALSE;
  out->text = verdict_text (&e);
  out->checked = e.signers->len > 0;
  out->signatures = g_steal_pointer (&e.accepted);
  return TRUE;
}
