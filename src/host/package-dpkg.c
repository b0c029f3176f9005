/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packages of Debian.  dpkg repairs what it was stopped at when it is given the same package once more, and it flushes
 * what it writes.  Configuration that somebody changed is kept, as dpkg does it unasked.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "fs.h"
#include "package-private.h"

#define LOCK_WAIT (60 * G_USEC_PER_SEC) /* for another dpkg that began between our look and our turn */
#define LOCK_POLL (G_USEC_PER_SEC / 5)
#define FORCED    "--force-bad-path,downgrade,confold,confdef,remove-reinstreq"

static char *
root_option (const ScContext *ctx)
{
  return ctx->root != NULL ? g_strconcat ("--root=", ctx->root, NULL) : NULL;
}

/* The log of another root is not this system's. */
static char *
log_option (const ScContext *ctx)
{
  g_autofree char *dir = sc_context_path (ctx, "/var/log");

  if (ctx->root == NULL)
    return NULL;
  return g_file_test (dir, G_FILE_TEST_IS_DIR) ? g_strdup_printf ("--log=%s/dpkg.log", dir)
                                               : g_strdup ("--log=/dev/null");
}

static gboolean
run_dpkg (const ScContext *ctx, const char *const *words, char **out_text, GCancellable *cancellable, GError **error)
{
  g_autofree char *root = root_option (ctx), *log = log_option (ctx);
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();

  g_ptr_array_add (argv, (gpointer) "dpkg");
  g_ptr_array_add (argv, (gpointer)FORCED);
  if (root != NULL)
    g_ptr_array_add (argv, root);
  if (log != NULL)
    g_ptr_array_add (argv, log);
  for (; *words != NULL; words++)
    g_ptr_array_add (argv, (gpointer)*words);
  g_ptr_array_add (argv, NULL);
  return sc_package_run ((const char *const *)argv->pdata, out_text, cancellable, error);
}

