/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Image references: text to ScReference and back.  Pure: no file, network or configuration is looked at, and
 * what a name without a registry means is for the caller to say.  What sc_reference_parse() accepts,
 * sc_reference_format() writes such that parsing it again gives the same reference.
 */

#include "reference.h"

#include <arpa/inet.h>
#include <string.h>

#include "digest.h"

#define NAME_MAX_LENGTH 255
#define TAG_MAX_LENGTH  128
#define PORT_MAX        65535
#define NTH_MAX_DIGITS  6

/* What may follow a prefix. */
typedef enum
{
  REST_NAME,     /* NAME[:TAG][@DIGEST] */
  REST_PATH,     /* PATH */
  REST_PATH_TAG, /* PATH[:TAG] */
  REST_PATH_NAME /* PATH[:NAME[:TAG]] or PATH:@N */
} Rest;

typedef struct
{
  const char *prefix;
  ScTransport transport;
  Rest rest;
  gboolean insecure;
  gboolean absolute; /* the path must be */
} Form;

/* In the order in which they are tried: a prefix of another one stands below it. */
static const Form forms[] = {
  { "docker://", SC_TRANSPORT_REGISTRY, REST_NAME, FALSE, FALSE },
  { "docker:", SC_TRANSPORT_DOCKER_DAEMON, REST_NAME, FALSE, FALSE },
  { "docker-daemon:", SC_TRANSPORT_DOCKER_DAEMON, REST_NAME, FALSE, FALSE },
  { "docker-archive:", SC_TRANSPORT_DOCKER_ARCHIVE, REST_PATH_NAME, FALSE, FALSE },
  { "dockertar:", SC_TRANSPORT_DOCKER_ARCHIVE, REST_PATH_NAME, FALSE, TRUE },
  { "oci-archive:", SC_TRANSPORT_OCI_ARCHIVE, REST_PATH_TAG, FALSE, FALSE },
  { "oci:/", SC_TRANSPORT_OCI_LAYOUT, REST_PATH_TAG, FALSE, FALSE },
  { "oci:./", SC_TRANSPORT_OCI_LAYOUT, REST_PATH_TAG, FALSE, FALSE },
  { "oci:../", SC_TRANSPORT_OCI_LAYOUT, REST_PATH_TAG, FALSE, FALSE },
  { "oci:", SC_TRANSPORT_REGISTRY, REST_NAME, FALSE, FALSE },
  { "dir:", SC_TRANSPORT_DIR, REST_PATH, FALSE, FALSE },
  { "containers-storage:", SC_TRANSPORT_CONTAINERS_STORAGE, REST_NAME, FALSE, FALSE },
  { "http:", SC_TRANSPORT_REGISTRY, REST_NAME, TRUE, FALSE },
};

static const Form plain_form = { "", SC_TRANSPORT_REGISTRY, REST_NAME, FALSE, FALSE };

static const Form *
find_form (const char *text)
{
  for (gsize i = 0; i < G_N_ELEMENTS (forms); i++)
    if (g_str_has_prefix (text, forms[i].prefix))
      return &forms[i];
  return &plain_form;
}

static gboolean
parse_tag (const char *tag, ScReference *ref, GError **error)
{
  if (*tag == '\0')
    return sc_fail (error, SC_ERROR_USAGE, "the tag after ':' is empty");
  if (strlen (tag) > TAG_MAX_LENGTH)
    return sc_fail (error, SC_ERROR_USAGE, "the tag is longer than %d characters", TAG_MAX_LENGTH);
  for (const char *p = tag; *p != '\0'; p++)
    if (!g_ascii_isalnum (*p) && *p != '_' && (p == tag || (*p != '.' && *p != '-')))
      return sc_fail (error, SC_ERROR_USAGE, "invalid tag '%s'", tag);
  ref->tag = g_strdup (tag);
  return TRUE;
}

static gboolean
parse_digest (const char *digest, ScReference *ref, GError **error)
{
  g_autoptr (GError) reason = NULL;

  if (!sc_digest_check (digest, &reason))
    {
      if (g_error_matches (reason, SC_ERROR, SC_ERROR_UNSUPPORTED))
        return sc_fail (error, SC_ERROR_USAGE, "digest algorithm '%.*s' is not supported, only sha256 is",
                        (int)strcspn (digest, ":"), digest);
      return sc_fail (error, SC_ERROR_USAGE, "invalid digest '%s'", digest);
    }
  ref->digest = g_strdup (digest);
  return TRUE;
}

