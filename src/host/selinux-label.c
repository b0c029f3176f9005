/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What SELinux's policy says of a path.  The policy is read once, when the first file asks, and not at all where
 * SELinux is off.
 */
#include "selinux-label.h"

#include <selinux/context.h>
#include <selinux/label.h>
#include <selinux/selinux.h>
#include <string.h>

static gpointer
open_policy (gpointer data)
{
  return is_selinux_enabled () > 0 ? selabel_open (SELABEL_CTX_FILE, NULL, 0) : NULL;
}

char *
sc_selinux_wanted (const char *path, mode_t mode)
{
  static GOnce once = G_ONCE_INIT;
  struct selabel_handle *policy = g_once (&once, open_policy, NULL);
  char *label = NULL, *copy;

  if (policy == NULL || selabel_lookup_raw (policy, &label, path, (int)mode) != 0)
    return NULL;
  /* A path that is to be left alone. */
  copy = label != NULL && strcmp (label, "<<none>>") != 0 ? g_strdup (label) : NULL;
  freecon (label);
  return copy;
}

char *
sc_selinux_label (int fd)
{
  char *label = NULL, *copy;

  if (fgetfilecon_raw (fd, &label) < 0)
    return NULL;
  copy = g_strdup (label);
  freecon (label);
  return copy;
}

gboolean
sc_selinux_is_same (const char *a, const char *b)
{
  context_t x = context_new (a), y = context_new (b);
  gboolean same = x != NULL && y != NULL && g_strcmp0 (context_type_get (x), context_type_get (y)) == 0
                  && g_strcmp0 (context_range_get (x), context_range_get (y)) == 0;

  if (x != NULL)
    context_free (x);
  if (y != NULL)
    context_free (y);
  return same;
}

gboolean
sc_selinux_set (int fd, const char *label)
{
  return fsetfilecon_raw (fd, label) == 0;
}
