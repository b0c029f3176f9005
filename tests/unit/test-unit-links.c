/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The [Install] section and its links; what systemctl --root does with the same units is the measure where it is there.
 */
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "fs.h"
#include "subprocess.h"
#include "unit-links.h"

#define UNIT_DIR "/etc/systemd/system"

typedef struct
{
  char *root;
  ScContext ctx;
} Fixture;

static void
write_unit (const char *root, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (root, UNIT_DIR, name, NULL);
  g_autofree char *dir = g_path_get_dirname (path);
  g_assert_cmpint (g_mkdir_with_parents (dir, 0755), ==, 0);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

static void
make_link (const char *root, const char *target, const char *name)
{
  g_autofree char *path = g_build_filename (root, UNIT_DIR, name, NULL);
  g_autofree char *dir = g_path_get_dirname (path);
  g_assert_cmpint (g_mkdir_with_parents (dir, 0755), ==, 0);
  g_assert_cmpint (symlink (target, path), ==, 0);
}

static void
setup (Fixture *f, gconstpointer data)
{
  f->root = g_dir_make_tmp ("test-unit-links-XXXXXX", NULL);
  g_assert_nonnull (f->root);
  f->ctx.root = f->root;
  f->ctx.unit_dir = (char *)UNIT_DIR;
  write_unit (f->root, "keep.service", "[Service]\nExecStart=/bin/true\n");
}

static void
teardown (Fixture *f, gconstpointer data)
{
  g_assert_true (sc_fs_remove_tree_at (AT_FDCWD, f->root, NULL));
  g_free (f->root);
}

static void
list_tree (const char *dir, const char *below, GString *out)
{
  g_autofree char *path = g_build_filename (dir, below, NULL);
  g_auto (GStrv) names = sc_fs_list_dir_at (AT_FDCWD, path, NULL);
  g_assert_nonnull (names);
  for (char **name = names; name != NULL && *name != NULL; name++)
    {
      g_autofree char *sub = below[0] != '\0' ? g_build_filename (below, *name, NULL) : g_strdup (*name);
      g_autofree char *full = g_build_filename (dir, sub, NULL);
      g_autofree char *target = g_file_read_link (full, NULL);
      if (target != NULL)
        g_string_append_printf (out, "%s -> %s\n", sub, target);
      else if (g_file_test (full, G_FILE_TEST_IS_DIR))
        {
          g_string_append_printf (out, "%s/\n", sub);
          list_tree (dir, sub, out);
        }
      else
        g_string_append_printf (out, "%s\n", sub);
    }
}

/* (transfer full): everything in UNIT_DIR, one a line. */
static char *
tree_of (const char *root)
{
  g_autofree char *dir = g_build_filename (root, UNIT_DIR, NULL);
  GString *out = g_string_new (NULL);
  list_tree (dir, "", out);
  return g_string_free (out, FALSE);
}

/* -- parsing -- */

static const struct
{
  const char *name;
  const char *text;
  const char *wanted_by; /* joined by a blank */
  const char *required_by;
  const char *alias;
} valid[] = {
  { "nothing", "\n", "", "", "" },
  { "no-install-section", "[Service]\nWantedBy=a.target\n", "", "", "" },
  { "one", "[Install]\nWantedBy=multi-user.target\n", "multi-user.target", "", "" },
  { "no-newline-at-the-end", "[Install]\nWantedBy=multi-user.target", "multi-user.target", "", "" },
  { "crlf", "[Install]\r\nWantedBy=multi-user.target\r\n", "multi-user.target", "", "" },
  { "blanks", "  [Install]  \n\t WantedBy \t=  a.target\tb.target  \n", "a.target b.target", "", "" },
  { "several-lines", "[Install]\nWantedBy=a.target\nWantedBy=b.target\n", "a.target b.target", "", "" },
  { "each-once", "[Install]\nWantedBy=a.target a.target\nWantedBy=a.target\n", "a.target", "", "" },
  { "reset", "[Install]\nWantedBy=a.target\nRequiredBy=r.target\nWantedBy=\nWantedBy=b.target\n", "b.target",
    "r.target", "" },
  { "continued", "[Install]\nWantedBy=a.target \\\n  b.target\\\n\tc.target\n", "a.target b.target c.target", "", "" },
  { "comment-in-continued", "[Install]\nWantedBy=a.target \\\n# no.target \\\n; no.target\n b.target\n",
    "a.target b.target", "", "" },
  { "comment", "[Install]\n#WantedBy=a.target\n;WantedBy=b.target\n# x \\\nWantedBy=c.target\n", "c.target", "", "" },
  { "continued-at-the-end", "[Install]\nWantedBy=a.target \\", "a.target", "", "" },
  { "escaped-name", "[Install]\nWantedBy=a\\x2db.target\n", "a\\x2db.target", "", "" },
  { "quoted", "[Install]\nWantedBy=\"a.target\" 'b.target' c.\"target\"\n", "a.target b.target c.target", "", "" },
  { "all-keys", "[Install]\nWantedBy=w.target\nRequiredBy=r.target\nAlias=x.service y.service\nAlso=z.service\n",
    "w.target", "r.target", "x.service y.service" },
  { "unknown-key", "[Install]\nUpheldBy=u.target\nDefaultInstance=x\nnonsense\n", "", "", "" },
  { "another-section-after", "[Install]\nWantedBy=a.target\n[Service]\nWantedBy=b.target\n", "a.target", "", "" },
  { "section-again", "[Install]\nWantedBy=a.target\n[Unit]\n[Install]\nWantedBy=b.target\n", "a.target b.target", "",
    "" },
  { "specifiers", "[Install]\nAlias=%p-2.service x-%n %j-3.service\nWantedBy=%N.target z%i.target\n",
    "my-app.target z.target", "", "my-app-2.service x-my-app.service app-3.service" },
  { "instance", "[Install]\nWantedBy=getty@tty1.service\n", "getty@tty1.service", "", "" },
  { "alias-is-the-unit", "[Install]\nAlias=my-app.service other.service\n", "", "", "other.service" },
};

static void
assert_list (char **list, const char *expected)
{
  g_autofree char *text = g_strjoinv (" ", list);
  g_assert_cmpstr (text, ==, expected);
}

static void
test_parse (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (valid); i++)
    {
      g_autoptr (GError) error = NULL;
      g_test_message ("%s", valid[i].name);
      g_autoptr (ScUnitInstall) install =
          sc_unit_install_parse ("my-app.service", valid[i].text, strlen (valid[i].text), &error);
      g_assert_no_error (error);
      assert_list (install->wanted_by, valid[i].wanted_by);
      assert_list (install->required_by, valid[i].required_by);
      assert_list (install->alias, valid[i].alias);
    }
}

