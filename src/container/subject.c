/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Containers and images under one name: a container's name has no ':' and no '/', so an image can always be named in a
 * way that is none.
 */
#include "subject.h"

#include "remote.h"

void
sc_subject_clear (ScSubject *subject)
{
  g_clear_pointer (&subject->deployment, sc_deployment_free);
  g_clear_pointer (&subject->image, sc_image_free);
}

gboolean
sc_subject_find (const ScContext *ctx, ScStore *store, const char *text, ScSubject *out_subject,
                 GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_auto (ScSubject) found = { 0 };

  if (sc_container_name_check (text, NULL))
    {
      found.deployment = sc_deployment_load (ctx, text, &local);
      if (found.deployment == NULL && !g_error_matches (local, SC_ERROR, SC_ERROR_NOT_FOUND))
        return g_propagate_error (error, g_steal_pointer (&local)), FALSE;
      g_clear_error (&local);
    }
  if (found.deployment == NULL)
    found.image = sc_image_find (store, text, cancellable, &local);
  else if (found.deployment->commit != NULL && found.deployment->image != NULL)
    {
      /* That it is there no more is no error yet. */
      g_autoptr (GError) ignored = NULL;

      found.image = sc_image_find_commit (store, found.deployment->image, found.deployment->commit, &ignored);
      if (found.image == NULL)
        g_debug ("%s", ignored->message);
    }
  if (local != NULL && g_error_matches (local, SC_ERROR, SC_ERROR_NOT_FOUND))
    return sc_fail (error, SC_ERROR_NOT_FOUND, "no container and no image '%s'", text);
  if (local != NULL)
    return g_propagate_error (error, g_steal_pointer (&local)), FALSE;
  *out_subject = found;
  found = (ScSubject){ 0 };
  return TRUE;
}

int
sc_subject_open_root (const ScContext *ctx, const ScDeployment *deployment, GError **error)
{
  int fd = sc_deployment_open_root (ctx, deployment, error);

  if (fd < 0)
    (void)sc_prefix (error, "container %s", deployment->name);
  return fd;
}
