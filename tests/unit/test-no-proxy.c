/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which hosts NO_PROXY takes from the proxy: the rules of Go's programs. */

#include "no-proxy.h"

#include <glib.h>

static void
test_table (void)
{
  static const struct
  {
    const char *list, *host, *port;
    gboolean matches;
  } cases[] = {
    { NULL, "example.com", "443", FALSE },
    { "", "example.com", "443", FALSE },
    { ",, ,", "example.com", "443", FALSE },
    { "*", "example.com", "443", TRUE },
    { "other.test, *", "192.0.2.1", "80", TRUE },
    /* A name is itself and what is below it. */
    { "example.com", "example.com", "443", TRUE },
    { "example.com", "EXAMPLE.com", "443", TRUE },
    { "Example.COM", "example.com", "443", TRUE },
    { "example.com", "a.example.com", "443", TRUE },
    { "example.com", "a.b.example.com", "443", TRUE },
    { "example.com", "notexample.com", "443", FALSE },
    { "example.com", "com", "443", FALSE },
    { "example.com", "example.com.evil.test", "443", FALSE },
    { "other.test, example.com ,third.test", "example.com", "443", TRUE },
    /* With a dot, only what is below it. */
    { ".example.com", "example.com", "443", FALSE },
    { ".example.com", "a.example.com", "443", TRUE },
    { "*.example.com", "example.com", "443", FALSE },
    { "*.example.com", "a.example.com", "443", TRUE },
    { "*.example.com", "aexample.com", "443", FALSE },
    { "*example.com", "aexample.com", "443", FALSE },
    /* Ports. */
    { "example.com:443", "example.com", "443", TRUE },
    { "example.com:443", "example.com", "5000", FALSE },
    { "example.com:5000", "a.example.com", "5000", TRUE },
    { ".example.com:5000", "a.example.com", "5000", TRUE },
    { ".example.com:5000", "a.example.com", "80", FALSE },
    { "example.com:", "example.com", "80", TRUE },
    { ":80", "example.com", "80", FALSE },
    /* Addresses and networks. */
    { "192.0.2.1", "192.0.2.1", "80", TRUE },
    { "192.0.2.1", "192.0.2.10", "80", FALSE },
    { "192.0.2.1:80", "192.0.2.1", "80", TRUE },
    { "192.0.2.1:80", "192.0.2.1", "81", FALSE },
    { "192.0.2.0/24", "192.0.2.77", "80", TRUE },
    { "192.0.2.0/24", "192.0.3.77", "80", FALSE },
    { "192.0.2.64/26", "192.0.2.127", "80", TRUE },
    { "192.0.2.64/26", "192.0.2.128", "80", FALSE },
    { "192.0.2.1/32", "192.0.2.1", "80", TRUE },
    { "0.0.0.0/0", "192.0.2.1", "80", TRUE },
    { "0.0.0.0/0", "[2001:db8::1]", "80", FALSE },
    { "0.0.0.0/0", "example.com", "80", FALSE },
    { "192.0.2.0/33", "192.0.2.1", "80", FALSE },
    { "192.0.2.0/", "192.0.2.1", "80", FALSE },
    { "192.0.2/24", "192.0.2.1", "80", FALSE },
    { "2001:db8::1", "[2001:db8::1]", "80", TRUE },
    { "2001:DB8:0:0::1", "[2001:db8::1]", "80", TRUE },
    { "[2001:db8::1]:443", "[2001:db8::1]", "443", TRUE },
    { "[2001:db8::1]:443", "[2001:db8::1]", "80", FALSE },
    { "2001:db8::/32", "[2001:db8:1::5]", "80", TRUE },
    { "2001:db8::/32", "[2001:db9::5]", "80", FALSE },
    { "2001:db8::/129", "[2001:db8::5]", "80", FALSE },
    { "192.0.2.1", "[::ffff:192.0.2.1]", "80", TRUE },
    { "example.com", "192.0.2.1", "80", FALSE },
    /* This machine, whatever the list says. */
    { NULL, "localhost", "5000", TRUE },
    { NULL, "127.0.0.1", "5000", TRUE },
    { "example.com", "127.255.0.9", "5000", TRUE },
    { NULL, "[::1]", "5000", TRUE },
    { NULL, "localhost.example.com", "5000", FALSE },
    { NULL, "128.0.0.1", "5000", FALSE },
    /* What makes no sense. */
    { "[", "example.com", "80", FALSE },
    { "]:80", "example.com", "80", FALSE },
    { "[]:80", "example.com", "80", FALSE },
    { ".", "example.com", "80", FALSE },
    { "*.", "example.com", "80", FALSE },
    { "/", "192.0.2.1", "80", FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    if (sc_no_proxy_matches (cases[i].list, cases[i].host, cases[i].port) != cases[i].matches)
      {
        g_test_message ("NO_PROXY='%s', %s:%s", cases[i].list != NULL ? cases[i].list : "", cases[i].host,
                        cases[i].port);
        g_test_fail ();
      }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/no-proxy/table", test_table);
  return g_test_run ();
}
