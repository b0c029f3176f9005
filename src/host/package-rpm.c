/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packages of rpm.  It enters a package into its database after the files are in place, and does not know what it had
 * begun if it is killed before; the same package once more covers that, but for the temporary names of files.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs.h"
#include "package-private.h"

#define TEMP_DIGITS 8 /* of "FILE;xxxxxxxx" */

/* Where databases are, and the files of their formats. */
static const char *const directories[] = { "/usr/lib/sysimage/rpm", "/var/lib/rpm", "/usr/share/rpm", NULL };
static const char *const databases[] = { "rpmdb.sqlite", "Packages.db", "Packages", NULL };

static gboolean
has_database (const ScContext *ctx, const char *dir)
{
  for (guint i = 0; databases[i] != NULL; i++)
    {
      g_autofree char *file = g_build_filename (dir, databases[i], NULL), *path = sc_context_path (ctx, file);

      if (g_file_test (path, G_FILE_TEST_IS_REGULAR))
        return TRUE;
    }
  return FALSE;
}

char *
sc_rpm_database (const ScContext *ctx)
{
  const char *argv[] = { "rpm", "--eval", "%{_dbpath}", NULL };
  g_autofree char *own = NULL;

  for (guint i = 0; directories[i] != NULL; i++)
    if (has_database (ctx, directories[i]))
      return g_strdup (directories[i]);
  if (!sc_package_ask (argv, &own, NULL, NULL))
    return NULL;
  g_strchomp (own);
  return own[0] == '/' && has_database (ctx, own) ? g_steal_pointer (&own) : NULL;
}

/* @loud: what it says is for a person if it fails, else @out_text is its standard output. */
static gboolean
run_rpm (const ScContext *ctx, gboolean loud, const char *const *words, char **out_text, GCancellable *cancellable,
         GError **error)
{
  g_autofree char *database = sc_rpm_database (ctx);
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();

  g_ptr_array_add (argv, (gpointer) "rpm");
  if (ctx->root != NULL)
    {
      g_ptr_array_add (argv, (gpointer) "--root");
      g_ptr_array_add (argv, ctx->root);
    }
  if (database == NULL)
    return sc_fail (error, SC_ERROR_UNAVAILABLE, "the host has no database of rpm");
  g_ptr_array_add (argv, (gpointer) "--dbpath");
  g_ptr_array_add (argv, database);
  for (; *words != NULL; words++)
    g_ptr_array_add (argv, (gpointer)*words);
  g_ptr_array_add (argv, NULL);
  return loud ? sc_package_run ((const char *const *)argv->pdata, out_text, cancellable, error)
              : sc_package_ask ((const char *const *)argv->pdata, out_text, cancellable, error);
}

/* Of a file, whatever the database: rpm wants the one of this system then. */
static gboolean
ask_file (const char *file, const char *const *words, char **out_text, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();

  g_ptr_array_add (argv, (gpointer) "rpm");
  g_ptr_array_add (argv, (gpointer) "--query");
  g_ptr_array_add (argv, (gpointer) "--package");
  g_ptr_array_add (argv, (gpointer) "--nosignature");
  for (; *words != NULL; words++)
    g_ptr_array_add (argv, (gpointer)*words);
  g_ptr_array_add (argv, (gpointer)file);
  g_ptr_array_add (argv, NULL);
  return sc_package_ask ((const char *const *)argv->pdata, out_text, cancellable, error);
}

static ScPackageFile *
rpm_describe (const ScContext *ctx, const char *file, GCancellable *cancellable, GError **error)
{
  const char *words[] = { "--queryformat", "%{NAME}\\t%{VERSION}-%{RELEASE}\\t%{ARCH}\\n", NULL };
  g_autofree char *text = NULL;
  ScPackageFile *package;

  if (!ask_file (file, words, &text, cancellable, error))
    return NULL;
  package = sc_package_from_line (text, error);
  if (package != NULL)
    package->id = g_strdup_printf ("%s-%s", package->name, package->version);
  return package;
}