static gboolean
dpkg_is_busy (const ScContext *ctx)
{
  static const char *const locks[] = { "/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock" };

  for (guint i = 0; i < G_N_ELEMENTS (locks); i++)
    {
      g_autofree char *path = sc_context_path (ctx, locks[i]);
      SC_AUTOFD int fd = open (path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
      struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

      if (fd >= 0 && fcntl (fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK)
        return TRUE;
    }
  return FALSE;
}

/* As run_dpkg(), when it is our turn: two of us may have looked at once. */
static gboolean
change_dpkg (const ScContext *ctx, const char *const *words, GCancellable *cancellable, GError **error)
{
  gint64 limit = g_get_monotonic_time () + LOCK_WAIT;

  for (;;)
    {
      g_autoptr (GError) local = NULL;

      if (run_dpkg (ctx, words, NULL, cancellable, &local))
        return TRUE;
      if (strstr (local->message, "locked by another process") == NULL || g_get_monotonic_time () > limit)
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
      g_usleep (LOCK_POLL);
    }
}

static ScPackageFile *
dpkg_describe (const ScContext *ctx, const char *file, GCancellable *cancellable, GError **error)
{
  const char *argv[] = { "dpkg-deb", "--show", "--showformat=${Package}\\t${Version}\\t${Architecture}\\n",
                         "--",       file,     NULL };
  g_autofree char *text = NULL;
  ScPackageFile *package;

  if (!sc_package_ask (argv, &text, cancellable, error))
    return NULL;
  package = sc_package_from_line (text, error);
  if (package != NULL)
    package->id = g_strdup (package->name);
  return package;
}

/* "./usr/share/x", directories with a slash at the end.  A package has at least "./". */
static char **
dpkg_contents (const char *file, GCancellable *cancellable, GError **error)
{
  const char *argv[] = { "sh", "-c", "dpkg-deb --fsys-tarfile \"$0\" | tar --list --quoting-style=literal", file,
                         NULL };
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  if (!sc_package_ask (argv, &text, cancellable, error))
    return NULL;
  if (*text == '\0')
    return sc_fail_null (error, SC_ERROR_INVALID, "nobody knows what is in it");
  lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    {
      if (g_str_has_suffix (*line, "/"))
        (*line)[strlen (*line) - 1] = '\0';
      if (g_str_has_prefix (*line, "./"))
        g_ptr_array_add (paths, g_strdup (*line + 1));
    }
  g_ptr_array_add (paths, NULL);
  return (char **)g_ptr_array_steal (paths, NULL);
}

/* The state in dpkg's letters: what is wanted, what is, and R for "must be installed again".  Configuration alone is
 * left if that was wanted, or in the middle of a purge. */
static ScPackageState
read_state (const char *letters)
{
  if (strlen (letters) < 3)
    return SC_PACKAGE_ABSENT;
  if (letters[2] != 'R' && (letters[1] == 'n' || (letters[1] == 'c' && letters[0] != 'p')))
    return SC_PACKAGE_ABSENT;
  return letters[1] == 'i' && letters[2] == ' ' ? SC_PACKAGE_INSTALLED : SC_PACKAGE_BROKEN;
}

/* @out_letters: (out) (transfer full) (nullable): NULL if dpkg does not know it. */
static gboolean
ask_state (const ScContext *ctx, const char *name, char **out_letters, char **out_version, GCancellable *cancellable,
           GError **error)
{
  g_autofree char *path = sc_context_path (ctx, "/var/lib/dpkg"), *admin = g_strconcat ("--admindir=", path, NULL),
                  *text = NULL;
  const char *argv[] = { "dpkg-query", admin, "--show", "--showformat=${Package}\\t${db:Status-Abbrev}\\t${Version}\\n",
                         NULL };
  g_auto (GStrv) lines = NULL;

  *out_letters = *out_version = NULL;
  /* Asked for all: no packages by that name is a failure otherwise. */
  if (!sc_package_ask (argv, &text, cancellable, error))
    return FALSE;
  lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    {
      g_auto (GStrv) fields = g_strsplit (*line, "\t", -1);

      if (g_strv_length (fields) != 3 || strcmp (fields[0], name) != 0)
        continue;
      *out_letters = g_strdup (fields[1]);
      *out_version = g_strdup (fields[2]);
      break;
    }
  return TRUE;
}

static gboolean
dpkg_find (const ScContext *ctx, const char *name, ScPackageState *out_state, char **out_version,
           GCancellable *cancellable, GError **error)
{
  g_autofree char *letters = NULL;

  if (!ask_state (ctx, name, &letters, out_version, cancellable, error))
    return FALSE;
  *out_state = letters != NULL ? read_state (letters) : SC_PACKAGE_ABSENT;
  if (*out_state != SC_PACKAGE_INSTALLED)
    g_clear_pointer (out_version, g_free);
  return TRUE;
}

static char **
dpkg_list (const ScContext *ctx, const char *name, GCancellable *cancellable, GError **error)
{
  g_autofree char *path = sc_context_path (ctx, "/var/lib/dpkg"), *admin = g_strconcat ("--admindir=", path, NULL),
                  *text = NULL;
  const char *argv[] = { "dpkg-query", admin, "--listfiles", name, NULL };

  return sc_package_ask (argv, &text, cancellable, error) ? g_strsplit (g_strchomp (text), "\n", -1) : NULL;
}

/* -- dependencies -- */

static gboolean
fetch (const char *apt, const char *relations, GCancellable *cancellable, GError **error)
{
  g_auto (GStrv) lines = g_strsplit (relations, "\n", -1);

  for (char **line = lines; *line != NULL; line++)
    {
      const char *colon = strstr (*line, ": ");
      const char *argv[] = { "env",     "DEBIAN_FRONTEND=noninteractive", apt,
                             "--yes",   "--no-install-recommends",        "--no-remove",
                             "satisfy", colon != NULL ? colon + 2 : "",   NULL };
      g_autoptr (GError) local = NULL;

      if (colon == NULL || sc_package_run (argv, NULL, cancellable, &local))
        continue;
      if (g_error_matches (local, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return g_propagate_error (error, g_steal_pointer (&local)), FALSE;
      g_debug ("%s", local->message);
    }
  return TRUE;
}

/* A copy of what dpkg knows, in which @file is unpacked already. */
static gboolean
write_copy (const ScContext *ctx, const char *file, const char *copy, GCancellable *cancellable, GError **error)
{
  static const char *const dirs[] = { "info", "triggers", "updates" };
  const char *ask[] = { "dpkg-deb", "--field", file, NULL };
  g_autofree char *status = sc_context_path (ctx, "/var/lib/dpkg/status"),
                  *updates = sc_context_path (ctx, "/var/lib/dpkg/updates"),
                  *arch = sc_context_path (ctx, "/var/lib/dpkg/arch"), *control = NULL, *stanza = NULL,
                  *update = g_build_filename (copy, "updates", "9999", NULL);
  gboolean any = g_file_test (arch, G_FILE_TEST_EXISTS);
  const char *cp[] = { "cp", "-RL", "-t", copy, "--", status, updates, any ? arch : NULL, NULL };

  if (!sc_package_ask (ask, &control, cancellable, error) || !sc_package_run (cp, NULL, cancellable, error))
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (dirs); i++)
    {
      g_autofree char *dir = g_build_filename (copy, dirs[i], NULL);

      if (!sc_fs_mkdir_p_at (AT_FDCWD, dir, 0700, error))
        return FALSE;
    }
  stanza = g_strconcat ("Status: install ok unpacked\n", control, NULL);
  return sc_fs_write_file_at (AT_FDCWD, update, stanza, strlen (stanza), 0600, error);
}

/* dpkg looks for dependencies only after it has unpacked: it is asked whether it would configure the package then. */
static gboolean
check_depends (const ScContext *ctx, const char *file, GCancellable *cancellable, GError **error)
{
  g_autoptr (ScPackageFile) package = dpkg_describe (ctx, file, cancellable, error);
  g_autofree char *copy = package != NULL ? g_dir_make_tmp ("atomic-dpkg-XXXXXX", error) : NULL,
                  *admin = copy != NULL ? g_strconcat ("--admindir=", copy, NULL) : NULL;
  g_autoptr (GError) ignored = NULL;
  gboolean ok;

  if (copy == NULL)
    return FALSE;
  const char *argv[] = { "dpkg", admin, "--log=/dev/null", "--dry-run", "--configure", package->name, NULL };
  ok = write_copy (ctx, file, copy, cancellable, error) && sc_package_run (argv, NULL, cancellable, error);
  if (!sc_fs_remove_tree_at (AT_FDCWD, copy, &ignored))
    g_debug ("%s", ignored->message);
  return ok;
}

static gboolean
dpkg_prepare (const ScContext *ctx, const char *file, const ScPackagePlan *plan, GCancellable *cancellable,
              GError **error)
{
  const char *ask[] = { "dpkg-deb", "--field", file, "Pre-Depends", "Depends", NULL };
  g_autofree char *apt = g_find_program_in_path ("apt-get"), *text = NULL;

  if (!sc_package_ask (ask, &text, cancellable, error))
    return FALSE;
  if (*g_strstrip (text) == '\0')
    return TRUE;
  if (plan->fetch && ctx->root == NULL && apt != NULL && !fetch (apt, text, cancellable, error))
    return FALSE;
  return check_depends (ctx, file, cancellable, error);
}

/* -- changing -- */

/* dpkg notes that it begins before it writes a file.  What was stopped while it unpacked does so once more, so that it
 * knows all its files; its scripts that may need others do not run for that. */
static gboolean
complete (const ScContext *ctx, const char *file, GCancellable *cancellable, GError **error)
{
  g_autoptr (ScPackageFile) package = dpkg_describe (ctx, file, cancellable, error);
  g_autofree char *letters = NULL, *version = NULL;
  const char *words[] = { "--unpack", file, NULL };

  if (package == NULL || !ask_state (ctx, package->name, &letters, &version, cancellable, error))
    return FALSE;
  if (letters == NULL || strlen (letters) < 3 || (letters[1] != 'H' && letters[2] != 'R'))
    return TRUE;
  return change_dpkg (ctx, words, cancellable, error);
}

static gboolean
dpkg_install (const ScContext *ctx, const char *file, ScPackageMode mode, GCancellable *cancellable, GError **error)
{
  const char *words[] = { "--install", file, NULL }, *forced[] = { "--force-depends", "--install", file, NULL };

  if (mode == SC_PACKAGE_COMPLETE)
    return complete (ctx, file, cancellable, error);
  return change_dpkg (ctx, mode == SC_PACKAGE_WHATEVER_IS ? forced : words, cancellable, error);
}

static gboolean
dpkg_can_remove (const ScContext *ctx, const char *name, GCancellable *cancellable, GError **error)
{
  const char *words[] = { "--dry-run", "--purge", name, NULL };

  return run_dpkg (ctx, words, NULL, cancellable, error);
}

/* (transfer full) (nullable): a configuration file that is not as it came: "??5?????? c PATH". */
static char *
find_changed (const ScContext *ctx, const char *name, GCancellable *cancellable)
{
  const char *words[] = { "--verify", name, NULL };
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  /* A package that is half there cannot be verified, and is no reason to stop. */
  if (!run_dpkg (ctx, words, &text, cancellable, NULL))
    return NULL;
  lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    if (strlen (*line) > 12 && (*line)[2] == '5' && strncmp (*line + 9, " c ", 3) == 0)
      return g_strdup (*line + 12);
  return NULL;
}

static gboolean
dpkg_remove (const ScContext *ctx, const char *name, char **out_kept, GCancellable *cancellable, GError **error)
{
  g_autofree char *changed = NULL, *letters = NULL, *version = NULL;
  const char *words[] = { "--force-depends", "--purge", name, NULL };

  /* If somebody was stopped in the middle, what he wanted is known. */
  if (!ask_state (ctx, name, &letters, &version, cancellable, error))
    return FALSE;
  if (letters != NULL && letters[0] != 'p' && letters[0] != 'r')
    changed = find_changed (ctx, name, cancellable);
  if (changed != NULL || (letters != NULL && letters[0] == 'r'))
    words[1] = "--remove";
  if (!change_dpkg (ctx, words, cancellable, error))
    return FALSE;
  *out_kept = g_steal_pointer (&changed);
  return TRUE;
}

const ScPackageManager sc_package_dpkg = {
  .name = "dpkg",
  .suffix = "deb",
  .image_file = "exports/container.deb",
  .builder = "dpkg-deb",
  .comes_with = "package dpkg",
  .describe = dpkg_describe,
  .contents = dpkg_contents,
  .is_busy = dpkg_is_busy,
  .find = dpkg_find,
  .list = dpkg_list,
  .prepare = dpkg_prepare,
  .install = dpkg_install,
  .can_remove = dpkg_can_remove,
  .remove = dpkg_remove,
};
