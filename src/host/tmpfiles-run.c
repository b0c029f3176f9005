/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * systemd-tmpfiles(8) for one file.  The program of this host is run, also for another root: it takes --root, and the
 * name of the file as this host sees it.  Its partial successes (65: lines that it could not read, 73: paths that it
 * could not create) are failures here, since a container would start without what its lines ask for.
 */
#include "tmpfiles-run.h"

#include "subprocess.h"

static gboolean
apply (const ScContext *ctx, const char *verb, const char *path, GCancellable *cancellable, GError **error)
{
  g_autofree char *file = sc_context_path (ctx, path);
  g_autofree char *root = ctx->root != NULL ? g_strconcat ("--root=", ctx->root, NULL) : NULL;
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_ptr_array_add (argv, (gpointer) "systemd-tmpfiles");
  g_ptr_array_add (argv, (gpointer)verb);
  if (root != NULL)
    g_ptr_array_add (argv, root);
  g_ptr_array_add (argv, (gpointer) "--");
  g_ptr_array_add (argv, file);
  g_ptr_array_add (argv, NULL);
  if (!sc_subprocess_run ((const char *const *)argv->pdata, NULL, NULL, cancellable, error))
    return sc_prefix (error, "%s", path);
  return TRUE;
}

gboolean
sc_tmpfiles_create (const ScContext *ctx, const char *path, GCancellable *cancellable, GError **error)
{
  return apply (ctx, "--create", path, cancellable, error);
}

gboolean
sc_tmpfiles_remove (const ScContext *ctx, const char *path, GCancellable *cancellable, GError **error)
{
  return apply (ctx, "--remove", path, cancellable, error);
}