static gboolean
check_port (const char *port, GError **error)
{
  gsize n = strspn (port, "0123456789");

  if (n == 0 || n > 5 || port[n] != '\0' || *port == '0' || g_ascii_strtoull (port, NULL, 10) > PORT_MAX)
    return sc_fail (error, SC_ERROR_USAGE, "invalid port '%s'", port);
  return TRUE;
}

/* "[address]" or "[address]:port". */
static gboolean
check_ipv6_registry (const char *registry, GError **error)
{
  const char *end = strchr (registry, ']');
  g_autofree char *address = NULL;
  struct in6_addr binary;

  if (end == NULL)
    return sc_fail (error, SC_ERROR_USAGE, "the IPv6 address after '[' is not closed by ']'");
  address = g_strndup (registry + 1, (gsize)(end - registry - 1));
  if (inet_pton (AF_INET6, address, &binary) != 1)
    return sc_fail (error, SC_ERROR_USAGE, "'%s' is not an IPv6 address", address);
  if (end[1] == '\0')
    return TRUE;
  if (end[1] != ':')
    return sc_fail (error, SC_ERROR_USAGE, "bad character after the IPv6 address [%s]", address);
  return check_port (end + 2, error);
}

/* Host names are letters, digits and inner hyphens between single dots. */
static gboolean
check_host (const char *host, GError **error)
{
  for (const char *p = host;; p++)
    {
      gboolean edge = p == host || p[-1] == '.' || p[1] == '.' || p[1] == '\0';

      if (!g_ascii_isalnum (*p) && (edge || (*p != '-' && *p != '.')))
        return sc_fail (error, SC_ERROR_USAGE, "bad character in the registry's host name '%s'", host);
      if (p[1] == '\0')
        return TRUE;
    }
}

static gboolean
parse_registry (const char *registry, ScReference *ref, GError **error)
{
  if (*registry == '[')
    {
      if (!check_ipv6_registry (registry, error))
        return FALSE;
    }
  else
    {
      const char *colon = strchr (registry, ':');
      g_autofree char *host = colon != NULL ? g_strndup (registry, (gsize)(colon - registry)) : g_strdup (registry);

      if (*host == '\0')
        return sc_fail (error, SC_ERROR_USAGE, "the registry's host name is empty");
      if (!check_host (host, error))
        return FALSE;
      if (colon != NULL && !check_port (colon + 1, error))
        return FALSE;
    }
  ref->registry = g_ascii_strdown (registry, -1);
  return TRUE;
}

/* Letters and digits, with single ".", "_" or "__", or any number of "-" between them. */
static gboolean
check_component (const char *component, GError **error)
{
  const char *p = component;

  for (; *p != '\0'; p++)
    {
      gsize n = 1;

      if (g_ascii_islower (*p) || g_ascii_isdigit (*p))
        continue;
      if (*p == '-')
        n = strspn (p, "-");
      else if (*p == '_')
        n = p[1] == '_' ? 2 : 1;
      else if (*p != '.')
        break;
      if (p == component || (!g_ascii_islower (p[n]) && !g_ascii_isdigit (p[n])))
        break;
      p += n;
    }
  if (*p != '\0')
    return sc_fail (error, SC_ERROR_USAGE, "bad character in the repository name '%s', at position %zu", component,
                    (gsize)(p - component) + 1);
  return TRUE;
}

static gboolean
parse_repository (const char *repository, ScReference *ref, GError **error)
{
  g_auto (GStrv) components = g_strsplit (repository, "/", -1);

  if (*repository == '\0')
    return sc_fail (error, SC_ERROR_USAGE, "the repository name is empty");
  for (const char *p = repository; *p != '\0'; p++)
    if (g_ascii_isupper (*p))
      return sc_fail (error, SC_ERROR_USAGE, "the repository name must be in lower case");
  for (gsize i = 0; components[i] != NULL; i++)
    {
      if (*components[i] == '\0')
        return sc_fail (error, SC_ERROR_USAGE, "the name has an empty component");
      if (!check_component (components[i], error))
        return FALSE;
    }
  ref->repository = g_strdup (repository);
  return TRUE;
}

/* Without a dot, a port or an upper-case letter it is the first component of a repository. */
static gboolean
is_registry (const char *component)
{
  if (strpbrk (component, ".:[") != NULL || strcmp (component, "localhost") == 0)
    return TRUE;
  for (const char *p = component; *p != '\0'; p++)
    if (g_ascii_isupper (*p))
      return TRUE;
  return FALSE;
}

