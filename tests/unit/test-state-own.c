/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which directories may be recorded as a container's own. */
#include "state-own.h"

#include "root-fixture.h"

static void
check (const ScStateOwner *owner, const char *const *dirs, gboolean wanted)
{
  for (; *dirs != NULL; dirs++)
    {
      if (sc_state_may_be_own (owner, *dirs) != wanted)
        g_test_message ("%s", *dirs);
      g_assert_true (sc_state_may_be_own (owner, *dirs) == wanted);
    }
}

static void
test_places (void)
{
  static const char *const own[] = {
    "/var/lib/box", "/var/lib/other/x", "/var/cache/x",         "/var/log/x", "/var/spool/x",  "/var/opt/x",   "/srv/x",
    "/opt/x/y",     "/run/x",           "/var/lib/private/box", "/etc/box",   "/etc/box-conf", "/etc/box.d/x", NULL
  };
  static const char *const never[] = { "/",
                                       "/etc",
                                       "/var/lib",
                                       "/srv",
                                       "/x",
                                       "/home/x",
                                       "/root/x",
                                       "/usr/lib/x",
                                       "/var/x",
                                       "/etc/boxes",
                                       "/etc/other",
                                       "/etc/containers",
                                       "/etc/containers/registries.d",
                                       "/etc/atomic.d",
                                       "/etc/pki/box",
                                       "/var/lib/containers",
                                       "/var/lib/containers/sigstore",
                                       "/run/systemd/box",
                                       "/var/lib/rpm",
                                       "/dev/box",
                                       "/srv/auth",
                                       "/var/lib/private",
                                       "/var/cache/private",
                                       "/var/log/private",
                                       "/run/private",
                                       NULL };
  static const char *const set[] = { "/data/state/x", "/data/conf/box", NULL };
  static const char *const beside[] = { "/data", "/data/state", "/data/conf/x", "/data/conf", "/data/x", NULL };
  g_auto (Root) root = { 0 };
  g_auto (ScHostTree) host = { .root = -1 };
  g_autoptr (GHashTable) values = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (ScContext) ctx = NULL;
  g_autoptr (GError) error = NULL;
  ScStateOwner owner = { &host, "box", NULL };

  root_init (&root);
  ctx = sc_context_new (root.path, &error);
  g_assert_no_error (error);
  g_free (ctx->user_config);
  ctx->user_config = g_strdup ("/srv/auth");
  g_assert_true (sc_host_tree_open (ctx, &host, &error));
  check (&owner, own, TRUE);
  check (&owner, never, FALSE);
  check (&owner, set, FALSE);
  g_hash_table_insert (values, (gpointer) "STATE_DIRECTORY", (gpointer) "/data/state");
  g_hash_table_insert (values, (gpointer) "CONF_DIRECTORY", (gpointer) "/data/conf");
  owner.values = values;
  check (&owner, set, TRUE);
  check (&owner, beside, FALSE);
  g_hash_table_insert (values, (gpointer) "STATE_DIRECTORY", (gpointer) "/");
  check (&owner, never, FALSE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/state-own/places", test_places);
  return g_test_run ();
}