/* There may be several versions, of which one was about to go: that is broken too. */
static gboolean
rpm_find (const ScContext *ctx, const char *name, ScPackageState *out_state, char **out_version,
          GCancellable *cancellable, GError **error)
{
  const char *words[] = { "--query", "--all", "--queryformat", "%{NAME}\\t%{VERSION}-%{RELEASE}\\n", name, NULL };
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  const char *version = NULL;
  guint n = 0;

  if (!run_rpm (ctx, FALSE, words, &text, cancellable, error))
    return FALSE;
  lines = g_strsplit (g_strchomp (text), "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    if (g_str_has_prefix (*line, name) && (*line)[strlen (name)] == '\t')
      {
        version = *line + strlen (name) + 1;
        n++;
      }
  *out_state = n == 0 ? SC_PACKAGE_ABSENT : n == 1 ? SC_PACKAGE_INSTALLED : SC_PACKAGE_BROKEN;
  *out_version = n == 1 ? g_strdup (version) : NULL;
  return TRUE;
}

/* Lines that are paths. (transfer full) (nullable) */
static char **
paths_of (const char *text)
{
  g_autoptr (GPtrArray) paths = g_ptr_array_new ();
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  for (char **line = lines; *line != NULL; line++)
    if (**line == '/')
      g_ptr_array_add (paths, g_strdup (*line));
  g_ptr_array_add (paths, NULL);
  return (char **)g_ptr_array_steal (paths, NULL);
}

static char **
rpm_contents (const char *file, GCancellable *cancellable, GError **error)
{
  const char *words[] = { "--list", NULL };
  g_autofree char *text = NULL;

  return ask_file (file, words, &text, cancellable, error) ? paths_of (text) : NULL;
}

static char **
rpm_list (const ScContext *ctx, const char *name, GCancellable *cancellable, GError **error)
{
  const char *words[] = { "--query", "--list", name, NULL };
  g_autofree char *text = NULL;

  return run_rpm (ctx, FALSE, words, &text, cancellable, error) ? paths_of (text) : NULL;
}

/* -- dependencies -- */

/* (transfer full): what @file requires that is no matter of rpm's own, nor its own. */
static char **
requirements (const char *file, GCancellable *cancellable, GError **error)
{
  const char *words[] = { "--requires", NULL }, *own[] = { "--provides", NULL };
  g_autofree char *text = NULL, *provides = NULL;
  g_auto (GStrv) lines = NULL, provided = NULL;
  g_autoptr (GPtrArray) all = g_ptr_array_new ();

  if (!ask_file (file, words, &text, cancellable, error) || !ask_file (file, own, &provides, cancellable, error))
    return NULL;
  provided = g_strsplit (provides, "\n", -1);
  lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    if (*g_strstrip (*line) != '\0' && sc_package_is_capability (*line) && !g_str_has_prefix (*line, "rpmlib(")
        && !g_strv_contains ((const char *const *)provided, *line))
      g_ptr_array_add (all, g_strdup (*line));
  g_ptr_array_add (all, NULL);
  return (char **)g_ptr_array_steal (all, NULL);
}

static gboolean
fetch (const char *file, GCancellable *cancellable, GError **error)
{
  g_autofree char *dnf = g_find_program_in_path ("dnf"), *yum = g_find_program_in_path ("yum");
  g_auto (GStrv) required = requirements (file, cancellable, error);
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();

  if (required == NULL)
    return FALSE;
  if (required[0] == NULL || (dnf == NULL && yum == NULL))
    return TRUE;
  g_ptr_array_add (argv, dnf != NULL ? dnf : yum);
  g_ptr_array_add (argv, (gpointer) "--assumeyes");
  g_ptr_array_add (argv, (gpointer) "install");
  for (char **one = required; *one != NULL; one++)
    g_ptr_array_add (argv, *one);
  g_ptr_array_add (argv, NULL);
  return sc_package_run ((const char *const *)argv->pdata, NULL, cancellable, error);
}

/* rpm cannot be told of a package that is gone by then: its files are no conflict. */
static gboolean
rpm_prepare (const ScContext *ctx, const char *file, const ScPackagePlan *plan, GCancellable *cancellable,
             GError **error)
{
  const char *words[] = { "--upgrade",
                          "--test",
                          "--oldpackage",
                          "--replacepkgs",
                          "--nosignature",
                          plan->replaces != NULL ? "--replacefiles" : "--replacepkgs",
                          "--",
                          file,
                          NULL };
  g_autoptr (GError) local = NULL;

  if (run_rpm (ctx, TRUE, words, NULL, cancellable, &local))
    return TRUE;
  if (!plan->fetch || ctx->root != NULL || !g_error_matches (local, SC_ERROR, SC_ERROR_FAILED))
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  return fetch (file, cancellable, error) && run_rpm (ctx, TRUE, words, NULL, cancellable, error);
}

/* -- changing -- */

static gboolean
rpm_install (const ScContext *ctx, const char *file, ScPackageMode mode, GCancellable *cancellable, GError **error)
{
  const char *words[] = { "--upgrade", "--oldpackage", "--replacepkgs", "--nosignature", "--", file, NULL };
  const char *forced[] = {
    "--upgrade", "--oldpackage", "--replacepkgs", "--nosignature", "--nodeps", "--", file, NULL
  };

  return run_rpm (ctx, TRUE, mode == SC_PACKAGE_CAREFULLY ? words : forced, NULL, cancellable, error);
}

static gboolean
rpm_can_remove (const ScContext *ctx, const char *name, GCancellable *cancellable, GError **error)
{
  const char *words[] = { "--erase", "--test", "--allmatches", "--", name, NULL };

  return run_rpm (ctx, TRUE, words, NULL, cancellable, error);
}

/* rpm keeps changed configuration as FILE.rpmsave, and says so. */
static char *
find_saved (const char *text)
{
  const char *at = strstr (text, " saved as "), *end;

  if (at == NULL)
    return NULL;
  at += strlen (" saved as ");
  end = strchrnul (at, '\n');
  return g_strndup (at, (gsize)(end - at));
}

/* What could not be removed rpm forgets, and ends well: "warning: file NAME: remove failed: REASON".  That is said of
 * what is not there any more too, and of directories, which are no loss. */
static gboolean
check_removed (const char *text, GError **error)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  for (char **line = lines; *line != NULL; line++)
    if (strstr (*line, ": remove failed: ") != NULL && !g_str_has_suffix (*line, ": No such file or directory")
        && !g_str_has_prefix (*line, "warning: directory "))
      return sc_fail (error, SC_ERROR_FAILED, "%s", *line);
  return TRUE;
}

