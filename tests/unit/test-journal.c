/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The journal: text both ways, what is refused, and the rule by which an interrupted operation ends. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "container-lock.h"
#include "fs.h"
#include "group.h"
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

#define ID    "0123456789abcdef0123456789abcdef"
#define GROUP "\"version\":2,\"phase\":\"probation\",\"operation\":"
#define GOOD  "\"version\":1,\"phase\":\"activate\",\"operation\":"

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
    { "{\"version\":3,\"phase\":\"activate\",\"operation\":\"update\",\"to\":2}", SC_ERROR_UNSUPPORTED },
    { "{\"version\":0,\"phase\":\"activate\",\"operation\":\"update\",\"to\":2}", SC_ERROR_UNSUPPORTED },
    { "{" GOOD "\"dance\",\"to\":2}", SC_ERROR_INVALID },
    { "{\"version\":1,\"phase\":\"later\",\"operation\":\"update\",\"to\":2}", SC_ERROR_INVALID },
    { "{" GOOD "\"update\",\"from\":-2,\"to\":2}", SC_ERROR_INVALID },
    { "{" GOOD "\"update\",\"from\":1,\"to\":2147483648}", SC_ERROR_INVALID },
    { "{" GOOD "\"update\",\"from\":\"1\",\"to\":2}", SC_ERROR_INVALID },
    { "{" GOOD "\"update\",\"from\":1,\"to\":null}", SC_ERROR_INVALID },
    { "{" GOOD "\"update\",\"from\":1,\"to\":1}", SC_ERROR_INVALID },
    { "{" GOOD "\"update\",\"from\":1,\"to\":2,\"keep\":0}", SC_ERROR_INVALID },
    { "{" GOOD "\"update\",\"from\":1,\"to\":2,\"was-active\":1}", SC_ERROR_INVALID },
    /* Groups: an id that is none, one where the version has none, and an operation that has none. */
    { "{" GROUP "\"update\",\"to\":2}", SC_ERROR_INVALID },
    { "{" GROUP "\"update\",\"to\":2,\"group\":null}", SC_ERROR_INVALID },
    { "{" GROUP "\"update\",\"to\":2,\"group\":\"../../../../../../etc/passwd/0123\"}", SC_ERROR_INVALID },
    { "{" GROUP "\"update\",\"to\":2,\"group\":\"0123456789abcdef0123456789abcde\"}", SC_ERROR_INVALID },
    { "{" GROUP "\"update\",\"to\":2,\"group\":\"" ID "0\"}", SC_ERROR_INVALID },
    { "{" GROUP "\"rollback\",\"to\":2,\"group\":\"" ID "\"}", SC_ERROR_INVALID },
    { "{" GOOD "\"update\",\"to\":2,\"group\":\"" ID "\"}", SC_ERROR_INVALID },
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

/* Whatever becomes of the text of a journal: an error, or one that can be written and read again. */
static void
test_mutations (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (5);
  g_autoptr (ScJournal) journal = sc_journal_new (SC_OPERATION_UPDATE, 3, 4);
  g_autofree char *text = NULL;
  guint parsed = 0;

  journal->phase = SC_PHASE_PROBATION;
  journal->group = g_strdup (ID);
  text = sc_journal_format (journal);
  for (guint i = 0; i < 20000; i++)
    {
      g_autoptr (GByteArray) bytes = g_byte_array_new ();
      g_autoptr (GBytes) all = NULL;
      g_autoptr (ScJournal) one = NULL, two = NULL;
      g_autoptr (GError) error = NULL;

      g_byte_array_append (bytes, (const guint8 *)text, (guint)strlen (text));
      for (int n = g_rand_int_range (rand, 0, 3); n >= 0 && bytes->len > 1; n--)
        {
          guint at = (guint)g_rand_int_range (rand, 0, (gint32)bytes->len);

          switch (g_rand_int_range (rand, 0, 4))
            {
            case 0:
              bytes->data[at] = (guint8)g_rand_int_range (rand, 0, 256);
              break;
            case 1:
              bytes->data[at] = (guint8) "0123456789{}[],:\"-"[g_rand_int_range (rand, 0, 19)];
              break;
            case 2:
              g_byte_array_remove_index (bytes, at);
              break;
            default:
              g_byte_array_set_size (bytes, MAX (at, 1));
            }
        }
      all = g_byte_array_free_to_bytes (g_steal_pointer (&bytes));
      one = sc_journal_parse (all, &error);
      g_assert_true ((one == NULL) == (error != NULL));
      if (one == NULL)
        continue;
      parsed++;
      g_assert_true (one->operation != SC_OPERATION_UPDATE || one->to != one->from);
      g_assert_true (one->group == NULL || sc_group_id_is_valid (one->group));
      {
        g_autofree char *again = sc_journal_format (one);

        two = parse (again, &error);
        g_assert_no_error (error);
        g_assert_cmpstr (two->group, ==, one->group);
        g_assert_cmpint (two->to, ==, one->to);
      }
    }
  /* Most of them are not JSON any more, some still are. */
  g_assert_cmpuint (parsed, >, 100);
  g_assert_cmpuint (parsed, <, 15000);
}

/* -- groups -- */

static gboolean
has_group (const Root *root, const char *id)
{
  g_autofree char *file = g_strconcat (SC_GROUP, id, NULL);

  return sc_fs_exists_at (root->fd, file);
}

