/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The journal: text both ways, what is refused, and the rule by which an interrupted operation ends. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "container-lock.h"
#include "fs.h"
#include "journal.h"
#include "recover.h"
#include "root-fixture.h"

static ScJournal *
parse (const char *text, GError **error)
{
  g_autoptr (GBytes) bytes = g_bytes_new (text, strlen (text));

  return sc_journal_parse (bytes, error);
}

static void
test_both_ways (void)
{
  static const ScOperation operations[] = { SC_OPERATION_INSTALL, SC_OPERATION_UPDATE, SC_OPERATION_ROLLBACK,
                                            SC_OPERATION_UNINSTALL };

  for (guint i = 0; i < G_N_ELEMENTS (operations); i++)
    {
      gboolean uninstall = operations[i] == SC_OPERATION_UNINSTALL;
      g_autoptr (GError) error = NULL;
      g_autoptr (ScJournal) journal = sc_journal_new (operations[i], 3, uninstall ? SC_NO_DEPLOYMENT : 7);
      g_autoptr (ScJournal) again = NULL;
      g_autofree char *text = NULL;

      journal->phase = SC_PHASE_PROBATION;
      journal->was_active = TRUE;
      journal->was_enabled = i % 2 == 0;
      journal->keep = 5;
      journal->purge = i % 2 == 1;
      journal->force = i < 2;
      text = sc_journal_format (journal);
      again = parse (text, &error);
      g_assert_no_error (error);
      g_assert_cmpint (again->operation, ==, operations[i]);
      g_assert_cmpint (again->phase, ==, SC_PHASE_PROBATION);
      g_assert_cmpint (again->from, ==, 3);
      g_assert_cmpint (again->to, ==, uninstall ? SC_NO_DEPLOYMENT : 7);
      g_assert_true (again->was_active);
      g_assert_cmpint (again->was_enabled, ==, i % 2 == 0);
      g_assert_cmpuint (again->keep, ==, 5);
      g_assert_cmpint (again->purge, ==, i % 2 == 1);
      g_assert_cmpint (again->force, ==, i < 2);
      g_assert_cmpstr (again->boot_id, ==, journal->boot_id);
    }
}

#define GOOD "\"version\":1,\"phase\":\"activate\",\"operation\":"

static void
test_should_fail (void)
{
  static const struct
  {
    const char *text;
    int code;
  } cases[] = {
    { "", SC_ERROR_INVALID },
    { "[]", SC_ERROR_INVALID },
    { "{" GOOD "\"update\",\"from\":1,\"to\":2", SC_ERROR_INVALID },
    { "{\"phase\":\"activate\",\"operation\":\"update\",\"to\":2}", SC_ERROR_INVALID },
    { "{\"version\":2,\"phase\":\"activate\",\"operation\":\"update\",\"to\":2}", SC_ERROR_UNSUPPORTED },
    { "{" GOOD "\"dance\",\"to\":2}", SC_ERROR_INVALID },
    { "{\"version\":1,\"phase\":\"later\",\"operation\":\"update\",\"to\":2}", SC_ERROR_INVALID },
    { "{" GOOD "\"update\",\"from\":-2,\"to\":2}", SC_ERROR_INVALID },
    { "{" GOOD "\"update\",\"from\":1,\"to\":2147483648}", SC_ERROR_INVALID },
    { "{" GOOD "\"update\",\"from\":\"1\",\"to\":2}", SC_ERROR_INVALID },
    { "{" GOOD "\"update\",\"from\":1,\"to\":null}", SC_ERROR_INVALID },
    { "{" GOOD "\"update\",\"from\":1,\"to\":1}", SC_ERROR_INVALID },
    { "{" GOOD "\"update\",\"from\":1,\"to\":2,\"keep\":0}", SC_ERROR_INVALID },
    { "{" GOOD "\"update\",\"from\":1,\"to\":2,\"was-active\":1}", SC_ERROR_INVALID },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (parse (cases[i].text, &error));
      g_assert_error (error, SC_ERROR, cases[i].code);
    }
}