static gboolean
rpm_remove (const ScContext *ctx, const char *name, char **out_kept, GCancellable *cancellable, GError **error)
{
  const char *words[] = { "--erase", "--allmatches", "--nodeps", "--", name, NULL };
  g_autofree char *text = NULL;

  if (!run_rpm (ctx, TRUE, words, &text, cancellable, error))
    return FALSE;
  *out_kept = find_saved (text);
  return check_removed (text, error);
}

/* Files are written as "FILE;" and eight hexadecimal digits. */
static gboolean
is_temp (const char *entry, const char *base)
{
  gsize length = strlen (base);

  return strncmp (entry, base, length) == 0 && entry[length] == ';' && strlen (entry) == length + 1 + TEMP_DIGITS
         && strspn (entry + length + 1, "0123456789abcdef") == TEMP_DIGITS;
}

/* Only files and links, and only in the root: the path is a package's. */
static gboolean
clean_one (int root, const char *path, GError **error)
{
  g_autofree char *dir = g_path_get_dirname (path), *base = g_path_get_basename (path);
  SC_AUTOFD int dfd = sc_fs_open_in_root (root, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, NULL);
  g_auto (GStrv) entries = dfd >= 0 ? sc_fs_list_dir_at (dfd, ".", error) : NULL;
  struct stat st;

  if (dfd < 0)
    return TRUE;
  for (guint i = 0; entries != NULL && entries[i] != NULL; i++)
    if (is_temp (entries[i], base) && fstatat (dfd, entries[i], &st, AT_SYMLINK_NOFOLLOW) == 0
        && (S_ISREG (st.st_mode) || S_ISLNK (st.st_mode)) && unlinkat (dfd, entries[i], 0) != 0 && errno != ENOENT)
      return sc_fail_errno (error, errno, "%s/%s", dir, entries[i]);
  return entries != NULL || sc_prefix (error, "%s", path);
}

static gboolean
rpm_clean (const ScContext *ctx, const char *file, GError **error)
{
  g_auto (GStrv) paths = NULL;
  SC_AUTOFD int root = open (ctx->root != NULL ? ctx->root : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (root < 0)
    return sc_fail_errno (error, errno, "%s", ctx->root != NULL ? ctx->root : "/");
  paths = rpm_contents (file, NULL, error);
  if (paths == NULL)
    return FALSE;
  for (char **path = paths; *path != NULL; path++)
    if (!clean_one (root, *path, error))
      return FALSE;
  return TRUE;
}

const ScPackageManager sc_package_rpm = {
  .name = "rpm",
  .suffix = "rpm",
  .image_file = "exports/container.rpm",
  .builder = "rpmbuild",
  .comes_with = "Debian's package rpm, Fedora's rpm-build",
  .describe = rpm_describe,
  .contents = rpm_contents,
  .find = rpm_find,
  .list = rpm_list,
  .prepare = rpm_prepare,
  .install = rpm_install,
  .can_remove = rpm_can_remove,
  .remove = rpm_remove,
  .clean = rpm_clean,
};
