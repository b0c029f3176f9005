/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The keys that a policy names, read.  Paths are taken inside the root of the policy's context.
 */

#include "policy-private.h"

#include <fcntl.h>

#include "fs.h"
#include "gpg.h"

#define KEY_MAX ((gsize)16 * 1024 * 1024)

static GBytes *
read_key (const ScContext *ctx, const char *path, GError **error)
{
  SC_AUTOFD int root = ctx != NULL ? sc_context_open_root (ctx, error) : open ("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  SC_AUTOFD int fd = -1;

  if (root < 0)
    return NULL;
  fd = sc_fs_open_in_root (root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, error);
  return fd >= 0 ? sc_fs_read_fd (fd, path, KEY_MAX, error) : NULL;
}

GPtrArray *
sc_key_sources_read (const ScContext *ctx, const ScKeySources *sources, GError **error)
{
  g_autoptr (GPtrArray) keys = g_ptr_array_new_with_free_func ((GDestroyNotify)g_bytes_unref);

  for (guint i = 0; i < sources->paths->len; i++)
    {
      const char *path = g_ptr_array_index (sources->paths, i);
      GBytes *key = read_key (ctx, path, error);

      if (key == NULL)
        return sc_prefix_null (error, "trust policy: key");
      g_ptr_array_add (keys, key);
    }
  for (guint i = 0; i < sources->data->len; i++)
    g_ptr_array_add (keys, g_bytes_ref (g_ptr_array_index (sources->data, i)));
  return g_steal_pointer (&keys);
}

static void
add_names (GPtrArray *names, GBytes *blob, const char *fallback)
{
  g_autoptr (ScGpgKeys) keys = blob != NULL ? sc_gpg_keys_new (NULL) : NULL;
  g_auto (GStrv) found = NULL;

  if (keys == NULL || !sc_gpg_keys_add (keys, blob, NULL))
    {
      g_ptr_array_add (names, g_strdup_printf ("%s (unusable)", fallback));
      return;
    }
  found = sc_gpg_keys_names (keys);
  for (char **name = found; *name != NULL; name++)
    g_ptr_array_add (names, g_strdup (*name));
}

char **
sc_policy_trusted_names (const ScPolicy *policy, const ScRequirement *requirement)
{
  GPtrArray *names = g_ptr_array_new ();
  const ScKeySources *sources = &requirement->keys;
  gboolean gpg = requirement->kind == SC_REQUIREMENT_SIGNED_BY;

  if (requirement->fulcio)
    g_ptr_array_add (names, g_strdup (requirement->subject_email));
  for (guint i = 0; sources->paths != NULL && i < sources->paths->len; i++)
    {
      const char *path = g_ptr_array_index (sources->paths, i);
      g_autoptr (GBytes) blob = gpg ? read_key (policy->ctx, path, NULL) : NULL;

      if (gpg)
        add_names (names, blob, path);
      else
        g_ptr_array_add (names, g_strdup (path));
    }
  for (guint i = 0; sources->data != NULL && i < sources->data->len; i++)
    {
      if (gpg)
        add_names (names, g_ptr_array_index (sources->data, i), "keyData");
      else
        g_ptr_array_add (names, g_strdup ("keyData"));
    }
  g_ptr_array_add (names, NULL);
  return (char **)g_ptr_array_free (names, FALSE);
}