/* [registry[:port]/]repository[:tag][@digest] */
static gboolean
parse_name (const char *text, ScReference *ref, GError **error)
{
  g_autofree char *name = g_strdup (text);
  char *at = strchr (name, '@');
  char *slash, *colon;

  if (*name == '\0')
    return sc_fail (error, SC_ERROR_USAGE, "the name is empty");
  if (at != NULL)
    {
      *at = '\0';
      if (!parse_digest (at + 1, ref, error))
        return FALSE;
    }
  slash = strrchr (name, '/');
  if (slash == NULL && *name == '[')
    return check_ipv6_registry (name, error)
           && sc_fail (error, SC_ERROR_USAGE, "it names a registry but no repository");
  colon = strchr (slash != NULL ? slash : name, ':');
  if (colon != NULL)
    {
      *colon = '\0';
      if (!parse_tag (colon + 1, ref, error))
        return FALSE;
    }
  if (strlen (name) > NAME_MAX_LENGTH)
    return sc_fail (error, SC_ERROR_USAGE, "the name is longer than %d characters", NAME_MAX_LENGTH);

  slash = strchr (name, '/');
  if (slash == NULL)
    return parse_repository (name, ref, error);
  *slash = '\0';
  if (is_registry (name))
    return parse_registry (name, ref, error) && parse_repository (slash + 1, ref, error);
  *slash = '/';
  return parse_repository (name, ref, error);
}

/* "@N", as skopeo names an image of an archive that may have no name of its own. */
static gboolean
parse_nth (const char *text, ScReference *ref, GError **error)
{
  gsize n = strspn (text, "0123456789");

  if (n == 0 || n > NTH_MAX_DIGITS || text[n] != '\0' || (n > 1 && *text == '0'))
    return sc_fail (error, SC_ERROR_USAGE, "'@%s' is not the number of an image, from @0 on", text);
  ref->nth = (guint)g_ascii_strtoull (text, NULL, 10) + 1;
  return TRUE;
}

/* What looks like the tag of a repository "sha256" is an id to the daemon's own tools. */
static gboolean
parse_daemon_name (const char *text, ScReference *ref, GError **error)
{
  if (g_str_has_prefix (text, "sha256:") && sc_digest_is_hex (text + strlen ("sha256:")))
    {
      ref->id = g_strdup (text);
      return TRUE;
    }
  return parse_name (text, ref, error);
}

static gboolean
parse_path (const Form *form, const char *text, ScReference *ref, GError **error)
{
  const char *end = NULL;

  if (form->rest == REST_PATH_NAME)
    end = strchr (text, ':');
  else if (form->rest == REST_PATH_TAG)
    end = strrchr (text, ':');
  if (end != NULL && form->rest == REST_PATH_TAG && strchr (end, '/') != NULL)
    end = NULL;

  if (*text == '\0' || end == text)
    return sc_fail (error, SC_ERROR_USAGE, "the path is empty");
  if (form->absolute && *text != '/')
    return sc_fail (error, SC_ERROR_USAGE, "the path must be absolute");
  /* "dockertar://a" is the file "/a". */
  while (form->absolute && text[0] == '/' && text[1] == '/')
    text++;
  ref->path = end != NULL ? g_strndup (text, (gsize)(end - text)) : g_strdup (text);
  if (end == NULL)
    return TRUE;
  if (form->rest == REST_PATH_TAG)
    return parse_tag (end + 1, ref, error);
  if (end[1] == '@')
    return parse_nth (end + 2, ref, error);
  if (!parse_name (end + 1, ref, error))
    return FALSE;
  if (ref->digest != NULL)
    return sc_fail (error, SC_ERROR_USAGE, "an image of an archive is named by its tag, not by a digest");
  return TRUE;
}

ScReference *
sc_reference_parse (const char *text, GError **error)
{
  g_autoptr (ScReference) ref = g_new0 (ScReference, 1);
  const Form *form;
  const char *rest;
  gboolean ok;

  if (*text == '\0')
    return sc_fail_null (error, SC_ERROR_USAGE, "the image reference '' is empty");
  form = find_form (text);
  ref->transport = form->transport;
  ref->insecure = form->insecure;
  /* The path of a layout begins within what its prefix is told by. */
  rest = text + (form->transport == SC_TRANSPORT_OCI_LAYOUT ? strlen ("oci:") : strlen (form->prefix));
  if (form->transport == SC_TRANSPORT_DOCKER_DAEMON)
    ok = parse_daemon_name (rest, ref, error);
  else
    ok = form->rest == REST_NAME ? parse_name (rest, ref, error) : parse_path (form, rest, ref, error);
  if (!ok)
    return sc_prefix_null (error, "invalid image reference '%.300s'", text);
  return g_steal_pointer (&ref);
}

void
sc_reference_free (ScReference *ref)
{
  if (ref == NULL)
    return;
  g_free (ref->path);
  g_free (ref->registry);
  g_free (ref->repository);
  g_free (ref->tag);
  g_free (ref->digest);
  g_free (ref->id);
  g_free (ref);
}

