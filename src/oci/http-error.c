/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Turns the codes of libcurl into errors of this program: which host, what failed, why.  Knows curl's wording only to
 * strip it; a wording that it does not know is shown as it is.
 */

#include "http-private.h"

#include <string.h>

#include "names.h"

/* (transfer full): what curl says, or if it says nothing what its code means.  Of "error:0A00010B:SSL routines::wrong
 * version number, errno 0" only the reason, and without curl's own first words. */
static char *
detail_of (const ScHttpFailure *f)
{
  static const char *const openings[] = { "SSL certificate problem: ", "SSL: ", "TLS connect error: " };
  const char *text = f->detail[0] != '\0' ? f->detail : curl_easy_strerror (f->code);
  const char *reason = g_strrstr (text, "SSL routines:");
  g_autofree char *copy = NULL;

  if (strstr (text, "SSL_ERROR_SYSCALL") != NULL)
    return g_strdup ("connection closed during the handshake");
  for (gsize i = 0; i < G_N_ELEMENTS (openings); i++)
    if (g_str_has_prefix (text, openings[i]))
      text += strlen (openings[i]);
  if (reason != NULL)
    text = strrchr (reason, ':') + 1;
  copy = g_strdup (text);
  if (g_str_has_suffix (copy, ", errno 0"))
    copy[strlen (copy) - strlen (", errno 0")] = '\0';
  return sc_name_escape (copy);
}

static gboolean
fail_connect (const ScHttpFailure *f, GError **error)
{
  const char *via = f->through_proxy ? " (a proxy is configured)" : "";

  if (f->code == CURLE_OPERATION_TIMEDOUT)
    return sc_fail (error, SC_ERROR_UNAVAILABLE, "cannot connect to %s%s: no answer within %u seconds", f->host, via,
                    f->connect_timeout);
  if (f->os_error != 0)
    return sc_fail (error, SC_ERROR_UNAVAILABLE, "cannot connect to %s%s: %s", f->host, via, g_strerror (f->os_error));

  g_autofree char *detail = detail_of (f);
  return sc_fail (error, SC_ERROR_UNAVAILABLE, "cannot connect to %s%s: %s", f->host, via, detail);
}

static gboolean
fail_tls (const ScHttpFailure *f, GError **error)
{
  g_autofree char *detail = detail_of (f);

  switch (f->code)
    {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
      return sc_fail (error, SC_ERROR_DENIED, "TLS: certificate verify failed for %s: %s", f->host, detail);
    case CURLE_SSL_CACERT_BADFILE:
      return sc_fail (error, SC_ERROR_INVALID, "TLS: cannot read the CA certificates to verify %s with: %s", f->host,
                      detail);
    case CURLE_SSL_CERTPROBLEM:
      return sc_fail (error, SC_ERROR_INVALID, "TLS: cannot use the client certificate for %s: %s", f->host, detail);
    default:
      return sc_fail (error, SC_ERROR_UNAVAILABLE, "TLS: no secure connection to %s: %s", f->host, detail);
    }
}

static gboolean
fail_transfer (const ScHttpFailure *f, GError **error)
{
  g_autofree char *detail = detail_of (f);

  switch (f->code)
    {
    case CURLE_PARTIAL_FILE:
      if (f->missing > 0)
        return sc_fail (error, SC_ERROR_UNAVAILABLE, "%s closed the connection %" G_GINT64_FORMAT " bytes early",
                        f->host, f->missing);
      return sc_fail (error, SC_ERROR_UNAVAILABLE, "%s closed the connection early", f->host);
    case CURLE_GOT_NOTHING:
      return sc_fail (error, SC_ERROR_UNAVAILABLE, "%s closed the connection without an answer", f->host);
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
      return sc_fail (error, SC_ERROR_UNAVAILABLE, "lost the connection to %s: %s", f->host, detail);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_FILESIZE_EXCEEDED:
      return sc_fail (error, SC_ERROR_INVALID, "%s does not speak HTTP as it should: %s", f->host, detail);
    default:
      return sc_fail (error, SC_ERROR_UNAVAILABLE, "%s: %s", f->host, detail);
    }
}

gboolean
sc_http_fail (const ScHttpFailure *f, GError **error)
{
  switch (f->code)
    {
    case CURLE_COULDNT_RESOLVE_HOST:
      return sc_fail (error, SC_ERROR_UNAVAILABLE, "cannot resolve host '%s'", f->host);
    case CURLE_COULDNT_RESOLVE_PROXY:
      return sc_fail (error, SC_ERROR_UNAVAILABLE, "cannot connect to %s: cannot resolve the host of its proxy",
                      f->host);
    case CURLE_COULDNT_CONNECT:
    case CURLE_PROXY:
    case CURLE_OPERATION_TIMEDOUT:
      return fail_connect (f, error);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT:
      return fail_tls (f, error);
    default:
      return fail_transfer (f, error);
    }
}
