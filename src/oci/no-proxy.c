/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Which hosts are reached without a proxy.  libcurl's own rules are others (no ports, and no difference between a name
 * with and without a dot before it), so it is not asked.  An entry that makes no sense matches nothing.
 */

#include "no-proxy.h"

#include <arpa/inet.h>
#include <string.h>

#include "reference.h"

#define V4_BITS  32
#define V6_BITS  128
#define V4_START 12 /* bytes before an IPv4 address that is written as one of IPv6 */

typedef struct
{
  guint8 bytes[16];
  gboolean v4;
} Address;

static gboolean
parse_address (const char *text, Address *out)
{
  static const guint8 mapped[V4_START] = { [10] = 0xff, [11] = 0xff };

  out->v4 = inet_pton (AF_INET, text, out->bytes + V4_START) == 1;
  if (out->v4)
    memcpy (out->bytes, mapped, V4_START);
  else if (inet_pton (AF_INET6, text, out->bytes) == 1)
    out->v4 = memcmp (out->bytes, mapped, V4_START) == 0;
  else
    return FALSE;
  return TRUE;
}

/* The first @bits of the two are the same. */
static gboolean
same_prefix (const Address *a, const Address *b, guint bits)
{
  guint whole = bits / 8, rest = bits % 8;
  guint8 mask = (guint8)(0xff00u >> rest);

  return memcmp (a->bytes, b->bytes, whole) == 0 && (rest == 0 || (a->bytes[whole] & mask) == (b->bytes[whole] & mask));
}

/* @entry is ADDRESS/BITS. */
static gboolean
network_matches (const char *entry, const char *slash, const Address *address)
{
  g_autofree char *start = g_strndup (entry, (gsize)(slash - entry));
  gboolean written_v4 = strchr (start, ':') == NULL;
  guint64 bits = 0;
  Address network;

  if (address == NULL || !parse_address (start, &network)
      || !g_ascii_string_to_unsigned (slash + 1, 10, 0, written_v4 ? V4_BITS : V6_BITS, &bits, NULL))
    return FALSE;
  if (written_v4)
    bits += V4_START * 8;
  return network.v4 == address->v4 && same_prefix (&network, address, (guint)bits);
}

/* Takes the port off @entry, and the brackets of an IPv6 address before it; NULL: there is none. */
static const char *
split_port (char *entry)
{
  char *colon = strrchr (entry, ':');
  gsize length = 0;

  if (colon == NULL)
    return NULL;
  if (entry[0] == '[')
    {
      if (colon[-1] != ']')
        return NULL;
      *colon = '\0';
      length = strlen (entry);
      memmove (entry, entry + 1, length);
      entry[length - 2] = '\0';
      return colon + 1;
    }
  /* More than one colon: an IPv6 address. */
  if (strchr (entry, ':') != colon)
    return NULL;
  *colon = '\0';
  return colon + 1;
}

static gboolean
name_matches (const char *name, const char *host)
{
  if (g_str_has_prefix (name, "*."))
    name++;
  if (name[0] == '.')
    return g_str_has_suffix (host, name);
  return strcmp (name, host) == 0 || (g_str_has_suffix (host, name) && host[strlen (host) - strlen (name) - 1] == '.');
}

/* @entry: lower case, without spaces. */
static gboolean
entry_matches (char *entry, const char *host, const Address *address, const char *port)
{
  const char *slash = strchr (entry, '/');
  const char *only = NULL;
  Address wanted;

  if (strcmp (entry, "*") == 0)
    return TRUE;
  if (slash != NULL)
    return network_matches (entry, slash, address);
  only = split_port (entry);
  if (entry[0] == '\0' || (only != NULL && only[0] != '\0' && strcmp (only, port) != 0))
    return FALSE;
  if (parse_address (entry, &wanted))
    return address != NULL && memcmp (wanted.bytes, address->bytes, sizeof wanted.bytes) == 0;
  return name_matches (entry, host);
}

gboolean
sc_no_proxy_matches (const char *list, const char *host, const char *port)
{
  g_autofree char *name = g_ascii_strdown (host, -1);
  g_auto (GStrv) entries = list != NULL ? g_strsplit (list, ",", -1) : NULL;
  gsize length = strlen (name);
  Address address;
  gboolean has_address;

  if (sc_registry_is_loopback (host))
    return TRUE;
  if (name[0] == '[' && name[length - 1] == ']')
    {
      name[length - 1] = '\0';
      memmove (name, name + 1, length - 1);
    }
  has_address = parse_address (name, &address);
  for (gsize i = 0; entries != NULL && entries[i] != NULL; i++)
    {
      g_autofree char *entry = g_ascii_strdown (g_strstrip (entries[i]), -1);

      if (entry_matches (entry, name, has_address ? &address : NULL, port))
        return TRUE;
    }
  return FALSE;
}
