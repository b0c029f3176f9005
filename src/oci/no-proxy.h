/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/**
 * sc_no_proxy_matches:
 * @list: (nullable): value of NO_PROXY
 * @host: name or address as it is in a URL: an IPv6 address in brackets
 * @port: the one that is connected to, also if the URL does not say it
 *
 * Whether @host is reached without a proxy, by the rules that podman and skopeo get from Go: entries are separated by
 * commas; "*" is every host; "example.com" is that host and those below it, ".example.com" and "*.example.com" only
 * those below it; an address is that one, ADDRESS/BITS the ones of a network; a port after name or address limits the
 * entry to that one.  This machine (localhost, 127.0.0.0/8, [::1]) always is.
 */
gboolean sc_no_proxy_matches (const char *list, const char *host, const char *port);