ScReference *
sc_reference_copy (const ScReference *ref)
{
  ScReference *copy = g_new0 (ScReference, 1);

  copy->transport = ref->transport;
  copy->insecure = ref->insecure;
  copy->path = g_strdup (ref->path);
  copy->registry = g_strdup (ref->registry);
  copy->repository = g_strdup (ref->repository);
  copy->tag = g_strdup (ref->tag);
  copy->digest = g_strdup (ref->digest);
  copy->id = g_strdup (ref->id);
  copy->nth = ref->nth;
  return copy;
}

/* "[registry/]repository".  A registry that only its upper-case letters told from a repository gets them back. */
static GString *
format_repository (const ScReference *ref)
{
  GString *out = g_string_new (NULL);

  if (ref->registry != NULL)
    {
      g_autofree char *upper = g_ascii_strup (ref->registry, -1);
      g_string_append_printf (out, "%s/", is_registry (ref->registry) ? ref->registry : upper);
    }
  return g_string_append (out, ref->repository);
}

static char *
format_name (const ScReference *ref)
{
  GString *out = format_repository (ref);

  if (ref->tag != NULL)
    g_string_append_printf (out, ":%s", ref->tag);
  if (ref->digest != NULL)
    g_string_append_printf (out, "@%s", ref->digest);
  return g_string_free (out, FALSE);
}

char *
sc_reference_format (const ScReference *ref)
{
  g_autofree char *name = ref->repository != NULL ? format_name (ref) : NULL;
  const char *last = ref->repository != NULL ? name : ref->tag;

  if (ref->nth > 0)
    return g_strdup_printf ("%s:%s:@%u", sc_transport_name (ref->transport), ref->path, ref->nth - 1);
  if (ref->id != NULL)
    return g_strconcat (sc_transport_name (ref->transport), ":", ref->id, NULL);
  switch (ref->transport)
    {
    case SC_TRANSPORT_REGISTRY:
      if (ref->insecure)
        return g_strconcat ("http:", name, NULL);
      /* A repository may be called "dir" and have a tag. */
      return g_strconcat (find_form (name) != &plain_form ? "docker://" : "", name, NULL);
    case SC_TRANSPORT_OCI_LAYOUT:
    case SC_TRANSPORT_OCI_ARCHIVE:
    case SC_TRANSPORT_DOCKER_ARCHIVE:
    case SC_TRANSPORT_DIR:
      return g_strconcat (sc_transport_name (ref->transport), ":", ref->path, last != NULL ? ":" : NULL, last, NULL);
    case SC_TRANSPORT_DOCKER_DAEMON:
    case SC_TRANSPORT_CONTAINERS_STORAGE:
      return g_strconcat (sc_transport_name (ref->transport), ":", name, NULL);
    }
  g_return_val_if_reached (NULL);
}

char *
sc_reference_store_name (const ScReference *ref)
{
  GString *out;

  if (ref->repository == NULL)
    return NULL;
  out = format_repository (ref);
  if (ref->digest != NULL)
    g_string_append_printf (out, "@%s", ref->digest);
  else
    g_string_append_printf (out, ":%s", ref->tag != NULL ? ref->tag : "latest");
  return g_string_free (out, FALSE);
}

const char *
sc_transport_name (ScTransport transport)
{
  switch (transport)
    {
    case SC_TRANSPORT_REGISTRY:
      return "registry";
    case SC_TRANSPORT_OCI_LAYOUT:
      return "oci";
    case SC_TRANSPORT_OCI_ARCHIVE:
      return "oci-archive";
    case SC_TRANSPORT_DOCKER_ARCHIVE:
      return "docker-archive";
    case SC_TRANSPORT_DOCKER_DAEMON:
      return "docker-daemon";
    case SC_TRANSPORT_DIR:
      return "dir";
    case SC_TRANSPORT_CONTAINERS_STORAGE:
      return "containers-storage";
    }
  g_return_val_if_reached (NULL);
}

gboolean
sc_registry_is_loopback (const char *registry)
{
  g_autofree char *host = NULL;
  struct in_addr v4;
  struct in6_addr v6;

  if (*registry == '[')
    {
      const char *end = strchr (registry, ']');

      host = g_strndup (registry + 1, end != NULL ? (gsize)(end - registry - 1) : 0);
      return inet_pton (AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK (&v6);
    }
  host = g_strndup (registry, strcspn (registry, ":"));
  if (g_ascii_strcasecmp (host, "localhost") == 0)
    return TRUE;
  return inet_pton (AF_INET, host, &v4) == 1 && (ntohl (v4.s_addr) >> 24) == 127;
}
