/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "reference.h"

/*
 * Names of images in a registry in their fully expanded form, as containers-policy.json(5), containers-registries.d(5)
 * and signatures use them: "docker.io/library/busybox" for "busybox".  Internal to oci.
 */

typedef struct
{
  char *name;   /* "HOST[:PORT]/REPOSITORY" */
  char *tag;    /* (nullable) */
  char *digest; /* (nullable) */
} ScFullName;

void sc_full_name_clear (ScFullName *name);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ScFullName, sc_full_name_clear)

/* (transfer full): @text, "HOST[:PORT][/...]" or "*.DOMAIN", with its host in lower case, as that of references is:
 * names of hosts are the same in either case (RFC 4343), and a rule for a host must not be evaded, or never hold, by
 * the way it is written. */
char *sc_full_name_fold (const char *text);

/* From the text of a signature or a configuration file: "[HOST/]REPOSITORY[:TAG][@DIGEST]" and nothing else;
 * SC_ERROR_INVALID. */
gboolean sc_full_name_parse (const char *text, ScFullName *out, GError **error) SC_CHECK;

/* What @ref names; TRUE if it names an image of a registry.  Without a tag or digest the tag is "latest"; with both,
 * the digest counts alone. */
gboolean sc_full_name_of (const ScReference *ref, ScFullName *out);

/* (transfer full): "NAME[:TAG][@DIGEST]". */
char *sc_full_name_format (const ScFullName *name);

/* (transfer full) (element-type utf8): the scopes that @name is in, the narrowest first: itself, its repository, the
 * namespaces above it down to the host, and "*.DOMAIN" for each domain that the host (its port left off) is in. */
GPtrArray *sc_full_name_scopes (const ScFullName *name);