static const struct
{
  const char *name;
  const char *text;
  ScError code;
  const char *says;
} should_fail[] = {
  { "path", "[Install]\nWantedBy=../../x.target\n", SC_ERROR_INVALID,
    "a.service: line 2: WantedBy: '../../x.target' is not the name of a unit" },
  { "slash", "[Install]\n\nAlias=d/x.service\n", SC_ERROR_INVALID,
    "a.service: line 3: Alias: 'd/x.service' is not the name of a unit" },
  { "dots", "[Install]\nWantedBy=..\n", SC_ERROR_INVALID,
    "a.service: line 2: WantedBy: '..' is not the name of a unit" },
  { "no-type", "[Install]\nWantedBy=multi-user\n", SC_ERROR_INVALID,
    "a.service: line 2: WantedBy: 'multi-user' is not the name of a unit" },
  { "only-a-type", "[Install]\nWantedBy=.target\n", SC_ERROR_INVALID,
    "a.service: line 2: WantedBy: '.target' is not the name of a unit" },
  { "unknown-type", "[Install]\nRequiredBy=x.thing\n", SC_ERROR_INVALID,
    "a.service: line 2: RequiredBy: 'x.thing' is not the name of a unit" },
  { "alias-of-another-type", "[Install]\nAlias=x.socket\n", SC_ERROR_INVALID,
    "a.service: line 2: alias 'x.socket' is a unit of another type" },
  { "open-quote", "[Install]\nWantedBy=\"a.target\n", SC_ERROR_INVALID, "a.service: line 2: a quote is not closed" },
  { "host-specifier", "[Install]\nWantedBy=%H.target\n", SC_ERROR_UNSUPPORTED,
    "a.service: line 2: '%H.target': specifier %H is not supported in [Install]" },
  { "percent-at-the-end", "[Install]\nWantedBy=a.target%\n", SC_ERROR_INVALID,
    "a.service: line 2: 'a.target%' ends in a single %" },
  { "specifier-makes-a-path", "[Install]\nWantedBy=%%.target\n", SC_ERROR_INVALID,
    "a.service: line 2: WantedBy: '%.target' is not the name of a unit" },
  { "continued-line", "[Install]\nWantedBy=a.target \\\n /\n", SC_ERROR_INVALID,
    "a.service: line 3: WantedBy: '/' is not the name of a unit" },
};