static void
test_decide (void)
{
  static const struct
  {
    ScOperation operation;
    ScPhase phase;
    int from, to, live;
    ScRecovery wanted;
  } cases[] = {
    { SC_OPERATION_UPDATE, SC_PHASE_ACTIVATE, 1, 2, 1, SC_RECOVERY_BACK },
    { SC_OPERATION_UPDATE, SC_PHASE_ACTIVATE, 1, 2, 2, SC_RECOVERY_FORWARD },
    { SC_OPERATION_UPDATE, SC_PHASE_PROBATION, 1, 2, 1, SC_RECOVERY_BACK },
    { SC_OPERATION_UPDATE, SC_PHASE_PROBATION, 1, 2, 2, SC_RECOVERY_BACK },
    { SC_OPERATION_ROLLBACK, SC_PHASE_ACTIVATE, 2, 1, 2, SC_RECOVERY_BACK },
    { SC_OPERATION_ROLLBACK, SC_PHASE_ACTIVATE, 2, 1, 1, SC_RECOVERY_FORWARD },
    { SC_OPERATION_INSTALL, SC_PHASE_ACTIVATE, SC_NO_DEPLOYMENT, 0, SC_NO_DEPLOYMENT, SC_RECOVERY_BACK },
    { SC_OPERATION_INSTALL, SC_PHASE_ACTIVATE, SC_NO_DEPLOYMENT, 0, 0, SC_RECOVERY_FORWARD },
    { SC_OPERATION_UNINSTALL, SC_PHASE_ACTIVATE, 3, SC_NO_DEPLOYMENT, 3, SC_RECOVERY_REMOVE },
    { SC_OPERATION_UNINSTALL, SC_PHASE_ACTIVATE, 3, SC_NO_DEPLOYMENT, SC_NO_DEPLOYMENT, SC_RECOVERY_REMOVE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      ScJournal journal = {
        .operation = cases[i].operation, .phase = cases[i].phase, .from = cases[i].from, .to = cases[i].to
      };

      g_assert_cmpint (sc_journal_decide (&journal, cases[i].live), ==, cases[i].wanted);
    }
}

static void
test_on_disk (void)
{
  g_auto (Root) root = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (ScJournal) journal = sc_journal_new (SC_OPERATION_UPDATE, 1, 2);
  g_autoptr (ScJournal) again = NULL;

  root_init (&root);
  g_assert_true (sc_journal_load (root.fd, "x", &again, &error));
  g_assert_no_error (error);
  g_assert_null (again);
  g_assert_true (sc_journal_save (root.fd, "x", journal, &error));
  g_assert_no_error (error);
  g_assert_true (sc_fs_exists_at (root.fd, ".journal-x"));
  g_assert_true (sc_journal_load (root.fd, "x", &again, &error));
  g_assert_no_error (error);
  g_assert_cmpint (again->to, ==, 2);
  g_assert_true (sc_journal_remove (root.fd, "x", &error));
  g_assert_no_error (error);
  g_assert_false (sc_fs_exists_at (root.fd, ".journal-x"));
  root_add (&root, ".journal-y", "{");
  g_assert_false (sc_journal_load (root.fd, "y", &again, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
}

/* -- locks -- */

static void
test_lock (void)
{
  g_auto (Root) root = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (ScContext) ctx = NULL;
  g_autoptr (ScContainerLock) one = NULL, two = NULL, none = NULL;
  g_autoptr (ScCheckouts) all = NULL;
  g_autoptr (GCancellable) cancelled = g_cancellable_new ();
  g_autofree char *path = NULL, *file = NULL;

  root_init (&root);
  ctx = sc_context_new (root.path, &error);
  g_assert_no_error (error);
  path = sc_context_path (ctx, ctx->checkouts);
  file = g_build_filename (path, ".lock-one", NULL);
  g_assert_null (sc_container_lock (ctx, "one", FALSE, NULL, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_NOT_FOUND);
  g_clear_error (&error);

  /* Two containers side by side; one container once, and nobody alone with all of them. */
  one = sc_container_lock (ctx, "one", TRUE, NULL, NULL, &error);
  g_assert_no_error (error);
  two = sc_container_lock (ctx, "two", TRUE, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_file_test (file, G_FILE_TEST_EXISTS));
  g_cancellable_cancel (cancelled);
  none = sc_container_lock (ctx, "one", TRUE, NULL, cancelled, &error);
  g_assert_null (none);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  all = sc_checkouts_hold (ctx, TRUE, NULL, cancelled, &error);
  g_assert_null (all);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);

  /* Whoever was refused has not taken the lock file with it. */
  g_assert_true (g_file_test (file, G_FILE_TEST_EXISTS));
  g_clear_pointer (&two, sc_container_unlock);
  g_clear_pointer (&one, sc_container_unlock);
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
}

/* -- recovery -- */

static void
test_recover (void)
{
  g_auto (Root) root = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (ScContext) ctx = NULL;
  g_autofree char *base = NULL;
#define AT(name) "var/lib/containers/atomic/" name

  root_init (&root);
  ctx = sc_context_new (root.path, &error);
  g_assert_no_error (error);
  g_assert_true (sc_recover (ctx, NULL, NULL, NULL, &error));
  g_assert_no_error (error);

  /* A journal that cannot be read: the link counts, and its unit is put where it belongs. */
  root_add (&root, AT ("x.3/x.service"), "[Service]\n");
  root_add (&root, AT ("x.3/info"), "{\"image\":\"i\"}");
  root_add (&root, AT (".journal-x"), "torn");
  root_add (&root, AT ("..journal-x.AbCd09"), "");
  root_add (&root, AT (".tmp-x.AbCd09/rootfs/a"), "");
  root_add (&root, AT (".tmp-x.y.AbCd09/rootfs/a"), "");
  root_add (&root, "etc/systemd/system/.x.service.AbCd09", "");
  base = g_build_filename (root.path, AT ("x"), NULL);
  g_assert_cmpint (symlink ("x.3", base), ==, 0);
  g_assert_true (sc_container_is_interrupted (ctx, "x"));
  {
    const char *names[] = { "x", NULL };

    g_assert_true (sc_recover (ctx, names, NULL, NULL, &error));
  }
  g_assert_no_error (error);
  g_assert_false (sc_container_is_interrupted (ctx, "x"));
  g_assert_true (sc_fs_exists_at (root.fd, "etc/systemd/system/x.service"));
  g_assert_false (sc_fs_exists_at (root.fd, "etc/systemd/system/.x.service.AbCd09"));
  g_assert_false (sc_fs_exists_at (root.fd, AT ("..journal-x.AbCd09")));
  g_assert_false (sc_fs_exists_at (root.fd, AT (".tmp-x.AbCd09")));
  /* That is another container's. */
  g_assert_true (sc_fs_exists_at (root.fd, AT (".tmp-x.y.AbCd09")));
  g_assert_true (sc_recover (ctx, NULL, NULL, NULL, &error));
  g_assert_no_error (error);
  g_assert_false (sc_fs_exists_at (root.fd, AT (".tmp-x.y.AbCd09")));

  /* One of a newer program is left alone. */
  root_add (&root, AT (".journal-x"), "{\"version\":9}");
  g_assert_false (sc_recover (ctx, NULL, NULL, NULL, &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_FAILED);
  g_assert_true (sc_container_is_interrupted (ctx, "x"));
  g_clear_error (&error);

  /* The way back is gone: forward. */
  root_add (&root, AT (".journal-x"),
            "{\"version\":1,\"operation\":\"update\",\"phase\":\"probation\",\"from\":2,\"to\":3}");
  g_assert_true (sc_recover (ctx, NULL, NULL, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (sc_fs_exists_at (root.fd, AT ("x.3/info")));
  g_assert_true (sc_fs_exists_at (root.fd, "etc/systemd/system/x.service"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/journal/both-ways", test_both_ways);
  g_test_add_func ("/journal/should-fail", test_should_fail);
  g_test_add_func ("/journal/decide", test_decide);
  g_test_add_func ("/journal/on-disk", test_on_disk);
  g_test_add_func ("/journal/lock", test_lock);
  g_test_add_func ("/journal/recover", test_recover);
  return g_test_run ();
}
