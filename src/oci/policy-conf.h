/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "context.h"
#include "full-name.h"

/*
 * The administrator's trust policy: containers-policy.json(5).  Parsing is strict: a member that is unknown or given
 * twice, or a value of the wrong form, anywhere in the file, is an error, so that no image is let through by a policy
 * that was not understood.
 */

typedef enum
{
  SC_REQUIREMENT_ACCEPT,      /* insecureAcceptAnything */
  SC_REQUIREMENT_REJECT,      /* reject */
  SC_REQUIREMENT_SIGNED_BY,   /* signedBy */
  SC_REQUIREMENT_SIGSTORE,    /* sigstoreSigned */
  SC_REQUIREMENT_UNSUPPORTED, /* known to the format, never fulfilled here */
} ScRequirementKind;

typedef enum
{
  SC_IDENTITY_EXACT,                /* matchExact */
  SC_IDENTITY_REPO_DIGEST_OR_EXACT, /* matchRepoDigestOrExact */
  SC_IDENTITY_REPOSITORY,           /* matchRepository */
  SC_IDENTITY_EXACT_REFERENCE,      /* exactReference */
  SC_IDENTITY_EXACT_REPOSITORY,     /* exactRepository */
  SC_IDENTITY_REMAP,                /* remapIdentity */
} ScIdentityKind;

/* Whose name a signature must be for. */
typedef struct
{
  ScIdentityKind kind;
  ScFullName name;     /* of the two exact ones */
  char *prefix;        /* (nullable): of remapIdentity */
  char *signed_prefix; /* (nullable) */
} ScSignedIdentity;

/* Keys or certificates: in files, named by paths inside the context's root, or in the policy itself. */
typedef struct
{
  GPtrArray *paths; /* (element-type utf8) */
  GPtrArray *data;  /* (element-type GBytes) */
} ScKeySources;

typedef struct
{
  ScRequirementKind kind;
  const char *unsupported; /* (nullable): what is not supported */
  ScSignedIdentity identity;
  ScKeySources keys;
  gboolean fulcio; /* the certificates below instead of @keys */
  ScKeySources ca;
  char *oidc_issuer;   /* (nullable) */
  char *subject_email; /* (nullable) */
  ScKeySources rekor;  /* may be empty */
} ScRequirement;

/* What holds for one scope. */
typedef struct
{
  char *transport;         /* (nullable): NULL: everything that no other rule is for */
  char *scope;             /* "": the rest of the transport */
  GPtrArray *requirements; /* (element-type ScRequirement): at least one, all must be fulfilled */
} ScPolicyRule;

typedef struct
{
  const ScContext *ctx; /* (nullable) */
  char *path;           /* (nullable): inside the context's root; NULL: there is no policy file */
  GPtrArray *rules;     /* (element-type ScPolicyRule): the default first, then as in the file */
} ScPolicy;

#define SC_POLICY_PATH     "/etc/containers/policy.json"
#define SC_POLICY_MAX_SIZE (4 * 1024 * 1024)

/* How the verdict on an image begins that no signature was wanted of. */
#define SC_VERIFICATION_NONE "not checked"

/* Sets *@out (transfer full) (nullable) to the path, inside the root, of the policy file that counts:
 * ~/.config/containers/policy.json if it is there, else SC_POLICY_PATH, NULL if that is not there either. */
gboolean sc_policy_find_file (const ScContext *ctx, char **out, GError **error) SC_CHECK;

/**
 * sc_policy_load:
 * @ctx: must outlive the policy
 *
 * The policy file that counts.  None at all is a policy that accepts anything and says so in its verdict.
 *
 * Errors: SC_ERROR_INVALID, SC_ERROR_LIMIT, G_IO_ERROR; all name the file.
 */
ScPolicy *sc_policy_load (const ScContext *ctx, GError **error) SC_CHECK;

/* @path: as ScPolicy has it, for messages. */
ScPolicy *sc_policy_parse (const ScContext *ctx, const char *path, GBytes *text, GError **error) SC_CHECK;
void sc_policy_free (ScPolicy *policy);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScPolicy, sc_policy_free)

/* The rule for an image of @transport that is in @scopes (element-type utf8), the narrowest first; never NULL. */
const ScPolicyRule *sc_policy_find (const ScPolicy *policy, const char *transport, const GPtrArray *scopes);

/* (transfer full) (array zero-terminated=1): whom the rule's requirement @requirement trusts, for a person: mail
 * addresses or fingerprints of its keys, or their paths where they cannot be read. */
char **sc_policy_trusted_names (const ScPolicy *policy, const ScRequirement *requirement);

/* (transfer full): "docker quay.io/x", "docker default", "default". */
char *sc_policy_rule_name (const ScPolicyRule *rule);

/* Is @scope one that an image of @transport can be in? SC_ERROR_INVALID. */
gboolean sc_policy_check_scope (const char *transport, const char *scope, GError **error) SC_CHECK;

/* Does a signature for @signed_name (text out of the signature) fulfil @identity for the image @image (nullable: the
 * image has no name of a registry)? */
gboolean sc_signed_identity_matches (const ScSignedIdentity *identity, const ScFullName *image,
                                     const char *signed_name);