static void
test_should_fail (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (should_fail); i++)
    {
      g_autoptr (GError) error = NULL;
      g_test_message ("%s", should_fail[i].name);
      g_autoptr (ScUnitInstall) install =
          sc_unit_install_parse ("a.service", should_fail[i].text, strlen (should_fail[i].text), &error);
      g_assert_null (install);
      g_assert_error (error, SC_ERROR, (int)should_fail[i].code);
      g_assert_cmpstr (error->message, ==, should_fail[i].says);
    }
}

static void
test_bytes (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ScUnitInstall) install = sc_unit_install_parse ("a.service", "[Install]\0x", 11, &error);
  g_assert_null (install);
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
  g_clear_error (&error);

  gsize size = 1024 * 1024 + 1;
  g_autofree char *large = g_strnfill (size, '#');
  g_autoptr (ScUnitInstall) too_large = sc_unit_install_parse ("a.service", large, size, &error);
  g_assert_null (too_large);
  g_assert_error (error, SC_ERROR, SC_ERROR_LIMIT);
}

static void
test_names (void)
{
  g_autofree char *stem = g_strnfill (248, 'a');
  g_autofree char *too_long = g_strconcat (stem, ".service", NULL);
  g_assert_true (sc_unit_name_is_valid ("a.service"));
  g_assert_true (sc_unit_name_is_valid ("a@b.c:d_e\\x2df.service"));
  g_assert_true (sc_unit_name_is_valid (too_long + 1));
  g_assert_false (sc_unit_name_is_valid (too_long));
  g_assert_false (sc_unit_name_is_valid (""));
  g_assert_false (sc_unit_name_is_valid ("a b.service"));
  g_assert_false (sc_unit_name_is_valid ("@a.service"));
  g_assert_false (sc_unit_name_is_valid ("a\xc3\xa9.service"));
}

/* -- links -- */

static const char unit_text[] = "[Unit]\nDescription=x\n[Service]\nExecStart=/bin/true\n"
                                "[Install]\nWantedBy=multi-user.target \\\n graphical.target\nRequiredBy=r.service\n"
                                "Alias=other.service\n";