static void
test_group (void)
{
  g_auto (Root) root = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (ScJournal) journal = sc_journal_new (SC_OPERATION_UPDATE, 1, 2), again = NULL;
  g_autoptr (ScGroup) group = NULL;
  g_autofree char *id = NULL;

  root_init (&root);
  group = sc_group_new (root.fd, &error);
  g_assert_no_error (error);
  id = g_strdup (group->id);
  g_assert_true (sc_group_id_is_valid (id));
  g_assert_true (has_group (&root, id));
  journal->phase = SC_PHASE_PROBATION;
  journal->group = g_strdup (id);

  /* One that is held is nobody else's, named or not. */
  g_assert_true (sc_group_clean (root.fd, &error));
  g_assert_true (has_group (&root, id));

  /* Named, it stays after its maker and says that the old one counts. */
  g_assert_true (sc_journal_save (root.fd, "x", journal, &error));
  g_clear_pointer (&group, sc_group_free);
  g_assert_true (sc_group_clean (root.fd, &error));
  g_assert_true (has_group (&root, id));
  g_assert_true (sc_journal_load (root.fd, "x", &again, &error));
  g_assert_cmpstr (again->group, ==, id);
  g_assert_true (sc_group_resolve (root.fd, again, &error));
  g_assert_cmpint (sc_journal_decide (again, 2), ==, SC_RECOVERY_BACK);

  /* So does one beside a journal that cannot be read, as that may name it. */
  g_assert_true (sc_journal_remove (root.fd, "x", &error));
  root_add (&root, ".journal-y", "{\"version\":9}");
  g_assert_true (sc_group_clean (root.fd, &error));
  g_assert_true (has_group (&root, id));
  g_assert_true (sc_journal_remove (root.fd, "y", &error));

  /* Nobody's, it goes; and then the new one counts. */
  g_assert_true (sc_group_clean (root.fd, &error));
  g_assert_no_error (error);
  g_assert_false (has_group (&root, id));
  g_assert_true (sc_group_resolve (root.fd, again, &error));
  g_assert_no_error (error);
  g_assert_cmpint (sc_journal_decide (again, 2), ==, SC_RECOVERY_FORWARD);
  g_assert_cmpint (sc_journal_decide (again, 1), ==, SC_RECOVERY_BACK);

  /* Decided, and given up before anything named it. */
  group = sc_group_new (root.fd, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (group->id, !=, id);
  g_assert_true (sc_group_decide (group, &error));
  g_assert_false (has_group (&root, group->id));
  g_clear_pointer (&group, sc_group_free);
  group = sc_group_new (root.fd, &error);
  g_free (id);
  id = g_strdup (group->id);
  g_clear_pointer (&group, sc_group_free);
  g_assert_false (has_group (&root, id));
  /* What only looks like one is not ours. */
  root_add (&root, SC_GROUP "x", "");
  g_assert_true (sc_group_clean (root.fd, &error));
  g_assert_true (has_group (&root, "x"));
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

/* Two of a group: both old while the file is there, both new when it is gone. */
static void
test_recover_group (void)
{
  for (guint decided = 0; decided < 2; decided++)
    {
      g_auto (Root) root = { 0 };
      g_autoptr (GError) error = NULL;
      g_autoptr (ScContext) ctx = NULL;
      const char *names[] = { "x", "y" };

      root_init (&root);
      ctx = sc_context_new (root.path, &error);
      g_assert_no_error (error);
      for (guint i = 0; i < G_N_ELEMENTS (names); i++)
        {
          g_autofree char *base = g_strdup_printf ("%s/" AT ("%s"), root.path, names[i]),
                          *journal = g_strdup_printf (AT (".journal-%s"), names[i]),
                          *target = g_strdup_printf ("%s.1", names[i]);

          for (guint n = 0; n < 2; n++)
            {
              g_autofree char *info = g_strdup_printf (AT ("%s.%u/info"), names[i], n);

              root_add (&root, info, "{\"image\":\"i\"}");
            }
          root_add (&root, journal, "{" GROUP "\"update\",\"from\":0,\"to\":1,\"group\":\"" ID "\"}");
          g_assert_cmpint (symlink (target, base), ==, 0);
        }
      if (!decided)
        root_add (&root, AT (SC_GROUP ID), "");
      /* One alone first: what it does must hold for the other later. */
      g_assert_true (sc_recover (ctx, (const char *const[]){ "x", NULL }, NULL, NULL, &error));
      g_assert_no_error (error);
      g_assert_cmpint (sc_fs_exists_at (root.fd, AT (SC_GROUP ID)), ==, !decided);
      g_assert_true (sc_recover (ctx, NULL, NULL, NULL, &error));
      g_assert_no_error (error);
      g_assert_false (sc_fs_exists_at (root.fd, AT (SC_GROUP ID)));
      for (guint i = 0; i < G_N_ELEMENTS (names); i++)
        {
          g_autofree char *link = g_strdup_printf (AT ("%s"), names[i]),
                          *wanted = g_strdup_printf ("%s.%u", names[i], decided),
                          *new = g_strdup_printf (AT ("%s.1"), names[i]),
                          *target = sc_fs_read_link_at (root.fd, link, &error);

          g_assert_cmpstr (target, ==, wanted);
          g_assert_cmpint (sc_fs_exists_at (root.fd, new), ==, decided);
          g_assert_false (sc_container_is_interrupted (ctx, names[i]));
        }
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/journal/both-ways", test_both_ways);
  g_test_add_func ("/journal/should-fail", test_should_fail);
  g_test_add_func ("/journal/decide", test_decide);
  g_test_add_func ("/journal/on-disk", test_on_disk);
  g_test_add_func ("/journal/mutations", test_mutations);
  g_test_add_func ("/journal/group", test_group);
  g_test_add_func ("/journal/lock", test_lock);
  g_test_add_func ("/journal/recover", test_recover);
  g_test_add_func ("/journal/recover-group", test_recover_group);
  return g_test_run ();
}
