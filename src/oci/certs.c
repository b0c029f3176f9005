/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The certs.d directories of a registry, of the user and of the system.  Reads files and checks that they look like
 * what their names say; judging the certificates is the business of TLS.  Nothing outside these directories is opened
 * but what their own links name, inside the root of the context.
 */

#include "certs.h"

#include <fcntl.h>
#include <string.h>

#include "fs.h"
#include "names.h"

#define CERT_MAX_SIZE (1024 * 1024)
#define CA_MAX_SIZE   (16 * 1024 * 1024)

#define USER_DIR ".config/containers/certs.d"

static const char *const cert_dirs[] = { "/etc/containers/certs.d", "/etc/docker/certs.d" };

/* One directory on its way to an ScCerts. */
typedef struct
{
  int root;
  const char *path;
  char **names;
  GByteArray *ca; /* of all directories */
  ScCerts *certs;
} CertDir;

void
sc_certs_free (ScCerts *certs)
{
  if (certs == NULL)
    return;
  g_clear_pointer (&certs->ca, g_bytes_unref);
  g_clear_pointer (&certs->client_cert, g_bytes_unref);
  g_clear_pointer (&certs->client_key, g_bytes_unref);
  g_free (certs);
}

/* The reference's grammar has said so already; here it decides which files are opened, so it is checked again. */
static gboolean
registry_is_safe (const char *registry)
{
  if (registry[0] == '\0' || strcmp (registry, ".") == 0 || strcmp (registry, "..") == 0)
    return FALSE;
  for (const char *p = registry; *p != '\0'; p++)
    if (!g_ascii_isalnum (*p) && strchr (".-_:[]", *p) == NULL)
      return FALSE;
  return TRUE;
}

static GBytes *
read_pem (const CertDir *dir, const char *name, const char *what, GError **error)
{
  g_autofree char *path = g_build_filename (dir->path, name, NULL);
  g_autoptr (GBytes) bytes = NULL;
  SC_AUTOFD int fd = sc_fs_open_in_root (dir->root, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0, error);

  if (fd < 0)
    return NULL;
  bytes = sc_fs_read_fd (fd, path, CERT_MAX_SIZE, error);
  if (bytes == NULL)
    return NULL;

  gsize size = 0;
  const char *data = g_bytes_get_data (bytes, &size);
  if (data == NULL || memmem (data, size, "-----BEGIN ", 11) == NULL
      || memmem (data, size, what, strlen (what)) == NULL)
    return sc_fail_null (error, SC_ERROR_INVALID, "%s: there is no %s in it (it must be PEM)", path, what);
  return g_steal_pointer (&bytes);
}

static gboolean
add_ca (CertDir *dir, const char *name, GError **error)
{
  g_autoptr (GBytes) pem = read_pem (dir, name, "CERTIFICATE-----", error);

  if (pem == NULL)
    return FALSE;
  if (dir->ca->len + g_bytes_get_size (pem) > CA_MAX_SIZE)
    return sc_fail (error, SC_ERROR_LIMIT, "%s: more than %d MiB of certificates", dir->path,
                    CA_MAX_SIZE / 1024 / 1024);
  g_byte_array_append (dir->ca, g_bytes_get_data (pem, NULL), (guint)g_bytes_get_size (pem));
  g_byte_array_append (dir->ca, (const guint8 *)"\n", 1);
  return TRUE;
}

/* (transfer full): @name with its suffix replaced. */
static char *
with_suffix (const char *name, const char *suffix)
{
  return g_strdup_printf ("%.*s%s", (int)(strrchr (name, '.') - name), name, suffix);
}

static gboolean
add_client (CertDir *dir, const char *cert, GError **error)
{
  g_autofree char *key = with_suffix (cert, ".key");
  g_autoptr (GBytes) cert_pem = NULL;
  g_autoptr (GBytes) key_pem = NULL;

  if (!g_strv_contains ((const char *const *)dir->names, key))
    return sc_fail (error, SC_ERROR_INVALID, "%s/%s: its key %s is missing (a CA certificate is named *.crt)",
                    dir->path, cert, key);
  if (dir->certs->client_cert != NULL)
    return TRUE;
  cert_pem = read_pem (dir, cert, "CERTIFICATE-----", error);
  if (cert_pem == NULL)
    return FALSE;
  key_pem = read_pem (dir, key, "PRIVATE KEY-----", error);
  if (key_pem == NULL)
    return FALSE;
  dir->certs->client_cert = g_steal_pointer (&cert_pem);
  dir->certs->client_key = g_steal_pointer (&key_pem);
  return TRUE;
}

static gboolean
check_key (const CertDir *dir, const char *key, GError **error)
{
  g_autofree char *cert = with_suffix (key, ".cert");

  if (g_strv_contains ((const char *const *)dir->names, cert))
    return TRUE;
  return sc_fail (error, SC_ERROR_INVALID, "%s/%s: its certificate %s is missing", dir->path, key, cert);
}

static gboolean
read_dir (CertDir *dir, GError **error)
{
  for (gsize i = 0; dir->names[i] != NULL; i++)
    {
      const char *name = dir->names[i];

      if (g_str_has_suffix (name, ".crt") || g_str_has_suffix (name, ".cert"))
        g_debug ("certificates: %s/%s", dir->path, name);
      if (g_str_has_suffix (name, ".crt") && !add_ca (dir, name, error))
        return FALSE;
      if (g_str_has_suffix (name, ".cert") && !add_client (dir, name, error))
        return FALSE;
      if (g_str_has_suffix (name, ".key") && !check_key (dir, name, error))
        return FALSE;
    }
  return TRUE;
}

/* No error if there is no such directory. */
static gboolean
find_dir (int root, const char *path, GByteArray *ca, ScCerts *certs, GError **error)
{
  CertDir dir = { .root = root, .path = path, .ca = ca, .certs = certs };
  g_autoptr (GError) local_error = NULL;
  g_auto (GStrv) names = NULL;
  SC_AUTOFD int fd = sc_fs_open_in_root (root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, &local_error);

  if (fd < 0 && g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    return TRUE;
  if (fd < 0)
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }
  names = sc_fs_list_dir_at (fd, ".", error);
  if (names == NULL)
    return sc_prefix (error, "%s", path);
  dir.names = names;
  return read_dir (&dir, error);
}

ScCerts *
sc_certs_find (const ScContext *ctx, const char *registry, GError **error)
{
  g_autoptr (ScCerts) certs = g_new0 (ScCerts, 1);
  g_autoptr (GByteArray) ca = g_byte_array_new ();
  SC_AUTOFD int root = -1;

  if (!registry_is_safe (registry))
    {
      g_autofree char *shown = sc_name_escape (registry);

      return sc_fail_null (error, SC_ERROR_INVALID, "'%s' is no name of a registry", shown);
    }
  root = sc_context_open_root (ctx, error);
  if (root < 0)
    return NULL;
  if (ctx->home != NULL)
    {
      g_autofree char *path = g_build_filename (ctx->home, USER_DIR, registry, NULL);

      if (!find_dir (root, path, ca, certs, error))
        return NULL;
    }
  for (gsize i = 0; i < G_N_ELEMENTS (cert_dirs); i++)
    {
      g_autofree char *path = g_build_filename (cert_dirs[i], registry, NULL);

      if (!find_dir (root, path, ca, certs, error))
        return NULL;
    }
  if (ca->len > 0)
    certs->ca = g_byte_array_free_to_bytes (g_steal_pointer (&ca));
  return g_steal_pointer (&certs);
}