static void
test_enable (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  write_unit (f->root, "a.service", unit_text);
  make_link (f->root, "/elsewhere/a.service", "multi-user.target.wants/a.service");
  gboolean ok = sc_unit_links_enable (&f->ctx, "a.service", &error);
  g_assert_no_error (error);
  g_assert_true (ok);
  g_autofree char *tree = tree_of (f->root);
  g_assert_cmpstr (tree, ==,
                   "a.service\n"
                   "graphical.target.wants/\n"
                   "graphical.target.wants/a.service -> /etc/systemd/system/a.service\n"
                   "keep.service\n"
                   "multi-user.target.wants/\n"
                   "multi-user.target.wants/a.service -> /etc/systemd/system/a.service\n"
                   "other.service -> /etc/systemd/system/a.service\n"
                   "r.service.requires/\n"
                   "r.service.requires/a.service -> /etc/systemd/system/a.service\n");
  /* Again is the same. */
  ok = sc_unit_links_enable (&f->ctx, "a.service", &error);
  g_assert_no_error (error);
  g_assert_true (ok);
  g_autofree char *again = tree_of (f->root);
  g_assert_cmpstr (again, ==, tree);
}

static void
test_enable_fails (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_assert_false (sc_unit_links_enable (&f->ctx, "nosuch.service", &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_clear_error (&error);

  g_assert_false (sc_unit_links_enable (&f->ctx, "../a.service", &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
  g_clear_error (&error);

  /* Neither a bad name nor something that is in the way leaves half of the links. */
  write_unit (f->root, "b.service", "[Install]\nWantedBy=good.target\nAlias=b/d.service\n");
  write_unit (f->root, "c.service", "[Install]\nWantedBy=good.target\nAlias=keep.service\n");
  g_autofree char *before = tree_of (f->root);
  g_assert_false (sc_unit_links_enable (&f->ctx, "b.service", &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
  g_clear_error (&error);
  g_assert_false (sc_unit_links_enable (&f->ctx, "c.service", &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_EXISTS);
  g_assert_cmpstr (error->message, ==, "enable c.service: /etc/systemd/system/keep.service exists and is not a link");
  g_clear_error (&error);
  g_autofree char *after = tree_of (f->root);
  g_assert_cmpstr (after, ==, before);

  /* A unit that is a link out of the root is not read. */
  make_link (f->root, "/dev/null", "masked.service");
  g_assert_false (sc_unit_links_enable (&f->ctx, "masked.service", &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
}

/* What both ways of disabling start from. */
static void
populate (const char *root)
{
  write_unit (root, "keep.service", "[Service]\nExecStart=/bin/true\n");
  make_link (root, "/etc/systemd/system/a.service", "multi-user.target.wants/a.service");
  make_link (root, "/etc/systemd/system/keep.service", "multi-user.target.wants/keep.service");
  make_link (root, "../a.service", "only.target.wants/a.service");
  make_link (root, "../a.service", "other-name.target.requires/q.service");
  make_link (root, "/gone/x.service", "stale.target.wants/a.service");
  make_link (root, "/etc/systemd/system/a.service", "other.service");
  make_link (root, "/etc/systemd/system/keep.service", "keep-alias.service");
  make_link (root, "/etc/systemd/system/aa.service", "multi-user.target.wants/aa.service");
  g_autofree char *empty = g_build_filename (root, UNIT_DIR, "empty.target.wants", NULL);
  g_assert_cmpint (g_mkdir (empty, 0755), ==, 0);
  write_unit (root, "a.service.d/10.conf", "[Service]\n");
  write_unit (root, "not-a-dir.wants", "");
}

#define KEPT                                                                                                           \
  "a.service.d/\na.service.d/10.conf\nempty.target.wants/\nkeep-alias.service -> /etc/systemd/system/keep.service\n"   \
  "keep.service\nmulti-user.target.wants/\nmulti-user.target.wants/aa.service -> /etc/systemd/system/aa.service\n"     \
  "multi-user.target.wants/keep.service -> /etc/systemd/system/keep.service\nnot-a-dir.wants\n"

static void
test_disable (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  populate (f->root);
  write_unit (f->root, "a.service", unit_text);
  /* An alias of an alias, in the order in which one pass does not find it (nor does systemctl). */
  make_link (f->root, "other.service", "aaa.service");
  make_link (f->root, "../aaa.service", "by-alias.target.wants/aaa.service");
  for (int i = 0; i < 2; i++) /* the second time there is nothing to do */
    {
      gboolean ok = sc_unit_links_disable (&f->ctx, "a.service", &error);
      g_assert_no_error (error);
      g_assert_true (ok);
      g_autofree char *tree = tree_of (f->root);
      g_assert_cmpstr (tree, ==, "a.service\n" KEPT);
    }
}

static void
test_disable_without_unit (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  populate (f->root);
  gboolean ok = sc_unit_links_disable (&f->ctx, "a.service", &error);
  g_assert_no_error (error);
  g_assert_true (ok);
  g_autofree char *tree = tree_of (f->root);
  g_assert_cmpstr (tree, ==, KEPT);

  f->ctx.unit_dir = (char *)"/no/such/dir";
  ok = sc_unit_links_disable (&f->ctx, "a.service", &error);
  g_assert_no_error (error);
  g_assert_true (ok);
  g_assert_false (sc_unit_links_disable (&f->ctx, "a/../b.service", &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_INVALID);
}

/* -- beside systemctl -- */

/* Does @verb of systemctl in @root; FALSE if it refuses. */
static gboolean
systemctl (const char *root, const char *verb)
{
  g_autofree char *option = g_strconcat ("--root=", root, NULL);
  const char *argv[] = { "systemctl", option, "--quiet", verb, "a.service", NULL };
  return sc_subprocess_run (argv, NULL, NULL, NULL, NULL);
}

static gboolean
have_systemctl (void)
{
  g_autofree char *path = g_find_program_in_path ("systemctl");
  if (path == NULL)
    g_test_skip ("no systemctl here");
  return path != NULL;
}

static void
test_like_systemctl (Fixture *f, gconstpointer data)
{
  if (!have_systemctl ())
    return;
  for (gsize i = 0; i < G_N_ELEMENTS (valid); i++)
    {
      g_autoptr (GError) error = NULL;
      g_test_message ("%s", valid[i].name);
      g_autofree char *mine = g_dir_make_tmp ("test-unit-links-XXXXXX", NULL);
      g_autofree char *theirs = g_dir_make_tmp ("test-unit-links-XXXXXX", NULL);
      ScContext ctx = { .root = mine, .unit_dir = (char *)UNIT_DIR };
      write_unit (mine, "a.service", valid[i].text);
      write_unit (theirs, "a.service", valid[i].text);
      write_unit (mine, "z.service", "[Service]\nExecStart=/bin/true\n"); /* of Also= */
      write_unit (theirs, "z.service", "[Service]\nExecStart=/bin/true\n");
      gboolean ok = sc_unit_links_enable (&ctx, "a.service", &error);
      g_assert_no_error (error);
      g_assert_true (ok);
      g_assert_true (systemctl (theirs, "enable"));
      g_autofree char *my_tree = tree_of (mine);
      g_autofree char *their_tree = tree_of (theirs);
      g_assert_cmpstr (my_tree, ==, their_tree);
      ok = sc_unit_links_disable (&ctx, "a.service", &error);
      g_assert_no_error (error);
      g_assert_true (ok);
      g_assert_true (systemctl (theirs, "disable"));
      g_autofree char *my_rest = tree_of (mine);
      g_autofree char *their_rest = tree_of (theirs);
      g_assert_cmpstr (my_rest, ==, their_rest);
      g_assert_true (sc_fs_remove_tree_at (AT_FDCWD, mine, NULL));
      g_assert_true (sc_fs_remove_tree_at (AT_FDCWD, theirs, NULL));
    }
}

static void
test_disable_like_systemctl (Fixture *f, gconstpointer data)
{
  if (!have_systemctl ())
    return;
  populate (f->root);
  write_unit (f->root, "a.service", unit_text);
  g_assert_true (systemctl (f->root, "disable"));
  g_autofree char *tree = tree_of (f->root);
  g_assert_cmpstr (tree, ==, "a.service\n" KEPT);
}

/* Aliases of other units are not taken, and links to a unit that an alias hides are not removed. */
static void
test_aliases (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  write_unit (f->root, "a.service", "[Service]\n[Install]\nAlias=other.service\n");
  make_link (f->root, "keep.service", "other.service");
  g_autofree char *before = tree_of (f->root);
  g_assert_false (sc_unit_links_enable (&f->ctx, "a.service", &error));
  g_assert_error (error, SC_ERROR, SC_ERROR_EXISTS);
  g_assert_cmpstr (error->message, ==,
                   "enable a.service: /etc/systemd/system/other.service exists and leads to keep.service");
  g_clear_error (&error);
  g_assert_true (sc_unit_links_disable (&f->ctx, "a.service", &error));
  g_autofree char *after = tree_of (f->root);
  g_assert_cmpstr (after, ==, before);

  g_autofree char *alias = g_build_filename (f->root, UNIT_DIR, "other.service", NULL);
  g_assert_cmpint (unlink (alias), ==, 0);
  make_link (f->root, "/usr/lib/systemd/system/a.service", "other.service"); /* an older a.service */
  make_link (f->root, "/usr/lib/systemd/system/other.service", "x.target.wants/other.service");
  g_assert_true (sc_unit_links_enable (&f->ctx, "a.service", &error));
  g_assert_no_error (error);
  g_assert_true (sc_unit_links_disable (&f->ctx, "a.service", &error));
  g_autofree char *rest = tree_of (f->root);
  g_assert_cmpstr (rest, ==,
                   "a.service\nkeep.service\nx.target.wants/\n"
                   "x.target.wants/other.service -> /usr/lib/systemd/system/other.service\n");
}

/* A unit of the same name elsewhere, and links that are not links of it. */
static void
test_restore (Fixture *f, gconstpointer data)
{
  static const char *const others[] = { "../x.target.wants/a.service",
                                        "/x.target.wants/a.service",
                                        "x.wants/a.service",
                                        "x.target.wants/a.service/b",
                                        "x.target.wants/..",
                                        "x.target/a.service",
                                        "a.service",
                                        "b.timer",
                                        "x",
                                        "",
                                        ".wants/a.service",
                                        "." };
  g_autoptr (GError) error = NULL;
  g_autoptr (GHashTable) links = NULL;
  gboolean ours = TRUE;
  make_link (f->root, "/lib/systemd/system/a.service", "x.target.wants/a.service");
  make_link (f->root, "/lib/systemd/system/a.service", "x.target.wants/.a.service.AbCd01");
  make_link (f->root, "/lib/systemd/system/a.service", "alias.service");
  g_autofree char *before = tree_of (f->root);
  g_assert_true (sc_unit_links_are_of_file (&f->ctx, "a.service", &ours, &error));
  g_assert_false (ours);
  g_assert_true (sc_unit_links_list (&f->ctx, "a.service", &links, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (g_hash_table_size (links), ==, 2);
  for (gsize i = 0; i < G_N_ELEMENTS (others); i++)
    g_hash_table_insert (links, g_strdup (others[i]), g_strdup ("/lib/systemd/system/a.service"));
  write_unit (f->root, "a.service", "[Install]\nWantedBy=x.target\n");
  g_assert_true (sc_unit_links_enable (&f->ctx, "a.service", &error));
  g_assert_true (sc_unit_links_are_of_file (&f->ctx, "a.service", &ours, &error));
  g_assert_true (ours);
  g_assert_true (sc_unit_links_disable (&f->ctx, "a.service", &error));
  g_autofree char *unit = g_build_filename (f->root, UNIT_DIR, "a.service", NULL);
  g_assert_cmpint (unlink (unit), ==, 0);
  for (int i = 0; i < 2; i++) /* the second time they are there */
    g_assert_true (sc_unit_links_restore (&f->ctx, "a.service", links, &error));
  g_assert_no_error (error);
  g_autofree char *after = tree_of (f->root);
  g_autofree char *temp = g_strdup ("x.target.wants/.a.service.AbCd01 -> /lib/systemd/system/a.service\n");
  g_autofree char *wanted = g_strdup (before);
  char *place = strstr (wanted, temp);
  memmove (place, place + strlen (temp), strlen (place + strlen (temp)) + 1);
  g_assert_cmpstr (after, ==, wanted);
}

static void
assert_exists (Fixture *f, gboolean wanted)
{
  g_autoptr (GError) error = NULL;
  gboolean enabled = !wanted;
  g_assert_true (sc_unit_links_exist (&f->ctx, "a.service", &enabled, &error));
  g_assert_no_error (error);
  g_assert_cmpint (enabled, ==, wanted);
}

static void
test_exist (Fixture *f, gconstpointer data)
{
  assert_exists (f, FALSE);
  make_link (f->root, "../aa.service", "x.target.wants/aa.service");
  make_link (f->root, "/dev/null", "a.service");
  make_link (f->root, "../a.service", "x.target.wants/.a.service.AbCd01");
  make_link (f->root, "../a.service", "x.target.other/a.service");
  assert_exists (f, FALSE);
  make_link (f->root, UNIT_DIR "/a.service", "x.target.requires/a.service");
  assert_exists (f, TRUE);
  g_autoptr (GError) error = NULL;
  g_assert_true (sc_unit_links_disable (&f->ctx, "a.service", &error));
  assert_exists (f, FALSE);
  make_link (f->root, "a.service", "alias.service");
  assert_exists (f, TRUE);
}

static void
test_clean (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *dir = g_build_filename (f->root, UNIT_DIR, NULL);
  static const struct
  {
    const char *name;
    gboolean stays;
  } links[] = { { "x.target.wants/.a.service.AbCd01", FALSE },
                { ".a.service.000000", FALSE },
                { ".alias.service.AbCd01", FALSE },
                { ".alias.service", TRUE },
                { "x.target.wants/.a.service.AbCd0", TRUE },
                { "x.target.wants/.a.service.AbCd_1", TRUE },
                { "x.target.wants/.b.service.AbCd01", TRUE },
                { "x.target.wants/a.service", TRUE } };
  for (gsize i = 0; i < G_N_ELEMENTS (links); i++)
    make_link (f->root, "../a.service", links[i].name);
  write_unit (f->root, ".a.service.file00", "");
  g_assert_true (sc_unit_links_clean (&f->ctx, "a.service", &error));
  g_assert_no_error (error);
  for (gsize i = 0; i < G_N_ELEMENTS (links); i++)
    {
      g_autofree char *path = g_build_filename (dir, links[i].name, NULL);
      g_assert_cmpint (g_file_test (path, G_FILE_TEST_IS_SYMLINK), ==, links[i].stays);
    }
  /* Only links are links' leftovers. */
  g_autofree char *file = g_build_filename (dir, ".a.service.file00", NULL);
  g_assert_true (g_file_test (file, G_FILE_TEST_EXISTS));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/unit-links/parse", test_parse);
  g_test_add_func ("/unit-links/parse/should-fail", test_should_fail);
  g_test_add_func ("/unit-links/parse/bytes", test_bytes);
  g_test_add_func ("/unit-links/names", test_names);
#define ADD(path, func) g_test_add (path, Fixture, NULL, setup, func, teardown)
  ADD ("/unit-links/exist", test_exist);
  ADD ("/unit-links/clean", test_clean);
  ADD ("/unit-links/enable", test_enable);
  ADD ("/unit-links/enable/should-fail", test_enable_fails);
  ADD ("/unit-links/disable", test_disable);
  ADD ("/unit-links/disable/without-unit", test_disable_without_unit);
  ADD ("/unit-links/aliases", test_aliases);
  ADD ("/unit-links/restore", test_restore);
  ADD ("/unit-links/like-systemctl", test_like_systemctl);
  ADD ("/unit-links/disable/like-systemctl", test_disable_like_systemctl);
  return g_test_run ();
}
